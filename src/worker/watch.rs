//! Looks after what nobody else does, for the whole cluster and by one worker at a time: what waits at docks that are
//! lost is answered when its time is up, and what is too much for a stream is refused.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::Worker;
use super::handle::refuse;
use super::job::{Understood, understand};
use super::refusals::{poison, unauthenticated};
use super::route::lost;
use super::spans::told;
use crate::actions::Target;
use crate::bus::{
    Begun, BusError, Consumer, Delivery, Ending, Neglected, Recipient, Source, Unbegun, Watch, Watched, id_taken,
};
use crate::metrics::Outcome;
use crate::protocol::limits::{QUEUE_LENGTH, RECONCILE, SWEEP, TAKE_OVER};
use crate::protocol::{EntryId, ErrorCode, Failure, Fqdn, Reply, Requester, TraceContext, Undecodable};

/// Entries of one stream that are looked at in a round; the next round goes on behind them.
const PAGE: usize = 500;

/// What the watch remembers from round to round.
#[derive(Default)]
struct Memory {
    /// Where each stream was left that is longer than a page.
    places: HashMap<Fqdn, EntryId>,
    /// Where the search for streams of docks that nobody knows stands.
    cursor: u64,
    /// Until when it is not asked again whether this worker may watch.
    forbidden: Option<Instant>,
}

/// Watches as long as the worker lives.
pub(super) async fn run(worker: Arc<Worker>) {
    let mut rounds = interval(SWEEP);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut memory = Memory::default();
    loop {
        rounds.tick().await;
        if let Err(error) = round(&worker, &mut memory).await {
            tracing::debug!(%error, "watching");
        }
    }
}

async fn round(worker: &Worker, memory: &mut Memory) -> Result<(), BusError> {
    if memory.forbidden.is_some_and(|until| Instant::now() < until) {
        return Ok(());
    }
    // Docks look lost that are not, until they have made themselves heard again.
    if worker.is_healing().await? {
        return Ok(());
    }
    let Watched { now, neglected } = match worker.bus.watch(&worker.token).await? {
        Watch::Ours(watched) => watched,
        Watch::Theirs => {
            *memory = Memory::default();
            return Ok(());
        }
        Watch::Forbidden => {
            if memory.forbidden.is_none() {
                tracing::info!("Redis does not let this worker look after lost docks (`deblox acl worker --watch`)");
            }
            *memory = Memory { forbidden: Some(Instant::now() + RECONCILE), ..Memory::default() };
            return Ok(());
        }
    };
    // First of all: a password must not wait because something else goes wrong.
    let forgotten = worker.bus.forget_unread(now).await;
    for neglected in neglected {
        shed(worker, &neglected).await?;
        if let Some(dock) = neglected.dock.as_ref().filter(|_| neglected.lost) {
            stand_in(worker, dock, neglected.silent, now, memory).await?;
        }
    }
    for stranger in worker.bus.strangers(&mut memory.cursor).await? {
        stand_in(worker, &stranger, Duration::ZERO, now, memory).await?;
    }
    forgotten
}

/// Looks at a page of what waits for a dock without a worker.
async fn stand_in(
    worker: &Worker,
    dock: &Fqdn,
    silent: Duration,
    now: u64,
    memory: &mut Memory,
) -> Result<(), BusError> {
    let consumer = worker.consumer.standing_in(dock);
    let from = memory.places.remove(dock).unwrap_or(EntryId { millis: 0, sequence: 0 });
    let waiting = consumer.waiting(Source::Own, from, PAGE).await?;
    if let Some(last) = waiting.get(PAGE - 1) {
        memory.places.insert(dock.clone(), last.entry);
    }
    StandIn { worker, consumer, dock, silent }.look_through(&waiting, now).await
}

/// Refuses the newest of what is too much for a stream.
async fn shed(worker: &Worker, Neglected { dock, excess, .. }: &Neglected) -> Result<(), BusError> {
    if *excess == 0 {
        return Ok(());
    }
    let (source, of) = dock.as_ref().map_or((Source::Shared, worker.dock()), |dock| (Source::Own, dock));
    let consumer = worker.consumer.standing_in(of);
    let message = format!("more than {QUEUE_LENGTH} requests wait: it was not executed; try again later");
    for delivery in consumer.newest(source, (*excess).min(PAGE)).await? {
        let understood = understand(&delivery, of);
        let (id, reply_to, trace) = match &understood {
            Ok(Understood { request, .. }) => (&request.id, &request.reply_to, &request.trace),
            Err(Undecodable { id, reply_to, trace, .. }) => (id, reply_to, trace),
        };
        // There are many: it is not looked who they are, and so none gets a reply that is stored.
        let asks = worker.options.authority.is_some();
        let requester = if asks { Requester::Unknown } else { Requester::Anyone };
        let recipient = Recipient { id, reply_to: reply_to.as_ref(), requester: &requester };
        let busy = Failure::new(ErrorCode::Busy, message.clone());
        let reply = Reply::failure(id.clone(), worker.dock().clone(), busy).traced(trace.asked.as_ref()).to_json();
        let audit = super::audit::undecodable(worker.dock(), &delivery, id, ErrorCode::Busy);
        worker.bus.answer(&consumer, &delivery, recipient, &Unbegun::Shed(&reply), Some(&audit)).await?;
        worker.metrics().answered(None, Outcome::Failed(ErrorCode::Busy));
    }
    tracing::warn!(stream = consumer.stream(source), excess, "too many requests wait; refused the newest");
    Ok(())
}

