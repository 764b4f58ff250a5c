//! `deblox web`.

use tokio_util::sync::CancellationToken;

use super::auth::AuthArgs;
use super::options::{ClusterArgs, WebArgs};
use crate::web::Web;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    web: WebArgs,
    #[command(flatten)]
    auth: AuthArgs,
}

pub(super) async fn run(args: &Args, cluster: &ClusterArgs, stop: CancellationToken) -> anyhow::Result<u8> {
    let redis = cluster.redis()?;
    let web = Web::bind(&args.web.options(redis.clone(), args.auth.limits())?).await?;
    println!("deblox web: http://{}", web.address());
    let auth = args.auth.begin(&redis, &stop);
    web.run(stop).await;
    auth.end().await?;
    Ok(0)
}
