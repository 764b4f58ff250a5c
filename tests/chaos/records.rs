//! Whether Redis says what the daemons say, and nothing is left in it of requests that are over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use redis::Value as Raw;
use redis::streams::StreamPendingReply;
use serde_json::Value;

use crate::cluster::{Cluster, dock};
use crate::daemons::{Container, containers};
use crate::lab::HOSTS;
use crate::time::now;

/// How long it may take until nothing is in hand any more, once all is well again: longer than a takeover and a sweep.
const SETTLED: Duration = Duration::from_secs(60);

/// How long it may take then until the records agree: less than the minute after which they are compared anyway.
const AGREED: Duration = Duration::from_secs(20);

/// How old a heartbeat may be.
const BEAT: u64 = 3_000;

/// Whether a dock's record says that worker and daemon are there.
pub fn is_up(record: &Value) -> bool {
    let fresh = record["lastSeen"].as_u64().is_some_and(|seen| seen + BEAT > now());
    fresh && record["daemon"] == "up" && record["standing"] == "active" && record["stopped"] != true
}

/// Waits until all is at rest. Returns in what it is not.
pub async fn disagreements(cluster: &Cluster) -> Result<Vec<String>> {
    let unfinished = repeated(SETTLED, async || unfinished(cluster).await).await?;
    let mut found = repeated(AGREED, async || differences(cluster).await).await?;
    found.extend(unfinished);
    found.extend(left_for_ever(cluster).await?);
    Ok(found)
}

/// Looks until nothing is found, or the time is over.
async fn repeated(limit: Duration, look: impl AsyncFn() -> Result<Vec<String>>) -> Result<Vec<String>> {
    let begun = Instant::now();
    loop {
        let found = look().await?;
        if found.is_empty() || begun.elapsed() > limit {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Entries that nobody has finished, and instances that are still to be put aside.
async fn unfinished(cluster: &Cluster) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for stream in cluster.bus.keys("docker*").await? {
        let length: usize = cluster.bus.repeat(&["XLEN", &stream]).await?;
        if length > 0 {
            let entries: Raw = cluster.bus.repeat(&["XRANGE", &stream, "-", "+", "COUNT", "3"]).await?;
            found.push(format!("{stream} holds {length} entries: {entries:?}"));
        }
        let pending: StreamPendingReply = cluster.bus.repeat(&["XPENDING", &stream, "deblox"]).await?;
        if pending.count() > 0 {
            found.push(format!("{stream}: entries in hand: {pending:?}"));
        }
    }
    // What a dock brings back too many it stops and marks, which takes as long as a stop does.
    for host in 1..=HOSTS {
        let replaced = cluster.bus.key(&format!("replaced.{}", dock(host)));
        let replaced: Vec<String> = cluster.bus.repeat(&["ZRANGE", &replaced, "0", "-1"]).await?;
        for container in containers(cluster, host).await?.into_values().filter(|container| !container.is_extra()) {
            if container.request.as_ref().is_some_and(|id| replaced.contains(id)) {
                found.push(format!("{} of h{host} is one too many", container.name));
            }
        }
    }
    Ok(found)
}

/// What is remembered of requests is to be forgotten some time; and none is to be found among the dead.
async fn left_for_ever(cluster: &Cluster) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for pattern in ["request.*", "reply.*"] {
        for key in cluster.bus.keys(pattern).await? {
            let left: i64 = cluster.bus.repeat(&["PTTL", &key]).await?;
            if left == -1 {
                found.push(format!("{key} is kept for ever"));
            }
        }
    }
    if cluster.bus.repeat::<usize>(&["XLEN", &cluster.bus.key("dead")]).await? > 0 {
        let dead: Raw = cluster.bus.repeat(&["XRANGE", &cluster.bus.key("dead"), "-", "+"]).await?;
        found.push(format!("among the dead: {dead:?}"));
    }
    Ok(found)
}

/// Where the records of docks and instances are not as the daemons have it.
async fn differences(cluster: &Cluster) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let docks = cluster.bus.docks().await?;
    let owners = cluster.bus.records("owners").await?;
    let index: Vec<String> = cluster.bus.repeat(&["ZRANGE", &cluster.bus.key("index"), "0", "-1"]).await?;
    let mut expected = BTreeSet::new();
    let mut known = 0;
    for host in 1..=HOSTS {
        let dock = dock(host);
        let there = containers(cluster, host).await?;
        let recorded = cluster.bus.records(&format!("instances.{dock}")).await?;
        compare(&dock, &there, &recorded, &mut found);
        for container in there.values() {
            expected.insert(format!("id/{}/{dock}", container.id));
            expected.insert(format!("name/{}/{dock}/{}", container.name, container.id));
            expected.extend(container.request.iter().map(|id| format!("request/{id}/{dock}/{}", container.id)));
            match owners.get(&container.id) {
                Some(owner) if owner["dock"] == *dock && owner["name"] == *container.name => known += 1,
                other => found.push(format!("owner of {} on {dock}: {other:?}", container.name)),
            }
        }
        let counted = there.values().filter(|container| counts(&container.state)).count();
        let load: Option<usize> = cluster.bus.repeat(&["ZSCORE", &cluster.bus.key("load"), &dock]).await?;
        if load != Some(counted) {
            found.push(format!("load of {dock}: {load:?}, and {counted} instances count"));
        }
        let promises: Vec<String> =
            cluster.bus.repeat(&["ZRANGE", &cluster.bus.key(&format!("promises.{dock}")), "0", "-1"]).await?;
        if !promises.is_empty() {
            found.push(format!("promises of {dock} are left: {promises:?}"));
        }
        match docks.get(&dock) {
            Some(record) if is_up(record) => {}
            other => found.push(format!("{dock} is not up: {other:?}")),
        }
    }
    if owners.len() > known {
        found.push(format!("{} owners, of {known} containers", owners.len()));
    }
    let index: BTreeSet<String> = index.into_iter().collect();
    found.extend(index.difference(&expected).map(|entry| format!("in the index, and not there: {entry}")));
    found.extend(expected.difference(&index).map(|entry| format!("not in the index: {entry}")));
    Ok(found)
}

/// One dock's instances.
fn compare(
    dock: &str,
    there: &BTreeMap<String, Container>,
    recorded: &BTreeMap<String, Value>,
    found: &mut Vec<String>,
) {
    for container in there.values() {
        let request = container.request.as_deref();
        match recorded.get(&container.id) {
            Some(record)
                if record["name"] == *container.name
                    && record["state"] == *container.state
                    && record["requestId"].as_str() == request => {}
            other => found.push(format!("on {dock} is {container:?}, recorded as {other:?}")),
        }
    }
    let gone = recorded.iter().filter(|(id, _)| !there.contains_key(*id));
    found.extend(gone.map(|(id, record)| format!("recorded of {dock}, and not there: {id} {}", record["name"])));
}

/// Whether an instance in this state counts towards its dock's load.
fn counts(state: &str) -> bool {
    matches!(state, "created" | "running" | "restarting" | "paused")
}
