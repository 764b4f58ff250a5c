//! Measures what the host uses, for the heartbeat, which never waits for that.

use std::fs::read_to_string;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::time::MissedTickBehavior;

use super::Worker;
use crate::protocol::HostUsage;
use crate::protocol::limits::BEAT;

/// What was measured last.
#[derive(Default)]
pub(super) struct Host(Mutex<Option<HostUsage>>);

/// What processors have done since the host started, in ticks of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Processors {
    idle: u64,
    all: u64,
}

impl Host {
    /// What the host uses, once that is known.
    pub(super) fn usage(&self) -> Option<HostUsage> {
        self.0.lock().expect("never held across a panic").clone()
    }
}

/// Measures once a beat, as long as the worker lives.
pub(super) async fn run(worker: Arc<Worker>) {
    let mut ticks = tokio::time::interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    loop {
        ticks.tick().await;
        let folder = worker.inventory.folder();
        // A file system of another machine may not answer.
        let Ok((usage, processors)) = tokio::task::spawn_blocking(move || measure(folder, before)).await else {
            return;
        };
        *worker.host.0.lock().expect("never held across a panic") = usage;
        before = processors;
    }
}

/// What the host uses now; of its processors since they were as `before`. Docker keeps its data in `folder`.
fn measure(folder: Option<PathBuf>, before: Option<Processors>) -> (Option<HostUsage>, Option<Processors>) {
    // Where Linux does not tell, the daemon runs in a virtual machine, which is another host.
    let (Ok(stat), Ok(meminfo)) = (read_to_string("/proc/stat"), read_to_string("/proc/meminfo")) else {
        return (None, None);
    };
    let processors = Processors::read(&stat);
    let cpu = before.zip(processors).and_then(|(before, now)| now.busy_since(before));
    let (memory, memory_total) = memory(&meminfo).unzip();
    // A worker in a container does not see that folder, and its own `/` is kept there.
    let folder = folder.filter(|folder| folder.is_dir()).unwrap_or_else(|| PathBuf::from("/"));
    let disk = rustix::fs::statvfs(&folder).ok();
    let (disk, disk_total) = disk
        .map(|disk| {
            (
                disk.f_blocks.saturating_sub(disk.f_bfree).saturating_mul(disk.f_frsize),
                disk.f_blocks.saturating_mul(disk.f_frsize),
            )
        })
        .unzip();
    (Some(HostUsage { cpu, memory, memory_total, disk, disk_total }), processors)
}

impl Processors {
    /// Reads the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; what follows is part
    /// of user and nice.
    fn read(stat: &str) -> Option<Self> {
        let ticks = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = ticks.split_whitespace().take(8).map_while(|ticks| ticks.parse().ok()).collect();
        let idle = ticks.get(3)? + ticks.get(4).unwrap_or(&0);
        Some(Self { idle, all: ticks.iter().sum() })
    }

    /// Per cent of the time that they have worked since they were as `before`, to one digit.
    fn busy_since(self, before: Self) -> Option<f64> {
        let all = self.all.checked_sub(before.all).filter(|all| *all > 0)?;
        // Waiting for input and output is counted back at times.
        let idle = self.idle.saturating_sub(before.idle).min(all);
        Some(u32::try_from((all - idle).saturating_mul(1000) / all).map_or(0.0, f64::from) / 10.0)
    }
}

/// Bytes in use, and all, from `/proc/meminfo`.
fn memory(meminfo: &str) -> Option<(u64, u64)> {
    let bytes = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
    };
    let total = bytes("MemTotal")?;
    Some((total.checked_sub(bytes("MemAvailable")?)?, total))
}

#[cfg(test)]
mod tests {
    use super::{Processors, measure, memory};

    #[test]
    fn processors_are_busy_for_what_they_are_not_idle() {
        let before = Processors::read("cpu  100 0 50 800 50 0 0 0 7 0\ncpu0 1 2 3 4 5\nintr 5\n").unwrap();
        assert_eq!(before, Processors { idle: 850, all: 1000 });
        let after = |stat| Processors::read(stat).unwrap().busy_since(before);
        assert_eq!(after("cpu  125 0 75 880 70 0 0 0 7 0\n"), Some(33.3));
        assert_eq!(after("cpu  100 0 50 900 50 0 0 0 7 0\n"), Some(0.0));
        assert_eq!(after("cpu  200 0 50 800 40 10 10 10 7 0\n"), Some(100.0), "some of the waiting was taken back");
        assert_eq!(after("cpu  100 0 50 800 50 0 0 0 7 0\n"), None, "no time has gone by");
        assert_eq!(after("cpu  1 0 0 8 0 0 0 0 0 0\n"), None, "it has started again");
        for odd in ["", "cpu", "cpu 1 2 3", "cpu one two three four five", "cpu0 1 2 3 4 5"] {
            assert_eq!(Processors::read(odd), None, "{odd:?}");
        }
        assert_eq!(Processors::read("cpu 1 2 3 4"), Some(Processors { idle: 4, all: 10 }));
    }

    #[test]
    fn memory_is_used_that_is_not_available() {
        let meminfo = "MemTotal:       24684084 kB\nMemFree:         1000 kB\nMemAvailable:   23684084 kB\n";
        assert_eq!(memory(meminfo), Some((1_000_000 * 1024, 24_684_084 * 1024)));
        for odd in ["", "MemTotal: 5 kB\n", "MemTotal: 5\nMemAvailable: 4\n", "MemTotal: 5 kB\nMemAvailable: 6 kB\n"] {
            assert_eq!(memory(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn this_host_is_measured() {
        let (first, before) = measure(Some("/no/such/folder".into()), None);
        let first = first.expect("Linux");
        assert_eq!(first.cpu, None);
        assert!(first.memory.unwrap() < first.memory_total.unwrap());
        assert!(first.disk.unwrap() <= first.disk_total.unwrap());
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!((0.0..=100.0).contains(&measure(None, before).0.unwrap().cpu.unwrap()));
    }
}
