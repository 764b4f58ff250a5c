//! What people do with accounts and API tokens, each by one change of what is in Redis.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::secrets::{self, SecretError};
use crate::bus::{Allowed, Bus, BusError, ChangeRules, ListedToken, Swapped};
use crate::protocol::limits::{PASSWORD_LEAST, TOKENS};
use crate::protocol::{
    Account, AccountName, External, Quota, Role, Secret, TokenRecord, Usage, check_password_length, millis, quoted,
    rfc3339,
};

/// How often a change is tried that others keep crossing.
const TRIES: usize = 20;

/// Why an account is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Redis.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// There is no secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Nobody has that name.
    #[error("no user is called `{0}`: `deblox user ls` lists those that are")]
    Unknown(AccountName),
    /// Somebody has it already.
    #[error("there is a user `{0}` already")]
    Taken(AccountName),
    /// Nobody new may have that name.
    #[error("{0}")]
    Name(String),
    /// A user has a name that looks like it.
    #[error("`{0}` looks like the user `{1}`, who is there already: choose another name")]
    LooksLikeUser(AccountName, String),
    /// A group has a name that looks like it.
    #[error("the group `{0}` looks like the group `{1}`, which is there already: choose that one, or another name")]
    LooksLikeGroup(String, String),
    /// The user has a token with a name that looks like it.
    #[error("`{0}` has a token `{1}` already, which looks like `{2}`: revoke that one, or choose another name")]
    LooksLikeToken(AccountName, String, AccountName),
    /// It is changed all the time.
    #[error("`{0}` was changed by others at the same time: try again")]
    Crossed(AccountName),
    /// It is the last that can manage users.
    #[error("`{0}` is the last admin that can log in: make another one first")]
    LastAdmin(AccountName),
    /// The password will not do.
    #[error("{0}")]
    Password(String),
    /// A token may not do more than its user.
    #[error("the role of `{0}` is {1}: a token cannot have more")]
    Above(AccountName, Role),
    /// The user has no password here.
    #[error("`{0}` logs in at {1} and has no password here")]
    External(AccountName, String),
    /// The user has a token of that name.
    #[error("`{0}` has a token `{1}` already: revoke that one, or choose another name")]
    Named(AccountName, AccountName),
    /// The user has too many tokens.
    #[error("`{0}` has {TOKENS} tokens, which is as many as there may be: revoke some")]
    Many(AccountName),
    /// No token has that id.
    #[error("no token is called `{0}`: `deblox token ls` lists those that are")]
    NoToken(String),
    /// Several tokens may be meant.
    #[error("several tokens begin with `{0}`: give more of the id")]
    Ambiguous(String),
}

/// The accounts of one bus.
#[derive(Debug)]
pub struct Accounts<'a>(pub &'a Bus);

/// A change of an account.
#[derive(Clone, Debug)]
pub enum Change {
    /// Another role.
    Role(Role),
    /// These groups and no others.
    Groups(BTreeSet<AccountName>),
    /// Nobody can log in any more.
    Disable,
    /// That is over.
    Enable,
    /// It may use this much; all it likes, where nothing is said.
    Quota(Option<Quota>),
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is for.
    pub name: AccountName,
    /// Whose it is.
    pub user: AccountName,
    /// What it may do at most; where nothing is said, what its user may.
    pub role: Option<Role>,
    /// After what time it ends.
    pub expires: Option<Duration>,
}

