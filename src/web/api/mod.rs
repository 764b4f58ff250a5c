//! `/api/v1`: what the web UI is made of, and any other program may use.

mod accounts;
mod actions;
mod caller;
mod condition;
mod docks;
mod extract;
mod happenings;
mod instances;
mod lists;
mod live;
mod logs;
mod openapi;
mod problem;
mod requests;
mod session;
mod streams;
#[cfg(test)]
mod types;

use std::sync::{Arc, RwLockReadGuard};

use axum::Router;
use axum::http::{Method, Uri};
use axum::routing::{delete, get, patch, post};
pub(super) use problem::Problem;
pub(super) use requests::Registry;
pub(super) use streams::Sockets;

use super::Node;
use super::view::Picture;
use crate::protocol::ErrorCode;

/// Where it is.
pub(super) const BASE: &str = "/api/v1";

/// Its routes.
pub(super) fn router() -> Router<Arc<Node>> {
    Router::new()
        .route("/node", get(session::node))
        .route("/login", post(session::log_in))
        .route("/logout", post(session::log_out))
        .route("/me", get(session::whose))
        .route("/docks", get(docks::list))
        .route("/instances", get(instances::list))
        .route("/instances/{dock}/{id}", get(instances::one))
        .route("/actions/{action}", post(actions::ask))
        .route("/requests", get(requests::list))
        .route("/requests/{id}", get(requests::one))
        .route("/images", get(lists::images))
        .route("/networks", get(lists::networks))
        .route("/volumes", get(lists::volumes))
        .route("/templates", get(lists::templates))
        .route("/events", get(happenings::list))
        .route("/live", get(live::stream))
        .route("/streams", get(streams::open))
        .route("/logs/search", get(logs::search))
        .route("/users", get(accounts::users::list).post(accounts::users::add))
        .route("/users/{name}", patch(accounts::users::change).delete(accounts::users::remove))
        .route("/tokens", get(accounts::tokens::list).post(accounts::tokens::add))
        .route("/tokens/{id}", delete(accounts::tokens::revoke))
        .route("/sessions", get(accounts::sessions::list).delete(accounts::sessions::end_others))
        .route("/sessions/{id}", delete(accounts::sessions::end))
        .route("/me/password", post(accounts::password::change))
        .route("/openapi.json", get(openapi::serve))
        .fallback(nothing_there)
        .method_not_allowed_fallback(nothing_there)
}

/// What is known of the cluster now.
async fn look(node: &Node) -> Result<RwLockReadGuard<'_, Picture>, Problem> {
    if node.view.wake().await {
        return Ok(node.view.look());
    }
    Err(Problem::new(ErrorCode::BusDown, "Redis cannot be reached from this node: it is tried again all the time"))
}

async fn nothing_there(method: Method, uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(60).collect();
    Problem::new(ErrorCode::NotFound, format!("there is no {method} {path}: {BASE}/openapi.json says what there is"))
}
