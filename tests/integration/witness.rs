//! What the suite has produced, and the secrets that it has used, each in files of one folder: `scripts/test.sh` looks
//! whether one of these is in those.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Where all of it is; the folder is emptied by who wants to look.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("suite-output");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder
});

static FILES: Mutex<Option<HashMap<&str, File>>> = Mutex::new(None);

/// Something that a program, a worker or a node has said. Of which `kind` it is names the file.
pub fn produced(kind: &'static str, what: impl AsRef<[u8]>) {
    write(kind, what.as_ref());
}

/// Something that must be in nothing that is produced.
pub fn secret(text: &str) {
    assert!(text.len() >= 8 && !text.contains('\n'), "it would be found by chance: {text:?}");
    write("secrets", text.as_bytes());
}

fn write(kind: &'static str, bytes: &[u8]) {
    // A test that has failed holds nothing up.
    let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    let file = files.get_or_insert_default().entry(kind).or_insert_with(|| {
        let file = OpenOptions::new().create(true).append(true).open(FOLDER.join(kind));
        file.expect("the file can be written")
    });
    file.write_all(&[bytes, b"\n"].concat()).expect("there is room");
}

/// The log of the workers in this process.
pub struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        write("logs", bytes.strip_suffix(b"\n").unwrap_or(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
