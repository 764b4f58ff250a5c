//! HTTP on any node: the messages of the bus, in and out, for whatever cannot speak to Redis.
//!
//! A node keeps nothing: any number of them serve one bus, and each waits for all its replies on one connection.

mod api;
mod assets;
mod audit;
mod calls;
mod client_address;
mod cookies;
mod fair_use;
mod guard;
mod health;
mod keyed_limit;
mod login;
mod metrics;
mod origin;
mod serve;
mod traces;
mod view;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;
use utoipa::ToSchema;

use api::{Registry, Sockets};
pub use client_address::TrustedProxies;
use fair_use::FairUse;
pub use health::{Unready, ask_ready};
pub use metrics::{MetricsServer, Scrape};
use view::View;

use crate::auth::{Oidc, OidcError, OidcOptions, PasswordPolicy, Sessions};
use crate::bus::{BusError, Limits, RedisOptions};
use crate::client::Client;
use crate::metrics::Metrics;
use crate::protocol::limits::CALLS;
use crate::protocol::{ErrorCode, Failure};
use crate::traces::Traces;

/// What a node needs to know.
#[derive(Clone, Debug)]
pub struct WebOptions {
    /// The bus.
    pub redis: RedisOptions,
    /// The address that it listens at.
    pub listen: SocketAddr,
    /// When sessions end.
    pub limits: Limits,
    /// Where people log in, if that is an OpenID Connect provider.
    pub oidc: Option<OidcOptions>,
    /// Whether people have to log in.
    pub auth: Auth,
    /// What the host is called that it runs on.
    pub name: String,
    /// How browsers reach it, where that is not by its address.
    pub public_url: Option<Url>,
    /// The proxies that it believes when they name the address of a client.
    pub proxies: TrustedProxies,
    /// Which passwords people may choose.
    pub passwords: PasswordPolicy,
    /// What it counts.
    pub metrics: Metrics,
    /// Where its spans go.
    pub traces: Traces,
}

/// Whether whoever uses `/api/v1` has to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// No: whoever reaches the node may do anything, as with `POST /`.
    Open,
    /// Yes.
    Enforce,
}

impl WebOptions {
    /// Where it listens when nobody says otherwise: for this machine only, because whoever can call it can do anything.
    pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
}

/// Why a node does not serve.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The Redis options cannot be used.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The provider cannot be used at all.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// The address cannot be used.
    #[error("cannot listen at {0}: {1}; choose another address with --listen, such as 127.0.0.1:8081")]
    Listen(SocketAddr, #[source] io::Error),
}

/// A node that listens, and does not serve yet.
#[derive(Debug)]
pub struct Web {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    proxies: TrustedProxies,
    /// Ends what has no end of its own.
    closing: DropGuard,
    client: Client,
    sockets: Arc<Sockets>,
}

/// What the handlers share.
struct Node {
    client: Client,
    sessions: Sessions,
    oidc: Option<Oidc>,
    auth: Auth,
    name: String,
    public_url: Option<Url>,
    view: View,
    requests: Registry,
    recording: audit::Recording,
    metrics: Metrics,
    traces: Traces,
    sockets: Arc<Sockets>,
    passwords: PasswordPolicy,
    fair_use: FairUse,
    /// Cancelled when the node stops: what has no end of its own ends then.
    closing: CancellationToken,
    /// Places for calls that wait for their replies.
    room: Arc<Semaphore>,
}

impl Web {
    /// Takes the address. Redis is not asked for yet, and may be away at any time.
    ///
    /// # Errors
    /// [`WebError`].
    pub async fn bind(options: &WebOptions) -> Result<Self, WebError> {
        let client = Client::measured(&options.redis, options.metrics.clone())?;
        let sessions = Sessions::new(client.bus().clone(), options.limits.session_idle);
        let oidc = options.oidc.clone().map(|oidc| Oidc::new(oidc, client.bus().clone(), options.limits.clone()));
        let oidc = oidc.transpose()?;
        let fault = |error| WebError::Listen(options.listen, error);
        let listener = TcpListener::bind(options.listen).await.map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        let (closing, sockets) = (CancellationToken::new(), Arc::<Sockets>::default());
        let node = Arc::new(Node {
            view: View::new(client.bus().clone(), &closing),
            client: client.clone(),
            sessions,
            oidc,
            auth: options.auth,
            name: options.name.clone(),
            public_url: options.public_url.clone(),
            requests: Registry::default(),
            recording: audit::Recording::default(),
            metrics: options.metrics.clone(),
            traces: options.traces.clone(),
            sockets: Arc::clone(&sockets),
            passwords: options.passwords,
            fair_use: FairUse::default(),
            closing: closing.clone(),
            room: Arc::new(Semaphore::new(CALLS)),
        });
        let router = Router::new()
            .nest(api::BASE, api::router())
            .route("/", post(calls::call))
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready))
            .route("/auth/me", get(login::whose))
            .route("/auth/logout", post(login::log_out))
            .route("/auth/oidc/login", get(login::begin))
            .route(OidcOptions::CALLBACK, get(login::finish))
            .fallback(elsewhere)
            // `GET /` is the UI's.
            .method_not_allowed_fallback(elsewhere)
            .layer(middleware::from_fn_with_state(Arc::clone(&node), audit::record))
            .layer(middleware::from_fn_with_state(Arc::clone(&node), traces::follow))
            .layer(middleware::from_fn_with_state(Arc::clone(&node), metrics::count))
            // The outermost: nothing is answered without its headers.
            .layer(middleware::from_fn_with_state(guard::Headers { secure: node.is_secure() }, guard::apply))
            .with_state(node);
        let proxies = options.proxies.clone();
        Ok(Self { listener, address, router, proxies, closing: closing.drop_guard(), client, sockets })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is cancelled; then it finishes what it has begun, as far as that takes no longer than
    /// 20 s, as a worker does.
    pub async fn run(self, stop: CancellationToken) {
        // Each caller is a connection; the usual limit of open files is meant for programs that wait for a few.
        if let Err(error) = rlimit::increase_nofile_limit(rlimit::INFINITY) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
        tracing::info!(address = %self.address, "serving HTTP");
        let closing = self.closing.disarm();
        let stopped = stop.clone();
        tokio::spawn(async move {
            stopped.cancelled().await;
            closing.cancel();
        });
        serve::run(self.listener, self.router, self.proxies, stop).await;
        // The workers of streams that were open are told that nobody reads them.
        self.sockets.ended().await;
        self.client.leave().await;
    }
}

/// What no route is for: a page or another file of the UI, or nothing.
async fn elsewhere(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    assets::serve(&method, &uri, &headers).unwrap_or_else(|| nothing_there(&method, &uri))
}

fn nothing_there(method: &Method, uri: &Uri) -> Response {
    let path: String = uri.path().chars().take(60).collect();
    let message = format!(
        "there is no {method} {path}: requests go to POST /, the API is at /api/v1, and GET has /healthz and /readyz"
    );
    calls::refuse(Failure::new(ErrorCode::NotFound, message))
}
