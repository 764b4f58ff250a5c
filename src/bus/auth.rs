//! The auth manager's streams: what is asked, and how it is answered, each answer one atomic step.

use std::fmt;
use std::time::Duration;

use redis::{ScriptInvocation, Value, cmd, pipe};

use super::consumer::entry;
use super::server::Connection;
use super::{Bus, BusError};
use crate::protocol::limits::{
    AUTH_REPLY_KEPT, AUTH_TAKE_OVER, AUTH_UNREAD_KEPT, KNOWN_ADDRESS_KEPT, KNOWN_ADDRESSES, SESSIONS,
};
use crate::protocol::{AuthAddress, AuthReply, EntryId, Fields, GROUP, HANDED_BACK, RequestId, SessionOrigin, millis};

/// How long a read waits for something to arrive.
const BLOCK: Duration = Duration::from_secs(5);

/// How long the consumer of a vanished manager is kept.
const CONSUMER_IDLE: Duration = Duration::from_secs(10 * 60);

/// A message in the hands of this manager.
#[derive(Clone)]
pub struct AuthDelivery {
    /// Its id.
    pub entry: EntryId,
    /// Its fields.
    pub fields: Fields,
}

impl fmt::Debug for AuthDelivery {
    /// Without the fields: there may be a password in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthDelivery").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// One manager's view of one of the streams.
#[derive(Clone)]
pub struct AuthStream {
    bus: Bus,
    key: String,
    name: String,
}

/// The connection on which an [`AuthStream`] waits; dropping it ends the wait.
pub struct AuthReader(Connection);

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It was given.
    Done,
    /// It was too late: that was answered, and nothing done.
    Late,
    /// Another manager has answered.
    Lost,
}

/// To which message an answer goes, and until when.
#[derive(Clone, Debug)]
pub struct Begin<'a> {
    /// The message.
    pub entry: EntryId,
    /// Under which it is answered.
    pub id: &'a RequestId,
    /// In milliseconds of Redis's clock.
    pub deadline: u64,
}

/// What became of the attempt to log in, before the password is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// It may be looked at.
    Go {
        /// Whether the account logged in lately from that place.
        known: bool,
    },
    /// There were too many: nobody may for that long.
    Locked(Duration),
    /// It is too late.
    Late,
}

/// How logins are slowed down, and when sessions end.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A session that nobody uses ends after that.
    pub session_idle: Duration,
    /// A session ends after that in any case.
    pub session_lifetime: Duration,
    /// Failed logins in a row that an account has free from one place: an address, or the bus.
    pub account_attempts: u32,
    /// Failed logins that an account has free from all places together from which it did not log in lately.
    pub account_total_attempts: u32,
    /// Failed logins that an address has free, for all accounts.
    pub address_attempts: u32,
    /// How long the first one after them locks; each further one does for twice as long.
    pub first_lock: Duration,
    /// The longest lock.
    pub longest_lock: Duration,
    /// When failed logins are forgotten.
    pub forget: Duration,
}

/// What an attempt to log in is counted by.
#[derive(Clone, Debug)]
pub struct Throttles {
    /// The digest of the account's name together with the place.
    pub account_and_place: String,
    /// The digest of the account's name.
    pub account: String,
    /// The digest under which the places are kept from which the account logged in.
    pub known_places: String,
    /// The digest of the address, where one counts for all accounts.
    pub address: Option<String>,
    /// The digest of the place.
    pub place: String,
}

/// A session to be made.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// The digest of its id.
    pub digest: &'a str,
    /// Whose it is.
    pub user: &'a str,
    /// That of the account.
    pub generation: u64,
    /// How it was begun.
    pub origin: SessionOrigin,
    /// Where the person is, or is said to be.
    pub address: Option<&'a str>,
    /// What the browser or program calls itself.
    pub agent: Option<&'a str>,
}

impl NewSession<'_> {
    /// The arguments of the scripts behind those that differ.
    fn put(&self, bus: &Bus, script: &mut ScriptInvocation<'_>) {
        script.arg(self.digest).arg(bus.keys().session_prefix()).arg(SESSIONS).arg(self.origin.as_str());
        script.arg(self.address.unwrap_or_default()).arg(self.agent.unwrap_or_default());
    }

    /// The same for one that no message asked for.
    pub(super) fn put_lasting(&self, bus: &Bus, script: &mut ScriptInvocation<'_>, limits: &Limits) {
        script.arg(self.generation).arg(millis(limits.session_idle)).arg(millis(limits.session_lifetime));
        self.put(bus, script);
    }
}

