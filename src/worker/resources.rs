//! The records of a dock's images, networks and volumes: of each kind, one task that reads all of it again whenever
//! something of it happened.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;

use super::inventory::{LISTING, within};
use crate::bus::{Backoff, Bus};
use crate::docker::Docker;
use crate::protocol::{DaemonState, Fqdn, Resource};

/// How long what happens is gathered before it is looked at, so that a burst of it is looked at once.
const GATHER: Duration = Duration::from_millis(100);

/// A handle to the records of all kinds, in the order of [`Resource::ALL`]: cheap to clone.
#[derive(Clone)]
pub(super) struct Resources([Marks; 3]);

/// Reasons to read again, counted; the last one that has been seen to says what the records show.
#[derive(Clone)]
struct Marks {
    wanted: watch::Sender<Wanted>,
    shown: watch::Receiver<u64>,
}

#[derive(Clone, Copy, Default)]
struct Wanted {
    /// The last reason.
    last: u64,
    /// The last reason for which somebody waits.
    urgent: u64,
}

/// The tasks that write the records.
pub(super) struct ResourceTasks([ResourceTask; 3]);

struct ResourceTask {
    kind: Resource,
    dock: Fqdn,
    bus: Bus,
    docker: Docker,
    daemon: watch::Receiver<DaemonState>,
    wanted: watch::Receiver<Wanted>,
    shown: watch::Sender<u64>,
}

impl Resources {
    pub(super) fn new(
        dock: &Fqdn,
        bus: &Bus,
        docker: &Docker,
        daemon: &watch::Receiver<DaemonState>,
    ) -> (Self, ResourceTasks) {
        let pairs = Resource::ALL.map(|kind| {
            let (wanted, asked) = watch::channel(Wanted::default());
            let (shows, shown) = watch::channel(0);
            let task = ResourceTask {
                kind,
                dock: dock.clone(),
                bus: bus.clone(),
                docker: docker.clone(),
                daemon: daemon.clone(),
                wanted: asked,
                shown: shows,
            };
            (Marks { wanted, shown }, task)
        });
        let [(images, of_images), (networks, of_networks), (volumes, of_volumes)] = pairs;
        (Self([images, networks, volumes]), ResourceTasks([of_images, of_networks, of_volumes]))
    }

    /// Has all of one kind read again soon.
    pub(super) fn changed(&self, kind: Resource) {
        self.marks(kind).mark(false);
    }

    /// Has everything read again soon.
    pub(super) fn compare(&self) {
        for kind in Resource::ALL {
            self.changed(kind);
        }
    }

    /// Has all of one kind read again now, and waits until the records show it.
    pub(super) async fn refresh(&self, kind: Resource) {
        let marks = self.marks(kind);
        let reason = marks.mark(true);
        let _ = marks.shown.clone().wait_for(|shown| *shown >= reason).await;
    }

    fn marks(&self, kind: Resource) -> &Marks {
        let [images, networks, volumes] = &self.0;
        match kind {
            Resource::Images => images,
            Resource::Networks => networks,
            Resource::Volumes => volumes,
        }
    }
}

impl Marks {
    /// Adds a reason, and returns its number.
    fn mark(&self, urgent: bool) -> u64 {
        let mut number = 0;
        self.wanted.send_modify(|wanted| {
            wanted.last += 1;
            number = wanted.last;
            if urgent {
                wanted.urgent = number;
            }
        });
        number
    }
}

impl ResourceTasks {
    /// Keeps the records current for ever.
    pub(super) async fn run(self) {
        join_all(self.0.map(ResourceTask::run)).await;
    }
}

impl ResourceTask {
    async fn run(mut self) {
        let mut backoff = Backoff::default();
        let (mut done, mut failing) = (0, false);
        while self.wanted.wait_for(|wanted| wanted.last > done).await.is_ok() {
            let urgent = self.wanted.wait_for(|wanted| wanted.urgent > done);
            let _ = tokio::time::timeout(GATHER, urgent).await;
            let _ = self.daemon.wait_for(|state| *state == DaemonState::Up).await;
            let seen_to = self.wanted.borrow().last;
            if self.read(failing).await {
                done = seen_to;
                self.shown.send_replace(done);
                (backoff, failing) = (Backoff::default(), false);
            } else {
                failing = true;
                backoff.pause().await;
            }
        }
    }

    /// Makes the records agree with the daemon. Returns whether they do; if not, that is said unless it was `failing`
    /// before.
    async fn read(&self, failing: bool) -> bool {
        let kind = self.kind.as_str();
        let written = match within(LISTING, self.docker.resources(self.kind)).await {
            Ok(all) => self.bus.reconcile_resources(&self.dock, self.kind, &all).await,
            Err(error) => {
                // That the daemon is away is said elsewhere.
                if !failing && *self.daemon.borrow() == DaemonState::Up {
                    tracing::warn!(kind, %error, "Docker does not list what it has; trying again");
                }
                return false;
            }
        };
        if let Err(error) = &written {
            tracing::debug!(kind, %error, "the records could not be written");
        }
        written.is_ok()
    }
}
