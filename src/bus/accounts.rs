//! Accounts, sessions and API tokens in Redis.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::{cmd, pipe};
use serde::de::DeserializeOwned;

use super::presence::json;
use super::{Bus, BusError};
use crate::protocol::limits::TOKENS;
use crate::protocol::{Account, AccountName, AuditRecord, Session, TokenRecord, millis};

/// An API token as it is listed.
#[derive(Clone, Debug)]
pub struct ListedToken {
    /// The digest of the token, of which the beginning is its id.
    pub digest: String,
    /// What is known of it.
    pub record: TokenRecord,
    /// When it was last used, in milliseconds of Redis's clock.
    pub used: Option<u64>,
}

/// Whether a token could be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// It is.
    Yes,
    /// The account has changed meanwhile.
    Changed,
    /// The user has too many.
    Many,
    /// The user has one of that name, or of one that looks like it, which is this one.
    Named(String),
}

/// What became of a change of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swapped {
    /// It is changed.
    Yes,
    /// It was another by then.
    Crossed,
    /// Nobody would be left who manages users.
    LastAdmin,
    /// The new account has a name that looks like that of this user.
    LikeUser(String),
    /// The account has a new group whose name looks like that of another.
    LikeGroup {
        /// The new one.
        group: String,
        /// The other.
        other: String,
    },
}

/// What has to hold for a change of an account, and what goes with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeRules {
    /// Somebody must be left who manages users.
    pub keeps_admin: bool,
    /// All tokens of the user are revoked.
    pub revokes_tokens: bool,
}

/// Digest and record, digest and last use, and the time.
type FoundTokens = (Vec<(String, String)>, BTreeMap<String, u64>, (u64, u64));

