//! The fields of actions: their types, and their values once checked.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::classification::Audience;
use super::ps;
use super::sizes::{check_labels, check_words};
use crate::protocol::label;

/// A field of an action.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Another name for it, as `docker run` has it.
    pub alias: Option<&'static str>,
    /// What it holds.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// The field that may be there in its stead.
    pub unless: Option<&'static str>,
    /// Where its value goes in the call of a plain action.
    pub place: Place,
    /// Which roles may set it.
    pub audience: Audience,
    /// What it means.
    pub about: &'static str,
}

/// Where the value of a field goes in a call to the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere by itself: the action looks at it.
    Nowhere,
    /// Into the path, for `{}`.
    Path,
    /// Into the query, under this name.
    Query(&'static str),
    /// Into the JSON body, under this name.
    Body(&'static str),
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A name or an id that Docker gets as one part of a path.
    Name,
    /// Options of `ps`.
    PsOptions,
    /// An image: what references are made of, and no part such as `..`, which would make another path of the daemon's API.
    Image,
    /// One of some words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number from the first to the last.
    Whole(u64, u64),
    /// A number, or text that holds one, such as `1.5`.
    Number,
    /// A list of texts.
    List,
    /// A text, or a list of texts.
    TextOrList,
    /// An object of texts, or a list of `name=value`.
    Pairs,
    /// The same, of labels: none may be one of deblox's own.
    Labels,
    /// Docker's filters: an object whose values are texts or lists of texts.
    Filters,
    /// A size: bytes, or text with a unit, such as `512m`.
    Size,
    /// An object, looked at by the action itself.
    Object,
}

impl Field {
    /// A field that may be left out.
    pub const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        let (place, audience) = (Place::Nowhere, Audience::Unclassified);
        Self { name, alias: None, kind, required: false, unless: None, place, audience, about }
    }

    /// The same, for every role that may do the action; `why` says why that does no harm, or what checks it.
    pub const fn safe(mut self, why: &'static str) -> Self {
        self.audience = Audience::Everyone(why);
        self
    }

    /// The same, for operators and admins; `why` says what it reaches.
    pub const fn operators(mut self, why: &'static str) -> Self {
        self.audience = Audience::Operators(why);
        self
    }

    /// The same, required.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same, required where the field `other` is not there.
    pub const fn required_unless(mut self, other: &'static str) -> Self {
        self.required = true;
        self.unless = Some(other);
        self
    }

    /// The same, also known as `alias`.
    pub const fn or(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// The same, sent to Docker as the query parameter `name`.
    pub const fn query(mut self, name: &'static str) -> Self {
        self.place = Place::Query(name);
        self
    }

    /// The same, sent to Docker in the JSON body as `name`.
    pub const fn body(mut self, name: &'static str) -> Self {
        self.place = Place::Body(name);
        self
    }

    /// The same, sent to Docker in the path.
    pub const fn path(mut self) -> Self {
        self.place = Place::Path;
        self
    }

    /// Whether it is called `name`.
    pub fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.alias == Some(name)
    }
}

impl Kind {
    /// What must be there, in words that follow "it must be".
    pub fn expected(self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Name => "a name or an id, not a path: none of / \\ % ? #".into(),
            Self::PsOptions => ps::EXPECTED.into(),
            Self::Image => "an image: name, name:tag, name@digest or id".into(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Flag => "true or false".into(),
            Self::Whole(from, to) => format!("a whole number from {from} to {to}"),
            Self::Number => "a number above 0".into(),
            Self::List => "a list of texts".into(),
            Self::TextOrList => "a text or a list of texts".into(),
            Self::Pairs => "an object of texts or a list of NAME=VALUE".into(),
            Self::Labels => "an object of texts or a list of NAME=VALUE, without names that begin with deblox.".into(),
            Self::Filters => "an object whose values are texts or lists of texts".into(),
            Self::Size => "a number of bytes or text such as 512m or 2g".into(),
            Self::Object => "an object".into(),
        }
    }

