//! The table of all actions. A plain one is a row here and nothing else.

use super::Kind::{Filters, Flag, Image, List, Number, Object, Pairs, Size, Text, TextOrList, Whole, Word};
use super::{Access, Action, Field, Kind, Plain, Run, Target};
use super::{container_logs, create_container, list_docks, ping, pull_image, registration};
use crate::docker::Method;
use crate::protocol::limits::{LOG_LINES, PULL_TIMEOUT, REQUEST_TIMEOUT};

const HOSTNAME: Field = Field::new("hostname", Text, "the host's fully qualified domain name").required();
const IMAGE: Field = Field::new("image", Image, "an image: name, name:tag or id").required();

/// The seconds that Docker waits before it kills; a day is as good as for ever.
const GRACE: Field = Field::new("time", Whole(0, 86_400), "seconds to wait before it is killed (10)").query("t");

/// Seconds since the epoch, to the end of the year 9999.
const TIMESTAMP: Kind = Whole(0, 253_402_300_799);

const BASE: Action = Action {
    name: "",
    aliases: &[],
    about: "",
    access: Access::View,
    target: Target::Cluster,
    timeout: REQUEST_TIMEOUT,
    silent: false,
    fields: &[],
    run: Run::Own(|context| Box::pin(std::future::ready(Ok(ping::run(context))))),
};

const fn plain(method: Method, path: &'static str) -> Run {
    Run::Plain(Plain { method, path, query: &[] })
}

