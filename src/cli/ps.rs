//! `deblox ps`: the containers of the cluster.

use std::cmp::Reverse;

use super::cluster::Cluster;
use super::listing::{ListArgs, Listed, Placed, listed};
use super::output::{self, Cell, Row, Shown};
use crate::protocol::{Port, Summary};

/// The states that docker shows where nothing is said.
const RUNNING: [&str; 3] = ["running", "paused", "restarting"];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Those that do not run too
    #[arg(short, long)]
    all: bool,
    /// The N that were created last, in whatever state
    #[arg(short = 'n', long, value_name = "N")]
    last: Option<usize>,
    /// The one that was created last, in whatever state
    #[arg(short, long, conflicts_with = "last")]
    latest: bool,
    #[command(flatten)]
    list: ListArgs,
}

impl Row for Placed<Summary> {
    const HEADS: &'static [&'static str] = &["CONTAINER ID", "DOCK", "IMAGE", "CREATED", "STATUS", "PORTS", "NAMES"];

    fn cells(&self, shown: &Shown) -> Vec<Cell> {
        let one = &self.record;
        let (style, status) = match &self.last_seen {
            Some(time) => (output::FAINT, format!("{} (last seen {})", one.status, shown.since(time))),
            None => (style(one), status(one, shown)),
        };
        vec![
            shown.id(&one.id).into(),
            self.dock.as_str().into(),
            one.image.as_str().into(),
            shown.ago(u64::try_from(one.created).unwrap_or_default()).into(),
            Cell::styled(style, status),
            one.ports.iter().map(port).collect::<Vec<_>>().join(", ").into(),
            one.name.as_str().into(),
        ]
    }

    fn name(&self, shown: &Shown) -> String {
        shown.id(&self.record.id).to_owned()
    }
}

/// Docker's sentence, with the time that has passed since it was first true.
fn status(one: &Summary, shown: &Shown) -> String {
    let Some(since) = one.since.and_then(|since| u64::try_from(since).ok()) else { return one.status.clone() };
    match one.status.strip_prefix("Up") {
        Some(behind) => format!("Up {}{behind}", shown.lasted(since)),
        None => format!("{} {}", one.status, shown.ago(since)),
    }
}

fn style(one: &Summary) -> anstyle::Style {
    match one.state.as_str() {
        "running" if one.status.contains("unhealthy") => output::BAD,
        "running" => output::GOOD,
        "paused" | "restarting" => output::FAIR,
        "dead" => output::BAD,
        _ => output::FAINT,
    }
}

fn port(port: &Port) -> String {
    let inside = format!("{}/{}", port.private_port, port.protocol);
    match (&port.ip, port.public_port) {
        (Some(ip), Some(public)) if ip.contains(':') => format!("[{ip}]:{public}->{inside}"),
        (Some(ip), Some(public)) => format!("{ip}:{public}->{inside}"),
        (None, Some(public)) => format!("{public}->{inside}"),
        (_, None) => inside,
    }
}

pub(super) async fn run(args: Args, cluster: &Cluster) -> anyhow::Result<u8> {
    let Args { all, last, latest, mut list } = args;
    let last = last.or(latest.then_some(1));
    let by_state = list.filters.iter().any(|(name, _)| name == "status");
    if !all && last.is_none() && !by_state {
        list.filters.extend(RUNNING.map(|state| ("status".to_owned(), state.to_owned())));
    }
    let mut listed: Listed<Summary> = listed(cluster, "containers", &list).await?;
    listed.rows.sort_by_key(|row| Reverse(row.record.created));
    listed.rows.truncate(last.unwrap_or(usize::MAX));
    listed.show(&list.show)
}
