//! Options that several commands share: flag, then environment, then default.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ArgMatches;
use clap::parser::ValueSource;
use ipnet::IpNet;
use url::Url;

use super::contexts::{Contexts, Profile};
use super::hostname;
use super::login::Sessions;
use super::oidc::OidcArgs;
use super::password::PolicyArgs;
use super::secret_files::{caution_of, log_exposure, read_secret};
use crate::bus::{Limits, PrivateRedis, RedisOptions};
use crate::docker::DockerOptions;
use crate::metrics::Metrics;
use crate::protocol::limits::AUDIT_RECORDS;
use crate::protocol::{AuditBounds, ClientName, Credential, Fqdn, Keys, Labels, Secret};
use crate::secrets;
use crate::traces::Traces;
use crate::web::{Auth, TrustedProxies, WebOptions};
use crate::worker::{Authority, WorkerOptions};

/// The environment variable with an API token; no option has one, because others see the options of a command.
const TOKEN: &str = "DEBLOX_TOKEN";

/// How the cluster is reached; every command takes these, before or behind its name.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ClusterArgs {
    /// How long a request may take, such as 30s or 5min [default: what is usual for it]
    #[arg(long, global = true, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(super) timeout: Option<Duration>,
    /// The context to use, whatever REDIS_URL says [default: DEBLOX_CONTEXT, or that of `deblox context use`, where
    /// REDIS_URL is not set]
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// redis://, rediss:// (TLS) or unix://; redis+sentinel://HOST:26379,…/NAME for the primary NAME of sentinels;
    /// redis+cluster://HOST:6379,… for a Redis Cluster; a password goes into a file [default: the context's, else the private Redis of `deblox up` if it runs, else redis://127.0.0.1:6379]
    #[arg(long, global = true, env = "REDIS_URL", hide_env_values = true, value_name = "URL")]
    redis_url: Option<String>,
    /// A file with that URL, where it has a password in it; read again for each connection
    #[arg(long, global = true, env = "REDIS_URL_FILE", value_name = "FILE", value_parser = file, hide_short_help = true)]
    redis_url_file: Option<PathBuf>,
    /// A file with the password for Redis, where the URL has none; read again for each connection; an empty file is no
    /// password
    #[arg(long, global = true, env = "REDIS_PASSWORD_FILE", value_name = "FILE", value_parser = file, hide_short_help = true)]
    redis_password_file: Option<PathBuf>,
    /// Which of these stand on the command line.
    #[arg(skip)]
    typed: Typed,
    /// What every key begins with; {deblox} keeps all keys in one Redis Cluster slot [default: the context's, else
    /// deblox]
    #[arg(long, global = true, env = "DEBLOX_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,
    /// Trust these certificates instead of the system's
    #[arg(long, global = true, env = "DEBLOX_REDIS_CA", value_name = "PEM", hide_short_help = true)]
    redis_ca: Option<PathBuf>,
    /// Show this client certificate
    #[arg(
        long,
        global = true,
        env = "DEBLOX_REDIS_CERT",
        value_name = "PEM",
        requires = "redis_key",
        hide_short_help = true
    )]
    redis_cert: Option<PathBuf>,
    /// The key of the client certificate
    #[arg(
        long,
        global = true,
        env = "DEBLOX_REDIS_KEY",
        value_name = "PEM",
        requires = "redis_cert",
        hide_short_help = true
    )]
    redis_key: Option<PathBuf>,
    /// A file with the API token that says who asks [default: DEBLOX_TOKEN, else the context's, else the session of
    /// `deblox login`]
    #[arg(long, global = true, env = "DEBLOX_TOKEN_FILE", value_name = "FILE", hide_short_help = true)]
    token_file: Option<PathBuf>,
    /// What the ids of requests begin with, where Redis lets each client read its own replies alone [default: the
    /// context's, else the user in REDIS_URL]
    #[arg(long, global = true, env = "DEBLOX_CLIENT_NAME", value_name = "NAME", hide_short_help = true)]
    client_name: Option<ClientName>,
}

