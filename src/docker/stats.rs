//! What containers use, as a daemon tells it (Docker Engine API, `GET /containers/{id}/stats`), reckoned as docker does.

use std::collections::VecDeque;
use std::time::SystemTime;

use serde_json::Value;

use super::client::{Docker, DockerError, Method, RequestParts};
use super::flow::{FlowOutput, Opened, Way};
use super::lines::Lines;
use crate::protocol::Sample;

/// What a container uses at one moment, and has used until then.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// When, by the daemon's clock; none where the container does not run.
    pub at: Option<SystemTime>,
    /// What its processors have done.
    pub work: Work,
    /// Bytes of memory, without what the kernel may drop at any time.
    pub memory: u64,
    /// Bytes of memory that it may use.
    pub memory_limit: u64,
    /// Bytes that it has received, over all networks.
    pub received: u64,
    /// Bytes that it has sent.
    pub sent: u64,
    /// Bytes that it has read from disks.
    pub read: u64,
    /// Bytes that it has written to them.
    pub written: u64,
    /// Its processes and threads.
    pub pids: u64,
}

/// What the processors of a host have done, and for one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// For the container, in nanoseconds.
    used: u64,
    /// In all, idle or not, of all processors together.
    all: u64,
    /// How many they are.
    processors: u64,
}

impl Reading {
    /// Reads what the daemon says of a container.
    pub fn of(stats: &Value) -> Self {
        let number = |path: &str| stats.pointer(path).and_then(Value::as_u64).unwrap_or_default();
        let usage = number("/memory_stats/usage");
        // Its name depends on the version of control groups.
        let cached =
            ["total_inactive_file", "inactive_file"].map(|name| number(&format!("/memory_stats/stats/{name}")));
        let cached = cached.into_iter().find(|n| *n > 0).unwrap_or_default();
        let networks = stats["networks"].as_object();
        let through = |way: &str| networks.into_iter().flatten().filter_map(|(_, one)| one[way].as_u64()).sum();
        let blocks = stats["blkio_stats"]["io_service_bytes_recursive"].as_array();
        let moved = |way: &str| {
            let fits = |one: &&Value| one["op"].as_str().is_some_and(|op| op.eq_ignore_ascii_case(way));
            blocks.into_iter().flatten().filter(fits).filter_map(|one| one["value"].as_u64()).sum()
        };
        Self {
            at: stats["read"].as_str().and_then(|time| humantime::parse_rfc3339(time).ok()),
            work: Work::of(&stats["cpu_stats"]),
            memory: usage.checked_sub(cached).unwrap_or(usage),
            memory_limit: number("/memory_stats/limit"),
            received: through("rx_bytes"),
            sent: through("tx_bytes"),
            read: moved("read"),
            written: moved("write"),
            pids: number("/pids_stats/current"),
        }
    }

    /// What it has used since `before`; none where no time has passed.
    pub(super) fn since(&self, before: &Self) -> Option<Sample> {
        let millis = self.at?.duration_since(before.at?).ok()?.as_millis();
        let rate = |now: u64, before: u64| {
            let bytes = (u128::from(now.saturating_sub(before)) * 1000).checked_div(millis)?;
            u64::try_from(bytes).ok()
        };
        Some(Sample {
            cpu: (self.work.percent_since(before.work) * 100.0).round() / 100.0,
            memory: self.memory,
            memory_limit: self.memory_limit,
            rx: rate(self.received, before.received)?,
            tx: rate(self.sent, before.sent)?,
            read: rate(self.read, before.read)?,
            written: rate(self.written, before.written)?,
            pids: self.pids,
        })
    }
}

impl Work {
    /// Reads `cpu_stats` or `precpu_stats`.
    pub fn of(cpu: &Value) -> Self {
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let listed = cpu["cpu_usage"]["percpu_usage"].as_array().map_or(0, Vec::len) as u64;
        Self {
            used: number(&cpu["cpu_usage"]["total_usage"]),
            all: number(&cpu["system_cpu_usage"]),
            processors: [number(&cpu["online_cpus"]), listed].into_iter().find(|n| *n > 0).unwrap_or(1),
        }
    }

