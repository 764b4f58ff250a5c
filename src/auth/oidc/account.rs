//! The account of somebody whom the provider vouches for, as its claims say at each login.

use std::collections::BTreeSet;

use super::claims::Person;
use super::{Oidc, OidcError};
use crate::bus::Swapped;
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
            let account = self.new_account(external, groups, role).await?;
            let made = self.bus.change_account(&name, None, Some(&account), false).await?;
            return Ok((made == Swapped::Yes).then_some((name, account)));
        };
        let Some(old) = all.remove(&name) else { return Ok(None) };
        if old.disabled {
            return Err(OidcError::Disabled(name));
        }
        let mut new = Account { groups: groups.clone(), role: role.unwrap_or(old.role), ..old.clone() };
        if role.is_none() {
            new.end_sessions();
        }
        if new != old && self.bus.change_account(&name, Some(&old), Some(&new), false).await? != Swapped::Yes {
            return Ok(None);
        }
        if role.is_none() { Err(OidcError::NoRole) } else { Ok(Some((name, new))) }
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
