//! `deblox chown`, `share` and `unshare`: whose containers are, and who else may do what to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use super::cluster::{AT_ONCE, Cluster, FAILED, about, each};
use super::lifecycle::Names;
use super::output::{self, Cell, Row, ShowArgs, Shown, complain};
use super::progress::with_progress;
use crate::protocol::{Access, AccountName};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Offer containers of yours to another user, who accepts them; an operator gives them at once
    Chown {
        /// The user to whom they are to belong
        owner: AccountName,
        #[command(flatten)]
        names: Names,
    },
    /// Accept containers that are offered to you: they count in your quota from then on
    Accept {
        #[command(flatten)]
        names: Names,
    },
    /// Decline containers that are offered to you, or withdraw your own offer of them
    Decline {
        #[command(flatten)]
        names: Names,
    },
    /// Share containers with users and groups; or without any, list whose they are and who shares them
    Share {
        #[command(flatten)]
        names: Names,
        #[command(flatten)]
        with: Sharers,
        /// What they may do, in the place of what they might: one or several, with commas between them
        #[arg(long = "right", value_name = "RIGHT", value_delimiter = ',', requires = "with",
            conflicts_with_all = ["quiet", "format", "no_trunc"])]
        rights: Vec<Right>,
        #[command(flatten)]
        show: ShowArgs,
    },
    /// Share containers with users and groups no more
    Unshare {
        #[command(flatten)]
        names: Names,
        #[command(flatten)]
        with: Sharers,
    },
}

#[derive(Debug, clap::Args)]
#[group(id = "with", multiple = true)]
pub(super) struct Sharers {
    /// With this user; may be given several times
    #[arg(long = "user", value_name = "NAME")]
    users: Vec<AccountName>,
    /// With the members of this group; may be given several times
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<AccountName>,
}

/// A right that can be shared.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Right {
    /// Look
    View,
    /// Change what is there, and look
    Operate,
    /// Run something inside, read and write its files, and look
    Exec,
    /// Remove it, and look
    Delete,
}

impl From<Right> for Access {
    fn from(right: Right) -> Self {
        match right {
            Right::View => Self::View,
            Right::Operate => Self::Operate,
            Right::Exec => Self::Exec,
            Right::Delete => Self::Delete,
        }
    }
}

/// What `inspect-instance` tells.
#[derive(Serialize, Deserialize)]
struct Ownership {
    id: String,
    name: String,
    owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offered: Option<String>,
    users: BTreeMap<String, BTreeSet<Access>>,
    groups: BTreeMap<String, BTreeSet<Access>>,
}

impl Row for Ownership {
    const HEADS: &'static [&'static str] = &["CONTAINER ID", "NAME", "OWNER", "SHARED WITH"];

    fn cells(&self, shown: &Shown) -> Vec<Cell> {
        let users = self.users.iter().map(|sharer| ("user", sharer));
        let sharers = users.chain(self.groups.iter().map(|sharer| ("group", sharer)));
        let sharers: Vec<String> = sharers
            .map(|(kind, (name, rights))| {
                let rights: Vec<&str> = rights.iter().map(|right| right.as_str()).collect();
                format!("{kind} {name} ({})", rights.join(", "))
            })
            .collect();
        let mut owner = self.owner.clone().unwrap_or_default();
        if let Some(offered) = &self.offered {
            let _ = write!(owner, " (offered to {offered})");
        }
        vec![shown.id(&self.id).into(), self.name.as_str().into(), owner.into(), sharers.join(", ").into()]
    }

    fn name(&self, shown: &Shown) -> String {
        shown.id(&self.id).to_owned()
    }
}

impl Sharers {
    fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }
}

pub(super) async fn run(command: Command, cluster: &Cluster) -> anyhow::Result<u8> {
    match command {
        Command::Chown { owner, names } => {
            each(&names.containers, async |name| {
                cluster.ask(about("chown-instance", name)?.with("owner", owner.as_str()).json()).await?;
                Ok(name.to_owned())
            })
            .await
        }
        Command::Accept { names } => settle("accept-instance", &names, cluster).await,
        Command::Decline { names } => settle("decline-instance", &names, cluster).await,
        Command::Share { names, with, show, .. } if with.is_empty() => list(&names, &show, cluster).await,
        Command::Share { rights, .. } if rights.is_empty() => {
            anyhow::bail!("say what they may do, such as --right view,operate; `deblox unshare` ends it")
        }
        Command::Share { names, with, rights, .. } => {
            let rights: Vec<String> = rights.into_iter().map(|right| Access::from(right).as_str().to_owned()).collect();
            share(&names, &with, &rights, cluster).await
        }
        Command::Unshare { with, .. } if with.is_empty() => {
            anyhow::bail!("say with whom no more: --user NAME or --group NAME")
        }
        Command::Unshare { names, with } => share(&names, &with, &[], cluster).await,
    }
}

/// Accepts or declines each of them.
async fn settle(action: &str, names: &Names, cluster: &Cluster) -> anyhow::Result<u8> {
    each(&names.containers, async |name| {
        cluster.ask(about(action, name)?.json()).await?;
        Ok(name.to_owned())
    })
    .await
}

/// Gives all of them these rights, or none.
async fn share(names: &Names, with: &Sharers, rights: &[String], cluster: &Cluster) -> anyhow::Result<u8> {
    let users = with.users.iter().map(|user| ("user", user));
    let sharers: Vec<_> = users.chain(with.groups.iter().map(|group| ("group", group))).collect();
    each(&names.containers, async |name| {
        for (kind, sharer) in &sharers {
            let request = about("share-instance", name)?.with(kind, sharer.as_str()).with("rights", rights);
            cluster.ask(request.json()).await?;
        }
        Ok(name.to_owned())
    })
    .await
}

/// Shows whose they are and who shares them.
async fn list(names: &Names, show: &ShowArgs, cluster: &Cluster) -> anyhow::Result<u8> {
    let ask = async |name: &String| -> anyhow::Result<Ownership> {
        Ok(cluster.ask(about("inspect-instance", name)?.json()).await?.body()?)
    };
    let asked = stream::iter(names.containers.iter().map(ask)).buffered(AT_ONCE).collect::<Vec<_>>();
    let (mut rows, mut code) = (Vec::new(), 0);
    for answer in with_progress(asked).await {
        match answer {
            Ok(row) => rows.push(row),
            Err(error) => {
                code = FAILED;
                complain(&error);
            }
        }
    }
    if !rows.is_empty() {
        output::show(&rows, show)?;
    }
    Ok(code)
}
