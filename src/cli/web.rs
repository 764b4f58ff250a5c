//! `deblox web`.

use tokio_util::sync::CancellationToken;

use super::options::{ClusterArgs, WebArgs};
use crate::web::Web;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    web: WebArgs,
}

pub(super) async fn run(args: &Args, cluster: &ClusterArgs, stop: CancellationToken) -> anyhow::Result<u8> {
    let web = Web::bind(&args.web.options(cluster.redis()?)).await?;
    println!("deblox web: http://{}", web.address());
    web.run(stop).await;
    Ok(0)
}
