//! What is put to the test: Redis in the network of the lab, and on each host a worker that is started again
//! whenever it ends, as an init system would.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bus::Bus;
use crate::lab::{HOSTS, Lab, signal};
use crate::process::Program;
use crate::redis::{self, Redis};

/// How long anything may take to be up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a worker may take over its end before it is killed; longer than its grace.
const END: Duration = Duration::from_secs(8);

/// What the hosts' clocks are wrong by. Redis and the daemons keep the machine's.
const CLOCKS: [&str; HOSTS] = ["-5h", "+3h", "+0", "+1d", "-90s", "+20s"];

/// The container on each host that `exec-container` writes into.
pub fn log_container(host: usize) -> String {
    format!("log-h{host}")
}

/// The name of the dock beside a host.
pub fn dock(host: usize) -> String {
    format!("h{host}.test")
}

/// All that runs.
pub struct Cluster {
    pub lab: Lab,
    pub bus: Bus,
    /// What they leave: logs, Redis's data, and what the containers of [`log_container`] were told to write.
    pub folder: PathBuf,
    seats: Vec<Arc<Seat>>,
    supervisors: Mutex<JoinSet<()>>,
    stop: CancellationToken,
}

/// The place of one worker after the other.
struct Seat {
    host: usize,
    program: Program,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The process that is there.
    id: Option<u32>,
    /// How long it stays away after its next end, where that is not the usual time.
    away: Option<Duration>,
}

impl Cluster {
    /// Starts everything in a lab without containers, and waits until all docks are up. A worker acts when its note that
    /// it begins has reached so many `replicas`.
    pub async fn start(lab: Lab, folder: &Path, kind: redis::Kind, replicas: usize) -> Result<Arc<Self>> {
        lab.does(&["up", &HOSTS.to_string()]).await?;
        lab.sweep().await?;
        let redis = Redis::new(kind, &lab.address().await?, folder)?;
        redis.start(&lab).await?;
        let seats = (1..=HOSTS).map(|host| Seat::new(&lab, host, &redis, replicas, folder)).map(Arc::new).collect();
        let cluster = Arc::new(Self {
            bus: Bus::new(redis),
            folder: folder.to_owned(),
            seats,
            supervisors: Mutex::default(),
            stop: CancellationToken::new(),
            lab,
        });
        for host in 1..=HOSTS {
            cluster.start_log_container(host).await?;
        }
        for seat in &cluster.seats {
            let (cluster_too, seat) = (Arc::clone(&cluster), Arc::clone(seat));
            let supervisor = async move { seat.keep(&cluster_too.lab, &cluster_too.stop).await };
            cluster.supervisors.lock().expect("never held across a panic").spawn(supervisor);
        }
        cluster.until_up().await?;
        Ok(cluster)
    }

    /// Sends a signal to the worker of a host, once there is one. If it ends of that, it stays away for so long.
    pub async fn signal_worker(&self, host: usize, name: &str, away: Option<Duration>) -> Result<()> {
        let seat = &self.seats[host - 1];
        let id = seat.occupied(None).await?;
        seat.state.lock().expect("never held across a panic").away = away;
        signal(id, name).await
    }

    /// Kills the worker of a host, or tells it to stop; returns when there is another.
    pub async fn replace_worker(&self, host: usize, name: &str, away: Option<Duration>) -> Result<()> {
        let seat = &self.seats[host - 1];
        let before = seat.occupied(None).await?;
        self.signal_worker(host, name, away).await?;
        seat.occupied(Some(before)).await?;
        Ok(())
    }

