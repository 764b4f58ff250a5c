//! What every command that asks the cluster shares: calling, naming, and doing something to each of several.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::options::ClusterArgs;
use super::output::{complain, line};
use super::progress::waiting_for;
use crate::auth::{AccountError, Accounts, record_change};
use crate::bus::{Bus, BusError, CallError, RedisOptions};
use crate::client::{Client, ClientError, Reply, Stream};
use crate::protocol::limits::CANDIDATES;
use crate::protocol::{AuthAddress, Credential, DockState, Fqdn, TraceContext, millis};

/// The exit code where something could not be done.
pub(super) const FAILED: u8 = 1;

/// The exit code where not every dock could be asked.
pub(super) const PARTIAL: u8 = 3;

/// How long an auth manager is waited for.
const AUTH_WAIT: Duration = Duration::from_secs(10);

/// How many of several things are done at the same time.
pub(super) const AT_ONCE: usize = 32;

/// The cluster that the options name.
pub(super) struct Cluster {
    client: Client,
    redis: RedisOptions,
    credential: Option<Credential>,
    timeout: Option<Duration>,
    forwards: AtomicBool,
}

/// What a worker or a daemon refused.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Refused {
    /// The stable name of what went wrong.
    pub(super) code: String,
    pub(super) message: String,
}

/// One of the instances that a name may mean.
#[derive(Deserialize)]
struct Candidate {
    dock: Fqdn,
    id: String,
    #[serde(default)]
    name: String,
}

impl Cluster {
    /// The cluster that `args` name; nothing is dialled yet.
    pub(super) fn new(args: &ClusterArgs) -> anyhow::Result<Self> {
        let redis = args.redis()?;
        let credential = args.credential(&redis)?;
        let client = credential.iter().cloned().fold(Client::new(&redis)?, Client::with_credential);
        Ok(Self {
            client: trace().into_iter().fold(client, Client::with_trace),
            redis,
            credential,
            timeout: args.timeout,
            forwards: AtomicBool::new(false),
        })
    }

    /// Sends a request and waits for its reply, whatever that says.
    pub(super) async fn call(&self, mut request: Value) -> anyhow::Result<Reply> {
        if let (Value::Object(request), Some(timeout)) = (&mut request, self.timeout) {
            request.insert("timeout".into(), Value::from(millis(timeout)));
        }
        let word = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        let (action, dock, begun) = (word("action"), word("dock"), std::time::Instant::now());
        match Box::pin(self.client.call(request)).await {
            Ok(reply) => {
                let (status, by) = (reply.status(), reply.dock().unwrap_or("-"));
                tracing::debug!(action, dock, status, by, took = ?begun.elapsed(), "replied");
                Ok(reply)
            }
            Err(error) => Err(self.explained(error).await),
        }
    }

    /// How Redis is reached.
    pub(super) fn redis(&self) -> &RedisOptions {
        &self.redis
    }

    /// The bus itself, for what asks no worker.
    pub(super) fn bus(&self) -> &Bus {
        self.client.bus()
    }

