//! The shared records: docks, instances, owners. Workers write them, everyone reads them.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::limits::LEASE;
use super::{Fqdn, HostUsage};

/// Labels of a container or a dock.
pub type Labels = BTreeMap<String, String>;

/// The labels that deblox puts on a container.
pub mod label {
    /// What all of them begin with; requests cannot set such a label.
    pub const PREFIX: &str = "deblox.";
    /// The user whom the container belongs to.
    pub const OWNER: &str = "deblox.owner";
    /// The request that created it.
    pub const REQUEST: &str = "deblox.request";
    /// The full id of the container whose place it takes.
    pub const REPLACES: &str = "deblox.replaces";
    /// There if that one ran, so that this one is to run as well.
    pub const REPLACES_RUNNING: &str = "deblox.replaces-running";
    /// The names of variables and labels whose values are masked for callers who may not run anything in the container.
    pub const SECRETS: &str = "deblox.secrets";
    /// The full id of its image. An image cannot contain its own id: this shows that deblox wrote the labels beside it.
    pub const IMAGE: &str = "deblox.image";

    /// Those that say something of a container to deblox itself.
    pub const ALL: [&str; 5] = [OWNER, REQUEST, REPLACES, REPLACES_RUNNING, IMAGE];
}

/// Whether a dock takes part, as set by requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It does.
    #[default]
    Active,
    /// It keeps its instances and takes no new ones.
    Drained,
    /// It is out of the pool; its instances run on.
    Unregistered,
}

/// Whether a worker reaches its daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum DaemonState {
    /// It has not answered, or no longer does.
    #[default]
    Down,
    /// It answers.
    Up,
}

/// What a worker knows of its dock and writes with each heartbeat.
///
/// It holds no lists: a Lua script reads and writes it, and would turn an empty list into an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DockFacts {
    /// Whether the daemon answers.
    pub daemon: DaemonState,
    /// The daemon's version, such as `20.10.24`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<String>,
    /// The API version spoken with the daemon, such as `1.41`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The operating system, as the daemon names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_system: Option<String>,
    /// Processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<i64>,
    /// Memory in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<i64>,
    /// All containers, in whatever state.
    pub containers: usize,
    /// Containers that run.
    pub running: usize,
    /// What its host uses; absent where the worker does not run on that host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<HostUsage>,
    /// Labels given to the worker.
    pub labels: Labels,
    /// Whether it asks who sends requests.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enforces: bool,
    /// deblox's version.
    pub worker_version: String,
}

/// One entry of `deblox.docks`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DockRecord {
    /// What the worker knows.
    #[serde(flatten)]
    pub facts: Option<DockFacts>,
    /// Labels that requests have set, over those of the worker; one with an empty value is removed.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub set_labels: Labels,
    /// Whether the dock takes part.
    pub standing: Standing,
    /// When the last heartbeat came, in milliseconds of Redis's clock; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<u64>,
    /// When the last heartbeat came that found the daemon up, on the same clock; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon_seen: Option<u64>,
    /// Whether the worker said goodbye.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// Whether it was told that it is lost.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub told: bool,
}

/// How a dock stands, derived from its record and the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum DockState {
    /// Its worker sends heartbeats.
    #[serde(rename = "up")]
    Up,
    /// It does, and takes no new instances.
    #[serde(rename = "drained")]
    Drained,
    /// It was taken out of the pool.
    #[serde(rename = "unregistered")]
    Unregistered,
    /// Its worker stopped in good order.
    #[serde(rename = "stopped")]
    Stopped,
    /// Its worker has fallen silent.
    #[serde(rename = "lost")]
    Lost,
    /// It was registered, but no worker has ever spoken for it.
    #[serde(rename = "never seen")]
    NeverSeen,
}

impl DockState {
    /// Whether nothing is to be heard of its worker, so that what is known of the dock may be old.
    pub fn is_silent(self) -> bool {
        matches!(self, Self::Stopped | Self::Lost | Self::NeverSeen)
    }
}

impl DockRecord {
    /// The labels that count: those of the worker, with those that requests have set over them.
    pub fn labels(&self) -> Labels {
        let mut labels = self.facts.as_ref().map(|facts| facts.labels.clone()).unwrap_or_default();
        labels.extend(self.set_labels.clone());
        labels.retain(|_, value| !value.is_empty());
        labels
    }

    /// The state at `now`, in milliseconds of Redis's clock.
    pub fn state(&self, now: u64) -> DockState {
        match (self.standing, self.last_seen) {
            (Standing::Unregistered, _) => DockState::Unregistered,
            (_, None) => DockState::NeverSeen,
            _ if self.stopped => DockState::Stopped,
            (_, Some(seen)) if now.saturating_sub(seen) > millis(LEASE) => DockState::Lost,
            (Standing::Drained, _) => DockState::Drained,
            (Standing::Active, _) => DockState::Up,
        }
    }
}

/// A duration in whole milliseconds, as Redis counts.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since the epoch as RFC 3339 writes a time; what is later than that can write is the last moment it can.
pub fn rfc3339(millis: u64) -> String {
    /// 9999-12-31T23:59:59.999Z
    const LAST: u64 = 253_402_300_799_999;
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(millis.min(LAST))).to_string()
}

