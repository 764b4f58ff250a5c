//! One websocket, from when it is open until it is not.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::messages::{End, Wish, read_bytes, read_text};
use super::relay::{self, Given};
use super::{Places, Streams};
use crate::actions::Action;
use crate::client::Client;
use crate::protocol::limits::SOCKET_STREAMS;
use crate::protocol::{ErrorCode, Failure, RequestId};

/// Messages that wait to be sent: 1 MiB of output at most, and what a terminal echoes is not long behind a loud log.
const WAITING: usize = 16;

/// Pieces of input that wait for one stream.
const GIVEN: usize = 8;

/// How long a stream may take no input, while the others on the socket wait for it.
const TAKES: Duration = Duration::from_secs(5);

/// How often the other side is asked whether it is there; proxies leave a connection alone on which something goes.
const PING: Duration = Duration::from_secs(15);

/// How long the other side may take no data, or say nothing, not even that it is there.
const SILENCE: Duration = Duration::from_secs(30);

/// Serves `socket` until either side, the node or the end of the session ends it; then all its streams are cancelled.
pub(super) async fn run(
    socket: WebSocket,
    client: Client,
    room: Streams,
    ends: (CancellationToken, CancellationToken),
) {
    let (sink, incoming) = socket.split();
    let (out, outgoing) = mpsc::channel(WAITING);
    let mut socket = Socket { client, room, out, open: HashMap::new(), relays: JoinSet::new() };
    tokio::select! {
        () = socket.serve(incoming, ends) => {}
        () = send(sink, outgoing) => {}
    }
    // When this is done, the client knows whom it has to tell that they are read no more.
    socket.relays.shutdown().await;
}

/// Sends what there is, until that takes too long.
async fn send(mut sink: SplitSink<WebSocket, Message>, mut outgoing: mpsc::Receiver<Message>) {
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            message = outgoing.recv() => message,
            _ = pings.tick() => Some(Message::Ping(bytes::Bytes::new())),
        };
        let Some(message) = message else { return };
        let last = matches!(message, Message::Close(_));
        if !matches!(timeout(SILENCE, sink.send(message)).await, Ok(Ok(()))) || last {
            return;
        }
    }
}

struct Socket {
    client: Client,
    /// Places for streams, at this node.
    room: Streams,
    out: mpsc::Sender<Message>,
    open: HashMap<u32, Open>,
    relays: JoinSet<(u32, End)>,
}

/// A stream that is open.
struct Open {
    id: RequestId,
    give: mpsc::Sender<Given>,
    relay: AbortHandle,
    _places: Places,
}

impl Socket {
    async fn serve(
        &mut self,
        mut incoming: SplitStream<WebSocket>,
        (stop, ended): (CancellationToken, CancellationToken),
    ) {
        loop {
            tokio::select! {
                message = timeout(SILENCE + PING, incoming.next()) => {
                    let Ok(Some(Ok(message))) = message else { return };
                    let read = match message {
                        Message::Text(text) => read_text(&text),
                        Message::Binary(bytes) => read_bytes(bytes),
                        // What ends it is answered while the end is waited for.
                        Message::Ping(_) | Message::Pong(_) | Message::Close(_) => continue,
                    };
                    match read {
                        Ok((stream, wish)) => self.wish(stream, wish).await,
                        Err((Some(stream), message)) => self.end(stream, &End::wrong(message)).await,
                        Err((None, message)) => return self.close(close_code::INVALID, message).await,
                    }
                }
                Some(ended) = self.relays.join_next_with_id() => {
                    let Ok((relay, (stream, end))) = ended else { continue };
                    // Of one that was wanted no more just before, that was told.
                    if self.open.get(&stream).is_some_and(|open| open.relay.id() == relay) {
                        self.end(stream, &end).await;
                    }
                }
                () = ended.cancelled() => {
                    return self.close(close_code::POLICY, "the session has ended: log in again".to_owned()).await;
                }
                () = stop.cancelled() => {
                    return self.close(close_code::AWAY, "the node stops: another may serve you".to_owned()).await;
                }
            }
        }
    }

    async fn wish(&mut self, stream: u32, wish: Wish) {
        let given = match wish {
            Wish::Open(request) => {
                if let Err(end) = self.begin(stream, request) {
                    self.end(stream, &end).await;
                }
                return;
            }
            Wish::Cancel => {
                if let Some(open) = self.open.get(&stream) {
                    let cancelled = Failure::new(ErrorCode::Cancelled, "no more was wanted of the stream");
                    let end = End::failed(cancelled, Some(&open.id));
                    self.end(stream, &end).await;
                }
                return;
            }
            Wish::Give(bytes) => Given::Bytes(bytes),
            Wish::Resize(rows, cols) => Given::Size(rows, cols),
            Wish::Finish => Given::Finish,
        };
        // One that has ended a moment ago takes nothing, and its caller learns so.
        let Some(open) = self.open.get(&stream) else { return };
        if timeout(TAKES, open.give.send(given)).await.is_err() {
            let message = format!("the process has taken no input for {} s", TAKES.as_secs());
            let end = End::failed(Failure::new(ErrorCode::Busy, message), Some(&open.id));
            self.end(stream, &end).await;
        }
    }

    fn begin(&mut self, stream: u32, request: Value) -> Result<(), End> {
        let refuse = |code, message: String| Err(End::failed(Failure::new(code, message), None));
        if self.open.contains_key(&stream) {
            return refuse(
                ErrorCode::BadField,
                format!("the stream {stream} is open already: give each its own number"),
            );
        }
        if let Some(field) = ["session", "token"].into_iter().find(|field| request.get(field).is_some()) {
            let message = format!("the field `{field}` may not be there: the stream is opened as whoever is logged in");
            return refuse(ErrorCode::BadField, message);
        }
        // Whoever has the id of a stream reads it and gives it input.
        if request.get("requestId").is_some() {
            let message = "the field `requestId` may not be there: the node gives each stream an id of its own";
            return refuse(ErrorCode::BadField, message.to_owned());
        }
        if let Some(name) = request["action"].as_str() {
            Action::find(name).map_err(|failure| End::failed(failure, None))?;
        }
        if !Client::streams(&request) {
            let message =
                "the request does not stream: POST /api/v1/actions/{action} is for those that have one answer";
            return refuse(ErrorCode::BadField, message.to_owned());
        }
        let places = if self.open.len() < SOCKET_STREAMS { self.room.take() } else { None };
        let Some(places) = places else {
            let message = "too many streams are open: end some, or try another node";
            return refuse(ErrorCode::Busy, message.to_owned());
        };
        let opened = self.client.stream(request).map_err(|error| End::broken(&error, None))?;
        let (give, given) = mpsc::channel(GIVEN);
        let (id, out) = (opened.id().clone(), self.out.clone());
        let relay = self.relays.spawn(async move { (stream, relay::run(stream, opened, given, out).await) });
        self.open.insert(stream, Open { id, give, relay, _places: places });
        Ok(())
    }

    /// Tells how a stream has ended, which from now on is not open.
    async fn end(&mut self, stream: u32, end: &End) {
        if let Some(open) = self.open.remove(&stream) {
            open.relay.abort();
        }
        let _ = self.out.send(end.message(stream)).await;
    }

    async fn close(&self, code: u16, reason: String) {
        // A frame has place for 123 bytes.
        let reason: String = reason.chars().filter(char::is_ascii).take(120).collect();
        let _ = self.out.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
        // Until it is sent.
        self.out.closed().await;
    }
}
