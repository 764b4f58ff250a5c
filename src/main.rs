//! The `deblox` program: parses, sets up logging, listens for signals, and turns the outcome into an exit code.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use deblox::cli::{Cli, LogFormat, complain};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

// One thread: all that deblox does is wait for Redis, Docker and people, and a request that stays on its thread is
// spared the hand-over between threads, which costs more than the work itself.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match prepare(&cli) {
        Ok(stop) => Box::pin(cli.run(stop)).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Starts logging, and returns what SIGTERM and SIGINT cancel.
fn prepare(cli: &Cli) -> anyhow::Result<CancellationToken> {
    let filter = EnvFilter::try_new(cli.log_filter())?;
    let terminal = std::io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match cli.log_format() {
        LogFormat::Auto if !terminal => logs.json().init(),
        LogFormat::Json => logs.json().init(),
        LogFormat::Auto | LogFormat::Text => logs.with_ansi(terminal).init(),
    }
    let stop = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let (mut arrives, stop) = (signal(kind)?, stop.clone());
        tokio::spawn(async move {
            arrives.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}
