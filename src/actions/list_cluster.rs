//! What the lists of containers, images, networks and volumes share: pages of the whole cluster, as the shared records
//! have it, and the daemon's own answer for one dock.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::verdict::judge;
use super::{Context, Outcome, Target};
use crate::bus::{Dock, persist};
use crate::docker::{Listed, Method, RequestParts};
use crate::protocol::limits::PAGE_BYTES;
use crate::protocol::{Answer, DaemonState, DockState, ErrorCode, Failure, Fqdn, Record, rfc3339};

/// Rows of a page where the request does not say.
const PAGE: usize = 1000;

/// Docks whose records are read in one round trip at most. The first is read alone and then twice as many each time,
/// so that a page that one dock fills costs little, and one that many small docks fill few round trips.
const BATCH: usize = 50;

#[derive(Serialize)]
struct Page<R> {
    /// The rows, under the name of the list.
    #[serde(flatten)]
    rows: BTreeMap<&'static str, Vec<Row<R>>>,
    /// Where the next page begins; absent after the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    /// Docks whose rows are only what was last known.
    unreachable: Vec<Unreachable>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<R> {
    dock: Fqdn,
    #[serde(flatten)]
    record: R,
    /// When it was last known to be so, if that is not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unreachable {
    hostname: Fqdn,
    state: DockState,
    /// There if it is the daemon that does not answer, or did not when its worker fell silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    daemon: Option<DaemonState>,
    last_seen: Option<String>,
}

/// One page of the records of all docks that fit, in the order of docks and ids; `list` is what the reply calls them.
///
/// # Errors
/// A [`Failure`] that names the field `cursor`, or says that Redis cannot be read.
pub(super) async fn page<R: Record>(
    context: &Context<'_>,
    list: &'static str,
    fits: impl Fn(&R) -> bool,
) -> Result<Outcome, Failure> {
    let limit = context.arguments.whole("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE);
    let from = context.arguments.text("cursor").map(|cursor| begin(context, cursor)).transpose()?;
    let docks = persist(|| context.bus.docks()).await?;
    let unreachable = docks.iter().filter_map(|(hostname, dock)| unreachable(hostname, dock)).collect();

    let first = from.as_ref().map(|(dock, _)| dock);
    let docks: Vec<_> = docks.iter().filter(|(hostname, _)| first.is_none_or(|first| *hostname >= first)).collect();
    let (mut rest, mut batch) = (docks.as_slice(), 1);
    let mut rows: Vec<Row<R>> = Vec::new();
    // One row more than are shown, to know whether there is a further page.
    while rows.len() <= limit && !rest.is_empty() {
        let (next, later) = rest.split_at(batch.min(rest.len()));
        (rest, batch) = (later, BATCH.min(batch * 2));
        let names: Vec<&Fqdn> = next.iter().map(|(hostname, _)| *hostname).collect();
        for ((hostname, dock), mut records) in next.iter().zip(persist(|| context.bus.recorded::<R>(&names)).await?) {
            if let Some((_, after)) = from.as_ref().filter(|(first, _)| first == *hostname) {
                records.retain(|id, _| id > after);
            }
            let last_seen = dock.last_known().filter(|_| dock.is_out_of_reach()).map(rfc3339);
            let room = (limit + 1).saturating_sub(rows.len());
            let fitting = records.into_values().filter(&fits).take(room);
            let row = |record| Row { dock: (*hostname).clone(), record, last_seen: last_seen.clone() };
            rows.extend(fitting.map(row));
        }
    }
    let mut room = PAGE_BYTES;
    let fitting = rows.iter().take(limit).take_while(|row| {
        let size = serde_json::to_string(row).map_or(0, |text| text.len());
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    });
    // One at least, so that the next page is another.
    let shown = fitting.count().max(1).min(limit);
    let more = rows.len() > shown;
    rows.truncate(shown);
    let cursor = rows.last().filter(|_| more).map(|row| format!("{}/{}", row.dock, row.record.id()));
    Ok(Outcome::Answer(Answer::json(&Page { rows: BTreeMap::from([(list, rows)]), cursor, unreachable })))
}

/// Which rows of a list are shown, and how many of these.
pub(super) type Chosen<'a> = (&'a (dyn Fn(&Value) -> bool + Sync), usize);

/// The daemon's own list at `path`, with the query parameters `fixed` and those of the request's fields that it takes,
/// each with Docker's name for it; one without a name is taken and not passed on. `sees` chooses the rows, and of these
/// the first so many.
///
/// # Errors
/// A [`Failure`]: one that names the field if it is one that goes with `all` alone.
pub(super) async fn of_one_dock(
    context: &Context<'_>,
    path: &'static str,
    fixed: &[(&str, &str)],
    fields: &[(&str, &str)],
    sees: Option<Chosen<'_>>,
) -> Result<Outcome, Failure> {
    let arguments = context.arguments;
    for field in ["cursor", "limit"] {
        if arguments.has(field) && fields.iter().all(|(own, _)| *own != field) {
            return Err(bad(context, field, "it goes with `all`"));
        }
    }
    let passed = fields.iter().filter(|(_, name)| !name.is_empty());
    let query = passed.filter_map(|(field, name)| Some((*name, arguments.get(field)?.to_string())));
    let list = RequestParts::new(Method::GET, path).query(fixed.iter().copied()).query(query);
    let mut rows = match context.docker.rows(&list).await? {
        Listed::Rows(rows) => rows,
        Listed::Refused(answer) => return judge(answer, Target::Daemon).map(Outcome::Answer),
    };
    // What is not shown must not make the list too large.
    if let Some((sees, most)) = sees {
        rows.keep(sees, most);
    }
    Ok(Outcome::Answer(rows.into_answer()?))
}

/// A [`Failure`] that names a field of the request.
pub(super) fn bad(context: &Context<'_>, field: &str, why: &str) -> Failure {
    let message = format!("field `{field}` of `{}` is not valid: {why}", context.request.action);
    Failure::new(ErrorCode::BadField, message)
}

/// The dock and the id behind which a page begins.
fn begin(context: &Context<'_>, cursor: &str) -> Result<(Fqdn, String), Failure> {
    let read = cursor.split_once('/').and_then(|(dock, id)| Some((Fqdn::new(dock).ok()?, id.to_owned())));
    read.ok_or_else(|| bad(context, "cursor", "it is none of ours"))
}

fn unreachable(hostname: &Fqdn, dock: &Dock) -> Option<Unreachable> {
    // Of a dock that was never seen nothing is shown.
    (dock.is_out_of_reach() && dock.record.last_seen.is_some()).then(|| Unreachable {
        hostname: hostname.clone(),
        state: dock.state,
        daemon: dock.is_without_daemon().then_some(DaemonState::Down),
        last_seen: dock.last_known().map(rfc3339),
    })
}
