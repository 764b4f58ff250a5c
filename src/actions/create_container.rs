//! `create-container` and `create-raw-container`: fetches the image where needed, creates the container and starts it
//! if asked to.

mod body;
mod name;

use std::time::{Duration, Instant};

pub(super) use body::limits;
use serde_json::{Value, json};

use super::verdict::{call, judge};
use super::{
    Arguments, Bounds, Context, Outcome, Target, bounds, create_instances, pull_image, quota, references, templates,
};
use crate::bus::persist;
use crate::docker::{Method, RequestParts};
use crate::protocol::{ANONYMOUS, Answer, EntryId, ErrorCode, Failure, Ownership, RequestId, label};

/// How long a daemon may take from reserving a name to listing the container that has it, and how often it is looked.
const BEING_MADE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let arguments = context.arguments;
    if arguments.has("instances") {
        return create_instances::run(context).await;
    }
    let owner = owner(context)?;
    let mut body = asked_for(context, owner).await?;
    references::check(context, &body).await?;
    bounds::join_user_network(context, &mut body).await?;
    bounds::check_create(context, &mut body).await?;

    // The daemon lets nobody else have a name, not even while it still creates the container: so an attempt that was
    // lost on the way cannot have a second one beside it.
    let given = name::of(&context.request.id);
    let name = arguments.text("name").unwrap_or(&given);
    let policy = arguments.text("pull").unwrap_or("missing");
    let sent_before = context.attempt > 1 || context.request.id_chosen;
    let made = if sent_before { made_before(context).await? } else { None };
    // What an earlier use of the id has made stays, whatever becomes of this one.
    let stays = made.is_some() && context.attempt == 1;
    let answer = match made {
        Some(answer) => Ok(answer),
        None => {
            quota::claim(context, owner, &body).await?;
            match create(context, &body, name, policy).await {
                Err(failure) if failure.code == ErrorCode::Conflict && context.attempt > 1 => {
                    being_made(context).await.and_then(|made| made.ok_or(failure))
                }
                other => other,
            }
        }
    };
    let done = match answer {
        Ok(answer) => start(context, answer, stays).await,
        Err(failure) => Err(failure),
    };
    quota::settle(context, owner, done.as_ref().err().map(|failure| failure.code)).await;
    done
}

/// The body of the create, from the template, Docker's own JSON and the fields of the request.
async fn asked_for(context: &Context<'_>, owner: &str) -> Result<Value, Failure> {
    let arguments = context.arguments;
    let Some(name) = arguments.text("template") else {
        let base = arguments.get("body").and_then(Value::as_object).cloned().unwrap_or_default();
        return body::build(base, arguments, owner, &context.request.id);
    };
    let template = templates::find(context, name).await?;
    let mut base = template.clone();
    let secrets = templates::take_secrets(&mut base)?;
    let mut body = body::build(base, arguments, owner, &context.request.id)?;
    templates::unmask(&mut body, template);
    if !secrets.is_empty() {
        body["Labels"][label::SECRETS] = secrets.join(",").into();
    }
    Ok(body)
}

/// What the daemon would be sent for Docker's own JSON from a user who is called `ada`, before the daemon is asked whose the
/// networks and volumes in it are.
///
/// # Errors
/// [`ErrorCode::Forbidden`] or [`ErrorCode::BadField`], with the name of the field; sending it again does not help.
pub fn user_create(body: &Value, bounds: &Bounds) -> Result<Value, Failure> {
    let base = body.as_object().cloned().unwrap_or_default();
    let request = RequestId::of_entry(EntryId { millis: 1, sequence: 0 }, None);
    let mut body = body::build(base, &Arguments::default(), "ada", &request)?;
    bounds::admit(&mut body, bounds)?;
    Ok(body)
}

/// Whose it is to be: the caller's, where workers ask who it is. Only those who may do anything to instances create for
/// others.
fn owner<'a>(context: &Context<'a>) -> Result<&'a str, Failure> {
    let asked = context.arguments.text("owner");
    let Some(caller) = context.caller else { return Ok(asked.unwrap_or(ANONYMOUS)) };
    let own = caller.username.as_str();
    match asked {
        Some(owner) if owner != own && caller.is_bounded() => {
            let message =
                format!("`{own}` creates instances of its own, not of `{owner}`: leave the field `owner` out");
            Err(Failure::new(ErrorCode::Forbidden, message))
        }
        asked => Ok(asked.unwrap_or(own)),
    }
}

