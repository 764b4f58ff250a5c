//! `deblox session`: where a user is logged in, and the end of that.

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cluster::{Cluster, each};
use super::output::{Cell, FilterArgs, GOOD, Row, Shown, line};
use crate::protocol::{AccountName, AuthAddress, Credential, EndSessions, SessionFacts, SessionOrigin, rfc3339};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List your sessions: where each was begun, since when it lasts, and when it was last used
    #[command(visible_alias = "list")]
    Ls {
        /// List the sessions of another user, as an admin
        #[arg(long, value_name = "NAME")]
        user: Option<AccountName>,
        #[command(flatten)]
        show: FilterArgs,
    },
    /// End sessions
    #[command(
        visible_alias = "revoke",
        after_help = "Examples:\n  deblox session rm 3f9a81c2d4e5\n  deblox session rm --others\n  \
                      deblox session rm --others --user ada"
    )]
    Rm {
        /// Their ids, or the beginnings of these
        #[arg(value_name = "ID", required_unless_present = "others", conflicts_with = "others")]
        ids: Vec<String>,
        /// End all sessions but the one that this command uses
        #[arg(long)]
        others: bool,
        /// End sessions of another user, as an admin
        #[arg(long, value_name = "NAME")]
        user: Option<AccountName>,
    },
}

/// What the auth manager answers.
#[derive(Debug, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer {
    Ok {
        #[serde(default)]
        username: Option<AccountName>,
        #[serde(default)]
        sessions: Vec<SessionFacts>,
        #[serde(default)]
        ended: u64,
    },
    Denied,
    Error {
        message: String,
    },
}

/// A session, without what is secret about it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    user: Option<AccountName>,
    current: bool,
    origin: Option<SessionOrigin>,
    address: Option<String>,
    agent: Option<String>,
    created: Option<String>,
    last_used: String,
    ends: String,
}

impl Row for Listed {
    const HEADS: &'static [&'static str] = &["ID", "FROM", "WITH", "CREATED", "LAST USED", "ENDS"];

    fn cells(&self, shown: &Shown) -> Vec<Cell> {
        let id = shown.id(&self.id);
        let address = self.address.as_deref().unwrap_or("an unknown address");
        let from = match self.origin {
            // The client itself says where it is.
            Some(SessionOrigin::Bus) => format!("the bus ({address})"),
            _ => address.to_owned(),
        };
        let from = if self.current { Cell::styled(GOOD, format!("{from}, this session")) } else { from.into() };
        let with = match (self.agent.as_deref(), self.origin) {
            (Some(agent), _) => agent.chars().take(40).collect(),
            (None, Some(SessionOrigin::Oidc)) => "OpenID Connect".to_owned(),
            (None, _) => "a password".to_owned(),
        };
        let created = self.created.as_ref().map_or_else(|| "unknown".to_owned(), |created| shown.since(created));
        vec![
            id.into(),
            from,
            with.into(),
            created.into(),
            shown.since(&self.last_used).into(),
            self.ends.as_str().into(),
        ]
    }

    fn name(&self, shown: &Shown) -> String {
        shown.id(&self.id).to_owned()
    }
}

pub(super) async fn run(command: Command, cluster: &Cluster) -> anyhow::Result<u8> {
    match command {
        Command::Ls { user, show } => {
            let Answer::Ok { username, sessions, .. } = ask(cluster, user.as_ref(), None).await? else {
                bail!("the auth manager does not say which sessions there are");
            };
            show.show(sessions.into_iter().map(|session| listed(session, username.clone())).collect::<Vec<_>>())?;
            Ok(0)
        }
        Command::Rm { others: true, user, .. } => {
            if let Answer::Ok { ended, .. } = ask(cluster, user.as_ref(), Some(EndSessions::OTHERS)).await? {
                line(&format!("{ended} ended"))?;
            }
            Ok(0)
        }
        Command::Rm { ids, user, .. } => {
            each(&ids, async |id| {
                if id == EndSessions::OTHERS {
                    bail!("`{id}` is no id: `--others` ends the other sessions");
                }
                ask(cluster, user.as_ref(), Some(id)).await?;
                Ok(id.to_owned())
            })
            .await
        }
    }
}

/// Asks the auth manager, as whoever the commands come from.
async fn ask(cluster: &Cluster, user: Option<&AccountName>, end: Option<&str>) -> anyhow::Result<Answer> {
    let mut message = match cluster.credential() {
        Some(Credential::Session(session)) => json!({"sessionID": session.reveal()}),
        Some(Credential::Token(token)) => json!({"token": token.reveal()}),
        None => bail!("you are not logged in: use `deblox login`, or give a token with DEBLOX_TOKEN or --token-file"),
    };
    if let Some(user) = user {
        message["user"] = Value::from(user.as_str());
    }
    if let Some(end) = end {
        message["end"] = Value::from(end);
    }
    let reply = cluster.ask_auth(AuthAddress::Sessions, message).await?;
    match serde_json::from_str(&reply).context("the auth manager's answer cannot be read")? {
        Answer::Denied => Err(anyhow!("the session or the token is not valid, or no longer: use `deblox login`")),
        Answer::Error { message } => Err(anyhow!(message)),
        answer @ Answer::Ok { .. } => Ok(answer),
    }
}

fn listed(session: SessionFacts, user: Option<AccountName>) -> Listed {
    let SessionFacts { id, current, created, used, ends, origin, address, agent } = session;
    let (created, last_used, ends) = (created.map(rfc3339), rfc3339(used), rfc3339(ends));
    Listed { id, user, current, origin, address, agent, created, last_used, ends }
}
