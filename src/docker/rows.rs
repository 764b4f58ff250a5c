//! The lists of a daemon, row by row: containers that people made with docker itself may have labels of any size, and one
//! such row must not take the others with it.

use http_body_util::BodyExt;
use hyper::header::{CONTENT_TYPE, DATE};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::client::{Docker, DockerError, RequestParts, causes, header};
use crate::protocol::limits::{
    ANSWER_BYTES, LIST_BYTES, ROW_FIELD_BYTES, ROW_READ_BYTES, ROW_TEXT_BYTES, ROW_WHOLE_BYTES,
};
use crate::protocol::{Answer, Body, label};

/// The field of a row that names what was clipped.
pub const CLIPPED: &str = "Clipped";

/// What is kept of a row that is not read: its beginning, with its id and its name.
const HEAD: usize = 4096;

/// The fields that stay when a whole list is too large, each as long as a name.
const SHORT: [&str; 12] =
    ["Id", "Names", "Name", "Image", "State", "Status", "Created", "RepoTags", "Size", "Driver", "Scope", "CreatedAt"];

/// How much of each of those.
const SHORT_BYTES: usize = 512;

/// How a daemon answers a call that lists.
pub enum Listed {
    /// With rows.
    Rows(Rows),
    /// It refuses.
    Refused(Answer),
}

/// The rows of a list, each an object.
#[derive(Default)]
pub struct Rows {
    content_type: Option<String>,
    date: Option<String>,
    /// What stands before the rows and behind them, where the list is a part of an object.
    around: (Vec<u8>, Vec<u8>),
    rows: Vec<Box<RawValue>>,
    /// The length of the whole answer, if it is as it came.
    length: Option<usize>,
}

impl Docker {
    /// Asks for a list, and reads it row by row. Of rows that are too large as much is kept as fits; they name what is
    /// missing in `Clipped`.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn rows(&self, parts: &RequestParts) -> Result<Listed, DockerError> {
        let target = self.target(parts).await?;
        let response = self.send(parts, &target).await?;
        if response.status() != 200 {
            return Ok(Listed::Refused(self.read(response).await?.into_answer()));
        }
        let (head, mut body) = response.into_parts();
        let (content_type, date) = (header(&head.headers, CONTENT_TYPE), header(&head.headers, DATE));
        let mut rows = Rows { content_type, date, ..Rows::default() };
        let (mut splitter, mut length, mut kept, mut whole) = (Splitter::default(), 0, 0, true);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| DockerError::Down(causes(&error)))?;
            let Some(data) = frame.data_ref() else { continue };
            length += data.len();
            for (bytes, is_whole) in splitter.add(data) {
                let row = if is_whole { fitted(&bytes) } else { None };
                whole &= row.is_some();
                let row = row.unwrap_or_else(|| clipped(&bytes, is_whole));
                kept += row.get().len();
                rows.rows.push(row);
            }
            if kept > LIST_BYTES || splitter.is_too_much() {
                return Err(DockerError::TooLarge);
            }
        }
        if splitter.is_broken() {
            return Err(DockerError::Down("its list has broken off".to_owned()));
        }
        rows.around = (splitter.before, splitter.behind);
        rows.length = whole.then_some(length);
        Ok(Listed::Rows(rows))
    }
}

impl Rows {
    /// The rows.
    pub fn iter(&self) -> impl Iterator<Item = Value> {
        self.rows.iter().filter_map(|row| serde_json::from_str(row.get()).ok())
    }

    /// Keeps of the rows those that `wanted` names, and of these the first `most`.
    pub fn keep(&mut self, wanted: impl Fn(&Value) -> bool, most: usize) {
        self.rows.retain(|row| serde_json::from_str(row.get()).is_ok_and(|row| wanted(&row)));
        self.rows.truncate(most);
        self.length = None;
    }