    /// Checks a value and brings it into one form. In a flat request every value is text: numbers and flags are
    /// read from it, lists and objects are JSON inside it, and a single text stands for a list of one.
    ///
    /// # Errors
    /// What it must be, in words that follow "it must be".
    pub fn read(self, value: &Value, flat: bool) -> Result<Value, String> {
        let read = match value {
            Value::String(text) if self == Self::PsOptions => return ps::options(text).map(Value::from),
            Value::String(text) if flat => self.read_flat(text),
            _ => self.read_json(value),
        };
        let read = read.ok_or_else(|| self.expected())?;
        match (self, &read) {
            (Self::Labels, Value::Object(labels)) => check_labels(labels)?,
            (Self::TextOrList | Self::List, words) => check_words(words)?,
            (Self::Pairs, Value::Object(pairs)) => {
                check_words(&pairs.iter().map(|(name, value)| Value::from(format!("{name}={value}"))).collect())?;
            }
            _ => {}
        }
        Ok(read)
    }

    fn read_flat(self, text: &str) -> Option<Value> {
        match self {
            Self::Text | Self::Name | Self::Image | Self::Word(_) | Self::Number | Self::Size => {
                self.read_json(&Value::from(text))
            }
            Self::PsOptions => ps::options(text).ok().map(Value::from),
            Self::Flag => text.parse::<bool>().ok().map(Value::from),
            Self::Whole(..) => self.read_json(&Value::from(text.parse::<u64>().ok()?)),
            Self::List | Self::TextOrList | Self::Pairs | Self::Labels if !text.starts_with(['[', '{']) => {
                self.read_json(&Value::from(vec![text]))
            }
            Self::List | Self::TextOrList | Self::Pairs | Self::Labels | Self::Filters | Self::Object => {
                self.read_json(&serde_json::from_str(text).ok()?)
            }
        }
    }

    fn read_json(self, value: &Value) -> Option<Value> {
        match self {
            Self::Text => value.as_str().filter(|text| !text.is_empty() && !text.contains('\0')).map(Value::from),
            Self::Name => value.as_str().filter(|text| is_name(text)).map(Value::from),
            Self::PsOptions => ps::options(value.as_str()?).ok().map(Value::from),
            Self::Image => value.as_str().filter(|text| is_image(text)).map(Value::from),
            Self::Word(words) => value.as_str().filter(|word| words.contains(word)).map(Value::from),
            Self::Flag => value.as_bool().map(Value::from),
            Self::Whole(from, to) => value.as_u64().filter(|number| (from..=to).contains(number)).map(Value::from),
            Self::Number => {
                let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
                (number.is_finite() && number > 0.0).then(|| Value::from(number))
            }
            Self::List => texts(value).map(Value::from),
            Self::TextOrList => {
                value.as_str().map(|text| vec![text.to_owned()]).or_else(|| texts(value)).map(Value::from)
            }
            Self::Pairs => pairs(value),
            Self::Labels => pairs(value).filter(|labels| !has_own_label(labels)),
            Self::Filters => filters(value),
            Self::Size => value.as_u64().or_else(|| size(value.as_str()?)).map(Value::from),
            Self::Object => value.is_object().then(|| value.clone()),
        }
    }
}

/// The longest name of a network or a volume.
const NAME_BYTES: usize = 255;

/// The longest reference of an image.
const IMAGE_BYTES: usize = 1024;

/// Whether `text` is a name or an id that stays one part of a path, whatever a server makes of it.
pub(super) fn is_name(text: &str) -> bool {
    let harmless = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | '%' | '?' | '#');
    (1..=NAME_BYTES).contains(&text.len()) && !matches!(text, "." | "..") && text.chars().all(harmless)
}

