//! `deblox events`: what happens in the cluster, or at the daemon of one dock, as it happens.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::bail;
use serde_json::{Map, Value};
use tokio::time::sleep;

use super::cluster::{Cluster, Request, filters, pair};
use super::logs::moment;
use super::output::complain;
use super::streams::{Came, Incoming, Lines, stdout, write, write_json};
use crate::protocol::text::plain;
use crate::protocol::{EntryId, Event, Fqdn, rfc3339};

/// Between two attempts to begin again.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What happens at the daemon of this dock [default: what happens in the cluster]
    #[arg(long, value_name = "FQDN")]
    dock: Option<Fqdn>,
    /// Begin behind this event of the cluster, by its `at`; 0 for all that are kept
    #[arg(long, value_name = "AT", conflicts_with = "dock")]
    after: Option<String>,
    /// Begin at this time, with --dock: how long ago (10m), an RFC 3339 time, or seconds since the epoch
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "dock")]
    since: Option<u64>,
    /// End at this time, with --dock
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "dock")]
    until: Option<u64>,
    /// Only what fits, such as event=dock-lost, or with --dock type=container; may be given several times. With
    /// event=request the requests of `deblox audit` are told
    #[arg(short, long = "filter", value_name = "KEY=VALUE", value_parser = pair)]
    filters: Vec<(String, String)>,
    /// Text, or JSON with an object a line
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Only the id of what it is about, or the dock where it is that
    #[arg(short, long)]
    quiet: bool,
}

/// The fields of the cluster's events that can be filtered by, in the order in which they are shown.
const FIELDS: [&str; 5] = ["event", "dock", "name", "id", "image"];

/// The form of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A line of text, for people.
    Text,
    /// JSON, an object a line, for programs.
    Json,
}

/// Up to which event all have been told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    Start,
    /// The `at` of one of the cluster.
    At(String),
    /// The time of one of a daemon, in nanoseconds.
    Time(u64),
}

pub(super) async fn run(args: &Args, cluster: &Cluster) -> anyhow::Result<u8> {
    args.check()?;
    let mut out = stdout();
    told(
        cluster,
        Place::Start,
        |place| args.request(place),
        async |event, line| {
            if !args.wants(event) {
                return Ok(true);
            }
            let text = match args.format {
                _ if args.quiet => about(event),
                Format::Json => return Ok(write_json(&mut out, &String::from_utf8_lossy(line)).await?),
                Format::Text => text(event),
            };
            Ok(write(&mut out, &format!("{text}\n")).await?)
        },
    )
    .await?;
    Ok(0)
}

/// Tells events, each with its line, over all breaks, from what `request` asks for at the place up to which they have been
/// told; until there are no more, or `tell` wants none. Returns up to where that was.
pub(super) async fn told(
    cluster: &Cluster,
    mut place: Place,
    request: impl Fn(&Place) -> Value,
    mut tell: impl AsyncFnMut(&Map<String, Value>, &[u8]) -> anyhow::Result<bool>,
) -> anyhow::Result<Place> {
    let (mut begun, mut broke) = (false, false);
    loop {
        let mut incoming = Incoming::begin(cluster, request(&place))?;
        let mut lines = Lines::default();
        let told = place.clone();
        let broken = loop {
            match incoming.next().await {
                Ok(Came::Begun) => (begun, broke) = (true, false),
                Ok(Came::Bytes(_, bytes)) => {
                    for line in lines.add(&bytes) {
                        let Ok(event) = serde_json::from_slice::<Map<String, Value>>(&line) else { continue };
                        let new = match (place_of(&event), &told) {
                            // Asked for were whole seconds.
                            (Some(Place::Time(time)), Place::Time(told)) if time <= *told => continue,
                            (new, _) => new,
                        };
                        place = new.unwrap_or(place);
                        if !tell(&event, &line).await? {
                            return Ok(place);
                        }
                    }
                }
                Ok(Came::End(_)) => return Ok(place),
                Err(broken) => break broken,
            }
        };
        if !begun || !broken.may_go_on() {
            return Err(broken.explained(cluster).await);
        }
        if !broke {
            complain(&anyhow::anyhow!("{broken}; events are told further as soon as that is possible"));
            broke = true;
        }
        sleep(PAUSE).await;
    }
}

/// Whether an event fits the filters: one of the values for each field, as docker has it.
pub(super) fn fits(filters: &[(String, String)], event: &Map<String, Value>) -> bool {
    let is = |(key, value): &(String, String)| event.get(key).is_some_and(|field| text_of(field) == *value);
    let any = |key: &str| filters.iter().filter(|(other, _)| other == key).any(is);
    filters.iter().all(|(key, _)| any(key))
}

