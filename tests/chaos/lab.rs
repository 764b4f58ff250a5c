//! The Docker hosts of the lab, through `scripts/lab.sh` and through their daemons' own sockets.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Command;

/// Docker hosts, numbered from 1, and a worker beside each.
pub const HOSTS: usize = 6;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lab.sh");

/// The lab, for this run alone.
pub struct Lab {
    folder: PathBuf,
    /// The tests that disturb hosts take the same lock.
    _lock: File,
}

impl Lab {
    /// The lab that `DEBLOX_LAB` names.
    pub fn find() -> Result<Self> {
        let folder = PathBuf::from(std::env::var("DEBLOX_LAB").unwrap_or_else(|_| "/tmp/deblox-lab".to_owned()));
        let hosts = (1..=HOSTS).filter(|host| socket(&folder, *host).exists()).count();
        ensure!(
            hosts == HOSTS,
            "the lab at {} has {hosts} of {HOSTS} Docker hosts: run `make chaos`, or `make lab` first",
            folder.display()
        );
        let lock = File::open(&folder)?;
        lock.lock()?;
        Ok(Self { folder, _lock: lock })
    }

    /// Has the script do something, such as `cut h1`.
    pub async fn does(&self, words: &[&str]) -> Result<()> {
        succeed(self.script().args(words), words).await.map(|_| ())
    }

    /// A command in the network of a host, or of the `lab` itself.
    pub fn inside(&self, place: &str) -> Command {
        let mut command = self.script();
        command.args(["in", place]);
        command
    }

    /// Runs a command there; returns what it prints.
    pub async fn run(&self, place: &str, words: &[&str]) -> Result<String> {
        succeed(self.inside(place).args(words), words).await
    }

    /// The address of the lab, as its hosts see it.
    pub async fn address(&self) -> Result<String> {
        let addresses = self.run("lab", &["hostname", "-I"]).await?;
        addresses.split_whitespace().next().map(str::to_owned).context("the lab has no address")
    }

    /// `DOCKER_HOST` of a host.
    pub fn docker_host(&self, host: usize) -> String {
        format!("unix://{}", socket(&self.folder, host).display())
    }

    /// Runs the docker command on a host; returns what it prints.
    pub async fn docker(&self, host: usize, words: &[&str]) -> Result<String> {
        let mut command = Command::new("docker");
        succeed(command.args(["-H", &self.docker_host(host)]).args(words), words).await
    }

    /// What the daemon of a host itself answers to `GET path`.
    pub async fn ask(&self, host: usize, path: &str) -> Result<Value> {
        let mut socket = UnixStream::connect(socket(&self.folder, host)).await?;
        socket.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        let body = answer.split_once("\r\n\r\n").with_context(|| format!("h{host} answers {path} with no body"))?.1;
        Ok(serde_json::from_str(body)?)
    }

    /// Leaves no container on any host.
    pub async fn sweep(&self) -> Result<()> {
        for host in 1..=HOSTS {
            let listed = self.docker(host, &["ps", "-aq"]).await?;
            let ids: Vec<&str> = listed.split_whitespace().collect();
            for some in ids.chunks(50) {
                self.docker(host, &[&["rm", "-fv"], some].concat()).await?;
            }
        }
        Ok(())
    }

    fn script(&self) -> Command {
        let mut command = Command::new(SCRIPT);
        command.env("DEBLOX_LAB", &self.folder).stdin(Stdio::null());
        command
    }
}

fn socket(lab: &Path, host: usize) -> PathBuf {
    lab.join(format!("h{host}/docker.sock"))
}

async fn succeed(command: &mut Command, words: &[&str]) -> Result<String> {
    let Output { status, stdout, stderr } = command.output().await.with_context(|| words.join(" "))?;
    if !status.success() {
        bail!("{}: {status}: {}", words.join(" "), String::from_utf8_lossy(&stderr).trim());
    }
    Ok(String::from_utf8_lossy(&stdout).trim().to_owned())
}

/// Sends a signal, such as `KILL`.
pub async fn signal(process: u32, name: &str) -> Result<()> {
    let process = process.to_string();
    succeed(Command::new("kill").args(["-s", name, &process]), &["kill", "-s", name, &process]).await.map(|_| ())
}
