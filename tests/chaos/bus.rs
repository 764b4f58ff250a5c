//! Redis as the callers and the checker reach it: by the socket, which no fault in the network cuts, and whichever server
//! is the primary.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, FromRedisValue, RedisError, cmd, pipe};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::redis::Redis;

/// The pause before Redis is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a connection may take; Redis may be asleep.
const CONNECT: Duration = Duration::from_secs(30);

/// How often what can be repeated is tried.
const TRIES: u32 = 600;

/// How long an answer may take where another server may have become the primary.
const ANSWER: Duration = Duration::from_secs(3);

/// How often it is looked there which one is.
pub const LOOK: Duration = Duration::from_secs(1);

/// One connection, opened anew when it breaks or leads to a server that is no longer the primary.
pub struct Bus {
    pub redis: Redis,
    current: Mutex<Option<Held>>,
    /// How often another server has become the primary.
    term: AtomicUsize,
    /// The last primary.
    last: Mutex<Option<u16>>,
}

/// A connection, and to which server.
struct Held {
    connection: MultiplexedConnection,
    port: u16,
    looked: Instant,
}

/// Why a command has no answer.
pub enum Lost {
    /// It was not done: it could not be sent, or was refused.
    Undone(RedisError),
    /// It was sent; whether it was done is not known.
    Unanswered(RedisError),
}

impl Bus {
    pub fn new(redis: Redis) -> Self {
        Self { redis, current: Mutex::default(), term: AtomicUsize::new(0), last: Mutex::default() }
    }

    /// The name of a key.
    pub fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.redis.kind.namespace())
    }

    /// How often it was noticed that another server had become the primary. What was answered before may be lost with
    /// the old one.
    pub fn term(&self) -> usize {
        self.term.load(Ordering::Relaxed)
    }

    /// Sends a command once.
    pub async fn once<T: FromRedisValue>(&self, words: &[&str]) -> Result<T, Lost> {
        let mut connection = self.connected().await.map_err(Lost::Undone)?;
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        match command.query_async(&mut connection).await {
            Ok(answer) => Ok(answer),
            Err(refused) if matches!(refused.kind(), ErrorKind::Server(_) | ErrorKind::Extension) => {
                match refused.redirect_node().filter(|_| refused.code() == Some("ASK")) {
                    Some((place, _)) => self.elsewhere(place, words).await,
                    None => {
                        // It may have told why it is the wrong one.
                        self.look_again().await;
                        Err(Lost::Undone(refused))
                    }
                }
            }
            Err(error) => {
                *self.current.lock().await = None;
                Err(Lost::Unanswered(error))
            }
        }
    }

    /// Sends a command once to the server to which its key is on the way.
    async fn elsewhere<T: FromRedisValue>(&self, place: &str, words: &[&str]) -> Result<T, Lost> {
        let port = place.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let Some(node) = port.and_then(|port| self.redis.on(port)) else { return Err(Lost::Undone(away())) };
        let mut connection = node.connect(&self.config()).await.map_err(Lost::Undone)?;
        let mut both = pipe();
        both.cmd("ASKING").ignore().cmd(words[0]).arg(&words[1..]);
        match both.query_async::<(T,)>(&mut connection).await {
            Ok((answer,)) => Ok(answer),
            Err(refused) if refused.code().is_some() => Err(Lost::Undone(refused)),
            Err(error) => Err(Lost::Unanswered(error)),
        }
    }

    /// Sends a command until it is answered: one that does no harm when it is done twice.
    pub async fn repeat<T: FromRedisValue>(&self, words: &[&str]) -> Result<T> {
        let mut tries = 0;
        loop {
            match self.once(words).await {
                Ok(answer) => return Ok(answer),
                Err(Lost::Undone(error) | Lost::Unanswered(error)) if tries == TRIES => return Err(error.into()),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
            tries += 1;
        }
    }

    /// The records of all docks.
    pub async fn docks(&self) -> Result<BTreeMap<String, Value>> {
        self.records("docks").await
    }

    /// A hash whose values are JSON.
    pub async fn records(&self, name: &str) -> Result<BTreeMap<String, Value>> {
        let fields: BTreeMap<String, String> = self.repeat(&["HGETALL", &self.key(name)]).await?;
        fields.into_iter().map(|(field, text)| Ok((field, serde_json::from_str(&text)?))).collect()
    }

    /// All keys whose names fit `pattern`.
    pub async fn keys(&self, pattern: &str) -> Result<Vec<String>> {
        let mut keys: Vec<String> = self.repeat(&["KEYS", &self.key(pattern)]).await?;
        keys.sort();
        Ok(keys)
    }

    /// A connection to the primary.
    async fn connected(&self) -> Result<MultiplexedConnection, RedisError> {
        let mut current = self.current.lock().await;
        let fresh = |held: &&Held| !self.redis.kind.fails_over() || held.looked.elapsed() < LOOK;
        if let Some(held) = current.as_ref().filter(fresh) {
            return Ok(held.connection.clone());
        }
        let node = self.redis.primary().await.ok_or_else(away)?;
        if let Some(held) = current.as_mut().filter(|held| held.port == node.port) {
            held.looked = Instant::now();
            return Ok(held.connection.clone());
        }
        *current = None;
        let connection = node.connect(&self.config()).await?;
        let (held, looked) = (connection.clone(), Instant::now());
        *current = Some(Held { connection: held, port: node.port, looked });
        let last = self.last.lock().await.replace(node.port);
        if last.is_some_and(|last| last != node.port) && !self.redis.is_moving() {
            self.term.fetch_add(1, Ordering::Relaxed);
        }
        Ok(connection)
    }

    /// Has it looked which server is the primary before the next command.
    async fn look_again(&self) {
        if self.redis.kind.fails_over() {
            *self.current.lock().await = None;
        }
    }

    fn config(&self) -> AsyncConnectionConfig {
        let (connect, answer) = if self.redis.kind.fails_over() { (ANSWER, Some(ANSWER)) } else { (CONNECT, None) };
        AsyncConnectionConfig::new().set_response_timeout(answer).set_connection_timeout(Some(connect))
    }
}

/// That there is no server to speak to.
fn away() -> RedisError {
    std::io::Error::other("there is no primary").into()
}
