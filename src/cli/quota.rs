//! `deblox user quota`: how much a user may use, and uses.

use serde::Serialize;
use serde_json::Value;

use super::cluster::Cluster;
use super::output::{self, Cell, Row, ShowArgs, Shown, line};
use crate::actions::Kind;
use crate::auth::Change;
use crate::protocol::{AccountName, Limits, Measure, Quota, Usage};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name
    name: AccountName,
    /// How many instances it may have, in whatever state
    #[arg(long, value_name = "NUMBER")]
    instances: Option<u64>,
    /// How much memory the limits of its instances may allow them, such as 4g
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    memory: Option<u64>,
    /// How many processors, such as 2.5
    #[arg(long, value_name = "NUMBER", value_parser = cpus)]
    cpus: Option<u64>,
    /// How many processes and threads the limits of its instances may allow them
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(..=Limits::LARGEST))]
    pids: Option<u64>,
    /// Forget the quota there is, but for what else is said
    #[arg(long)]
    none: bool,
    #[command(flatten)]
    show: ShowArgs,
}

/// One line of what a user may use.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    of: Measure,
    used: u64,
    quota: Option<u64>,
    /// Instances that have no limit of it.
    without_limit: u64,
}

impl Row for Line {
    const HEADS: &'static [&'static str] = &["RESOURCE", "USED", "QUOTA", "WITHOUT LIMIT"];

    fn cells(&self, _: &Shown) -> Vec<Cell> {
        let quota = self.quota.map_or_else(|| "-".to_owned(), |quota| self.of.amount(quota));
        let without = if self.of == Measure::Instances { String::new() } else { self.without_limit.to_string() };
        vec![self.of.name().into(), self.of.amount(self.used).into(), quota.into(), without.into()]
    }

    fn name(&self, _: &Shown) -> String {
        self.of.name().to_owned()
    }
}

pub(super) async fn run(args: Args, cluster: &Cluster) -> anyhow::Result<u8> {
    let accounts = cluster.accounts();
    let Args { name, instances, memory, cpus, pids, none, show } = args;
    let (quota, usage) = cluster.account(accounts.usage(&name)).await?;
    if !none && (instances, memory, cpus, pids) == (None, None, None, None) {
        output::show(&lines(&quota, &usage), &show)?;
        return Ok(0);
    }
    let before = if none { Quota::default() } else { quota };
    let quota = Quota {
        instances: instances.or(before.instances),
        memory: memory.or(before.memory),
        nano_cpus: cpus.or(before.nano_cpus),
        pids: pids.or(before.pids),
    };
    let quota = Some(quota).filter(|quota| *quota != Quota::default());
    let change = Change::Quota(quota);
    let (what, step) = (change.to_string(), accounts.change(&name, &change));
    cluster.change_account(("change-user", name.as_str(), Some(&what)), step).await?;
    line(name.as_str())?;
    Ok(0)
}

fn lines(quota: &Quota, usage: &Usage) -> [Line; 4] {
    let line = |of, used, quota, without_limit| Line { of, used, quota, without_limit };
    [
        line(Measure::Instances, usage.instances, quota.instances, 0),
        line(Measure::Memory, usage.memory, quota.memory, usage.without_memory),
        line(Measure::NanoCpus, usage.nano_cpus, quota.nano_cpus, usage.without_cpus),
        line(Measure::Pids, usage.pids, quota.pids, usage.without_pids),
    ]
}

fn memory(text: &str) -> Result<u64, String> {
    let size = Kind::Size.read(&Value::from(text), false)?;
    size.as_u64().filter(|size| *size <= Limits::LARGEST).ok_or_else(|| "that is too much".to_owned())
}

fn cpus(text: &str) -> Result<u64, String> {
    let number = Kind::Number.read(&Value::from(text), false)?.as_f64().unwrap_or_default();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "above 0, and bounded in the next line"
    )]
    let nano_cpus = (number * 1e9).round() as u64;
    if nano_cpus > Limits::LARGEST { Err("that is too many".to_owned()) } else { Ok(nano_cpus) }
}
