//! Faults at random, from a seed, while callers send a known mix of requests; then every reply, every daemon and Redis
//! are read, and what does not fit is told. `make chaos` runs it in its long form, `cargo test` in its short one;
//! docs/reliability.md says what it proves and how.

mod arguments;
mod bus;
mod callers;
mod checker;
mod cluster;
mod daemons;
mod faults;
mod lab;
mod plan;
mod process;
mod records;
mod redis;
mod report;
mod time;
mod trials;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use arguments::{Arguments, Order};
use callers::Callers;
use checker::{Findings, Law, Violation};
use cluster::Cluster;
use faults::History;
use lab::Lab;
use report::Circumstances;
use tokio::signal::unix::{SignalKind, signal};

// One thread: the workers' processes are to end with the one that started them, and Linux means the thread by that.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Order::read(std::env::args().skip(1)) {
        Ok(Order::Run(arguments)) => run(&arguments).await,
        Ok(Order::List) => {
            println!("chaos: test");
            Ok(true)
        }
        Ok(Order::Nothing) => Ok(true),
        Err(error) => Err(error),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether all is as it must be.
async fn run(arguments: &Arguments) -> Result<bool> {
    let Arguments { kind, seed, trials, replicas, page } = arguments;
    println!("chaos: on {}, seed {seed}, {trials} trials", kind.name());
    let lab = Lab::find()?;
    let folder = tempfile::Builder::new().prefix("deblox-chaos-").tempdir()?;
    let start = Instant::now();
    let cluster = Cluster::start(lab, folder.path(), *kind, *replicas).await?;
    let mut circumstances = circumstances(arguments, &cluster).await?;
    let plan = plan::trials(*kind, *seed, *trials);
    let (history, callers) = (Arc::new(History::default()), Arc::new(Callers::new(Arc::clone(&cluster))));
    let outcome = tokio::select! {
        outcome = put_to_the_test(&cluster, &plan, &history, &callers) => outcome,
        outcome = interrupted() => outcome,
    };
    (circumstances.took, circumstances.terms) = (start.elapsed(), cluster.bus.term());
    let ended = cluster.end().await;
    let findings = match ended.and(outcome) {
        Ok(findings) => findings,
        Err(error) => {
            eprintln!("chaos: the logs are in {}", folder.keep().display());
            return Err(error);
        }
    };
    let tables = report::tables(&circumstances, &plan, &callers.calls(), &findings);
    println!("\n{tables}\n{}", report::details(&findings));
    if let Some(page) = page {
        report::keep(page, *kind, &tables)?;
    }
    let well = findings.violations.is_empty();
    if !well {
        println!("chaos: on {}, seed {seed}; the logs are in {}", kind.name(), folder.keep().display());
    }
    Ok(well)
}

/// All trials, and the check afterwards.
async fn put_to_the_test(
    cluster: &Arc<Cluster>,
    plan: &[plan::Trial],
    history: &Arc<History>,
    callers: &Arc<Callers>,
) -> Result<Findings> {
    let mut calls = trials::run(cluster, plan, history, callers).await?;
    eprintln!("chaos: the faults are over; waiting until all is at rest");
    cluster.until_up().await?;
    callers.answered().await;
    let disagreements = records::disagreements(cluster).await?;
    callers.end();
    while let Some(done) = calls.join_next().await {
        done??;
    }
    let mut findings = checker::check(cluster, history, &callers.calls()).await?;
    let records = disagreements.into_iter().map(|text| Violation { law: Law::Records, text });
    findings.violations.extend(records);
    Ok(findings)
}

async fn circumstances(arguments: &Arguments, cluster: &Cluster) -> Result<Circumstances> {
    let Arguments { kind, seed, replicas, .. } = *arguments;
    let info: String = cluster.bus.repeat(&["INFO", "server"]).await?;
    let told = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let redis = match (told("valkey_version:"), told("redis_version:")) {
        (Some(version), _) => format!("Valkey {version}"),
        (None, version) => format!("Redis {}", version.unwrap_or("?")),
    };
    let docker = cluster.lab.docker(1, &["version", "--format", "{{.Server.Version}}"]).await?;
    let (begun, took, wrong_clocks) = (time::now(), Duration::ZERO, cluster::clocks_are_wrong());
    Ok(Circumstances { seed, begun, took, kind, replicas, terms: 0, redis, docker, wrong_clocks })
}

/// Returns when somebody wants the run to end.
async fn interrupted<T>() -> Result<T> {
    let (mut ctrl_c, mut terminated) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = ctrl_c.recv() => {}
        _ = terminated.recv() => {}
    }
    bail!("interrupted")
}
