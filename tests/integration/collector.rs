//! A collector of traces, as far as a program that exports can tell: it takes OTLP by HTTP, and remembers what came.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use rcgen::CertifiedKey;
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::until;
use crate::witness::produced;

/// A span, as it was exported.
#[derive(Clone, Debug)]
pub struct Span {
    pub resource: BTreeMap<String, String>,
    pub name: String,
    /// As OTLP numbers them: 1 internal, 2 server, 5 consumer.
    pub kind: i32,
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub attributes: BTreeMap<String, String>,
    /// When it began and ended, in nanoseconds.
    pub times: (u64, u64),
    /// As OTLP numbers them: 0 unset, 2 error.
    pub status: i32,
}

impl Span {
    /// The value of an attribute, as text.
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// As a `traceparent` names it.
    pub fn context(&self) -> String {
        format!("00-{}-{}-01", self.trace, self.id)
    }
}

/// What it remembers.
#[derive(Debug, Default)]
struct Taken {
    spans: Vec<Span>,
    headers: BTreeMap<String, String>,
}

/// A collector, which ends when it is dropped.
pub struct Collector {
    pub endpoint: String,
    /// The certificate that it shows, where it speaks TLS.
    certificate: Option<NamedTempFile>,
    taken: Arc<Mutex<Taken>>,
    task: AbortHandle,
}

impl Collector {
    pub async fn start() -> Self {
        Self::with(None).await
    }

    /// One that speaks TLS.
    pub async fn with_tls() -> Self {
        Self::with(Some(rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate"))).await
    }

    /// One that accepts connections, and answers nothing.
    pub async fn that_hangs() -> Self {
        let (listener, endpoint) = listen("http", "127.0.0.1").await;
        let hangs = async move {
            let mut held = Vec::new();
            while let Ok(accepted) = listener.accept().await {
                held.push(accepted);
            }
        };
        Self { endpoint, certificate: None, taken: Arc::default(), task: tokio::spawn(hangs).abort_handle() }
    }

    async fn with(made: Option<CertifiedKey<rcgen::KeyPair>>) -> Self {
        let taken = Arc::<Mutex<Taken>>::default();
        let (scheme, name) = made.as_ref().map_or(("http", "127.0.0.1"), |_| ("https", "localhost"));
        let (listener, endpoint) = listen(scheme, name).await;
        let certificate = made.as_ref().map(|made| {
            let file = NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), made.cert.pem()).expect("it is written");
            file
        });
        let acceptor = made.as_ref().map(acceptor);
        let serving = Arc::clone(&taken);
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, taken) = (acceptor.clone(), Arc::clone(&serving));
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, taken).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, taken).await;
                            }
                        }
                    }
                });
            }
        };
        Self { endpoint, certificate, taken, task: tokio::spawn(serve).abort_handle() }
    }

    /// Has a program export to it, and at once.
    pub fn takes_from(&self, command: &mut Command) {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &self.endpoint).env("OTEL_BSP_SCHEDULE_DELAY", "50");
        command.envs(self.certificate.iter().map(|file| ("SSL_CERT_FILE", file.path())));
    }

    /// All that has come.
    pub fn spans(&self) -> Vec<Span> {
        self.taken.lock().expect("no panic").spans.clone()
    }

    /// A header of what came last.
    pub fn header(&self, name: &str) -> String {
        self.taken.lock().expect("no panic").headers.get(name).cloned().unwrap_or_default()
    }

    /// Waits for the one span that is as `wanted`.
    pub async fn span(&self, what: &str, wanted: impl Fn(&Span) -> bool) -> Span {
        until(&format!("the span {what}"), async || {
            let mut found = self.spans().into_iter().filter(|span| wanted(span));
            let first = found.next();
            let more: Vec<Span> = found.collect();
            assert!(more.is_empty(), "{what} is there several times: {first:#?} {more:#?}");
            first
        })
        .await
    }

    /// Waits for the span of that name below another.
    pub async fn below(&self, above: &Span, name: &str) -> Span {
        self.span(name, |span| span.parent == above.id && span.trace == above.trace && span.name == name).await
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(scheme: &str, name: &str) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, format!("{scheme}://{name}:{port}"))
}

fn acceptor(made: &CertifiedKey<rcgen::KeyPair>) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).expect("a certificate and its key");
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, taken: Arc<Mutex<Taken>>) {
    let service = service_fn(|request: Request<Incoming>| take(request, &taken));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn take(request: Request<Incoming>, taken: &Mutex<Taken>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/v1/traces"));
    assert_eq!(head.headers["content-type"], "application/x-protobuf");
    let body = body.collect().await.expect("a whole body").to_bytes();
    let exported = ExportTraceServiceRequest::decode(body).expect("it is what OTLP calls it");
    // No secret may be in it.
    produced("spans", format!("{exported:?}"));
    let mut taken = taken.lock().expect("no panic");
    taken.headers =
        head.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned())).collect();
    for of_resource in exported.resource_spans {
        let resource = attributes(of_resource.resource.expect("a resource").attributes);
        for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            taken.spans.push(Span {
                resource: resource.clone(),
                name: span.name,
                kind: span.kind,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: attributes(span.attributes),
                times: (span.start_time_unix_nano, span.end_time_unix_nano),
                status: span.status.map_or(0, |status| status.code),
            });
        }
    }
    Ok(Response::new(Full::from(ExportTraceServiceResponse::default().encode_to_vec())))
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    pairs.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("it fits");
        text
    })
}
