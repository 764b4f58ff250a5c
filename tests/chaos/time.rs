//! The one clock of the machine: that of Redis, of the daemons and of the containers.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch.
pub fn now() -> u64 {
    millis(SystemTime::now())
}

/// The same of any time.
pub fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).expect("the epoch is past");
    u64::try_from(since.as_millis()).expect("for half a billion years")
}

/// A time as Docker writes it, such as 2026-11-24T16:39:57.918051668Z, in milliseconds since the epoch.
pub fn parse(text: &str) -> Option<u64> {
    humantime::parse_rfc3339(text).ok().map(millis)
}

/// The day of a time, as `2026-11-24 16:39 UTC`.
pub fn minute(millis: u64) -> String {
    let time = UNIX_EPOCH + std::time::Duration::from_millis(millis);
    humantime::format_rfc3339_seconds(time).to_string()[..16].replace('T', " ") + " UTC"
}
