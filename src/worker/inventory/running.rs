//! What of the dock's instances runs.

use super::Inventory;
use crate::docker::Running;

impl Inventory {
    /// Tells at any time which containers run, with their owners.
    pub(in crate::worker) fn runs(&self) -> impl Fn() -> Running + Send + Sync + use<> {
        let known = self.known.clone();
        move || {
            let known = known.read().expect("never held across a panic");
            let running = known.instances.values().filter(|summary| matches!(&*summary.state, "running" | "paused"));
            running.map(|summary| (summary.id.clone(), summary.owner.clone())).collect()
        }
    }
}
