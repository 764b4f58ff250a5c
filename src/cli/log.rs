//! Where the lines of the log go.

use std::io::Write;

use crate::protocol::text::escaped_line;

/// Where lines of the log go: each on a line of its own, with nothing hidden in it.
#[derive(Clone, Copy, Debug)]
pub struct LogWriter {
    /// Whether lines are coloured.
    pub coloured: bool,
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        // What is quoted in a line has no ESC: tracing-subscriber escapes that.
        let pieces = line.split('\u{1b}').map(escaped_line).collect::<Vec<_>>();
        let line = pieces.join(if self.coloured { "\u{1b}" } else { "\\u001b" });
        std::io::stderr().write_all(format!("{line}\n").as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}
