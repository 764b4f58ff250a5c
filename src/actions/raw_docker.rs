//! `docker`: any call to the daemon's API, the answer as it comes, as one or as a stream.

mod calls;

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::bounds::{field, refusal};
use super::fields::has_own_label;
use super::ps;
use super::verdict::{ask, judge};
use super::{Access, Action, Arguments, Context, Demand, On, Outcome, Streaming, Subject, Target};
use crate::docker::{Method, Payload, RequestParts, Way};
use crate::protocol::{ErrorCode, Failure, looks_like_id};
pub(super) use calls::Shape;
use calls::{About, Body, Call};

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let (parts, way) = parts(context.arguments, context.instance)?;
    if context.action.streams(context.arguments) {
        let segments = segments(context.arguments.text("path").unwrap_or_default())?;
        super::masked::check_stream(context, &segments)?;
        let streaming = Streaming::begin(context, &parts, way, Subject::Nothing).await?;
        return Ok(Outcome::streams(streaming));
    }
    judge(ask(context, &parts).await?, Target::NamedDaemon).map(Outcome::Answer)
}

/// Whether a request of this `action` is a call that has no effect.
pub(super) fn only_looks(action: &Action, arguments: &Arguments) -> bool {
    action.name == "docker" && matches!(arguments.text("method"), None | Some("GET" | "HEAD"))
}

/// The right that a call needs, where this `action` is one: whoever has the one of which nothing narrower is known may
/// do anything to the daemon.
pub(super) fn demand(action: &Action, arguments: &Arguments) -> Option<Demand> {
    (action.name == "docker").then(|| {
        classified(arguments, |call, segments| {
            let on = match call.about {
                About::Instance => On::Named(segments.get(1).cloned().unwrap_or_default()),
                About::AllInstances => On::AllInstances,
                About::Rest => On::Rest,
            };
            Demand { access: call.access, on }
        })
        .unwrap_or(Demand { access: Access::Admin, on: On::Rest })
    })
}

/// What the body of a call is, where that says how much is asked for.
pub(super) fn shape(arguments: &Arguments) -> Option<Shape> {
    classified(arguments, |call, _| match call.body {
        Body::Json(shape) => Some(shape),
        Body::Nothing | Body::Archive => None,
    })
    .flatten()
}

/// Refuses what a caller whose rights are bounded may not send.
///
/// # Errors
/// [`ErrorCode::Forbidden`], with the name of the parameter, the header or the field.
pub(super) fn check_bounded(arguments: &Arguments) -> Result<(), Failure> {
    let unknown = || Err(refusal("path", "the call is not known to do no harm"));
    classified(arguments, |call, _| call.check(arguments)).unwrap_or_else(unknown)
}

/// The term that a call has the daemon search for, in which there may be a registry.
pub(super) fn searched(arguments: &Arguments) -> Option<String> {
    let term = || arguments.pairs("query").remove("term");
    classified(arguments, |call, _| call.operation == "ImageSearch").filter(|searches| *searches).and_then(|_| term())
}

/// Whether a call unpacks an archive in an instance.
pub(super) fn unpacks(arguments: &Arguments) -> bool {
    classified(arguments, |call, _| matches!(call.body, Body::Archive)).unwrap_or(false)
}

fn classified<T>(arguments: &Arguments, read: impl FnOnce(&Call, &[String]) -> T) -> Option<T> {
    let segments = segments(arguments.text("path").unwrap_or_default()).ok()?;
    calls::find(arguments.text("method").unwrap_or("GET"), &segments).map(|call| read(call, &segments))
}

/// The call, and which way bytes go if it streams. An `instance` takes the place of the name that the path has for it,
/// which may have become that of another.
fn parts(arguments: &Arguments, instance: Option<&str>) -> Result<(RequestParts, Way), Failure> {
    let method = arguments.text("method").unwrap_or("GET");
    let query = query(arguments)?;
    let mut segments = segments(arguments.text("path").unwrap_or_default())?;
    check_name(&segments, &query, arguments.get("body"))?;
    if let (Some(id), ["containers", _, ..]) = (instance, words(&segments).as_slice()) {
        id.clone_into(&mut segments[1]);
    }
    let value = |name: &str| query.get(name).map(String::as_str);
    let kind = streams(method, &segments, value, arguments.get("body"));
    let (stream, upload) = (arguments.flag("stream"), arguments.flag("upload"));
    let way = match kind {
        Some(Kind::Never) => {
            let message =
                format!("`{}` takes over the connection for HTTP/2, which is not passed on", segments.join("/"));
            return Err(Failure::new(ErrorCode::Streams, message));
        }
        Some(kind) if !stream && !upload => {
            let message = format!("`{}` streams: ask for it with `stream`{}", segments.join("/"), kind.otherwise());
            return Err(Failure::new(ErrorCode::Streams, message));
        }
        Some(Kind::Hijacks(_)) => Way::Both,
        _ if upload => Way::Up,
        _ => Way::Down,
    };
    if upload && (way == Way::Both || arguments.has("body") || arguments.has("body-base64")) {
        return Err(bad("upload", "the call has a body of its own, or a connection; then `stream` is enough"));
    }
    let named = |from: &Value| {
        let labels = from.as_object().into_iter().flatten().filter(|(name, _)| name.eq_ignore_ascii_case("labels"));
        labels.into_iter().any(|(_, labels)| has_own_label(labels))
    };
    let in_query = value("labels").and_then(|labels| serde_json::from_str(labels).ok());
    if arguments.get("body").is_some_and(named) || in_query.as_ref().is_some_and(has_own_label) {
        return Err(bad("body", "no label may begin with deblox."));
    }
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| bad("method", "it is no HTTP method"))?;
    let escaped: Vec<String> = segments.iter().map(|segment| crate::docker::escape(segment)).collect();
    let mut parts = RequestParts::new(method, format!("/{}", escaped.join("/"))).query(query);
    parts.headers = headers(arguments)?;
    parts.body = match (arguments.get("body"), arguments.text("body-base64")) {
        (Some(_), Some(_)) => return Err(bad("body-base64", "there is a `body` too")),
        (Some(body), None) => Some(Payload::Json(body.clone())),
        (None, Some(text)) => {
            let bytes = BASE64_STANDARD.decode(text).map_err(|e| bad("body-base64", &e.to_string()))?;
            Some(Payload::Raw(bytes))
        }
        (None, None) => None,
    };
    Ok((parts, way))
}

