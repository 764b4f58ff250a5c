//! Files that hold secrets, as commands read them, and what people are told about them.

use std::path::Path;

use super::output::say;
use crate::protocol::Secret;
use crate::secrets;

/// Reads a file that holds a secret, and warns where others can read it too.
pub(super) fn read_secret(file: &Path) -> anyhow::Result<Secret> {
    let secret = secrets::read(file)?;
    caution_of(file);
    Ok(secret)
}

/// Warns where others can read a file that holds a secret.
pub(super) fn caution_of(file: &Path) {
    if let Some(text) = secrets::exposure(file) {
        caution(&text);
    }
}

/// The same for a private key, in the log of what serves alone: people often have theirs in folders that only they can open.
pub(super) fn log_exposure(key: Option<&Path>) {
    if let Some(text) = key.and_then(secrets::exposure) {
        tracing::warn!("{text}");
    }
}

/// Tells a person what may be dangerous, in one line; in the log of what serves.
pub(super) fn caution(text: &str) {
    if tracing::enabled!(tracing::Level::WARN) {
        tracing::warn!("{text}");
    } else {
        say(&format!("deblox: warning: {text}"));
    }
}
