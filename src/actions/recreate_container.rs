//! `recreate-container`: puts a new instance, from a newer image, in the place of an old one, which comes back if the
//! new one does not become healthy.

mod body;
mod health;
mod replacement;

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::timeout_at;

use super::create_container::{create, created, with_id};
use super::verdict::{call, judge};
use super::{Context, Outcome, Target, bounds, pull_image, quota};
use crate::bus::persist;
use crate::docker::{Method, RequestParts};
use crate::protocol::{Answer, ErrorCode, Failure, Ownership};
use replacement::{Replacement, interim_name};
pub(super) use replacement::{inspect, name_of};

/// The end of a request's time, which is kept for bringing the old instance back.
const WAY_BACK: Duration = Duration::from_secs(30);

/// With less time than this, and that in which the old instance may stop, nothing is begun. A health check needs some.
const LEAST: Duration = Duration::from_secs(60);

/// Seconds that an instance has to stop, where neither the request nor the instance says (Docker's own default).
const GRACE: u64 = 10;

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let begun = Replacement::begun_before(context).await?;
    if context.until <= Instant::now() {
        return too_late(context, begun).await;
    }
    let (replacement, answer) = match begun {
        Some(begun) => {
            let answer = created(&begun.new);
            (begun, answer)
        }
        None => begin(context).await?,
    };
    let latest = context.until.checked_sub(WAY_BACK).unwrap_or_else(Instant::now);
    let done = timeout_at(latest.into(), replacement.take_place(context)).await.unwrap_or_else(|_| {
        let message = "the new instance was not healthy before the request's time was nearly up";
        Err(Failure::new(ErrorCode::Unhealthy, message))
    });
    match done {
        Ok(()) => {
            if context.caller.is_some() {
                persist(|| context.bus.count_instead(&replacement.old, &replacement.new)).await?;
                quota::replaced(context, &replacement.new).await;
            }
            replacement.remove_old(context).await?;
            let Replacement { new, old, .. } = replacement;
            Ok(Outcome::Replaced { answer, new, old })
        }
        Err(failure) => Err(replacement.bring_back(context, failure).await),
    }
}

/// What an attempt whose worker was lost has come to, when its time is up: nothing is done about it so late.
async fn too_late(context: &Context<'_>, begun: Option<Replacement>) -> Result<Outcome, Failure> {
    let Some(begun) = begun else {
        return Err(Failure::new(ErrorCode::Expired, "its time was up before it began: nothing was changed"));
    };
    if inspect(context, &begun.old).await?.is_none() {
        let Replacement { new, old, .. } = begun;
        return Ok(Outcome::Replaced { answer: created(&new), new, old });
    }
    let message = format!(
        "its worker was lost half way, and its time is up: it was not gone on with. {}",
        begun.whereabouts(context).await
    );
    Err(Failure::new(ErrorCode::Timeout, message))
}

/// Creates the new instance under a name of its own: until that is done, nothing has happened to the old one.
async fn begin(context: &Context<'_>) -> Result<(Replacement, Answer), Failure> {
    let id = context.instance.unwrap_or_default();
    let Some(old) = inspect(context, id).await? else {
        return Err(Failure::no_such_instance(id));
    };
    admit(context, &old)?;
    let image = context.arguments.text("image").or(old["Config"]["Image"].as_str()).unwrap_or_default();
    // Asked for by its id, since a tag may already mean the newer one.
    let config = image_config(context, old["Image"].as_str().unwrap_or_default()).await?;
    let owner = context.docker.own_labels_of(&old).await?.owner;
    let mut body = body::build(&old, owner.as_deref(), config.as_ref(), image, &context.request.id);
    bounds::limit_replacement(context, &mut body);
    let policy = context.arguments.text("pull").unwrap_or("always");
    if policy == "always" {
        pull_image::fetch(context, image).await.map_err(|mut failure| {
            failure.message += "; nothing was changed. With `\"pull\": \"never\"` the image that the dock has is used";
            failure
        })?;
        admit(context, &old)?;
    }
    let policy = if policy == "always" { "never" } else { policy };
    let name = name_of(&old).to_owned();
    let interim = interim_name(context, &name);
    let answer = create(context, &body, &interim, policy).await.map_err(|mut failure| {
        if matches!(failure.code, ErrorCode::Timeout | ErrorCode::Interrupted) {
            let left = format!("; the old instance is as it was, and `{interim}` may be left beside it");
            failure.message.push_str(&left);
        }
        failure
    })?;
    let (answer, new) = with_id(answer)?;
    let runs = old["State"]["Running"] == true;
    let old = old["Id"].as_str().unwrap_or(id).to_owned();
    // Whose it is, and who shares it, is said of the new one before it has the name.
    if let Some(said) = persist(|| context.bus.ownership([old.as_str()])).await?.remove(&old) {
        // An offer is of the one that was offered.
        let said = Ownership { offered: None, ..said };
        persist(|| context.bus.set_ownership(context.dock, &new, "", &said)).await?;
    }
    Ok((Replacement { new, old, name, runs, told_to_stop: AtomicBool::new(false) }, answer))
}

/// Refuses what could not be brought back.
fn admit(context: &Context<'_>, old: &Value) -> Result<(), Failure> {
    let state = old["State"]["Status"].as_str().unwrap_or_default();
    let refusal = match state {
        _ if old["HostConfig"]["AutoRemove"] == true => {
            "it was started with --rm: it would be gone as soon as it stops, and could not come back"
        }
        "paused" => "it is paused: `unpause-container` it first",
        "restarting" => "it ends and is restarted again and again: `stop-container` it first",
        "removing" | "dead" => "it is being removed",
        _ => {
            let left = context.until.saturating_duration_since(Instant::now());
            let needed = LEAST.max(WAY_BACK + health::settle(context)) + grace(context, old);
            if left >= needed {
                return Ok(());
            }
            let message = format!(
                "{} s are left of its time, and it may need {}: nothing was changed; give it a longer `timeout`",
                left.as_secs(),
                needed.as_secs()
            );
            return Err(Failure::new(ErrorCode::Expired, message));
        }
    };
    Err(Failure::new(ErrorCode::Conflict, format!("`{}` cannot be recreated: {refusal}", name_of(old))))
}

/// How long the old instance may take to stop.
fn grace(context: &Context<'_>, old: &Value) -> Duration {
    let seconds = context.arguments.whole("time").or(old["Config"]["StopTimeout"].as_u64());
    Duration::from_secs(seconds.unwrap_or(GRACE))
}

/// The settings of an image; none if it is no longer there.
async fn image_config(context: &Context<'_>, id: &str) -> Result<Option<Value>, Failure> {
    let image = call(context, &RequestParts::new(Method::GET, "/images/{}/json").segment(id)).await?;
    if image.status == 404 {
        return Ok(None);
    }
    Ok(judge(image, Target::Daemon)?.read_json().map(|mut image| image["Config"].take()))
}
