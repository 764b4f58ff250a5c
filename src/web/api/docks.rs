//! `GET /api/v1/docks`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::look;
use super::problem::Problem;
use crate::protocol::{DaemonState, DockRecord, DockState, Fqdn, HostUsage, Labels};
use crate::web::Node;
use crate::web::view::SeenDock;

/// All docks.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Docks {
    /// Redis's clock, in milliseconds.
    now: u64,
    /// They, by name.
    docks: Vec<Dock>,
}

/// A host with a Docker daemon.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Dock {
    /// Its full name.
    name: String,
    /// How it stands.
    state: DockState,
    /// Whether its worker and its daemon answer, so that what is said of it is so now.
    reachable: bool,
    /// Whether its daemon answered when its worker last spoke.
    daemon: Option<DaemonState>,
    /// When its worker was last heard, in milliseconds of Redis's clock.
    last_seen: Option<u64>,
    /// When what is said of it was last known to be so.
    last_known: Option<u64>,
    /// The daemon's version.
    engine_version: Option<String>,
    /// The API version spoken with the daemon.
    api_version: Option<String>,
    /// The operating system, as the daemon names it.
    operating_system: Option<String>,
    /// Processors.
    cpus: Option<i64>,
    /// Memory in bytes.
    memory: Option<i64>,
    /// All containers, in whatever state.
    containers: usize,
    /// Containers that run.
    running: usize,
    /// Its labels.
    labels: Labels,
    /// deblox's version there.
    worker_version: Option<String>,
    /// What the host uses, where its worker can tell.
    usage: Option<Usage>,
    /// How old its last heartbeat was, in milliseconds, at each of the last 40 looks of this node, one a second, the newest
    /// last; null where it was lost.
    beats: Vec<Option<u64>>,
}

/// What a host uses, as its worker last measured it; null what it could not measure.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "HostUsage"))]
#[schema(as = HostUsage)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    /// Per cent of all its processors, from 0 to 100.
    cpu: Option<f64>,
    /// Bytes of memory that programs use.
    memory: Option<u64>,
    /// Bytes of memory that there are.
    memory_total: Option<u64>,
    /// Bytes in use of the disk that Docker keeps its data on.
    disk: Option<u64>,
    /// Bytes that this disk has.
    disk_total: Option<u64>,
}

/// What the host of a dock uses, if its worker can tell.
pub(super) fn usage(record: &DockRecord) -> Option<Usage> {
    let HostUsage { cpu, memory, memory_total, disk, disk_total } = record.facts.as_ref()?.usage.clone()?;
    Some(Usage { cpu, memory, memory_total, disk, disk_total })
}

impl Dock {
    /// What there is to say of a dock.
    pub(super) fn of(name: &Fqdn, SeenDock { dock, beats }: &SeenDock) -> Self {
        let facts = dock.record.facts.as_ref();
        Self {
            name: name.to_string(),
            state: dock.state,
            reachable: !dock.is_out_of_reach(),
            daemon: facts.map(|facts| facts.daemon),
            last_seen: dock.record.last_seen,
            last_known: dock.last_known(),
            engine_version: facts.and_then(|facts| facts.engine_version.clone()),
            api_version: facts.and_then(|facts| facts.api_version.clone()),
            operating_system: facts.and_then(|facts| facts.operating_system.clone()),
            cpus: facts.and_then(|facts| facts.cpus),
            memory: facts.and_then(|facts| facts.memory),
            containers: facts.map_or(0, |facts| facts.containers),
            running: facts.map_or(0, |facts| facts.running),
            labels: dock.record.labels(),
            worker_version: facts.map(|facts| facts.worker_version.clone()),
            usage: usage(&dock.record),
            beats: beats.iter().copied().collect(),
        }
    }
}

/// All docks, with the heartbeats of the last 40 seconds.
#[utoipa::path(get, path = "/docks", tag = "docks", responses((status = 200, body = Docks), (status = 401, body = Problem)))]
pub(super) async fn list(State(node): State<Arc<Node>>, _: Caller) -> Result<Json<Docks>, Problem> {
    let picture = look(&node).await?;
    let docks = picture.docks.iter().map(|(name, seen)| Dock::of(name, seen)).collect();
    Ok(Json(Docks { now: picture.now(), docks }))
}
