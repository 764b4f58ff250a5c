//! The manager: reads its streams and answers each message once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::decision::decide;
use super::place::throttles;
use super::secrets::{Hasher, digest, session_id};
use super::{
    AccountError, AuthOptions, EndError, Login, end_sessions, list_sessions, record_ended_sessions, record_logout,
};
use crate::bus::{Answered, Attempted, AuthDelivery, AuthStream, Backoff, Begin, Bus, BusError, Limits, NewSession};
use crate::metrics::Metrics;
use crate::protocol::limits::{ADDRESS_BYTES, AGENT_BYTES, AUTH_TAKE_OVER, LOGINS, LOOKS};
use crate::protocol::{
    AccountName, AuthAddress, AuthAsk, AuthMessage, AuthReply, Credential, Granted, Origin, Question, Secret, Session,
    SessionOrigin, SessionsAsk, printable,
};

/// How often it is looked whether another manager has died over a message.
const SWEEP: Duration = Duration::from_secs(1);

/// How long what is in hand is waited for, when told to stop: about as long as all the passwords take.
const GRACE: Duration = Duration::from_secs(5);

/// What the tasks of one manager share.
struct Manager {
    bus: Bus,
    hasher: Hasher,
    limits: Limits,
    metrics: Metrics,
}

/// One of the manager's streams, and the messages of it that are in hand.
struct Desk {
    manager: Arc<Manager>,
    address: AuthAddress,
    stream: AuthStream,
    running: TaskTracker,
}

/// Runs an auth manager until `shutdown` is cancelled: then it answers what it has in hand and leaves the rest to
/// others. Redis may be away at any time.
///
/// # Errors
/// [`AccountError`] when it cannot begin.
pub async fn run(options: AuthOptions, shutdown: CancellationToken) -> Result<(), AccountError> {
    let bus = Bus::measured(&options.redis, options.metrics.clone())?;
    let (hasher, metrics) = (Hasher::new().await?, options.metrics);
    let manager = Arc::new(Manager { bus, hasher, limits: options.limits, metrics });
    let name = format!("auth/{}", uuid::Uuid::new_v4().simple());
    let desks = AuthAddress::ALL.map(|address| {
        let stream = AuthStream::new(&manager.bus, address, &name);
        Arc::new(Desk { manager: Arc::clone(&manager), address, stream, running: TaskTracker::new() })
    });
    // Whoever drops this future must not leave anything reading.
    let background = shutdown.child_token();
    let _guard = background.clone().drop_guard();
    let tasks = TaskTracker::new();
    for desk in &desks {
        tasks.spawn(background.clone().run_until_cancelled_owned(Arc::clone(desk).read()));
        tasks.spawn(background.clone().run_until_cancelled_owned(Arc::clone(desk).sweep()));
    }
    tracing::info!(redis = ?options.redis, "auth manager is up");
    tasks.close();
    tasks.wait().await;
    let goodbye = async {
        for desk in &desks {
            desk.running.close();
            desk.running.wait().await;
        }
    };
    if tokio::time::timeout(GRACE, goodbye).await.is_err() {
        tracing::warn!("some messages to the auth manager are left to others");
    }
    for desk in &desks {
        if tokio::time::timeout(GRACE, desk.stream.leave()).await.is_err() {
            break;
        }
    }
    tracing::info!("auth manager stopped");
    Ok(())
}

impl Desk {
    fn room(&self) -> usize {
        match self.address {
            AuthAddress::Login | AuthAddress::NodeLogin => LOGINS,
            AuthAddress::Authorise | AuthAddress::Logout | AuthAddress::Sessions => LOOKS,
        }
    }

    /// Reads what is new, for as long as there is room for it.
    async fn read(self: Arc<Self>) {
        let (room, mut backoff) = (Arc::new(Semaphore::new(self.room())), Backoff::default());
        loop {
            let result = async {
                let mut reader = self.stream.open().await?;
                loop {
                    let Some(places) = places(&room).await else { return Ok::<_, BusError>(()) };
                    let read = self.stream.read(&mut reader, places.num_permits()).await?;
                    backoff = Backoff::default();
                    self.begin(read, places);
                }
            };
            if let Err(error) = result.await {
                tracing::debug!(%error, address = self.address.as_str(), "reading");
            }
            backoff.pause().await;
        }
    }

    /// Takes over what other managers have left behind, and what this one could not answer.
    async fn sweep(self: Arc<Self>) {
        let (room, mut rounds) = (Arc::new(Semaphore::new(self.room())), 0_u32);
        loop {
            tokio::time::sleep(SWEEP).await;
            let Some(places) = places(&room).await else { return };
            match self.stream.take_over(places.num_permits()).await {
                Ok(left) => self.begin(left, places),
                Err(error) => tracing::debug!(%error, address = self.address.as_str(), "taking over"),
            }
            rounds = rounds.wrapping_add(1);
            if rounds.is_multiple_of(60)
                && let Err(error) = self.stream.forget_the_gone().await
            {
                tracing::debug!(%error, "forgetting the gone");
            }
        }
    }