impl Bus {
    /// All accounts, by name.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn accounts(&self) -> Result<BTreeMap<AccountName, Account>, BusError> {
        let all: Vec<(String, String)> = self.link().query(cmd("HGETALL").arg(self.keys().users())).await?;
        all.into_iter().map(|(name, text)| Ok((read_name(&name)?, read("an account", &text)?))).collect()
    }

    /// The account called `name`, which may be any text.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn account(&self, name: &str) -> Result<Option<Account>, BusError> {
        let text: Option<String> = self.link().query(cmd("HGET").arg(self.keys().users()).arg(name)).await?;
        text.map(|text| read("an account", &text)).transpose()
    }

    /// Puts `new` in the place of `old`, where none is no account.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn change_account(
        &self,
        name: &AccountName,
        old: Option<&Account>,
        new: Option<&Account>,
        rules: ChangeRules,
    ) -> Result<Swapped, BusError> {
        let keys = self.keys();
        let mut change = self.scripts().auth_account.key(keys.users());
        change.key(keys.tokens()).key(keys.tokens_used()).key(keys.user_sessions(name.as_str()));
        let text = |account: Option<&Account>| account.map(json).unwrap_or_default();
        change.arg(name.as_str()).arg(text(old)).arg(text(new));
        change.arg(u8::from(rules.keeps_admin)).arg(u8::from(rules.revokes_tokens));
        let answer: Vec<String> = self.link().script(&change).await?;
        let mut answer = answer.into_iter();
        let mut next = || answer.next().unwrap_or_default();
        Ok(match next().as_str() {
            "1" => Swapped::Yes,
            "2" => Swapped::LastAdmin,
            "3" => Swapped::LikeUser(next()),
            "4" => Swapped::LikeGroup { group: next(), other: next() },
            _ => Swapped::Crossed,
        })
    }

    /// Whose session has this digest, if it still counts; from now on it is idle anew.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn session(&self, digest: &str, idle: Duration) -> Result<Option<Session>, BusError> {
        let mut session = self.scripts().auth_session.key(self.keys().session(digest));
        session.key(self.keys().users()).arg(millis(idle)).arg(digest).arg(self.keys().user_sessions_prefix());
        let found: Option<(String, String)> = self.link().script(&session).await?;
        found
            .map(|(name, account)| {
                let Account { role, groups, .. } = read("an account", &account)?;
                Ok(Session { username: read_name(&name)?, groups, role, limit: None, token: None })
            })
            .transpose()
    }

    /// Whose API token has this digest, if it still counts.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn token(&self, digest: &str) -> Result<Option<Session>, BusError> {
        let keys = self.keys();
        let mut token = self.scripts().auth_token.key(keys.tokens());
        token.key(keys.users()).key(keys.tokens_used()).arg(digest);
        let found: Option<(String, String, String, bool)> = self.link().script(&token).await?;
        let Some((name, account, token, is_first)) = found else { return Ok(None) };
        let (account, token): (Account, TokenRecord) = (read("an account", &account)?, read("a token", &token)?);
        let Account { role, groups, .. } = account;
        let (limit, token) = (Some(token.role), Some(token.name));
        let session = Session { username: read_name(&name)?, groups, role, limit, token };
        if is_first {
            let (user, token) = (Some(session.username.as_str()), session.token.as_ref().map(AccountName::as_str));
            self.audit(&AuditRecord { action: "use-token", user, token, status: Some(200), ..AuditRecord::default() })
                .await;
        }
        Ok(Some(session))
    }

    /// Keeps a token under its digest, if `account` is still that of its user.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn add_token(&self, digest: &str, record: &TokenRecord, account: &Account) -> Result<Allowed, BusError> {
        let mut add = self.scripts().auth_token_add.key(self.keys().users());
        add.key(self.keys().tokens());
        add.arg(record.user.as_str()).arg(json(account)).arg(digest).arg(json(record)).arg(TOKENS);
        let answer: Vec<String> = self.link().script(&add).await?;
        Ok(match answer.first().map_or("", String::as_str) {
            "done" => Allowed::Yes,
            "many" => Allowed::Many,
            "named" => Allowed::Named(answer.into_iter().nth(1).unwrap_or_default()),
            _ => Allowed::Changed,
        })
    }

    /// All API tokens, the oldest first, and what Redis's clock shows in milliseconds.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn tokens(&self) -> Result<(Vec<ListedToken>, u64), BusError> {
        let mut all = pipe();
        all.cmd("HGETALL").arg(self.keys().tokens());
        all.cmd("HGETALL").arg(self.keys().tokens_used());
        all.cmd("TIME");
        let (records, used, (seconds, micros)): FoundTokens = self.link().pipeline(&all).await?;
        let listed = |(digest, text): (String, String)| {
            let used = used.get(&digest).copied();
            Ok(ListedToken { record: read("a token", &text)?, used, digest })
        };
        let mut tokens = records.into_iter().map(listed).collect::<Result<Vec<_>, BusError>>()?;
        tokens.sort_by(|a, b| (a.record.created, &a.digest).cmp(&(b.record.created, &b.digest)));
        Ok((tokens, seconds * 1000 + micros / 1000))
    }

    /// Forgets a token. Returns whether there was one.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn revoke_token(&self, digest: &str) -> Result<bool, BusError> {
        let mut revoke = pipe();
        revoke.atomic().cmd("HDEL").arg(self.keys().tokens()).arg(digest);
        revoke.cmd("HDEL").arg(self.keys().tokens_used()).arg(digest).ignore();
        let (gone,): (bool,) = self.link().pipeline(&revoke).await?;
        Ok(gone)
    }

    /// What Redis's clock shows, in milliseconds.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn clock(&self) -> Result<u64, BusError> {
        let (seconds, micros): (u64, u64) = self.link().query(&cmd("TIME")).await?;
        Ok(seconds * 1000 + micros / 1000)
    }
}

fn read<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, BusError> {
    serde_json::from_str(text).map_err(|_| BusError::Unexpected(format!("{what} that cannot be read")))
}

fn read_name(name: &str) -> Result<AccountName, BusError> {
    AccountName::new(name).map_err(|e| BusError::Unexpected(format!("an account whose name is wrong: {e}")))
}
