//! What nobody else takes care of: the streams of docks that are lost, and streams in which too many requests wait.

use std::time::Duration;

use redis::cmd;

use super::consumer::delivery;
use super::{Bus, BusError, Consumer, Delivery, Source};
use crate::protocol::limits::{EVENTS, LEASE, QUEUE_LENGTH};
use crate::protocol::{EntryId, Fqdn, GROUP, millis};

/// Streams that one round tells of.
const STREAMS: usize = 100;

/// Keys that are looked at in one step through all of Redis, and steps at a time.
const KEYS: usize = 500;
const STEPS: usize = 20;

/// Who looks after what nobody else does.
#[derive(Debug)]
pub enum Watch {
    /// This worker, and what it has found.
    Ours(Watched),
    /// Another worker.
    Theirs,
    /// Not this worker: its user of Redis may not.
    Forbidden,
}

/// What a round has found.
#[derive(Debug)]
pub struct Watched {
    /// Redis's clock, in milliseconds.
    pub now: u64,
    /// The streams to look after.
    pub neglected: Vec<Neglected>,
}

/// A stream that somebody must look after.
#[derive(Debug)]
pub struct Neglected {
    /// The dock whose own stream it is; none for the shared one.
    pub dock: Option<Fqdn>,
    /// Whether that dock has no live worker.
    pub lost: bool,
    /// How long nothing has been heard of it.
    pub silent: Duration,
    /// How many entries there are too many.
    pub excess: usize,
}

impl Bus {
    /// Looks for streams that need somebody, as the one worker that does so for the whole cluster.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn watch(&self, token: &str) -> Result<Watch, BusError> {
        let keys = self.keys();
        let mut watch = self.scripts().watch.key(keys.watch());
        watch.key(keys.docks()).key(keys.shared()).key(keys.events());
        watch.arg(token).arg(millis(LEASE)).arg(keys.own_prefix()).arg(keys.lease_prefix());
        watch.arg(QUEUE_LENGTH).arg(STREAMS).arg(EVENTS);
        let Some(rows) = self.link().script_if_allowed::<Vec<redis::Value>>(&watch).await? else {
            return Ok(Watch::Forbidden);
        };
        let mut rows = rows.into_iter();
        let Some(now) = rows.next() else { return Ok(Watch::Theirs) };
        let now: u64 = redis::from_redis_value(now).map_err(redis::RedisError::from)?;
        let read = |row| -> Result<Neglected, BusError> {
            let (dock, lost, seen, excess): (String, bool, u64, usize) =
                redis::from_redis_value(row).map_err(redis::RedisError::from)?;
            let named = |e| BusError::Unexpected(format!("a dock's name: {e}"));
            let dock = if dock.is_empty() { None } else { Some(Fqdn::new(&dock).map_err(named)?) };
            let silent = Duration::from_millis(now.saturating_sub(seen));
            Ok(Neglected { dock, lost, silent, excess })
        };
        Ok(Watch::Ours(Watched { now, neglected: rows.map(read).collect::<Result<_, _>>()? }))
    }
}

impl Bus {
    /// Looks on through the keys of Redis, from where `cursor` stands, for streams of docks that nobody knows: somebody
    /// may have misspelt a name. It is 0 at the beginning, and again when it has been through.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn strangers(&self, cursor: &mut u64) -> Result<Vec<Fqdn>, BusError> {
        let prefix = self.keys().own_prefix();
        let mut streams = Vec::<String>::new();
        for _ in 0..STEPS {
            let mut scan = cmd("SCAN");
            scan.arg(*cursor).arg("MATCH").arg(format!("{prefix}*")).arg("COUNT").arg(KEYS).arg("TYPE").arg("stream");
            let (next, found): (u64, Vec<String>) = self.link().query(&scan).await?;
            *cursor = next;
            streams.extend(found);
            if next == 0 {
                break;
            }
        }
        let mut strangers = Vec::new();
        for dock in streams.iter().filter_map(|stream| Fqdn::new(stream.strip_prefix(&prefix)?).ok()) {
            let mut look = self.scripts().stranger.key(self.keys().own(&dock));
            look.key(self.keys().docks()).arg(dock.as_str());
            if self.link().script(&look).await? {
                strangers.push(dock);
            }
        }
        Ok(strangers)
    }
}

impl Consumer {
    /// Up to `count` entries of a stream after the entry `after`, oldest first, whoever has them.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn waiting(&self, source: Source, after: EntryId, count: usize) -> Result<Vec<Delivery>, BusError> {
        let mut range = cmd("XRANGE");
        range.arg(self.stream(source)).arg(format!("({after}")).arg("+").arg("COUNT").arg(count);
        self.look(source, &range).await
    }

    /// The newest `count` entries of a stream, newest first, whoever has them.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn newest(&self, source: Source, count: usize) -> Result<Vec<Delivery>, BusError> {
        let mut range = cmd("XREVRANGE");
        range.arg(self.stream(source)).arg("+").arg("-").arg("COUNT").arg(count);
        self.look(source, &range).await
    }

    /// Takes an entry of the own stream, whoever had it.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn seize(&self, delivery: &Delivery) -> Result<(), BusError> {
        let mut claim = cmd("XCLAIM");
        claim.arg(self.stream(Source::Own)).arg(GROUP).arg(self.name()).arg(0).arg(delivery.entry.to_string());
        match self.bus().link().query::<redis::Value>(claim.arg("FORCE").arg("JUSTID")).await {
            // Nobody has ever read the stream.
            Err(e) if e.code() != Some("NOGROUP") => Err(e.into()),
            _ => Ok(()),
        }
    }

    async fn look(&self, source: Source, range: &redis::Cmd) -> Result<Vec<Delivery>, BusError> {
        let entries: Vec<redis::Value> = self.bus().link().query(range).await?;
        Ok(entries.into_iter().filter_map(|entry| delivery(source, entry, false)).collect())
    }
}
