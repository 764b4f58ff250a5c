//! Which instances the caller sees.

use std::collections::BTreeMap;

use super::Context;
use crate::bus::{Bus, persist};
use crate::protocol::{Access, Failure, Ownership, Session, Subject};

/// What of all instances a caller sees.
pub(super) enum Sight<'a> {
    /// Everything.
    All,
    /// Its own, and what is shared with it by what was said about instances.
    Some(&'a Session, BTreeMap<String, Ownership>),
}

impl<'a> Sight<'a> {
    /// What the caller of this request sees.
    pub(super) async fn of(context: &Context<'a>) -> Result<Self, Failure> {
        match context.caller.filter(|caller| !caller.sees_all()) {
            None => Ok(Self::All),
            Some(caller) => Ok(Self::Some(caller, persist(|| context.bus.all_ownership()).await?)),
        }
    }

    /// What this caller sees of the instances with these ids; everything where nobody is asked who it is.
    pub(super) async fn among(
        bus: &Bus,
        caller: Option<&'a Session>,
        ids: impl Iterator<Item = &str> + Clone,
    ) -> Result<Self, Failure> {
        match caller.filter(|caller| !caller.sees_all()) {
            None => Ok(Self::All),
            Some(caller) => Ok(Self::Some(caller, persist(|| bus.ownership(ids.clone())).await?)),
        }
    }

    /// Whether it sees all.
    pub(super) fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// Whether it sees the instance with this full id, which belongs to `owner` as far as its label or its record says.
    pub(super) fn sees(&self, id: &str, owner: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Some(caller, said) => {
                let said = said.get(id);
                caller.may(Access::View, Subject::Instance(Ownership::owner(said, owner), said))
            }
        }
    }
    /// Whether the caller of this request may see the secrets of the instance with this full id, which belongs to `owner` as
    /// far as its label or its record says.
    pub(super) fn shows_secrets(&self, context: &Context<'_>, id: &str, owner: Option<&str>) -> bool {
        match self {
            Self::All => context.shows_secrets,
            Self::Some(caller, said) => {
                let said = said.get(id);
                caller.may(Access::Exec, Subject::Instance(Ownership::owner(said, owner), said))
            }
        }
    }
}
