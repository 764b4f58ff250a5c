//! `chown-instance`, `share-instance` and `inspect-instance`: whose an instance is, and who else may do what to it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Context, Outcome, quota, recreate_container};
use crate::bus::persist;
use crate::protocol::{Access, AccountName, Answer, ErrorCode, Failure, Ownership, label};

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

pub(super) async fn inspect(context: &Context<'_>) -> Result<Outcome, Failure> {
    let instance = Instance::find(context).await?;
    let said = instance.said(context).await?;
    Ok(instance.told(&said.unwrap_or_default()))
}

/// Changes what is said about the instance, and answers with all of it.
async fn say(
    context: &Context<'_>,
    change: impl FnOnce(&mut Ownership) -> Result<(), Failure>,
) -> Result<Outcome, Failure> {
    let instance = Instance::find(context).await?;
    let said = instance.said(context).await?;
    let mut ownership = said.clone().unwrap_or_default();
    change(&mut ownership)?;
    context.admit().await?;
    quota::give(context, &instance.0, said.as_ref(), &ownership).await?;
    Ok(instance.told(&ownership))
}

/// The instance as the daemon has it: of one that was made a moment ago the worker may not know yet.
struct Instance(Value);

impl Instance {
    async fn find(context: &Context<'_>) -> Result<Self, Failure> {
        let id = context.instance.unwrap_or_default();
        recreate_container::inspect(context, id).await?.map(Self).ok_or_else(|| Failure::no_such_instance(id))
    }

    fn id(&self) -> &str {
        self.0["Id"].as_str().unwrap_or_default()
    }

    /// What was said about it.
    async fn said(&self, context: &Context<'_>) -> Result<Option<Ownership>, Failure> {
        Ok(persist(|| context.bus.ownership([self.id()])).await?.remove(self.id()))
    }

    fn told(&self, ownership: &Ownership) -> Outcome {
        let Ownership { users, groups, .. } = ownership;
        let label = self.0["Config"]["Labels"][label::OWNER].as_str().filter(|owner| !owner.is_empty());
        let owner = Ownership::owner(Some(ownership), label);
        let told = json!({"id": self.id(), "name": recreate_container::name_of(&self.0), "owner": owner, "users": users, "groups": groups});
        Outcome::Answer(Answer::json(&told))
    }
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
