//! The way of one request: decode, check, begin, route, do, finish.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

use super::Worker;
use super::job::{Job, Place, Ready};
use super::lanes::Turn;
use super::refusals::{crowded, expired, half_done, interrupted, poison, too_many_streams};
use super::route::{Way, asked, route};
use super::spans::told;
use crate::actions::{Access, Bounds, Context, Outcome, Recorded};
use crate::bus::{
    Attempt, Begun, BusError, Consumer, Delivery, Ending, Fence, Moved, Recipient, Source, Unbegun, id_taken, persist,
};
use crate::metrics;
use crate::protocol::limits::DAEMON_CALL;
use crate::protocol::{Answer, ErrorCode, Failure, Reply, Resource, TraceContext, Undecodable};

/// Where nobody is bounded, no bounds are looked at.
static NOTHING: Bounds = Bounds::NOTHING;

impl Job {
    /// Handles it to its end, when its turn has come. It ends in one reply, or in the hands of another. What only waits
    /// keeps neither its turn nor its `place` among those that work.
    pub(super) async fn handle(self, worker: &Worker, mut turn: Turn, place: OwnedSemaphorePermit) {
        let _in_hand = worker.metrics().in_hand();
        match self {
            Self::Request(ready) => {
                let trace = ready.span.context().or_else(|| ready.request.trace.asked.clone());
                let trace = trace.as_ref().map(TraceContext::trace_id);
                let span = tracing::info_span!("request", id = %ready.request.id, action = ready.action.name, trace);
                async {
                    ready.put(Place::Working(place));
                    let until = worker.until(ready.deadline).unwrap_or_else(Instant::now);
                    let came = tokio::select! {
                        came = tokio::time::timeout_at(until.into(), ready.aside(turn.comes())) => came,
                        () = worker.stopping.cancelled() => return ready.hand_back().await,
                    };
                    let hindrance = came.err().map(|_| Hindrance::TooLate);
                    if !ready.action.is_passive(&ready.arguments) {
                        let _shared =
                            ready.action.resumes.then(|| worker.lanes.share(ready.request.id.as_str(), &turn));
                        *ready.turn.lock().expect("never held across a panic") = Some(turn);
                        return ready.run(hindrance).await;
                    }
                    drop(turn);
                    let hindrance = if ready.step_aside() { hindrance } else { Some(Hindrance::Crowded) };
                    ready.run(hindrance).await;
                }
                .instrument(span)
                .await;
            }
            Self::Refusal(delivery, undecodable) => refuse(worker, &worker.consumer, &delivery, *undecodable).await,
        }
    }
}

/// Answers what is no request.
pub(super) async fn refuse(worker: &Worker, consumer: &Consumer, delivery: &Delivery, undecodable: Undecodable) {
    let Undecodable { id, trace, failure, .. } = &undecodable;
    let span = worker.span(consumer, delivery, "refused", id, trace);
    tracing::info!(request = %id, error = failure.code.as_str(), "refused: {}", failure.message);
    let (reason, code) = (failure.to_string(), failure.code);
    let failure = Failure::new(code, failure.message.clone());
    let reply = Reply::failure(id.clone(), worker.dock().clone(), failure).traced(told(&span, trace).as_ref());
    let recipient = Recipient::undecoded(&undecodable, worker.options.authority.is_some());
    let json = reply.to_json();
    let refused = Unbegun::Refused(&json, &reason);
    let audit = super::audit::undecodable(worker.dock(), delivery, id, code);
    match persist(|| worker.bus.answer(consumer, delivery, recipient, &refused, Some(&audit))).await {
        Ok(_) => {
            span.answered(reply.status(), reply.error());
            worker.metrics().answered(None, metrics::Outcome::Failed(code));
        }
        Err(error) => tracing::error!(request = %id, %error, "a refusal could not be sent"),
    }
}

