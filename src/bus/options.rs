//! How Redis is reached.

use std::path::PathBuf;
use std::sync::Arc;

use redis::io::tcp::TcpSettings;
use redis::{Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, TlsCertificates};

use super::BusError;
use super::credentials::{self, Credentials};
use super::primary::{Primary, Question};
use super::server::Server;
use crate::protocol::{ClientName, Keys};

/// Who tells where the primary is: what follows the scheme in the URL, and where they listen if it does not say.
const TELLERS: [(Tellers, &str, u16); 2] =
    [(Tellers::Sentinels, "+sentinel://", 26379), (Tellers::Cluster, "+cluster://", 6379)];

/// Where Redis is and how to speak to it.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://`, `rediss://` (TLS) or `unix://`, with user, password and database as redis-cli takes them; or
    /// `redis+sentinel://[USER:PASSWORD@]HOST[:26379],…/NAME[/DATABASE]`, `rediss+sentinel://` (TLS); or some nodes of
    /// a Redis Cluster, `redis+cluster://[USER:PASSWORD@]HOST[:6379],…`, `rediss+cluster://` (TLS).
    pub url: String,
    /// The file that `url` was read from, if it was. Each connection has the user and the password that stand there then.
    pub url_file: Option<PathBuf>,
    /// A file with the password, for a URL without one. It is read again for each connection; an empty file is no password.
    pub password_file: Option<PathBuf>,
    /// What every key begins with; in a Redis Cluster a hash tag, `{NAME}`.
    pub namespace: String,
    /// How many replicas must have what a worker notes before it acts on it.
    pub replicas: u8,
    /// Certificates (PEM) that are trusted instead of the system's, for `rediss://`.
    pub ca: Option<PathBuf>,
    /// Client certificate (PEM) to show; needs `key`.
    pub cert: Option<PathBuf>,
    /// Key of the client certificate (PEM).
    pub key: Option<PathBuf>,
    /// What the ids of a client's requests begin with; none is the user in the URL.
    pub client_name: Option<ClientName>,
}

impl std::fmt::Debug for RedisOptions {
    /// Leaves the password out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (namespace {})", self.place(), self.namespace)
    }
}

