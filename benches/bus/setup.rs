//! What is measured: a Redis server, and workers beside the Docker hosts of the lab, each a process of its own.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use deblox::auth::{Accounts, NewToken};
use deblox::bus::{Bus, RedisOptions};
use deblox::client::Client;
use deblox::protocol::{AccountName, Role};
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};

use crate::Outcome;
use crate::figures::Idle;

/// Docker hosts, and a worker beside each.
pub const DOCKS: usize = 3;

/// The namespace of the bus whose worker asks who it is.
pub const ENFORCED: &str = "enforced";

/// How long anything may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a worker is watched while it is idle.
const WATCHED: Duration = Duration::from_secs(20);

/// A process that ends with this.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Redis server on the loopback interface, as the hosts of a cluster reach theirs: by TCP.
pub struct Redis {
    pub url: String,
    pub port: u16,
    _process: Process,
    _folder: tempfile::TempDir,
}

impl Redis {
    pub async fn start() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--maxmemory-policy", "noeviction", "--maxclients", "5000"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()?;
        let redis =
            Self { url: format!("redis://127.0.0.1:{port}"), port, _process: Process(process), _folder: folder };
        let begun = Instant::now();
        while connect(&redis.url).await.is_err() {
            if begun.elapsed() > PATIENCE {
                return Err("redis-server does not start".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(redis)
    }
}

/// The name of the dock beside one host of the lab.
pub fn dock(host: usize) -> String {
    format!("h{host}.bench")
}

/// `DOCKER_HOST` of one host of the lab.
pub fn docker_host(host: usize) -> Outcome<String> {
    let lab = PathBuf::from(std::env::var("DEBLOX_LAB").unwrap_or_else(|_| "/tmp/deblox-lab".to_owned()));
    let socket = lab.join(format!("h{host}/docker.sock"));
    if !socket.exists() {
        return Err(format!("no Docker host at {}: `make bench` starts the lab", socket.display()).into());
    }
    Ok(format!("unix://{}", socket.display()))
}

/// A worker as it is shipped.
pub struct Worker(Process);

impl Worker {
    pub fn start(url: &str, host: usize) -> Outcome<Self> {
        Self::start_with(url, host, &[])
    }

    /// One that asks who it is, on the bus [`ENFORCED`].
    pub fn start_enforcing(url: &str, host: usize) -> Outcome<Self> {
        Self::start_with(url, host, &["--auth", "enforce", "--namespace", ENFORCED])
    }

    fn start_with(url: &str, host: usize, more: &[&str]) -> Outcome<Self> {
        // Built without what tests alone need: that would be part of the other one.
        let program = std::env::var("DEBLOX_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_deblox").to_owned());
        let process = Command::new(program)
            .args(["worker", "--hostname", &dock(host), "--redis-url", url, "--docker-host", &docker_host(host)?])
            .args(["--log", "error"])
            .args(more)
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self(Process(process)))
    }

    /// What it takes up while nothing happens.
    pub async fn idle(&self) -> Idle {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", self.0.0.id())).unwrap_or_default();
        // utime and stime, proc(5), in hundredths of a second.
        let ticks = || -> f64 {
            let stat = read("stat");
            let after = stat.rsplit(')').next().unwrap_or_default();
            after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum()
        };
        let before = ticks();
        tokio::time::sleep(WATCHED).await;
        let percent = (ticks() - before) / WATCHED.as_secs_f64();
        let status = read("status");
        let megabytes = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or_default() / 1024.0
        };
        Idle { megabytes: megabytes("VmRSS:"), anonymous: megabytes("RssAnon:"), percent }
    }
}

/// A token of a user on the bus [`ENFORCED`].
pub async fn token(url: &str) -> Outcome<String> {
    let bus = Bus::new(&RedisOptions { namespace: ENFORCED.to_owned(), ..RedisOptions::new(url) })?;
    let (user, accounts) = (AccountName::new("bench")?, Accounts(&bus));
    accounts.add(&user, Role::User, BTreeSet::new(), None).await?;
    let token = accounts.add_token(&NewToken { name: user.clone(), user, role: None, expires: None }).await?;
    Ok(token.reveal().to_owned())
}

/// Waits until every dock is up with its daemon.
pub async fn until_up(client: &Client) -> Outcome<()> {
    let begun = Instant::now();
    loop {
        let docks: Vec<Value> = client.call(json!({"action": "list-docks"})).await?.body()?;
        if docks.iter().filter(|dock| dock["daemon"] == "up").count() == DOCKS {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("not all docks are up: {docks:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn connect(url: &str) -> redis::RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(60)));
    redis::Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await
}
