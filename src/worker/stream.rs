//! A request that streams, from when it is begun at the daemon: chunks go out as the reader takes them, its input goes to
//! the daemon, and what ends it is told in the one reply.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::try_join;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::job::Ready;
use super::scan::Scan;
use crate::actions::{Outcome, Streaming, Subject};
use crate::bus::{BusError, persist};
use crate::docker::{DockerError, FlowInput, FlowOutput, Opened, Way};
use crate::metrics::Direction;
use crate::protocol::limits::{
    CHUNK_BYTES, CHUNKS_AHEAD, INPUT_AHEAD, LONGEST_TIMEOUT, STREAM_SIGN, STREAM_SILENCE, UPLOAD_SILENCE,
};
use crate::protocol::{Answer, Channel, Chunk, EntryId, ErrorCode, Failure, Input};

/// Pieces that wait to be written; those of one channel are written as one.
const PIECES: usize = 16;

/// Something the daemon sent, on its way to the reader.
type Piece = (Channel, Bytes);

/// Entries of the input that are taken and not deleted yet.
type Owed = Mutex<Vec<EntryId>>;

/// What a reader gave for the daemon.
enum Given {
    Data(EntryId, Vec<u8>),
    End,
}

/// Why a stream ends before the daemon ends it.
enum Cut {
    /// The reader wants no more.
    Cancelled,
    /// It is not there any more.
    ReaderGone,
    /// It sent more than it may.
    TooMuch,
    /// It uploads, and sends nothing.
    Idle,
    /// Another worker has the request now, or the worker stops.
    Handed,
    /// The daemon does not answer.
    DaemonLost,
    /// It has lasted as long as anything may.
    Old,
    /// Whoever asked for it may not have it any more.
    Refused(Failure),
}

impl Ready {
    /// Streams until the daemon has sent everything, or somebody ends it.
    pub(super) async fn relay(&self, streaming: Streaming) -> Result<Outcome, Failure> {
        let Streaming { flow, way, framed, subject } = streaming;
        let (_streams, _span) = (self.worker.metrics().streams(), self.span.child("stream"));
        self.make_room();
        if way == Way::Down {
            self.let_others_go();
        }
        let (pieces, to_write) = mpsc::channel(PIECES);
        let (given, to_give) = mpsc::channel(INPUT_AHEAD + 2);
        let (acked, acks) = watch::channel(0);
        let mut scan = Scan::default();
        let messages = matches!(subject, Subject::Messages(_)).then_some(&mut scan);

        let (written, owed) = (AtomicU64::new(0), Owed::default());
        let send = async move {
            let begun = json!({"dockerInstance": self.worker.dock()});
            let _ = pieces.send((Channel::Head, begun.to_string().into())).await;
            let opened = flow.opening.await?;
            let output = match opened {
                Opened::Refused(answer) => return Err(Broken::Refused(answer)),
                Opened::Flows(status, kind, output) => {
                    let head = json!({"statusCode": status, "Content-Type": kind});
                    let _ = pieces.send((Channel::Head, head.to_string().into())).await;
                    output.framed(framed)
                }
            };
            if way == Way::Both {
                self.let_others_go();
            }
            pump(output, &pieces, messages).await?;
            Ok(())
        };
        // What cannot be written ends it at once, though the daemon may have nothing to say for long.
        let read = acks.clone();
        let all = try_join(async { Ok(send.await) }, self.write(to_write, acks, &written));
        let cut = tokio::select! {
            ended = all => {
                let ended = ended.map_or_else(|error| Err(Broken::Bus(error)), |(ended, ())| ended);
                return self.ended(ended, &subject, &scan, written.load(Ordering::Relaxed)).await;
            }
            cut = self.hear(&subject, way, given, acked, &owed) => cut,
            cut = self.signs(&written, &read) => cut,
            failure = self.outlived() => Cut::Refused(failure),
            never = self.feed(flow.input, to_give, &owed) => never,
        };
        self.end_input().await;
        Err(self.cut(cut, &subject, written.load(Ordering::Relaxed)).await)
    }

