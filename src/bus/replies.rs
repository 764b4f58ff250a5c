//! Waiting for the replies of any number of requests on one connection.
//!
//! On that connection Redis remembers which keys were read, and tells once when one of them has changed ("client-side
//! caching", `CLIENT TRACKING` in the Redis command reference). So reading a reply key says two things at once: that the
//! reply is there, and that it is waited for.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, Pipeline, PushInfo, PushKind, RedisError, RedisResult, Value, cmd, pipe};
use tokio::sync::{mpsc, oneshot};

use super::link::{has_moved, is_elsewhere, is_unusable};
use super::server::Connection;
use super::{Bus, Inner};

/// How often it is looked at what has been waited for that long: a bell that did not ring costs no more than this.
const LOOK: Duration = Duration::from_secs(1);

/// Pause before Redis is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// How long nobody asks again a server that does not tell of changes.
const REFUSED: Duration = Duration::from_secs(60);

/// Keys read in one round trip; each reply may have [`ANSWER_BYTES`](crate::protocol::limits::ANSWER_BYTES).
const BATCH: usize = 64;

/// Who waits for replies, and the connection that they come by.
#[derive(Default)]
pub(super) struct Replies {
    waiting: Mutex<HashMap<String, Vec<Waiter>>>,
    line: tokio::sync::Mutex<Line>,
    numbers: AtomicU64,
}

#[derive(Default)]
enum Line {
    /// None yet, or it was lost.
    #[default]
    Closed,
    /// In use, with a number that tells it from its successor.
    Open(Connection, u64),
    /// It could not be opened, a moment ago; whoever stood in line behind that need not try as well.
    Failed(Instant, RedisError),
    /// The server does not let this user be told of changes.
    Refused(Instant),
}

/// The server does not tell of changes any more: the reply has to be looked for in another way.
pub(super) struct NotTold;

/// How the reply of a request can be waited for.
pub(super) enum Expecting {
    /// Here.
    Told(Ticket),
    /// In another way: the server does not tell of changes. Nothing has been sent.
    NotTold,
    /// Not at all, though it was sent: this user may not read it.
    Unreadable(RedisError),
}

struct Waiter {
    number: u64,
    since: Instant,
    reply: oneshot::Sender<String>,
}

/// A place among those who wait for one key. Dropping it leaves.
pub(super) struct Ticket {
    bus: Bus,
    key: String,
    number: u64,
    reply: oneshot::Receiver<String>,
}

impl Ticket {
    /// The reply, if it comes within `wait`.
    ///
    /// # Errors
    /// [`NotTold`]: there is nothing to wait for here.
    pub(super) async fn reply(&mut self, wait: Duration) -> Result<Option<String>, NotTold> {
        match tokio::time::timeout(wait, &mut self.reply).await {
            Ok(Ok(reply)) => Ok(Some(reply)),
            Ok(Err(_)) => Err(NotTold),
            Err(_) => Ok(None),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut waiting = self.bus.inner.replies.waiting();
        if let Some(waiters) = waiting.get_mut(&self.key) {
            waiters.retain(|waiter| waiter.number != self.number);
            if waiters.is_empty() {
                waiting.remove(&self.key);
            }
        }
    }
}

impl Bus {
    /// Sends `add`, the command that puts a request on its stream, and returns a place to wait for the reply at `key`.
    ///
    /// # Errors
    /// That Redis refuses, or cannot be reached.
    pub(super) async fn send_expecting(&self, key: &str, add: &Cmd) -> RedisResult<Expecting> {
        let mut both = pipe();
        both.add_command(read(key, 1)).add_command(add.clone());
        let mut tries = 0;
        loop {
            let Some((mut connection, number)) = self.line().await? else { return Ok(Expecting::NotTold) };
            let ticket = self.queue(key);
            match sent(run(&mut connection, &both).await) {
                Ok(Value::ServerError(error)) if error.code() == "NOPERM" => {
                    let error = Value::ServerError(error).extract_error().map(drop);
                    let error = self.link().noted(error, || format!("LRANGE {key}"));
                    return error.map(|()| Expecting::NotTold).or_else(|error| Ok(Expecting::Unreadable(error)));
                }
                Ok(found) => {
                    self.deliver(&connection, std::iter::once((key.to_owned(), found)));
                    return Ok(Expecting::Told(ticket));
                }
                // One that was cut while it was idle is noticed only here. A request sent twice has one effect.
                Err(error) if (error.is_connection_dropped() || is_elsewhere(&error)) && tries == 0 => {
                    tries += 1;
                    if has_moved(&error) {
                        self.link().server().doubt().await;
                    }
                    self.lose(number).await;
                }
                Err(error) => {
                    if is_unusable(&error) {
                        self.lose(number).await;
                    }
                    return self.link().noted_of(Err(error), add);
                }
            }
        }
    }

