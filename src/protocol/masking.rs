//! Which values look like secrets, and how they are masked in what callers get who may not see them.
//!
//! A value is masked because of the name that it stands under, as `PASSWORD` in `PASSWORD=x`, because that name was declared
//! a secret, or because of its own form, as the user and password in a URL. Everything else of a document stays as it is.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::label;

/// What stands in the place of a masked value.
pub const MASK: &str = "***";

/// The field of a template that lists names whose values are secrets.
pub const SECRETS_FIELD: &str = "Secrets";

/// Words of a name that make its value a secret. Words end at `_`, `-`, `.`, digits and capital letters: `sshKey` has `key`.
pub const SECRET_WORDS: [&str; 22] = [
    "auth",
    "authentication",
    "authorization",
    "bearer",
    "cookie",
    "cookies",
    "cred",
    "creds",
    "dsn",
    "jwt",
    "key",
    "keys",
    "mnemonic",
    "oauth",
    "otp",
    "pass",
    "pat",
    "pw",
    "pwd",
    "salt",
    "sas",
    "webhook",
];

/// What makes a value a secret wherever it is in a name, also without a border: `PGPASSWORD`, `client_secret`.
pub const SECRET_PARTS: [&str; 15] = [
    "accesskey",
    "apikey",
    "basicauth",
    "connectionstring",
    "connstr",
    "credential",
    "encryptionkey",
    "masterkey",
    "passcode",
    "passphrase",
    "passw",
    "privatekey",
    "secret",
    "signingkey",
    "token",
];

/// Names that only look so: shell variables, and fields of Docker's own that hold no secret.
const HARMLESS: [&str; 5] = ["PWD", "OLDPWD", "SandboxKey", "DetachKeys", SECRETS_FIELD];

/// How deep a document is looked into; what is deeper is masked as a whole.
const DEPTH: usize = 64;

/// Whether the value of something called so is a secret.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.trim_start_matches('-');
    if HARMLESS.contains(&name) {
        return false;
    }
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_PARTS.iter().any(|part| letters.contains(part)) || words(name).iter().any(|word| is_word(word))
}

fn is_word(word: &str) -> bool {
    SECRET_WORDS.contains(&word)
}