/// In the place of the worker of a lost dock.
struct StandIn<'a> {
    worker: &'a Worker,
    consumer: Consumer,
    dock: &'a Fqdn,
    /// How long nothing has been heard of the dock.
    silent: Duration,
}

impl StandIn<'_> {
    /// Does for each entry what needs no daemon. `now` is Redis's clock in milliseconds.
    async fn look_through(&self, entries: &[Delivery], now: u64) -> Result<(), BusError> {
        for delivery in entries {
            match understand(delivery, self.dock) {
                Ok(understood) => {
                    // Where to go with what was placed there is decided anew; the reader of a stream is not kept waiting;
                    // the rest waits for the dock while it may.
                    let placed = understood.action.target_of(&understood.arguments) == Target::NewInstance
                        && delivery.fields.iter().any(|(name, _)| name == b"sent");
                    let leaves = placed || understood.action.streams(&understood.arguments);
                    if now >= understood.deadline || (leaves && self.silent >= TAKE_OVER) {
                        self.settle(delivery, understood).await?;
                    }
                }
                Err(undecodable) => {
                    self.consumer.seize(delivery).await?;
                    refuse(self.worker, &self.consumer, delivery, undecodable).await;
                }
            }
        }
        self.consumer.leave().await
    }

    /// Ends one request, or has it placed again by whoever takes it from the shared stream.
    async fn settle(&self, delivery: &Delivery, understood: Understood) -> Result<(), BusError> {
        let Understood { request, deadline, action, arguments } = &understood;
        let (deadline, streams) = (*deadline, action.streams(arguments));
        let (bus, consumer) = (&self.worker.bus, &self.consumer);
        let requester = self.worker.requester(request).await;
        let (failure, dead) = match bus.begin(consumer, delivery, request, &requester, deadline).await? {
            Begun::Settled => return Ok(()),
            Begun::Foreign => {
                let failure = if requester == Requester::Unknown { unauthenticated() } else { id_taken(&request.id) };
                let reply = Reply::failure(request.id.clone(), self.worker.dock().clone(), failure);
                let audit = understood.audit(self.worker, self.dock, &reply).await?;
                let (json, recipient) = (reply.to_json(), Recipient::of(request, &requester));
                let foreign = Unbegun::Foreign(&json);
                return bus.answer(consumer, delivery, recipient, &foreign, audit.as_ref()).await.map(drop);
            }
            Begun::Go(attempt) if streams && attempt.number > 1 => {
                (self.lost("its stream has broken off").await?, false)
            }
            Begun::Go(_) => {
                let trace = request.trace.passed_on.as_ref().map(TraceContext::parent);
                return bus.pass_on(consumer, delivery, request, deadline, None, (&requester, trace)).await.map(drop);
            }
            Begun::Poison => (poison(), true),
            Begun::Expired { begun: true } if streams => (self.lost("its stream has broken off").await?, false),
            Begun::Expired { begun: true } => {
                (self.lost("the request's time is up, and whether it took effect is not known").await?, false)
            }
            Begun::Expired { begun: false } => {
                (self.lost("the request's time is up, and it was not executed").await?, false)
            }
        };
        tracing::info!(request = %request.id, dock = %self.dock, "answered for a lost dock: {failure}");
        let dead = dead.then(|| failure.message.clone());
        let outcome = Outcome::Failed(failure.code);
        let span = self.worker.span(consumer, delivery, action.name, &request.id, &request.trace);
        let reply = Reply::failure(request.id.clone(), self.worker.dock().clone(), failure);
        let reply = reply.traced(told(&span, &request.trace).as_ref());
        let json = reply.to_json();
        let audit = understood.audit(self.worker, self.dock, &reply).await?;
        let ending = Ending { requester: &requester, reply: Some(&json), dead: dead.as_deref(), audit: audit.as_ref() };
        if bus.finish(consumer, delivery, request, deadline, self.dock, ending).await? {
            span.answered(reply.status(), reply.error());
            self.worker.metrics().answered(Some(action.name), outcome);
        }
        Ok(())
    }

    /// That the dock is lost, and what that means for the request.
    async fn lost(&self, meaning: &str) -> Result<Failure, BusError> {
        let known = self.worker.bus.dock(self.dock).await?;
        let mut failure = known.map_or_else(|| Failure::unknown_dock(self.dock), |silent| lost(self.dock, &silent));
        failure.message += "; ";
        failure.message += meaning;
        Ok(failure)
    }
}