/// The query of a call. What it asks of the host's `ps` is not passed on as it is, whoever asks.
fn query(arguments: &Arguments) -> Result<BTreeMap<String, String>, Failure> {
    let mut query = arguments.pairs("query");
    for (name, value) in query.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("ps_args")) {
        *value = ps::options(value).map_err(|rule| bad("query", &format!("`{name}` must be {rule}")))?;
    }
    Ok(query)
}

/// The headers of a call: each once, and of a JSON body no type but its own, so that the daemon reads no form out of it.
fn headers(arguments: &Arguments) -> Result<Vec<(String, String)>, Failure> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in arguments.pairs("headers") {
        let is_type = name.eq_ignore_ascii_case("content-type");
        let allowed = is_type || name.to_ascii_lowercase().starts_with("x-registry-");
        if !allowed || value.chars().any(char::is_control) {
            return Err(bad("headers", &format!("`{name}` cannot be sent: Content-Type and X-Registry-… can")));
        }
        if headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name)) {
            return Err(bad("headers", &format!("`{name}` is there twice")));
        }
        if !is_type || !arguments.has("body") {
            headers.push((name, value));
        } else if !value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
            return Err(bad(
                "headers",
                "the `Content-Type` of a `body` is application/json; use `body-base64` for others",
            ));
        }
    }
    Ok(headers)
}

/// Whether what such a path names may have slashes inside.
fn has_long_names(first: &str) -> bool {
    matches!(first, "images" | "plugins" | "distribution")
}

/// The parts of a path, decoded, without the version. Whatever could mean another path than it says is refused, so
/// that what was checked is what the daemon gets.
fn segments(path: &str) -> Result<Vec<String>, Failure> {
    let rest = path.strip_prefix('/').ok_or_else(|| bad("path", "it must begin with /"))?;
    let mut segments = Vec::new();
    for raw in rest.split('/') {
        let segment = percent_decode_str(raw).decode_utf8().map_err(|_| bad("path", "it is not UTF-8"))?;
        if matches!(&*segment, "" | "." | "..")
            || segment.split('/').any(|part| matches!(part, "" | "." | ".."))
            || segment.contains(['?', '#', '%', '\\'])
            || segment.contains(char::is_control)
        {
            return Err(bad(
                "path",
                "it must be plain: no empty part, no . or .., no ?, #, %, \\; use `query` for a query",
            ));
        }
        segments.push(segment.into_owned());
    }
    let version =
        |first: &String| first.strip_prefix('v').is_some_and(|v| v.chars().all(|c| c.is_ascii_digit() || c == '.'));
    if segments.first().is_some_and(version) {
        segments.remove(0);
    }
    match segments.first() {
        None => Err(bad("path", "it names nothing")),
        Some(first) if !has_long_names(first) && segments.iter().any(|segment| segment.contains('/')) => {
            Err(bad("path", "an escaped / stands in the name of an image or a plugin, and nowhere else"))
        }
        Some(_) => Ok(segments),
    }
}

/// The containers that a call names, as it names them, wherever Docker reads a name or an id. The first is that of its path,
/// if that has one.
pub(crate) fn containers(action: &Action, arguments: &Arguments) -> (Option<String>, Vec<String>) {
    if action.name != "docker" {
        return (None, Vec::new());
    }
    let Ok(segments) = segments(arguments.text("path").unwrap_or_default()) else { return (None, Vec::new()) };
    let body = arguments.get("body").unwrap_or(&Value::Null);
    let texts = |fields: &[&str]| -> Vec<String> {
        let read = |name: &&str| field(body, name).as_str().map(str::to_owned);
        fields.iter().filter_map(read).collect()
    };
    match words(&segments).as_slice() {
        ["containers", "create"] => (None, super::references::containers(body)),
        ["containers", "json" | "prune"] => (None, Vec::new()),
        ["containers", named, ..] => (Some((*named).to_owned()), Vec::new()),
        ["commit"] => (None, arguments.pairs("query").remove("container").into_iter().collect()),
        ["networks", _, "connect" | "disconnect"] => (None, texts(&["Container"])),
        _ => (None, Vec::new()),
    }
}

