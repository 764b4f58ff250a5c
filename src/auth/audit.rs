//! What is recorded of logins, logouts and changes of accounts.

use std::net::IpAddr;

use super::AccountError;
use crate::bus::Bus;
use crate::protocol::{AccountName, AuditRecord, EndSessions, ErrorCode, Session};

/// An attempt to log in.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// The name that was typed, if there is such a user, or that the provider vouches for. Another name that was typed is
    /// left out: it may be a password in the wrong place.
    pub user: Option<&'a str>,
    /// The address that it came from, as the node saw it.
    pub address: Option<&'a str>,
    /// The provider, where it was there.
    pub issuer: Option<&'a str>,
    /// The status of the answer.
    pub status: u16,
    /// Why it was refused.
    pub error: Option<&'a str>,
}

impl Login<'_> {
    /// Records it.
    pub async fn record(&self, bus: &Bus) {
        let address = self.address.filter(|address| address.parse::<IpAddr>().is_ok());
        let (status, user, error, about) = (Some(self.status), self.user, self.error, self.issuer);
        let action = AuditRecord::LOGIN;
        bus.audit(&AuditRecord { action, user, address, about, status, error, ..AuditRecord::default() }).await;
    }
}

/// Records that a session was ended by whoever had it.
pub async fn record_logout(bus: &Bus, session: &Session) {
    let (action, user) = ("logout", Some(session.username.as_str()));
    bus.audit(&AuditRecord { action, user, status: Some(200), ..AuditRecord::default() }).await;
}

/// Records that `caller` ended sessions of `user` by the bus.
pub async fn record_ended_sessions(bus: &Bus, caller: &Session, user: &AccountName, which: &EndSessions) {
    let action = match which {
        EndSessions::One(_) => "end-session",
        EndSessions::Others => "end-other-sessions",
    };
    let (by, token) = (Some(caller.username.as_str()), caller.token.as_ref().map(AccountName::as_str));
    let (about, status) = (Some(user.as_str()), Some(200));
    bus.audit(&AuditRecord { action, user: by, token, about, status, ..AuditRecord::default() }).await;
}

/// Records a change of an account that was made in Redis itself, by the Redis user `redis_user`. `change` says what was
/// changed of `about`, and holds no secret.
pub async fn record_change<T>(
    bus: &Bus,
    redis_user: Option<&str>,
    (action, about, change): (&str, &str, Option<&str>),
    done: &Result<T, AccountError>,
) {
    let (status, error) = match done {
        Ok(_) => (200, None),
        Err(AccountError::Bus(error)) if error.is_forbidden() => (403, Some(ErrorCode::Forbidden.as_str())),
        Err(AccountError::Bus(_)) => (503, Some(ErrorCode::BusDown.as_str())),
        Err(_) => (409, Some("refused")),
    };
    let (about, status) = (Some(about), Some(status));
    let record = AuditRecord { action, redis_user, about, change, status, error, ..AuditRecord::default() };
    bus.audit(&record).await;
}
