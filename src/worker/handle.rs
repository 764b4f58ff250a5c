//! The way of one request: decode, check, begin, route, do, finish.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use tracing::Instrument;

use super::Worker;
use super::backoff::Backoff;
use super::lanes::Turn;
use super::route::{Way, route};
use crate::actions::{Access, Action, Arguments, Context, Outcome};
use crate::bus::{Begun, BusError, Delivery, Moved, Source, Unbegun};
use crate::protocol::limits::DAEMON_CALL;
use crate::protocol::{ErrorCode, Failure, Reply, Request, RequestId, Undecodable, decode, millis};

/// How often a step is tried that Redis itself refuses; while Redis is away it is tried for as long as that lasts.
const REFUSALS: u32 = 5;

/// A delivered entry, understood as far as that goes.
pub(super) enum Job {
    /// A request, ready to be begun.
    Request(Box<Ready>),
    /// No request, and what is to be said about it.
    Refusal(Delivery, Undecodable),
}

/// A delivered request that makes sense.
pub(super) struct Ready {
    worker: Arc<Worker>,
    delivery: Delivery,
    request: Request,
    action: &'static Action,
    arguments: Arguments,
    /// In milliseconds of Redis's clock.
    deadline: u64,
}

impl Job {
    /// Decodes an entry and checks it against the table of actions.
    pub(super) fn new(worker: &Arc<Worker>, delivery: Delivery) -> Self {
        let own = (delivery.source == Source::Own).then(|| worker.dock());
        let understood = decode(delivery.entry, own, &delivery.fields).and_then(|request| {
            let checked = Action::find(&request.action).and_then(|action| Ok((action, action.check(&request)?)));
            match checked {
                Ok((action, arguments)) => Ok((request, action, arguments)),
                Err(failure) => Err(Undecodable { id: request.id, failure }),
            }
        });
        let (request, action, arguments) = match understood {
            Ok(parts) => parts,
            Err(undecodable) => return Self::Refusal(delivery, undecodable),
        };
        let timeout = request.timeout.unwrap_or_else(|| action.default_timeout(arguments.whole("time")));
        let end = delivery.entry.millis.saturating_add(millis(timeout));
        let deadline = request.deadline.map_or(end, |earlier| earlier.min(end));
        let worker = Arc::clone(worker);
        Self::Request(Box::new(Ready { worker, delivery, request, action, arguments, deadline }))
    }

    /// What it must not overtake another request for: the instance that it is or will be about, by its full id where
    /// that is known here; or the dock whose standing it changes.
    pub(super) fn lane(&self) -> Option<String> {
        let Self::Request(ready) = self else { return None };
        let Ready { worker, request, action, arguments, .. } = &**ready;
        if let (Access::Dock, Some(dock)) = (action.access, arguments.text("hostname")) {
            return Some(format!("dock {dock}"));
        }
        let reference = request.instance.as_deref().or_else(|| arguments.text("name"))?;
        Some(match worker.inventory.find(reference).as_slice() {
            [one] => {
                // What only looks need not wait until a new instance has shown that it is any good.
                let changes = action.access != Access::View;
                let maker = changes.then(|| worker.inventory.maker(&one.id)).flatten();
                maker.and_then(|request| worker.lanes.shared(&request)).unwrap_or_else(|| one.id.clone())
            }
            _ => reference.to_owned(),
        })
    }

    /// Handles it to its end, when its turn has come. It ends in one reply, or in the hands of another.
    pub(super) async fn handle(self, worker: &Worker, mut turn: Turn) {
        match self {
            Self::Request(ready) => {
                let span = tracing::info_span!("request", id = %ready.request.id, action = ready.action.name);
                async {
                    let until = worker.until(ready.deadline).unwrap_or_else(Instant::now);
                    let came = tokio::time::timeout_at(until.into(), turn.comes()).await.is_ok();
                    let kept = (!ready.action.passive).then_some(turn);
                    let sharing = kept.as_ref().filter(|_| ready.action.resumes);
                    let _shared = sharing.map(|turn| worker.lanes.share(ready.request.id.as_str(), turn));
                    ready.run(came).await;
                }
                .instrument(span)
                .await;
            }
            Self::Refusal(delivery, Undecodable { id, failure }) => refuse(worker, &delivery, id, failure).await,
        }
    }
}

