//! Lines, taken out of what a daemon sends in pieces.

/// Takes lines out of pieces.
#[derive(Default)]
pub struct Lines {
    rest: Vec<u8>,
}

/// The longest line that is waited for.
const LINE: usize = 4 * 1024 * 1024;

impl Lines {
    /// The lines that are whole with these bytes, without their ends.
    pub fn add(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if self.rest.pop_if(|byte| *byte == b'\n').is_some() || self.rest.len() >= LINE {
                lines.push(std::mem::take(&mut self.rest));
            }
        }
        lines
    }

    /// What stands behind the last line, if anything does.
    pub fn rest(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.rest)).filter(|rest| !rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_whatever_the_pieces_are() {
        let mut lines = Lines::default();
        assert_eq!(lines.add(b"a\nb"), [b"a"]);
        assert_eq!(lines.add(b""), Vec::<Vec<u8>>::new());
        assert_eq!(lines.add(b"c\n\nd\r\n"), [&b"bc"[..], b"", b"d\r"]);
        assert_eq!(lines.rest(), None);
        lines.add(b"e");
        assert_eq!(lines.rest(), Some(b"e".to_vec()));
    }
}
