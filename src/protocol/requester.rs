//! Who sent a request, as the record of the request keeps it: the reply is for nobody else.

use std::fmt;

use super::{AccountName, Session};

/// Who sent a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Requester {
    /// Anyone: workers do not ask who it is.
    #[default]
    Anyone,
    /// Somebody whose session or token does not count, or who has shown none. It is never the same as anybody.
    Unknown,
    /// A user, or one of its tokens: a token may be allowed less than the user.
    Account {
        /// The user.
        user: AccountName,
        /// The name of the token.
        token: Option<AccountName>,
    },
}

impl Requester {
    /// Whoever has this session or token. Another session of the same user is the same requester.
    pub fn of(session: &Session) -> Self {
        Self::Account { user: session.username.clone(), token: session.token.clone() }
    }

    /// The user.
    pub fn user(&self) -> Option<&AccountName> {
        match self {
            Self::Account { user, .. } => Some(user),
            Self::Anyone | Self::Unknown => None,
        }
    }

    /// The user in the record of a request, as it was written there.
    pub fn user_in(record: &str) -> &str {
        record.split_once('/').map_or(record, |(user, _)| user)
    }
}

impl fmt::Display for Requester {
    /// As the record has it: no account has a name with `/` or `?`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => Ok(()),
            Self::Unknown => f.write_str("?"),
            Self::Account { user, token: None } => write!(f, "{user}"),
            Self::Account { user, token: Some(token) } => write!(f, "{user}/{token}"),
        }
    }
}
