//! A primary and two replicas, and three sentinels that agree on who is what.

use std::path::Path;

use anyhow::{Context, Result};
use redis::InfoDict;

use super::node::{Node, data, socket};

/// What the sentinels call the primary.
pub const NAME: &str = "deblox";

const FIRST: u16 = 6379;
const FIRST_SENTINEL: u16 = 26379;
const COUNT: u16 = 3;

/// A primary takes nothing while no replica follows it: so what is written to an old one is refused, once its replicas
/// have gone over to the new one.
const MORE: &[&str] =
    &["--repl-diskless-sync-delay", "0", "--min-replicas-to-write", "1", "--min-replicas-max-lag", "2"];

/// Each of which has to be started again as it is here, whatever it has become: the first as a primary with old data.
pub fn servers(address: &str, folder: &Path) -> Result<Vec<Node>> {
    let first = FIRST.to_string();
    let follows = ["--replicaof", address, &first];
    let more = |port| if port == FIRST { MORE.to_vec() } else { [MORE, &follows].concat() };
    (FIRST..FIRST + COUNT).map(|port| Node::new("redis-server", address, port, folder, &more(port))).collect()
}

pub fn sentinels(address: &str, folder: &Path) -> Result<Vec<Node>> {
    let sentinel = |port| {
        let (data, socket) = (data(folder, port)?, socket(folder, port));
        let settings = format!(
            "port {port}\nbind {address}\nunixsocket {}\nprotected-mode no\ndir {}\n\
             sentinel monitor {NAME} {address} {FIRST} 2\nsentinel down-after-milliseconds {NAME} 1000\n\
             sentinel failover-timeout {NAME} 5000\n",
            socket.display(),
            data.display()
        );
        let file = data.join("sentinel.conf");
        std::fs::write(&file, settings)?;
        Node::of(address, port, folder, &["redis-server", &file.to_string_lossy(), "--sentinel"])
    };
    (FIRST_SENTINEL..FIRST_SENTINEL + COUNT).map(sentinel).collect()
}

/// The port of the primary, as the first sentinel that answers has it.
pub async fn primary(sentinels: &[Node]) -> Option<u16> {
    for sentinel in sentinels {
        if let Some(port) = named(sentinel).await {
            return Some(port);
        }
    }
    None
}

async fn named(sentinel: &Node) -> Option<u16> {
    let told: Result<Option<(String, u16)>> = sentinel.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]).await;
    Some(told.ok()??.1)
}

/// Has another server be the primary while the one that is lives on.
pub async fn fail_over(sentinels: &[Node]) -> Result<()> {
    sentinels[0].ask::<()>(&["SENTINEL", "FAILOVER", NAME]).await
}

/// Whether the sentinels agree on a primary and see each other, and all others follow it.
pub async fn are_well(nodes: &[Node], sentinels: &[Node]) -> bool {
    let Some(port) = primary(sentinels).await else { return false };
    for sentinel in sentinels {
        let agreed = sentinel.ask::<String>(&["SENTINEL", "CKQUORUM", NAME]).await;
        let all = agreed.is_ok_and(|text| text.starts_with(&format!("OK {COUNT} ")));
        if !all || named(sentinel).await != Some(port) || !knows_all(sentinel).await.unwrap_or_default() {
            return false;
        }
    }
    for node in nodes {
        let Ok(info) = node.ask::<InfoDict>(&["INFO", "replication"]).await else { return false };
        let is = |field: &str, wanted: &str| info.get::<String>(field).is_some_and(|value| value == wanted);
        let well = if node.port == port {
            let online =
                |n: u16| info.get::<String>(&format!("slave{n}")).is_some_and(|one| one.contains("state=online"));
            is("role", "master") && (0..COUNT - 1).all(online)
        } else {
            is("role", "slave") && is("master_port", &port.to_string()) && is("master_link_status", "up")
        };
        if !well {
            return false;
        }
    }
    true
}

/// Whether a sentinel could have each of the other servers take the primary's place.
async fn knows_all(sentinel: &Node) -> Result<bool> {
    let replicas: Vec<Vec<String>> = sentinel.ask(&["SENTINEL", "REPLICAS", NAME]).await?;
    let flags = |fields: &Vec<String>| {
        let at = fields.iter().position(|field| field == "flags").context("flags")?;
        fields.get(at + 1).cloned().context("a value")
    };
    let flags = replicas.iter().map(flags).collect::<Result<Vec<_>>>()?;
    Ok(flags.len() == usize::from(COUNT - 1) && flags.iter().all(|flags| flags == "slave"))
}
