//! `GET /api/v1/logs/search`: the logs of many instances, looked through where they are.

mod lines;
mod reading;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use lines::Level;
pub(in crate::web) use lines::LogLine;
#[cfg(test)]
pub(in crate::web) use lines::Output;
use reading::{Found, Reader, Wanted};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::extract::Query;
use super::look;
use super::problem::Problem;
use crate::protocol::Fqdn;
use crate::web::Node;
use crate::web::serve::Peer;
use crate::web::view::Picture;

/// Instances that are looked through at most; those that run come first.
const CONTAINERS: usize = 200;

/// How many at a time.
const AT_ONCE: usize = 16;

/// How long all of it may take.
const ALL: Duration = Duration::from_secs(30);

/// How long what was found may take to be taken, beside that.
const AFTER: Duration = Duration::from_secs(10);

/// What to look for, and where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct SearchQuery {
    /// What a line contains, in whatever case.
    #[serde(default)]
    q: String,
    /// `warn` for lines that look like warnings or errors, `error` for the latter alone.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    level: Level,
    /// Lines from then on, in whole seconds since the epoch.
    since: Option<u64>,
    /// Lines until then, in the same.
    until: Option<u64>,
    /// Of these docks alone, comma separated.
    dock: Option<String>,
    /// Of these instances alone, as `dock/id`, comma separated.
    c: Option<String>,
}

/// A line of what is sent.
#[derive(Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(in crate::web) enum Search {
    /// First, what will be looked through.
    Plan {
        /// How many instances.
        containers: usize,
        /// How many more there are that fit.
        left_out: usize,
        /// How many of those that will be on each dock.
        docks: BTreeMap<String, usize>,
    },
    /// An instance in whose log there is something.
    Found {
        /// Where it is.
        dock: String,
        /// Its full id.
        id: String,
        /// Its name.
        name: String,
        /// The newest lines that fit, by time.
        lines: Vec<LogLine>,
        /// Whether there are more.
        truncated: bool,
    },
    /// An instance whose log could not be read.
    Failed {
        /// Where it is.
        dock: String,
        /// Its full id.
        id: String,
        /// Its name.
        name: String,
        /// Why, in a sentence.
        message: String,
    },
    /// Last, how many of those that were asked have answered.
    Done {
        /// Those whose log was read.
        answered: usize,
        /// All that were to be looked through.
        asked: usize,
    },
}

/// An instance to be looked through.
struct Chosen {
    dock: Fqdn,
    id: String,
    name: String,
    runs: bool,
    reachable: bool,
}

/// Looks through logs; what is found comes as it is found.
#[utoipa::path(get, path = "/logs/search", tag = "live", params(SearchQuery), responses((status = 200, content_type = "application/x-ndjson", body = Search, description = "a line each"), (status = 401, body = Problem), (status = 429, body = Problem)))]
pub(in crate::web) async fn search(
    State(node): State<Arc<Node>>,
    Extension(Peer(peer)): Extension<Peer>,
    caller: Caller,
    Query(query): Query<SearchQuery>,
) -> Result<Response, Problem> {
    let permit = node.fair_use.search(caller.user(), peer)?;
    let mut chosen = choose(&*look(&node).await?, &caller, &query);
    let left_out = chosen.len().saturating_sub(CONTAINERS);
    chosen.truncate(CONTAINERS);
    let mut docks = BTreeMap::new();
    for one in &chosen {
        *docks.entry(one.dock.to_string()).or_default() += 1;
    }
    let asked = chosen.len();
    let plan = Search::Plan { containers: asked, left_out, docks };
    let wanted = Wanted::new(&query.q, query.level, query.since, query.until);
    let (client, places) = (caller.client(&node), node.sockets.streams());
    let reader = Arc::new(Reader { client, wanted, places, until: Instant::now() + ALL });
    let answered = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&answered);
    let found = stream::iter(chosen)
        .map(move |one| find(Arc::clone(&reader), one, Arc::clone(&counted)))
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready);
    let done = stream::once(async move { Search::Done { answered: answered.load(Ordering::Relaxed), asked } });
    let all = stream::iter([plan]).chain(found).chain(done);
    // On its own: it ends in time, and gives its places back, also where nobody takes what it finds.
    let (sender, receiver) = mpsc::channel(AT_ONCE);
    tokio::spawn(tokio::time::timeout(ALL + AFTER, async move {
        let (mut all, _permit) = (pin!(all), permit);
        while let Some(line) = all.next().await {
            if sender.send(line).await.is_err() {
                return;
            }
        }
    }));
    let lines = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    let body = Body::from_stream(lines.map(|line| Ok::<_, serde_json::Error>(serde_json::to_string(&line)? + "\n")));
    Ok(([(CONTENT_TYPE, "application/x-ndjson"), (CACHE_CONTROL, "no-store")], body).into_response())
}

/// The instances that the caller may look at and means, those that run first.
fn choose(picture: &Picture, caller: &Caller, query: &SearchQuery) -> Vec<Chosen> {
    let docks: Option<BTreeSet<&str>> = query.dock.as_deref().map(|docks| docks.split(',').collect());
    let named: Option<Vec<(&str, &str)>> =
        query.c.as_deref().map(|named| named.split(',').filter_map(|one| one.split_once('/')).collect());
    let rows = picture.rows().filter(|(dock, summary)| {
        let is = |(on, id): &(&str, &str)| *on == dock.as_str() && (*id == summary.id || *id == summary.name);
        docks.as_ref().is_none_or(|docks| docks.contains(dock.as_str()))
            && named.as_ref().is_none_or(|named| named.iter().any(is))
            && caller.sees(picture.owner(summary))
    });
    let mut chosen: Vec<Chosen> = rows
        .map(|(dock, summary)| Chosen {
            dock: dock.clone(),
            id: summary.id.clone(),
            name: summary.name.clone(),
            runs: summary.state == "running",
            reachable: picture.docks.get(dock).is_some_and(|seen| !seen.dock.is_out_of_reach()),
        })
        .collect();
    chosen.sort_by_key(|one| Reverse(one.runs));
    chosen
}

/// What is found in the log of one instance, if anything is to be said of it.
async fn find(reader: Arc<Reader>, one: Chosen, answered: Arc<AtomicUsize>) -> Option<Search> {
    let read = if one.reachable {
        reader.read(&one.dock, &one.id).await
    } else {
        Err(format!("{} does not answer, so its logs cannot be read", one.dock))
    };
    let (dock, id, name) = (one.dock.to_string(), one.id, one.name);
    match read {
        Ok(Found { lines, truncated }) => {
            answered.fetch_add(1, Ordering::Relaxed);
            (!lines.is_empty()).then_some(Search::Found { dock, id, name, lines, truncated })
        }
        Err(message) => Some(Search::Failed { dock, id, name, message }),
    }
}
