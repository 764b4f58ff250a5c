//! A Redis of one's own, for one machine: started and stopped with the process, reached by a Unix socket only.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::RedisOptions;
use crate::secrets;

/// The programs that will do, in the order of preference.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];

/// How long it may take to be ready: a large append-only file is read first.
const READY: Duration = Duration::from_secs(60);

/// How long it may take to write everything and end.
const STOP: Duration = Duration::from_secs(10);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// The longest path of a Unix socket, `sun_path` in unix(7).
const SOCKET_BYTES: usize = 107;

/// Why there is no private Redis.
#[derive(Debug, thiserror::Error)]
pub enum PrivateRedisError {
    /// No server is installed.
    #[error("no redis-server is on PATH: install one (on Debian: apt-get install redis-server), or set REDIS_URL")]
    Missing,
    /// The folder cannot be used.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The path of the socket is too long.
    #[error("the path {} is too long for a socket: set XDG_STATE_HOME to a shorter one", .0.display())]
    Path(PathBuf),
    /// It started and did not come up.
    #[error("redis-server did not start; its log is {}", .0.display())]
    NotReady(PathBuf),
}

/// A running private Redis.
#[derive(Debug)]
pub struct PrivateRedis {
    child: Child,
    folder: PathBuf,
}

impl PrivateRedis {
    /// Where the socket of the server in `folder` is.
    pub fn socket(folder: &Path) -> PathBuf {
        folder.join("redis.sock")
    }

    /// How the server in `folder` is reached.
    pub fn options(folder: &Path) -> RedisOptions {
        RedisOptions::new(format!("unix://{}", Self::socket(folder).display()))
    }

    /// Starts a server whose data is in `folder`, and waits until it answers. One that a killed process left
    /// behind is stopped first: two must not write the same file.
    ///
    /// # Errors
    /// [`PrivateRedisError`].
    pub async fn start(folder: &Path) -> Result<Self, PrivateRedisError> {
        let fault = |source| PrivateRedisError::Folder { path: folder.to_owned(), source };
        let socket = Self::socket(folder);
        if socket.as_os_str().len() > SOCKET_BYTES {
            return Err(PrivateRedisError::Path(socket));
        }
        std::fs::create_dir_all(folder).map_err(fault)?;
        if socket.exists() {
            ask_to_stop(folder).await;
            let _ = std::fs::remove_file(&socket);
        }
        let mut child = spawn(folder).map_err(fault)?.ok_or(PrivateRedisError::Missing)?;
        let until = Instant::now() + READY;
        while Instant::now() < until && matches!(child.try_wait(), Ok(None)) {
            if answers(folder).await {
                return Ok(Self { child, folder: folder.to_owned() });
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(PrivateRedisError::NotReady(folder.join("redis.log")))
    }

    /// Returns when the server has ended by itself.
    pub async fn ended(&mut self) {
        let _ = self.child.wait().await;
    }

    /// Stops the server once everything is written.
    pub async fn stop(mut self) {
        ask_to_stop(&self.folder).await;
        if tokio::time::timeout(STOP, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

fn spawn(folder: &Path) -> io::Result<Option<Child>> {
    for program in PROGRAMS {
        let mut command = Command::new(program);
        secrets::clear(&mut command);
        let spawned = command
            .args(["--port", "0", "--unixsocketperm", "700", "--appendonly", "yes", "--save", ""])
            .args(["--maxmemory-policy", "noeviction", "--daemonize", "no", "--logfile", "redis.log"])
            .arg("--unixsocket")
            .arg(PrivateRedis::socket(folder))
            .arg("--dir")
            .arg(folder)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C at the terminal goes to the whole group: the server is stopped last, by its owner.
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        match spawned {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            other => return other.map(Some),
        }
    }
    Ok(None)
}

async fn answers(folder: &Path) -> bool {
    let Ok(client) = PrivateRedis::options(folder).client() else { return false };
    let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return false };
    redis::cmd("PING").query_async::<()>(&mut connection).await.is_ok()
}

/// Has the server in `folder` write its data and end; returns when nothing answers any more.
async fn ask_to_stop(folder: &Path) {
    if let Ok(client) = PrivateRedis::options(folder).client()
        && let Ok(mut connection) = client.get_multiplexed_async_connection().await
    {
        // The answer is the end of the connection.
        let _ = redis::cmd("SHUTDOWN").query_async::<()>(&mut connection).await;
    }
    let until = Instant::now() + STOP;
    while Instant::now() < until && answers(folder).await {
        tokio::time::sleep(LOOK).await;
    }
}
