//! Errors, as RFC 9457 has them.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::bus::BusError;
use crate::client::{ClientError, Reply};
use crate::protocol::{ErrorCode, Failure};
use crate::web::audit::InAudit;
use crate::web::calls::explain;

/// Why something was not done (RFC 9457, `application/problem+json`).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(in crate::web) struct Problem {
    /// Always `about:blank`: `code` tells problems apart.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    pub(in crate::web) status: u16,
    /// What happened and what to do about it, in a sentence.
    pub(in crate::web) detail: String,
    /// The stable name of the error, such as `forbidden`.
    pub(in crate::web) code: String,
    /// The request, where it was one of the bus.
    pub(in crate::web) request_id: Option<String>,
    /// The dock that answered.
    pub(in crate::web) dock: Option<String>,
    /// Whether it is in the audit.
    #[serde(skip)]
    recorded: bool,
    /// With the status 429, after how many seconds another try makes sense.
    #[serde(skip)]
    #[cfg_attr(test, ts(skip))]
    pub(in crate::web) retry_after: u64,
}

impl Problem {
    /// A problem of the node itself.
    pub(in crate::web) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::named(code.status(), code.as_str(), detail)
    }

    /// A problem with a name that no worker gives.
    pub(in crate::web) fn named(status: u16, code: &str, detail: impl Into<String>) -> Self {
        let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        Self {
            kind: "about:blank".to_owned(),
            title: title.unwrap_or("Error").to_owned(),
            status,
            detail: detail.into(),
            code: code.to_owned(),
            request_id: None,
            dock: None,
            recorded: false,
            retry_after: 1,
        }
    }

    /// The same, worth another try after that many seconds.
    #[must_use]
    pub(in crate::web) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: seconds.max(1), ..self }
    }

    /// What a worker has refused.
    pub(in crate::web) fn refused(reply: &Reply, request_id: &str) -> Self {
        let status = if reply.status() < 400 { 502 } else { reply.status() };
        let detail = reply.message().unwrap_or("the daemon refused it");
        let problem = Self::named(status, reply.error().unwrap_or("docker-error"), detail);
        Self { dock: reply.dock().map(str::to_owned), recorded: true, ..problem }.about(request_id)
    }

    /// The same, which somebody has recorded in the audit.
    #[must_use]
    pub(in crate::web) fn in_audit(self) -> Self {
        Self { recorded: true, ..self }
    }

    /// The same, with the request it is about.
    #[must_use]
    pub(in crate::web) fn about(self, request_id: &str) -> Self {
        Self { request_id: Some(request_id.to_owned()), ..self }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::named(failure.status(), failure.code.as_str(), failure.message)
    }
}

impl From<BusError> for Problem {
    fn from(error: BusError) -> Self {
        let code = if error.is_forbidden() { ErrorCode::Forbidden } else { ErrorCode::BusDown };
        Self::new(code, error.to_string())
    }
}

impl From<&ClientError> for Problem {
    fn from(error: &ClientError) -> Self {
        explain(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let head = [(CONTENT_TYPE, "application/problem+json"), (CACHE_CONTROL, "no-store")];
        let json = serde_json::to_string(&self).expect("texts and numbers become JSON");
        let retry = (status == StatusCode::TOO_MANY_REQUESTS).then(|| [(RETRY_AFTER, self.retry_after.to_string())]);
        let mut response = (status, head, retry.map(AppendHeaders), json).into_response();
        if self.recorded {
            response.extensions_mut().insert(InAudit);
        }
        response
    }
}
