//! What messages that stream by, as of a build, say of how it ends.

use serde_json::Value;

use crate::protocol::limits::CHUNK_BYTES;

/// Looks through messages, a JSON object a line, for what they say of the end.
#[derive(Default)]
pub(super) struct Scan {
    line: Vec<u8>,
    /// What failed.
    pub(super) error: Option<String>,
    /// What it has made.
    pub(super) aux: Option<Value>,
}

impl Scan {
    pub(super) fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte != b'\n' {
                // A longer line is no message that matters.
                if self.line.len() < CHUNK_BYTES {
                    self.line.push(*byte);
                }
                continue;
            }
            let message: Value = serde_json::from_slice(&self.line).unwrap_or_default();
            self.line.clear();
            if let Some(error) = message["error"].as_str() {
                self.error = Some(error.to_owned());
            }
            if message["aux"].is_object() {
                self.aux = Some(message["aux"].clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_among_messages_is_found_however_it_arrives() {
        let mut scan = Scan::default();
        for piece in ["{\"status\":\"a\"}\r\n{\"err", "or\":\"no such thing\"}\n{\"aux\":{\"ID\":\"x\"}}\n"] {
            scan.read(piece.as_bytes());
        }
        assert_eq!((scan.error.as_deref(), scan.aux), (Some("no such thing"), Some(json!({"ID": "x"}))));
    }
}
