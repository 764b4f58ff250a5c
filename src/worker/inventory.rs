//! What the dock has: read from the daemon, kept in memory for lookups, and written to the shared records.

mod owners;
mod running;
mod usage;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::resources::{ResourceTasks, Resources};
use crate::bus::{Backoff, Bus, Location, meant};
use crate::docker::{DaemonEvent, Docker, DockerError, EngineFacts, epoch_seconds};
use crate::protocol::limits::{DAEMON_PING, RECONCILE};
use crate::protocol::{DaemonState, DockFacts, Fqdn, Ownership, Resource, Summary};

/// How long the daemon may take to tell what it has.
pub(super) const LISTING: Duration = Duration::from_secs(30);

/// How long a request waits for the records to show its effect.
const SHOWN: Duration = Duration::from_secs(2);

/// Changes that wait to be looked at; a daemon that does more at once is reconciled as a whole.
const WAITING: usize = 256;

/// How soon a container is looked at again whose process has ended, while the daemon still lists it as running: at first,
/// twice as late each time, and at last.
const LISTED: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));

/// Containers that are read again in one listing.
const TOGETHER: usize = 64;

/// A handle to what the dock has: cheap to clone.
#[derive(Clone)]
pub(super) struct Inventory {
    dock: Fqdn,
    known: Arc<RwLock<Known>>,
    daemon: watch::Receiver<DaemonState>,
    asks: mpsc::Sender<Ask>,
    resources: Resources,
}

#[derive(Default)]
struct Known {
    instances: BTreeMap<String, Summary>,
    /// What was said about whose they are, kept for when Redis forgets it.
    ownership: BTreeMap<String, Ownership>,
    engine: EngineFacts,
    api_version: Option<String>,
}

impl Known {
    /// Keeps the times of what has not changed, which an earlier look may have told more exactly.
    fn keep_times(&self, seen: &mut [Summary]) {
        let now = epoch_seconds();
        for summary in seen {
            if let Some(known) = self.instances.get(&summary.id) {
                summary.keep_time(known, now);
            }
        }
    }
}

enum Ask {
    /// Look at one container now, and say when the records show it.
    Refresh(String, oneshot::Sender<()>),
    /// Compare everything.
    Reconcile,
}

/// What is to be read again.
#[derive(Default)]
struct News {
    changed: BTreeSet<String>,
    gone: Vec<String>,
    /// Who waits until the records show it.
    waiting: Vec<oneshot::Sender<()>>,
}

/// The one task that follows the daemon and writes the records of its containers.
pub(super) struct InventoryTask {
    dock: Fqdn,
    bus: Bus,
    docker: Docker,
    known: Arc<RwLock<Known>>,
    daemon: watch::Sender<DaemonState>,
    asks: mpsc::Receiver<Ask>,
    resources: Resources,
    /// Whether what users use is counted.
    counts: bool,
    /// Whether the records may differ from the daemon, because Redis was away.
    behind: bool,
    /// Containers whose process has ended: when to look at each again, and the pause before that.
    ended: BTreeMap<String, (Instant, Duration)>,
}

impl Inventory {
    pub(super) fn new(dock: Fqdn, bus: Bus, docker: Docker, counts: bool) -> (Self, InventoryTask, ResourceTasks) {
        let known = Arc::<RwLock<Known>>::default();
        let (daemon_writer, daemon) = watch::channel(DaemonState::Down);
        let (asks, asked) = mpsc::channel(WAITING);
        let (resources, resource_tasks) = Resources::new(&dock, &bus, &docker, &daemon);
        let task = InventoryTask {
            dock: dock.clone(),
            bus,
            docker,
            known: Arc::clone(&known),
            daemon: daemon_writer,
            asks: asked,
            resources: resources.clone(),
            counts,
            behind: false,
            ended: BTreeMap::new(),
        };
        (Self { dock, known, daemon, asks, resources }, task, resource_tasks)
    }

    /// Returns once the daemon has answered for the first time.
    pub(super) async fn first_contact(&self) {
        let _ = self.daemon.clone().wait_for(|state| *state == DaemonState::Up).await;
    }

    /// Whether the daemon answers.
    pub(super) fn is_up(&self) -> bool {
        *self.daemon.borrow() == DaemonState::Up
    }

    /// Has everything compared soon.
    pub(super) fn reconcile(&self) {
        // A full queue ends in a reconcile anyway.
        let _ = self.asks.try_send(Ask::Reconcile);
    }

    /// Has one container looked at, and waits a little for the records to show it.
    pub(super) async fn refresh(&self, id: &str) {
        let (done, shown) = oneshot::channel();
        if self.asks.try_send(Ask::Refresh(id.to_owned(), done)).is_ok() {
            let _ = tokio::time::timeout(SHOWN, shown).await;
        }
    }

    /// Has all of one kind looked at, and waits a little for the records to show it.
    pub(super) async fn refresh_all(&self, kind: Resource) {
        let _ = tokio::time::timeout(SHOWN, self.resources.refresh(kind)).await;
    }

