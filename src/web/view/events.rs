//! What has happened, as `deblox.events` has it.

use serde_json::{Map, Value};

use crate::protocol::{EntryId, Fields};

/// One entry of `deblox.events`.
#[derive(Debug)]
pub(in crate::web) struct Told {
    pub(in crate::web) at: EntryId,
    pub(in crate::web) event: Map<String, Value>,
}

impl Told {
    /// Reads an entry; nothing where it is none of ours.
    pub(super) fn read((at, fields): (EntryId, Fields)) -> Option<Self> {
        let (_, json) = fields.into_iter().find(|(name, _)| name == b"json")?;
        Some(Self { at, event: serde_json::from_slice(&json).ok()? })
    }

    /// A field of it that is text.
    pub(in crate::web) fn text(&self, name: &str) -> Option<&str> {
        self.event.get(name)?.as_str()
    }
}
