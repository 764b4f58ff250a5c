//! The shared records of a dock's images, networks and volumes, and what the records of all kinds have in common.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Fqdn, Keys, Labels, Summary};

/// What a dock has beside its containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Images.
    Images,
    /// Networks.
    Networks,
    /// Volumes.
    Volumes,
}

impl Resource {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Images, Self::Networks, Self::Volumes];

    /// The kind's name, in keys and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Networks => "networks",
            Self::Volumes => "volumes",
        }
    }
}

/// One entry of a hash that has what is known of one dock.
pub trait Record: Serialize + DeserializeOwned {
    /// The hash of `dock`.
    fn key(keys: &Keys, dock: &Fqdn) -> String;

    /// The field of the hash.
    fn id(&self) -> &str;
}

/// One entry of `deblox.images.<FQDN>`: an image as its daemon lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageRecord {
    /// The full id, such as `sha256:cc6d93eae24b…`.
    pub id: String,
    /// Its names with their tags, such as `busybox:latest`, sorted; none for a dangling one.
    pub tags: Vec<String>,
    /// Its names with their digests, such as `busybox@sha256:9ae97d36d265…`, sorted.
    pub digests: Vec<String>,
    /// Bytes, those that it shares with other images included.
    pub size: i64,
    /// When it was made, in seconds since the epoch.
    pub created: i64,
    /// Its labels.
    pub labels: Labels,
    /// The fields of which something is missing, because it was too large.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clipped: Vec<String>,
}

/// One entry of `deblox.networks.<FQDN>`: a network as its daemon lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkRecord {
    /// The full id.
    pub id: String,
    /// The name, which several networks of one dock may share.
    pub name: String,
    /// The driver, such as `bridge`.
    pub driver: String,
    /// `local`, `swarm` or `global`.
    pub scope: String,
    /// Whether it has no way out.
    pub internal: bool,
    /// Whether containers may join it by hand.
    pub attachable: bool,
    /// When it was made, in seconds since the epoch; absent where the daemon does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
    /// Its labels.
    pub labels: Labels,
    /// The fields of which something is missing, because it was too large.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clipped: Vec<String>,
}

/// One entry of `deblox.volumes.<FQDN>`: a volume as its daemon lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeRecord {
    /// The name, by which the daemon knows it.
    pub name: String,
    /// The driver, such as `local`.
    pub driver: String,
    /// `local` or `global`.
    pub scope: String,
    /// Where it is in the host's files.
    pub mountpoint: String,
    /// When it was made, in seconds since the epoch; absent where the daemon does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
    /// Its labels.
    pub labels: Labels,
    /// The fields of which something is missing, because it was too large.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clipped: Vec<String>,
}

impl Record for Summary {
    fn key(keys: &Keys, dock: &Fqdn) -> String {
        keys.instances(dock)
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Record for ImageRecord {
    fn key(keys: &Keys, dock: &Fqdn) -> String {
        keys.resources(Resource::Images, dock)
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Record for NetworkRecord {
    fn key(keys: &Keys, dock: &Fqdn) -> String {
        keys.resources(Resource::Networks, dock)
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Record for VolumeRecord {
    fn key(keys: &Keys, dock: &Fqdn) -> String {
        keys.resources(Resource::Volumes, dock)
    }

    fn id(&self) -> &str {
        &self.name
    }
}
