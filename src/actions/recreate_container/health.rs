//! Whether a new instance is any good: by its health check, or by whether it stays.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::inspect;
use crate::actions::Context;
use crate::docker::LogQuery;
use crate::protocol::{Answer, Body, ErrorCode, Failure};

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Seconds that an instance without a health check must run, where the request does not say.
const SETTLE: u64 = 5;

/// Lines of its log that are shown when it is no good.
const LOG_LINES: u64 = 20;

/// Characters that are shown of its log or of what its health check said, from the end.
const SHOWN: usize = 4000;

/// How long its log may take to be read: what matters then is that the old instance comes back.
const LOG_WAIT: Duration = Duration::from_secs(5);

/// How an instance stands.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// Its health check says that it is healthy.
    Healthy,
    /// It runs and has no health check.
    Runs,
    /// Its health check has not decided.
    Undecided,
    /// It is no good, and why.
    Bad(String),
}

/// How long an instance without a health check must run.
pub(super) fn settle(context: &Context<'_>) -> Duration {
    Duration::from_secs(context.arguments.whole("settle").unwrap_or(SETTLE))
}

/// Waits until an instance that was started is healthy or, without a health check, has run for as long as it must.
pub(super) async fn wait(context: &Context<'_>, id: &str) -> Result<(), Failure> {
    let started = Instant::now();
    let settle = settle(context);
    loop {
        let standing = match inspect(context, id).await? {
            Some(instance) => standing(&instance),
            None => Standing::Bad("the new instance was removed by somebody else".into()),
        };
        match standing {
            Standing::Healthy => return Ok(()),
            Standing::Runs if started.elapsed() >= settle => return Ok(()),
            Standing::Bad(why) => return Err(Failure::new(ErrorCode::Unhealthy, why)),
            Standing::Runs | Standing::Undecided => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Adds what the instance itself has to say: its exit code, its health check's last words, the end of its log.
pub(super) async fn with_evidence(context: &Context<'_>, id: &str, failure: Failure) -> Failure {
    let Ok(Some(instance)) = inspect(context, id).await else { return failure };
    let lines = LOG_LINES.to_string();
    let query = [("stdout", "true"), ("stderr", "true"), ("tail", lines.as_str())];
    let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let log = tokio::time::timeout(LOG_WAIT, context.docker.logs(&LogQuery { id: id.to_owned(), query })).await;
    let log = match log {
        Ok(Ok(Answer { status: 200, body: Body::Text(text), .. })) => text,
        _ => String::new(),
    };
    let state = &instance["State"];
    let exit_code = (state["Running"] == false).then_some(&state["ExitCode"]);
    failure.with_details(&json!({
        "exitCode": exit_code,
        "restarts": instance["RestartCount"],
        "health": last_words(state),
        "log": end_of(&log),
    }))
}

fn standing(instance: &Value) -> Standing {
    let state = &instance["State"];
    let restarts = instance["RestartCount"].as_u64().unwrap_or_default();
    let restarting = state["Restarting"] == true;
    let running = state["Running"] == true && !restarting;
    // Docker calls everything unhealthy that has ended, and may say `none` where there is no check.
    match state["Health"]["Status"].as_str().filter(|status| *status != "none") {
        Some("healthy") if running => Standing::Healthy,
        Some("unhealthy") if running => {
            let said = last_words(state).unwrap_or_default();
            Standing::Bad(format!("the health check of the new instance failed: {}", said.trim()))
        }
        // One that is restarted until what it needs is there may still become healthy.
        Some(_) if running || restarting => Standing::Undecided,
        _ if restarts > 0 || restarting => Standing::Bad("the new instance ended and was restarted".into()),
        _ if running => Standing::Runs,
        _ => {
            let error = state["Error"].as_str().filter(|error| !error.is_empty());
            let error = error.map(|error| format!(": {error}")).unwrap_or_default();
            Standing::Bad(format!("the new instance ended with exit code {}{error}", state["ExitCode"]))
        }
    }
}

/// What the health check wrote when it last ran.
fn last_words(state: &Value) -> Option<&str> {
    let last = state["Health"]["Log"].as_array()?.last()?;
    last["Output"].as_str().map(end_of)
}

fn end_of(text: &str) -> &str {
    match text.char_indices().rev().nth(SHOWN - 1) {
        Some((at, _)) => &text[at..],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_stands_as_its_state_says() {
        let health = |status: &str, running: bool| {
            json!({"State": {"Running": running, "ExitCode": 3, "Health": {"Status": status,
                "Log": [{"Output": "fine"}, {"Output": "no database\n"}]}}})
        };
        let plain = |running: bool, restarting: bool, restarts: u64| json!({"State": {"Running": running, "Restarting": restarting, "ExitCode": 3}, "RestartCount": restarts});
        let bad = |instance: &Value, part: &str| match standing(instance) {
            Standing::Bad(why) => assert!(why.contains(part), "{why}"),
            other => panic!("{instance}: {other:?}"),
        };
        assert_eq!(standing(&health("healthy", true)), Standing::Healthy);
        assert_eq!(standing(&health("starting", true)), Standing::Undecided);
        bad(&health("starting", false), "exit code 3");
        bad(&health("unhealthy", true), "no database");
        bad(&health("unhealthy", false), "exit code 3");
        assert_eq!(standing(&health("none", true)), Standing::Runs);
        assert_eq!(standing(&plain(true, false, 0)), Standing::Runs);
        bad(&plain(true, false, 1), "restarted");
        bad(&plain(true, true, 0), "restarted");
        bad(&plain(false, false, 0), "exit code 3");
    }

    #[test]
    fn long_texts_are_cut_at_their_beginning() {
        let long = format!("{}é", "a".repeat(SHOWN));
        assert_eq!(end_of(&long).chars().count(), SHOWN);
        assert!(end_of(&long).ends_with('é'));
        assert_eq!(end_of("short"), "short");
    }
}