/// Which options of [`ClusterArgs`] stand on the command line, and come before the environment.
#[derive(Debug, Default)]
struct Typed {
    url: bool,
    url_file: bool,
    password_file: bool,
}

/// Where somebody has said that Redis is.
#[derive(Clone, Debug, PartialEq)]
enum Given {
    Url(String),
    /// A file that holds the URL.
    File(PathBuf),
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
    /// Begin nothing that has an effect before N replicas of Redis know of it, so that no failover has it done twice
    #[arg(long, env = "DEBLOX_REDIS_REPLICAS", value_name = "N", default_value_t = 0)]
    redis_replicas: u8,
    /// About how many records the audit of the cluster keeps; give all workers the same
    #[arg(long, env = "DEBLOX_AUDIT_RECORDS", value_name = "N", default_value_t = AUDIT_RECORDS, value_parser = clap::value_parser!(u64).range(1000..=100_000_000))]
    audit_records: u64,
    /// For how long it keeps a record; give all workers the same
    #[arg(long, env = "DEBLOX_AUDIT_AGE", value_name = "TIME", default_value = "90days", value_parser = audit_age)]
    audit_age: Duration,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "HTTP")]
pub(super) struct WebArgs {
    /// The address to listen at for HTTP; whoever reaches it can do anything that the daemons can
    #[arg(long, env = "DEBLOX_LISTEN", value_name = "IP:PORT", default_value = WebOptions::DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// How browsers reach this node, https://HOST; where nobody has to log in, no other name is answered
    #[arg(long, env = "DEBLOX_PUBLIC_URL", value_name = "URL")]
    public_url: Option<Url>,
    /// Believe this proxy, an address or a network such as 10.0.0.0/8, when it names the address of a client in `Forwarded` or
    /// `X-Forwarded-For`; may be given several times
    #[arg(
        long = "trusted-proxy",
        env = "DEBLOX_TRUSTED_PROXY",
        value_name = "CIDR",
        value_delimiter = ',',
        value_parser = network
    )]
    trusted_proxies: Vec<IpNet>,
    #[command(flatten)]
    passwords: PolicyArgs,
    #[command(flatten)]
    oidc: OidcArgs,
}

impl WebArgs {
    /// The options of an HTTP node on `redis`, where sessions end as `limits` say.
    pub(super) async fn options(&self, redis: RedisOptions, limits: Limits, auth: Auth) -> anyhow::Result<WebOptions> {
        let name = hostname::fqdn().await?.to_string();
        let (oidc, public_url) = (self.oidc.options()?, self.public_url.clone());
        let (listen, metrics, traces) = (self.listen, Metrics::default(), Traces::from_environment("deblox-web"));
        let proxies = TrustedProxies::new(self.trusted_proxies.iter().copied());
        let passwords = self.passwords.policy;
        Ok(WebOptions { redis, listen, limits, oidc, auth, name, public_url, proxies, passwords, metrics, traces })
    }
}

impl ClusterArgs {
    /// Takes note of which options stand on the command line.
    pub(super) fn note_sources(&mut self, matches: &ArgMatches) {
        let is_typed = |name| matches.value_source(name) == Some(ValueSource::CommandLine);
        self.typed = Typed {
            url: is_typed("redis_url"),
            url_file: is_typed("redis_url_file"),
            password_file: is_typed("redis_password_file"),
        };
    }

    /// Whether a Redis is named by the command line or by the environment.
    pub(super) fn is_named(&self) -> bool {
        self.context.is_some() || !matches!(self.given(), Ok(None))
    }

    /// How Redis is reached: by `--context`, by REDIS_URL, by the context that is usual, by the private one if it runs.
    pub(super) fn redis(&self) -> anyhow::Result<RedisOptions> {
        self.over(self.used()?)
    }

    /// The context that is used, if one is.
    fn used(&self) -> anyhow::Result<Profile> {
        match (&self.context, self.given()?) {
            (Some(name), _) => Contexts::load()?.profile(name),
            (None, Some(_)) => Ok(Profile::default()),
            (None, None) => Contexts::load()?.usual(),
        }
    }

