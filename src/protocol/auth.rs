//! What is said to the auth manager, and what it answers.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::limits::{
    ADDRESS_BYTES, AGENT_BYTES, AUTH_FIELD_BYTES, AUTH_LONGEST_TIMEOUT, AUTH_TIMEOUT, INSTANCE_BYTES, PASSWORD_BYTES,
};
use super::request::{Entry, read_entry};
use super::{AccountName, EntryId, Fields, Fqdn, RequestId, Role, Secret, SessionFacts, millis, quoted, read_timeout};

/// One of the auth manager's addresses; each is a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthAddress {
    /// A user name and a password become a session.
    Login,
    /// Whose session or token is it?
    Authorise,
    /// A session ends.
    Logout,
    /// A user's sessions are listed or ended.
    Sessions,
    /// As `Login`, from an HTTP node. The ACL lets nobody else add to it, so the manager believes the address that it names.
    NodeLogin,
}

impl AuthAddress {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Login, Self::Authorise, Self::Logout, Self::Sessions, Self::NodeLogin];

    /// Those that any client may send to.
    pub const OPEN: [Self; 4] = [Self::Login, Self::Authorise, Self::Logout, Self::Sessions];

    /// The end of the address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Authorise => "authorise",
            Self::Logout => "logout",
            Self::Sessions => "sessions",
            Self::NodeLogin => "node-login",
        }
    }

    /// The fields that a message to it may have.
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Login => &["username", "password", "address", "requestId", "timeout"],
            Self::Authorise => &["sessionID", "token", "action", "id", "dock", "requestId", "timeout"],
            Self::Logout => &["sessionID", "requestId", "timeout"],
            Self::Sessions => &["sessionID", "token", "user", "end", "requestId", "timeout"],
            Self::NodeLogin => &["username", "password", "address", "agent", "requestId", "timeout"],
        }
    }
}

/// What shows who somebody is.
#[derive(Clone, Debug)]
pub enum Credential {
    /// The id of a session.
    Session(Secret),
    /// An API token.
    Token(Secret),
}

impl Credential {
    /// What somebody calls a credential without saying which: tokens have a beginning of their own.
    pub fn read(text: &str) -> Self {
        let secret = Secret::new(text);
        if text.starts_with(Self::TOKEN_PREFIX) { Self::Token(secret) } else { Self::Session(secret) }
    }

    /// What an API token begins with, so that scanners of repositories find one.
    pub const TOKEN_PREFIX: &str = "deblox_";

    /// Has `request` come from whom this stands for, unless it says from whom.
    pub fn put(&self, request: &mut Map<String, Value>) {
        if request.contains_key("session") || request.contains_key("token") {
            return;
        }
        let (field, secret) = match self {
            Self::Session(session) => ("session", session),
            Self::Token(token) => ("token", token),
        };
        request.insert(field.to_owned(), Value::from(secret.reveal()));
    }
}

/// A message to the auth manager.
#[derive(Clone, Debug)]
pub struct AuthMessage {
    /// Under which it is answered.
    pub id: RequestId,
    /// Until when it may be done, in milliseconds of Redis's clock.
    pub deadline: u64,
    /// What is asked.
    pub ask: AuthAsk,
}

/// What is asked of the auth manager.
#[derive(Clone, Debug)]
pub enum AuthAsk {
    /// A session.
    Login {
        /// As it was typed; it need not be a name.
        username: String,
        /// As it was typed.
        password: Secret,
        /// Where the person is.
        origin: Origin,
    },
    /// Whose that is, and whether they may do what is asked.
    Authorise(Credential, Option<Question>),
    /// The end of a session.
    Logout(Secret),
    /// A list of sessions, or the end of some.
    Sessions(SessionsAsk),
}

/// Where a login comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An HTTP node, which has seen the address itself.
    Node {
        /// The address of the browser or program.
        address: IpAddr,
        /// What that calls itself, the header `User-Agent`.
        agent: Option<String>,
    },
    /// A client on the bus. The address is the client's own claim.
    Bus {
        /// What the client calls its address.
        claimed: Option<String>,
    },
}

