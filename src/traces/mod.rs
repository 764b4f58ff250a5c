//! Traces, as OpenTelemetry has them: every span that deblox makes, with its name and its attributes, and where it goes on.
//!
//! Nothing that a request holds is in a span but its id and where it was sent to: no field, no name, no answer, no message.

mod export;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use crate::protocol::{ErrorCode, Fqdn, GROUP, RequestId, TraceContext, Traced};

/// How long the end of a program waits for the spans that are left to be taken.
const FLUSH: Duration = Duration::from_secs(3);

/// The longest path of an HTTP call that is told.
const PATH: usize = 200;

/// Where the spans of one service go: a handle, cheap to clone. By default nowhere, and then none are made.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    exporting: Option<Exporting>,
}

#[derive(Clone, Debug)]
struct Exporting {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// A request in the hands of a worker.
#[derive(Clone, Copy, Debug)]
pub struct Handling<'a> {
    /// What it asks for, which the program knows beforehand.
    pub action: &'static str,
    /// Its id.
    pub id: &'a RequestId,
    /// The dock whose worker has it.
    pub dock: &'a Fqdn,
    /// The stream that it was in.
    pub stream: &'a str,
    /// When it was put there, in milliseconds of Redis's clock.
    pub sent: u64,
    /// What that clock shows now, if it is known.
    pub now: Option<u64>,
    /// Where it stands in a trace.
    pub trace: &'a Traced,
}

/// A span, which ends when it is dropped; or none, where nothing is exported.
#[derive(Debug, Default)]
pub struct Span(Option<Open>);

#[derive(Debug)]
struct Open {
    context: Context,
    tracer: SdkTracer,
    began: SystemTime,
    clock: Clock,
}

/// A clock that all spans of one request are told by.
#[derive(Clone, Copy, Debug)]
struct Clock {
    showed: SystemTime,
    at: Instant,
}

impl Traces {
    /// What `service` exports, as the variables `OTEL_…` of the environment say: nothing, unless they name a collector. One
    /// that cannot be used is told in the log, and nothing is exported either.
    pub fn from_environment(service: &'static str) -> Self {
        let exporting = export::provider(service).unwrap_or_else(|error| {
            tracing::error!("traces are not exported: {error}");
            None
        });
        Self { exporting: exporting.map(|provider| Exporting { tracer: provider.tracer("deblox"), provider }) }
    }

    /// The span of a request that a worker has, from when it was sent. Told by Redis's clock, because hosts may disagree
    /// about the time.
    pub fn handling(&self, request: &Handling<'_>) -> Span {
        let Some(exporting) = &self.exporting else { return Span::default() };
        let time = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        let clock = Clock { showed: request.now.map_or_else(SystemTime::now, time), at: Instant::now() };
        let attributes = [
            KeyValue::new("messaging.system", "redis"),
            KeyValue::new("messaging.operation.name", "process"),
            KeyValue::new("messaging.operation.type", "process"),
            KeyValue::new("messaging.destination.name", request.stream.to_owned()),
            KeyValue::new("messaging.consumer.group.name", GROUP),
            KeyValue::new("deblox.action", request.action),
            KeyValue::new("deblox.dock", request.dock.to_string()),
            KeyValue::new("deblox.request_id", request.id.to_string()),
        ];
        let span = SpanBuilder::from_name(request.action).with_kind(SpanKind::Consumer).with_attributes(attributes);
        exporting.begin(span, request.trace.parent(), time(request.sent).min(clock.showed), clock)
    }

    /// The span of a call by HTTP. `route` is the pattern that `path` fits.
    pub fn serving(&self, method: &str, route: &str, path: &str, parent: Option<&TraceContext>) -> Span {
        let Some(exporting) = &self.exporting else { return Span::default() };
        let clock = Clock { showed: SystemTime::now(), at: Instant::now() };
        let attributes = [
            KeyValue::new("http.request.method", method.to_owned()),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("url.path", path.chars().take(PATH).collect::<String>()),
            KeyValue::new("url.scheme", "http"),
        ];
        let name = format!("{method} {route}");
        let span = SpanBuilder::from_name(name).with_kind(SpanKind::Server).with_attributes(attributes);
        exporting.begin(span, parent, clock.showed, clock)
    }

