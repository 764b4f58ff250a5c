//! What a node must know to have people log in at an OpenID Connect provider.

use std::net::IpAddr;

use url::{Host, Url};

use crate::protocol::{Role, Secret};

/// A provider, what this cluster is there, and what its claims mean here.
#[derive(Clone, Debug)]
pub struct OidcOptions {
    /// The provider's issuer identifier, letter by letter.
    pub issuer: String,
    /// What this cluster is called at the provider.
    pub client_id: String,
    /// What shows that it is; without one it is a public client, for which PKCE alone vouches.
    pub client_secret: Option<Secret>,
    /// Where the provider sends people back to: [`Self::CALLBACK`] of any node, as browsers reach it.
    pub redirect_url: Url,
    /// The claim that becomes the user's name.
    pub username_claim: String,
    /// The claim that holds the groups.
    pub groups_claim: String,
    /// The role of each group; who is in several has the highest.
    pub roles: Vec<(String, Role)>,
    /// The role of who is in none of them; where there is none, they cannot log in.
    pub default_role: Option<Role>,
    /// What is asked of the provider beside `openid`.
    pub scopes: Vec<String>,
}

impl OidcOptions {
    /// The path of a node to which the provider sends people back.
    pub const CALLBACK: &str = "/auth/oidc/callback";
    /// [`Self::username_claim`] where nothing else is said.
    pub const USERNAME_CLAIM: &str = "preferred_username";
    /// [`Self::groups_claim`] where nothing else is said.
    pub const GROUPS_CLAIM: &str = "groups";
    /// The one of [`Self::scopes`] where nothing else is said; the name is in it.
    pub const SCOPE: &str = "profile";

    /// Reads where the provider sends people back to.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn redirect_url(text: &str) -> Result<Url, String> {
        let url = Url::parse(text).map_err(|e| format!("`{text}` is no URL: {e}"))?;
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "https" | "http") || url.path() != Self::CALLBACK || !is_plain {
            return Err(format!("`{text}` is not of the form https://HOST{}", Self::CALLBACK));
        }
        Ok(url)
    }

    /// Whether `text` can be an issuer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_issuer(text: &str) -> Result<(), String> {
        let url = Url::parse(text).map_err(|e| format!("`{text}` is no URL: {e}"))?;
        if url.query().is_some() || url.fragment().is_some() || url.host().is_none() {
            return Err(format!("`{text}` is not of the form https://HOST or https://HOST/PATH"));
        }
        if !is_safe(&url) {
            return Err(format!("`{text}` must be https: whoever is between could log in as anybody"));
        }
        Ok(())
    }

    /// Whether browsers reach this cluster by TLS.
    pub fn is_secure(&self) -> bool {
        self.redirect_url.scheme() == "https"
    }
}

/// Whether nobody can stand between here and there: TLS, or the same machine.
pub(super) fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_reached_by_tls_or_on_this_machine() {
        for good in ["https://login.example.com", "https://a.test/realms/x/", "http://127.0.0.1:3", "http://[::1]:3"] {
            assert_eq!(OidcOptions::check_issuer(good), Ok(()));
        }
        for bad in ["login.example.com", "http://login.example.com", "https://a.test?x", "ftp://a.test", "https://"] {
            assert!(OidcOptions::check_issuer(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn people_are_sent_back_to_the_path_that_there_is() {
        assert!(OidcOptions::redirect_url("https://a.test/auth/oidc/callback").is_ok());
        for bad in ["https://a.test/", "a.test/auth/oidc/callback", "https://a.test/auth/oidc/callback?x=1"] {
            assert!(OidcOptions::redirect_url(bad).is_err(), "{bad}");
        }
    }
}
