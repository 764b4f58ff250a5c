//! Networks, volumes, and the daemon itself.

use super::super::{dock_stats, events, list_networks, list_volumes, raw_docker};
use super::{ALL, CURSOR, FILTERS, LIMIT, STREAM, TIMESTAMP, text};
use crate::actions::Kind::{Filters, Flag, Labels, Name, Object, Pairs, Word};
use crate::actions::{Access, Action, Field, Place, Recorded, Streams, Target};
use crate::docker::Method;
use crate::protocol::Resource;
use Access::{Create, Delete, Operate, View};
use Target::{Daemon, Instance, NamedDaemon};

const NETWORKS_CHANGED: Recorded = Recorded::Resource(Resource::Networks);
const VOLUMES_CHANGED: Recorded = Recorded::Resource(Resource::Volumes);

const NETWORK: Field = Field::new("network", Name, "a network: id or name")
    .required()
    .path()
    .safe("one part of a path; whose network it is, is checked where a container joins it");
const VOLUME: Field =
    Field::new("volume", Name, "a volume's name").required().path().safe("one part of a path; it is only looked at");
/// Why users and viewers may make calls of the daemon's own API.
const CALLS: &str = "a table of the daemon's API says what of each call is for whom";

const FORCE: Field = Field::new("force", Flag, "even if something is wrong with it").query("force");

pub(super) static NETWORKS: &[Action] = &[
    Action::own("list-networks", View, Daemon, "a dock's networks; or the cluster's", |context| {
        Box::pin(list_networks::run(context))
    })
    .widens()
    .fields(&[ALL, FILTERS, LIMIT, CURSOR]),
    Action::plain("inspect-network", View, Daemon, Method::GET, "/networks/{}", "everything about a network")
        .reveals()
        .fields(&[
            NETWORK,
            Field::new("verbose", Flag, "with more").query("verbose").safe("it tells more of what the caller may see"),
        ]),
    Action::plain("create-network", Create, NamedDaemon, Method::POST, "/networks/create", "makes a network")
        .recorded(NETWORKS_CHANGED)
        .fields(&[
            Field::new("name", Name, "its name").required().body("Name"),
            text("driver", "its driver (bridge)").body("Driver"),
            Field::new("internal", Flag, "without a way out").body("Internal"),
            Field::new("attachable", Flag, "containers may join it by hand").body("Attachable"),
            Field::new("ipv6", Flag, "with IPv6").body("EnableIPv6"),
            Field::new("ipam", Object, "Docker's IPAM object: {\"Config\": [{\"Subnet\": \"10.1.0.0/24\"}]}")
                .body("IPAM"),
            Field::new("options", Pairs, "options of the driver").body("Options"),
            Field::new("labels", Labels, "its labels").body("Labels"),
        ]),
    Action::plain("remove-network", Delete, NamedDaemon, Method::DELETE, "/networks/{}", "removes a network")
        .also(&["delete-network"])
        .gone_when_done()
        .recorded(NETWORKS_CHANGED)
        .fields(&[NETWORK]),
    Action::plain(
        "prune-networks",
        Delete,
        NamedDaemon,
        Method::POST,
        "/networks/prune",
        "removes a dock's unused networks",
    )
    .again()
    .recorded(NETWORKS_CHANGED)
    .fields(&[FILTERS]),
    Action::plain(
        "connect-network",
        Operate,
        Instance,
        Method::POST,
        "/networks/{}/connect",
        "joins an instance to a network",
    )
    .instance_in(Place::Body("Container"))
    .fields(&[
        NETWORK,
        Field::new("endpoint", Object, "Docker's EndpointConfig object")
            .body("EndpointConfig")
            .safe("each of its fields is checked"),
    ]),
    Action::plain(
        "disconnect-network",
        Operate,
        Instance,
        Method::POST,
        "/networks/{}/disconnect",
        "takes an instance off a network",
    )
    .instance_in(Place::Body("Container"))
    .fields(&[
        NETWORK,
        Field::new("force", Flag, "whatever it does there").body("Force").safe("it is about the container alone"),
    ]),
];

