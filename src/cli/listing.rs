//! Reading the lists of the whole cluster, page after page, and saying which docks did not answer.

use std::time::SystemTime;

use anyhow::bail;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cluster::{Cluster, PARTIAL, Request, filters, pair};
use super::output::{self, ShowArgs, say};
use super::progress::with_progress;
use crate::protocol::{DaemonState, DockFacts, DockState, Fqdn, Standing};

/// Which rows of a list, and how they are shown.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) show: ShowArgs,
    /// Only what fits, such as label=team=x; may be given several times
    #[arg(short, long = "filter", value_name = "KEY=VALUE", value_parser = pair)]
    pub(super) filters: Vec<(String, String)>,
    /// Only what is on this dock; may be given several times
    #[arg(long = "dock", value_name = "FQDN")]
    pub(super) docks: Vec<Fqdn>,
}

/// A row of the shared records, with its dock.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Placed<R> {
    pub(super) dock: Fqdn,
    #[serde(flatten)]
    pub(super) record: R,
    /// When it was last known to be so, if that is not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_seen: Option<String>,
}

/// A dock of which only is shown what was last known.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unreachable {
    hostname: Fqdn,
    state: DockState,
    daemon: Option<DaemonState>,
    last_seen: Option<String>,
}

/// A dock as `list-docks` has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DockRow {
    pub(super) hostname: Fqdn,
    pub(super) state: DockState,
    pub(super) last_seen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) daemon_seen: Option<String>,
    pub(super) standing: Standing,
    #[serde(flatten)]
    pub(super) facts: Option<DockFacts>,
}

impl DockRow {
    /// Whether its daemon can be asked for something.
    pub(super) fn is_reachable(&self) -> bool {
        let up = self.facts.as_ref().is_some_and(|facts| facts.daemon == DaemonState::Up);
        up && matches!(self.state, DockState::Up | DockState::Drained)
    }
}

/// Rows, and the docks that did not answer.
pub(super) struct Listed<R> {
    pub(super) rows: Vec<Placed<R>>,
    unreachable: Vec<Unreachable>,
}

/// What a page has beside its rows.
#[derive(Deserialize)]
struct Page {
    cursor: Option<String>,
    unreachable: Vec<Unreachable>,
}

/// All docks, by name.
pub(super) async fn docks(cluster: &Cluster) -> anyhow::Result<Vec<DockRow>> {
    Ok(cluster.ask(Request::new("list-docks").json()).await?.body()?)
}

/// All rows of `list-{list}` that fit the filters, on these docks or on all.
pub(super) async fn list<R: DeserializeOwned>(
    cluster: &Cluster,
    list: &str,
    fitting: &[(String, String)],
    on: &[Fqdn],
) -> anyhow::Result<Listed<R>> {
    let mut listed = Listed { rows: Vec::new(), unreachable: Vec::new() };
    if on.is_empty() {
        read(cluster, list, fitting, None, &mut listed).await?;
        return Ok(listed);
    }
    let known = docks(cluster).await?;
    for dock in on {
        if known.iter().all(|row| row.hostname != *dock) {
            bail!("no dock has the name `{dock}`; `deblox docks` lists those that are");
        }
        read(cluster, list, fitting, Some(dock), &mut listed).await?;
    }
    Ok(listed)
}

/// Reads the pages of one dock, or of all.
async fn read<R: DeserializeOwned>(
    cluster: &Cluster,
    list: &str,
    fitting: &[(String, String)],
    on: Option<&Fqdn>,
    listed: &mut Listed<R>,
) -> anyhow::Result<()> {
    // Rows come in the order of docks: those of one begin where a page that ended before its first row would go on.
    let mut cursor = on.map(|dock| format!("{dock}/"));
    loop {
        let request = Request::new(&format!("list-{list}")).with("all", true).maybe("cursor", cursor);
        let request = if fitting.is_empty() { request } else { request.with("filters", filters(fitting)) };
        let mut body: Value = cluster.ask(request.json()).await?.body()?;
        let rows: Vec<Placed<R>> = serde_json::from_value(body[list].take())?;
        let page: Page = serde_json::from_value(body)?;
        let beyond = on.is_some_and(|dock| rows.last().is_some_and(|row| row.dock != *dock));
        let wanted = |dock: &Fqdn| on.is_none_or(|one| one == dock);
        listed.rows.extend(rows.into_iter().filter(|row| wanted(&row.dock)));
        if page.cursor.is_none() || beyond {
            listed.unreachable.extend(page.unreachable.into_iter().filter(|dock| wanted(&dock.hostname)));
            return Ok(());
        }
        cursor = page.cursor;
    }
}

/// The same with progress shown.
pub(super) async fn listed<R: DeserializeOwned>(
    cluster: &Cluster,
    what: &str,
    args: &ListArgs,
) -> anyhow::Result<Listed<R>> {
    with_progress(list(cluster, what, &args.filters, &args.docks)).await
}

impl<R> Listed<R> {
    /// Shows the rows, and says what is missing. Returns the exit code.
    pub(super) fn show(&self, args: &ShowArgs) -> anyhow::Result<u8>
    where
        Placed<R>: output::Row,
    {
        output::show(&self.rows, args)?;
        Ok(self.verdict())
    }

    /// Says which docks did not answer, if there are any. Returns the exit code.
    pub(super) fn verdict(&self) -> u8 {
        let now = SystemTime::now();
        let named = self.unreachable.iter().map(|dock| {
            let seen = dock.last_seen.as_deref().and_then(|time| humantime::parse_rfc3339(time).ok());
            let ago = seen.map(|seen| output::duration(now.duration_since(seen).unwrap_or_default()));
            let ago = ago.map(|ago| format!(", last seen {ago} ago")).unwrap_or_default();
            (dock.hostname.to_string(), format!("{}{ago}", state_text(dock.state, dock.daemon)))
        });
        missing(named)
    }
}

/// How a dock stands, in words.
pub(super) fn state_text(state: DockState, daemon: Option<DaemonState>) -> String {
    let word = match state {
        DockState::Up => "up",
        DockState::Drained => "drained",
        DockState::Unregistered => "unregistered",
        DockState::Stopped => "stopped",
        DockState::Lost => "lost",
        DockState::NeverSeen => "never seen",
    };
    match daemon {
        Some(DaemonState::Down) if !state.is_silent() => format!("{word}, Docker down"),
        _ => word.to_owned(),
    }
}

/// Says in one line which docks did not answer, each with how it stands. Returns the exit code.
pub(super) fn missing(docks: impl Iterator<Item = (String, String)>) -> u8 {
    let named: Vec<String> = docks.map(|(dock, how)| format!("{dock} ({how})")).collect();
    if named.is_empty() {
        return 0;
    }
    say(&format!("deblox: not all docks answer: {}; `deblox docks rm` takes one out for good", named.join(", ")));
    PARTIAL
}