impl AuthStream {
    /// The stream of `address`, read under `name`, which must never be used again.
    pub fn new(bus: &Bus, address: AuthAddress, name: &str) -> Self {
        Self { bus: bus.clone(), key: bus.keys().auth(address), name: name.to_owned() }
    }

    /// Opens a connection for [`Self::read`], and makes sure that the consumer group exists.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn open(&self) -> Result<AuthReader, BusError> {
        let mut create = cmd("XGROUP");
        create.arg("CREATE").arg(&self.key).arg(GROUP).arg("0").arg("MKSTREAM");
        match self.bus.link().query::<()>(&create).await {
            Err(e) if !matches!(e.code(), Some("BUSYGROUP" | "OOM")) => Err(e.into()),
            _ => Ok(AuthReader(self.bus.link().dedicated(BLOCK).await?)),
        }
    }

    /// Waits for new messages, at most `count`, oldest first.
    ///
    /// # Errors
    /// [`BusError::Redis`]: the reader is of no more use, open another.
    pub async fn read(&self, reader: &mut AuthReader, count: usize) -> Result<Vec<AuthDelivery>, BusError> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.name).arg("COUNT").arg(count);
        read.arg("BLOCK").arg(millis(BLOCK)).arg("STREAMS").arg(&self.key).arg(">");
        let answer = self.bus.link().wait_for(&mut reader.0, &read).await?;
        let Value::Array(mut streams) = answer else { return Ok(Vec::new()) };
        let Some(Value::Array(mut pair)) = streams.pop() else { return Ok(Vec::new()) };
        let Some(Value::Array(entries)) = pair.pop() else { return Ok(Vec::new()) };
        Ok(deliveries(entries))
    }

    /// Takes over up to `count` messages that were handed back, or whose manager has been silent for too long.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn take_over(&self, count: usize) -> Result<Vec<AuthDelivery>, BusError> {
        let mut claim = cmd("XAUTOCLAIM");
        claim.arg(&self.key).arg(GROUP).arg(&self.name).arg(millis(AUTH_TAKE_OVER)).arg("0-0").arg("COUNT").arg(count);
        match self.bus.link().query::<Value>(&claim).await {
            Ok(Value::Array(parts)) => match parts.into_iter().nth(1) {
                Some(Value::Array(entries)) => Ok(deliveries(entries)),
                _ => Err(BusError::Unexpected("XAUTOCLAIM gave no entries".into())),
            },
            Ok(_) => Err(BusError::Unexpected("XAUTOCLAIM gave no list".into())),
            // The data is gone; the reader creates the group again.
            Err(e) if e.code() == Some("NOGROUP") => Ok(Vec::new()),
            Err(e) => Err(e.into()),
        }
    }

    /// Forgets the consumers of managers that have long been gone and hold nothing.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn forget_the_gone(&self) -> Result<(), BusError> {
        let mut tidy = self.bus.scripts().tidy.key(&self.key);
        tidy.arg(GROUP).arg(millis(CONSUMER_IDLE)).arg(&self.name);
        Ok(self.bus.link().script(&tidy).await?)
    }

    /// Gives back what was delivered and has not been answered, and leaves the group.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn leave(&self) -> Result<(), BusError> {
        let mut back = self.bus.scripts().hand_back.key(&self.key);
        back.arg(GROUP).arg(&self.name).arg(HANDED_BACK).arg("");
        Ok(self.bus.link().script(&back).await?)
    }

    /// Answers a message.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn answer(&self, begin: &Begin<'_>, reply: &AuthReply) -> Result<Answered, BusError> {
        let mut answer = self.bus.scripts().auth_answer.key(&self.key);
        answer.key(self.bus.keys().reply(begin.id));
        self.end(answer, begin, reply, |_| {}).await
    }

    /// Makes a session and answers with it. `throttles` are those that [`Bus::attempt`] was given, and `known` is what it
    /// found.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn log_in(
        &self,
        begin: &Begin<'_>,
        reply: &AuthReply,
        session: &NewSession<'_>,
        (throttles, known): (&Throttles, bool),
        limits: &Limits,
    ) -> Result<Answered, BusError> {
        let keys = self.bus.keys();
        let mut login = self.bus.scripts().auth_login.key(&self.key);
        login.key(keys.reply(begin.id)).key(keys.session(session.digest)).key(keys.user_sessions(session.user));
        login.key(keys.throttle(&throttles.account_and_place)).key(keys.throttle(&throttles.account));
        login.key(keys.throttle(&throttles.known_places));
        if let Some(address) = &throttles.address {
            login.key(keys.throttle(address));
        }
        self.end(login, begin, reply, |login| {
            login.arg(session.user);
            session.put_lasting(&self.bus, login, limits);
            login.arg(&throttles.place).arg(u8::from(known)).arg(KNOWN_ADDRESSES).arg(millis(KNOWN_ADDRESS_KEPT));
        })
        .await
    }

    /// Ends the session with this digest and answers `ended`, or `unknown` where there is none.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn log_out(
        &self,
        begin: &Begin<'_>,
        digest: &str,
        ended: &AuthReply,
        unknown: &AuthReply,
    ) -> Result<Answered, BusError> {
        let keys = self.bus.keys();
        let mut logout = self.bus.scripts().auth_logout.key(&self.key);
        logout.key(keys.reply(begin.id)).key(keys.session(digest));
        self.end(logout, begin, ended, |logout| {
            logout.arg(unknown.json()).arg(digest).arg(keys.user_sessions_prefix());
        })
        .await
    }

    async fn end(
        &self,
        mut script: ScriptInvocation<'_>,
        begin: &Begin<'_>,
        reply: &AuthReply,
        more: impl FnOnce(&mut ScriptInvocation<'_>),
    ) -> Result<Answered, BusError> {
        let late = AuthReply::error("the time was up before this was answered; nothing was done");
        script.arg(GROUP).arg(begin.entry.to_string()).arg(begin.deadline).arg(late.json());
        script.arg(millis(AUTH_REPLY_KEPT)).arg(reply.json());
        more(&mut script);
        match self.bus.link().script::<String>(&script).await?.as_str() {
            "done" => Ok(Answered::Done),
            "late" => Ok(Answered::Late),
            _ => Ok(Answered::Lost),
        }
    }
}

