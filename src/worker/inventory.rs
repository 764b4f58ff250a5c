//! What the dock has: read from the daemon, kept in memory for lookups, and written to the shared records.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::resources::{ResourceTasks, Resources};
use crate::bus::{Bus, Location};
use crate::docker::{DaemonEvent, Docker, DockerError, EngineFacts};
use crate::protocol::limits::{CANDIDATES, DAEMON_PING, RECONCILE};
use crate::protocol::{DaemonState, DockFacts, Fqdn, Resource, Summary};

/// How long the daemon may take to tell what it has.
pub(super) const LISTING: Duration = Duration::from_secs(30);

/// How long a request waits for the records to show its effect.
const SHOWN: Duration = Duration::from_secs(2);

/// Changes that wait to be looked at; a daemon that does more at once is reconciled as a whole.
const WAITING: usize = 256;

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
    engine: EngineFacts,
    api_version: Option<String>,
}

enum Ask {
    /// Look at one container now, and say when the records show it.
    Refresh(String, oneshot::Sender<()>),
    /// Compare everything.
    Reconcile,
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
    /// Whether the records may differ from the daemon, because Redis was away.
    behind: bool,
}

impl Inventory {
    pub(super) fn new(dock: Fqdn, bus: Bus, docker: Docker) -> (Self, InventoryTask, ResourceTasks) {
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
            behind: false,
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
            worker_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The containers of this dock that `reference` may mean: the one with that full id, else the one with that
    /// name, else those whose id begins so.
    pub(super) fn find(&self, reference: &str) -> Vec<Location> {
        let known = self.known.read().expect("never held across a panic");
        let location = |summary: &Summary| Location {
            dock: self.dock.clone(),
            name: summary.name.clone(),
            id: summary.id.clone(),
        };
        if let Some(summary) = known.instances.get(reference) {
            return vec![location(summary)];
        }
        if let Some(summary) = known.instances.values().find(|summary| summary.name == reference) {
            return vec![location(summary)];
        }
        let from = known.instances.range(reference.to_owned()..);
        from.take_while(|(id, _)| id.starts_with(reference)).take(CANDIDATES + 1).map(|(_, s)| location(s)).collect()
    }

    /// The request that made the container with this full id, if one did.
    pub(super) fn maker(&self, id: &str) -> Option<String> {
        self.known.read().expect("never held across a panic").instances.get(id)?.request_id.clone()
    }
}

impl InventoryTask {
    /// Follows the daemon for ever, whether it is there or not.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new();
        let mut away: Option<Instant> = None;
        loop {
            let error = match self.open().await {
                Ok(events) => {
                    match away.take() {
                        Some(since) => tracing::info!("Docker is back after {:.1} s", since.elapsed().as_secs_f32()),
                        None => tracing::info!(api = self.api_version().as_deref(), "Docker is there"),
                    }
                    self.daemon.send_replace(DaemonState::Up);
                    backoff = Backoff::new();
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
            let step = tokio::select! {
                event = events.next() => match event {
                    Some(Ok(DaemonEvent::Destroyed(id))) => {
                        self.write(Vec::new(), vec![id]).await;
                        Ok(())
                    }
                    Some(Ok(DaemonEvent::Changed(id))) => self.look_at(&id).await,
                    Some(Ok(DaemonEvent::Resource(kind))) => {
                        self.resources.changed(kind);
                        Ok(())
                    }
                    Some(Err(error)) => Err(error),
                    None => Err(DockerError::Down("the daemon closed its stream of events".into())),
                },
                ask = self.asks.recv() => match ask {
                    Some(Ask::Refresh(id, done)) => {
                        let looked = self.look_at(&id).await;
                        let _ = done.send(());
                        looked
                    }
                    Some(Ask::Reconcile) => { self.behind = true; Ok(()) }
                    None => std::future::pending().await,
                },
                _ = pings.tick() => {
                    if self.docker.is_up().await { Ok(()) } else { Err(DockerError::Down("the daemon does not answer".into())) }
                },
                _ = ticks.tick() => Ok(()),
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
        let all = within(LISTING, self.docker.containers(None)).await?;
        self.known.write().expect("never held across a panic").instances =
            all.iter().map(|summary| (summary.id.clone(), summary.clone())).collect();
        self.behind = false;
        let written = self.bus.reconcile_instances(&self.dock, &all).await;
        self.note(written);
        Ok(())
    }

    /// Reads one container again.
    async fn look_at(&mut self, id: &str) -> Result<(), DockerError> {
        let found = within(LISTING, self.docker.containers(Some(id))).await?;
        let gone = if found.is_empty() { vec![id.to_owned()] } else { Vec::new() };
        self.write(found, gone).await;
        Ok(())
    }

    async fn write(&mut self, changed: Vec<Summary>, gone: Vec<String>) {
        let changed: Vec<Summary> = {
            let mut known = self.known.write().expect("never held across a panic");
            for id in &gone {
                known.instances.remove(id);
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
