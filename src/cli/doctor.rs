//! `deblox doctor`: what is wrong, and what to do about it.

mod docks;
mod server;

use serde::Serialize;

use super::cluster::{Cluster, FAILED};
use super::output::{self, Cell, Row, ShowArgs, Shown, show};
use super::progress::waiting_for;
use crate::bus::BusError;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    show: ShowArgs,
}

/// What a check has found.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    check: String,
    state: State,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// It goes on, and somebody should look.
    Warning,
    /// Something does not work, or something can be lost.
    Wrong,
    /// This user of Redis may not see it.
    Unknown,
}

impl Finding {
    fn new(check: impl Into<String>, state: State, message: impl Into<String>) -> Self {
        Self { check: check.into(), state, message: message.into() }
    }

    fn ok(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, State::Ok, message)
    }

    fn warning(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, State::Warning, message)
    }

    fn wrong(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, State::Wrong, message)
    }

    /// A check that could not be made.
    fn failed(check: impl Into<String>, error: &BusError) -> Self {
        if error.is_forbidden() {
            return Self::new(check, State::Unknown, format!("it cannot be told: {error}"));
        }
        Self::wrong(check, error.to_string())
    }
}

impl Row for Finding {
    const HEADS: &'static [&'static str] = &["CHECK", "STATE", "WHAT"];

    fn cells(&self, _: &Shown) -> Vec<Cell> {
        let (style, state) = match self.state {
            State::Ok => (output::GOOD, "ok"),
            State::Warning => (output::FAIR, "warning"),
            State::Wrong => (output::BAD, "wrong"),
            State::Unknown => (output::FAINT, "unknown"),
        };
        vec![self.check.as_str().into(), Cell::styled(style, state), self.message.as_str().into()]
    }

    fn name(&self, _: &Shown) -> String {
        self.check.clone()
    }
}

pub(super) async fn run(args: &Args, cluster: &Cluster) -> anyhow::Result<u8> {
    let findings = waiting_for("Redis", examine(cluster)).await;
    show(&findings, &args.show)?;
    Ok(if findings.iter().any(|finding| finding.state == State::Wrong) { FAILED } else { 0 })
}

/// Makes the checks; without Redis there is no more than one.
async fn examine(cluster: &Cluster) -> Vec<Finding> {
    let (bus, redis) = (cluster.bus(), cluster.redis());
    let mut findings = vec![server::reached(bus, redis).await];
    if findings[0].state == State::Wrong {
        return findings;
    }
    findings.extend(server::settings(bus, redis).await);
    findings.push(server::user(bus, redis).await);
    findings.push(server::latency(bus).await);
    findings.push(server::clock(bus).await);
    findings.extend(docks::all(bus).await);
    findings
}
