//! Environment variables that hold secrets: read once, and gone from what `/proc/PID/environ` shows.
//!
//! The system shows the environment that a program was started with for as long as the program runs, whatever the program does
//! to it later. So [`hide`] starts the program once more in its own place, under the same process id, without these variables.
//! Their values go through a pipe, which the new program empties. `ps e` on the host, also the one that Docker runs for
//! `top-container`, then shows nothing of them.

use std::collections::BTreeMap;
use std::env;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::OnceLock;

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{FdFlags, fcntl_setfd};

/// Variables whose value is a secret. deblox does not read the last two; they often stand beside the others.
const SECRETS: [&str; 6] = [
    "DEBLOX_TOKEN",
    "DEBLOX_OIDC_CLIENT_SECRET",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "REDISCLI_AUTH",
    "DOCKER_AUTH_CONFIG",
];

/// Variables whose value is an address, with a secret where it has a user or a query.
const ADDRESSES: [&str; 3] = ["REDIS_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/// The variable that tells the new program which descriptor is the pipe.
const DESCRIPTOR: &str = "DEBLOX_SECRETS_FD";

/// Bytes that are read from the pipe; no pipe holds more unless it was told to.
const PIPE_BYTES: u64 = 1024 * 1024;

/// What was in the environment. It is `static` because the environment that it stands for is: there is one for each process.
static TAKEN: OnceLock<Taken> = OnceLock::new();

#[derive(Default)]
struct Taken {
    values: BTreeMap<String, String>,
    /// Why the environment still shows them.
    visible: Option<String>,
}

/// Removes the secrets from the environment of this process, and keeps them for [`variable`]. To be called before anything else,
/// while there is one thread: the program may start anew here.
pub fn hide() {
    let _ = TAKEN.set(receive().map_or_else(hand_over, |values| Taken { values, visible: None }));
}

/// The value of an environment variable, also of one that [`hide`] has removed.
pub fn variable(name: &str) -> Option<String> {
    hidden_variable(name).or_else(|| env::var(name).ok())
}

/// The value of an environment variable that [`hide`] has removed.
pub fn hidden_variable(name: &str) -> Option<String> {
    TAKEN.get()?.values.get(name).cloned()
}

/// Why other processes can still read secrets in this environment; nothing where they cannot.
pub fn why_visible() -> Option<&'static str> {
    TAKEN.get()?.visible.as_deref()
}

/// Removes all secrets from what a child process gets of this environment.
pub fn clear(command: &mut tokio::process::Command) {
    for name in names().chain([DESCRIPTOR]) {
        command.env_remove(name);
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    SECRETS.into_iter().chain(ADDRESSES)
}

/// Whether a value is a secret, or has one in it.
fn is_secret(name: &str, value: &str) -> bool {
    !value.is_empty() && (SECRETS.contains(&name) || value.contains(['@', '?']))
}

/// What the program that ran here before has left in the pipe; nothing where there was none.
fn receive() -> Option<BTreeMap<String, String>> {
    let descriptor: u32 = env::var(DESCRIPTOR).ok()?.parse().ok()?;
    let mut text = String::new();
    // Opened anew, because only `unsafe` code can take over a number. It never waits: nobody has the other end.
    let pipe = OpenOptions::new().read(true).custom_flags(nonblocking()).open(path(descriptor)).ok()?;
    if !pipe.metadata().is_ok_and(|pipe| pipe.file_type().is_fifo()) {
        return None;
    }
    pipe.take(PIPE_BYTES).read_to_string(&mut text).ok()?;
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    let values: BTreeMap<_, _> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    (!values.is_empty()).then_some(values)
}

/// Starts the program anew without the secrets, if there are any; returns only if there are none, or it cannot be done.
fn hand_over() -> Taken {
    let set = names().filter_map(|name| Some((name, env::var(name).ok()?)));
    let secrets: Vec<(&str, String)> = set.filter(|(name, value)| is_secret(name, value)).collect();
    if secrets.is_empty() {
        return Taken::default();
    }
    let error = start_anew(&secrets).err();
    let visible = error.map(|error| {
        let names: Vec<&str> = secrets.iter().map(|(name, _)| *name).collect();
        format!("the environment still shows {} to who may look at this process: {error}", names.join(", "))
    });
    Taken { values: BTreeMap::new(), visible }
}

fn start_anew(secrets: &[(&str, String)]) -> io::Result<()> {
    let program = env::current_exe()?;
    let (reader, mut writer) = io::pipe()?;
    // What does not fit must not be waited for: nobody reads yet.
    fcntl_setfl(&writer, OFlags::NONBLOCK)?;
    let pairs: Vec<String> = secrets.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let text = pairs.join("\0");
    if writer.write(text.as_bytes())? != text.len() {
        return Err(io::Error::other("they are too long for a pipe"));
    }
    drop(writer);
    fcntl_setfd(&reader, FdFlags::empty())?;
    let descriptor = u32::try_from(reader.as_raw_fd()).map_err(io::Error::other)?;
    // Where /proc is not as it should be, the new program would find nothing.
    std::fs::metadata(path(descriptor))?;
    let mut command = Command::new(program);
    let mut arguments = env::args_os();
    command.arg0(arguments.next().unwrap_or_else(|| "deblox".into())).args(arguments);
    for (name, _) in secrets {
        command.env_remove(name);
    }
    Err(command.env(DESCRIPTOR, descriptor.to_string()).exec())
}

fn path(descriptor: u32) -> String {
    format!("/proc/self/fd/{descriptor}")
}

fn nonblocking() -> i32 {
    OFlags::NONBLOCK.bits().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_secret_where_it_has_a_user_or_a_query() {
        for (name, value, expected) in [
            ("REDIS_URL", "redis://127.0.0.1:6379", false),
            ("REDIS_URL", "redis://:secret@127.0.0.1:6379", true),
            ("REDIS_URL", "redis+sentinel://ada:secret@s1,s2/main", true),
            ("REDIS_URL", "unix:///run/redis.sock?pass=secret", true),
            ("REDIS_URL", "", false),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318", false),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318/?key=secret", true),
            ("DEBLOX_TOKEN", "deblox_0", true),
            ("DEBLOX_TOKEN", "", false),
        ] {
            assert_eq!(is_secret(name, value), expected, "{name}={value}");
        }
    }
}
