//! Two instances of which one takes the other's place, step by step, forth and back. Each step looks at the daemon
//! first, so that it can be taken up wherever an earlier attempt was lost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{WAY_BACK, body, grace, health};
use crate::actions::verdict::{call, call_within, judge};
use crate::actions::{Context, Target};
use crate::docker::{Method, RequestParts};
use crate::protocol::limits::DAEMON_CALL;
use crate::protocol::{ErrorCode, Failure};

/// How soon bringing the old one back is tried again while the daemon does not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// A new instance and the old one whose place it is to take.
pub(super) struct Replacement {
    /// The full id of the new one. As long as it is there, it shows by its labels that the work is not finished.
    pub new: String,
    /// The full id of the old one.
    pub old: String,
    /// The name that both are to have, one after the other.
    pub name: String,
    /// Whether the old one ran, so that the new one is to run.
    pub runs: bool,
    /// Whether the old one may have been told to stop: the daemon goes on with that even if nobody waits for it.
    pub told_to_stop: AtomicBool,
}

impl Replacement {
    /// What an earlier attempt, whose worker was lost, has begun.
    pub(super) async fn begun_before(context: &Context<'_>) -> Result<Option<Self>, Failure> {
        if context.attempt == 1 {
            return Ok(None);
        }
        let Some(made) = context.docker.created_by(context.request.id.as_str()).await? else { return Ok(None) };
        let Some(new) = inspect(context, &made.id).await? else { return Ok(None) };
        let labels = context.docker.own_labels_of(&new).await?;
        let Some(old) = labels.replaces else { return Ok(None) };
        if let Some(found) = inspect(context, &old).await?
            && context.docker.own_labels_of(&found).await?.owner != labels.owner
        {
            return Ok(None);
        }
        let name = name_of(&new);
        let name = name.strip_suffix(&suffix(context, "new")).unwrap_or(name).to_owned();
        let runs = labels.replaces_running;
        Ok(Some(Self { new: made.id, old, name, runs, told_to_stop: AtomicBool::new(true) }))
    }

    /// Stops the old one, gives its name to the new one, starts that and waits until it is healthy.
    pub(super) async fn take_place(&self, context: &Context<'_>) -> Result<(), Failure> {
        // The old one goes last: without it, an earlier attempt had come to the end.
        let Some(old) = inspect(context, &self.old).await? else { return Ok(()) };
        let Some(new) = inspect(context, &self.new).await? else {
            let message = format!("the new instance {} was removed by somebody else", self.new);
            return Err(Failure::new(ErrorCode::Conflict, message));
        };
        for (network, endpoint) in body::further_networks(&old) {
            if new["NetworkSettings"]["Networks"].get(&network).is_none() {
                let body = json!({"Container": self.new, "EndpointConfig": endpoint});
                let connect = RequestParts::new(Method::POST, "/networks/{}/connect").segment(&network).json(body);
                judge(call(context, &connect).await?, Target::Daemon)?;
            }
        }
        if self.runs {
            let left = context.until.saturating_duration_since(Instant::now());
            if old["State"]["Running"] == true && left < WAY_BACK + grace(context, &old) {
                let message = "an earlier attempt was lost, and too little time is left to go on";
                return Err(Failure::new(ErrorCode::Timeout, message));
            }
            self.stop_old(context, &old).await?;
        }
        if name_of(&old) == self.name {
            rename(context, &self.old, &self.old_name(context)).await?;
        }
        if name_of(&new) != self.name {
            rename(context, &self.new, &self.name).await?;
        }
        if self.runs {
            judge(call(context, &post(&self.new, "/containers/{}/start")).await?, Target::NewInstance).map_err(
                |mut failure| {
                    failure.message = format!("the new instance could not be started: {}", failure.message);
                    failure
                },
            )?;
            health::wait(context, &self.new).await?;
        }
        Ok(())
    }

    async fn stop_old(&self, context: &Context<'_>, old: &Value) -> Result<(), Failure> {
        self.told_to_stop.store(true, Ordering::Relaxed);
        let grace = grace(context, old);
        let stop = post(&self.old, "/containers/{}/stop").query([("t", grace.as_secs().to_string())]);
        judge(call_within(context, &stop, DAEMON_CALL + grace).await?, Target::Instance).map(drop)
    }

    /// Removes the old one, whose place is taken; its volumes are the new one's now.
    pub(super) async fn remove_old(&self, context: &Context<'_>) -> Result<(), Failure> {
        if let Err(mut failure) = remove(context, &self.old, &[("v", "false")]).await {
            failure.message = format!(
                "the new instance {} has taken the place of `{}`, but the old one, {}, could not be removed and is \
                 left under the name `{}`: {}",
                self.new,
                self.name,
                self.old,
                self.old_name(context),
                failure.message
            );
            return Err(failure);
        }
        Ok(())
    }

