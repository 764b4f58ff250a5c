//! How much of the cluster a user may use, and uses.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The least that is a limit: a hundredth of a processor, as Docker's reference has it.
const LEAST_NANO_CPUS: u64 = 10_000_000;

/// In how many microseconds Docker gives a container its `CpuQuota`, where it does not say.
const CPU_PERIOD: u64 = 100_000;

/// How much a user may use; of what is not said, all it likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    /// Instances, in whatever state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<u64>,
    /// Bytes of memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Billionths of a processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nano_cpus: Option<u64>,
    /// Processes and threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u64>,
}

/// What bounds one instance; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: u64,
    /// Billionths of a processor.
    pub nano_cpus: u64,
    /// Processes and threads.
    pub pids: u64,
}

/// What a user uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Instances.
    pub instances: u64,
    /// Bytes of memory, by the limits of those that have one.
    pub memory: u64,
    /// Billionths of a processor, in the same way.
    pub nano_cpus: u64,
    /// Processes and threads, in the same way.
    pub pids: u64,
    /// Instances that have no limit of memory.
    pub without_memory: u64,
    /// Instances that have no limit of processors.
    pub without_cpus: u64,
    /// Instances that have no limit of processes.
    pub without_pids: u64,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Measure {
    /// Instances.
    Instances,
    /// Memory.
    Memory,
    /// Processors.
    NanoCpus,
    /// Processes and threads.
    Pids,
}

/// Why a quota does not allow something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// It would be more than that.
    More {
        /// Of what.
        of: Measure,
        /// What the other instances use.
        used: u64,
        /// What this one asks for.
        asked: u64,
        /// The quota.
        quota: u64,
    },
    /// The instance has no limit.
    Without {
        /// Of what.
        of: Measure,
        /// What the other instances use.
        used: u64,
        /// The quota.
        quota: u64,
    },
    /// Other instances have no limit, and may use all of it.
    Others {
        /// Of what.
        of: Measure,
        /// How many.
        instances: u64,
        /// The quota.
        quota: u64,
    },
}

impl Limits {
    /// The largest amount that is told from others: a number of Lua holds it exactly.
    pub const LARGEST: u64 = 1 << 53;

    /// Those in Docker's `HostConfig`.
    pub fn of(host: &Value) -> Self {
        // Docker does not look at the case of names.
        let value = |name: &str| {
            let mut fields = host.as_object().into_iter().flatten();
            fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_i64())
        };
        let positive = |field: &str| value(field).and_then(|number| u64::try_from(number).ok());
        let number = |field: &str| positive(field).unwrap_or_default().min(Self::LARGEST);
        let period = positive("CpuPeriod").filter(|period| *period > 0).unwrap_or(CPU_PERIOD);
        let in_quota = u128::from(number("CpuQuota")) * 1_000_000_000 / u128::from(period);
        let nano_cpus = match number("NanoCpus") {
            0 => u64::try_from(in_quota).unwrap_or(Self::LARGEST).min(Self::LARGEST),
            nano_cpus => nano_cpus,
        };
        // What is less becomes no limit at all on its way to the kernel.
        let nano_cpus = if nano_cpus < LEAST_NANO_CPUS { 0 } else { nano_cpus };
        Self { memory: number("Memory"), nano_cpus, pids: number("PidsLimit") }
    }

    /// What covers both these and `next`, while it is not known which of the two an instance has. A limit is not taken
    /// away again.
    #[must_use]
    pub fn until(self, next: Self) -> Self {
        let both = |now: u64, next: u64| if now == 0 { next } else { now.max(next) };
        Self {
            memory: both(self.memory, next.memory),
            nano_cpus: both(self.nano_cpus, next.nano_cpus),
            pids: both(self.pids, next.pids),
        }
    }
}

