//! Networks, volumes, and the daemon itself.

use super::super::{dock_stats, events, list_networks, list_volumes, raw_docker};
use super::{ALL, CURSOR, FILTERS, LIMIT, STREAM, TIMESTAMP, text};
use crate::actions::Kind::{Filters, Flag, Labels, Object, Pairs, Word};
use crate::actions::{Access, Action, Field, Place, Recorded, Streams, Target};
use crate::docker::Method;
use crate::protocol::Resource;
use Access::{Create, Delete, Operate, View};
use Target::{Daemon, Instance, NamedDaemon};

const NETWORKS_CHANGED: Recorded = Recorded::Resource(Resource::Networks);
const VOLUMES_CHANGED: Recorded = Recorded::Resource(Resource::Volumes);

const NETWORK: Field = text("network", "a network: id or name").required().path();
const VOLUME: Field = text("volume", "a volume's name").required().path();
const FORCE: Field = Field::new("force", Flag, "even if something is wrong with it").query("force");

pub(super) static NETWORKS: &[Action] = &[
    Action::own("list-networks", View, Daemon, "a dock's networks; or the cluster's", |context| {
        Box::pin(list_networks::run(context))
    })
    .widens()
    .fields(&[ALL, FILTERS, LIMIT, CURSOR]),
    Action::plain("inspect-network", View, Daemon, Method::GET, "/networks/{}", "everything about a network")
        .reveals()
        .fields(&[NETWORK, Field::new("verbose", Flag, "with more").query("verbose")]),
    Action::plain("create-network", Create, NamedDaemon, Method::POST, "/networks/create", "makes a network")
        .recorded(NETWORKS_CHANGED)
        .fields(&[
            text("name", "its name").required().body("Name"),
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
    .fields(&[NETWORK, Field::new("endpoint", Object, "Docker's EndpointConfig object").body("EndpointConfig")]),
    Action::plain(
        "disconnect-network",
        Operate,
        Instance,
        Method::POST,
        "/networks/{}/disconnect",
        "takes an instance off a network",
    )
    .instance_in(Place::Body("Container"))
    .fields(&[NETWORK, Field::new("force", Flag, "whatever it does there").body("Force")]),
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
            text("name", "its name").body("Name"),
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
        Field::new("all", Flag, "those of the whole cluster, `deblox.events`, a JSON object a line"),
        Field::new("audit", Flag, "with `all`: the audit, `deblox.audit`, in the place of the events"),
        text("after", "with `all`: what comes after the event that had this as `at` (from now on)"),
        Field::new("kept", Flag, "with `all`: end with the last that is kept; without `after`, begin with the first"),
        Field::new("since", TIMESTAMP, "from this time on, in seconds since the epoch (from now on)"),
        Field::new("until", TIMESTAMP, "to this time; then the stream ends"),
        Field::new("filters", Filters, "Docker's filters, such as {\"type\": [\"container\"]}"),
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
        Field::new("method", Word(&["GET", "HEAD", "POST", "PUT", "DELETE"]), "the HTTP method (GET)"),
        text("path", "the path below the API's version, such as /containers/json").required(),
        Field::new("query", Pairs, "query parameters"),
        Field::new("headers", Pairs, "further headers: Content-Type and those that begin with X-Registry-"),
        Field::new("body", Object, "the body, as JSON"),
        text("body-base64", "the body, as base64, where it is not JSON"),
        STREAM,
        Field::new("upload", Flag, "with `deblox.input.<id>` as the body; as a stream"),
    ]),
];