impl Args {
    /// The request that goes on from `place`.
    fn request(&self, place: &Place) -> Value {
        let request = Request::new("events");
        let Some(dock) = &self.dock else {
            let after = match place {
                Place::At(at) => Some(at),
                _ => self.after.as_ref(),
            };
            let after = after.map(|at| if at.contains('-') { at.clone() } else { format!("{at}-0") });
            return request.with("all", true).flag("audit", self.is_audit()).maybe("after", after).json();
        };
        let since = match place {
            Place::Time(nanos) => Some(nanos / 1_000_000_000),
            _ => self.since,
        };
        let request = request.on(dock).maybe("since", since).maybe("until", self.until);
        if self.filters.is_empty() { request.json() } else { request.with("filters", filters(&self.filters)).json() }
    }

    /// A filter by what no event has would hide all of them.
    fn check(&self) -> anyhow::Result<()> {
        let unknown = self.filters.iter().find(|(key, _)| !FIELDS.contains(&key.as_str()));
        if let (None, Some((key, _))) = (&self.dock, unknown) {
            bail!("events of the cluster cannot be filtered by {key}: by {}", FIELDS.join(", "));
        }
        if self.is_audit() && self.filters.iter().any(|(key, value)| key == "event" && value != Event::REQUEST) {
            bail!("requests are in the audit, and no other events: ask for event={} alone", Event::REQUEST);
        }
        Ok(())
    }

    /// Whether requests are asked for, which `deblox audit` has.
    fn is_audit(&self) -> bool {
        self.dock.is_none() && self.filters.iter().any(|(key, value)| key == "event" && value == Event::REQUEST)
    }

    /// Whether an event is to be told. Those of a daemon it has chosen itself.
    fn wants(&self, event: &Map<String, Value>) -> bool {
        self.dock.is_some() || fits(&self.filters, event)
    }
}

fn place_of(event: &Map<String, Value>) -> Option<Place> {
    let at = event.get("at").and_then(Value::as_str).map(|at| Place::At(at.to_owned()));
    at.or_else(|| event.get("timeNano").and_then(Value::as_u64).map(Place::Time))
}

/// An event in words: when, what, and what it is about.
fn text(event: &Map<String, Value>) -> String {
    let word = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut text = String::new();
    if let Some(nanos) = event.get("timeNano").and_then(Value::as_u64) {
        let actor = event.get("Actor").and_then(Value::as_object);
        let id = actor.and_then(|actor| actor.get("ID")).and_then(Value::as_str).unwrap_or_default();
        text = format!("{} {} {} {id}", rfc3339(nanos / 1_000_000), word("Type"), word("Action"));
        let attributes = actor.and_then(|actor| actor.get("Attributes")).and_then(Value::as_object);
        let all: Vec<String> = attributes.into_iter().flatten().map(|(name, value)| of(name, value)).collect();
        if !all.is_empty() {
            let _ = write!(text, " ({})", all.join(", "));
        }
    } else {
        let _ = write!(text, "{} {}", time(event), word("event"));
        // What it is about comes first; Redis keeps the fields in no order.
        let others = event.keys().map(String::as_str).filter(|name| *name != "at" && !FIELDS.contains(name));
        for name in FIELDS.into_iter().skip(1).chain(others) {
            if let Some(value) = event.get(name) {
                let _ = write!(text, " {}", of(name, value));
            }
        }
    }
    plain(&text).into_owned()
}

/// The id of what an event is about, or the dock.
fn about(event: &Map<String, Value>) -> String {
    let of_daemon = event.get("Actor").and_then(|actor| actor.get("ID"));
    let found = [of_daemon, event.get("id"), event.get("dock")].into_iter().flatten().next();
    plain(&found.map(text_of).unwrap_or_default()).into_owned()
}

/// When one of the cluster's was told.
pub(super) fn time(event: &Map<String, Value>) -> String {
    let at = event.get("at").and_then(Value::as_str).and_then(EntryId::parse);
    rfc3339(at.map(|at| at.millis).unwrap_or_default())
}

fn of(name: &str, value: &Value) -> String {
    format!("{name}={}", text_of(value))
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_lines_that_say_when_and_what() {
        let say = |event: Value| text(event.as_object().unwrap());
        let cluster = json!({"at": "1700000000123-0", "event": "extra-stopped", "dock": "a.test", "count": 2});
        assert_eq!(say(cluster), "2023-11-14T22:13:20.123Z extra-stopped dock=a.test count=2");
        let instance =
            json!({"state": "created", "id": "abc", "dock": "a.test", "name": "web", "event": "instance-created"});
        assert!(say(instance).ends_with(" instance-created dock=a.test name=web id=abc state=created"));
        let daemon = json!({"Type": "container", "Action": "start", "timeNano": 1_700_000_000_000_000_000u64,
            "Actor": {"ID": "abc", "Attributes": {"image": "nginx", "name": "w\u{1b}eb"}}});
        assert_eq!(say(daemon), "2023-11-14T22:13:20.000Z container start abc (image=nginx, name=w eb)");
    }
}
