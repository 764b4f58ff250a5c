//! What was said about whose an instance is and who shares it. Each record is written by the worker of the instance's
//! dock alone.

use std::collections::BTreeMap;

use redis::cmd;

use super::presence::json;
use super::{Bus, BusError};
use crate::protocol::{Fqdn, Ownership};

/// Records in one command.
const BATCH: usize = 500;

impl Bus {
    /// What was said about these instances; nothing for most.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn ownership<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, Ownership>, BusError> {
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut said = BTreeMap::new();
        for batch in ids.chunks(BATCH) {
            let mut get = cmd("HMGET");
            let texts: Vec<Option<String>> = self.link().query(get.arg(self.keys().ownership()).arg(batch)).await?;
            for (id, text) in batch.iter().zip(texts) {
                if let Some(text) = text {
                    said.insert((*id).to_owned(), read(&text)?);
                }
            }
        }
        Ok(said)
    }

    /// What was said about any instance of the cluster.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn all_ownership(&self) -> Result<BTreeMap<String, Ownership>, BusError> {
        let all: Vec<(String, String)> = self.link().query(cmd("HGETALL").arg(self.keys().ownership())).await?;
        all.into_iter().map(|(id, text)| Ok((id, read(&text)?))).collect()
    }

    /// What was said about one instance: the text of it, empty where there is none, and what it means.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn said(&self, id: &str) -> Result<(String, Option<Ownership>), BusError> {
        let text: Option<String> = self.link().query(cmd("HGET").arg(self.keys().ownership()).arg(id)).await?;
        let said = text.as_deref().map(read).transpose()?;
        Ok((text.unwrap_or_default(), said))
    }

    /// Writes down what is said about an instance of `dock` from now on, if the text of what was said until now is `before`.
    /// Returns whether it is.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn set_ownership(
        &self,
        dock: &Fqdn,
        id: &str,
        before: &str,
        ownership: &Ownership,
    ) -> Result<bool, BusError> {
        let mut set = self.scripts().ownership.key(self.keys().ownership());
        set.key(self.keys().revisions()).arg(dock.as_str()).arg(id).arg(before).arg(json(ownership));
        Ok(self.link().script(&set).await?)
    }
}

fn read(text: &str) -> Result<Ownership, BusError> {
    serde_json::from_str(text).map_err(|_| BusError::Unexpected("a record of ownership that cannot be read".into()))
}
