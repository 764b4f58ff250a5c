//! A request, decoded from the fields of a stream entry.

use std::time::Duration;

use serde_json::{Map, Value};

use super::limits::{ENVELOPE_BYTES, INSTANCE_BYTES, LONGEST_TIMEOUT, REQUEST_BYTES};
use super::names::{check_no_token, quoted};
use super::{Credential, EntryId, ErrorCode, Failure, Fqdn, ReplyTo, RequestId, Secret, TraceContext, Traced, millis};

/// The fields of a stream entry as Redis delivers them.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// One request. What concerns only its action is in `arguments`, not yet checked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Idempotency key; the entry's id where the caller chose none.
    pub id: RequestId,
    /// Whether the caller chose the id, and so may send the same request again.
    pub id_chosen: bool,
    /// Where its reply goes, if not to the list of its id.
    pub reply_to: Option<ReplyTo>,
    /// The name of the action, not yet looked up.
    pub action: String,
    /// How long the caller waits, counted from the entry's time.
    pub timeout: Option<Duration>,
    /// When the time is up in milliseconds of Redis's clock, set by the worker that passed the request on.
    pub deadline: Option<u64>,
    /// The dock that must do it.
    pub dock: Option<Fqdn>,
    /// The instance it is about: id, unique prefix of an id, or name.
    pub instance: Option<String>,
    /// Who asks, where the request says so.
    pub credential: Option<Credential>,
    /// The trace that it belongs to.
    pub trace: Traced,
    /// The remaining fields.
    pub arguments: Map<String, Value>,
    /// Whether it came as flat stream fields, so that every value is text.
    pub flat: bool,
    /// The request as one JSON object, to be passed on; in a flat one every value is text there too.
    pub json: String,
}

/// A request that could not be decoded: the id under which to say so, and why.
#[derive(Debug)]
pub struct Undecodable {
    /// The caller's own id where it is valid, else the entry's.
    pub id: RequestId,
    /// Where to say so, if not at the list of that id.
    pub reply_to: Option<ReplyTo>,
    /// The trace that it belongs to, as far as that can be read.
    pub trace: Traced,
    /// What is wrong.
    pub failure: Failure,
}

/// Fields that may hold what nobody else should see: passwords and tokens, and what may have them inside.
const SECRET_FIELDS: &[&str] = &[
    "session",
    "token",
    "credentials",
    "headers",
    "password",
    "sessionID",
    "body",
    "body-base64",
    "build-args",
    "cmd",
    "env",
    "options",
];

impl Request {
    /// The request as JSON, to be kept for people to look at.
    pub fn without_secrets(&self) -> String {
        let mut object: Map<String, Value> = serde_json::from_str(&self.json).unwrap_or_default();
        object.retain(|name, _| !SECRET_FIELDS.contains(&name.as_str()));
        Value::Object(object).to_string()
    }
}

/// Names of the fields that every request may have.
pub const COMMON_FIELDS: &[&str] =
    &["action", "id", "requestId", "timeout", "session", "token", "dock", "traceparent", "tracestate"];

/// The stream field that holds a whole request.
const JSON: &str = "json";

