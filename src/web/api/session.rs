//! `/api/v1/node`, `/login`, `/logout`, `/me`: who serves, and who asks. Logging in and who one is go by the auth manager.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::caller::{Caller, auth, check_site};
use super::extract::Body;
use super::problem::Problem;
use crate::bus::CallError;
use crate::client::ClientError;
use crate::protocol::limits::AGENT_BYTES;
use crate::protocol::{Access, AuthAddress, Credential, ErrorCode, Role, Secret, Subject, printable};
use crate::web::calls::credential;
use crate::web::cookies::{self, SESSION, Scope};
use crate::web::login::user_agent;
use crate::web::serve::Peer;
use crate::web::{Auth, Node};

/// How long an auth manager may take that only has to look: then the node looks itself.
const LOOKS: Duration = Duration::from_secs(2);

/// How long one may take for a login: hashing a password takes a moment, and others may be before it.
const LOGS_IN: Duration = Duration::from_secs(10);

/// What anybody may know of the node that serves the page.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "Node"))]
#[schema(as = Node)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeFacts {
    /// The host it runs on.
    name: String,
    /// deblox's version.
    version: String,
    /// Whether whoever asks has to log in.
    auth: Auth,
    /// Whether people log in by OpenID Connect, at /auth/oidc/login.
    oidc: bool,
}

/// Who asks.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Me {
    /// The node that answers.
    node: NodeFacts,
    /// The user; nobody where nobody has to log in and nobody has.
    user: Option<String>,
    /// The role that counts.
    role: Option<Role>,
    /// The user's groups.
    groups: Vec<String>,
    /// The rights on docks, images, networks, volumes and templates.
    rights: Vec<Access>,
    /// Whether it may create instances.
    may_create: bool,
    /// Whether it sees the instances of all.
    sees_all: bool,
    /// Whether it operates the instances of all.
    operates_all: bool,
    /// What the ids of its requests have to begin with.
    request_prefix: String,
}

/// A name and a password.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Login {
    username: String,
    #[schema(value_type = String)]
    password: Secret,
}

/// What an auth manager answers.
#[derive(Debug, Deserialize)]
struct Answer {
    status: String,
    #[serde(rename = "sessionID")]
    session: Option<Secret>,
    message: Option<String>,
    #[serde(rename = "retryAfter")]
    retry_after: Option<u64>,
}

/// What anybody may know of this node.
#[utoipa::path(get, path = "/node", tag = "session", responses((status = 200, body = NodeFacts)))]
pub(super) async fn node(State(node): State<Arc<Node>>) -> Json<NodeFacts> {
    Json(facts(&node).await)
}

/// Logs in with a name and a password; the session comes as a cookie.
#[utoipa::path(post, path = "/login", tag = "session", request_body = Login, responses(
    (status = 200, body = Me), (status = 401, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn log_in(
    State(node): State<Arc<Node>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    Body(login): Body<Login>,
) -> Result<Response, Problem> {
    check_site(&node, &headers)?;
    let session = begin(&node, (peer, &headers), &login.username, &login.password).await?;
    let whose = node.sessions.whose(session.clone()).await?;
    let shown = Some(Credential::Session(session.clone()));
    let me = Json(me(&node, &Caller { credential: shown, session: whose, trace: None }).await);
    Ok(with_session(&node, me.into_response(), &session))
}

/// Has an auth manager begin a session of somebody at the address `peer`, who sent `headers`.
pub(super) async fn begin(
    node: &Node,
    (peer, headers): (IpAddr, &HeaderMap),
    username: &str,
    password: &Secret,
) -> Result<Secret, Problem> {
    let _permit = node.fair_use.login(peer)?;
    let agent = user_agent(headers).and_then(|agent| printable(agent, AGENT_BYTES));
    let address = peer.to_string();
    let message = json!({"username": username, "password": password.reveal(), "address": address, "agent": agent});
    let answer = ask(node, AuthAddress::NodeLogin, &message, LOGS_IN).await?;
    match (answer.status.as_str(), answer.session) {
        ("ok", Some(session)) => Ok(session),
        // The auth manager has recorded it.
        ("denied", _) => Err(Problem::named(401, "denied", "wrong user name or password").in_audit()),
        _ => {
            let message = answer.message.unwrap_or_else(|| "the auth manager did not say why not".to_owned());
            Err(match answer.retry_after {
                Some(seconds) => Problem::named(429, "too-many-logins", message).retry_after(seconds),
                None => Problem::named(400, "bad-login", message),
            })
        }
    }
}

/// Has the browser keep a session.
pub(super) fn with_session(node: &Node, response: Response, session: &Secret) -> Response {
    let scope = Scope { path: "/", lasts: None, secure: node.is_secure() };
    with_cookie(response, cookies::set(SESSION, session, &scope))
}

/// Ends the session, and has the browser forget it.
#[utoipa::path(post, path = "/logout", tag = "session", responses((status = 204), (status = 503, body = Problem)))]
pub(super) async fn log_out(State(node): State<Arc<Node>>, headers: HeaderMap) -> Result<Response, Problem> {
    check_site(&node, &headers)?;
    let session = match credential(&headers)? {
        Some(Credential::Token(_)) => {
            return Err(Problem::new(
                ErrorCode::BadField,
                "a token does not log in, and so not out: revoke it instead",
            ));
        }
        Some(Credential::Session(session)) => Some(session),
        None => cookies::session(&headers, node.is_secure()),
    };
    if let Some(session) = session {
        let message = json!({"sessionID": session.reveal()});
        if let Err(problem) = ask(&node, AuthAddress::Logout, &message, LOOKS).await {
            tracing::debug!(?problem, "the node ends the session itself");
            node.sessions.end(&session).await?;
        }
    }
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), cookies::forget(SESSION, "/", node.is_secure())))
}

