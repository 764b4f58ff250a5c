//! Sessions as an HTTP node sees them: whose they are, and their end.

use std::time::Duration;

use super::secrets::digest;
use super::{identify, record_logout};
use crate::bus::{Bus, BusError};
use crate::protocol::{Credential, Secret, Session};

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
