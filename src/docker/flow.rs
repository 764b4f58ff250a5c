//! Calls to the daemon that stream: what it sends is given on as it comes, and what is sent to it as it is taken.

use std::future::Future;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::client::{AnyBody, Docker, DockerError, Fetched, RequestParts, causes, header};
use super::frames::{HEAD, channel, take_frame};
use crate::protocol::limits::CHUNK_BYTES;
use crate::protocol::{Answer, Channel};

/// Pieces of an upload that wait to be sent.
const UPLOAD_AHEAD: usize = 4;

/// Which way bytes go besides the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// None.
    Down,
    /// They are the body of the call, which is answered when it has come, or while it comes.
    Up,
    /// Both ways, on a connection that the daemon hands over (Docker Engine API, "Hijacking").
    Both,
}

/// A call that streams.
pub struct Flow {
    /// Where bytes for the daemon go, if it takes any.
    pub input: Option<FlowInput>,
    /// The answer, which may come only when the input has ended.
    pub opening: Pin<Box<dyn Future<Output = Result<Opened, DockerError>> + Send>>,
}

/// How a daemon answers a call that streams.
pub enum Opened {
    /// Status, content type, and what it sends.
    Flows(u16, Option<String>, FlowOutput),
    /// It refuses.
    Refused(Answer),
}

/// Where bytes for the daemon go.
pub enum FlowInput {
    /// Into the body of a call, which is whole only when it was ended.
    Body(mpsc::Sender<Option<Bytes>>),
    /// Into a connection that the daemon hands over, once it has.
    Connection(tokio::sync::oneshot::Receiver<Writing>, Option<Writing>),
}

type Writing = WriteHalf<TokioIo<hyper::upgrade::Upgraded>>;

impl Flow {
    /// A call that no daemon answers: what comes is given.
    pub fn of(stream: BoxStream<'static, Bytes>) -> Self {
        let kind = Some("application/json".to_owned());
        Self { input: None, opening: Box::pin(async { Ok(Opened::Flows(200, kind, Source::Given(stream).into())) }) }
    }
}

impl FlowInput {
    /// Gives `data` to the daemon, as soon as it takes it. Returns whether it takes any more.
    pub async fn give(&mut self, data: Vec<u8>) -> bool {
        match self {
            Self::Body(body) => body.send(Some(data.into())).await.is_ok(),
            Self::Connection(coming, here) => {
                if here.is_none() {
                    *here = coming.await.ok();
                }
                match here {
                    Some(writing) => writing.write_all(&data).await.is_ok() && writing.flush().await.is_ok(),
                    None => false,
                }
            }
        }
    }

    /// Tells the daemon that this was all.
    pub async fn end(self) {
        match self {
            Self::Body(body) => {
                let _ = body.send(None).await;
            }
            Self::Connection(coming, here) => {
                let here = if here.is_some() { here } else { coming.await.ok() };
                if let Some(mut writing) = here {
                    let _ = writing.shutdown().await;
                }
            }
        }
    }
}

/// What the daemon sends.
pub struct FlowOutput {
    source: Source,
    /// What has come of frames and is not whole yet; none where there are no frames.
    frames: Option<BytesMut>,
}

enum Source {
    Body(BodyStream<Incoming>),
    Connection(ReadHalf<TokioIo<hyper::upgrade::Upgraded>>),
    Given(BoxStream<'static, Bytes>),
}

impl FlowOutput {
    /// The same, taken out of the frames that tell the standard output from the standard error.
    #[must_use]
    pub fn framed(mut self, framed: bool) -> Self {
        self.frames = framed.then(BytesMut::new);
        self
    }

