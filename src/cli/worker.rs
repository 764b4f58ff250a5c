//! `deblox worker`.

use tokio_util::sync::CancellationToken;

use super::options::{self, DockArgs, DockerArgs, RedisArgs};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) dock: DockArgs,
    #[command(flatten)]
    pub(super) docker: DockerArgs,
    #[command(flatten)]
    pub(super) redis: RedisArgs,
}

pub(super) async fn run(args: Args, stop: CancellationToken) -> anyhow::Result<u8> {
    let options = options::worker(args.redis.options(), args.docker, args.dock).await?;
    crate::worker::run(options, stop).await?;
    Ok(0)
}
