//! Files that hold one secret each.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::protocol::Secret;

/// The longest secret that a file may hold: an address with a password in it, or headers.
const BYTES: usize = 8 * 1024;

/// Where Docker and Podman put the secrets of a container. They make them readable for everybody in it, and nobody else gets there.
const CONTAINER_SECRETS: &str = "/run/secrets/";

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Anybody could put another secret there.
    #[error("{} can be changed by every user of this host: run `chmod 600` on it, and check what is in it", .0.display())]
    Writable(PathBuf),
    /// It holds something else.
    #[error("{} must hold one line of text with at most {BYTES} bytes, and nothing else", .0.display())]
    Malformed(PathBuf),
}

/// A secret in a file, which may be replaced while deblox runs.
#[derive(Debug)]
pub struct SecretFile {
    path: PathBuf,
    last: Mutex<Secret>,
}

impl SecretFile {
    /// Reads `path` for the first time.
    ///
    /// # Errors
    /// [`SecretFileError`]: another attempt helps only after the file was changed.
    pub fn open(path: &Path) -> Result<Self, SecretFileError> {
        Ok(Self { path: path.to_owned(), last: Mutex::new(read(path)?) })
    }

    /// What the file held when it was last read.
    pub fn last(&self) -> Secret {
        self.last.lock().expect("nothing panics while it is held").clone()
    }

    /// What the file holds now; what it held before, if it cannot be read. A pipe is not read again.
    pub fn current(&self) -> Secret {
        let is_file = self.path.metadata().is_ok_and(|found| found.is_file());
        let found =
            if is_file { read(&self.path).map_err(|error| tracing::warn!(%error, "a secret")).ok() } else { None };
        let mut last = self.last.lock().expect("nothing panics while it is held");
        if let Some(found) = found {
            *last = found;
        }
        last.clone()
    }
}

/// Reads the secret in a file, without the end of its line. It may be empty.
///
/// # Errors
/// [`SecretFileError`].
pub fn read(path: &Path) -> Result<Secret, SecretFileError> {
    let unreadable = |source| SecretFileError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    if is_open_to(&file.metadata().map_err(unreadable)?, 0o002) {
        return Err(SecretFileError::Writable(path.to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let malformed = || SecretFileError::Malformed(path.to_owned());
    let text = std::str::from_utf8(&bytes).ok().filter(|_| bytes.len() <= BYTES).ok_or_else(malformed)?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.contains(char::is_control) {
        return Err(malformed());
    }
    Ok(Secret::new(text))
}

/// Makes sure that not everybody can change a file that holds secrets, if it is there.
///
/// # Errors
/// [`SecretFileError::Writable`].
pub fn check(path: &Path) -> Result<(), SecretFileError> {
    let is_writable = path.metadata().is_ok_and(|found| is_open_to(&found, 0o002));
    if is_writable { Err(SecretFileError::Writable(path.to_owned())) } else { Ok(()) }
}

/// That every user of this host can read a file with a secret in it, and what to do about it; nothing where they cannot, or where
/// the file is refused because they can change it.
pub fn exposure(path: &Path) -> Option<String> {
    let found = path.metadata().ok().filter(|found| !is_open_to(found, 0o002))?;
    let exposed = !path.starts_with(CONTAINER_SECRETS) && is_open_to(&found, 0o004);
    let path = path.display();
    exposed.then(|| format!("every user of this host can read {path}, which holds a secret: run `chmod 600 {path}`"))
}

/// Whether it is a file that others than its owner and its group have these permissions on.
fn is_open_to(found: &Metadata, permissions: u32) -> bool {
    found.is_file() && found.permissions().mode() & permissions != 0
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};

    use super::*;

    fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_secret_is_one_line_without_its_end() {
        for (text, secret) in
            [("s3cr3t", "s3cr3t"), ("s3cr3t\n", "s3cr3t"), ("s3cr3t\r\n", "s3cr3t"), (" s \n", " s "), ("", "")]
        {
            assert_eq!(read(file(text.as_bytes()).path()).unwrap().reveal(), secret, "{text:?}");
        }
        for wrong in [&b"two\nlines"[..], b"s3cr3t\n\n", b"a\0b", b"\xff", &[b'x'; BYTES + 1]] {
            assert!(matches!(read(file(wrong).path()), Err(SecretFileError::Malformed(_))), "{wrong:?}");
        }
        assert!(matches!(read(Path::new("/nowhere")), Err(SecretFileError::Unreadable { .. })));
        assert_eq!(read(Path::new("/dev/null")).unwrap().reveal(), "");
    }

    #[test]
    fn a_file_that_others_read_is_told_of_and_one_that_they_write_is_refused() {
        let file = file(b"s3cr3t");
        for (mode, is_told, is_read) in
            [(0o600, false, true), (0o640, false, true), (0o644, true, true), (0o666, false, false)]
        {
            set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
            assert_eq!(exposure(file.path()).is_some(), is_told, "{mode:o}");
            assert_eq!((read(file.path()).is_ok(), check(file.path()).is_ok()), (is_read, is_read), "{mode:o}");
        }
    }

    #[test]
    fn a_secret_that_was_replaced_counts_and_one_that_is_away_stays() {
        let file = file(b"old\n");
        let secret = SecretFile::open(file.path()).unwrap();
        write(file.path(), "new\n").unwrap();
        assert_eq!(secret.current().reveal(), "new");
        let path = file.path().to_owned();
        drop(file);
        assert!(!path.exists());
        assert_eq!(secret.current().reveal(), "new");
    }
}
