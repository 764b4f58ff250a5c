//! The account of somebody whom the provider vouches for, as its claims say at each login.

use std::collections::BTreeSet;

use super::claims::Person;
use super::{Oidc, OidcError};
use crate::bus::{ChangeRules, Swapped};
use crate::protocol::{Account, AccountName, External, Role, rfc3339};

impl Oidc {
    /// Makes the account or changes it; none where others changed it at the same time. It is found by who the person is
    /// at the provider and not by a name, which may change there, or become somebody else's.
    pub(super) async fn account(
        &self,
        external: &External,
        person: &Person,
        groups: &BTreeSet<AccountName>,
        role: Option<Role>,
    ) -> Result<Option<(AccountName, Account)>, OidcError> {
        let mut all = self.bus.accounts().await?;
        let known = all.iter().find(|(_, account)| account.external.as_ref() == Some(external));
        let Some(name) = known.map(|(name, _)| name.clone()) else {
            let (name, role) = (person.name(&self.options)?, role.ok_or(OidcError::NoRole)?);
            if all.contains_key(&name) {
                return Err(OidcError::Taken(name));
            }
            name.check_new().map_err(|error| OidcError::Name(error.to_string()))?;
            let mut account = self.new_account(external, groups, role).await?;
            let made = self.put(&name, None, &mut account).await?;
            return Ok(made.then_some((name, account)));
        };
        let Some(old) = all.remove(&name) else { return Ok(None) };
        if old.disabled {
            return Err(OidcError::Disabled(name));
        }
        let mut new = Account { groups: groups.clone(), role: role.unwrap_or(old.role), ..old.clone() };
        if role.is_none() {
            new.end_sessions();
        }
        if new != old && !self.put(&name, Some(&old), &mut new).await? {
            return Ok(None);
        }
        if role.is_none() { Err(OidcError::NoRole) } else { Ok(Some((name, new))) }
    }

    /// Puts `new` in the place of `old`, without those new groups whose names look like those of other groups. Returns false
    /// where others changed the account at the same time.
    async fn put(&self, name: &AccountName, old: Option<&Account>, new: &mut Account) -> Result<bool, OidcError> {
        loop {
            match self.bus.change_account(name, old, Some(new), ChangeRules::default()).await? {
                Swapped::Yes => return Ok(true),
                Swapped::LikeUser(other) => return Err(OidcError::LooksLike(name.clone(), other)),
                Swapped::LikeGroup { group, other } => {
                    tracing::warn!(
                        user = name.as_str(),
                        group,
                        other,
                        "a group of the provider looks like another: left out"
                    );
                    let before = new.groups.len();
                    new.groups.retain(|kept| kept.as_str() != group);
                    if new.groups.len() == before {
                        return Ok(false);
                    }
                }
                Swapped::Crossed | Swapped::LastAdmin => return Ok(false),
            }
        }
    }

    async fn new_account(
        &self,
        external: &External,
        groups: &BTreeSet<AccountName>,
        role: Role,
    ) -> Result<Account, OidcError> {
        Ok(Account {
            role,
            groups: groups.clone(),
            password: None,
            external: Some(external.clone()),
            // By chance: a user who is made again must not get the sessions of the one before.
            generation: fastrand::u64(..Account::GENERATIONS),
            disabled: false,
            temporary: false,
            quota: None,
            created: rfc3339(self.bus.clock().await?),
        })
    }
}
