//! Connections to Redis: to the one server that the options name, or to the primary among several, wherever it is.

use std::io;
use std::sync::Arc;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, Pipeline, ProtocolVersion, RedisError, RedisFuture,
};
use redis::{RedisResult, Value, cmd};
use tokio_util::sync::CancellationToken;

use super::credentials::Credentials;
use super::link::query_on;
use super::primary::Primary;

/// Why a connection ends that is as good as any, but leads to the wrong server.
const DEMOTED: &str = "another server has become the primary";

/// Where Redis is.
pub(super) enum Server {
    /// Where the options say, with the credentials of a file if there is one.
    One(Box<Client>, Option<Credentials>),
    /// Where those say who know, whenever they are asked.
    Followed(Arc<Primary>),
}

impl Server {
    /// How the server is reached, and what is cancelled when another is to be used.
    pub(super) async fn primary(&self) -> RedisResult<(ConnectionInfo, Option<CancellationToken>)> {
        match self {
            Self::One(client, credentials) => Ok((info(client, credentials.as_ref()), None)),
            Self::Followed(primary) => primary.find().await.map(|(info, demoted)| (info, Some(demoted))),
        }
    }

    /// Takes note that a server says it is not, or no longer, the one to speak to. Returns whether another will be asked for.
    pub(super) async fn doubt(&self) -> bool {
        let Self::Followed(primary) = self else { return false };
        primary.doubt().await;
        true
    }

    /// Opens a connection that speaks `protocol`, if that is not the usual one.
    pub(super) async fn open(
        &self,
        config: &AsyncConnectionConfig,
        protocol: Option<ProtocolVersion>,
    ) -> RedisResult<Connection> {
        match self {
            Self::One(client, credentials) => {
                let mut inner = connect(&info(client, credentials.as_ref()), config, protocol).await?;
                greet(&mut inner).await?;
                Ok(Connection { inner, demoted: None })
            }
            Self::Followed(primary) => {
                let (info, demoted) = primary.find().await?;
                let opening = async {
                    let mut inner = connect(&info, config, protocol).await?;
                    Ok((is_replica(&mut inner).await?, inner))
                };
                match until_demoted(Some(&demoted), Box::pin(opening)).await {
                    Ok((false, inner)) => Ok(Connection { inner, demoted: Some(demoted) }),
                    Ok((true, _)) => {
                        primary.doubt().await;
                        Err(unreachable(format!("{} {}, which is not a primary", primary.told_by(), info.addr())))
                    }
                    Err(error) if (error.is_io_error() || error.is_timeout()) && !is_demotion(&error) => {
                        Err(unreachable(format!("the primary {} does not answer: {error}", info.addr())))
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }
}

/// How a server is reached now.
fn info(client: &Client, credentials: Option<&Credentials>) -> ConnectionInfo {
    credentials.iter().fold(client.get_connection_info().clone(), |info, credentials| credentials.apply(info))
}

/// A connection to Redis, cheap to clone. When its server is no longer the primary it is as if cut.
#[derive(Clone)]
pub(super) struct Connection {
    inner: MultiplexedConnection,
    /// Cancelled when another is named the primary; none where there is but one server.
    demoted: Option<CancellationToken>,
}

impl Connection {
    /// Returns when the server is no longer the primary.
    pub(super) async fn demoted(&self) {
        match &self.demoted {
            Some(demoted) => demoted.cancelled().await,
            None => std::future::pending().await,
        }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let answer = self.inner.req_packed_command(command);
        until_demoted(self.demoted.as_ref(), answer)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let answers = self.inner.req_packed_commands(pipeline, offset, count);
        until_demoted(self.demoted.as_ref(), answers)
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }
}

pub(super) fn until_demoted<'a, T: Send + 'a>(
    demoted: Option<&'a CancellationToken>,
    answer: RedisFuture<'a, T>,
) -> RedisFuture<'a, T> {
    let Some(demoted) = demoted else { return answer };
    Box::pin(async move {
        let cut = || RedisError::from((ErrorKind::Io, "the connection has ended", DEMOTED.to_owned()));
        demoted.run_until_cancelled(answer).await.unwrap_or_else(|| Err(cut()))
    })
}

/// Whether a connection has ended because its server is no longer the primary.
pub(super) fn is_demotion(error: &RedisError) -> bool {
    error.detail() == Some(DEMOTED)
}

pub(super) async fn connect(
    info: &ConnectionInfo,
    config: &AsyncConnectionConfig,
    protocol: Option<ProtocolVersion>,
) -> RedisResult<MultiplexedConnection> {
    let mut info = info.clone();
    if let Some(protocol) = protocol {
        let settings = info.redis_settings().clone().set_protocol(protocol);
        info = info.set_redis_settings(settings);
    }
    Client::open(info)?.get_multiplexed_async_connection_with_config(config).await
}

/// Makes sure that commands are taken: to one without the password that it wants, Redis says so only if it is short.
async fn greet(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    match query_on(connection, &cmd("PING")).await {
        Err(error) if error.code() == Some("NOPERM") => Ok(()),
        other => other,
    }
}

/// Whether the server follows another one; a user who may not ask finds out by its refusals.
async fn is_replica(connection: &mut MultiplexedConnection) -> RedisResult<bool> {
    match query_on::<Vec<Value>>(connection, &cmd("ROLE")).await {
        Ok(role) => Ok(role.first() != Some(&Value::BulkString(b"master".to_vec()))),
        Err(error) if error.code() == Some("NOPERM") => Ok(false),
        Err(error) => Err(error),
    }
}

/// That there is no server to speak to, and why.
pub(super) fn unreachable(why: String) -> RedisError {
    io::Error::other(why).into()
}