impl Bus {
    /// Counts an attempt to log in.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn attempt(&self, throttles: &Throttles, deadline: u64, limits: &Limits) -> Result<Attempted, BusError> {
        let Throttles { account_and_place, account, known_places, address, place } = throttles;
        let mut attempt = self.scripts().auth_attempt.prepare_invoke();
        for throttle in [account_and_place, account, known_places].into_iter().chain(address) {
            attempt.key(self.keys().throttle(throttle));
        }
        attempt.arg(deadline).arg(millis(limits.first_lock)).arg(millis(limits.longest_lock));
        attempt.arg(millis(limits.forget)).arg(limits.account_attempts).arg(limits.account_total_attempts);
        attempt.arg(limits.address_attempts).arg(place).arg(millis(KNOWN_ADDRESS_KEPT));
        let (verdict, wait, known): (String, u64, u8) = self.link().script(&attempt).await?;
        Ok(match verdict.as_str() {
            "go" => Attempted::Go { known: known == 1 },
            "locked" => Attempted::Locked(Duration::from_millis(wait)),
            _ => Attempted::Late,
        })
    }
}

impl Bus {
    /// Deletes messages to the auth manager that have waited longer than any may, where none runs: there are passwords
    /// in them, and nobody waits for their answers. `now` is what Redis's clock shows, in milliseconds.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn forget_unread(&self, now: u64) -> Result<(), BusError> {
        let oldest = now.saturating_sub(millis(AUTH_UNREAD_KEPT));
        let mut trim = pipe();
        for address in AuthAddress::ALL {
            trim.cmd("XTRIM").arg(self.keys().auth(address)).arg("MINID").arg(oldest).ignore();
        }
        Ok(self.link().pipeline(&trim).await?)
    }
}

/// What can be read of `entries`. One that was deleted while it was pending has no fields.
fn deliveries(entries: Vec<Value>) -> Vec<AuthDelivery> {
    entries.into_iter().filter_map(entry).map(|(entry, fields)| AuthDelivery { entry, fields }).collect()
}
