//! The connections for commands: one for small ones and one for large ones, shared, opened anew whenever they were lost.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redis::aio::ConnectionLike;
use redis::{AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, Pipeline, ProtocolVersion, PushInfo};
use redis::{RedisError, RedisResult, ScriptInvocation};
use tokio::sync::mpsc;

pub(super) use super::rights::is_forbidden;
use super::rights::{self, IN_SCRIPT};
use super::server::{Connection, Server, is_demotion};
use crate::metrics::{Metrics, Peer};
use crate::protocol::millis;

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a command may take: redis-rs's own 500 ms would give up on a server that is merely slow.
const RESPONSE: Duration = Duration::from_secs(10);

/// How long replicas may take to have what was written: far more than it takes to reach them.
const COPIED: Duration = Duration::from_millis(500);

/// Pause while the keys move to another node of a cluster.
const MOVING: Duration = Duration::from_millis(50);

/// Commands that may be ready to be written on one connection.
const READY: usize = 1024;

/// Rights of which it is said that they are lacking; with very many it is said once more.
const LACKING: usize = 64;

/// Bytes that are written at once, about those of [`READY`] small commands.
const WRITE_BYTES: usize = 256 * 1024;

pub(super) struct Link {
    server: Server,
    current: Slot,
    /// For what is large: on the other one it would hold up what is small.
    bulk: Slot,
    /// For what waits until replicas have it.
    copied: Slot,
    /// Since when Redis has been away, and whether it was said that it lets nobody in; said once when it begins, once
    /// when the password turns out to be wrong, and once when it ends.
    away: Mutex<Option<(Instant, bool)>>,
    /// Who this is to Redis, if REDIS_URL says so.
    user: Option<String>,
    /// What the keys of this bus begin with.
    prefix: String,
    /// What was said already that this user may not do.
    lacking: Mutex<BTreeSet<String>>,
    /// Whether replicas had what they were waited for the last time.
    is_copied: AtomicBool,
    metrics: Metrics,
}

type Slot = tokio::sync::Mutex<Option<Connection>>;

impl Link {
    pub(super) fn new(server: Server, user: Option<String>, prefix: String, metrics: Metrics) -> Self {
        let (current, bulk, copied) = (Slot::default(), Slot::default(), Slot::default());
        let (away, lacking) = (Mutex::default(), Mutex::default());
        let is_copied = AtomicBool::new(true);
        Self { server, current, bulk, copied, away, user, prefix, lacking, is_copied, metrics }
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Runs one command.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let step = |mut connection| async move { command.query_async(&mut connection).await };
        let result = self.run(&self.current, step).await;
        self.noted_of(result, command)
    }

    /// Runs several commands in one round trip.
    pub(super) async fn pipeline<T: FromRedisValue>(&self, commands: &Pipeline) -> RedisResult<T> {
        let step = |mut connection| async move { commands.query_async(&mut connection).await };
        let result = self.run(&self.current, step).await;
        self.noted(result, || rights::commands(commands, &self.prefix))
    }

    /// The same where there are many bytes.
    pub(super) async fn bulk<T: FromRedisValue>(&self, commands: &Pipeline) -> RedisResult<T> {
        let step = |mut connection| async move { commands.query_async(&mut connection).await };
        let result = self.run(&self.bulk, step).await;
        self.noted(result, || rights::commands(commands, &self.prefix))
    }

    /// Runs a script, which Redis is given first if it does not have it.
    pub(super) async fn script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> RedisResult<T> {
        let result = self.invoke(script).await;
        self.noted(result, || "run a script".to_owned())
    }

