//! What has happened that people should know, and the requests that were done elsewhere because a dock was lost.

use redis::cmd;

use super::presence::json;
use super::{Bus, BusError};
use crate::protocol::limits::{EVENTS, REPLY_KEPT};
use crate::protocol::{Event, Fqdn, millis};

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

    /// The requests that others were given because `dock` was lost.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn replaced(&self, dock: &Fqdn) -> Result<Vec<String>, BusError> {
        Ok(self.link().query(cmd("ZRANGE").arg(self.keys().replaced(dock)).arg(0).arg(-1)).await?)
    }

    /// Forgets one of those, whose instance was found.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn forget_replaced(&self, dock: &Fqdn, request: &str) -> Result<(), BusError> {
        Ok(self.link().query(cmd("ZREM").arg(self.keys().replaced(dock)).arg(request)).await?)
    }

    /// Forgets those whose time has long been up at `now`, in milliseconds of Redis's clock: they made nothing.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn forget_old_replaced(&self, dock: &Fqdn, now: u64) -> Result<(), BusError> {
        let mut remove = cmd("ZREMRANGEBYSCORE");
        remove.arg(self.keys().replaced(dock)).arg("-inf").arg(now.saturating_sub(millis(REPLY_KEPT)));
        Ok(self.link().query(&remove).await?)
    }
}
