//! `/auth`: people log in at the identity provider, see who they are, and log out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE,
    USER_AGENT, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use super::assets::wants_page;
use super::audit::InAudit;
use super::cookies::{self, SESSION, Scope};
use super::serve::Peer;
use super::{Node, calls};
use crate::auth::{Arrival, LoggedIn, Login, Oidc, OidcError};
use crate::bus::BusError;
use crate::protocol::limits::BEGUN_LOGIN_KEPT;
use crate::protocol::{AccountName, AuthReply, Granted, Secret};

/// Where the cookie of a login that is under way goes.
const LOGIN: &str = "/auth/oidc";

/// What people see in the place of a page: a heading and a sentence.
const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>HEADING · deblox</title>
<link rel="icon" type="image/svg+xml" href="/favicon.svg">
<link rel="stylesheet" href="/plain.css">
<main>
<img src="/favicon.svg" alt="" width="40" height="40">
<h1>HEADING</h1>
<p>SENTENCE.</p>
<a href="/login">Back to the login</a>
</main>
</html>
"#;

/// How nobody but the browser gets to see what is answered here: nothing is kept, and no address is told on.
const PRIVATE: [(HeaderName, HeaderValue); 3] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// `GET /auth/oidc/login`: sends the browser to the provider.
pub(super) async fn begin(
    State(node): State<Arc<Node>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let Some(oidc) = &node.oidc else { return not_here(&headers) };
    match oidc.begin(peer).await {
        Ok(departure) => {
            let scope = scope(&node, LOGIN, Some(BEGUN_LOGIN_KEPT));
            go(&departure.url, &[cookies::set(&departure.cookie, &departure.value, &scope)])
        }
        Err(error) => refuse(&headers, &error),
    }
}

/// `GET /auth/oidc/callback`: where the provider sends the browser back to.
pub(super) async fn finish(
    State(node): State<Arc<Node>>,
    Extension(Peer(peer)): Extension<Peer>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Some(oidc) = &node.oidc else { return not_here(&headers) };
    let mut arrival = Arrival::default();
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let value = value.into_owned();
        match &*name {
            "state" => arrival.state = Some(value),
            "code" => arrival.code = Some(Secret::new(value)),
            "error" => arrival.error = Some(value),
            "iss" => arrival.issuer = Some(value),
            _ => {}
        }
    }
    let from = (peer, user_agent(&headers));
    let finished = oidc.finish(arrival, |name| cookies::find(&headers, name, node.is_secure()), from).await;
    record(&node, oidc, peer, &finished).await;
    match finished {
        Ok(LoggedIn { session, cookie, .. }) => {
            let session = cookies::set(SESSION, &session, &scope(&node, "/", None));
            go("/", &[session, cookies::forget(&cookie, LOGIN, node.is_secure())])
        }
        Err(error) => (Extension(InAudit), refuse(&headers, &error)).into_response(),
    }
}

/// `POST /auth/logout`: ends the session of the cookie, and has the browser forget it.
pub(super) async fn log_out(State(node): State<Arc<Node>>, headers: HeaderMap) -> Response {
    if !node.is_own(&headers) {
        return say(&headers, StatusCode::FORBIDDEN, "a page of another site may not log you out");
    }
    let ended = match cookies::session(&headers, node.is_secure()) {
        Some(session) => node.sessions.end(&session).await,
        None => Ok(false),
    };
    match ended {
        Ok(true) => {
            let mut response = answer(StatusCode::OK, &AuthReply::Ok(Granted::default()));
            response
                .headers_mut()
                .extend(cookies::forget(SESSION, "/", node.is_secure()).map(|cookie| (SET_COOKIE, cookie)));
            response
        }
        Ok(false) => not_logged_in(),
        Err(error) => bus_away(&headers, &error),
    }
}

/// `GET /auth/me`: who the session of the cookie belongs to.
pub(super) async fn whose(State(node): State<Arc<Node>>, headers: HeaderMap) -> Response {
    let found = match cookies::session(&headers, node.is_secure()) {
        Some(session) => node.sessions.whose(session).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(session)) => {
            let (username, groups, role) = (Some(session.username), Some(session.groups), Some(session.role));
            answer(StatusCode::OK, &AuthReply::Ok(Granted { username, groups, role, ..Granted::default() }))
        }
        Ok(None) => not_logged_in(),
        Err(error) => bus_away(&headers, &error),
    }
}

/// Records a login at the provider, or why there is none.
async fn record(node: &Node, oidc: &Oidc, peer: IpAddr, finished: &Result<LoggedIn, OidcError>) {
    let address = peer.to_string();
    let (user, status, error) = match finished {
        Ok(LoggedIn { user, .. }) => (Some(user), 200, None),
        Err(refused @ (OidcError::Taken(name) | OidcError::Disabled(name))) => {
            (Some(name), refused.status(), Some("denied"))
        }
        Err(refused) => (None, refused.status(), Some("denied")),
    };
    let (user, issuer) = (user.map(AccountName::as_str), Some(oidc.options().issuer.as_str()));
    Login { user, address: Some(&address), issuer, status, error }.record(node.client.bus()).await;
}

fn scope(node: &Node, path: &'static str, lasts: Option<Duration>) -> Scope {
    Scope { path, lasts, secure: node.is_secure() }
}

/// Sends a browser on; the address is never one that came with the request.
fn go(place: &str, cookies: &[Option<HeaderValue>]) -> Response {
    let Ok(place) = HeaderValue::from_str(place) else {
        return (StatusCode::BAD_GATEWAY, PRIVATE).into_response();
    };
    let mut response = (StatusCode::SEE_OTHER, PRIVATE, [(LOCATION, place)]).into_response();
    response.headers_mut().extend(cookies.iter().flatten().map(|cookie| (SET_COOKIE, cookie.clone())));
    response
}

fn refuse(headers: &HeaderMap, error: &OidcError) -> Response {
    tracing::info!(%error, "a login by OpenID Connect was refused");
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = say_under(headers, status, "You are not signed in", &error.to_string());
    if let OidcError::Busy(wait) = error {
        let seconds = HeaderValue::from(u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX));
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

/// What the browser or program calls itself.
pub(super) fn user_agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok())
}

fn not_here(headers: &HeaderMap) -> Response {
    say(headers, StatusCode::NOT_FOUND, "nobody logs in by OpenID Connect here: start the node with --oidc-issuer")
}

fn not_logged_in() -> Response {
    answer(StatusCode::UNAUTHORIZED, &AuthReply::error("Not logged in"))
}

fn bus_away(headers: &HeaderMap, error: &BusError) -> Response {
    say(headers, StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
}

/// One sentence: a page for people, JSON for programs.
fn say(headers: &HeaderMap, status: StatusCode, sentence: &str) -> Response {
    say_under(headers, status, "That did not work", sentence)
}

/// The same; the page has that heading.
fn say_under(headers: &HeaderMap, status: StatusCode, heading: &str, sentence: &str) -> Response {
    if !wants_page(headers) {
        return answer(status, &AuthReply::error(sentence));
    }
    let page = PAGE.replace("HEADING", heading).replace("SENTENCE", &escape(sentence));
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
                  form-action 'none'";
    let kind = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, policy)];
    (status, PRIVATE, kind, page).into_response()
}

fn answer(status: StatusCode, reply: &AuthReply) -> Response {
    (PRIVATE, calls::respond(status.as_u16(), reply.json())).into_response()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}
