//! `deblox worker`.

use tokio_util::sync::CancellationToken;

use super::auth::{AuthArgs, AuthorityArgs};
use super::metrics::MetricsArgs;
use super::options::{self, ClusterArgs, DockArgs, DockerArgs};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) dock: DockArgs,
    #[command(flatten)]
    pub(super) docker: DockerArgs,
    #[command(flatten)]
    pub(super) authority: AuthorityArgs,
    #[command(flatten)]
    pub(super) auth: AuthArgs,
    #[command(flatten)]
    pub(super) metrics: MetricsArgs,
}

pub(super) async fn run(args: Args, cluster: &ClusterArgs, stop: CancellationToken) -> anyhow::Result<u8> {
    let authority = args.authority.authority(&args.auth);
    let options = options::worker(cluster.redis()?, args.docker, args.dock, authority).await?;
    let (redis, metrics, traces) = (options.redis.clone(), options.metrics.clone(), options.traces.clone());
    let serving = args.metrics.begin(&metrics, &redis, Some(options.dock.clone()), false).await?;
    let auth = args.auth.begin(&redis, &metrics, &stop);
    let worked = crate::worker::run(options, stop).await;
    traces.end().await;
    auth.end().await?;
    serving.end().await?;
    worked?;
    Ok(0)
}
