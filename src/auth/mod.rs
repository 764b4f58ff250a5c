//! Who is asking: the auth manager, accounts, and what is secret about them.
//!
//! A manager keeps nothing: any number of them read the same streams, and each message is answered by one.

mod accounts;
mod audit;
mod decision;
mod manager;
mod oidc;
mod password_policy;
mod place;
mod secrets;
mod sessions;

use std::time::Duration;

pub use accounts::{AccountError, Accounts, Change, NewPassword, NewToken};
pub use audit::{Login, record_change, record_ended_sessions, record_logout};
pub use manager::{identify, run};
pub use oidc::{Arrival, Departure, LoggedIn, Oidc, OidcError, OidcOptions, ProviderError};
pub use password_policy::PasswordPolicy;
pub use place::network;
pub use secrets::{SecretError, digest, password};
pub use sessions::{EndError, Sessions, end_sessions, list_sessions};

use crate::bus::{Limits, RedisOptions};
use crate::metrics::Metrics;

/// What an auth manager needs to know.
#[derive(Clone, Debug)]
pub struct AuthOptions {
    /// The bus.
    pub redis: RedisOptions,
    /// How logins are slowed down, and when sessions end.
    pub limits: Limits,
    /// What it counts.
    pub metrics: Metrics,
}

impl AuthOptions {
    /// When an idle session ends where nothing else is said; the original's sessions lasted as long.
    pub const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);
    /// When any session ends where nothing else is said: after a day's work.
    pub const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
    /// Failed logins that an account has free from one place: a person tries several passwords, and programs log in side by
    /// side.
    pub const ACCOUNT_ATTEMPTS: u32 = 10;
    /// Failed logins that an account has free from all places together from which it did not log in lately: those who guess
    /// from many addresses get no further.
    pub const ACCOUNT_TOTAL_ATTEMPTS: u32 = 100;
    /// Failed logins that an address has free: many people may come from one.
    pub const ADDRESS_ATTEMPTS: u32 = 50;
    /// The first lock.
    pub const FIRST_LOCK: Duration = Duration::from_secs(1);
    /// The longest lock: whoever fails on purpose locks the user out for no longer.
    pub const LONGEST_LOCK: Duration = Duration::from_secs(15 * 60);
    /// When failed logins are forgotten.
    pub const FORGET: Duration = Duration::from_secs(60 * 60);
    /// All of these.
    pub const LIMITS: Limits = Limits {
        session_idle: Self::SESSION_IDLE,
        session_lifetime: Self::SESSION_LIFETIME,
        account_attempts: Self::ACCOUNT_ATTEMPTS,
        account_total_attempts: Self::ACCOUNT_TOTAL_ATTEMPTS,
        address_attempts: Self::ADDRESS_ATTEMPTS,
        first_lock: Self::FIRST_LOCK,
        longest_lock: Self::LONGEST_LOCK,
        forget: Self::FORGET,
    };

    /// A manager on `redis` with the defaults.
    pub fn new(redis: RedisOptions) -> Self {
        Self { redis, limits: Self::LIMITS, metrics: Metrics::default() }
    }
}