    /// What comes next, at most [`CHUNK_BYTES`] where it comes in frames; none at the end.
    ///
    /// # Errors
    /// [`DockerError::Down`] when the daemon or the connection was lost.
    pub async fn next(&mut self) -> Result<Option<(Channel, Bytes)>, DockerError> {
        loop {
            if let Some(frame) = self.frames.as_mut().and_then(take_frame) {
                return Ok(Some(frame));
            }
            let Some(bytes) = self.source.next().await? else {
                // What is left of a frame that broke off is shown as well.
                let rest = self.frames.take().map(BytesMut::freeze).filter(|rest| rest.len() > HEAD);
                return Ok(rest.map(|rest| (channel(rest[0]), rest.slice(HEAD..))));
            };
            match &mut self.frames {
                None if bytes.is_empty() => {}
                None => return Ok(Some((Channel::Data, bytes))),
                Some(frames) => frames.extend_from_slice(&bytes),
            }
        }
    }
}

impl Source {
    async fn next(&mut self) -> Result<Option<Bytes>, DockerError> {
        match self {
            Self::Body(body) => match body.next().await {
                Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
                Some(Err(error)) => Err(DockerError::Down(causes(&error))),
                None => Ok(None),
            },
            Self::Given(stream) => Ok(stream.next().await),
            Self::Connection(reading) => {
                let mut bytes = BytesMut::with_capacity(CHUNK_BYTES / 4);
                match reading.read_buf(&mut bytes).await {
                    Ok(0) => Ok(None),
                    Ok(_) => Ok(Some(bytes.freeze())),
                    Err(error) => Err(DockerError::Down(causes(&error))),
                }
            }
        }
    }
}

impl Docker {
    /// Begins a call that streams. Nothing has come of it yet: its answer is in [`Flow::opening`].
    ///
    /// # Errors
    /// [`DockerError`] when the daemon cannot be asked.
    pub async fn flow(&self, parts: &RequestParts, way: Way) -> Result<Flow, DockerError> {
        let target = self.target(parts).await?;
        let (mut parts, docker) = (parts.clone(), self.clone());
        Ok(match way {
            Way::Down => {
                Flow { input: None, opening: Box::pin(async move { docker.open(&parts, &target, None).await }) }
            }
            Way::Up => {
                let (sender, receiver) = mpsc::channel(UPLOAD_AHEAD);
                let pieces =
                    futures_util::stream::unfold(receiver, async |mut receiver: mpsc::Receiver<Option<Bytes>>| {
                        let piece = match receiver.recv().await {
                            Some(piece) => Ok(Frame::data(piece?)),
                            // The daemon must not take it for the whole.
                            None => Err("the upload was broken off".into()),
                        };
                        Some((piece, receiver))
                    });
                let body = StreamBody::new(pieces).boxed_unsync();
                let opening = Box::pin(async move { docker.open(&parts, &target, Some(body)).await });
                Flow { input: Some(FlowInput::Body(sender)), opening }
            }
            Way::Both => {
                let (sender, receiver) = tokio::sync::oneshot::channel();
                parts.headers.push((UPGRADE.to_string(), "tcp".to_owned()));
                parts.headers.push((CONNECTION.to_string(), "Upgrade".to_owned()));
                let opening = Box::pin(async move { docker.open_both(&parts, &target, sender).await });
                Flow { input: Some(FlowInput::Connection(receiver, None)), opening }
            }
        })
    }

    async fn open(&self, parts: &RequestParts, target: &str, body: Option<AnyBody>) -> Result<Opened, DockerError> {
        let response = self.send_with(parts, target, body).await?;
        if response.status().as_u16() >= 400 {
            return Ok(Opened::Refused(self.read(response).await?.into_answer()));
        }
        let (status, kind) = (response.status().as_u16(), header(response.headers(), CONTENT_TYPE));
        Ok(Opened::Flows(status, kind, Source::Body(BodyStream::new(response.into_body())).into()))
    }

    async fn open_both(
        &self,
        parts: &RequestParts,
        target: &str,
        input: tokio::sync::oneshot::Sender<Writing>,
    ) -> Result<Opened, DockerError> {
        let mut response: Response<Incoming> = self.send_with(parts, target, None).await?;
        let (status, kind) = (response.status(), header(response.headers(), CONTENT_TYPE));
        if status != StatusCode::SWITCHING_PROTOCOLS {
            let fetched: Fetched = self.read(response).await?;
            return Ok(Opened::Refused(fetched.into_answer()));
        }
        let upgraded = hyper::upgrade::on(&mut response).await.map_err(|e| DockerError::Down(causes(&e)))?;
        let (reading, writing) = tokio::io::split(TokioIo::new(upgraded));
        // Nobody wants to send where the reader has already gone.
        let _ = input.send(writing);
        Ok(Opened::Flows(status.as_u16(), kind, Source::Connection(reading).into()))
    }
}

impl From<Source> for FlowOutput {
    fn from(source: Source) -> Self {
        Self { source, frames: None }
    }
}
