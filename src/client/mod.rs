//! `call(request) -> reply`: how a Rust program, the command line and whatever else is to come drive a cluster.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::actions::Action;
use crate::bus::{Bus, BusError, CallError, RedisOptions};
use crate::protocol::limits::REQUEST_TIMEOUT;
use crate::protocol::{Fqdn, InvalidName, RequestId};

/// How much longer than the request's own time its reply is waited for: a worker says so when the time is up.
const LATER: Duration = Duration::from_secs(5);

/// Calls workers over the bus.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use deblox::bus::RedisOptions;
/// use deblox::client::Client;
///
/// let client = Client::new(&RedisOptions::new("redis://127.0.0.1:6379"))?;
/// let request = serde_json::json!({"action": "create-container", "image": "ubuntu"});
/// if let Some(reply) = client.call(request.as_object().unwrap().clone()).await? {
///     println!("{} {}", reply.status, reply.json);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    bus: Bus,
    /// What the ids of its requests begin with, so that one prefix covers its replies.
    name: String,
    count: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

/// What the client reads of a reply.
#[derive(serde::Deserialize)]
struct Head {
    #[serde(rename = "statusCode")]
    status: u16,
}

/// A reply, as it came.
#[derive(Clone, Debug)]
pub struct ReplyText {
    /// The `statusCode`.
    pub status: u16,
    /// The whole reply.
    pub json: String,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A field of the request that the client itself must read is not valid.
    #[error("the field `{0}` is not valid: {1}")]
    Field(&'static str, String),
    /// The bus did not do its part.
    #[error(transparent)]
    Call(#[from] CallError),
    /// What came back is no reply.
    #[error("what came back is no reply: {0}")]
    NoReply(#[from] serde_json::Error),
}

impl ReplyText {
    /// Whether the status is in the range of successes.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Client {
    /// A client of the bus that `options` describe; nothing is dialled yet.
    ///
    /// # Errors
    /// [`BusError::Options`] for options that cannot be used.
    pub fn new(options: &RedisOptions) -> Result<Self, BusError> {
        let name = uuid::Uuid::new_v4().simple().to_string();
        Ok(Self { bus: Bus::new(options)?, name, count: std::sync::Arc::default() })
    }

    /// Sends a request and waits for its reply, as long as the request has time (`timeout`, in milliseconds, or its
    /// action's default) and a little longer. Returns none for an action that has no reply, once it is done.
    /// It is safe to send again what failed here if it carries a `requestId` of yours.
    ///
    /// # Errors
    /// [`ClientError`]; what a worker refuses is a reply.
    pub async fn call(&self, mut request: Map<String, Value>) -> Result<Option<ReplyText>, ClientError> {
        let invalid = |field| move |e: InvalidName| ClientError::Field(field, e.to_string());
        let id = match request.remove("requestId") {
            None => self.next_id(),
            Some(id) => RequestId::new(id.as_str().unwrap_or_default()).map_err(invalid("requestId"))?,
        };
        let dock = match request.get("dock") {
            None => None,
            Some(dock) => Some(Fqdn::new(dock.as_str().unwrap_or_default()).map_err(invalid("dock"))?),
        };
        let action = request.get("action").and_then(Value::as_str).and_then(|name| Action::find(name).ok());
        let time = request.get("time").and_then(Value::as_u64);
        let usual = action.map_or(REQUEST_TIMEOUT, |action| action.default_timeout(time));
        let timeout = request.get("timeout").and_then(Value::as_u64).map_or(usual, Duration::from_millis);
        let silent = action.is_some_and(|action| action.silent);

        let json = Value::Object(request).to_string();
        let Some(json) = self.bus.call(&id, dock.as_ref(), &json, silent, timeout + LATER).await? else {
            return Ok(None);
        };
        let head: Head = serde_json::from_str(&json)?;
        Ok(Some(ReplyText { status: head.status, json }))
    }

    /// The bus underneath.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    fn next_id(&self) -> RequestId {
        let number = self.count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        RequestId::new(&format!("{}.{number}", self.name)).expect("hexadecimal digits, a dot and a number")
    }
}
