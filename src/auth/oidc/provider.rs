//! The provider: what it says about itself, and what is asked of it.

use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{
    CoreClient, CoreClientAuthMethod, CoreGenderClaim, CoreIdToken, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    CoreTokenResponse,
};
use openidconnect::{
    AccessToken, AdditionalClaims, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    DiscoveryError, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, SignatureVerificationError, SubjectIdentifier, UserInfoClaims, UserInfoError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::claims::Person;
use super::error::{OidcError, ProviderError};
use super::fetch::{FetchError, Fetcher};
use super::options::OidcOptions;
use crate::protocol::limits::{PROVIDER_KNOWN, PROVIDER_PAUSE};

/// The client of a provider that has said where to log in, and perhaps where its other doors are.
type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// Signatures that are made with a private key: one that is made with the client's secret proves less.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What the provider has said about itself.
pub(super) struct Known {
    pub(super) client: Client,
    at: Instant,
}

/// What came of the last time that it was asked about itself.
enum Last {
    Never,
    Known(Arc<Known>),
    Failed(Instant, ProviderError),
}

/// The provider.
pub(super) struct Provider {
    issuer: String,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    redirect_url: RedirectUrl,
    fetcher: Fetcher,
    last: Mutex<Last>,
}

/// All claims, whatever they are called.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Claims(Map<String, Value>);

impl AdditionalClaims for Claims {}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Provider {
    pub(super) fn new(options: &OidcOptions) -> Result<Self, OidcError> {
        Ok(Self {
            issuer: options.issuer.clone(),
            client_id: ClientId::new(options.client_id.clone()),
            client_secret: options.client_secret.as_ref().map(|secret| ClientSecret::new(secret.reveal().to_owned())),
            redirect_url: RedirectUrl::from_url(options.redirect_url.clone()),
            fetcher: Fetcher::new()?,
            last: Mutex::new(Last::Never),
        })
    }

    /// What it says about itself; it is asked only once in a while.
    pub(super) async fn known(&self) -> Result<Arc<Known>, ProviderError> {
        self.known_unless(|known| known.at.elapsed() >= PROVIDER_KNOWN).await
    }

    async fn known_unless(&self, is_old: impl Fn(&Known) -> bool) -> Result<Arc<Known>, ProviderError> {
        let mut last = self.last.lock().await;
        match &*last {
            Last::Known(known) if !is_old(known) => return Ok(Arc::clone(known)),
            // Whoever has waited for the same gets the same.
            Last::Failed(at, error) if at.elapsed() < PROVIDER_PAUSE => return Err(error.clone()),
            _ => {}
        }
        match self.discover().await {
            Ok(client) => {
                let known = Arc::new(Known { client, at: Instant::now() });
                *last = Last::Known(Arc::clone(&known));
                Ok(known)
            }
            Err(error) => {
                tracing::warn!(issuer = self.issuer, %error, "nobody can log in at the identity provider");
                *last = Last::Failed(Instant::now(), error.clone());
                Err(error)
            }
        }
    }

    async fn discover(&self) -> Result<Client, ProviderError> {
        let issuer =
            IssuerUrl::new(self.issuer.clone()).map_err(|_| ProviderError::Away("it has no address".to_owned()))?;
        let metadata =
            CoreProviderMetadata::discover_async(issuer, &self.fetcher).await.map_err(|error| match error {
                DiscoveryError::Request(error) => away(&error),
                DiscoveryError::Validation(message) => ProviderError::Issuer(short(&message)),
                DiscoveryError::Response(status, ..) => {
                    ProviderError::Away(format!("it answers with the status {status}"))
                }
                _ => ProviderError::Odd("what it says about itself is not what OpenID Connect Discovery says"),
            })?;
        let methods = metadata.token_endpoint_auth_methods_supported().cloned().unwrap_or_default();
        let in_body = methods.contains(&CoreClientAuthMethod::ClientSecretPost)
            && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic);
        let (id, secret) = (self.client_id.clone(), self.client_secret.clone());
        Ok(CoreClient::from_provider_metadata(metadata, id, secret)
            .set_redirect_uri(self.redirect_url.clone())
            .set_auth_type(if in_body { AuthType::RequestBody } else { AuthType::BasicAuth }))
    }

    /// What the code is good for.
    pub(super) async fn exchange(
        &self,
        known: &Known,
        code: AuthorizationCode,
        verifier: PkceCodeVerifier,
    ) -> Result<CoreTokenResponse, ProviderError> {
        let request = known.client.exchange_code(code);
        let request = request.map_err(|_| ProviderError::Odd("it does not say where a code becomes a token"))?;
        request.set_pkce_verifier(verifier).request_async(&self.fetcher).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(answer) => refused(answer.error().as_ref()),
            RequestTokenError::Request(error) => away(&error),
            _ => ProviderError::Odd("it holds no tokens"),
        })
    }

    /// Checks a token: who has signed it, for whom, until when, and for which login. Where the key is not known, the
    /// provider may have a new one, and is asked.
    pub(super) async fn verify(
        &self,
        known: Arc<Known>,
        token: &CoreIdToken,
        nonce: &Nonce,
    ) -> Result<(Arc<Known>, Person), ProviderError> {
        let checked = check(&known, token, nonce);
        let Err(ClaimsVerificationError::SignatureVerification(_)) = checked else {
            return Ok((known, checked.map_err(|error| unproved(&error))?));
        };
        let seen = known.at;
        let known = self.known_unless(|known| known.at <= seen && seen.elapsed() >= PROVIDER_PAUSE).await?;
        let person = check(&known, token, nonce).map_err(|error| unproved(&error))?;
        Ok((known, person))
    }

    /// What it says about the person where it is asked, which is nothing where it cannot be.
    pub(super) async fn user_info(
        &self,
        known: &Known,
        token: &AccessToken,
        subject: &str,
    ) -> Result<Map<String, Value>, ProviderError> {
        let subject = SubjectIdentifier::new(subject.to_owned());
        let Ok(request) = known.client.user_info(token.clone(), Some(subject)) else { return Ok(Map::new()) };
        let told: Result<UserInfoClaims<Claims, CoreGenderClaim>, _> = request.request_async(&self.fetcher).await;
        let told = told.map_err(|error| match error {
            UserInfoError::Request(error) => away(&error),
            UserInfoError::Response(status, ..) => {
                ProviderError::Away(format!("it answers with the status {status} when asked about you"))
            }
            UserInfoError::ClaimsVerification(error) => unproved(&error),
            _ => ProviderError::Odd("what it says about you is not what OpenID Connect says"),
        })?;
        match serde_json::to_value(told) {
            Ok(Value::Object(claims)) => Ok(claims),
            _ => Err(ProviderError::Odd("what it says about you is no object")),
        }
    }
}

