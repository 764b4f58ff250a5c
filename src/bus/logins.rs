//! Logins by way of a provider, and sessions that begin and end without a message to the auth manager.

use std::time::Duration;

use redis::cmd;

use super::presence::json;
use super::{Bus, BusError, Limits};
use crate::protocol::limits::{BEGUN_LOGIN_KEPT, BEGUN_LOGINS};
use crate::protocol::{Account, AccountName, millis};

/// Over what time the begun logins are counted.
const COUNTED: Duration = Duration::from_secs(60);

impl Bus {
    /// Keeps `login` under this digest for a while. Returns false where too many were begun lately.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn begin_login(&self, digest: &str, login: &str) -> Result<bool, BusError> {
        let mut begin = self.scripts().auth_begin.key(self.keys().begun_login(digest));
        begin.key(self.keys().begun_logins());
        begin.arg(login).arg(millis(BEGUN_LOGIN_KEPT)).arg(BEGUN_LOGINS).arg(millis(COUNTED));
        Ok(self.link().script::<u8>(&begin).await? == 1)
    }

    /// What was kept under this digest, once.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn take_login(&self, digest: &str) -> Result<Option<String>, BusError> {
        Ok(self.link().query(cmd("GETDEL").arg(self.keys().begun_login(digest))).await?)
    }

    /// Makes the session with this digest for the user `name`. Returns false where its account is not `account` any
    /// more.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn open_session(
        &self,
        digest: &str,
        name: &AccountName,
        account: &Account,
        limits: &Limits,
    ) -> Result<bool, BusError> {
        let mut open = self.scripts().auth_open.key(self.keys().session(digest));
        open.key(self.keys().users()).arg(name.as_str()).arg(json(account)).arg(account.generation);
        open.arg(millis(limits.session_idle)).arg(millis(limits.session_lifetime));
        Ok(self.link().script::<u8>(&open).await? == 1)
    }

    /// Ends the session with this digest. Returns whether there was one.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn end_session(&self, digest: &str) -> Result<bool, BusError> {
        Ok(self.link().query(cmd("DEL").arg(self.keys().session(digest))).await?)
    }
}
