//! Choosing the dock for what names none, and what was placed anew because a dock was lost.

use redis::cmd;

use super::{Bus, BusError};
use crate::protocol::limits::{ATTEMPTS, REPLACED, REPLY_KEPT};
use crate::protocol::{Fqdn, Labels, RequestId, millis};

/// What a dock is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new instance, which is promised to the dock.
    Create,
    /// Anything else; a drained dock will do.
    Read,
}

/// What a request asks of its dock.
#[derive(Clone, Debug)]
pub struct Placement<'a> {
    /// The request, so that a promise is made once.
    pub request: &'a RequestId,
    /// When the promise ends if it is not kept, in milliseconds of Redis's clock.
    pub deadline: u64,
    /// What for.
    pub purpose: Purpose,
    /// The one dock it must be.
    pub dock: Option<&'a Fqdn>,
    /// Labels the dock must have.
    pub labels: &'a Labels,
    /// The name of the consumer that has begun the request; a list needs none.
    pub by: &'a str,
    /// Whether another dock may take the place of one that was lost after the promise, and may have kept it.
    pub replace: bool,
}

/// Why no dock was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// No live dock fits.
    None,
    /// Nobody knows the dock asked for.
    Unknown,
    /// It is out of the pool.
    Unregistered,
    /// Its worker is silent.
    Lost,
    /// It takes no new instances.
    Drained,
    /// Its daemon does not answer.
    DaemonDown,
    /// It does not have the labels asked for.
    Labels,
    /// Another worker has taken the request over.
    TakenOver,
    /// It was promised to this dock before, which is lost since and may have kept the promise.
    Promised(Fqdn),
}

impl Bus {
    /// Chooses the live dock with the fewest instances, counting those already promised to it, among those
    /// that fit; and promises it the new instance in the same step.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn place(&self, placement: &Placement<'_>) -> Result<Result<Fqdn, Unfit>, BusError> {
        let purpose = if placement.purpose == Purpose::Create { "create" } else { "read" };
        let (placed, text): (i8, String) = self.link().script(&self.placing(placement, purpose, 1)).await?;
        let dock = || Fqdn::new(&text).map_err(|e| BusError::Unexpected(format!("a dock's name: {e}")));
        match placed {
            1 => return dock().map(Ok),
            -1 => return Ok(Err(Unfit::Promised(dock()?))),
            -2 => return Ok(Err(Unfit::TakenOver)),
            _ => {}
        }
        Ok(Err(match text.as_str() {
            "" => Unfit::None,
            "unknown" => Unfit::Unknown,
            "unregistered" => Unfit::Unregistered,
            "lost" => Unfit::Lost,
            "drained" => Unfit::Drained,
            "daemon-down" => Unfit::DaemonDown,
            "labels" => Unfit::Labels,
            other => return Err(BusError::Unexpected(format!("place gave {other:?}"))),
        }))
    }

    /// Up to `count` docks that a create with these demands fits, the least loaded first. Nothing is promised.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn fitting(&self, placement: &Placement<'_>, count: usize) -> Result<Vec<Fqdn>, BusError> {
        let docks: Vec<String> = self.link().script(&self.placing(placement, "list", count)).await?;
        let read = |name: &String| Fqdn::new(name).map_err(|e| BusError::Unexpected(format!("a dock's name: {e}")));
        docks.iter().map(read).collect()
    }

    fn placing(&self, placement: &Placement<'_>, purpose: &str, count: usize) -> redis::ScriptInvocation<'_> {
        let keys = self.keys();
        let mut place = self.scripts().place.key(keys.load());
        place.key(keys.docks()).key(keys.request(placement.request)).key(keys.index());
        place.arg(keys.lease_prefix()).arg(keys.promises_prefix());
        place.arg(placement.request.as_str()).arg(placement.deadline).arg(purpose);
        place.arg(placement.dock.map_or("", Fqdn::as_str)).arg(super::presence::json(placement.labels)).arg(count);
        place.arg(u8::from(placement.replace)).arg(keys.replaced_prefix()).arg(REPLACED).arg(ATTEMPTS);
        place.arg(placement.by).arg(millis(REPLY_KEPT));
        place
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
