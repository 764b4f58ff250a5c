//! `deblox group`: which users belong together.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cluster::Cluster;
use super::output::{Cell, FilterArgs, Row, Shown};
use crate::protocol::AccountName;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the groups that users belong to; `deblox user groups` changes that
    #[command(visible_alias = "list")]
    Ls(FilterArgs),
}

/// A group with its users.
#[derive(Serialize)]
struct Group {
    name: AccountName,
    users: Vec<AccountName>,
}

impl Row for Group {
    const HEADS: &'static [&'static str] = &["NAME", "USERS"];

    fn cells(&self, _: &Shown) -> Vec<Cell> {
        let users: Vec<&str> = self.users.iter().map(AccountName::as_str).collect();
        vec![self.name.as_str().into(), users.join(", ").into()]
    }

    fn name(&self, _: &Shown) -> String {
        self.name.to_string()
    }
}

pub(super) async fn run(command: Command, cluster: &Cluster) -> anyhow::Result<u8> {
    let Command::Ls(args) = command;
    let mut groups: BTreeMap<AccountName, Vec<AccountName>> = BTreeMap::new();
    for (user, account) in cluster.account(cluster.accounts().all()).await? {
        for group in account.groups {
            groups.entry(group).or_default().push(user.clone());
        }
    }
    args.show(groups.into_iter().map(|(name, users)| Group { name, users }).collect::<Vec<_>>())?;
    Ok(0)
}
