//! Any bytes whatever as a request or as an answer: nothing panics, and what is replied is complete and short.

use deblox::actions::{Action, Kind};
use deblox::protocol::limits::REQUEST_BYTES;
use deblox::protocol::{AuthAddress, AuthMessage, COMMON_FIELDS, Chunk, EntryId, Fields, Input};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::laws;

/// Fields that messages to the auth manager have, or might have.
const AUTH_FIELDS: &[&str] =
    &["username", "password", "address", "sessionID", "token", "requestId", "timeout", "json", "deadline", "action"];

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn any_bytes_are_decoded(fields in vec((bytes(), bytes()), 0..8)) {
        laws::decoding(&fields);
    }

    #[test]
    fn any_values_under_known_names_are_decoded(fields in vec((name(), value()), 0..8)) {
        laws::decoding(&fields.into_iter().map(|(name, value)| (name.into_bytes(), value)).collect());
    }

    #[test]
    fn any_object_is_decoded(object in object(), beside in vec((name(), value()), 0..2)) {
        let beside = beside.into_iter().map(|(name, value)| (name.into_bytes(), value));
        laws::decoding(&std::iter::once(json_field(&object)).chain(beside).collect());
    }

    #[test]
    fn what_an_action_takes_is_decoded_in_both_forms(object in request()) {
        laws::decoding(&vec![json_field(&object)]);
        laws::decoding(&flat(&object));
    }

    #[test]
    fn any_message_to_the_auth_manager_is_read_or_refused_in_a_few_words(
        fields in vec((select(AUTH_FIELDS), prop_oneof![bytes(), value()]), 0..5),
        object in proptest::collection::btree_map(select(AUTH_FIELDS), json_value(), 0..5),
    ) {
        let flat: Fields = fields.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value)).collect();
        let whole = vec![(b"json".to_vec(), serde_json::to_vec(&object).expect("JSON"))];
        for (address, fields) in AuthAddress::ALL.into_iter().flat_map(|address| [(address, &flat), (address, &whole)]) {
            match AuthMessage::decode(address, EntryId { millis: 5, sequence: 1 }, fields) {
                Ok(message) => prop_assert!(message.deadline <= 60_005),
                Err(unreadable) => prop_assert!((1..1000).contains(&unreadable.message.len())),
            }
        }
    }

    #[test]
    fn any_answer_is_carried(
        status in any::<u16>(),
        kind in proptest::option::of(prop_oneof![select(KINDS).prop_map(str::to_owned), any::<String>()]),
        date in proptest::option::of(any::<String>()),
        body in prop_oneof![bytes(), any::<String>().prop_map(String::into_bytes), json_value().prop_map(|json| json.to_string().into_bytes())],
    ) {
        laws::replying(status, kind, date, &body);
    }
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn any_entry_of_a_stream_is_read_and_what_is_written_is_read_back(
        fields in vec((prop_oneof![bytes(), select(STREAM_FIELDS).prop_map(|name| name.as_bytes().to_vec())], bytes()), 0..6),
    ) {
        let input = Input::read(fields.clone());
        let own = |(name, value): (&str, Vec<u8>)| (name.as_bytes().to_vec(), value);
        prop_assert_eq!(Input::read(input.fields().into_iter().map(own).collect()), input);
        if let Some(chunk) = Chunk::read(fields) {
            let seq = (b"seq".to_vec(), chunk.seq.to_string().into_bytes());
            let again = chunk.fields().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()));
            prop_assert_eq!(Chunk::read(again.into_iter().chain([seq]).collect()), Some(chunk));
        }
    }
}

const STREAM_FIELDS: &[&str] = &["seq", "channel", "data", "ack", "close", "cancel", "rows", "cols"];

const KINDS: &[&str] = &["application/json", "text/plain; charset=utf-8", "application/x-tar", "", "json"];

#[test]
fn a_request_of_each_action_is_one() {
    for action in Action::all() {
        let mut object = Map::from_iter([("action".to_owned(), json!(action.name))]);
        object.extend(action.needs().map(|name| (name.to_owned(), json!("a.test"))));
        let required = action.fields.iter().filter(|field| field.required);
        object.extend(required.map(|field| (field.name.to_owned(), fitting(field.kind))));
        assert!(laws::decoding(&vec![json_field(&object)]), "{object:?}");
        assert!(laws::decoding(&flat(&object)), "{object:?}");
    }
}