    /// Begins each of these, in a place of its own.
    fn begin(self: &Arc<Self>, deliveries: Vec<AuthDelivery>, mut places: OwnedSemaphorePermit) {
        for delivery in deliveries {
            let (desk, place) = (Arc::clone(self), places.split(1));
            self.running.spawn(async move {
                // What takes longer is another's by then.
                if tokio::time::timeout(AUTH_TAKE_OVER * 2, desk.handle(delivery)).await.is_err() {
                    tracing::debug!(address = desk.address.as_str(), "given up");
                }
                drop(place);
            });
        }
    }

    async fn handle(&self, delivery: AuthDelivery) {
        let address = self.address.as_str();
        let answered = self.answer(&delivery).await;
        let outcome = match &answered {
            Ok(Answered::Done) => "done",
            Ok(Answered::Late) => "late",
            Ok(Answered::Lost) => "lost",
            Err(_) => "failed",
        };
        self.manager.metrics.auth_message(address, outcome);
        match answered {
            Ok(Answered::Done) => tracing::debug!(address, entry = %delivery.entry, "answered"),
            Ok(Answered::Late) => tracing::info!(address, entry = %delivery.entry, "too late; nothing was done"),
            Ok(Answered::Lost) => tracing::debug!(address, entry = %delivery.entry, "answered by another"),
            // It is taken over by whoever comes first.
            Err(error) => tracing::warn!(%error, address, "a message could not be answered; it is tried again"),
        }
    }

    async fn answer(&self, delivery: &AuthDelivery) -> Result<Answered, AccountError> {
        let entry = delivery.entry;
        let message = match AuthMessage::decode(self.address, entry, &delivery.fields) {
            Ok(message) => message,
            Err(unreadable) => {
                let deadline = AuthMessage::deadline(entry, None);
                let begin = Begin { entry, id: &unreadable.id, deadline };
                return Ok(self.stream.answer(&begin, &AuthReply::error(unreadable.message)).await?);
            }
        };
        let begin = Begin { entry, id: &message.id, deadline: message.deadline };
        match self.settle(&begin, message.ask).await {
            // It would end the same way again.
            Err(AccountError::Bus(BusError::Unexpected(why))) => {
                tracing::error!(why, address = self.address.as_str(), "a message cannot be answered as it should be");
                let reply = AuthReply::error(format!("what is kept about that account cannot be used: {why}"));
                Ok(self.stream.answer(&begin, &reply).await?)
            }
            settled => settled,
        }
    }

    async fn settle(&self, begin: &Begin<'_>, ask: AuthAsk) -> Result<Answered, AccountError> {
        match ask {
            AuthAsk::Login { username, password, origin } => self.log_in(begin, &username, password, &origin).await,
            AuthAsk::Authorise(credential, question) => {
                let reply = self.authorise(&credential, question.as_ref()).await?;
                Ok(self.stream.answer(begin, &reply).await?)
            }
            AuthAsk::Logout(session) => {
                let whose = Credential::Session(session.clone());
                let whose = identify(&self.manager.bus, &whose, self.manager.limits.session_idle).await?;
                let (ended, unknown) = (AuthReply::Ok(Granted::default()), AuthReply::error("Not logged in"));
                let answered = self.stream.log_out(begin, &digest(session.reveal()), &ended, &unknown).await?;
                if let (Answered::Done, Some(whose)) = (answered, whose) {
                    record_logout(&self.manager.bus, &whose).await;
                }
                Ok(answered)
            }
            AuthAsk::Sessions(ask) => {
                let reply = self.sessions(&ask).await?;
                Ok(self.stream.answer(begin, &reply).await?)
            }
        }
    }

    /// Lists or ends sessions: one's own, and for admins those of anybody.
    async fn sessions(&self, ask: &SessionsAsk) -> Result<AuthReply, BusError> {
        let Manager { bus, limits, .. } = &*self.manager;
        let SessionsAsk { credential, user, end } = ask;
        let Some(caller) = identify(bus, credential, limits.session_idle).await? else { return Ok(AuthReply::Denied) };
        let whose = match user.as_deref().map(AccountName::new) {
            None => caller.username.clone(),
            Some(Ok(user)) => user,
            Some(Err(error)) => return Ok(AuthReply::error(format!("user is not valid: {error}"))),
        };
        if let Err(message) = caller.check_sessions(&whose, end.is_some()) {
            return Ok(AuthReply::error(message));
        }
        let granted = match end {
            None => {
                let (sessions, _) = list_sessions(bus, &whose, Some(credential)).await?;
                Granted { sessions: Some(sessions), ..Granted::default() }
            }
            Some(which) => match end_sessions(bus, &whose, Some(credential), which).await {
                Ok(ended) => {
                    record_ended_sessions(bus, &caller, &whose, which).await;
                    Granted { ended: Some(ended), ..Granted::default() }
                }
                Err(EndError::Bus(error)) => return Err(error),
                Err(error) => return Ok(AuthReply::error(error.to_string())),
            },
        };
        Ok(AuthReply::Ok(Granted { username: Some(whose), ..granted }))
    }

