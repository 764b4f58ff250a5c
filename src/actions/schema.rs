//! The JSON Schema of all requests (draft 2020-12), made from the table.

use serde_json::{Map, Value, json};

use super::{Action, Field, Kind, Target};
use crate::protocol::TRACE_FIELDS;
use crate::protocol::limits::{INSTANCE_BYTES, LONGEST_TIMEOUT, REQUEST_ID_BYTES};

/// The schema of a request for one action where something else says which, and who asks.
pub fn field_schemas(action: &Action) -> Value {
    let mut schema = of(action);
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.retain(|name, _| !["action", "session", "token"].contains(&name.as_str()));
    }
    if let Some(required) = schema["required"].as_array_mut() {
        required.retain(|name| name != "action");
    }
    schema
}

/// The schema of a request: one alternative for each action.
pub fn schema() -> Value {
    let actions: Vec<Value> = Action::all().map(of).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A request to deblox",
        "type": "object",
        "required": ["action"],
        "oneOf": actions,
    })
}

fn of(action: &Action) -> Value {
    let names: Vec<&str> = action.names().collect();
    let mut properties = Map::new();
    properties.insert("action".into(), json!({"enum": names}));
    properties.insert(
        "requestId".into(),
        json!({"type": "string", "pattern": format!("^[A-Za-z0-9._:-]{{1,{REQUEST_ID_BYTES}}}$")}),
    );
    properties
        .insert("timeout".into(), json!({"type": "integer", "minimum": 1, "maximum": LONGEST_TIMEOUT.as_millis()}));
    properties.insert("dock".into(), json!({"type": "string", "description": "the dock that must do it"}));
    for name in ["session", "token"].into_iter().chain(TRACE_FIELDS) {
        properties.insert(name.into(), json!({"type": "string"}));
    }
    let mut required = vec!["action"];
    if action.target == Target::Instance {
        properties.insert("id".into(), json!({"type": "string", "maxLength": INSTANCE_BYTES, "description": "an instance: id, unique beginning of one, or name"}));
        required.push("id");
    }
    if action.target == Target::NamedDaemon {
        required.push("dock");
    }
    for field in action.fields {
        for name in std::iter::once(field.name).chain(field.alias) {
            properties.insert(name.into(), described(field));
        }
    }
    required
        .extend(action.fields.iter().filter(|field| field.required && field.unless.is_none()).map(|field| field.name));
    let mut schema = json!({
        "title": action.name,
        "description": action.about,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    let either: Vec<Value> = action
        .fields
        .iter()
        .filter_map(|field| field.unless.map(|other| json!({"anyOf": [required_one(field), {"required": [other]}]})))
        .collect();
    if !either.is_empty() {
        schema["allOf"] = Value::Array(either);
    }
    schema
}

/// That the field is there, under either of its names.
fn required_one(field: &Field) -> Value {
    let names = std::iter::once(field.name).chain(field.alias);
    json!({"anyOf": names.map(|name| json!({"required": [name]})).collect::<Vec<_>>()})
}

fn described(field: &Field) -> Value {
    let mut schema = field.kind.schema();
    schema["description"] = json!(field.about);
    schema
}

impl Kind {
    /// What a value of this kind is as JSON.
    fn schema(self) -> Value {
        let texts = json!({"type": "array", "items": {"type": "string"}});
        let map = json!({"type": "object", "additionalProperties": {"type": "string"}});
        match self {
            Self::Text | Self::Name | Self::PsOptions | Self::Image => json!({"type": "string", "minLength": 1}),
            Self::Word(words) => json!({"enum": words}),
            Self::Flag => json!({"type": "boolean"}),
            Self::Whole(from, to) => json!({"type": "integer", "minimum": from, "maximum": to}),
            Self::Number => json!({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}),
            Self::List => texts,
            Self::TextOrList => json!({"anyOf": [{"type": "string"}, texts]}),
            Self::Pairs | Self::Labels => json!({"anyOf": [map, texts]}),
            Self::Filters => json!({"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, texts]}}),
            Self::Size => json!({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]}),
            Self::Object => json!({"type": "object"}),
        }
    }
}