impl Accounts<'_> {
    /// All accounts, by name.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn all(&self) -> Result<BTreeMap<AccountName, Account>, AccountError> {
        Ok(self.0.accounts().await?)
    }

    /// Makes an account. Without a password one is generated and returned.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn add(
        &self,
        name: &AccountName,
        role: Role,
        groups: BTreeSet<AccountName>,
        password: Option<Secret>,
    ) -> Result<Option<Secret>, AccountError> {
        for new in groups.iter().chain([name]) {
            check_new(new)?;
        }
        let NewPassword { hash: password, generated } = NewPassword::new(password).await?;
        let created = rfc3339(self.0.clock().await?);
        // By chance: a user who is made again must not get the sessions of the one before.
        let generation = fastrand::u64(..Account::GENERATIONS);
        let temporary = generated.is_some();
        let account = Account {
            role,
            groups,
            password: Some(password),
            external: None,
            generation,
            disabled: false,
            temporary,
            created,
            quota: None,
        };
        match self.0.change_account(name, None, Some(&account), ChangeRules::default()).await? {
            Swapped::Yes => Ok(generated),
            Swapped::LikeUser(other) => Err(AccountError::LooksLikeUser(name.clone(), other)),
            Swapped::LikeGroup { group, other } => Err(AccountError::LooksLikeGroup(group, other)),
            Swapped::Crossed | Swapped::LastAdmin => Err(AccountError::Taken(name.clone())),
        }
    }

    /// Makes the account `admin` with a generated password, which is returned, where there is no account at all.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn add_first(&self) -> Result<Option<(AccountName, Secret)>, AccountError> {
        if !self.all().await?.is_empty() {
            return Ok(None);
        }
        let name = AccountName::new("admin").map_err(|e| AccountError::Password(e.to_string()))?;
        match self.add(&name, Role::Admin, BTreeSet::new(), None).await {
            Ok(password) => Ok(password.map(|password| (name, password))),
            // Another was quicker.
            Err(AccountError::Taken(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes an account.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn change(&self, name: &AccountName, change: &Change) -> Result<(), AccountError> {
        self.edit(name, ChangeRules::default(), |account| {
            let mut account = account.clone();
            change.apply(&mut account)?;
            Ok(Some(account))
        })
        .await
    }

    /// Makes all these changes of an account, or none, and none that leaves nobody who manages users. With `revokes_tokens`
    /// the tokens of the user are revoked in the same step.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn change_all(
        &self,
        name: &AccountName,
        changes: &[Change],
        password: Option<&NewPassword>,
        revokes_tokens: bool,
    ) -> Result<(), AccountError> {
        self.edit(name, ChangeRules { keeps_admin: true, revokes_tokens }, |account| {
            let mut account = account.clone();
            for change in changes {
                change.apply(&mut account)?;
            }
            if let Some(password) = password {
                password.apply(name, &mut account)?;
            }
            Ok(Some(account))
        })
        .await
    }

    /// Changes the password, and ends all sessions of the user. Without a password one is generated and returned.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn set_password(
        &self,
        name: &AccountName,
        password: Option<Secret>,
    ) -> Result<Option<Secret>, AccountError> {
        self.replace_password(name, password, false).await
    }

    /// The same, and with `revokes_tokens` the tokens of the user are revoked in the same step.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn replace_password(
        &self,
        name: &AccountName,
        password: Option<Secret>,
        revokes_tokens: bool,
    ) -> Result<Option<Secret>, AccountError> {
        // Hashing takes long, and may be for nothing.
        has_password(name, &self.get(name).await?)?;
        let password = NewPassword::new(password).await?;
        self.edit(name, ChangeRules { keeps_admin: false, revokes_tokens }, |account| {
            let mut account = account.clone();
            password.apply(name, &mut account)?;
            Ok(Some(account))
        })
        .await?;
        Ok(password.generated)
    }

    /// The quota of a user, and what it uses.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn usage(&self, name: &AccountName) -> Result<(Quota, Usage), AccountError> {
        let quota = self.get(name).await?.quota.unwrap_or_default();
        Ok((quota, self.0.usage(name.as_str()).await?))
    }

    /// Forgets an account, with its sessions and tokens. With `keeps_admin` not the last that manages users.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn remove(&self, name: &AccountName, keeps_admin: bool) -> Result<(), AccountError> {
        self.edit(name, ChangeRules { keeps_admin, revokes_tokens: false }, |_| Ok(None)).await
    }

    /// Makes a token, which is seen here and never again.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn add_token(&self, new: &NewToken) -> Result<Secret, AccountError> {
        check_new(&new.name)?;
        let token = secrets::token()?;
        for _ in 0..TRIES {
            let account = self.get(&new.user).await?;
            let role = new.role.unwrap_or(account.role);
            if role > account.role {
                return Err(AccountError::Above(new.user.clone(), account.role));
            }
            let created = self.0.clock().await?;
            let expires = new.expires.map(|after| created.saturating_add(millis(after)));
            let record = TokenRecord { name: new.name.clone(), user: new.user.clone(), role, created, expires };
            match self.0.add_token(&secrets::digest(token.reveal()), &record, &account).await? {
                Allowed::Yes => return Ok(token),
                Allowed::Named(name) if name == new.name.as_str() => {
                    return Err(AccountError::Named(new.user.clone(), new.name.clone()));
                }
                Allowed::Named(other) => {
                    return Err(AccountError::LooksLikeToken(new.user.clone(), other, new.name.clone()));
                }
                Allowed::Many => return Err(AccountError::Many(new.user.clone())),
                Allowed::Changed => {}
            }
        }
        Err(AccountError::Crossed(new.user.clone()))
    }

    /// All tokens, the oldest first, and what Redis's clock shows in milliseconds.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn tokens(&self) -> Result<(Vec<ListedToken>, u64), AccountError> {
        Ok(self.0.tokens().await?)
    }

    /// Forgets the token whose id begins with `id`, or that is called `USER/NAME`. From now on it counts no more.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn revoke(&self, id: &str) -> Result<(), AccountError> {
        let (tokens, _) = self.0.tokens().await?;
        let named = |token: &&ListedToken| match id.split_once('/') {
            Some((user, name)) => token.record.user.as_str() == user && token.record.name.as_str() == name,
            None => !id.is_empty() && token.digest.starts_with(id),
        };
        let mut found = tokens.iter().filter(named);
        match (found.next(), found.next()) {
            (Some(token), None) if self.0.revoke_token(&token.digest).await? => Ok(()),
            (Some(_), Some(_)) => Err(AccountError::Ambiguous(id.to_owned())),
            // Somebody may have given the token itself.
            _ => Err(AccountError::NoToken(quoted(id))),
        }
    }

    async fn get(&self, name: &AccountName) -> Result<Account, AccountError> {
        self.0.account(name.as_str()).await?.ok_or_else(|| AccountError::Unknown(name.clone()))
    }

    /// Puts in the place of an account what `edit` makes of it, again if another does so at the same moment.
    async fn edit(
        &self,
        name: &AccountName,
        rules: ChangeRules,
        edit: impl Fn(&Account) -> Result<Option<Account>, AccountError>,
    ) -> Result<(), AccountError> {
        for _ in 0..TRIES {
            let old = self.get(name).await?;
            match self.0.change_account(name, Some(&old), edit(&old)?.as_ref(), rules).await? {
                Swapped::Yes => return Ok(()),
                Swapped::LastAdmin => return Err(AccountError::LastAdmin(name.clone())),
                Swapped::LikeGroup { group, other } => return Err(AccountError::LooksLikeGroup(group, other)),
                Swapped::Crossed | Swapped::LikeUser(_) => {}
            }
        }
        Err(AccountError::Crossed(name.clone()))
    }
}

