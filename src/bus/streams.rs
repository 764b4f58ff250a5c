//! The streams of one request: its output, which a worker writes and the caller reads, and its input, the other way.

use std::time::Duration;

use redis::{Value, cmd, pipe};

use super::consumer::entry;
use super::server::Connection;
use super::{Backoff, Bus, BusError, link};
use crate::protocol::limits::{CHUNKS_KEPT, REPLY_KEPT, STREAM_KEPT, STREAM_SIGN};
use crate::protocol::{Chunk, EntryId, Fields, Input, RequestId, millis};

/// How long one read waits.
const BLOCK: Duration = STREAM_SIGN;

/// Entries read at once: with chunks of the largest size, 1 MiB.
const BATCH: usize = 16;

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
    /// Returns whether it is still that one's: where there is no record, nobody else has it.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn keep_streaming(&self, id: &RequestId, consumer: &str) -> Result<bool, BusError> {
        let record = self.keys().request(id);
        let mut keep = pipe();
        keep.cmd("HGET").arg(&record).arg("by");
        keep.cmd("PEXPIRE").arg(&record).arg(millis(REPLY_KEPT)).ignore();
        keep.cmd("PEXPIRE").arg(self.keys().output(id)).arg(millis(STREAM_KEPT));
        let (by, there): (Option<String>, bool) = self.link().pipeline(&keep).await?;
        if !there {
            // Redis has lost it; its reader looks for a sign.
            let mut sign = pipe();
            sign.atomic().cmd("XADD").arg(self.keys().output(id)).arg("*").arg("sign").arg(1).ignore();
            sign.cmd("PEXPIRE").arg(self.keys().output(id)).arg(millis(STREAM_KEPT)).ignore();
            self.link().pipeline::<()>(&sign).await?;
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
}

/// Reads a stream from a place on, on a connection of its own, which is opened anew whenever it was lost.
pub struct Tail {
    bus: Bus,
    key: String,
    after: String,
    connection: Option<Connection>,
    backoff: Backoff,
}

impl Tail {
    fn new(bus: &Bus, key: String) -> Self {
        Self { bus: bus.clone(), key, after: "0-0".to_owned(), connection: None, backoff: Backoff::default() }
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
        read.cmd("XREAD").arg("COUNT").arg(BATCH).arg("STREAMS").arg(&self.key).arg(&self.after);
        let (answer,): (Value,) = self.bus.link().bulk(&read).await?;
        Ok(self.take(answer))
    }

    async fn read(&mut self) -> Result<Vec<(EntryId, Fields)>, BusError> {
        let bus = self.bus.clone();
        if self.after == "$" {
            // Else what comes between two reads would be missed.
            let mut last = cmd("XREVRANGE");
            last.arg(&self.key).arg("+").arg("-").arg("COUNT").arg(1);
            let last: Vec<Value> = bus.link().query(&last).await?;
            let last = last.into_iter().find_map(entry);
            self.after = last.map_or_else(|| "0-0".to_owned(), |(id, _)| id.to_string());
        }
        let connection = match &mut self.connection {
            Some(connection) => connection,
            closed => closed.insert(bus.link().dedicated(BLOCK).await?),
        };
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(BATCH).arg("BLOCK").arg(millis(BLOCK)).arg("STREAMS").arg(&self.key).arg(&self.after);
        let answer = bus.link().watch(link::query_on::<Value>(connection, &read).await).await?;
        Ok(self.take(answer))
    }

    /// Reads an answer of `XREAD` about one stream.
    fn take(&mut self, answer: Value) -> Vec<(EntryId, Fields)> {
        let Value::Array(streams) = answer else { return Vec::new() };
        let Some(Value::Array(mut pair)) = streams.into_iter().next() else { return Vec::new() };
        let Some(Value::Array(entries)) = pair.pop() else { return Vec::new() };
        let entries: Vec<_> = entries.into_iter().filter_map(entry).collect();
        if let Some((last, _)) = entries.last() {
            self.after = last.to_string();
        }
        entries
    }
}
