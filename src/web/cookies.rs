//! Cookies: found in a request, and set so that no page's script and no other site gets at them.

use std::time::Duration;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::protocol::Secret;
use crate::protocol::limits::AUTH_FIELD_BYTES;

/// The cookie that holds a session.
pub(super) const SESSION: &str = "deblox_session";

/// What a browser has sent as the cookie `name`.
pub(super) fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
}

/// The session that a browser has sent.
pub(super) fn session(headers: &HeaderMap) -> Option<Secret> {
    find(headers, SESSION).filter(|session| session.len() <= AUTH_FIELD_BYTES).map(Secret::new)
}

/// Where a cookie goes, and for how long; without a time, until the browser is closed.
pub(super) struct Scope {
    pub(super) path: &'static str,
    pub(super) lasts: Option<Duration>,
    /// By TLS alone.
    pub(super) secure: bool,
}

/// The header that has a browser keep a cookie. `Lax`: it comes with the page that a link of another site opens, such as
/// the provider's, and with nothing else that another site has the browser send.
pub(super) fn set(name: &str, value: &Secret, scope: &Scope) -> Option<HeaderValue> {
    let (value, path) = (value.reveal(), scope.path);
    let lasts = scope.lasts.map(|lasts| format!("; Max-Age={}", lasts.as_secs())).unwrap_or_default();
    let secure = if scope.secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax{lasts}{secure}");
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// The header that has a browser forget one.
pub(super) fn forget(name: &str, path: &'static str) -> Option<HeaderValue> {
    set(name, &Secret::new(""), &Scope { path, lasts: Some(Duration::ZERO), secure: false })
}