    /// Who asks: the token of `--token-file`, of DEBLOX_TOKEN, of the context; else the session on that Redis.
    pub(super) fn credential(&self, redis: &RedisOptions) -> anyhow::Result<Option<Credential>> {
        let token = |text: &str| Credential::Token(Secret::new(text.trim()));
        let read = |file: &PathBuf| {
            let text = read_secret(file).context("the token cannot be read");
            text.map(|text| token(text.reveal()))
        };
        if let Some(file) = &self.token_file {
            return read(file).map(Some);
        }
        if let Some(text) = secrets::variable(TOKEN).filter(|text| !text.trim().is_empty()) {
            return Ok(Some(token(&text)));
        }
        if let Some(file) = self.used()?.token_file {
            return read(&file).map(Some);
        }
        Ok(Sessions::load()?.on(redis).map(Credential::Session))
    }

    /// The same for the private Redis in `folder`, which asks for no password.
    pub(super) fn private(&self, folder: &Path) -> anyhow::Result<RedisOptions> {
        let url = PrivateRedis::options(folder).url;
        Ok(RedisOptions { url, password_file: None, ..self.over(Profile::default())? })
    }

    /// Where Redis is if no context is used, for people.
    pub(super) fn place_without_context(&self) -> String {
        self.over(Profile::default()).map_or_else(|error| error.to_string(), |redis| redis.place())
    }

    /// What a context that is made of these options holds; none without a URL. It is used in other folders, too.
    pub(super) fn profile(&self) -> anyhow::Result<Option<Profile>> {
        let anywhere =
            |file: &Option<PathBuf>| file.as_ref().map(|file| absolute(file).unwrap_or_else(|_| file.clone()));
        let (redis_url, redis_url_file) = match self.given()? {
            Some(Given::Url(url)) => (Some(url), None),
            Some(Given::File(file)) => (None, Some(file)),
            None => return Ok(None),
        };
        Ok(Some(Profile {
            redis_url,
            redis_url_file: anywhere(&redis_url_file),
            redis_password_file: anywhere(&self.password_file()),
            namespace: self.namespace.clone(),
            redis_ca: anywhere(&self.redis_ca),
            redis_cert: anywhere(&self.redis_cert),
            redis_key: anywhere(&self.redis_key),
            token_file: anywhere(&self.token_file),
            client_name: self.client_name.clone(),
        }))
    }

    /// The URL or the file with it, if one was given; set to nothing is not set.
    fn given(&self) -> anyhow::Result<Option<Given>> {
        let file = self.redis_url_file.clone().filter(|file| !file.as_os_str().is_empty());
        let url = self.redis_url.clone().or_else(|| secrets::variable("REDIS_URL")).filter(|url| !url.is_empty());
        match (url, file) {
            (Some(url), _) if self.typed.url && RedisOptions::new(&url).has_password() => bail!(
                "--redis-url holds a password, which every user of this host can read there: put the password into a file \
                 and name that with --redis-password-file, or the whole URL with --redis-url-file"
            ),
            (Some(_), Some(_)) if self.typed.url == self.typed.url_file => {
                bail!("REDIS_URL and REDIS_URL_FILE both say where Redis is: set one of them")
            }
            (_, Some(file)) if !self.typed.url => Ok(Some(Given::File(file))),
            (url, _) => Ok(url.map(Given::Url)),
        }
    }

    /// The file with the password; set to nothing is not set.
    fn password_file(&self) -> Option<PathBuf> {
        self.redis_password_file.clone().filter(|file| !file.as_os_str().is_empty())
    }

