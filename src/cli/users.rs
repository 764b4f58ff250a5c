//! `deblox user`: who may use the cluster, and for what.

use std::collections::BTreeSet;

use serde::Serialize;

use super::cluster::{Cluster, each};
use super::output::{BAD, Cell, FAIR, FilterArgs, GOOD, Row, Shown, line, say};
use super::password::{PasswordArgs, confirm};
use super::quota;
use super::terminal::has_keyboard;
use crate::auth::Change;
use crate::bus::ListedToken;
use crate::protocol::{Account, AccountName, Quota, Role, looks_like};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List users
    #[command(visible_alias = "list")]
    Ls(FilterArgs),
    /// Add a user; the password is asked for, twice
    #[command(visible_alias = "create")]
    Add {
        /// The name, 1 to 64 of A-Z a-z 0-9 . _ @ -
        name: AccountName,
        /// What the user may do
        #[arg(long, value_name = "ROLE")]
        role: RoleArg,
        /// A group that it belongs to; may be given several times
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<AccountName>,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Give a user another role
    Role {
        /// The name
        name: AccountName,
        /// What the user may do from now on
        role: RoleArg,
    },
    /// Put a user into these groups and no others
    Groups {
        /// The name
        name: AccountName,
        /// The groups; none takes the user out of all
        #[arg(value_name = "GROUP")]
        groups: Vec<AccountName>,
    },
    /// Give a user another password, which is asked for; all sessions of the user end
    Passwd {
        /// The name
        name: AccountName,
        /// Revoke all tokens of the user as well [default: ask, and keep them where there is no terminal]
        #[arg(long, conflicts_with = "keep_tokens")]
        revoke_tokens: bool,
        /// Keep the tokens of the user
        #[arg(long)]
        keep_tokens: bool,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Show how much a user may use and uses, or set how much it may
    Quota(quota::Args),
    /// Let users log in no more; their sessions end and their tokens count no more
    Disable(Names),
    /// Let users log in again
    Enable(Names),
    /// Remove users with their sessions and tokens
    #[command(visible_alias = "remove")]
    Rm(Names),
}

#[derive(Debug, clap::Args)]
pub(super) struct Names {
    /// Their names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<AccountName>,
}

/// A role, as it is typed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum RoleArg {
    /// Reads
    Viewer,
    /// Creates, and operates what it owns
    User,
    /// Operates everything
    Operator,
    /// Manages docks and users as well
    Admin,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Viewer => Self::Viewer,
            RoleArg::User => Self::User,
            RoleArg::Operator => Self::Operator,
            RoleArg::Admin => Self::Admin,
        }
    }
}

/// A user, without what is secret about it.
#[derive(Serialize)]
struct User {
    name: AccountName,
    role: Role,
    groups: Vec<AccountName>,
    disabled: bool,
    temporary: bool,
    created: String,
    /// The OpenID Connect provider where the user logs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<Quota>,
}

impl Row for User {
    const HEADS: &'static [&'static str] = &["NAME", "ROLE", "GROUPS", "STATE", "CREATED"];

    fn cells(&self, shown: &Shown) -> Vec<Cell> {
        let state = match (self.disabled, self.temporary) {
            (true, _) => Cell::styled(BAD, "disabled"),
            (false, true) => Cell::styled(FAIR, "one-time password"),
            (false, false) => Cell::styled(GOOD, "active"),
        };
        let groups: Vec<&str> = self.groups.iter().map(AccountName::as_str).collect();
        let (name, role) = (self.name.as_str().into(), self.role.as_str().into());
        vec![name, role, groups.join(", ").into(), state, shown.since(&self.created).into()]
    }

    fn name(&self, _: &Shown) -> String {
        self.name.to_string()
    }
}