/// What is asked about sessions.
#[derive(Clone, Debug)]
pub struct SessionsAsk {
    /// Who asks.
    pub credential: Credential,
    /// The user whose sessions they are. Without one, they are the caller's own.
    pub user: Option<String>,
    /// Which of them end. Without it they are only listed.
    pub end: Option<EndSessions>,
}

/// Which sessions end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndSessions {
    /// All but the one that asks.
    Others,
    /// The one whose public id begins so.
    One(String),
}

impl EndSessions {
    /// What stands for all but the one that asks.
    pub const OTHERS: &str = "others";
}

/// Whether somebody may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name of an action.
    pub action: String,
    /// The instance, as a request names it.
    pub id: Option<String>,
    /// The dock that has it, where its name alone may mean several.
    pub dock: Option<Fqdn>,
}

/// A message that could not be read: under which id to say so, and why.
#[derive(Debug)]
pub struct Unreadable {
    /// The caller's own id where it is valid, else the entry's.
    pub id: RequestId,
    /// What is wrong; it quotes no value.
    pub message: String,
}

/// What the auth manager answers.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum AuthReply {
    /// Yes, with what was asked for.
    Ok(Granted),
    /// No.
    Denied,
    /// The message cannot be answered with either.
    Error {
        /// Why not.
        message: String,
        /// After how many seconds another try makes sense.
        #[serde(rename = "retryAfter", skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
    },
}

/// What stands in an answer beside `"status": "ok"`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Granted {
    /// The new session.
    #[serde(rename = "sessionID", skip_serializing_if = "Option::is_none")]
    pub session: Option<Secret>,
    /// Whose session or token it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<AccountName>,
    /// The groups of that user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<BTreeSet<AccountName>>,
    /// What it may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whether it may do what was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The sessions that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Vec<SessionFacts>>,
    /// How many sessions were ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<u64>,
}

impl AuthReply {
    /// An error with that message.
    pub fn error(message: impl Into<String>) -> Self {
        Self::Error { message: message.into(), retry_after: None }
    }

    /// An error that passes after that many seconds.
    pub fn error_for(message: impl Into<String>, seconds: u64) -> Self {
        Self::Error { message: message.into(), retry_after: Some(seconds) }
    }

    /// The reply as JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("texts and names become JSON")
    }
}

impl AuthMessage {
    /// When the time of the stream entry `entry` is up, in milliseconds of Redis's clock.
    pub fn deadline(entry: EntryId, timeout: Option<Duration>) -> u64 {
        entry.millis.saturating_add(millis(timeout.unwrap_or(AUTH_TIMEOUT)))
    }

    /// Reads the fields of the stream entry `entry`, which came to `address`: a field `json`, or all of them flat.
    ///
    /// # Errors
    /// [`Unreadable`] with a message that names the field. Any bytes give a message or an error.
    pub fn decode(address: AuthAddress, entry: EntryId, fields: &Fields) -> Result<Self, Unreadable> {
        let fallback = RequestId::of_entry(entry, None);
        let Entry { mut object, envelope, .. } =
            read_entry(fields).map_err(|failure| Unreadable { id: fallback.clone(), message: failure.message })?;
        let chosen = match (envelope.request_id, object.get("requestId")) {
            (Some(id), _) => Ok(Some(id)),
            (None, Some(Value::String(id))) => Ok(Some(id.clone())),
            (None, Some(_)) => Err("requestId must be text".to_owned()),
            (None, None) => Ok(None),
        };
        let id = chosen
            .and_then(|id| {
                id.map(|id| RequestId::new(&id)).transpose().map_err(|e| format!("requestId is not valid: {e}"))
            })
            .map_err(|message| Unreadable { id: fallback.clone(), message })?
            .unwrap_or(fallback);
        match read(address, &mut object) {
            Ok((timeout, ask)) => {
                let by_timeout = Self::deadline(entry, timeout);
                let deadline = envelope.deadline.map_or(by_timeout, |deadline| deadline.min(by_timeout));
                Ok(Self { id, deadline, ask })
            }
            Err(message) => Err(Unreadable { id, message }),
        }
    }
}

