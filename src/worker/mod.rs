//! The process beside a Docker daemon: takes requests from the bus, does them, keeps the shared records current.

mod audit;
mod authority;
mod extras;
mod handle;
mod heartbeat;
mod host;
mod intake;
mod inventory;
mod job;
mod lanes;
mod refusals;
mod resources;
mod route;
mod scan;
mod spans;
mod stream;
mod watch;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bus::{Bus, BusError, Consumer, RedisOptions};
use crate::docker::{Docker, DockerError, DockerOptions, Sampler};
use crate::metrics::Metrics;
use crate::protocol::limits::{BEAT, STREAMS, WAITING};
use crate::protocol::{AuditBounds, Fqdn, Labels, Standing, millis};
use crate::traces::Traces;
pub use authority::Authority;
use intake::Intake;
use inventory::Inventory;

/// How long a worker waits for its daemon before it takes part without it.
const DAEMON_AT_START: Duration = Duration::from_secs(2);

/// How long the last words to Redis may take.
const GOODBYE: Duration = Duration::from_secs(3);

/// What a worker needs to know.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The bus.
    pub redis: RedisOptions,
    /// The daemon.
    pub docker: DockerOptions,
    /// The dock it speaks for.
    pub dock: Fqdn,
    /// Labels of the dock, which a create can ask for.
    pub labels: Labels,
    /// How many requests it has in hand at most.
    pub concurrency: usize,
    /// How long it waits, when told to stop, for what runs.
    pub grace: Duration,
    /// Whom it serves; everybody who reaches the bus, where nothing is said.
    pub authority: Option<Authority>,
    /// How much of the audit the cluster keeps.
    pub audit: AuditBounds,
    /// What it counts.
    pub metrics: Metrics,
    /// Where its spans go.
    pub traces: Traces,
}

impl WorkerOptions {
    /// Requests in hand where nothing else is said: with answers of the largest size, half a gigabyte.
    pub const CONCURRENCY: usize = 64;
    /// Grace where nothing else is said; below the 30 s after which Kubernetes kills.
    pub const GRACE: Duration = Duration::from_secs(20);

    /// A worker for `dock` with the defaults.
    pub fn new(redis: RedisOptions, docker: DockerOptions, dock: Fqdn) -> Self {
        let (labels, concurrency, grace) = (Labels::new(), Self::CONCURRENCY, Self::GRACE);
        let (metrics, traces) = (Metrics::default(), Traces::default());
        let audit = AuditBounds::default();
        Self { redis, docker, dock, labels, concurrency, grace, authority: None, audit, metrics, traces }
    }
}

/// Why a worker ended other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The Redis options cannot be used.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The Docker options cannot be used.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// Another live worker has the name.
    #[error(
        "another live worker already speaks for the dock `{0}`: stop that one, or give this one a name of its own \
         with --hostname"
    )]
    NameTaken(Fqdn),
    /// Another worker took over while this one was silent.
    #[error("another worker took over the dock `{0}` while this one was silent for longer than its lease")]
    TakenOver(Fqdn),
}

/// What the parts of one worker share.
struct Worker {
    options: WorkerOptions,
    token: String,
    bus: Bus,
    docker: Docker,
    consumer: Consumer,
    inventory: Inventory,
    host: host::Host,
    sampler: Sampler,
    /// What requests have made of the dock, kept for when Redis forgets it: its standing, and labels they set.
    membership: Mutex<(Standing, Labels)>,
    /// Redis's clock in milliseconds, and when it was asked for.
    clock: Mutex<Option<(u64, Instant)>>,
    /// When this worker last found that Redis had lost its data, or had been silent for longer than docks can bear.
    disturbed: Mutex<Option<Instant>>,
    lanes: lanes::Lanes,
    /// Places for requests that work.
    room: Arc<Semaphore>,
    /// Places for requests that only wait.
    waiting: Arc<Semaphore>,
    /// Places for requests that stream.
    streams: Arc<Semaphore>,
    /// Nothing new is begun any more.
    stopping: CancellationToken,
    /// The grace period is over as well: what still runs is dropped, and left to others.
    abandoned: CancellationToken,
}

impl Worker {
    fn dock(&self) -> &Fqdn {
        &self.options.dock
    }

    fn metrics(&self) -> &Metrics {
        &self.options.metrics
    }

    fn standing(&self) -> Standing {
        self.membership.lock().expect("never held across a panic").0
    }

    /// Whether the shared records may be incomplete, or docks look lost that are not: Redis has lost its data or was
    /// silent, and not every dock has had the two beats in which it makes itself known again.
    async fn is_healing(&self) -> Result<bool, BusError> {
        // The next heartbeat will notice the same.
        if !self.bus.is_known(self.dock()).await? {
            return Ok(true);
        }
        let beat = *self.clock.lock().expect("never held across a panic");
        let disturbed = *self.disturbed.lock().expect("never held across a panic");
        let recent = |since: Instant| since.elapsed() < BEAT * 2;
        Ok(disturbed.is_some_and(recent) || !beat.is_some_and(|(_, asked)| recent(asked)))
    }

    /// What Redis's clock shows, in milliseconds, as the last heartbeat told it: never later than it does.
    fn now(&self) -> Option<u64> {
        let (now, asked) = (*self.clock.lock().expect("never held across a panic"))?;
        Some(now + millis(asked.elapsed()))
    }

