//! Logins by way of a provider, and sessions that begin without a message to the auth manager.

use std::time::Duration;

use redis::cmd;

use super::presence::json;
use super::{Bus, BusError, Limits, NewSession};
use crate::protocol::limits::{BEGUN_LOGIN_KEPT, BEGUN_LOGINS, BEGUN_LOGINS_PER_ADDRESS};
use crate::protocol::{Account, millis};

/// Over what time the begun logins are counted.
const COUNTED: Duration = Duration::from_secs(60);

impl Bus {
    /// Keeps `login` under this digest for a while. `from` is the digest of the address that begins it. Returns how long to
    /// wait where too many were begun lately.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn begin_login(&self, digest: &str, login: &str, from: &str) -> Result<Option<Duration>, BusError> {
        let keys = self.keys();
        let mut begin = self.scripts().auth_begin.key(keys.begun_login(digest));
        begin.key(keys.begun_logins()).key(keys.begun_logins_from(from));
        begin.arg(login).arg(millis(BEGUN_LOGIN_KEPT)).arg(BEGUN_LOGINS).arg(millis(COUNTED));
        begin.arg(BEGUN_LOGINS_PER_ADDRESS);
        let wait: u64 = self.link().script(&begin).await?;
        Ok((wait > 0).then_some(Duration::from_millis(wait)))
    }

    /// What was kept under this digest, once.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn take_login(&self, digest: &str) -> Result<Option<String>, BusError> {
        Ok(self.link().query(cmd("GETDEL").arg(self.keys().begun_login(digest))).await?)
    }

    /// Makes a session. Returns false where the account of its user is not `account` any more.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn open_session(
        &self,
        session: &NewSession<'_>,
        account: &Account,
        limits: &Limits,
    ) -> Result<bool, BusError> {
        let keys = self.keys();
        let mut open = self.scripts().auth_open.key(keys.session(session.digest));
        open.key(keys.user_sessions(session.user)).key(keys.users()).arg(session.user).arg(json(account));
        session.put_lasting(self, &mut open, limits);
        Ok(self.link().script::<u8>(&open).await? == 1)
    }
}