    /// Waits until all docks are up, with their daemons.
    pub async fn until_up(&self) -> Result<()> {
        let up = async {
            loop {
                let docks = self.bus.docks().await?;
                if docks.len() == HOSTS && docks.values().all(crate::records::is_up) {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, up).await {
            Ok(up) => up,
            Err(_) => bail!("not all docks are up after {PATIENCE:?}: {:?}", self.bus.docks().await?),
        }
    }

    /// Ends all processes, makes the lab well again and leaves no container there.
    pub async fn end(&self) -> Result<()> {
        self.stop.cancel();
        let supervisors = std::mem::take(&mut *self.supervisors.lock().expect("never held across a panic"));
        supervisors.join_all().await;
        self.bus.redis.end().await?;
        self.lab.does(&["up", &HOSTS.to_string()]).await?;
        self.lab.sweep().await
    }

    async fn start_log_container(&self, host: usize) -> Result<()> {
        let lines = self.log_folder(host);
        std::fs::create_dir(&lines)?;
        let volume = format!("{}:/log", lines.display());
        let name = log_container(host);
        let run = ["run", "-d", "--name", &name, "--restart", "always", "--volume", &volume];
        self.lab.docker(host, &[&run[..], &["busybox", "sleep", "1000000"]].concat()).await?;
        Ok(())
    }

    /// The folder that is `/log` in the container of [`log_container`].
    pub fn log_folder(&self, host: usize) -> PathBuf {
        self.folder.join(log_container(host))
    }
}

impl Seat {
    fn new(lab: &Lab, host: usize, redis: &Redis, replicas: usize, folder: &Path) -> Self {
        let mut words = vec!["env".to_owned()];
        words.extend(wrong_clock(CLOCKS[host - 1]));
        words.push(format!("REDIS_URL={}", redis.url()));
        words.push(format!("DEBLOX_NAMESPACE={}", redis.kind.namespace()));
        words.push(format!("DEBLOX_REDIS_REPLICAS={replicas}"));
        words.push(format!("DOCKER_HOST={}", lab.docker_host(host)));
        let name = dock(host);
        let program = [env!("CARGO_BIN_EXE_deblox"), "worker", "--hostname", &name, "--grace", "4s"];
        words.extend(program.into_iter().chain(["--log", "deblox=debug", "--log-format", "text"]).map(str::to_owned));
        let place = format!("h{host}");
        let program = Program { name: place.clone(), place, folder: folder.to_owned(), words };
        Self { host, program, state: Mutex::default() }
    }

    /// Has a worker there at all times, but for the pauses between one and the next.
    async fn keep(&self, lab: &Lab, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let mut process = match self.program.start(lab).await {
                Ok(process) => process,
                Err(error) => {
                    eprintln!("chaos: the worker of h{}: {error:#}", self.host);
                    continue;
                }
            };
            let id = process.id();
            self.state.lock().expect("never held across a panic").id = Some(id);
            tokio::select! {
                () = process.ended() => {}
                () = stop.cancelled() => {
                    // Woken first: one that was stopped by a fault would not hear the other signal.
                    for name in ["CONT", "TERM"] {
                        let _ = signal(id, name).await;
                    }
                    if tokio::time::timeout(END, process.ended()).await.is_err() {
                        let _ = process.kill().await;
                    }
                }
            }
            forget_clock(id);
            let away = {
                let mut state = self.state.lock().expect("never held across a panic");
                state.id = None;
                state.away.take().unwrap_or_else(|| Duration::from_millis(fastrand::u64(500..1000)))
            };
            tokio::select! {
                () = tokio::time::sleep(away) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Waits until a process is there that is not `before`.
    async fn occupied(&self, before: Option<u32>) -> Result<u32> {
        let there = async {
            loop {
                let id = self.state.lock().expect("never held across a panic").id;
                match id {
                    Some(id) if Some(id) != before => return id,
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, there).await.with_context(|| format!("h{} has no worker", self.host))
    }
}

/// The library that shows a program another time, where Debian's package `libfaketime` puts it.
fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|library| library.exists())
}

/// Whether the hosts' clocks can be wrong here.
pub fn clocks_are_wrong() -> bool {
    faketime().is_some()
}

/// The environment of a program whose wall clock is wrong by so much; nothing where that cannot be had.
fn wrong_clock(by: &str) -> Vec<String> {
    let Some(library) = faketime().filter(|_| by != "+0") else { return Vec::new() };
    vec![
        format!("LD_PRELOAD={}", library.display()),
        format!("FAKETIME={by}"),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ]
}

/// Removes what the library leaves of a process that was killed.
fn forget_clock(process: u32) {
    for name in ["faketime_shm_", "sem.faketime_sem_"] {
        let _ = std::fs::remove_file(format!("/dev/shm/{name}{process}"));
    }
}
