//! Who the primary is, and that another has become it: as the sentinels of Redis Sentinel tell, or the nodes of a Redis
//! Cluster.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, RedisError, RedisResult, Value, cmd};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::credentials::Credentials;
use super::link::{explain, query_on};
use super::server::{connect, unreachable};

/// How often it is asked whether the primary is still the same.
const LOOK: Duration = Duration::from_secs(1);

/// How long whoever is asked may take to answer before the next one is asked.
const PATIENCE: Duration = Duration::from_secs(1);

/// The primary, and those who tell where it is.
pub(super) struct Primary {
    /// How each that tells is reached, without a password.
    tellers: Vec<ConnectionInfo>,
    question: Question,
    /// How a server that they name is reached; its address is not used.
    server: ConnectionInfo,
    /// The file with the credentials, if there is one.
    credentials: Option<Credentials>,
    known: Mutex<Known>,
}

/// Which primary is meant.
pub(super) enum Question {
    /// The one that sentinels call so.
    Named(String),
    /// The node of a cluster that has what is kept at this key, and all that is in the same slot.
    Holding(String),
}

/// What is known of the primary. Whoever asks holds it, so that no older answer comes after a newer one.
#[derive(Default)]
struct Known {
    /// The one that is asked, by its place among all, and the connection to it.
    asked: usize,
    connection: Option<MultiplexedConnection>,
    /// Where the primary is, as last told.
    primary: Option<(String, u16)>,
    /// Cancelled when that is no longer the primary.
    demoted: CancellationToken,
    /// Whether a task asks again and again.
    is_watched: bool,
}

impl Primary {
    /// The primary that `tellers` name when they are asked; it is reached as `server` says, but at their address.
    pub(super) fn new(
        tellers: Vec<ConnectionInfo>,
        question: Question,
        server: ConnectionInfo,
        credentials: Option<Credentials>,
    ) -> Self {
        Self { tellers, question, server, credentials, known: Mutex::default() }
    }

