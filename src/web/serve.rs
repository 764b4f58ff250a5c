//! Accepting connections, within limits: axum's own server has none.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client_address::TrustedProxies;
use super::keyed_limit::KeyedLimit;
use crate::auth::network;
use crate::protocol::limits::{CONNECTIONS, CONNECTIONS_PER_ADDRESS};

/// How long a connection may take to send the head of a request, and may be idle between two.
const HEAD: Duration = Duration::from_secs(15);

/// Bytes for the head of a request; a browser's cookies fit.
const HEAD_BYTES: usize = 64 * 1024;

/// How long calls that have begun are waited for, when told to stop; as a worker does.
pub(super) const GRACE: Duration = Duration::from_secs(20);

/// Pause when no connection can be accepted, because all files that may be open are.
const PAUSE: Duration = Duration::from_millis(100);

/// Where a call comes from, as far as trusted proxies say it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// Serves `router` until `stop` is cancelled. `proxies` are believed when they name the address of a client.
pub(super) async fn run(listener: TcpListener, router: Router, proxies: TrustedProxies, stop: CancellationToken) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let (proxies, shares) = (Arc::new(proxies), KeyedLimit::new(CONNECTIONS_PER_ADDRESS));
    let (connections, closing) = (TaskTracker::new(), CancellationToken::new());
    let accepting = async {
        while let Ok(place) = Arc::clone(&room).acquire_owned().await {
            let (stream, address) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "accepting");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            // To answer would hold the place that others need.
            let share = if proxies.trusts(address.ip()) { None } else { Some(shares.take(network(address.ip()))) };
            if matches!(share, Some(None)) {
                tracing::debug!(%address, "a connection was closed: the address has too many");
                continue;
            }
            let _ = stream.set_nodelay(true);
            let (router, proxies) = (TowerToHyperService::new(router.clone()), Arc::clone(&proxies));
            let service = service_fn(move |mut request: Request<Incoming>| {
                let client = proxies.client(address.ip(), request.headers());
                request.extensions_mut().insert(Peer(client));
                router.call(request)
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_buf_size(HEAD_BYTES)
                .serve_connection(TokioIo::new(stream), service)
                // A websocket is one.
                .with_upgrades();
            let closing = closing.clone();
            connections.spawn(async move {
                let mut connection = pin!(connection);
                let ended = tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = closing.cancelled() => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                };
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended");
                }
                drop((place, share));
            });
        }
    };
    stop.run_until_cancelled(accepting).await;
    drop(listener);
    closing.cancel();
    connections.close();
    if tokio::time::timeout(GRACE, connections.wait()).await.is_err() {
        tracing::warn!("the grace period is over; replies that are still waited for stay in Redis for a while");
    }
}
