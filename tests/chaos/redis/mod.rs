//! The kind of Redis that the suite runs on: its servers, where the primary is, and what can befall them. Only this
//! folder knows that there are kinds.

mod kind;
mod node;
mod sentinels;
mod shards;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub use self::kind::Kind;
use self::node::Node;
use crate::faults::Does;
use crate::lab::Lab;

/// How long all may take to be well again: a primary that comes back is made a replica after some ten seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether it is.
const LOOK: Duration = Duration::from_millis(100);

/// How often it must have been so in a row.
const STEADY: u32 = 3;

/// The servers.
pub struct Redis {
    pub kind: Kind,
    /// The servers with data. Any of them may be the primary, that is: have the keys, and take what is written.
    nodes: Vec<Node>,
    /// Those that only look after the others.
    sentinels: Vec<Node>,
    /// Whether the keys are on their way to another server: it becomes the primary, and nothing can be lost by that.
    moving: AtomicBool,
}

impl Redis {
    /// Servers that listen at `address` in the lab; they leave their files in `folder`. None is started.
    pub fn new(kind: Kind, address: &str, folder: &Path) -> Result<Self> {
        let (nodes, sentinels) = match kind {
            Kind::One | Kind::Valkey => (vec![kind::alone(kind, address, folder)?], Vec::new()),
            Kind::Sentinel => (sentinels::servers(address, folder)?, sentinels::sentinels(address, folder)?),
            Kind::Cluster => (shards::nodes(address, folder)?, Vec::new()),
        };
        Ok(Self { kind, nodes, sentinels, moving: AtomicBool::new(false) })
    }

    /// Starts all, and waits until they are ready.
    pub async fn start(&self, lab: &Lab) -> Result<()> {
        for node in self.nodes.iter().chain(&self.sentinels) {
            node.start(lab).await?;
        }
        if self.kind == Kind::Cluster {
            shards::join(lab, &self.nodes).await?;
        }
        self.until_well().await
    }

    /// What the workers are told.
    pub fn url(&self) -> String {
        let listed = |nodes: &[Node]| nodes.iter().map(Node::place).collect::<Vec<_>>().join(",");
        match self.kind {
            Kind::One | Kind::Valkey => format!("redis://{}", self.nodes[0].place()),
            Kind::Sentinel => format!("redis+sentinel://{}/{}", listed(&self.sentinels), sentinels::NAME),
            Kind::Cluster => format!("redis+cluster://{}", listed(&self.nodes)),
        }
    }

    /// The server that is to be asked now, if it can be told.
    pub async fn primary(&self) -> Option<&Node> {
        match self.kind {
            Kind::One | Kind::Valkey => self.nodes.first(),
            Kind::Sentinel => self.on(sentinels::primary(&self.sentinels).await?),
            Kind::Cluster => self.on(shards::owner(&self.nodes).await?),
        }
    }

    /// Whether another server becomes the primary because the keys are moved to it, and not by a failover.
    pub fn is_moving(&self) -> bool {
        self.moving.load(Ordering::Relaxed)
    }

    /// The server at a port.
    pub fn on(&self, port: u16) -> Option<&Node> {
        self.nodes.iter().find(|node| node.port == port)
    }

    /// Does to a server what only concerns Redis, waits, and undoes it. Returns when all is well again.
    pub async fn befall(&self, does: Does, lasts: Duration, lab: &Lab) -> Result<()> {
        let primary = self.primary().await.context("there is no primary")?;
        match does {
            Does::RedisHangsUp => {
                primary.ask::<i64>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"]).await?;
            }
            Does::RedisKilled => {
                primary.kill().await?;
                tokio::time::sleep(lasts).await;
                self.replaced(primary).await?;
                primary.start(lab).await?;
            }
            Does::RedisAsleep => {
                primary.signal("STOP").await?;
                tokio::time::sleep(lasts).await;
                primary.signal("CONT").await?;
            }
            Does::PrimaryLeft => {
                primary.signal("STOP").await?;
                tokio::time::sleep(lasts).await;
                let replaced = self.replaced(primary).await;
                primary.signal("CONT").await?;
                replaced?;
            }
            Does::FailedOver => {
                match self.kind {
                    Kind::Cluster => shards::fail_over(&self.nodes, primary).await?,
                    _ => sentinels::fail_over(&self.sentinels).await?,
                }
                self.replaced(primary).await?;
            }
            Does::ReplicaKilled => {
                let replica = match self.kind {
                    Kind::Cluster => shards::replica(&self.nodes, primary).await?,
                    _ => self.nodes.iter().find(|node| node.port != primary.port).context("there is no replica")?,
                };
                away(replica, lasts, lab).await?;
            }
            Does::SentinelKilled => {
                let sentinel = fastrand::usize(0..self.sentinels.len());
                away(&self.sentinels[sentinel], lasts, lab).await?;
            }
            Does::NeighbourKilled => away(shards::neighbour(&self.nodes, primary).await?, lasts, lab).await?,
            Does::SlotMoved => {
                self.moving.store(true, Ordering::Relaxed);
                shards::move_slot(&self.nodes, primary).await?;
                self.until_well().await?;
                // Until the callers have noticed, who look every second.
                tokio::time::sleep(2 * crate::bus::LOOK).await;
                self.moving.store(false, Ordering::Relaxed);
            }
            other => bail!("{other:?} does not concern Redis"),
        }
        self.until_well().await
    }

    /// Kills what is left.
    pub async fn end(&self) -> Result<()> {
        for node in self.sentinels.iter().chain(&self.nodes) {
            node.end().await?;
        }
        Ok(())
    }

    /// Waits until another server is the primary, where another one can be.
    async fn replaced(&self, old: &Node) -> Result<()> {
        if !self.kind.fails_over() {
            return Ok(());
        }
        let other = async {
            while self.primary().await.is_none_or(|primary| primary.port == old.port) {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, other).await.with_context(|| format!("nobody replaces {}", old.place()))
    }

    /// Waits until all servers are there, and each has the part that it is to have, and keeps it.
    async fn until_well(&self) -> Result<()> {
        let steady = async {
            let mut times = 0;
            while times < STEADY {
                times = if self.is_well().await { times + 1 } else { 0 };
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, steady).await.context("Redis does not get well")
    }

    async fn is_well(&self) -> bool {
        match self.kind {
            Kind::One | Kind::Valkey => self.nodes[0].ask::<String>(&["PING"]).await.is_ok(),
            Kind::Sentinel => sentinels::are_well(&self.nodes, &self.sentinels).await,
            Kind::Cluster => shards::are_well(&self.nodes).await,
        }
    }
}

/// Kills a server, and starts it again after the time.
async fn away(node: &Node, lasts: Duration, lab: &Lab) -> Result<()> {
    node.kill().await?;
    tokio::time::sleep(lasts).await;
    node.start(lab).await
}
