//! Where requests stand in traces: the span of each, what goes on with it, and what its reply says.

use super::Worker;
use super::job::Ready;
use crate::bus::{Consumer, Delivery};
use crate::protocol::{RequestId, TraceContext, Traced};
use crate::traces::{Handling, Span};

impl Worker {
    /// The span of a delivered entry, from when it was sent.
    pub(super) fn span(
        &self,
        consumer: &Consumer,
        delivery: &Delivery,
        action: &'static str,
        id: &RequestId,
        trace: &Traced,
    ) -> Span {
        let (dock, stream) = (self.dock(), consumer.stream(delivery.source));
        let (sent, now) = (delivery.entry.millis, self.now());
        self.options.traces.handling(&Handling { action, id, dock, stream, sent, now, trace })
    }
}

impl Ready {
    /// The span that others will be below which have to do with this request, as a `traceparent`; none where that is the one
    /// that its caller named.
    pub(super) fn goes_on(&self) -> Option<String> {
        let span = self.span.context().or_else(|| self.request.trace.passed_on.clone());
        span.map(|span| span.parent().to_owned())
    }
}

/// What the reply says to whoever has named a trace: the span of the worker where that can be found, else what was named.
pub(super) fn told(span: &Span, trace: &Traced) -> Option<TraceContext> {
    let asked = trace.asked.as_ref()?;
    Some(span.recorded().unwrap_or_else(|| asked.clone()))
}