/// The words of a name, in lower case.
fn words(name: &str) -> Vec<String> {
    let (mut words, mut word, mut before) = (Vec::new(), String::new(), ' ');
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let after_acronym = before.is_ascii_uppercase() && rest.peek().is_some_and(char::is_ascii_lowercase);
        let is_border = c.is_ascii_uppercase() && (before.is_ascii_lowercase() || after_acronym);
        if (is_border || !c.is_ascii_alphabetic()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_ascii_alphabetic() {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// Masks the secrets in an answer of the daemon, a template or a list of either. Returns whether there was one.
pub fn mask(document: &mut Value) -> bool {
    let mut declared = BTreeSet::new();
    declare(document, 0, &mut declared);
    Masking { declared }.value(document, 0)
}

/// The names that a document itself declares: in the field of a template, in the label of a container.
fn declare(value: &Value, depth: usize, declared: &mut BTreeSet<String>) {
    if depth > DEPTH {
        return;
    }
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::Array(names) if name.eq_ignore_ascii_case(SECRETS_FIELD) => {
                        declared.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    Value::String(names) if name == label::SECRETS => {
                        declared.extend(names.split(',').map(str::to_owned));
                    }
                    _ => declare(value, depth + 1, declared),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| declare(value, depth + 1, declared)),
        _ => {}
    }
}

/// What is masked in one document.
struct Masking {
    declared: BTreeSet<String>,
}

impl Masking {
    fn is_secret(&self, name: &str) -> bool {
        is_secret_name(name) || self.declared.contains(name.trim_start_matches('-'))
    }

    fn value(&self, value: &mut Value, depth: usize) -> bool {
        match value {
            Value::Object(_) | Value::Array(_) if depth > DEPTH => blank(value),
            Value::Object(object) => self.object(object, depth),
            Value::Array(list) => self.list(list, depth),
            Value::String(text) => replace(text, self.text(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    fn object(&self, object: &mut Map<String, Value>, depth: usize) -> bool {
        let mut masked = false;
        for (name, value) in object.iter_mut() {
            // Which names are secrets is none.
            let names_secrets = name == label::SECRETS || name.eq_ignore_ascii_case(SECRETS_FIELD);
            let is_secret = !names_secrets && self.is_secret(name);
            masked |= if is_secret { blank(value) } else { self.value(value, depth + 1) };
        }
        masked
    }

    /// A list of values, which may be variables as `NAME=VALUE`, or the words of a command.
    fn list(&self, list: &mut [Value], depth: usize) -> bool {
        let (mut masked, mut is_next) = (false, false);
        for value in list {
            let follows_flag = std::mem::take(&mut is_next);
            let Value::String(text) = value else {
                masked |= self.value(value, depth + 1);
                continue;
            };
            let flag = text.strip_prefix('-').filter(|flag| !flag.contains(['=', ' ']));
            is_next = flag.is_some_and(|flag| self.is_secret(flag));
            let as_a_whole = match text.split_once('=') {
                _ if follows_flag && flag.is_none() => Some(MASK.to_owned()),
                Some((name, value)) if is_name(name) && !value.is_empty() && self.is_secret(name) => {
                    Some(format!("{name}={MASK}"))
                }
                _ => None,
            };
            let changed = as_a_whole.or_else(|| self.text(text));
            masked |= replace(text, changed);
        }
        masked
    }

    /// A text with its secrets masked; none if it has no secret.
    fn text(&self, text: &str) -> Option<String> {
        if text.contains("PRIVATE KEY-----") {
            return Some(MASK.to_owned());
        }
        let assigned = self.assignments(text);
        let in_urls = userinfo(assigned.as_deref().unwrap_or(text));
        in_urls.or(assigned)
    }

    /// Masks what is assigned to a secret name anywhere in a text: `NAME=VALUE`, `NAME: VALUE`, `--name VALUE`.
    fn assignments(&self, text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        let (mut out, mut copied, mut at) = (String::new(), 0, 0);
        while at < bytes.len() {
            if !is_name_byte(bytes[at]) {
                at += 1;
                continue;
            }
            let start = at;
            while at < bytes.len() && is_name_byte(bytes[at]) {
                at += 1;
            }
            let name = &text[start..at];
            let Some(from) = separator(bytes, at, name.starts_with('-')) else { continue };
            if !self.is_secret(name) {
                continue;
            }
            let in_build_step = ["ENV ", "ARG "].iter().any(|step| text[..start].ends_with(step));
            let (from, to) = if in_build_step { (from, text.len()) } else { extent(text, from) };
            if to > from && &text[from..to] != MASK {
                out.push_str(&text[copied..from]);
                out.push_str(MASK);
                copied = to;
            }
            at = to.max(at);
        }
        (copied > 0).then(|| out + &text[copied..])
    }
}

fn replace(text: &mut String, by: Option<String>) -> bool {
    match by {
        Some(by) if by != *text => {
            *text = by;
            true
        }
        _ => false,
    }
}

/// Masks every text in a value.
fn blank(value: &mut Value) -> bool {
    match value {
        Value::String(text) if text.is_empty() => false,
        Value::String(text) => replace(text, Some(MASK.to_owned())),
        Value::Array(list) => list.iter_mut().fold(false, |masked, value| blank(value) | masked),
        Value::Object(object) => object.values_mut().fold(false, |masked, value| blank(value) | masked),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_name_byte)
}

/// Where the value begins of a name that ends at `at`, if one is assigned there.
fn separator(bytes: &[u8], at: usize, is_flag: bool) -> Option<usize> {
    let quoted = matches!(bytes.get(at), Some(b'"' | b'\''));
    let mut next = at + usize::from(quoted);
    let blank = |at: usize| matches!(bytes.get(at), Some(b' ' | b'\t'));
    if is_flag && blank(next) {
        while blank(next) {
            next += 1;
        }
        return bytes.get(next).filter(|byte| **byte != b'-').map(|_| next);
    }
    let unspaced = next;
    while quoted && blank(next) {
        next += 1;
    }
    match bytes.get(next) {
        Some(b'=') => Some(next + 1),
        Some(b':') if quoted || blank(next + 1) => {
            next += 1;
            while blank(next) {
                next += 1;
            }
            (next > unspaced).then_some(next)
        }
        _ => None,
    }
}

/// How far a value reaches that begins at `from`: to the end of its quotes, or to where the next assignment begins.
fn extent(text: &str, from: usize) -> (usize, usize) {
    let bytes = text.as_bytes();
    if let Some(quote @ (b'"' | b'\'')) = bytes.get(from).copied() {
        let mut at = from + 1;
        while at < bytes.len() && bytes[at] != quote {
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        let mut end = at.min(bytes.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        return (from + 1, end);
    }
    let mut at = from;
    while at < bytes.len() {
        let ends = match bytes[at] {
            b'\n' | b'\r' | b'"' | b'\'' => true,
            b';' | b',' | b'&' | b' ' | b'\t' => begins_another(&bytes[at + 1..]),
            _ => false,
        };
        if ends {
            break;
        }
        at += 1;
    }
    (from, at)
}

/// Whether what follows a separator is something else than the rest of the value before it.
fn begins_another(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii_start();
    let length = rest.iter().take_while(|byte| is_name_byte(**byte) || **byte == b' ').count();
    let is_assignment = length > 0 && rest.get(length) == Some(&b'=');
    is_assignment || rest.is_empty() || rest.starts_with(b"-") || rest.starts_with(b"/") || rest.starts_with(b"&&")
}

/// Masks the user and the password in each URL of a text; none if there is none.
fn userinfo(text: &str) -> Option<String> {
    let (mut out, mut rest, mut found) = (String::new(), text, false);
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        let word = tail.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>')).unwrap_or(tail.len());
        let authority = tail[..word].find(['/', '?', '#']).unwrap_or(word);
        // A password that is not escaped may have a slash in it.
        let is_host = |text: &str| {
            let port = text.rsplit_once(':').map(|(_, port)| port);
            port.is_none_or(|port| port.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let end = tail[..authority]
            .rfind('@')
            .or_else(|| if is_host(&tail[..authority]) { None } else { tail[..word].rfind('@') });
        out.push_str(head);
        rest = tail;
        if let Some(end) = end.filter(|end| &tail[..*end] != MASK && *end > 0) {
            out.push_str(MASK);
            rest = &tail[end..];
            found = true;
        }
    }
    found.then(|| out + rest)
}

#[cfg(test)]
mod tests;
