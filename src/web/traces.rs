//! The trace that a call by HTTP belongs to, and the call's own span.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;

use super::Node;
use crate::protocol::{TRACE_FIELDS, TraceContext};
use crate::traces::Span;

/// What is asked all the time by whatever watches over a node.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Follows the trace that a caller names, and leaves with the request what those are below which it sends. Files of the UI and
/// probes have no span.
pub(super) async fn follow(State(node): State<Arc<Node>>, mut request: Request, next: Next) -> Response {
    let named = named(request.headers());
    let method = request.method();
    let route = request.extensions().get::<MatchedPath>().filter(|route| is_call(method, route.as_str()));
    let span = route.map_or_else(Span::default, |route| {
        node.traces.serving(method.as_str(), route.as_str(), request.uri().path(), named.as_ref())
    });
    if let Some(trace) = span.context().or(named) {
        request.extensions_mut().insert(trace);
    }
    let response = next.run(request).await;
    span.responded(response.status().as_u16());
    response
}

fn is_call(method: &Method, route: &str) -> bool {
    let is_page = route == "/" && method != Method::POST;
    !is_page && !PROBES.contains(&route)
}

/// What the headers name; two of which one alone can be true name nothing.
fn named(headers: &HeaderMap) -> Option<TraceContext> {
    let [parent, state] = TRACE_FIELDS.map(|name| {
        let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        values.join(",")
    });
    TraceContext::read(parent.trim(), Some(state.trim()))
}
