//! What goes over the websocket: small texts of JSON, and bytes behind the number of their stream.

use axum::extract::ws::{Message, Utf8Bytes};
use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::{ClientError, Reply};
use crate::protocol::{Channel, ErrorCode, Failure, RequestId};
use crate::web::calls::explain;

/// What a caller does with one of its streams.
#[derive(Debug, PartialEq)]
pub(super) enum Wish {
    /// Opens it by a request.
    Open(Value),
    /// Gives bytes to it.
    Give(Bytes),
    /// Tells the size of its terminal.
    Resize(u16, u16),
    /// Gives no more bytes.
    Finish,
    /// Wants no more of it.
    Cancel,
}

/// A text from the caller.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    stream: u32,
    open: Option<Value>,
    rows: Option<u16>,
    cols: Option<u16>,
    finish: Option<bool>,
    cancel: Option<bool>,
}

/// Why a message means nothing: of which stream it is, if that can be told, and what is wrong with it.
pub(super) type Wrong = (Option<u32>, String);

/// Reads a text: which stream, and what is wished of it.
pub(super) fn read_text(text: &str) -> Result<(u32, Wish), Wrong> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| (None, format!("the message is not valid JSON: {error}")))?;
    let stream = value["stream"].as_u64().and_then(|stream| u32::try_from(stream).ok());
    let wrong = |message: String| (stream, format!("the message is not valid: {message}"));
    let text: Text = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
    let wish = match text {
        Text { open: Some(request), rows: None, cols: None, finish: None, cancel: None, .. } => Wish::Open(request),
        Text { open: None, rows: Some(rows), cols: Some(cols), finish: None, cancel: None, .. } => {
            Wish::Resize(rows, cols)
        }
        Text { open: None, rows: None, cols: None, finish: Some(true), cancel: None, .. } => Wish::Finish,
        Text { open: None, rows: None, cols: None, finish: None, cancel: Some(true), .. } => Wish::Cancel,
        _ => return Err(wrong("it has one of `open`, `rows` with `cols`, `finish` and `cancel`".to_owned())),
    };
    Ok((text.stream, wish))
}

/// Reads bytes: which stream, and what is given to it.
pub(super) fn read_bytes(mut bytes: Bytes) -> Result<(u32, Wish), Wrong> {
    let stream = bytes.get(..4).and_then(|four| Some(u32::from_be_bytes(four.try_into().ok()?)));
    let stream = stream.ok_or_else(|| (None, "bytes begin with the four of their stream's number".to_owned()))?;
    Ok((stream, Wish::Give(bytes.split_off(4))))
}

/// A piece of output.
pub(super) fn output(stream: u32, channel: Channel, bytes: &[u8]) -> Message {
    let mut framed = BytesMut::with_capacity(5 + bytes.len());
    framed.put_u32(stream);
    framed.put_u8(match channel {
        Channel::Stdout => 0,
        Channel::Stderr => 1,
        Channel::Data => 2,
        Channel::Head => 3,
    });
    framed.put_slice(bytes);
    Message::Binary(framed.freeze())
}

/// So many pieces are kept no longer.
pub(super) fn gap(stream: u32, missing: u64) -> Message {
    text(&json!({"stream": stream, "gap": missing}))
}

/// How a stream has ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct End {
    /// As HTTP has it.
    status: u16,
    /// The stable name of what went wrong.
    error: Option<String>,
    /// What went wrong, in a sentence.
    message: Option<String>,
    /// Its request.
    request_id: Option<String>,
    /// With what the process has ended, if it was one.
    exit_code: Option<i64>,
}

impl End {
    /// By its reply.
    pub(super) fn replied(reply: &Reply, id: &RequestId) -> Self {
        let body: Value = reply.body().unwrap_or_default();
        Self {
            status: reply.status(),
            error: reply.error().map(str::to_owned),
            message: reply.message().map(str::to_owned),
            request_id: Some(id.to_string()),
            exit_code: body["exitCode"].as_i64(),
        }
    }

    /// Without one.
    pub(super) fn broken(error: &ClientError, id: Option<&RequestId>) -> Self {
        Self::failed(explain(error), id)
    }

    /// By this node.
    pub(super) fn failed(failure: Failure, id: Option<&RequestId>) -> Self {
        let (status, error) = (failure.status(), Some(failure.code.as_str().to_owned()));
        let request_id = id.map(ToString::to_string);
        Self { status, error, message: Some(failure.message), request_id, exit_code: None }
    }

    /// Because what the caller said means nothing.
    pub(super) fn wrong(message: String) -> Self {
        Self::failed(Failure::new(ErrorCode::BadField, message), None)
    }

    pub(super) fn message(&self, stream: u32) -> Message {
        text(&json!({"stream": stream, "end": self}))
    }
}

fn text(json: &Value) -> Message {
    Message::Text(Utf8Bytes::from(json.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_one_thing_of_one_stream() {
        for (text, wish) in [
            (r#"{"stream":1,"open":{"action":"ping"}}"#, Wish::Open(json!({"action": "ping"}))),
            (r#"{"stream":1,"rows":24,"cols":80}"#, Wish::Resize(24, 80)),
            (r#"{"stream":1,"finish":true}"#, Wish::Finish),
            (r#"{"stream":1,"cancel":true}"#, Wish::Cancel),
        ] {
            assert_eq!(read_text(text), Ok((1, wish)), "{text}");
        }
        assert_eq!(read_bytes(Bytes::from_static(b"\0\0\x01\x02hi")), Ok((258, Wish::Give("hi".into()))));
        for (text, stream) in [
            ("", None),
            ("[1]", None),
            (r#"{"stream":-1,"cancel":true}"#, None),
            (r#"{"stream":7}"#, Some(7)),
            (r#"{"stream":7,"rows":24}"#, Some(7)),
            (r#"{"stream":7,"rows":1,"cols":70000}"#, Some(7)),
            (r#"{"stream":7,"cancel":true,"finish":true}"#, Some(7)),
            (r#"{"stream":7,"cancel":true,"x":1}"#, Some(7)),
        ] {
            assert_eq!(read_text(text).unwrap_err().0, stream, "{text}");
        }
        assert_eq!(read_bytes(Bytes::from_static(b"\0\0\x01")).unwrap_err().0, None);
    }

    #[test]
    fn output_stands_behind_its_stream_and_channel() {
        assert_eq!(output(258, Channel::Stderr, b"no"), Message::Binary(Bytes::from_static(b"\0\0\x01\x02\x01no")));
        assert_eq!(gap(1, 3), Message::Text(r#"{"stream":1,"gap":3}"#.into()));
        let end = End::wrong("no".to_owned()).message(1);
        let wanted = json!({"stream": 1, "end": {"status": 400, "error": "bad-field", "message": "no", "requestId": null,
            "exitCode": null}});
        assert_eq!(end, Message::Text(wanted.to_string().into()));
    }
}
