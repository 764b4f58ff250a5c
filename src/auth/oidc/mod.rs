//! Logins at an OpenID Connect provider: the authorization code flow with PKCE, of which nothing is kept on a node.

mod account;
mod claims;
mod error;
mod fetch;
mod options;
mod provider;

use std::net::IpAddr;

use openidconnect::{
    AuthenticationFlow, AuthorizationCode, CsrfToken, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    Scope, TokenResponse,
};
use serde::{Deserialize, Serialize};

pub use error::{OidcError, ProviderError};
pub use options::OidcOptions;

use self::claims::Person;
use self::provider::{Provider, refused};
use super::place::network;
use super::secrets::{digest, random_hex, session_id};
use crate::bus::{Bus, Limits, NewSession};
use crate::protocol::limits::AGENT_BYTES;
use crate::protocol::{AccountName, External, Secret, SessionOrigin, printable};

/// How many characters of a login's digest tell its cookie from others in the same browser.
const COOKIE_DIGITS: usize = 16;

/// How often it is tried to make a session for an account that others keep changing.
const TRIES: usize = 20;

/// People log in at one provider, by way of any node of one bus.
#[derive(Debug)]
pub struct Oidc {
    options: OidcOptions,
    bus: Bus,
    limits: Limits,
    provider: Provider,
}

/// Where a browser goes to log in, and what it has to bring back.
#[derive(Debug)]
pub struct Departure {
    /// The provider's page; what is secret in it is of no use without the cookie.
    pub url: String,
    /// The name of the cookie.
    pub cookie: String,
    /// What is in it.
    pub value: Secret,
}

/// What a browser brings from the provider.
#[derive(Debug, Default)]
pub struct Arrival {
    /// As it was in the page's address.
    pub state: Option<String>,
    /// What the ID token is got for.
    pub code: Option<Secret>,
    /// Why there is none.
    pub error: Option<String>,
    /// Who sent it, RFC 9207.
    pub issuer: Option<String>,
}

/// What a browser gets for it.
#[derive(Debug)]
pub struct LoggedIn {
    /// Whose it is.
    pub user: AccountName,
    /// The session.
    pub session: Secret,
    /// The cookie that is of no more use.
    pub cookie: String,
}

/// What is kept of a login until the browser comes back. Who reads it can neither log in nor find the state.
#[derive(Serialize, Deserialize)]
struct Begun {
    nonce: Secret,
    verifier: Secret,
    /// The digest of what is in the browser's cookie.
    cookie: String,
}

impl Oidc {
    /// Nothing is asked of the provider yet, and it may be away at any time.
    ///
    /// # Errors
    /// [`OidcError::Tls`].
    pub fn new(options: OidcOptions, bus: Bus, limits: Limits) -> Result<Self, OidcError> {
        let provider = Provider::new(&options)?;
        Ok(Self { options, bus, limits, provider })
    }

    /// What it was made with.
    pub fn options(&self) -> &OidcOptions {
        &self.options
    }

    /// Begins a login of somebody at the address `from`.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn begin(&self, from: IpAddr) -> Result<Departure, OidcError> {
        let known = self.provider.known().await?;
        let (state, nonce, verifier, value) = (random_hex()?, random_hex()?, random_hex()?, random_hex()?);
        let begun = Begun { nonce: nonce.clone(), verifier: verifier.clone(), cookie: digest(value.reveal()) };
        let begun = serde_json::to_string(&begun).expect("texts become JSON");
        let key = digest(state.reveal());
        if let Some(wait) = self.bus.begin_login(&key, &begun, &digest(&network(from))).await? {
            return Err(OidcError::Busy(wait));
        }
        let verifier = PkceCodeVerifier::new(verifier.reveal().to_owned());
        let (url, ..) = known
            .client
            .authorize_url(
                AuthenticationFlow::<openidconnect::core::CoreResponseType>::AuthorizationCode,
                move || CsrfToken::new(state.reveal().to_owned()),
                move || Nonce::new(nonce.reveal().to_owned()),
            )
            .add_scopes(self.options.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(Departure { url: url.into(), cookie: cookie(&key), value })
    }

