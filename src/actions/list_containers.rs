//! `list-containers`: those of one dock, as its daemon lists them, or those of the whole cluster, as the shared
//! records have them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::verdict::judge;
use super::{Arguments, Context, Outcome, Target};
use crate::docker::{Method, RequestParts};
use crate::protocol::{Answer, DockState, ErrorCode, Failure, Fqdn, Summary, rfc3339};

/// Rows of a page of the cluster where the request does not say.
const PAGE: usize = 1000;

#[derive(Serialize)]
struct Cluster {
    containers: Vec<Row>,
    /// Where the next page begins; absent after the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    /// Docks whose rows are only what was last known.
    unreachable: Vec<Unreachable>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    dock: Fqdn,
    #[serde(flatten)]
    summary: Summary,
    /// When its dock was last heard of, if that is not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unreachable {
    hostname: Fqdn,
    state: DockState,
    last_seen: Option<String>,
}

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let arguments = context.arguments;
    if arguments.flag("all") {
        return cluster(context).await;
    }
    if arguments.has("cursor") {
        return Err(bad("cursor", "it goes with `all`"));
    }
    let mut query = vec![("all".to_owned(), "true".to_owned())];
    for name in ["filters", "limit", "size"] {
        query.extend(arguments.get(name).map(|value| (name.to_owned(), value.to_string())));
    }
    let list = RequestParts::new(Method::GET, "/containers/json").query(query);
    judge(context.docker.call(&list).await?, Target::Daemon).map(Outcome::Answer)
}

async fn cluster(context: &Context<'_>) -> Result<Outcome, Failure> {
    let arguments = context.arguments;
    if arguments.has("size") {
        return Err(bad("size", "the shared records have no sizes: leave `all` out"));
    }
    let wanted = Wanted::new(arguments)?;
    let limit = arguments.whole("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE);
    let (from_dock, after) = match arguments.text("cursor").map(|cursor| cursor.split_once('/')) {
        None => (None, String::new()),
        Some(Some((dock, id))) => {
            (Some(Fqdn::new(dock).map_err(|_| bad("cursor", "it is none of ours"))?), id.to_owned())
        }
        Some(None) => return Err(bad("cursor", "it is none of ours")),
    };
    let mut page = Cluster { containers: Vec::new(), cursor: None, unreachable: Vec::new() };
    for (hostname, dock) in context.bus.docks().await? {
        let last_seen = dock.record.last_seen.map(rfc3339);
        let silent = dock.state.is_silent();
        if silent && dock.record.last_seen.is_some() {
            let (hostname, last_seen) = (hostname.clone(), last_seen.clone());
            page.unreachable.push(Unreachable { hostname, state: dock.state, last_seen });
        }
        if page.cursor.is_some() || from_dock.as_ref().is_some_and(|from| hostname < *from) {
            continue;
        }
        let begun = if from_dock.as_ref() == Some(&hostname) { after.as_str() } else { "" };
        for (id, summary) in context.bus.instances(&hostname).await? {
            if id.as_str() <= begun || !wanted.fits(&summary) {
                continue;
            }
            if page.containers.len() == limit {
                page.cursor = page.containers.last().map(|row| format!("{}/{}", row.dock, row.summary.id));
                break;
            }
            let last_seen = last_seen.clone().filter(|_| silent);
            page.containers.push(Row { dock: hostname.clone(), summary, last_seen });
        }
    }
    Ok(Outcome::Answer(Answer::json(&page)))
}

/// Docker's filters, as far as the shared records can answer them. Several values of one filter are alternatives, but
/// labels must all be there, as with Docker.
struct Wanted(BTreeMap<String, Vec<String>>);

impl Wanted {
    const FILTERS: [&str; 6] = ["id", "name", "status", "label", "ancestor", "owner"];

    fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let filters: BTreeMap<String, Vec<String>> = arguments
            .get("filters")
            .and_then(|filters| serde_json::from_value(filters.clone()).ok())
            .unwrap_or_default();
        match filters.keys().find(|name| !Self::FILTERS.contains(&name.as_str())) {
            Some(name) => {
                Err(bad("filters", &format!("with `all` there is no `{name}`, but {}", Self::FILTERS.join(", "))))
            }
            None => Ok(Self(filters)),
        }
    }

    fn fits(&self, summary: &Summary) -> bool {
        self.0.iter().all(|(name, values)| match name.as_str() {
            "label" => values.iter().all(|label| match label.split_once('=') {
                Some((name, value)) => summary.labels.get(name).is_some_and(|has| has == value),
                None => summary.labels.contains_key(label),
            }),
            "id" => values.iter().any(|id| summary.id.starts_with(id)),
            "name" => values.iter().any(|name| summary.name.contains(name.trim_start_matches('/'))),
            "status" => values.contains(&summary.state),
            "ancestor" => values.iter().any(|image| same_image(image, &summary.image)),
            "owner" => values.iter().any(|owner| summary.owner.as_deref() == Some(owner)),
            _ => true,
        })
    }
}

/// Whether two names mean one image: without a tag it is the latest.
fn same_image(one: &str, other: &str) -> bool {
    one.strip_suffix(":latest").unwrap_or(one) == other.strip_suffix(":latest").unwrap_or(other)
}

fn bad(field: &str, why: &str) -> Failure {
    Failure::new(ErrorCode::BadField, format!("field `{field}` of `list-containers` is not valid: {why}"))
}
