//! `deblox schema`: what a request may be, told to programs.

use std::collections::BTreeSet;
use std::path::Path;

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
        let mut fields: BTreeSet<&str> =
            ["action", "requestId", "timeout", "dock", "session", "token", "traceparent", "tracestate"].into();
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
fn every_request_in_the_docs_is_one() {
    let validator = jsonschema::draft202012::new(&schema()).expect("the schema is one itself");
    let mut examples = 0;
    for (path, text) in docs() {
        for (at, _) in text.match_indices("{\"action\"").chain(text.match_indices("{\n  \"action\"")) {
            let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
            let Some(Ok(request)) = values.next() else { panic!("{path}: no JSON: {:.80}", &text[at..]) };
            examples += 1;
            let faults: Vec<String> = validator.iter_errors(&request).map(|error| error.to_string()).collect();
            assert!(faults.is_empty(), "{path}: {request}: {faults:?}");
            let fields = vec![(b"json".to_vec(), request.to_string().into_bytes())];
            let decoded = decode(EntryId { millis: 1, sequence: 0 }, None, &fields).expect("a request");
            let checked = Action::find(&decoded.action).and_then(|action| action.check(&decoded));
            assert!(checked.is_ok(), "{path}: {request}: {checked:?}");
        }
    }
    assert!(examples > 10, "{examples}");
}

#[test]
fn the_schema_takes_the_specifications_messages_and_no_faulty_ones() {
    let validator = jsonschema::draft202012::new(&schema()).expect("the schema is one itself");
    let good = [
        json!({"action": "register", "hostname": "sthmaclt009.local"}),
        json!({"action": "unregister", "hostname": "sthmaclt009.local"}),
        json!({"action": "create-container", "image": "ubuntu"}),
        json!({"action": "create-container", "template": "web", "instances": 3}),
        json!({"action": "create-container", "template": "web", "image": "ubuntu"}),
        json!({"action": "create-raw-container", "body": {"Image": "ubuntu"}}),
        json!({"action": "list-images"}),
        json!({"action": "list-containers", "all": true}),
        json!({"action": "inspect-container", "id": "foo"}),
        json!({"action": "stop-container", "id": "foo", "time": 3, "requestId": "r.1", "timeout": 1000, "dock": "a.b"}),
    ];
    for request in good {
        assert!(validator.is_valid(&request), "{request}");
    }
    let bad = [
        json!([]),
        json!({}),
        json!({"action": "dance"}),
        json!({"action": "create-container"}),
        json!({"action": "create-container", "image": 7}),
        json!({"action": "create-container", "image": "x", "instances": 0}),
        json!({"action": "inspect-container"}),
        json!({"action": "list-images", "id": "foo"}),
        json!({"action": "prune-images"}),
        json!({"action": "ping", "requestId": "a/b"}),
    ];
    for request in bad {
        assert!(!validator.is_valid(&request), "{request}");
    }
}

/// The documents of the project, with their paths.
fn docs() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut docs) = (vec![root.join("docs")], vec![]);
    let mut files: Vec<_> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root.join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { &mut folders } else { &mut files }.push(path);
        }
    }
    for path in files {
        docs.push((path.display().to_string(), std::fs::read_to_string(&path).expect("text")));
    }
    docs
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
