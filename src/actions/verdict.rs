//! What a daemon's answer means: a result, or a failure with a stable code.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Action, Context, Place, Plain, Subject, Target};
use crate::docker::{DockerError, Method, Payload, RequestParts};
use crate::protocol::limits::DAEMON_CALL;
use crate::protocol::{Answer, ErrorCode, Failure};

impl Plain {
    /// Makes the call that the table describes.
    pub(super) async fn call(&self, action: &Action, context: &Context<'_>) -> Result<Answer, Failure> {
        ask(context, &self.parts(action, context)).await
    }

    /// What its stream is about.
    pub(super) fn subject(&self) -> Subject {
        self.fails_as.map_or(Subject::Nothing, Subject::Messages)
    }

    /// The call itself.
    pub(super) fn parts(&self, action: &Action, context: &Context<'_>) -> RequestParts {
        let fixed = self.query.iter().copied();
        let mut parts = RequestParts::new(self.method.clone(), self.path).query(fixed);
        if let Some(id) = context.instance {
            match self.instance {
                Place::Query(name) => parts.query.push((name.to_owned(), id.to_owned())),
                Place::Body(name) => fill(&mut parts.body, name, Value::from(id)),
                Place::Path | Place::Nowhere => parts.segment = Some(id.to_owned()),
            }
        }
        for field in action.fields {
            let Some(value) = context.arguments.get(field.name) else { continue };
            match field.place {
                Place::Nowhere => {}
                Place::Path => parts.segment = value.as_str().map(str::to_owned),
                Place::Query(name) => {
                    parts.query.retain(|(fixed, _)| fixed != name);
                    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                    parts.query.extend(values.iter().map(|value| (name.to_owned(), in_query(value))));
                }
                Place::Body(name) => fill(&mut parts.body, name, value.clone()),
            }
        }
        parts
    }
}

fn fill(body: &mut Option<Payload>, name: &str, value: Value) {
    if let Payload::Json(Value::Object(object)) = body.get_or_insert_with(|| Payload::Json(Value::Object(Map::new()))) {
        object.insert(name.to_owned(), value);
    }
}

/// Calls the daemon; before a call that has an effect, it must answer and the request must still be this worker's.
pub(super) async fn ask(context: &Context<'_>, parts: &RequestParts) -> Result<Answer, Failure> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(context.docker.call(parts).await?);
    }
    context.admit().await?;
    context.docker.call(parts).await.map_err(broken)
}

/// A call that has an effect and whose answer did not come.
pub(super) fn broken(error: DockerError) -> Failure {
    match error {
        DockerError::Down(why) => {
            let message = format!(
                "the Docker daemon was lost while it worked ({why}): whether it took effect is not known, so look \
                 before you send it again"
            );
            Failure::new(ErrorCode::Interrupted, message)
        }
        other => other.into(),
    }
}

/// A call that does not wait as long as a pull may: a daemon that hangs is to be noticed.
pub(super) async fn call(context: &Context<'_>, parts: &RequestParts) -> Result<Answer, Failure> {
    call_within(context, parts, DAEMON_CALL).await
}

/// The same for a call that may itself take a while.
pub(super) async fn call_within(
    context: &Context<'_>,
    parts: &RequestParts,
    limit: Duration,
) -> Result<Answer, Failure> {
    match tokio::time::timeout(limit, ask(context, parts)).await {
        Ok(answer) => answer,
        Err(_) => {
            let message = format!(
                "the daemon did not answer within {} s; whether it did what it was asked is not known",
                limit.as_secs()
            );
            Err(Failure::new(ErrorCode::Timeout, message))
        }
    }
}

/// A value as Docker takes it in a query.
fn in_query(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Passes an answer on, or makes a failure of one that says so itself (status 300 and above, but for 304, which says that there was nothing to do).
pub(super) fn judge(answer: Answer, target: Target) -> Result<Answer, Failure> {
    if matches!(answer.status, 0..300 | 304) {
        return Ok(answer);
    }
    let message = answer.text_field("message").unwrap_or_else(|| format!("the daemon answered {}", answer.status));
    let mut failure = refused(answer.status, message, target);
    failure.answer = Some(Box::new(answer));
    Err(failure)
}

/// The code for an image that could not be fetched or sent, with the status that the daemon gave.
pub(super) fn from_registry(code: ErrorCode, status: u16) -> ErrorCode {
    if status == 404 && code == ErrorCode::PullFailed { ErrorCode::NoSuchImage } else { code }
}

/// The code for what a daemon refused.
pub(super) fn refused(status: u16, message: String, target: Target) -> Failure {
    let code = match status {
        404 if message.to_ascii_lowercase().contains("no such image") => ErrorCode::NoSuchImage,
        // A network, for example, may be missing too.
        404 if target == Target::Instance && message.to_ascii_lowercase().contains("no such container") => {
            ErrorCode::NoSuchInstance
        }
        409 => ErrorCode::Conflict,
        _ if message.contains("port is already allocated") || message.contains("address already in use") => {
            ErrorCode::Conflict
        }
        _ => ErrorCode::DockerError,
    };
    Failure::new(code, message)
}

impl From<DockerError> for Failure {
    fn from(error: DockerError) -> Self {
        match error {
            DockerError::Refused(status, message) => refused(status, message, Target::Daemon),
            DockerError::TooLarge => {
                Self::new(ErrorCode::AnswerTooLarge, format!("{error}: ask for less, with filters or a shorter tail"))
            }
            DockerError::Redirected(_) => Self::new(ErrorCode::DockerError, error.to_string()),
            DockerError::Down(why) => Self::new(
                ErrorCode::DaemonDown,
                format!(
                    "the Docker daemon cannot be reached ({why}); is it running, and may the worker use its socket?"
                ),
            ),
            DockerError::Options(why) | DockerError::Version(why) => Self::new(ErrorCode::DaemonDown, why),
        }
    }
}

impl From<crate::bus::BusError> for Failure {
    fn from(error: crate::bus::BusError) -> Self {
        Self::new(ErrorCode::Internal, format!("the shared records could not be used: {error}"))
    }
}
