//! Who uses the cluster: users, their tokens and their passwords.

pub(super) mod password;
pub(super) mod sessions;
pub(super) mod tokens;
pub(super) mod users;

use super::caller::Caller;
use super::problem::Problem;
use crate::auth::{AccountError, Accounts};
use crate::protocol::{AccountName, AuditRecord, ErrorCode, Role, Session};
use crate::web::Node;

/// The accounts that `node` reaches: they are changed in Redis itself, so that no password is in a request.
fn accounts(node: &Node) -> Accounts<'_> {
    Accounts(node.client.bus())
}

/// Whose account it is that asks.
fn known(caller: &Caller) -> Result<&Session, Problem> {
    let message = "nobody has to log in here, and you have not: users and tokens are managed with `deblox user` and \
                   `deblox token`, or by an admin who has logged in";
    caller.session.as_ref().ok_or_else(|| Problem::new(ErrorCode::Forbidden, message))
}

/// Whether that is an admin, and not with a token that may less.
fn is_admin(session: &Session) -> bool {
    session.effective_role() == Role::Admin
}

/// An admin who asks.
fn admin(caller: &Caller) -> Result<&Session, Problem> {
    let session = known(caller)?;
    if is_admin(session) {
        return Ok(session);
    }
    let (name, role) = (&session.username, session.effective_role());
    let message = match &session.token {
        Some(token) => format!("the token `{token}` of `{name}` has the role {role}: only admins manage users"),
        None => format!("`{name}` has the role {role}: only admins manage users"),
    };
    Err(Problem::new(ErrorCode::Forbidden, message))
}

/// Reads the name of a user.
fn named(name: &str) -> Result<AccountName, Problem> {
    AccountName::new(name).map_err(|error| Problem::new(ErrorCode::BadField, error.to_string()))
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let (status, code) = match &error {
            AccountError::Bus(error) if error.is_forbidden() => {
                let advice = "the user of Redis for this node needs more: see `deblox acl web --accounts`";
                return Self::new(ErrorCode::Forbidden, format!("{error}; {advice}"));
            }
            AccountError::Bus(_) => (ErrorCode::BusDown.status(), ErrorCode::BusDown.as_str()),
            AccountError::Secret(_) => (ErrorCode::Internal.status(), ErrorCode::Internal.as_str()),
            AccountError::Password(_) | AccountError::Name(_) | AccountError::Ambiguous(_) => {
                (400, ErrorCode::BadField.as_str())
            }
            AccountError::Above(..) => (403, ErrorCode::Forbidden.as_str()),
            AccountError::Unknown(_) => (404, "no-such-user"),
            AccountError::NoToken(_) => (404, "no-such-token"),
            AccountError::Taken(_) => (409, "user-exists"),
            AccountError::Named(..) => (409, "token-exists"),
            AccountError::LooksLikeUser(..) | AccountError::LooksLikeGroup(..) | AccountError::LooksLikeToken(..) => {
                (409, "looks-like-another")
            }
            AccountError::Many(_) => (409, "too-many-tokens"),
            AccountError::LastAdmin(_) => (409, "last-admin"),
            AccountError::External(..) => (409, "external-user"),
            AccountError::Crossed(_) => (409, ErrorCode::Conflict.as_str()),
        };
        Self::named(status, code, error.to_string())
    }
}

/// Does something that changes an account, and records it in the audit, as a worker does a request.
async fn told<T>(
    node: &Node,
    caller: &Caller,
    action: &str,
    about: &str,
    done: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    told_change(node, caller, (action, about, None), done).await
}

/// The same, with what is changed of it.
async fn told_change<T>(
    node: &Node,
    caller: &Caller,
    (action, about, change): (&str, &str, Option<&str>),
    done: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let done = done.await;
    let session = caller.session.as_ref();
    let id = node.client.next_id();
    let (status, error) = match &done {
        Ok(_) => (200, None),
        Err(problem) => (problem.status, Some(problem.code.as_str())),
    };
    let record = AuditRecord {
        action,
        request_id: Some(id.as_str()),
        user: session.map(|session| session.username.as_str()),
        token: session.and_then(|session| session.token.as_ref()).map(AccountName::as_str),
        about: Some(about),
        change,
        status: Some(status),
        error,
        ..AuditRecord::default()
    };
    node.client.bus().audit(&record).await;
    done.map_err(Problem::in_audit)
}
