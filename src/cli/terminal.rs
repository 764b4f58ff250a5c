//! The person's terminal: raw while a process in the cluster has it, and as it was before whenever that ends.

use std::io::{self, Read};
use std::str::FromStr;

use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc;

/// Pieces of standard input that wait to be sent.
const WAITING: usize = 4;

/// The most bytes of standard input in one piece.
const PIECE: usize = 64 * 1024;

/// Standard input without echo, lines and signals, until this is dropped: at the end, in an error and in a panic.
pub(super) struct Raw {
    before: Termios,
}

impl Raw {
    /// Makes the terminal raw.
    ///
    /// # Errors
    /// Standard input is no terminal.
    pub(super) fn enter() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(stdin(), OptionalActions::Now, &self.before) {
            tracing::debug!(%error, "the terminal stays raw: `reset` helps");
        }
    }
}

/// Whether standard input is a terminal.
pub(super) fn has_keyboard() -> bool {
    isatty(stdin())
}

/// Rows and columns of the terminal, if there is one.
pub(super) fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(stdout()).or_else(|_| tcgetwinsize(stdin())).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}

/// What is typed or piped in, piece by piece. A thread of its own reads it, which nothing waits for at the end.
pub(super) fn keyboard() -> io::Result<mpsc::Receiver<Vec<u8>>> {
    let (sender, pieces) = mpsc::channel(WAITING);
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut bytes = vec![0; PIECE];
        loop {
            match io::stdin().read(&mut bytes) {
                Ok(0) => return,
                Ok(count) if sender.blocking_send(bytes[..count].to_vec()).is_err() => return,
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
                _ => {}
            }
        }
    })?;
    Ok(pieces)
}

/// The keys that leave a terminal without ending what runs there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DetachKeys {
    text: String,
    keys: Vec<u8>,
    /// How many of them were typed last; they are kept back.
    typed: usize,
}

impl FromStr for DetachKeys {
    type Err = String;

    /// Reads keys as docker has them: letters, or `ctrl-` and one of `a` to `z`, `@`, `[`, `\`, `]`, `^`, `_`; with commas
    /// between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let key = |name: &str| match name.strip_prefix("ctrl-").unwrap_or(name).as_bytes() {
            [letter] if letter.is_ascii() && !name.starts_with("ctrl-") => Some(*letter),
            [letter @ (b'a'..=b'z')] => Some(letter - b'a' + 1),
            b"@" => Some(0),
            [letter @ b'['..=b'_'] => Some(letter - b'[' + 27),
            _ => None,
        };
        let keys: Option<Vec<u8>> = text.split(',').map(key).collect();
        let keys = keys.ok_or("it must be keys with commas between them, such as ctrl-p,ctrl-q")?;
        Ok(Self { text: text.to_owned(), keys, typed: 0 })
    }
}

impl DetachKeys {
    /// As the daemon reads them.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// What of `bytes` is for the process. Returns also whether all keys have been typed.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (Vec<u8>, bool) {
        let mut through = Vec::with_capacity(bytes.len());
        for byte in bytes {
            if *byte != self.keys[self.typed] {
                through.extend_from_slice(&self.keys[..self.typed]);
                self.typed = 0;
            }
            if *byte != self.keys[self.typed] {
                through.push(*byte);
                continue;
            }
            self.typed += 1;
            if self.typed == self.keys.len() {
                self.typed = 0;
                return (through, true);
            }
        }
        (through, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_docker_reads_them() {
        let keys = |text: &str| text.parse().map(|keys: DetachKeys| keys.keys);
        assert_eq!(keys("ctrl-p,ctrl-q"), Ok(vec![16, 17]));
        assert_eq!(keys("a,ctrl-@,ctrl-[,ctrl-_"), Ok(vec![b'a', 0, 27, 31]));
        for wrong in ["", "ctrl-", "ctrl-P", "ab", "a,", "ctrl-pq"] {
            assert!(keys(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn detach_keys_are_kept_back_until_another_key_is_typed() {
        let mut keys: DetachKeys = "ctrl-p,ctrl-q".parse().unwrap();
        assert_eq!(keys.take(b"ab\x10"), (b"ab".to_vec(), false));
        assert_eq!(keys.take(b"c"), (b"\x10c".to_vec(), false));
        assert_eq!(keys.take(b"\x10\x10"), (b"\x10".to_vec(), false));
        assert_eq!(keys.take(b"\x11left"), (Vec::new(), true));
        assert_eq!(keys.take(b"x\x11"), (b"x\x11".to_vec(), false));
    }
}