/// Every action, in the order of the documentation.
pub static ACTIONS: &[Action] = &[
    Action {
        name: "register",
        about: "adds a host to the list of known docks, or brings an unregistered one back; no reply",
        access: Access::Dock,
        silent: true,
        fields: &[HOSTNAME],
        run: Run::Own(|context| Box::pin(registration::register(context))),
        ..BASE
    },
    Action {
        name: "unregister",
        about: "takes a dock out of the pool; its instances run on; no reply",
        access: Access::Dock,
        silent: true,
        fields: &[HOSTNAME],
        run: Run::Own(|context| Box::pin(registration::unregister(context))),
        ..BASE
    },
    Action {
        name: "list-docks",
        about: "the known docks: hostname, state, lastSeen, engine, counts",
        run: Run::Own(|context| Box::pin(list_docks::run(context))),
        ..BASE
    },
    Action { name: "ping", about: "answers, without asking a daemon", ..BASE },
    Action {
        name: "create-container",
        about: "creates an instance on the fittest dock",
        access: Access::Create,
        target: Target::NewInstance,
        timeout: PULL_TIMEOUT,
        fields: &[
            IMAGE,
            Field::new("name", Text, "its name"),
            Field::new("cmd", TextOrList, "the command; one text is one word").or("command"),
            Field::new("entrypoint", TextOrList, "what runs the command"),
            Field::new("env", Pairs, "environment: [\"NAME=VALUE\"] or {\"NAME\": \"VALUE\"}"),
            Field::new("ports", List, "[[IP:]HOST:]CONTAINER[/PROTOCOL] each, ranges too").or("publish"),
            Field::new("volumes", List, "SOURCE:TARGET[:OPTIONS] or TARGET each").or("volume"),
            Field::new("labels", Pairs, "labels of the container; none may begin with deblox.").or("label"),
            Field::new("restart", Text, "no, always, unless-stopped, on-failure or on-failure:TIMES"),
            Field::new("network", Text, "the network it joins"),
            Field::new("memory", Size, "the most memory, such as 512m"),
            Field::new("cpus", Number, "the most processors, such as 1.5"),
            Field::new("user", Text, "NAME or UID, with :GROUP if wanted"),
            Field::new("workdir", Text, "the working directory"),
            Field::new("hostname", Text, "the name it has for itself"),
            Field::new("tty", Flag, "give it a terminal"),
            Field::new("interactive", Flag, "keep its standard input open"),
            Field::new("privileged", Flag, "give it all rights on its host"),
            Field::new("healthcheck", Object, "{\"cmd\", \"interval\", \"timeout\", \"start-period\", \"retries\"}"),
            Field::new("pull", Word(&["missing", "always", "never"]), "when to fetch the image (missing)"),
            Field::new("start", Flag, "start it as well (false)"),
            Field::new("owner", Text, "whom it belongs to (anonymous)"),
            Field::new("dock-labels", Pairs, "labels that its dock must have"),
        ],
        run: Run::Own(|context| Box::pin(create_container::run(context))),
        ..BASE
    },
    Action {
        name: "list-containers",
        about: "a dock's containers, in whatever state",
        target: Target::Daemon,
        fields: &[
            Field::new("filters", Filters, "Docker's filters, such as {\"status\": [\"running\"]}").query("filters"),
            Field::new("limit", Whole(1, 10_000), "the newest so many").query("limit"),
            Field::new("size", Flag, "with the size of their files").query("size"),
        ],
        run: Run::Plain(Plain { method: Method::GET, path: "/containers/json", query: &[("all", "true")] }),
        ..BASE
    },
    Action {
        name: "inspect-container",
        about: "everything the daemon knows about it",
        target: Target::Instance,
        fields: &[Field::new("size", Flag, "with the size of its files").query("size")],
        run: plain(Method::GET, "/containers/{}/json"),
        ..BASE
    },
    Action {
        name: "start-container",
        about: "starts it",
        access: Access::Operate,
        target: Target::Instance,
        run: plain(Method::POST, "/containers/{}/start"),
        ..BASE
    },
    Action {
        name: "stop-container",
        about: "asks it to stop, and kills it when it does not",
        access: Access::Operate,
        target: Target::Instance,
        fields: &[GRACE],
        run: plain(Method::POST, "/containers/{}/stop"),
        ..BASE
    },
    Action {
        name: "restart-container",
        about: "stops and starts it",
        access: Access::Operate,
        target: Target::Instance,
        fields: &[GRACE],
        run: plain(Method::POST, "/containers/{}/restart"),
        ..BASE
    },
    Action {
        name: "kill-container",
        about: "sends it a signal",
        access: Access::Operate,
        target: Target::Instance,
        fields: &[Field::new("signal", Text, "the signal (SIGKILL)").query("signal")],
        run: plain(Method::POST, "/containers/{}/kill"),
        ..BASE
    },
    Action {
        name: "delete-container",
        aliases: &["remove-container"],
        about: "removes it",
        access: Access::Delete,
        target: Target::Instance,
        fields: &[
            Field::new("force", Flag, "kill it first if it runs (false)").query("force"),
            Field::new("volumes", Flag, "remove its anonymous volumes too (false)").query("v"),
        ],
        run: plain(Method::DELETE, "/containers/{}"),
        ..BASE
    },
    Action {
        name: "container-logs",
        about: "the end of its log, as text",
        target: Target::Instance,
        fields: &[
            Field::new("tail", Whole(0, LOG_LINES), "how many lines (100)"),
            Field::new("since", TIMESTAMP, "nothing before this time, in seconds since the epoch"),
            Field::new("until", TIMESTAMP, "nothing after this time, in seconds since the epoch"),
            Field::new("timestamps", Flag, "the time before each line"),
            Field::new("stdout", Flag, "only the standard output, unless stderr is asked for too"),
            Field::new("stderr", Flag, "only the standard error, unless stdout is asked for too"),
        ],
        run: Run::Own(|context| Box::pin(container_logs::run(context))),
        ..BASE
    },
    Action {
        name: "list-images",
        about: "a dock's images",
        target: Target::Daemon,
        fields: &[
            Field::new("all", Flag, "intermediate images too").query("all"),
            Field::new("filters", Filters, "Docker's filters, such as {\"dangling\": [\"true\"]}").query("filters"),
            Field::new("digests", Flag, "with their digests").query("digests"),
        ],
        run: plain(Method::GET, "/images/json"),
        ..BASE
    },
    Action {
        name: "inspect-image",
        about: "everything the daemon knows about an image",
        target: Target::Daemon,
        fields: &[IMAGE],
        run: plain(Method::GET, "/images/{}/json"),
        ..BASE
    },
    Action {
        name: "pull-image",
        about: "fetches an image to a dock",
        access: Access::Operate,
        target: Target::Daemon,
        timeout: PULL_TIMEOUT,
        fields: &[IMAGE],
        run: Run::Own(|context| Box::pin(pull_image::run(context))),
        ..BASE
    },
];
