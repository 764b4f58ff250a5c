//! `list-volumes`: those of one dock, as its daemon lists them, or those of the whole cluster, as the shared records
//! have them.

use super::list_cluster::{of_one_dock, page};
use super::list_filters::{ListFilters, is_one_of, is_part_of};
use super::{Context, Outcome};
use crate::protocol::{Failure, VolumeRecord};

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    if !context.arguments.flag("all") {
        return of_one_dock(context, "/volumes", &[], &[("filters", "filters")], None).await;
    }
    let filters = ListFilters::new(context, &["name", "driver", "label"])?;
    page(context, "volumes", |volume: &VolumeRecord| fits(&filters, volume)).await
}

fn fits(filters: &ListFilters, volume: &VolumeRecord) -> bool {
    filters.fit(&volume.labels, |name, values| match name {
        "name" => is_part_of(values, &volume.name),
        "driver" => is_one_of(values, &volume.driver),
        _ => true,
    })
}
