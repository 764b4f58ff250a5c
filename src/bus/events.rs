//! What has happened that people should know.

use redis::cmd;

use super::presence::json;
use super::{Bus, BusError};
use crate::protocol::limits::EVENTS;
use crate::protocol::{AuditRecord, Event};

impl Bus {
    /// Writes down an event.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn tell(&self, event: &Event) -> Result<(), BusError> {
        self.add_event(json(event)).await
    }

    /// Writes down that somebody has asked for something.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn tell_asked(&self, asked: &AuditRecord<'_>) -> Result<(), BusError> {
        self.add_event(json(asked)).await
    }

    async fn add_event(&self, event: String) -> Result<(), BusError> {
        let mut add = cmd("XADD");
        add.arg(self.keys().events()).arg("MAXLEN").arg("~").arg(EVENTS).arg("*").arg("json").arg(event);
        Ok(self.link().query(&add).await?)
    }
}
