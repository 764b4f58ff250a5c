//! What each user and each address may have of a node at the same time, so that none takes it from the others.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::api::Problem;
use super::keyed_limit::{KeyedLimit, KeyedPermit};
use crate::auth::network;
use crate::protocol::ErrorCode;
use crate::protocol::limits::{
    ACTIONS_PER_USER, CALLS_PER_ADDRESS, LIVE_STREAMS, LIVE_STREAMS_PER_ADDRESS, LIVE_STREAMS_PER_USER,
    LOGINS_PER_ADDRESS, NODE_STREAMS_PER_USER, SEARCHES_PER_USER, SOCKETS_PER_ADDRESS, SOCKETS_PER_USER,
};

/// Seconds after which what is refused here is worth another try: others end within a moment, or stay.
const RETRY: u64 = 5;

/// Who uses something: a user where one has logged in, else an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    User(String),
    Address(String),
}

impl Holder {
    /// The user, or who is at that address.
    pub(super) fn of(user: Option<&str>, address: IpAddr) -> Self {
        user.map_or_else(|| Self::at(address), |user| Self::User(user.to_owned()))
    }

    fn at(address: IpAddr) -> Self {
        Self::Address(network(address))
    }
}

/// One of what a holder may have; dropping it gives it back.
pub(super) type Permit = KeyedPermit<Holder>;

/// The limits of one node.
#[derive(Debug)]
pub(super) struct FairUse {
    live: Shared,
    sockets: PerHolder,
    streams: Arc<KeyedLimit<Holder>>,
    searches: Arc<KeyedLimit<Holder>>,
    logins: Arc<KeyedLimit<Holder>>,
    calls: Arc<KeyedLimit<Holder>>,
    actions: Arc<KeyedLimit<Holder>>,
}

/// A limit for each user and one for each address.
#[derive(Debug)]
struct PerHolder {
    users: Arc<KeyedLimit<Holder>>,
    addresses: Arc<KeyedLimit<Holder>>,
}

/// The same with one for all together.
#[derive(Debug)]
struct Shared {
    all: Arc<Semaphore>,
    holders: PerHolder,
}

/// What a stream of server-sent events holds while it is open.
#[derive(Debug)]
pub(super) struct LivePermit {
    _all: OwnedSemaphorePermit,
    _holders: (Permit, Option<Permit>),
}

impl Default for FairUse {
    fn default() -> Self {
        Self {
            live: Shared {
                all: Arc::new(Semaphore::new(LIVE_STREAMS)),
                holders: PerHolder::new(LIVE_STREAMS_PER_USER, LIVE_STREAMS_PER_ADDRESS),
            },
            sockets: PerHolder::new(SOCKETS_PER_USER, SOCKETS_PER_ADDRESS),
            streams: KeyedLimit::new(NODE_STREAMS_PER_USER),
            searches: KeyedLimit::new(SEARCHES_PER_USER),
            logins: KeyedLimit::new(LOGINS_PER_ADDRESS),
            calls: KeyedLimit::new(CALLS_PER_ADDRESS),
            actions: KeyedLimit::new(ACTIONS_PER_USER),
        }
    }
}

impl PerHolder {
    fn new(user: usize, address: usize) -> Self {
        Self { users: KeyedLimit::new(user), addresses: KeyedLimit::new(address) }
    }

    /// For the address, and for the user where there is one.
    fn take(&self, user: Option<&str>, address: IpAddr, what: &str) -> Result<(Permit, Option<Permit>), Problem> {
        let Some(at) = self.addresses.take(Holder::at(address)) else {
            return Err(over(format!("your address has as many {what} open on this node as it may: close some")));
        };
        let Some(user) = user else { return Ok((at, None)) };
        match self.users.take(Holder::User(user.to_owned())) {
            Some(of) => Ok((at, Some(of))),
            None => Err(over(format!("`{user}` has as many {what} open on this node as it may: close some"))),
        }
    }
}

impl FairUse {
    /// For a stream of server-sent events.
    pub(super) fn live(&self, user: Option<&str>, address: IpAddr) -> Result<LivePermit, Problem> {
        let holders = self.live.holders.take(user, address, "live streams")?;
        let Ok(all) = Arc::clone(&self.live.all).try_acquire_owned() else {
            return Err(over("this node has as many live streams open as it may: try another node".to_owned()));
        };
        Ok(LivePermit { _all: all, _holders: holders })
    }

    /// For a websocket.
    pub(super) fn socket(&self, user: Option<&str>, address: IpAddr) -> Result<(Permit, Option<Permit>), Problem> {
        self.sockets.take(user, address, "websockets")
    }

    /// For the streams on websockets.
    pub(super) fn streams(&self) -> Arc<KeyedLimit<Holder>> {
        Arc::clone(&self.streams)
    }

    /// For a search of logs.
    pub(super) fn search(&self, user: Option<&str>, address: IpAddr) -> Result<Permit, Problem> {
        let message = "as many searches of yours are running on this node as may: wait until one ends";
        self.searches.take(Holder::of(user, address)).ok_or_else(|| over(message.to_owned()))
    }

    /// For a password that an auth manager checks.
    pub(super) fn login(&self, address: IpAddr) -> Result<Permit, Problem> {
        let message = "as many logins from your address are under way as may be: try again in a moment";
        self.logins.take(Holder::at(address)).ok_or_else(|| over(message.to_owned()))
    }

    /// For an action that is under way, whether its caller waits or not.
    pub(super) fn action(&self, user: Option<&str>, address: IpAddr) -> Result<Permit, Problem> {
        let message = "as many requests of yours are under way on this node as may be: wait until some have ended";
        self.actions.take(Holder::of(user, address)).ok_or_else(|| over(message.to_owned()))
    }

    /// For a call that waits for its reply.
    pub(super) fn call(&self, address: IpAddr) -> Option<Permit> {
        self.calls.take(Holder::at(address))
    }
}

fn over(message: String) -> Problem {
    Problem::new(ErrorCode::Busy, message).retry_after(RETRY)
}
