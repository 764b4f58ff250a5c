//! The audit: what a record holds, and the chain of hashes that shows whether all records are there, as they were written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::limits::{AUDIT_AGE, AUDIT_LOOKS, AUDIT_RECORDS, AUDIT_REFUSALS, AUDIT_STRANGERS};
use super::{EntryId, ErrorCode, Event, Fields};

/// The fields that the script adds to a record. They are hashed beside the rest of it.
const ADDED: [&str; 5] = ["at", "seq", "prev", "took", "repeated"];

/// One record of the audit: who asked for what, where, and how it ended. It never holds a secret.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord<'a> {
    /// The action. Beside the actions of requests there are those of accounts and logins, such as `add-user` and `login`.
    pub action: &'a str,
    /// The request. A message to the auth manager has none here: its reply may hold a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
    /// Who asked, where workers ask who it is and it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// The name of the API token that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<&'a str>,
    /// The address that the caller came from, as the node that served it saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<&'a str>,
    /// The user of Redis whose credential a command used that changes Redis itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_user: Option<&'a str>,
    /// The dock whose worker did it, or refused it. Absent where no worker did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dock: Option<&'a str>,
    /// The full id of the instance, or what was given for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// The name that was given or asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// The image, network, volume, dock, user or token that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<&'a str>,
    /// What was changed of an account or a token, such as `role=admin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<&'a str>,
    /// Whether this is the beginning of a stream that goes on: another record tells its end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub begun: bool,
    /// The status of the reply. Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The stable name of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    /// Whether it only looked. Such a record is one of those that are counted when they repeat.
    #[serde(skip)]
    pub looks: bool,
}

/// A record as the script takes it.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    json: String,
    digest: String,
    counted: Vec<(String, u32)>,
}

/// How much of the audit is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditBounds {
    /// About how many records.
    pub records: u64,
    /// For how long.
    pub age: Duration,
}

/// The end of the chain, and where trimming has cut off its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditHead {
    /// The last record.
    pub last: Link,
    /// The last record that was trimmed.
    pub trimmed: Link,
}

/// A place in the chain: the number of a record, and the hash of all records up to it. The default is before the first one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The number of the record, from 1 on.
    pub seq: u64,
    /// The hash.
    pub hash: String,
}

/// Walks the chain, record by record.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    last: Link,
    at: String,
    begun: bool,
}

impl AuditEntry {
    /// Makes it of a record.
    pub fn new(record: &AuditRecord<'_>) -> Self {
        let mut map = match serde_json::to_value(record) {
            Ok(Value::Object(map)) => map,
            // A struct of texts and numbers becomes an object.
            _ => Map::new(),
        };
        map.insert("event".to_owned(), Value::from(Event::REQUEST));
        let json = canonical(&map);
        Self { digest: sha256(&json), counted: record.counted(), json }
    }

    /// The record as JSON: its fields are in the order of their names.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The SHA-256 of [`Self::json`], in hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What records like this one are counted by, and how many of them are kept one by one: two at most.
    pub fn counted(&self) -> &[(String, u32)] {
        &self.counted
    }
}

impl AuditRecord<'_> {
    /// The action of an attempt to log in.
    pub const LOGIN: &'static str = "login";

    /// Refusals are cheap to cause, and so are looks. Without a bound one caller could push out the records of all others.
    fn counted(&self) -> Vec<(String, u32)> {
        // Who logs in is known when that was let in.
        let user = self.user.filter(|_| self.action != Self::LOGIN);
        let who = user.or(self.address).unwrap_or_default();
        let by = |kind: &str, parts: &[&str]| sha256(&format!("{kind}\n{}", parts.join("\n")))[..32].to_owned();
        if self.error.is_some_and(is_refusal) {
            if user.is_some() {
                return vec![(by("refused", &[who]), AUDIT_REFUSALS)];
            }
            // Addresses are cheap, so all strangers have a bound together, for each kind of refusal.
            let error = self.error.unwrap_or_default();
            return vec![(by("address", &[who, error]), AUDIT_REFUSALS), (by("strangers", &[error]), AUDIT_STRANGERS)];
        }
        if self.looks {
            let what = [who, self.action, self.id.unwrap_or_default(), self.about.unwrap_or_default()];
            return vec![(by("look", &what), 1), (by("looks", &[who]), AUDIT_LOOKS)];
        }
        Vec::new()
    }
}

