//! `deblox up`: everything for one machine.

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Context, bail};
use tokio_util::sync::CancellationToken;

use super::options::{self, DockArgs, DockerArgs};
use super::worker::Args;
use crate::bus::{PrivateRedis, RedisOptions};

pub(super) async fn run(args: Args, stop: CancellationToken) -> anyhow::Result<u8> {
    if args.redis.given().is_some() {
        return work(args.redis.options(), "named by REDIS_URL", args.docker, args.dock, stop).await;
    }
    let state = options::required_state_folder()?;
    let _lock = lock(&state)?;
    let folder = state.join("redis");
    let server = PrivateRedis::start(&folder).await?;
    // The namespace and the like hold for a private Redis too.
    let redis = RedisOptions { url: PrivateRedis::options(&folder).url, ..args.redis.options() };
    let done = CancellationToken::new();
    let keeper = tokio::spawn(keep(server, folder, done.clone()));
    let result = work(redis, "private, append-only file beside it", args.docker, args.dock, stop).await;
    done.cancel();
    keeper.await?;
    result
}

async fn work(
    redis: RedisOptions,
    about_redis: &str,
    docker: DockerArgs,
    dock: DockArgs,
    stop: CancellationToken,
) -> anyhow::Result<u8> {
    let options = options::worker(redis, docker, dock).await?;
    let redis_cli = match options.redis.url.strip_prefix("unix://") {
        Some(socket) => format!("redis-cli -s {socket}"),
        None => "redis-cli -u \"$REDIS_URL\"".to_owned(),
    };
    let namespace = &options.redis.namespace;
    println!("deblox up: dock {}", options.dock);
    println!("  Redis   {} ({about_redis})", options.redis.place());
    println!("  Docker  {}", options.docker.host);
    println!("  try     deblox call '{{\"action\":\"list-docks\"}}'");
    println!("          {redis_cli} XADD {namespace}.docker '*' json '{{\"action\":\"list-docks\"}}'");
    println!("  stop    Ctrl-C");
    crate::worker::run(options, stop).await?;
    Ok(0)
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
