//! `deblox stats`: what containers use, as it is now, or as it changes.

use std::cell::Cell as Shared;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::cluster::{Cluster, FAILED, about, split};
use super::listing::{Placed, list};
use super::output::{self, Cell, Format, complain};
use super::progress::with_progress;
use super::streams::{Came, Incoming, Lines, stdout, write, write_json, write_raw};
use crate::docker::{Reading, Work};
use crate::protocol::Summary;

/// How often the table is drawn.
const DRAW: Duration = Duration::from_secs(1);

/// How often it is looked which containers run.
const LOOK: Duration = Duration::from_secs(3);

/// Between two attempts to begin again.
const PAUSE: Duration = Duration::from_secs(1);

const HEADS: [&str; 9] =
    ["CONTAINER ID", "NAME", "DOCK", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The containers: NAME, DOCK/NAME, or the beginning of an id [default: all that run]
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Show it once
    #[arg(long)]
    no_stream: bool,
    /// A table, or JSON with an object a line
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Whole ids
    #[arg(long)]
    no_trunc: bool,
    /// Only which containers those are, as DOCK/NAME, once and one a line
    #[arg(short, long)]
    quiet: bool,
}

/// What a container uses.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sample {
    dock: String,
    id: String,
    name: String,
    cpu_percent: f64,
    memory: u64,
    memory_limit: u64,
    memory_percent: f64,
    received: u64,
    sent: u64,
    read: u64,
    written: u64,
    pids: u64,
}

/// Samples by the container that was named; none where there is no new one.
type Samples = BTreeMap<String, Option<Sample>>;

/// A sample of a container, or that none comes for a while.
type Sampled = (String, Option<Sample>);

pub(super) async fn run(args: &Args, cluster: &Cluster) -> anyhow::Result<u8> {
    let names = with_progress(names(args, cluster)).await?;
    if args.no_stream || args.quiet {
        return once(args, &names, cluster).await;
    }
    let (sender, mut samples) = mpsc::channel(64);
    let code = Shared::new(0);
    let mut watched: BTreeMap<String, CancellationToken> = BTreeMap::new();
    let mut watching = FuturesUnordered::new();
    let mut known = Samples::new();
    let watch = |name: &str, stop: CancellationToken| {
        let (name, sender, code) = (name.to_owned(), sender.clone(), &code);
        async move {
            let watched = stop.run_until_cancelled(watch(&name, &sender, cluster)).await;
            // Of all that run, one may have ended meanwhile.
            if let Some(Err(error)) = watched
                && !args.containers.is_empty()
            {
                code.set(FAILED);
                complain(&error);
            }
            name
        }
        .boxed_local()
    };
    let begin = |name: &str, watched: &mut BTreeMap<String, CancellationToken>| {
        let stop = CancellationToken::new();
        watched.insert(name.to_owned(), stop.clone());
        watch(name, stop)
    };
    for name in &names {
        watching.push(begin(name, &mut watched));
    }
    let (mut draw, mut look) = (interval(DRAW), interval(LOOK));
    draw.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut screen = Screen { out: stdout(), whole: args.no_trunc, drawn: false };
    loop {
        tokio::select! {
            Some((name, sample)) = samples.recv() => {
                if let (Format::Json, Some(sample)) = (args.format, &sample)
                    && !write_json(&mut screen.out, &serde_json::to_string(sample)?).await?
                {
                    break;
                }
                if watched.contains_key(&name) {
                    known.insert(name, sample);
                }
            }
            Some(ended) = watching.next() => {
                watched.remove(&ended);
                known.remove(&ended);
                if watching.is_empty() && !args.containers.is_empty() {
                    break;
                }
            }
            _ = draw.tick() => {
                if args.format == Format::Table && !screen.draw(&known).await? {
                    break;
                }
            }
            _ = look.tick(), if args.containers.is_empty() => {
                // While Redis is away everything stays as it is.
                let Ok(running) = running(cluster).await else { continue };
                for (_, stop) in watched.iter().filter(|(name, _)| !running.contains(name)) {
                    stop.cancel();
                }
                for name in &running {
                    if !watched.contains_key(name) {
                        watching.push(begin(name, &mut watched));
                    }
                }
            }
        }
    }
    Ok(code.get())
}

