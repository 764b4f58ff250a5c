//! `/api/v1/users`, for admins.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{accounts, admin, named, told, told_change};
use crate::auth::{Change, NewPassword};
use crate::protocol::{Account, AccountName, ErrorCode, Role, Secret};
use crate::web::Node;
use crate::web::api::caller::Caller;
use crate::web::api::extract::Body;
use crate::web::api::problem::Problem;

/// All users.
#[derive(Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(in crate::web) struct Users {
    /// They, by name.
    users: Vec<User>,
}

/// Somebody who may log in.
#[derive(Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(in crate::web) struct User {
    /// The name.
    name: String,
    /// What the user may do.
    role: Role,
    /// The groups it belongs to.
    groups: Vec<String>,
    /// Whether nobody can log in as that user.
    disabled: bool,
    /// Whether the password was made by deblox and not changed since.
    temporary: bool,
    /// Whether the user logs in at an OpenID Connect provider, and has no password here.
    external: bool,
    /// When it was made, in RFC 3339.
    created: String,
}

/// A user to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct NewUser {
    /// The name.
    name: String,
    /// What the user may do.
    role: Role,
    /// The groups it belongs to.
    #[serde(default)]
    groups: Vec<String>,
    /// The password; without one, one is made.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    #[cfg_attr(test, ts(type = "string | null"))]
    password: Option<Secret>,
}

/// What is to be changed of a user; what is not there stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct UserChange {
    /// What the user may do.
    #[cfg_attr(test, ts(optional))]
    role: Option<Role>,
    /// The groups it belongs to, and no others.
    #[cfg_attr(test, ts(optional))]
    groups: Option<Vec<String>>,
    /// Whether nobody can log in as that user.
    #[cfg_attr(test, ts(optional))]
    disabled: Option<bool>,
    /// Another password; all sessions of the user end.
    #[schema(value_type = Option<String>)]
    #[cfg_attr(test, ts(optional, type = "string"))]
    password: Option<Secret>,
    /// Whether one is made.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    generate: bool,
    /// Whether all API tokens of the user are revoked.
    #[serde(default, rename = "revokeTokens")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    revoke_tokens: bool,
}

/// What was done to a user.
#[derive(Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(in crate::web) struct UserMade {
    /// The name.
    name: String,
    /// The one-time password, if one was made; it is shown this once.
    #[schema(value_type = Option<String>)]
    #[cfg_attr(test, ts(type = "string | null"))]
    password: Option<Secret>,
}

/// All users.
#[utoipa::path(get, path = "/users", tag = "accounts", operation_id = "users", responses((status = 200, body = Users), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(in crate::web::api) async fn list(State(node): State<Arc<Node>>, caller: Caller) -> Result<Json<Users>, Problem> {
    admin(&caller)?;
    let users = accounts(&node).all().await?.into_iter().map(|(name, account)| shown(&name, account)).collect();
    Ok(Json(Users { users }))
}

/// Makes a user.
#[utoipa::path(post, path = "/users", tag = "accounts", operation_id = "add_user", request_body = NewUser, responses((status = 201, body = UserMade), (status = 409, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(in crate::web::api) async fn add(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<UserMade>), Problem> {
    let (name, groups) = (named(&new.name)?, all_named(&new.groups)?);
    let changes = [Change::Role(new.role), Change::Groups(groups.clone())];
    let change = Change::words(&changes);
    let made = async {
        admin(&caller)?;
        if let Some(password) = &new.password {
            check_password(&node, password, &name)?;
        }
        Ok(accounts(&node).add(&name, new.role, groups, new.password).await?)
    };
    let password = told_change(&node, &caller, ("add-user", name.as_str(), Some(&change)), made).await?;
    Ok((StatusCode::CREATED, Json(UserMade { name: name.to_string(), password })))
}

/// Changes a user: all of it, or nothing.
#[utoipa::path(patch, path = "/users/{name}", tag = "accounts", operation_id = "change_user", params(("name" = String, Path)), request_body = UserChange, responses((status = 200, body = UserMade), (status = 404, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(in crate::web::api) async fn change(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(name): Path<String>,
    Body(change): Body<UserChange>,
) -> Result<Json<UserMade>, Problem> {
    let name = named(&name)?;
    let changes = changes(&change)?;
    let is_password = change.password.is_some() || change.generate;
    let words = [
        Some(Change::words(&changes)).filter(|words| !words.is_empty()),
        is_password.then(|| "password".to_owned()),
        change.revoke_tokens.then(|| "tokens revoked".to_owned()),
    ];
    let words = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let changed = async {
        if name == admin(&caller)?.username && (change.disabled == Some(true) || change.role.is_some_and(not_admin)) {
            return Err(own_account("be disabled or get another role"));
        }
        let password = match (change.password, change.generate) {
            (None, false) => None,
            (Some(_), true) => {
                let message = "`password` and `generate` cannot both be there: a password is chosen, or made";
                return Err(Problem::new(ErrorCode::BadField, message));
            }
            (chosen, _) => {
                if let Some(password) = &chosen {
                    check_password(&node, password, &name)?;
                }
                Some(NewPassword::new(chosen).await?)
            }
        };
        accounts(&node).change_all(&name, &changes, password.as_ref(), change.revoke_tokens).await?;
        Ok(password.as_ref().and_then(NewPassword::generated).cloned())
    };
    let password = told_change(&node, &caller, ("change-user", name.as_str(), Some(&words)), changed).await?;
    Ok(Json(UserMade { name: name.to_string(), password }))
}

/// Removes a user with its sessions and tokens.
#[utoipa::path(delete, path = "/users/{name}", tag = "accounts", operation_id = "remove_user", params(("name" = String, Path)), responses((status = 204), (status = 404, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(in crate::web::api) async fn remove(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let name = named(&name)?;
    let removed = async {
        if name == admin(&caller)?.username {
            return Err(own_account("be removed"));
        }
        Ok(accounts(&node).remove(&name, true).await?)
    };
    Box::pin(told(&node, &caller, "remove-user", name.as_str(), removed)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check_password(node: &Node, password: &Secret, name: &AccountName) -> Result<(), Problem> {
    let checked = node.passwords.check(password.reveal(), name.as_str());
    checked.map_err(|message| Problem::new(ErrorCode::BadField, message))
}

fn shown(name: &AccountName, account: Account) -> User {
    User {
        name: name.to_string(),
        role: account.role,
        groups: account.groups.iter().map(ToString::to_string).collect(),
        disabled: account.disabled,
        temporary: account.temporary,
        external: account.external.is_some(),
        created: account.created,
    }
}

fn changes(change: &UserChange) -> Result<Vec<Change>, Problem> {
    let mut changes = Vec::new();
    changes.extend(change.role.map(Change::Role));
    if let Some(groups) = &change.groups {
        changes.push(Change::Groups(all_named(groups)?));
    }
    changes.extend(change.disabled.map(|disabled| if disabled { Change::Disable } else { Change::Enable }));
    Ok(changes)
}

fn all_named(groups: &[String]) -> Result<BTreeSet<AccountName>, Problem> {
    groups.iter().map(|group| named(group)).collect()
}

fn not_admin(role: Role) -> bool {
    role != Role::Admin
}

/// So that there is always somebody who manages users, and nobody takes that from oneself by mistake.
fn own_account(what: &str) -> Problem {
    Problem::named(409, "own-account", format!("your own account cannot {what} by you: have another admin do it"))
}
