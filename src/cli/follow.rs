//! `deblox logs -f`: logs as they grow, those of several in the order of time; after a break from where they were.

use std::cell::Cell;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::cluster::{Cluster, FAILED, Request, about};
use super::output::complain;
use super::streams::{Broken, Came, Incoming, Lines, stdout, write_raw};
use crate::protocol::Channel;

/// Lines of one log that wait for those of others.
const WAITING: usize = 1024;

/// How long a line waits for an earlier one of another log.
const HOLD: Duration = Duration::from_millis(250);

/// How long lines wait for a log that has not begun.
const BEGINS: Duration = Duration::from_secs(2);

/// Between two attempts to begin again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a container may be unknown after a break: what Redis had lost is soon there again.
const UNKNOWN: Duration = Duration::from_secs(20);

/// The time before each line has so many letters (RFC 3339 with nine digits behind the second), and then a space.
const STAMP: usize = 30;

/// The daemon keeps a longer line in parts of this size, and puts the time before each.
const PART: usize = 16 * 1024;

/// What is followed.
pub(super) struct Follow<'a> {
    pub(super) containers: &'a [String],
    /// What stands before each line, if anything does.
    pub(super) prefixes: Vec<String>,
    pub(super) tail: Option<u64>,
    pub(super) since: Option<u64>,
    pub(super) until: Option<u64>,
    pub(super) timestamps: bool,
}

/// A line of a log.
struct Line {
    /// As the daemon writes it; the order of texts is that of time.
    time: String,
    text: Vec<u8>,
    came: Instant,
}

/// Follows them until all have ended. Returns the exit code.
pub(super) async fn run(follow: &Follow<'_>, cluster: &Cluster) -> anyhow::Result<u8> {
    let code = Cell::new(0);
    let (mut readers, mut logs) = (Vec::new(), Vec::new());
    for name in follow.containers {
        let (sender, receiver) = mpsc::channel(WAITING);
        logs.push(Waiting { lines: receiver, next: None, busy: Instant::now() + BEGINS - HOLD, ended: false });
        let code = &code;
        readers.push(async move {
            if let Err(error) = one(follow, name, sender, cluster).await {
                code.set(FAILED);
                complain(&if follow.containers.len() == 1 { error } else { error.context(name.clone()) });
            }
        });
    }
    tokio::select! {
        merged = merge(follow, logs) => merged?,
        () = async { join_all(readers).await; std::future::pending::<()>().await } => {}
    }
    Ok(code.get())
}

/// Follows one log, and begins again after a break.
async fn one(follow: &Follow<'_>, name: &str, lines: mpsc::Sender<Line>, cluster: &Cluster) -> anyhow::Result<()> {
    let mut place = Place::default();
    let mut broke: Option<Instant> = None;
    loop {
        let mut incoming = Incoming::begin(cluster, follow.request(name, &place)?)?;
        place.again();
        let mut pieces = [Lines::default(), Lines::default(), Lines::default()];
        let broken = loop {
            let (channel, bytes) = match incoming.next().await {
                Ok(Came::Begun) => {
                    broke = None;
                    place.begun = true;
                    continue;
                }
                Ok(Came::Bytes(channel, bytes)) => (channel, Some(bytes)),
                Ok(Came::End(_)) => {
                    for channel in [Channel::Data, Channel::Stdout, Channel::Stderr] {
                        let rest = pieces[number(channel)].rest();
                        for line in rest.into_iter().filter_map(|line| place.take(channel, line)) {
                            let _ = lines.send(line).await;
                        }
                    }
                    return Ok(());
                }
                Err(broken) => break broken,
            };
            let whole = pieces[number(channel)].add(&bytes.unwrap_or_default());
            for line in whole.into_iter().filter_map(|line| place.take(channel, line)) {
                if lines.send(line).await.is_err() {
                    return Ok(());
                }
            }
        };
        let unknown = matches!(&broken, Broken::Refused(refused) if refused.code == "no-such-instance");
        let goes_on = broken.may_go_on() || (unknown && broke.is_some_and(|broke| broke.elapsed() < UNKNOWN));
        if !place.begun || !goes_on {
            return Err(broken.explained(cluster).await);
        }
        if broke.is_none() {
            complain(&anyhow::anyhow!("{name}: {broken}; it is followed further as soon as that is possible"));
            broke = Some(Instant::now());
        }
        sleep(PAUSE).await;
    }
}