pub(super) static VOLUMES: &[Action] = &[
    Action::own("list-volumes", View, Daemon, "a dock's volumes; or the cluster's", |context| {
        Box::pin(list_volumes::run(context))
    })
    .widens()
    .fields(&[ALL, FILTERS, LIMIT, CURSOR]),
    Action::plain("inspect-volume", View, Daemon, Method::GET, "/volumes/{}", "everything about a volume")
        .fields(&[VOLUME]),
    Action::plain("create-volume", Create, NamedDaemon, Method::POST, "/volumes/create", "makes a volume")
        .recorded(VOLUMES_CHANGED)
        .fields(&[
            Field::new("name", Name, "its name").body("Name"),
            text("driver", "its driver (local)").body("Driver"),
            Field::new("options", Pairs, "options of the driver").body("DriverOpts"),
            Field::new("labels", Labels, "its labels").body("Labels"),
        ]),
    Action::plain(
        "remove-volume",
        Delete,
        NamedDaemon,
        Method::DELETE,
        "/volumes/{}",
        "removes a volume and what is in it",
    )
    .also(&["delete-volume"])
    .gone_when_done()
    .recorded(VOLUMES_CHANGED)
    .fields(&[VOLUME, FORCE]),
    Action::plain(
        "prune-volumes",
        Delete,
        NamedDaemon,
        Method::POST,
        "/volumes/prune",
        "removes a dock's unused volumes",
    )
    .again()
    .recorded(VOLUMES_CHANGED)
    .fields(&[FILTERS]),
];

pub(super) static DAEMON: &[Action] = &[
    Action::plain("system-info", View, Daemon, Method::GET, "/info", "what the daemon says about its host"),
    Action::plain("system-version", View, Daemon, Method::GET, "/version", "the daemon's versions"),
    Action::plain("disk-usage", View, Daemon, Method::GET, "/system/df", "what images, containers and volumes take up")
        .reveals(),
    Action::own("events", View, Daemon, "streams what happens at a dock's daemon; or in the cluster", |context| {
        Box::pin(events::run(context))
    })
    .reveals()
    .widens()
    .streaming(Streams::Always)
    .fields(&[
        Field::new("all", Flag, "those of the whole cluster, `deblox.events`, a JSON object a line")
            .safe("what the caller may not see is left out"),
        Field::new("audit", Flag, "with `all`: the audit, `deblox.audit`, in the place of the events")
            .safe("what the caller may not see is left out"),
        text("after", "with `all`: what comes after the event that had this as `at` (from now on)")
            .safe("it is a place in a stream that is filtered"),
        Field::new("kept", Flag, "with `all`: end with the last that is kept; without `after`, begin with the first")
            .safe("it bounds a stream that is filtered"),
        Field::new("since", TIMESTAMP, "from this time on, in seconds since the epoch (from now on)")
            .safe("it bounds the answer"),
        Field::new("until", TIMESTAMP, "to this time; then the stream ends").safe("it bounds the answer"),
        Field::new("filters", Filters, "Docker's filters, such as {\"type\": [\"container\"]}")
            .safe("filters only leave out of what the action shows anyway"),
    ]),
    Action::own(
        "dock-stats",
        View,
        NamedDaemon,
        "streams what the running containers of a dock use, a JSON object every two seconds",
        |context| Box::pin(dock_stats::run(context)),
    )
    .streaming(Streams::Always),
    Action::own("docker", Access::Admin, NamedDaemon, "any call to the daemon's API", |context| {
        Box::pin(raw_docker::run(context))
    })
    .streaming(Streams::Asked(&["stream", "upload"]))
    .fields(&[
        Field::new("method", Word(&["GET", "HEAD", "POST", "PUT", "DELETE"]), "the HTTP method (GET)").safe(CALLS),
        text("path", "the path below the API's version, such as /containers/json").required().safe(CALLS),
        Field::new("query", Pairs, "query parameters").safe(CALLS),
        Field::new("headers", Pairs, "further headers: Content-Type and those that begin with X-Registry-").safe(CALLS),
        Field::new("body", Object, "the body, as JSON").safe(CALLS),
        text("body-base64", "the body, as base64, where it is not JSON").safe(CALLS),
        STREAM,
        Field::new("upload", Flag, "with `deblox.input.<id>` as the body; as a stream").safe(CALLS),
    ]),
];