/// Whether a request that ends with this error has changed nothing, and cost next to nothing.
fn is_refusal(error: &str) -> bool {
    let changed = [
        ErrorCode::Timeout,
        ErrorCode::Interrupted,
        ErrorCode::Incomplete,
        ErrorCode::DockerError,
        ErrorCode::PullFailed,
        ErrorCode::BuildFailed,
        ErrorCode::PushFailed,
        ErrorCode::Unhealthy,
        ErrorCode::ReaderGone,
        ErrorCode::Cancelled,
        ErrorCode::Poison,
        ErrorCode::Internal,
    ];
    error != Link::LOST && !changed.iter().any(|code| code.as_str() == error)
}

impl Default for AuditBounds {
    fn default() -> Self {
        Self { records: AUDIT_RECORDS, age: AUDIT_AGE }
    }
}

impl Link {
    /// The error of a record that says that Redis has lost records.
    pub const LOST: &str = "records-lost";

    /// The record that a program has added when Redis no longer has the record at this place, which it had confirmed.
    pub fn lost(&self) -> AuditEntry {
        let about = format!("Redis had confirmed record {self}, and no longer has it");
        let (action, about, error) = ("audit", Some(about.as_str()), Some(Self::LOST));
        AuditEntry::new(&AuditRecord { action, about, error, ..AuditRecord::default() })
    }

    /// The place of a record, as [`read`] gives it, if the one before it was what it says.
    pub fn of(record: &Map<String, Value>) -> Option<Self> {
        let seq = record.get("seq")?.as_u64()?;
        Some(Self { seq, hash: link(record, seq, record.get("prev")?.as_str()?) })
    }

