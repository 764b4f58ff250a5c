//! Containers.

use super::super::{
    attach_container, container_logs, create_container, exec_container, list_containers, ownership, recreate_container,
    update_container,
};
use super::{ALL, CREDENTIALS, CURSOR, FILTERS, PAGE, STREAM, TIMESTAMP, text};
use crate::actions::Kind::{
    Filters, Flag, Image, Labels, List, Number, Object, Pairs, PsOptions, Size, TextOrList, Whole, Word,
};
use crate::actions::{Access, Action, Field, Kind, Place, Recorded, Streams, Target};
use crate::docker::Method;
use crate::protocol::Resource;
use crate::protocol::limits::{INSTANCES_AT_ONCE, LOG_LINES, PIDS_LARGEST, PULL_TIMEOUT};
use Access::{Create, Delete, Operate, View};
use Target::{Daemon, Instance, NamedDaemon, NewInstance};

/// Why users may set what has no effect on anything but a container that they may do the action to.
const ITSELF: &str = "it has an effect on nothing but the container, or on the form of the answer";
/// Why users may set what becomes the body of a create.
const BODY: &str = "each field of the body of a create is checked by its own rule";
/// Why users may say who shares a container.
const SHARING: &str = "it is for the owner, and about the container alone";

/// The seconds that Docker waits before it kills; a day is as good as for ever.
const GRACE: Field =
    Field::new("time", Whole(0, 86_400), "seconds to wait before it is killed (10)").query("t").safe(ITSELF);
const RESTART: Field = text("restart", "no, always, unless-stopped, on-failure or on-failure:TIMES").safe(ITSELF);
const MEMORY: Field = Field::new("memory", Size, "the most memory, such as 512m").safe("a quota counts it");
const CPUS: Field = Field::new("cpus", Number, "the most processors, such as 1.5").safe("a quota counts it");
const PIDS: Field = Field::new("pids", Whole(1, PIDS_LARGEST), "the most processes and threads, such as 500")
    .safe("a user's own limit is checked");
const PATH: Field = text("path", "the path in the container")
    .required()
    .query("path")
    .safe("Docker looks for it in the container's files");
const DETACH_KEYS: Field =
    text("detach-keys", "typed into a terminal, they end the stream (ctrl-p,ctrl-q)").safe(ITSELF);
const NAME: Field = text("name", "its name").safe("the name of a new container");
const INSTANCES: Field = Field::new(
    "instances",
    Whole(1, INSTANCES_AT_ONCE),
    "how many: one on each dock in turn, the rest where it fits best; a name gets -1, -2, … behind it",
)
.safe("each part is a request that is checked by itself");
const OWNER: Field = text("owner", "whom it belongs to (anonymous)").safe("users may name nobody but themselves");
const START: Field = Field::new("start", Flag, "start it as well (false)").safe(ITSELF);
const PULLS: Kind = Word(&["missing", "always", "never"]);
const PULL: Field =
    Field::new("pull", PULLS, "when to fetch the image (missing)").safe("the registry of what is fetched is checked");
const REPLACE: Field = Field::new(
    "replace",
    Flag,
    "if its dock is lost before it has answered, create it on another one; without it the caller is told (false)",
)
.safe(ITSELF);
/// The labels of [`label`](crate::protocol::label), emptied: an image has those of the container that it was made of.
const UNLABELLED: &str =
    "LABEL deblox.owner=\"\" deblox.request=\"\" deblox.replaces=\"\" deblox.replaces-running=\"\" deblox.image=\"\"";
const DOCK_LABELS: Field =
    Field::new("dock-labels", Pairs, "labels that its dock must have").safe("it only chooses among the docks");

