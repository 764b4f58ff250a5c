//! What the shared records of all kinds have in common.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Fqdn, Keys, Summary};

/// One entry of a hash that has what is known of one dock.
pub trait Record: Serialize + DeserializeOwned {
    /// The hash of `dock`.
    fn key(keys: &Keys, dock: &Fqdn) -> String;

    /// The field of the hash.
    fn id(&self) -> &str;
}

impl Record for Summary {
    fn key(keys: &Keys, dock: &Fqdn) -> String {
        keys.instances(dock)
    }

    fn id(&self) -> &str {
        &self.id
    }
}