    /// The same for a script that not every user may run: nothing where this one may not.
    pub(super) async fn script_if_allowed<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> RedisResult<Option<T>> {
        match self.invoke(script).await {
            Err(error) if is_forbidden(&error) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Runs a script, and waits until `replicas` have what it has written. Returns whether they soon had.
    pub(super) async fn script_copied<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
        replicas: u8,
    ) -> RedisResult<(T, bool)> {
        if replicas == 0 {
            return self.script(script).await.map(|done| (done, true));
        }
        // WAIT holds up whoever stands behind it on the connection, so not for long where it is known to be in vain.
        let patience = if self.is_copied.load(Ordering::Relaxed) { COPIED } else { Duration::from_millis(10) };
        let mut wait = redis::cmd("WAIT");
        wait.arg(replicas).arg(millis(patience));
        let wait = &wait;
        let step = |mut connection: Connection| async move {
            let done = script.invoke_async(&mut connection).await?;
            let have: u8 = query_on(&mut connection, wait).await?;
            Ok((done, have))
        };
        let result = self.run(&self.copied, step).await;
        let (done, have) = self.noted(result, || "run a script and WAIT".to_owned())?;
        let enough = have >= replicas;
        if self.is_copied.swap(enough, Ordering::Relaxed) != enough {
            if enough {
                tracing::info!(have, wanted = replicas, "replicas of Redis follow again");
            } else {
                tracing::warn!(
                    have,
                    wanted = replicas,
                    "too few replicas of Redis have what is noted: what has an effect is not begun, and waits"
                );
            }
        }
        Ok((done, enough))
    }

    async fn invoke<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> RedisResult<T> {
        self.run(&self.current, |mut connection| async move { script.invoke_async(&mut connection).await }).await
    }

    /// Runs a command that waits, on a connection of its own.
    pub(super) async fn wait_for<T: FromRedisValue>(
        &self,
        connection: &mut Connection,
        command: &Cmd,
    ) -> RedisResult<T> {
        let result = query_on(connection, command).await;
        let result = self.watch(result).await;
        self.noted_of(result, command)
    }

    /// The same for the answer to one command.
    pub(super) fn noted_of<T>(&self, result: RedisResult<T>, command: &Cmd) -> RedisResult<T> {
        self.noted(result, || rights::command(command, &self.prefix))
    }

    /// Says once what this user may not do, and puts it into the error.
    pub(super) fn noted<T>(&self, result: RedisResult<T>, what: impl FnOnce() -> String) -> RedisResult<T> {
        let Err(error) = &result else { return result };
        if !is_forbidden(error) {
            return result;
        }
        let error = rights::named(error, self.user.as_deref(), &what());
        let text = explain(&error);
        let mut said = self.lacking.lock().expect("never held across a panic");
        if said.len() >= LACKING {
            said.clear();
        }
        if !said.contains(&text) {
            tracing::warn!("{text}");
            said.insert(text);
        }
        Err(error)
    }

    /// A connection of its own for a command that blocks for up to `block`.
    pub(super) async fn dedicated(&self, block: Duration) -> RedisResult<Connection> {
        let opened = self.server.open(&config(block + RESPONSE), None).await;
        self.watch(opened).await
    }

    /// A connection on which Redis tells, through `pushes`, of changes to the keys that were read on it.
    pub(super) async fn told(&self, pushes: mpsc::UnboundedSender<PushInfo>) -> RedisResult<Connection> {
        let config = config(RESPONSE).set_push_sender(pushes);
        let mut connection = self.server.open(&config, Some(ProtocolVersion::RESP3)).await?;
        query_on::<()>(&mut connection, redis::cmd("CLIENT").arg("TRACKING").arg("ON").arg("NOLOOP")).await?;
        Ok(connection)
    }

    /// Notes whether Redis is there, and drops the shared connections when they can no longer be used.
    pub(super) async fn watch<T>(&self, result: RedisResult<T>) -> RedisResult<T> {
        match &result {
            Err(error) if is_unusable(error) => {
                for slot in [&self.current, &self.bulk, &self.copied] {
                    slot.lock().await.take();
                }
                let is_followed = has_moved(error) && self.server.doubt().await;
                if is_demotion(error) || is_followed && code(error) == Some("MOVED") {
                    return result;
                }
                let mut away = self.away.lock().expect("never held across a panic");
                let locked = is_locked(error);
                if away.is_none_or(|(_, said)| locked && !said) {
                    tracing::warn!(error = %explain(error), "Redis is away; trying again until it is back");
                    *away = Some((away.map_or_else(Instant::now, |(since, _)| since), locked));
                }
            }
            _ => {
                let since = self.away.lock().expect("never held across a panic").take();
                if let Some((since, _)) = since {
                    self.metrics.back(Peer::Redis);
                    tracing::info!("Redis is back after {:.1} s", since.elapsed().as_secs_f32());
                }
            }
        }
        result
    }

    /// Runs a step; once more on a fresh connection if the one in use turns out to be broken: one that is cut while
    /// it is idle is noticed only here. Every script may run twice, and a request sent twice has one effect.
    async fn run<T, F>(&self, slot: &Slot, step: impl Fn(Connection) -> F) -> RedisResult<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let result = step(self.connection(slot).await?).await;
        match self.watch(result).await {
            Err(error) if error.is_connection_dropped() || is_elsewhere(&error) => {
                if !is_unusable(&error) {
                    tokio::time::sleep(MOVING).await;
                }
                let result = step(self.connection(slot).await?).await;
                self.watch(result).await
            }
            other => other,
        }
    }

    async fn connection(&self, slot: &Slot) -> RedisResult<Connection> {
        let mut current = slot.lock().await;
        if let Some(connection) = &*current {
            return Ok(connection.clone());
        }
        let opened = self.server.open(&config(RESPONSE), None).await;
        if let Ok(connection) = &opened {
            *current = Some(connection.clone());
        }
        drop(current);
        self.watch(opened).await
    }
}

/// The settings of every connection; redis-rs's defaults lose what arrives after half a second, and write a few
/// commands at a time where many are ready.
pub(super) fn config(response: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(response))
        .set_pipeline_buffer_size(READY)
        .set_write_backpressure_boundary(WRITE_BYTES)
}

/// Whether the error means that this connection, or this server, is no use for now.
pub(super) fn is_unusable(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_timeout()
        || is_locked(error)
        || has_moved(error)
        || matches!(code(error), Some("READONLY" | "LOADING" | "MASTERDOWN"))
}

