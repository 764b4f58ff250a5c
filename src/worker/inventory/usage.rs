//! What the owners of the dock's instances use, where something of that is not counted: they were made without deblox or
//! before it asked who it is, Redis has lost its data, or a worker was lost half way.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};

use super::{InventoryTask, LISTING};
use crate::bus::BusError;
use crate::docker::{Docker, Method, RequestParts};
use crate::protocol::{AccountName, Limits, Summary};

/// Instances that are looked at at the same time.
const AT_ONCE: usize = 16;

impl InventoryTask {
    /// Counts those that are not, if workers ask who it is.
    pub(super) async fn count(&mut self, all: &[Summary]) {
        if !self.counts {
            return;
        }
        match tokio::time::timeout(LISTING, self.count_missing(all)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "what users use could not be counted"),
            Err(_) => tracing::debug!("what users use could not be counted in time"),
        }
    }

    async fn count_missing(&self, all: &[Summary]) -> Result<(), BusError> {
        let mut owned: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for summary in all {
            let owner = summary.owner.as_deref();
            if let Some(owner) = owner.filter(|owner| AccountName::new(owner).is_ok()) {
                owned.entry(owner).or_default().push(&summary.id);
            }
        }
        if owned.is_empty() {
            return Ok(());
        }
        let uncounted = self.bus.uncounted(&owned).await?;
        let looks = uncounted.into_iter().map(|(owner, id)| look(self.docker.clone(), owner, id));
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some(found) = looks.next().await {
            let Some(Seen { owner, id, limits, replaces }) = found else { continue };
            // Until it has taken the other's place, the other counts.
            if !replaces.is_some_and(|old| all.iter().any(|summary| summary.id == old)) {
                self.bus.count(&self.dock, &owner, &id, limits).await?;
            }
        }
        Ok(())
    }
}

/// What the daemon says of an instance that is not counted.
struct Seen {
    owner: String,
    id: String,
    limits: Limits,
    /// The id of the one whose place it is to take.
    replaces: Option<String>,
}

async fn look(docker: Docker, owner: String, id: String) -> Option<Seen> {
    let inspect = RequestParts::new(Method::GET, "/containers/{}/json").segment(&id);
    let found = docker.call(&inspect).await.ok()?.read_json()?;
    let replaces = docker.own_labels_of(&found).await.ok()?.replaces;
    (found["Id"] == id.as_str()).then(|| Seen { limits: Limits::of(&found["HostConfig"]), owner, id, replaces })
}
