//! The `deblox` program: parses, sets up logging, listens for signals, and turns the outcome into an exit code.

use std::io::IsTerminal;
use std::process::ExitCode;

use deblox::cli::{Cli, LogFormat, LogWriter, complain};
use deblox::secrets;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

fn main() -> ExitCode {
    // Before there is a second thread: the program may start anew here.
    secrets::hide();
    run()
}

// One thread: all that deblox does is wait for Redis, Docker and people, and a request that stays on its thread is
// spared the hand-over between threads, which costs more than the work itself.
#[tokio::main(flavor = "current_thread")]
async fn run() -> ExitCode {
    let cli = Cli::read();
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

/// With each SIGHUP logs everything that deblox does, or what is `usual` again.
async fn switch_logging(handle: reload::Handle<EnvFilter, Registry>, usual: String, mut hangups: Signal) {
    let all = format!("{usual},deblox=debug");
    let (mut now, mut next) = (&usual, &all);
    while hangups.recv().await.is_some() {
        std::mem::swap(&mut now, &mut next);
        // Said while the more is logged, so that it is said in any case.
        let say = || tracing::info!(filter = now, "SIGHUP: logging by this filter; the next one switches to the other");
        if *now == usual {
            say();
        }
        let changed = EnvFilter::try_new(now).map_err(anyhow::Error::from).and_then(|new| Ok(handle.reload(new)?));
        match changed {
            Ok(()) if *now != usual => say(),
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "the level of logging stays as it is"),
        }
    }
}

/// Starts logging, and returns what SIGTERM and SIGINT cancel.
fn prepare(cli: &Cli) -> anyhow::Result<CancellationToken> {
    let (filter, handle) = reload::Layer::new(EnvFilter::try_new(cli.log_filter())?);
    let terminal = std::io::stderr().is_terminal();
    let writer = move || LogWriter { coloured: terminal };
    let lines = fmt::layer().with_writer(writer).with_target(false);
    let lines = match cli.log_format() {
        LogFormat::Auto if !terminal => lines.json().boxed(),
        LogFormat::Json => lines.json().boxed(),
        LogFormat::Auto | LogFormat::Text => lines.with_ansi(terminal).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).init();
    if let Some(why) = secrets::why_visible() {
        tracing::warn!("{why}; put the secrets into files instead");
    }
    // To a command at a terminal it means that the terminal is gone.
    if cli.serves() {
        tokio::spawn(switch_logging(handle, cli.log_filter(), signal(SignalKind::hangup())?));
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