    /// The answer with these rows, as the daemon gave it where nothing is missing.
    ///
    /// # Errors
    /// [`DockerError::TooLarge`] where not even ids and names fit.
    pub fn into_answer(mut self) -> Result<Answer, DockerError> {
        let size = |rows: &[Box<RawValue>]| rows.iter().map(|row| row.get().len() + 1).sum::<usize>();
        if size(&self.rows) > ANSWER_BYTES {
            self.rows = self.rows.iter().map(|row| shortened(row)).collect();
            self.length = None;
        }
        if size(&self.rows) > ANSWER_BYTES {
            return Err(DockerError::TooLarge);
        }
        let Self { content_type, date, around: (before, behind), rows, length } = self;
        let mut text = before;
        if !behind.is_empty() {
            text.push(b'[');
            text.extend_from_slice(rows.iter().map(|row| row.get()).collect::<Vec<_>>().join(",").as_bytes());
            text.extend_from_slice(&behind);
        }
        let body = Body::read(content_type.as_deref(), &text);
        let length = length.or_else(|| Some(body.len()));
        Ok(Answer { status: 200, content_type, date, length, body })
    }
}

/// A row that is small enough as it is.
fn fitted(bytes: &[u8]) -> Option<Box<RawValue>> {
    if bytes.len() > ROW_WHOLE_BYTES {
        return None;
    }
    RawValue::from_string(std::str::from_utf8(bytes).ok()?.to_owned()).ok()
}

/// What fits of a row that is too large, or not to be read.
fn clipped(bytes: &[u8], is_whole: bool) -> Box<RawValue> {
    let read = if is_whole { serde_json::from_slice::<Map<String, Value>>(bytes) } else { Ok(Map::new()) };
    let row = match read {
        Ok(row) if is_whole => clip(row),
        other => {
            let why =
                other.err().map_or_else(|| format!("it is larger than {ROW_READ_BYTES} bytes"), |e| e.to_string());
            let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]);
            let text = |name: &str| {
                let from = head.find(&format!("\"{name}\":"))? + name.len() + 3;
                let text = head[from..].trim_start_matches('[').strip_prefix('"')?;
                Some(text.split('"').next()?.to_owned())
            };
            let mut row = Map::new();
            row.extend(text("Id").map(|id| ("Id".to_owned(), Value::from(id))));
            row.extend(text("Name").map(|name| ("Name".to_owned(), Value::from(name))));
            row.extend(text("Names").map(|name| ("Names".to_owned(), json!([name]))));
            row.insert("Error".to_owned(), Value::from(format!("the row cannot be shown: {why}")));
            row.insert(CLIPPED.to_owned(), json!(["all"]));
            row
        }
    };
    raw(&Value::Object(row))
}

/// Makes each field of a row fit, and names in [`CLIPPED`] those that did not.
fn clip(row: Map<String, Value>) -> Map<String, Value> {
    let (mut kept, mut missing) = (Map::new(), Vec::new());
    for (name, value) in row {
        let (value, is_whole) = match value {
            Value::Object(labels) if name == "Labels" => clip_labels(labels),
            value => clip_value(value, ROW_FIELD_BYTES),
        };
        if !is_whole {
            missing.push(name.clone());
        }
        kept.insert(name, value);
    }
    kept.insert(CLIPPED.to_owned(), json!(missing));
    kept
}

/// The labels of deblox, and of the others those that fit.
fn clip_labels(labels: Map<String, Value>) -> (Value, bool) {
    let (own, others): (Map<_, _>, Map<_, _>) =
        labels.into_iter().partition(|(name, _)| name.starts_with(label::PREFIX));
    let (own, own_is_whole) = clip_value(Value::Object(own), ROW_FIELD_BYTES);
    let (others, others_are_whole) = clip_value(Value::Object(others), ROW_FIELD_BYTES);
    let mut all = others.as_object().cloned().unwrap_or_default();
    all.extend(own.as_object().cloned().unwrap_or_default());
    (Value::Object(all), own_is_whole && others_are_whole)
}

