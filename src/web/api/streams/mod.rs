//! `GET /api/v1/streams`: any number of streams of the bus on one websocket.

mod messages;
mod relay;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::caller::Caller;
use super::problem::Problem;
use crate::protocol::limits::{CHUNK_BYTES, NODE_STREAMS, SOCKETS};
use crate::protocol::{Credential, ErrorCode};
use crate::web::Node;
use crate::web::fair_use::{Holder, Permit};
use crate::web::keyed_limit::KeyedLimit;
use crate::web::serve::Peer;

/// The largest message that is taken: a piece of input with what stands before it, or a request.
const MESSAGE_BYTES: usize = CHUNK_BYTES + 1024;

/// How soon a websocket notices that its session has ended; workers end its streams sooner.
const CHECK: Duration = Duration::from_secs(5);

/// How long sockets that end are waited for.
const LEAVING: Duration = Duration::from_secs(2);

/// The open websockets of a node.
#[derive(Debug)]
pub(in crate::web) struct Sockets {
    places: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    open: TaskTracker,
}

impl Default for Sockets {
    fn default() -> Self {
        let (places, streams) = (Arc::new(Semaphore::new(SOCKETS)), Arc::new(Semaphore::new(NODE_STREAMS)));
        Self { places, streams, open: TaskTracker::new() }
    }
}

impl Sockets {
    /// Places for streams, of which each has a connection of its own to Redis.
    pub(in crate::web) fn streams(&self) -> Arc<Semaphore> {
        Arc::clone(&self.streams)
    }

    /// Waits, a moment at most, until all have ended.
    pub(in crate::web) async fn ended(&self) {
        self.open.close();
        if tokio::time::timeout(LEAVING, self.open.wait()).await.is_err() {
            tracing::debug!("a websocket does not end");
        }
    }
}

/// Where a websocket gets the places for its streams from.
#[derive(Debug)]
struct Streams {
    /// Those of the node.
    all: Arc<Semaphore>,
    /// Those of each user, or each address.
    of_holder: Arc<KeyedLimit<Holder>>,
    /// Whose websocket it is.
    holder: Holder,
}

/// What a stream holds while it is open.
type Places = (OwnedSemaphorePermit, Permit);

impl Streams {
    /// Places for one more stream.
    fn take(&self) -> Option<Places> {
        let all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some((all, self.of_holder.take(self.holder.clone())?))
    }
}

/// Opens a websocket, on which the caller opens streams.
#[utoipa::path(get, path = "/streams", tag = "live", responses((status = 101, description = "a websocket: `{\"stream\": n, \"open\": {request}}` opens one, binary messages are u32 n, u8 channel, bytes"), (status = 401, body = Problem), (status = 403, body = Problem), (status = 429, body = Problem)))]
pub(in crate::web) async fn open(
    State(node): State<Arc<Node>>,
    Extension(Peer(peer)): Extension<Peer>,
    caller: Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|error| {
        Problem::named(error.status().as_u16(), "no-websocket", format!("this is for websockets: {error}"))
    })?;
    let share = node.fair_use.socket(caller.user(), peer)?;
    let Ok(place) = Arc::clone(&node.sockets.places).try_acquire_owned() else {
        return Err(Problem::new(ErrorCode::Busy, "this node has as many websockets open as it may: try another node"));
    };
    let streams = Streams {
        all: node.sockets.streams(),
        of_holder: node.fair_use.streams(),
        holder: Holder::of(caller.user(), peer),
    };
    // What it asks for in the course of hours is no part of the call that opened it.
    let (ended, credential) = (CancellationToken::new(), caller.credential.clone());
    let watch = watch_session(Arc::clone(&node), credential, ended.clone());
    let client = Caller { trace: None, ..caller }.client(&node);
    let (stop, tracked) = (node.closing.clone(), node.sockets.open.token());
    Ok(upgrade.max_message_size(MESSAGE_BYTES).max_frame_size(MESSAGE_BYTES).on_upgrade(move |socket| async move {
        tokio::select! {
            () = Box::pin(socket::run(socket, client, streams, (stop, ended))) => {}
            () = watch => {}
        }
        drop((place, share, tracked));
    }))
}

/// Cancels `ended` when the session or token of a websocket counts no more. Never returns.
async fn watch_session(node: Arc<Node>, credential: Option<Credential>, ended: CancellationToken) {
    while let Some(credential) = &credential {
        tokio::time::sleep(CHECK).await;
        match node.sessions.identify(credential).await {
            Ok(None) => {
                ended.cancel();
                break;
            }
            Ok(Some(_)) => {}
            // It counts until somebody says otherwise.
            Err(error) => tracing::debug!(%error, "whether a session still counts"),
        }
    }
    std::future::pending::<()>().await;
}
