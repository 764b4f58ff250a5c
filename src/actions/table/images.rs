//! Images.

use super::super::{list_images, pull_image, push_image};
use super::{ALL, CREDENTIALS, CURSOR, FILTERS, IMAGE, LIMIT, text};
use crate::actions::Kind::{Filters, Flag, Whole};
use crate::actions::{Access, Action, Field, Recorded, Target};
use crate::docker::Method;
use crate::protocol::Resource;
use crate::protocol::limits::PULL_TIMEOUT;
use Access::{Delete, Operate, View};
use Target::{Daemon, NamedDaemon};

const CHANGED: Recorded = Recorded::Resource(Resource::Images);

pub(super) static IMAGES: &[Action] = &[
    Action::own("list-images", View, Daemon, "a dock's images; or the cluster's", |context| {
        Box::pin(list_images::run(context))
    })
    .widens()
    .fields(&[
        ALL,
        Field::new("filters", Filters, "Docker's filters, such as {\"dangling\": [\"true\"]}"),
        LIMIT,
        CURSOR,
        Field::new("intermediate", Flag, "intermediate images too: Docker's own `all`"),
        Field::new("digests", Flag, "with their digests, which the rows of the cluster always have"),
    ]),
    Action::plain(
        "inspect-image",
        View,
        Daemon,
        Method::GET,
        "/images/{}/json",
        "everything the daemon knows about an image",
    )
    .fields(&[IMAGE]),
    Action::plain("image-history", View, Daemon, Method::GET, "/images/{}/history", "how an image was made")
        .also(&["history-image"])
        .fields(&[IMAGE]),
    Action::own("pull-image", Operate, Daemon, "fetches an image to a dock", |context| {
        Box::pin(pull_image::run(context))
    })
    .within(PULL_TIMEOUT)
    .again()
    .recorded(CHANGED)
    .fields(&[IMAGE, CREDENTIALS]),
    Action::own("push-image", Operate, NamedDaemon, "sends a dock's image to its registry", |context| {
        Box::pin(push_image::run(context))
    })
    .within(PULL_TIMEOUT)
    .again()
    .fields(&[IMAGE, CREDENTIALS]),
    Action::plain("tag-image", Operate, NamedDaemon, Method::POST, "/images/{}/tag", "gives an image a further name")
        .again()
        .recorded(CHANGED)
        .fields(&[
            IMAGE,
            text("repo", "the further name").required().query("repo"),
            text("tag", "the tag (latest)").query("tag"),
        ]),
    Action::plain("remove-image", Delete, NamedDaemon, Method::DELETE, "/images/{}", "removes an image")
        .also(&["delete-image"])
        .gone_when_done()
        .recorded(CHANGED)
        .fields(&[
            IMAGE,
            Field::new("force", Flag, "even if a stopped container uses it").query("force"),
            Field::new("noprune", Flag, "keep its untagged parents").query("noprune"),
        ]),
    Action::plain("prune-images", Delete, NamedDaemon, Method::POST, "/images/prune", "removes a dock's unused images")
        .again()
        .recorded(CHANGED)
        .fields(&[FILTERS]),
    Action::plain("search-images", View, Daemon, Method::GET, "/images/search", "searches Docker Hub").fields(&[
        text("term", "what to search for").required().query("term"),
        Field::new("limit", Whole(1, 100), "how many").query("limit"),
        FILTERS,
    ]),
];
