//! `deblox worker`.

use tokio_util::sync::CancellationToken;

use super::options::{self, ClusterArgs, DockArgs, DockerArgs};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) dock: DockArgs,
    #[command(flatten)]
    pub(super) docker: DockerArgs,
}

pub(super) async fn run(args: Args, cluster: &ClusterArgs, stop: CancellationToken) -> anyhow::Result<u8> {
    let options = options::worker(cluster.redis()?, args.docker, args.dock).await?;
    crate::worker::run(options, stop).await?;
    Ok(0)
}
