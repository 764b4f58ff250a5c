//! What an instance takes of its owner's quota, counted before anything is asked of the daemon. Nothing is where workers
//! do not ask who it is.

use serde_json::{Map, Value, json};

use super::recreate_container::inspect;
use super::{Context, bounds};
use crate::bus::{Claim, Gift, Given, persist};
use crate::protocol::limits::DAEMON_CALL;
use crate::protocol::{AccountName, ErrorCode, Exceeded, Failure, Limits, Ownership, RequestId, millis};

/// The limits that an update changes and a quota counts.
const COUNTED: [&str; 3] = ["Memory", "NanoCpus", "PidsLimit"];

/// Whether somebody of that name may have a quota.
fn is_user(owner: &str) -> bool {
    AccountName::new(owner).is_ok()
}

/// Counts the instance that is about to be created with this body.
///
/// # Errors
/// [`ErrorCode::QuotaExceeded`].
pub(super) async fn claim(context: &Context<'_>, owner: &str, body: &Value) -> Result<(), Failure> {
    if context.caller.is_none() || !is_user(owner) {
        return Ok(());
    }
    let limits = Limits::of(&body["HostConfig"]);
    reserve(context, owner, Ok(&context.request.id), limits, None).await
}

/// Counts it no more if it was not created. Where that is not known it counts until it would have been seen.
pub(super) async fn settle(context: &Context<'_>, owner: &str, failure: Option<ErrorCode>) {
    let Some(code) = failure else { return };
    let unknown = matches!(code, ErrorCode::Timeout | ErrorCode::Interrupted);
    if context.caller.is_none() || !is_user(owner) || unknown {
        return;
    }
    if let Err(error) = persist(|| context.bus.unclaim(owner, &context.request.id)).await {
        tracing::debug!(%error, "a create that failed counts until it runs out");
    }
}

/// An instance whose limits are about to be changed.
pub(super) struct Changed {
    owner: String,
    id: String,
}

/// Counts the more of what the instance has and what it is to have.
///
/// # Errors
/// [`ErrorCode::QuotaExceeded`].
pub(super) async fn change(context: &Context<'_>, limits: &Map<String, Value>) -> Result<Option<Changed>, Failure> {
    let id = context.instance.unwrap_or_default();
    if context.caller.is_none() || !COUNTED.iter().any(|counted| limits.contains_key(*counted)) {
        return Ok(None);
    }
    let Some(found) = inspect(context, id).await? else { return Ok(None) };
    let said = persist(|| context.bus.ownership([id])).await?.remove(id);
    let labelled = context.docker.own_labels_of(&found).await?.owner;
    let owner = Ownership::owner(said.as_ref(), labelled.as_deref());
    let Some(owner) = owner.filter(|owner| is_user(owner)) else { return Ok(None) };
    let now = Limits::of(&found["HostConfig"]);
    let asked = Limits::of(&Value::Object(limits.clone()));
    let kept = |asked: u64, now: u64| if asked == 0 { now } else { asked };
    let next = Limits {
        memory: kept(asked.memory, now.memory),
        nano_cpus: kept(asked.nano_cpus, now.nano_cpus),
        pids: kept(asked.pids, now.pids),
    };
    reserve(context, owner, Err(id), now.until(next), Some(now)).await?;
    Ok(Some(Changed { owner: owner.to_owned(), id: id.to_owned() }))
}

/// Counts an instance that has taken the place of another one, and has other limits than that had.
pub(super) async fn replaced(context: &Context<'_>, id: &str) {
    if bounds::bounded(context).is_none() {
        return;
    }
    let Ok(Some(found)) = inspect(context, id).await else { return };
    let Ok(mut said) = persist(|| context.bus.ownership([id])).await else { return };
    let said = said.remove(id);
    let Ok(own) = context.docker.own_labels_of(&found).await else { return };
    let owner = Ownership::owner(said.as_ref(), own.owner.as_deref());
    if let Some(owner) = owner.filter(|owner| is_user(owner)) {
        Changed { owner: owner.to_owned(), id: id.to_owned() }.settle(context).await;
    }
}

impl Changed {
    /// Counts what it has by now.
    pub(super) async fn settle(self, context: &Context<'_>) {
        let Ok(Some(found)) = inspect(context, &self.id).await else { return };
        let limits = Limits::of(&found["HostConfig"]);
        let done = persist(|| context.bus.recount(&self.owner, &self.id, limits)).await;
        if let Err(error) = done {
            tracing::debug!(%error, "what an instance uses is looked at later");
        }
    }
}

/// Writes down what is said about an instance, as the daemon has it; `from` is whose it is, and `before` the text of what was
/// said until now. If it becomes another user's, it counts in that one's quota. Returns whether nobody else has said something
/// meanwhile: then nothing is done.
///
/// # Errors
/// [`ErrorCode::QuotaExceeded`].
pub(super) async fn give(
    context: &Context<'_>,
    found: &Value,
    from: Option<&str>,
    before: &str,
    ownership: &Ownership,
) -> Result<bool, Failure> {
    let id = found["Id"].as_str().unwrap_or_default();
    let to = ownership.owner.as_ref().map(AccountName::as_str);
    let Some(to) = to.filter(|to| context.caller.is_some() && is_user(to) && from != Some(to)) else {
        return Ok(persist(|| context.bus.set_ownership(context.dock, id, before, ownership)).await?);
    };
    let own = context.docker.own_labels_of(found).await?;
    let gift = Gift {
        id,
        dock: context.dock,
        from,
        to,
        limits: Limits::of(&found["HostConfig"]),
        request: own.request.as_deref(),
        before,
        ownership,
    };
    match persist(|| context.bus.give(&gift)).await? {
        Given::Done => Ok(true),
        Given::Changed => Ok(false),
        Given::Exceeded(exceeded) => Err(refusal(to, exceeded)),
    }
}

async fn reserve(
    context: &Context<'_>,
    owner: &str,
    what: Result<&RequestId, &str>,
    limits: Limits,
    before: Option<Limits>,
) -> Result<(), Failure> {
    // What the daemon is asked for at the last moment it may do that much later.
    let until = context.deadline.saturating_add(millis(DAEMON_CALL));
    let claim = Claim { owner, what, limits, before, until };
    persist(|| context.bus.claim(&claim)).await?.map_err(|exceeded| refusal(owner, exceeded))
}

fn refusal(owner: &str, exceeded: Exceeded) -> Failure {
    let details = match exceeded {
        Exceeded::More { of, used, asked, quota } => json!({"of": of, "used": used, "asked": asked, "quota": quota}),
        Exceeded::Without { of, used, quota } => json!({"of": of, "used": used, "quota": quota}),
        Exceeded::Others { of, instances, quota } => json!({"of": of, "withoutLimit": instances, "quota": quota}),
    };
    Failure::new(ErrorCode::QuotaExceeded, exceeded.tell(owner)).with_details(&details)
}
