//! Containers.

use super::super::{
    attach_container, container_logs, create_container, exec_container, list_containers, ownership, recreate_container,
    update_container,
};
use super::{ALL, CREDENTIALS, CURSOR, FILTERS, PAGE, STREAM, TIMESTAMP, text};
use crate::actions::Kind::{Filters, Flag, Image, Labels, List, Number, Object, Pairs, Size, TextOrList, Whole, Word};
use crate::actions::{Access, Action, Field, Kind, Place, Recorded, Streams, Target};
use crate::docker::Method;
use crate::protocol::Resource;
use crate::protocol::limits::{INSTANCES_AT_ONCE, LOG_LINES, PIDS_LARGEST, PULL_TIMEOUT};
use Access::{Create, Delete, Operate, View};
use Target::{Daemon, Instance, NamedDaemon, NewInstance};

/// The seconds that Docker waits before it kills; a day is as good as for ever.
const GRACE: Field = Field::new("time", Whole(0, 86_400), "seconds to wait before it is killed (10)").query("t");
const RESTART: Field = text("restart", "no, always, unless-stopped, on-failure or on-failure:TIMES");
const MEMORY: Field = Field::new("memory", Size, "the most memory, such as 512m");
const CPUS: Field = Field::new("cpus", Number, "the most processors, such as 1.5");
const PIDS: Field = Field::new("pids", Whole(1, PIDS_LARGEST), "the most processes and threads, such as 500");
const PATH: Field = text("path", "the path in the container").required().query("path");
const DETACH_KEYS: Field = text("detach-keys", "typed into a terminal, they end the stream (ctrl-p,ctrl-q)");
const NAME: Field = text("name", "its name");
const INSTANCES: Field = Field::new(
    "instances",
    Whole(1, INSTANCES_AT_ONCE),
    "how many: one on each dock in turn, the rest where it fits best; a name gets -1, -2, … behind it",
);
const OWNER: Field = text("owner", "whom it belongs to (anonymous)");
const START: Field = Field::new("start", Flag, "start it as well (false)");
const PULLS: Kind = Word(&["missing", "always", "never"]);
const PULL: Field = Field::new("pull", PULLS, "when to fetch the image (missing)");
const REPLACE: Field = Field::new(
    "replace",
    Flag,
    "if its dock is lost before it has answered, create it on another one; without it the caller is told (false)",
);
/// The labels of [`label`](crate::protocol::label), emptied: an image has those of the container that it was made of.
const UNLABELLED: &str =
    "LABEL deblox.owner=\"\" deblox.request=\"\" deblox.replaces=\"\" deblox.replaces-running=\"\" deblox.image=\"\"";
const DOCK_LABELS: Field = Field::new("dock-labels", Pairs, "labels that its dock must have");