/// Decodes the fields of the stream entry `entry`, which came by the shared stream or by that of `own`.
///
/// Either one field `json` holds the object, beside which only `requestId`, `replyTo`, `deadline`, `once`, `flat`,
/// `sent` and `traceparent` may stand, or every field of the entry is a field of the object.
///
/// # Errors
/// [`Undecodable`] with a message that names the field. Any bytes give a request or an error.
pub fn decode(entry: EntryId, own: Option<&Fqdn>, fields: &Fields) -> Result<Request, Undecodable> {
    let fallback = RequestId::of_entry(entry, own);
    let unread = |failure| Undecodable { id: fallback.clone(), reply_to: None, trace: Traced::default(), failure };
    let Entry { mut object, json, flat, envelope } = read_entry(fields).map_err(unread)?;
    let trace = Traced { asked: TraceContext::take(&mut object), passed_on: envelope.trace };
    let undecodable = |id: &RequestId, failure| {
        let (reply_to, trace) = (envelope.reply_to.clone(), trace.clone());
        Undecodable { id: id.clone(), reply_to, trace, failure }
    };
    let refuse = |failure| undecodable(&fallback, failure);
    if flat && !object.contains_key("action") {
        let message = "the entry has neither a field `json` nor a field `action`: \
                       XADD deblox.docker '*' json '{\"action\":\"list-docks\"}'";
        return Err(refuse(Failure::new(ErrorCode::MissingAction, message)));
    }
    let chosen = match (&envelope.request_id, object.get("requestId")) {
        (Some(id), _) => Some(RequestId::passed_on(id)),
        (None, Some(Value::String(id))) => Some(RequestId::new(id)),
        (None, Some(_)) => return Err(refuse(Failure::new(ErrorCode::BadRequestId, "`requestId` must be text"))),
        (None, None) => None,
    };
    let id_chosen = chosen.is_some() && !envelope.once;
    let id = chosen
        .unwrap_or_else(|| Ok(fallback.clone()))
        .map_err(|e| refuse(Failure::new(ErrorCode::BadRequestId, format!("`requestId` is not valid: {e}"))))?;
    object.remove("requestId");

    let mut take = || -> Result<Request, Failure> {
        let action = match object.remove("action") {
            Some(Value::String(action)) => action,
            Some(_) => return Err(Failure::new(ErrorCode::BadField, "`action` must be text")),
            None => {
                let hint = "the request has no `action`: say what to do, for example \"action\": \"list-docks\"";
                return Err(Failure::new(ErrorCode::MissingAction, hint));
            }
        };
        let timeout = object.remove("timeout").as_ref().map(read_timeout).transpose()?;
        let dock = match take_text(&mut object, "dock")? {
            None => None,
            Some(dock) => Some(Fqdn::new(&dock).map_err(|e| bad_field("dock", &e.to_string()))?),
        };
        let instance = take_text(&mut object, "id")?;
        if let Some(instance) = &instance {
            check_instance(instance)?;
        }
        let credential = read_credential(&mut object)?;
        Ok(Request {
            id: id.clone(),
            id_chosen,
            reply_to: envelope.reply_to.clone(),
            action,
            timeout,
            deadline: envelope.deadline,
            dock,
            instance,
            credential,
            trace: trace.clone(),
            arguments: std::mem::take(&mut object),
            flat,
            json: json.clone(),
        })
    };
    take().map_err(|failure| undecodable(&id, failure))
}

/// The fields of an entry, read as far as they are the same for every request and for the auth manager.
pub(super) struct Entry {
    pub(super) object: Map<String, Value>,
    json: String,
    flat: bool,
    pub(super) envelope: Envelope,
}

/// What may stand beside a `json` field.
#[derive(Default)]
pub(super) struct Envelope {
    pub(super) request_id: Option<String>,
    pub(super) deadline: Option<u64>,
    /// The id is made for this one entry: nobody will send it again.
    once: bool,
    reply_to: Option<ReplyTo>,
    trace: Option<TraceContext>,
}

