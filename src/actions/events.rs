//! `events`: what happens at a dock's daemon, or with `all` in the cluster, as it happens.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Context, Outcome, Streaming, Subject as About};
use crate::bus::{Backoff, Bus, Tail, persist};
use crate::docker::{Flow, Method, RequestParts, Way};
use crate::protocol::{Access, EntryId, ErrorCode, Event, Failure, Fields, Ownership, Session, Subject, audit};

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let arguments = context.arguments;
    if arguments.flag("all") {
        return of_the_cluster(context);
    }
    let mut query = Vec::new();
    for name in ["since", "until"] {
        query.extend(arguments.whole(name).map(|seconds| (name, seconds.to_string())));
    }
    query.extend(arguments.get("filters").map(|filters| ("filters", filters.to_string())));
    let events = RequestParts::new(Method::GET, "/events").query(query);
    let streaming = Streaming::begin(context, &events, Way::Down, About::Nothing).await?;
    Ok(Outcome::streams(streaming))
}

/// The stream of events in the shared records, or with `audit` the audit: a JSON object a line, with its place in the stream as
/// `at`; after `after`, or from now on; or those that are kept, to the end.
fn of_the_cluster(context: &Context<'_>) -> Result<Outcome, Failure> {
    let after = match context.arguments.text("after") {
        None => None,
        Some(text) => Some(EntryId::parse(text).ok_or_else(|| {
            let message =
                format!("field `after` of `events` is not valid: `{text}` is no event's `at`, such as 1795461556651-0");
            Failure::new(ErrorCode::BadField, message)
        })?),
    };
    let kept = context.arguments.flag("kept");
    let after = after.or_else(|| kept.then_some(EntryId { millis: 0, sequence: 0 }));
    let (bus, caller, audit) = (context.bus.clone(), context.caller.cloned(), context.arguments.flag("audit"));
    let tail = if audit { bus.audited(after) } else { bus.events(after) };
    let told = Told { tail, bus, caller, kept };
    let lines = futures_util::stream::unfold(told, async |mut told: Told| {
        loop {
            let mut lines = String::new();
            for event in told.next().await? {
                lines += &Value::Object(event).to_string();
                lines.push('\n');
            }
            if !lines.is_empty() {
                return Some((Bytes::from(lines), told));
            }
        }
    });
    let streaming =
        Streaming { flow: Flow::of(Box::pin(lines)), way: Way::Down, framed: false, subject: About::Nothing };
    Ok(Outcome::streams(streaming))
}

/// The events, and for whom they are.
struct Told {
    tail: Tail,
    bus: Bus,
    /// Who may not see everything.
    caller: Option<Session>,
    /// Whether it ends behind the last that is there.
    kept: bool,
}

impl Told {
    /// The next that are seen; nothing where no more are wanted.
    async fn next(&mut self) -> Option<Vec<Map<String, Value>>> {
        let entries = if self.kept { self.rest().await? } else { self.tail.next().await.unwrap_or_default() };
        let mut events: Vec<Map<String, Value>> = entries.into_iter().filter_map(read).collect();
        let Some(caller) = self.caller.as_ref().filter(|_| !events.is_empty()) else { return Some(events) };
        let mut said = BTreeMap::new();
        if !caller.sees_all() {
            let ids: Vec<&str> = events.iter().filter_map(|event| event.get("id")?.as_str()).collect();
            said = persist(|| self.bus.ownership(ids.iter().copied())).await.unwrap_or_default();
        }
        events
            .retain_mut(|event| is_for(caller, event, said.get(event.get("id").and_then(Value::as_str).unwrap_or(""))));
        Some(events)
    }

    /// The next that are kept, as soon as Redis tells them; nothing behind the last.
    async fn rest(&mut self) -> Option<Vec<(EntryId, Fields)>> {
        let mut backoff = Backoff::default();
        loop {
            match self.tail.rest().await {
                Ok(entries) => return Some(entries).filter(|entries| !entries.is_empty()),
                Err(error) => {
                    tracing::debug!(%error, "events are not read yet");
                    backoff.pause().await;
                }
            }
        }
    }
}

/// Whether the event is about an instance that `caller` sees, about which that was `said`, or a request of its own, or about
/// no instance at all. What it may not have of it is taken out.
pub fn is_for(caller: &Session, event: &mut Map<String, Value>, said: Option<&Ownership>) -> bool {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let is_own = text("user") == Some(caller.username.as_str());
    let operates = caller.may(Access::Operate, Subject::AllInstances);
    let is_seen = match (text("event"), text("id")) {
        // Those that no worker made tell of logins and accounts, with addresses.
        (Some(Event::REQUEST), _) => is_own || operates || (caller.sees_all() && text("dock").is_some()),
        _ if caller.sees_all() => true,
        (_, None) => true,
        _ => caller.may(Access::View, Subject::Instance(Ownership::owner(said, text("owner")), said)),
    };
    // Whoever has the id of a request gets its reply, as long as that is kept.
    if !is_own && !operates {
        event.remove("requestId");
    }
    // How many records others have caused.
    if !operates {
        event.remove("seq");
        event.remove("prev");
    }
    is_seen
}

fn read((id, fields): (EntryId, Fields)) -> Option<Map<String, Value>> {
    audit::read(id, &fields)
}
