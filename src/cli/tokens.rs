//! `deblox token`: how programs show who they are.

use std::time::Duration;

use serde::Serialize;

use super::cluster::{Cluster, each};
use super::output::{BAD, Cell, FilterArgs, Row, Shown, line};
use super::users::RoleArg;
use crate::auth::NewToken;
use crate::bus::ListedToken;
use crate::protocol::{AccountName, Role, rfc3339};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List tokens; none of them can be seen again
    #[command(visible_alias = "list")]
    Ls {
        /// Only those of this user
        #[arg(long, value_name = "NAME")]
        user: Option<AccountName>,
        #[command(flatten)]
        show: FilterArgs,
    },
    /// Make a token and print it, this once
    #[command(visible_alias = "create")]
    Add {
        /// What it is for, 1 to 64 of A-Z a-z 0-9 . _ @ -
        name: AccountName,
        /// Whose it is
        #[arg(long, value_name = "NAME")]
        user: AccountName,
        /// What it may do, at most what its user may [default: that]
        #[arg(long, value_name = "ROLE")]
        role: Option<RoleArg>,
        /// After what time it ends, such as 90days [default: never]
        #[arg(long, value_name = "TIME", value_parser = lifetime)]
        expires: Option<Duration>,
    },
    /// Have tokens count no more
    #[command(visible_alias = "rm")]
    Revoke {
        /// Their ids, or USER/NAME
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
}

/// How long a token may last, in words.
fn lifetime(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|e| e.to_string())?;
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(100 * 366 * 24 * 60 * 60));
    if time < least || time > most {
        return Err("it must be from 1s to 100years; without it the token does not end".to_owned());
    }
    Ok(time)
}

/// A token, without what is secret about it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    id: String,
    user: AccountName,
    name: AccountName,
    role: Role,
    created: String,
    expires: Option<String>,
    is_expired: bool,
    last_used: Option<String>,
}

impl Row for Token {
    const HEADS: &'static [&'static str] = &["ID", "USER", "NAME", "ROLE", "CREATED", "EXPIRES", "LAST USED"];

    fn cells(&self, shown: &Shown) -> Vec<Cell> {
        let expires = match &self.expires {
            Some(_) if self.is_expired => Cell::styled(BAD, "expired"),
            Some(expires) => expires.as_str().into(),
            None => "never".into(),
        };
        let used = self.last_used.as_ref().map_or_else(|| "never".to_owned(), |used| shown.since(used));
        let (user, name) = (self.user.as_str(), self.name.as_str());
        let created = shown.since(&self.created);
        vec![
            shown.id(&self.id).into(),
            user.into(),
            name.into(),
            self.role.as_str().into(),
            created.into(),
            expires,
            used.into(),
        ]
    }

    fn name(&self, shown: &Shown) -> String {
        shown.id(&self.id).to_owned()
    }
}

pub(super) async fn run(command: Command, cluster: &Cluster) -> anyhow::Result<u8> {
    let accounts = cluster.accounts();
    match command {
        Command::Ls { user, show } => {
            let (tokens, now) = cluster.account(accounts.tokens()).await?;
            let wanted = |token: &ListedToken| user.as_ref().is_none_or(|user| *user == token.record.user);
            show.show(tokens.into_iter().filter(wanted).map(|token| row(token, now)).collect::<Vec<Token>>())?;
            Ok(0)
        }
        Command::Add { name, user, role, expires } => {
            let new = NewToken { name, user, role: role.map(Role::from), expires };
            let (about, change) = (format!("{}/{}", new.user, new.name), new.role.map(|role| format!("role={role}")));
            let what = ("add-token", about.as_str(), change.as_deref());
            line(cluster.change_account(what, accounts.add_token(&new)).await?.reveal())?;
            Ok(0)
        }
        Command::Revoke { ids } => {
            each(&ids, async |id| {
                let about = beginning(id);
                cluster.change_account(("revoke-token", &about, None), accounts.revoke(id)).await?;
                Ok(id.to_owned())
            })
            .await
        }
    }
}

/// As much of what was given for a token as its id or its name can be: somebody may give the token itself.
fn beginning(id: &str) -> String {
    let is_name =
        id.split_once('/').is_some_and(|(user, name)| [user, name].map(AccountName::new).iter().all(Result::is_ok));
    if is_name { id.to_owned() } else { id.chars().take_while(char::is_ascii_hexdigit).take(12).collect() }
}

fn row(token: ListedToken, now: u64) -> Token {
    let ListedToken { digest, record, used } = token;
    Token {
        id: digest,
        user: record.user,
        name: record.name,
        role: record.role,
        created: rfc3339(record.created),
        expires: record.expires.map(rfc3339),
        is_expired: record.expires.is_some_and(|expires| expires <= now),
        last_used: used.map(rfc3339),
    }
}
