//! `deblox call`: one request, its reply.

use std::io::IsTerminal;

use anyhow::Context;
use serde_json::Value;

use super::cluster::{Cluster, FAILED};
use super::output::line;
use super::progress::with_progress;
use crate::protocol::Fqdn;

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code: 0 for a status of 2xx, 1 for any other reply or none, 2 for wrong usage.")]
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
    let reply = with_progress(cluster.call(request)).await?;
    match reply.json() {
        "" => eprintln!("done; this action has no reply"),
        json if std::io::stdout().is_terminal() => line(&format!("{:#}", serde_json::from_str::<Value>(json)?))?,
        json => line(json)?,
    }
    Ok(if reply.is_success() { 0 } else { FAILED })
}