#[test]
fn what_is_huge_or_nested_is_decoded_and_its_refusal_is_short() {
    let most = REQUEST_BYTES - "json".len();
    let fill = |before: &str, fill: &str, after: &str| {
        format!("{before}{}{after}", fill.repeat((most - before.len() - after.len()) / fill.len()))
    };
    let (open, close) = ("[".repeat(most / 2), "]".repeat(most / 2));
    let documents = [
        fill(r#"{"action":"ping"}"#, " ", ""),
        fill(r#"{"action":""#, "x", r#""}"#),
        fill(r#"{"action":""#, r"\u0000", r#""}"#),
        fill(r#"{"action":"ping",""#, r"\u0001", r#"":1}"#),
        fill(r#"{"action":"ping","id":""#, "\u{1f980}", r#""}"#),
        fill(r#"{"action":"ping","requestId":""#, "-", r#""}"#),
        fill(r#"{"action":"create-container","image":""#, "/", r#""}"#),
        fill(r#"{"action":"create-container","image":"x","env":[""#, r#"","a=b"#, r#""]}"#),
        fill("", r#"{"action":"#, ""),
        fill("", r#"{"action":"ping"}"#, ""),
        format!("{open}{close}"),
        format!(r#"{{"action":"ping","x":{}{}}}"#, &open[..1000], &close[..1000]),
    ];
    for document in documents {
        laws::decoding(&vec![(b"json".to_vec(), document.clone().into_bytes())]);
        laws::decoding(&vec![(b"action".to_vec(), document.clone().into_bytes())]);
        laws::decoding(&vec![(document.into_bytes(), b"ping".to_vec())]);
    }
    for byte in [0, 0x1f, b'"', b'\\', 0x7f, 0x80, 0xff] {
        let huge = vec![byte; REQUEST_BYTES - "action".len()];
        let long = huge[..REQUEST_BYTES / 2].to_vec();
        laws::decoding(&vec![(b"action".to_vec(), huge.clone())]);
        laws::decoding(&vec![(long.clone(), long.clone())]);
        laws::decoding(&vec![(b"action".to_vec(), b"ping".to_vec()), (long.clone(), b"x".to_vec())]);
        laws::decoding(&vec![(b"json".to_vec(), b"{}".to_vec()), (long, b"x".to_vec())]);
    }
    assert!(laws::decoding(&vec![(b"json".to_vec(), fill(r#"{"action":"ping"}"#, " ", "").into_bytes())]));
    laws::decoding(&vec![(vec![], vec![]); 100_000]);
}

#[test]
fn a_field_that_is_there_twice_is_refused() {
    for (name, value) in [("json", r#"{"action":"ping"}"#), ("action", "ping")] {
        let field = (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        assert!(laws::decoding(&vec![field.clone()]));
        assert!(!laws::decoding(&vec![field.clone(), field]));
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..40), vec(select(&b"\0\x80\xff{}[]\",:\\u0123-e"[..]), 0..40)]
}

/// The name of a field, of an action, or any.
fn name() -> impl Strategy<Value = String> {
    let fields =
        Action::all().flat_map(|action| action.fields).flat_map(|field| field.alias.into_iter().chain([field.name]));
    let beside = ["json", "deadline", "once", "flat", "sent"];
    let known: Vec<&str> = COMMON_FIELDS.iter().copied().chain(beside).chain(fields).collect();
    prop_oneof![4 => select(known).prop_map(str::to_owned), 1 => any::<String>()]
}

/// The bytes of a value: any, or such as might be one.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let action =
        select(Action::all().flat_map(Action::names).collect::<Vec<_>>()).prop_map(|name| name.as_bytes().to_vec());
    let text = any::<String>().prop_map(String::into_bytes);
    prop_oneof![bytes(), text, action, json_value().prop_map(|json| json.to_string().into_bytes())]
}

/// Any JSON, numbers at the limits included.
fn json_value() -> impl Strategy<Value = Value> {
    let numbers = [json!(u64::MAX), json!(i64::MIN), json!(0), json!(-1), json!(f64::MAX), json!(f64::MIN_POSITIVE)];
    let texts =
        ["", "true", "1", "512m", "99999999999999999999t", "a=b", "[", "{}", "\0", "../..", "a:b:c", "\u{10ffff}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(numbers.to_vec()),
        select(texts.to_vec()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let object = vec((name(), inner.clone()), 0..6).prop_map(|pairs| pairs.into_iter().collect::<Map<_, _>>());
        prop_oneof![vec(inner, 0..6).prop_map(Value::from), object.prop_map(Value::from)]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    vec((name(), json_value()), 0..8).prop_map(|pairs| pairs.into_iter().collect())
}

/// An action with some of its fields, each of which fits or does not.
fn request() -> impl Strategy<Value = Map<String, Value>> {
    let action = select(Action::all().collect::<Vec<_>>());
    (action, vec((any::<prop::sample::Index>(), any::<bool>(), json_value()), 0..6), object()).prop_map(
        |(action, chosen, common)| {
            let mut object: Map<_, _> =
                common.into_iter().filter(|(name, _)| COMMON_FIELDS.contains(&name.as_str())).collect();
            object.insert("action".to_owned(), json!(action.name));
            object.extend(action.needs().map(|name| (name.to_owned(), json!("a.test"))));
            for (index, fits, value) in chosen.into_iter().filter(|_| !action.fields.is_empty()) {
                let field = index.get(action.fields);
                object.insert(field.name.to_owned(), if fits { fitting(field.kind) } else { value });
            }
            object
        },
    )
}

/// A value that such a field takes.
fn fitting(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Name | Kind::Image => json!("x"),
        Kind::PsOptions => json!("-ef"),
        Kind::Word(words) => json!(words[0]),
        Kind::Flag => json!(true),
        Kind::Whole(_, to) => json!(to),
        Kind::Number => json!("1.5"),
        Kind::List | Kind::TextOrList => json!(["x"]),
        Kind::Pairs | Kind::Labels | Kind::Filters => json!({"x": "y"}),
        Kind::Size => json!("512m"),
        Kind::Object => json!({}),
    }
}

fn json_field(object: &Map<String, Value>) -> (Vec<u8>, Vec<u8>) {
    (b"json".to_vec(), Value::Object(object.clone()).to_string().into_bytes())
}

/// The same as a person would type it: texts as they are, all else as JSON.
fn flat(object: &Map<String, Value>) -> Fields {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    object.iter().map(|(name, value)| (name.clone().into_bytes(), text(value).into_bytes())).collect()
}
