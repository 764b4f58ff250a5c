//! Reading the request streams: new entries, and those that another worker left behind.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::{Value, cmd};

use super::server::Connection;
use super::{Bus, BusError};
use crate::protocol::limits::TAKE_OVER;
use crate::protocol::{EntryId, Fields, Fqdn, GROUP, HANDED_BACK, millis};

static HANDLINGS: AtomicU64 = AtomicU64::new(0);

/// How long a read waits for something to arrive.
const BLOCK: Duration = Duration::from_secs(5);

/// How long the consumer of a vanished worker is kept on the shared stream.
const CONSUMER_IDLE: Duration = Duration::from_secs(10 * 60);

/// The place before the first entry of a stream.
const FIRST: &str = "0-0";

/// What stands for the token where nobody may have the lease.
const NOBODY: &str = "nobody";

/// Which of a worker's two streams something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// `deblox.docker`.
    Shared,
    /// `deblox.docker.<FQDN>`.
    Own,
}

impl Source {
    const BOTH: [Self; 2] = [Self::Shared, Self::Own];

    /// What it is called where it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Own => "own",
        }
    }
}

/// A stream entry in the hands of this worker.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The stream it came from.
    pub source: Source,
    /// Its id.
    pub entry: EntryId,
    /// Its fields.
    pub fields: Fields,
    /// Whether nobody has had it before.
    pub is_new: bool,
    /// The number of this delivery in this process: the same entry, delivered again, has another.
    pub handling: u64,
}

/// One worker's view of the streams: its name in the consumer group and its own connection for reading.
#[derive(Clone)]
pub struct Consumer {
    bus: Bus,
    name: String,
    /// Who must have the lease on the dock of the own stream.
    lessee: String,
    lease: String,
    shared: String,
    own: String,
}

/// The connection on which a [`Consumer`] waits. It is used by one task only; dropping it ends the wait.
pub struct Reader {
    connection: Connection,
}

impl Consumer {
    /// The consumer of the worker that holds `token` for `dock`. The name must never be used again:
    /// entries of an earlier life would look like its own.
    pub fn new(bus: &Bus, dock: &Fqdn, token: &str) -> Self {
        Self { name: format!("{dock}/{token}"), ..Self::of(bus, dock, token) }
    }

    /// The same consumer in the place of the worker of `dock`, as long as that has none.
    #[must_use]
    pub fn standing_in(&self, dock: &Fqdn) -> Self {
        Self { name: self.name.clone(), ..Self::of(&self.bus, dock, NOBODY) }
    }

    fn of(bus: &Bus, dock: &Fqdn, lessee: &str) -> Self {
        let keys = bus.keys();
        let (shared, own, lease) = (keys.shared(), keys.own(dock), keys.lease(dock));
        Self { bus: bus.clone(), name: String::new(), lessee: lessee.to_owned(), lease, shared, own }
    }

    /// The name in the consumer group.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key of a stream.
    pub fn stream(&self, source: Source) -> &str {
        match source {
            Source::Shared => &self.shared,
            Source::Own => &self.own,
        }
    }

    pub(super) fn bus(&self) -> &Bus {
        &self.bus
    }

    /// The key of the lease on the dock of the own stream, and who must have it to begin a request of `source`.
    pub(super) fn lease(&self, source: Source) -> (&str, &str) {
        match source {
            Source::Shared => (&self.lease, ""),
            Source::Own => (&self.lease, &self.lessee),
        }
    }

