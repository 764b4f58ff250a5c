//! The log of one instance, looked through as it comes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::lines::{Level, Lines, LogLine};
use crate::client::{Arrival, Client};
use crate::protocol::limits::LOG_LINES;
use crate::protocol::{Channel, Fqdn, millis};

/// Lines of one instance that are given at most.
const LINES: usize = 200;

/// How long the log of one instance may take.
const ONE: Duration = Duration::from_secs(10);

/// Which lines.
#[derive(Debug)]
pub(super) struct Wanted {
    /// In lower case.
    text: String,
    level: Level,
    since: Option<u64>,
    until: Option<u64>,
}

impl Wanted {
    pub(super) fn new(text: &str, level: Level, since: Option<u64>, until: Option<u64>) -> Self {
        Self { text: text.to_lowercase(), level, since, until }
    }

    fn fits(&self, line: &LogLine) -> bool {
        if self.text.is_empty() && self.level == Level::All {
            return true;
        }
        let plain = line.plain().to_lowercase();
        plain.contains(&self.text) && self.level.fits(&plain)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The newest, by time.
    pub(super) lines: Vec<LogLine>,
    /// Whether there are more.
    pub(super) truncated: bool,
}

/// Who reads logs.
pub(super) struct Reader {
    pub(super) client: Client,
    pub(super) wanted: Wanted,
    /// Places for streams, at this node.
    pub(super) places: Arc<Semaphore>,
    /// When no more is read.
    pub(super) until: Instant,
}

impl Reader {
    /// Reads a log; or says why that could not be. The two streams of a process are told apart only where the log comes as a
    /// stream, and that has no bound on how long it is.
    pub(super) async fn read(&self, dock: &Fqdn, id: &str) -> Result<Found, String> {
        let until = self.until.min(Instant::now() + ONE);
        let read = async {
            let _place = self.places.acquire().await.map_err(|error| error.to_string())?;
            all(&self.client, dock, id, &self.wanted).await
        };
        match timeout_at(until, read).await {
            Ok(read) => read,
            Err(_) => Err(format!("{dock} has not sent the log in time: look through fewer, or for a shorter time")),
        }
    }
}

async fn all(client: &Client, dock: &Fqdn, id: &str, wanted: &Wanted) -> Result<Found, String> {
    let mut request = json!({"action": "container-logs", "id": id, "dock": dock, "tail": LOG_LINES, "timestamps": true,
        "stream": true, "timeout": millis(ONE)});
    for (field, seconds) in [("since", wanted.since), ("until", wanted.until)] {
        if let Some(seconds) = seconds {
            request[field] = json!(seconds);
        }
    }
    let mut log = client.stream(request).map_err(|error| error.to_string())?;
    let (mut read, mut kept) = (Lines::default(), Kept::default());
    while let Some(arrival) = log.next().await {
        match arrival.map_err(|error| error.to_string())? {
            Arrival::Chunk(Channel::Head, _) => {}
            Arrival::Chunk(channel, bytes) => read.take(channel, &bytes, |line| kept.look_at(line, wanted)),
            Arrival::Gap(_) => kept.more = true,
            Arrival::End(reply) if reply.is_success() => {
                read.end(|line| kept.look_at(line, wanted));
                return Ok(kept.found());
            }
            Arrival::End(reply) => return Err(reply.message().unwrap_or("the log could not be read").to_owned()),
        }
    }
    Err("the log has ended without a reply".to_owned())
}

/// Lines that fit, the last ones.
#[derive(Default)]
struct Kept {
    lines: VecDeque<LogLine>,
    more: bool,
}

impl Kept {
    fn look_at(&mut self, line: LogLine, wanted: &Wanted) {
        if !wanted.fits(&line) {
            return;
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
            self.more = true;
        }
        self.lines.push_back(line);
    }

    fn found(self) -> Found {
        let mut lines = Vec::from(self.lines);
        // The two streams of a process may come in another order than it wrote them.
        lines.sort_by_key(LogLine::at);
        Found { lines, truncated: self.more }
    }
}
