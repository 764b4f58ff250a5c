//! `deblox volume`: the volumes of docks.

use serde_json::Value;

use super::cluster::{Cluster, Request, each, filters, pair, split};
use super::inspect::{self, Form};
use super::listing::{ListArgs, Listed, Placed, listed};
use super::output::{self, Cell, Row, Shown};
use super::places::{DocksArgs, Named, confirm, find};
use super::progress::with_progress;
use crate::protocol::VolumeRecord;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List volumes
    #[command(visible_alias = "list")]
    Ls(ListArgs),
    /// Show everything about volumes
    Inspect {
        /// The volumes: NAME or DOCK/NAME
        #[arg(value_name = "VOLUME", required = true)]
        volumes: Vec<String>,
        #[command(flatten)]
        form: Form,
    },
    /// Make a volume on docks
    Create {
        /// Its name [default: one of the daemon's]
        name: Option<String>,
        /// Its driver [default: local]
        #[arg(short, long)]
        driver: Option<String>,
        /// An option of the driver; may be given several times
        #[arg(short, long = "opt", value_name = "NAME=VALUE", value_parser = pair)]
        options: Vec<(String, String)>,
        /// A label; may be given several times
        #[arg(long = "label", value_name = "NAME[=VALUE]")]
        labels: Vec<String>,
        #[command(flatten)]
        docks: DocksArgs,
    },
    /// Remove volumes, and what is in them
    #[command(visible_alias = "remove")]
    Rm {
        /// The volumes: NAME or DOCK/NAME
        #[arg(value_name = "VOLUME", required = true)]
        volumes: Vec<String>,
        /// Even if something is wrong with it
        #[arg(short, long)]
        force: bool,
    },
    /// Remove the volumes of docks that no container uses
    Prune(Prune),
}

/// What removing all that is unused takes.
#[derive(Debug, clap::Args)]
pub(super) struct Prune {
    /// Without asking
    #[arg(short, long)]
    pub(super) force: bool,
    /// Only what fits, such as label=team=x; may be given several times
    #[arg(long = "filter", value_name = "KEY=VALUE", value_parser = pair)]
    filters: Vec<(String, String)>,
    #[command(flatten)]
    docks: DocksArgs,
}

impl Row for Placed<VolumeRecord> {
    const HEADS: &'static [&'static str] = &["DRIVER", "DOCK", "VOLUME NAME"];

    fn cells(&self, _: &Shown) -> Vec<Cell> {
        vec![self.record.driver.as_str().into(), self.dock.as_str().into(), self.record.name.as_str().into()]
    }

    fn name(&self, _: &Shown) -> String {
        format!("{}/{}", self.dock, self.record.name)
    }
}

impl Named for VolumeRecord {
    const LIST: &'static str = "volumes";
    const KIND: &'static str = "volume";

    fn label(&self) -> String {
        self.name.clone()
    }

    fn filters(name: &str) -> Vec<Vec<(String, String)>> {
        vec![vec![("name".to_owned(), name.to_owned())]]
    }

    fn is_called(&self, name: &str) -> bool {
        self.name == name
    }
}

pub(super) async fn run(command: Command, cluster: &Cluster) -> anyhow::Result<u8> {
    match command {
        Command::Ls(list) => {
            let listed: Listed<VolumeRecord> = listed(cluster, "volumes", &list).await?;
            listed.show(&list.show)
        }
        Command::Inspect { volumes, form } => {
            inspect::show(&volumes, &form, async |name| inspect(cluster, name).await).await
        }
        Command::Create { name, driver, options, labels, docks } => {
            let options: Vec<String> = options.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let chosen = with_progress(docks.choose(cluster)).await?;
            let code = each(&chosen.with(name.as_deref().unwrap_or_default()), async |name| {
                let (dock, name) = split(name)?;
                let request = Request::new("create-volume")
                    .maybe("name", Some(name).filter(|name| !name.is_empty()))
                    .maybe("dock", dock.map(String::from))
                    .maybe("driver", driver.clone())
                    .list("options", &options)
                    .list("labels", &labels);
                let reply: Value = cluster.ask(request.json()).await?.body()?;
                Ok(reply["Name"].as_str().unwrap_or_default().to_owned())
            })
            .await?;
            Ok(chosen.verdict(code))
        }
        Command::Rm { volumes, force } => {
            each(&volumes, async |name| {
                let (dock, id) = find::<VolumeRecord>(cluster, name).await?;
                let request = Request::new("remove-volume").with("volume", id).flag("force", force);
                cluster.ask(request.on(&dock).json()).await?;
                Ok(name.to_owned())
            })
            .await
        }
        Command::Prune(args) => {
            if !confirm("this removes all volumes that no container uses, with what is in them", args.force)? {
                return Ok(0);
            }
            args.run("prune-volumes", "VolumesDeleted", cluster).await
        }
    }
}

impl Prune {
    /// Prunes each dock, and prints what is gone: DOCK/NAME each, and the space that is free again.
    pub(super) async fn run(&self, action: &str, deleted: &str, cluster: &Cluster) -> anyhow::Result<u8> {
        let chosen = with_progress(self.docks.choose(cluster)).await?;
        let code = each(&chosen.with(""), async |name| {
            let (Some(dock), _) = split(name)? else { return Ok(String::new()) };
            let request = Request::new(action).on(&dock);
            let request =
                if self.filters.is_empty() { request } else { request.with("filters", filters(&self.filters)) };
            let reply: Value = cluster.ask(request.json()).await?.body()?;
            let gone = reply[deleted].as_array().into_iter().flatten().filter_map(Value::as_str);
            let mut lines: Vec<String> = gone.map(|name| format!("{dock}/{name}")).collect();
            let space = reply["SpaceReclaimed"].as_u64().map(output::size);
            lines.extend(space.map(|space| format!("{dock}: {space} reclaimed")));
            Ok(lines.join("\n"))
        })
        .await?;
        Ok(chosen.verdict(code))
    }
}

/// Everything the daemon knows about a volume.
pub(super) async fn inspect(cluster: &Cluster, name: &str) -> anyhow::Result<Value> {
    let (dock, id) = find::<VolumeRecord>(cluster, name).await?;
    Ok(cluster.ask(Request::new("inspect-volume").with("volume", id).on(&dock).json()).await?.body()?)
}