impl Ready {
    /// Begins, does and finishes it. If something is in its way, it is answered with that and not done.
    async fn run(&self, hindrance: Option<Hindrance>) {
        if self.worker.stopping.is_cancelled() {
            return self.hand_back().await;
        }
        self.measure_wait();
        let known = self.identify().await;
        let mut way = None;
        if hindrance.is_none() && known.is_ok() && self.is_only_looking() {
            match self.look().await {
                Looked::Answered => return,
                Looked::Elsewhere(found) => way = found,
            }
        }
        let bus = &self.worker.bus;
        let (consumer, requester) = (&self.worker.consumer, self.requester());
        let begin = || bus.begin(consumer, &self.delivery, &self.request, &requester, self.deadline);
        let begun = persist(begin).await;
        let mut dead = None;
        let outcome = match (begun, known) {
            (Ok(Begun::Settled), _) => return,
            (Ok(Begun::Foreign), known) => {
                return self.refuse(known.err().unwrap_or_else(|| id_taken(&self.request.id))).await;
            }
            (Ok(Begun::Go(_) | Begun::Expired { .. }), Err(failure)) => Err(failure),
            (Ok(Begun::Expired { begun }), Ok(())) => self.too_late(begun).await,
            (Ok(Begun::Poison), _) => {
                let failure = poison();
                dead = Some(failure.message.clone());
                Err(failure)
            }
            (Ok(Begun::Go(attempt)), Ok(())) => match hindrance {
                Some(Hindrance::TooLate) => self.too_late(attempt.number > 1).await,
                Some(Hindrance::Crowded) => self.settle(Err(crowded(&self.worker)), attempt.number),
                None => match self.proceed(attempt, way).await {
                    Some(outcome) => outcome,
                    None => return,
                },
            },
            (Err(error), _) => return self.bury(&error).await,
        };
        self.finish(outcome, dead.as_deref()).await;
    }

    /// A worker that stops begins nothing: others may have it at once.
    async fn hand_back(&self) {
        if let Err(error) = self.worker.consumer.hand_back(&self.delivery).await {
            tracing::debug!(%error, "handed back at the end");
        }
    }

    /// Notes how long it was in its stream.
    fn measure_wait(&self) {
        self.span.so_far("queue");
        if let Some(now) = self.worker.now().filter(|_| self.delivery.is_new) {
            let waited = Duration::from_millis(now.saturating_sub(self.delivery.entry.millis));
            self.worker.metrics().waited(self.delivery.source.name(), waited);
        }
    }

    fn put(&self, place: Place) {
        *self.place.lock().expect("never held across a panic") = Some(place);
    }

    /// Gives its place among those that work to another, for one among those that only wait. Returns whether there was
    /// one.
    fn step_aside(&self) -> bool {
        let waiting = Arc::clone(&self.worker.waiting).try_acquire_owned();
        waiting.map(|waiting| self.put(Place::Waiting(waiting))).is_ok()
    }

    /// Waits for something that may take long, and that may itself need a place, without keeping one.
    pub(super) async fn aside<T>(&self, wait: impl Future<Output = T>) -> T {
        let mut wait = std::pin::pin!(wait);
        if let Some(at_once) = wait.as_mut().now_or_never() {
            return at_once;
        }
        let works = matches!(*self.place.lock().expect("never held across a panic"), Some(Place::Working(_)));
        let aside = works && self.step_aside();
        let done = wait.await;
        if aside && let Ok(place) = Arc::clone(&self.worker.room).acquire_owned().await {
            self.put(Place::Working(place));
        }
        done
    }

    /// Whether it has no effect: then nothing needs to be begun, because doing it twice does no harm.
    fn is_only_looking(&self) -> bool {
        self.action.access == Access::View && self.delivery.is_new && !self.streams()
    }