impl Follow<'_> {
    /// The request that goes on from `place`.
    fn request(&self, name: &str, place: &Place) -> anyhow::Result<serde_json::Value> {
        let request = about("container-logs", name)?.with("follow", true).with("timestamps", true);
        let request: Request = match place.since() {
            Some(since) => request.with("since", since),
            None => request.maybe("tail", self.tail).maybe("since", self.since),
        };
        Ok(request.maybe("until", self.until).json())
    }
}

/// How far a log has been read. The daemon writes down the output and the errors of a process side by side; the lines of
/// each are in their order.
#[derive(Default)]
struct Place {
    begun: bool,
    /// The time of the first line of all: none before it is wanted.
    first: String,
    channels: [Reached; 3],
}

/// How far one channel has been read.
#[derive(Default)]
struct Reached {
    time: String,
    /// How many lines of that time there were.
    count: u64,
    /// How many of these are still to come again; nothing once there are new ones.
    again: Option<u64>,
}

impl Place {
    /// From when on lines are asked for, in seconds since the epoch: a little earlier, since a line of the other channel may
    /// stand behind a later one.
    fn since(&self) -> Option<u64> {
        let last = self.channels.iter().map(|channel| channel.time.as_str()).max()?;
        let since = humantime::parse_rfc3339(last).ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(since.as_secs().saturating_sub(1))
    }

    /// From now on lines may come that were there already.
    fn again(&mut self) {
        let any = !self.first.is_empty();
        for channel in &mut self.channels {
            channel.again = any.then_some(channel.count);
        }
    }

    /// The line, if it has not been there.
    fn take(&mut self, channel: Channel, line: Vec<u8>) -> Option<Line> {
        let (time, text) = match stamp(&line) {
            Some(time) => (time.to_owned(), without_stamps(&line)),
            None => (self.channels[number(channel)].time.clone(), line),
        };
        let reached = &mut self.channels[number(channel)];
        if let Some(again) = &mut reached.again {
            if time < reached.time || time < self.first {
                return None;
            }
            if time == reached.time && *again > 0 {
                *again -= 1;
                return None;
            }
            reached.again = None;
        }
        if time == reached.time {
            reached.count += 1;
        } else {
            (reached.time, reached.count) = (time.clone(), 1);
        }
        if self.first.is_empty() {
            self.first.clone_from(&time);
        }
        Some(Line { time, text, came: Instant::now() })
    }
}

fn number(channel: Channel) -> usize {
    match channel {
        Channel::Head | Channel::Data => 0,
        Channel::Stdout => 1,
        Channel::Stderr => 2,
    }
}

/// The time at the beginning of `bytes`, if one stands there.
fn stamp(bytes: &[u8]) -> Option<&str> {
    let time = std::str::from_utf8(bytes.get(..STAMP)?).ok()?;
    let is_time = time.ends_with('Z') && time.as_bytes()[10] == b'T' && time.as_bytes()[19] == b'.';
    (is_time && bytes.get(STAMP).is_none_or(|byte| *byte == b' ')).then_some(time)
}

/// A line without the times before its parts.
fn without_stamps(mut line: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(line.len());
    while stamp(line).is_some() {
        line = line.get(STAMP + 1..).unwrap_or_default();
        let (part, rest) = line.split_at(line.len().min(PART));
        text.extend_from_slice(part);
        line = rest;
    }
    text.extend_from_slice(line);
    text
}

/// The lines of one log, on their way out.
struct Waiting {
    lines: mpsc::Receiver<Line>,
    next: Option<Line>,
    /// Until when it counts as one from which lines come, and is waited for.
    busy: Instant,
    ended: bool,
}

impl Waiting {
    async fn fill(&mut self) {
        let line = self.lines.recv().await;
        self.ended = line.is_none();
        self.take(line);
    }

    fn take(&mut self, line: Option<Line>) {
        if let Some(line) = &line {
            self.busy = line.came;
        }
        self.next = line;
    }

    fn is_missing(&self) -> bool {
        self.next.is_none() && !self.ended
    }
}

