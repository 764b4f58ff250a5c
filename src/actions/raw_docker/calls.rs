//! Every call of the daemon's own API (Docker Engine API 1.41 to 1.53): the right that it needs, and who may give which
//! parameter a value. A call, a parameter, a header or a body that is not listed here is for operators and admins.

use serde_json::Value;

use super::super::bounds::refusal;
use crate::actions::classification::Audience::{self, Everyone, Operators};
use crate::actions::{Access, Arguments};
use crate::protocol::{Failure, quoted};
use About::{AllInstances, Instance, Rest};
use Access::{Delete, Exec, Operate, View};

/// A call that users or viewers may make.
#[derive(Debug)]
pub(super) struct Call {
    /// What the API's own description calls it.
    pub operation: &'static str,
    /// The HTTP method; `HEAD` asks for what `GET` does.
    pub method: &'static str,
    /// The parts of its path: `{}` is one part, `{*}` one or more.
    pub path: &'static str,
    /// The right that it needs.
    pub access: Access,
    /// What it is about.
    pub about: About,
    /// Its query parameters. One that is not among them is for operators.
    pub query: &'static [(&'static str, Audience)],
    /// Its body.
    pub body: Body,
}

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The instance that the second part of its path names.
    Instance,
    /// Instances, whoever owns them.
    AllInstances,
    /// Neither.
    Rest,
}

/// What may be sent with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Nothing.
    Nothing,
    /// JSON, whose fields are checked.
    Json(Shape),
    /// An archive of files of the container.
    Archive,
}

/// What a JSON body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::actions) enum Shape {
    /// What is to be run in an instance.
    Exec,
    /// New limits of an instance.
    Update,
}

/// What archives may be sent as. A form is not among them: the daemon reads its query parameters from one.
const ARCHIVES: [&str; 8] = [
    "application/x-tar",
    "application/tar",
    "application/octet-stream",
    "application/gzip",
    "application/x-gzip",
    "application/x-bzip2",
    "application/x-xz",
    "application/zstd",
];

const FORM: Audience = Everyone("it changes the form or the length of the answer");
const ITSELF: Audience = Everyone("it has an effect on nothing but the container");
const FILTERS: Audience = Everyone("filters only leave out of what the call shows anyway");
const KEYS: Audience = Everyone("which keys end the caller's own stream");
const FILES: Audience = Everyone("Docker looks for it in the container's files");
const IMAGE: Audience = Everyone("it chooses among the variants of an image that the dock has");

/// What both ways to attach to a container take.
const ATTACH: &[(&str, Audience)] =
    &[("detachKeys", KEYS), ("logs", FORM), ("stream", FORM), ("stdin", ITSELF), ("stdout", FORM), ("stderr", FORM)];

const fn call(
    operation: &'static str,
    method: &'static str,
    path: &'static str,
    (access, about): (Access, About),
    query: &'static [(&'static str, Audience)],
) -> Call {
    Call { operation, method, path, access, about, query, body: Body::Nothing }
}

