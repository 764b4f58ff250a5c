//! What has happened that people should know.

use redis::cmd;

use super::presence::json;
use super::{Bus, BusError};
use crate::protocol::Event;
use crate::protocol::limits::EVENTS;

impl Bus {
    /// Writes down an event.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn tell(&self, event: &Event) -> Result<(), BusError> {
        let mut add = cmd("XADD");
        add.arg(self.keys().events()).arg("MAXLEN").arg("~").arg(EVENTS).arg("*").arg("json").arg(json(event));
        Ok(self.link().query(&add).await?)
    }
}
