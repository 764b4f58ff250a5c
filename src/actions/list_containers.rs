//! `list-containers`: those of one dock, as its daemon lists them, or those of the whole cluster, as the shared
//! records have them.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::bounds::refusal;
use super::list_cluster::{bad, page, rows_of_one_dock};
use super::list_filters::{ListFilters, is_one_of};
use super::masked::with_body;
use super::sight::Sight;
use super::{Context, Outcome};
use crate::docker::{CarriedLabels, Rows};
use crate::protocol::masking::mask;
use crate::protocol::{Failure, Summary, quoted};

/// Filters that say nothing of any container but those in the answer.
const FILTERS: [&str; 14] = [
    "ancestor",
    "exited",
    "expose",
    "health",
    "id",
    "is-task",
    "isolation",
    "label",
    "name",
    "network",
    "owner",
    "publish",
    "status",
    "volume",
];

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let sight = Sight::of(context).await?;
    if !sight.is_all() {
        check_filters(context)?;
    }
    if !context.arguments.flag("all") {
        // Among those that the caller sees the newest are chosen here.
        let limit = if sight.is_all() { "limit" } else { "" };
        let fields = [("filters", "filters"), ("limit", limit), ("size", "size")];
        let rows = match rows_of_one_dock(context, "/containers/json", &[("all", "true")], &fields).await? {
            Ok(rows) if sight.is_all() => rows,
            Ok(rows) => seen(context, rows, &sight).await?,
            Err(refused) => return Ok(refused),
        };
        return masked(context, Outcome::Answer(rows.into_answer()?), &sight).await;
    }
    if context.arguments.has("size") {
        return Err(bad(context, "size", "the shared records have no sizes: leave `all` out"));
    }
    let filters = ListFilters::new(context, &["id", "name", "status", "label", "ancestor", "owner"])?;
    let seen = |summary: &Summary| sight.sees(&summary.id, summary.owner.as_deref());
    let page = page(context, "containers", |summary: &Summary| seen(summary) && fits(&filters, summary)).await?;
    masked(context, page, &sight).await
}

/// The same with the secrets masked in the rows of those instances in which the caller may not run anything.
async fn masked(context: &Context<'_>, outcome: Outcome, sight: &Sight<'_>) -> Result<Outcome, Failure> {
    let Outcome::Answer(answer) = outcome else { return Ok(outcome) };
    let Some(mut body) = answer.read_json().filter(|_| !context.shows_secrets) else {
        return Ok(Outcome::Answer(answer));
    };
    let rows = if body.is_array() { &mut body } else { &mut body["containers"] };
    let mut changed = false;
    for row in rows.as_array_mut().into_iter().flatten() {
        // The daemon's own rows, and those of the records.
        let id = row["Id"].as_str().or(row["id"].as_str()).unwrap_or_default();
        let owner = match row["ImageID"].as_str() {
            Some(image) => context.docker.own_labels(image, CarriedLabels::read(&row["Labels"])).await?.owner,
            None => row["owner"].as_str().filter(|owner| !owner.is_empty()).map(str::to_owned),
        };
        if !sight.shows_secrets(context, id, owner.as_deref()) {
            changed |= mask(row);
        }
    }
    Ok(Outcome::Answer(if changed { with_body(answer, &body) } else { answer }))
}

/// Refuses the filters that say something of containers which the caller may not see.
fn check_filters(context: &Context<'_>) -> Result<(), Failure> {
    let mut names = context.arguments.get("filters").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    match names.find(|name| !FILTERS.contains(&name.as_str())) {
        Some(name) => Err(refusal(&format!("filters.{}", quoted(name)), "it may be about containers of others")),
        None => Ok(()),
    }
}

/// Those of a daemon's list that the caller sees, and of these as many as the request asks for. What is not shown must not
/// make the list too large.
async fn seen(context: &Context<'_>, mut rows: Rows, sight: &Sight<'_>) -> Result<Rows, Failure> {
    let mut shown = HashSet::new();
    for row in rows.iter() {
        let image = row["ImageID"].as_str().unwrap_or_default();
        let owner = context.docker.own_labels(image, CarriedLabels::read(&row["Labels"])).await?.owner;
        shown.extend(row["Id"].as_str().filter(|id| sight.sees(id, owner.as_deref())).map(str::to_owned));
    }
    let most = context.arguments.whole("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    rows.keep(|row| row["Id"].as_str().is_some_and(|id| shown.contains(id)), most);
    Ok(rows)
}

fn fits(filters: &ListFilters, summary: &Summary) -> bool {
    filters.fit(&summary.labels, |name, values| match name {
        "id" => values.iter().any(|id| summary.id.starts_with(id)),
        "name" => values.iter().any(|name| summary.name.contains(name.trim_start_matches('/'))),
        "status" => is_one_of(values, &summary.state),
        "ancestor" => values.iter().any(|image| same_image(image, &summary.image)),
        "owner" => summary.owner.as_ref().is_some_and(|owner| values.contains(owner)),
        _ => true,
    })
}

/// Whether two names mean one image: without a tag it is the latest.
fn same_image(one: &str, other: &str) -> bool {
    one.strip_suffix(":latest").unwrap_or(one) == other.strip_suffix(":latest").unwrap_or(other)
}
