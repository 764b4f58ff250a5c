//! `call(request) -> reply`: how a Rust program, the command line, the HTTP interface and whatever else is to come drive
//! a cluster.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use deblox::client::Client;
//! use serde_json::json;
//!
//! let client = Client::open("redis://127.0.0.1:6379")?;
//! let created = client.call(json!({"action": "create-container", "image": "nginx", "start": true})).await?;
//! println!("{} runs on {}", created.id().unwrap_or("nothing"), created.dock().unwrap_or("no dock"));
//! # Ok(()) }
//! ```
//!
//! A client is cheap to clone, may be used by any number of tasks at the same time, and needs two connections to Redis
//! however many replies it waits for. What a worker refuses is a reply as well, with its stable name in
//! [`Reply::error`]:
//!
//! ```no_run
//! # async fn example(client: deblox::client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! # use serde_json::{Value, json};
//! let reply = client.call(json!({"action": "inspect-container", "id": "web"})).await?;
//! match reply.error() {
//!     None => println!("{}", reply.body::<Value>()?["State"]["Status"]),
//!     Some("no-such-instance") => println!("there is no web"),
//!     Some(other) => println!("{other}: {}", reply.message().unwrap_or_default()),
//! }
//! # Ok(()) }
//! ```
//!
//! With a `requestId` of your own, a call that failed can be made again: the request is done once.
//!
//! ```no_run
//! # async fn example(client: deblox::client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! # use serde_json::json;
//! let request = json!({"action": "stop-container", "id": "web", "requestId": "stop-web-1", "timeout": 60_000});
//! let reply = match client.call(request.clone()).await {
//!     Err(_) => client.call(request).await?,
//!     Ok(reply) => reply,
//! };
//! assert!(reply.is_success());
//! # Ok(()) }
//! ```
//!
//! What streams is read chunk by chunk until its one reply comes, and as fast as it is read:
//!
//! ```no_run
//! # async fn example(client: deblox::client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! # use serde_json::json;
//! use deblox::client::Arrival;
//!
//! let mut logs = client.stream(json!({"action": "container-logs", "id": "web", "follow": true}))?;
//! while let Some(arrival) = logs.next().await {
//!     match arrival? {
//!         Arrival::Chunk(channel, bytes) => println!("{channel:?}: {}", String::from_utf8_lossy(&bytes)),
//!         Arrival::Gap(missing) => println!("{missing} chunks are kept no longer"),
//!         Arrival::End(reply) => println!("{}", reply.message().unwrap_or("the end")),
//!     }
//! }
//! # Ok(()) }
//! ```

mod reply;
mod stream;

use std::time::Duration;

pub use reply::Reply;
use serde_json::{Map, Value};
pub use stream::{Arrival, Stream, StreamInput};
use tokio_util::task::TaskTracker;

use crate::actions::Action;
use crate::bus::{Bus, BusError, Call, CallError, Envelope, RedisOptions, Standing};
use crate::metrics::Metrics;
use crate::protocol::limits::{LONGEST_TIMEOUT, REQUEST_TIMEOUT};
use crate::protocol::{
    AuthAddress, ClientName, Credential, Fqdn, InvalidName, ReplyTo, RequestId, TraceContext, read_timeout,
};

/// How much longer than the request's own time its reply is waited for: a worker says so when the time is up.
const LATER: Duration = Duration::from_secs(5);

/// Calls workers over the bus.
#[derive(Clone, Debug)]
pub struct Client {
    bus: Bus,
    /// What the ids of its requests begin with, so that one rule of an ACL covers its replies.
    name: Option<ClientName>,
    /// Who its requests come from, where they do not say.
    credential: Option<Credential>,
    /// The trace that its requests belong to, where they do not say.
    trace: Option<TraceContext>,
    /// What still tells workers that a stream is read no more.
    leaving: TaskTracker,
}

