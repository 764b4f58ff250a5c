//! Where spans go: a collector that takes OTLP, by HTTP and as protobuf, and never at anybody's cost.
//!
//! The SDK's own thread collects what has ended, at most `OTEL_BSP_MAX_QUEUE_SIZE` spans, and drops what is more. What it sends
//! goes through this program's runtime, as everything else does.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Uri;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use opentelemetry::{Key, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_PROTOCOL,
    OTEL_EXPORTER_OTLP_PROTOCOL_HTTP_PROTOBUF, OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_EXPORTER_OTLP_TIMEOUT_DEFAULT,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_HEADERS, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;

use crate::secrets::{self, SecretFileError};

/// What an answer of the collector may take: it says at most how many spans it has not liked, and why.
const ANSWER_BYTES: usize = 64 * 1024;

/// Why nothing is exported, though somebody wants it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error(
        "{OTEL_EXPORTER_OTLP_ENDPOINT} is no address of a collector: it must be http://HOST:PORT or https://HOST:PORT"
    )]
    Address,
    #[error(
        "the protocol `{0}` is not spoken here: set {OTEL_EXPORTER_OTLP_PROTOCOL} to `http/protobuf`, or to nothing"
    )]
    Protocol(String),
    #[error("no certificates are trusted: {0}")]
    Tls(#[source] io::Error),
    #[error("the headers for the collector cannot be used: {0}")]
    Headers(#[from] SecretFileError),
    #[error(transparent)]
    Exporter(#[from] ExporterBuildError),
}

/// What exports the spans of `service`, if the environment names a collector.
pub(super) fn provider(service: &'static str) -> Result<Option<SdkTracerProvider>, ExportError> {
    let address = variable(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT).or_else(|| variable(OTEL_EXPORTER_OTLP_ENDPOINT));
    let Some(address) = address.filter(|_| !is_disabled()) else { return Ok(None) };
    let protocol = variable(OTEL_EXPORTER_OTLP_TRACES_PROTOCOL).or_else(|| variable(OTEL_EXPORTER_OTLP_PROTOCOL));
    if let Some(other) = protocol.filter(|protocol| protocol != OTEL_EXPORTER_OTLP_PROTOCOL_HTTP_PROTOBUF) {
        return Err(ExportError::Protocol(other));
    }
    let exporter = SpanExporter::builder().with_http().with_shared_http_client(collector(&address)?);
    let mut exporter = exporter.with_headers(headers()?);
    // The exporter looks into the environment itself, where an address with a secret in it no longer is.
    if let Some(address) = secrets::hidden_variable(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) {
        exporter = exporter.with_endpoint(address);
    } else if let Some(address) = secrets::hidden_variable(OTEL_EXPORTER_OTLP_ENDPOINT) {
        exporter = exporter.with_endpoint(format!("{}/v1/traces", address.trim_end_matches('/')));
    }
    let exporter = exporter.build()?;
    Ok(Some(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource(service)).build()))
}

/// Set to nothing is not set.
fn variable(name: &str) -> Option<String> {
    secrets::variable(name).filter(|value| !value.is_empty())
}

/// What is sent along with the spans: from the environment, or from a file that it names. What is for traces alone comes first.
fn headers() -> Result<HashMap<String, String>, SecretFileError> {
    for name in [OTEL_EXPORTER_OTLP_TRACES_HEADERS, OTEL_EXPORTER_OTLP_HEADERS] {
        let text = match (variable(name), variable(&format!("{name}_FILE"))) {
            (Some(text), _) => text,
            (None, Some(file)) => secrets::read(Path::new(&file))?.reveal().to_owned(),
            (None, None) => continue,
        };
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        return Ok(pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect());
    }
    Ok(HashMap::new())
}

/// Whether the environment wants no spans: the SDK leaves that to the program.
fn is_disabled() -> bool {
    let disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    disabled || variable("OTEL_TRACES_EXPORTER").is_some_and(|exporter| exporter != "otlp")
}

/// What exports: `service`, unless the environment has another name for it.
fn resource(service: &'static str) -> Resource {
    let builder = || Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let told = builder().build();
    let name = told.get(&Key::from_static_str("service.name"));
    if name.is_some_and(|name| !name.as_str().starts_with("unknown_service")) {
        return told;
    }
    builder().with_service_name(service).build()
}

/// Speaks to the collector at `address`, with TLS where that says so: then it must show a certificate that the system trusts.
fn collector(address: &str) -> Result<Arc<dyn HttpClient>, ExportError> {
    let timeout = variable(OTEL_EXPORTER_OTLP_TRACES_TIMEOUT).or_else(|| variable(OTEL_EXPORTER_OTLP_TIMEOUT));
    let timeout = timeout.and_then(|millis| millis.parse().ok().map(Duration::from_millis));
    let timeout = timeout.unwrap_or(OTEL_EXPORTER_OTLP_TIMEOUT_DEFAULT);
    let url: Option<Uri> = address.parse().ok();
    match url.as_ref().filter(|url| url.host().is_some()).and_then(Uri::scheme_str) {
        Some("http") => Ok(Collector::through(HttpConnector::new(), timeout)),
        Some("https") => {
            let provider = rustls::crypto::ring::default_provider();
            let connector = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider);
            let connector = connector.map_err(ExportError::Tls)?.https_only().enable_http1().build();
            Ok(Collector::through(connector, timeout))
        }
        _ => Err(ExportError::Address),
    }
}

/// The collector, and whether it takes what it is sent.
#[derive(Debug)]
struct Collector<C> {
    client: Client<C, Full<Bytes>>,
    timeout: Duration,
    runtime: Handle,
    away: AtomicBool,
}

impl<C: Connect + Clone + Debug + Send + Sync + 'static> Collector<C> {
    fn through(connector: C, timeout: Duration) -> Arc<dyn HttpClient> {
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Arc::new(Self { client, timeout, runtime: Handle::current(), away: AtomicBool::new(false) })
    }
}

#[async_trait]
impl<C: Connect + Clone + Debug + Send + Sync + 'static> HttpClient for Collector<C> {
    /// Called on the thread of the SDK, which has no runtime.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, timeout, collector) = (self.client.clone(), self.timeout, place(request.uri()));
        let exchange = async move {
            let (head, body) = client.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(head, body))
        };
        let bounded =
            async move { tokio::time::timeout(timeout, exchange).await.unwrap_or_else(|late| Err(late.into())) };
        // Where the runtime has ended, so has the program.
        let sent = self.runtime.spawn(bounded).await?;
        match &sent {
            Ok(answer) if answer.status().is_success() => {
                if self.away.swap(false, Ordering::Relaxed) {
                    tracing::info!(collector, "the collector takes spans again");
                }
            }
            other => {
                if !self.away.swap(true, Ordering::Relaxed) {
                    let why =
                        other.as_ref().map_or_else(|error| explain(&**error), |answer| answer.status().to_string());
                    tracing::warn!(collector, why, "the collector takes no spans: they are lost until it does");
                }
            }
        }
        sent
    }
}

/// Where the collector is, without what a URL may hold beside that.
fn place(url: &Uri) -> String {
    let port = url.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme_str().unwrap_or_default(), url.host().unwrap_or_default(), url.path())
}

/// An error with what it comes from.
fn explain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| Error::source(*error));
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
