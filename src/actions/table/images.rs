//! Images.

use super::super::{list_images, pull_image, push_image};
use super::{ALL, CREDENTIALS, CURSOR, FILTERS, IMAGE, LIMIT, STREAM, text};
use crate::actions::Kind::{Filters, Flag, Labels, Pairs, TextOrList, Whole};
use crate::actions::{Access, Action, Field, Recorded, Streams, Target};
use crate::docker::Method;
use crate::protocol::limits::PULL_TIMEOUT;
use crate::protocol::{ErrorCode, Resource};
use Access::{Create, Delete, Exec, Operate, View};
use Target::{Daemon, NamedDaemon};

const CHANGED: Recorded = Recorded::Resource(Resource::Images);

pub(super) static IMAGES: &[Action] = &[
    Action::own("list-images", View, Daemon, "a dock's images; or the cluster's", |context| {
        Box::pin(list_images::run(context))
    })
    .widens()
    .fields(&[
        ALL,
        Field::new("filters", Filters, "Docker's filters, such as {\"dangling\": [\"true\"]}")
            .safe("every role sees all images"),
        LIMIT,
        CURSOR,
        Field::new("intermediate", Flag, "intermediate images too: Docker's own `all`")
            .safe("every role sees all images"),
        Field::new("digests", Flag, "with their digests, which the rows of the cluster always have")
            .safe("every role sees all images"),
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
    Action::own("pull-image", Create, Daemon, "fetches an image to a dock", |context| {
        Box::pin(pull_image::run(context))
    })
    .serves_creates()
    .within(PULL_TIMEOUT)
    .again()
    .recorded(CHANGED)
    .streaming(Streams::Asked(&["stream"]))
    .fields(&[IMAGE, CREDENTIALS, STREAM]),
    Action::own("push-image", Operate, NamedDaemon, "sends a dock's image to its registry", |context| {
        Box::pin(push_image::run(context))
    })
    .within(PULL_TIMEOUT)
    .again()
    .streaming(Streams::Asked(&["stream"]))
    .fields(&[IMAGE, CREDENTIALS, STREAM]),
    Action::plain(
        "build-image",
        Create,
        NamedDaemon,
        Method::POST,
        "/build",
        "builds an image from a tar archive with a Dockerfile, `deblox.input.<id>`",
    )
    .within(PULL_TIMEOUT)
    .always(&[("rm", "true"), ("forcerm", "true")])
    .up()
    .messages(ErrorCode::BuildFailed)
    .recorded(CHANGED)
    .fields(&[
        Field::new("tags", TextOrList, "names for the image").query("t"),
        text("dockerfile", "the path of the Dockerfile in the archive (Dockerfile)").query("dockerfile"),
        Field::new("build-args", Pairs, "values for ARG").query("buildargs"),
        Field::new("labels", Labels, "labels of the image").query("labels"),
        text("target", "the stage to build").query("target"),
        text("platform", "the platform, such as linux/arm64").query("platform"),
        Field::new("no-cache", Flag, "build each step anew (false)").query("nocache"),
        Field::new("pull", Flag, "fetch the images that it is built from, even where there are some (false)")
            .query("pull"),
    ]),
    Action::plain(
        "import-image",
        Create,
        NamedDaemon,
        Method::POST,
        "/images/create",
        "makes an image of the files in a tar archive, `deblox.input.<id>`",
    )
    .within(PULL_TIMEOUT)
    .always(&[("fromSrc", "-")])
    .up()
    .messages(ErrorCode::DockerError)
    .recorded(CHANGED)
    .fields(&[
        text("repo", "the image's name").query("repo"),
        text("tag", "the image's tag").query("tag"),
        text("message", "a comment").query("message"),
    ]),
    Action::plain("save-images", Exec, NamedDaemon, Method::GET, "/images/get", "streams images, as a tar archive")
        .also(&["save-image"])
        .reveals()
        .streaming(Streams::Always)
        .fields(&[Field::new("images", TextOrList, "the images")
            .or("image")
            .required()
            .query("names")
            .safe("those who see all may have them")]),
    Action::plain(
        "load-images",
        Create,
        NamedDaemon,
        Method::POST,
        "/images/load",
        "brings back the images in a tar archive that save-images gave, `deblox.input.<id>`",
    )
    .also(&["load-image"])
    .within(PULL_TIMEOUT)
    .up()
    .messages(ErrorCode::DockerError)
    .recorded(CHANGED),
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
        text("term", "what to search for").required().query("term").safe("a registry in it is checked"),
        Field::new("limit", Whole(1, 100), "how many").query("limit").safe("it bounds the answer"),
        FILTERS,
    ]),
];