pub(super) static CONTAINERS: &[Action] = &[
    Action::own("create-container", Create, NewInstance, "creates an instance on the fittest dock", |context| {
        Box::pin(create_container::run(context))
    })
    .within(PULL_TIMEOUT)
    .again()
    .spreads()
    .fields(&[
        Field::new("image", Image, "an image: name, name:tag or id; with `template` it overrides the template's")
            .required_unless("template")
            .safe("every role sees all images; the registry of what is fetched is checked"),
        Field::new("template", Kind::Name, "the name of a template to start from").safe(BODY),
        NAME,
        INSTANCES,
        Field::new("cmd", TextOrList, "the command; one text is one word").or("command").safe(BODY),
        Field::new("entrypoint", TextOrList, "what runs the command").safe(BODY),
        Field::new("env", Pairs, "environment: [\"NAME=VALUE\"] or {\"NAME\": \"VALUE\"}").safe(BODY),
        Field::new("ports", List, "[[IP:]HOST:]CONTAINER[/PROTOCOL] each, ranges too").or("publish").safe(BODY),
        Field::new("volumes", List, "SOURCE:TARGET[:OPTIONS] or TARGET each").or("volume").safe(BODY),
        Field::new("labels", Labels, "labels of the container").or("label").safe(BODY),
        RESTART,
        text("network", "the network it joins").safe(BODY),
        MEMORY,
        CPUS,
        PIDS,
        text("user", "NAME or UID, with :GROUP if wanted").safe(BODY),
        text("workdir", "the working directory").safe(BODY),
        text("hostname", "the name it has for itself").safe(BODY),
        Field::new("tty", Flag, "give it a terminal").safe(BODY),
        Field::new("interactive", Flag, "keep its standard input open").safe(BODY),
        Field::new("stdin-once", Flag, "close it when the first who is attached to it goes").safe(BODY),
        Field::new("auto-remove", Flag, "have the daemon remove it when it has ended").safe(BODY),
        Field::new("privileged", Flag, "give it all rights on its host").safe(BODY),
        Field::new("healthcheck", Object, "{\"cmd\", \"interval\", \"timeout\", \"start-period\", \"retries\"}")
            .safe(BODY),
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
        Field::new("body", Object, "Docker's own JSON for creating a container").required().safe(BODY),
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
        Field::new("filters", Filters, "Docker's filters, such as {\"status\": [\"running\"]}")
            .safe("which filters there are is checked, and what the caller may not see is left out"),
        Field::new("limit", PAGE, "the newest so many; with `all`, so many a page (1000)").safe("it bounds the answer"),
        CURSOR,
        Field::new("size", Flag, "with the size of their files").safe(ITSELF),
    ]),
    Action::plain(
        "inspect-container",
        View,
        Instance,
        Method::GET,
        "/containers/{}/json",
        "everything the daemon knows about it",
    )
    .fields(&[Field::new("size", Flag, "with the size of its files").query("size").safe(ITSELF)]),
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
        .fields(&[text("signal", "the signal (SIGKILL)").query("signal").safe(ITSELF)]),
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
    .fields(&[text("name", "the new name").required().query("name").safe(ITSELF)]),
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
        Field::new("image", Image, "another image or tag (the one it was made from)")
            .safe("it is for the owner, and the registry of what is fetched is checked"),
        Field::new("pull", PULLS, "when to fetch the image (always)")
            .safe("the registry of what is fetched is checked"),
        Field::new("time", Whole(0, 86_400), "seconds to wait for the old one to stop before it is killed (10)")
            .safe(ITSELF),
        Field::new(
            "settle",
            Whole(0, 3600),
            "seconds that one without a health check must run, without an end or a restart (5)",
        )
        .safe(ITSELF),
        CREDENTIALS,
    ]),
    Action::plain("delete-container", Delete, Instance, Method::DELETE, "/containers/{}", "removes it")
        .also(&["remove-container"])
        .recorded(Recorded::Instance)
        .gone_when_done()
        .fields(&[
            Field::new("force", Flag, "kill it first if it runs (false)").query("force").safe(ITSELF),
            Field::new("volumes", Flag, "remove its anonymous volumes too (false)").query("v").safe(ITSELF),
        ]),
    Action::own("container-logs", View, Instance, "the end of its log, as text; or all of it as it grows", |context| {
        Box::pin(container_logs::run(context))
    })
    .streaming(Streams::Asked(&["stream", "follow"]))
    .fields(&[
        Field::new("follow", Flag, "as a stream that goes on with what is written").safe(ITSELF),
        STREAM,
        Field::new("tail", Whole(0, LOG_LINES), "how many lines (100; all of a stream)").safe(ITSELF),
        Field::new("since", TIMESTAMP, "nothing before this time, in seconds since the epoch").safe(ITSELF),
        Field::new("until", TIMESTAMP, "nothing after this time, in seconds since the epoch").safe(ITSELF),
        Field::new("timestamps", Flag, "the time before each line").safe(ITSELF),
        Field::new("stdout", Flag, "only the standard output, unless stderr is asked for too").safe(ITSELF),
        Field::new("stderr", Flag, "only the standard error, unless stdout is asked for too").safe(ITSELF),
    ]),
    Action::own("exec-container", Access::Exec, Instance, "runs a command in it and waits for its end", |context| {
        Box::pin(exec_container::run(context))
    })
    .streaming(Streams::Asked(&["stream", "tty", "stdin"]))
    .fields(&[
        Field::new("cmd", List, "the command").required().safe(ITSELF),
        Field::new("env", Pairs, "environment").safe(ITSELF),
        text("user", "NAME or UID, with :GROUP if wanted").safe(ITSELF),
        text("workdir", "the working directory").safe(ITSELF),
        Field::new("privileged", Flag, "with all rights").safe("only operators may set it to true"),
        STREAM,
        Field::new("tty", Flag, "with a terminal; as a stream").safe(ITSELF),
        Field::new("stdin", Flag, "with a standard input, `deblox.input.<id>`; as a stream").safe(ITSELF),
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
        Field::new("stdin", Flag, "with its standard input, `deblox.input.<id>` (false)").safe(ITSELF),
        Field::new("logs", Flag, "with what it has written before (false)").safe(ITSELF),
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
        Field::new("copy-owner", Flag, "with the owners that the archive says").query("copyUIDGID").safe(ITSELF),
        Field::new("no-overwrite", Flag, "fail where a folder would become a file, or a file a folder")
            .query("noOverwriteDirNonDir")
            .safe(ITSELF),
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
    .query("condition")
    .safe(ITSELF)]),
    Action::plain("top-container", View, Instance, Method::GET, "/containers/{}/top", "its processes").fields(&[
        Field::new("ps-args", PsOptions, "-ef, aux, or -o or -eo with columns such as pid,user,args (-ef)")
            .query("ps_args")
            .safe("it is parsed, and only forms that show the container's own processes are passed on"),
    ]),
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
    .fields(&[Field::new("stream", Flag, "as a stream, a JSON object a line").query("stream").safe(ITSELF)]),
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
    .fields(&[text("owner", "the user to whom it is to belong; the owner itself ends an offer")
        .required()
        .safe(SHARING)]),
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
        text("user", "the user who shares it").safe(SHARING),
        text("group", "the group whose members share it").safe(SHARING),
        Field::new("rights", List, "some of view, operate, exec, delete; none ends it").required().safe(SHARING),
    ]),
    Action::plain("commit-container", Create, Instance, Method::POST, "/commit", "makes an image of it")
        .instance_in(Place::Query("container"))
        // A container that somebody makes of the image without deblox is not this one's owner's.
        .always(&[("changes", UNLABELLED)])
        .recorded(Recorded::Resource(Resource::Images))
        .fields(&[
            text("repo", "the image's name").query("repo").safe("an image of a user begins with its name"),
            text("tag", "the image's tag").query("tag").safe(ITSELF),
            text("comment", "a comment").query("comment").safe(ITSELF),
            text("author", "the author").query("author").safe(ITSELF),
            Field::new("pause", Flag, "pause it meanwhile (true)").query("pause").safe(ITSELF),
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
