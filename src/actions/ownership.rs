//! `chown-instance`, `accept-instance`, `decline-instance`, `share-instance` and `inspect-instance`: whose an instance is, to
//! whom it is offered, and who else may do what to it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Context, Outcome, quota, recreate_container};
use crate::bus::persist;
use crate::protocol::{Access, AccountName, Answer, ErrorCode, Failure, Ownership, Subject};

/// Users and groups that may share one instance.
const SHARERS: usize = 100;

/// How often a change is tried again because somebody else has changed the same meanwhile.
const TRIES: usize = 10;

/// What is to be said about an instance.
enum Change {
    /// It is that user's.
    Give(AccountName),
    /// It is offered to that user.
    Offer(AccountName),
    /// That user, to whom it is offered, takes it.
    Accept(AccountName),
    /// It is not offered any more.
    Decline,
    /// A user or a group shares it with these rights, or no longer.
    Share { user: Option<AccountName>, group: Option<AccountName>, rights: BTreeSet<Access> },
}

/// Gives an instance to another user. An owner only offers it: what it costs counts in the quota of the one who accepts it.
pub(super) async fn chown(context: &Context<'_>) -> Result<Outcome, Failure> {
    let to = name(context, "owner")?.ok_or_else(|| bad("owner", "it must be the name of a user"))?;
    if context.caller.is_some() && persist(|| context.bus.account(to.as_str())).await?.is_none() {
        let message = format!("field `owner` is not valid: no user is called `{to}`");
        return Err(Failure::new(ErrorCode::BadField, message));
    }
    let gives = context.caller.is_none_or(|caller| caller.may(Access::Admin, Subject::AllInstances));
    say(context, &if gives { Change::Give(to) } else { Change::Offer(to) }).await
}

/// Takes what is offered to the caller.
pub(super) async fn accept(context: &Context<'_>) -> Result<Outcome, Failure> {
    let caller = context.caller.ok_or_else(|| {
        conflict("nothing is offered where workers do not ask who it is: `chown-instance` gives an instance at once")
    })?;
    say(context, &Change::Accept(caller.username.clone())).await
}

/// Ends an offer: as the one to whom it is made, or as the owner.
pub(super) async fn decline(context: &Context<'_>) -> Result<Outcome, Failure> {
    say(context, &Change::Decline).await
}

pub(super) async fn share(context: &Context<'_>) -> Result<Outcome, Failure> {
    let rights = rights(context)?;
    let (user, group) = (name(context, "user")?, name(context, "group")?);
    say(context, &Change::Share { user, group, rights }).await
}

pub(super) async fn inspect(context: &Context<'_>) -> Result<Outcome, Failure> {
    Ok(Instance::find(context).await?.told())
}

/// Changes what is said about the instance, and answers with all of it. It is written only if nobody else has said something
/// since it was read.
async fn say(context: &Context<'_>, change: &Change) -> Result<Outcome, Failure> {
    for _ in 0..TRIES {
        let mut instance = Instance::find(context).await?;
        let ownership = instance.after(context, change).await?;
        context.admit().await?;
        if quota::give(context, &instance.found, instance.owner(), &instance.text, &ownership).await? {
            instance.said = ownership;
            return Ok(instance.told());
        }
    }
    Err(conflict("others change whose it is at the same time: try again"))
}

/// The instance as the daemon has it, since the worker may not know yet of one that was made a moment ago; and what was said
/// about it.
struct Instance {
    found: Value,
    /// The owner that its label names.
    label: Option<String>,
    /// What was said, and the text of it.
    said: Ownership,
    text: String,
}

impl Instance {
    async fn find(context: &Context<'_>) -> Result<Self, Failure> {
        let id = context.instance.unwrap_or_default();
        let found = recreate_container::inspect(context, id).await?;
        let found = found.ok_or_else(|| Failure::no_such_instance(id))?;
        let label = context.docker.own_labels_of(&found).await?.owner;
        let (text, said) = persist(|| context.bus.said(found["Id"].as_str().unwrap_or_default())).await?;
        Ok(Self { found, label, said: said.unwrap_or_default(), text })
    }

    /// What is said about it after that change.
    async fn after(&self, context: &Context<'_>, change: &Change) -> Result<Ownership, Failure> {
        let said = self.said.clone();
        match change {
            Change::Give(to) => self.given(context, to).await,
            // To oneself: the offer ends.
            Change::Offer(to) => {
                let offered = Some(to.clone()).filter(|to| self.owner() != Some(to.as_str()));
                Ok(Ownership { offered, ..said })
            }
            Change::Decline => Ok(Ownership { offered: None, ..said }),
            Change::Accept(caller) => match &said.offered {
                Some(to) if to == caller => self.given(context, to).await,
                // Done by an earlier attempt, whose answer was lost.
                None if self.owner() == Some(caller.as_str()) => Ok(said),
                Some(to) => Err(conflict(&format!(
                    "`{}` is offered to `{to}`, who alone can accept it; an operator gives it with `chown-instance`",
                    self.name()
                ))),
                None => Err(conflict(&format!(
                    "`{}` is not offered to anybody: its owner offers it with `chown-instance`",
                    self.name()
                ))),
            },
            Change::Share { user, group, rights } => shared(said, user.as_ref(), group.as_ref(), rights),
        }
    }

    /// What is said of it from then on that it is another user's.
    async fn given(&self, context: &Context<'_>, to: &AccountName) -> Result<Ownership, Failure> {
        let from = self.owner();
        if from == Some(to.as_str()) {
            return Ok(Ownership { owner: Some(to.clone()), offered: None, ..self.said.clone() });
        }
        let account = match from {
            Some(from) => persist(|| context.bus.account(from)).await?,
            None => None,
        };
        let groups = account.map(|account| account.groups).unwrap_or_default();
        Ok(self.said.given(from, &groups, to))
    }

    fn id(&self) -> &str {
        self.found["Id"].as_str().unwrap_or_default()
    }

    fn name(&self) -> &str {
        recreate_container::name_of(&self.found)
    }

    fn owner(&self) -> Option<&str> {
        Ownership::owner(Some(&self.said), self.label.as_deref())
    }

    fn told(&self) -> Outcome {
        let Ownership { offered, users, groups, .. } = &self.said;
        let (id, name, owner) = (self.id(), self.name(), self.owner());
        let mut told = json!({"id": id, "name": name, "owner": owner, "users": users, "groups": groups});
        if let Some(offered) = offered {
            told["offered"] = json!(offered);
        }
        Outcome::Answer(Answer::json(&told))
    }
}

/// What is said after a user or a group shares it with these rights, in the place of those it had.
fn shared(
    mut said: Ownership,
    user: Option<&AccountName>,
    group: Option<&AccountName>,
    rights: &BTreeSet<Access>,
) -> Result<Ownership, Failure> {
    let (sharers, name) = match (user, group) {
        (Some(user), None) => (&mut said.users, user),
        (None, Some(group)) => (&mut said.groups, group),
        _ => return Err(bad("user", "either `user` or `group` says with whom")),
    };
    if rights.is_empty() {
        sharers.remove(name);
    } else {
        sharers.insert(name.clone(), rights.clone());
    }
    if said.users.len() + said.groups.len() > SHARERS {
        return Err(bad("user", &format!("at most {SHARERS} users and groups share an instance: use a group")));
    }
    Ok(said)
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

fn conflict(why: &str) -> Failure {
    Failure::new(ErrorCode::Conflict, why)
}