/// One entry of `deblox.instances.<FQDN>`: a container as its daemon lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The full id.
    pub id: String,
    /// The name, without the slash that Docker puts before it.
    pub name: String,
    /// The image as it was asked for.
    pub image: String,
    /// Docker's state: `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`.
    pub state: String,
    /// Docker's sentence about it without the time, such as `Up (healthy)` or `Exited (0)`.
    pub status: String,
    /// Since when that is so, in seconds since the epoch by the clock of its host, as exact as Docker's own sentence was
    /// (`Up 3 hours`); absent where it tells no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// When it was created, in seconds since the epoch.
    pub created: i64,
    /// The user it belongs to; absent for what was started without deblox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The request that created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Its labels, without deblox's own.
    pub labels: Labels,
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// The host's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The port inside the container.
    pub private_port: u16,
    /// The host's port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_port: Option<u16>,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

impl Summary {
    /// Keeps what `known`, an earlier look at the same container, has told of the time, where this one tells the same less
    /// exactly. It was taken `now`, in seconds since the epoch.
    pub fn keep_time(&mut self, known: &Self, now: i64) {
        if let (Some(since), Some(earlier)) = (self.since, known.since) {
            // Docker's sentences have one unit: the longer ago, the larger.
            const UNITS: [u64; 6] = [60, 3_600, 86_400, 604_800, 2_592_000, 31_536_000];
            let ago = now.abs_diff(since);
            let unit = UNITS.into_iter().rev().find(|unit| ago >= *unit).unwrap_or(2);
            if self.state == known.state && since.abs_diff(earlier) <= unit {
                self.since = known.since;
            }
        }
    }

    /// Whether it counts towards its dock's load: it runs, or was created to be run.
    pub fn counts(&self) -> bool {
        matches!(self.state.as_str(), "created" | "running" | "restarting" | "paused")
    }
}

/// One entry of `deblox.owners`: where an instance lives and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerRecord {
    /// The user it belongs to; absent for what was started without deblox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its dock.
    pub dock: Fqdn,
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// The request that created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One entry of `deblox.events`: what has happened that people should know.
///
/// The scripts that change the records of docks and instances write further ones in the same step: `dock-lost`, `dock-stopped`,
/// `dock-back`, `instance-created`, `instance-renamed`, `instance-removed`, `instance-` with its new state, and `instance-unhealthy` and `instance-healthy` of one that
/// runs. Those of instances have its name, image, state and owner, and the `exitCode` of one that has exited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Event {
    /// A dock that was lost came back with an instance whose request had been done on another dock meanwhile. It was
    /// stopped, or paused if stopping would remove it, and given this name.
    InstanceExtra {
        /// The dock that came back.
        dock: Fqdn,
        /// The full id of the instance.
        id: String,
        /// Its name now.
        name: String,
        /// The request that created it.
        request_id: String,
    },
}

impl Event {
    /// What a record of the audit has as its `event`.
    pub const REQUEST: &str = "request";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_kept_as_exact_as_it_was_first_told() {
        let seen = |state: &str, since: i64| Summary {
            id: "x".into(),
            name: "x".into(),
            image: "x".into(),
            state: state.into(),
            status: "Up".into(),
            since: Some(since),
            created: 0,
            owner: None,
            request_id: None,
            ports: Vec::new(),
            labels: Labels::new(),
        };
        let known = seen("running", 1_000_000);
        // Seen how much later, with a clock that shows how long, and whether that is the same beginning.
        for (later, shown, same) in [
            (5, 4, true),
            (100, 60, true),
            (7_000, 7_200, true),
            (100_000, 100_800, true),
            (7_000, 3, false),
            (100_000, 7_200, false),
            (30, 5, false),
        ] {
            let now = 1_000_000 + later;
            let mut again = seen("running", now - shown);
            again.keep_time(&known, now);
            assert_eq!(again.since == known.since, same, "{later} {shown}");
        }
        let mut ended = seen("exited", 1_000_001);
        ended.keep_time(&known, 1_000_002);
        assert_eq!(ended.since, Some(1_000_001));
    }

    #[test]
    fn any_number_is_a_time() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn the_state_follows_from_record_and_time() {
        let record =
            |standing, last_seen, stopped| DockRecord { standing, last_seen, stopped, ..DockRecord::default() };
        let now = 1_000_000;
        assert_eq!(record(Standing::Active, None, false).state(now), DockState::NeverSeen);
        assert_eq!(record(Standing::Active, Some(now - 1000), false).state(now), DockState::Up);
        assert_eq!(record(Standing::Drained, Some(now - 1000), false).state(now), DockState::Drained);
        assert_eq!(record(Standing::Drained, Some(now - 3001), false).state(now), DockState::Lost);
        assert_eq!(record(Standing::Active, Some(now - 1000), true).state(now), DockState::Stopped);
        assert_eq!(record(Standing::Unregistered, Some(now), false).state(now), DockState::Unregistered);
    }

    #[test]
    fn a_record_written_by_a_script_is_read_back() {
        let text = r#"{"standing":"drained","lastSeen":5,"daemon":"up","containers":2,"running":1,"labels":{},"workerVersion":"0.1.0"}"#;
        let record: DockRecord = serde_json::from_str(text).unwrap();
        assert_eq!(record.facts.unwrap().daemon, DaemonState::Up);
        assert!(serde_json::from_str::<DockRecord>(r#"{"standing":"active"}"#).unwrap().facts.is_none());
    }
}
