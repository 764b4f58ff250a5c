//! How an instance is, in one word: the one place that decides it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::protocol::Summary;

/// How an instance is; what needs a look comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub(super) enum Condition {
    /// It is unhealthy, dead, or has ended by itself with a code that is not 0.
    Failing,
    /// Docker starts it again and again.
    Restarting,
    /// It runs, and its health check has not said yes yet.
    Starting,
    /// It runs.
    Running,
    /// Its processes stand still.
    Paused,
    /// It does not run, and has not failed.
    Stopped,
    /// Its dock does not answer: what is known of it may be old.
    Unknown,
}

/// Codes of what was asked to end: by Ctrl-C, by a stop that took too long, by a stop.
const ASKED_TO_END: [i32; 3] = [130, 137, 143];

impl Condition {
    const ALL: [(&str, Self); 7] = [
        ("failing", Self::Failing),
        ("restarting", Self::Restarting),
        ("starting", Self::Starting),
        ("running", Self::Running),
        ("paused", Self::Paused),
        ("stopped", Self::Stopped),
        ("unknown", Self::Unknown),
    ];

    /// All of them, for people to read.
    pub(super) const WORDS: &str = "failing, restarting, starting, running, paused, stopped or unknown";

    /// Reads one.
    pub(super) fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| *name == word).map(|(_, condition)| condition)
    }

    /// That of an instance whose dock answers.
    pub(super) fn of(summary: &Summary) -> Self {
        match (summary.state.as_str(), health(summary)) {
            ("running", Some("unhealthy")) | ("dead", _) => Self::Failing,
            ("running", Some("starting")) => Self::Starting,
            ("running", _) => Self::Running,
            ("restarting", _) => Self::Restarting,
            ("paused", _) => Self::Paused,
            ("exited", _) if exit_code(summary).is_some_and(|code| code != 0 && !ASKED_TO_END.contains(&code)) => {
                Self::Failing
            }
            _ => Self::Stopped,
        }
    }
}

/// What the health check says, which Docker tells in its sentence alone: `Up (healthy)`, `Up (health: starting)`.
pub(super) fn health(summary: &Summary) -> Option<&'static str> {
    let says = |word: &str| summary.status.contains(word);
    match () {
        () if says("(healthy)") => Some("healthy"),
        () if says("(unhealthy)") => Some("unhealthy"),
        () if says("(health: starting)") => Some("starting"),
        () => None,
    }
}

/// The exit code in the sentence of one that has ended: `Exited (1)`.
pub(super) fn exit_code(summary: &Summary) -> Option<i32> {
    let code = summary.status.strip_prefix("Exited (")?.split(')').next()?;
    code.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Labels;

    fn instance(state: &str, status: &str) -> Summary {
        Summary {
            id: "x".into(),
            name: "x".into(),
            image: "x".into(),
            state: state.into(),
            status: status.into(),
            since: None,
            created: 0,
            owner: None,
            request_id: None,
            ports: Vec::new(),
            labels: Labels::new(),
            clipped: Vec::new(),
        }
    }

    #[test]
    fn a_crash_is_told_from_a_stop_and_a_sick_one_from_one_that_runs() {
        for (state, status, condition) in [
            ("running", "Up", Condition::Running),
            ("running", "Up (healthy)", Condition::Running),
            ("running", "Up (unhealthy)", Condition::Failing),
            ("running", "Up (health: starting)", Condition::Starting),
            ("exited", "Exited (0)", Condition::Stopped),
            ("exited", "Exited (137)", Condition::Stopped),
            ("exited", "Exited (1)", Condition::Failing),
            ("restarting", "Restarting (1)", Condition::Restarting),
            ("paused", "Up (Paused)", Condition::Paused),
            ("created", "Created", Condition::Stopped),
            ("dead", "Dead", Condition::Failing),
        ] {
            assert_eq!(Condition::of(&instance(state, status)), condition, "{status}");
        }
        assert!(Condition::Failing < Condition::Running && Condition::Running < Condition::Unknown);
        for (word, condition) in Condition::ALL {
            assert_eq!(serde_json::to_string(&condition).unwrap(), format!("{word:?}"));
        }
    }
}
