//! Whose the dock's instances are: their labels, and what was said about them later.

use super::InventoryTask;
use crate::protocol::{AccountName, Summary};

impl InventoryTask {
    /// Has them belong to whom they were given. What Redis has forgotten of that it is told again.
    pub(super) async fn name_owners(&mut self, summaries: &mut [Summary]) {
        let said = self.bus.ownership(summaries.iter().map(|summary| summary.id.as_str())).await;
        let mut forgotten = Vec::new();
        {
            let mut known = self.known.write().expect("never held across a panic");
            match said {
                Ok(said) => {
                    let is_forgotten = |summary: &&Summary| !said.contains_key(&summary.id);
                    let ids = summaries.iter().filter(is_forgotten).map(|summary| &summary.id);
                    forgotten.extend(ids.filter_map(|id| Some((id.clone(), known.ownership.get(id)?.clone()))));
                    known.ownership.extend(said);
                }
                Err(error) => {
                    tracing::debug!(%error, "whose the instances are could not be read");
                    self.behind = true;
                }
            }
            for summary in summaries {
                let given = known.ownership.get(&summary.id).and_then(|said| said.owner.as_ref());
                summary.owner = given.map(AccountName::to_string).or(summary.owner.take());
            }
        }
        for (id, ownership) in forgotten {
            if let Err(error) = self.bus.set_ownership(&self.dock, &id, "", &ownership).await {
                tracing::debug!(%error, "whose an instance is could not be written again");
                self.behind = true;
            }
        }
    }
}