    /// Says whose the credential is, and whether they may do what is asked.
    async fn authorise(&self, credential: &Credential, question: Option<&Question>) -> Result<AuthReply, BusError> {
        let Manager { bus, limits, .. } = &*self.manager;
        let Some(session) = identify(bus, credential, limits.session_idle).await? else { return Ok(AuthReply::Denied) };
        let decided = match question {
            Some(question) => Some(decide(bus, &session, question).await?),
            None => None,
        };
        Ok(AuthReply::Ok(Granted {
            role: Some(session.effective_role()),
            username: Some(session.username),
            groups: Some(session.groups),
            allowed: decided.as_ref().map(Result::is_ok),
            reason: decided.and_then(Result::err),
            ..Granted::default()
        }))
    }

    async fn log_in(
        &self,
        begin: &Begin<'_>,
        username: &str,
        password: Secret,
        origin: &Origin,
    ) -> Result<Answered, AccountError> {
        let Manager { bus, hasher, limits, metrics } = &*self.manager;
        let (how, address, agent) = match origin {
            Origin::Node { address, agent } => {
                let agent = agent.as_deref().and_then(|agent| printable(agent, AGENT_BYTES));
                (SessionOrigin::Web, Some(address.to_string()), agent)
            }
            Origin::Bus { claimed } => {
                let claimed = claimed.as_deref().and_then(|claimed| printable(claimed, ADDRESS_BYTES));
                (SessionOrigin::Bus, claimed, None)
            }
        };
        let throttles = throttles(username, origin);
        let known = match bus.attempt(&throttles, begin.deadline, limits).await? {
            Attempted::Go { known } => known,
            Attempted::Late => return Ok(self.stream.answer(begin, &AuthReply::Denied).await?),
            Attempted::Locked(wait) => {
                metrics.login("locked");
                tracing::info!(entry = %begin.entry, ?origin, ?wait, "a login was refused: there were too many");
                let seconds = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
                let message = format!("too many logins failed: try again in {seconds} s");
                let answered = self.stream.answer(begin, &AuthReply::error_for(message, seconds)).await?;
                if answered == Answered::Done {
                    let user = bus.account(username).await?.map(|_| username);
                    Login { user, address: address.as_deref(), issuer: None, status: 429, error: Some("locked") }
                        .record(bus)
                        .await;
                }
                return Ok(answered);
            }
        };
        let account = bus.account(username).await?;
        let user = account.as_ref().map(|_| username);
        let login = Login { user, address: address.as_deref(), issuer: None, status: 200, error: None };
        let fits = hasher.verify(account.as_ref().and_then(|account| account.password.clone()), password).await?;
        let Some(account) = account.filter(|account| fits && !account.disabled) else {
            metrics.login("denied");
            tracing::info!(entry = %begin.entry, ?origin, "a login failed");
            let answered = self.stream.answer(begin, &AuthReply::Denied).await?;
            if answered == Answered::Done {
                Login { status: 401, error: Some("denied"), ..login }.record(bus).await;
            }
            return Ok(answered);
        };
        let session = session_id();
        let digest = digest(session.reveal());
        let reply = AuthReply::Ok(Granted { session: Some(session), ..Granted::default() });
        let new = NewSession {
            digest: &digest,
            user: username,
            generation: account.generation,
            origin: how,
            address: address.as_deref(),
            agent: agent.as_deref(),
        };
        let answered = self.stream.log_in(begin, &reply, &new, (&throttles, known), limits).await?;
        if answered == Answered::Done {
            metrics.login("done");
            login.record(bus).await;
            tracing::info!(user = username, ?origin, "logged in");
        }
        Ok(answered)
    }
}

/// Who it is, by the account as it is now; nobody where the credential does not count. A session is idle anew from now on,
/// and ends `idle` later if it is not used again.
///
/// # Errors
/// [`BusError`].
pub async fn identify(bus: &Bus, credential: &Credential, idle: Duration) -> Result<Option<Session>, BusError> {
    match credential {
        Credential::Session(id) => bus.session(&digest(id.reveal()), idle).await,
        Credential::Token(token) => bus.token(&digest(token.reveal())).await,
    }
}

/// One place at least, and all that are free; none when there will never be one.
async fn places(room: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let mut places = Arc::clone(room).acquire_owned().await.ok()?;
    let free = u32::try_from(room.available_permits()).unwrap_or(u32::MAX);
    if let Ok(more) = Arc::clone(room).try_acquire_many_owned(free) {
        places.merge(more);
    }
    Some(places)
}
