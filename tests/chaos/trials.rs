//! The course of the trials: many at a time, but never two faults on one host, nor more than half of the hosts disturbed.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;

use crate::callers::Callers;
use crate::cluster::Cluster;
use crate::faults::History;
use crate::lab::HOSTS;
use crate::plan::{BEFORE, Trial};

/// From the beginning of one trial to that of the next, if there is a host for it.
const PACE: Duration = Duration::from_millis(1_800);

/// How often it is looked whether there is one.
const LOOK: Duration = Duration::from_millis(20);

/// Stands for Redis among the hosts.
const REDIS: usize = 0;

/// What is disturbed at the moment.
#[derive(Default)]
struct Disturbed(Mutex<Vec<usize>>);

impl Disturbed {
    /// Where a trial can be done now: the host that it disturbs, or the one that its requests are about.
    fn place(&self, trial: &Trial) -> Option<usize> {
        let mut disturbed = self.0.lock().expect("never held across a panic");
        if trial.fault.is_of_redis() {
            let free = !disturbed.contains(&REDIS);
            return free.then(|| {
                disturbed.push(REDIS);
                trial.hosts[0]
            });
        }
        if disturbed.iter().filter(|host| **host != REDIS).count() >= HOSTS / 2 {
            return None;
        }
        let host = *trial.hosts.iter().find(|host| !disturbed.contains(host))?;
        disturbed.push(host);
        Some(host)
    }

    fn is_over(&self, trial: &Trial, host: usize) {
        let over = if trial.fault.is_of_redis() { REDIS } else { host };
        self.0.lock().expect("never held across a panic").retain(|host| *host != over);
    }
}

/// Runs all trials; returns when the last fault is over, with the calls that may still be waiting.
pub async fn run(
    cluster: &Arc<Cluster>,
    plan: &[Trial],
    history: &Arc<History>,
    callers: &Arc<Callers>,
) -> Result<JoinSet<Result<()>>> {
    let disturbed = Arc::new(Disturbed::default());
    let (mut faults, mut calls) = (JoinSet::new(), JoinSet::new());
    for trial in plan {
        let host = loop {
            match disturbed.place(trial) {
                Some(host) => break host,
                None => tokio::time::sleep(LOOK).await,
            }
        };
        for (n, planned) in trial.requests.iter().cloned().enumerate() {
            let (callers, id, kind) = (Arc::clone(callers), format!("chaos.{}.{n}", trial.number), trial.fault.kind);
            calls.spawn(async move {
                tokio::time::sleep(planned.at).await;
                callers.call(id, planned, kind, host).await
            });
        }
        let (cluster, history_too) = (Arc::clone(cluster), Arc::clone(history));
        let (trial_too, disturbed) = (trial.clone(), Arc::clone(&disturbed));
        faults.spawn(async move {
            tokio::time::sleep(BEFORE).await;
            let done = history_too.record(&trial_too.fault, &cluster, host).await;
            disturbed.is_over(&trial_too, host);
            done
        });
        tokio::time::sleep(PACE).await;
        while let Some(done) = faults.try_join_next() {
            done??;
        }
        while let Some(done) = calls.try_join_next() {
            done??;
        }
        tell(trial.number, plan.len(), callers.count(), history.len());
    }
    while let Some(done) = faults.join_next().await {
        done??;
    }
    Ok(calls)
}

/// Says how far it has come: on a terminal in one line that changes, elsewhere now and then in a line of its own.
fn tell(trial: usize, of: usize, requests: usize, faults: usize) {
    let mut out = std::io::stderr();
    let line = format!("chaos: trial {trial} of {of}, {requests} requests, {faults} faults");
    let told = if out.is_terminal() {
        let end = if trial == of { "\n" } else { "" };
        write!(out, "\r{line}{end}").and_then(|()| out.flush())
    } else if trial.is_multiple_of(of.div_ceil(10)) || trial == of {
        writeln!(out, "{line}")
    } else {
        Ok(())
    };
    // A terminal that is gone is no reason to stop.
    drop(told);
}
