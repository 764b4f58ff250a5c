//! `POST /`: a request as on the bus, its reply as on the bus.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::Node;
use super::audit::InAudit;
use super::serve::Peer;
use crate::bus::CallError;
use crate::client::{Client, ClientError};
use crate::protocol::limits::REQUEST_BYTES;
use crate::protocol::{Credential, ErrorCode, Failure, Reply, TraceContext};

/// How long a body may take to arrive.
pub(super) const BODY: Duration = Duration::from_secs(30);

/// Passes a request on to the bus and waits for its reply. The status is the reply's, but for 204 and 304, which could
/// not carry it: they are 200. An action that has no reply gives 204.
pub(super) async fn call(State(node): State<Arc<Node>>, request: Request<Body>) -> Response {
    match answer(&node, request).await {
        Ok(response) => response,
        Err(failure) => refuse(failure),
    }
}

/// The reply of the node itself, which no worker has seen.
pub(super) fn refuse(failure: Failure) -> Response {
    let reply = Reply::refusal(failure);
    respond(reply.status(), reply.to_json())
}

async fn answer(node: &Node, request: Request<Body>) -> Result<Response, Failure> {
    // Only browsers send it, and they do so for any page: one of another site must not drive the cluster.
    if request.headers().contains_key(ORIGIN) {
        let message = "a page in a browser may not call this: a program may, without the header `Origin`";
        return Err(Failure::new(ErrorCode::Forbidden, message));
    }
    let credential = credential(request.headers())?;
    let trace = request.extensions().get::<TraceContext>().cloned();
    let peer = request.extensions().get::<Peer>().map(|Peer(peer)| *peer);
    let mut request = read(request).await?;
    if let (Some(credential), Value::Object(request)) = (credential, &mut request) {
        credential.put(request);
    }
    let client = trace.into_iter().fold(node.client.clone(), Client::with_trace);
    let _share = match peer.map(|peer| node.fair_use.call(peer)) {
        Some(None) => {
            let message =
                "too many calls of your address wait for their replies on this node: wait until some have ended";
            return Err(Failure::new(ErrorCode::Busy, message));
        }
        share => share,
    };
    let Ok(_place) = node.room.try_acquire() else {
        let message = "too many calls wait for their replies on this node: try again later, or another node";
        return Err(Failure::new(ErrorCode::Busy, message));
    };
    let reply = client.call(request).await.map_err(|error| explain(&error))?;
    Ok(match reply.json() {
        "" => StatusCode::NO_CONTENT.into_response(),
        // The worker has recorded it.
        json => (Extension(InAudit), respond(reply.status(), json.to_owned())).into_response(),
    })
}

/// Whom the header `Authorization: Bearer …` stands for: a token, or a session (RFC 6750).
pub(super) fn credential(headers: &HeaderMap) -> Result<Option<Credential>, Failure> {
    let Some(header) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let bearer = header.to_str().ok().and_then(|text| text.split_once(' '));
    match bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
        Some((_, secret)) => Ok(Some(Credential::read(secret.trim()))),
        None => {
            let message = "the header `Authorization` is not valid: it must be `Bearer` and a token, or a session";
            Err(Failure::new(ErrorCode::Unauthenticated, message))
        }
    }
}

async fn read(request: Request<Body>) -> Result<Value, Failure> {
    let body = match tokio::time::timeout(BODY, to_bytes(request.into_body(), REQUEST_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let message = format!("the body is larger than {REQUEST_BYTES} bytes, or broke off");
            return Err(Failure::new(ErrorCode::PayloadTooLarge, message));
        }
        Err(_) => {
            let message = format!("the body has not arrived within {} s", BODY.as_secs());
            return Err(Failure::new(ErrorCode::Expired, message));
        }
    };
    serde_json::from_slice(&body)
        .map_err(|e| Failure::new(ErrorCode::BadJson, format!("the request is not valid JSON: {e}")))
}

/// Why there is no reply, in the terms of the bus.
pub(super) fn explain(error: &ClientError) -> Failure {
    let code = match error {
        ClientError::NotAnObject => ErrorCode::NotAnObject,
        ClientError::Field("requestId", _) => ErrorCode::BadRequestId,
        ClientError::Field(..) => ErrorCode::BadField,
        ClientError::Streams => ErrorCode::Streams,
        ClientError::Call(CallError::NotSent(_)) => ErrorCode::BusDown,
        ClientError::Call(CallError::NoReply(_)) => ErrorCode::Timeout,
        ClientError::Call(CallError::Unreadable(_)) => ErrorCode::Forbidden,
        ClientError::NoReply(_) => ErrorCode::Internal,
    };
    let advice = match code {
        ErrorCode::BusDown | ErrorCode::Timeout => "; sent again with the same `requestId` it is done once",
        _ => "",
    };
    Failure::new(code, format!("{error}{advice}"))
}

/// JSON with a status; one that could not carry it is another.
pub(super) fn respond(status: u16, json: String) -> Response {
    let status = match StatusCode::from_u16(status) {
        Ok(StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => StatusCode::OK,
        Ok(status) if !status.is_informational() => status,
        _ => StatusCode::BAD_GATEWAY,
    };
    let mut response = (status, [(CONTENT_TYPE, "application/json")], json).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
