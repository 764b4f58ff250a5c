//! How many requests wait that nobody has taken, and for how long.

use std::time::Duration;

use redis::streams::StreamInfoGroupsReply;
use redis::{Value, cmd, pipe};

use super::consumer::entry;
use super::{Bus, BusError};
use crate::protocol::{Fqdn, GROUP};

/// What waits in one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Requests that no worker has taken yet.
    pub length: u64,
    /// How long the oldest of them has waited, by Redis's clock; nothing where there is none.
    pub oldest: Duration,
}

impl Bus {
    /// What waits in the stream of `dock`, or in the shared one.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn waiting_in(&self, dock: Option<&Fqdn>) -> Result<Queue, BusError> {
        let key = dock.map_or_else(|| self.keys().shared(), |dock| self.keys().own(dock));
        let groups = self.link().query::<StreamInfoGroupsReply>(cmd("XINFO").arg("GROUPS").arg(&key)).await;
        let group = match groups {
            Ok(groups) => groups.groups.into_iter().find(|group| group.name == GROUP),
            // There is no such stream: nothing has been sent yet.
            Err(error) if error.detail().is_some_and(|text| text.starts_with("no such key")) => None,
            Err(error) => return Err(error.into()),
        };
        let (taken, last) =
            group.map_or((0, "0-0".to_owned()), |group| (group.pending as u64, group.last_delivered_id));
        let mut looks = pipe();
        looks.cmd("XLEN").arg(&key);
        looks.cmd("XRANGE").arg(&key).arg(format!("({last}")).arg("+").arg("COUNT").arg(1).cmd("TIME");
        let (all, first, (seconds, micros)): (u64, Vec<Value>, (u64, u64)) = self.link().pipeline(&looks).await?;
        let now = seconds * 1000 + micros / 1000;
        let sent = first.into_iter().next().and_then(entry).map_or(now, |(id, _)| id.millis);
        let oldest = Duration::from_millis(now.saturating_sub(sent));
        Ok(Queue { length: all.saturating_sub(taken), oldest })
    }
}
