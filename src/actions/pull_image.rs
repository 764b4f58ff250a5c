//! `pull-image`: fetches an image to a dock.

use serde_json::Value;

use super::verdict::{broken, from_registry, judge};
use super::{Context, Outcome, Streaming, Subject, Target, registries};
use crate::docker::{DockerError, Way, pull_call};
use crate::protocol::{Answer, ErrorCode, Failure};

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let image = context.arguments.text("image").unwrap_or_default();
    if context.arguments.flag("stream") {
        registries::check_image(context, image).await?;
        let pull = pull_call(image, context.arguments.get("credentials"));
        let about = Subject::Messages(ErrorCode::PullFailed);
        let streaming = Streaming::begin(context, &pull, Way::Down, about).await?;
        return Ok(Outcome::streams(streaming));
    }
    let messages = fetch(context, image).await?;
    Ok(Outcome::Answer(Answer::json(&messages)))
}

/// Fetches `image`; a refusal says that it is about the image and not the daemon.
pub(super) async fn fetch(context: &Context<'_>, image: &str) -> Result<Vec<Value>, Failure> {
    registries::check_image(context, image).await?;
    context.admit().await?;
    let pull = pull_call(image, context.arguments.get("credentials"));
    let failed = |status: u16, why: &str| {
        let code = from_registry(ErrorCode::PullFailed, status);
        Failure::new(code, format!("image `{image}` could not be fetched to {}: {}", context.dock, why.trim()))
    };
    match context.docker.move_image(&pull).await {
        Ok(Ok(messages)) => Ok(messages),
        Ok(Err(refused)) => {
            let (status, why) = (refused.status, refused.text_field("message").unwrap_or_default());
            let code = judge(refused, Target::Daemon)
                .err()
                .map(|failure| Subject::Messages(ErrorCode::PullFailed).failure(failure).code);
            let failure = failed(status, &why);
            Err(Failure { code: code.unwrap_or(failure.code), ..failure })
        }
        Err(DockerError::Refused(status, why)) => Err(failed(status, &why)),
        Err(other) => Err(broken(other)),
    }
}
