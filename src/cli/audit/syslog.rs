//! Messages of RFC 5424, to a socket of this host or over the network.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Map, Value};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket, UnixDatagram};

use crate::protocol::{EntryId, rfc3339};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// So many messages are sent again on a new connection: what the old one still had is not known.
const AGAIN: usize = 256;

/// The facility `log audit`, RFC 5424 section 6.2.1.
const FACILITY: u8 = 13;

/// Where syslog listens on this host.
const DEV_LOG: &str = "/dev/log";

/// How messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// One datagram each to this socket.
    Unix(PathBuf),
    /// One datagram each, RFC 5426.
    Udp(String),
    /// Each behind its length, RFC 6587 section 3.4.1.
    Tcp(String),
    /// The same in TLS, RFC 5425.
    Tls(String),
}

/// One receiver.
pub(super) struct Syslog {
    transport: Transport,
    host: String,
    tls: Option<Arc<ClientConfig>>,
    connection: Option<Connection>,
    /// The last messages that were sent on a connection.
    sent: VecDeque<String>,
}

enum Connection {
    Unix(UnixDatagram),
    Udp(UdpSocket),
    Stream(Box<dyn AsyncWrite + Send + Unpin>),
}

impl Transport {
    /// Reads a target.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let with_port = |place: &str| match place.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) => {
                Ok(place.to_owned())
            }
            _ => Err(format!("`{place}` must be HOST:PORT")),
        };
        let (kind, place) = text.split_once(':').unwrap_or((text, ""));
        let place = place.strip_prefix("//").unwrap_or(place);
        match kind {
            "syslog" if place.is_empty() => Ok(Self::Unix(DEV_LOG.into())),
            "syslog+unix" if place.starts_with('/') => Ok(Self::Unix(place.into())),
            "syslog+unix" => Err("after syslog+unix: stands the whole path of a socket".to_owned()),
            "syslog+udp" => with_port(place).map(Self::Udp),
            "syslog+tcp" => with_port(place).map(Self::Tcp),
            "syslog+tls" => with_port(place).map(Self::Tls),
            _ => Err(
                "it must be file:PATH, syslog, syslog+unix:PATH, syslog+udp://HOST:PORT, syslog+tcp://HOST:PORT or \
                      syslog+tls://HOST:PORT"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "syslog+unix:{}", path.display()),
            Self::Udp(place) => write!(f, "syslog+udp://{place}"),
            Self::Tcp(place) => write!(f, "syslog+tcp://{place}"),
            Self::Tls(place) => write!(f, "syslog+tls://{place}"),
        }
    }
}

impl fmt::Display for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.transport.fmt(f)
    }
}

impl Syslog {
    /// A receiver; nothing is dialled yet. `ca` is a file of the authorities that may vouch for it.
    pub(super) fn new(transport: Transport, ca: Option<&Path>) -> anyhow::Result<Self> {
        let tls = match &transport {
            Transport::Tls(_) => Some(tls(ca)?),
            _ if ca.is_some() => bail!("--ca is for syslog+tls alone"),
            _ => None,
        };
        let host = dns_lookup::get_hostname().unwrap_or_else(|_| "-".to_owned());
        Ok(Self { transport, host, tls, connection: None, sent: VecDeque::new() })
    }

