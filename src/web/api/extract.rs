//! What a call says, read with an error that names the field.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::protocol::ErrorCode;
use crate::protocol::limits::REQUEST_BYTES;
use crate::web::calls::BODY;

/// A body of JSON. Only with its content type: a form of another site could not send that.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/json") {
            return Err(Problem::named(
                415,
                "unsupported-media-type",
                "the body must be JSON, with `Content-Type: application/json`",
            ));
        }
        let body = tokio::time::timeout(BODY, to_bytes(request.into_body(), REQUEST_BYTES)).await;
        let late =
            |_| Problem::new(ErrorCode::Expired, format!("the body has not arrived within {} s", BODY.as_secs()));
        let body = body.map_err(late)?.map_err(|_| {
            Problem::new(
                ErrorCode::PayloadTooLarge,
                format!("the body is larger than {REQUEST_BYTES} bytes, or broke off"),
            )
        })?;
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            let code = if error.is_data() { ErrorCode::BadField } else { ErrorCode::BadJson };
            Problem::new(code, format!("the body is not valid: {error}"))
        })
    }
}

/// What stands behind the question mark.
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        query.map(|axum::extract::Query(query)| Self(query)).map_err(|error| {
            Problem::new(ErrorCode::BadField, format!("the query is not valid: {}", error.body_text()))
        })
    }
}
