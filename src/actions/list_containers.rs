//! `list-containers`: those of one dock, as its daemon lists them, or those of the whole cluster, as the shared
//! records have them.

use serde_json::Value;

use super::list_cluster::{Chosen, bad, of_one_dock, page};
use super::list_filters::{ListFilters, is_one_of};
use super::sight::Sight;
use super::{Context, Outcome};
use crate::protocol::{Failure, Summary, label};

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let sight = Sight::of(context).await?;
    if !context.arguments.flag("all") {
        // Among those that the caller sees the newest are chosen here.
        let limit = if sight.is_all() { "limit" } else { "" };
        let fields = [("filters", "filters"), ("limit", limit), ("size", "size")];
        let most = context.arguments.whole("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let sees = |row: &Value| {
            let owner = row["Labels"][label::OWNER].as_str().filter(|owner| !owner.is_empty());
            sight.sees(row["Id"].as_str().unwrap_or_default(), owner)
        };
        let chosen: Option<Chosen<'_>> = (!sight.is_all()).then_some((&sees, most));
        return of_one_dock(context, "/containers/json", &[("all", "true")], &fields, chosen).await;
    }
    if context.arguments.has("size") {
        return Err(bad(context, "size", "the shared records have no sizes: leave `all` out"));
    }
    let filters = ListFilters::new(context, &["id", "name", "status", "label", "ancestor", "owner"])?;
    let seen = |summary: &Summary| sight.sees(&summary.id, summary.owner.as_deref());
    page(context, "containers", |summary: &Summary| seen(summary) && fits(&filters, summary)).await
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
