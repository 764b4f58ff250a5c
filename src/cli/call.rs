//! `deblox call`: one request, its reply.

use std::io::IsTerminal;

use anyhow::{Context, bail};
use serde_json::Value;

use super::cluster::{Cluster, FAILED};
use super::output::{complain, json_text, say};
use super::progress::with_progress;
use super::streams::{Broken, stderr, stdout, write_json, write_raw};
use crate::client::{Arrival, Client};
use crate::protocol::{Channel, Fqdn};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "What streams is printed as it comes, and its reply on standard error; it gets no input.\n\nExit code: 0 for a status of 2xx, 1 for any other reply or none, 2 for wrong usage."
)]
pub(super) struct Args {
    /// The request, such as '{"action":"list-docks"}'
    #[arg(value_name = "JSON")]
    request: String,
    /// The dock that must do it
    #[arg(long, value_name = "FQDN")]
    dock: Option<Fqdn>,
}

pub(super) async fn run(args: Args, cluster: &Cluster) -> anyhow::Result<u8> {
    let mut request: Value = serde_json::from_str(&args.request).context("the request is not valid JSON")?;
    if let Value::Object(request) = &mut request {
        request.extend(args.dock.map(|dock| ("dock".to_owned(), Value::from(dock.to_string()))));
    }
    if Client::streams(&request) {
        return stream(request, cluster).await;
    }
    let reply = with_progress(cluster.call(request)).await?;
    match reply.json() {
        "" => say("done; this action has no reply"),
        json if std::io::stdout().is_terminal() => json_text(&format!("{:#}", serde_json::from_str::<Value>(json)?))?,
        json => json_text(json)?,
    }
    Ok(if reply.is_success() { 0 } else { FAILED })
}

/// Prints what comes by a stream until its reply does.
async fn stream(request: Value, cluster: &Cluster) -> anyhow::Result<u8> {
    let mut stream = cluster.stream(request)?;
    let input = stream.input();
    // Beside the reading, which tells whether Redis is there at all.
    tokio::spawn(async move { input.close().await });
    let (mut out, mut errors, mut whole) = (stdout(), stderr(), true);
    while let Some(arrival) = stream.next().await {
        let is_read = match arrival {
            Ok(Arrival::Chunk(Channel::Head, _)) => true,
            Ok(Arrival::Chunk(Channel::Stderr, bytes)) => write_raw(&mut errors, &bytes).await?,
            Ok(Arrival::Chunk(Channel::Data | Channel::Stdout, bytes)) => write_raw(&mut out, &bytes).await?,
            Ok(Arrival::Gap(missing)) => {
                complain(&Broken::Gap(missing).into());
                whole = false;
                true
            }
            Ok(Arrival::End(reply)) => {
                write_json(&mut errors, reply.json()).await?;
                return Ok(if reply.is_success() && whole { 0 } else { FAILED });
            }
            Err(error) => return Err(cluster.explained(error).await),
        };
        if !is_read {
            return Ok(0);
        }
    }
    bail!("the stream has ended without a reply")
}
