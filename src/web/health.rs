//! `GET /healthz` and `GET /readyz`, for whatever watches or balances nodes; and asking a node the latter.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::HOST;
use axum::http::{HeaderValue, Request, StatusCode, Uri};
use axum::response::Response;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use super::Node;
use super::calls::respond;

/// How long Redis may take to answer.
const REDIS: Duration = Duration::from_secs(2);

/// Bytes of a node's answer that are read.
const ANSWER: usize = 64 * 1024;

/// Whether the process is alive: it is, if this is answered.
pub(super) async fn alive() -> Response {
    respond(200, json!({"status": "alive"}).to_string())
}

/// Whether calls can be served: 200, or 503 and why not.
pub(super) async fn ready(State(node): State<Arc<Node>>) -> Response {
    let why = match tokio::time::timeout(REDIS, node.client.bus().ping()).await {
        Ok(Ok(())) => return respond(200, json!({"status": "ready"}).to_string()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("Redis has not answered within {} s", REDIS.as_secs()),
    };
    respond(503, json!({"status": "not ready", "message": why}).to_string())
}

/// Why a node does not serve calls.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// Nobody listens there.
    #[error("no node is at {0}: {1}")]
    Away(SocketAddr, #[source] io::Error),
    /// What listens there does not speak HTTP.
    #[error("what listens at {0} is no node")]
    Strange(SocketAddr, #[source] hyper::Error),
    /// It says no.
    #[error("the node at {0} does not serve: {1}")]
    No(SocketAddr, String),
}

/// Asks the node at `address` whether it can serve calls.
///
/// # Errors
/// [`Unready`], if it cannot.
pub async fn ask_ready(address: SocketAddr) -> Result<(), Unready> {
    let stream = TcpStream::connect(address).await.map_err(|e| Unready::Away(address, e))?;
    let strange = |e| Unready::Strange(address, e);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(strange)?;
    tokio::spawn(connection);
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static("/readyz");
    request.headers_mut().insert(HOST, HeaderValue::from_str(&address.to_string()).expect("digits and dots"));
    let (head, body) = sender.send_request(request).await.map_err(strange)?.into_parts();
    if head.status == StatusCode::OK {
        return Ok(());
    }
    let body = to_bytes(Body::new(body), ANSWER).await.unwrap_or_default();
    let said = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let why = said.as_ref().and_then(|said| said["message"].as_str()).unwrap_or(head.status.as_str());
    Err(Unready::No(address, why.to_owned()))
}
