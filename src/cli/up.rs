//! `deblox up`: everything for one machine.

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Context, bail};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::auth::AuthArgs;
use super::metrics::MetricsArgs;
use super::options::{self, ClusterArgs, WebArgs};
use super::output::line;
use super::worker;
use crate::auth::{AccountError, Accounts, record_change};
use crate::bus::{Backoff, Bus, PrivateRedis};
use crate::traces::Traces;
use crate::web::{Auth, Web};
use crate::worker::WorkerOptions;

// Without a group of its own: it would have the name of the one that it contains.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(flatten)]
    web: WebArgs,
    #[command(flatten)]
    worker: worker::Args,
}

pub(super) async fn run(args: Args, cluster: &ClusterArgs, stop: CancellationToken) -> anyhow::Result<u8> {
    let Args { web, worker: args } = args;
    let authority = args.authority.authority(&args.auth);
    if cluster.is_named() {
        let worker = options::worker(cluster.redis()?, args.docker, args.dock, authority).await?;
        return work("named by REDIS_URL or a context", &web, &args.auth, &args.metrics, worker, stop).await;
    }
    let state = options::required_state_folder()?;
    let _lock = lock(&state)?;
    let folder = state.join("redis");
    let server = PrivateRedis::start(&folder).await?;
    // The namespace and the like hold for a private Redis too.
    let worker = options::worker(cluster.private(&folder)?, args.docker, args.dock, authority).await?;
    let done = CancellationToken::new();
    let keeper = tokio::spawn(keep(server, folder, done.clone()));
    let result = work("private, append-only file beside it", &web, &args.auth, &args.metrics, worker, stop).await;
    done.cancel();
    keeper.await?;
    result
}

async fn work(
    about_redis: &str,
    web: &WebArgs,
    auth: &AuthArgs,
    metrics: &MetricsArgs,
    worker: WorkerOptions,
    stop: CancellationToken,
) -> anyhow::Result<u8> {
    let mode = if worker.authority.is_some() { Auth::Enforce } else { Auth::Open };
    let mut options = web.options(worker.redis.clone(), auth.limits(), mode).await?;
    options.metrics = worker.metrics.clone();
    let web = Web::bind(&options).await?;
    let scraped = metrics.begin(&options.metrics, &options.redis, Some(worker.dock.clone()), true).await?;
    let redis_cli = match worker.redis.url.strip_prefix("unix://") {
        Some(socket) => format!("redis-cli -s {socket}"),
        None if worker.redis.url.contains("+sentinel://") => "redis-cli -h PRIMARY".to_owned(),
        None if worker.redis.url.contains("+cluster://") => "redis-cli -c -h NODE".to_owned(),
        // A password in its arguments would be for everybody to read.
        None if worker.redis.has_password() || worker.redis.password_file.is_some() => {
            "redis-cli --askpass -h HOST --user NAME".to_owned()
        }
        None => "redis-cli -u \"$REDIS_URL\"".to_owned(),
    };
    let (namespace, address) = (&worker.redis.namespace, web.address());
    line(&format!("deblox up: dock {}", worker.dock))?;
    line(&format!("  Redis   {} ({about_redis})", worker.redis.place()))?;
    line(&format!("  Docker  {}", worker.docker.host))?;
    line(&format!("  Web     http://{address} (a browser, or HTTP)"))?;
    if worker.authority.is_some() {
        line("  first   deblox login    (requests need a session or a token)")?;
    }
    line("  try     deblox docks")?;
    line("          deblox call '{\"action\":\"list-docks\"}'")?;
    line(&format!("          curl -d '{{\"action\":\"list-docks\"}}' http://{address}"))?;
    line(&format!("          {redis_cli} XADD {namespace}.docker '*' json '{{\"action\":\"list-docks\"}}'"))?;
    line("  stop    Ctrl-C")?;
    // A worker that ends by itself takes the node with it.
    let closing = stop.child_token();
    let serving = tokio::spawn(web.run(closing.clone()));
    if auth.auth_manager {
        let first = first_account(Bus::new(&worker.redis)?);
        tokio::spawn(closing.clone().run_until_cancelled_owned(first));
    }
    let auth = auth.begin(&worker.redis, &options.metrics, &stop);
    let traces = [options.traces.clone(), worker.traces.clone()];
    let worked = crate::worker::run(worker, stop).await;
    closing.cancel();
    serving.await?;
    join_all(traces.iter().map(Traces::end)).await;
    auth.end().await?;
    scraped.end().await?;
    worked?;
    Ok(0)
}

/// Makes the first account, where there is none, as soon as Redis is there; its password is shown this once.
async fn first_account(bus: Bus) {
    let mut backoff = Backoff::default();
    loop {
        match Accounts(&bus).add_first().await {
            Ok(Some((name, password))) => {
                let what = ("add-user", name.as_str(), Some("role=admin"));
                record_change(&bus, None, what, &Ok::<_, AccountError>(())).await;
                let text =
                    format!("  Admin   {name}, one-time password {} (`deblox user passwd {name}`)", password.reveal());
                if let Err(error) = line(&text) {
                    tracing::error!(%error, "the password of the first account was not shown: set it with `deblox user passwd`");
                }
                return;
            }
            Ok(None) => return,
            Err(error) => tracing::debug!(%error, "the first account"),
        }
        backoff.pause().await;
    }
}

/// Makes sure that one `deblox up` at a time uses `state`. The lock goes with the process.
fn lock(state: &Path) -> anyhow::Result<File> {
    use std::os::unix::fs::DirBuilderExt;
    let unusable = || format!("the folder {} cannot be used", state.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(state).with_context(unusable)?;
    let file = File::create(state.join("up.lock")).with_context(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another `deblox up` runs already, in {}: use `deblox call`, or stop that one first", state.display())
        }
        Err(TryLockError::Error(e)) => Err(e).with_context(unusable),
    }
}

/// Keeps the private Redis alive until `done`, then stops it.
async fn keep(mut server: PrivateRedis, folder: std::path::PathBuf, done: CancellationToken) {
    loop {
        tokio::select! {
            () = server.ended() => {}
            () = done.cancelled() => return server.stop().await,
        }
        tracing::warn!("the private Redis has ended; starting it again");
        server = loop {
            match PrivateRedis::start(&folder).await {
                Ok(server) => break server,
                Err(error) => tracing::error!(%error, "the private Redis does not start"),
            }
            tokio::select! {
                () = tokio::time::sleep(crate::protocol::limits::RETRY_MAX) => {}
                () = done.cancelled() => return,
            }
        };
    }
}