impl Call {
    const fn with(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    fn is(&self, method: &str, segments: &[String]) -> bool {
        let method = if method == "HEAD" { "GET" } else { method };
        let mut parts = self.path.trim_start_matches('/').split('/').peekable();
        let mut segments = segments;
        while let Some(part) = parts.next() {
            let Some((first, rest)) = segments.split_first() else { return false };
            segments = match part {
                "{}" => rest,
                // The rest of the pattern is one part.
                "{*}" if parts.peek().is_some() => match segments.split_last() {
                    Some((_, names)) if !names.is_empty() => &segments[names.len()..],
                    _ => return false,
                },
                "{*}" => &[],
                _ if part == first => rest,
                _ => return false,
            };
        }
        self.method == method && segments.is_empty()
    }

    /// Who may give the query parameter `name` a value.
    pub(super) fn parameter(&self, name: &str) -> Audience {
        self.query.iter().find(|(known, _)| *known == name).map_or(Audience::Unclassified, |(_, audience)| *audience)
    }

    /// Refuses what a caller whose rights are bounded may not send with this call.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`](crate::protocol::ErrorCode::Forbidden), with the name of the parameter, the header or the
    /// field.
    pub(super) fn check(&self, arguments: &Arguments) -> Result<(), Failure> {
        for name in arguments.pairs("query").keys() {
            self.parameter(name).check(&shown(name))?;
        }
        for (name, value) in arguments.pairs("headers") {
            if !name.eq_ignore_ascii_case("content-type") {
                return Err(refusal(&shown(&name), "it is not among the headers that are known to do no harm"));
            }
            let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let is_known = match self.body {
                Body::Nothing => true,
                Body::Json(_) => kind == "application/json",
                Body::Archive => ARCHIVES.contains(&kind.as_str()),
            };
            if !is_known {
                return Err(refusal(&shown(&name), "the daemon may read parameters from a body of that type"));
            }
        }
        let says = |field: &str| match arguments.get(field) {
            None | Some(Value::Bool(false)) => false,
            Some(Value::Object(object)) => !object.is_empty(),
            Some(_) => true,
        };
        let (unread, why): (&[&str], _) = match self.body {
            Body::Archive => return Ok(()),
            Body::Json(_) => (&["body-base64", "upload"], "what is in it is not looked at: give it as `body`"),
            Body::Nothing => (&["body-base64", "upload", "body"], "the call takes no body from users"),
        };
        match unread.iter().find(|field| says(field)) {
            Some(field) => Err(refusal(field, why)),
            None => Ok(()),
        }
    }
}

/// A name that somebody wrote, as it is quoted.
fn shown(name: &str) -> String {
    quoted(name).chars().filter(|c| !c.is_control()).collect()
}

/// The call that users and viewers may make whose path has these parts, decoded and without the version; none where only
/// operators may.
pub(super) fn find(method: &str, segments: &[String]) -> Option<&'static Call> {
    CALLS.iter().find(|call| call.is(method, segments))
}