    /// When `deadline`, in milliseconds of Redis's clock, is on this host's monotonic clock: as the last heartbeat
    /// told the time, and never later than it is. None when it has passed.
    fn until(&self, deadline: u64) -> Option<Instant> {
        let (now, asked) = (*self.clock.lock().expect("never held across a panic"))?;
        let until = asked + Duration::from_millis(deadline.checked_sub(now)?);
        (until > Instant::now()).then_some(until)
    }
}

/// Runs a worker until `shutdown` is cancelled: then it stops reading, finishes what runs, hands back what has not
/// begun and marks its dock stopped. Redis and the daemon may be away at any time.
///
/// # Errors
/// [`WorkerError`] when it cannot begin, or must not go on.
pub async fn run(options: WorkerOptions, shutdown: CancellationToken) -> Result<(), WorkerError> {
    let bus = Bus::measured(&options.redis, options.metrics.clone())?;
    bus.bound_audit(options.audit);
    let docker = Docker::measured(&options.docker, options.metrics.clone())?;
    let token = uuid::Uuid::new_v4().simple().to_string();
    let consumer = Consumer::new(&bus, &options.dock, &token);
    let counts = options.authority.is_some();
    let (inventory, inventory_task, resource_tasks) =
        Inventory::new(options.dock.clone(), bus.clone(), docker.clone(), counts);
    let (grace, concurrency) = (options.grace, options.concurrency);
    let sampler = Sampler::new(docker.clone(), inventory.runs());
    let worker = Arc::new(Worker {
        options,
        token,
        bus,
        docker,
        consumer,
        inventory,
        host: host::Host::default(),
        sampler,
        membership: Mutex::default(),
        clock: Mutex::default(),
        disturbed: Mutex::default(),
        lanes: lanes::Lanes::default(),
        room: Arc::new(Semaphore::new(concurrency)),
        waiting: Arc::new(Semaphore::new(WAITING)),
        streams: Arc::new(Semaphore::new(STREAMS)),
        stopping: shutdown.child_token(),
        abandoned: CancellationToken::new(),
    });

    tokio::select! {
        claimed = heartbeat::claim(&worker) => claimed?,
        () = shutdown.cancelled() => return Ok(()),
    }
    let background = CancellationToken::new();
    // Whoever drops this future must not leave a heart beating, or hands that work.
    let _guards = (background.clone().drop_guard(), worker.abandoned.clone().drop_guard());
    let tasks = TaskTracker::new();
    tasks.spawn(background.clone().run_until_cancelled_owned(inventory_task.run()));
    tasks.spawn(background.clone().run_until_cancelled_owned(resource_tasks.run()));
    // The first heartbeat that others see should say whether the daemon is there.
    let _ = tokio::time::timeout(DAEMON_AT_START, worker.inventory.first_contact()).await;
    let heart = tasks.spawn(background.clone().run_until_cancelled_owned(heartbeat::run(Arc::clone(&worker))));

    tasks.spawn(background.clone().run_until_cancelled_owned(extras::run(Arc::clone(&worker))));
    tasks.spawn(background.clone().run_until_cancelled_owned(watch::run(Arc::clone(&worker))));
    tasks.spawn(background.clone().run_until_cancelled_owned(audit::run(Arc::clone(&worker))));
    if worker.options.docker.is_local() {
        tasks.spawn(background.clone().run_until_cancelled_owned(host::run(Arc::clone(&worker))));
    }

    warn_about_eviction(&worker.bus).await;
    tracing::info!(dock = %worker.dock(), redis = ?worker.options.redis, docker = %worker.options.docker.host, "worker is up");

    let running = TaskTracker::new();
    let intake = Intake::new(Arc::clone(&worker), running.clone());
    tasks.spawn(background.clone().run_until_cancelled_owned(Arc::clone(&intake).hold()));
    let outcome = tokio::select! {
        () = intake.run() => Ok(()),
        taken = heart => match taken {
            Ok(Some(error)) => Err(error),
            _ => Ok(()),
        },
    };
    worker.stopping.cancel();
    running.close();
    if outcome.is_ok() && !running.is_empty() {
        tracing::info!(requests = running.len(), "finishing what runs");
    }
    if tokio::time::timeout(grace, running.wait()).await.is_err() {
        tracing::warn!(requests = running.len(), "the grace period is over; what still runs is left to others");
        worker.abandoned.cancel();
    }
    let goodbye = async {
        let back = worker.consumer.hand_all_back().await?;
        if back > 0 {
            tracing::info!(requests = back, "handed back what had not begun");
        }
        worker.bus.release(worker.dock(), &worker.token).await
    };
    background.cancel();
    match tokio::time::timeout(GOODBYE, goodbye).await {
        Ok(Ok(())) => tracing::info!(dock = %worker.dock(), "worker stopped"),
        _ => tracing::warn!(dock = %worker.dock(), "worker stopped; Redis could not be told"),
    }
    outcome
}

async fn warn_about_eviction(bus: &Bus) {
    if let Some(policy) = bus.eviction_policy().await.filter(|policy| policy != "noeviction") {
        tracing::warn!(
            policy,
            "Redis may throw requests away when its memory is full: set maxmemory-policy to noeviction"
        );
    }
}
