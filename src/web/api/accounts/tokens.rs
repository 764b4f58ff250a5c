//! `/api/v1/tokens`: one's own, and for admins all.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{accounts, is_admin, known, named, told, told_change};
use crate::auth;
use crate::bus::ListedToken;
use crate::protocol::{ErrorCode, Role, Secret, Session};
use crate::web::Node;
use crate::web::api::caller::Caller;
use crate::web::api::extract::Body;
use crate::web::api::problem::Problem;

/// The longest that a token may last, in days.
const LONGEST: u32 = 36_500;

/// Tokens.
#[derive(Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(in crate::web) struct Tokens {
    /// Redis's clock, in milliseconds.
    now: u64,
    /// They, the oldest first.
    tokens: Vec<Token>,
}

/// A token, without what is secret about it.
#[derive(Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(in crate::web) struct Token {
    /// Its id, which is not the token.
    id: String,
    /// What it is for.
    name: String,
    /// Whose it is.
    user: String,
    /// What it may do at most.
    role: Role,
    /// When it was made, in milliseconds of Redis's clock.
    created: u64,
    /// When it ends, in the same; never, where nothing is said.
    expires: Option<u64>,
    /// When it was last used, in the same.
    used: Option<u64>,
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct NewToken {
    /// What it is for.
    name: String,
    /// Whose it is; one's own, where nothing is said.
    #[cfg_attr(test, ts(optional))]
    user: Option<String>,
    /// What it may do at most; what its user may, where nothing is said.
    #[cfg_attr(test, ts(optional))]
    role: Option<Role>,
    /// After how many days it ends; never, where nothing is said.
    #[cfg_attr(test, ts(optional))]
    days: Option<u32>,
}

/// A token that was made.
#[derive(Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(in crate::web) struct TokenMade {
    /// What it is for.
    name: String,
    /// The token itself, which is shown this once.
    #[schema(value_type = String)]
    #[cfg_attr(test, ts(type = "string"))]
    token: Secret,
}

/// The tokens that the caller may see.
#[utoipa::path(get, path = "/tokens", tag = "accounts", operation_id = "tokens", responses((status = 200, body = Tokens), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(in crate::web::api) async fn list(State(node): State<Arc<Node>>, caller: Caller) -> Result<Json<Tokens>, Problem> {
    let session = known(&caller)?;
    let (all, now) = accounts(&node).tokens().await?;
    let tokens = all.into_iter().filter(|token| sees(session, token)).map(shown).collect();
    Ok(Json(Tokens { now, tokens }))
}

/// Makes a token.
#[utoipa::path(post, path = "/tokens", tag = "accounts", operation_id = "add_token", request_body = NewToken, responses((status = 201, body = TokenMade), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(in crate::web::api) async fn add(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<TokenMade>), Problem> {
    let session = known(&caller)?;
    let name = named(&new.name)?;
    let user = new.user.as_deref().map_or_else(|| Ok(session.username.clone()), named)?;
    let about = format!("{user}/{name}");
    let change = new.role.map(|role| format!("role={role}"));
    let made = async {
        if let Some(token) = &session.token {
            let message = format!("`{}` has come with the token `{token}`: a token makes no others", session.username);
            return Err(Problem::new(ErrorCode::Forbidden, message));
        }
        if user != session.username && !is_admin(session) {
            let message =
                format!("`{}` has the role {}: only admins make tokens for others", session.username, session.role);
            return Err(Problem::new(ErrorCode::Forbidden, message));
        }
        let expires = new.days.map(lifetime).transpose()?;
        let new = auth::NewToken { name: name.clone(), user: user.clone(), role: new.role, expires };
        Ok(accounts(&node).add_token(&new).await?)
    };
    let token = told_change(&node, &caller, ("add-token", &about, change.as_deref()), made).await?;
    Ok((StatusCode::CREATED, Json(TokenMade { name: name.to_string(), token })))
}

/// Has a token count no more.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "accounts", operation_id = "revoke_token", params(("id" = String, Path)), responses((status = 204), (status = 404, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(in crate::web::api) async fn revoke(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let session = known(&caller)?;
    let (all, _) = accounts(&node).tokens().await?;
    let Some(found) = all.into_iter().find(|token| token.digest == id && sees(session, token)) else {
        let message = "there is no such token, or it is another's: GET /api/v1/tokens lists those that are";
        return Err(Problem::named(404, "no-such-token", message));
    };
    let about = format!("{}/{}", found.record.user, found.record.name);
    let revoked = async {
        if let Some(token) = session.token.as_ref().filter(|_| session.effective_role() < session.role) {
            let message = format!("the token `{token}` may do less than its user: it revokes no tokens");
            return Err(Problem::new(ErrorCode::Forbidden, message));
        }
        Ok(accounts(&node).revoke(&found.digest).await?)
    };
    told(&node, &caller, "revoke-token", &about, revoked).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn sees(session: &Session, token: &ListedToken) -> bool {
    is_admin(session) || token.record.user == session.username
}

fn shown(token: ListedToken) -> Token {
    let ListedToken { digest, record, used } = token;
    Token {
        id: digest,
        name: record.name.to_string(),
        user: record.user.to_string(),
        role: record.role,
        created: record.created,
        expires: record.expires,
        used,
    }
}

fn lifetime(days: u32) -> Result<Duration, Problem> {
    if (1..=LONGEST).contains(&days) {
        return Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60));
    }
    let message = format!("`days` must be from 1 to {LONGEST}: without it the token does not end");
    Err(Problem::new(ErrorCode::BadField, message))
}
