//! Redis Sentinel: who the primary is, and that another has become it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, RedisError, RedisResult, cmd};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::link::{explain, query_on};
use super::server::{connect, unreachable};

/// How often the sentinels are asked whether the primary is still the same.
const LOOK: Duration = Duration::from_secs(1);

/// How long a sentinel may take to answer before the next one is asked.
const PATIENCE: Duration = Duration::from_secs(1);

/// The sentinels of one primary.
pub(super) struct Sentinels {
    /// How each is reached, without a password.
    nodes: Vec<ConnectionInfo>,
    /// What they call the primary.
    name: String,
    /// How a server that they name is reached; its address is not used.
    server: ConnectionInfo,
    known: Mutex<Known>,
}

/// What is known of the primary. Whoever asks holds it, so that no older answer comes after a newer one.
#[derive(Default)]
struct Known {
    /// The sentinel that is asked, by its place among all, and the connection to it.
    asked: usize,
    connection: Option<MultiplexedConnection>,
    /// Where the primary is, as last told.
    primary: Option<(String, u16)>,
    /// Cancelled when that is no longer the primary.
    demoted: CancellationToken,
    /// Whether a task asks again and again.
    is_watched: bool,
}

impl Sentinels {
    /// The sentinels at `nodes`, which call the primary `name`; it is reached as `server` says, but at their address.
    pub(super) fn new(nodes: Vec<ConnectionInfo>, name: String, server: ConnectionInfo) -> Self {
        Self { nodes, name, server, known: Mutex::default() }
    }

    /// Asks where the primary is. Returns how to reach it, and what is cancelled when another has become it.
    ///
    /// # Errors
    /// None of the sentinels answers, or knows the name.
    pub(super) async fn primary(self: &Arc<Self>) -> RedisResult<(ConnectionInfo, CancellationToken)> {
        let mut known = self.known.lock().await;
        let info = self.look(&mut known).await?;
        if !std::mem::replace(&mut known.is_watched, true) {
            tokio::spawn(watch(Arc::downgrade(self)));
        }
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
            tracing::info!(primary = %info.addr(), "the sentinels name the primary of Redis");
            known.primary = told;
            std::mem::take(&mut known.demoted).cancel();
        }
        Ok(info)
    }

    /// Asks another sentinel next time: what the last one said turned out to be wrong.
    pub(super) async fn doubt(&self) {
        self.next(&mut *self.known.lock().await);
    }

    fn next(&self, known: &mut Known) {
        known.connection = None;
        known.asked = (known.asked + 1) % self.nodes.len();
    }

    /// Asks the sentinel that answered last, and where it does not answer the others.
    async fn ask(&self, known: &mut Known) -> RedisResult<(String, u16)> {
        let mut tries = 0;
        loop {
            let asked = &self.nodes[known.asked];
            match self.ask_one(asked, &mut known.connection).await {
                Ok(address) => return Ok(address),
                Err(why) if tries == self.nodes.len() => {
                    let (name, why) = (&self.name, explain(&why));
                    return Err(unreachable(format!("no sentinel tells where `{name}` is; {}: {why}", asked.addr())));
                }
                Err(_) => self.next(known),
            }
            tries += 1;
        }
    }

    async fn ask_one(
        &self,
        sentinel: &ConnectionInfo,
        connection: &mut Option<MultiplexedConnection>,
    ) -> RedisResult<(String, u16)> {
        let connection = match connection {
            Some(connection) => connection,
            none => none.insert(self.reach(sentinel).await?),
        };
        let address: Option<(String, u16)> =
            query_on(connection, cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name)).await?;
        address.ok_or_else(|| {
            unreachable("it knows no such name; REDIS_URL must end in the name of its `sentinel monitor` line".into())
        })
    }

    /// Connects to a sentinel; with the user and password of the servers if it wants one.
    async fn reach(&self, sentinel: &ConnectionInfo) -> RedisResult<MultiplexedConnection> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        let mut connection = connect(sentinel, &config, None).await?;
        let greeted: RedisResult<()> = query_on(&mut connection, &cmd("PING")).await;
        if greeted.as_ref().err().and_then(RedisError::code) == Some("NOAUTH") {
            let settings = self.server.redis_settings().clone().set_db(0);
            return connect(&sentinel.clone().set_redis_settings(settings), &config, None).await;
        }
        greeted.map(|()| connection)
    }
}

/// Asks again and again, so that every connection to a server that is no longer the primary ends.
async fn watch(sentinels: Weak<Sentinels>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(sentinels) = sentinels.upgrade() else { return };
        let mut known = sentinels.known.lock().await;
        if let Err(error) = sentinels.look(&mut known).await {
            tracing::debug!(%error, "asking the sentinels");
        }
    }
}