impl Change {
    /// What these changes are, in words for the audit.
    pub fn words(changes: &[Self]) -> String {
        let words: Vec<String> = changes.iter().map(ToString::to_string).collect();
        words.join(" ")
    }

    fn apply(&self, account: &mut Account) -> Result<(), AccountError> {
        match self {
            Self::Role(role) => account.role = *role,
            Self::Groups(groups) => {
                for new in groups.difference(&account.groups) {
                    check_new(new)?;
                }
                account.groups.clone_from(groups);
            }
            Self::Enable => account.disabled = false,
            Self::Quota(quota) => account.quota = *quota,
            Self::Disable => {
                account.disabled = true;
                account.end_sessions();
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Role(role) => write!(f, "role={role}"),
            Self::Groups(groups) => {
                let groups: Vec<&str> = groups.iter().map(AccountName::as_str).collect();
                write!(f, "groups={}", groups.join(","))
            }
            Self::Disable => f.write_str("disabled=true"),
            Self::Enable => f.write_str("disabled=false"),
            Self::Quota(None) => f.write_str("quota=none"),
            Self::Quota(Some(quota)) => {
                let measures = [
                    ("instances", quota.instances),
                    ("memory", quota.memory),
                    ("nano-cpus", quota.nano_cpus),
                    ("pids", quota.pids),
                ];
                let said = measures.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}")));
                write!(f, "quota {}", said.collect::<Vec<_>>().join(" "))
            }
        }
    }
}

fn check_new(name: &AccountName) -> Result<(), AccountError> {
    name.check_new().map_err(|error| AccountError::Name(error.to_string()))
}

/// A password that an account is to have.
#[derive(Debug)]
pub struct NewPassword {
    hash: Secret,
    generated: Option<Secret>,
}

impl NewPassword {
    /// The one that was chosen; or one that is made. What somebody chose goes through a [`super::PasswordPolicy`] first.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn new(chosen: Option<Secret>) -> Result<Self, AccountError> {
        let (password, generated) = match chosen {
            Some(chosen) => {
                check_password_length(chosen.reveal(), PASSWORD_LEAST).map_err(AccountError::Password)?;
                (chosen, None)
            }
            None => {
                let made = secrets::password()?;
                (made.clone(), Some(made))
            }
        };
        Ok(Self { hash: secrets::hash_off_thread(password).await?, generated })
    }

    /// The one that was made, if none was chosen.
    pub fn generated(&self) -> Option<&Secret> {
        self.generated.as_ref()
    }

    /// Ends all sessions of the user.
    fn apply(&self, name: &AccountName, account: &mut Account) -> Result<(), AccountError> {
        has_password(name, account)?;
        account.password = Some(self.hash.clone());
        account.temporary = self.generated.is_some();
        account.end_sessions();
        Ok(())
    }
}

fn has_password(name: &AccountName, account: &Account) -> Result<(), AccountError> {
    match &account.external {
        Some(External { issuer, .. }) => Err(AccountError::External(name.clone(), issuer.clone())),
        None => Ok(()),
    }
}
