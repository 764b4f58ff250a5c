//! Connections for commands that wait, a few at a time: for servers that do not tell when a reply is there.

use std::sync::Mutex;
use std::time::Duration;

use deadpool_redis::{Manager, Pool, Runtime, Timeouts};
use redis::{Cmd, FromRedisValue};
use tokio_util::sync::CancellationToken;

use super::BusError;
use super::caller::BLOCK;
use super::link::{Link, config, query_on};
use super::server::until_demoted;

/// Commands that wait at the same time; more callers wait for a place.
const PLACES: usize = 64;

/// The pool of such connections to one server, made on first need.
#[derive(Default)]
pub(super) struct Waiting {
    pool: Mutex<Option<Place>>,
}

/// A pool, and what is cancelled when its server is no longer the primary.
type Place = (Pool, Option<CancellationToken>);

impl Waiting {
    /// Runs a command that blocks for [`BLOCK`] at most.
    pub(super) async fn query<T: FromRedisValue + Send>(&self, link: &Link, command: &Cmd) -> Result<T, BusError> {
        let (pool, demoted) = self.pool(link).await?;
        let mut connection = match pool.get().await {
            Ok(connection) => connection,
            Err(error) => {
                // Made anew, it has the credentials that count then.
                *self.pool.lock().expect("never held across a panic") = None;
                return Err(BusError::Unexpected(format!("no connection: {error}")));
            }
        };
        // A connection that is put back while it still blocks fails its recycling, and is dropped then.
        let answer = Box::pin(query_on(&mut *connection, command));
        let answer = until_demoted(demoted.as_ref(), answer).await;
        Ok(link.noted_of(answer, command)?)
    }

    async fn pool(&self, link: &Link) -> Result<Place, BusError> {
        let known = self.pool.lock().expect("never held across a panic").clone();
        let is_good = |(_, demoted): &Place| !demoted.as_ref().is_some_and(CancellationToken::is_cancelled);
        if let Some(place) = known.filter(is_good) {
            return Ok(place);
        }
        let (info, demoted) = link.server().primary().await?;
        let manager = Manager::new_with_config(info, config(BLOCK + Duration::from_secs(10)))?;
        let timeouts = Timeouts {
            wait: None,
            create: Some(Duration::from_secs(5)),
            // Without it a connection that is still blocked would hang its next user.
            recycle: Some(Duration::from_secs(1)),
        };
        let pool = Pool::builder(manager).max_size(PLACES).timeouts(timeouts).runtime(Runtime::Tokio1).build();
        let place = (pool.map_err(|e| BusError::Options(e.to_string()))?, demoted);
        *self.pool.lock().expect("never held across a panic") = Some(place.clone());
        Ok(place)
    }
}
