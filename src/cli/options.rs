//! Options that several commands share: flag, then environment, then default.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use super::hostname;
use crate::bus::{PrivateRedis, RedisOptions};
use crate::docker::DockerOptions;
use crate::protocol::{Fqdn, Keys, Labels};
use crate::web::WebOptions;
use crate::worker::WorkerOptions;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Redis")]
pub(super) struct RedisArgs {
    /// redis://, rediss:// (TLS) or unix://; redis+sentinel://HOST:26379,…/NAME for the primary NAME of sentinels
    /// [default: the private Redis of `deblox up` if it runs, else redis://127.0.0.1:6379]
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_name = "URL")]
    redis_url: Option<String>,
    /// What every key begins with; {deblox} keeps all keys in one Redis Cluster slot
    #[arg(long, env = "DEBLOX_NAMESPACE", value_name = "NAME", default_value = Keys::DEFAULT_NAMESPACE)]
    namespace: String,
    /// Trust these certificates instead of the system's
    #[arg(long, env = "DEBLOX_REDIS_CA", value_name = "PEM")]
    redis_ca: Option<PathBuf>,
    /// Show this client certificate
    #[arg(long, env = "DEBLOX_REDIS_CERT", value_name = "PEM", requires = "redis_key")]
    redis_cert: Option<PathBuf>,
    /// The key of the client certificate
    #[arg(long, env = "DEBLOX_REDIS_KEY", value_name = "PEM", requires = "redis_cert")]
    redis_key: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Docker")]
pub(super) struct DockerArgs {
    /// unix:///path, or tcp://host:port
    #[arg(long, env = "DOCKER_HOST", value_name = "URL", default_value = DockerOptions::DEFAULT_HOST)]
    docker_host: String,
    /// Speak TLS to a tcp:// host if this is not empty, as docker does
    #[arg(long, env = "DOCKER_TLS_VERIFY", value_name = "1", default_value = "", hide_default_value = true)]
    docker_tls_verify: String,
    /// The folder with ca.pem, cert.pem and key.pem [default: ~/.docker]
    #[arg(long, env = "DOCKER_CERT_PATH", value_name = "DIR")]
    docker_cert_path: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Worker")]
pub(super) struct DockArgs {
    /// The name of this dock [default: the host's fully qualified domain name]
    #[arg(long, env = "DEBLOX_HOSTNAME", value_name = "FQDN")]
    hostname: Option<Fqdn>,
    /// A label of this dock, NAME=VALUE, that a create can ask for; may be given several times
    #[arg(long = "label", env = "DEBLOX_LABELS", value_name = "NAME=VALUE", value_delimiter = ',', value_parser = label)]
    labels: Vec<(String, String)>,
    /// How many requests it has in hand at most
    #[arg(long, env = "DEBLOX_CONCURRENCY", value_name = "N", default_value_t = WorkerOptions::CONCURRENCY, value_parser = concurrency)]
    concurrency: usize,
    /// How long to wait for what runs, when told to stop
    #[arg(long, env = "DEBLOX_GRACE", value_name = "TIME", default_value = "20s", value_parser = humantime::parse_duration)]
    grace: Duration,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "HTTP")]
pub(super) struct WebArgs {
    /// The address to listen at for HTTP; whoever reaches it can do anything that the daemons can
    #[arg(long, env = "DEBLOX_LISTEN", value_name = "IP:PORT", default_value = WebOptions::DEFAULT_LISTEN)]
    listen: SocketAddr,
}

impl WebArgs {
    /// The options of an HTTP node on `redis`.
    pub(super) fn options(&self, redis: RedisOptions) -> WebOptions {
        WebOptions { redis, listen: self.listen }
    }
}

impl RedisArgs {
    /// The URL, if one was given; set to nothing is not set.
    pub(super) fn given(&self) -> Option<String> {
        self.redis_url.clone().filter(|url| !url.is_empty())
    }

    pub(super) fn options(self) -> RedisOptions {
        let url = self.given().unwrap_or_else(|| {
            state_folder()
                .map(|state| state.join("redis"))
                .filter(|folder| PrivateRedis::socket(folder).exists())
                .map_or_else(|| "redis://127.0.0.1:6379".to_owned(), |folder| PrivateRedis::options(&folder).url)
        });
        RedisOptions { url, namespace: self.namespace, ca: self.redis_ca, cert: self.redis_cert, key: self.redis_key }
    }
}

impl DockerArgs {
    fn options(self) -> DockerOptions {
        let tls = !self.docker_tls_verify.is_empty();
        let usual = || std::env::home_dir().map(|home| home.join(".docker"));
        let certificates = self.docker_cert_path.or_else(|| if tls { usual() } else { None });
        // Set to nothing is not set, as for docker itself.
        let host = if self.docker_host.is_empty() { DockerOptions::DEFAULT_HOST.to_owned() } else { self.docker_host };
        DockerOptions { host, tls, certificates }
    }
}

/// The options of a worker on `redis`.
pub(super) async fn worker(redis: RedisOptions, docker: DockerArgs, dock: DockArgs) -> anyhow::Result<WorkerOptions> {
    let name = match dock.hostname {
        Some(name) => name,
        None => hostname::fqdn().await?,
    };
    let labels: Labels = dock.labels.into_iter().collect();
    let (concurrency, grace) = (dock.concurrency, dock.grace);
    Ok(WorkerOptions { redis, docker: docker.options(), dock: name, labels, concurrency, grace })
}

/// Where deblox keeps what must outlive it, by the XDG Base Directory Specification.
pub(super) fn state_folder() -> Option<PathBuf> {
    let set = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set.or_else(|| std::env::home_dir().map(|home| home.join(".local/state")))?;
    Some(base.join("deblox"))
}

/// The same, or why there is none.
pub(super) fn required_state_folder() -> anyhow::Result<PathBuf> {
    state_folder().context("there is no home folder for deblox's state: set XDG_STATE_HOME")
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a label is NAME=VALUE".to_owned()),
    }
}

fn concurrency(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=10_000).contains(n)).ok_or_else(|| "it must be from 1 to 10000".to_owned())
}
