//! `deblox audit verify`: whether all records of the audit are there, as they were written.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use serde_json::{Map, Value};

use crate::bus::{BusError, Tail};
use crate::cli::cluster::{Cluster, FAILED};
use crate::cli::output::line;
use crate::cli::progress::waiting_for;
use crate::protocol::{AuditHead, Chain, EntryId, Link, audit};

/// How often the walk begins again because the audit was trimmed meanwhile.
const TRIES: u32 = 5;

/// How far a copy may go back and repeat itself: an export that was cut off sends again what may not have arrived.
const REPEATS: usize = 4096;

/// The longest line of a copy.
const LINE: u64 = 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// A place that was noted earlier, as this command prints it: the audit must still hold what led up to it
    #[arg(long, value_name = "NUMBER:HASH", value_parser = place)]
    since: Option<Link>,
    /// A copy that `deblox audit export` has made, in the place of the audit itself; may be given several times, the oldest
    /// first
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
}

/// What a walk has found.
#[derive(Default)]
struct Walk {
    chain: Chain,
    /// The first record and the number of them.
    first: Option<u64>,
    records: u64,
    /// How often Redis had lost records, and the first place where that is recorded.
    losses: (u64, Option<String>),
    /// The place that must be met, until it is.
    wanted: Option<Link>,
}

/// A walk ends because something is wrong with the chain, or because it could not go on.
enum Ended {
    Broken(String),
    Failed(BusError),
}

pub(in crate::cli) async fn run(args: &Args, cluster: &Cluster) -> anyhow::Result<u8> {
    let walked = if args.files.is_empty() {
        waiting_for("Redis", in_redis(args, cluster)).await
    } else {
        in_files(args).map(|walked| walked.map_err(Ended::Broken))?
    };
    match walked {
        Ok(walk) => {
            line(&walk.summary())?;
            Ok(0)
        }
        Err(Ended::Broken(what)) => {
            line(&format!("broken: {what}"))?;
            Ok(FAILED)
        }
        Err(Ended::Failed(error)) => Err(error).context("the audit cannot be read"),
    }
}

async fn in_redis(args: &Args, cluster: &Cluster) -> Result<Walk, Ended> {
    let bus = cluster.bus();
    let mut tries = 1;
    loop {
        let head = bus.audit_head().await.map_err(Ended::Failed)?;
        let mut tail = bus.audited(Some(EntryId { millis: 0, sequence: 0 }));
        let walked = through(&mut tail, &head, args.since.as_ref()).await;
        let now = bus.audit_head().await.map_err(Ended::Failed)?;
        if walked.is_ok() || now.trimmed == head.trimmed || tries == TRIES {
            return walked;
        }
        tries += 1;
    }
}

/// Walks from what was trimmed to `head` at least.
async fn through(tail: &mut Tail, head: &AuditHead, since: Option<&Link>) -> Result<Walk, Ended> {
    let AuditHead { last, trimmed } = head;
    let mut walk = Walk { chain: Chain::after(trimmed), wanted: since.cloned(), ..Walk::default() };
    walk.meet(trimmed.seq == 0).map_err(Ended::Broken)?;
    while walk.chain.last().seq < last.seq {
        let entries = tail.rest().await.map_err(Ended::Failed)?;
        if entries.is_empty() {
            break;
        }
        for (id, fields) in entries {
            let unreadable = || Ended::Broken(format!("the entry at {id} cannot be read"));
            let record = audit::read(id, &fields).ok_or_else(unreadable)?;
            walk.step(&record).map_err(Ended::Broken)?;
            if walk.chain.last().seq == last.seq {
                walk.chain.ends(last).map_err(Ended::Broken)?;
            }
        }
    }
    if walk.chain.last().seq <= last.seq {
        walk.chain.ends(last).map_err(Ended::Broken)?;
    }
    if last.seq == 0 && !tail.rest().await.map_err(Ended::Failed)?.is_empty() {
        return Err(Ended::Broken("there are records, and no head that says which is the last".to_owned()));
    }
    walk.has_met().map_err(Ended::Broken)?;
    Ok(walk)
}

