//! Why somebody could not log in at the provider, in a sentence that holds nothing secret.

use std::time::Duration;

use super::super::secrets::SecretError;
use crate::bus::BusError;
use crate::protocol::AccountName;
use crate::protocol::limits::GROUPS;

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// Redis.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// There is no secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// TLS cannot be used at all.
    #[error("TLS cannot be used")]
    Tls(#[from] rustls::Error),
    /// The provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Too many logins are begun, for that long.
    #[error("too many logins are begun at the moment: try again in a minute")]
    Busy(Duration),
    /// There is no such login, or it is another browser's.
    #[error("this login was not begun in this browser, is over, or took too long: log in again")]
    Stale,
    /// A claim is missing, or is not what it must be.
    #[error("the claim `{0}` of the identity provider {1}")]
    Claim(String, String),
    /// There are too many groups.
    #[error("the identity provider names more than {GROUPS} groups: have it name those alone that matter here")]
    ManyGroups,
    /// In no group that has a role.
    #[error("you are in none of the groups that may use deblox: ask whoever manages it")]
    NoRole,
    /// There is a user of that name who is somebody else.
    #[error("there is a user `{0}` already who is not you at this identity provider: ask whoever manages deblox")]
    Taken(AccountName),
    /// Nobody new may have that name.
    #[error("the name that the identity provider gives you cannot be used: {0}; ask whoever manages deblox")]
    Name(String),
    /// There is a user whose name looks like it.
    #[error("`{0}` looks like the user `{1}`, who is there already and is not you: ask whoever manages deblox")]
    LooksLike(AccountName, String),
    /// The account is disabled.
    #[error("`{0}` is disabled: ask whoever manages deblox")]
    Disabled(AccountName),
    /// The account is changed all the time.
    #[error("your account was changed by others at the same time: try again")]
    Crossed,
}

/// Why the provider does not vouch for anybody.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProviderError {
    /// It gives no answer.
    #[error("the identity provider cannot be asked: {0}")]
    Away(String),
    /// It gives one that cannot be used.
    #[error("the identity provider's answer cannot be used: {0}")]
    Odd(&'static str),
    /// It is not who it was said to be.
    #[error("the identity provider is called otherwise than --oidc-issuer says: {0}")]
    Issuer(String),
    /// It does not want to.
    #[error("the identity provider has refused: {0}")]
    Refused(String),
    /// What it says is not proved.
    #[error("the identity provider's word cannot be trusted: {0}")]
    Unproved(&'static str),
}

impl OidcError {
    /// The status that HTTP has for it.
    pub fn status(&self) -> u16 {
        use ProviderError::{Away, Issuer, Odd, Refused, Unproved};
        match self {
            Self::Stale => 400,
            Self::Provider(Refused(_) | Unproved(_))
            | Self::Claim(..)
            | Self::ManyGroups
            | Self::NoRole
            | Self::Taken(_)
            | Self::Name(_)
            | Self::LooksLike(..)
            | Self::Disabled(_) => 403,
            Self::Crossed => 409,
            Self::Busy(_) => 429,
            Self::Secret(_) | Self::Tls(_) => 500,
            Self::Provider(Away(_) | Odd(_) | Issuer(_)) => 502,
            Self::Bus(_) => 503,
        }
    }
}
