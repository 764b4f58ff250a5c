//! What holds for every request and every reply, whatever comes: the property tests and the fuzz targets ask the same.

use base64::prelude::{BASE64_STANDARD, Engine};
use deblox::actions::Action;
use deblox::protocol::limits::{LONGEST_TIMEOUT, MESSAGE_BYTES};
use deblox::protocol::{Answer, Body, EntryId, Failure, Fields, Fqdn, Reply, Request, RequestId, decode, millis};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// What a refusal takes at most: its message, of which JSON may make six bytes of each, and the rest of the envelope.
const REFUSAL_BYTES: usize = 6 * MESSAGE_BYTES + 1024;

/// Any fields of an entry make a request, or a failure whose reply is complete and short. Returns whether a request.
pub fn decoding(fields: &Fields) -> bool {
    let entry = EntryId { millis: 1_700_000_000_000, sequence: 7 };
    let dock = Fqdn::new("a.test").expect("a host name");
    let [shared, own] = [None, Some(&dock)].map(|own| {
        let decoded = decode(entry, own, fields);
        let id = decoded.as_ref().map_or_else(|undecodable| &undecodable.id, |request| &request.id).clone();
        identity(&id);
        let checked = decoded.map_err(|undecodable| undecodable.failure).and_then(|request| {
            passing_on(&request);
            let action = Action::find(&request.action)?;
            let arguments = action.check(&request)?;
            ending(entry, &request, action.default_timeout(arguments.whole("time")));
            Ok(())
        });
        checked.map_err(|failure| refusal(&id, &dock, failure)).is_ok()
    });
    assert_eq!(shared, own, "the streams differ in the id alone");
    shared
}

/// An id is short and of its alphabet, so that it can stand in the name of a key; a worker reads it back as it was.
fn identity(id: &RequestId) {
    let text = id.as_str();
    assert!((1..=300).contains(&text.len()), "{text}");
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-@+".contains(&byte)), "{text}");
    assert_eq!(RequestId::passed_on(text).expect("an id"), *id);
}

/// A deadline is later than the entry, and not as late as to overflow anything, even where an entry's own id is the last.
fn ending(entry: EntryId, request: &Request, default: std::time::Duration) {
    let timeout = request.timeout.unwrap_or(default);
    assert!(request.timeout.is_none_or(|timeout| !timeout.is_zero() && timeout <= LONGEST_TIMEOUT), "{timeout:?}");
    assert!(entry.millis.checked_add(millis(timeout)).is_some(), "{timeout:?}");
}

/// What is passed on is the same request to whoever decodes it next.
fn passing_on(request: &Request) {
    let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let mut fields = vec![field("json", &request.json), field("requestId", request.id.as_str())];
    fields.extend([field("deadline", &u64::MAX.to_string()), field("sent", "1700000000000-7")]);
    fields.extend(request.flat.then(|| field("flat", "1")));
    fields.extend((!request.id_chosen).then(|| field("once", "1")));
    fields.extend(request.trace.parent().map(|trace| field("traceparent", trace.parent())));
    let again = decode(EntryId { millis: u64::MAX, sequence: u64::MAX }, None, &fields).expect("it was a request");
    assert_eq!((&again.id, again.id_chosen, again.flat), (&request.id, request.id_chosen, request.flat));
    assert_eq!((&again.action, again.timeout, &again.dock), (&request.action, request.timeout, &request.dock));
    assert_eq!((again.trace.parent(), &again.trace.asked), (request.trace.parent(), &request.trace.asked));
    assert_eq!((&again.instance, &again.arguments), (&request.instance, &request.arguments));
}

/// A failure makes a reply that says all, and is not much longer than the shortest request.
fn refusal(id: &RequestId, dock: &Fqdn, failure: Failure) {
    let (code, message) = (failure.code, failure.message.clone());
    let json = Reply::failure(id.clone(), dock.clone(), failure).to_json();
    assert!(json.len() <= REFUSAL_BYTES, "{} bytes: {}", json.len(), &message[..80]);
    let reply: Value = serde_json::from_str(&json).expect("a reply is JSON");
    assert_eq!(reply["requestId"], id.known_as(), "{json}");
    assert_eq!((&reply["error"], &reply["message"]), (&Value::from(code.as_str()), &Value::from(message)), "{json}");
    assert_eq!((&reply["statusCode"], &reply["Response-Code"]), (&code.status().into(), &code.status().into()));
    assert!((400..600).contains(&code.status()) && !reply["message"].as_str().unwrap_or_default().is_empty(), "{json}");
}

/// Any answer makes a reply that is JSON, says of the answer what HTTP would, and carries its body as it came.
pub fn replying(status: u16, content_type: Option<String>, date: Option<String>, bytes: &[u8]) {
    let body = Body::read(content_type.as_deref(), bytes);
    let (kind, size) = (kind(&body), bytes.len());
    let answer = Answer { status, content_type, date, length: Some(size), body };
    let (id, dock) = (RequestId::new("r-1").expect("an id"), Fqdn::new("a.test").expect("a host name"));
    let (content_type, date) = (answer.content_type.clone(), answer.date.clone());
    let json = Reply::success(id, dock, answer, Some("new".to_owned())).to_json();
    let wire: Wire = serde_json::from_str(&json).expect("a reply is JSON in the known form");
    assert_eq!((wire.status, wire.response_code, wire.length), (status, status, size.to_string()));
    assert_eq!((wire.content_type, wire.request, wire.dock, wire.id), (content_type, "r-1", "a.test", "new"));
    assert!(date.map_or_else(|| !wire.date.is_empty(), |date| date == wire.date), "{json}");

    let carried = match kind {
        "empty" => {
            assert_eq!(wire.response.get(), r#""""#);
            assert!(
                bytes.trim_ascii().is_empty() || std::str::from_utf8(bytes).is_ok_and(|text| text.trim().is_empty())
            );
            return;
        }
        _ => serde_json::from_str::<Carried>(wire.response.get()).expect("a body in the known form"),
    };
    let text = || serde_json::from_str::<String>(carried.body.get()).expect("text");
    let came = match kind {
        "json" => return assert_eq!(carried.body.get().as_bytes(), bytes.trim_ascii()),
        "text" => text().into_bytes(),
        _ => BASE64_STANDARD.decode(text()).expect("base64"),
    };
    assert_eq!(carried.encoding, (kind == "bytes").then_some("base64"));
    assert_eq!(came, bytes);
}

fn kind(body: &Body) -> &'static str {
    match body {
        Body::Empty => "empty",
        Body::Json(_) => "json",
        Body::Text(_) => "text",
        Body::Binary(_) => "bytes",
    }
}

/// A reply as it is on the wire, and nothing else in it. The body may be JSON beyond what a reader would take, so deeply
/// nested or with such numbers: it is passed on as it came.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    #[serde(rename = "Id")]
    id: &'a str,
    #[serde(rename = "Response-Code")]
    response_code: u16,
    #[serde(rename = "Content-Type")]
    content_type: Option<String>,
    #[serde(rename = "Date")]
    date: String,
    #[serde(rename = "Content-Length")]
    length: String,
    #[serde(rename = "Response", borrow)]
    response: &'a RawValue,
    #[serde(rename = "dockerInstance")]
    dock: &'a str,
    #[serde(rename = "statusCode")]
    status: u16,
    #[serde(rename = "requestId")]
    request: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Carried<'a> {
    #[serde(rename = "Body", borrow)]
    body: &'a RawValue,
    #[serde(rename = "Encoding")]
    encoding: Option<&'a str>,
}
