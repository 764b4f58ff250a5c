//! `deblox call`: one request, its reply.

use std::io::IsTerminal;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, stdin};

use super::cluster::{Cluster, FAILED};
use super::output::{complain, json_text, say};
use super::progress::with_progress;
use super::secret_files::caution;
use super::streams::{Broken, stderr, stdout, write_json, write_raw};
use crate::client::{Arrival, Client};
use crate::protocol::limits::REQUEST_BYTES;
use crate::protocol::{Channel, Fqdn};

/// Fields of a request that hold a secret.
const SECRET_FIELDS: [&str; 3] = ["token", "session", "credentials"];

/// Headers of the daemon's API that hold one.
const REGISTRY_HEADERS: [&str; 2] = ["x-registry-auth", "x-registry-config"];

#[derive(Debug, clap::Args)]
#[command(
    after_help = "What streams is printed as it comes, and its reply on standard error; it gets no input.\n\nExit code: 0 for a status of 2xx, 1 for any other reply or none, 2 for wrong usage."
)]
pub(super) struct Args {
    /// The request, such as '{"action":"list-docks"}'; or - to read it from standard input, which no other user of this host sees
    #[arg(value_name = "JSON")]
    request: String,
    /// The dock that must do it
    #[arg(long, value_name = "FQDN")]
    dock: Option<Fqdn>,
}

pub(super) async fn run(args: Args, cluster: &Cluster) -> anyhow::Result<u8> {
    let mut request = read(args.request).await?;
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

/// The request, from the command line or from standard input.
async fn read(argument: String) -> anyhow::Result<Value> {
    let is_argument = argument != "-";
    let text = if is_argument { argument } else { from_input().await? };
    let request: Value = serde_json::from_str(&text).context("the request is not valid JSON")?;
    if is_argument && let Some(field) = secret_field(&request) {
        caution(&format!(
            "every user of this host can read the arguments of a command, and `{field}` holds a secret: use `deblox call -`, \
             which reads the request from standard input, or --token-file for a token"
        ));
    }
    Ok(request)
}

async fn from_input() -> anyhow::Result<String> {
    let mut text = String::new();
    // A byte more than it may be: it is refused then.
    stdin().take(REQUEST_BYTES as u64 + 1).read_to_string(&mut text).await.context("standard input cannot be read")?;
    Ok(text)
}

/// The field of a request that holds a secret, if one does.
fn secret_field(request: &Value) -> Option<&str> {
    let header =
        || request["headers"].as_object()?.keys().find(|name| REGISTRY_HEADERS.contains(&name.to_lowercase().as_str()));
    let field = SECRET_FIELDS.into_iter().find(|field| request.get(field).is_some());
    field.or_else(|| header().map(String::as_str))
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
