//! The auth manager beside a worker or an HTTP node: its options, its start and its end.

use std::time::Duration;

use anyhow::Context;
use clap::builder::FalseyValueParser;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::actions::{Bounds, Folder, Registry};
use crate::auth::{AccountError, AuthOptions};
use crate::bus::{Limits, RedisOptions};
use crate::metrics::Metrics;
use crate::protocol::limits::{PIDS_LARGEST, PIDS_LIMIT};
use crate::web::Auth;
use crate::worker::Authority;

/// Whom a worker serves.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Who may do what")]
pub(super) struct AuthorityArgs {
    /// Serve everybody who reaches the bus, or only those who say who they are, and only what they may; the same for all
    /// workers
    #[arg(long, env = "DEBLOX_AUTH", value_name = "MODE", default_value = "open")]
    auth: Mode,
    /// With --auth enforce: a folder of this host that users may mount, as a whole; may be given several times
    #[arg(long = "bind-folder", env = "DEBLOX_BIND_FOLDERS", value_name = "DIR", value_delimiter = ',')]
    bind_folders: Vec<Folder>,
    /// With --auth enforce: registries that users may pull from and search, such as quay.io, or * for all; Docker Hub
    /// and registries of images that this host has are always among them
    #[arg(long, alias = "registry", env = "DEBLOX_REGISTRIES", value_name = "HOST", value_delimiter = ',')]
    registries: Vec<Registry>,
    /// With --auth enforce: how many processes and threads a container of a user may have, and has if it asks for no limit
    #[arg(long, env = "DEBLOX_PIDS_LIMIT", value_name = "N", default_value_t = PIDS_LIMIT, value_parser = clap::value_parser!(u64).range(1..=PIDS_LARGEST))]
    pids_limit: u64,
    /// With --auth enforce: put containers of users that name no network on a network of their user, instead of the default
    /// bridge
    #[arg(long, env = "DEBLOX_USER_NETWORKS", value_parser = FalseyValueParser::new())]
    user_networks: bool,
}

/// Whether workers ask who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Mode {
    /// Whoever can write to Redis is trusted
    Open,
    /// A request needs a session or a token, and the right
    Enforce,
}

impl From<Mode> for Auth {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Open => Self::Open,
            Mode::Enforce => Self::Enforce,
        }
    }
}

impl AuthorityArgs {
    /// Whom to serve, with sessions as `auth` has them.
    pub(super) fn authority(&self, auth: &AuthArgs) -> Option<Authority> {
        let bounds = Bounds {
            bind_folders: self.bind_folders.clone(),
            registries: self.registries.clone(),
            pids_limit: self.pids_limit,
            user_networks: self.user_networks,
        };
        (self.auth == Mode::Enforce).then_some(Authority { session_idle: auth.session_idle, bounds })
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Auth manager")]
pub(super) struct AuthArgs {
    /// Be an auth manager as well: answer logins, say whose session it is, and end sessions
    #[arg(long, env = "DEBLOX_AUTH_MANAGER", value_parser = FalseyValueParser::new())]
    pub(super) auth_manager: bool,
    /// When a session ends that nobody uses; the same for all auth managers
    #[arg(long, env = "DEBLOX_SESSION_IDLE", value_name = "TIME", default_value = "30min", value_parser = lasting)]
    session_idle: Duration,
    /// When a session ends in any case; the same for all auth managers
    #[arg(long, env = "DEBLOX_SESSION_LIFETIME", value_name = "TIME", default_value = "12h", value_parser = lasting)]
    session_lifetime: Duration,
}

/// An auth manager that runs, if one was asked for.
pub(super) struct Beside {
    stop: CancellationToken,
    task: Option<JoinHandle<Result<(), AccountError>>>,
}

impl AuthArgs {
    /// How logins are slowed down, and when sessions end.
    pub(super) fn limits(&self) -> Limits {
        Limits { session_idle: self.session_idle, session_lifetime: self.session_lifetime, ..AuthOptions::LIMITS }
    }

    /// Starts it on `redis`, until `stop` is cancelled.
    pub(super) fn begin(&self, redis: &RedisOptions, metrics: &Metrics, stop: &CancellationToken) -> Beside {
        let stop = stop.child_token();
        let task = self.auth_manager.then(|| {
            let options = AuthOptions { redis: redis.clone(), limits: self.limits(), metrics: metrics.clone() };
            let running = crate::auth::run(options, stop.clone());
            tokio::spawn(async {
                // What it stands beside goes on.
                running.await.inspect_err(|error| tracing::error!(%error, "the auth manager has ended"))
            })
        });
        Beside { stop, task }
    }
}

impl Beside {
    /// Has it answer what it has in hand, and end.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        match self.task {
            Some(task) => Ok(task.await?.context("the auth manager has ended")?),
            None => Ok(()),
        }
    }
}

fn lasting(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|e| e.to_string())?;
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(366 * 24 * 60 * 60));
    if time < least || time > most {
        return Err("it must be from 1s to 366days".to_owned());
    }
    Ok(time)
}