    /// What the heartbeat tells.
    pub(super) fn facts(&self) -> DockFacts {
        let known = self.known.read().expect("never held across a panic");
        DockFacts {
            daemon: *self.daemon.borrow(),
            engine_version: known.engine.version.clone(),
            api_version: known.api_version.clone(),
            operating_system: known.engine.operating_system.clone(),
            cpus: known.engine.cpus,
            memory: known.engine.memory,
            containers: known.instances.len(),
            running: known.instances.values().filter(|summary| summary.state == "running").count(),
            labels: BTreeMap::new(),
            enforces: false,
            worker_version: env!("CARGO_PKG_VERSION").to_owned(),
            usage: None,
        }
    }

    /// The folder that the daemon keeps its data in, as far as it has told.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        self.known.read().expect("never held across a panic").engine.folder.clone()
    }

    /// The containers of this dock that `reference` may mean, as [`meant`] has it.
    pub(super) fn find(&self, reference: &str) -> Vec<Location> {
        let known = self.known.read().expect("never held across a panic");
        let location = |summary: &Summary| Location {
            dock: self.dock.clone(),
            name: summary.name.clone(),
            id: summary.id.clone(),
        };
        let named = known.instances.values().find(|summary| summary.name == reference);
        let from = known.instances.range(reference.to_owned()..);
        let ids = from.take_while(|(id, _)| id.starts_with(reference)).map(|(_, summary)| location(summary));
        meant(reference, named.map(location).into_iter().collect(), ids.collect())
    }

    /// The containers that a request made.
    pub(super) fn made_by(&self, request: &str) -> Vec<Summary> {
        let known = self.known.read().expect("never held across a panic");
        known.instances.values().filter(|summary| summary.request_id.as_deref() == Some(request)).cloned().collect()
    }

    /// The container with this full id, and what was said about whose it is.
    pub(super) fn instance(&self, id: &str) -> Option<(Summary, Option<Ownership>)> {
        let known = self.known.read().expect("never held across a panic");
        Some((known.instances.get(id)?.clone(), known.ownership.get(id).cloned()))
    }

    /// The request that made the container with this full id, if one did.
    pub(super) fn maker(&self, id: &str) -> Option<String> {
        self.known.read().expect("never held across a panic").instances.get(id)?.request_id.clone()
    }
}

