//! `deblox schema`: what a request may be, told to programs.

use std::collections::BTreeSet;

use deblox::actions::{Action, Target};
use deblox::protocol::{EntryId, decode};
use serde_json::{Value, json};

use crate::support::deblox;

#[test]
fn the_schema_has_every_action_with_every_field_and_nothing_else() {
    let schema = schema();
    let alternatives = schema["oneOf"].as_array().expect("a list");
    assert_eq!(alternatives.len(), Action::all().count());
    for action in Action::all() {
        let of = alternative(&schema, action.name);
        let names: Vec<&str> = std::iter::once(action.name).chain(action.aliases.iter().copied()).collect();
        assert_eq!((&of["properties"]["action"]["enum"], &of["additionalProperties"]), (&json!(names), &json!(false)));
        let mut fields: BTreeSet<&str> = ["action", "requestId", "timeout", "dock", "session", "token"].into();
        fields.extend((action.target == Target::Instance).then_some("id"));
        fields.extend(action.fields.iter().flat_map(|field| std::iter::once(field.name).chain(field.alias)));
        let properties = of["properties"].as_object().expect("an object");
        assert_eq!(properties.keys().map(String::as_str).collect::<BTreeSet<_>>(), fields, "{}", action.name);
        let mut required: BTreeSet<&str> = ["action"].into();
        required.extend((action.target == Target::Instance).then_some("id"));
        required.extend((action.target == Target::NamedDaemon).then_some("dock"));
        required.extend(action.fields.iter().filter(|f| f.required && f.unless.is_none()).map(|field| field.name));
        let told: Vec<&str> = of["required"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), required, "{}", action.name);
    }
}

#[test]
fn every_request_in_the_readme_is_one() {
    let schema = schema();
    let readme = include_str!("../../README.md");
    let mut examples = 0;
    for (at, _) in readme.match_indices("{\"action\"") {
        let mut values = serde_json::Deserializer::from_str(&readme[at..]).into_iter::<Value>();
        let Some(Ok(request)) = values.next() else { panic!("no JSON: {:.80}", &readme[at..]) };
        examples += 1;
        let name = request["action"].as_str().expect("text");
        let of = alternative(&schema, name);
        for field in request.as_object().expect("an object").keys() {
            assert!(!of["properties"][field].is_null(), "`{field}`: {request}");
        }
        for field in of["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(!request[field].is_null(), "`{field}` is not there: {request}");
        }
        let fields = vec![(b"json".to_vec(), request.to_string().into_bytes())];
        let decoded = decode(EntryId { millis: 1, sequence: 0 }, None, &fields).expect("a request");
        let checked = Action::find(name).and_then(|action| action.check(&decoded));
        assert!(checked.is_ok(), "{request}: {checked:?}");
    }
    assert!(examples > 2, "{examples}");
}

/// What `deblox schema` prints.
fn schema() -> Value {
    let output = deblox().arg("schema").output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The alternative of the schema that takes the action `name`.
fn alternative<'a>(schema: &'a Value, name: &str) -> &'a Value {
    let takes = |of: &&Value| of["properties"]["action"]["enum"].as_array().is_some_and(|e| e.contains(&json!(name)));
    let mut fit = schema["oneOf"].as_array().expect("a list").iter().filter(takes);
    let one = fit.next().unwrap_or_else(|| panic!("the schema has no `{name}`"));
    assert!(fit.next().is_none(), "`{name}` is there twice");
    one
}
