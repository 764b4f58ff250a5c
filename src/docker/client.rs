//! The HTTP client for one daemon, and the API version agreed with it.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bollard::{BollardRequest, ClientVersion};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
pub use hyper::Method;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName};
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::connector::Connector;
use super::labels::ImageLabels;
use super::options::DockerOptions;
use crate::metrics::{Metrics, Peer};
use crate::protocol::limits::{ANSWER_BYTES, DAEMON_PING};
use crate::protocol::{Answer, Body};

/// The API versions that deblox speaks: from Docker 20.10 to the one that bollard describes.
const OLDEST: (usize, usize) = (1, 41);
const NEWEST: (usize, usize) = (bollard::API_DEFAULT_VERSION.major_version, bollard::API_DEFAULT_VERSION.minor_version);

/// How long the daemon may take to begin an answer to bollard; its own bound is in the callers.
const BEGIN_ANSWER: Duration = Duration::from_secs(24 * 60 * 60);

/// Everything but RFC 3986's unreserved characters is escaped in a path segment, `/` above all.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) type AnyBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Why a daemon did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// The options cannot be used.
    #[error("{0}")]
    Options(String),
    /// It cannot be reached, or the connection broke.
    #[error("{0}")]
    Down(String),
    /// It is too old or too new.
    #[error("{0}")]
    Version(String),
    /// The answer is larger than [`ANSWER_BYTES`].
    #[error("the daemon's answer is larger than {} MiB", ANSWER_BYTES / 1024 / 1024)]
    TooLarge,
    /// It answers with a redirect, which is not followed: a name in the path is none.
    #[error(
        "the daemon answered {0}, a redirect, which deblox does not follow: use the id or the plain name of what is meant"
    )]
    Redirected(u16),
    /// It refused: status and message.
    #[error("{1}")]
    Refused(u16, String),
}

/// One request to the daemon.
#[derive(Clone, Debug)]
pub struct RequestParts {
    /// The HTTP method.
    pub method: Method,
    /// The path below the version, with `{}` where `segment` goes; escaped where it is not the program's own.
    pub path: Cow<'static, str>,
    /// One path segment that a user chose; it is escaped here and nowhere else.
    pub segment: Option<String>,
    /// Query parameters.
    pub query: Vec<(String, String)>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Payload>,
}

/// The body of a request to the daemon.
#[derive(Clone, Debug)]
pub enum Payload {
    /// JSON.
    Json(Value),
    /// Anything else; what it is stands in a header.
    Raw(Vec<u8>),
}

impl RequestParts {
    /// A request without query, headers and body.
    pub fn new(method: Method, path: impl Into<Cow<'static, str>>) -> Self {
        Self { method, path: path.into(), segment: None, query: Vec::new(), headers: Vec::new(), body: None }
    }

    /// The same, with `segment` in the place of `{}`.
    #[must_use]
    pub fn segment(mut self, segment: &str) -> Self {
        self.segment = Some(segment.to_owned());
        self
    }

    /// The same, with these query parameters as well.
    #[must_use]
    pub fn query<N: Into<String>, V: Into<String>>(mut self, query: impl IntoIterator<Item = (N, V)>) -> Self {
        self.query.extend(query.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// The same, with a JSON body.
    #[must_use]
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(Payload::Json(body));
        self
    }
}

/// A whole answer, not yet looked at.
pub(super) struct Fetched {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A handle to one daemon: cheap to clone, usable before the daemon is there and after it was away.
#[derive(Clone)]
pub struct Docker {
    inner: Arc<Inner>,
}

struct Inner {
    http: Client<Connector, AnyBody>,
    authority: String,
    /// The version in use, once it is agreed; forgotten when the daemon may have been replaced.
    version: Mutex<Option<ClientVersion>>,
    image_labels: ImageLabels,
    /// Held by whoever makes a network that others would make as well: Docker allows several of one name.
    networks: tokio::sync::Mutex<()>,
    metrics: Metrics,
}

impl Docker {
    /// Prepares a client; nothing is dialled yet.
    ///
    /// # Errors
    /// [`DockerError::Options`] for a host or certificates that cannot be used.
    pub fn new(options: &DockerOptions) -> Result<Self, DockerError> {
        Self::measured(options, Metrics::default())
    }

