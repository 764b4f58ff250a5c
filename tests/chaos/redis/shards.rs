//! A Redis Cluster: three masters and a replica of each. All keys are in one slot, whose master is the primary here.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use futures_util::future::join_all;

use super::node::Node;
use super::{LOOK, PATIENCE};
use crate::lab::Lab;

const FIRST: u16 = 7000;
const COUNT: u16 = 6;
const MASTERS: usize = 3;

/// That of the tag `{deblox}`.
const SLOT: u16 = 7433;

/// How many keys are moved at once.
const BATCH: &str = "20";

/// A node, as another one sees it.
struct Member {
    id: String,
    port: u16,
    flags: String,
    /// Whom it follows, by its id, if it does.
    master: String,
    /// The greater of two is right where they disagree.
    epoch: u64,
    has_slot: bool,
}

impl Member {
    /// Reads a line of `CLUSTER NODES`.
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(' ').collect();
        let (address, _) = fields.get(1)?.split_once('@')?;
        let port = address.rsplit_once(':')?.1.parse().ok()?;
        let slots = fields.iter().skip(8).filter_map(|range| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            Some(from.parse::<u16>().ok()?..=to.parse().ok()?)
        });
        Some(Self {
            id: fields[0].to_owned(),
            port,
            flags: fields[2].trim_start_matches("myself,").to_owned(),
            master: fields[3].to_owned(),
            epoch: fields.get(6)?.parse().ok()?,
            has_slot: slots.into_iter().any(|slots| slots.contains(&SLOT)),
        })
    }
}

pub fn nodes(address: &str, folder: &Path) -> Result<Vec<Node>> {
    let more = ["--repl-diskless-sync-delay", "0", "--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
    (FIRST..FIRST + COUNT).map(|port| Node::new("redis-server", address, port, folder, &more)).collect()
}

/// Makes one cluster of them.
pub async fn join(lab: &Lab, nodes: &[Node]) -> Result<()> {
    let mut words = vec!["redis-cli", "--cluster", "create"];
    let places: Vec<String> = nodes.iter().map(Node::place).collect();
    words.extend(places.iter().map(String::as_str));
    words.extend(["--cluster-replicas", "1", "--cluster-yes"]);
    lab.run("lab", &words).await.map(|_| ())
}

/// The port of the slot's master, as the newest of what the nodes say has it.
pub async fn owner(nodes: &[Node]) -> Option<u16> {
    let views = join_all(nodes.iter().map(seen_by)).await;
    let owners = views.into_iter().flatten().flatten().filter(|member| member.has_slot);
    owners.max_by_key(|member| member.epoch).map(|member| member.port)
}

/// The replica of a master.
pub async fn replica<'a>(nodes: &'a [Node], master: &Node) -> Result<&'a Node> {
    let members = seen_by(master).await?;
    let id = &members.iter().find(|member| member.port == master.port).context("it does not know itself")?.id;
    let replica = members.iter().find(|member| member.master == *id).context("it has no replica")?;
    nodes.iter().find(|node| node.port == replica.port).context("nobody knows that node")
}

/// A master that has not the slot.
pub async fn neighbour<'a>(nodes: &'a [Node], master: &Node) -> Result<&'a Node> {
    let mut masters = seen_by(master).await?;
    masters.retain(|member| member.flags == "master" && member.port != master.port);
    let chosen = fastrand::choice(&masters).context("it is the only master")?;
    nodes.iter().find(|node| node.port == chosen.port).context("nobody knows that node")
}

/// Has the replica of a master take its place, while it lives on.
pub async fn fail_over(nodes: &[Node], master: &Node) -> Result<()> {
    replica(nodes, master).await?.ask::<()>(&["CLUSTER", "FAILOVER"]).await
}

/// Moves the slot with all its keys from its master to another one, as `redis-cli --cluster reshard` does, while
/// requests are sent.
pub async fn move_slot(nodes: &[Node], from: &Node) -> Result<()> {
    let to = neighbour(nodes, from).await?;
    let (from_id, to_id): (String, String) =
        (from.ask(&["CLUSTER", "MYID"]).await?, to.ask(&["CLUSTER", "MYID"]).await?);
    let slot = SLOT.to_string();
    to.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]).await?;
    from.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]).await?;
    let (host, port) =
        to.place().split_once(':').map(|(host, port)| (host.to_owned(), port.to_owned())).context("place")?;
    let all_moved = async {
        loop {
            let keys: Result<Vec<String>> = from.ask(&["CLUSTER", "GETKEYSINSLOT", &slot, BATCH]).await;
            match keys {
                Ok(keys) if keys.is_empty() => return,
                Ok(keys) => {
                    let mut words = vec!["MIGRATE", &host, &port, "", "0", "5000", "KEYS"];
                    words.extend(keys.iter().map(String::as_str));
                    // What went wrong is tried again.
                    let _ = from.ask::<String>(&words).await;
                }
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, all_moved).await.context("the keys cannot be moved")?;
    // The new master first: from then on nobody can lose the slot.
    let others = nodes.iter().filter(|node| node.port != to.port && node.port != from.port);
    for node in [to, from].into_iter().chain(others) {
        let told = node.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]).await;
        // Replicas may not be told; they hear of it.
        if node.port == to.port || node.port == from.port {
            told?;
        }
    }
    Ok(())
}

/// Whether all nodes see all others well, agree on who has the slot, and every master has its replica at hand.
pub async fn are_well(nodes: &[Node]) -> bool {
    let mut owners = BTreeSet::new();
    for node in nodes {
        let Ok(members) = seen_by(node).await else { return false };
        let count = |flags: &str| members.iter().filter(|member| member.flags == flags).count();
        if members.len() != nodes.len() || count("master") != MASTERS || count("slave") != nodes.len() - MASTERS {
            return false;
        }
        owners.extend(members.iter().filter(|member| member.has_slot).map(|member| member.port));
        let state: String = node.ask(&["CLUSTER", "INFO"]).await.unwrap_or_default();
        let replication: String = node.ask(&["INFO", "replication"]).await.unwrap_or_default();
        let linked = ["state=online", "master_link_status:up"].iter().any(|linked| replication.contains(linked));
        if !state.contains("cluster_state:ok") || !linked {
            return false;
        }
    }
    owners.len() == 1
}

async fn seen_by(node: &Node) -> Result<Vec<Member>> {
    let text: String = node.ask(&["CLUSTER", "NODES"]).await?;
    text.lines().map(|line| Member::read(line).with_context(|| format!("a line of CLUSTER NODES: {line}"))).collect()
}