    /// Who its requests come from.
    pub(super) fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
    }

    /// Sends a message to an auth manager and waits for its answer.
    pub(super) async fn ask_auth(&self, address: AuthAddress, message: Value) -> anyhow::Result<String> {
        let wait = self.timeout.unwrap_or(AUTH_WAIT);
        match waiting_for("the auth manager", self.client.ask(address, &message, wait)).await {
            Ok(answer) => Ok(answer),
            Err(ClientError::Call(CallError::NoReply(wait))) => Err(anyhow!(
                "no auth manager has answered within {}: start a worker, a web node or `deblox up` with --auth-manager",
                humantime::format_duration(wait)
            )),
            Err(error) => Err(self.explained(error).await),
        }
    }

    /// The accounts: they are changed in Redis itself, so that no password is in a request.
    pub(super) fn accounts(&self) -> Accounts<'_> {
        Accounts(self.client.bus())
    }

    /// What a step on the accounts came to.
    pub(super) async fn account<T>(&self, step: impl Future<Output = Result<T, AccountError>>) -> anyhow::Result<T> {
        match waiting_for("Redis", step).await {
            Ok(done) => Ok(done),
            Err(AccountError::Bus(error)) => Err(self.unreachable(error)),
            Err(error) => Err(error.into()),
        }
    }

    /// The same for a step that changes an account, which is recorded in the audit: the action, what it is about, and what
    /// is changed of that.
    pub(super) fn change_account<'a, T>(
        &'a self,
        what: (&'a str, &'a str, Option<&'a str>),
        step: impl Future<Output = Result<T, AccountError>> + 'a,
    ) -> impl Future<Output = anyhow::Result<T>> + 'a
    where
        T: 'a,
    {
        // On the heap: the futures of callers would hold several copies of it.
        Box::pin(self.account(async move {
            let done = step.await;
            record_change(self.client.bus(), self.redis.user().as_deref(), what, &done).await;
            done
        }))
    }

    /// Why Redis did not do something, and what to do about it.
    fn unreachable(&self, error: BusError) -> anyhow::Error {
        if !error.is_away() {
            return error.into();
        }
        anyhow!(
            "{error}; Redis was looked for at {}: start everything with `deblox up`, or say where it is with \
             REDIS_URL or `deblox context`",
            self.redis.place()
        )
    }

    /// Sends a request that streams; `--timeout` bounds when it must have begun.
    pub(super) fn stream(&self, mut request: Value) -> anyhow::Result<Stream> {
        if let (Value::Object(request), Some(timeout)) = (&mut request, self.timeout) {
            request.insert("timeout".into(), Value::from(millis(timeout)));
        }
        Ok(self.client.stream(request)?)
    }

    /// Waits until workers are told which streams are read no more.
    pub(super) async fn leave(&self) {
        self.client.leave().await;
    }

    /// From now on signals are for a process in the cluster, and do not end this one.
    pub(super) fn forward_signals(&self) {
        self.forwards.store(true, Ordering::Relaxed);
    }

    /// Whether signals are for a process in the cluster.
    pub(super) fn forwards_signals(&self) -> bool {
        self.forwards.load(Ordering::Relaxed)
    }

    /// Why there is no reply, and what to do about it.
    pub(super) async fn explained(&self, error: ClientError) -> anyhow::Error {
        match error {
            ClientError::Call(CallError::NotSent(error)) if error.is_away() => self.unreachable(error),
            ClientError::Call(error @ CallError::NoReply(_)) => {
                let hint = match Box::pin(self.client.bus().docks()).await {
                    Ok(docks) if docks.values().all(|dock| dock.state != DockState::Up) => {
                        "no worker is up: start one with `deblox worker` or `deblox up`"
                    }
                    _ => "the request may still be waiting; sent again with the same `requestId` it is done once",
                };
                anyhow!("{error}; {hint}")
            }
            other => other.into(),
        }
    }

    /// Sends a request and waits for its success.
    ///
    /// # Errors
    /// A [`Refused`] for any other reply.
    pub(super) async fn ask(&self, request: Value) -> anyhow::Result<Reply> {
        let reply = self.call(request).await?;
        if reply.is_success() || reply.status() == 304 { Ok(reply) } else { Err(refused(&reply).into()) }
    }
}

/// What a reply that is no success says to a person.
pub(super) fn refused(reply: &Reply) -> Refused {
    let code = reply.error().unwrap_or_default().to_owned();
    let said = reply.message().map_or_else(|| format!("the status is {}", reply.status()), str::to_owned);
    let message = match code.as_str() {
        "ambiguous-instance" => match reply.body::<Vec<Candidate>>() {
            Ok(candidates) => ambiguous(
                said.split('`').nth(1).unwrap_or_default(),
                candidates.iter().map(|one| (&one.dock, if one.name.is_empty() { &*one.id } else { &*one.name })),
                said.contains(" and more: "),
            ),
            Err(_) => said,
        },
        "no-such-instance" => format!("{said}; `deblox ps -a` lists those that are"),
        "unknown-dock" | "no-dock" => format!("{said}; `deblox docks` lists those that are"),
        "no-such-template" => format!("{}; `deblox template ls` lists those that are", before_colon(&said)),
        "dock-unregistered" => format!("{said}; `deblox docks add` brings it back"),
        "dock-drained" => format!("{said}; `deblox docks undrain` changes that"),
        _ => said,
    };
    Refused { code, message }
}

/// Why a name is not enough, with those that it may mean, or with some of them if there are more.
pub(super) fn ambiguous<'a>(
    name: &str,
    candidates: impl Iterator<Item = (&'a Fqdn, &'a str)>,
    mut more: bool,
) -> String {
    let mut named: Vec<String> = candidates.map(|(dock, name)| format!("{dock}/{name}")).collect();
    more |= named.len() > CANDIDATES;
    named.truncate(CANDIDATES);
    let last = if more { "another".to_owned() } else { named.pop().unwrap_or_default() };
    format!("`{name}` may mean {} or {last}: give one of these", named.join(", "))
}

