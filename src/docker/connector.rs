//! Opens connections to the one daemon of this client, whatever way it is reached.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tower_service::Service;

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(5);

pub(super) enum Route {
    Unix(PathBuf),
    Tcp(String, u16),
    Tls(String, u16, ServerName<'static>, Arc<ClientConfig>),
}

#[derive(Clone)]
pub(super) struct Connector {
    route: Arc<Route>,
}

trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// A connection of any kind.
pub(super) struct Stream(TokioIo<Box<dyn Transport>>);

impl Connector {
    pub(super) fn new(route: Route) -> Self {
        Self { route: Arc::new(route) }
    }

    /// What requests say in their `Host` header.
    pub(super) fn authority(&self) -> String {
        match &*self.route {
            Route::Unix(_) => "docker".to_owned(),
            Route::Tcp(host, port) | Route::Tls(host, port, ..) if host.contains(':') => format!("[{host}]:{port}"),
            Route::Tcp(host, port) | Route::Tls(host, port, ..) => format!("{host}:{port}"),
        }
    }
}

async fn open(route: &Route) -> io::Result<Box<dyn Transport>> {
    Ok(match route {
        Route::Unix(path) => Box::new(UnixStream::connect(path).await?),
        Route::Tcp(host, port) => Box::new(dial(host, *port).await?),
        Route::Tls(host, port, name, config) => {
            let tcp = dial(host, *port).await?;
            Box::new(tokio_rustls::TlsConnector::from(Arc::clone(config)).connect(name.clone(), tcp).await?)
        }
    })
}

async fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let route = Arc::clone(&self.route);
        Box::pin(async move {
            let opened = tokio::time::timeout(CONNECT, open(&route)).await;
            let transport = opened.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no connection in 5 s"))??;
            Ok(Stream(TokioIo::new(transport)))
        })
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
