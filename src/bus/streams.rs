//! The streams of one request: its output, which a worker writes and the caller reads, and its input, the other way.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use redis::{Cmd, RedisResult, Value, cmd, pipe};

use super::consumer::entry;
use super::server::Connection;
use super::{Backoff, Bus, BusError, link};
use crate::protocol::limits::{CHUNKS_KEPT, REPLY_KEPT, STREAM_KEPT, STREAM_SIGN};
use crate::protocol::{Chunk, EntryId, Fields, Input, RequestId, millis};

/// How long one read waits.
const BLOCK: Duration = STREAM_SIGN;

/// Entries read at once: with chunks of the largest size, 1 MiB.
const BATCH: usize = 16;

/// Before every entry.
const START: &str = "0-0";

/// So many of the last entries are known again; a replica that takes over is hardly further behind.
const REMEMBERED: usize = 256;

/// So many bytes of a field tell whether it is the same.
const MARKED: usize = 1024;

impl Bus {
    /// Adds chunks to the output of a request, in one round trip. The same chunks may be added again.
    ///
    /// # Errors
    /// [`BusError::Redis`]; any of them may have been added.
    pub async fn put_output(&self, id: &RequestId, chunks: &[Chunk]) -> Result<(), BusError> {
        let key = self.keys().output(id);
        let mut adds = pipe();
        adds.atomic();
        for chunk in chunks {
            adds.cmd("XADD").arg(&key).arg("MAXLEN").arg("~").arg(CHUNKS_KEPT).arg("*").arg("seq").arg(chunk.seq);
            for (name, value) in chunk.fields() {
                adds.arg(name).arg(value);
            }
            adds.ignore();
        }
        adds.cmd("PEXPIRE").arg(&key).arg(millis(STREAM_KEPT)).ignore();
        Ok(self.link().bulk(&adds).await?)
    }

    /// Adds to the input of a request. Returns how much of it the worker has not taken yet, in entries.
    ///
    /// # Errors
    /// [`BusError::Redis`]; it may have been added.
    pub async fn put_input(&self, id: &RequestId, input: &Input) -> Result<usize, BusError> {
        let key = self.keys().input(id);
        let mut add = pipe();
        add.atomic().cmd("XADD").arg(&key).arg("*");
        for (name, value) in input.fields() {
            add.arg(name).arg(value);
        }
        add.ignore().cmd("PEXPIRE").arg(&key).arg(millis(STREAM_KEPT)).ignore().cmd("XLEN").arg(&key);
        let large = input.data.as_ref().is_some_and(|data| data.len() > BATCH * 1024);
        let (waiting,) = if large { self.link().bulk(&add).await? } else { self.link().pipeline(&add).await? };
        Ok(waiting)
    }

