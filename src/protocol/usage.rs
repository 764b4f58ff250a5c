//! What a dock's host uses, as its heartbeat tells it; and what its containers use, as `dock-stats` streams it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What of a host is in use; absent what could not be measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostUsage {
    /// Per cent of all its processors, from 0 to 100, over the last beats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// Bytes of memory that programs use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Bytes of memory that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_total: Option<u64>,
    /// Bytes in use of the file system that Docker keeps its data on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<u64>,
    /// Bytes that this file system has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_total: Option<u64>,
}

/// What the running containers of a dock use: a line of `dock-stats`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct DockStats {
    /// When, in milliseconds since the epoch by the clock of the dock's worker.
    pub at: u64,
    /// By full id.
    pub containers: BTreeMap<String, Sample>,
    /// How many run beside these, because there are more than are sampled.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(test, ts(optional, as = "Option<usize>"))]
    pub left_out: usize,
}

/// What a container uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Per cent of one processor.
    pub cpu: f64,
    /// Bytes of memory, without what the kernel may drop at any time.
    pub memory: u64,
    /// Bytes of memory that it may use.
    pub memory_limit: u64,
    /// Bytes a second that it receives, over all networks.
    pub rx: u64,
    /// Bytes a second that it sends.
    pub tx: u64,
    /// Bytes a second that it reads from disks.
    pub read: u64,
    /// Bytes a second that it writes to them.
    pub written: u64,
    /// Its processes and threads.
    pub pids: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
