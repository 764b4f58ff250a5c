//! Names that appear in keys and messages, checked once, at the edge.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Credential;
use super::limits::{CLIENT_NAME_BYTES, FQDN_BYTES, REQUEST_ID_BYTES};

/// Why a name was refused: a sentence for the person who wrote it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(String);

impl InvalidName {
    /// That sentence.
    pub(super) fn new(sentence: String) -> Self {
        Self(sentence)
    }
}

/// Whether somebody has put an API token, or something that looks like the id of a session, in the place of a name. What
/// is quoted as a name gets into replies and logs.
pub fn is_secret(name: &str) -> bool {
    let hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    let is_uuid = name.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && name.split('-').all(hex);
    is_uuid || holds_token(name)
}

fn holds_token(text: &str) -> bool {
    let rests = text.split(Credential::TOKEN_PREFIX).skip(1);
    rests.into_iter().any(|rest| rest.chars().take_while(char::is_ascii_hexdigit).count() >= 32)
}

/// Says that a name is none, without naming it, where it is an API token.
pub(super) fn check_no_token(name: &str) -> Result<(), InvalidName> {
    if holds_token(name) {
        return Err(InvalidName("it is an API token: that goes into the field `token`".to_owned()));
    }
    Ok(())
}

/// A name that nobody knows, as it is quoted: its beginning, where it is longer than any name of ours, and nothing of a secret.
pub fn quoted(name: &str) -> String {
    if is_secret(name) { "(secret)".to_owned() } else { name.chars().take(60).collect() }
}

/// Hexadecimal digits of a container's full id, and the fewest that deblox takes for the beginning of one.
const ID_DIGITS: usize = 64;
const SHORT_ID_DIGITS: usize = 12;
const PREFIX_DIGITS: usize = 4;

/// Whether a name could be taken for the id of a container or a network, in full or as Docker shortens it. deblox gives
/// nothing such a name.
pub fn looks_like_id(name: &str) -> bool {
    let name = name.trim_start_matches('/');
    (SHORT_ID_DIGITS..=ID_DIGITS).contains(&name.len()) && name.chars().all(|c| c.is_ascii_hexdigit())
}

/// Whether a reference is long enough to be the beginning of an id in a cluster. Shorter ones that are somebody's name, such
/// as `db`, are that name.
pub fn may_be_id(reference: &str) -> bool {
    (PREFIX_DIGITS..=ID_DIGITS).contains(&reference.len()) && reference.chars().all(|c| c.is_ascii_hexdigit())
}

/// The name of a dock: the fully qualified domain name of its host, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fqdn(String);

