//! Where the daemon is, in the environment's own terms: `DOCKER_HOST`, `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use super::DockerError;
use super::connector::{Connector, Route};

/// What a host begins with that is the path of a socket.
const UNIX: &str = "unix://";

/// How the daemon is reached.
#[derive(Clone, Debug)]
pub struct DockerOptions {
    /// `unix:///path`, `tcp://host:port`, `http://host:port` or `https://host:port`.
    pub host: String,
    /// Speak TLS to a `tcp://` host.
    pub tls: bool,
    /// Folder with `ca.pem` and, if the daemon asks for one, a client's `cert.pem` and `key.pem`.
    pub certificates: Option<PathBuf>,
}

impl DockerOptions {
    /// Where Docker listens when nobody says otherwise.
    pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

    /// The daemon at `host`, without TLS.
    pub fn new(host: impl Into<String>) -> Self {
        Self { host: host.into(), tls: false, certificates: None }
    }

    /// Whether the daemon is on this host.
    pub fn is_local(&self) -> bool {
        self.host.starts_with(UNIX)
    }

    pub(super) fn connector(&self) -> Result<Connector, DockerError> {
        let unusable = |why: &str| {
            DockerError::Options(format!(
                "DOCKER_HOST {} cannot be used: {why}. It should look like unix:///var/run/docker.sock or tcp://host:2376",
                self.host
            ))
        };
        if let Some(path) = self.host.strip_prefix(UNIX) {
            return Ok(Connector::new(Route::Unix(PathBuf::from(path))));
        }
        let url = url::Url::parse(&self.host).map_err(|e| unusable(&e.to_string()))?;
        let tls = match url.scheme() {
            "tcp" => self.tls,
            "http" => false,
            "https" => true,
            other => return Err(unusable(&format!("`{other}` is not a way to reach Docker"))),
        };
        let host = url.host_str().ok_or_else(|| unusable("it names no host"))?.trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().unwrap_or(if tls { 2376 } else { 2375 });
        if !tls {
            return Ok(Connector::new(Route::Tcp(host, port)));
        }
        let name = ServerName::try_from(host.clone()).map_err(|e| unusable(&e.to_string()))?;
        let config = Arc::new(tls_config(self.certificates.as_deref())?);
        Ok(Connector::new(Route::Tls(host, port, name, config)))
    }
}

fn tls_config(folder: Option<&Path>) -> Result<ClientConfig, DockerError> {
    let fault = |what: &str, why: &dyn std::fmt::Display| DockerError::Options(format!("{what}: {why}"));
    let mut roots = RootCertStore::empty();
    let ca = folder.map(|folder| folder.join("ca.pem")).filter(|path| path.exists());
    if let Some(path) = ca {
        for cert in CertificateDer::pem_file_iter(&path).map_err(|e| fault(&path.display().to_string(), &e))? {
            let cert = cert.map_err(|e| fault(&path.display().to_string(), &e))?;
            roots.add(cert).map_err(|e| fault(&path.display().to_string(), &e))?;
        }
    } else {
        for cert in rustls_native_certs::load_native_certs().certs {
            // One odd certificate in the system's store is no reason to trust none.
            let _ = roots.add(cert);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| fault("TLS", &e))?
        .with_root_certificates(roots);
    let Some(folder) = folder.filter(|folder| folder.join("cert.pem").exists()) else {
        return Ok(config.with_no_client_auth());
    };
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let chain = CertificateDer::pem_file_iter(&cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| fault(&cert.display().to_string(), &e))?;
    let key = PrivateKeyDer::from_pem_file(&key).map_err(|e| fault(&key.display().to_string(), &e))?;
    config.with_client_auth_cert(chain, key).map_err(|e| fault("the client certificate", &e))
}
