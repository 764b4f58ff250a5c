//! `stream(request) -> chunks, reply`: how what streams is read, and given input.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{Mutex, Notify, mpsc, watch};
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use super::{Client, ClientError, Outgoing, Reply};
use crate::bus::{Backoff, Bus, CallError, persist};
use crate::protocol::limits::{
    CHUNK_BYTES, CHUNKS_AHEAD, INPUT_AHEAD, LONGEST_TIMEOUT, RETRY_MIN, STREAM_SIGN, STREAM_SILENCE,
};
use crate::protocol::{Channel, Chunk, EntryId, Fields, Input, RequestId};

/// Chunks that wait for whoever reads the stream.
const WAITING: usize = 16;

/// After how many chunks the worker is told that they are read.
const ACK: u64 = CHUNKS_AHEAD / 4;

/// How long a program that ends waits until workers are told.
const LEAVING: Duration = Duration::from_secs(1);

/// Something that comes by a stream.
#[derive(Debug)]
pub enum Arrival {
    /// A piece of output.
    Chunk(Channel, Vec<u8>),
    /// So many chunks were here, and are kept no longer.
    Gap(u64),
    /// The one reply: the stream has ended.
    End(Reply),
}

/// A stream that is read. Dropping it ends it.
#[derive(Debug)]
pub struct Stream {
    arrivals: mpsc::Receiver<Result<(u64, Arrival), ClientError>>,
    input: StreamInput,
    read: Arc<Read>,
    task: AbortHandle,
    leaving: TaskTracker,
    ended: bool,
}

/// What has been read.
#[derive(Debug, Default)]
struct Read {
    seq: AtomicU64,
    more: Notify,
}

/// The other direction of a stream; cheap to clone.
#[derive(Clone, Debug)]
pub struct StreamInput {
    bus: Bus,
    id: RequestId,
    /// Whose numbers they are.
    writer: String,
    /// The number of the last piece; held while it is sent, so that they arrive in order.
    seq: Arc<Mutex<u64>>,
    /// Ends when the stream does.
    open: watch::Receiver<bool>,
}

impl Client {
    /// Sends a request that streams. Its `timeout` bounds when it must have begun; then it goes on as long as it is read.
    ///
    /// # Errors
    /// [`ClientError`] for what is no request; the rest comes by the stream.
    pub fn stream(&self, request: Value) -> Result<Stream, ClientError> {
        let outgoing = self.outgoing(request)?;
        Ok(self.begin(outgoing.id.clone(), 0, Some(outgoing)))
    }

    /// Goes on with a stream of which the chunk `seq` was the last that was read, as by another process. It must not have
    /// been left for longer than [`STREAM_SILENCE`].
    pub fn resume(&self, id: RequestId, seq: u64) -> Stream {
        self.begin(id, seq, None)
    }

    /// Waits, a moment at most, until the workers of streams that were dropped are told so. A program that ends calls it
    /// last; without it they notice after [`STREAM_SILENCE`].
    pub async fn leave(&self) {
        self.leaving.close();
        if tokio::time::timeout(LEAVING, self.leaving.wait()).await.is_err() {
            tracing::debug!("a stream ends when its worker notices");
        }
    }

    fn begin(&self, id: RequestId, seq: u64, outgoing: Option<Outgoing>) -> Stream {
        let (sender, arrivals) = mpsc::channel(WAITING);
        let (opened, open) = watch::channel(true);
        let read = Arc::new(Read { seq: AtomicU64::new(seq), more: Notify::new() });
        let bus = self.bus.clone();
        let writer = self.next_id().as_str().to_owned();
        let input = StreamInput { bus: bus.clone(), id: id.clone(), writer, seq: Arc::default(), open };
        let reading = Reading { bus, id, read: Arc::clone(&read), sender };
        let task = tokio::spawn(async move {
            Box::pin(reading.run(seq, outgoing)).await;
            drop(opened);
        });
        Stream { arrivals, input, read, task: task.abort_handle(), leaving: self.leaving.clone(), ended: false }
    }
}

impl Stream {
    /// What comes next; nothing after the reply.
    ///
    /// # Errors
    /// [`ClientError`]: there is no reply, and nothing more comes.
    pub async fn next(&mut self) -> Option<Result<Arrival, ClientError>> {
        let arrival = self.arrivals.recv().await?;
        Some(arrival.map(|(seq, arrival)| {
            if matches!(arrival, Arrival::End(_)) {
                self.ended = true;
            } else {
                self.read.seq.fetch_max(seq, Ordering::Relaxed);
                self.read.more.notify_one();
            }
            arrival
        }))
    }

    /// Its input.
    pub fn input(&self) -> StreamInput {
        self.input.clone()
    }

