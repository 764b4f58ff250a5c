//! Sessions: whose they are, which a user has, and their end.

use std::time::Duration;

use super::secrets::digest;
use super::{identify, record_logout};
use crate::bus::{Bus, BusError, ListedSession};
use crate::protocol::{AccountName, Credential, EndSessions, Secret, Session, SessionFacts};

/// Characters of a session's public id.
const ID_DIGITS: usize = 16;

/// Why no session was ended.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// Redis.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// No session of that user has the id.
    #[error("no session of `{0}` has that id: `deblox session ls` lists the ids")]
    Unknown(AccountName),
    /// Several sessions may be meant.
    #[error("several sessions of `{0}` have an id that begins so: give more of it")]
    Ambiguous(AccountName),
}

/// The sessions of a user, the one that was used last first, and what Redis's clock shows in milliseconds. `asking` is what
/// the caller shows.
///
/// # Errors
/// [`BusError`].
pub async fn list_sessions(
    bus: &Bus,
    user: &AccountName,
    asking: Option<&Credential>,
) -> Result<(Vec<SessionFacts>, u64), BusError> {
    let own = own_digest(asking);
    let (listed, now) = bus.sessions(user.as_str()).await?;
    let facts = |session: ListedSession| SessionFacts {
        id: public_id(&session.digest),
        current: own.as_ref() == Some(&session.digest),
        created: session.created,
        used: session.used,
        ends: session.ends,
        origin: session.origin,
        address: session.address,
        agent: session.agent,
    };
    Ok((listed.into_iter().map(facts).collect(), now))
}

/// Ends sessions of a user. Returns how many.
///
/// # Errors
/// [`EndError`].
pub async fn end_sessions(
    bus: &Bus,
    user: &AccountName,
    asking: Option<&Credential>,
    which: &EndSessions,
) -> Result<u64, EndError> {
    let id = match which {
        EndSessions::Others => return Ok(bus.end_sessions(user.as_str(), None, own_digest(asking).as_deref()).await?),
        EndSessions::One(id) => id,
    };
    let (listed, _) = bus.sessions(user.as_str()).await?;
    let mut found =
        listed.iter().filter(|session| !id.is_empty() && public_id(&session.digest).starts_with(id.as_str()));
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(EndError::Ambiguous(user.clone())),
        (Some(session), None) => match bus.end_sessions(user.as_str(), Some(&session.digest), None).await? {
            0 => Err(EndError::Unknown(user.clone())),
            ended => Ok(ended),
        },
        _ => Err(EndError::Unknown(user.clone())),
    }
}

/// What a session is called in lists. Nobody can tell from it under which key the session is kept.
fn public_id(of: &str) -> String {
    digest(&format!("session {of}")).chars().take(ID_DIGITS).collect()
}

fn own_digest(asking: Option<&Credential>) -> Option<String> {
    match asking {
        Some(Credential::Session(session)) => Some(digest(session.reveal())),
        Some(Credential::Token(_)) | None => None,
    }
}

/// The sessions of one bus.
#[derive(Debug)]
pub struct Sessions {
    bus: Bus,
    idle: Duration,
}

impl Sessions {
    /// Those of `bus`, which end when nobody has used them for as long as `idle`.
    pub fn new(bus: Bus, idle: Duration) -> Self {
        Self { bus, idle }
    }

    /// Whose session that is, if it still counts; from now on it is idle anew.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn whose(&self, session: Secret) -> Result<Option<Session>, BusError> {
        self.identify(&Credential::Session(session)).await
    }

    /// Whose session or token that is, if it counts.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn identify(&self, credential: &Credential) -> Result<Option<Session>, BusError> {
        identify(&self.bus, credential, self.idle).await
    }

    /// Ends a session. Returns whether there was one.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn end(&self, session: &Secret) -> Result<bool, BusError> {
        let whose = self.whose(session.clone()).await?;
        let ended = self.bus.end_session(&digest(session.reveal())).await?;
        if let Some(whose) = whose.filter(|_| ended) {
            record_logout(&self.bus, &whose).await;
        }
        Ok(ended)
    }
}
