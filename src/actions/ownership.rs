//! `chown-instance` and `share-instance`: whose an instance is, and who else may do what to it.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Context, Outcome};
use crate::bus::persist;
use crate::protocol::{Access, AccountName, Answer, ErrorCode, Failure, Ownership};

/// Users and groups that may share one instance.
const SHARERS: usize = 100;

pub(super) async fn chown(context: &Context<'_>) -> Result<Outcome, Failure> {
    let owner = name(context, "owner")?.ok_or_else(|| bad("owner", "it must be the name of a user"))?;
    if context.caller.is_some() && persist(|| context.bus.account(owner.as_str())).await?.is_none() {
        let message = format!("field `owner` is not valid: no user is called `{owner}`");
        return Err(Failure::new(ErrorCode::BadField, message));
    }
    say(context, |ownership| {
        ownership.owner = Some(owner);
        Ok(())
    })
    .await
}

pub(super) async fn share(context: &Context<'_>) -> Result<Outcome, Failure> {
    let rights = rights(context)?;
    let (user, group) = (name(context, "user")?, name(context, "group")?);
    say(context, |ownership| {
        let (sharers, name) = match (user, group) {
            (Some(user), None) => (&mut ownership.users, user),
            (None, Some(group)) => (&mut ownership.groups, group),
            _ => return Err(bad("user", "either `user` or `group` says with whom")),
        };
        if rights.is_empty() {
            sharers.remove(&name);
        } else {
            sharers.insert(name, rights);
        }
        if ownership.users.len() + ownership.groups.len() > SHARERS {
            return Err(bad("user", &format!("at most {SHARERS} users and groups share an instance: use a group")));
        }
        Ok(())
    })
    .await
}

/// Changes what is said about the instance, and answers with all of it.
async fn say(
    context: &Context<'_>,
    change: impl FnOnce(&mut Ownership) -> Result<(), Failure>,
) -> Result<Outcome, Failure> {
    let id = context.instance.unwrap_or_default();
    // Of an instance that was made a moment ago the worker may not know yet.
    let Some(full) = full_id(context, id).await? else {
        return Err(Failure::new(ErrorCode::NoSuchInstance, format!("no instance has the id or name `{id}`")));
    };
    let mut ownership = persist(|| context.bus.ownership([full.as_str()])).await?.remove(&full).unwrap_or_default();
    change(&mut ownership)?;
    context.admit().await?;
    persist(|| context.bus.set_ownership(&full, &ownership)).await?;
    let Ownership { owner, users, groups } = &ownership;
    Ok(Outcome::Answer(Answer::json(&json!({"id": full, "owner": owner, "users": users, "groups": groups}))))
}

/// The full id of the instance, as the daemon has it.
async fn full_id(context: &Context<'_>, id: &str) -> Result<Option<String>, Failure> {
    let inspect = crate::docker::RequestParts::new(crate::docker::Method::GET, "/containers/{}/json").segment(id);
    Ok(context.docker.call(&inspect).await?.text_field("Id"))
}

fn rights(context: &Context<'_>) -> Result<BTreeSet<Access>, Failure> {
    let words = context.arguments.list("rights");
    let right = |word: &&str| {
        let found = Access::SHARED.into_iter().find(|access| access.as_str() == *word);
        found.ok_or_else(|| {
            bad(
                "rights",
                &format!("there is no right `{word}` to share, but {}", Access::SHARED.map(Access::as_str).join(", ")),
            )
        })
    };
    words.iter().map(right).collect()
}

fn name(context: &Context<'_>, field: &str) -> Result<Option<AccountName>, Failure> {
    let read = |text: &str| AccountName::new(text).map_err(|e| bad(field, &e.to_string()));
    context.arguments.text(field).map(read).transpose()
}

fn bad(field: &str, why: &str) -> Failure {
    Failure::new(ErrorCode::BadField, format!("field `{field}` is not valid: {why}"))
}