fn before_colon(text: &str) -> &str {
    text.split_once(": ").map_or(text, |(before, _)| before)
}

/// What a person means by NAME or DOCK/NAME.
pub(super) fn split(name: &str) -> anyhow::Result<(Option<Fqdn>, &str)> {
    match name.trim_start_matches('/').split_once('/') {
        None => Ok((None, name.trim_start_matches('/'))),
        Some((dock, name)) => {
            let dock = Fqdn::new(dock).map_err(|error| anyhow!("before the / stands a dock's name: {error}"))?;
            Ok((Some(dock), name))
        }
    }
}

/// A request about the container that a person names.
pub(super) fn about(action: &str, name: &str) -> anyhow::Result<Request> {
    let (dock, id) = split(name)?;
    Ok(Request::new(action).with("id", id).maybe("dock", dock.map(|dock| dock.to_string())))
}

/// A request, field by field; what is not given is left out.
pub(super) struct Request(Map<String, Value>);

impl Request {
    pub(super) fn new(action: &str) -> Self {
        Self(Map::from_iter([("action".to_owned(), Value::from(action))]))
    }

    pub(super) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    pub(super) fn maybe(self, field: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    pub(super) fn flag(self, field: &str, value: bool) -> Self {
        if value { self.with(field, true) } else { self }
    }

    pub(super) fn list(self, field: &str, values: &[String]) -> Self {
        if values.is_empty() { self } else { self.with(field, values) }
    }

    pub(super) fn on(self, dock: &Fqdn) -> Self {
        self.with("dock", dock.as_str())
    }

    pub(super) fn json(self) -> Value {
        Value::Object(self.0)
    }
}

/// The trace that the environment says the command is part of, by OpenTelemetry's names for that.
fn trace() -> Option<TraceContext> {
    let variable = |name| std::env::var(name).ok();
    TraceContext::read(&variable("TRACEPARENT")?, variable("TRACESTATE").as_deref())
}

/// Docker's filters, of KEY=VALUE each.
pub(super) fn filters(pairs: &[(String, String)]) -> Value {
    let mut filters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        filters.entry(name).or_default().push(value);
    }
    json!(filters)
}

/// Reads KEY=VALUE.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it must be KEY=VALUE".to_owned()),
    }
}

/// Does something to each of `names`, several at the same time, and prints what comes of each in their order. What goes
/// wrong with one stops none of the others. Returns the exit code.
pub(super) async fn each<T: ToString>(
    names: &[T],
    work: impl AsyncFn(&str) -> anyhow::Result<String>,
) -> anyhow::Result<u8> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut results = stream::iter(names.iter().map(|name| work(name))).buffered(AT_ONCE);
    let mut code = 0;
    for (number, name) in names.iter().enumerate() {
        let what = match names.len() - number - 1 {
            0 => name.clone(),
            others => format!("{name} and {others} more"),
        };
        match waiting_for(&what, results.next()).await {
            Some(Ok(text)) if text.is_empty() => {}
            Some(Ok(text)) => line(&text)?,
            Some(Err(error)) => {
                code = FAILED;
                // Most errors name what they are about.
                let named = names.len() == 1 || format!("{error:#}").contains(name.as_str());
                complain(&if named { error } else { error.context(name.clone()) });
            }
            None => break,
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_before_the_first_slash_is_the_dock() {
        let dock = |name: &str| Fqdn::new(name).ok();
        assert_eq!(split("web").unwrap(), (None, "web"));
        assert_eq!(split("/web").unwrap(), (None, "web"), "docker writes names so");
        assert_eq!(split("A.test/web").unwrap(), (dock("a.test"), "web"));
        assert_eq!(split("a.test/team/app:1").unwrap(), (dock("a.test"), "team/app:1"));
        assert!(split("a b/web").is_err());
    }

    #[test]
    fn many_candidates_are_cut_short() {
        let docks: Vec<Fqdn> = (0..12).filter_map(|number| Fqdn::new(&format!("d{number}.test")).ok()).collect();
        let told = |count: usize, more| ambiguous("web", docks[..count].iter().map(|dock| (dock, "web")), more);
        assert_eq!(told(2, false), "`web` may mean d0.test/web or d1.test/web: give one of these");
        assert!(told(10, true).ends_with("d9.test/web or another: give one of these"));
        assert!(told(12, false).ends_with("d9.test/web or another: give one of these"));
    }
}
