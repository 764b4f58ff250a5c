//! `deblox call`: one request, its reply.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use super::options::RedisArgs;
use crate::bus::CallError;
use crate::client::{Client, ClientError};
use crate::protocol::Fqdn;

/// The exit code for a reply that is no success.
const REFUSED: u8 = 1;

/// After how long it is said that something is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code: 0 for a status of 2xx, 1 for any other reply or none, 2 for wrong usage.")]
pub(super) struct Args {
    /// The request, such as '{"action":"list-docks"}'
    #[arg(value_name = "JSON")]
    request: String,
    /// The dock that must do it
    #[arg(long, value_name = "FQDN")]
    dock: Option<Fqdn>,
    /// How long it may take, such as 30s or 5min
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    redis: RedisArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<u8> {
    let mut request: Value = serde_json::from_str(&args.request).context("the request is not valid JSON")?;
    if let Value::Object(request) = &mut request {
        request.extend(args.dock.map(|dock| ("dock".to_owned(), Value::from(dock.to_string()))));
        if let Some(timeout) = args.timeout {
            request.insert("timeout".into(), Value::from(u64::try_from(timeout.as_millis())?));
        }
    }
    let redis = args.redis.options();
    let client = Client::new(&redis)?;
    let reply = match with_progress(client.call(request)).await {
        Ok(reply) => reply,
        Err(ClientError::Call(CallError::NotSent(error))) if error.is_away() => bail!(
            "{error}; Redis was looked for at {}: start everything with `deblox up`, or set REDIS_URL",
            redis.place()
        ),
        Err(ClientError::Call(error @ CallError::NoReply(_))) => {
            let hint = match client.bus().docks().await {
                Ok(docks) if docks.values().all(|dock| dock.state != crate::protocol::DockState::Up) => {
                    "no worker is up: start one with `deblox worker` or `deblox up`"
                }
                _ => "the request may still be waiting; sent again with the same `requestId` it is done once",
            };
            bail!("{error}; {hint}");
        }
        Err(other) => return Err(other.into()),
    };
    let mut out = std::io::stdout();
    match reply.json() {
        "" => eprintln!("done; this action has no reply"),
        json if out.is_terminal() => writeln!(out, "{:#}", serde_json::from_str::<Value>(json)?)?,
        json => writeln!(out, "{json}")?,
    }
    Ok(if reply.is_success() { 0 } else { REFUSED })
}

/// Shows on a terminal that something is waited for, once that takes longer than a moment.
async fn with_progress<T>(work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let begun = Instant::now();
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + PATIENCE, PATIENCE);
    let mut shown = false;
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            _ = ticks.tick() => {
                shown = true;
                eprint!("\rwaiting for the reply, {} s ", begun.elapsed().as_secs());
            }
        }
    };
    if shown {
        eprint!("\r\x1b[K");
    }
    done
}
