//! How a request ends: its reply, its record, and what is counted of it.

use std::future::Future;
use std::time::Instant;

use super::job::Ready;
use super::spans::told;
use crate::actions::Outcome;
use crate::bus::{BusError, Ending, Recipient, Unbegun, persist};
use crate::metrics;
use crate::protocol::{ErrorCode, Failure, Reply};

impl Ready {
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

    pub(super) async fn finish(&self, outcome: Result<Outcome, Failure>, dead: Option<&str>) {
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
    pub(super) async fn bury(&self, error: &BusError) {
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
