//! The text that a scrape gets: what this process has counted, and how the cluster is at that moment.

use std::time::Duration;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::{Labels, Metrics};
use crate::protocol::DockState;

/// What the text is, as HTTP says it.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// The states that a dock may be in, as they are called in labels.
const STATES: [(DockState, &str); 6] = [
    (DockState::Up, "up"),
    (DockState::Drained, "drained"),
    (DockState::Unregistered, "unregistered"),
    (DockState::Stopped, "stopped"),
    (DockState::Lost, "lost"),
    (DockState::NeverSeen, "never-seen"),
];

/// How the cluster is. What is not known is left out of the text.
#[derive(Debug, Default)]
pub struct ClusterNow {
    /// Whether Redis answers.
    pub redis_up: bool,
    /// Of a stream, shared or own: how many requests wait in it that no worker has taken yet, and since when the oldest does.
    pub queues: Vec<(&'static str, u64, Duration)>,
    /// Of each dock: its state, and whether its worker has said that its daemon does not answer.
    pub docks: Option<Vec<(DockState, bool)>>,
}

impl Metrics {
    /// All of it.
    pub fn text(&self, now: &ClusterNow) -> String {
        let mut text = String::new();
        for registry in [&self.inner.registry, &gauges(now)] {
            prometheus_text::encode(&mut text, registry).expect("a string takes everything");
        }
        text
    }
}

fn gauges(now: &ClusterNow) -> Registry {
    let mut registry = Registry::with_prefix("deblox");
    let redis_up = Gauge::<i64>::default();
    redis_up.set(i64::from(now.redis_up));
    registry.register("redis_up", "Whether Redis answers: 1 or 0", redis_up);
    if !now.queues.is_empty() {
        let (length, oldest) = (Family::<Labels<1>, Gauge>::default(), Family::<Labels<1>, Gauge<f64, _>>::default());
        for (stream, waiting, since) in &now.queues {
            length.get_or_create(&[("stream", stream)]).set(whole(*waiting));
            oldest.get_or_create(&[("stream", stream)]).set(since.as_secs_f64());
        }
        let about = "Requests that no worker has taken yet, in the stream for all docks (shared) and in that for this dock (own)";
        registry.register("queue_length", about, length);
        let about = "How long the oldest of them has waited";
        registry.register_with_unit(
            "queue_oldest",
            about,
            Unit::Seconds,
            oldest as Family<_, Gauge<f64, std::sync::atomic::AtomicU64>>,
        );
    }
    if let Some(docks) = &now.docks {
        let states = Family::<Labels<1>, Gauge>::default();
        for (state, name) in STATES {
            let count = docks.iter().filter(|(other, _)| *other == state).count();
            states.get_or_create(&[("state", name)]).set(whole(count as u64));
        }
        registry.register("docks", "Docks of the cluster, by state", states);
        let without = Gauge::<i64>::default();
        let live = docks.iter().filter(|(state, without)| *without && !state.is_silent());
        without.set(whole(live.count() as u64));
        registry.register(
            "docks_without_daemon",
            "Docks whose worker is there and whose Docker daemon is not",
            without,
        );
    }
    registry
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_left_out() {
        let metrics = Metrics::default();
        let away = metrics.text(&ClusterNow::default());
        assert!(away.contains("\ndeblox_redis_up 0\n"), "{away}");
        for absent in ["deblox_queue", "deblox_docks"] {
            assert!(!away.contains(absent), "{away}");
        }
        let docks = Some(vec![(DockState::Lost, true), (DockState::Up, true), (DockState::Up, false)]);
        let queues = vec![("shared", 3, Duration::from_millis(1500))];
        let there = metrics.text(&ClusterNow { redis_up: true, queues, docks });
        for line in [
            "deblox_redis_up 1",
            "deblox_queue_length{stream=\"shared\"} 3",
            "deblox_queue_oldest_seconds{stream=\"shared\"} 1.5",
            "deblox_docks{state=\"lost\"} 1",
            "deblox_docks{state=\"up\"} 2",
            "deblox_docks{state=\"never-seen\"} 0",
            "deblox_docks_without_daemon 1",
        ] {
            assert!(there.lines().any(|there| there == line), "{line} is not in\n{there}");
        }
    }
}