/// Whether `text` has only what references of images are made of, and no part that would make another path of it.
fn is_image(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:@+[]".contains(c);
    text.len() <= IMAGE_BYTES
        && text.chars().all(allowed)
        && !text.split('/').any(|part| matches!(part, "" | "." | ".."))
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Accepts `{"A": "b"}` and `["A=b"]`; a name without a value has an empty one.
fn pairs(value: &Value) -> Option<Value> {
    let pairs: Map<String, Value> = match value {
        Value::Object(object) => {
            object.iter().map(|(k, v)| Some((k.clone(), Value::from(v.as_str()?)))).collect::<Option<_>>()?
        }
        _ => texts(value)?
            .iter()
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect(),
    };
    pairs.keys().all(|name| !name.is_empty()).then_some(Value::Object(pairs))
}

/// Whether one of these labels is deblox's own.
pub(super) fn has_own_label(labels: &Value) -> bool {
    labels.as_object().is_some_and(|labels| labels.keys().any(|name| name.starts_with(label::PREFIX)))
}

fn filters(value: &Value) -> Option<Value> {
    let mut filters = Map::new();
    for (name, value) in value.as_object()? {
        let values = value.as_str().map(|text| vec![text.to_owned()]).or_else(|| texts(value))?;
        filters.insert(name.clone(), Value::from(values));
    }
    Some(Value::Object(filters))
}

/// Reads a size as `docker run --memory` does: `b`, `k`, `m`, `g`, each a factor of 1024.
fn size(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let factor: u64 = match text[digits..].trim_end_matches('b') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(factor)
}

/// The checked fields of one request.
#[derive(Clone, Debug, Default)]
pub struct Arguments(BTreeMap<&'static str, Value>);

impl Arguments {
    pub(super) fn insert(&mut self, name: &'static str, value: Value) -> Option<Value> {
        self.0.insert(name, value)
    }

    /// Whether the field is there.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The value as JSON.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// A flag; false where it is not there.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// A whole number.
    pub fn whole(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_u64()
    }

    /// The items of a list.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Names with their values.
    pub fn pairs(&self, name: &str) -> BTreeMap<String, String> {
        let object = self.get(name).and_then(Value::as_object).into_iter().flatten();
        object.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn flat_text_becomes_what_the_field_holds() {
        let flat = |kind: Kind, text: &str| kind.read(&json!(text), true).ok();
        assert_eq!(flat(Kind::Flag, "true"), Some(json!(true)));
        assert_eq!(flat(Kind::Whole(0, 10), "7"), Some(json!(7)));
        assert_eq!(flat(Kind::Whole(0, 10), "11"), None);
        assert_eq!(flat(Kind::List, r#"["a","b"]"#), Some(json!(["a", "b"])));
        assert_eq!(flat(Kind::List, "a"), Some(json!(["a"])));
        assert_eq!(flat(Kind::Pairs, r#"{"A":"b"}"#), Some(json!({"A": "b"})));
        assert_eq!(flat(Kind::Pairs, "A=b=c"), Some(json!({"A": "b=c"})));
        assert_eq!(flat(Kind::Text, "true"), Some(json!("true")));
        assert_eq!(flat(Kind::Image, "a:5000/b/c:1"), Some(json!("a:5000/b/c:1")));
        assert_eq!(flat(Kind::Image, "a/../b"), None);
        assert_eq!(flat(Kind::PsOptions, "-eo pid,args"), Some(json!("-eo pid,args")));
        assert_eq!(flat(Kind::PsOptions, "auxe"), None);
    }

    #[test]
    fn json_keeps_its_types() {
        let typed = |kind: Kind, value: Value| kind.read(&value, false).ok();
        assert_eq!(typed(Kind::Flag, json!("true")), None);
        assert_eq!(typed(Kind::List, json!("a")), None);
        assert_eq!(typed(Kind::List, json!(["a", 1])), None);
        assert_eq!(typed(Kind::Number, json!("1.5")), Some(json!(1.5)));
        assert_eq!(typed(Kind::Number, json!(0)), None);
        assert_eq!(typed(Kind::Filters, json!({"status": "running"})), Some(json!({"status": ["running"]})));
    }

    #[test]
    fn names_and_images_are_no_paths() {
        let name = |text: &str| Kind::Name.read(&json!(text), false).is_ok();
        for good in ["web", "a.b_c-d", "a..b", "my network", "sha256:00"] {
            assert!(name(good), "{good}");
        }
        for bad in ["", ".", "..", "../x", "a/b", "/", "a%2fb", "a?b", "a#b", "a\\b", "a\nb", "a\u{0}", "a\u{85}"] {
            assert!(!name(bad), "{bad:?}");
        }
        assert!(!name(&"a".repeat(256)));
        let image = |text: &str| Kind::Image.read(&json!(text), false).is_ok();
        for good in ["a", "a:1", "r.test:5000/b/c:1", "a@sha256:00", "[::1]:5000/a", "sha256:00", "A/b"] {
            assert!(image(good), "{good}");
        }
        for bad in
            ["", "/a", "a/", "a//b", "a/./b", "../a", "a%2fb", "a?b", "a#b", "a b", "a\\b", "a\n", "http://a/b", "ä"]
        {
            assert!(!image(bad), "{bad:?}");
        }
    }

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        for (text, bytes) in [("512m", 512 << 20), ("2g", 2 << 30), ("1024", 1024), ("64MB", 64 << 20), ("1kb", 1024)] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for bad in ["", "m", "-1", "1x", "1.5.2g", "99999999999999999999"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }
}
