//! `deblox docks`: the hosts of the cluster.

use anyhow::bail;

use super::cluster::{Cluster, FAILED, Request, each, pair};
use super::listing::{self, DockRow, state_text};
use super::output::{self, Cell, Row, ShowArgs, Shown, complain};
use super::progress::with_progress;
use crate::protocol::{DockState, Fqdn, Labels};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the docks, in whatever state
    #[command(visible_alias = "list")]
    Ls(List),
    /// Show everything that is known of docks, as JSON
    Inspect {
        /// The docks
        #[arg(value_name = "DOCK", required = true)]
        docks: Vec<Fqdn>,
    },
    /// Have docks keep their containers and take no new ones
    Drain {
        /// The docks
        #[arg(value_name = "DOCK", required = true)]
        docks: Vec<Fqdn>,
    },
    /// Have drained docks take new containers again
    Undrain {
        /// The docks
        #[arg(value_name = "DOCK", required = true)]
        docks: Vec<Fqdn>,
    },
    /// Set labels that a create can ask for; NAME= removes one
    Label {
        /// The dock
        dock: Fqdn,
        /// The labels
        #[arg(value_name = "NAME=VALUE", required = true, value_parser = pair)]
        labels: Vec<(String, String)>,
    },
    /// Bring docks back that were taken out
    #[command(visible_alias = "register")]
    Add {
        /// The docks
        #[arg(value_name = "DOCK", required = true)]
        docks: Vec<Fqdn>,
    },
    /// Take docks out of the pool; their containers run on
    #[command(visible_alias = "unregister")]
    Rm {
        /// The docks
        #[arg(value_name = "DOCK", required = true)]
        docks: Vec<Fqdn>,
    },
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    show: ShowArgs,
    /// Only what fits: name=PART, state=STATE, label=NAME or label=NAME=VALUE; may be given several times
    #[arg(short, long = "filter", value_name = "KEY=VALUE", value_parser = pair)]
    filters: Vec<(String, String)>,
}

impl Row for DockRow {
    const HEADS: &'static [&'static str] =
        &["DOCK", "STATE", "ENGINE", "CPUS", "MEMORY", "RUNNING", "LAST SEEN", "LABELS"];

    fn cells(&self, shown: &Shown) -> Vec<Cell> {
        let facts = self.facts.as_ref();
        let state = state_text(self.state, facts.map(|facts| facts.daemon));
        let style = match self.state {
            DockState::Up if self.is_reachable() => output::GOOD,
            DockState::Lost | DockState::Up => output::BAD,
            DockState::Drained => output::FAIR,
            DockState::Unregistered | DockState::Stopped | DockState::NeverSeen => output::FAINT,
        };
        let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
        let memory = facts.and_then(|facts| u64::try_from(facts.memory?).ok());
        vec![
            self.hostname.as_str().into(),
            Cell::styled(style, state),
            facts.and_then(|facts| facts.engine_version.clone()).unwrap_or_default().into(),
            number(facts.and_then(|facts| facts.cpus)).into(),
            memory.map(output::memory).unwrap_or_default().into(),
            facts.map(|facts| format!("{}/{}", facts.running, facts.containers)).unwrap_or_default().into(),
            self.last_seen.as_deref().map(|time| shown.since(time)).unwrap_or_default().into(),
            labels(facts.map(|facts| &facts.labels)).into(),
        ]
    }

    fn name(&self, _: &Shown) -> String {
        self.hostname.to_string()
    }
}

fn labels(labels: Option<&Labels>) -> String {
    let pairs = labels.into_iter().flatten().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(",")
}

pub(super) async fn run(args: &Args, cluster: &Cluster) -> anyhow::Result<u8> {
    match &args.command {
        None => list(&args.list, cluster).await,
        Some(Command::Ls(args)) => list(args, cluster).await,
        Some(Command::Inspect { docks }) => inspect(docks, cluster).await,
        Some(Command::Drain { docks }) => change("drain", docks, cluster).await,
        Some(Command::Undrain { docks }) => change("undrain", docks, cluster).await,
        Some(Command::Add { docks }) => change("register", docks, cluster).await,
        Some(Command::Rm { docks }) => change("unregister", docks, cluster).await,
        Some(Command::Label { dock, labels }) => {
            let labels: Labels = labels.iter().cloned().collect();
            let request = Request::new("label-dock").with("hostname", dock.as_str());
            with_progress(cluster.ask(request.with("labels", serde_json::to_value(labels)?).json())).await?;
            output::line(dock.as_str())?;
            Ok(0)
        }
    }
}

async fn change(action: &str, docks: &[Fqdn], cluster: &Cluster) -> anyhow::Result<u8> {
    each(docks, async |dock| {
        cluster.ask(Request::new(action).with("hostname", dock).json()).await?;
        Ok(dock.to_owned())
    })
    .await
}

async fn list(args: &List, cluster: &Cluster) -> anyhow::Result<u8> {
    let mut rows = with_progress(listing::docks(cluster)).await?;
    for (name, value) in &args.filters {
        if !matches!(name.as_str(), "name" | "state" | "label") {
            bail!("docks have no filter `{name}`: name, state and label are those that are");
        }
        rows.retain(|row| fits(row, name, value));
    }
    output::show(&rows, &args.show)?;
    Ok(0)
}

fn fits(row: &DockRow, name: &str, value: &str) -> bool {
    match name {
        "name" => row.hostname.as_str().contains(value),
        "state" => state_text(row.state, None) == value,
        _ => {
            let (name, wanted) = value.split_once('=').map_or((value, None), |(name, value)| (name, Some(value)));
            let found = row.facts.as_ref().and_then(|facts| facts.labels.get(name));
            found.is_some_and(|found| wanted.is_none_or(|wanted| wanted == found))
        }
    }
}

async fn inspect(docks: &[Fqdn], cluster: &Cluster) -> anyhow::Result<u8> {
    let rows = with_progress(listing::docks(cluster)).await?;
    let found: Vec<&DockRow> = docks.iter().filter_map(|dock| rows.iter().find(|row| row.hostname == *dock)).collect();
    output::json_text(&format!("{:#}", serde_json::to_value(&found)?))?;
    let unknown = docks.iter().filter(|dock| rows.iter().all(|row| row.hostname != **dock));
    let mut code = 0;
    for dock in unknown {
        code = FAILED;
        complain(&anyhow::anyhow!("no dock has the name `{dock}`; `deblox docks` lists those that are"));
    }
    Ok(code)
}
