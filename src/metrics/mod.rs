//! What is counted and measured, as Prometheus reads it: every name, every help line, every label and the buckets.
//!
//! Labels have few values, which the program knows beforehand: names of actions, codes of errors, routes. Nothing that a
//! caller chooses is one: no id, no user, no image.

mod text;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub use text::{CONTENT_TYPE, ClusterNow};

use crate::protocol::{ErrorCode, Fqdn};

/// The upper bounds of all histograms, in seconds: from what an inspect takes to what a pull may.
const BUCKETS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];

/// Names and values of labels.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// What all parts of one process count; a handle, cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    inner: Arc<Inner>,
}

/// One of several at the same time, until it is dropped.
#[derive(Debug)]
pub struct Underway(Gauge);

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It failed like that.
    Failed(ErrorCode),
}

/// What became of a record of the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is there.
    Kept,
    /// It was one of many: their number will be recorded.
    Counted,
    /// Redis could not be told.
    Lost,
}

/// Another party that is there, or away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Redis.
    Redis,
    /// The Docker daemon.
    Docker,
}

/// Which way the bytes of a stream go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the daemon to the reader.
    Out,
    /// From the reader to the daemon.
    In,
}

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: Family<Labels<2>, Counter>,
    queue: Family<Labels<1>, Histogram>,
    execution: Family<Labels<1>, Histogram>,
    reply: Histogram,
    in_flight: Gauge,
    passed_on: Counter,
    taken_over: Counter,
    heartbeats: Family<Labels<1>, Counter>,
    docker_up: Family<[(&'static str, String); 1], Gauge>,
    docker_errors: Family<Labels<1>, Counter>,
    reconnects: Family<Labels<1>, Counter>,
    streams_open: Gauge,
    stream_bytes: Family<Labels<1>, Counter>,
    http_requests: Family<[(&'static str, String); 3], Counter>,
    http_request: Family<[(&'static str, String); 1], Histogram>,
    http_in_flight: Gauge,
    auth_messages: Family<Labels<2>, Counter>,
    logins: Family<Labels<1>, Counter>,
    audit_records: Family<Labels<1>, Counter>,
}

impl Default for Inner {
    fn default() -> Self {
        let mut inner = Self {
            registry: Registry::with_prefix("deblox"),
            requests: Family::default(),
            queue: Family::new_with_constructor(histogram),
            execution: Family::new_with_constructor(histogram),
            reply: histogram(),
            in_flight: Gauge::default(),
            passed_on: Counter::default(),
            taken_over: Counter::default(),
            heartbeats: Family::default(),
            docker_up: Family::default(),
            docker_errors: Family::default(),
            reconnects: Family::default(),
            streams_open: Gauge::default(),
            stream_bytes: Family::default(),
            http_requests: Family::default(),
            http_request: Family::new_with_constructor(histogram),
            http_in_flight: Gauge::default(),
            auth_messages: Family::default(),
            logins: Family::default(),
            audit_records: Family::default(),
        };
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        inner.registry.register("build", "The version of deblox", Info::new(version));
        inner.register_worker();
        inner.register_others();
        inner.begin_at_zero();
        inner
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Inner {
    fn register_worker(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "requests",
            "Requests that this worker has answered, by action and outcome: done, or the code of the error. What was no \
             request that could be read has the action `other`",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "request_queue",
            "How long requests were in their stream, the shared one or the dock's own, before they were begun here",
            Unit::Seconds,
            self.queue.clone(),
        );
        registry.register_with_unit(
            "request_execution",
            "How long requests took that were done here; of one that streams, until its stream began",
            Unit::Seconds,
            self.execution.clone(),
        );
        registry.register_with_unit(
            "request_reply",
            "How long it took to write a reply to Redis, waiting for Redis to come back included",
            Unit::Seconds,
            self.reply.clone(),
        );
        registry.register("requests_in_flight", "Requests that this worker has in hand", self.in_flight.clone());
        registry.register(
            "requests_passed_on",
            "Requests that this worker has passed on to another dock's stream",
            self.passed_on.clone(),
        );
        registry.register(
            "requests_taken_over",
            "Requests that this worker has taken over from one that was lost or has stopped",
            self.taken_over.clone(),
        );
        registry.register(
            "heartbeats",
            "Heartbeats of this worker, one each second, by outcome: done or failed",
            self.heartbeats.clone(),
        );
        registry.register("docker_up", "Whether the Docker daemon of the dock answers: 1 or 0", self.docker_up.clone());
        registry.register(
            "docker_errors",
            "Calls to the Docker daemon that had no answer that is of use: unreachable, silent (not answered in time), \
             failed (5xx), too-large, version",
            self.docker_errors.clone(),
        );
        registry.register("streams_open", "Requests that stream at the moment", self.streams_open.clone());
        registry.register_with_unit(
            "stream",
            "Bytes of streams, from the daemon to the reader (out) and from the reader to the daemon (in)",
            Unit::Bytes,
            self.stream_bytes.clone(),
        );
    }

    /// What is seen for the first time with a 1 has not risen, to Prometheus: what alerts ask for is there from the beginning.
    fn begin_at_zero(&self) {
        for (family, name, values) in [
            (&self.docker_errors, "kind", &["unreachable", "silent", "failed", "too-large", "version"][..]),
            (&self.reconnects, "to", &["redis", "docker"]),
            (&self.logins, "outcome", &["done", "denied", "locked"]),
            (&self.stream_bytes, "direction", &["out", "in"]),
            (&self.audit_records, "outcome", &["kept", "counted", "lost"]),
        ] {
            for value in values {
                drop(family.get_or_create(&[(name, *value)]));
            }
        }
    }

    fn register_others(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "reconnects",
            "How often Redis or the Docker daemon was back after it had been away",
            self.reconnects.clone(),
        );
        registry.register(
            "http_requests",
            "Requests by HTTP to the web UI and its API, by method, route and the class of the status",
            self.http_requests.clone(),
        );
        registry.register_with_unit(
            "http_request",
            "How long they took; of what streams, until the stream began",
            Unit::Seconds,
            self.http_request.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests by HTTP that wait for their answer",
            self.http_in_flight.clone(),
        );
        registry.register(
            "auth_messages",
            "Messages to the auth manager, by address and outcome: done, late (nothing was done), lost (another has \
             answered), failed",
            self.auth_messages.clone(),
        );
        registry.register(
            "logins",
            "Logins with a password at the auth manager, by outcome: done, denied, locked (too many had failed)",
            self.logins.clone(),
        );
        registry.register(
            "audit_records",
            "Records of the audit that this program has made, by outcome: kept, counted (refusals and looks beyond the bound \
             of one caller, whose number is recorded later), lost (Redis could not add them)",
            self.audit_records.clone(),
        );
    }
}

impl Metrics {
    /// A worker has answered a request for `action`; none where that could not be read.
    pub fn answered(&self, action: Option<&'static str>, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Done => "done",
            Outcome::Failed(code) => code.as_str(),
        };
        let labels = [("action", action.unwrap_or("other")), ("outcome", outcome)];
        self.inner.requests.get_or_create(&labels).inc();
    }

    /// A request was so long in that stream.
    pub fn waited(&self, stream: &'static str, time: Duration) {
        self.inner.queue.get_or_create(&[("stream", stream)]).observe(time.as_secs_f64());
    }

    /// Doing it took so long.
    pub fn executed(&self, action: &'static str, time: Duration) {
        self.inner.execution.get_or_create(&[("action", action)]).observe(time.as_secs_f64());
    }

    /// Writing its reply took so long.
    pub fn replied(&self, time: Duration) {
        self.inner.reply.observe(time.as_secs_f64());
    }

    /// A request is in hand.
    pub fn in_hand(&self) -> Underway {
        Underway::new(&self.inner.in_flight)
    }

    /// One was passed on to another dock.
    pub fn passed_on(&self) {
        self.inner.passed_on.inc();
    }

    /// So many were taken over from other workers.
    pub fn taken_over(&self, requests: usize) {
        self.inner.taken_over.inc_by(requests as u64);
    }

    /// A heartbeat was sent, or not.
    pub fn beat(&self, done: bool) {
        self.inner.heartbeats.get_or_create(&[("outcome", if done { "done" } else { "failed" })]).inc();
    }

    /// The daemon of `dock` is there, or away.
    pub fn docker_is(&self, dock: &Fqdn, up: bool) {
        self.inner.docker_up.get_or_create(&[("dock", dock.to_string())]).set(i64::from(up));
    }

    /// The daemon has not answered as it should.
    pub fn docker_error(&self, kind: &'static str) {
        self.inner.docker_errors.get_or_create(&[("kind", kind)]).inc();
    }

    /// Somebody is back.
    pub fn back(&self, peer: Peer) {
        let to = match peer {
            Peer::Redis => "redis",
            Peer::Docker => "docker",
        };
        self.inner.reconnects.get_or_create(&[("to", to)]).inc();
    }

    /// A request streams.
    pub fn streams(&self) -> Underway {
        Underway::new(&self.inner.streams_open)
    }

    /// So many bytes went that way.
    pub fn streamed(&self, direction: Direction, bytes: usize) {
        let direction = match direction {
            Direction::Out => "out",
            Direction::In => "in",
        };
        self.inner.stream_bytes.get_or_create(&[("direction", direction)]).inc_by(bytes as u64);
    }

    /// A request by HTTP waits for its answer.
    pub fn http_in_hand(&self) -> Underway {
        Underway::new(&self.inner.http_in_flight)
    }

    /// One was answered with `status`; `route` is the pattern of its path, none where there is no such route.
    pub fn http(&self, method: &str, route: Option<&str>, status: u16, time: Duration) {
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let method = known.into_iter().find(|known| *known == method).unwrap_or("other");
        let route = route.unwrap_or("other");
        let (class, named) = (format!("{}xx", status / 100), |name, value: &str| (name, value.to_owned()));
        let labels = [named("method", method), named("route", route), named("status", &class)];
        self.inner.http_requests.get_or_create(&labels).inc();
        self.inner.http_request.get_or_create(&[named("route", route)]).observe(time.as_secs_f64());
    }

    /// A message to the auth manager came to that end.
    pub fn auth_message(&self, address: &'static str, outcome: &'static str) {
        self.inner.auth_messages.get_or_create(&[("address", address), ("outcome", outcome)]).inc();
    }

    /// A record of the audit came to that end.
    pub fn recorded(&self, outcome: Recorded) {
        let outcome = match outcome {
            Recorded::Kept => "kept",
            Recorded::Counted => "counted",
            Recorded::Lost => "lost",
        };
        self.inner.audit_records.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Somebody has logged in, or was not let in.
    pub fn login(&self, outcome: &'static str) {
        self.inner.logins.get_or_create(&[("outcome", outcome)]).inc();
    }
}

impl Underway {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.dec();
    }
}