/// Who asks, and what it may do.
#[utoipa::path(get, path = "/me", tag = "session", responses((status = 200, body = Me), (status = 401, body = Problem)))]
pub(super) async fn whose(State(node): State<Arc<Node>>, caller: Caller) -> Result<Json<Me>, Problem> {
    if let Some(credential) = &caller.credential {
        let message = match credential {
            Credential::Session(session) => json!({"sessionID": session.reveal()}),
            Credential::Token(token) => json!({"token": token.reveal()}),
        };
        // Where none answers, what the node itself has read of it counts, as with all else.
        let answer = ask(&node, AuthAddress::Authorise, &message, LOOKS).await;
        if answer.is_ok_and(|answer| answer.status != "ok") {
            return Err(Problem::new(ErrorCode::Unauthenticated, "log in first, or again: the session has ended"));
        }
    }
    Ok(Json(me(&node, &caller).await))
}

fn with_cookie(mut response: Response, cookie: Option<axum::http::HeaderValue>) -> Response {
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    response
}

async fn ask(node: &Node, address: AuthAddress, message: &Value, wait: Duration) -> Result<Answer, Problem> {
    match node.client.ask(address, message, wait).await {
        Ok(answer) => serde_json::from_str(&answer)
            .map_err(|_| Problem::new(ErrorCode::Internal, "the auth manager answered what cannot be read")),
        Err(ClientError::Call(CallError::NoReply(_))) => {
            let message = "no auth manager answers: one runs where `deblox worker` or `deblox web` was started with --auth-manager";
            Err(Problem::named(503, "auth-manager-silent", message))
        }
        Err(error) => Err(Problem::from(&error)),
    }
}

async fn facts(node: &Node) -> NodeFacts {
    // While Redis is away nobody gets in anyway.
    let auth = auth(node).await.unwrap_or(node.auth);
    let version = env!("CARGO_PKG_VERSION").to_owned();
    NodeFacts { name: node.name.clone(), version, auth, oidc: node.oidc.is_some() }
}

async fn me(node: &Node, caller: &Caller) -> Me {
    let session = caller.session.as_ref();
    let groups = session.map(|session| session.groups.iter().map(ToString::to_string).collect());
    Me {
        node: facts(node).await,
        user: caller.user().map(str::to_owned),
        role: session.map(crate::protocol::Session::effective_role),
        groups: groups.unwrap_or_default(),
        rights: Access::ALL.into_iter().filter(|access| caller.may(*access, Subject::Rest)).collect(),
        may_create: caller.may(Access::Create, Subject::NewInstance),
        sees_all: caller.may(Access::View, Subject::AllInstances),
        operates_all: caller.may(Access::Operate, Subject::AllInstances),
        request_prefix: node.client.id_prefix(),
    }
}
