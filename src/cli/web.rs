//! `deblox web`.

use tokio_util::sync::CancellationToken;

use super::auth::{AuthArgs, Mode};
use super::metrics::MetricsArgs;
use super::options::{ClusterArgs, WebArgs};
use super::output::line;
use crate::web::Web;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    web: WebArgs,
    /// Serve the web UI and its API to everybody who reaches this node, or to those who log in; where a worker asks who
    /// it is, so does the node in any case
    #[arg(long = "auth", env = "DEBLOX_AUTH", value_name = "MODE", default_value = "open", help_heading = "HTTP")]
    mode: Mode,
    #[command(flatten)]
    auth: AuthArgs,
    #[command(flatten)]
    metrics: MetricsArgs,
}

pub(super) async fn run(args: &Args, cluster: &ClusterArgs, stop: CancellationToken) -> anyhow::Result<u8> {
    let redis = cluster.redis()?;
    let options = args.web.options(redis.clone(), args.auth.limits(), args.mode.into()).await?;
    let web = Web::bind(&options).await?;
    let serving = args.metrics.begin(&options.metrics, &redis, None, true).await?;
    line(&format!("deblox web: http://{}", web.address()))?;
    let auth = args.auth.begin(&redis, &options.metrics, &stop);
    web.run(stop).await;
    options.traces.end().await;
    auth.end().await?;
    serving.end().await?;
    Ok(0)
}