/// As much of a value as fits into so many bytes, and whether that is all of it.
fn clip_value(value: Value, most: usize) -> (Value, bool) {
    let fits = |text: &str, left: usize| text.len() <= left.min(ROW_TEXT_BYTES);
    match value {
        Value::String(text) if !fits(&text, most) => {
            let end = (0..=most.min(ROW_TEXT_BYTES)).rfind(|at| text.is_char_boundary(*at)).unwrap_or_default();
            (Value::from(&text[..end]), false)
        }
        Value::Array(items) => {
            let (mut left, count, mut kept, mut is_whole) = (most, items.len(), Vec::new(), true);
            for item in items {
                let (item, whole) = clip_value(item, left);
                let size = item.to_string().len() + 1;
                is_whole &= whole;
                if size > left {
                    break;
                }
                left -= size;
                kept.push(item);
            }
            let is_whole = is_whole && kept.len() == count;
            (Value::Array(kept), is_whole)
        }
        Value::Object(fields) => {
            let (mut left, count, mut kept, mut is_whole) = (most, fields.len(), Map::new(), true);
            for (name, field) in fields {
                let (field, whole) = clip_value(field, left);
                let size = name.len() + field.to_string().len() + 4;
                is_whole &= whole;
                // Smaller ones behind it may still fit.
                if size > left || name.len() > ROW_TEXT_BYTES {
                    continue;
                }
                left -= size;
                kept.insert(name, field);
            }
            let is_whole = is_whole && kept.len() == count;
            (Value::Object(kept), is_whole)
        }
        value => (value, true),
    }
}

/// What names a row, where all of it would make the list too large.
fn shortened(row: &RawValue) -> Box<RawValue> {
    let row: Map<String, Value> = serde_json::from_str(row.get()).unwrap_or_default();
    let missing: Vec<&String> = row.keys().filter(|name| !SHORT.contains(&name.as_str())).collect();
    let missing = json!(missing);
    let mut kept: Map<String, Value> = row.into_iter().filter(|(name, _)| SHORT.contains(&name.as_str())).collect();
    kept = kept.into_iter().map(|(name, value)| (name, clip_value(value, SHORT_BYTES).0)).collect();
    kept.insert(CLIPPED.to_owned(), missing);
    raw(&Value::Object(kept))
}

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).expect("JSON serialises")
}

/// Takes the objects out of the first list in a JSON text that comes in pieces.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "where in the text it is has four independent parts")]
struct Splitter {
    /// What stands before the list.
    before: Vec<u8>,
    /// What stands from its end on.
    behind: Vec<u8>,
    row: Vec<u8>,
    /// Whether the row that is read has become too large.
    over: bool,
    begun: bool,
    /// How deep in the row it is; 0 between rows.
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Splitter {
    /// The rows that end in these bytes, and whether each is whole.
    fn add(&mut self, bytes: &[u8]) -> Vec<(Vec<u8>, bool)> {
        let (mut rows, mut rest) = (Vec::new(), bytes);
        while let Some((&byte, behind)) = rest.split_first() {
            // Most of what is large is text.
            let run = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len());
            if self.in_text && !self.escaped && run > 0 {
                self.keep(&rest[..run]);
                rest = &rest[run..];
                continue;
            }
            rest = behind;
            rows.extend(self.take(byte));
        }
        rows
    }

    /// Takes one byte. Returns the row that ends with it, and whether that is whole.
    fn take(&mut self, byte: u8) -> Option<(Vec<u8>, bool)> {
        let was_text = self.in_text;
        let opens = !was_text && matches!(byte, b'{' | b'[');
        if was_text {
            self.in_text = self.escaped || byte != b'"';
            self.escaped = byte == b'\\' && !self.escaped;
        } else if byte == b'"' {
            self.in_text = true;
        }
        if self.begun && self.behind.is_empty() && self.depth == 0 && !opens {
            if !was_text && byte == b']' {
                self.behind.push(byte);
            }
            return None;
        }
        if !self.begun && opens && byte == b'[' {
            self.begun = true;
            return None;
        }
        let in_row = self.begun && self.behind.is_empty();
        if in_row {
            self.depth += usize::from(opens);
        }
        self.keep(&[byte]);
        if in_row && !was_text && matches!(byte, b'}' | b']') {
            self.depth -= 1;
            if self.depth == 0 {
                return Some((std::mem::take(&mut self.row), !std::mem::take(&mut self.over)));
            }
        }
        None
    }