/// Answers what is no request.
async fn refuse(worker: &Worker, delivery: &Delivery, id: RequestId, failure: Failure) {
    tracing::info!(request = %id, error = failure.code.as_str(), "refused: {}", failure.message);
    let reason = failure.to_string();
    let reply = Reply::failure(id.clone(), worker.dock().clone(), failure).to_json();
    let refused = Unbegun::Refused(&reply, &reason);
    let answered = persist(|| worker.bus.answer(&worker.consumer, delivery, &id, &refused)).await;
    if let Err(error) = answered {
        tracing::error!(request = %id, %error, "a refusal could not be sent");
    }
}

impl Ready {
    /// Begins, does and finishes it. If its turn has not come in time, it is answered and not done.
    async fn run(&self, came: bool) {
        // A worker that stops begins nothing; what it has not begun is handed back.
        if self.worker.stopping.is_cancelled() || (came && self.look().await) {
            return;
        }
        let bus = &self.worker.bus;
        let begun = persist(|| bus.begin(&self.worker.consumer, &self.delivery, &self.request, self.deadline)).await;
        let outcome = match begun {
            Ok(Begun::Settled) => return,
            Ok(Begun::Expired) => self.too_late().await,
            Ok(Begun::Go { .. }) if !came => self.too_late().await,
            Ok(Begun::Poison) => {
                let message = "it was begun several times and each time its worker was lost: it is not tried again";
                Err(Failure::new(ErrorCode::Poison, message))
            }
            Ok(Begun::Go { until, attempt }) => match self.proceed(until, attempt).await {
                Some(outcome) => outcome,
                None => return,
            },
            Err(error) => return self.bury(&error).await,
        };
        self.finish(outcome).await;
    }

    /// The short way of a request that has no effect and is done here: nothing needs to be begun, because doing it
    /// twice does no harm. Returns false if this is no such request; then nothing has happened.
    async fn look(&self) -> bool {
        if self.action.access != Access::View || !self.delivery.is_new {
            return false;
        }
        let Some(until) = self.worker.until(self.deadline) else { return false };
        let Ok(Way::Here(instance)) = self.in_time(until, self.route(1)).await else { return false };
        let outcome = self.in_time(until, self.perform(instance.as_deref(), 1, until)).await;
        let Some(reply) = self.reply(outcome) else { return false };
        let json = reply.to_json();
        let looked = Unbegun::Looked { reply: &json, id_chosen: self.request.id_chosen };
        let (bus, consumer) = (&self.worker.bus, &self.worker.consumer);
        let answered = persist(|| bus.answer(consumer, &self.delivery, &self.request.id, &looked)).await;
        self.note(answered, Some(&reply)).await;
        true
    }

    /// Does the request, or passes it on: then there is nothing to finish.
    async fn proceed(&self, until: Instant, attempt: u32) -> Option<Result<Outcome, Failure>> {
        let way = self.in_time(until, self.route(attempt)).await;
        match way {
            Ok(Way::Here(instance)) => {
                let done = self.in_time(until, self.perform(instance.as_deref(), attempt, until)).await;
                let changed = match &done {
                    Ok(Outcome::Created(_, id)) => [Some(id.as_str()), None],
                    Ok(Outcome::Replaced { new, old, .. }) => [Some(new.as_str()), Some(old.as_str())],
                    Ok(_) if self.action.recorded => [instance.as_deref(), None],
                    // Its name may have changed hands and come back.
                    Err(_) if self.action.resumes => [instance.as_deref(), None],
                    _ => [None, None],
                };
                for id in changed.into_iter().flatten() {
                    self.worker.inventory.refresh(id).await;
                }
                Some(done)
            }
            Ok(Way::To(dock)) => {
                let bus = &self.worker.bus;
                let consumer = &self.worker.consumer;
                let moved =
                    persist(|| bus.pass_on(consumer, &self.delivery, &self.request, self.deadline, &dock)).await;
                match moved {
                    Ok(Moved::Yes) => {
                        tracing::debug!(%dock, "passed on");
                        None
                    }
                    Ok(Moved::NotOurs) => None,
                    Ok(Moved::Busy) => Some(Err(Failure::new(
                        ErrorCode::Busy,
                        format!("too many requests wait for the dock `{dock}`: try again later"),
                    ))),
                    Err(error) => Some(Err(error.into())),
                }
            }
            Err(failure) => Some(Err(failure)),
        }
    }

