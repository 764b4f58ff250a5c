//! Who calls the API.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::look;
use super::problem::Problem;
use crate::client::Client;
use crate::protocol::{Access, Credential, ErrorCode, Ownership, Session, Subject, TraceContext};
use crate::web::calls::credential;
use crate::web::cookies;
use crate::web::view::SeenDock;
use crate::web::{Auth, Node};

/// Who calls, known and not a page of another site.
#[derive(Clone, Debug)]
pub(in crate::web) struct Caller {
    /// What the workers are shown.
    pub(in crate::web) credential: Option<Credential>,
    /// Whose it is; nobody's where nobody has to log in.
    pub(in crate::web) session: Option<Session>,
    /// The trace that the call belongs to.
    pub(in crate::web) trace: Option<TraceContext>,
}

impl FromRequestParts<Arc<Node>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Problem> {
        check_site(node, &parts.headers)?;
        let trace = parts.extensions.get().cloned();
        let bearer = credential(&parts.headers)?;
        let shown =
            bearer.clone().or_else(|| cookies::session(&parts.headers, node.is_secure()).map(Credential::Session));
        let session = match &shown {
            Some(shown) => node.sessions.identify(shown).await?,
            None => None,
        };
        if let Some(session) = session {
            return Ok(Self { credential: shown, session: Some(session), trace });
        }
        // A cookie that has ended stands in nobody's way there.
        if bearer.is_none() && auth(node).await? == Auth::Open {
            return Ok(Self { credential: None, session: None, trace });
        }
        Err(Problem::new(ErrorCode::Unauthenticated, "log in first, or again: the session has ended"))
    }
}

/// Whether whoever asks has to log in: if the node was told so, and wherever a worker asks who it is. What workers would show
/// to nobody a node must not show to everybody because one of its options was forgotten.
pub(super) async fn auth(node: &Node) -> Result<Auth, Problem> {
    if node.auth == Auth::Open {
        drop(look(node).await?);
    }
    Ok(auth_now(node))
}

/// The same by what is known now.
pub(super) fn auth_now(node: &Node) -> Auth {
    let enforces = |seen: &SeenDock| seen.dock.record.facts.as_ref().is_some_and(|facts| facts.enforces);
    let asks = node.auth == Auth::Enforce || node.view.look().docks.values().any(enforces);
    if asks { Auth::Enforce } else { Auth::Open }
}

/// Refuses what a page of another site has the browser send.
pub(super) fn check_site(node: &Node, headers: &HeaderMap) -> Result<(), Problem> {
    if !node.is_own(headers) {
        return Err(Problem::new(ErrorCode::Forbidden, "a page of another site may not call this"));
    }
    if node.auth == Auth::Open && !node.is_called_so(headers) {
        let message =
            "this node does not know that name: call it by its address, or say with --public-url how it is reached";
        return Err(Problem::new(ErrorCode::Forbidden, message));
    }
    Ok(())
}

impl Caller {
    /// The client whose requests are the caller's.
    pub(in crate::web) fn client(&self, node: &Node) -> Client {
        let client = self.credential.iter().cloned().fold(node.client.clone(), Client::with_credential);
        self.trace.iter().cloned().fold(client, Client::with_trace)
    }

    /// Its name.
    pub(in crate::web) fn user(&self) -> Option<&str> {
        self.session.as_ref().map(|session| session.username.as_str())
    }

    /// Whether it may do that; where nobody has to log in, everybody may.
    pub(in crate::web) fn may(&self, access: Access, subject: Subject<'_>) -> bool {
        self.session.as_ref().is_none_or(|session| session.may(access, subject))
    }

    /// Whether it sees the instance with that owner, about which that was said.
    pub(in crate::web) fn sees(&self, (owner, said): (Option<&str>, Option<&Ownership>)) -> bool {
        self.may(Access::View, Subject::Instance(owner, said))
    }
}
