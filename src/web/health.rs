//! `GET /healthz` and `GET /readyz`, for whatever watches or balances nodes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::Node;
use super::calls::respond;

/// How long Redis may take to answer.
const REDIS: Duration = Duration::from_secs(2);

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
