//! One stream of the bus on its way to a websocket, and what the websocket has for it.

use axum::extract::ws::Message;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::messages::{self, End};
use crate::client::{Arrival, ClientError, Stream, StreamInput};
use crate::protocol::{ErrorCode, Failure};

/// What is given to a stream.
#[derive(Debug)]
pub(super) enum Given {
    /// Bytes for the process.
    Bytes(Bytes),
    /// The size of its terminal.
    Size(u16, u16),
    /// No more bytes.
    Finish,
}

/// Passes on what comes by the stream `number`, and gives it what there is for it; returns how it has ended.
pub(super) async fn run(
    number: u32,
    mut stream: Stream,
    given: mpsc::Receiver<Given>,
    out: mpsc::Sender<Message>,
) -> End {
    let id = stream.id().clone();
    let feeding = feed(stream.input(), given);
    let reading = async {
        while let Some(arrival) = stream.next().await {
            let message = match arrival {
                Ok(Arrival::Chunk(channel, bytes)) => messages::output(number, channel, &bytes),
                Ok(Arrival::Gap(missing)) => messages::gap(number, missing),
                Ok(Arrival::End(reply)) => return End::replied(&reply, &id),
                Err(error) => return End::broken(&error, Some(&id)),
            };
            if out.send(message).await.is_err() {
                // Nobody reads it: the socket is about to drop this.
                std::future::pending::<()>().await;
            }
        }
        End::failed(Failure::new(ErrorCode::Internal, "the stream has ended without a reply"), Some(&id))
    };
    tokio::select! {
        end = reading => end,
        error = feeding => End::broken(&error, Some(&id)),
    }
}

/// Gives everything to the stream, in order. Returns only if that does not work.
async fn feed(input: StreamInput, mut given: mpsc::Receiver<Given>) -> ClientError {
    while let Some(given) = given.recv().await {
        let done = match given {
            Given::Bytes(bytes) => input.send(&bytes).await.map(drop),
            Given::Size(rows, cols) => input.resize(rows, cols).await,
            Given::Finish => input.close().await,
        };
        if let Err(error) = done {
            return error;
        }
    }
    std::future::pending().await
}
