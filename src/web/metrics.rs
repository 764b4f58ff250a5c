//! `GET /metrics` on a listener of its own, for Prometheus: whoever reaches the UI has no business with it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::client_address::TrustedProxies;
use super::{Node, guard, health, serve};
use crate::bus::{Bus, BusError};
use crate::metrics::{self, ClusterNow, Metrics};
use crate::protocol::Fqdn;

/// How long Redis may take to say how the cluster is: less than Prometheus waits for a scrape.
const REDIS: Duration = Duration::from_secs(2);

/// What a scrape is told.
#[derive(Debug)]
pub struct Scrape {
    /// What this process has counted.
    pub metrics: Metrics,
    /// Where to ask how the cluster is.
    pub bus: Bus,
    /// The dock whose worker runs in this process: it may look at its own stream and at the shared one.
    pub worker: Option<Fqdn>,
    /// Whether all docks are counted, which reads their records: for a node, not for each of many workers.
    pub docks: bool,
}

/// A listener for scrapes, which does not serve yet.
#[derive(Debug)]
pub struct MetricsServer {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl MetricsServer {
    /// Takes the address. Redis is asked with each scrape, and may be away.
    ///
    /// # Errors
    /// What the system says.
    pub async fn bind(address: SocketAddr, scrape: Scrape) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/metrics", get(scraped))
            .route("/healthz", get(health::alive))
            .layer(middleware::from_fn_with_state(guard::Headers { secure: false }, guard::apply))
            .with_state(Arc::new(scrape));
        Ok(Self { listener, address, router })
    }

    /// Serves until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        tracing::info!(address = %self.address, "serving metrics");
        serve::run(self.listener, self.router, TrustedProxies::default(), stop).await;
    }
}

async fn scraped(State(scrape): State<Arc<Scrape>>) -> Response {
    let now = tokio::time::timeout(REDIS, scrape.now()).await;
    let now = now.map_err(|_| None).and_then(|now| now.map_err(Some)).unwrap_or_else(|error| {
        tracing::debug!(error = error.map(tracing::field::display), "how the cluster is could not be read");
        ClusterNow::default()
    });
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], scrape.metrics.text(&now)).into_response()
}

impl Scrape {
    async fn now(&self) -> Result<ClusterNow, BusError> {
        self.bus.ping().await?;
        let mut now = ClusterNow { redis_up: true, ..ClusterNow::default() };
        if let Some(dock) = &self.worker {
            let time = self.bus.time().await?;
            for (name, dock) in [("shared", None), ("own", Some(dock))] {
                let queue = self.bus.queue_of(dock).await?;
                let oldest = queue.oldest.map_or(0, |sent| time.saturating_sub(sent));
                now.queues.push((name, queue.waiting as u64, Duration::from_millis(oldest)));
            }
        }
        if self.docks {
            let docks = self.bus.docks().await?;
            now.docks = Some(docks.values().map(|dock| (dock.state, dock.is_without_daemon())).collect());
        }
        Ok(now)
    }
}

/// Counts what a node is asked by HTTP.
pub(super) async fn count(State(node): State<Arc<Node>>, request: Request, next: Next) -> Response {
    let _in_hand = node.metrics.http_in_hand();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let (method, begun) = (request.method().clone(), Instant::now());
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    node.metrics.http(method.as_str(), route, response.status().as_u16(), begun.elapsed());
    response
}