    /// The short way of a request that has no effect and is done here.
    async fn look(&self) -> Looked {
        let Some(until) = self.worker.until(self.deadline) else { return Looked::Elsewhere(None) };
        let attempt = Attempt { asked: Instant::now(), until, number: 1 };
        let instance = match self.route(attempt).await {
            Ok(Way::Here(instance)) => instance,
            other => return Looked::Elsewhere(other.ok()),
        };
        let outcome = self.perform(instance.as_deref(), attempt).await;
        let Some(reply) = self.reply(outcome) else { return Looked::Elsewhere(None) };
        let json = reply.to_json();
        let looked = Unbegun::Looked { reply: &json, id_chosen: self.request.id_chosen };
        let (bus, consumer) = (&self.worker.bus, &self.worker.consumer);
        let (audit, requester) = (self.audit(Some(&reply)), self.requester());
        let recipient = Recipient::of(&self.request, &requester);
        let answer = persist(|| bus.answer(consumer, &self.delivery, recipient, &looked, audit.as_ref()));
        self.end(answer, Some(&reply)).await;
        Looked::Answered
    }

    /// Does the request, or passes it on: then there is nothing to finish. `way` is where to, if that is known.
    async fn proceed(&self, attempt: Attempt, way: Option<Way>) -> Option<Result<Outcome, Failure>> {
        if attempt.number > 1 && (self.streams() || !self.action.may_be_repeated(&self.arguments)) {
            return Some(Err(interrupted()));
        }
        let way = match way {
            Some(way) => Ok(way),
            None => self.route(attempt).await,
        };
        match way {
            Ok(Way::Here(instance)) => {
                let _place = match self.streams().then(|| Arc::clone(&self.worker.streams).try_acquire_owned()) {
                    Some(Err(_)) => return Some(Err(too_many_streams(&self.worker))),
                    place => place,
                };
                let done = match self.perform(instance.as_deref(), attempt).await {
                    Ok(Outcome::Streams(streaming)) => Box::pin(self.relay_recorded(*streaming)).await,
                    done => done,
                };
                let changed = self.changed(&done, instance.as_deref());
                self.show(changed).await;
                Some(self.settle(done, attempt.number))
            }
            Ok(Way::To(dock)) => {
                let (bus, consumer, trace) = (&self.worker.bus, &self.worker.consumer, self.goes_on());
                let (requester, to) = (self.requester(), Some(&dock));
                let from = (&requester, trace.as_deref());
                let pass = || bus.pass_on(consumer, &self.delivery, &self.request, self.deadline, to, from);
                let moved = persist(pass).await;
                match moved {
                    Ok(Moved::Yes) => {
                        self.worker.metrics().passed_on();
                        self.span.passed_on(&dock);
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
            Err(failure) => Some(self.settle(Err(failure), attempt.number)),
        }
    }

    /// What a refusal means where an earlier attempt may have done it: that it did, or that this is not known.
    fn settle(&self, done: Result<Outcome, Failure>, attempt: u32) -> Result<Outcome, Failure> {
        match done {
            Err(failure) if attempt > 1 && self.action.is_done_by(&failure) => Ok(Outcome::Answer(Answer::empty(204))),
            // True of this attempt only.
            Err(failure) if attempt > 1 && self.action.access != Access::View => Err(half_done(failure)),
            done => done,
        }
    }

    /// What of the shared records is other than it was.
    fn changed(&self, done: &Result<Outcome, Failure>, instance: Option<&str>) -> Changed {
        let instances = |ids: &[&str]| Changed::Instances(ids.iter().map(|id| (*id).to_owned()).collect());
        match (done, self.action.recorded) {
            (Ok(Outcome::Created(_, id)), _) => instances(&[id]),
            (Ok(Outcome::Replaced { new, old, .. }), _) => instances(&[new, old]),
            (Ok(_), Some(Recorded::Instance)) => instances(instance.as_slice()),
            (Ok(_), Some(Recorded::Resource(kind))) => Changed::Resources(kind),
            // Its name may have changed hands and come back.
            (Err(_), _) if self.action.resumes => instances(instance.as_slice()),
            _ => instances(&[]),
        }
    }

    /// Waits a little for the shared records to show what was done.
    async fn show(&self, changed: Changed) {
        match changed {
            Changed::Resources(kind) => self.worker.inventory.refresh_all(kind).await,
            Changed::Instances(ids) => {
                for id in ids {
                    self.worker.inventory.refresh(&id).await;
                }
            }
        }
    }

    /// What is said of a request whose time was up before it began, or if it had `begun`, before it was taken up again:
    /// what an earlier attempt has left half done is told then, and stays as it is.
    async fn too_late(&self, begun: bool) -> Result<Outcome, Failure> {
        if self.action.resumes && self.delivery.source == Source::Own {
            let now = Instant::now();
            let attempt = Attempt { asked: now, until: now, number: 2 };
            let fence = self.fence(attempt);
            let act = self.act(self.request.instance.as_deref(), attempt, &fence);
            let told = tokio::time::timeout(DAEMON_CALL, act).await;
            if let Ok(told @ (Ok(_) | Err(Failure { code: ErrorCode::Timeout, .. }))) = told {
                return told;
            }
        }
        let is_lost = begun && (self.streams() || self.action.access != Access::View);
        Err(if is_lost { interrupted() } else { expired() })
    }

    /// Where it is done; nothing is done before that is known.
    async fn route(&self, attempt: Attempt) -> Result<Way, Failure> {
        let way = route(self, attempt.number);
        tokio::time::timeout_at(attempt.until.into(), way).await.unwrap_or_else(|_| Err(expired()))
    }

    /// Does it, if whoever asks may; `instance` is the full id of the instance that it is about.
    async fn act(&self, instance: Option<&str>, attempt: Attempt, fence: &Fence<'_>) -> Result<Outcome, Failure> {
        let looked_up = self.admitted(instance, attempt.number).await?;
        let (instance, trace) = (looked_up.as_deref().or(instance), self.goes_on());
        instance.map(|instance| self.instance.set(instance.to_owned()));
        let context = Context {
            docker: &self.worker.docker,
            sampler: &self.worker.sampler,
            bus: &self.worker.bus,
            dock: self.worker.dock(),
            asked: asked(&self.worker, &self.request, self.delivery.source),
            until: attempt.until,
            deadline: self.deadline,
            caller: self.caller.get(),
            shows_secrets: self.shows_secrets(),
            bounds: self.worker.options.authority.as_ref().map_or(&NOTHING, |authority| &authority.bounds),
            request: &self.request,
            action: self.action,
            arguments: &self.arguments,
            instance,
            trace: trace.as_deref(),
            attempt: attempt.number,
            fence,
        };
        let done = self.action.run(&context).await;
        done.map_err(|failure| self.conceal(failure))
    }

    fn fence(&self, attempt: Attempt) -> Fence<'_> {
        let asked = (&self.request, self.requester());
        Fence::new(&self.worker.bus, &self.worker.consumer, &self.delivery, asked, self.deadline, attempt)
    }

    /// Does it until the deadline, and says honestly what is known when that has passed.
    async fn perform(&self, instance: Option<&str>, attempt: Attempt) -> Result<Outcome, Failure> {
        let (fence, begun, _span) = (self.fence(attempt), Instant::now(), self.span.child("execute"));
        let act = self.act(instance, attempt, &fence);
        let acted = tokio::time::timeout_at(attempt.until.into(), act).await;
        self.worker.metrics().executed(self.action.name, begun.elapsed());
        if let Ok(result) = acted {
            // True of its last step only.
            return result.map_err(|failure| if fence.was_passed() { half_done(failure) } else { failure });
        }
        let (code, message) = if self.action.access == Access::View {
            (ErrorCode::Timeout, "the dock did not answer before the request's time was up")
        } else if fence.was_passed() || attempt.number > 1 {
            let message = "the dock did not finish before the request's time was up: whether it took effect is not \
                           known, so look before you send it again";
            (ErrorCode::Timeout, message)
        } else {
            let message = "the Docker daemon did not answer before the request's time was up: nothing was asked of it, \
                           so it was not executed";
            (ErrorCode::DaemonDown, message)
        };
        Err(Failure::new(code, message))
    }

    /// The reply for an outcome; none for an action that has none.
    pub(super) fn reply(&self, outcome: Result<Outcome, Failure>) -> Option<Reply> {
        let (id, dock) = (self.request.id.clone(), self.worker.dock().clone());
        let reply = match outcome {
            Ok(Outcome::Silent | Outcome::Streams(_)) => return None,
            Ok(Outcome::Answer(answer)) => Reply::success(id, dock, answer, None),
            Ok(Outcome::Created(answer, instance) | Outcome::Replaced { answer, new: instance, .. }) => {
                Reply::success(id, dock, answer, Some(instance))
            }
            Ok(Outcome::Several(replies, failure)) => Reply::several(id, dock, replies, failure),
            Err(failure) => {
                tracing::info!(error = failure.code.as_str(), "failed: {}", failure.message);
                Reply::failure(id, dock, failure)
            }
        };
        Some(reply.traced(told(&self.span, &self.request.trace).as_ref()))
    }

    async fn finish(&self, outcome: Result<Outcome, Failure>, dead: Option<&str>) {
        let reply = self.reply(outcome);
        let json = reply.as_ref().map(Reply::to_json);
        let (bus, consumer, dock) = (&self.worker.bus, &self.worker.consumer, self.worker.dock());
        let audit = self.audit(reply.as_ref());
        let requester = self.requester();
        let ending = Ending { requester: &requester, reply: json.as_deref(), dead, audit: audit.as_ref() };
        // A stream may last longer than its request had to begin.
        let now = self.worker.now().filter(|_| self.streams());
        let deadline = self.deadline.max(now.unwrap_or_default());
        let finish = || bus.finish(consumer, &self.delivery, &self.request, deadline, dock, ending);
        self.end(persist(finish), reply.as_ref()).await;
    }

    /// Ends it, and says how it has ended.
    pub(super) async fn end(&self, ending: impl Future<Output = Result<bool, BusError>>, reply: Option<&Reply>) {
        let (begun, span) = (Instant::now(), self.span.child("reply"));
        let ended = ending.await;
        drop(span);
        match ended {
            Ok(true) => {
                self.span.answered(reply.map_or(204, Reply::status), reply.and_then(Reply::error));
                let outcome = reply.and_then(Reply::error).map_or(metrics::Outcome::Done, metrics::Outcome::Failed);
                self.worker.metrics().replied(begun.elapsed());
                self.worker.metrics().answered(Some(self.action.name), outcome);
                tracing::debug!(status = reply.map(Reply::status), "done");
            }
            Ok(false) => tracing::warn!("another worker has taken this request over; its reply counts"),
            Err(error) => self.bury(&error).await,
        }
    }

    /// Puts what cannot be answered where people find it.
    async fn bury(&self, error: &BusError) {
        tracing::error!(%error, "the request cannot be answered");
        self.worker.metrics().answered(Some(self.action.name), metrics::Outcome::Failed(ErrorCode::Internal));
        let (bus, consumer) = (&self.worker.bus, &self.worker.consumer);
        let reason = error.to_string();
        let (unanswerable, requester) = (Unbegun::Unanswerable(&reason), self.requester());
        let recipient = Recipient::of(&self.request, &requester);
        if let Err(error) = persist(|| bus.answer(consumer, &self.delivery, recipient, &unanswerable, None)).await {
            tracing::error!(%error, "nor can it be put with the dead");
        }
    }
}

/// What may be in the way of a request.
enum Hindrance {
    /// Its turn has not come in time.
    TooLate,
    /// Too many wait already.
    Crowded,
}

/// What the shared records are to show before a request is answered.
enum Changed {
    /// These instances.
    Instances(Vec<String>),
    /// What the dock has of that kind.
    Resources(Resource),
}

/// What became of an attempt to look.
enum Looked {
    /// It is answered.
    Answered,
    /// It has to be begun, and done that way if it is known.
    Elsewhere(Option<Way>),
}
