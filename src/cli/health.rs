//! `deblox health`: what a container's health check asks.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::bail;

use super::hostname;
use super::options::ClusterArgs;
use crate::bus::Bus;
use crate::protocol::Fqdn;
use crate::web;

/// How long the answer may take, unless `--timeout` says otherwise.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, clap::Args)]
#[command(after_help = "In the environment of the worker or of the node it needs no option.")]
pub(super) struct Args {
    /// Ask the node that listens there whether it serves, instead of asking Redis for the worker
    #[arg(long, env = "DEBLOX_LISTEN", value_name = "IP:PORT")]
    listen: Option<SocketAddr>,
    /// The dock whose worker has to be alive, with a daemon that answers [default: this host's]
    #[arg(long, env = "DEBLOX_HOSTNAME", value_name = "FQDN")]
    hostname: Option<Fqdn>,
}

pub(super) async fn run(args: Args, cluster: &ClusterArgs) -> anyhow::Result<u8> {
    let patience = cluster.timeout.unwrap_or(PATIENCE);
    let asked = async {
        match args.listen {
            Some(address) => node(address).await,
            None => worker(args.hostname, cluster).await,
        }
    };
    match tokio::time::timeout(patience, asked).await {
        Ok(healthy) => healthy.map(|()| 0),
        Err(_) => bail!("no answer within {}", humantime::format_duration(patience)),
    }
}

async fn node(mut address: SocketAddr) -> anyhow::Result<()> {
    if address.ip().is_unspecified() {
        // It listens at all addresses of this host, and so at this one.
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Ok(web::ask_ready(address).await?)
}

async fn worker(hostname: Option<Fqdn>, cluster: &ClusterArgs) -> anyhow::Result<()> {
    let name = match hostname {
        Some(name) => name,
        None => hostname::fqdn().await?,
    };
    match Bus::new(&cluster.redis()?)?.dock(&name).await? {
        None => bail!("Redis knows no dock {name}"),
        Some(dock) if dock.state.is_silent() => bail!("the worker of {name} is silent"),
        Some(dock) if dock.is_without_daemon() => bail!("the Docker daemon of {name} does not answer its worker"),
        Some(_) => Ok(()),
    }
}