    /// Exports what is left, as far as that takes no longer than 3 s. What follows is not exported.
    pub async fn end(&self) {
        let Some(Exporting { provider, .. }) = self.exporting.clone() else { return };
        // It waits for the thread that exports, which waits for this runtime.
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH)).await;
        if let Ok(Err(error)) = ended {
            tracing::info!(%error, "not all spans were exported");
        }
    }
}

impl Exporting {
    fn begin(&self, span: SpanBuilder, parent: Option<&TraceContext>, began: SystemTime, clock: Clock) -> Span {
        let above = Context::new();
        let above = parent.map_or(above.clone(), |parent| above.with_remote_span_context(remote(parent)));
        let tracer = self.tracer.clone();
        let span = tracer.build_with_context(span.with_start_time(began), &above);
        Span(Some(Open { context: Context::new().with_span(span), tracer, began, clock }))
    }
}

impl Span {
    /// The span, for others to be below it.
    pub fn context(&self) -> Option<TraceContext> {
        let Self(Some(open)) = self else { return None };
        let span = open.context.span();
        let context = span.span_context();
        let flags = (context.trace_flags() & TraceFlags::SAMPLED).to_u8();
        let parent = format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id());
        TraceContext::read(&parent, Some(&context.trace_state().header()))
    }

    /// The same, if it is recorded, and so will be found.
    pub fn recorded(&self) -> Option<TraceContext> {
        self.open()?;
        self.context()
    }

    /// A span below it.
    pub fn child(&self, name: &'static str) -> Self {
        let Some(open) = self.open() else { return Self::default() };
        open.child(name, open.clock.now())
    }

    /// A span below it that began with it, and ends now.
    pub fn so_far(&self, name: &'static str) {
        if let Some(open) = self.open() {
            drop(open.child(name, open.began));
        }
    }

    /// Notes that a request was passed on to another dock.
    pub fn passed_on(&self, dock: &Fqdn) {
        self.note(|| KeyValue::new("deblox.passed_on_to", dock.to_string()));
    }

    /// Notes how a request was answered: with that status, and that error, if it is one.
    pub fn answered(&self, status: u16, error: Option<ErrorCode>) {
        self.note(|| KeyValue::new("deblox.status_code", i64::from(status)));
        if let Some(code) = error {
            self.note(|| KeyValue::new("error.type", code.as_str()));
            self.fails(status, code.as_str());
        }
    }

    /// Notes the status of an answer by HTTP.
    pub fn responded(&self, status: u16) {
        self.note(|| KeyValue::new("http.response.status_code", i64::from(status)));
        if status >= 500 {
            self.note(|| KeyValue::new("error.type", status.to_string()));
            self.fails(status, "");
        }
    }

    /// What is wrong with a request is no fault of whoever serves it; what has the status of a fault is one.
    fn fails(&self, status: u16, what: &'static str) {
        if let Some(open) = self.open().filter(|_| status >= 500) {
            open.context.span().set_status(Status::error(what));
        }
    }

    fn note(&self, attribute: impl FnOnce() -> KeyValue) {
        if let Some(open) = self.open() {
            open.context.span().set_attribute(attribute());
        }
    }

    /// What is open, if it is recorded.
    fn open(&self) -> Option<&Open> {
        self.0.as_ref().filter(|open| open.context.span().is_recording())
    }
}

impl Open {
    fn child(&self, name: &'static str, began: SystemTime) -> Span {
        let builder = SpanBuilder::from_name(name).with_kind(SpanKind::Internal).with_start_time(began);
        let span = self.tracer.build_with_context(builder, &self.context);
        let (tracer, clock) = (self.tracer.clone(), self.clock);
        Span(Some(Open { context: Context::new().with_span(span), tracer, began, clock }))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.context.span().end_with_timestamp(self.clock.now());
    }
}

impl Clock {
    fn now(self) -> SystemTime {
        self.showed + self.at.elapsed()
    }
}

/// A span of somebody else's.
fn remote(context: &TraceContext) -> SpanContext {
    let trace = TraceId::from_hex(context.trace_id()).unwrap_or(TraceId::INVALID);
    let span = SpanId::from_hex(context.span_id()).unwrap_or(SpanId::INVALID);
    let flags = if context.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    let state: TraceState = context.state().and_then(|state| state.parse().ok()).unwrap_or_default();
    SpanContext::new(trace, span, flags, true, state)
}