/// Writes all lines in the order of time, as far as lines of that time come soon enough.
async fn merge(follow: &Follow<'_>, mut logs: Vec<Waiting>) -> anyhow::Result<()> {
    let (mut out, mut text) = (stdout(), Vec::new());
    loop {
        for log in logs.iter_mut().filter(|log| log.is_missing()) {
            let line = log.lines.try_recv();
            log.ended = matches!(line, Err(mpsc::error::TryRecvError::Disconnected));
            log.take(line.ok());
        }
        let busy = logs.iter().filter(|log| log.is_missing()).map(|log| log.busy + HOLD).max();
        let ready = logs.iter().enumerate().filter_map(|(of, log)| Some((log.next.as_ref()?.time.as_str(), of))).min();
        let ready =
            ready.map(|(_, of)| of).filter(|_| logs.len() == 1 || busy.is_none_or(|busy| busy <= Instant::now()));
        if let Some(of) = ready
            && let Some(line) = logs[of].next.take()
        {
            if let Some(prefix) = follow.prefixes.get(of) {
                text.extend_from_slice(prefix.as_bytes());
                text.push(b' ');
            }
            if follow.timestamps {
                text.extend_from_slice(line.time.as_bytes());
                text.push(b' ');
            }
            text.extend_from_slice(&line.text);
            text.push(b'\n');
            if text.len() < PART {
                continue;
            }
        }
        // Together what is there; at once when nothing more is.
        if !text.is_empty() {
            if !write_raw(&mut out, &text).await? {
                return Ok(());
            }
            text.clear();
            continue;
        }
        if logs.iter().all(|log| log.ended && log.next.is_none()) {
            return Ok(());
        }
        let any = logs.iter().any(|log| log.next.is_some());
        let missing: Vec<_> = logs.iter_mut().filter(|log| log.is_missing()).map(|log| Box::pin(log.fill())).collect();
        if missing.is_empty() {
            continue;
        }
        tokio::select! {
            _ = futures_util::future::select_all(missing) => {}
            () = sleep_until(busy.unwrap_or_else(Instant::now)), if any => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(second: u32, nanos: u32) -> String {
        format!("2026-01-01T00:00:{second:02}.{nanos:09}Z")
    }

    fn take(place: &mut Place, channel: Channel, time: &str, text: &str) -> Option<String> {
        let line = place.take(channel, format!("{time} {text}").into_bytes())?;
        Some(String::from_utf8_lossy(&line.text).into_owned())
    }

    #[test]
    fn after_a_break_no_line_is_missing_and_none_comes_twice() {
        let (mut place, out, err) = (Place::default(), Channel::Stdout, Channel::Stderr);
        let all = [
            (out, time(1, 5), "a"),
            (out, time(2, 7), "b"),
            (err, time(2, 6), "c"),
            (out, time(2, 7), "d"),
            (out, time(2, 7), "e"),
            (err, time(2, 8), "f"),
            (out, time(3, 0), "g"),
        ];
        // The first is before the tail that was asked for.
        for cut in 1..=all.len() {
            place = Place::default();
            let mut seen: Vec<_> =
                all[1..cut].iter().filter_map(|(channel, time, text)| take(&mut place, *channel, time, text)).collect();
            place.again();
            let from = usize::from(cut == 1);
            seen.extend(all[from..].iter().filter_map(|(channel, time, text)| take(&mut place, *channel, time, text)));
            seen.sort();
            let expected = if cut == 2 { &["b", "d", "e", "f", "g"][..] } else { &["b", "c", "d", "e", "f", "g"] };
            assert_eq!(seen, expected, "{cut}");
        }
        assert_eq!(place.since(), Some(1_767_225_602));
    }

    #[test]
    fn the_times_are_taken_off_also_inside_a_long_line() {
        let (stamp, long) = (time(1, 2), "x".repeat(PART));
        let line = format!("{stamp} {long}{stamp} {long}{stamp} end");
        assert_eq!(without_stamps(line.as_bytes()), format!("{long}{long}end").into_bytes());
        assert_eq!(without_stamps(format!("{stamp} {stamp} said").as_bytes()), format!("{stamp} said").into_bytes());
        assert_eq!(without_stamps(b"none"), b"none");
    }
}
