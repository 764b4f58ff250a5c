//! Docker's filters, as far as the shared records can answer them.

use std::collections::BTreeMap;

use super::Context;
use super::list_cluster::bad;
use crate::protocol::{Failure, Labels};

/// The filters of one request. Several filters must all fit; several values of one are alternatives, but labels must
/// all be there, as with Docker.
pub(super) struct ListFilters(BTreeMap<String, Vec<String>>);

impl ListFilters {
    /// Reads the filters of a request; a filter without a value is none, as with Docker.
    ///
    /// # Errors
    /// A [`Failure`] for a filter that is not among `known`.
    pub(super) fn new(context: &Context<'_>, known: &[&str]) -> Result<Self, Failure> {
        let mut filters: BTreeMap<String, Vec<String>> = context
            .arguments
            .get("filters")
            .and_then(|filters| serde_json::from_value(filters.clone()).ok())
            .unwrap_or_default();
        if let Some(name) = filters.keys().find(|name| !known.contains(&name.as_str())) {
            let why = format!("with `all` there is no `{name}`, but {}", known.join(", "));
            return Err(bad(context, "filters", &why));
        }
        filters.retain(|_, values| !values.is_empty());
        Ok(Self(filters))
    }

    /// The values of one filter; none if it is not there.
    pub(super) fn values(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether every filter but `label` fits by `fits`, given its name and its values, and all labels are there.
    pub(super) fn fit(&self, labels: &Labels, fits: impl Fn(&str, &[String]) -> bool) -> bool {
        self.0.iter().all(|(name, values)| match name.as_str() {
            "label" => values.iter().all(|label| is_there(label, labels)),
            name => fits(name, values),
        })
    }
}

/// Whether `text` is all or a part of a name.
pub(super) fn is_part_of(values: &[String], name: &str) -> bool {
    values.iter().any(|value| name.contains(value.as_str()))
}

/// Whether it is one of the values.
pub(super) fn is_one_of(values: &[String], text: &str) -> bool {
    values.iter().any(|value| value == text)
}

/// Whether there is a label `NAME`, or one `NAME=VALUE`.
fn is_there(label: &str, labels: &Labels) -> bool {
    match label.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|has| has == value),
        None => labels.contains_key(label),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Filters as a request would bring them.
    pub(in super::super) fn filters<const N: usize>(filters: [(&str, &[&str]); N]) -> ListFilters {
        let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        ListFilters(filters.into_iter().map(|(name, values)| (name.to_owned(), texts(values))).collect())
    }

    #[test]
    fn labels_must_all_be_there_and_everything_else_must_fit() {
        let labels = Labels::from([("team".into(), "x".into()), ("empty".into(), String::new())]);
        let fit = |values: &[&str], other| filters([("label", values), ("other", &["o"])]).fit(&labels, |_, _| other);
        assert!(fit(&["team"], true) && fit(&["team=x", "empty"], true) && fit(&["empty="], true));
        assert!(!fit(&["team"], false));
        for missing in ["x", "team=", "team=y", "tea"] {
            assert!(!fit(&["team", missing], true), "{missing}");
        }
    }

    #[test]
    fn a_name_fits_by_any_part_of_it() {
        let values = ["web".to_owned(), "db".to_owned()];
        assert!(is_part_of(&values, "my-web-1") && is_part_of(&values, "db") && !is_part_of(&values, "wdeb"));
        assert!(is_one_of(&values, "web") && !is_one_of(&values, "my-web-1"));
    }
}
