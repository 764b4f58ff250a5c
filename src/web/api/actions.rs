//! `POST /api/v1/actions/{action}`: everything that a worker can do.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::caller::Caller;
use super::extract::Body;
use super::look;
use super::problem::Problem;
use super::requests::RequestStatus;
use crate::actions::Action;
use crate::client::Reply;
use crate::protocol::{Access, ErrorCode, RequestId, millis};
use crate::web::Node;
use crate::web::calls::respond;
use crate::web::fair_use::Permit;
use crate::web::serve::Peer;

/// A request that was taken, to be asked for by its id.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Accepted {
    /// Its id.
    request_id: String,
}

/// A request on its way.
struct Asked {
    action: &'static Action,
    id: RequestId,
    request: Value,
    status: RequestStatus,
    /// When it was sent: in milliseconds of Redis's clock, and by this host's.
    now: u64,
    begun: Instant,
}

/// Sends a request to the dock that must do it, or for a create to whichever fits. Answers with its reply; with `Prefer:
/// respond-async` (RFC 7240) at once.
pub(super) async fn ask(
    State(node): State<Arc<Node>>,
    Extension(Peer(peer)): Extension<Peer>,
    caller: Caller,
    Path(action): Path<String>,
    headers: HeaderMap,
    Body(fields): Body<Map<String, Value>>,
) -> Result<Response, Problem> {
    let now = look(&node).await?.now();
    let asked = Asked::new(&node, &caller, &action, fields, now)?;
    let id = asked.id.as_str().to_owned();
    let share = node.fair_use.action(caller.user(), peer)?;
    let answer = tokio::spawn(asked.run(Arc::clone(&node), caller, share)?);
    let prefers = |header: &axum::http::HeaderValue| header.to_str().is_ok_and(|text| text.contains("respond-async"));
    if headers.get_all("prefer").iter().any(prefers) {
        let preferred = [("preference-applied", "respond-async")];
        return Ok((StatusCode::ACCEPTED, preferred, Json(Accepted { request_id: id })).into_response());
    }
    let reply = answer.await.map_err(|_| Problem::new(ErrorCode::Internal, "the node has stopped").about(&id))?;
    let reply = reply.map_err(|problem| problem.about(&id))?;
    if reply.status() >= 400 {
        return Err(Problem::refused(&reply, &id));
    }
    Ok(match reply.json() {
        "" => StatusCode::NO_CONTENT.into_response(),
        json => respond(reply.status(), json.to_owned()),
    })
}

impl Asked {
    fn new(
        node: &Node,
        caller: &Caller,
        action: &str,
        mut fields: Map<String, Value>,
        now: u64,
    ) -> Result<Self, Problem> {
        let action = Action::find(action)?;
        for field in ["action", "session", "token"] {
            if fields.contains_key(field) {
                let message = format!("`{field}` may not be in the body: the path and the cookie or the header say it");
                return Err(Problem::new(ErrorCode::BadField, message));
            }
        }
        let prefix = node.client.id_prefix();
        let id = match fields.remove("requestId") {
            None => node.client.next_id(),
            Some(id) => RequestId::new(id.as_str().unwrap_or_default())
                .map_err(|error| error.to_string())
                .and_then(|id| {
                    if id.as_str().starts_with(&prefix) {
                        Ok(id)
                    } else {
                        Err(format!("it begins with `{prefix}` here"))
                    }
                })
                .map_err(|why| Problem::new(ErrorCode::BadRequestId, format!("`requestId` is not valid: {why}")))?,
        };
        let status = RequestStatus::sent(id.as_str(), action.name, caller.user(), &fields, now);
        fields.insert("action".into(), action.name.into());
        fields.insert("requestId".into(), id.as_str().into());
        Ok(Self { action, id, request: Value::Object(fields), status, now, begun: Instant::now() })
    }

    /// Sends it, and waits for its reply even if whoever asked has gone: the end is noted.
    fn run(
        self,
        node: Arc<Node>,
        caller: Caller,
        share: Permit,
    ) -> Result<impl Future<Output = Result<Reply, Problem>>, Problem> {
        let Ok(place) = Arc::clone(&node.room).try_acquire_owned() else {
            let message = "too many calls wait for their replies on this node: try again later, or another node";
            return Err(Problem::new(ErrorCode::Busy, message));
        };
        // What only looks is not worth telling of.
        let noted = self.action.access != Access::View;
        Ok(async move {
            if noted {
                node.requests.note(self.status.clone());
            }
            let result = caller.client(&node).call(self.request).await.map_err(|error| Problem::from(&error));
            let now = self.now.saturating_add(millis(self.begun.elapsed()));
            if noted {
                node.requests.note(match &result {
                    Ok(reply) => self.status.ended(reply, Some(now)),
                    Err(problem) => self.status.failed(problem, now),
                });
            }
            drop((place, share));
            result
        })
    }
}
