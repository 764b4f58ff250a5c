//! `POST /api/v1/me/password`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{accounts, known, told_change};
use crate::protocol::{ErrorCode, Secret};
use crate::web::Node;
use crate::web::api::caller::Caller;
use crate::web::api::extract::Body;
use crate::web::api::problem::Problem;
use crate::web::api::session::{begin, with_session};
use crate::web::serve::Peer;

/// Another password of one's own.
#[derive(Debug, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct PasswordChange {
    /// The one so far.
    #[schema(value_type = String)]
    #[cfg_attr(test, ts(type = "string"))]
    old: Secret,
    /// The one from now on.
    #[schema(value_type = String)]
    #[cfg_attr(test, ts(type = "string"))]
    new: Secret,
    /// Whether all API tokens of the user are revoked as well.
    #[serde(default, rename = "revokeTokens")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    revoke_tokens: bool,
}

/// Changes the caller's password. All its sessions end, and a new one comes as a cookie. Its tokens stay, unless they are to
/// be revoked.
#[utoipa::path(post, path = "/me/password", tag = "accounts", operation_id = "change_password", request_body = PasswordChange, responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(in crate::web::api) async fn change(
    State(node): State<Arc<Node>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    caller: Caller,
    Body(change): Body<PasswordChange>,
) -> Result<Response, Problem> {
    let session = known(&caller)?;
    let name = &session.username;
    let changed = async {
        if let Some(token) = &session.token {
            let message = format!("`{name}` has come with the token `{token}`: a token does not change the password");
            return Err(Problem::new(ErrorCode::Forbidden, message));
        }
        node.passwords
            .check(change.new.reveal(), name.as_str())
            .map_err(|message| Problem::new(ErrorCode::BadField, message))?;
        // By way of the auth manager, which slows down whoever guesses.
        let known = begin(&node, (peer, &headers), name.as_str(), &change.old).await;
        known.map_err(|problem| match problem.status {
            401 => Problem::named(403, "wrong-password", "the old password is wrong"),
            _ => problem,
        })?;
        Ok(accounts(&node).replace_password(name, Some(change.new.clone()), change.revoke_tokens).await?)
    };
    let words = change.revoke_tokens.then_some("tokens revoked");
    told_change(&node, &caller, ("set-password", name.as_str(), words), changed).await?;
    let session = begin(&node, (peer, &headers), name.as_str(), &change.new).await?;
    Ok(with_session(&node, StatusCode::NO_CONTENT.into_response(), &session))
}