    /// Per cent of one processor that the container has used since it was `before`; none that is known where nothing was
    /// measured then.
    #[expect(clippy::cast_precision_loss, reason = "shares are shown with two digits")]
    pub fn percent_since(self, before: Self) -> f64 {
        let (used, all) = (self.used.saturating_sub(before.used), self.all.saturating_sub(before.all));
        if all == 0 || before.all == 0 { 0.0 } else { used as f64 / all as f64 * 100.0 * self.processors as f64 }
    }
}

/// What a container uses, again and again.
pub struct Stats {
    output: FlowOutput,
    lines: Lines,
    read: VecDeque<Reading>,
}

impl Docker {
    /// Asks what the container with this id uses, from now on: about once a second.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn stats(&self, id: &str) -> Result<Stats, DockerError> {
        let stats = RequestParts::new(Method::GET, "/containers/{}/stats").segment(id);
        match self.flow(&stats, Way::Down).await?.opening.await? {
            Opened::Flows(_, _, output) => Ok(Stats { output, lines: Lines::default(), read: VecDeque::new() }),
            Opened::Refused(answer) => {
                Err(DockerError::Refused(answer.status, "what a container uses is not told".into()))
            }
        }
    }
}

impl Stats {
    /// The next; none when the daemon tells no more.
    ///
    /// # Errors
    /// [`DockerError::Down`] when the daemon or the connection was lost.
    pub async fn next(&mut self) -> Result<Option<Reading>, DockerError> {
        loop {
            if let Some(reading) = self.read.pop_front() {
                return Ok(Some(reading));
            }
            let Some((_, bytes)) = self.output.next().await? else { return Ok(None) };
            let lines = self.lines.add(&bytes).into_iter();
            self.read.extend(lines.filter_map(|line| Some(Reading::of(&serde_json::from_slice(&line).ok()?))));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reading(second: u32, n: u64) -> Reading {
        Reading::of(&json!({
            "read": format!("2026-11-28T12:00:{second:02}.5Z"),
            "cpu_stats": {"cpu_usage": {"total_usage": n * 300}, "system_cpu_usage": 1000 + n * 1000, "online_cpus": 2},
            "memory_stats": {"usage": 3000, "limit": 4000, "stats": {"inactive_file": 1000}},
            "networks": {"eth0": {"rx_bytes": n * 600, "tx_bytes": 1}, "eth1": {"rx_bytes": n * 200, "tx_bytes": 1}},
            "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": n * 8}, {"op": "write", "value": n * 4}]},
            "pids_stats": {"current": 3},
        }))
    }

    #[test]
    fn what_is_counted_becomes_what_is_used_in_a_second() {
        let sample = reading(4, 3).since(&reading(2, 1)).unwrap();
        let expected =
            Sample { cpu: 60.0, memory: 2000, memory_limit: 4000, rx: 800, tx: 0, read: 8, written: 4, pids: 3 };
        assert_eq!(sample, expected);
        assert_eq!(reading(2, 1).since(&reading(4, 3)), None, "its clock was set back");
        assert_eq!(reading(2, 3).since(&reading(2, 1)), None, "no time has passed");
        let again = reading(4, 0).since(&reading(2, 9)).unwrap();
        assert_eq!((again.cpu, again.rx), (0.0, 0), "it was started again, and counts from nothing");
    }

    #[test]
    fn of_a_container_that_does_not_run_nothing_is_read() {
        let nothing = Reading::of(&json!({"read": "0001-01-01T00:00:00Z", "cpu_stats": {}}));
        assert_eq!((nothing.at, nothing.memory), (None, 0));
        assert_eq!(nothing.since(&reading(2, 1)), None);
    }
}
