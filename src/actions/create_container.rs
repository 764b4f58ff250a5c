//! `create-container`: fetches the image where needed, creates the container and starts it if asked to.

mod body;

use serde_json::Value;

use super::verdict::judge;
use super::{Context, Outcome, Target, pull_image};
use crate::docker::{Method, RequestParts};
use crate::protocol::limits::DAEMON_CALL;
use crate::protocol::{Answer, ErrorCode, Failure};

/// The owner of what is created without saying whose it is.
const ANONYMOUS: &str = "anonymous";

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let arguments = context.arguments;
    let owner = arguments.text("owner").unwrap_or(ANONYMOUS);
    let body = body::build(arguments, owner, &context.request.id)?;

    if context.attempt > 1
        && let Some(made) = context.docker.created_by(context.request.id.as_str()).await?
    {
        // An earlier try got as far as this before its worker was lost.
        return start(
            context,
            Answer { status: 201, ..Answer::json(&serde_json::json!({"Id": made.id, "Warnings": []})) },
        )
        .await;
    }
    let answer = create(context, &body).await?;
    start(context, answer).await
}

async fn create(context: &Context<'_>, body: &Value) -> Result<Answer, Failure> {
    let image = context.arguments.text("image").unwrap_or_default();
    let policy = context.arguments.text("pull").unwrap_or("missing");
    if policy == "always" {
        pull_image::fetch(context, image).await?;
    }
    let name = context.arguments.text("name").map(|name| ("name".to_owned(), name.to_owned()));
    let parts = RequestParts {
        method: Method::POST,
        path: "/containers/create",
        segment: None,
        query: name.into_iter().collect(),
        body: Some(body.clone()),
    };
    match judge(call(context, &parts).await?, Target::NewInstance) {
        Err(failure) if failure.code == ErrorCode::NoSuchImage && policy == "missing" => {
            pull_image::fetch(context, image).await?;
            judge(call(context, &parts).await?, Target::NewInstance)
        }
        other => other,
    }
}

/// Starts what was created, if asked to. What cannot be started is removed again, so that a create that failed
/// leaves nothing behind, not even a name that is taken.
async fn start(context: &Context<'_>, created: Answer) -> Result<Outcome, Failure> {
    let Some(id) = created.text_field("Id") else {
        let mut failure = Failure::new(ErrorCode::DockerError, "the daemon's answer has no `Id`");
        failure.answer = Some(Box::new(created));
        return Err(failure);
    };
    if !context.arguments.flag("start") {
        return Ok(Outcome::Created(created, id));
    }
    let on = |method, path, query| RequestParts { method, path, segment: Some(id.clone()), query, body: None };
    let started = call(context, &on(Method::POST, "/containers/{}/start", Vec::new())).await?;
    match judge(started, Target::NewInstance) {
        Ok(_) => Ok(Outcome::Created(created, id)),
        Err(mut failure) => {
            let volumes = vec![("v".to_owned(), "true".to_owned()), ("force".to_owned(), "true".to_owned())];
            let removed = call(context, &on(Method::DELETE, "/containers/{}", volumes)).await;
            failure.message = match removed {
                Ok(Answer { status: 204 | 404, .. }) => {
                    format!("it could not be started and was removed: {}", failure.message)
                }
                _ => {
                    format!("it could not be started, and not removed either; its id is {id}: {}", failure.message)
                }
            };
            Err(failure)
        }
    }
}

/// A call that does not wait as long as a pull may: a daemon that hangs is to be noticed.
async fn call(context: &Context<'_>, parts: &RequestParts) -> Result<Answer, Failure> {
    match tokio::time::timeout(DAEMON_CALL, context.docker.call(parts)).await {
        Ok(answer) => Ok(answer?),
        Err(_) => {
            let message = "the daemon did not answer; whether the container was created is not known";
            Err(Failure::new(ErrorCode::Timeout, message))
        }
    }
}
