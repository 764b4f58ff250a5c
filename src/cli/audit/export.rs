//! `deblox audit export`: copies the audit to a file or to syslog, and goes on where it ended.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::syslog::{Syslog, Transport};
use crate::bus::{Backoff, Tail};
use crate::cli::cluster::Cluster;
use crate::cli::contexts::write;
use crate::cli::options::required_state_folder;
use crate::cli::output::complain;
use crate::protocol::{Chain, EntryId, Fields, Link, audit};

/// How long one batch may take to be written before it is tried again.
const WRITTEN: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Where to: file:PATH, syslog (/dev/log), syslog+unix:PATH, syslog+udp://HOST:PORT, syslog+tcp://HOST:PORT or
    /// syslog+tls://HOST:PORT
    #[arg(long, value_name = "TARGET", value_parser = Target::read)]
    to: Target,
    /// The file that keeps how far it has come [default: PATH.position.json beside the file, else one in deblox's state]
    #[arg(long, value_name = "PATH")]
    state: Option<PathBuf>,
    /// End when everything that is there is copied
    #[arg(long)]
    once: bool,
    /// With syslog+tls: the certificates of the authorities to trust, a PEM file [default: those of the system]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    File(PathBuf),
    Syslog(Transport),
}

/// How far it has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Position {
    /// The place of the last record that was copied.
    at: String,
    /// Its number and its hash.
    seq: u64,
    hash: String,
}

/// What takes the records.
enum Sink {
    File(PathBuf),
    Syslog(Box<Syslog>),
}

pub(in crate::cli) async fn run(args: &Args, cluster: &Cluster) -> anyhow::Result<u8> {
    let state = match &args.state {
        Some(path) => path.clone(),
        None => args.to.state()?,
    };
    let _lock = lock(&state)?;
    let mut position = Position::load(&state)?;
    let mut sink = match &args.to {
        Target::File(path) => Sink::File(path.clone()),
        Target::Syslog(transport) => Sink::Syslog(Box::new(Syslog::new(transport.clone(), args.ca.as_deref())?)),
    };
    // Whoever may not read the audit is told so now, and not left to wait.
    cluster.bus().audit_head().await.context("the audit cannot be read")?;
    let mut copied = Copied::after(&position);
    let mut tail =
        cluster.bus().audited(Some(EntryId::parse(&position.at).unwrap_or(EntryId { millis: 0, sequence: 0 })));
    loop {
        let entries = next(&mut tail, args.once).await?;
        if entries.is_empty() {
            if args.once {
                return Ok(0);
            }
            continue;
        }
        let mut batch = Vec::new();
        for (id, fields) in &entries {
            copied.take(*id, fields, &mut batch);
        }
        sink.write_until_done(&batch).await;
        position.at = entries.last().map(|(id, _)| id.to_string()).unwrap_or_default();
        let Link { seq, hash } = copied.chain.last().clone();
        (position.seq, position.hash) = (seq, hash);
        let text = serde_json::to_string(&position)?;
        write(&state, &text).with_context(|| format!("{} cannot be written", state.display()))?;
    }
}

/// What comes next. While Redis is away that is waited for, but for somebody who wants what is there.
async fn next(tail: &mut Tail, once: bool) -> anyhow::Result<Vec<(EntryId, Fields)>> {
    if once {
        return tail.rest().await.context("the audit cannot be read");
    }
    let mut is_away = false;
    loop {
        match tail.next().await {
            Some(entries) => return Ok(entries),
            None if is_away => {}
            None => {
                complain(&anyhow::anyhow!("Redis is away; the export goes on as soon as it is back"));
                is_away = true;
            }
        }
    }
}

/// The records that were copied, as a chain: what is missing between two is told.
struct Copied {
    chain: Chain,
    is_first: bool,
}

impl Copied {
    fn after(position: &Position) -> Self {
        let link = Link { seq: position.seq, hash: position.hash.clone() };
        let is_first = position.seq == 0;
        Self { chain: if is_first { Chain::default() } else { Chain::after(&link) }, is_first }
    }

    /// Adds a record to the batch, behind a notice where something is wrong between it and the one before.
    fn take(&mut self, id: EntryId, fields: &Fields, batch: &mut Vec<Map<String, Value>>) {
        let Some(record) = audit::read(id, fields) else {
            complain(&anyhow::anyhow!("the entry at {id} of the audit cannot be read: it is left out"));
            return;
        };
        if let Err(broken) = self.chain.step(&record) {
            complain(&anyhow::anyhow!("the audit has a break: {broken}"));
            let notice = json!({"event": "audit-break", "at": id.to_string(), "about": broken, "error": Link::LOST});
            batch.extend(notice.as_object().cloned());
            self.chain = Chain::default();
            let _ = self.chain.step(&record);
        } else if self.is_first && self.chain.last().seq > 1 {
            let first = self.chain.last().seq;
            complain(&anyhow::anyhow!("the copy begins with record {first}: those before it were trimmed already"));
        }
        self.is_first = false;
        batch.push(record);
    }
}

impl Sink {
    /// Writes a batch, as often as it takes.
    async fn write_until_done(&mut self, batch: &[Map<String, Value>]) {
        let (mut backoff, mut complained) = (Backoff::default(), false);
        loop {
            let written = tokio::time::timeout(WRITTEN, self.write(batch)).await;
            let error = match written {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(_) => io::Error::from(io::ErrorKind::TimedOut),
            };
            if !complained {
                complain(&anyhow::anyhow!("{self} takes no record: {error}; it is tried again until it does"));
                complained = true;
            }
            backoff.pause().await;
        }
    }

    async fn write(&mut self, batch: &[Map<String, Value>]) -> io::Result<()> {
        match self {
            Self::Syslog(syslog) => syslog.write(batch).await,
            Self::File(path) => {
                let mut lines = String::new();
                for record in batch {
                    lines += &serde_json::to_string(record)?;
                    lines.push('\n');
                }
                let path = path.clone();
                tokio::task::spawn_blocking(move || append(&path, &lines)).await.map_err(io::Error::other)?
            }
        }
    }
}

/// Appends to the file that has this name now: somebody may rotate it at any time.
fn append(path: &Path, lines: &str) -> io::Result<()> {
    use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    // A line that was cut off stays by itself.
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    file.write_all(lines.as_bytes())?;
    file.sync_data()
}

impl std::fmt::Display for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Syslog(syslog) => write!(f, "{syslog}"),
        }
    }
}

impl Target {
    fn read(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("file:") {
            return if path.is_empty() { Err("file: needs a path".to_owned()) } else { Ok(Self::File(path.into())) };
        }
        Transport::read(text).map(Self::Syslog)
    }

    /// Where it is kept how far it has come.
    fn state(&self) -> anyhow::Result<PathBuf> {
        Ok(match self {
            Self::File(path) => {
                let mut name = path.clone().into_os_string();
                name.push(".position.json");
                name.into()
            }
            Self::Syslog(transport) => {
                let name: String =
                    transport.to_string().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
                required_state_folder()?.join(format!("audit-{name}.json"))
            }
        })
    }
}

impl Position {
    fn load(path: &Path) -> anyhow::Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                format!("{} is no position of an export: remove it to copy everything again", path.display())
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }
}

/// Makes sure that one export at a time uses `state`. The lock goes with the process.
fn lock(state: &Path) -> anyhow::Result<File> {
    let path = state.with_extension("lock");
    let unusable = || format!("{} cannot be used", path.display());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(unusable)?;
    }
    let file = File::create(&path).with_context(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another export uses {}: stop that one, or give this one another --state", state.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(unusable),
    }
}
