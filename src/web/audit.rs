//! What the node itself has refused for who asked: it is recorded, as workers record what they refuse.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Semaphore;

use super::serve::Peer;
use super::{Node, calls, cookies};
use crate::metrics::Recorded;
use crate::protocol::{AccountName, AuditRecord, Credential, ErrorCode};

/// How many refusals are recorded at the same time; further ones are counted as lost.
const AT_ONCE: usize = 64;

/// The action of what is refused before it is known which action it is.
const ACTION: &str = "http";

/// Goes with a response that somebody else has recorded.
#[derive(Clone, Copy, Debug)]
pub(super) struct InAudit;

/// Places for records that are being written.
#[derive(Debug)]
pub(super) struct Recording(Arc<Semaphore>);

impl Default for Recording {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// Records that a call was refused for who made it. The caller does not wait for that.
pub(super) async fn record(State(node): State<Arc<Node>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let peer = request.extensions().get::<Peer>().copied();
    let method = request.method().clone();
    let shown = calls::credential(request.headers()).ok().flatten();
    let shown = shown.or_else(|| cookies::session(request.headers(), node.is_secure()).map(Credential::Session));
    let response = next.run(request).await;
    let error = match response.status() {
        StatusCode::UNAUTHORIZED => ErrorCode::Unauthenticated,
        StatusCode::FORBIDDEN => ErrorCode::Forbidden,
        _ => return response,
    };
    if response.extensions().get::<InAudit>().is_some() {
        return response;
    }
    let Ok(place) = Arc::clone(&node.recording.0).try_acquire_owned() else {
        node.metrics.recorded(Recorded::Lost);
        return response;
    };
    tokio::spawn(async move {
        let whose = match &shown {
            Some(shown) if error == ErrorCode::Forbidden => node.sessions.identify(shown).await.ok().flatten(),
            _ => None,
        };
        let about = format!("{method} {}", route.as_ref().map_or("other", MatchedPath::as_str));
        let address = peer.map(|Peer(address)| address.to_string());
        let record = AuditRecord {
            action: ACTION,
            user: whose.as_ref().map(|whose| whose.username.as_str()),
            token: whose.as_ref().and_then(|whose| whose.token.as_ref()).map(AccountName::as_str),
            address: address.as_deref(),
            about: Some(&about),
            status: Some(error.status()),
            error: Some(error.as_str()),
            ..AuditRecord::default()
        };
        node.client.bus().audit(&record).await;
        drop(place);
    });
    response
}