fn check(known: &Known, token: &CoreIdToken, nonce: &Nonce) -> Result<Person, ClaimsVerificationError> {
    let verifier = known.client.id_token_verifier().set_allowed_algs(ALGORITHMS);
    let subject = token.claims(&verifier, nonce)?.subject().to_string();
    // The crate keeps the claims that it knows; those of other names are read from the same text, which is proved now.
    let text = token.to_string();
    let payload = text.split('.').nth(1).and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    let claims = payload.and_then(|payload| serde_json::from_slice(&payload).ok());
    let claims = claims.ok_or_else(|| ClaimsVerificationError::Other("the payload is no object".to_owned()))?;
    Ok(Person { subject, claims })
}

/// An error that the provider names, as far as it is one: nothing else of what comes with it is shown.
pub(super) fn refused(error: &str) -> ProviderError {
    let is_code = error.len() <= 64 && error.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    ProviderError::Refused(if is_code { error.to_owned() } else { "it does not say why".to_owned() })
}

fn away(error: &FetchError) -> ProviderError {
    ProviderError::Away(short(&error.to_string()))
}

fn unproved(error: &ClaimsVerificationError) -> ProviderError {
    use ClaimsVerificationError as Error;
    ProviderError::Unproved(match error {
        Error::Expired(_) => "its token has expired, or the clock of this host is wrong",
        Error::InvalidAudience(_) => "its token is for another client",
        Error::InvalidIssuer(_) => "its token is of another issuer",
        Error::InvalidNonce(_) => "its token is for another login",
        Error::InvalidSubject(_) => "it tells about somebody else",
        Error::SignatureVerification(SignatureVerificationError::DisallowedAlg(_)) => {
            "its token is signed in a way that is not taken"
        }
        Error::SignatureVerification(_) => "its token has no signature of one of its keys",
        _ => "its token is not what OpenID Connect says",
    })
}

/// The beginning of what somebody else has written.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