    /// The request's id, under which another process may go on with it.
    pub fn id(&self) -> &RequestId {
        &self.input.id
    }

    /// The number of the last chunk that was read.
    pub fn seq(&self) -> u64 {
        self.read.seq.load(Ordering::Relaxed)
    }

    /// Leaves it without ending it, for another process to [`Client::resume`].
    pub fn leave(mut self) {
        self.ended = true;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
        if !self.ended
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let input = self.input.clone();
            self.leaving.spawn_on(async move { input.cancel().await }, &runtime);
        }
    }
}

impl StreamInput {
    /// Gives bytes to the daemon; waits while it has too many that it has not taken. Returns whether the stream still
    /// takes any.
    ///
    /// # Errors
    /// [`ClientError`] where Redis refuses.
    pub async fn send(&self, bytes: &[u8]) -> Result<bool, ClientError> {
        for piece in bytes.chunks(CHUNK_BYTES) {
            let mut seq = self.seq.lock().await;
            *seq += 1;
            let (seq, writer) = (Some(*seq), Some(self.writer.clone()));
            let input = Input { seq, writer, data: Some(piece.to_vec()), ..Input::default() };
            let mut waiting = self.put(&input).await?;
            while waiting > INPUT_AHEAD / 2 {
                if !self.is_open() {
                    return Ok(false);
                }
                tokio::time::sleep(RETRY_MIN / 10).await;
                waiting = persist(|| self.bus.input_waiting(&self.id)).await.map_err(CallError::NotSent)?;
            }
        }
        Ok(self.is_open())
    }

    /// Says that no more bytes come.
    ///
    /// # Errors
    /// [`ClientError`] where Redis refuses.
    pub async fn close(&self) -> Result<(), ClientError> {
        let _in_order = self.seq.lock().await;
        self.put(&Input { close: true, ..Input::default() }).await.map(drop)
    }

    /// Waits, a moment at most, until the worker has taken all that was given: what is still under way when a stream is
    /// cancelled is lost.
    pub async fn taken(&self) {
        let all = async {
            while self.is_open() && !matches!(self.bus.input_waiting(&self.id).await, Ok(0)) {
                tokio::time::sleep(RETRY_MIN / 10).await;
            }
        };
        if tokio::time::timeout(LEAVING, all).await.is_err() {
            tracing::debug!("the worker does not take the input of a stream");
        }
    }

    /// Tells the size of the terminal.
    ///
    /// # Errors
    /// [`ClientError`] where Redis refuses.
    pub async fn resize(&self, rows: u16, cols: u16) -> Result<(), ClientError> {
        self.put(&Input { size: Some((rows, cols)), ..Input::default() }).await.map(drop)
    }

    /// Ends the stream; its reply says so.
    pub async fn cancel(&self) {
        let cancel = Input { cancel: true, ..Input::default() };
        // Also when nobody here reads it any more.
        if let Err(error) = persist(|| self.bus.put_input(&self.id, &cancel)).await {
            tracing::debug!(%error, "a stream ends when its worker notices");
        }
    }

    fn is_open(&self) -> bool {
        // The sender is dropped at the end.
        self.open.has_changed().is_ok()
    }

    async fn put(&self, input: &Input) -> Result<usize, ClientError> {
        if !self.is_open() {
            return Ok(0);
        }
        Ok(persist(|| self.bus.put_input(&self.id, input)).await.map_err(CallError::NotSent)?)
    }
}

/// What reads a stream in the background.
struct Reading {
    bus: Bus,
    id: RequestId,
    read: Arc<Read>,
    sender: mpsc::Sender<Result<(u64, Arrival), ClientError>>,
}

impl Reading {
    async fn run(self, seq: u64, outgoing: Option<Outgoing>) {
        let (replied, reply) = watch::channel(Replied::NotYet);
        let (seen, begun) = watch::channel(false);
        // What is gone on with is there already.
        let resumed = outgoing.is_none().then(Instant::now);
        let asking = async {
            let answered = self.reply(outgoing, begun).await;
            let _ = replied.send(answered.as_ref().map_or(Replied::Never, replied_with));
            answered
        };
        let both = futures_util::future::join(asking, self.chunks(seq, reply.clone(), seen));
        let ended = tokio::select! {
            (answered, ()) = both => answered,
            lost = self.signs(reply.clone(), resumed) => Err(lost),
        };
        let _ = self.sender.send(ended.map(|reply| (0, Arrival::End(reply)))).await;
    }

