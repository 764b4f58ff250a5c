//! The kinds, and what sets each apart in the eyes of the rest of the suite.

use std::path::Path;

use anyhow::{Result, bail};

use super::node::Node;

/// A kind of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A server that has on disk whatever it has answered.
    One,
    /// The same, and it is Valkey.
    Valkey,
    /// A primary, two replicas and three sentinels.
    Sentinel,
    /// A Redis Cluster: three masters, and a replica of each.
    Cluster,
}

impl Kind {
    const ALL: [Self; 4] = [Self::One, Self::Valkey, Self::Sentinel, Self::Cluster];

    pub fn read(word: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|kind| kind.name() == word) {
            Some(kind) => Ok(kind),
            None => bail!("--redis is one of {}", Self::ALL.map(Self::name).join(", ")),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Valkey => "valkey",
            Self::Sentinel => "sentinel",
            Self::Cluster => "cluster",
        }
    }

    /// Whether another server may take the place of the one that has the keys, and so lose what that had accepted.
    pub fn fails_over(self) -> bool {
        matches!(self, Self::Sentinel | Self::Cluster)
    }

    /// What every key begins with: in a Redis Cluster a hash tag, so that all are in one slot.
    pub fn namespace(self) -> &'static str {
        if self == Self::Cluster { "{deblox}" } else { "deblox" }
    }

    /// How many replicas a primary has here, when all is well.
    pub fn replicas(self) -> usize {
        match self {
            Self::One | Self::Valkey => 0,
            Self::Sentinel => 2,
            Self::Cluster => 1,
        }
    }

    /// What runs, in words.
    pub fn servers(self) -> &'static str {
        match self {
            Self::One | Self::Valkey => "one server",
            Self::Sentinel => "a primary, two replicas and three sentinels",
            Self::Cluster => "a cluster of three masters with a replica each",
        }
    }
}

/// The one server, which has on disk whatever it has answered.
pub fn alone(kind: Kind, address: &str, folder: &Path) -> Result<Node> {
    let program = if kind == Kind::Valkey { "valkey-server" } else { "redis-server" };
    Node::new(program, address, 6379, folder, &["--appendfsync", "always"])
}
