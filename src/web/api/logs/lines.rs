//! Lines of a log, and how bad they look.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::protocol::{Channel, millis};

/// The longest line that is taken as one.
const LINE_BYTES: usize = 16 * 1024;

/// Words of errors, in lower case.
const ERRORS: &[&str] = &[
    "alert",
    "crit",
    "critical",
    "emerg",
    "err",
    "error",
    "errors",
    "exception",
    "fail",
    "failed",
    "failure",
    "fatal",
    "panic",
    "panicked",
    "severe",
    "traceback",
];

/// Words of warnings.
const WARNINGS: &[&str] = &["deprecated", "warn", "warning", "warnings"];

/// How bad a line has to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// However it looks.
    #[default]
    All,
    /// Like a warning or an error.
    Warn,
    /// Like an error.
    Error,
}

impl Level {
    /// Whether a line in lower case looks so.
    pub(super) fn fits(self, line: &str) -> bool {
        let has = |words: &[&str]| line.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word));
        match self {
            Self::All => true,
            Self::Warn => has(WARNINGS) || has(ERRORS),
            Self::Error => has(ERRORS),
        }
    }
}

/// Which of its two outputs a process has written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub(in crate::web) enum Output {
    /// Standard output; a terminal has no other.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(in crate::web) struct LogLine {
    /// When it was written, in milliseconds since the epoch.
    time: u64,
    /// To which output.
    stream: Output,
    /// What it says.
    text: String,
    /// The same time, exact enough to tell which line was first.
    #[serde(skip)]
    at: Duration,
}

impl LogLine {
    /// When it was written, since the epoch.
    pub(super) fn at(&self) -> Duration {
        self.at
    }

    /// The text without what colours it.
    pub(super) fn plain(&self) -> String {
        let mut plain = String::with_capacity(self.text.len());
        let mut rest = self.text.as_str();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            plain.push_str(before);
            rest = after.trim_start_matches(|c: char| !('@'..='~').contains(&c));
            rest = rest.get(1..).unwrap_or_default();
        }
        plain + rest
    }
}

/// Makes lines of pieces.
#[derive(Default)]
pub(super) struct Lines {
    begun: [Vec<u8>; 2],
    /// When the last line was written.
    at: Duration,
}

impl Lines {
    /// Takes a piece, and gives the lines that it completes.
    pub(super) fn take(&mut self, channel: Channel, bytes: &[u8], mut give: impl FnMut(LogLine)) {
        let output = if channel == Channel::Stderr { Output::Stderr } else { Output::Stdout };
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let begun = &mut self.begun[output as usize];
            begun.extend_from_slice(piece);
            if piece.ends_with(b"\n") || begun.len() > LINE_BYTES {
                let whole = std::mem::take(begun);
                give(self.read(output, &whole));
            }
        }
    }

    /// Gives what no line break has ended.
    pub(super) fn end(&mut self, mut give: impl FnMut(LogLine)) {
        for output in [Output::Stdout, Output::Stderr] {
            let rest = std::mem::take(&mut self.begun[output as usize]);
            if !rest.is_empty() {
                give(self.read(output, &rest));
            }
        }
    }

    /// Docker puts the time before each line.
    fn read(&mut self, stream: Output, line: &[u8]) -> LogLine {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches(['\n', '\r']);
        let told = line.split_once(' ').and_then(|(time, text)| Some((humantime::parse_rfc3339(time).ok()?, text)));
        let text = match told {
            Some((time, text)) => {
                self.at = time.duration_since(UNIX_EPOCH).unwrap_or_default();
                text
            }
            None => line,
        };
        LogLine { time: millis(self.at), stream, text: text.to_owned(), at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines_of_their_output() {
        let (mut lines, mut read) = (Lines::default(), Vec::new());
        for (channel, piece) in [
            (Channel::Stdout, "2026-11-28T15:00:00.001500000Z one\n2026-11-28T15:00:00.0"),
            (Channel::Stderr, "2026-11-28T15:00:00.002000000Z oh"),
            (Channel::Stdout, "03Z two\r\nno time\n"),
        ] {
            lines.take(channel, piece.as_bytes(), |line| read.push(line));
        }
        lines.end(|line| read.push(line));
        let seen: Vec<_> = read.iter().map(|line| (line.time % 1000, line.stream, line.text.as_str())).collect();
        let (out, err) = (Output::Stdout, Output::Stderr);
        assert_eq!(seen, [(1, out, "one"), (3, out, "two"), (3, out, "no time"), (2, err, "oh")]);
    }

    #[test]
    fn a_line_looks_bad_by_its_words() {
        for (line, warns, errs) in [
            ("\u{1b}[31mERROR\u{1b}[0m: no", true, true),
            ("level=warning msg=x", true, false),
            ("{\"level\":\"error\"}", true, true),
            ("terror and erroneous", false, false),
            ("all is well", false, false),
        ] {
            let line = LogLine { time: 0, stream: Output::Stdout, text: line.to_owned(), at: Duration::ZERO };
            let plain = line.plain().to_lowercase();
            assert_eq!((Level::Warn.fits(&plain), Level::Error.fits(&plain)), (warns, errs), "{plain}");
        }
        let cut = LogLine { time: 0, stream: Output::Stdout, text: "a\u{1b}[3".to_owned(), at: Duration::ZERO };
        assert_eq!(cut.plain(), "a");
    }
}