pub(super) fn read_entry(fields: &Fields) -> Result<Entry, Failure> {
    let size = |(name, value): &(Vec<u8>, Vec<u8>)| name.len() + value.len();
    let (json, beside): (Vec<_>, Vec<_>) = fields.iter().partition(|(name, _)| name == JSON.as_bytes());
    if json.len() > 1 {
        return Err(bad_field(JSON, "it is there twice"));
    }
    match json.first() {
        // A request that is passed on is no larger than it was.
        Some(json) => {
            check_size(size(json), REQUEST_BYTES, "the request")?;
            check_size(beside.into_iter().map(size).sum(), ENVELOPE_BYTES, "what stands beside `json`")?;
        }
        None => check_size(beside.into_iter().map(size).sum(), REQUEST_BYTES, "the request")?,
    }
    let mut texts = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value)) else {
            let name = String::from_utf8_lossy(name);
            return Err(Failure::new(ErrorCode::BadJson, format!("the stream field `{}` is not UTF-8", quoted(&name))));
        };
        texts.push((name, value));
    }
    let mut envelope = Envelope::default();
    let Some((_, json)) = texts.iter().find(|(name, _)| *name == JSON) else {
        let object = flat_object(&texts)?;
        let json = Value::Object(object.clone()).to_string();
        check_size(JSON.len() + json.len(), REQUEST_BYTES, "the request, written as JSON,")?;
        return Ok(Entry { object, json, flat: true, envelope });
    };
    let (mut flat, mut parent) = (false, None);
    for (name, value) in &texts {
        match *name {
            // `sent` is set by the worker that passed it on, for the scripts: its place on the shared stream.
            JSON | "sent" => {}
            "once" => envelope.once = true,
            // Set by the worker that passed it on: it came as flat fields.
            "flat" => flat = true,
            // Set by the worker that passed it on: the span of that, with the state that the caller gave.
            "traceparent" => parent = Some(*value),
            "requestId" => envelope.request_id = Some((*value).to_owned()),
            "replyTo" => {
                let read = ReplyTo::read(value);
                envelope.reply_to = Some(read.map_err(|error| bad_field("replyTo", &error.to_string()))?);
            }
            "deadline" => {
                let deadline = value.parse();
                envelope.deadline =
                    Some(deadline.map_err(|_| bad_field("deadline", "it must be milliseconds since the epoch"))?);
            }
            other => {
                let other = quoted(other);
                let message = format!("beside `json` there may be no stream field `{other}`: put it into the object");
                return Err(Failure::new(ErrorCode::UnknownField, message));
            }
        }
    }
    match serde_json::from_str(json) {
        Ok(Value::Object(object)) => {
            let state = object.get("tracestate").and_then(Value::as_str);
            envelope.trace = parent.and_then(|parent| TraceContext::read(parent, state));
            Ok(Entry { object, json: (*json).to_owned(), flat, envelope })
        }
        Ok(_) => {
            let message = "a request must be a JSON object, such as {\"action\": \"list-docks\"}";
            Err(Failure::new(ErrorCode::NotAnObject, message))
        }
        Err(e) => Err(Failure::new(ErrorCode::BadJson, format!("the request is not valid JSON: {e}"))),
    }
}

fn check_size(size: usize, limit: usize, what: &str) -> Result<(), Failure> {
    if size > limit {
        let message = format!("{what} has {size} bytes, at most {limit} are taken");
        return Err(Failure::new(ErrorCode::PayloadTooLarge, message));
    }
    Ok(())
}

fn flat_object(texts: &[(&str, &str)]) -> Result<Map<String, Value>, Failure> {
    let mut object = Map::new();
    for (name, value) in texts {
        if object.insert((*name).to_owned(), Value::String((*value).to_owned())).is_some() {
            return Err(bad_field(&quoted(name), "it is there twice"));
        }
    }
    Ok(object)
}

/// Takes out `session` or `token`, so that nothing else sees it.
fn read_credential(object: &mut Map<String, Value>) -> Result<Option<Credential>, Failure> {
    let secret = |text: Option<String>| text.map(Secret::new);
    let (session, token) = (secret(take_text(object, "session")?), secret(take_text(object, "token")?));
    match (session, token) {
        (Some(_), Some(_)) => Err(bad_field("token", "there is a `session` too: one of them says who asks")),
        (Some(session), None) => Ok(Some(Credential::Session(session))),
        (None, token) => Ok(token.map(Credential::Token)),
    }
}

fn take_text(object: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Failure> {
    match object.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad_field(name, "it must be text")),
    }
}

/// Reads the field `timeout`: whole milliseconds, also as text.
///
/// # Errors
/// [`ErrorCode::BadField`].
pub fn read_timeout(value: &Value) -> Result<Duration, Failure> {
    let longest = millis(LONGEST_TIMEOUT);
    let millis = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    match millis {
        Some(millis) if (1..=longest).contains(&millis) => Ok(Duration::from_millis(millis)),
        _ => Err(bad_field("timeout", &format!("it must be a whole number of milliseconds from 1 to {longest}"))),
    }
}