    /// Sends a message for each record.
    ///
    /// # Errors
    /// Any of them may have been sent.
    pub(super) async fn write(&mut self, records: &[Map<String, Value>]) -> io::Result<()> {
        let messages: Vec<String> = records.iter().map(|record| message(record, &self.host)).collect();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let mut connection = self.connect().await?;
                if matches!(connection, Connection::Stream(_)) {
                    connection.send(self.sent.make_contiguous()).await?;
                }
                connection
            }
        };
        connection.send(&messages).await?;
        self.sent.extend(messages);
        let more = self.sent.len().saturating_sub(AGAIN);
        self.sent.drain(..more);
        self.connection = Some(connection);
        Ok(())
    }

    async fn connect(&self) -> io::Result<Connection> {
        let connect = async {
            Ok(match &self.transport {
                Transport::Unix(path) => {
                    let socket = UnixDatagram::unbound()?;
                    socket.connect(path)?;
                    Connection::Unix(socket)
                }
                Transport::Udp(place) => {
                    let address = tokio::net::lookup_host(place).await?.next();
                    let address = address.ok_or_else(|| io::Error::other("that host has no address"))?;
                    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                    let socket = UdpSocket::bind(any).await?;
                    socket.connect(address).await?;
                    Connection::Udp(socket)
                }
                Transport::Tcp(place) => Connection::Stream(Box::new(TcpStream::connect(place).await?)),
                Transport::Tls(place) => {
                    let config = self.tls.clone().ok_or_else(|| io::Error::other("TLS is not set up"))?;
                    let host = place.rsplit_once(':').map_or(place.as_str(), |(host, _)| host);
                    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                    let name = ServerName::try_from(host).map_err(io::Error::other)?;
                    let tcp = TcpStream::connect(place).await?;
                    Connection::Stream(Box::new(tokio_rustls::TlsConnector::from(config).connect(name, tcp).await?))
                }
            })
        };
        tokio::time::timeout(CONNECT, connect).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

impl Connection {
    async fn send(&mut self, messages: &[String]) -> io::Result<()> {
        match self {
            Self::Unix(socket) => {
                for message in messages {
                    socket.send(message.as_bytes()).await?;
                }
            }
            Self::Udp(socket) => {
                for message in messages {
                    socket.send(message.as_bytes()).await?;
                }
            }
            Self::Stream(stream) => {
                for message in messages {
                    stream.write_all(format!("{} {message}", message.len()).as_bytes()).await?;
                }
                stream.flush().await?;
            }
        }
        Ok(())
    }
}

/// The message of a record, in ASCII alone, so that no terminal or log is led astray by it.
fn message(record: &Map<String, Value>, host: &str) -> String {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let severity = if text("error").is_some() { 4 } else { 5 };
    let at = text("at").and_then(EntryId::parse).map_or_else(|| "-".to_owned(), |at| rfc3339(at.millis));
    let kind: String = text("action").unwrap_or("-").chars().filter(char::is_ascii_graphic).take(32).collect();
    let host: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
    let json = serde_json::to_string(record).unwrap_or_default();
    let mut message = format!("<{}>1 {at} {host} deblox - {kind} - ", FACILITY * 8 + severity);
    for c in json.chars() {
        if c.is_ascii() {
            message.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(message, "\\u{unit:04x}");
            }
        }
    }
    message
}

fn tls(ca: Option<&Path>) -> anyhow::Result<Arc<ClientConfig>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca {
        let unreadable = || format!("the certificates in {} cannot be read", path.display());
        for certificate in CertificateDer::pem_file_iter(path).with_context(unreadable)? {
            roots.add(certificate.with_context(unreadable)?).with_context(unreadable)?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        bail!("there is no authority to trust: name a PEM file with --ca");
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_a_message_of_rfc_5424_in_ascii() {
        let record =
            json!({"at": "1700000000123-0", "action": "login", "user": "ada\u{202e}\u{1f600}", "error": "denied"});
        insta::assert_snapshot!(message(record.as_object().unwrap(), "a.test"), @r#"<108>1 2023-11-14T22:13:20.123Z a.test deblox - login - {"at":"1700000000123-0","action":"login","user":"ada\u202e\ud83d\ude00","error":"denied"}"#);
    }

    #[test]
    fn targets_are_read_and_what_is_none_is_refused() {
        for (text, read) in [
            ("syslog", "syslog+unix:/dev/log"),
            ("syslog+unix:/run/log", "syslog+unix:/run/log"),
            ("syslog+udp://a.test:514", "syslog+udp://a.test:514"),
            ("syslog+tcp:a.test:514", "syslog+tcp://a.test:514"),
            ("syslog+tls://[::1]:6514", "syslog+tls://[::1]:6514"),
        ] {
            assert_eq!(Transport::read(text).unwrap().to_string(), read);
        }
        for bad in ["", "syslog+udp://a.test", "syslog+tcp://:514", "syslog+unix:log", "http://a", "syslog+udp://a:0"] {
            assert!(Transport::read(bad).is_err(), "{bad}");
        }
    }
}