    /// What is said of a request whose time was up before it began, or before it was taken up again: what an earlier
    /// attempt has left half done is told then, and stays as it is.
    async fn too_late(&self) -> Result<Outcome, Failure> {
        if self.action.resumes && self.delivery.source == Source::Own {
            let now = Instant::now();
            let told = tokio::time::timeout(DAEMON_CALL, self.perform(self.request.instance.as_deref(), 2, now)).await;
            if let Ok(told @ (Ok(_) | Err(Failure { code: ErrorCode::Timeout, .. }))) = told {
                return told;
            }
        }
        let message = "its time was up before it began: it was not executed; send it again with a new `requestId`";
        Err(Failure::new(ErrorCode::Expired, message))
    }

    async fn route(&self, attempt: u32) -> Result<Way, Failure> {
        let Self { worker, action, request, arguments, delivery, deadline } = self;
        route(worker, action, request, arguments, delivery.source, *deadline, attempt).await
    }

    async fn perform(&self, instance: Option<&str>, attempt: u32, until: Instant) -> Result<Outcome, Failure> {
        let context = Context {
            docker: &self.worker.docker,
            bus: &self.worker.bus,
            dock: self.worker.dock(),
            request: &self.request,
            arguments: &self.arguments,
            instance,
            attempt,
            until,
        };
        self.action.run(&context).await
    }

    /// Bounds a step by the deadline, and says honestly what is known when that has passed.
    async fn in_time<T>(&self, until: Instant, step: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        match tokio::time::timeout_at(until.into(), step).await {
            Ok(result) => result,
            Err(_) if self.action.access == Access::View => {
                let message = "the dock did not answer before the request's time was up";
                Err(Failure::new(ErrorCode::Timeout, message))
            }
            Err(_) => {
                let message = "the dock did not finish before the request's time was up: whether it took effect is \
                               not known, so look before you send it again";
                Err(Failure::new(ErrorCode::Timeout, message))
            }
        }
    }

    /// The reply for an outcome; none for an action that has none.
    fn reply(&self, outcome: Result<Outcome, Failure>) -> Option<Reply> {
        let (id, dock) = (self.request.id.clone(), self.worker.dock().clone());
        match outcome {
            Ok(Outcome::Silent) => None,
            Ok(Outcome::Answer(answer)) => Some(Reply::success(id, dock, answer, None)),
            Ok(Outcome::Created(answer, instance) | Outcome::Replaced { answer, new: instance, .. }) => {
                Some(Reply::success(id, dock, answer, Some(instance)))
            }
            Err(failure) => {
                tracing::info!(error = failure.code.as_str(), "failed: {}", failure.message);
                Some(Reply::failure(id, dock, failure))
            }
        }
    }

    async fn finish(&self, outcome: Result<Outcome, Failure>) {
        let reply = self.reply(outcome);
        let json = reply.as_ref().map(Reply::to_json);
        let (bus, consumer, dock) = (&self.worker.bus, &self.worker.consumer, self.worker.dock());
        let finish = || bus.finish(consumer, &self.delivery, &self.request, self.deadline, dock, json.as_deref());
        let finished = persist(finish).await;
        self.note(finished, reply.as_ref()).await;
    }

    /// Says how it ended.
    async fn note(&self, ended: Result<bool, BusError>, reply: Option<&Reply>) {
        match ended {
            Ok(true) => tracing::debug!(status = reply.map(Reply::status), "done"),
            Ok(false) => tracing::warn!("another worker has taken this request over; its reply counts"),
            Err(error) => self.bury(&error).await,
        }
    }

    /// Puts what cannot be answered where people find it.
    async fn bury(&self, error: &BusError) {
        tracing::error!(%error, "the request cannot be answered");
        let (bus, consumer) = (&self.worker.bus, &self.worker.consumer);
        let reason = error.to_string();
        let unanswerable = Unbegun::Unanswerable(&reason);
        if let Err(error) = persist(|| bus.answer(consumer, &self.delivery, &self.request.id, &unanswerable)).await {
            tracing::error!(%error, "nor can it be put with the dead");
        }
    }
}

/// Repeats a step on the bus until Redis has done it, or has refused it several times.
pub(super) async fn persist<T, F: Future<Output = Result<T, BusError>>>(step: impl Fn() -> F) -> Result<T, BusError> {
    let mut backoff = Backoff::new();
    let mut refusals = 0;
    loop {
        match step().await {
            Err(error) if error.is_lasting() && refusals >= REFUSALS => return Err(error),
            Err(error) => {
                refusals += u32::from(error.is_lasting());
                tracing::debug!(%error, "trying again");
                backoff.pause().await;
            }
            done => return done,
        }
    }
}