    fn queue(&self, key: &str) -> Ticket {
        let replies = &self.inner.replies;
        let number = replies.numbers.fetch_add(1, Ordering::Relaxed);
        let (sender, reply) = oneshot::channel();
        let waiter = Waiter { number, since: Instant::now(), reply: sender };
        replies.waiting().entry(key.to_owned()).or_default().push(waiter);
        Ticket { bus: self.clone(), key: key.to_owned(), number, reply }
    }

    /// The connection for replies, opened where there is none; none where the server refuses to tell of changes.
    async fn line(&self) -> RedisResult<Option<(Connection, u64)>> {
        let mut line = self.inner.replies.line.lock().await;
        match &*line {
            Line::Open(connection, number) => return Ok(Some((connection.clone(), *number))),
            Line::Refused(since) if since.elapsed() < REFUSED => return Ok(None),
            Line::Failed(since, error) if since.elapsed() < RETRY => return Err(error.clone()),
            Line::Closed | Line::Failed(..) | Line::Refused(_) => {}
        }
        let (sender, pushes) = mpsc::unbounded_channel();
        match self.link().watch(self.link().told(sender).await).await {
            Ok(connection) => {
                let number = self.inner.replies.numbers.fetch_add(1, Ordering::Relaxed);
                *line = Line::Open(connection.clone(), number);
                tokio::spawn(attend(Arc::downgrade(&self.inner), connection.clone(), number, pushes));
                Ok(Some((connection, number)))
            }
            Err(error) if is_refusal(&error) => {
                tracing::debug!(%error, "Redis does not tell of changes; replies are waited for on connections of their own");
                *line = Line::Refused(Instant::now());
                // Those who wait already are told to look for themselves.
                self.inner.replies.waiting().clear();
                Ok(None)
            }
            Err(error) => {
                *line = Line::Failed(Instant::now(), error.clone());
                Err(error)
            }
        }
    }

    /// Whether the connection `number` is still the one in use.
    async fn holds(&self, number: u64) -> bool {
        matches!(&*self.inner.replies.line.lock().await, Line::Open(_, current) if *current == number)
    }

    /// Drops the connection `number`, if it is still in use.
    async fn lose(&self, number: u64) {
        let mut line = self.inner.replies.line.lock().await;
        if matches!(&*line, Line::Open(_, current) if *current == number) {
            *line = Line::Closed;
        }
    }

    /// Reads the replies at `keys`, which tells Redis at the same time that they are still waited for.
    async fn collect(&self, connection: &mut Connection, keys: &[String]) -> RedisResult<()> {
        for batch in keys.chunks(BATCH) {
            let (mut reads, mut wanted) = (pipe(), Vec::new());
            for key in batch {
                let waiters = self.inner.replies.waiting().get(key).map_or(0, Vec::len);
                if waiters > 0 {
                    reads.add_command(read(key, waiters));
                    wanted.push(key.clone());
                }
            }
            if !wanted.is_empty() {
                let found = run(connection, &reads).await?;
                self.deliver(connection, wanted.into_iter().zip(found));
            }
        }
        Ok(())
    }

    /// Gives what was read to those who wait for it, and takes it out of Redis; not before it is here, so that it is not
    /// lost with a connection that breaks.
    fn deliver(&self, connection: &Connection, found: impl Iterator<Item = (String, Value)>) {
        let (mut taken, mut given, mut waited_for) = (pipe(), Vec::new(), Vec::new());
        for (key, replies) in found {
            let Ok(replies) = redis::from_redis_value::<Vec<String>>(replies) else { continue };
            let mut waiting = self.inner.replies.waiting();
            let Some(waiters) = waiting.get_mut(&key) else { continue };
            let count = replies.len().min(waiters.len());
            given.extend(waiters.drain(..count).zip(replies));
            let empty = waiters.is_empty();
            if empty {
                waiting.remove(&key);
            }
            if count > 0 {
                taken.cmd("LPOP").arg(&key).arg(count).ignore();
                // Taking it out has made Redis forget that the key is waited for.
                waited_for.extend((!empty).then_some(key));
            }
        }
        if !taken.is_empty() {
            let (bus, mut connection) = (self.clone(), connection.clone());
            tokio::spawn(async move {
                // What stays behind expires.
                if run(&mut connection, &taken).await.is_ok() {
                    let _ = bus.collect(&mut connection, &waited_for).await;
                }
            });
        }
        // Only now: who has the reply may send the same id again, and must not read it again.
        for (waiter, reply) in given {
            let _ = waiter.reply.send(reply);
        }
    }
}

impl Replies {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Waiter>>> {
        self.waiting.lock().expect("never held across a panic")
    }