pub(super) static CONTAINERS: &[Action] = &[
    Action::own("create-container", Create, NewInstance, "creates an instance on the fittest dock", |context| {
        Box::pin(create_container::run(context))
    })
    .within(PULL_TIMEOUT)
    .again()
    .spreads()
    .fields(&[
        Field::new("image", Image, "an image: name, name:tag or id; with `template` it overrides the template's")
            .required_unless("template"),
        text("template", "the name of a template to start from"),
        NAME,
        INSTANCES,
        Field::new("cmd", TextOrList, "the command; one text is one word").or("command"),
        Field::new("entrypoint", TextOrList, "what runs the command"),
        Field::new("env", Pairs, "environment: [\"NAME=VALUE\"] or {\"NAME\": \"VALUE\"}"),
        Field::new("ports", List, "[[IP:]HOST:]CONTAINER[/PROTOCOL] each, ranges too").or("publish"),
        Field::new("volumes", List, "SOURCE:TARGET[:OPTIONS] or TARGET each").or("volume"),
        Field::new("labels", Labels, "labels of the container").or("label"),
        RESTART,
        text("network", "the network it joins"),
        MEMORY,
        CPUS,
        PIDS,
        text("user", "NAME or UID, with :GROUP if wanted"),
        text("workdir", "the working directory"),
        text("hostname", "the name it has for itself"),
        Field::new("tty", Flag, "give it a terminal"),
        Field::new("interactive", Flag, "keep its standard input open"),
        Field::new("stdin-once", Flag, "close it when the first who is attached to it goes"),
        Field::new("auto-remove", Flag, "have the daemon remove it when it has ended"),
        Field::new("privileged", Flag, "give it all rights on its host"),
        Field::new("healthcheck", Object, "{\"cmd\", \"interval\", \"timeout\", \"start-period\", \"retries\"}"),
        PULL,
        START,
        OWNER,
        DOCK_LABELS,
        REPLACE,
    ]),
    Action::own("create-raw-container", Create, NewInstance, "creates an instance from Docker's own JSON", |context| {
        Box::pin(create_container::run(context))
    })
    .within(PULL_TIMEOUT)
    .again()
    .spreads()
    .fields(&[
        Field::new("body", Object, "Docker's own JSON for creating a container").required(),
        NAME,
        INSTANCES,
        PULL,
        START,
        OWNER,
        DOCK_LABELS,
        REPLACE,
    ]),
    Action::own(
        "list-containers",
        View,
        Daemon,
        "a dock's containers, in whatever state; or the cluster's",
        |context| Box::pin(list_containers::run(context)),
    )
    .widens()
    .fields(&[
        ALL,
        Field::new("filters", Filters, "Docker's filters, such as {\"status\": [\"running\"]}"),
        Field::new("limit", PAGE, "the newest so many; with `all`, so many a page (1000)"),
        CURSOR,
        Field::new("size", Flag, "with the size of their files"),
    ]),
    Action::plain(
        "inspect-container",
        View,
        Instance,
        Method::GET,
        "/containers/{}/json",
        "everything the daemon knows about it",
    )
    .fields(&[Field::new("size", Flag, "with the size of its files").query("size")]),
    Action::plain("start-container", Operate, Instance, Method::POST, "/containers/{}/start", "starts it").again(),
    Action::plain(
        "stop-container",
        Operate,
        Instance,
        Method::POST,
        "/containers/{}/stop",
        "asks it to stop, and kills it when it does not",
    )
    .again()
    .fields(&[GRACE]),
    Action::plain(
        "restart-container",
        Operate,
        Instance,
        Method::POST,
        "/containers/{}/restart",
        "stops and starts it",
    )
    .fields(&[GRACE]),
    Action::plain("kill-container", Operate, Instance, Method::POST, "/containers/{}/kill", "sends it a signal")
        .fields(&[text("signal", "the signal (SIGKILL)").query("signal")]),
    Action::plain(
        "pause-container",
        Operate,
        Instance,
        Method::POST,
        "/containers/{}/pause",
        "stops its processes where they are",
    ),
    Action::plain("unpause-container", Operate, Instance, Method::POST, "/containers/{}/unpause", "lets them go on"),
    Action::plain(
        "rename-container",
        Operate,
        Instance,
        Method::POST,
        "/containers/{}/rename",
        "gives it another name",
    )
    .recorded(Recorded::Instance)
    .fields(&[text("name", "the new name").required().query("name")]),
    Action::own("update-container", Operate, Instance, "changes its limits and its restart policy", |context| {
        Box::pin(update_container::run(context))
    })
    .again()
    .fields(&[MEMORY, CPUS, PIDS, RESTART]),
    Action::own(
        "recreate-container",
        Operate,
        Instance,
        "replaces it by one like it from a newer image; the old one comes back if that does not become healthy",
        |context| Box::pin(recreate_container::run(context)),
    )
    .within(PULL_TIMEOUT)
    .resumes()
    .fields(&[
        Field::new("image", Image, "another image or tag (the one it was made from)"),
        Field::new("pull", PULLS, "when to fetch the image (always)"),
        Field::new("time", Whole(0, 86_400), "seconds to wait for the old one to stop before it is killed (10)"),
        Field::new(
            "settle",
            Whole(0, 3600),
            "seconds that one without a health check must run, without an end or a restart (5)",
        ),
        CREDENTIALS,
    ]),
    Action::plain("delete-container", Delete, Instance, Method::DELETE, "/containers/{}", "removes it")
        .also(&["remove-container"])
        .recorded(Recorded::Instance)
        .gone_when_done()
        .fields(&[
            Field::new("force", Flag, "kill it first if it runs (false)").query("force"),
            Field::new("volumes", Flag, "remove its anonymous volumes too (false)").query("v"),
        ]),
    Action::own("container-logs", View, Instance, "the end of its log, as text; or all of it as it grows", |context| {
        Box::pin(container_logs::run(context))
    })
    .streaming(Streams::Asked(&["stream", "follow"]))
    .fields(&[
        Field::new("follow", Flag, "as a stream that goes on with what is written"),
        STREAM,
        Field::new("tail", Whole(0, LOG_LINES), "how many lines (100; all of a stream)"),
        Field::new("since", TIMESTAMP, "nothing before this time, in seconds since the epoch"),
        Field::new("until", TIMESTAMP, "nothing after this time, in seconds since the epoch"),
        Field::new("timestamps", Flag, "the time before each line"),
        Field::new("stdout", Flag, "only the standard output, unless stderr is asked for too"),
        Field::new("stderr", Flag, "only the standard error, unless stdout is asked for too"),
    ]),
    Action::own("exec-container", Access::Exec, Instance, "runs a command in it and waits for its end", |context| {
        Box::pin(exec_container::run(context))
    })
    .streaming(Streams::Asked(&["stream", "tty", "stdin"]))
    .fields(&[
        Field::new("cmd", List, "the command").required(),
        Field::new("env", Pairs, "environment"),
        text("user", "NAME or UID, with :GROUP if wanted"),
        text("workdir", "the working directory"),
        Field::new("privileged", Flag, "with all rights"),
        STREAM,
        Field::new("tty", Flag, "with a terminal; as a stream"),
        Field::new("stdin", Flag, "with a standard input, `deblox.input.<id>`; as a stream"),
        DETACH_KEYS,
    ]),
    Action::own(
        "attach-container",
        Access::Exec,
        Instance,
        "streams what its process writes from now on, and gives it input",
        |context| Box::pin(attach_container::run(context)),
    )
    .streaming(Streams::Always)
    .fields(&[
        Field::new("stdin", Flag, "with its standard input, `deblox.input.<id>` (false)"),
        Field::new("logs", Flag, "with what it has written before (false)"),
        DETACH_KEYS,
    ]),
    Action::plain(
        "copy-from-container",
        Access::Exec,
        Instance,
        Method::GET,
        "/containers/{}/archive",
        "streams a file or a folder in it, as a tar archive",
    )
    .streaming(Streams::Always)
    .fields(&[PATH]),
    Action::plain(
        "copy-to-container",
        Access::Exec,
        Instance,
        Method::PUT,
        "/containers/{}/archive",
        "unpacks a tar archive, `deblox.input.<id>`, in a folder in it",
    )
    .up()
    .fields(&[
        PATH,
        Field::new("copy-owner", Flag, "with the owners that the archive says").query("copyUIDGID"),
        Field::new("no-overwrite", Flag, "fail where a folder would become a file, or a file a folder")
            .query("noOverwriteDirNonDir"),
    ]),
    Action::plain(
        "export-container",
        Access::Exec,
        Instance,
        Method::GET,
        "/containers/{}/export",
        "streams all of its files, as a tar archive",
    )
    .streaming(Streams::Always),
    Action::plain(
        "wait-container",
        View,
        Instance,
        Method::POST,
        "/containers/{}/wait",
        "waits until it ends, and tells its exit code",
    )
    .within(PULL_TIMEOUT)
    .passive()
    .fields(&[Field::new(
        "condition",
        Word(&["not-running", "next-exit", "removed"]),
        "what to wait for (not-running)",
    )
    .query("condition")]),
    Action::plain("top-container", View, Instance, Method::GET, "/containers/{}/top", "its processes").fields(&[text(
        "ps-args",
        "options of ps (-ef)",
    )
    .query("ps_args")]),
    Action::plain(
        "diff-container",
        View,
        Instance,
        Method::GET,
        "/containers/{}/changes",
        "what has changed in its files",
    ),
    Action::plain(
        "container-stats",
        View,
        Instance,
        Method::GET,
        "/containers/{}/stats",
        "one sample of what it uses; or one a second",
    )
    .always(&[("stream", "false")])
    .streaming(Streams::Asked(&["stream"]))
    .fields(&[Field::new("stream", Flag, "as a stream, a JSON object a line").query("stream")]),
    Action::own(
        "inspect-instance",
        View,
        Instance,
        "whose it is, and the users and groups that share it, each with its rights",
        |context| Box::pin(ownership::inspect(context)),
    ),
    Action::own(
        "chown-instance",
        Access::Admin,
        Instance,
        "gives it to another user: an owner offers it, and the user accepts it; an operator gives it at once",
        |context| Box::pin(ownership::chown(context)),
    )
    .again()
    .recorded(Recorded::Instance)
    .fields(&[text("owner", "the user to whom it is to belong; the owner itself ends an offer").required()]),
    Action::own(
        "accept-instance",
        Access::Admin,
        Instance,
        "takes an instance that its owner offers: it counts in the quota of who takes it, and the owner's shares end",
        |context| Box::pin(ownership::accept(context)),
    )
    .again()
    .recorded(Recorded::Instance),
    Action::own(
        "decline-instance",
        Access::Admin,
        Instance,
        "ends the offer of an instance, as the user to whom it is made or as the owner",
        |context| Box::pin(ownership::decline(context)),
    )
    .again()
    .recorded(Recorded::Instance),
    Action::own(
        "share-instance",
        Access::Admin,
        Instance,
        "gives a user or the members of a group rights on it, in the place of those they had",
        |context| Box::pin(ownership::share(context)),
    )
    .again()
    .recorded(Recorded::Instance)
    .fields(&[
        text("user", "the user who shares it"),
        text("group", "the group whose members share it"),
        Field::new("rights", List, "some of view, operate, exec, delete; none ends it").required(),
    ]),
    Action::plain("commit-container", Create, Instance, Method::POST, "/commit", "makes an image of it")
        .instance_in(Place::Query("container"))
        // A container that somebody makes of the image without deblox is not this one's owner's.
        .always(&[("changes", UNLABELLED)])
        .recorded(Recorded::Resource(Resource::Images))
        .fields(&[
            text("repo", "the image's name").query("repo"),
            text("tag", "the image's tag").query("tag"),
            text("comment", "a comment").query("comment"),
            text("author", "the author").query("author"),
            Field::new("pause", Flag, "pause it meanwhile (true)").query("pause"),
        ]),
    Action::plain(
        "prune-containers",
        Delete,
        NamedDaemon,
        Method::POST,
        "/containers/prune",
        "removes a dock's stopped containers",
    )
    .again()
    .fields(&[FILTERS]),
];
