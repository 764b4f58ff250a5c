//! `list-networks`: those of one dock, as its daemon lists them, or those of the whole cluster, as the shared records
//! have them.

use super::list_cluster::{bad, of_one_dock, page};
use super::list_filters::{ListFilters, is_one_of, is_part_of};
use super::{Context, Outcome};
use crate::protocol::{Failure, NetworkRecord};

/// The networks that every daemon has.
const BUILTIN: [&str; 4] = ["bridge", "host", "none", "default"];

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    if !context.arguments.flag("all") {
        return of_one_dock(context, "/networks", &[], &[("filters", "filters")]).await;
    }
    let filters = ListFilters::new(context, &["id", "name", "driver", "scope", "type", "label"])?;
    if filters.values("type").iter().any(|kind| !matches!(kind.as_str(), "builtin" | "custom")) {
        return Err(bad(context, "filters", "a `type` is builtin or custom"));
    }
    page(context, "networks", |network: &NetworkRecord| fits(&filters, network)).await
}

fn fits(filters: &ListFilters, network: &NetworkRecord) -> bool {
    let kind = if BUILTIN.contains(&network.name.as_str()) { "builtin" } else { "custom" };
    filters.fit(&network.labels, |name, values| match name {
        "id" => is_part_of(values, &network.id),
        "name" => is_part_of(values, &network.name),
        "driver" => is_one_of(values, &network.driver),
        "scope" => is_one_of(values, &network.scope),
        "type" => is_one_of(values, kind),
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::super::list_filters::tests::filters;
    use super::*;

    #[test]
    fn networks_fit_as_docker_has_it() {
        let network = |name: &str| NetworkRecord {
            id: "f90f269ebe8f".into(),
            name: name.into(),
            driver: "bridge".into(),
            scope: "local".into(),
            internal: false,
            attachable: false,
            created: None,
            labels: [("team".into(), "x".into())].into(),
            clipped: Vec::new(),
        };
        let fit = |name: &str, value: &str, of: &str| fits(&filters([(name, &[value, "#"])]), &network(of));
        for (name, value, of) in [
            ("id", "f90f", "a"),
            ("id", "269e", "a"),
            ("name", "back", "my-backend"),
            ("driver", "bridge", "a"),
            ("scope", "local", "a"),
            ("type", "custom", "bridges"),
            ("type", "builtin", "bridge"),
            ("type", "builtin", "none"),
        ] {
            assert!(fit(name, value, of), "{name} {value}: {of}");
        }
        for (name, value, of) in [
            ("id", "x", "a"),
            ("name", "Back", "my-backend"),
            ("driver", "bri", "a"),
            ("scope", "loc", "a"),
            ("type", "custom", "host"),
            ("type", "builtin", "hosts"),
        ] {
            assert!(!fit(name, value, of), "{name} {value}: {of}");
        }
    }
}