    /// The keys that have been waited for at least so long.
    fn overdue(&self, since: Duration) -> Vec<String> {
        let old = |waiters: &[Waiter]| waiters.iter().any(|waiter| waiter.since.elapsed() >= since);
        self.waiting().iter().filter(|(_, waiters)| old(waiters)).map(|(key, _)| key.clone()).collect()
    }
}

/// Answers the bell of one connection until it is lost; then sees to it that there is another, if anybody waits.
fn attend(
    bus: Weak<Inner>,
    mut connection: Connection,
    number: u64,
    mut pushes: mpsc::UnboundedReceiver<PushInfo>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let mut looks = tokio::time::interval(LOOK);
        // What was waited for when the connection before this one was lost is read at once.
        let mut at_least = Duration::ZERO;
        loop {
            let rung = tokio::select! {
                push = pushes.recv() => push,
                _ = looks.tick() => None,
                () = connection.demoted() => break,
            };
            let Some(bus) = bus.upgrade().map(|inner| Bus { inner }) else { return };
            if !bus.holds(number).await {
                return;
            }
            let keys = match rung {
                Some(push) => changed(push, &mut pushes),
                None => Changed::Keys(bus.inner.replies.overdue(std::mem::replace(&mut at_least, LOOK))),
            };
            let collected = match keys {
                Changed::Keys(keys) => bus.collect(&mut connection, &keys).await,
                Changed::Anything => bus.collect(&mut connection, &bus.inner.replies.overdue(Duration::ZERO)).await,
                Changed::Lost => break,
            };
            if let Err(error) = collected {
                tracing::debug!(%error, "reading replies");
                break;
            }
        }
        drop(connection);
        loop {
            let Some(bus) = bus.upgrade().map(|inner| Bus { inner }) else { return };
            bus.lose(number).await;
            if bus.inner.replies.waiting().is_empty() || bus.line().await.is_ok() {
                return;
            }
            drop(bus);
            tokio::time::sleep(RETRY).await;
        }
    })
}

/// What Redis tells of.
enum Changed {
    Keys(Vec<String>),
    /// All keys: the data was flushed.
    Anything,
    /// Nothing more: the connection is gone.
    Lost,
}

/// Reads a push, and with it those that have come behind it.
fn changed(push: PushInfo, pushes: &mut mpsc::UnboundedReceiver<PushInfo>) -> Changed {
    let mut keys = Vec::new();
    let mut next = Some(push);
    while let Some(push) = next {
        match (push.kind, push.data.into_iter().next()) {
            (PushKind::Disconnection, _) => return Changed::Lost,
            (PushKind::Invalidate, Some(Value::Array(names))) => {
                keys.extend(names.into_iter().filter_map(|name| redis::from_redis_value::<String>(name).ok()));
            }
            (PushKind::Invalidate, _) => return Changed::Anything,
            _ => {}
        }
        next = pushes.try_recv().ok();
    }
    Changed::Keys(keys)
}

/// The first `count` replies at a key: one for each time that the request was sent.
fn read(key: &str, count: usize) -> Cmd {
    let mut read = cmd("LRANGE");
    read.arg(key).arg(0).arg(count - 1);
    read
}

/// Runs several commands; the error of one is in its place among the answers.
async fn run(connection: &mut Connection, commands: &Pipeline) -> RedisResult<Vec<Value>> {
    connection.req_packed_commands(commands, 0, commands.len()).await
}

/// What a read found that went out with a request, if the request itself was accepted.
fn sent(answers: RedisResult<Vec<Value>>) -> RedisResult<Value> {
    let mut answers = answers?.into_iter();
    let found = answers.next().unwrap_or(Value::Nil);
    answers.next().unwrap_or(Value::Nil).extract_error()?;
    Ok(found)
}

/// Whether the server is there and does not let this user be told of changes, or does not know how.
fn is_refusal(error: &RedisError) -> bool {
    let unknown = error.detail().is_some_and(|detail| detail.to_ascii_lowercase().contains("unknown"));
    matches!(error.code(), Some("NOPERM" | "NOPROTO"))
        || matches!(error.kind(), ErrorKind::RESP3NotSupported)
        || (error.code() == Some("ERR") && unknown)
}