/// What users and viewers may call. The first that fits counts.
static CALLS: &[Call] = &[
    call(
        "ContainerList",
        "GET",
        "/containers/json",
        (View, AllInstances),
        &[("all", FORM), ("limit", FORM), ("size", FORM), ("filters", FILTERS)],
    ),
    call("ContainerInspect", "GET", "/containers/{}/json", (View, Instance), &[("size", FORM)]),
    call(
        "ContainerLogs",
        "GET",
        "/containers/{}/logs",
        (View, Instance),
        &[
            ("follow", FORM),
            ("stdout", FORM),
            ("stderr", FORM),
            ("since", FORM),
            ("until", FORM),
            ("timestamps", FORM),
            ("tail", FORM),
            ("details", Everyone("labels and environment of the container itself")),
        ],
    ),
    call("ContainerStats", "GET", "/containers/{}/stats", (View, Instance), &[("stream", FORM), ("one-shot", FORM)]),
    call(
        "ContainerTop",
        "GET",
        "/containers/{}/top",
        (View, Instance),
        &[("ps_args", Everyone("it is parsed, and only forms that show the container's own processes are passed on"))],
    ),
    call("ContainerChanges", "GET", "/containers/{}/changes", (View, Instance), &[]),
    call("ContainerWait", "POST", "/containers/{}/wait", (View, Instance), &[("condition", FORM)]),
    // Also for `HEAD`, which the description calls ContainerArchiveInfo.
    call("ContainerArchive", "GET", "/containers/{}/archive", (Exec, Instance), &[("path", FILES)]),
    call(
        "PutContainerArchive",
        "PUT",
        "/containers/{}/archive",
        (Exec, Instance),
        &[("path", FILES), ("noOverwriteDirNonDir", FILES), ("copyUIDGID", FILES)],
    )
    .with(Body::Archive),
    call("ContainerExport", "GET", "/containers/{}/export", (Exec, Instance), &[]),
    call("ContainerAttachWebsocket", "GET", "/containers/{}/attach/ws", (Exec, Instance), ATTACH),
    call("ContainerAttach", "POST", "/containers/{}/attach", (Exec, Instance), ATTACH),
    call("ContainerExec", "POST", "/containers/{}/exec", (Exec, Instance), &[]).with(Body::Json(Shape::Exec)),
    call(
        "ContainerStart",
        "POST",
        "/containers/{}/start",
        (Operate, Instance),
        &[
            ("detachKeys", KEYS),
            ("checkpoint", Operators("it brings back a state that is kept on the host")),
            ("checkpoint-dir", Operators("it is a folder of the host")),
        ],
    ),
    call("ContainerStop", "POST", "/containers/{}/stop", (Operate, Instance), &[("t", ITSELF), ("signal", ITSELF)]),
    call(
        "ContainerRestart",
        "POST",
        "/containers/{}/restart",
        (Operate, Instance),
        &[("t", ITSELF), ("signal", ITSELF)],
    ),
    call("ContainerKill", "POST", "/containers/{}/kill", (Operate, Instance), &[("signal", ITSELF)]),
    call("ContainerPause", "POST", "/containers/{}/pause", (Operate, Instance), &[]),
    call("ContainerUnpause", "POST", "/containers/{}/unpause", (Operate, Instance), &[]),
    call("ContainerResize", "POST", "/containers/{}/resize", (Operate, Instance), &[("h", ITSELF), ("w", ITSELF)]),
    call("ContainerRename", "POST", "/containers/{}/rename", (Operate, Instance), &[("name", ITSELF)]),
    call("ContainerUpdate", "POST", "/containers/{}/update", (Operate, Instance), &[]).with(Body::Json(Shape::Update)),
    call(
        "ContainerDelete",
        "DELETE",
        "/containers/{}",
        (Delete, Instance),
        &[("v", ITSELF), ("force", ITSELF), ("link", Operators("a link is about another container as well"))],
    ),
    call(
        "ImageList",
        "GET",
        "/images/json",
        (View, Rest),
        &[
            ("all", FORM),
            ("filters", FILTERS),
            ("digests", FORM),
            ("shared-size", FORM),
            ("manifests", FORM),
            ("identity", FORM),
        ],
    ),
    call(
        "ImageSearch",
        "GET",
        "/images/search",
        (View, Rest),
        &[("term", Everyone("a registry in it is checked")), ("limit", FORM), ("filters", FILTERS)],
    ),
    // What somebody may have made of an instance, with its files and its environment.
    call(
        "ImageGetAll",
        "GET",
        "/images/get",
        (Exec, AllInstances),
        &[("names", Everyone("those who see all may have every image")), ("platform", IMAGE)],
    ),
    call(
        "ImageInspect",
        "GET",
        "/images/{*}/json",
        (View, Rest),
        &[("manifests", FORM), ("platform", IMAGE), ("identity", FORM)],
    ),
    call("ImageHistory", "GET", "/images/{*}/history", (View, Rest), &[("platform", IMAGE)]),
    call("ImageGet", "GET", "/images/{*}/get", (Exec, AllInstances), &[("platform", IMAGE)]),
    // Who is on it.
    call("NetworkInspect", "GET", "/networks/{}", (View, AllInstances), &[("verbose", FORM), ("scope", FILTERS)]),
    call("NetworkList", "GET", "/networks", (View, Rest), &[("filters", FILTERS)]),
    call("VolumeList", "GET", "/volumes", (View, Rest), &[("filters", FILTERS)]),
    call("VolumeInspect", "GET", "/volumes/{}", (View, Rest), &[]),
    // What runs where.
    call("ExecInspect", "GET", "/exec/{}/json", (View, AllInstances), &[]),
    call(
        "SystemEvents",
        "GET",
        "/events",
        (View, AllInstances),
        &[("since", FORM), ("until", FORM), ("filters", FILTERS)],
    ),
    call("SystemDataUsage", "GET", "/system/df", (View, AllInstances), &[("type", FILTERS), ("verbose", FORM)]),
    call("SystemInfo", "GET", "/info", (View, Rest), &[]),
    call("SystemVersion", "GET", "/version", (View, Rest), &[]),
    // Also for `HEAD`, which the description calls SystemPingHead.
    call("SystemPing", "GET", "/_ping", (View, Rest), &[]),
];

#[cfg(test)]
mod tests;