/// Whether a node of a cluster says that another one has the keys, or that it has lost sight of the others (Redis Cluster
/// specification).
pub(super) fn has_moved(error: &RedisError) -> bool {
    matches!(code(error), Some("MOVED" | "CLUSTERDOWN"))
}

/// The same, or that keys are on their way to another node, and all will be there in a moment.
pub(super) fn is_elsewhere(error: &RedisError) -> bool {
    has_moved(error)
        || matches!(code(error), Some("ASK" | "TRYAGAIN"))
        // In a script, of a key that is on its way. What the script did before stands; every script may run twice.
        || error.detail().is_some_and(|text| text.contains("attempted to access a non local key"))
}

/// Whether Redis does not take the user or the password, or misses one.
fn is_locked(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::AuthenticationFailed) || matches!(code(error), Some("NOAUTH" | "WRONGPASS"))
}

/// The code of what the server answered. For a command in a script, Redis before 7 has it in the text: `ERR Error
/// running script (call to …): @user_script:1: -OOM command not allowed …`.
fn code(error: &RedisError) -> Option<&str> {
    let of_script = error.detail().filter(|text| text.starts_with("Error running script"));
    let of_command = of_script.and_then(|text| text.split_once(": -")?.1.split(' ').next());
    if error.detail().is_some_and(|text| text.starts_with(IN_SCRIPT)) {
        return Some("NOPERM");
    }
    of_command.or_else(|| error.code())
}

/// Whether Redis refuses for a reason that lies in the request: a key of another type, an error in a script.
/// Everything else (no memory, no replica, no rights, still loading) may pass.
pub(super) fn is_refusal(error: &RedisError) -> bool {
    matches!(code(error), Some("WRONGTYPE" | "ERR" | "CROSSSLOT")) && !is_elsewhere(error)
        || matches!(error.kind(), ErrorKind::UnexpectedReturnType | ErrorKind::Parse)
}

/// The error in a person's words.
pub(super) fn explain(error: &RedisError) -> String {
    match code(error) {
        Some("NOAUTH") => {
            "Redis wants a password: name the file that holds it with --redis-password-file (REDIS_PASSWORD_FILE)"
                .to_owned()
        }
        Some("NOPERM") => error.detail().map_or_else(|| error.to_string(), str::to_owned),
        Some("OOM") => "Redis is out of memory and takes nothing new: give it more (maxmemory)".to_owned(),
        Some("CROSSSLOT") => {
            "this is a Redis Cluster: set REDIS_URL=redis+cluster://HOST:6379,… and --namespace '{deblox}'".to_owned()
        }
        Some("NOREPLICAS") => {
            "Redis takes nothing new: too few replicas follow it (min-replicas-to-write); start them".to_owned()
        }
        Some("CLUSTERDOWN") => format!("the Redis Cluster has lost too many of its nodes: {error}"),
        Some("MOVED" | "ASK") => format!(
            "another node of the Redis Cluster has these keys; REDIS_URL=redis+cluster://HOST:6379,… follows them: {error}"
        ),
        Some("MISCONF") => format!("Redis cannot write to its disk and takes nothing new: {error}"),
        _ if is_locked(error) => "Redis refuses the user or password in REDIS_URL or its file".to_owned(),
        _ if error.to_string().contains("CertificateRequired") => {
            "Redis asks for a client certificate: give one with --redis-cert and --redis-key".to_owned()
        }
        _ if error.to_string().contains("received fatal alert") => {
            format!("Redis does not take the client certificate, which must be of its own authority: {error}")
        }
        _ if error.is_connection_refusal() => "nothing listens at REDIS_URL (connection refused)".to_owned(),
        _ if error.is_timeout() => "Redis does not answer in time".to_owned(),
        _ => error.to_string(),
    }
}

/// Runs one command on a connection of its own, errors of the server included in the result.
pub(super) async fn query_on<T: FromRedisValue>(connection: &mut impl ConnectionLike, command: &Cmd) -> RedisResult<T> {
    let value = connection.req_packed_command(command).await?.extract_error()?;
    Ok(redis::from_redis_value(value)?)
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::*;

    #[test]
    fn the_code_of_a_command_in_a_script_is_found_where_old_servers_put_it() {
        let error = |answer: &str| {
            redis::parse_redis_value(format!("-{answer}\r\n").as_bytes()).and_then(Value::extract_error).unwrap_err()
        };
        for (answer, wanted, refusal) in [
            ("OOM command not allowed when used memory > 'maxmemory'. script: 0a3d, on @user_script:1.", "OOM", false),
            (
                "ERR Error running script (call to f_0a3d): @user_script:1: @user_script: 1: -OOM command not allowed",
                "OOM",
                false,
            ),
            ("ERR Error running script (call to f_0a3d): @user_script:9: -READONLY You can't write", "READONLY", false),
            ("ERR Error running script (call to f_0a3d): @user_script:1: user_script:1: no such thing", "ERR", true),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE", true),
        ] {
            let error = error(answer);
            assert_eq!((code(&error), is_refusal(&error)), (Some(wanted), refusal), "{answer}");
        }
    }
}
