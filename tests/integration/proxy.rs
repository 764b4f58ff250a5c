//! Stands between a worker and a Docker daemon: over TCP, over TLS, or to lose an answer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use crate::support::docker_host;

/// A way to one daemon of the lab, as long as it lives.
pub struct Proxy {
    /// `DOCKER_HOST`.
    pub address: String,
    seen: Arc<Mutex<String>>,
    connections: Connections,
    task: JoinHandle<()>,
    /// Where the socket is; goes with this.
    folder: Option<TempDir>,
}

impl Proxy {
    /// Over a Unix socket. The daemon's answer to a request that contains `lost` never arrives.
    pub fn losing(host: usize, lost: &'static str) -> Self {
        Self::faulty(host, Some(lost), None)
    }

    /// Over a Unix socket. Once a request that contains `last` has passed, the daemon answers no ping: the connection breaks.
    pub fn dying(host: usize, last: &'static str) -> Self {
        Self::faulty(host, None, Some(last))
    }

    fn faulty(host: usize, lost: Option<&'static str>, last: Option<&'static str>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let address = format!("unix://{}", socket.display());
        let accept = async move |relay: Relay| {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay.clone().run(client));
            }
        };
        let mut proxy = Self::start(host, address, (lost, last), accept);
        proxy.folder = Some(folder);
        proxy
    }

    /// Over TCP, in plain text.
    pub async fn tcp(host: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("tcp://{}", listener.local_addr().expect("it is bound"));
        Self::start(host, address, (None, None), async move |relay: Relay| {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay.clone().run(client));
            }
        })
    }

    /// Over TCP with TLS.
    pub async fn tls(host: usize, config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("tcp://localhost:{}", listener.local_addr().expect("it is bound").port());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::start(host, address, (None, None), async move |relay: Relay| {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, relay) = (acceptor.clone(), relay.clone());
                tokio::spawn(async move {
                    if let Ok(client) = acceptor.accept(client).await {
                        relay.run(client).await;
                    }
                });
            }
        })
    }

    /// Closes the connections on which a request that contains `text` has passed, and returns how many there were.
    pub fn cut(&self, text: &str) -> usize {
        let connections = std::mem::take(&mut *self.connections.lock().expect("no panic"));
        let (cut, kept): (Vec<_>, Vec<_>) =
            connections.into_iter().partition(|(seen, _)| seen.lock().expect("no panic").contains(text));
        self.connections.lock().expect("no panic").extend(kept);
        let open = cut.iter().filter(|(_, closed)| !closed.is_cancelled()).count();
        for (_, closed) in &cut {
            closed.cancel();
        }
        open
    }

    /// How many connections are open on which a request that contains `text` has passed.
    pub fn open(&self, text: &str) -> usize {
        let connections = self.connections.lock().expect("no panic");
        let asked = |seen: &Mutex<String>| seen.lock().expect("no panic").contains(text);
        connections.iter().filter(|(seen, closed)| asked(seen) && !closed.is_cancelled()).count()
    }

    /// Whether a request that contains `text` has passed.
    pub fn has_seen(&self, text: &str) -> bool {
        self.seen.lock().expect("no panic").contains(text)
    }

    /// How often `text` has passed in requests.
    pub fn times_seen(&self, text: &str) -> usize {
        self.seen.lock().expect("no panic").matches(text).count()
    }

    fn start<F: Future<Output = ()> + Send + 'static>(
        host: usize,
        address: String,
        (lost, last): (Option<&'static str>, Option<&'static str>),
        accept: impl FnOnce(Relay) -> F,
    ) -> Self {
        let daemon = PathBuf::from(docker_host(host).trim_start_matches("unix://"));
        let seen = Arc::<Mutex<String>>::default();
        let connections = Connections::default();
        let relay = Relay { daemon, seen: Arc::clone(&seen), connections: Arc::clone(&connections), lost, last };
        let task = tokio::spawn(accept(relay));
        Self { address, seen, connections, task, folder: None }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What has passed on each connection, and what closes it.
type Connections = Arc<Mutex<Vec<(Arc<Mutex<String>>, CancellationToken)>>>;

/// One connection through a proxy.
#[derive(Clone)]
struct Relay {
    daemon: PathBuf,
    seen: Arc<Mutex<String>>,
    connections: Connections,
    lost: Option<&'static str>,
    last: Option<&'static str>,
}

impl Relay {
    async fn run(self, client: impl AsyncRead + AsyncWrite) {
        let Ok(daemon) = UnixStream::connect(&self.daemon).await else { return };
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (mut from_daemon, mut to_daemon) = daemon.into_split();
        let (here, closed) = (Arc::<Mutex<String>>::default(), CancellationToken::new());
        self.connections.lock().expect("no panic").push((Arc::clone(&here), closed.clone()));
        let _closed = closed.clone().drop_guard();
        let mute = std::sync::atomic::AtomicBool::new(false);
        let requests = async {
            let mut chunk = vec![0; 16 * 1024];
            while let Ok(length @ 1..) = from_client.read(&mut chunk).await {
                let text = String::from_utf8_lossy(&chunk[..length]).into_owned();
                if text.contains("/_ping")
                    && self.last.is_some_and(|last| self.seen.lock().expect("no panic").contains(last))
                {
                    return;
                }
                if self.lost.is_some_and(|lost| text.contains(lost)) {
                    mute.store(true, std::sync::atomic::Ordering::SeqCst);
                }
                if to_daemon.write_all(&chunk[..length]).await.is_err() {
                    return;
                }
                self.seen.lock().expect("no panic").push_str(&text);
                here.lock().expect("no panic").push_str(&text);
            }
        };
        let answers = async {
            let mut chunk = vec![0; 16 * 1024];
            while let Ok(length @ 1..) = from_daemon.read(&mut chunk).await {
                let muted = mute.load(std::sync::atomic::Ordering::SeqCst);
                if !muted && to_client.write_all(&chunk[..length]).await.is_err() {
                    return;
                }
                if to_client.flush().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = requests => {}
            () = answers => {}
            () = closed.cancelled() => {}
        }
    }
}
