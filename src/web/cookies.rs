//! Cookies: found in a request, and set so that no page's script and no other site gets at them.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::protocol::Secret;
use crate::protocol::limits::AUTH_FIELD_BYTES;

/// The cookie that holds a session; behind [`HOST_PREFIX`] where browsers come by TLS.
pub(super) const SESSION: &str = "deblox_session";

/// Before the name of a cookie it has browsers take that only from this very host and by TLS: neither another host of the same
/// domain nor anybody on the way can set or replace it (RFC 6265bis, section 4.1.3.2).
const HOST_PREFIX: &str = "__Host-";

/// The name as it is sent. Where browsers come by TLS no other is read: one without the prefix may be anybody's.
fn sent_name(name: &str, secure: bool) -> Cow<'_, str> {
    if secure { format!("{HOST_PREFIX}{name}").into() } else { name.into() }
}

/// What a browser has sent as the cookie `name`; `secure` as in [`Scope`].
pub(super) fn find(headers: &HeaderMap, name: &str, secure: bool) -> Option<String> {
    let name = sent_name(name, secure);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
}

/// The session that a browser has sent.
pub(super) fn session(headers: &HeaderMap, secure: bool) -> Option<Secret> {
    find(headers, SESSION, secure).filter(|session| session.len() <= AUTH_FIELD_BYTES).map(Secret::new)
}

/// Where a cookie goes, and for how long; without a time, until the browser is closed.
pub(super) struct Scope {
    /// Below which address; a secure one goes to the whole host.
    pub(super) path: &'static str,
    pub(super) lasts: Option<Duration>,
    /// By TLS alone.
    pub(super) secure: bool,
}

/// The header that has a browser keep a cookie. `Lax`: it comes with the page that a link of another site opens, such as
/// the provider's, and with nothing else that another site has the browser send.
pub(super) fn set(name: &str, value: &Secret, scope: &Scope) -> Option<HeaderValue> {
    let value = value.reveal();
    let (name, path) = (sent_name(name, scope.secure), if scope.secure { "/" } else { scope.path });
    let lasts = scope.lasts.map(|lasts| format!("; Max-Age={}", lasts.as_secs())).unwrap_or_default();
    let secure = if scope.secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax{lasts}{secure}");
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// The header that has a browser forget one.
pub(super) fn forget(name: &str, path: &'static str, secure: bool) -> Option<HeaderValue> {
    set(name, &Secret::new(""), &Scope { path, lasts: Some(Duration::ZERO), secure })
}