/// What an earlier attempt, or the same request sent before, has created, answered as Docker would have.
async fn made_before(context: &Context<'_>) -> Result<Option<Answer>, Failure> {
    let made = context.docker.created_by(context.request.id.as_str()).await?;
    if let (Some(made), Some(caller)) = (&made, bounds::bounded(context)) {
        let said = persist(|| context.bus.ownership([made.id.as_str()])).await?.remove(&made.id);
        let owner = Ownership::owner(said.as_ref(), made.owner.as_deref());
        if owner == Some(caller.username.as_str()) {
            return Ok(Some(created(&made.id)));
        }
        let message = "the `requestId` has created an instance of somebody else: choose one that nobody can guess";
        return Err(Failure::new(ErrorCode::Forbidden, message));
    }
    Ok(made.map(|made| created(&made.id)))
}

/// The same for one that the daemon may still be creating: its name is taken, and it is not listed yet.
async fn being_made(context: &Context<'_>) -> Result<Option<Answer>, Failure> {
    let begun = Instant::now();
    loop {
        let made = made_before(context).await?;
        if made.is_some() || begun.elapsed() > BEING_MADE {
            return Ok(made);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What Docker answers to a create, for a container that is already there.
pub(super) fn created(id: &str) -> Answer {
    Answer { status: 201, ..Answer::json(&json!({"Id": id, "Warnings": []})) }
}

/// The id of what was created, with the answer.
pub(super) fn with_id(answer: Answer) -> Result<(Answer, String), Failure> {
    match answer.text_field("Id") {
        Some(id) => Ok((answer, id)),
        None => {
            let mut failure = Failure::new(ErrorCode::DockerError, "the daemon's answer has no `Id`");
            failure.answer = Some(Box::new(answer));
            Err(failure)
        }
    }
}

/// Creates a container, and fetches its image as the `policy` has it. Its labels say which image it was, so that they are not
/// taken for those of an image.
pub(super) async fn create(context: &Context<'_>, body: &Value, name: &str, policy: &str) -> Result<Answer, Failure> {
    let Some(image) = body["Image"].as_str().filter(|image| !image.is_empty()) else {
        let message =
            format!("`{}` needs an image: `image`, or one in the template or the body", context.request.action);
        return Err(Failure::new(ErrorCode::MissingField, message));
    };
    if policy == "always" {
        pull_image::fetch(context, image).await?;
    }
    match create_with(context, body, image, name).await {
        Err(failure) if failure.code == ErrorCode::NoSuchImage && policy == "missing" => {
            pull_image::fetch(context, image).await?;
            create_with(context, body, image, name).await
        }
        other => other,
    }
}

async fn create_with(context: &Context<'_>, body: &Value, image: &str, name: &str) -> Result<Answer, Failure> {
    let inspect = RequestParts::new(Method::GET, "/images/{}/json").segment(image);
    let found = call(context, &inspect).await?;
    let mut body = body.clone();
    // What is wrong with the image says the create itself.
    if let (200, Some(found)) = (found.status, found.read_json()) {
        body::stamp(&mut body, &found);
    }
    let parts = RequestParts::new(Method::POST, "/containers/create").query([("name", name)]).json(body);
    judge(call(context, &parts).await?, Target::NewInstance)
}

/// Starts what was created, if asked to. What cannot be started is removed again, so that a create that failed
/// leaves nothing behind, not even a name that is taken.
async fn start(context: &Context<'_>, created: Answer, stays: bool) -> Result<Outcome, Failure> {
    let (created, id) = with_id(created)?;
    if !context.arguments.flag("start") {
        return Ok(Outcome::Created(created, id));
    }
    // Its networks and volumes may belong to others than when they were checked.
    let start = RequestParts::new(Method::POST, "/containers/{}/start").segment(&id);
    let started = match bounds::check_use(context, &id).await {
        Ok(()) => judge(call(context, &start).await?, Target::NewInstance),
        Err(failure) => Err(failure),
    };
    match started {
        Ok(_) => Ok(Outcome::Created(created, id)),
        Err(failure) if stays => Err(failure),
        Err(mut failure) => {
            let with_volumes = [("v", "true"), ("force", "true")];
            let remove = RequestParts::new(Method::DELETE, "/containers/{}").segment(&id).query(with_volumes);
            let removed = call(context, &remove).await;
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