/// Walks through copies. What is wrong with one is in the inner result.
fn in_files(args: &Args) -> anyhow::Result<Result<Walk, String>> {
    let mut walk = Walk { wanted: args.since.clone(), ..Walk::default() };
    let mut recent = VecDeque::new();
    for path in &args.files {
        if let Err(broken) = in_file(path, &mut walk, &mut recent)? {
            return Ok(Err(format!("{broken}, in {}", path.display())));
        }
    }
    if walk.records == 0 {
        bail!("there is no record in these files: `deblox audit export --to file:PATH` writes them");
    }
    Ok(walk.has_met().map(|()| walk))
}

fn in_file(path: &Path, walk: &mut Walk, recent: &mut VecDeque<Link>) -> anyhow::Result<Result<(), String>> {
    use std::io::Read as _;
    let unreadable = || format!("{} cannot be read", path.display());
    let mut file = BufReader::new(std::fs::File::open(path).with_context(unreadable)?);
    for number in 1_u64.. {
        let mut text = Vec::new();
        (&mut file).take(LINE).read_until(b'\n', &mut text).with_context(unreadable)?;
        if text.is_empty() {
            break;
        }
        // One that was cut off in the middle is there once more as a whole.
        let Ok(record) = serde_json::from_slice::<Map<String, Value>>(&text) else {
            tracing::debug!(number, "a line is no record");
            continue;
        };
        let Some(seq) = record.get("seq").and_then(Value::as_u64) else { continue };
        if walk.records > 0 && seq <= walk.chain.last().seq {
            let same = recent.iter().any(|link: &Link| link.seq == seq && Some(link) == Link::of(&record).as_ref());
            if same {
                continue;
            }
        }
        if let Err(broken) = walk.step(&record) {
            return Ok(Err(format!("{broken}, on line {number}")));
        }
        if recent.len() == REPEATS {
            recent.pop_front();
        }
        recent.push_back(walk.chain.last().clone());
    }
    Ok(Ok(()))
}

impl Walk {
    fn step(&mut self, record: &Map<String, Value>) -> Result<(), String> {
        let is_first = self.records == 0;
        self.chain.step(record)?;
        self.records += 1;
        self.first = self.first.or(Some(self.chain.last().seq));
        if record.get("error").is_some_and(|error| error == Link::LOST) {
            self.losses.0 += 1;
            let at = record.get("at").and_then(Value::as_str).map(str::to_owned);
            self.losses.1 = self.losses.1.take().or(at);
        }
        self.meet(is_first)
    }

    /// Compares the place that must be met with the one that is reached.
    fn meet(&mut self, is_first: bool) -> Result<(), String> {
        let (last, Some(wanted)) = (self.chain.last(), &self.wanted) else { return Ok(()) };
        if wanted.seq == last.seq {
            if wanted.hash != last.hash {
                return Err(format!(
                    "record {} is not what it was: its hash was {} and is {}: records up to it were changed, or lost and \
                     written anew",
                    last.seq, wanted.hash, last.hash
                ));
            }
            self.wanted = None;
        } else if is_first && wanted.seq < last.seq {
            return Err(format!("record {} is no longer kept: record {} is the first", wanted.seq, last.seq));
        }
        Ok(())
    }

    fn has_met(&self) -> Result<(), String> {
        match &self.wanted {
            Some(wanted) if wanted.seq > self.chain.last().seq => Err(format!(
                "records {} to {} are missing at the end: the audit had come to {} and ends at {}",
                self.chain.last().seq + 1,
                wanted.seq,
                wanted.seq,
                self.chain.last().seq
            )),
            Some(wanted) => Err(format!("record {} is no longer kept", wanted.seq)),
            None => Ok(()),
        }
    }

    fn summary(&self) -> String {
        let last = self.chain.last();
        if last.seq == 0 {
            return "right: there is no record yet".to_owned();
        }
        let losses = match &self.losses {
            (0, _) => String::new(),
            (times, at) => {
                let at = at.as_deref().unwrap_or("an unknown place");
                let times = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
                format!("; {times} Redis had lost records that it had confirmed, as is recorded at {at}")
            }
        };
        let first = self.first.unwrap_or(last.seq + 1);
        format!("right: {} records, {first} to {last}{losses}", self.records)
    }
}

fn place(text: &str) -> Result<Link, String> {
    Link::parse(text).ok_or_else(|| anyhow!("it must be NUMBER:HASH, as `deblox audit verify` prints it").to_string())
}
