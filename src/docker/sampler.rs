//! Samples what the running containers of a daemon use: once for all who read that, and only while somebody does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::UNIX_EPOCH;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

use super::client::{Docker, DockerError};
use super::stats::Reading;
use crate::protocol::limits::{SAMPLE, SAMPLED};
use crate::protocol::{Sample, millis};

/// How often in a row nothing may come of a container before what it used is no longer told.
const SILENT: u8 = 3;

/// The containers that run: their full ids, and their owners.
pub type Running = BTreeMap<String, Option<String>>;

/// What all of them use at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampled {
    /// When, in milliseconds since the epoch by the clock of this host.
    pub at: u64,
    /// By full id: the owner, and what it uses.
    pub containers: BTreeMap<String, (Option<String>, Sample)>,
    /// Those that run and are not sampled, because there are too many.
    pub left_out: Running,
}

/// A handle to what the containers of a daemon use.
pub struct Sampler {
    source: Source,
    /// What samples as long as somebody reads.
    current: Mutex<Weak<Sampling>>,
}

#[derive(Clone)]
struct Source {
    docker: Docker,
    running: Arc<dyn Fn() -> Running + Send + Sync>,
}

struct Sampling {
    told: watch::Receiver<Arc<Sampled>>,
    _stop: DropGuard,
}

/// One reader of it.
pub struct Samples {
    told: watch::Receiver<Arc<Sampled>>,
    _sampling: Arc<Sampling>,
}

impl Sampler {
    /// Samples the containers of which `running` says that they run. Nothing is asked of the daemon yet.
    pub fn new(docker: Docker, running: impl Fn() -> Running + Send + Sync + 'static) -> Self {
        Self { source: Source { docker, running: Arc::new(running) }, current: Mutex::default() }
    }

    /// What they use from now on.
    pub fn samples(&self) -> Samples {
        let mut current = self.current.lock().expect("never held across a panic");
        let sampling = current.upgrade().unwrap_or_else(|| {
            let sampling = Arc::new(self.source.begin());
            *current = Arc::downgrade(&sampling);
            sampling
        });
        Samples { told: sampling.told.clone(), _sampling: sampling }
    }
}

impl Samples {
    /// What they use next: the last that is known, at first. None when it is not told any more.
    pub async fn next(&mut self) -> Option<Arc<Sampled>> {
        self.told.changed().await.ok()?;
        Some(Arc::clone(&self.told.borrow_and_update()))
    }
}

impl Source {
    fn begin(&self) -> Sampling {
        let (tell, told) = watch::channel(Arc::default());
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(self.clone().run(tell)));
        Sampling { told, _stop: stop.drop_guard() }
    }

    async fn run(self, tell: watch::Sender<Arc<Sampled>>) {
        let mut watched = BTreeMap::new();
        let mut ticks = interval_at(Instant::now() + SAMPLE, SAMPLE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.look(&mut watched);
        loop {
            ticks.tick().await;
            tell.send_replace(Arc::new(self.sample(&mut watched)));
        }
    }

    /// What all use now that are watched, and who is not.
    fn sample(&self, watched: &mut BTreeMap<String, Watched>) -> Sampled {
        let at = millis(UNIX_EPOCH.elapsed().unwrap_or_default());
        let (mut containers, mut left_out) = (BTreeMap::new(), self.look(watched));
        for (id, watched) in watched {
            if let (Some(owner), Some(sample)) = (left_out.remove(id), watched.sample()) {
                containers.insert(id.clone(), (owner, sample));
            }
        }
        Sampled { at, containers, left_out }
    }

    /// Watches what runs now, and no longer what does not. Returns all that runs.
    fn look(&self, watched: &mut BTreeMap<String, Watched>) -> Running {
        let running = (self.running)();
        watched.retain(|id, watched| running.contains_key(id) && watched.is_open());
        for id in running.keys() {
            if watched.len() < SAMPLED && !watched.contains_key(id) {
                watched.insert(id.clone(), Watched::begin(self.docker.clone(), id.clone()));
            }
        }
        running
    }
}

/// A container that the daemon is asked about.
struct Watched {
    /// What came first and last.
    came: watch::Receiver<Option<(Reading, Reading)>>,
    /// Up to where it is told what it has used.
    told: Option<Reading>,
    /// What was told last.
    last: Option<Sample>,
    /// How often nothing has come since.
    silent: u8,
    _asking: AbortOnDropHandle<()>,
}

impl Watched {
    fn begin(docker: Docker, id: String) -> Self {
        let (put, came) = watch::channel(None);
        let asking = tokio::spawn(async move {
            if let Err(error) = ask(&docker, &id, put).await {
                tracing::debug!(container = %id, %error, "what it uses is not known");
            }
        });
        Self { came, told: None, last: None, silent: 0, _asking: AbortOnDropHandle::new(asking) }
    }

    /// Whether the daemon still tells.
    fn is_open(&self) -> bool {
        self.came.has_changed().is_ok()
    }

    /// What it has used since it was last asked; none where that is not known, or not known any more.
    fn sample(&mut self) -> Option<Sample> {
        let (first, now) = self.came.borrow().clone()?;
        let sample = now.since(self.told.as_ref().unwrap_or(&first));
        self.told = Some(now);
        self.silent = if sample.is_some() { 0 } else { self.silent.saturating_add(1) };
        if sample.is_some() || self.silent >= SILENT {
            self.last = sample;
        }
        self.last.clone()
    }
}

/// Keeps the first and the last of what the daemon tells of a container.
async fn ask(docker: &Docker, id: &str, put: watch::Sender<Option<(Reading, Reading)>>) -> Result<(), DockerError> {
    let mut stats = docker.stats(id).await?;
    let mut first = None;
    while let Some(reading) = stats.next().await? {
        if reading.at.is_some() {
            let first = first.get_or_insert_with(|| reading.clone()).clone();
            put.send_replace(Some((first, reading)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::DockerOptions;

    #[tokio::test]
    async fn more_than_are_sampled_are_left_out_and_those_that_are_stay() {
        let docker = Docker::new(&DockerOptions::new("unix:///nonexistent/docker.sock")).unwrap();
        let running = Arc::<Mutex<Running>>::default();
        let runs = Arc::clone(&running);
        let sampler = Sampler::new(docker, move || runs.lock().unwrap().clone());
        let ids = |range: std::ops::Range<usize>| range.map(|n| (format!("{n:04}"), None));
        running.lock().unwrap().extend(ids(100..100 + SAMPLED));
        let mut watched = BTreeMap::new();
        assert_eq!(sampler.source.sample(&mut watched).left_out, Running::new());
        running.lock().unwrap().extend(ids(0..3));
        assert_eq!(sampler.source.sample(&mut watched).left_out, ids(0..3).collect());
        running.lock().unwrap().remove("0100");
        let left_out = sampler.source.sample(&mut watched).left_out;
        assert_eq!((watched.len(), left_out), (SAMPLED, ids(1..3).collect()));
    }
}
