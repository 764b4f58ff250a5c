//! What right a request needs, and on what.

use super::{Access, Action, Arguments, Target, raw_docker};

/// The right that a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The right.
    pub access: Access,
    /// What it must reach.
    pub on: On,
}

/// What a right must reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// The instance that the request names.
    Instance,
    /// The offer of the instance that the request names.
    Offer,
    /// The instance that a call of the daemon's API names so.
    Named(String),
    /// A new instance.
    NewInstance,
    /// All instances, which it shows.
    AllInstances,
    /// Anything else.
    Rest,
}

impl Action {
    /// What a request with these fields needs.
    pub fn demand(&self, arguments: &Arguments) -> Demand {
        if let Some(demand) = raw_docker::demand(self, arguments) {
            return demand;
        }
        let on = match self.target {
            Target::Instance if matches!(self.name, "accept-instance" | "decline-instance") => On::Offer,
            Target::Instance => On::Instance,
            Target::NewInstance => On::NewInstance,
            _ if self.serves_creates => On::NewInstance,
            // The events of the cluster are those of what the caller may see.
            _ if self.reveals && !(self.widens && arguments.flag("all")) => On::AllInstances,
            Target::Cluster | Target::Daemon | Target::NamedDaemon => On::Rest,
        };
        // Another image has the owner's volumes and rights, and the old instance is gone.
        let replaces = self.name == "recreate-container" && arguments.has("image");
        Demand { access: if replaces { Access::Admin } else { self.access }, on }
    }
    /// Whether a request with these fields has a daemon or its host do something. The others are answered from the shared
    /// records.
    pub fn asks_a_daemon(&self, arguments: &Arguments) -> bool {
        self.target != Target::Cluster && !(self.widens && arguments.flag("all"))
    }
}