    /// Keeps bytes where they belong.
    fn keep(&mut self, bytes: &[u8]) {
        if !self.behind.is_empty() {
            self.behind.extend_from_slice(bytes);
        } else if !self.begun {
            self.before.extend_from_slice(bytes);
        } else if self.depth > 0 && !self.over {
            self.row.extend_from_slice(bytes);
            if self.row.len() > ROW_READ_BYTES {
                self.over = true;
                self.row.truncate(HEAD);
            }
        }
    }

    /// Whether what is around the list is larger than any list is.
    fn is_too_much(&self) -> bool {
        self.before.len() + self.behind.len() > ANSWER_BYTES
    }

    fn is_broken(&self) -> bool {
        self.begun && self.behind.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, piece: usize) -> (Vec<String>, String, String) {
        let mut splitter = Splitter::default();
        let mut rows = Vec::new();
        for piece in text.as_bytes().chunks(piece) {
            rows.extend(splitter.add(piece).into_iter().map(|(row, _)| String::from_utf8(row).unwrap()));
        }
        assert!(!splitter.is_broken(), "{text}");
        (rows, String::from_utf8(splitter.before).unwrap(), String::from_utf8(splitter.behind).unwrap())
    }

    #[test]
    fn rows_come_whole_whatever_the_pieces_are() {
        let (one, other) = (r#"{"a":"]}\\\"{[","b":[{"c":{}}]}"#, r#"{"d":1}"#);
        for piece in 1..12 {
            let text = format!("[{one}, {other}]\n");
            assert_eq!(split(&text, piece), (vec![one.into(), other.into()], String::new(), "]\n".into()));
            let text = format!(r#"{{"Volumes":[{one},{other}],"Warnings":["[x]"]}}"#);
            let (rows, before, behind) = split(&text, piece);
            assert_eq!(format!("{before}[{}{behind}", rows.join(",")), text);
            for none in ["[]", "null\n", r#"{"Volumes":null,"Warnings":null}"#] {
                let (rows, before, behind) = split(none, piece);
                assert!(rows.is_empty());
                assert_eq!(before + if behind.is_empty() { "" } else { "[" } + &behind, none);
            }
        }
    }

    #[test]
    fn what_is_too_large_is_clipped_and_said() {
        let large = "x".repeat(2 * ROW_FIELD_BYTES);
        let row = json!({"Id": "a", "Names": ["/web"], "Command": large, "Ports": [],
            "Labels": {"a": large, "b": "small", "deblox.owner": "ada", "deblox.z": "z"}});
        let row: Value = serde_json::from_str(clipped(row.to_string().as_bytes(), true).get()).unwrap();
        assert_eq!((&row["Id"], &row["Names"], &row["Ports"]), (&json!("a"), &json!(["/web"]), &json!([])));
        assert_eq!(row[CLIPPED], json!(["Command", "Labels"]));
        assert_eq!((&row["Labels"]["b"], &row["Labels"]["deblox.owner"]), (&json!("small"), &json!("ada")));
        assert!(row.to_string().len() < 3 * ROW_FIELD_BYTES);
    }

    #[test]
    fn what_cannot_be_read_shows_as_itself() {
        let row: Value =
            serde_json::from_str(clipped(br#"{"Id":"abc","Names":["/web"],"Image":"#, false).get()).unwrap();
        assert_eq!((&row["Id"], &row["Names"]), (&json!("abc"), &json!(["/web"])));
        assert!(row["Error"].as_str().unwrap().contains("larger"));
        assert_eq!(row[CLIPPED], json!(["all"]));
    }
}
