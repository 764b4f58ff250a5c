//! Secrets that a process is given when it starts: by its environment, or by files.

mod environment;
mod file;

pub use environment::{clear, hidden_variable, hide, variable, why_visible};
pub use file::{SecretFile, SecretFileError, check, exposure, read};
