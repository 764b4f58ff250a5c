//! `deblox audit`: who asked for what, where, and how it ended.

mod export;
mod syslog;
mod verify;

use anyhow::bail;
use serde::Serialize;
use serde_json::{Map, Value};

use super::cluster::{Cluster, Request, pair};
use super::events::{Place, fits, time, told};
use super::logs::moment;
use super::output::{BAD, Cell, FAINT, Further, GOOD, Row, ShowArgs, Shown};
use super::progress::with_progress;
use super::streams::{stdout, write};
use crate::protocol::{AccountName, EntryId, Event};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Go on with what is asked for from now on
    #[arg(long)]
    follow: bool,
    /// Nothing before: how long ago (10m), an RFC 3339 time, or seconds since the epoch
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<u64>,
    /// Only what this user asked for
    #[arg(long, value_name = "NAME")]
    user: Option<AccountName>,
    /// Only what fits, such as action=stop-container or error=forbidden; may be given several times
    #[arg(short, long = "filter", value_name = "KEY=VALUE", value_parser = pair)]
    filters: Vec<(String, String)>,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check that no record was removed, changed or moved, and print how far the audit has come; Redis itself is read
    Verify(verify::Args),
    /// Copy all records to a file or to syslog as they are made, and go on where it ended; Redis itself is read
    Export(export::Args),
}

/// The length of the whole id of an instance.
const FULL_ID: usize = 64;

/// What can be filtered by.
const FIELDS: [&str; 13] = [
    "action",
    "dock",
    "user",
    "token",
    "address",
    "redisUser",
    "id",
    "name",
    "about",
    "change",
    "status",
    "error",
    "requestId",
];

/// A record of `deblox.audit`.
#[derive(Serialize)]
#[serde(transparent)]
struct Asked(Map<String, Value>);

impl Asked {
    fn word(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Row for Asked {
    const HEADS: &'static [&'static str] = &["TIME", "USER", "ACTION", "WHAT", "DOCK", "TOOK", "OUTCOME"];

    fn cells(&self, shown: &Shown) -> Vec<Cell> {
        let user = match (self.word("user"), self.word("token")) {
            ("", "") if !self.word("redisUser").is_empty() => format!("{} (Redis)", self.word("redisUser")),
            ("", "") if !self.word("address").is_empty() => self.word("address").to_owned(),
            (user, "") => user.to_owned(),
            (user, token) => format!("{user} ({token})"),
        };
        // Of one that was refused at the door only the name is known, as it was given.
        let id = if self.word("id").len() == FULL_ID { shown.id(self.word("id")) } else { self.word("id") };
        let instance = if self.word("name").is_empty() { id } else { self.word("name") };
        let what = [instance, self.word("about"), self.word("change")].join(" ");
        let status = self.0.get("status").map(Value::to_string).unwrap_or_default();
        let outcome = match (status.as_str(), self.word("error")) {
            ("", "") if self.0.get("begun").is_some() => Cell::styled(FAINT, "begun"),
            (status, error) if self.0.get("repeated").is_some() => {
                let times = self.0.get("repeated").map(Value::to_string).unwrap_or_default();
                Cell::styled(if error.is_empty() { FAINT } else { BAD }, format!("{status} {error} ({times} times)"))
            }
            ("", "") => Cell::styled(GOOD, "done"),
            (status, "") => Cell::styled(GOOD, status),
            (status, error) => Cell::styled(BAD, format!("{status} {error}")),
        };
        vec![
            time(&self.0).into(),
            user.into(),
            self.word("action").into(),
            what.trim().into(),
            self.word("dock").into(),
            self.0.get("took").and_then(Value::as_u64).map(took).unwrap_or_default().into(),
            outcome,
        ]
    }

    fn name(&self, _: &Shown) -> String {
        let id = self.word("requestId");
        if id.is_empty() { self.word("at").to_owned() } else { id.to_owned() }
    }
}

pub(super) async fn run(args: &Args, cluster: &Cluster) -> anyhow::Result<u8> {
    match &args.command {
        Some(Command::Verify(args)) => return verify::run(args, cluster).await,
        Some(Command::Export(args)) => return export::run(args, cluster).await,
        None => {}
    }
    if let Some((key, _)) = args.filters.iter().find(|(key, _)| !FIELDS.contains(&key.as_str())) {
        bail!("requests cannot be filtered by {key}: by {}", FIELDS.join(", "));
    }
    let mut rows = Vec::new();
    let kept = told(
        cluster,
        args.start(),
        |place| request(place).flag("kept", true).json(),
        async |event, _| {
            rows.extend(args.wants(event).then(|| Asked(event.clone())));
            Ok(true)
        },
    );
    let place = with_progress(kept).await?;
    let mut further = Further::begin(&rows, &args.show)?;
    if !args.follow {
        return Ok(0);
    }
    drop(rows);
    let mut out = stdout();
    told(
        cluster,
        place,
        |place| request(place).json(),
        async |event, _| {
            if !args.wants(event) {
                return Ok(true);
            }
            let line = further.line(&Asked(event.clone()))?;
            Ok(write(&mut out, &format!("{line}\n")).await?)
        },
    )
    .await?;
    Ok(0)
}

/// Asks for what comes behind `place`.
fn request(place: &Place) -> Request {
    let after = match place {
        Place::At(at) => at,
        Place::Start | Place::Time(_) => "0-0",
    };
    Request::new("events").with("all", true).with("audit", true).with("after", after)
}

/// How long something took, with as much of it as says something.
fn took(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis}ms"),
        1..60 => format!("{seconds}.{}s", millis % 1000 / 100),
        _ => format!("{}m{}s", seconds / 60, seconds % 60),
    }
}

impl Args {
    fn start(&self) -> Place {
        let before = self.since.filter(|since| *since > 0).map(|since| {
            let last = EntryId { millis: (since.saturating_mul(1000)) - 1, sequence: u64::MAX };
            Place::At(last.to_string())
        });
        before.unwrap_or(Place::Start)
    }

    fn wants(&self, event: &Map<String, Value>) -> bool {
        let is = |name: &str, wanted: &str| event.get(name).is_some_and(|value| value == wanted);
        is("event", Event::REQUEST)
            && self.user.as_ref().is_none_or(|user| is("user", user.as_str()))
            && fits(&self.filters, event)
    }
}

#[cfg(test)]
mod tests {
    use super::took;

    #[test]
    fn a_time_is_told_in_what_it_is_counted_by() {
        for (millis, text) in
            [(0, "0ms"), (999, "999ms"), (1000, "1.0s"), (1449, "1.4s"), (59_999, "59.9s"), (125_000, "2m5s")]
        {
            assert_eq!(took(millis), text);
        }
    }
}
