//! Templates: shared documents from which a create can start.

use std::collections::BTreeMap;

use redis::cmd;
use serde_json::Value;

use super::presence::json;
use super::{Bus, BusError};

impl Bus {
    /// Keeps `body` under `name`. Returns whether the name is new.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn put_template(&self, name: &str, body: &Value) -> Result<bool, BusError> {
        Ok(self.link().query(cmd("HSET").arg(self.keys().templates()).arg(name).arg(json(body))).await?)
    }

    /// The template called `name`, if there is one.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn template(&self, name: &str) -> Result<Option<Value>, BusError> {
        let text: Option<String> = self.link().query(cmd("HGET").arg(self.keys().templates()).arg(name)).await?;
        text.map(|text| read(&text)).transpose()
    }

    /// All templates, by name.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn templates(&self) -> Result<BTreeMap<String, Value>, BusError> {
        let all: Vec<(String, String)> = self.link().query(cmd("HGETALL").arg(self.keys().templates())).await?;
        all.into_iter().map(|(name, text)| Ok((name, read(&text)?))).collect()
    }

    /// Forgets the template called `name`. Returns whether there was one.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn delete_template(&self, name: &str) -> Result<bool, BusError> {
        Ok(self.link().query(cmd("HDEL").arg(self.keys().templates()).arg(name)).await?)
    }
}

fn read(text: &str) -> Result<Value, BusError> {
    serde_json::from_str(text).map_err(|e| BusError::Unexpected(format!("a template: {e}")))
}