impl InventoryTask {
    /// Follows the daemon for ever, whether it is there or not.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::default();
        let mut away: Option<Instant> = None;
        loop {
            let error = match self.open().await {
                Ok(events) => {
                    match away.take() {
                        Some(since) => self.docker.is_back(since.elapsed()),
                        None => tracing::info!(api = self.api_version().as_deref(), "Docker is there"),
                    }
                    self.daemon.send_replace(DaemonState::Up);
                    backoff = Backoff::default();
                    self.follow(events).await
                }
                Err(error) => error,
            };
            self.daemon.send_replace(DaemonState::Down);
            self.docker.forget_version();
            if away.is_none() {
                tracing::warn!(%error, "Docker is away; trying again until it is back");
                away = Some(Instant::now());
            }
            // Nobody can look now: those who wait are let go.
            while self.asks.try_recv().is_ok() {}
            backoff.pause().await;
        }
    }

    /// Reaches the daemon and reads everything it has. The events are those from before that, so that nothing falls
    /// between.
    async fn open(
        &mut self,
    ) -> Result<impl futures_util::Stream<Item = Result<DaemonEvent, DockerError>> + use<>, DockerError> {
        let docker = self.docker.clone();
        let opening = async {
            let engine = docker.facts().await?;
            let events = docker.watch(engine.time).await?;
            let version = docker.version().await?;
            Ok((events, engine, version.to_string()))
        };
        let (events, engine, version) = within(LISTING, opening).await?;
        {
            let mut known = self.known.write().expect("never held across a panic");
            known.engine = engine;
            known.api_version = Some(version);
        }
        self.compare().await?;
        Ok(events)
    }

    /// Keeps the records current until the daemon is lost; returns why it was.
    async fn follow(
        &mut self,
        events: impl futures_util::Stream<Item = Result<DaemonEvent, DockerError>>,
    ) -> DockerError {
        let mut events = pin!(events);
        let mut pings = tokio::time::interval_at(Instant::now() + DAEMON_PING, DAEMON_PING);
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        let mut compared = Instant::now();
        loop {
            let mut news = News::default();
            let look = self.ended.values().map(|(at, _)| *at).min();
            let step = tokio::select! {
                event = events.next() => self.hear(&mut news, event),
                Some(ask) = self.asks.recv() => {
                    self.heed(&mut news, ask);
                    Ok(())
                }
                _ = pings.tick() => {
                    if self.docker.is_up().await { Ok(()) } else { Err(DockerError::Down("the daemon does not answer".into())) }
                },
                _ = ticks.tick() => Ok(()),
                () = tokio::time::sleep_until(look.unwrap_or_else(Instant::now)), if look.is_some() => Ok(()),
            };
            self.look_again(&mut news);
            let step = match step {
                Ok(()) => self.take_in(news, events.as_mut()).await,
                lost => lost,
            };
            let due = self.behind || compared.elapsed() >= RECONCILE;
            let step = match step {
                Ok(()) if due => {
                    compared = Instant::now();
                    self.compare().await
                }
                other => other,
            };
            if let Err(error) = step {
                return error;
            }
        }
    }

    /// Makes memory and records agree with the daemon; of images, networks and volumes soon.
    async fn compare(&mut self) -> Result<(), DockerError> {
        self.resources.compare();
        let mut all = within(LISTING, self.docker.containers(None)).await?;
        self.behind = false;
        self.name_owners(&mut all).await;
        {
            let mut known = self.known.write().expect("never held across a panic");
            known.keep_times(&mut all);
            known.instances = all.iter().map(|summary| (summary.id.clone(), summary.clone())).collect();
            let Known { instances, ownership, .. } = &mut *known;
            ownership.retain(|id, _| instances.contains_key(id));
        }
        let written = self.bus.reconcile_instances(&self.dock, &all).await;
        self.note(written);
        self.count(&all).await;
        Ok(())
    }

    /// Notes what an event says.
    fn hear(&mut self, news: &mut News, event: Option<Result<DaemonEvent, DockerError>>) -> Result<(), DockerError> {
        match event {
            Some(Ok(DaemonEvent::Destroyed(id))) => news.gone.push(id),
            Some(Ok(DaemonEvent::Changed(id))) => {
                news.changed.insert(id);
            }
            Some(Ok(DaemonEvent::Died(id))) => {
                self.ended.insert(id.clone(), (Instant::now() + LISTED.0, LISTED.0));
                news.changed.insert(id);
            }
            Some(Ok(DaemonEvent::Resource(kind))) => self.resources.changed(kind),
            Some(Err(error)) => return Err(error),
            None => return Err(DockerError::Down("the daemon closed its stream of events".into())),
        }
        Ok(())
    }

    /// Adds those that have ended and are still listed as running, when it is time for that.
    fn look_again(&mut self, news: &mut News) {
        let known = self.known.read().expect("never held across a panic");
        let now = Instant::now();
        self.ended.retain(|id, (at, pause)| {
            if *at > now {
                return true;
            }
            let runs = known.instances.get(id).is_some_and(|summary| summary.state == "running");
            if runs && *pause <= LISTED.1 {
                news.changed.insert(id.clone());
                *pause *= 2;
                *at = now + *pause;
                return true;
            }
            false
        });
    }

    /// Notes what a request wants to know.
    fn heed(&mut self, news: &mut News, ask: Ask) {
        match ask {
            Ask::Refresh(id, done) => {
                news.changed.insert(id);
                news.waiting.push(done);
            }
            Ask::Reconcile => self.behind = true,
        }
    }

    /// Reads again what has changed, with what is told meanwhile: a burst costs few listings.
    async fn take_in(
        &mut self,
        mut news: News,
        mut events: Pin<&mut impl futures_util::Stream<Item = Result<DaemonEvent, DockerError>>>,
    ) -> Result<(), DockerError> {
        while news.changed.len() < TOGETHER
            && let Ok(ask) = self.asks.try_recv()
        {
            self.heed(&mut news, ask);
        }
        while news.changed.len() < TOGETHER
            && let Some(event) = events.next().now_or_never()
        {
            self.hear(&mut news, event)?;
        }
        let News { changed, mut gone, waiting } = news;
        let mut found = Vec::new();
        if !changed.is_empty() {
            found = within(LISTING, self.docker.containers(Some(&changed))).await?;
            let listed: BTreeSet<&str> = found.iter().map(|summary| summary.id.as_str()).collect();
            gone.extend(changed.iter().filter(|id| !listed.contains(id.as_str())).cloned());
        }
        if !found.is_empty() || !gone.is_empty() {
            self.write(found, gone).await;
        }
        for done in waiting {
            let _ = done.send(());
        }
        Ok(())
    }

    async fn write(&mut self, mut changed: Vec<Summary>, gone: Vec<String>) {
        self.name_owners(&mut changed).await;
        let changed: Vec<Summary> = {
            let mut known = self.known.write().expect("never held across a panic");
            known.keep_times(&mut changed);
            for id in &gone {
                known.instances.remove(id);
                known.ownership.remove(id);
            }
            let news = changed.into_iter().filter(|summary| known.instances.get(&summary.id) != Some(summary));
            let news: Vec<Summary> = news.collect();
            known.instances.extend(news.iter().map(|summary| (summary.id.clone(), summary.clone())));
            news
        };
        let written = self.bus.write_instances(&self.dock, &changed, &gone).await;
        self.note(written);
    }

    fn note(&mut self, written: Result<(), crate::bus::BusError>) {
        if let Err(error) = written {
            tracing::debug!(%error, "the records could not be written");
            self.behind = true;
        }
    }

    fn api_version(&self) -> Option<String> {
        self.known.read().expect("never held across a panic").api_version.clone()
    }
}

pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, DockerError>>,
) -> Result<T, DockerError> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(DockerError::Down(format!("the daemon has not answered within {} s", limit.as_secs()))),
    }
}
