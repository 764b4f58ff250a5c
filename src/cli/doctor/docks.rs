//! The checks of the docks, their workers and daemons, and of the queues.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Finding;
use crate::bus::{Bus, BusError, Dock, Queue};
use crate::cli::output;
use crate::protocol::limits::REQUEST_TIMEOUT;
use crate::protocol::{DockState, Fqdn, millis};

/// How long a request may wait before somebody should look.
const WAIT: Duration = Duration::from_secs(5);

/// All docks, and the queues.
pub(super) async fn all(bus: &Bus) -> Vec<Finding> {
    let (docks, now) = match bus.docks_at().await {
        Ok(read) => read,
        Err(error) => return vec![Finding::failed("docks", &error)],
    };
    let mut findings = vec![together(&docks)];
    for (name, dock) in &docks {
        findings.push(standing(name, dock, now));
    }
    if !docks.is_empty() {
        findings.push(watched(bus).await);
    }
    let shared = bus.queue_of(None).await;
    findings.push(queue(bus.keys().shared(), shared, now, "no worker takes it: start one that may"));
    for (name, dock) in &docks {
        let waiting = bus.queue_of(Some(name)).await;
        let help = if dock.state.is_silent() { "start its worker" } else { "its worker has its hands full, or hangs" };
        // Most are empty, which is no news.
        if !waiting.as_ref().is_ok_and(|queue| *queue == Queue::default()) {
            findings.push(queue(bus.keys().own(name), waiting, now, help));
        }
    }
    findings.push(dead(bus, now).await);
    findings
}

/// Whether the workers agree.
fn together(docks: &BTreeMap<Fqdn, Dock>) -> Finding {
    let live = docks.values().filter(|dock| !dock.state.is_silent());
    let facts: Vec<_> = live.filter_map(|dock| dock.record.facts.as_ref()).collect();
    let versions: BTreeSet<_> = facts.iter().map(|facts| facts.worker_version.as_str()).collect();
    if docks.is_empty() {
        return Finding::wrong("docks", "no dock is known: start `deblox worker` beside a Docker daemon");
    }
    if facts.is_empty() {
        return Finding::wrong("docks", "no worker is there, so no request is done: start one of those below");
    }
    if facts.iter().any(|one| one.enforces) && !facts.iter().all(|one| one.enforces) {
        return Finding::wrong(
            "docks",
            "some workers ask who sends a request, and others do whatever comes: give all the same --auth",
        );
    }
    if versions.len() > 1 {
        let versions = versions.into_iter().collect::<Vec<_>>().join(" and ");
        return Finding::warning("docks", format!("workers are of version {versions}: upgrade those that are older"));
    }
    Finding::ok("docks", format!("{} of {} have a worker", facts.len(), docks.len()))
}

/// The worker of a dock, its lease and its daemon.
fn standing(name: &Fqdn, dock: &Dock, now: u64) -> Finding {
    let check = format!("dock {name}");
    let since = |time: Option<u64>| match time {
        Some(time) => format!("for {}", ago(now, time)),
        None => "ever".to_owned(),
    };
    let beat = dock
        .record
        .last_seen
        .map_or_else(String::new, |seen| format!("last heartbeat {} ms ago", now.saturating_sub(seen)));
    match dock.state {
        DockState::Unregistered => Finding::ok(check, "it was taken out; `deblox docks add` brings it back"),
        DockState::Stopped => {
            Finding::warning(check, "its worker was stopped: start it, or take the dock out with `deblox docks rm`")
        }
        DockState::NeverSeen => Finding::warning(
            check,
            "it was registered, but has never had a worker: start one, or was its name misspelt?",
        ),
        DockState::Lost => Finding::wrong(
            check,
            format!(
                "nothing was heard of its worker {}, and its lease has run out: look at that host; start the worker, or \
                 take the dock out with `deblox docks rm`",
                since(dock.record.last_seen)
            ),
        ),
        _ if dock.is_without_daemon() => Finding::wrong(
            check,
            format!(
                "its worker is there ({beat}), but its Docker daemon has not answered {}: look at the daemon on that host, \
                 and at what DOCKER_HOST of the worker says",
                since(dock.record.daemon_seen)
            ),
        ),
        DockState::Drained => Finding::ok(check, format!("up ({beat}), and takes no new instances: it is drained")),
        DockState::Up => Finding::ok(check, format!("up ({beat}), and its daemon answers")),
    }
}

async fn watched(bus: &Bus) -> Finding {
    match bus.is_watched().await {
        Ok(true) => Finding::ok("watch", "a worker answers in the place of docks that are lost"),
        Ok(false) => Finding::warning(
            "watch",
            "no worker answers in the place of docks that are lost: what waits for one waits until it is back. Give two or \
             three workers the rights of `deblox acl worker --watch`",
        ),
        Err(error) => Finding::failed("watch", &error),
    }
}

/// What waits in a stream, and with whom.
fn queue(check: String, queue: Result<Queue, BusError>, now: u64, help: &str) -> Finding {
    let queue = match queue {
        Ok(queue) => queue,
        Err(error) => return Finding::failed(check, &error),
    };
    if queue.left_behind > 0 {
        let (count, who) = (queue.left_behind, queue.silent.join(", "));
        return Finding::wrong(
            check,
            format!("{count} lie with workers that are gone ({who}), and no other has taken them over: {help}"),
        );
    }
    let told = format!("{} wait, {} are being done", queue.waiting, queue.length.saturating_sub(queue.waiting));
    let Some(oldest) = queue.oldest else {
        return Finding::ok(check, if queue.length == 0 { "nothing waits".to_owned() } else { told });
    };
    let waited = format!("{told}; the oldest has waited for {}", ago(now, oldest));
    match now.saturating_sub(oldest) {
        long if long > millis(REQUEST_TIMEOUT) => Finding::wrong(check, format!("{waited}: {help}")),
        long if long > millis(WAIT) => Finding::warning(check, format!("{waited}: {help}")),
        _ => Finding::ok(check, waited),
    }
}

async fn dead(bus: &Bus, now: u64) -> Finding {
    let check = bus.keys().dead();
    match bus.dead().await {
        Ok((0, _)) => Finding::ok(check, "no request had to be given up"),
        Ok((count, last)) => Finding::warning(
            check.clone(),
            format!(
                "{count} requests had to be given up, the last one {} ago: `XREVRANGE {check} + - COUNT 1` in redis-cli shows \
                 why; `DEL {check}` when it is dealt with",
                last.map(|last| ago(now, last)).unwrap_or_default()
            ),
        ),
        Err(error) => Finding::failed(check, &error),
    }
}

fn ago(now: u64, then: u64) -> String {
    output::duration(Duration::from_millis(now.saturating_sub(then))).to_lowercase()
}
