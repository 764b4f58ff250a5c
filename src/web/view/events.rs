//! What has happened, as `deblox.events` and `deblox.audit` have it.

use serde_json::{Map, Value};

use crate::protocol::{EntryId, Fields, audit};

/// One entry of `deblox.events`, or of `deblox.audit`.
#[derive(Debug)]
pub(in crate::web) struct Told {
    pub(in crate::web) at: EntryId,
    pub(in crate::web) event: Map<String, Value>,
}

impl Told {
    /// Reads an entry; nothing where it is none of ours.
    pub(super) fn read((at, fields): (EntryId, Fields)) -> Option<Self> {
        Some(Self { at, event: audit::read(at, &fields)? })
    }

    /// A field of it that is text.
    pub(in crate::web) fn text(&self, name: &str) -> Option<&str> {
        self.event.get(name)?.as_str()
    }
}