    /// Removes the new one and has the old one back as it was. Returns `failure`, the reason, with what came of that.
    pub(super) async fn bring_back(&self, context: &Context<'_>, mut failure: Failure) -> Failure {
        if failure.code == ErrorCode::Unhealthy {
            failure = health::with_evidence(context, &self.new, failure).await;
        }
        let mut undone = self.undo(context).await;
        while let Err(Failure { code: ErrorCode::DaemonDown | ErrorCode::Interrupted | ErrorCode::Timeout, .. }) =
            undone
            && Instant::now() + AGAIN < context.until
        {
            // The daemon may be starting again; there is time for this, and nobody else will do it.
            tokio::time::sleep(AGAIN).await;
            undone = self.undo(context).await;
        }
        match undone {
            Ok(()) if self.runs => failure.message += "; the old instance runs",
            Ok(()) => failure.message += "; the old instance is as it was",
            Err(why) => {
                failure.code = why.code;
                let whereabouts = self.whereabouts(context).await;
                failure.message = format!(
                    "{}; bringing the old instance back failed too: {}. {whereabouts}",
                    failure.message, why.message
                );
            }
        }
        failure
    }

    /// The new one is removed last: as long as it is there, an attempt that is taken up again finds its way.
    async fn undo(&self, context: &Context<'_>) -> Result<(), Failure> {
        let Some(old) = inspect(context, &self.old).await? else {
            let message = format!("the old instance {} is no longer there", self.old);
            return Err(Failure::new(ErrorCode::NoSuchInstance, message));
        };
        if let Some(new) = inspect(context, &self.new).await? {
            // What it has published must be free for the old one.
            let stop = post(&self.new, "/containers/{}/stop").query([("t", "0")]);
            or_gone(judge(call(context, &stop).await?, Target::Instance))?;
            if name_of(&new) == self.name {
                or_gone(rename(context, &self.new, &interim_name(context, &self.name)).await)?;
            }
        }
        if name_of(&old) != self.name {
            rename(context, &self.old, &self.name).await?;
        }
        if self.runs {
            if old["State"]["Running"] == true && self.told_to_stop.load(Ordering::Relaxed) {
                // A start would find it running, and then it would stop after all: this waits for that.
                self.stop_old(context, &old).await?;
            }
            judge(call(context, &post(&self.old, "/containers/{}/start")).await?, Target::Instance)?;
        }
        // With the anonymous volumes that it alone has: those of the old one have a name here.
        remove(context, &self.new, &[("v", "true"), ("force", "true")]).await
    }

    /// What has become of both, in a sentence.
    pub(super) async fn whereabouts(&self, context: &Context<'_>) -> String {
        let (old, new) = (whereabouts(context, &self.old).await, whereabouts(context, &self.new).await);
        format!("The old instance {old}; the new one {new}")
    }

    /// The name of the old one while the new one shows whether it is any good.
    fn old_name(&self, context: &Context<'_>) -> String {
        format!("{}{}", self.name, suffix(context, "old"))
    }
}

/// The name of the new one until it takes the place of `name`.
pub(super) fn interim_name(context: &Context<'_>, name: &str) -> String {
    format!("{name}{}", suffix(context, "new"))
}

/// What is put behind a name: which of the two it is, and for which request.
fn suffix(context: &Context<'_>, which: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let request: String = context.request.id.as_str().chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    format!("-{which}-{request}")
}

/// What the daemon knows of an instance; none if it is not there.
pub(in crate::actions) async fn inspect(context: &Context<'_>, id: &str) -> Result<Option<Value>, Failure> {
    let answer = call(context, &RequestParts::new(Method::GET, "/containers/{}/json").segment(id)).await?;
    if answer.status == 404 {
        return Ok(None);
    }
    Ok(judge(answer, Target::Instance)?.read_json())
}

/// The name in what [`inspect`] returned, without the slash that Docker puts before it.
pub(in crate::actions) fn name_of(inspected: &Value) -> &str {
    inspected["Name"].as_str().unwrap_or_default().trim_start_matches('/')
}

fn post(id: &str, path: &'static str) -> RequestParts {
    RequestParts::new(Method::POST, path).segment(id)
}

async fn rename(context: &Context<'_>, id: &str, name: &str) -> Result<(), Failure> {
    let rename = post(id, "/containers/{}/rename").query([("name", name)]);
    judge(call(context, &rename).await?, Target::Instance).map(drop)
}

/// Removes an instance; that it is not there is as good.
async fn remove(context: &Context<'_>, id: &str, query: &[(&str, &str)]) -> Result<(), Failure> {
    let query = query.iter().copied();
    let removed = call(context, &RequestParts::new(Method::DELETE, "/containers/{}").segment(id).query(query)).await?;
    match judge(removed, Target::Instance) {
        // An earlier attempt has told the daemon so already.
        Err(failure) if failure.message.contains("already in progress") => Ok(()),
        other => or_gone(other),
    }
}

/// What is done about an instance that somebody else has removed is done as well.
fn or_gone<T>(done: Result<T, Failure>) -> Result<(), Failure> {
    match done {
        Err(failure) if failure.code == ErrorCode::NoSuchInstance => Ok(()),
        other => other.map(drop),
    }
}

/// What has become of an instance, in words.
async fn whereabouts(context: &Context<'_>, id: &str) -> String {
    match inspect(context, id).await {
        Ok(Some(found)) => {
            format!("is {id}, called `{}`, {}", name_of(&found), found["State"]["Status"].as_str().unwrap_or_default())
        }
        Ok(None) => format!("was {id} and is gone"),
        Err(_) => format!("is {id}, if it is still there"),
    }
}
