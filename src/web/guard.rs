//! What holds for every call by HTTP: which ones are not answered, and the headers of every answer.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::api::{BASE, Problem};
use super::calls;
use crate::protocol::{ErrorCode, Failure};

/// The beginnings of what is never kept by a browser or a proxy, whatever its handler says.
const NEVER_KEPT: [&str; 2] = ["/api/", "/auth/"];

/// For a year browsers reach this host by TLS alone. Other hosts of the same domain are not deblox's to speak for.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What an answer has unless its handler says otherwise, as pages do: it is no page, nobody shows it in one, and neither its
/// address nor its content goes elsewhere.
const USUAL: [(HeaderName, HeaderValue); 8] = [
    (CACHE_CONTROL, NO_STORE),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// What the headers depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Headers {
    /// Browsers come by TLS.
    pub(super) secure: bool,
}

/// Refuses what two programs could read in two ways, and completes the headers of the answer.
pub(super) async fn apply(State(headers): State<Headers>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_api = path.starts_with(BASE);
    let is_never_kept = NEVER_KEPT.iter().any(|beginning| path.starts_with(beginning));
    let mut response = match ambiguity(&request) {
        Some(why) => refuse(why, is_api),
        None => next.run(request).await,
    };
    let found = response.headers_mut();
    for (name, value) in USUAL {
        found.entry(name).or_insert(value);
    }
    if is_never_kept {
        found.insert(CACHE_CONTROL, NO_STORE);
    }
    if headers.secure {
        found.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

/// Why it is not certain to which host a request goes, or where it ends (RFC 9112, sections 3.2 and 6.3). Proxies and caches
/// before this node may see another request than the node does.
fn ambiguity(request: &Request) -> Option<&'static str> {
    let headers = request.headers();
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Some("there are two headers `Host`: send one"),
        (None, None) if request.version() > Version::HTTP_10 => return Some("the header `Host` is missing"),
        (None, None) => {}
        (Some(host), None) => {
            let host =
                host.to_str().ok().filter(|host| !host.contains('@')).and_then(|host| host.parse::<Authority>().ok());
            let Some(host) = host else {
                return Some("the header `Host` is no name or address of a host");
            };
            if request.uri().authority().is_some_and(|named| !named.as_str().eq_ignore_ascii_case(host.as_str())) {
                return Some("the address names another host than the header `Host`");
            }
        }
    }
    // hyper refuses two lengths that differ, and reads no more of a connection on which a length stands beside an encoding.
    let is_encoded_twice = headers.get_all(TRANSFER_ENCODING).iter().count() > 1;
    is_encoded_twice.then_some("there are two headers `Transfer-Encoding`: send one")
}

/// What comes behind such a request on the same connection is not read.
fn refuse(why: &'static str, is_api: bool) -> Response {
    let failure = Failure::new(ErrorCode::BadField, why);
    let mut response = if is_api { Problem::from(failure).into_response() } else { calls::refuse(failure) };
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