/// The containers that are meant, as DOCK/ID where they were not named.
async fn names(args: &Args, cluster: &Cluster) -> anyhow::Result<Vec<String>> {
    if args.containers.is_empty() { running(cluster).await } else { Ok(args.containers.clone()) }
}

async fn running(cluster: &Cluster) -> anyhow::Result<Vec<String>> {
    let running = [("status".to_owned(), "running".to_owned())];
    let listed = list::<Summary>(cluster, "containers", &running, &[]).await?;
    let name = |row: Placed<Summary>| format!("{}/{}", row.dock, row.record.id);
    Ok(listed.rows.into_iter().filter(|row| row.last_seen.is_none()).map(name).collect())
}

/// What they use now.
async fn once(args: &Args, names: &[String], cluster: &Cluster) -> anyhow::Result<u8> {
    let ask = async |name: &String| {
        let reply = cluster.ask(about("container-stats", name)?.json()).await?;
        Ok::<_, anyhow::Error>(Sample::read(&reply.body()?, reply.dock().unwrap_or_default()))
    };
    let asked = futures_util::stream::iter(names.iter().map(ask)).buffered(32).collect::<Vec<_>>();
    let (mut code, mut samples) = (0, Samples::new());
    for (name, sample) in names.iter().zip(with_progress(asked).await) {
        match sample {
            Ok(sample) => drop(samples.insert(name.clone(), Some(sample))),
            // One that has ended meanwhile is one that does not run.
            Err(_) if args.containers.is_empty() => {}
            Err(error) => {
                code = FAILED;
                complain(&error);
            }
        }
    }
    match args.format {
        _ if args.quiet => {
            for sample in samples.values().flatten() {
                output::line(&format!("{}/{}", sample.dock, sample.name))?;
            }
        }
        Format::Table => output::print(&table(&samples, args.no_trunc)?)?,
        Format::Json => {
            for sample in samples.values().flatten() {
                output::line(&output::json(sample)?)?;
            }
        }
    }
    Ok(code)
}

/// Watches one container until it has ended, and begins again after a break.
async fn watch(name: &str, samples: &mpsc::Sender<Sampled>, cluster: &Cluster) -> anyhow::Result<()> {
    let mut begun = false;
    loop {
        let mut incoming = Incoming::begin(cluster, about("container-stats", name)?.with("stream", true).json())?;
        let mut lines = Lines::default();
        let broken = loop {
            match incoming.next().await {
                Ok(Came::Begun) => begun = true,
                Ok(Came::Bytes(_, bytes)) => {
                    for line in lines.add(&bytes) {
                        let Ok(read) = serde_json::from_slice::<Value>(&line) else { continue };
                        let sample = Sample::read(&read, incoming.dock().unwrap_or_default());
                        if samples.send((name.to_owned(), Some(sample))).await.is_err() {
                            return Ok(());
                        }
                    }
                }
                Ok(Came::End(_)) => return Ok(()),
                Err(broken) => break broken,
            }
        };
        if !begun || !broken.may_go_on() {
            return Err(broken.explained(cluster).await);
        }
        let _ = samples.send((name.to_owned(), None)).await;
        sleep(PAUSE).await;
    }
}