    /// How much of the input of a request the worker has not taken yet, in entries.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn input_waiting(&self, id: &RequestId) -> Result<usize, BusError> {
        Ok(self.link().query(cmd("XLEN").arg(self.keys().input(id))).await?)
    }

    /// Removes from the input of a request what is taken.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn drop_input(&self, id: &RequestId, entries: &[EntryId]) -> Result<(), BusError> {
        let mut remove = cmd("XDEL");
        remove.arg(self.keys().input(id));
        for entry in entries {
            remove.arg(entry.to_string());
        }
        Ok(self.link().query(&remove).await?)
    }

    /// Says that `consumer` still works on a request that streams, so that neither its record nor its output expires.
    /// Returns whether it is still that one's: where there is no record, nobody else has it. Tells its reader of the chunk
    /// `unread`, the last one that is written, if there is one; `sign` is where it was last told.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn keep_streaming(
        &self,
        id: &RequestId,
        consumer: &str,
        unread: Option<u64>,
        sign: &mut Option<String>,
    ) -> Result<bool, BusError> {
        let (record, output) = (self.keys().request(id), self.keys().output(id));
        let mut keep = pipe();
        keep.cmd("HGET").arg(&record).arg("by");
        keep.cmd("PEXPIRE").arg(&record).arg(millis(REPLY_KEPT)).ignore();
        keep.cmd("PEXPIRE").arg(&output).arg(millis(STREAM_KEPT));
        let (by, there): (Option<String>, bool) = self.link().pipeline(&keep).await?;
        // Where Redis has lost it, its reader looks for a sign.
        if let Some(last) = unread.or((!there).then_some(0)) {
            let mut tell = pipe();
            tell.atomic();
            // One of them at a time: many would take the place of chunks that are not read.
            if let Some(sign) = sign {
                tell.cmd("XDEL").arg(&output).arg(&*sign).ignore();
            }
            tell.cmd("XADD").arg(&output).arg("*").arg(Chunk::SIGN).arg(last);
            tell.cmd("PEXPIRE").arg(&output).arg(millis(STREAM_KEPT)).ignore();
            let (told,): (String,) = self.link().pipeline(&tell).await?;
            *sign = Some(told);
        }
        Ok(by.is_none_or(|by| by == consumer))
    }

    /// How long ago a worker last said that it writes the output of a request; nothing where there is no output.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn output_silence(&self, id: &RequestId) -> Result<Option<Duration>, BusError> {
        let left: i64 = self.link().query(cmd("PTTL").arg(self.keys().output(id))).await?;
        Ok(u64::try_from(left).ok().map(|left| STREAM_KEPT.saturating_sub(Duration::from_millis(left))))
    }

    /// Keeps the output of a request that has ended, while it is still read.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn keep_output(&self, id: &RequestId) -> Result<(), BusError> {
        Ok(self.link().query(cmd("PEXPIRE").arg(self.keys().output(id)).arg(millis(STREAM_KEPT))).await?)
    }

    /// Removes the input of a request that has ended; its output is kept for [`STREAM_KEPT`].
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn end_input(&self, id: &RequestId) -> Result<(), BusError> {
        Ok(self.link().query(cmd("UNLINK").arg(self.keys().input(id))).await?)
    }

    /// The output of a request, from its beginning on.
    pub fn output(&self, id: &RequestId) -> Tail {
        Tail::new(self, self.keys().output(id))
    }

    /// The input of a request, from its beginning on.
    pub fn input(&self, id: &RequestId) -> Tail {
        Tail::new(self, self.keys().input(id))
    }

    /// What people should know, from `after` on, or from now.
    pub fn events(&self, after: Option<EntryId>) -> Tail {
        let after = after.map_or_else(|| "$".to_owned(), |after| after.to_string());
        Tail { after, ..Tail::new(self, self.keys().events()) }
    }

    /// The records of the audit, from `after` on, or from now.
    pub fn audited(&self, after: Option<EntryId>) -> Tail {
        let after = after.map_or_else(|| "$".to_owned(), |after| after.to_string());
        Tail { after, ..Tail::new(self, self.keys().audit()) }
    }
}

/// Reads a stream from a place on, on a connection of its own, which is opened anew whenever it was lost.
///
/// What was read may be gone then, where a replica took over that had not got it yet; and where the clock of that one is
/// behind, what comes next has smaller ids than what was read, or the same. So the place is the last entry that was read
/// and is still there, as it was.
pub struct Tail {
    bus: Bus,
    key: String,
    after: String,
    /// The last entries that were read, each with its [`mark`].
    read: VecDeque<(EntryId, u64)>,
    connection: Option<Connection>,
    backoff: Backoff,
}

impl Tail {
    fn new(bus: &Bus, key: String) -> Self {
        let (after, read) = (START.to_owned(), VecDeque::new());
        Self { bus: bus.clone(), key, after, read, connection: None, backoff: Backoff::default() }
    }

    /// The next entries, oldest first, or none of them when none has come for a few seconds; nothing at all while Redis is
    /// away. Whoever drops this before it is done may go on with [`Self::rest`] only.
    pub async fn next(&mut self) -> Option<Vec<(EntryId, Fields)>> {
        match self.read().await {
            Ok(entries) => {
                self.backoff = Backoff::default();
                Some(entries)
            }
            Err(error) => {
                tracing::debug!(%error, key = self.key, "reading");
                self.connection = None;
                self.backoff.pause().await;
                // What is refused, while Redis is there, is as good as nothing.
                (!error.is_away()).then(Vec::new)
            }
        }
    }

