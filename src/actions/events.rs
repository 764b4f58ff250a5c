//! `events`: what happens at a dock's daemon, or with `all` in the cluster, as it happens.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Context, Outcome, Streaming, Subject};
use crate::bus::Tail;
use crate::docker::{Flow, Method, RequestParts, Way};
use crate::protocol::{EntryId, ErrorCode, Failure, Fields};

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
    let streaming = Streaming::begin(context, &events, Way::Down, Subject::Nothing).await?;
    Ok(Outcome::streams(streaming))
}

/// The stream of events in the shared records, a JSON object a line, with its place in the stream as `at`; after `after`, or from
/// now on.
fn of_the_cluster(context: &Context<'_>) -> Result<Outcome, Failure> {
    let after = match context.arguments.text("after") {
        None => None,
        Some(text) => Some(EntryId::parse(text).ok_or_else(|| {
            let message =
                format!("field `after` of `events` is not valid: `{text}` is no event's `at`, such as 1795461556651-0");
            Failure::new(ErrorCode::BadField, message)
        })?),
    };
    let lines = futures_util::stream::unfold(context.bus.events(after), async |mut tail: Tail| {
        loop {
            let entries = tail.next().await.unwrap_or_default();
            let lines: String = entries.into_iter().filter_map(line).collect();
            if !lines.is_empty() {
                return Some((Bytes::from(lines), tail));
            }
        }
    });
    let streaming =
        Streaming { flow: Flow::of(Box::pin(lines)), way: Way::Down, framed: false, subject: Subject::Nothing };
    Ok(Outcome::streams(streaming))
}

fn line((id, fields): (EntryId, Fields)) -> Option<String> {
    let (_, json) = fields.into_iter().find(|(name, _)| name == b"json")?;
    let event: Map<String, Value> = serde_json::from_slice(&json).ok()?;
    let mut told = Map::from_iter([("at".to_owned(), Value::from(id.to_string()))]);
    told.extend(event);
    Some(format!("{}\n", Value::Object(told)))
}