impl Sample {
    /// Reads what the daemon says of a container of `dock`.
    #[expect(clippy::cast_precision_loss, reason = "shares are shown with two digits")]
    fn read(stats: &Value, dock: &str) -> Self {
        let text = |name: &str| stats[name].as_str().unwrap_or_default().trim_start_matches('/').to_owned();
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 };
        let reading = Reading::of(stats);
        Self {
            dock: dock.to_owned(),
            id: text("id"),
            name: text("name"),
            cpu_percent: reading.work.percent_since(Work::of(&stats["precpu_stats"])),
            memory: reading.memory,
            memory_limit: reading.memory_limit,
            memory_percent: share(reading.memory, reading.memory_limit),
            received: reading.received,
            sent: reading.sent,
            read: reading.read,
            written: reading.written,
            pids: reading.pids,
        }
    }

    fn cells(&self, whole: bool) -> Vec<Cell> {
        let id = if whole { &self.id } else { self.id.get(..12).unwrap_or(&self.id) };
        let pair = |a: String, b: String| Cell::from(format!("{a} / {b}"));
        vec![
            id.into(),
            self.name.as_str().into(),
            self.dock.as_str().into(),
            format!("{:.2}%", self.cpu_percent).into(),
            pair(output::memory(self.memory), output::memory(self.memory_limit)),
            format!("{:.2}%", self.memory_percent).into(),
            pair(output::size(self.received), output::size(self.sent)),
            pair(output::size(self.read), output::size(self.written)),
            self.pids.to_string().into(),
        ]
    }
}

/// A table of them; of those that are not heard of there is only the name.
fn table(samples: &Samples, whole: bool) -> anyhow::Result<String> {
    let row = |(name, sample): (&String, &Option<Sample>)| match sample {
        Some(sample) => sample.cells(whole),
        None => {
            let (dock, bare) = split(name).map_or((None, name.as_str()), |(dock, bare)| (dock, bare));
            let dock = dock.map_or_else(|| "--".to_owned(), String::from);
            let mut cells: Vec<Cell> = vec!["--".into(), bare.get(..12).unwrap_or(bare).into(), dock.into()];
            cells.extend(["--", "-- / --", "--", "-- / --", "-- / --", "--"].map(Cell::from));
            cells
        }
    };
    output::table(&HEADS, samples.iter().map(row))
}

/// Where the table is drawn.
struct Screen {
    out: tokio::io::Stdout,
    whole: bool,
    drawn: bool,
}

impl Screen {
    /// Draws the table: over the last one on a terminal, below it elsewhere. Returns whether somebody still looks.
    async fn draw(&mut self, samples: &Samples) -> anyhow::Result<bool> {
        let table = table(samples, self.whole)?;
        if !std::io::stdout().is_terminal() {
            // The heads alone tell nobody anything.
            return if samples.is_empty() { Ok(true) } else { Ok(write(&mut self.out, &table).await?) };
        }
        let home = if std::mem::replace(&mut self.drawn, true) { "\x1b[H" } else { "\x1b[2J\x1b[H" };
        let text = format!("{home}{}\x1b[J", table.replace('\n', "\x1b[K\n"));
        Ok(write_raw(&mut self.out, text.as_bytes()).await?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sample_is_reckoned_as_docker_does() {
        let stats = json!({
            "id": "0123456789abcdef", "name": "/web",
            "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 4},
            "precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000},
            "memory_stats": {"usage": 3_145_728, "limit": 4_194_304, "stats": {"inactive_file": 1_048_576}},
            "networks": {"eth0": {"rx_bytes": 1000, "tx_bytes": 1}, "eth1": {"rx_bytes": 500, "tx_bytes": 1}},
            "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 7}, {"op": "write", "value": 8}]},
            "pids_stats": {"current": 3},
        });
        let samples =
            Samples::from([("web".to_owned(), Some(Sample::read(&stats, "a.test"))), ("x.test/lost".to_owned(), None)]);
        assert_eq!(
            table(&samples, false).unwrap().lines().skip(1).collect::<Vec<_>>(),
            [
                "0123456789ab   web       a.test    80.00%    2MiB / 4MiB         50.00%    1.5kB / 2B   7B / 8B     3",
                "--             lost      x.test    --        -- / --             --        -- / --      -- / --     --",
            ]
        );
        let nothing = Sample::read(&json!({}), "a.test");
        assert_eq!((nothing.cpu_percent, nothing.memory_percent), (0.0, 0.0));
    }
}