    fn over(&self, profile: Profile) -> anyhow::Result<RedisOptions> {
        let named = profile.redis_url.map(Given::Url).or_else(|| profile.redis_url_file.map(Given::File));
        // A password is for the Redis that is named beside it, not for that of a context.
        let of_profile = named.is_some() && !self.typed.password_file;
        let password_file = if of_profile { profile.redis_password_file } else { self.password_file() };
        let private =
            || state_folder().map(|state| state.join("redis")).filter(|one| PrivateRedis::socket(one).exists());
        let (url, url_file, password_file) = match named.map_or_else(|| self.given(), |named| Ok(Some(named)))? {
            Some(Given::Url(url)) => (url, None, password_file),
            Some(Given::File(file)) => {
                let url = read_secret(&file).context("the URL of Redis cannot be read")?;
                if url.reveal().is_empty() {
                    bail!(
                        "{} is empty: it must hold the URL of Redis, such as rediss://USER:PASSWORD@HOST:6379",
                        file.display()
                    );
                }
                (url.reveal().to_owned(), Some(file), password_file)
            }
            None => match private() {
                Some(folder) => (PrivateRedis::options(&folder).url, None, None),
                None => ("redis://127.0.0.1:6379".to_owned(), None, password_file),
            },
        };
        if let Some(file) = &password_file {
            caution_of(file);
        }
        let key = self.redis_key.clone().or(profile.redis_key);
        log_exposure(key.as_deref());
        let namespace = self.namespace.clone().or(profile.namespace);
        Ok(RedisOptions {
            url,
            url_file,
            password_file,
            namespace: namespace.unwrap_or_else(|| Keys::DEFAULT_NAMESPACE.to_owned()),
            replicas: 0,
            ca: self.redis_ca.clone().or(profile.redis_ca),
            cert: self.redis_cert.clone().or(profile.redis_cert),
            key,
            client_name: self.client_name.clone().or(profile.client_name),
        })
    }
}

impl DockerArgs {
    fn options(self) -> DockerOptions {
        let tls = !self.docker_tls_verify.is_empty();
        let usual = || std::env::home_dir().map(|home| home.join(".docker"));
        let certificates = self.docker_cert_path.or_else(|| if tls { usual() } else { None });
        log_exposure(certificates.as_ref().map(|folder| folder.join("key.pem")).as_deref());
        // Set to nothing is not set, as for docker itself.
        let host = if self.docker_host.is_empty() { DockerOptions::DEFAULT_HOST.to_owned() } else { self.docker_host };
        DockerOptions { host, tls, certificates }
    }
}

/// The options of a worker on `redis`.
pub(super) async fn worker(
    redis: RedisOptions,
    docker: DockerArgs,
    dock: DockArgs,
    authority: Option<Authority>,
) -> anyhow::Result<WorkerOptions> {
    let name = match dock.hostname {
        Some(name) => name,
        None => hostname::fqdn().await?,
    };
    let labels: Labels = dock.labels.into_iter().collect();
    let (concurrency, grace) = (dock.concurrency, dock.grace);
    let redis = RedisOptions { replicas: dock.redis_replicas, ..redis };
    let (docker, metrics, traces) = (docker.options(), Metrics::default(), Traces::from_environment("deblox-worker"));
    let audit = AuditBounds { records: dock.audit_records, age: dock.audit_age };
    Ok(WorkerOptions { redis, docker, dock: name, labels, concurrency, grace, authority, audit, metrics, traces })
}

/// For how long the audit keeps a record, in words.
fn audit_age(text: &str) -> Result<Duration, String> {
    let age = humantime::parse_duration(text).map_err(|e| e.to_string())?;
    let (least, most) = (Duration::from_secs(60 * 60), Duration::from_secs(100 * 366 * 24 * 60 * 60));
    if age < least || age > most { Err("it must be from 1h to 100years".to_owned()) } else { Ok(age) }
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

/// A file; none where it is set to nothing.
#[expect(clippy::unnecessary_wraps, reason = "clap wants a parser")]
fn file(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

/// Reads a network, or an address as the network that holds it alone.
fn network(text: &str) -> Result<IpNet, String> {
    let (network, address) = (text.trim().parse::<IpNet>(), text.trim().parse::<IpAddr>());
    let network = network.or_else(|_| address.map(|address| IpNet::from(address.to_canonical())));
    match network {
        Ok(network) if network.prefix_len() == 0 => {
            Err("it must not be every address: then each client could claim any address".to_owned())
        }
        Ok(network) => Ok(network.trunc()),
        Err(_) => Err("it must be an address or a network, such as 192.0.2.1 or 10.0.0.0/8".to_owned()),
    }
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
