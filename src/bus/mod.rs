//! All Redis code: connecting, consuming, finishing, presence, records, calling.

mod accounts;
mod acl;
mod audit;
mod auth;
mod caller;
mod consumer;
mod credentials;
mod events;
mod fence;
mod link;
mod logins;
mod options;
mod ownership;
mod placement;
mod presence;
mod primary;
mod private;
mod records;
mod replies;
mod requests;
mod retry;
mod rights;
mod scripts;
mod server;
mod sessions;
mod streams;
mod templates;
mod usage;
mod vitals;
mod waiting;
mod watch;

use std::sync::Arc;

pub use accounts::{Allowed, ChangeRules, ListedToken, Swapped};
pub use acl::AclRole;
pub use auth::{Answered, Attempted, AuthDelivery, AuthReader, AuthStream, Begin, Limits, NewSession, Throttles};
pub use caller::{Call, CallError, Envelope};
pub use consumer::{Consumer, Delivery, Reader, Source};
pub use fence::{Fence, Fenced};
pub use options::RedisOptions;
pub use placement::{Placement, Purpose, Unfit};
pub use presence::{Beat, Changed, Dock};
pub use private::{PrivateRedis, PrivateRedisError};
pub use records::{Ahead, Found, Location, meant};
pub use requests::{Attempt, Begun, Ending, Moved, Recipient, Standing, Unbegun, id_taken};
pub use retry::{Backoff, persist};
pub use sessions::ListedSession;
pub use streams::Tail;
pub use usage::{Claim, Gift, Given};
pub use vitals::{Queue, ServerInfo};
pub use watch::{Neglected, Watch, Watched};

use crate::metrics::Metrics;
use crate::protocol::Keys;
use link::Link;
use replies::Replies;
use scripts::Scripts;
use waiting::Waiting;

/// A handle to the bus: cheap to clone, usable before Redis is, whole again after Redis was away.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    keys: Keys,
    link: Link,
    scripts: Scripts,
    audit: audit::State,
    /// How many replicas must have what is noted before it is acted on.
    replicas: u8,
    replies: Replies,
    /// For servers that do not tell when a reply is there.
    waiting: Waiting,
}

/// Why something could not be done on the bus.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The options cannot be used.
    #[error("{0}")]
    Options(String),
    /// Redis refused, or cannot be reached.
    #[error("{}", link::explain(.0))]
    Redis(#[from] redis::RedisError),
    /// Redis answered with something that deblox cannot read.
    #[error("Redis answered with something unexpected: {0}")]
    Unexpected(String),
}

impl BusError {
    /// Whether Redis cannot be spoken to.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Redis(error) if link::is_unusable(error) || link::is_elsewhere(error))
    }

    /// Whether the user in REDIS_URL lacks a right.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Redis(error) if link::is_forbidden(error))
    }

    /// Whether trying again would end the same way: Redis is there and refuses.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Redis(error) => link::is_refusal(error),
            Self::Options(_) | Self::Unexpected(_) => true,
        }
    }
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("keys", self.keys()).finish_non_exhaustive()
    }
}

impl Bus {
    /// Prepares the connections that `options` describe; nothing is dialled yet.
    ///
    /// # Errors
    /// [`BusError::Options`] for a URL or certificate that cannot be used.
    pub fn new(options: &RedisOptions) -> Result<Self, BusError> {
        Self::measured(options, Metrics::default())
    }

    /// The same, and `metrics` are told how it goes.
    ///
    /// # Errors
    /// The same.
    pub fn measured(options: &RedisOptions, metrics: Metrics) -> Result<Self, BusError> {
        let keys = Keys::new(&options.namespace);
        let link = Link::new(options.server()?, options.user(), keys.prefix(), metrics);
        let (scripts, replies, waiting) = (Scripts::new(), Replies::default(), Waiting::default());
        let replicas = options.replicas;
        Ok(Self {
            inner: Arc::new(Inner { keys, link, scripts, audit: audit::State::default(), replicas, replies, waiting }),
        })
    }

    /// The names of this bus's keys.
    pub fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    /// Asks Redis whether it is there.
    ///
    /// # Errors
    /// [`BusError::Redis`] when it is not.
    pub async fn ping(&self) -> Result<(), BusError> {
        Ok(self.link().query(&redis::cmd("PING")).await?)
    }

    fn link(&self) -> &Link {
        &self.inner.link
    }

    fn scripts(&self) -> &Scripts {
        &self.inner.scripts
    }
}