    /// Who tells, in words.
    pub(super) fn told_by(&self) -> &'static str {
        match self.question {
            Question::Named(_) => "the sentinels name",
            Question::Holding(_) => "the cluster names",
        }
    }

    /// Asks where the primary is. Returns how to reach it, and what is cancelled when another has become it.
    ///
    /// # Errors
    /// Nobody answers, or none knows.
    pub(super) async fn find(self: &Arc<Self>) -> RedisResult<(ConnectionInfo, CancellationToken)> {
        let mut known = self.known.lock().await;
        let info = self.look(&mut known).await?;
        if !std::mem::replace(&mut known.is_watched, true) {
            tokio::spawn(watch(Arc::downgrade(self)));
        }
        let info = self.credentials.iter().fold(info, |info, credentials| credentials.apply(info));
        Ok((info, known.demoted.clone()))
    }

    /// Asks where the primary is, and ends the connections to another one.
    async fn look(&self, known: &mut Known) -> RedisResult<ConnectionInfo> {
        let (host, port) = self.ask(known).await?;
        let info = self.server.clone().set_addr(match self.server.addr() {
            ConnectionAddr::TcpTls { tls_params, insecure, .. } => {
                let (tls_params, insecure) = (tls_params.clone(), *insecure);
                ConnectionAddr::TcpTls { host: host.clone(), port, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(host.clone(), port),
        });
        let told = Some((host, port));
        if known.primary != told {
            tracing::info!(primary = %info.addr(), "{} the primary of Redis", self.told_by());
            known.primary = told;
            std::mem::take(&mut known.demoted).cancel();
        }
        Ok(info)
    }

    /// Asks another one next time: what the last one said turned out to be wrong.
    pub(super) async fn doubt(&self) {
        self.next(&mut *self.known.lock().await);
    }

    fn next(&self, known: &mut Known) {
        known.connection = None;
        known.asked = (known.asked + 1) % self.tellers.len();
    }

    /// Asks the one that answered last, and where it does not answer the others.
    async fn ask(&self, known: &mut Known) -> RedisResult<(String, u16)> {
        let mut tries = 0;
        loop {
            let asked = &self.tellers[known.asked];
            match self.ask_one(asked, &mut known.connection).await {
                Ok(address) => return Ok(address),
                Err(why) if tries == self.tellers.len() => {
                    let why = explain(&why);
                    return Err(unreachable(format!("{}; {}: {why}", self.question, asked.addr())));
                }
                Err(_) => self.next(known),
            }
            tries += 1;
        }
    }

    async fn ask_one(
        &self,
        teller: &ConnectionInfo,
        connection: &mut Option<MultiplexedConnection>,
    ) -> RedisResult<(String, u16)> {
        let connection = match connection {
            Some(connection) => connection,
            none => none.insert(self.reach(teller).await?),
        };
        match &self.question {
            Question::Named(name) => {
                let told: Option<_> =
                    query_on(connection, cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name)).await?;
                told.ok_or_else(|| {
                    let wanted = "REDIS_URL must end in the name of its `sentinel monitor` line";
                    unreachable(format!("it knows no such name; {wanted}"))
                })
            }
            Question::Holding(key) => {
                let slot: u16 = query_on(connection, cmd("CLUSTER").arg("KEYSLOT").arg(key)).await?;
                let slots: Vec<Vec<Value>> = query_on(connection, cmd("CLUSTER").arg("SLOTS")).await?;
                let (host, port) = slots
                    .into_iter()
                    .find_map(|range| master(range, slot))
                    .ok_or_else(|| unreachable(format!("no node has slot {slot}, in which `{key}` lies")))?;
                // One that does not know its own address is where it was asked.
                let here = || match teller.addr() {
                    ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.clone(),
                    _ => String::new(),
                };
                Ok((host.filter(|host| !host.is_empty() && host != "?").unwrap_or_else(here), port))
            }
        }
    }

    /// Connects to one that tells; with the user and password of the servers if it wants one.
    async fn reach(&self, teller: &ConnectionInfo) -> RedisResult<MultiplexedConnection> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        let mut connection = connect(teller, &config, None).await?;
        let greeted: RedisResult<()> = query_on(&mut connection, &cmd("PING")).await;
        if greeted.as_ref().err().and_then(RedisError::code) == Some("NOAUTH") {
            let server = self.server.clone();
            let server = self.credentials.iter().fold(server, |info, credentials| credentials.apply(info));
            let settings = server.redis_settings().clone().set_db(0);
            return connect(&teller.clone().set_redis_settings(settings), &config, None).await;
        }
        greeted.map(|()| connection)
    }
}

/// Asks again and again, so that every connection to a server that is no longer the primary ends.
async fn watch(primary: Weak<Primary>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(primary) = primary.upgrade() else { return };
        let mut known = primary.known.lock().await;
        if let Err(error) = primary.look(&mut known).await {
            tracing::debug!(%error, "asking where the primary is");
        }
    }
}

impl fmt::Display for Question {
    /// That nobody answers it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "no sentinel tells where `{name}` is"),
            Self::Holding(key) => write!(f, "no node of the cluster tells where `{key}` is"),
        }
    }
}

/// Host and port of the master of a range of slots, as `CLUSTER SLOTS` tells, if `slot` is one of them.
fn master(range: Vec<Value>, slot: u16) -> Option<(Option<String>, u16)> {
    let mut range = range.into_iter();
    let (first, last): (u16, u16) =
        (redis::from_redis_value(range.next()?).ok()?, redis::from_redis_value(range.next()?).ok()?);
    let Value::Array(node) = range.next()? else { return None };
    let mut node = node.into_iter();
    let host = redis::from_redis_value(node.next()?).ok()?;
    let port = redis::from_redis_value(node.next()?).ok()?;
    (first..=last).contains(&slot).then_some((host, port))
}