    /// Reads `NUMBER:HASH`.
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, hash) = text.split_once(':')?;
        let is_hash = hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(Self { seq: seq.parse().ok()?, hash: hash.to_ascii_lowercase() }).filter(|_| is_hash)
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl Chain {
    /// A walk that begins behind `trimmed`.
    pub fn after(trimmed: &Link) -> Self {
        Self { last: trimmed.clone(), at: String::new(), begun: true }
    }

    /// The last record that was walked over.
    pub fn last(&self) -> &Link {
        &self.last
    }

    /// Goes on to the next record, as [`read`] gives it. A walk that has no beginning takes the word of the first record
    /// for what was before it.
    ///
    /// # Errors
    /// What is wrong with the chain there, in one line.
    pub fn step(&mut self, record: &Map<String, Value>) -> Result<(), String> {
        let text = |name: &str| record.get(name).and_then(Value::as_str);
        let at = text("at").unwrap_or("an unknown place");
        let (Some(seq), Some(prev)) = (record.get("seq").and_then(Value::as_u64), text("prev")) else {
            return Err(format!("the entry at {at} is no record of the audit: no program of deblox has written it so"));
        };
        if !self.begun {
            self.last = Link { seq: seq.saturating_sub(1), hash: prev.to_owned() };
            self.begun = true;
        }
        let Link { seq: before, hash } = &self.last;
        if seq.checked_sub(1) != Some(*before) {
            let what = if seq <= *before { "out of order" } else { "missing" };
            let first = before.saturating_add(1);
            return Err(match (what, seq.saturating_sub(first)) {
                ("missing", 1) => format!("record {first} is missing: record {seq} at {at} follows record {before}"),
                ("missing", _) => {
                    format!("records {first} to {} are missing: record {seq} at {at} follows record {before}", seq - 1)
                }
                _ => format!("record {seq} at {at} stands behind record {before}: records were moved or written again"),
            });
        }
        if prev != hash {
            let which = if self.at.is_empty() { String::new() } else { format!(" at {}", self.at) };
            return Err(format!(
                "record {before}{which} is not what record {seq} at {at} followed: one of the two was changed"
            ));
        }
        self.last = Link { seq, hash: link(record, seq, prev) };
        at.clone_into(&mut self.at);
        Ok(())
    }

    /// Checks that the walk has come to the end.
    ///
    /// # Errors
    /// What is wrong with the end of the chain, in one line.
    pub fn ends(&self, head: &Link) -> Result<(), String> {
        let (last, end) = (self.last.seq, head.seq);
        match last.cmp(&end) {
            std::cmp::Ordering::Less => Err(format!("records {} to {end} are missing at the end", last + 1)),
            std::cmp::Ordering::Greater => {
                Err(format!("the head is behind: it says that record {end} is the last, and there is record {last}"))
            }
            std::cmp::Ordering::Equal if self.last.hash != head.hash => {
                Err(format!("record {last} at {}, the last one, was changed", self.at))
            }
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}

/// Reads an entry of the stream: the record, with its place as `at` and what the script has added to it. Nothing where it
/// cannot be read.
pub fn read(id: EntryId, fields: &Fields) -> Option<Map<String, Value>> {
    let field = |name: &str| fields.iter().find(|(key, _)| key == name.as_bytes()).map(|(_, value)| value);
    let record: Map<String, Value> = serde_json::from_slice(field("json")?).ok()?;
    let mut read = Map::from_iter([("at".to_owned(), Value::from(id.to_string()))]);
    read.extend(record.into_iter().filter(|(name, _)| !ADDED.contains(&name.as_str())));
    for name in ["seq", "took", "repeated"] {
        let number = field(name).and_then(|value| std::str::from_utf8(value).ok()?.parse::<u64>().ok());
        read.extend(number.map(|number| (name.to_owned(), Value::from(number))));
    }
    let prev = field("prev").map(|prev| ("prev".to_owned(), Value::from(String::from_utf8_lossy(prev))));
    read.extend(prev);
    Some(read)
}

/// The hash of a record and of all before it, as `audit.lua` makes it.
fn link(record: &Map<String, Value>, seq: u64, prev: &str) -> String {
    let text =
        |name: &str| record.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let written: Map<String, Value> = record
        .iter()
        .filter(|(name, _)| !ADDED.contains(&name.as_str()))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let [at, took, repeated] = ["at", "took", "repeated"].map(|name| text(name).unwrap_or_default());
    let digest = sha256(&canonical(&written));
    let hashed = [prev, &seq.to_string(), &at, &digest, &took, &repeated].join("\n");
    sha1_smol::Sha1::from(hashed).digest().to_string()
}

/// A JSON object with its fields in the order of their names, so that a record has one form.
fn canonical(record: &Map<String, Value>) -> String {
    let sorted: BTreeMap<&String, &Value> = record.iter().collect();
    serde_json::to_string(&sorted).unwrap_or_default()
}

fn sha256(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A chain of so many records, and its head.
    fn chain(length: u64) -> (Vec<Map<String, Value>>, Link) {
        let (mut records, mut last) = (Vec::new(), Link::default());
        for seq in 1..=length {
            let record = AuditRecord { action: "stop-container", user: Some("ada"), ..AuditRecord::default() };
            let entry = AuditEntry::new(&record);
            let id = EntryId { millis: 1_700_000_000_000 + seq, sequence: 0 };
            let fields = [("json", entry.json()), ("seq", &seq.to_string()), ("took", "5"), ("prev", &last.hash)];
            let fields = fields.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).to_vec();
            let record = read(id, &fields).unwrap();
            last = Link { seq, hash: link(&record, seq, &last.hash) };
            records.push(record);
        }
        (records, last)
    }

    fn walk(records: &[Map<String, Value>], head: &Link) -> Result<(), String> {
        let mut chain = Chain::after(&Link::default());
        records.iter().try_for_each(|record| chain.step(record))?;
        chain.ends(head)
    }

    #[test]
    fn a_chain_is_right_and_whatever_is_done_to_it_is_found() {
        type Change<'a> = &'a dyn Fn(&mut Vec<Map<String, Value>>);
        let (good, head) = chain(6);
        assert_eq!(walk(&good, &head), Ok(()));
        assert_eq!(walk(&[], &Link::default()), Ok(()));
        let found = |change: Change<'_>| {
            let mut records = good.clone();
            change(&mut records);
            walk(&records, &head).unwrap_err()
        };
        insta::assert_snapshot!(found(&|all| drop(all.remove(2))), @"record 3 is missing: record 4 at 1700000000004-0 follows record 2");
        insta::assert_snapshot!(found(&|all| drop(all.drain(..2))), @"records 1 to 2 are missing: record 3 at 1700000000003-0 follows record 0");
        insta::assert_snapshot!(found(&|all| all.truncate(4)), @"records 5 to 6 are missing at the end");
        insta::assert_snapshot!(found(&|all| all.swap(1, 2)), @"record 2 is missing: record 3 at 1700000000003-0 follows record 1");
        insta::assert_snapshot!(found(&|all| all.insert(3, all[2].clone())), @"record 3 at 1700000000003-0 stands behind record 3: records were moved or written again");
        insta::assert_snapshot!(found(&|all| drop(all[5].insert("user".into(), "eve".into()))), @"record 6 at 1700000000006-0, the last one, was changed");
        let changes = [
            ("user", json!("eve")),
            ("at", json!("1-0")),
            ("took", json!(6)),
            ("repeated", json!(2)),
            ("more", json!("x")),
            ("prev", json!("00")),
        ];
        for (field, value) in changes {
            let broken = found(&|all| drop(all[2].insert(field.into(), value.clone())));
            assert!(broken.contains("one of the two was changed"), "{field}: {broken}");
        }
        insta::assert_snapshot!(found(&|all| drop(all[2].remove("seq"))), @"the entry at 1700000000003-0 is no record of the audit: no program of deblox has written it so");
        let all = Chain::default();
        assert!(good[3..].iter().try_fold(all, |mut chain, one| chain.step(one).map(|()| chain)).is_ok());
    }

    #[test]
    fn refusals_and_looks_are_counted_and_what_has_an_effect_is_not() {
        let of = |error: Option<&str>, looks: bool| {
            let record = AuditRecord { action: "x", user: Some("ada"), error, looks, ..AuditRecord::default() };
            AuditEntry::new(&record).counted().iter().map(|(_, limit)| *limit).collect::<Vec<_>>()
        };
        assert_eq!(of(None, false), Vec::<u32>::new());
        assert_eq!(of(Some("timeout"), false), Vec::<u32>::new());
        assert_eq!(of(Some("forbidden"), false), [AUDIT_REFUSALS]);
        assert_eq!(of(Some("forbidden"), true), [AUDIT_REFUSALS]);
        assert_eq!(of(Some("denied"), false), [AUDIT_REFUSALS]);
        let login = AuditRecord {
            action: AuditRecord::LOGIN,
            user: Some("ada"),
            error: Some("denied"),
            ..AuditRecord::default()
        };
        let login = AuditEntry::new(&login);
        let [address, strangers] = login.counted() else { panic!("two bounds") };
        assert_eq!((address.1, strangers.1), (AUDIT_REFUSALS, AUDIT_STRANGERS));
        assert_eq!(of(None, true), [1, AUDIT_LOOKS]);
        assert_eq!(of(Some(Link::LOST), false), Vec::<u32>::new());
    }

    #[test]
    fn a_place_in_the_chain_is_read_as_it_is_written() {
        let link = Link { seq: 7, hash: "a".repeat(40) };
        assert_eq!(Link::parse(&link.to_string()), Some(link));
        for bad in ["", "7", "7:", "x:aa", &format!("7:{}", "g".repeat(40)), &format!("-1:{}", "a".repeat(40))] {
            assert_eq!(Link::parse(bad), None, "{bad}");
        }
    }
}