impl RedisOptions {
    /// The default namespace at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        let namespace = Keys::DEFAULT_NAMESPACE.to_owned();
        Self {
            url: url.into(),
            url_file: None,
            password_file: None,
            namespace,
            replicas: 0,
            ca: None,
            cert: None,
            key: None,
            client_name: None,
        }
    }

    /// The URL without its password, for people to read.
    pub fn place(&self) -> String {
        if let Some(Followed { scheme, mark, user, rest, .. }) = Followed::read(&self.url) {
            let rest = rest.split('?').next().unwrap_or_default();
            return match user.trim_end_matches('@').split_once(':') {
                Some((user, _)) => format!("{scheme}{mark}{user}:***@{rest}"),
                None => format!("{scheme}{mark}{user}{rest}"),
            };
        }
        match url::Url::parse(&self.url) {
            Ok(mut url) => {
                if url.password().is_some() {
                    let _ = url.set_password(Some("***"));
                }
                // That of a Unix socket stands in the query.
                url.set_query(None);
                url.to_string()
            }
            Err(_) => "an invalid URL".to_owned(),
        }
    }

    /// The user in the URL.
    pub fn user(&self) -> Option<String> {
        self.settings()?.username().map(str::to_owned)
    }

    /// Whether the primary is one of several servers, and followed.
    pub fn is_followed(&self) -> bool {
        Followed::read(&self.url).is_some()
    }

    /// Whether it is reached over a network, and what passes can be read there.
    pub fn is_plain(&self) -> bool {
        if let Some(followed) = Followed::read(&self.url) {
            return followed.scheme == "redis";
        }
        let here = |host: &str| host == "localhost" || host == "[::1]" || host.starts_with("127.");
        url::Url::parse(&self.url).is_ok_and(|url| url.scheme() == "redis" && !url.host_str().is_some_and(here))
    }

    /// Whether it is reached over a network without a password.
    pub fn is_open(&self) -> bool {
        let is_local = self.url.starts_with("unix") || self.password_file.is_some();
        !is_local && self.settings().is_some_and(|settings| settings.password().is_none())
    }

    /// Whether the URL has a password in it.
    pub fn has_password(&self) -> bool {
        match Followed::read(&self.url) {
            Some(followed) => credentials::has_password(&followed.server()),
            None => credentials::has_password(&self.url),
        }
    }

    /// The number of the database in the URL.
    pub fn database(&self) -> i64 {
        self.settings().map_or(0, |settings| settings.db())
    }

    /// What the ids of a client's requests begin with, so that a user who may read the replies under its own name alone
    /// finds them there.
    pub fn client_name(&self) -> Option<ClientName> {
        self.client_name.clone().or_else(|| ClientName::new(&self.user()?).ok())
    }

    /// What the URL says besides where Redis is.
    pub(super) fn settings(&self) -> Option<RedisConnectionInfo> {
        let url = match Followed::read(&self.url) {
            Some(followed) => followed.server(),
            None => self.url.clone(),
        };
        Some(url.into_connection_info().ok()?.redis_settings().clone())
    }

    /// Where Redis is.
    pub(super) fn server(&self) -> Result<Server, BusError> {
        let credentials = Credentials::of(self)?;
        let Some(followed) = Followed::read(&self.url) else {
            return Ok(Server::One(Box::new(self.client()?), credentials));
        };
        let (hosts, name, database) = followed.parts();
        let question = match followed.tellers {
            Tellers::Sentinels if name.is_empty() => {
                return Err(self.unusable(&"it does not end in the name that the sentinels have for the primary"));
            }
            Tellers::Sentinels => Question::Named(name.to_owned()),
            Tellers::Cluster if !matches!(database, "" | "0") => {
                return Err(self.unusable(&"a cluster has no other database than 0"));
            }
            Tellers::Cluster if !has_hash_tag(&self.namespace) => {
                let namespace = &self.namespace;
                return Err(BusError::Options(format!(
                    "in a Redis Cluster all keys must lie in one slot: the namespace must be a hash tag, such as \
                     --namespace '{{{namespace}}}' (DEBLOX_NAMESPACE), not {namespace}"
                )));
            }
            Tellers::Cluster => Question::Holding(self.namespace.clone()),
        };
        let tellers = hosts.split(',').map(|host| {
            let mut url = url::Url::parse(&format!("{}://{host}", followed.scheme)).map_err(|e| self.unusable(&e))?;
            if url.port().is_none() {
                url.set_port(Some(followed.port)).map_err(|()| self.unusable(&"one in it has no host"))?;
            }
            Ok(self.open(url.as_str())?.get_connection_info().clone())
        });
        let tellers = tellers.collect::<Result<Vec<_>, BusError>>()?;
        let server = self.open(&followed.server())?.get_connection_info().clone();
        Ok(Server::Followed(Arc::new(Primary::new(tellers, question, server, credentials))))
    }

    /// The one server that the URL names.
    pub(super) fn client(&self) -> Result<Client, BusError> {
        self.open(&self.url)
    }

    fn open(&self, url: &str) -> Result<Client, BusError> {
        let invalid = |e: redis::RedisError| self.unusable(&e);
        let info = url.into_connection_info().map_err(invalid)?;
        // The name of a library is of no use to anybody, and a right of its own.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let info = info.set_redis_settings(settings);
        // Small messages must not wait for each other: redis-rs leaves Nagle's algorithm on.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        if !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            return Client::open(info).map_err(invalid);
        }
        // redis-rs takes the process's provider; a second installation is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client_tls = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some(ClientTlsConfig { client_cert: read(cert)?, client_key: read(key)? }),
            (None, None) => None,
            _ => return Err(BusError::Options("a client certificate needs both its certificate and its key".into())),
        };
        let root_cert = self.ca.as_ref().map(read).transpose()?;
        let client = Client::build_with_tls(info, TlsCertificates { client_tls, root_cert }).map_err(invalid)?;
        // Building with certificates starts again from the defaults of TCP.
        let info = client.get_connection_info().clone().set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Client::open(info).map_err(invalid)
    }

    fn unusable(&self, why: &dyn std::fmt::Display) -> BusError {
        BusError::Options(format!(
            "REDIS_URL {} cannot be used: {why}. It should look like redis://host:6379, rediss://host:6379, \
             unix:///path/to/redis.sock, redis+sentinel://host1:26379,host2:26379/name or \
             redis+cluster://host1:6379,host2:6379",
            self.place()
        ))
    }
}

