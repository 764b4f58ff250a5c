//! One question to the provider: a connection of its own, no redirects, and bounds on time and size.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper_util::rt::TokioIo;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use url::{Host, Url};

use super::options::is_safe;
use crate::protocol::limits::{PROVIDER_ANSWER, PROVIDER_ANSWER_BYTES};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("what it names as an address is none, or not https")]
    Address,
    #[error("{}", explain(.0))]
    Connect(#[source] io::Error),
    #[error("the connection broke off")]
    Http(#[source] hyper::Error),
    #[error("its answer is larger than {} KiB", PROVIDER_ANSWER_BYTES / 1024)]
    Large,
    #[error("its answer broke off")]
    Body,
    #[error("it has not answered within {} s", PROVIDER_ANSWER.as_secs())]
    Time,
}

/// Asks the provider.
#[derive(Clone)]
pub(super) struct Fetcher {
    tls: Arc<ClientConfig>,
}

trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

impl Fetcher {
    /// Trusts what the system trusts.
    pub(super) fn new() -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        for cert in rustls_native_certs::load_native_certs().certs {
            // One odd certificate in the system's store is no reason to trust none.
            let _ = roots.add(cert);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Self { tls: Arc::new(config.with_root_certificates(roots).with_no_client_auth()) })
    }

    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| FetchError::Address)?;
        if !is_safe(&url) {
            return Err(FetchError::Address);
        }
        let stream = self.connect(&url).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(FetchError::Http)?;
        let exchange = async {
            let response = sender.send_request(prepare(request, &url)?).await.map_err(FetchError::Http)?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, PROVIDER_ANSWER_BYTES)
                .collect()
                .await
                .map_err(|error| if error.is::<LengthLimitError>() { FetchError::Large } else { FetchError::Body })?;
            Ok(HttpResponse::from_parts(head, body.to_bytes().to_vec()))
        };
        tokio::pin!(exchange, connection);
        tokio::select! {
            answer = &mut exchange => answer,
            // It ends when the provider has closed it; what has arrived can be read all the same.
            _ = &mut connection => exchange.await,
        }
    }

    async fn connect(&self, url: &Url) -> Result<Box<dyn Transport>, FetchError> {
        let host = match url.host().ok_or(FetchError::Address)? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let port = url.port_or_known_default().ok_or(FetchError::Address)?;
        let tcp = TcpStream::connect((host.as_str(), port)).await.map_err(FetchError::Connect)?;
        tcp.set_nodelay(true).map_err(FetchError::Connect)?;
        if url.scheme() == "http" {
            return Ok(Box::new(tcp));
        }
        let name = ServerName::try_from(host).map_err(|_| FetchError::Address)?;
        let tls = tokio_rustls::TlsConnector::from(Arc::clone(&self.tls));
        Ok(Box::new(tls.connect(name, tcp).await.map_err(FetchError::Connect)?))
    }
}

impl<'c> AsyncHttpClient<'c> for Fetcher {
    type Error = FetchError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, FetchError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            match tokio::time::timeout(PROVIDER_ANSWER, self.fetch(request)).await {
                Ok(answer) => answer,
                Err(_) => Err(FetchError::Time),
            }
        })
    }
}

/// The request as it stands on a connection to where it goes.
fn prepare(request: HttpRequest, url: &Url) -> Result<hyper::Request<Full<Bytes>>, FetchError> {
    let (mut head, body) = request.into_parts();
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    head.uri = path.parse().map_err(|_| FetchError::Address)?;
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    head.headers.insert(HOST, HeaderValue::from_str(authority).map_err(|_| FetchError::Address)?);
    head.headers.insert(USER_AGENT, HeaderValue::from_static(concat!("deblox/", env!("CARGO_PKG_VERSION"))));
    Ok(hyper::Request::from_parts(head, Full::new(Bytes::from(body))))
}

/// The error in a person's words.
fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there (connection refused)".to_owned(),
        _ => error.to_string(),
    }
}
