//! `deblox acl`: users of Redis who may do only what they need.

use anyhow::{anyhow, bail};

use super::options::ClusterArgs;
use super::output::{line, say};
use super::password;
use crate::auth::digest;
use crate::bus::AclRole;
use crate::protocol::limits::PASSWORD_LEAST;
use crate::protocol::{ClientName, Fqdn, Secret, check_password_length};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// For `deblox worker` of one dock: takes the requests for that dock and for any
    Worker {
        /// The dock, and the name of the user
        dock: Fqdn,
        /// It may look after docks that are lost, and so take what waits for any dock; two or three workers should
        #[arg(long)]
        watch: bool,
        /// It is an auth manager as well
        #[arg(long)]
        auth_manager: bool,
        #[command(flatten)]
        secret: SecretArgs,
    },
    /// For the workers of all docks, where they share a user, as the pods of a Kubernetes DaemonSet do
    Workers {
        /// The name of the user
        name: UserName,
        /// They are auth managers as well
        #[arg(long)]
        auth_manager: bool,
        #[command(flatten)]
        secret: SecretArgs,
    },
    /// For people and programs: sends requests, and reads the replies to its own
    Client {
        /// The name of the user, 1 to 64 of A-Z a-z 0-9 _ -
        name: ClientName,
        #[command(flatten)]
        secret: SecretArgs,
    },
    /// For `deblox web`: what a client may, and it knows whose session it is
    Web {
        /// The name of the user, 1 to 64 of A-Z a-z 0-9 _ -
        name: ClientName,
        /// It is an auth manager as well
        #[arg(long)]
        auth_manager: bool,
        /// People log in there by way of an OpenID Connect provider, so it makes accounts and sessions
        #[arg(long)]
        oidc: bool,
        /// Admins manage users on its pages, and users their tokens and passwords, so it changes accounts
        #[arg(long)]
        accounts: bool,
        #[command(flatten)]
        secret: SecretArgs,
    },
    /// For `deblox web --auth-manager` that is nothing else: answers logins, and reads accounts
    Manager {
        /// The name of the user
        name: UserName,
        #[command(flatten)]
        secret: SecretArgs,
    },
    /// For `deblox user`, `group` and `token`: changes accounts
    Accounts {
        /// The name of the user
        name: UserName,
        #[command(flatten)]
        secret: SecretArgs,
    },
    /// For `deblox doctor`: looks how the docks and the queues are, and changes nothing
    Doctor {
        /// The name of the user
        name: UserName,
        #[command(flatten)]
        secret: SecretArgs,
    },
    /// For `deblox audit verify` and `deblox audit export`: reads the audit, and changes nothing
    Auditor {
        /// The name of the user
        name: UserName,
        #[command(flatten)]
        secret: SecretArgs,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct SecretArgs {
    /// Read the password from standard input [default: one is made, and told on standard error]
    #[arg(long)]
    password_stdin: bool,
}

/// The name of a user of Redis; what is asked of it is that it can stand in a line of redis-cli and in a URL.
type UserName = ClientName;

pub(super) async fn run(command: Command, cluster: &ClusterArgs) -> anyhow::Result<u8> {
    let (user, role, secret) = match command {
        Command::Worker { dock, watch, auth_manager, secret } => {
            (dock.to_string(), AclRole::Worker { dock: Some(dock), watches: watch, manages: auth_manager }, secret)
        }
        // Who may be any dock may as well answer for one that is lost.
        Command::Workers { name, auth_manager, secret } => {
            (name.to_string(), AclRole::Worker { dock: None, watches: true, manages: auth_manager }, secret)
        }
        Command::Client { name, secret } => (name.to_string(), AclRole::Client { name }, secret),
        Command::Web { name, auth_manager, oidc, accounts, secret } => {
            (name.to_string(), AclRole::Web { name, manages: auth_manager, oidc, accounts }, secret)
        }
        Command::Manager { name, secret } => (name.to_string(), AclRole::Manager, secret),
        Command::Accounts { name, secret } => (name.to_string(), AclRole::Accounts, secret),
        Command::Doctor { name, secret } => (name.to_string(), AclRole::Doctor, secret),
        Command::Auditor { name, secret } => (name.to_string(), AclRole::Auditor, secret),
    };
    if user == DEFAULT {
        bail!("`{DEFAULT}` is whom Redis takes those for who give no name: choose another, and switch that one off");
    }
    let redis = cluster.redis()?;
    let rules = role.rules(&redis.namespace).map_err(|message| anyhow!(message))?;
    let (password, made) = secret.read().await?;
    // A database other than the first has to be chosen, which is a right of its own.
    let database = if redis.database() == 0 { "" } else { " +select" };
    let digest = digest(password.reveal());
    line(&format!("ACL SETUSER {user} reset on #{digest} resetchannels{database} {rules}"))?;
    if made {
        say(&format!("The password of {user}, which is not shown again: {}", password.reveal()));
    }
    Ok(0)
}

/// The user whom every Redis has.
const DEFAULT: &str = "default";

impl SecretArgs {
    /// The password, and whether it was made.
    async fn read(&self) -> anyhow::Result<(Secret, bool)> {
        if !self.password_stdin {
            return Ok((crate::auth::password()?, true));
        }
        let password = password::piped_in().await?;
        check_password_length(password.reveal(), PASSWORD_LEAST).map_err(anyhow::Error::msg)?;
        Ok((password, false))
    }
}