    /// Ends a login: makes or changes the account of whoever it is, and a session. `brought` finds a cookie of the
    /// browser by its name, `from` is where the browser is, and what it calls itself.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn finish(
        &self,
        arrival: Arrival,
        brought: impl Fn(&str) -> Option<String>,
        from: (IpAddr, Option<&str>),
    ) -> Result<LoggedIn, OidcError> {
        let key = digest(arrival.state.as_deref().ok_or(OidcError::Stale)?);
        let cookie = cookie(&key);
        let begun = self.take(&key, &brought(&cookie).ok_or(OidcError::Stale)?).await?;
        if arrival.issuer.is_some_and(|issuer| issuer != self.options.issuer) {
            return Err(ProviderError::Unproved("it comes from another provider").into());
        }
        if let Some(error) = arrival.error {
            return Err(refused(&error).into());
        }
        let code = arrival.code.ok_or(OidcError::Stale)?;
        let person = self.person(code, begun).await?;
        let (user, session) = self.log_in(&person, from).await?;
        Ok(LoggedIn { user, session, cookie })
    }

    /// What was kept of the login, once, if this is the browser that began it.
    async fn take(&self, key: &str, brought: &str) -> Result<Begun, OidcError> {
        let begun = self.bus.take_login(key).await?.ok_or(OidcError::Stale)?;
        let begun: Begun = serde_json::from_str(&begun).map_err(|_| OidcError::Stale)?;
        if begun.cookie != digest(brought) {
            return Err(OidcError::Stale);
        }
        Ok(begun)
    }

    /// Who it is, by the ID token that the code is good for.
    async fn person(&self, code: Secret, begun: Begun) -> Result<Person, OidcError> {
        let known = self.provider.known().await?;
        let code = AuthorizationCode::new(code.reveal().to_owned());
        let verifier = PkceCodeVerifier::new(begun.verifier.reveal().to_owned());
        let tokens = self.provider.exchange(&known, code, verifier).await?;
        let token = tokens.id_token().ok_or(ProviderError::Odd("there is no ID token in its answer"))?;
        let nonce = Nonce::new(begun.nonce.reveal().to_owned());
        let (known, mut person) = self.provider.verify(known, token, &nonce).await?;
        if person.lacks(&self.options) {
            let more = self.provider.user_info(&known, tokens.access_token(), &person.subject).await?;
            person.add(more);
        }
        Ok(person)
    }

    async fn log_in(
        &self,
        person: &Person,
        (address, agent): (IpAddr, Option<&str>),
    ) -> Result<(AccountName, Secret), OidcError> {
        let (address, agent) = (address.to_string(), agent.and_then(|agent| printable(agent, AGENT_BYTES)));
        let external = External { issuer: self.options.issuer.clone(), subject: person.subject.clone() };
        let (groups, role) = person.groups(&self.options)?;
        for _ in 0..TRIES {
            let Some((name, account)) = self.account(&external, person, &groups, role).await? else { continue };
            let session = session_id();
            let new = NewSession {
                digest: &digest(session.reveal()),
                user: name.as_str(),
                generation: account.generation,
                origin: SessionOrigin::Oidc,
                address: Some(&address),
                agent: agent.as_deref(),
            };
            if self.bus.open_session(&new, &account, &self.limits).await? {
                tracing::info!(
                    user = name.as_str(),
                    issuer = external.issuer,
                    role = account.role.as_str(),
                    "logged in"
                );
                return Ok((name, session));
            }
        }
        Err(OidcError::Crossed)
    }
}

/// The name of the cookie of the login with this digest; several may be begun in one browser.
fn cookie(key: &str) -> String {
    format!("deblox_login_{}", key.get(..COOKIE_DIGITS).unwrap_or(key))
}