    /// The same, and `metrics` are told of what fails.
    ///
    /// # Errors
    /// The same.
    pub fn measured(options: &DockerOptions, metrics: Metrics) -> Result<Self, DockerError> {
        let connector = options.connector()?;
        let authority = connector.authority();
        let http = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                authority,
                version: Mutex::default(),
                image_labels: ImageLabels::default(),
                networks: tokio::sync::Mutex::default(),
                metrics,
            }),
        })
    }

    /// Sends one request and returns the daemon's answer as it came, whatever its status.
    ///
    /// # Errors
    /// [`DockerError`] when there is no answer.
    pub async fn call(&self, parts: &RequestParts) -> Result<Answer, DockerError> {
        Ok(self.fetch(parts).await?.into_answer())
    }

    /// What is known of the labels of images.
    pub(super) fn image_labels(&self) -> &ImageLabels {
        &self.inner.image_labels
    }

    /// Waits until nobody else makes a network that may be made once only.
    pub(crate) async fn networks(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.networks.lock().await
    }

    /// Whether the daemon answers within [`DAEMON_PING`].
    pub async fn is_up(&self) -> bool {
        let sign = tokio::time::timeout(DAEMON_PING, self.sign_of_life()).await;
        if sign.is_err() {
            self.inner.metrics.docker_error("silent");
        }
        matches!(sign, Ok(Ok(())))
    }

    /// Says that the daemon answers again, which was away for so long.
    pub fn is_back(&self, away: Duration) {
        self.inner.metrics.back(Peer::Docker);
        tracing::info!("Docker is back after {:.1} s", away.as_secs_f32());
    }

    /// Waits until the daemon answers (`GET /_ping`).
    ///
    /// # Errors
    /// [`DockerError::Down`] when it cannot be reached, or answers with an error.
    pub async fn sign_of_life(&self) -> Result<(), DockerError> {
        let answer = self.read(self.send(&RequestParts::new(Method::GET, ""), "/_ping").await?).await?;
        match answer.status {
            200..300 => Ok(()),
            status => Err(DockerError::Down(format!("the daemon answers its ping with {status}"))),
        }
    }

    /// Forgets the agreed version: the daemon went away and may come back as another.
    pub fn forget_version(&self) {
        *self.inner.version.lock().expect("never held across a panic") = None;
    }

    /// The API version in use, agreed with the daemon on first need.
    ///
    /// # Errors
    /// [`DockerError::Version`] when there is none that both speak, else [`DockerError::Down`].
    pub async fn version(&self) -> Result<ClientVersion, DockerError> {
        let known = *self.inner.version.lock().expect("never held across a panic");
        if let Some(version) = known {
            return Ok(version);
        }
        let answer = self.read(self.send(&RequestParts::new(Method::GET, ""), "/version").await?).await?;
        let told: Value = serde_json::from_slice(&answer.body)
            .map_err(|e| DockerError::Down(format!("what answers at DOCKER_HOST is no Docker daemon: {e}")))?;
        let read = |field: &str| told[field].as_str().and_then(read_version);
        let newest = read("ApiVersion")
            .ok_or_else(|| DockerError::Down("what answers at DOCKER_HOST is no Docker daemon".into()))?;
        let oldest = read("MinAPIVersion").unwrap_or(OLDEST);
        if newest < OLDEST || oldest > NEWEST {
            self.inner.metrics.docker_error("version");
            return Err(DockerError::Version(format!(
                "the daemon speaks API {}.{} to {}.{}, deblox {}.{} to {}.{}: update the older of the two",
                oldest.0, oldest.1, newest.0, newest.1, OLDEST.0, OLDEST.1, NEWEST.0, NEWEST.1
            )));
        }
        let (major_version, minor_version) = newest.min(NEWEST);
        let version = ClientVersion { major_version, minor_version };
        *self.inner.version.lock().expect("never held across a panic") = Some(version);
        Ok(version)
    }

    pub(super) async fn fetch(&self, parts: &RequestParts) -> Result<Fetched, DockerError> {
        let target = self.target(parts).await?;
        let response = self.send(parts, &target).await?;
        self.read(response).await
    }

    /// Path and query of `parts` as they go out, with the agreed version.
    pub(super) async fn target(&self, parts: &RequestParts) -> Result<String, DockerError> {
        let version = self.version().await?;
        let segment = parts.segment.as_deref().unwrap_or_default();
        let path = parts.path.replace("{}", &escape(segment));
        let mut target = format!("/v{version}{path}");
        if !parts.query.is_empty() {
            let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&parts.query).finish();
            target.push('?');
            target.push_str(&query);
        }
        Ok(target)
    }

    /// bollard on this client, with the agreed version.
    pub(super) async fn bollard(&self) -> Result<bollard::Docker, DockerError> {
        let version = self.version().await?;
        let docker = self.clone();
        let transport = move |request: BollardRequest| {
            let docker = docker.clone();
            async move {
                let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
                docker.request(request).await.map_err(|e| bollard::errors::Error::from(std::io::Error::other(e)))
            }
        };
        let address = format!("http://{}", self.inner.authority);
        bollard::Docker::connect_with_custom_transport(transport, Some(address), BEGIN_ANSWER.as_secs(), &version)
            .map_err(explain)
    }

    /// Sends method, headers and body of `parts` to `target`, which is path and query as they go out.
    pub(super) async fn send(&self, parts: &RequestParts, target: &str) -> Result<Response<Incoming>, DockerError> {
        self.send_with(parts, target, None).await
    }

    /// The same, with another body where there is one.
    pub(super) async fn send_with(
        &self,
        parts: &RequestParts,
        target: &str,
        stream: Option<AnyBody>,
    ) -> Result<Response<Incoming>, DockerError> {
        let uri = format!("http://{}{target}", self.inner.authority);
        let mut request = Request::builder().method(parts.method.clone()).uri(uri);
        for (name, value) in &parts.headers {
            request = request.header(name, value);
        }
        let bytes = match &parts.body {
            Some(Payload::Json(body)) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            Some(Payload::Raw(bytes)) => Bytes::copy_from_slice(bytes),
            None => Bytes::new(),
        };
        let whole = || Full::new(bytes).map_err(|never| match never {}).boxed_unsync();
        let request = request
            .body(stream.unwrap_or_else(whole))
            .map_err(|e| DockerError::Down(format!("not a valid request: {e}")))?;
        let response = self.request(request).await.map_err(|e| DockerError::Down(causes(&e)))?;
        match response.status() {
            // 304 says that there was nothing to do, such as at the start of what runs.
            StatusCode::NOT_MODIFIED => Ok(response),
            status if status.is_redirection() => Err(DockerError::Redirected(status.as_u16())),
            _ => Ok(response),
        }
    }

    /// All that is sent goes this way.
    async fn request(
        &self,
        request: Request<AnyBody>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        let response = self.inner.http.request(request).await;
        match &response {
            Ok(response) if !response.status().is_server_error() => {}
            Ok(_) => self.inner.metrics.docker_error("failed"),
            Err(_) => self.inner.metrics.docker_error("unreachable"),
        }
        response
    }

    pub(super) async fn read(&self, response: Response<Incoming>) -> Result<Fetched, DockerError> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES).collect().await.map_err(|e| {
            let is_large = e.is::<LengthLimitError>();
            self.inner.metrics.docker_error(if is_large { "too-large" } else { "unreachable" });
            if is_large { DockerError::TooLarge } else { DockerError::Down(causes(&*e)) }
        })?;
        Ok(Fetched { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
    }
}

impl Fetched {
    pub(super) fn header(&self, name: HeaderName) -> Option<String> {
        header(&self.headers, name)
    }

    pub(super) fn into_answer(self) -> Answer {
        let (content_type, date, length) = (self.header(CONTENT_TYPE), self.header(DATE), Some(self.body.len()));
        let body = Body::read(content_type.as_deref(), &self.body);
        Answer { status: self.status, content_type, date, length, body }
    }
}

pub(super) fn header(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// What bollard says, in deblox's terms.
pub(super) fn explain(error: bollard::errors::Error) -> DockerError {
    use bollard::errors::Error;
    match error {
        Error::DockerResponseServerError { status_code, message } => DockerError::Refused(status_code, message),
        Error::DockerStreamError { error } => DockerError::Refused(500, error),
        other => DockerError::Down(causes(&other)),
    }
}

/// An error with its causes, in one line. hyper keeps the telling part at the end of the chain.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    if root.to_string() == error.to_string() { error.to_string() } else { format!("{error}: {root}") }
}

/// One path segment as it is written in a URL.
pub fn escape(segment: &str) -> String {
    utf8_percent_encode(segment, SEGMENT).to_string()
}

fn read_version(text: &str) -> Option<(usize, usize)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