/// Who tells where the primary is.
#[derive(Clone, Copy)]
enum Tellers {
    Sentinels,
    Cluster,
}

/// A URL of those who tell where the primary is, in parts.
struct Followed<'a> {
    tellers: Tellers,
    /// How the servers are reached: `redis` or `rediss`.
    scheme: &'a str,
    /// What follows the scheme.
    mark: &'static str,
    /// Where the tellers listen, if it does not say.
    port: u16,
    /// User and password, with the `@` behind them; or nothing.
    user: &'a str,
    /// Hosts; for sentinels the name; database.
    rest: &'a str,
}

impl<'a> Followed<'a> {
    fn read(url: &'a str) -> Option<Self> {
        TELLERS.into_iter().find_map(|(tellers, mark, port)| {
            let (scheme, rest) = url.split_once(mark).filter(|(scheme, _)| matches!(*scheme, "redis" | "rediss"))?;
            let (user, rest) = rest.split_at(rest.rfind('@').map_or(0, |at| at + 1));
            Some(Self { tellers, scheme, mark, port, user, rest })
        })
    }

    /// The hosts of the tellers, the name of the primary where it has one, and its database.
    fn parts(&self) -> (&'a str, &'a str, &'a str) {
        let (hosts, path) = self.rest.split_once('/').unwrap_or((self.rest, ""));
        let (name, database) = match self.tellers {
            Tellers::Sentinels => path.split_once('/').unwrap_or((path, "")),
            Tellers::Cluster => ("", path),
        };
        (hosts, name, database)
    }

    /// The URL of the primary: at the host of a teller for now.
    fn server(&self) -> String {
        let (hosts, _, database) = self.parts();
        let host = hosts.split(',').next().unwrap_or_default();
        format!("{}://{}{host}/{database}", self.scheme, self.user)
    }
}

/// Whether all keys that begin so lie in one slot (Redis Cluster specification, hash tags).
fn has_hash_tag(namespace: &str) -> bool {
    namespace.split_once('{').and_then(|(_, rest)| rest.split_once('}')).is_some_and(|(tag, _)| !tag.is_empty())
}

fn read(path: &PathBuf) -> Result<Vec<u8>, BusError> {
    std::fs::read(path).map_err(|e| BusError::Options(format!("cannot read {}: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::RedisOptions;

    #[test]
    fn what_can_be_read_on_the_way_and_who_needs_no_password_is_known() {
        for (url, plain, open) in [
            ("redis://127.0.0.1:6379", false, true),
            ("redis://localhost", false, true),
            ("redis://[::1]:6379", false, true),
            ("redis://redis.example.com", true, true),
            ("redis://ada:secret@redis.example.com", true, false),
            ("rediss://:secret@redis.example.com", false, false),
            ("unix:///run/redis.sock", false, false),
            ("redis+sentinel://ada:secret@s1:26379,s2/main", true, false),
            ("redis+sentinel://s1/main", true, true),
            ("rediss+sentinel://s1:26379,s2/main", false, true),
            ("redis+cluster://n1:6379,n2", true, true),
            ("rediss+cluster://:secret@n1", false, false),
        ] {
            let options = RedisOptions::new(url);
            assert_eq!((options.is_plain(), options.is_open()), (plain, open), "{url}");
        }
    }

    #[test]
    fn a_cluster_has_all_keys_in_one_slot_and_one_database() {
        let server = |url: &str, namespace: &str| {
            let options = RedisOptions { namespace: namespace.to_owned(), ..RedisOptions::new(url) };
            options.server().map(drop).map_err(|e| e.to_string())
        };
        for namespace in ["{deblox}", "a{b}c", "{a}{"] {
            assert_eq!(server("redis+cluster://n1,n2:7000", namespace), Ok(()), "{namespace}");
        }
        for namespace in ["deblox", "{}deblox", "}deblox{", "{deblox"] {
            let why = server("redis+cluster://n1,n2:7000", namespace).expect_err(namespace);
            assert!(why.contains("the namespace must be a hash tag"), "{why}");
        }
        let why = server("redis+cluster://:secret@n1/3", "{deblox}").expect_err("another database");
        assert!(why.contains("no other database than 0") && !why.contains("secret"), "{why}");
    }
}