    /// Writes what is sent, not further ahead of the reader than it may be.
    async fn write(
        &self,
        mut pieces: mpsc::Receiver<Piece>,
        mut acks: watch::Receiver<u64>,
        written: &AtomicU64,
    ) -> Result<(), BusError> {
        let mut ready = Vec::new();
        while pieces.recv_many(&mut ready, PIECES).await > 0 {
            let chunks = chunks(ready.drain(..), written.load(Ordering::Relaxed));
            for batch in chunks.chunks(PIECES) {
                let last = batch.last().map_or(0, |chunk| chunk.seq);
                if acks.wait_for(|acked| last <= acked.saturating_add(CHUNKS_AHEAD)).await.is_err() {
                    return Ok(());
                }
                persist(|| self.worker.bus.put_output(&self.request.id, batch)).await?;
                self.worker.metrics().streamed(Direction::Out, batch.iter().map(|chunk| chunk.data.len()).sum());
                written.store(last, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Hears what the reader says, until that ends the stream.
    async fn hear(
        &self,
        subject: &Subject,
        way: Way,
        given: mpsc::Sender<Given>,
        acked: watch::Sender<u64>,
        owed: &Owed,
    ) -> Cut {
        let mut tail = self.worker.bus.input(&self.request.id);
        let (mut heard, mut fed, mut closed) = (Instant::now(), Instant::now(), way != Way::Up);
        let mut taken: (Option<String>, u64) = (None, 0);
        loop {
            let entries = tail.next().await;
            let now = Instant::now();
            match &entries {
                // Nothing can be heard while Redis is away.
                None => (heard, fed) = (now, now),
                Some(entries) if !entries.is_empty() => heard = now,
                Some(_) if heard.elapsed() >= STREAM_SILENCE => return Cut::ReaderGone,
                Some(_) => {}
            }
            let mut done = Vec::new();
            for (entry, fields) in entries.unwrap_or_default() {
                let input = Input::read(fields);
                if let Some(ack) = input.ack {
                    acked.send_if_modified(|acked| std::mem::replace(acked, ack.max(*acked)) < ack);
                }
                if let Some((rows, cols)) = input.size {
                    subject.resize(&self.worker.docker, rows, cols).await;
                }
                if input.seq.is_some() && input.writer != taken.0 {
                    taken = (input.writer, 0);
                }
                let is_new = input.seq.is_none_or(|seq| seq > taken.1);
                taken.1 = input.seq.map_or(taken.1, |seq| seq.max(taken.1));
                let sent = match input.data.filter(|_| is_new) {
                    Some(data) if data.len() > CHUNK_BYTES => return Cut::TooMuch,
                    Some(data) => {
                        fed = now;
                        self.worker.metrics().streamed(Direction::In, data.len());
                        given.try_send(Given::Data(entry, data))
                    }
                    None => {
                        done.push(entry);
                        Ok(())
                    }
                };
                closed |= input.close;
                if sent.is_err() || (input.close && given.try_send(Given::End).is_err()) {
                    return Cut::TooMuch;
                }
                if input.cancel {
                    return Cut::Cancelled;
                }
            }
            self.taken(done, owed).await;
            let waits = !closed && given.capacity() == given.max_capacity();
            if waits && fed.elapsed() >= UPLOAD_SILENCE {
                return Cut::Idle;
            }
        }
    }

    /// Gives the daemon what the reader gave for it.
    async fn feed(&self, mut input: Option<FlowInput>, mut given: mpsc::Receiver<Given>, owed: &Owed) -> Cut {
        while let Some(next) = given.recv().await {
            match next {
                Given::Data(entry, data) => {
                    if let Some(open) = &mut input
                        && !open.give(data).await
                    {
                        // It takes no more; what it has to say about that comes by itself.
                        input = None;
                    }
                    self.taken(vec![entry], owed).await;
                }
                Given::End => {
                    if let Some(open) = input.take() {
                        open.end().await;
                    }
                }
            }
        }
        std::future::pending().await
    }

    /// Says again and again that this streams, until it must not any more.
    ///
    /// Where the reader has not read for a while what is written, it is told up to where that goes: where another server has
    /// become the primary, the last of it may be lost, and nothing that follows would show that.
    async fn signs(&self, written: &AtomicU64, read: &watch::Receiver<u64>) -> Cut {
        let begun = Instant::now();
        let (mut before, mut sign) = (0, None);
        let mut ticks = interval(STREAM_SIGN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.worker.stopping.cancelled() => return Cut::Handed,
            }
            let last = std::mem::replace(&mut before, written.load(Ordering::Relaxed));
            let unread = (*read.borrow() < last).then_some(last);
            let (bus, consumer) = (&self.worker.bus, self.worker.consumer.name());
            if matches!(bus.keep_streaming(&self.request.id, consumer, unread, &mut sign).await, Ok(false)) {
                return Cut::Handed;
            }
            if !self.worker.inventory.is_up() {
                return Cut::DaemonLost;
            }
            if begun.elapsed() > LONGEST_TIMEOUT {
                return Cut::Old;
            }
        }
    }

    /// Deletes entries that are taken, with those that could not be deleted before: the reader counts what is there.
    async fn taken(&self, entries: Vec<EntryId>, owed: &Owed) {
        let all = {
            let mut owed = owed.lock().expect("never held across a panic");
            owed.extend(entries);
            std::mem::take(&mut *owed)
        };
        if all.is_empty() {
            return;
        }
        if let Err(error) = self.worker.bus.drop_input(&self.request.id, &all).await {
            tracing::debug!(%error, "input that is taken stays for now");
            owed.lock().expect("never held across a panic").extend(all);
        }
    }

    async fn end_input(&self) {
        let ended = self.worker.bus.end_input(&self.request.id).await;
        if let Err(error) = ended {
            tracing::debug!(%error, "input of a stream that has ended stays until it expires");
        }
    }

    /// The outcome of a stream that the daemon has ended.
    async fn ended(
        &self,
        ended: Result<(), Broken>,
        subject: &Subject,
        scan: &Scan,
        chunks: u64,
    ) -> Result<Outcome, Failure> {
        self.end_input().await;
        match ended {
            Ok(()) => {}
            Err(Broken::Bus(error)) => {
                return Err(Failure::from(error).with_details(&json!({"chunks": chunks})));
            }
            Err(Broken::Refused(answer)) => {
                return self.action.judge(answer).map(Outcome::Answer).map_err(|failure| subject.failure(failure));
            }
            Err(Broken::Daemon(error)) => {
                let message = format!("the stream has broken off, because the Docker daemon was lost: {error}");
                return Err(Failure::new(ErrorCode::Interrupted, message).with_details(&json!({"chunks": chunks})));
            }
        }
        if let (Subject::Messages(code), Some(error)) = (subject, &scan.error) {
            return Err(Failure::new(*code, error.trim()).with_details(&json!({"chunks": chunks})));
        }
        let mut body = subject.ended(&self.worker.docker).await;
        body["chunks"] = json!(chunks);
        for (name, found) in [("aux", scan.aux.as_ref()), ("digest", scan.digest.as_ref())] {
            if let Some(found) = found {
                body[name] = found.clone();
            }
        }
        Ok(Outcome::Answer(Answer::json(&body)))
    }

    /// What is said of a stream that was cut off: how it stands if the reader wanted that, else why.
    async fn cut(&self, cut: Cut, subject: &Subject, chunks: u64) -> Failure {
        let silence = STREAM_SILENCE.as_secs();
        let (code, message) = match cut {
            Cut::Refused(Failure { code, message, .. }) => (code, message),
            Cut::Cancelled => (ErrorCode::Cancelled, "its reader has ended the stream".to_owned()),
            Cut::ReaderGone => (
                ErrorCode::ReaderGone,
                format!("nothing was heard of the reader for {silence} s (an `ack` in `deblox.input.<id>`)"),
            ),
            Cut::TooMuch => (
                ErrorCode::PayloadTooLarge,
                format!(
                    "more input was sent than is taken: {INPUT_AHEAD} entries ahead of the daemon, {CHUNK_BYTES} bytes each"
                ),
            ),
            Cut::Idle => {
                let silence = UPLOAD_SILENCE.as_secs();
                (
                    ErrorCode::ReaderGone,
                    format!("nothing has come of the upload for {silence} s: what came is not the whole"),
                )
            }
            Cut::Handed => (
                ErrorCode::Interrupted,
                "the stream has broken off, because its worker stops: begin it again".to_owned(),
            ),
            Cut::DaemonLost => (
                ErrorCode::Interrupted,
                "the stream has broken off, because the Docker daemon does not answer: begin it again".to_owned(),
            ),
            Cut::Old => {
                let longest = LONGEST_TIMEOUT.as_secs() / 3600;
                (
                    ErrorCode::Timeout,
                    format!("the stream has lasted {longest} hours, and nothing lasts longer: begin it again"),
                )
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(2), subject.ended(&self.worker.docker)).await;
        let mut details = ended.unwrap_or_else(|_| json!({}));
        details["chunks"] = json!(chunks);
        Failure::new(code, message).with_details(&details)
    }
}

/// Why what the daemon sends does not come to its end.
enum Broken {
    Refused(Answer),
    Daemon(DockerError),
    Bus(BusError),
}

impl From<DockerError> for Broken {
    fn from(error: DockerError) -> Self {
        Self::Daemon(error)
    }
}

/// Gives on what the daemon sends.
async fn pump(
    mut output: FlowOutput,
    pieces: &mpsc::Sender<Piece>,
    mut scan: Option<&mut Scan>,
) -> Result<(), DockerError> {
    while let Some(piece) = output.next().await? {
        if let Some(scan) = &mut scan {
            scan.read(&piece.1);
        }
        if pieces.send(piece).await.is_err() {
            break;
        }
    }
    // The last message may have no end of its own.
    if let Some(scan) = scan {
        scan.read(b"\n");
    }
    Ok(())
}

/// Pieces as chunks after the chunk `last`: neighbours of one channel together, as far as they fit.
fn chunks(pieces: impl Iterator<Item = Piece>, last: u64) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut seq = last;
    for (channel, bytes) in pieces {
        let mut rest = &bytes[..];
        if let Some(before) = chunks.last_mut().filter(|before| before.channel == channel && channel != Channel::Head) {
            let (fits, more) = rest.split_at(rest.len().min(CHUNK_BYTES.saturating_sub(before.data.len())));
            before.data.extend_from_slice(fits);
            rest = more;
        }
        for piece in rest.chunks(CHUNK_BYTES) {
            seq += 1;
            chunks.push(Chunk { seq, channel, data: piece.to_vec() });
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_chunks_of_one_channel_and_no_more_than_fits() {
        let large = Bytes::from(vec![1; CHUNK_BYTES]);
        let pieces = [
            (Channel::Head, Bytes::from_static(b"{}")),
            (Channel::Stdout, Bytes::from_static(b"a")),
            (Channel::Stdout, large.clone()),
            (Channel::Stderr, Bytes::from_static(b"b")),
            (Channel::Stdout, Bytes::from_static(b"c")),
        ];
        let chunks = chunks(pieces.into_iter(), 4);
        let told: Vec<_> = chunks.iter().map(|chunk| (chunk.seq, chunk.channel, chunk.data.len())).collect();
        assert_eq!(
            told,
            [
                (5, Channel::Head, 2),
                (6, Channel::Stdout, CHUNK_BYTES),
                (7, Channel::Stdout, 1),
                (8, Channel::Stderr, 1),
                (9, Channel::Stdout, 1)
            ]
        );
    }
}
