//! How Redis and the queues on it are, for whoever looks for what is wrong.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use redis::{FromRedisValue, Value, cmd};

use super::presence::clock;
use super::{Bus, BusError};
use crate::protocol::limits::TAKE_OVER;
use crate::protocol::{EntryId, Fqdn, GROUP, millis};

/// What Redis says of itself, by the names of `INFO`.
pub type ServerInfo = HashMap<String, String>;

/// How long who has requests in hand may be silent: what is left behind has long been taken over by then.
const SILENCE: Duration = TAKE_OVER.saturating_mul(2);

/// How one stream of requests stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Requests that wait or run.
    pub length: usize,
    /// Those of them that nobody has in hand.
    pub waiting: usize,
    /// When the oldest that waits was sent, in milliseconds of Redis's clock.
    pub oldest: Option<u64>,
    /// Those in the hands of who has long been silent, and of how many.
    pub left_behind: usize,
    /// The consumers that left them.
    pub silent: Vec<String>,
}

impl Bus {
    /// The shortest of the times that Redis took to answer, of `times`.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn latency(&self, times: usize) -> Result<Duration, BusError> {
        let mut shortest = Duration::MAX;
        for _ in 0..times {
            let begun = Instant::now();
            self.ping().await?;
            shortest = shortest.min(begun.elapsed());
        }
        Ok(shortest)
    }

    /// Redis's clock, in milliseconds.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn time(&self) -> Result<u64, BusError> {
        Ok(clock(self.link().query(&cmd("TIME")).await?))
    }

    /// What Redis says of itself.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn info(&self) -> Result<ServerInfo, BusError> {
        let text: String = self.link().query(&cmd("INFO")).await?;
        let pairs = text.lines().filter_map(|line| line.trim_end().split_once(':'));
        Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Who this is to Redis.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn user(&self) -> Result<String, BusError> {
        Ok(self.link().query(cmd("ACL").arg("WHOAMI")).await?)
    }

    /// Whether a user of Redis may do that, which is not done; Redis must be 7 or newer.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn may(&self, user: &str, command: &[&str]) -> Result<bool, BusError> {
        let answer: String = self.link().query(cmd("ACL").arg("DRYRUN").arg(user).arg(command)).await?;
        Ok(answer == "OK")
    }

    /// How the stream of a dock stands, or the shared one.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn queue_of(&self, dock: Option<&Fqdn>) -> Result<Queue, BusError> {
        let stream = dock.map_or_else(|| self.keys().shared(), |dock| self.keys().own(dock));
        let length = self.link().query(cmd("XLEN").arg(&stream)).await?;
        if length == 0 {
            return Ok(Queue::default());
        }
        let groups: Vec<Reading> = self.link().query(cmd("XINFO").arg("GROUPS").arg(&stream)).await?;
        let group = groups.iter().find(|group| field::<String>(group, "name").is_ok_and(|name| name == GROUP));
        // Without a group nobody has ever read it.
        let (read, held, consumers) = match group {
            None => ("0-0".to_owned(), 0, Vec::new()),
            Some(group) => {
                let consumers = cmd("XINFO").arg("CONSUMERS").arg(&stream).arg(GROUP).to_owned();
                (
                    field(group, "last-delivered-id")?,
                    field(group, "pending")?,
                    self.link().query::<Vec<Reading>>(&consumers).await?,
                )
            }
        };
        let mut next = cmd("XRANGE");
        next.arg(&stream).arg(format!("({read}")).arg("+").arg("COUNT").arg(1);
        let next: Vec<(String, Value)> = self.link().query(&next).await?;
        let oldest = sent(&next);
        let mut queue = Queue { length, waiting: length.saturating_sub(held), oldest, ..Queue::default() };
        for consumer in &consumers {
            let (pending, idle): (usize, u64) = (field(consumer, "pending")?, field(consumer, "idle")?);
            if pending > 0 && idle > millis(SILENCE) {
                queue.left_behind += pending;
                queue.silent.push(field(consumer, "name")?);
            }
        }
        Ok(queue)
    }

    /// How many requests could not be handled, and when the last of them was given up, in milliseconds of Redis's clock.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn dead(&self) -> Result<(usize, Option<u64>), BusError> {
        let mut last = cmd("XREVRANGE");
        last.arg(self.keys().dead()).arg("+").arg("-").arg("COUNT").arg(1);
        let count = self.link().query(cmd("XLEN").arg(self.keys().dead())).await?;
        let last: Vec<(String, Value)> = self.link().query(&last).await?;
        Ok((count, sent(&last)))
    }

    /// Whether a worker looks after docks that are lost.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn is_watched(&self) -> Result<bool, BusError> {
        Ok(self.link().query(cmd("EXISTS").arg(self.keys().watch())).await?)
    }
}

/// When the first of these entries was sent.
fn sent(entries: &[(String, Value)]) -> Option<u64> {
    entries.first().and_then(|(id, _)| EntryId::parse(id)).map(|id| id.millis)
}

/// What `XINFO` says of one thing.
type Reading = HashMap<String, Value>;

fn field<T: FromRedisValue>(reading: &Reading, name: &str) -> Result<T, BusError> {
    let value = reading.get(name).cloned().unwrap_or(Value::Nil);
    T::from_redis_value(value).map_err(|e| BusError::Unexpected(format!("XINFO's {name}: {e}")))
}
