//! Takes entries from the streams, as many at a time as there is room for, and has each handled.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};
use tokio_util::task::TaskTracker;

use super::Worker;
use super::job::Job;
use crate::bus::{Backoff, BusError, Delivery, Source};
use crate::protocol::EntryId;
use crate::protocol::limits::{HOLD, RECONCILE, SWEEP, WAITING};

/// Entries read at once from each stream.
const BATCH: usize = 64;

/// Places for what other workers have left when there are no others.
const SPARE: usize = 8;

/// The requests that this worker has in hand.
pub(super) struct Intake {
    worker: Arc<Worker>,
    /// Places for what is taken over when all others are in use, perhaps by what waits for it.
    spare: Arc<Semaphore>,
    in_hand: Arc<Mutex<HashSet<(Source, EntryId)>>>,
    running: TaskTracker,
}

impl Intake {
    /// What is handled runs as a task of `running`.
    pub(super) fn new(worker: Arc<Worker>, running: TaskTracker) -> Arc<Self> {
        let spare = Arc::new(Semaphore::new(SPARE));
        Arc::new(Self { spare, in_hand: Arc::default(), running, worker })
    }

    /// Reads until the worker stops. What has been delivered and not begun by then is left to be handed back.
    pub(super) async fn run(&self) {
        tokio::select! {
            () = self.read() => {}
            () = self.sweep() => {}
            () = self.worker.stopping.cancelled() => {}
        }
    }

    async fn read(&self) {
        let consumer = &self.worker.consumer;
        let mut backoff = Backoff::default();
        let mut reader = None;
        // Where what earlier workers of this dock have left goes on; none when all of it is in hand.
        let mut legacy = Some(None);
        let mut registered = false;
        loop {
            let count = self.free().await;
            let batch = async {
                let reopened = reader.is_none();
                let reader = match &mut reader {
                    Some(reader) => reader,
                    none => none.insert(consumer.open().await?),
                };
                match &legacy {
                    Some(from) => {
                        let (deliveries, next) = consumer.inherit(from.as_deref(), count).await?;
                        legacy = next.map(Some);
                        Ok(deliveries)
                    }
                    None if reopened => {
                        // It may be another server now, which has not heard of the last that was recorded.
                        self.worker.inventory.reconcile();
                        self.missed().await
                    }
                    None => consumer.read(reader, count).await,
                }
            };
            match batch.await {
                Ok(deliveries) => {
                    if legacy.is_none() && !registered {
                        // Groups exist and the past is settled: now others may be told.
                        registered = self.register().await.is_ok();
                    }
                    backoff = Backoff::default();
                    self.dispatch(deliveries, &self.worker.room).await;
                    // What has come goes first; the next read would be written, and answered, before it.
                    give_way().await;
                }
                Err(error) => {
                    tracing::debug!(%error, "reading");
                    reader = None;
                    backoff.pause().await;
                }
            }
        }
    }

    /// What was delivered to the last reader and never arrived.
    async fn missed(&self) -> Result<Vec<Delivery>, BusError> {
        // Looked at first: what is finished meanwhile is no longer in hand, and not missed either.
        let held = self.in_hand.lock().expect("never held across a panic").clone();
        let most = self.worker.options.concurrency + WAITING + 2 * BATCH;
        let mut delivered = self.worker.consumer.delivered(most).await?;
        delivered.retain(|delivery| !held.contains(&(delivery.source, delivery.entry)));
        Ok(delivered)
    }

    /// Takes over what others left, and forgets those who are gone.
    async fn sweep(&self) {
        let consumer = &self.worker.consumer;
        let mut sweeps = interval(SWEEP);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tidies = interval_at(Instant::now() + RECONCILE, RECONCILE);
        loop {
            let mut room = &self.worker.room;
            let swept = tokio::select! {
                _ = sweeps.tick() => {
                    room = if self.worker.room.available_permits() > SPARE { &self.worker.room } else { &self.spare };
                    match (room.available_permits() / 2).min(BATCH) {
                        0 => Ok(Vec::new()),
                        count => consumer.take_over(count).await.inspect(|left| self.worker.metrics().taken_over(left.len())),
                    }
                }
                _ = tidies.tick() => consumer.forget_the_gone().await.map(|()| Vec::new()),
            };
            match swept {
                Ok(deliveries) => self.dispatch(deliveries, room).await,
                Err(error) => tracing::debug!(%error, "sweeping"),
            }
        }
    }

    /// Says again and again that what is in hand is still worked on, as long as anything may be.
    pub(super) async fn hold(self: Arc<Self>) {
        let mut ticks = interval(HOLD);
        loop {
            ticks.tick().await;
            let held: Vec<_> = self.in_hand.lock().expect("never held across a panic").iter().copied().collect();
            for source in [Source::Shared, Source::Own] {
                let entries: Vec<EntryId> =
                    held.iter().filter(|(of, _)| *of == source).map(|(_, entry)| *entry).collect();
                if !entries.is_empty()
                    && let Err(error) = self.worker.consumer.hold(source, &entries).await
                {
                    tracing::debug!(%error, "holding");
                }
            }
        }
    }

    /// Waits for room, and says how many entries may be read from each of the two streams.
    async fn free(&self) -> usize {
        let permit = self.worker.room.acquire().await;
        drop(permit);
        (self.worker.room.available_permits() / 2).clamp(1, BATCH)
    }

    async fn dispatch(&self, deliveries: Vec<Delivery>, room: &Arc<Semaphore>) {
        for delivery in deliveries {
            let key = (delivery.source, delivery.entry);
            let new = self.in_hand.lock().expect("never held across a panic").insert(key);
            if !new {
                continue;
            }
            let release = Release { in_hand: Arc::clone(&self.in_hand), key };
            // What comes late by the shared stream goes before what already stands in the lane; and that waits for it.
            let ordered = delivery.source == Source::Own || delivery.is_new;
            let job = Job::new(&self.worker, delivery);
            let turn = self.worker.lanes.enter(job.lane().filter(|_| ordered));
            let Ok(permit) = Arc::clone(room).acquire_owned().await else { return };
            let worker = Arc::clone(&self.worker);
            self.running.spawn(async move {
                let _kept_until_the_end = release;
                worker.abandoned.run_until_cancelled(Box::pin(job.handle(&worker, turn, permit))).await;
            });
        }
    }

    /// Publishes the specification's `register`; some worker takes it, perhaps this one. Where workers ask who it is, it would
    /// be nobody's request: then it is done here.
    async fn register(&self) -> Result<(), BusError> {
        if self.worker.options.authority.is_some() {
            return self.worker.bus.register(self.worker.dock()).await;
        }
        let message = serde_json::json!({"action": "register", "hostname": self.worker.dock()});
        self.worker.bus.send(&message.to_string()).await
    }
}

/// Lets every task go on that can, once; unlike tokio's `yield_now`, without asking the system for more first.
async fn give_way() {
    let mut given = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Takes an entry out of the hand when its handling ends, however it ends.
struct Release {
    in_hand: Arc<Mutex<HashSet<(Source, EntryId)>>>,
    key: (Source, EntryId),
}

impl Drop for Release {
    fn drop(&mut self) {
        self.in_hand.lock().expect("never held across a panic").remove(&self.key);
    }
}
