//! Docker's JSON read as strictly as it has to be where something depends on what is not in it.

use serde_json::{Map, Value};

use crate::protocol::{ErrorCode, Failure};

/// What may stand in a field.
pub(in crate::actions) enum Rule {
    /// Whatever it is.
    Free,
    /// Nothing; and why not.
    Never(&'static str),
    /// Nothing, or one of these words; and why nothing else.
    Only(&'static [&'static str], &'static str),
    /// What this function lets pass.
    Checked(fn(&Value, &super::Bounds) -> Result<(), Failure>),
}

/// The fields that an object may have; one that is not there must say nothing.
pub(in crate::actions) type Rules = [(&'static str, Rule)];

/// Checks each field of `value`, whose name for people is `path`.
///
/// # Errors
/// [`ErrorCode::Forbidden`], with the name of the field.
pub(in crate::actions) fn check(
    value: &Value,
    path: &str,
    rules: &Rules,
    bounds: &super::Bounds,
) -> Result<(), Failure> {
    for (name, value) in fields(value, path)? {
        let rule = rules.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let what = rule.map_or(name, |(known, _)| known);
        let what = if path.is_empty() { what.to_owned() } else { format!("{path}.{what}") };
        match rule.map(|(_, rule)| rule) {
            Some(Rule::Free) => {}
            Some(Rule::Checked(check)) => check(value, bounds)?,
            _ if is_nothing(value) => {}
            Some(Rule::Only(words, _)) if value.as_str().is_some_and(|word| words.contains(&word)) => {}
            Some(Rule::Never(why) | Rule::Only(_, why)) => return Err(refusal(&what, why)),
            None => return Err(refusal(&what, "it is not among the fields that are known to do no harm")),
        }
    }
    Ok(())
}

/// The fields of an object; none of what is null. Docker takes a name in whatever case, and some letters beyond ASCII
/// for one of ASCII, so that another field could hide what is looked for.
///
/// # Errors
/// [`ErrorCode::Forbidden`] for what is no object, or could be read in two ways.
pub(super) fn fields<'a>(value: &'a Value, path: &str) -> Result<Vec<(&'a str, &'a Value)>, Failure> {
    let mut seen: Vec<(&str, &Value)> = Vec::new();
    for (name, value) in object(value, path)?.into_iter().flatten() {
        let what = || if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        if !name.is_ascii() {
            return Err(refusal(&what(), "Docker may take its letters for others"));
        }
        if let Some((other, _)) = seen.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(refusal(&what(), &format!("`{other}` stands beside it, which is the same to Docker")));
        }
        seen.push((name, value));
    }
    Ok(seen)
}

/// A field of an object that was checked, whatever the case of its name.
pub(in crate::actions) fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    let mut fields = value.as_object().into_iter().flatten();
    fields.find(|(other, _)| other.eq_ignore_ascii_case(name)).map_or(&Value::Null, |(_, value)| value)
}

/// An object; none where it is null.
pub(super) fn object<'a>(value: &'a Value, path: &str) -> Result<Option<&'a Map<String, Value>>, Failure> {
    match value {
        Value::Null => Ok(None),
        Value::Object(object) => Ok(Some(object)),
        _ => Err(refusal(path, "it is not understood: it must be an object")),
    }
}

/// A list; an empty one where it is null.
pub(super) fn list<'a>(value: &'a Value, path: &str) -> Result<&'a [Value], Failure> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(list) => Ok(list),
        _ => Err(refusal(path, "it is not understood: it must be a list")),
    }
}

/// A text; an empty one where it is null.
pub(super) fn text<'a>(value: &'a Value, path: &str) -> Result<&'a str, Failure> {
    match value {
        Value::Null => Ok(""),
        Value::String(text) => Ok(text),
        _ => Err(refusal(path, "it is not understood: it must be a text")),
    }
}

/// Whether a value is as good as none.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
    }
}

/// What is said of something that a user may not have.
pub(in crate::actions) fn refusal(what: &str, why: &str) -> Failure {
    Failure::new(ErrorCode::Forbidden, format!("`{what}` is not for users, but for operators and admins: {why}"))
}
