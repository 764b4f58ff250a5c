//! `GET /api/v1/images`, `/networks`, `/volumes`, `/templates`: what the shared records have, as a worker tells the caller.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::extract::Query;
use super::problem::Problem;
use crate::protocol::{DaemonState, DockState, ErrorCode, Labels};
use crate::web::Node;
use crate::web::calls::respond;

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Where it begins: the `cursor` of the one before.
    cursor: Option<String>,
    /// Rows of the page: 1000 if nothing is said.
    limit: Option<u64>,
}

/// A dock that does not answer: its rows are what was last known.
#[derive(Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Unreachable {
    /// The dock.
    hostname: String,
    /// How it stands.
    state: DockState,
    /// There if it is the daemon that does not answer.
    #[cfg_attr(test, ts(optional))]
    daemon: Option<DaemonState>,
    /// When it was last known how it is (RFC 3339).
    last_seen: Option<String>,
}

macro_rules! lists {
    ($($(#[doc = $about:literal])+ $page:ident, $row:ident, $list:ident, $path:literal, $action:literal {
        $($(#[doc = $field_about:literal])+ $(#[$attribute:meta])* $field:ident: $kind:ty,)+
    })+) => {$(
        /// One of them, on its dock; `lastSeen` (RFC 3339) is there if the dock does not answer.
        #[derive(Serialize, ToSchema)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $row {
            /// The dock.
            dock: String,
            $($(#[doc = $field_about])+ $(#[$attribute])* $field: $kind,)+
            /// Its labels.
            labels: Labels,
            /// When it was last known to be so, if that is not now.
            #[cfg_attr(test, ts(optional))]
            last_seen: Option<String>,
        }

        /// A page of the cluster's.
        #[derive(Serialize, ToSchema)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $page {
            /// The rows.
            $list: Vec<$row>,
            /// Where the next page begins; absent after the last.
            #[cfg_attr(test, ts(optional))]
            cursor: Option<String>,
            /// Docks that do not answer.
            unreachable: Vec<Unreachable>,
        }

        $(#[doc = $about])+
        #[utoipa::path(get, path = $path, tag = "records", params(Page), responses(
            (status = 200, body = $page), (status = 401, body = Problem)))]
        pub(super) async fn $list(
            State(node): State<Arc<Node>>,
            caller: Caller,
            Query(page): Query<Page>,
        ) -> Result<Response, Problem> {
            let mut request = json!({"action": $action, "all": true});
            if let Some(cursor) = page.cursor {
                request["cursor"] = Value::from(cursor);
            }
            if let Some(limit) = page.limit {
                request["limit"] = Value::from(limit);
            }
            body(&node, &caller, request).await
        }
    )+};
}

lists! {
    /// The images of all docks.
    Images, ImageRow, images, "/images", "list-images" {
        /// The full id.
        id: String,
        /// Its names with their tags.
        tags: Vec<String>,
        /// Its names with their digests.
        digests: Vec<String>,
        /// Bytes, those that it shares with other images included.
        size: i64,
        /// When it was made, in seconds.
        created: i64,
    }
    /// The networks of all docks.
    Networks, NetworkRow, networks, "/networks", "list-networks" {
        /// The full id.
        id: String,
        /// The name.
        name: String,
        /// The driver, such as bridge.
        driver: String,
        /// local, swarm or global.
        scope: String,
        /// Whether it has no way out.
        internal: bool,
        /// Whether containers may join it by hand.
        attachable: bool,
        /// When it was made, in seconds, where the daemon knows.
        #[cfg_attr(test, ts(optional))]
        created: Option<u64>,
    }
    /// The volumes of all docks.
    Volumes, VolumeRow, volumes, "/volumes", "list-volumes" {
        /// The name.
        name: String,
        /// The driver, such as local.
        driver: String,
        /// local or global.
        scope: String,
        /// Where it is in the host's files.
        mountpoint: String,
        /// When it was made, in seconds, where the daemon knows.
        #[cfg_attr(test, ts(optional))]
        created: Option<u64>,
    }
}

/// The templates, by name: each a create-container request without `action`.
#[utoipa::path(get, path = "/templates", tag = "records", responses(
    (status = 200, body = Value, description = "an object: by name"), (status = 401, body = Problem)))]
pub(super) async fn templates(State(node): State<Arc<Node>>, caller: Caller) -> Result<Response, Problem> {
    body(&node, &caller, json!({"action": "list-templates"})).await
}

/// What a worker answers, as it came.
async fn body(node: &Node, caller: &Caller, mut request: Value) -> Result<Response, Problem> {
    let id = node.client.next_id();
    request["requestId"] = id.as_str().into();
    let reply = caller.client(node).call(request).await.map_err(|error| Problem::from(&error))?;
    if reply.status() >= 400 {
        return Err(Problem::refused(&reply, id.as_str()));
    }
    let body: Box<RawValue> =
        reply.body().map_err(|_| Problem::new(ErrorCode::Internal, "the worker answered what is no list"))?;
    Ok(respond(200, body.get().to_owned()))
}
