//! The reply: one envelope for results and errors, in the specification's form.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Failure, Fqdn, RequestId, TraceContext};

/// What answered a request: the Docker daemon or, for what concerns the cluster, the worker.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `Date` header; where there was none the worker's own clock is used.
    pub date: Option<String>,
    /// How many bytes were sent; where that is not known, the length of the body. Docker ends a JSON body with a
    /// line break and counts it, while a reply cannot show it.
    pub length: Option<usize>,
    /// The body.
    pub body: Body,
}

/// The body of an [`Answer`].
#[derive(Debug)]
pub enum Body {
    /// No body: the reply has `"Response": ""`.
    Empty,
    /// JSON, verbatim.
    Json(Box<RawValue>),
    /// Anything else that is text.
    Text(String),
    /// Bytes; on the wire base64, with `"Encoding": "base64"` beside the body.
    Binary(Vec<u8>),
}

impl Body {
    /// The body that a daemon sent: verbatim where it is JSON, as text where it is text, and as bytes otherwise. What the
    /// daemon calls neither, such as an archive, is bytes even where it happens to be readable.
    pub fn read(content_type: Option<&str>, bytes: &[u8]) -> Self {
        let readable = content_type.is_none_or(|kind| kind.starts_with("text/") || kind.contains("json"));
        match std::str::from_utf8(bytes) {
            Ok(text) if text.trim().is_empty() => Self::Empty,
            Ok(text) if readable => match serde_json::from_str::<&RawValue>(text) {
                Ok(json) => Self::Json(json.to_owned()),
                Err(_) => Self::Text(text.to_owned()),
            },
            _ => Self::Binary(bytes.to_vec()),
        }
    }

    /// The number of bytes, as `Content-Length` has it.
    pub fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Json(json) => json.get().len(),
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there is no body.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Answer {
    /// An answer of the worker itself: status 200 and a JSON body.
    ///
    /// # Panics
    /// Never for types whose `Serialize` cannot fail: records and JSON values.
    pub fn json(body: &impl Serialize) -> Self {
        let body = serde_json::value::to_raw_value(body).expect("records serialise");
        Self {
            status: 200,
            content_type: Some("application/json".into()),
            date: None,
            length: None,
            body: Body::Json(body),
        }
    }

    /// An answer of the worker itself without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, content_type: None, date: None, length: None, body: Body::Empty }
    }

    /// Whether the status is in the range of successes.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body, if it is JSON.
    pub fn read_json(&self) -> Option<serde_json::Value> {
        let Body::Json(json) = &self.body else { return None };
        serde_json::from_str(json.get()).ok()
    }

    /// The string in a top-level field of a JSON body.
    pub fn text_field(&self, name: &str) -> Option<String> {
        self.read_json()?.get(name)?.as_str().map(str::to_owned)
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if matches!(self, Self::Empty) {
            return serializer.serialize_str("");
        }
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Json(json) => map.serialize_entry("Body", json)?,
            Self::Text(text) => map.serialize_entry("Body", text)?,
            Self::Binary(bytes) => {
                map.serialize_entry("Body", &BASE64_STANDARD.encode(bytes))?;
                map.serialize_entry("Encoding", "base64")?;
            }
            Self::Empty => {}
        }
        map.end()
    }
}

/// The final reply of a request. The fields are those the specification prints, in its order.
#[derive(Debug, Serialize)]
pub struct Reply {
    /// The new instance, for a create.
    #[serde(rename = "Id", skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// A whole reply for each new instance, for a create of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    containers: Option<Vec<Box<RawValue>>>,
    #[serde(rename = "Response-Code")]
    response_code: u16,
    #[serde(rename = "Content-Type", skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(rename = "Date")]
    date: String,
    #[serde(rename = "Content-Length")]
    content_length: String,
    #[serde(rename = "Response")]
    response: Body,
    #[serde(rename = "dockerInstance", skip_serializing_if = "Option::is_none")]
    dock: Option<Fqdn>,
    #[serde(rename = "statusCode")]
    status: u16,
    #[serde(rename = "requestId", skip_serializing_if = "Option::is_none")]
    request_id: Option<RequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<super::ErrorCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
}

