//! What a daemon's answer means: a result, or a failure with a stable code.

use super::{Action, Context, Plain, Target};
use crate::docker::{DockerError, RequestParts};
use crate::protocol::{Answer, ErrorCode, Failure};

impl Plain {
    /// Makes the call that the table describes.
    pub(super) async fn call(&self, action: &Action, context: &Context<'_>) -> Result<Answer, Failure> {
        let named = context.instance.map(str::to_owned);
        let segment = named.or_else(|| context.arguments.text("image").map(str::to_owned));
        let fixed = self.query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let asked = action
            .fields
            .iter()
            .filter_map(|field| Some((field.query?.to_owned(), context.arguments.query(field.name)?)));
        let parts = RequestParts {
            method: self.method.clone(),
            path: self.path,
            segment,
            query: fixed.chain(asked).collect(),
            body: None,
        };
        Ok(context.docker.call(&parts).await?)
    }
}

/// Passes an answer on, or makes a failure of one that says so itself (status 400 and above).
pub(super) fn judge(answer: Answer, target: Target) -> Result<Answer, Failure> {
    if answer.status < 400 {
        return Ok(answer);
    }
    let message = answer.text_field("message").unwrap_or_else(|| format!("the daemon answered {}", answer.status));
    let mut failure = refused(answer.status, message, target);
    failure.answer = Some(Box::new(answer));
    Err(failure)
}

/// The code for what a daemon refused.
pub(super) fn refused(status: u16, message: String, target: Target) -> Failure {
    let code = match status {
        404 if message.to_ascii_lowercase().contains("no such image") => ErrorCode::NoSuchImage,
        404 if target == Target::Instance => ErrorCode::NoSuchInstance,
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