    /// Waits for the reply; no longer than the request has time, unless it streams by then.
    async fn reply(&self, outgoing: Option<Outgoing>, begun: watch::Receiver<bool>) -> Result<Reply, ClientError> {
        let Some(outgoing) = outgoing else {
            let json = self.bus.reply(&self.id, LONGEST_TIMEOUT).await?;
            return Ok(Reply::read(json)?);
        };
        let wait = outgoing.wait;
        let mut call = outgoing.call();
        call.wait = LONGEST_TIMEOUT + wait;
        let called = self.bus.call(&call);
        let nothing_begins = async {
            tokio::time::sleep(wait).await;
            if *begun.borrow() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            called = called => match called? {
                Some(json) => Ok(Reply::read(json)?),
                None => Ok(Reply::none()),
            },
            () = nothing_begins => Err(CallError::NoReply(wait).into()),
        }
    }

    /// Reads chunks until all are read that came before the reply.
    async fn chunks(&self, mut last: u64, mut replied: watch::Receiver<Replied>, seen: watch::Sender<bool>) {
        let mut tail = self.bus.output(&self.id);
        loop {
            let entries = tokio::select! {
                entries = tail.next() => entries.unwrap_or_default(),
                _ = replied.wait_for(|replied| *replied != Replied::NotYet) => break,
            };
            if !self.give(entries, &mut last, &seen).await {
                return;
            }
        }
        // What the error that comes instead says counts, and Redis may be away for long.
        if *replied.borrow() == Replied::Never {
            return;
        }
        // Nothing is written after the reply.
        loop {
            let mut backoff = Backoff::default();
            let rest = loop {
                match tail.rest().await {
                    Err(error) if error.is_away() => backoff.pause().await,
                    rest => break rest.unwrap_or_default(),
                }
            };
            if rest.is_empty() || !self.give(rest, &mut last, &seen).await {
                break;
            }
        }
        let replied = *replied.borrow();
        if let Replied::After(all) = replied
            && last < all
        {
            let _ = self.sender.send(Ok((all, Arrival::Gap(all - last)))).await;
        }
    }

    /// Gives chunks to whoever reads. Returns whether anybody does.
    async fn give(&self, entries: Vec<(EntryId, Fields)>, last: &mut u64, seen: &watch::Sender<bool>) -> bool {
        for (_, fields) in entries {
            let _ = seen.send(true);
            let (seq, chunk) = match (Chunk::sign(&fields), Chunk::read(fields)) {
                (Some(written), _) => (written.saturating_add(1), None),
                (None, Some(chunk)) => (chunk.seq, Some(chunk)),
                (None, None) => continue,
            };
            if seq <= *last {
                continue;
            }
            let missing = seq - *last - 1;
            if missing > 0 && self.sender.send(Ok((seq - 1, Arrival::Gap(missing)))).await.is_err() {
                return false;
            }
            *last = seq - 1;
            let Some(chunk) = chunk else { continue };
            *last = seq;
            if self.sender.send(Ok((seq, Arrival::Chunk(chunk.channel, chunk.data)))).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Says again and again that the stream is read, and how far. Returns when the worker has not been heard of for too
    /// long.
    async fn signs(&self, replied: watch::Receiver<Replied>, mut heard: Option<Instant>) -> ClientError {
        let mut ticks = tokio::time::interval(STREAM_SIGN);
        let mut acked = 0;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.read.more.notified() => {
                    if self.read.seq.load(Ordering::Relaxed) < acked + ACK {
                        continue;
                    }
                }
            }
            if *replied.borrow() != Replied::NotYet {
                // The worker has no more to say; what is not read yet is kept as long as that takes.
                let kept = self.bus.keep_output(&self.id).await;
                tracing::trace!(?kept, "a stream that has ended is still read");
                continue;
            }
            match self.bus.output_silence(&self.id).await {
                Ok(Some(silence)) if silence < STREAM_SIGN * 2 => heard = Some(Instant::now()),
                // Nothing can be heard while Redis is away.
                Err(_) => heard = heard.map(|_| Instant::now()),
                Ok(_) => {}
            }
            if heard.is_some_and(|heard| heard.elapsed() > STREAM_SILENCE * 2) {
                return CallError::NoReply(STREAM_SILENCE * 2).into();
            }
            let seq = self.read.seq.load(Ordering::Relaxed);
            match self.bus.put_input(&self.id, &Input { ack: Some(seq), ..Input::default() }).await {
                Ok(_) => acked = seq,
                Err(error) => tracing::debug!(%error, "saying what is read"),
            }
        }
    }
}

/// What is known of the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replied {
    /// It has not come.
    NotYet,
    /// None comes.
    Never,
    /// It has come, and does not tell how many chunks there are.
    Unknown,
    /// It has come, after so many chunks.
    After(u64),
}

fn replied_with(reply: &Reply) -> Replied {
    let chunks = reply.body::<Value>().ok().and_then(|body| body["chunks"].as_u64());
    chunks.map_or(Replied::Unknown, Replied::After)
}