impl Reply {
    /// The reply for an answer, given by `dock`; `id` is the new instance of a create.
    pub fn success(request_id: RequestId, dock: Fqdn, answer: Answer, id: Option<String>) -> Self {
        Self { id, dock: Some(dock), request_id: Some(request_id), ..Self::envelope(answer) }
    }

    fn envelope(answer: Answer) -> Self {
        Self {
            id: None,
            containers: None,
            response_code: answer.status,
            content_type: answer.content_type,
            date: answer.date.unwrap_or_else(|| httpdate::fmt_http_date(std::time::SystemTime::now())),
            content_length: answer.length.unwrap_or_else(|| answer.body.len()).to_string(),
            response: answer.body,
            dock: None,
            status: answer.status,
            request_id: None,
            error: None,
            message: None,
            traceparent: None,
        }
    }

    /// The reply for a failure: the same envelope with `error` and `message`.
    pub fn failure(request_id: RequestId, dock: Fqdn, failure: Failure) -> Self {
        Self { dock: Some(dock), request_id: Some(request_id), ..Self::refusal(failure) }
    }

    /// The reply for a failure that happened before any worker had the request.
    pub fn refusal(failure: Failure) -> Self {
        let Failure { code, message, answer } = failure;
        let answer = answer.map_or_else(|| Answer::empty(code.status()), |answer| *answer);
        Self { error: Some(code), message: Some(message), ..Self::envelope(answer) }
    }

    /// The reply for several creates, with the whole reply of each; `failure` says what is wrong with them, if anything
    /// is.
    pub fn several(
        request_id: RequestId,
        dock: Fqdn,
        containers: Vec<Box<RawValue>>,
        failure: Option<Failure>,
    ) -> Self {
        let reply = match failure {
            Some(failure) => Self::failure(request_id, dock, failure),
            None => Self::success(request_id, dock, Answer::empty(201), None),
        };
        Self { containers: Some(containers), ..reply }
    }

    /// The same with where it stands in a trace.
    pub fn traced(self, trace: Option<&TraceContext>) -> Self {
        Self { traceparent: trace.map(|trace| trace.parent().to_owned()), ..self }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The full id of the new instance, for a create.
    pub fn instance(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The stable name of what went wrong, if anything did.
    pub fn error(&self) -> Option<super::ErrorCode> {
        self.error
    }

    /// The reply as it is written to the bus.
    ///
    /// # Panics
    /// Never: every field serialises.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("replies serialise")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ErrorCode;

    fn names() -> (RequestId, Fqdn) {
        (RequestId::new("r-1").unwrap(), Fqdn::new("sthmaclt009.local").unwrap())
    }

    #[test]
    fn a_result_has_the_specified_form() {
        let (id, dock) = names();
        let body = RawValue::from_string(r#"[{"Created":1414108504,  "Size":0}]"#.into()).unwrap();
        let answer = Answer {
            status: 200,
            content_type: Some("application/json".into()),
            date: Some("Wed, 12 Nov 2014 09:15:04 GMT".into()),
            length: None,
            body: Body::Json(body),
        };
        insta::assert_snapshot!(Reply::success(id, dock, answer, None).to_json(), @r#"{"Response-Code":200,"Content-Type":"application/json","Date":"Wed, 12 Nov 2014 09:15:04 GMT","Content-Length":"35","Response":{"Body":[{"Created":1414108504,  "Size":0}]},"dockerInstance":"sthmaclt009.local","statusCode":200,"requestId":"r-1"}"#);
    }

    #[test]
    fn an_error_has_the_same_envelope() {
        let (id, dock) = names();
        let mut failure = Failure::new(ErrorCode::NoSuchInstance, "no instance `foo`");
        failure.answer = Some(Box::new(Answer {
            status: 404,
            content_type: None,
            date: Some("Wed, 12 Nov 2014 09:15:04 GMT".into()),
            length: None,
            body: Body::Empty,
        }));
        insta::assert_snapshot!(Reply::failure(id, dock, failure).to_json(), @r#"{"Response-Code":404,"Date":"Wed, 12 Nov 2014 09:15:04 GMT","Content-Length":"0","Response":"","dockerInstance":"sthmaclt009.local","statusCode":404,"requestId":"r-1","error":"no-such-instance","message":"no instance `foo`"}"#);
    }
}
