//! Waiting for replies, each on a connection of its own from a pool.

use std::time::{Duration, Instant};

use deadpool_redis::{Manager, Pool, Runtime, Timeouts};
use redis::{Client, cmd};

use super::link::{self, query_on};
use super::{Bus, BusError};
use crate::protocol::{Fqdn, RequestId};

/// Replies that are waited for at the same time; more callers wait for a place.
const WAITING: usize = 64;

/// How long one `BLPOP` waits. Shorter than a request's timeout, so that a server which vanished without a
/// word is noticed.
const BLOCK: Duration = Duration::from_secs(5);

/// How often it is looked whether a request without a reply is done.
const LOOK: Duration = Duration::from_millis(100);

/// Pause before Redis is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The request was not sent, or nobody can tell whether it was.
    #[error("the request could not be sent: {0}")]
    NotSent(#[source] BusError),
    /// It was sent, and no reply came in time.
    #[error("no reply within {}", humantime::format_duration(*.0))]
    NoReply(Duration),
}

pub(super) fn pool(client: &Client) -> Result<Pool, BusError> {
    let info = client.get_connection_info().clone();
    let manager = Manager::new_with_config(info, link::config(BLOCK + Duration::from_secs(10)))?;
    let timeouts = Timeouts {
        wait: None,
        create: Some(Duration::from_secs(5)),
        // Without it a connection that is still blocked would hang its next user.
        recycle: Some(Duration::from_secs(1)),
    };
    Pool::builder(manager)
        .max_size(WAITING)
        .timeouts(timeouts)
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|e| BusError::Options(e.to_string()))
}

impl Bus {
    /// Sends one request under `id` and waits up to `wait` for its reply. It goes to `dock`'s own stream
    /// where a live worker reads that, and otherwise to the shared one, where any worker passes it on or says
    /// what is wrong with the dock. `json` is the request, and is not looked at. A `silent` one that succeeds has
    /// no reply.
    ///
    /// # Errors
    /// [`CallError`]. Sending the same id again is safe.
    pub async fn call(
        &self,
        id: &RequestId,
        dock: Option<&Fqdn>,
        json: &str,
        silent: bool,
        wait: Duration,
    ) -> Result<Option<String>, CallError> {
        let until = Instant::now() + wait;
        let stream = match dock {
            Some(dock) if self.is_live(dock).await.map_err(CallError::NotSent)? => self.keys().own(dock),
            _ => self.keys().shared(),
        };
        let mut add = cmd("XADD");
        add.arg(stream).arg("*").arg("json").arg(json).arg("requestId").arg(id.as_str());
        self.link().query::<()>(&add).await.map_err(|e| CallError::NotSent(e.into()))?;

        let key = self.keys().reply(id);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(CallError::NoReply(wait));
            }
            match self.pop(&key, left.min(if silent { LOOK } else { BLOCK })).await {
                Ok(Some(reply)) => return Ok(Some(reply)),
                Ok(None) if silent && self.is_done(id).await => return Ok(None),
                Ok(None) => {}
                // The reply waits in Redis; so does this, until Redis is back or the time is up.
                Err(error) => {
                    tracing::debug!(%error, "waiting for a reply");
                    tokio::time::sleep(RETRY.min(left)).await;
                }
            }
        }
    }

    async fn is_done(&self, id: &RequestId) -> bool {
        let state = self.link().query::<Option<String>>(cmd("HGET").arg(self.keys().request(id)).arg("state")).await;
        matches!(state.as_ref().map(Option::as_deref), Ok(Some("done")))
    }

    async fn pop(&self, key: &str, wait: Duration) -> Result<Option<String>, BusError> {
        let mut connection =
            self.inner.waiting.get().await.map_err(|e| BusError::Unexpected(format!("no connection: {e}")))?;
        let mut pop = cmd("BLPOP");
        pop.arg(key).arg(wait.as_secs_f64());
        // A connection that is put back while it still blocks fails its recycling, and is dropped then.
        let popped: Option<(String, String)> = query_on(&mut *connection, &pop).await?;
        Ok(popped.map(|(_, reply)| reply))
    }
}
