//! One server: its program, its process, and the socket by which it is reached from outside the lab.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, cmd};
use tokio::sync::Mutex;

use crate::lab::{Lab, signal};
use crate::process::{Process, Program};

/// How long a server may take to be there.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take over an answer to the suite itself, before it is taken for gone.
const ANSWER: Duration = Duration::from_millis(500);

pub struct Node {
    pub port: u16,
    address: String,
    client: Client,
    program: Program,
    process: Mutex<Option<Process>>,
}

impl Node {
    /// A server with data, of a kind that is told by `more` options.
    pub fn new(program: &str, address: &str, port: u16, folder: &Path, more: &[&str]) -> Result<Self> {
        let (data, port_text) = (data(folder, port)?, port.to_string());
        let mut words = vec![program, "--bind", address, "--port", &port_text, "--protected-mode", "no", "--save", ""];
        let (data, socket) = (data.to_string_lossy(), socket(folder, port));
        let socket = socket.to_string_lossy();
        words.extend(["--appendonly", "yes", "--dir", &*data, "--unixsocket", &*socket]);
        words.extend(["--maxmemory-policy", "noeviction"].iter().chain(more));
        Self::of(address, port, folder, &words)
    }

    /// A server that is started by these words, and listens where it is said.
    pub fn of(address: &str, port: u16, folder: &Path, words: &[&str]) -> Result<Self> {
        let program = Program {
            place: "lab".to_owned(),
            name: format!("redis-{port}"),
            folder: folder.to_owned(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        };
        let client = Client::open(format!("unix://{}", socket(folder, port).display()))?;
        Ok(Self { port, address: address.to_owned(), client, program, process: Mutex::default() })
    }

    /// Where it listens in the lab.
    pub fn place(&self) -> String {
        format!("{}:{}", self.address, self.port)
    }

    /// Starts it, and returns when it answers.
    pub async fn start(&self, lab: &Lab) -> Result<()> {
        *self.process.lock().await = Some(self.program.start(lab).await?);
        let answers = async {
            while self.ask::<String>(&["PING"]).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, answers).await.with_context(|| format!("{} does not start", self.program.name))
    }

    pub async fn kill(&self) -> Result<()> {
        self.process.lock().await.take().with_context(|| format!("{} is not running", self.program.name))?.kill().await
    }

    /// Kills it if it runs.
    pub async fn end(&self) -> Result<()> {
        match self.process.lock().await.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    pub async fn signal(&self, name: &str) -> Result<()> {
        let process = self.process.lock().await;
        signal(process.as_ref().with_context(|| format!("{} is not running", self.program.name))?.id(), name).await
    }

    /// Opens a connection.
    pub async fn connect(&self, config: &AsyncConnectionConfig) -> redis::RedisResult<MultiplexedConnection> {
        self.client.get_multiplexed_async_connection_with_config(config).await
    }

    /// Asks it one thing, on a connection of its own.
    pub async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> Result<T> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWER)).set_response_timeout(Some(ANSWER));
        let mut connection = self.connect(&config).await?;
        let answer = cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await;
        answer.with_context(|| format!("{}: {}", self.program.name, words.join(" ")))
    }
}

/// The folder for what a server keeps.
pub fn data(folder: &Path, port: u16) -> Result<PathBuf> {
    let data = folder.join(format!("redis-{port}"));
    std::fs::create_dir_all(&data)?;
    Ok(data)
}

/// The socket of a server.
pub fn socket(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!("redis-{port}.sock"))
}