    /// Opens a connection for [`Self::read`], and makes sure that the consumer groups exist.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn open(&self) -> Result<Reader, BusError> {
        for source in Source::BOTH {
            // From 0, not from the end: what was sent before the first worker came is not lost,
            // and what was handled has been deleted.
            let mut create = cmd("XGROUP");
            create.arg("CREATE").arg(self.stream(source)).arg(GROUP).arg("0").arg("MKSTREAM");
            match self.bus.link().query::<()>(&create).await {
                // Out of memory, Redis does not say whether there is one; the first read does.
                Err(e) if !matches!(e.code(), Some("BUSYGROUP" | "OOM")) => return Err(e.into()),
                _ => {}
            }
        }
        Ok(Reader { connection: self.bus.link().dedicated(BLOCK).await? })
    }

    /// Waits for new entries, at most `count` from each stream, oldest first.
    ///
    /// # Errors
    /// [`BusError::Redis`]: the reader is of no more use, open another.
    pub async fn read(&self, reader: &mut Reader, count: usize) -> Result<Vec<Delivery>, BusError> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.name).arg("COUNT").arg(count);
        read.arg("BLOCK").arg(millis(BLOCK));
        read.arg("STREAMS").arg(&self.shared).arg(&self.own).arg(">").arg(">");
        Ok(self.deliveries(self.bus.link().wait_for(&mut reader.connection, &read).await?, true))
    }

    /// What has been delivered to this worker and is not finished, up to `count` entries of each stream: what it has
    /// in hand, and what never arrived because the reader's connection broke on the way.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn delivered(&self, count: usize) -> Result<Vec<Delivery>, BusError> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.name).arg("COUNT").arg(count);
        read.arg("STREAMS").arg(&self.shared).arg(&self.own).arg("0").arg("0");
        Ok(self.deliveries(self.bus.link().query(&read).await?, false))
    }

    /// Reads an answer of `XREADGROUP`.
    fn deliveries(&self, answer: Value, is_new: bool) -> Vec<Delivery> {
        let Value::Array(streams) = answer else { return Vec::new() };
        let mut deliveries = Vec::new();
        for stream in streams {
            let Value::Array(mut pair) = stream else { continue };
            let (Some(Value::Array(entries)), Some(Value::BulkString(key))) = (pair.pop(), pair.pop()) else {
                continue;
            };
            let source = if key == self.own.as_bytes() { Source::Own } else { Source::Shared };
            deliveries.extend(entries.into_iter().filter_map(|entry| delivery(source, entry, is_new)));
        }
        deliveries
    }

    /// Takes over up to `count` entries of each stream that were handed back, or whose worker has been
    /// silent for longer than it may be.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn take_over(&self, count: usize) -> Result<Vec<Delivery>, BusError> {
        let mut deliveries = Vec::new();
        for source in Source::BOTH {
            deliveries.extend(self.claim(source, TAKE_OVER, FIRST, count).await?.0);
        }
        Ok(deliveries)
    }

    /// Takes over up to `count` entries of the dock's own stream from the place `from` on, whoever had them: the lease
    /// says that every earlier worker of this dock is gone. Returns from where to go on, if there may be more.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn inherit(&self, from: Option<&str>, count: usize) -> Result<(Vec<Delivery>, Option<String>), BusError> {
        let (deliveries, next) = self.claim(Source::Own, Duration::ZERO, from.unwrap_or(FIRST), count).await?;
        if next == FIRST {
            self.tidy(Source::Own, Duration::ZERO).await?;
        }
        Ok((deliveries, Some(next).filter(|next| next != FIRST)))
    }

    /// Forgets the consumers of workers that have long been gone and hold nothing.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn forget_the_gone(&self) -> Result<(), BusError> {
        self.tidy(Source::Shared, CONSUMER_IDLE).await
    }

    /// Says that this worker still works on `entries`.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn hold(&self, source: Source, entries: &[EntryId]) -> Result<(), BusError> {
        let mut hold = self.bus.scripts().hold.key(self.stream(source));
        hold.arg(GROUP).arg(&self.name);
        for entry in entries {
            hold.arg(entry.to_string());
        }
        Ok(self.bus.link().script(&hold).await?)
    }

    /// Gives back one entry that was delivered to this worker: any worker may take it at once.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn hand_back(&self, delivery: &Delivery) -> Result<(), BusError> {
        self.back(delivery.source, &delivery.entry.to_string()).await.map(|_| ())
    }

    /// Gives back what was delivered to this worker and has not been finished, and leaves the groups.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn hand_all_back(&self) -> Result<usize, BusError> {
        Ok(self.back(Source::Shared, "").await? + self.back(Source::Own, "").await?)
    }

    /// Gives back what it has of the own stream, and leaves that group.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn leave(&self) -> Result<(), BusError> {
        self.back(Source::Own, "").await.map(|_| ())
    }

    async fn back(&self, source: Source, entry: &str) -> Result<usize, BusError> {
        let mut back = self.bus.scripts().hand_back.key(self.stream(source));
        back.arg(GROUP).arg(&self.name).arg(HANDED_BACK).arg(entry);
        Ok(self.bus.link().script(&back).await?)
    }

    /// Returns what was claimed, and where to go on, which is [`FIRST`] after the last.
    async fn claim(
        &self,
        source: Source,
        idle: Duration,
        from: &str,
        count: usize,
    ) -> Result<(Vec<Delivery>, String), BusError> {
        let mut claim = cmd("XAUTOCLAIM");
        claim.arg(self.stream(source)).arg(GROUP).arg(&self.name);
        claim.arg(millis(idle)).arg(from).arg("COUNT").arg(count);
        match self.bus.link().query::<Value>(&claim).await {
            Ok(Value::Array(parts)) => {
                let mut parts = parts.into_iter();
                let (Some(Value::BulkString(next)), Some(Value::Array(entries))) = (parts.next(), parts.next()) else {
                    return Err(BusError::Unexpected("XAUTOCLAIM gave no cursor and entries".into()));
                };
                let deliveries = entries.into_iter().filter_map(|entry| delivery(source, entry, false)).collect();
                Ok((deliveries, String::from_utf8_lossy(&next).into_owned()))
            }
            Ok(other) => Err(BusError::Unexpected(format!("XAUTOCLAIM gave {other:?}"))),
            // The data is gone; the reader creates the group again.
            Err(e) if e.code() == Some("NOGROUP") => Ok((Vec::new(), FIRST.to_owned())),
            Err(e) => Err(e.into()),
        }
    }

    async fn tidy(&self, source: Source, idle: Duration) -> Result<(), BusError> {
        let mut tidy = self.bus.scripts().tidy.key(self.stream(source));
        tidy.arg(GROUP).arg(millis(idle)).arg(&self.name);
        Ok(self.bus.link().script(&tidy).await?)
    }
}

/// An entry as it is delivered. One that was deleted while it was pending has no fields; Redis itself takes it out of the
/// group.
pub(super) fn delivery(source: Source, value: Value, is_new: bool) -> Option<Delivery> {
    let (entry, fields) = entry(value)?;
    let handling = HANDLINGS.fetch_add(1, Ordering::Relaxed);
    Some(Delivery { source, entry, fields, is_new, handling })
}

/// Reads `[id, [name, value, ...]]`.
pub(super) fn entry(value: Value) -> Option<(EntryId, Fields)> {
    let Value::Array(mut pair) = value else { return None };
    let (Some(Value::Array(flat)), Some(Value::BulkString(id))) = (pair.pop(), pair.pop()) else { return None };
    let id = EntryId::parse(std::str::from_utf8(&id).ok()?)?;
    let mut fields = Fields::with_capacity(flat.len() / 2);
    let mut flat = flat.into_iter();
    while let (Some(Value::BulkString(name)), Some(Value::BulkString(value))) = (flat.next(), flat.next()) {
        fields.push((name, value));
    }
    Some((id, fields))
}
