//! `list-images`: those of one dock, as its daemon lists them, or those of the whole cluster, as the shared records
//! have them.

use super::glob::Glob;
use super::list_cluster::{bad, of_one_dock, page};
use super::list_filters::ListFilters;
use super::{Context, Outcome};
use crate::protocol::{Failure, ImageRecord};

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    if !context.arguments.flag("all") {
        let fields = [("filters", "filters"), ("intermediate", "all"), ("digests", "digests")];
        return of_one_dock(context, "/images/json", &[], &fields).await;
    }
    if context.arguments.flag("intermediate") {
        let why = "the shared records have no intermediate images: leave `all` out";
        return Err(bad(context, "intermediate", why));
    }
    let filters = ListFilters::new(context, &["reference", "dangling", "label"])?;
    let wanted = Wanted::new(filters).map_err(|why| bad(context, "filters", &why))?;
    page(context, "images", |image: &ImageRecord| wanted.fits(image)).await
}

/// The filters, with their values understood.
struct Wanted {
    filters: ListFilters,
    references: Vec<Glob>,
    dangling: bool,
}

impl Wanted {
    fn new(filters: ListFilters) -> Result<Self, String> {
        let read = |pattern: &String| {
            Glob::new(pattern).ok_or_else(|| format!("the `reference` {pattern:?} is no pattern that Docker knows"))
        };
        let references = filters.values("reference").iter().map(read).collect::<Result<_, _>>()?;
        let dangling = match filters.values("dangling") {
            [] => false,
            [one] if matches!(one.as_str(), "true" | "1") => true,
            [one] if matches!(one.as_str(), "false" | "0") => false,
            _ => return Err("`dangling` is true or false".to_owned()),
        };
        Ok(Self { filters, references, dangling })
    }

    fn fits(&self, image: &ImageRecord) -> bool {
        self.filters.fit(&image.labels, |name, _| match name {
            "reference" => image.tags.iter().chain(&image.digests).any(|name| self.is_referred_to(name)),
            // What was pulled by its digest has no tag, and is among both.
            "dangling" if self.dangling => image.tags.is_empty(),
            "dangling" => !image.tags.is_empty() || !image.digests.is_empty(),
            _ => true,
        })
    }

    /// Whether a pattern means an image of that name: with tag or digest, or without.
    fn is_referred_to(&self, name: &str) -> bool {
        self.references.iter().any(|pattern| pattern.fits(name) || pattern.fits(bare(name)))
    }
}

/// An image's name without its tag or its digest.
fn bare(name: &str) -> &str {
    if let Some((bare, _)) = name.split_once('@') {
        return bare;
    }
    // The colon of a port has a slash behind it.
    match name.rsplit_once(':') {
        Some((bare, tag)) if !tag.contains('/') => bare,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::super::list_filters::tests::filters;
    use super::*;

    fn fits(filter: &str, values: &[&str], image: &ImageRecord) -> bool {
        Wanted::new(filters([(filter, values)])).expect("valid filters").fits(image)
    }

    fn image(tags: &[&str], digests: &[&str]) -> ImageRecord {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let (tags, digests) = (texts(tags), texts(digests));
        ImageRecord {
            id: "sha256:cc6d".into(),
            tags,
            digests,
            size: 1,
            created: 1,
            labels: [].into(),
            clipped: Vec::new(),
        }
    }

    #[test]
    fn a_reference_fits_as_docker_has_it() {
        let image = image(&["busybox:1.36", "registry.test:5000/team/app:2"], &["busybox@sha256:9ae9"]);
        for pattern in [
            "busybox",
            "busybox:1.36",
            "busy*",
            "busybox:*",
            "b?sybox:1.[0-9][0-9]",
            "busybox@sha256:*",
            "*/*/app",
            "registry.test:5000/team/app",
            "registry.test:5000/*/app:2",
        ] {
            assert!(fits("reference", &[pattern], &image), "{pattern}");
        }
        for pattern in
            ["busy", "busybox:2", "app", "*app", "*/app", "team/app", "registry.test", "cc6d", "docker.io/*/busybox"]
        {
            assert!(!fits("reference", &[pattern], &image), "{pattern}");
        }
        assert!(fits("reference", &["none", "busybox"], &image), "several are alternatives");
        assert!(!fits("reference", &["*"], &self::image(&[], &[])), "what has no name has no reference");
        assert!(Wanted::new(filters([("reference", &["[a"])])).is_err());
    }

    #[test]
    fn what_has_no_tag_is_dangling() {
        let (tagged, digested, bare) = (image(&["a:1"], &["a@sha256:1"]), image(&[], &["a@sha256:1"]), image(&[], &[]));
        let dangling = |value: &str| [&tagged, &digested, &bare].map(|image| fits("dangling", &[value], image));
        assert_eq!(dangling("true"), [false, true, true]);
        assert_eq!(dangling("false"), [true, true, false]);
        assert_eq!(dangling("1"), dangling("true"));
        for values in [["yes"].as_slice(), &["true", "false"]] {
            assert!(Wanted::new(filters([("dangling", values)])).is_err(), "{values:?}");
        }
    }
}
