//! What a dock's host uses, as its heartbeat tells it.

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
