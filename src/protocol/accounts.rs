//! Who uses deblox: accounts, roles, sessions and API tokens, as they are kept, and what must never be seen.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::limits::{ACCOUNT_NAME_BYTES, PASSWORD_BYTES};
use super::names::is_secret;
use super::{ANONYMOUS, InvalidName, Quota, looks_like};

/// Names that no new account gets, nor one that looks like them: they would be read as everybody, nobody, or deblox itself.
const RESERVED: [&str; 6] = [ANONYMOUS, "deblox", "everybody", "everyone", "nobody", "system"];

/// What a user may do. Each is trusted more than the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads everything.
    Viewer,
    /// Creates, and operates what it owns.
    User,
    /// Operates everything.
    Operator,
    /// Manages docks and users as well.
    Admin,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::User, Self::Operator, Self::Admin];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a user, a group or a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(String);

impl AccountName {
    /// Accepts 1 to 64 of `[A-Za-z0-9._@-]`, of which the first is a letter or a digit.
    ///
    /// # Errors
    /// [`InvalidName`] names what is wrong.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '-');
        let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !begins_well || name.len() > ACCOUNT_NAME_BYTES || !name.chars().all(allowed) {
            return Err(InvalidName::new(format!(
                "a name has 1 to {ACCOUNT_NAME_BYTES} of A-Z a-z 0-9 . _ @ - and begins with a letter or a digit"
            )));
        }
        if name == ANONYMOUS {
            return Err(InvalidName::new(format!("`{ANONYMOUS}` is nobody's name: choose another")));
        }
        Ok(Self(name.to_owned()))
    }

    /// Whether a new user, group or token may have the name. What has it already keeps it.
    ///
    /// # Errors
    /// [`InvalidName`] says why not.
    pub fn check_new(&self) -> Result<(), InvalidName> {
        if is_secret(&self.0) {
            return Err(InvalidName::new("a name must not look like a session or a token: choose another".to_owned()));
        }
        let reserved = RESERVED.into_iter().find(|reserved| self.0 == *reserved || looks_like(&self.0, reserved));
        match reserved {
            Some(reserved) => {
                Err(InvalidName::new(format!("`{self}` is read as `{reserved}`, which is reserved: choose another")))
            }
            None => Ok(()),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> Self {
        name.0
    }
}

impl TryFrom<String> for AccountName {
    type Error = InvalidName;

    fn try_from(name: String) -> Result<Self, InvalidName> {
        Self::new(&name)
    }
}

impl std::str::FromStr for AccountName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        Self::new(name)
    }
}

/// What nobody else may see: it is not printed, and leaves only where somebody asks for it by name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Who somebody is at an OpenID Connect provider; the two together never become somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// The provider.
    pub issuer: String,
    /// The provider's own id for the person, its claim `sub`.
    pub subject: String,
}

/// One entry of `deblox.auth.users`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// What the user may do.
    pub role: Role,
    /// The groups it belongs to.
    #[serde(default)]
    pub groups: BTreeSet<AccountName>,
    /// Its password, hashed, in PHC string format. Who logs in at a provider has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Who it is at an OpenID Connect provider, if it logs in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    /// Becomes another with everything that ends the sessions of the user.
    pub generation: u64,
    /// Nobody can log in, and no session or token counts.
    #[serde(default)]
    pub disabled: bool,
    /// The password was made by deblox and not changed since.
    #[serde(default)]
    pub temporary: bool,
    /// When it was made, in RFC 3339.
    pub created: String,
    /// How much of the cluster it may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
}

impl Account {
    /// The largest generation, so that a number of Lua holds it.
    pub const GENERATIONS: u64 = 1 << 48;

    /// Ends all sessions of the user, on every node at once.
    pub fn end_sessions(&mut self) {
        self.generation = (self.generation + 1) % Self::GENERATIONS;
    }
}

/// Who a session or a token belongs to, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// The user.
    pub username: AccountName,
    /// Its groups.
    pub groups: BTreeSet<AccountName>,
    /// The user's role.
    pub role: Role,
    /// Of a token, its own role: it may do no more than that, either.
    pub limit: Option<Role>,
    /// Of a token, its name.
    pub token: Option<AccountName>,
}

impl Session {
    /// Whether it may list the sessions of `user`, or end some: its own, and as an admin those of anybody. A token that may do
    /// less than its user ends none.
    ///
    /// # Errors
    /// Why not, in a sentence.
    pub fn check_sessions(&self, user: &AccountName, ends: bool) -> Result<(), String> {
        let (own, role) = (&self.username, self.effective_role());
        if user != own && role != Role::Admin {
            return Err(format!("`{own}` has the role {role}: only admins see and end the sessions of others"));
        }
        match &self.token {
            Some(token) if ends && role < self.role => {
                Err(format!("the token `{token}` may do less than its user: it ends no sessions"))
            }
            _ => Ok(()),
        }
    }
}

/// One entry of `deblox.auth.tokens`, where it stands under the digest of the token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenRecord {
    /// What the token is for.
    pub name: AccountName,
    /// Whose it is.
    pub user: AccountName,
    /// What it may do at most.
    pub role: Role,
    /// When it was made, in milliseconds of Redis's clock.
    pub created: u64,
    /// When it ends, in the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

/// Whether `password` has at least `least` characters, and no more bytes than any password may have.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub fn check_password_length(password: &str, least: usize) -> Result<(), String> {
    if password.chars().count() < least || password.len() > PASSWORD_BYTES {
        return Err(format!("a password has {least} characters or more, and at most {PASSWORD_BYTES} bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_their_alphabet_and_secrets_to_themselves() {
        for good in ["ada", "ada@example.test", "0", "A.b_c-d"] {
            assert!(AccountName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert!(AccountName::new(bad).is_err(), "{bad}");
        }
        assert_eq!(format!("{:?}", Some(Secret::new("sesame"))), "Some((secret))");
        for reserved in ["Anonymous", "an0nym0us", "DEBLOX", "Nobody", "system", "0b0e1e0a-5d0c-4d8e-9a59-0c35bb8f3a0e"]
        {
            assert!(AccountName::new(reserved).unwrap().check_new().is_err(), "{reserved}");
        }
        assert!(AccountName::new("admin").unwrap().check_new().is_ok());
    }

    #[test]
    fn each_role_may_what_the_one_before_may() {
        assert!(Role::ALL.is_sorted() && Role::ALL[3] == Role::Admin);
        assert!(check_password_length("sesame!", 8).is_err() && check_password_length("sésame!!", 8).is_ok());
    }
}
