//! `/api/v1/sessions`: one's own, and for admins those of anybody.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{known, named, told};
use crate::auth::{EndError, end_sessions, list_sessions};
use crate::protocol::{AccountName, EndSessions, ErrorCode, SessionFacts};
use crate::web::Node;
use crate::web::api::caller::Caller;
use crate::web::api::extract::Query;
use crate::web::api::problem::Problem;

/// Whose sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct OfUser {
    /// The user. Without it they are your own.
    user: Option<String>,
}

/// Sessions.
#[derive(Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(in crate::web) struct SessionList {
    /// Redis's clock, in milliseconds.
    now: u64,
    /// Whose they are.
    user: String,
    /// The sessions, the one that was used last first.
    sessions: Vec<SessionFacts>,
}

/// How many sessions were ended.
#[derive(Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(in crate::web) struct SessionsEnded {
    /// The number.
    ended: u64,
}

/// The sessions of a user.
#[utoipa::path(get, path = "/sessions", tag = "accounts", operation_id = "sessions", params(OfUser), responses((status = 200, body = SessionList), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(in crate::web::api) async fn list(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Query(of): Query<OfUser>,
) -> Result<Json<SessionList>, Problem> {
    let user = whose(&caller, &of, false)?;
    let (sessions, now) = list_sessions(node.client.bus(), &user, caller.credential.as_ref()).await?;
    Ok(Json(SessionList { now, user: user.to_string(), sessions }))
}

/// Ends a session.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "accounts", operation_id = "end_session", params(("id" = String, Path), OfUser), responses((status = 204), (status = 404, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(in crate::web::api) async fn end(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(of): Query<OfUser>,
) -> Result<StatusCode, Problem> {
    ended(&node, &caller, &of, "end-session", &EndSessions::One(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of a user but the one that asks.
#[utoipa::path(delete, path = "/sessions", tag = "accounts", operation_id = "end_other_sessions", params(OfUser), responses((status = 200, body = SessionsEnded), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(in crate::web::api) async fn end_others(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Query(of): Query<OfUser>,
) -> Result<Json<SessionsEnded>, Problem> {
    let ended = ended(&node, &caller, &of, "end-other-sessions", &EndSessions::Others).await?;
    Ok(Json(SessionsEnded { ended }))
}

async fn ended(node: &Node, caller: &Caller, of: &OfUser, action: &str, which: &EndSessions) -> Result<u64, Problem> {
    let about = of.user.as_deref().or(caller.user()).map(named).transpose()?;
    let about = about.as_ref().map_or("", AccountName::as_str);
    let done = async {
        let user = whose(caller, of, true)?;
        Ok(end_sessions(node.client.bus(), &user, caller.credential.as_ref(), which).await?)
    };
    told(node, caller, action, about, done).await
}

fn whose(caller: &Caller, of: &OfUser, ends: bool) -> Result<AccountName, Problem> {
    let session = known(caller)?;
    let user = of.user.as_deref().map_or_else(|| Ok(session.username.clone()), named)?;
    let checked = session.check_sessions(&user, ends);
    checked.map_err(|message| Problem::new(ErrorCode::Forbidden, message))?;
    Ok(user)
}

impl From<EndError> for Problem {
    fn from(error: EndError) -> Self {
        match error {
            EndError::Bus(error) => error.into(),
            EndError::Unknown(_) => Self::named(404, "no-such-session", error.to_string()),
            EndError::Ambiguous(_) => Self::new(ErrorCode::BadField, error.to_string()),
        }
    }
}
