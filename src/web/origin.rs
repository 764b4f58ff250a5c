//! Whether it is a page of this node that asks, or one of another site in the same browser.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use url::Url;

use super::Node;

impl Node {
    /// Whether a page of this node asks, or no page at all. A cookie does not come with what another site has a browser send;
    /// this holds for its neighbours too, such as another port of the same host.
    pub(super) fn is_own(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        let is_public = |url: &Url| url.origin().ascii_serialization() == origin;
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        self.public().any(is_public) || origin.split_once("://").is_some_and(|(_, own)| Some(own) == host)
    }

    /// Whether it was called by a name that is surely its own. Where nobody has to log in, a page of another site could
    /// otherwise have its own name lead here (DNS rebinding), and do what it likes.
    pub(super) fn is_called_so(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
        let Ok(url) = Url::parse(&format!("http://{host}")) else { return false };
        let Some(name) = url.host_str() else { return false };
        let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        is_address
            || name == "localhost"
            || name.eq_ignore_ascii_case(&self.name)
            || self.public().any(|url| url.host_str() == Some(name))
    }

    /// How browsers reach this node, as far as somebody has said so.
    fn public(&self) -> impl Iterator<Item = &Url> {
        self.public_url.iter().chain(self.oidc.as_ref().map(|oidc| &oidc.options().redirect_url))
    }

    /// Whether browsers come by TLS, so that cookies shall go no other way.
    pub(super) fn is_secure(&self) -> bool {
        self.public().any(|url| url.scheme() == "https")
    }
}