    /// The next entries that are there now, without waiting for any.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn rest(&mut self) -> Result<Vec<(EntryId, Fields)>, BusError> {
        // On it somebody may still wait.
        self.connection = None;
        let mut read = pipe();
        read.cmd("XRANGE").arg(&self.key).arg(&self.after).arg(&self.after);
        read.cmd("XREAD").arg("COUNT").arg(BATCH).arg("STREAMS").arg(&self.key).arg(&self.after);
        let (last, answer): (Vec<Value>, Value) = self.bus.link().bulk(&read).await?;
        if self.read.is_empty() || self.find(last) {
            return Ok(self.take(answer));
        }
        self.find_among(self.bus.link().query(&self.again()).await?);
        let mut read = pipe();
        read.cmd("XREAD").arg("COUNT").arg(BATCH).arg("STREAMS").arg(&self.key).arg(&self.after);
        let (answer,): (Value,) = self.bus.link().bulk(&read).await?;
        Ok(self.take(answer))
    }

    async fn read(&mut self) -> Result<Vec<(EntryId, Fields)>, BusError> {
        if self.connection.is_none() {
            let mut connection = self.bus.link().dedicated(BLOCK).await?;
            let found = self.place(&mut connection).await;
            self.bus.link().watch(found).await?;
            self.connection = Some(connection);
        }
        let Some(connection) = &mut self.connection else { return Ok(Vec::new()) };
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(BATCH).arg("BLOCK").arg(millis(BLOCK)).arg("STREAMS").arg(&self.key).arg(&self.after);
        let answer = self.bus.link().wait_for(connection, &read).await?;
        Ok(self.take(answer))
    }

    /// Finds the place on a connection that is new.
    async fn place(&mut self, connection: &mut Connection) -> RedisResult<()> {
        if !self.read.is_empty() {
            self.find_among(link::query_on(connection, &self.again()).await?);
            return Ok(());
        }
        if self.after == START {
            return Ok(());
        }
        // From now on means behind the last one, else what comes between two reads would be missed. So does behind one
        // that is not there yet: it has been there, or somebody has made it up.
        let mut last = cmd("XREVRANGE");
        last.arg(&self.key).arg("+").arg("-").arg("COUNT").arg(1);
        let last: Vec<Value> = link::query_on(connection, &last).await?;
        let last = last.into_iter().find_map(entry);
        let wanted = EntryId::parse(&self.after);
        match last {
            Some((id, fields)) if wanted.is_none_or(|wanted| wanted >= id) => self.reached(id, &fields),
            None => START.clone_into(&mut self.after),
            Some(_) => {}
        }
        Ok(())
    }

    /// What reads again what has been read.
    fn again(&self) -> Cmd {
        let mut again = cmd("XRANGE");
        again.arg(&self.key);
        for end in [self.read.front(), self.read.back()] {
            again.arg(end.map_or_else(|| START.to_owned(), |(id, _)| id.to_string()));
        }
        again
    }

    /// Finds the place among what was read again; the beginning where nothing of that is there any more.
    fn find_among(&mut self, there: Vec<Value>) {
        if !self.find(there) {
            self.read.clear();
            START.clone_into(&mut self.after);
        }
    }

    /// The same; returns whether it is there.
    fn find(&mut self, there: Vec<Value>) -> bool {
        let there: Vec<_> = there.into_iter().filter_map(entry).map(|(id, fields)| (id, mark(&fields))).collect();
        let Some(place) = self.read.iter().rposition(|read| there.contains(read)) else { return false };
        self.read.truncate(place + 1);
        self.after = self.read[place].0.to_string();
        true
    }

    /// Reads an answer of `XREAD` about one stream.
    fn take(&mut self, answer: Value) -> Vec<(EntryId, Fields)> {
        let Value::Array(streams) = answer else { return Vec::new() };
        let Some(Value::Array(mut pair)) = streams.into_iter().next() else { return Vec::new() };
        let Some(Value::Array(entries)) = pair.pop() else { return Vec::new() };
        let entries: Vec<_> = entries.into_iter().filter_map(entry).collect();
        for (id, fields) in &entries {
            self.reached(*id, fields);
        }
        entries
    }

    fn reached(&mut self, id: EntryId, fields: &Fields) {
        if self.read.len() == REMEMBERED {
            self.read.pop_front();
        }
        self.read.push_back((id, mark(fields)));
        self.after = id.to_string();
    }
}

/// Tells entries apart that have the same id: by their fields, of long ones the beginnings.
fn mark(fields: &Fields) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, value) in fields {
        (name, value.len(), &value[..value.len().min(MARKED)]).hash(&mut hasher);
    }
    hasher.finish()
}
