//! How Redis is reached.

use std::path::PathBuf;

use redis::io::tcp::TcpSettings;
use redis::{Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, TlsCertificates};

use super::BusError;
use crate::protocol::Keys;

/// Where Redis is and how to speak to it.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://`, `rediss://` (TLS) or `unix://`, with user, password and database as redis-cli takes them.
    pub url: String,
    /// What every key begins with.
    pub namespace: String,
    /// Certificates (PEM) that are trusted instead of the system's, for `rediss://`.
    pub ca: Option<PathBuf>,
    /// Client certificate (PEM) to show; needs `key`.
    pub cert: Option<PathBuf>,
    /// Key of the client certificate (PEM).
    pub key: Option<PathBuf>,
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
        Self { url: url.into(), namespace, ca: None, cert: None, key: None }
    }

    /// The URL without its password, for people to read.
    pub fn place(&self) -> String {
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

    pub(super) fn client(&self) -> Result<Client, BusError> {
        let invalid = |e: redis::RedisError| {
            BusError::Options(format!(
                "REDIS_URL {} cannot be used: {e}. It should look like redis://host:6379, rediss://host:6379 \
                 or unix:///path/to/redis.sock",
                self.place()
            ))
        };
        let info = self.url.as_str().into_connection_info().map_err(invalid)?;
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
}

fn read(path: &PathBuf) -> Result<Vec<u8>, BusError> {
    std::fs::read(path).map_err(|e| BusError::Options(format!("cannot read {}: {e}", path.display())))
}
