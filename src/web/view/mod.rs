//! What a node knows of the cluster: docks, instances and events as the shared records have them, read once for all who
//! look at it. Nothing is asked of a dock.
//!
//! It is read as long as somebody looks, and forgotten a while later: a node that nobody uses costs nothing.

mod events;
mod picture;
mod reading;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

pub(super) use events::Told;
pub(super) use picture::{InstanceChange, Picture, Row, SeenDock};
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::bus::Bus;
use crate::protocol::Fqdn;

/// How long it is kept up when nobody looks.
const UNUSED: Duration = Duration::from_secs(60);

/// Changes that somebody who is slow may be behind; more, and it has to look at everything again.
const BEHIND: usize = 1024;

/// How long whoever looks waits for the first picture.
const FIRST: Duration = Duration::from_secs(10);

/// What has changed.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Heartbeats were looked at.
    Beats,
    /// These docks have changed otherwise.
    Docks(Arc<Vec<Fqdn>>),
    /// Instances have changed.
    Instances(Arc<InstanceChange>),
    /// Something has happened.
    Event(Arc<Told>),
}

/// A handle to it; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct View {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    picture: RwLock<Picture>,
    changes: broadcast::Sender<Change>,
    ready: watch::Sender<bool>,
    wanted: Notify,
    /// Something has happened that is worth a look.
    hurry: Notify,
    /// When it was last looked at, in milliseconds after `began`.
    used: AtomicU64,
    began: Instant,
}

impl View {
    /// A view of what `bus` has, which is kept up until `stop` is cancelled.
    pub(super) fn new(bus: Bus, stop: &CancellationToken) -> Self {
        let shared = Arc::new(Shared {
            picture: RwLock::default(),
            changes: broadcast::channel(BEHIND).0,
            ready: watch::channel(false).0,
            wanted: Notify::new(),
            hurry: Notify::new(),
            used: AtomicU64::new(0),
            began: Instant::now(),
        });
        let view = Self { shared };
        let keeping = reading::keep_up(view.clone(), bus);
        tokio::spawn(stop.clone().run_until_cancelled_owned(keeping));
        view
    }

    /// Changes from now on.
    pub(super) fn changes(&self) -> broadcast::Receiver<Change> {
        self.shared.changes.subscribe()
    }

    /// Says that somebody looks, and waits until there is something to see. Returns whether there is.
    pub(super) async fn wake(&self) -> bool {
        self.touch();
        let mut ready = self.shared.ready.subscribe();
        tokio::time::timeout(FIRST, ready.wait_for(|ready| *ready)).await.is_ok_and(|ready| ready.is_ok())
    }

    /// Whether there is something to see, and it is so now.
    pub(super) fn is_ready(&self) -> bool {
        *self.shared.ready.borrow()
    }

    /// Says that somebody still looks.
    pub(super) fn touch(&self) {
        let now = u64::try_from(self.shared.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.shared.used.store(now.max(1), Ordering::Relaxed);
        self.shared.wanted.notify_one();
    }

    /// What is known now.
    pub(super) fn look(&self) -> RwLockReadGuard<'_, Picture> {
        self.shared.picture.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn change<T>(&self, with: impl FnOnce(&mut Picture) -> T) -> T {
        with(&mut self.shared.picture.write().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn tell(&self, change: Change) {
        // Nobody may be listening.
        let _ = self.shared.changes.send(change);
    }

    fn is_used(&self) -> bool {
        let used = Duration::from_millis(self.shared.used.load(Ordering::Relaxed));
        !used.is_zero() && self.shared.began.elapsed().saturating_sub(used) < UNUSED
    }
}