/// The network that the path of a call names.
pub(super) fn network(arguments: &Arguments) -> Option<String> {
    let segments = segments(arguments.text("path")?).ok()?;
    match words(&segments).as_slice() {
        ["networks", "create" | "prune"] => None,
        ["networks", named, ..] => Some((*named).to_owned()),
        _ => None,
    }
}

/// Whether a call starts a container.
pub(super) fn starts(arguments: &Arguments) -> bool {
    let segments = segments(arguments.text("path").unwrap_or_default()).unwrap_or_default();
    matches!(words(&segments).as_slice(), ["containers", _, "start" | "restart"])
}

/// The parts of a path as words.
fn words(segments: &[String]) -> Vec<&str> {
    segments.iter().map(String::as_str).collect()
}

/// Refuses to give something a name that could be taken for the id of another.
fn check_name(
    segments: &[String],
    query: &std::collections::BTreeMap<String, String>,
    body: Option<&Value>,
) -> Result<(), Failure> {
    let name = match words(segments).as_slice() {
        ["containers", "create"] | ["containers", _, "rename"] => query.get("name").map(String::as_str),
        ["networks", "create"] => body.and_then(|body| field(body, "Name").as_str()),
        _ => None,
    };
    match name {
        Some(name) if looks_like_id(name) => {
            Err(bad("query", &format!("the name `{name}` could be taken for an id: choose another")))
        }
        _ => Ok(()),
    }
}

/// How a call streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It sends more and more; and what else to do.
    Sends(&'static str),
    /// It is sent a body of any length.
    Takes,
    /// It takes over the connection; and what else to do.
    Hijacks(&'static str),
    /// It takes over the connection for another protocol.
    Never,
}

impl Kind {
    fn otherwise(self) -> &'static str {
        match self {
            Self::Sends(otherwise) | Self::Hijacks(otherwise) => otherwise,
            Self::Takes | Self::Never => " or `upload`",
        }
    }
}

/// How a call streams, if it has no single answer.
fn streams<'a>(
    method: &str,
    segments: &[String],
    query: impl Fn(&str) -> Option<&'a str>,
    body: Option<&Value>,
) -> Option<Kind> {
    let on =
        |name: &str| query(name).is_some_and(|value| !matches!(value, "" | "0" | "false" | "False" | "no" | "none"));
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (method, parts.as_slice()) {
        (_, ["session" | "grpc", ..] | ["containers", _, "attach", "ws"]) => Some(Kind::Never),
        (_, ["containers", _, "attach"]) => Some(Kind::Hijacks("")),
        (_, ["exec", _, "start"]) if body.is_none_or(|body| body["Detach"] != Value::Bool(true)) => {
            Some(Kind::Hijacks(", start it with \"Detach\": true, or use exec-container"))
        }
        (_, ["build"]) => Some(Kind::Takes),
        (_, ["events"]) if query("until").is_none() => Some(Kind::Sends(", or give `until`, so that it ends")),
        (_, ["containers", _, "logs"]) if on("follow") => Some(Kind::Sends(", or leave `follow` out")),
        (_, ["containers", _, "stats"]) if query("stream").is_none() || on("stream") => {
            Some(Kind::Sends(", or give the query `stream` as false"))
        }
        _ => None,
    }
}

fn bad(field: &str, rule: &str) -> Failure {
    Failure::new(ErrorCode::BadField, format!("field `{field}` of `docker` is not valid: {rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_it_means() {
        assert_eq!(segments("/v1.41/images/a%2Fb/json").unwrap(), ["images", "a/b", "json"]);
        assert!(segments("/v1.41/containers/a%2Fb/json").is_err(), "no container is called so");
        for bad in
            ["containers/json", "/", "//x", "/../x", "/%2e%2e/x", "/a?b", "/a%3fb", "/a%252e", "/a%0d%0a", "/v1.41"]
        {
            assert!(segments(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_streams_is_told_apart() {
        let query =
            |pairs: &'static [(&str, &str)]| move |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        let path = |text: &str| segments(text).unwrap();
        assert!(streams("GET", &path("/events"), query(&[]), None).is_some());
        assert!(streams("GET", &path("/events"), query(&[("until", "1")]), None).is_none());
        assert!(streams("GET", &path("/containers/a/stats"), query(&[]), None).is_some());
        assert!(streams("GET", &path("/containers/a/stats"), query(&[("stream", "0")]), None).is_none());
        assert!(streams("GET", &path("/containers/a/logs"), query(&[("follow", "1")]), None).is_some());
        assert!(streams("POST", &path("/exec/a/start"), query(&[]), Some(&serde_json::json!({}))).is_some());
        assert!(streams("POST", &path("/containers/a/attach"), query(&[]), None).is_some());
        assert!(streams("GET", &path("/containers/json"), query(&[]), None).is_none());
    }
}