fn read(address: AuthAddress, object: &mut Map<String, Value>) -> Result<(Option<Duration>, AuthAsk), String> {
    let known = address.fields();
    if let Some(unknown) = object.keys().find(|name| !known.contains(&name.as_str())) {
        // Where a word is missing among flat fields, the password stands in the place of a name.
        let unknown = match address {
            AuthAddress::Login | AuthAddress::NodeLogin => "one of them".to_owned(),
            AuthAddress::Authorise | AuthAddress::Logout | AuthAddress::Sessions => quoted(unknown),
        };
        return Err(format!("{unknown} is no field of {}, which has {}", address.as_str(), known.join(", ")));
    }
    let timeout = match object.get("timeout").map(read_timeout).transpose() {
        Ok(timeout) => timeout,
        Err(failure) => return Err(failure.message.replace('`', "")),
    };
    if timeout.is_some_and(|timeout| timeout > AUTH_LONGEST_TIMEOUT) {
        return Err(format!("timeout must be at most {} milliseconds", AUTH_LONGEST_TIMEOUT.as_millis()));
    }
    let ask = match address {
        AuthAddress::Login | AuthAddress::NodeLogin => AuthAsk::Login {
            username: needed(object, "username", AUTH_FIELD_BYTES)?,
            password: Secret::new(needed(object, "password", PASSWORD_BYTES)?),
            origin: origin(address, object)?,
        },
        AuthAddress::Authorise => AuthAsk::Authorise(credential(object)?, question(object)?),
        AuthAddress::Logout => AuthAsk::Logout(Secret::new(needed(object, "sessionID", AUTH_FIELD_BYTES)?)),
        AuthAddress::Sessions => AuthAsk::Sessions(SessionsAsk {
            credential: credential(object)?,
            user: text(object, "user", AUTH_FIELD_BYTES)?,
            end: text(object, "end", AUTH_FIELD_BYTES)?.map(|end| match end.as_str() {
                EndSessions::OTHERS => EndSessions::Others,
                _ => EndSessions::One(end),
            }),
        }),
    };
    Ok((timeout, ask))
}

fn origin(address: AuthAddress, object: &mut Map<String, Value>) -> Result<Origin, String> {
    if address != AuthAddress::NodeLogin {
        return Ok(Origin::Bus { claimed: text(object, "address", ADDRESS_BYTES)? });
    }
    let seen = needed(object, "address", ADDRESS_BYTES)?;
    let address = seen.parse().map_err(|_| "address must be an IP address".to_owned())?;
    Ok(Origin::Node { address, agent: text(object, "agent", AGENT_BYTES)? })
}

fn credential(object: &mut Map<String, Value>) -> Result<Credential, String> {
    match text(object, "token", AUTH_FIELD_BYTES)? {
        Some(_) if object.contains_key("sessionID") => Err("sessionID and token cannot both be specified".to_owned()),
        Some(token) => Ok(Credential::Token(Secret::new(token))),
        None => Ok(Credential::Session(Secret::new(needed(object, "sessionID", AUTH_FIELD_BYTES)?))),
    }
}

fn question(object: &mut Map<String, Value>) -> Result<Option<Question>, String> {
    let (action, id) = (text(object, "action", AUTH_FIELD_BYTES)?, text(object, "id", INSTANCE_BYTES)?);
    let dock = text(object, "dock", AUTH_FIELD_BYTES)?;
    let dock = dock.map(|dock| Fqdn::new(&dock).map_err(|e| format!("dock is not valid: {e}"))).transpose()?;
    match action {
        Some(action) => Ok(Some(Question { action, id, dock })),
        None if id.is_some() || dock.is_some() => Err("action must be specified".to_owned()),
        None => Ok(None),
    }
}

