//! On which docks something is done, and where what a person names is.

use std::io::IsTerminal;

use anyhow::{anyhow, bail};
use serde::de::DeserializeOwned;

use super::cluster::{Cluster, ambiguous, split};
use super::listing::{self, DockRow, list, state_text};
use super::output::prompt;
use crate::protocol::{Fqdn, Record, may_be_id};

/// The docks on which something is done.
#[derive(Debug, clap::Args)]
pub(super) struct DocksArgs {
    /// The dock; may be given several times [default: the only one]
    #[arg(long = "dock", value_name = "FQDN")]
    pub(super) docks: Vec<Fqdn>,
    /// All docks
    #[arg(long, conflicts_with = "docks")]
    pub(super) all_docks: bool,
}

/// Docks that were chosen.
pub(super) struct Chosen {
    pub(super) docks: Vec<Fqdn>,
    /// Those that belong to them and do not answer, each with how it stands.
    missing: Vec<(String, String)>,
}

impl DocksArgs {
    /// The docks that are meant; one where nothing is said only if there is no other.
    pub(super) async fn choose(&self, cluster: &Cluster) -> anyhow::Result<Chosen> {
        if !self.docks.is_empty() {
            return Ok(Chosen::named(&self.docks));
        }
        let mut known = listing::docks(cluster).await?;
        known.retain(|dock| dock.last_seen.is_some() && dock.standing != crate::protocol::Standing::Unregistered);
        if !self.all_docks && known.len() > 1 {
            bail!("there are {} docks: say which with --dock, or --all-docks; `deblox docks` lists them", known.len());
        }
        let (reachable, silent): (Vec<DockRow>, Vec<DockRow>) = known.into_iter().partition(DockRow::is_reachable);
        let how = |dock: &DockRow| state_text(dock.state, dock.facts.as_ref().map(|facts| facts.daemon));
        let missing = silent.iter().map(|dock| (dock.hostname.to_string(), how(dock))).collect();
        if reachable.is_empty() {
            bail!("no dock can be asked: `deblox docks` shows how each stands");
        }
        Ok(Chosen { docks: reachable.into_iter().map(|dock| dock.hostname).collect(), missing })
    }
}

impl Chosen {
    /// Those that somebody has named.
    pub(super) fn named(docks: &[Fqdn]) -> Self {
        Self { docks: docks.to_vec(), missing: Vec::new() }
    }

    /// The names for [`super::cluster::each`]: one thing on each dock.
    pub(super) fn with(&self, name: &str) -> Vec<String> {
        self.docks.iter().map(|dock| format!("{dock}/{name}")).collect()
    }

    /// Says which docks did not answer. Returns the exit code, with what there was before.
    pub(super) fn verdict(self, code: u8) -> u8 {
        let missing = listing::missing(self.missing.into_iter());
        if code == 0 { missing } else { code }
    }
}

/// A kind of thing that the shared records list, and that a person names.
pub(super) trait Named: Record + DeserializeOwned {
    /// The name of its list.
    const LIST: &'static str;
    /// What it is called.
    const KIND: &'static str;

    /// What its name is for people.
    fn label(&self) -> String;

    /// The filters that may find it, one after the other.
    fn filters(name: &str) -> Vec<Vec<(String, String)>>;

    /// Whether it is what a person calls so.
    fn is_called(&self, name: &str) -> bool;
}

/// Where what is called `name` (or DOCK/NAME) is: the dock, and what the daemon knows it by.
///
/// # Errors
/// That there is none, or that there are several, with their names.
pub(super) async fn find<R: Named>(cluster: &Cluster, name: &str) -> anyhow::Result<(Fqdn, String)> {
    let (dock, bare) = split(name)?;
    let all = everywhere::<R>(cluster, bare, dock.as_slice()).await?;
    match all.as_slice() {
        [] => Err(none::<R>(name)),
        [(dock, found)] => Ok((dock.clone(), found.id().to_owned())),
        several => {
            let labels: Vec<(&Fqdn, String)> = several.iter().map(|(dock, found)| (dock, found.label())).collect();
            bail!(ambiguous(bare, labels.iter().map(|(dock, label)| (*dock, label.as_str())), false))
        }
    }
}

/// All that are called `name`, on these docks or on all.
pub(super) async fn everywhere<R: Named>(
    cluster: &Cluster,
    name: &str,
    docks: &[Fqdn],
) -> anyhow::Result<Vec<(Fqdn, R)>> {
    let mut all: Vec<(Fqdn, R)> = Vec::new();
    for filters in R::filters(name) {
        let found = list::<R>(cluster, R::LIST, &filters, docks).await?;
        let found = found.rows.into_iter().map(|row| (row.dock, row.record));
        for (dock, record) in found.filter(|(_, record)| record.is_called(name)) {
            if !all.iter().any(|(other, known)| *other == dock && known.id() == record.id()) {
                all.push((dock, record));
            }
        }
        // What may be an id as well as a name may mean two things.
        if !all.is_empty() && !may_be_id(name) {
            break;
        }
    }
    Ok(all)
}

/// Why nothing can be done with what is not there.
pub(super) fn none<R: Named>(name: &str) -> anyhow::Error {
    anyhow!("no {} is called `{name}`; `deblox {}` lists those that are", R::KIND, list_command(R::LIST))
}

fn list_command(list: &str) -> String {
    if list == "images" { list.to_owned() } else { format!("{} ls", list.trim_end_matches('s')) }
}

/// Asks whether to go on with what cannot be undone. Nobody is asked where `force` is given; where nobody can be asked
/// it must be.
pub(super) fn confirm(what: &str, force: bool) -> anyhow::Result<bool> {
    if force {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        bail!("{what}: say so with --force");
    }
    prompt(&format!("{what}. Go on? [y/N] "))?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
