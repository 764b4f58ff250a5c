//! Redis as the callers and the checker reach it: by the socket, which no fault in the network cuts.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, RedisError, cmd};
use serde_json::Value;
use tokio::sync::Mutex;

/// The pause before Redis is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a connection may take; Redis may be asleep.
const CONNECT: Duration = Duration::from_secs(30);

/// How often what can be repeated is tried.
const TRIES: u32 = 600;

/// One connection, opened anew when it breaks.
pub struct Bus {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
}

/// Why a command has no answer.
pub enum Lost {
    /// It was not done: it could not be sent, or was refused.
    Undone(RedisError),
    /// It was sent; whether it was done is not known.
    Unanswered(RedisError),
}

impl Bus {
    /// The server that listens at `socket`.
    pub fn new(socket: &Path) -> Result<Self> {
        let client = Client::open(format!("unix://{}", socket.display()))?;
        Ok(Self { client, connection: Mutex::default() })
    }

    /// Sends a command once.
    pub async fn once<T: FromRedisValue>(&self, words: &[&str]) -> Result<T, Lost> {
        let mut connection = self.connected().await.map_err(Lost::Undone)?;
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        match command.query_async(&mut connection).await {
            Ok(answer) => Ok(answer),
            Err(refused) if matches!(refused.kind(), ErrorKind::Server(_)) => Err(Lost::Undone(refused)),
            Err(error) => {
                *self.connection.lock().await = None;
                Err(Lost::Unanswered(error))
            }
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
        self.records("deblox.docks").await
    }

    /// A hash whose values are JSON.
    pub async fn records(&self, key: &str) -> Result<BTreeMap<String, Value>> {
        let fields: BTreeMap<String, String> = self.repeat(&["HGETALL", key]).await?;
        fields.into_iter().map(|(field, text)| Ok((field, serde_json::from_str(&text)?))).collect()
    }

    /// The names of all keys that fit `pattern`.
    pub async fn keys(&self, pattern: &str) -> Result<Vec<String>> {
        let mut keys: Vec<String> = self.repeat(&["KEYS", pattern]).await?;
        keys.sort();
        Ok(keys)
    }

    async fn connected(&self) -> Result<MultiplexedConnection, RedisError> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = &*held {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(Some(CONNECT));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        *held = Some(connection.clone());
        Ok(connection)
    }
}
