//! Templates: documents in Docker's create-container syntax, kept under a name, from which a create can start.

use serde_json::{Map, Value, json};

use super::{Context, Outcome};
use crate::bus::persist;
use crate::protocol::limits::{TEMPLATE_SECRET_BYTES, TEMPLATE_SECRETS};
use crate::protocol::masking::{SECRETS_FIELD, mask};
use crate::protocol::{Answer, ErrorCode, Failure, quoted};

/// The longest name.
const NAME_BYTES: usize = 128;

pub(super) async fn put(context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = name(context)?;
    let mut body = context.arguments.get("body").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut secrets = take_secrets(&mut body)?;
    secrets.extend(context.arguments.list("secrets").into_iter().map(str::to_owned));
    secrets.sort_unstable();
    secrets.dedup();
    check_secrets(&secrets)?;
    if !secrets.is_empty() {
        body.insert(SECRETS_FIELD.to_owned(), json!(secrets));
    }
    let body = Value::Object(body);
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

/// Takes out of a template the names that it declares secrets, which are no field of Docker's.
///
/// # Errors
/// [`ErrorCode::BadField`] for what is no list of texts.
pub(super) fn take_secrets(template: &mut Map<String, Value>) -> Result<Vec<String>, Failure> {
    let is_ours = |name: &&String| name.eq_ignore_ascii_case(SECRETS_FIELD);
    let mut secrets = Vec::new();
    for name in template.keys().filter(is_ours).cloned().collect::<Vec<_>>() {
        let names = template.remove(&name).unwrap_or_default();
        let names = serde_json::from_value::<Option<Vec<String>>>(names);
        let names = names.map_err(|_| bad("body", &format!("its `{name}` must be a list of names")))?;
        secrets.extend(names.unwrap_or_default());
    }
    Ok(secrets)
}

fn check_secrets(secrets: &[String]) -> Result<(), Failure> {
    if secrets.len() > TEMPLATE_SECRETS {
        return Err(bad("secrets", &format!("it must have at most {TEMPLATE_SECRETS} names")));
    }
    let is_name = |name: &String| {
        let plain = |c: char| !c.is_control() && !matches!(c, ',' | '=') && !c.is_whitespace();
        !name.is_empty() && name.len() <= TEMPLATE_SECRET_BYTES && name.chars().all(plain)
    };
    match secrets.iter().find(|name| !is_name(name)) {
        Some(name) => Err(bad("secrets", &format!("`{}` is not the name of a variable or a label", quoted(name)))),
        None => Ok(()),
    }
}

/// Puts back what a caller was shown masked of a template: where a create sets a value that is the masked one of the template,
/// it means the template's own.
pub(super) fn unmask(body: &mut Value, template: Map<String, Value>) {
    let template = Value::Object(template);
    let mut shown = template.clone();
    if !mask(&mut shown) {
        return;
    }
    for name in ["Env", "Cmd", "Entrypoint"] {
        let (own, seen) = (template[name].as_array(), shown[name].as_array());
        let pairs: Vec<(&Value, &Value)> = own.into_iter().flatten().zip(seen.into_iter().flatten()).collect();
        for value in body[name].as_array_mut().into_iter().flatten() {
            // What stands there twice, masked, could be either.
            let mut fitting = pairs.iter().filter(|(own, seen)| own != seen && *seen == value);
            if let (Some((own, _)), None) = (fitting.next(), fitting.next()) {
                *value = (*own).clone();
            }
        }
    }
    for (name, value) in body["Labels"].as_object_mut().into_iter().flatten() {
        let (own, seen) = (&template["Labels"][name], &shown["Labels"][name]);
        if own != seen && seen == value {
            *value = own.clone();
        }
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

fn bad(field: &str, why: &str) -> Failure {
    Failure::new(ErrorCode::BadField, format!("field `{field}` is not valid: {why}"))
}

fn missing(name: &str) -> Failure {
    let message = format!("no template is called `{name}`: `list-templates` shows those that are");
    Failure::new(ErrorCode::NoSuchTemplate, message)
}