/// A request on its way out.
struct Outgoing {
    id: RequestId,
    dock: Option<Fqdn>,
    json: String,
    silent: bool,
    wait: Duration,
    /// Where the reply comes, if others may send the same id.
    reply_to: Option<ReplyTo>,
    once: bool,
    streams: bool,
}

impl Outgoing {
    fn call(&self) -> Call<'_> {
        let envelope = Envelope { once: self.once, ..Envelope::default() };
        let Self { id, dock, json, silent, wait, reply_to, .. } = self;
        let reply_to = reply_to.as_ref();
        Call { id, dock: dock.as_ref(), json, silent: *silent, wait: *wait, reply_to, envelope }
    }
}

/// How a request stands.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Nothing is known of it: no worker has begun it, or it was done too long ago.
    Unknown,
    /// A worker has it, or will have it.
    UnderWay,
    /// It is done, with that reply.
    Done(Reply),
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The request is no JSON object.
    #[error("the request must be a JSON object, such as {{\"action\": \"list-docks\"}}")]
    NotAnObject,
    /// A field of the request that the client itself must read is not valid.
    #[error("the field `{0}` is not valid: {1}")]
    Field(&'static str, String),
    /// It has no single answer but a stream, which [`Client::stream`] reads.
    #[error("the request streams: a call that waits for one reply does not read that")]
    Streams,
    /// The bus did not do its part.
    #[error(transparent)]
    Call(#[from] CallError),
    /// What came back is no reply.
    #[error("what came back is no reply: {0}")]
    NoReply(#[from] serde_json::Error),
}

impl Client {
    /// A client of the bus at `url` (see [`RedisOptions::url`]), in the default namespace; nothing is dialled yet.
    ///
    /// # Errors
    /// [`BusError::Options`] for a URL that cannot be used.
    pub fn open(url: &str) -> Result<Self, BusError> {
        Self::new(&RedisOptions::new(url))
    }

    /// A client of the bus that `options` describe; nothing is dialled yet.
    ///
    /// # Errors
    /// [`BusError::Options`] for options that cannot be used.
    pub fn new(options: &RedisOptions) -> Result<Self, BusError> {
        Self::measured(options, Metrics::default())
    }

    /// The same, and `metrics` are told how it goes.
    ///
    /// # Errors
    /// The same.
    pub fn measured(options: &RedisOptions, metrics: Metrics) -> Result<Self, BusError> {
        let name = options.client_name();
        let bus = Bus::measured(options, metrics)?;
        Ok(Self { bus, name, credential: None, trace: None, leaving: TaskTracker::new() })
    }

    /// The same client as somebody: each request that has neither `session` nor `token` gets this.
    #[must_use]
    pub fn with_credential(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// The same client as part of a trace: each request that has no `traceparent` gets this.
    #[must_use]
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Sends a message to an auth manager (`deblox.auth.login`, `.authorise` or `.logout`), and waits so long for its answer,
    /// which is JSON.
    ///
    /// # Errors
    /// [`ClientError::Call`]; where no auth manager runs, [`CallError::NoReply`].
    pub async fn ask(&self, address: AuthAddress, message: &Value, wait: Duration) -> Result<String, ClientError> {
        Ok(Box::pin(self.bus.ask(address, &self.next_id(), &message.to_string(), wait)).await?)
    }

    /// Sends a request, a JSON object with an `action`, and waits for its reply: as long as the request has time
    /// (`timeout`, in milliseconds, or its action's default) and a little longer. An action that has no reply gives
    /// [`Reply::none`] once it is done.
    ///
    /// It is safe to send again what failed here if it carries a `requestId` of yours.
    ///
    /// # Errors
    /// [`ClientError`]; what a worker refuses is a reply.
    pub async fn call(&self, request: Value) -> Result<Reply, ClientError> {
        let outgoing = self.outgoing(request)?;
        if outgoing.streams {
            return Err(ClientError::Streams);
        }
        match self.bus.call(&outgoing.call()).await? {
            Some(json) => Ok(Reply::read(json)?),
            None => Ok(Reply::none()),
        }
    }

    /// Reads of a request what is needed to send it.
    fn outgoing(&self, request: Value) -> Result<Outgoing, ClientError> {
        let Value::Object(mut request) = request else { return Err(ClientError::NotAnObject) };
        let invalid = |field| move |e: InvalidName| ClientError::Field(field, e.to_string());
        let once = !request.contains_key("requestId");
        let id = match request.remove("requestId") {
            None => self.next_id(),
            Some(id) => RequestId::new(id.as_str().unwrap_or_default()).map_err(invalid("requestId"))?,
        };
        let dock = match request.get("dock") {
            None => None,
            Some(dock) => Some(Fqdn::new(dock.as_str().unwrap_or_default()).map_err(invalid("dock"))?),
        };
        if let Some(credential) = &self.credential {
            credential.put(&mut request);
        }
        if let Some(trace) = &self.trace {
            trace.put(&mut request);
        }
        let action = asked(&request);
        let silent = action.is_some_and(|action| action.silent);
        let wait = time(action, &request).min(LONGEST_TIMEOUT) + LATER;
        let streams = does_stream(action, &request);
        // A stream is gone on with by its id alone; and who may not read the replies to an id is to be told so.
        let may_read = id.as_str().starts_with(&self.id_prefix());
        let private = (!once && !streams && may_read).then(|| uuid::Uuid::new_v4().simple().to_string());
        let reply_to = private.map(|random| ReplyTo::new(&self.id_prefix(), &random)).transpose();
        let reply_to = reply_to.map_err(invalid("requestId"))?;
        Ok(Outgoing { id, dock, json: Value::Object(request).to_string(), silent, wait, reply_to, once, streams })
    }

    /// Whether a request is one for [`Self::stream`], and not for [`Self::call`].
    pub fn streams(request: &Value) -> bool {
        request.as_object().is_some_and(|request| does_stream(asked(request), request))
    }

    /// How the request with this id stands, as far as Redis still knows.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn outcome(&self, id: &RequestId) -> Result<Progress, ClientError> {
        let found = self.bus.outcome(id).await.map_err(CallError::NotSent)?;
        Ok(match found {
            Standing::Unknown => Progress::Unknown,
            Standing::UnderWay => Progress::UnderWay,
            Standing::Done(json) => Progress::Done(json.map_or_else(|| Ok(Reply::none()), Reply::read)?),
        })
    }

    /// The bus underneath.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// What the ids of its requests have to begin with, so that it may read their replies; nothing for most.
    pub fn id_prefix(&self) -> String {
        self.name.as_ref().map(|name| format!("{name}.")).unwrap_or_default()
    }

    /// An id that nobody can guess: whoever uses it first has the request and its effect.
    pub fn next_id(&self) -> RequestId {
        let chance = uuid::Uuid::new_v4().simple().to_string();
        RequestId::new(&format!("{}{chance}", self.id_prefix())).expect("a client's name, a dot and hexadecimal digits")
    }
}

/// The action that a request asks for, if there is such a one.
fn asked(request: &Map<String, Value>) -> Option<&'static Action> {
    Action::find(request.get("action")?.as_str()?).ok()
}

fn does_stream(action: Option<&Action>, request: &Map<String, Value>) -> bool {
    action.is_some_and(|action| action.streams_if(|flag| request.get(flag) == Some(&Value::Bool(true))))
}

/// How long a request has.
fn time(action: Option<&Action>, request: &Map<String, Value>) -> Duration {
    let usual = || {
        let time = request.get("time").and_then(Value::as_u64);
        action.map_or(REQUEST_TIMEOUT, |action| action.default_timeout(time))
    };
    // What is not valid a worker refuses, and soon.
    request.get("timeout").and_then(|timeout| read_timeout(timeout).ok()).unwrap_or_else(usual)
}
