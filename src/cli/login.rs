//! `deblox login`, `logout` and `whoami`: who the command line is, where workers ask.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cluster::{Cluster, FAILED};
use super::contexts::write;
use super::hostname;
use super::options::required_state_folder;
use super::output::{self, Format, line};
use super::password::PasswordArgs;
use crate::bus::RedisOptions;
use crate::protocol::limits::ADDRESS_BYTES;
use crate::protocol::{AccountName, AuthAddress, Credential, Role, Secret, printable};

#[derive(Debug, clap::Args)]
pub(super) struct LoginArgs {
    /// Who logs in [default: it is asked for]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct WhoamiArgs {
    /// A line of text, or JSON
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

/// What the auth manager answers.
#[derive(Debug, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer {
    Ok {
        #[serde(rename = "sessionID")]
        session: Option<Secret>,
        #[serde(flatten)]
        who: Option<Who>,
    },
    Denied,
    Error {
        message: String,
    },
}

/// Whom a session or a token stands for.
#[derive(Debug, Serialize, Deserialize)]
struct Who {
    username: AccountName,
    role: Role,
    groups: BTreeSet<AccountName>,
}

/// Sessions by the bus that they are for, in a file for its owner alone.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Sessions(BTreeMap<String, Secret>);

impl Sessions {
    /// Reads the file; there are none where there is no file.
    pub(super) fn load() -> anyhow::Result<Self> {
        let Ok(path) = path() else { return Ok(Self::default()) };
        crate::secrets::check(&path)?;
        super::secret_files::caution_of(&path);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is not a file of sessions: remove it, and log in again", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// The session on that bus.
    pub(super) fn on(&self, redis: &RedisOptions) -> Option<Secret> {
        self.0.get(&bus(redis)).cloned()
    }

    fn save(&self) -> anyhow::Result<()> {
        let path = path()?;
        write(&path, &serde_json::to_string_pretty(self)?)
            .with_context(|| format!("{} cannot be written", path.display()))
    }
}

fn path() -> anyhow::Result<PathBuf> {
    Ok(required_state_folder()?.join("sessions.json"))
}

/// What names a bus: where it is, without a password, and what its keys begin with.
fn bus(redis: &RedisOptions) -> String {
    format!("{} {}", redis.place(), redis.namespace)
}

pub(super) async fn log_in(args: LoginArgs, cluster: &Cluster) -> anyhow::Result<u8> {
    let user = match args.user {
        Some(user) => user,
        None => PasswordArgs::ask_name().await?,
    };
    let password = PasswordArgs::ask_once(args.password_stdin).await?;
    // So that the user recognises the session in a list.
    let host = hostname::short().and_then(|host| printable(&host, ADDRESS_BYTES));
    let message = json!({"username": user, "password": password.reveal(), "address": host});
    match ask(cluster, AuthAddress::Login, message).await? {
        Answer::Ok { session: Some(session), .. } => {
            let mut sessions = Sessions::load()?;
            sessions.0.insert(bus(cluster.redis()), session);
            sessions.save()?;
            line(&user)?;
            Ok(0)
        }
        Answer::Ok { .. } => bail!("the auth manager gave no session"),
        Answer::Denied => bail!("the name or the password is wrong"),
        Answer::Error { message } => Err(anyhow!(message)),
    }
}

pub(super) async fn log_out(cluster: &Cluster) -> anyhow::Result<u8> {
    let mut sessions = Sessions::load()?;
    let Some(session) = sessions.0.remove(&bus(cluster.redis())) else {
        bail!("not logged in: `deblox login` does that");
    };
    // Whoever forgets it first and then fails to end it cannot try again.
    let answer = ask(cluster, AuthAddress::Logout, json!({"sessionID": session.reveal()})).await?;
    sessions.save()?;
    match answer {
        Answer::Ok { .. } => line("logged out").map(|()| 0),
        Answer::Denied => bail!("the session had ended already"),
        Answer::Error { message } => bail!("{message}: the session had ended already, and is forgotten"),
    }
}

pub(super) async fn who_am_i(args: &WhoamiArgs, cluster: &Cluster) -> anyhow::Result<u8> {
    let Some(credential) = cluster.credential() else {
        bail!("nobody in particular: `deblox login`, or give a token with DEBLOX_TOKEN or --token-file");
    };
    let message = match credential {
        Credential::Session(session) => json!({"sessionID": session.reveal()}),
        Credential::Token(token) => json!({"token": token.reveal()}),
    };
    match ask(cluster, AuthAddress::Authorise, message).await? {
        Answer::Ok { who: Some(who), .. } => {
            let groups: Vec<&str> = who.groups.iter().map(AccountName::as_str).collect();
            match args.format {
                Format::Table if groups.is_empty() => line(&format!("{} ({})", who.username, who.role))?,
                Format::Table => line(&format!("{} ({}; in {})", who.username, who.role, groups.join(", ")))?,
                Format::Json => line(&super::output::json(&who)?)?,
            }
            Ok(0)
        }
        Answer::Ok { .. } => bail!("the auth manager does not say who that is"),
        Answer::Denied => {
            output::complain(&anyhow!("the session or the token does not count, or no longer: `deblox login`"));
            Ok(FAILED)
        }
        Answer::Error { message } => Err(anyhow!(message)),
    }
}

async fn ask(cluster: &Cluster, address: AuthAddress, message: Value) -> anyhow::Result<Answer> {
    let reply = cluster.ask_auth(address, message).await?;
    serde_json::from_str(&reply).context("the auth manager's answer cannot be read")
}