impl Fqdn {
    /// Accepts 1 to 253 letters, digits, `.`, `-` and `_`; a trailing dot is dropped.
    ///
    /// # Errors
    /// [`InvalidName`] names what is wrong.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        check_no_token(name)?;
        let name = name.strip_suffix('.').unwrap_or(name);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || name.len() > FQDN_BYTES || !name.chars().all(allowed) {
            return Err(InvalidName(format!(
                "a host name has 1 to {FQDN_BYTES} letters, digits, dots, hyphens or underscores"
            )));
        }
        Ok(Self(name.to_ascii_lowercase()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a request: its idempotency key, and the end of the name of its reply key.
///
/// Where the caller chose none it is the entry's id, and on a dock's own stream `<entry>@<FQDN>`: two streams may give
/// the same id in the same millisecond. The reply is at the entry's id in both cases, which is all that the caller has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// Accepts 1 to 128 of `[A-Za-z0-9._:-]`.
    ///
    /// # Errors
    /// [`InvalidName`] names what is wrong.
    pub fn new(id: &str) -> Result<Self, InvalidName> {
        check_no_token(id)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
        if id.is_empty() || id.len() > REQUEST_ID_BYTES || !id.chars().all(allowed) {
            return Err(InvalidName(format!("it must be 1 to {REQUEST_ID_BYTES} of A-Z a-z 0-9 . _ : -")));
        }
        Ok(Self(id.to_owned()))
    }

    /// The id of a request that did not choose one, sent to the shared stream or to that of `own`.
    pub fn of_entry(entry: EntryId, own: Option<&Fqdn>) -> Self {
        Self(own.map_or_else(|| entry.to_string(), |dock| format!("{entry}@{dock}")))
    }

    /// The id of one of the requests that a worker makes of this one, `<id>+<number>.<secret>`. The secret is random, so that
    /// nobody else can use the id beforehand.
    pub fn part(&self, number: usize, secret: &str) -> Self {
        Self(format!("{}+{number}.{secret}", self.0))
    }

    /// Reads back what [`Self::as_str`] wrote, for a request that is passed on.
    ///
    /// # Errors
    /// [`InvalidName`] names what is wrong.
    pub fn passed_on(id: &str) -> Result<Self, InvalidName> {
        if let Some((whole, part)) = id.split_once('+') {
            let is_number = |text: &str| text.parse::<usize>().is_ok_and(|number| number.to_string() == text);
            let is_part = match part.split_once('.') {
                Some((number, secret)) => is_number(number) && is_random(secret),
                // As earlier versions wrote it.
                None => is_number(part),
            };
            return match is_part {
                true => Ok(Self(format!("{}+{part}", Self::passed_on(whole)?))),
                false => Self::new(id),
            };
        }
        match id.split_once('@').map(|(entry, dock)| (EntryId::parse(entry), Fqdn::new(dock))) {
            Some((Some(entry), Ok(dock))) => Ok(Self::of_entry(entry, Some(&dock))),
            _ => Self::new(id),
        }
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as the caller knows it, under which the reply is found. That of a part is known to workers only.
    pub fn known_as(&self) -> &str {
        if self.0.contains('+') {
            return self.as_str();
        }
        self.0.split_once('@').map_or(self.as_str(), |(entry, _)| entry)
    }
}

/// The id of a reply list that one call has to itself, `~<random>` behind what the ids of its client begin with: whoever uses
/// the same `requestId` meanwhile waits at another.
///
/// Its `~` is in the id of no request, so that no reply can be sent to where somebody waits for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo(String);

impl ReplyTo {
    /// A new one behind `prefix`, which ends with a dot or is empty; `random` has 32 hexadecimal digits.
    ///
    /// # Errors
    /// [`InvalidName`] names what is wrong.
    pub fn new(prefix: &str, random: &str) -> Result<Self, InvalidName> {
        Self::read(&format!("{prefix}~{random}"))
    }

    /// Reads what [`Self::as_str`] wrote.
    ///
    /// # Errors
    /// [`InvalidName`] names what is wrong.
    pub fn read(id: &str) -> Result<Self, InvalidName> {
        let is_prefix = |prefix: &str| {
            prefix.is_empty() || prefix.strip_suffix('.').is_some_and(|name| ClientName::new(name).is_ok())
        };
        match id.split_once('~') {
            Some((prefix, random)) if is_prefix(prefix) && is_random(random) => Ok(Self(id.to_owned())),
            _ => Err(InvalidName(
                "it must be `~` and 32 hexadecimal digits, behind a client's name and a dot".to_owned(),
            )),
        }
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text is 128 random bits as deblox writes them.
fn is_random(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Serialize for RequestId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.known_as())
    }
}

/// What the ids of a client's requests begin with, and so the keys of its replies: by it Redis can tell them from those of
/// other clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientName(String);

impl ClientName {
    /// Accepts 1 to 64 of `[A-Za-z0-9_-]`: without a dot, so that none is the beginning of another.
    ///
    /// # Errors
    /// [`InvalidName`] names what is wrong.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || name.len() > CLIENT_NAME_BYTES || !name.chars().all(allowed) {
            return Err(InvalidName(format!("a client's name has 1 to {CLIENT_NAME_BYTES} of A-Z a-z 0-9 _ -")));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a stream entry, `<milliseconds>-<sequence>`; the milliseconds are Redis's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId {
    /// Milliseconds since the epoch, when Redis received the entry.
    pub millis: u64,
    /// Tells entries of the same millisecond apart.
    pub sequence: u64,
}

impl EntryId {
    /// Reads an id as Redis writes it.
    pub fn parse(id: &str) -> Option<Self> {
        let (millis, sequence) = id.split_once('-')?;
        Some(Self { millis: millis.parse().ok()?, sequence: sequence.parse().ok()? })
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.sequence)
    }
}

macro_rules! text_name {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(name: String) -> Result<Self, InvalidName> {
                Self::new(&name)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;

            fn from_str(name: &str) -> Result<Self, InvalidName> {
                Self::new(name)
            }
        }
    };
}

text_name!(Fqdn);
text_name!(RequestId);
text_name!(ClientName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_taken_for_a_name_or_quoted() {
        let token = format!("deblox_{}", "0a".repeat(32));
        for secret in [&token, &format!("token={token}"), "0b0e1e0a-5d0c-4d8e-9a59-0c35bb8f3a0e"] {
            assert_eq!(quoted(secret), "(secret)");
        }
        for name in
            ["creat-container", "deblox_test", "0b0e1e0a-5d0c", "deblox_é", "stop-container-for-the-last-time-x"]
        {
            assert_eq!(quoted(name), name);
        }
        for refused in [Fqdn::new(&token).unwrap_err(), RequestId::new(&token).unwrap_err()] {
            assert!(refused.to_string().contains("API token") && !refused.to_string().contains("0a0a"), "{refused}");
        }
    }

    #[test]
    fn what_looks_like_an_id_is_told_from_a_name() {
        let full = "0123456789abcdef".repeat(4);
        for id in [&full, &full[..12], "/0123456789ab", "ABCDEFABCDEF"] {
            assert!(looks_like_id(id), "{id}");
        }
        for name in ["", "db", "cafe", &full[..11], &format!("{full}0"), "0123456789ab-1", "0123456789ag"] {
            assert!(!looks_like_id(name), "{name}");
        }
        assert!(may_be_id("cafe") && may_be_id(&full) && !may_be_id("db") && !may_be_id("web1"));
    }

    #[test]
    fn host_names_are_folded_and_checked() {
        assert_eq!(Fqdn::new("Sthmaclt009.Local.").unwrap().as_str(), "sthmaclt009.local");
        assert!(Fqdn::new("").is_err());
        assert!(Fqdn::new("a b").is_err());
        assert!(Fqdn::new(&"a".repeat(254)).is_err());
    }

    #[test]
    fn request_ids_keep_to_their_alphabet() {
        assert!(RequestId::new("client-7.1:a_B").is_ok());
        for bad in ["", "a/b", "a b", "ä", &"x".repeat(129)] {
            assert!(RequestId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_client_s_name_is_the_beginning_of_another_s_ids() {
        assert!(ClientName::new("ada_2-x").is_ok());
        for bad in ["", "ada.b", "a b", "a*", "ä", &"x".repeat(65)] {
            assert!(ClientName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_of_two_streams_differ_and_are_answered_at_the_entry() {
        let (entry, dock) = (EntryId { millis: 5, sequence: 1 }, Fqdn::new("a.b").unwrap());
        let (shared, own) = (RequestId::of_entry(entry, None), RequestId::of_entry(entry, Some(&dock)));
        assert_ne!(shared, own);
        assert_eq!((shared.known_as(), own.known_as()), ("5-1", "5-1"));
        assert_eq!(RequestId::passed_on(own.as_str()).unwrap(), own);
        assert!(RequestId::new(own.as_str()).is_err() && RequestId::passed_on("mine@a.b").is_err());
    }

    #[test]
    fn parts_of_a_request_have_ids_of_their_own() {
        let whole = RequestId::of_entry(EntryId { millis: 5, sequence: 1 }, Some(&Fqdn::new("a.b").unwrap()));
        let secret = "0a".repeat(16);
        let (part, known) = (whole.part(3, &secret), format!("5-1@a.b+3.{secret}"));
        assert_eq!((part.as_str(), part.known_as()), (known.as_str(), known.as_str()));
        assert_eq!(RequestId::passed_on(part.as_str()).unwrap(), part);
        assert!(RequestId::new(part.as_str()).is_err() && RequestId::passed_on("a+b").is_err());
        assert_eq!(RequestId::passed_on("a+3").unwrap().as_str(), "a+3");
        for bad in ["a+1+2", "a+-1", "a+01", "a+1.", "a+1.0a", &format!("a+1.{secret}0"), &format!("a+.{secret}")] {
            assert!(RequestId::passed_on(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_request_has_the_id_of_a_private_reply_list() {
        let random = "0a".repeat(16);
        for prefix in ["", "ada."] {
            let list = ReplyTo::new(prefix, &random).unwrap();
            assert_eq!(ReplyTo::read(list.as_str()).unwrap(), list);
            assert!(RequestId::new(list.as_str()).is_err() && RequestId::passed_on(list.as_str()).is_err());
        }
        for bad in ["", "~", "x", &random, &format!("a.b.~{random}"), &format!("~{random}0"), &format!("ada~{random}")]
        {
            assert!(ReplyTo::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn entry_ids_are_read_back_as_written() {
        let id = EntryId::parse("1700000000000-3").unwrap();
        assert_eq!((id.millis, id.sequence, id.to_string().as_str()), (1_700_000_000_000, 3, "1700000000000-3"));
        assert!(EntryId::parse("12").is_none());
    }
}