pub(super) async fn run(command: Command, cluster: &Cluster) -> anyhow::Result<u8> {
    let accounts = cluster.accounts();
    match command {
        Command::Ls(args) => {
            let all = cluster.account(accounts.all()).await?;
            if args.is_for_people() {
                warn_of_lookalikes(all.keys());
            }
            args.show(all.into_iter().map(user).collect::<Vec<User>>())?;
            Ok(0)
        }
        Command::Add { name, role, groups, password } => {
            let password = password.read(&name).await?;
            let groups: BTreeSet<AccountName> = groups.into_iter().collect();
            let words = Change::words(&[Change::Role(role.into()), Change::Groups(groups.clone())]);
            let step = accounts.add(&name, role.into(), groups, password);
            let generated = cluster.change_account(("add-user", name.as_str(), Some(&words)), step).await?;
            line(generated.as_ref().map_or(name.as_str(), |password| password.reveal()))?;
            Ok(0)
        }
        Command::Role { name, role } => change(cluster, &name, &Change::Role(role.into())).await,
        Command::Groups { name, groups } => change(cluster, &name, &Change::Groups(groups.into_iter().collect())).await,
        Command::Passwd { name, revoke_tokens, keep_tokens, password } => {
            let password = password.read(&name).await?;
            let revokes = revoke_tokens || (!keep_tokens && wants_tokens_gone(cluster, &name).await?);
            let step = accounts.replace_password(&name, password, revokes);
            let words = revokes.then_some("tokens revoked");
            let generated = cluster.change_account(("set-password", name.as_str(), words), step).await?;
            line(generated.as_ref().map_or(name.as_str(), |password| password.reveal()))?;
            Ok(0)
        }
        Command::Quota(args) => quota::run(args, cluster).await,
        Command::Disable(Names { names }) => change_each(cluster, &names, &Change::Disable).await,
        Command::Enable(Names { names }) => change_each(cluster, &names, &Change::Enable).await,
        Command::Rm(Names { names }) => {
            each(&names, async |name| {
                let name = &AccountName::new(name)?;
                cluster.change_account(("remove-user", name.as_str(), None), accounts.remove(name, false)).await?;
                Ok(name.to_string())
            })
            .await
        }
    }
}

/// Whether the tokens of a user shall go with its password: a person is asked.
async fn wants_tokens_gone(cluster: &Cluster, name: &AccountName) -> anyhow::Result<bool> {
    if !has_keyboard() {
        return Ok(false);
    }
    let (tokens, now) = cluster.account(cluster.accounts().tokens()).await?;
    let lasts = |token: &&ListedToken| token.record.expires.is_none_or(|expires| expires > now);
    let count = tokens.iter().filter(|token| token.record.user == *name).filter(lasts).count();
    match count {
        0 => Ok(false),
        1 => confirm(&format!("`{name}` has 1 token. Revoke it as well?")).await,
        _ => confirm(&format!("`{name}` has {count} tokens. Revoke all of them as well?")).await,
    }
}

/// Tells of users whom a person would take for each other: older versions let them be.
fn warn_of_lookalikes<'a>(names: impl Iterator<Item = &'a AccountName>) {
    let mut seen: Vec<&AccountName> = Vec::new();
    for name in names {
        if let Some(other) = seen.iter().find(|other| looks_like(name.as_str(), other.as_str())) {
            say(&format!(
                "deblox: the users `{other}` and `{name}` look alike: replace one of them by a user with another name"
            ));
        }
        seen.push(name);
    }
}

async fn change(cluster: &Cluster, name: &AccountName, change: &Change) -> anyhow::Result<u8> {
    change_each(cluster, std::slice::from_ref(name), change).await
}

async fn change_each(cluster: &Cluster, names: &[AccountName], change: &Change) -> anyhow::Result<u8> {
    each(names, async |name| {
        let (name, accounts, words) = (AccountName::new(name)?, cluster.accounts(), change.to_string());
        let what = ("change-user", name.as_str(), Some(words.as_str()));
        cluster.change_account(what, accounts.change(&name, change)).await?;
        Ok(name.to_string())
    })
    .await
}

fn user((name, account): (AccountName, Account)) -> User {
    let Account { role, groups, disabled, temporary, created, external, quota, .. } = account;
    let issuer = external.map(|external| external.issuer);
    User { name, role, groups: groups.into_iter().collect(), disabled, temporary, created, issuer, quota }
}