fn needed(object: &mut Map<String, Value>, name: &str, limit: usize) -> Result<String, String> {
    text(object, name, limit)?.ok_or_else(|| format!("{name} must be specified"))
}

fn text(object: &mut Map<String, Value>, name: &str, limit: usize) -> Result<Option<String>, String> {
    match object.remove(name) {
        // As where a program writes down what it has not.
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() > limit => Err(format!("{name} must have at most {limit} bytes")),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} must be text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(address: AuthAddress, json: &str) -> Result<AuthMessage, String> {
        let fields = vec![(b"json".to_vec(), json.as_bytes().to_vec())];
        let entry = EntryId { millis: 5, sequence: 1 };
        AuthMessage::decode(address, entry, &fields).map_err(|unreadable| unreadable.message)
    }

    #[test]
    fn a_message_that_will_not_do_names_the_field() {
        use AuthAddress::{Authorise, Login, Logout, NodeLogin, Sessions};
        for (address, json, message) in [
            (Login, r#"{"password":"x"}"#, "username must be specified"),
            (Login, r#"{"username":"x"}"#, "password must be specified"),
            (Login, r#"{"username":null,"password":"x"}"#, "username must be specified"),
            (Login, r#"{"username":1,"password":"x"}"#, "username must be text"),
            (Login, r#"{"username":"a","password":"x","address":[]}"#, "address must be text"),
            (
                Login,
                r#"{"username":"a","password":"x","timeout":120000}"#,
                "timeout must be at most 60000 milliseconds",
            ),
            (Authorise, "{}", "sessionID must be specified"),
            (Authorise, r#"{"sessionID":"a","id":"web"}"#, "action must be specified"),
            (Authorise, r#"{"sessionID":"a","action":1}"#, "action must be text"),
            (Authorise, r#"{"sessionID":"a","token":"b"}"#, "sessionID and token cannot both be specified"),
            (Logout, "{}", "sessionID must be specified"),
            (Sessions, "{}", "sessionID must be specified"),
            (Sessions, r#"{"sessionID":"a","end":1}"#, "end must be text"),
            (NodeLogin, r#"{"username":"a","password":"x"}"#, "address must be specified"),
            (NodeLogin, r#"{"username":"a","password":"x","address":"b"}"#, "address must be an IP address"),
            (
                Login,
                r#"{"username":"a","sesame":"x"}"#,
                "one of them is no field of login, which has username, password, address, requestId, timeout",
            ),
            (
                Logout,
                r#"{"sessionId":"a"}"#,
                "sessionId is no field of logout, which has sessionID, requestId, timeout",
            ),
            (Logout, r#"{"sessionID":"a","requestId":1}"#, "requestId must be text"),
        ] {
            assert_eq!(decode(address, json).unwrap_err(), message, "{json}");
        }
        let long = format!(r#"{{"username":"a","password":"{}"}}"#, "x".repeat(PASSWORD_BYTES + 1));
        assert_eq!(decode(Login, &long).unwrap_err(), "password must have at most 1024 bytes");
    }

    #[test]
    fn replies_are_as_the_original_wrote_them() {
        let session = Some(Secret::new("c9d1"));
        let granted = AuthReply::Ok(Granted { session, ..Granted::default() });
        assert_eq!(granted.json(), r#"{"status":"ok","sessionID":"c9d1"}"#);
        assert_eq!(AuthReply::Ok(Granted::default()).json(), r#"{"status":"ok"}"#);
        assert_eq!(AuthReply::Denied.json(), r#"{"status":"denied"}"#);
        assert_eq!(AuthReply::error("Not logged in").json(), r#"{"status":"error","message":"Not logged in"}"#);
    }

    #[test]
    fn nothing_that_is_printed_tells_a_password() {
        let message = decode(AuthAddress::Login, r#"{"username":"ada","password":"sesame"}"#).unwrap();
        assert!(!format!("{message:?}").contains("sesame"));
    }
}
