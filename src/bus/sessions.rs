//! The sessions of a user: which there are, and their end.

use super::{Bus, BusError};
use crate::protocol::SessionOrigin;

/// A session as it is kept.
#[derive(Clone, Debug)]
pub struct ListedSession {
    /// The digest of its id.
    pub digest: String,
    /// When it was last used, in milliseconds of Redis's clock.
    pub used: u64,
    /// When it ends at the latest, in the same.
    pub ends: u64,
    /// When it was begun, in the same.
    pub created: Option<u64>,
    /// How it was begun.
    pub origin: Option<SessionOrigin>,
    /// Where the person is, or is said to be.
    pub address: Option<String>,
    /// What the browser or program calls itself.
    pub agent: Option<String>,
}

impl Bus {
    /// The sessions of `user` that count, the one that was used last first, and what Redis's clock shows in milliseconds.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn sessions(&self, user: &str) -> Result<(Vec<ListedSession>, u64), BusError> {
        let keys = self.keys();
        let mut list = self.scripts().auth_sessions.key(keys.user_sessions(user));
        list.key(keys.users()).arg(user).arg(keys.session_prefix());
        let found: Vec<redis::Value> = self.link().script(&list).await?;
        let mut found = found.into_iter();
        let unexpected = || BusError::Unexpected("a list of sessions that cannot be read".to_owned());
        let now: String = redis::from_redis_value(found.next().ok_or_else(unexpected)?).map_err(|_| unexpected())?;
        let read = |row| {
            let texts: Vec<String> = redis::from_redis_value(row).map_err(|_| unexpected())?;
            let Ok([digest, used, ends, created, origin, address, agent]) = <[String; 7]>::try_from(texts) else {
                return Err(unexpected());
            };
            let given = |text: String| Some(text).filter(|text| !text.is_empty());
            Ok(ListedSession {
                digest,
                used: used.parse().unwrap_or_default(),
                ends: ends.parse().unwrap_or_default(),
                created: created.parse().ok(),
                origin: SessionOrigin::read(&origin),
                address: given(address),
                agent: given(agent),
            })
        };
        let mut sessions = found.map(read).collect::<Result<Vec<_>, BusError>>()?;
        sessions.reverse();
        Ok((sessions, now.parse().map_err(|_| unexpected())?))
    }

    /// Ends the session of `user` with the digest `one`, or without one all of them but that with the digest `keep`. Returns
    /// how many ended.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn end_sessions(&self, user: &str, one: Option<&str>, keep: Option<&str>) -> Result<u64, BusError> {
        let keys = self.keys();
        let mut end = self.scripts().auth_end_sessions.key(keys.user_sessions(user));
        end.arg(user).arg(keys.session_prefix()).arg(one.unwrap_or_default()).arg(keep.unwrap_or_default());
        Ok(self.link().script(&end).await?)
    }

    /// Ends the session with this digest, whosever it is. Returns whether there was one.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn end_session(&self, digest: &str) -> Result<bool, BusError> {
        let mut end = self.scripts().auth_end.key(self.keys().session(digest));
        end.arg(digest).arg(self.keys().user_sessions_prefix());
        Ok(self.link().script::<u8>(&end).await? == 1)
    }
}
