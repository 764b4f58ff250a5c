//! Templates: documents in Docker's create-container syntax, kept under a name, from which a create can start.

use serde_json::{Map, Value, json};

use super::{Context, Outcome};
use crate::bus::persist;
use crate::protocol::{Answer, ErrorCode, Failure};

/// The longest name.
const NAME_BYTES: usize = 128;

pub(super) async fn put(context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = name(context)?;
    let body = context.arguments.get("body").cloned().unwrap_or_default();
    let new = persist(|| context.bus.put_template(name, &body)).await?;
    let status = if new { 201 } else { 200 };
    Ok(Outcome::Answer(Answer { status, ..Answer::json(&json!({"name": name})) }))
}

pub(super) async fn get(context: &Context<'_>) -> Result<Outcome, Failure> {
    Ok(Outcome::Answer(Answer::json(&find(context, name(context)?).await?)))
}

pub(super) async fn list(context: &Context<'_>) -> Result<Outcome, Failure> {
    Ok(Outcome::Answer(Answer::json(&persist(|| context.bus.templates()).await?)))
}

pub(super) async fn delete(context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = name(context)?;
    if persist(|| context.bus.delete_template(name)).await? {
        Ok(Outcome::Answer(Answer::empty(204)))
    } else {
        Err(missing(name))
    }
}

/// The template called `name`.
pub(super) async fn find(context: &Context<'_>, name: &str) -> Result<Map<String, Value>, Failure> {
    match persist(|| context.bus.template(name)).await? {
        Some(Value::Object(template)) => Ok(template),
        _ => Err(missing(name)),
    }
}

fn name<'a>(context: &Context<'a>) -> Result<&'a str, Failure> {
    let name = context.arguments.text("name").unwrap_or_default();
    if name.len() > NAME_BYTES || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
        let message = format!("field `name` is not valid: it must be 1 to {NAME_BYTES} letters, digits, . _ -");
        return Err(Failure::new(ErrorCode::BadField, message));
    }
    Ok(name)
}

fn missing(name: &str) -> Failure {
    let message = format!("no template is called `{name}`: `list-templates` shows those that are");
    Failure::new(ErrorCode::NoSuchTemplate, message)
}