fn check_instance(instance: &str) -> Result<(), Failure> {
    check_no_token(instance).map_err(|error| bad_field("id", &error.to_string()))?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    // Neither `.` nor `..`: in a path they would mean something else.
    let begins_well = instance.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins_well || instance.len() > INSTANCE_BYTES || !instance.chars().all(allowed) {
        let rule = "it must be a container's id, the beginning of one, or a name: a letter or a digit, then letters, \
                    digits, _ . -";
        return Err(bad_field("id", rule));
    }
    Ok(())
}

fn bad_field(name: &str, rule: &str) -> Failure {
    Failure::new(ErrorCode::BadField, format!("field `{name}` is not valid: {rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> EntryId {
        EntryId { millis: 1_700_000_000_000, sequence: 0 }
    }

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect()
    }

    fn code(pairs: &[(&str, &str)]) -> ErrorCode {
        decode(entry(), None, &fields(pairs)).unwrap_err().failure.code
    }

    #[test]
    fn both_forms_give_the_same_request() {
        let object =
            decode(entry(), None, &fields(&[("json", r#"{"action":"create-container","image":"ubuntu"}"#)])).unwrap();
        let flat = decode(entry(), None, &fields(&[("action", "create-container"), ("image", "ubuntu")])).unwrap();
        assert_eq!((&object.action, &object.arguments), (&flat.action, &flat.arguments));
        assert_eq!(object.id.as_str(), "1700000000000-0");
        assert!(!object.id_chosen && !object.flat && flat.flat);
    }

    #[test]
    fn common_fields_are_taken_out() {
        let json = r#"{"action":"stop-container","id":"foo","requestId":"r1","timeout":500,"dock":"A.b","token":"t","time":3}"#;
        let request = decode(entry(), None, &fields(&[("json", json)])).unwrap();
        assert_eq!((request.id.as_str(), request.id_chosen), ("r1", true));
        assert_eq!(request.timeout, Some(Duration::from_millis(500)));
        assert_eq!(request.dock.unwrap().as_str(), "a.b");
        assert_eq!(request.instance.as_deref(), Some("foo"));
        assert_eq!(request.arguments.keys().collect::<Vec<_>>(), ["time"]);
    }

    #[test]
    fn a_request_passed_on_keeps_its_id_and_deadline() {
        let request =
            decode(entry(), None, &fields(&[("json", r#"{"action":"ping"}"#), ("requestId", "r"), ("deadline", "17")]))
                .unwrap();
        assert_eq!((request.id.as_str(), request.deadline), ("r", Some(17)));
    }

    #[test]
    fn a_flat_request_passed_on_stays_flat() {
        let first =
            decode(entry(), None, &fields(&[("action", "stop-container"), ("id", "x"), ("time", "1")])).unwrap();
        let passed = fields(&[
            ("json", &first.json),
            ("requestId", first.id.as_str()),
            ("flat", "1"),
            ("once", "1"),
            ("sent", "1-1"),
        ]);
        let second = decode(entry(), None, &passed).unwrap();
        assert!(first.flat && second.flat && !first.id_chosen && !second.id_chosen);
        assert_eq!((second.arguments, second.instance), (first.arguments, first.instance));
    }

    #[test]
    fn a_trace_is_read_from_both_forms_and_one_that_is_not_valid_is_ignored() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let json = format!(r#"{{"action":"ping","traceparent":"{parent}","tracestate":"a=1"}}"#);
        for entry_fields in
            [vec![("json", json.as_str())], vec![("action", "ping"), ("traceparent", parent), ("tracestate", "a=1")]]
        {
            let request = decode(entry(), None, &fields(&entry_fields)).unwrap();
            assert_eq!(request.trace.asked, TraceContext::read(parent, Some("a=1")));
            assert_eq!((request.trace.passed_on, request.arguments.len()), (None, 0));
        }
        for value in ["7", "null", r#""nonsense""#, r#"["00"]"#] {
            let json = format!(r#"{{"action":"ping","traceparent":{value},"tracestate":7}}"#);
            let request = decode(entry(), None, &fields(&[("json", &json)])).unwrap();
            assert!(request.trace.parent().is_none() && request.arguments.is_empty(), "{value}");
        }
        let bad = format!(r#"{{"action":7,"traceparent":"{parent}"}}"#);
        let bad = decode(entry(), None, &fields(&[("json", &bad)])).unwrap_err();
        assert_eq!(bad.trace.asked.unwrap().parent(), parent);
    }

    #[test]
    fn the_span_of_the_worker_that_passed_it_on_counts() {
        let asked = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let passed = "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-01";
        let json = format!(r#"{{"action":"ping","traceparent":"{asked}","tracestate":"a=1"}}"#);
        let trace = decode(entry(), None, &fields(&[("json", &json), ("traceparent", passed)])).unwrap().trace;
        assert_eq!(trace.parent(), TraceContext::read(passed, Some("a=1")).as_ref());
        assert_eq!(trace.asked.unwrap().parent(), asked);
        let own = decode(entry(), None, &fields(&[("json", r#"{"action":"ping"}"#), ("traceparent", passed)])).unwrap();
        assert_eq!((own.trace.asked, own.trace.passed_on.is_some()), (None, true));
    }

    #[test]
    fn the_largest_request_is_taken_also_when_it_is_passed_on() {
        let json = format!("{{\"action\":\"ping\"}}{}", " ".repeat(REQUEST_BYTES - "json".len() - 17));
        let request = decode(entry(), None, &fields(&[("json", &json)])).unwrap();
        let passed =
            [("json", &*request.json), ("requestId", request.id.as_str()), ("deadline", "17"), ("sent", "1-1")];
        assert!(decode(entry(), None, &fields(&passed)).is_ok());
    }

    #[test]
    fn each_fault_has_its_code() {
        assert_eq!(code(&[("json", "{")]), ErrorCode::BadJson);
        assert_eq!(code(&[("json", "[1]")]), ErrorCode::NotAnObject);
        assert_eq!(code(&[("json", "{}")]), ErrorCode::MissingAction);
        assert_eq!(code(&[("image", "ubuntu")]), ErrorCode::MissingAction);
        assert_eq!(code(&[("json", r#"{"action":1}"#)]), ErrorCode::BadField);
        assert_eq!(code(&[("action", "ping"), ("requestId", "a/b")]), ErrorCode::BadRequestId);
        assert_eq!(code(&[("action", "ping"), ("timeout", "soon")]), ErrorCode::BadField);
        assert_eq!(code(&[("action", "ping"), ("id", "../x")]), ErrorCode::BadField);
        assert_eq!(code(&[("action", "ping"), ("id", "..")]), ErrorCode::BadField);
        assert_eq!(code(&[("json", "{}"), ("extra", "1")]), ErrorCode::UnknownField);
        assert_eq!(code(&[("json", "{}"), ("json", "{}")]), ErrorCode::BadField);
        assert_eq!(code(&[("json", &"x".repeat(REQUEST_BYTES))]), ErrorCode::PayloadTooLarge);
        assert_eq!(code(&[("json", "{}"), ("sent", &"1".repeat(ENVELOPE_BYTES))]), ErrorCode::PayloadTooLarge);
        assert_eq!(code(&[("action", "ping"), ("x", &"\"".repeat(REQUEST_BYTES / 2))]), ErrorCode::PayloadTooLarge);
    }

    #[test]
    fn a_fault_is_answered_under_the_callers_id_where_it_is_valid() {
        let bad = decode(entry(), None, &fields(&[("json", r#"{"requestId":"mine"}"#)])).unwrap_err();
        assert_eq!(bad.id.as_str(), "mine");
        let worse = decode(entry(), None, &fields(&[("json", r#"{"requestId":"a/b","action":"ping"}"#)])).unwrap_err();
        assert_eq!(worse.id.as_str(), "1700000000000-0");
    }
}