impl Measure {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::Memory => "memory",
            Self::NanoCpus => "nanoCpus",
            Self::Pids => "pids",
        }
    }

    /// The name in messages, which for limits is that of the field that sets one.
    pub fn name(self) -> &'static str {
        match self {
            Self::NanoCpus => "cpus",
            other => other.as_str(),
        }
    }

    /// An amount, as it may be given: `3`, `512m`, `2.5`.
    pub fn amount(self, amount: u64) -> String {
        match self {
            Self::Instances | Self::Pids => amount.to_string(),
            Self::Memory => {
                let units = [(30, "g"), (20, "m"), (10, "k")];
                let unit = units.into_iter().find(|(bits, _)| amount > 0 && amount.is_multiple_of(1 << bits));
                unit.map_or_else(|| amount.to_string(), |(bits, unit)| format!("{}{unit}", amount >> bits))
            }
            Self::NanoCpus => {
                let text = format!("{}.{:09}", amount / 1_000_000_000, amount % 1_000_000_000);
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        }
    }
}

impl Exceeded {
    /// What it says about `owner`, in a sentence.
    pub fn tell(self, owner: &str) -> String {
        match self {
            Self::More { of: Measure::Instances, used, quota, .. } => {
                format!("the quota of `{owner}` is {quota} instances, and it has {used}: remove one, or ask for more")
            }
            Self::More { of, used, asked, quota } => {
                let [quota, used, asked] = [quota, used, asked].map(|amount| of.amount(amount));
                let name = of.name();
                format!(
                    "the quota of `{owner}` is {quota} of {name}: its other instances have {used}, and this one asks for \
                     {asked}"
                )
            }
            Self::Without { of, used, quota } => {
                let [quota, used] = [quota, used].map(|amount| of.amount(amount));
                let name = of.name();
                format!(
                    "the quota of `{owner}` is {quota} of {name}, of which its other instances have {used}, and this one \
                     has no limit: say how much with `{name}`"
                )
            }
            Self::Others { of, instances, quota } => {
                let (quota, name) = (of.amount(quota), of.name());
                format!(
                    "the quota of `{owner}` is {quota} of {name}, and {instances} of its instances without a limit may \
                     use all of it: `update-container` gives them one, with `{name}`"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_are_read_in_each_way_that_docker_has() {
        let cases = [
            (json!({}), 0, 0),
            (json!({"Memory": 5, "NanoCpus": 70_000_000}), 5, 70_000_000),
            (json!({"NanoCpus": 9_999_999}), 0, 0),
            (json!({"cpuquota": 100_000, "CPUPERIOD": 1000}), 0, 100_000_000_000),
            (json!({"Memory": null, "CpuQuota": 50_000}), 0, 500_000_000),
            (json!({"Memory": -1, "CpuQuota": 50_000, "CpuPeriod": 25_000}), 0, 2_000_000_000),
            (json!({"CpuQuota": -1, "CpuPeriod": 1}), 0, 0),
            (json!({"CpuQuota": i64::MAX, "CpuPeriod": 1, "Memory": i64::MAX}), Limits::LARGEST, Limits::LARGEST),
        ];
        for (host, memory, nano_cpus) in cases {
            assert_eq!(Limits::of(&host), Limits { memory, nano_cpus, pids: 0 }, "{host}");
        }
    }

    #[test]
    fn a_limit_of_processes_is_one_above_0() {
        for (host, pids) in [
            (json!({"PidsLimit": 100}), 100),
            (json!({"pidslimit": 5}), 5),
            (json!({"PidsLimit": -1}), 0),
            (json!({"PidsLimit": null}), 0),
            (json!({"PidsLimit": i64::MAX}), Limits::LARGEST),
        ] {
            assert_eq!(Limits::of(&host), Limits { pids, ..Limits::default() }, "{host}");
        }
    }

    #[test]
    fn what_is_exceeded_is_said_as_it_is_typed() {
        let more = |of, used, asked, quota| Exceeded::More { of, used, asked, quota }.tell("ada");
        insta::assert_snapshot!(more(Measure::Memory, 3 << 29, 1 << 30, 2 << 30), @"the quota of `ada` is 2g of memory: its other instances have 1536m, and this one asks for 1g");
        insta::assert_snapshot!(more(Measure::NanoCpus, 0, 2_500_000_000, 2_000_000_000), @"the quota of `ada` is 2 of cpus: its other instances have 0, and this one asks for 2.5");
        insta::assert_snapshot!(more(Measure::Instances, 3, 1, 3), @"the quota of `ada` is 3 instances, and it has 3: remove one, or ask for more");
    }
}
