//! Reading what streams: from the daemon's first word to the one reply, and writing it where somebody reads it.

use std::io;

use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt, Stderr, Stdout};

use super::cluster::{Cluster, Refused, refused};
use super::output::shown;
use crate::client::{Arrival, ClientError, Reply, Stream, StreamInput};
pub(super) use crate::docker::Lines;
use crate::protocol::Channel;
use crate::protocol::text::escaped_json;

/// What ends a stream that may be begun again: its worker stops, its dock is lost, or this program slept.
const BROKEN: [&str; 3] = ["interrupted", "dock-lost", "reader-gone"];

/// Something that came.
pub(super) enum Came {
    /// The daemon has taken the request.
    Begun,
    /// A piece of what it sends.
    Bytes(Channel, Vec<u8>),
    /// All of it has come.
    End(Reply),
}

/// Why no more comes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("{0} pieces of the stream have been lost")]
    Gap(u64),
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Broken {
    /// Whether the same may go on when it is begun again.
    pub(super) fn may_go_on(&self) -> bool {
        match self {
            Self::Refused(refused) => BROKEN.contains(&refused.code.as_str()),
            Self::Gap(_) | Self::Client(ClientError::Call(_)) => true,
            Self::Client(_) => false,
        }
    }

    /// What to tell a person.
    pub(super) async fn explained(self, cluster: &Cluster) -> anyhow::Error {
        match self {
            Self::Client(error) => cluster.explained(error).await,
            Self::Refused(refused) => refused.into(),
            gap @ Self::Gap(_) => gap.into(),
        }
    }
}

/// A stream that is read.
pub(super) struct Incoming {
    stream: Stream,
    heads: u8,
    dock: Option<String>,
}

impl Incoming {
    /// Sends a request that streams.
    pub(super) fn begin(cluster: &Cluster, request: Value) -> anyhow::Result<Self> {
        Ok(Self { stream: cluster.stream(request)?, heads: 0, dock: None })
    }

    /// The dock that streams, once it does.
    pub(super) fn dock(&self) -> Option<&str> {
        self.dock.as_deref()
    }

    pub(super) fn input(&self) -> StreamInput {
        self.stream.input()
    }

    /// What comes next.
    pub(super) async fn next(&mut self) -> Result<Came, Broken> {
        loop {
            match self.stream.next().await {
                Some(Ok(Arrival::Chunk(Channel::Head, bytes))) => {
                    self.heads += 1;
                    if self.heads == 1 {
                        let head: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                        self.dock = head["dockerInstance"].as_str().map(str::to_owned);
                    }
                    // The first is the worker's.
                    if self.heads == 2 {
                        return Ok(Came::Begun);
                    }
                }
                Some(Ok(Arrival::Chunk(channel, bytes))) => return Ok(Came::Bytes(channel, bytes)),
                Some(Ok(Arrival::Gap(missing))) => return Err(Broken::Gap(missing)),
                Some(Ok(Arrival::End(reply))) if reply.is_success() => return Ok(Came::End(reply)),
                Some(Ok(Arrival::End(reply))) => return Err(refused(&reply).into()),
                Some(Err(error)) => return Err(error.into()),
                // Nobody reads on after the end.
                None => return Err(Broken::Gap(0)),
            }
        }
    }

    /// Waits until the daemon has taken the request. Returns whether it did before the stream ended.
    pub(super) async fn begun(&mut self) -> Result<(), Broken> {
        match self.next().await? {
            Came::Begun => Ok(()),
            Came::Bytes(..) | Came::End(_) => Err(Broken::Gap(0)),
        }
    }
}

/// Writes text while others go on, cleaned. Returns whether somebody still reads it.
pub(super) async fn write(to: &mut (impl AsyncWrite + Unpin), text: &str) -> io::Result<bool> {
    write_raw(to, shown(text).as_bytes()).await
}

/// Writes JSON that is there as text, as a line. Returns whether somebody still reads it.
pub(super) async fn write_json(to: &mut (impl AsyncWrite + Unpin), json: &str) -> io::Result<bool> {
    write_raw(to, format!("{}\n", escaped_json(json)).as_bytes()).await
}

/// Standard output, for what is written while others go on.
pub(super) fn stdout() -> Stdout {
    tokio::io::stdout()
}

/// The same for standard error.
pub(super) fn stderr() -> Stderr {
    tokio::io::stderr()
}

/// Writes bytes of a stream that a person asked for as they are. Returns whether somebody still reads them.
pub(super) async fn write_raw(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<bool> {
    let written = async {
        to.write_all(bytes).await?;
        to.flush().await
    };
    match written.await {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
        Ok(()) => Ok(true),
    }
}
