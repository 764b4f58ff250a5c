//! A session as its user sees it in a list, and where it was begun.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a session was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum SessionOrigin {
    /// With a password on an HTTP node, which saw the address.
    Web,
    /// With a password over the bus, such as by `deblox login`. The address is the client's own claim.
    Bus,
    /// At an OpenID Connect provider. The HTTP node saw the address.
    Oidc,
}

impl SessionOrigin {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Bus => "bus",
            Self::Oidc => "oidc",
        }
    }

    /// Reads a name of the wire.
    pub fn read(name: &str) -> Option<Self> {
        [Self::Web, Self::Bus, Self::Oidc].into_iter().find(|origin| origin.as_str() == name)
    }
}

/// A session in a list. It holds nothing that lets anybody use the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SessionFacts {
    /// The public id, with which the session can be ended. It is not the session.
    pub id: String,
    /// Whether it is the session that asks.
    pub current: bool,
    /// When it was begun, in milliseconds of Redis's clock. Null for a session that an older version began.
    pub created: Option<u64>,
    /// When it was last used, in the same, to within 5 s.
    pub used: u64,
    /// When it ends at the latest, in the same.
    pub ends: u64,
    /// How it was begun. Null for a session that an older version began.
    pub origin: Option<SessionOrigin>,
    /// The address that it was begun from. With the origin `bus` it is what the client claimed.
    pub address: Option<String>,
    /// What the browser or program called itself.
    pub agent: Option<String>,
}

/// Text from outside as it may be kept and shown: printable ASCII, and no more of it than `most` bytes.
pub fn printable(text: &str, most: usize) -> Option<String> {
    let clean: String = text.chars().filter(|c| matches!(c, ' '..='~')).take(most).collect();
    Some(clean.trim().to_owned()).filter(|clean| !clean.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_cleaned_and_cut() {
        assert_eq!(printable("curl/8\u{1b}[31m \u{202e}x", 64).as_deref(), Some("curl/8[31m x"));
        assert_eq!(printable("abcdef", 3).as_deref(), Some("abc"));
        assert_eq!(printable(" \u{7} ", 64), None);
    }

    #[test]
    fn origins_are_read_back_as_written() {
        for origin in [SessionOrigin::Web, SessionOrigin::Bus, SessionOrigin::Oidc] {
            assert_eq!(SessionOrigin::read(origin.as_str()), Some(origin));
        }
        assert_eq!(SessionOrigin::read(""), None);
    }
}
