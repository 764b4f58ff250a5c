//! `deblox web`.

use tokio_util::sync::CancellationToken;

use super::options::{RedisArgs, WebArgs};
use crate::web::Web;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    web: WebArgs,
    #[command(flatten)]
    redis: RedisArgs,
}

pub(super) async fn run(args: Args, stop: CancellationToken) -> anyhow::Result<u8> {
    let web = Web::bind(&args.web.options(args.redis.options())).await?;
    println!("deblox web: http://{}", web.address());
    web.run(stop).await;
    Ok(0)
}
