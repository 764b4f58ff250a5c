//! The command line: one file per command.

mod actions;
mod call;
mod hostname;
mod options;
mod schema;
mod up;
mod web;
mod worker;

use std::io::Write;

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

/// Drive the Docker daemons of many hosts from anywhere, over Redis.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// What to log: a level (error, warn, info, debug, trace) or a filter such as deblox=debug
    #[arg(long, global = true, env = "DEBLOX_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// How to log: text on a terminal and JSON elsewhere (auto), text, or json
    #[arg(long, global = true, env = "DEBLOX_LOG_FORMAT", value_name = "FORMAT", default_value = "auto")]
    log_format: LogFormat,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// JSON, an object a line.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All for one machine: a worker, HTTP, and a private Redis unless REDIS_URL names one
    Up(up::Args),
    /// Speak for the Docker daemon of this host
    Worker(worker::Args),
    /// Take requests by HTTP, on any node
    Web(web::Args),
    /// Send one request and print its reply
    Call(call::Args),
    /// List the actions that a request can ask for, or the fields of one
    Actions(actions::Args),
    /// Print the JSON Schema of all requests
    Schema,
}

impl Cli {
    /// What to log, by the command's own default where nothing is said.
    pub fn log_filter(&self) -> String {
        self.log.clone().unwrap_or_else(|| match self.command {
            Command::Up(_) | Command::Worker(_) | Command::Web(_) => "info".to_owned(),
            Command::Call(_) | Command::Actions(_) | Command::Schema => "off".to_owned(),
        })
    }

    /// The form of log lines.
    pub fn log_format(&self) -> LogFormat {
        self.log_format
    }

    /// Runs the command. Returns the exit code; `stop` is cancelled when the process is told to end.
    ///
    /// # Errors
    /// What is to be told to the person, in one line.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<u8> {
        match self.command {
            Command::Up(args) => up::run(args, stop).await,
            Command::Worker(args) => worker::run(args, stop).await,
            Command::Web(args) => web::run(args, stop).await,
            Command::Call(args) => call::run(args).await,
            Command::Actions(args) => actions::run(&args),
            Command::Schema => schema::run(),
        }
    }
}

/// Prints `text`, for as long as somebody reads it.
fn print(text: &str) -> anyhow::Result<u8> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(0),
    }
}
