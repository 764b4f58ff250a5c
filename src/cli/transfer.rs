//! Bytes from files and pipes into streams of the cluster, and back.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::cluster::Cluster;
use super::progress_bars::Amount;
use super::streams::{Came, Incoming, stdout, write_raw};
use crate::client::Reply;
use crate::protocol::Channel;
use crate::protocol::limits::CHUNK_BYTES;

/// Pieces that wait between a thread and a stream.
const WAITING: usize = 8;

/// Bytes that a thread of its own makes or reads; nothing waits for it at the end.
pub(super) struct Source {
    pieces: mpsc::Receiver<Vec<u8>>,
    done: oneshot::Receiver<io::Result<()>>,
}

/// What is written to it goes into a stream.
struct Pieces(mpsc::Sender<Vec<u8>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(CHUNK_BYTES)];
        self.0.blocking_send(piece.to_vec()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is read from it comes by a stream.
pub(super) struct Arriving {
    pieces: mpsc::Receiver<Vec<u8>>,
    piece: io::Cursor<Vec<u8>>,
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.piece.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = io::Cursor::new(piece),
                None => return Ok(0),
            }
        }
    }
}

impl Source {
    /// What `work` writes.
    pub(super) fn made(work: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let (sender, pieces) = mpsc::channel(WAITING);
        let (tell, done) = oneshot::channel();
        std::thread::Builder::new().name("source".to_owned()).spawn(move || {
            let mut out = io::BufWriter::with_capacity(CHUNK_BYTES, Pieces(sender));
            let made = work(&mut out).and_then(|()| out.flush());
            drop(out);
            let _ = tell.send(made);
        })?;
        Ok(Self { pieces, done })
    }

    /// A file, or standard input where none is named or `-` is.
    pub(super) fn file(path: Option<&Path>) -> anyhow::Result<Self> {
        match path.filter(|path| *path != Path::new("-")) {
            None if io::stdin().is_terminal() => bail!("standard input is a terminal: name a file, or pipe one in"),
            None => Ok(Self::made(|out| io::copy(&mut io::stdin().lock(), out).map(drop))?),
            Some(path) => {
                let mut file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
                Ok(Self::made(move |out| io::copy(&mut file, out).map(drop))?)
            }
        }
    }
}

/// Reads a stream to its end, and hands on each piece; ends early where `take` says so with `false`.
pub(super) async fn read(
    cluster: &Cluster,
    incoming: &mut Incoming,
    mut take: impl AsyncFnMut(Channel, Vec<u8>) -> anyhow::Result<bool>,
) -> anyhow::Result<Option<Reply>> {
    loop {
        match incoming.next().await {
            Ok(Came::Begun) => {}
            Ok(Came::Bytes(channel, bytes)) => {
                if !take(channel, bytes).await? {
                    return Ok(None);
                }
            }
            Ok(Came::End(reply)) => return Ok(Some(reply)),
            Err(broken) => bail!(broken.explained(cluster).await),
        }
    }
}

/// Sends a request and, with it, all of `source`; hands on what comes back.
pub(super) async fn upload(
    cluster: &Cluster,
    request: Value,
    mut source: Source,
    take: impl AsyncFnMut(Channel, Vec<u8>) -> anyhow::Result<bool>,
) -> anyhow::Result<Option<Reply>> {
    let mut incoming = Incoming::begin(cluster, request)?;
    let (input, amount) = (incoming.input(), Amount::new("sent"));
    let feed = async {
        while let Some(piece) = source.pieces.recv().await {
            amount.add(piece.len());
            if !input.send(&piece).await? {
                std::future::pending::<()>().await;
            }
        }
        amount.done();
        // It told what came of it, unless it panicked.
        source.done.await.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?;
        input.close().await?;
        std::future::pending::<anyhow::Result<std::convert::Infallible>>().await
    };
    tokio::select! {
        reply = read(cluster, &mut incoming, take) => reply,
        fed = feed => fed.map(|never| match never {}),
    }
}

/// Sends a request, and has `work` read what comes.
pub(super) async fn download<T: Send + 'static>(
    cluster: &Cluster,
    request: Value,
    work: impl FnOnce(&mut dyn Read) -> io::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let (sender, pieces) = mpsc::channel(WAITING);
    let work = tokio::task::spawn_blocking(move || {
        let mut arriving = Arriving { pieces, piece: io::Cursor::default() };
        let worked = work(&mut arriving)?;
        // Padding is of no use to anybody.
        io::copy(&mut arriving, &mut io::sink())?;
        Ok::<_, io::Error>(worked)
    });
    let mut incoming = Incoming::begin(cluster, request)?;
    let amount = Amount::new("received");
    let ended = read(cluster, &mut incoming, async |_, bytes: Vec<u8>| {
        amount.add(bytes.len());
        Ok(sender.send(bytes).await.is_ok())
    })
    .await;
    drop(sender);
    let worked = work.await?;
    // Why the stream broke off says more than that there was not enough of it.
    ended?;
    Ok(worked?)
}

/// Sends a request, and writes what comes into a file, or to standard output where none is named or `-` is. A file is
/// there only once all of it is.
pub(super) async fn save(cluster: &Cluster, request: Value, path: Option<&PathBuf>) -> anyhow::Result<u8> {
    if let Some(path) = path.filter(|path| path.as_os_str() != "-") {
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let mut file = File::create(&part).with_context(|| format!("{} cannot be written", part.display()))?;
        let saved = download(cluster, request, move |from| io::copy(from, &mut file).and_then(|_| file.sync_all()));
        return match saved.await {
            Ok(()) => {
                std::fs::rename(&part, path)?;
                Ok(0)
            }
            Err(error) => {
                std::fs::remove_file(&part)?;
                Err(error)
            }
        };
    }
    if io::stdout().is_terminal() {
        bail!("an archive is nothing for a terminal: name a file with -o, or redirect the output");
    }
    let mut incoming = Incoming::begin(cluster, request)?;
    let (mut out, amount) = (stdout(), Amount::new("received"));
    read(cluster, &mut incoming, async |_, bytes: Vec<u8>| {
        amount.add(bytes.len());
        Ok(write_raw(&mut out, &bytes).await?)
    })
    .await?;
    Ok(0)
}
