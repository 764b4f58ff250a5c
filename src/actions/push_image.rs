//! `push-image`: sends an image to its registry.

use super::verdict::{broken, judge};
use super::{Context, Outcome, Streaming, Subject, Target};
use crate::docker::{DockerError, Way, push_call};
use crate::protocol::{Answer, ErrorCode, Failure};

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let image = context.arguments.text("image").unwrap_or_default();
    if context.arguments.flag("stream") {
        let push = push_call(image, context.arguments.get("credentials"));
        let about = Subject::Messages(ErrorCode::PushFailed);
        let streaming = Streaming::begin(context, &push, Way::Down, about).await?;
        return Ok(Outcome::streams(streaming));
    }
    context.admit().await?;
    let push = push_call(image, context.arguments.get("credentials"));
    match context.docker.move_image(&push).await {
        Ok(Ok(messages)) => Ok(Outcome::Answer(Answer::json(&messages))),
        Ok(Err(refused)) => judge(refused, Target::Daemon)
            .map_err(|failure| Subject::Messages(ErrorCode::PushFailed).failure(failure))
            .map(Outcome::Answer),
        Err(DockerError::Refused(_, why)) => {
            let message = format!("image `{image}` could not be sent from {}: {}", context.dock, why.trim());
            Err(Failure::new(ErrorCode::PushFailed, message))
        }
        Err(other) => Err(broken(other)),
    }
}
