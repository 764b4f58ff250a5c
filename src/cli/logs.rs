//! `deblox logs`: what containers have written; those of several in the order of time.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anstyle::{AnsiColor, Style};
use futures_util::future::join_all;

use super::cluster::{Cluster, FAILED, about};
use super::follow;
use super::output::{self, complain, say};
use super::progress::with_progress;
use crate::protocol::limits::LOG_LINES;
use crate::protocol::text::plain;

/// [`LOG_LINES`], to count with.
#[expect(clippy::cast_possible_truncation, reason = "ten thousand")]
const LINES: usize = LOG_LINES as usize;

/// The colours of the prefixes, one container after the other.
const COLOURS: [AnsiColor; 6] =
    [AnsiColor::Cyan, AnsiColor::Yellow, AnsiColor::Green, AnsiColor::Magenta, AnsiColor::Blue, AnsiColor::BrightRed];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The containers: NAME, DOCK/NAME, or the beginning of an id
    #[arg(value_name = "CONTAINER", required = true)]
    containers: Vec<String>,
    /// Go on with what they write
    #[arg(short, long)]
    follow: bool,
    /// The last N lines of each, 10000 at most [default: all, which is those]
    #[arg(short = 'n', long, value_name = "N", default_value = "all", hide_default_value = true, value_parser = lines)]
    tail: u64,
    /// Nothing before: how long ago (10m), an RFC 3339 time, or seconds since the epoch
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<u64>,
    /// Nothing after, given in the same way
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<u64>,
    /// The time before each line
    #[arg(short, long)]
    timestamps: bool,
}

/// One line of a log.
struct Line<'a> {
    /// As docker writes it, nine digits behind the second, so that the order of texts is that of time.
    time: &'a str,
    text: &'a str,
    /// The number of its container.
    of: usize,
}

pub(super) async fn run(args: &Args, cluster: &Cluster) -> anyhow::Result<u8> {
    let several = args.containers.len() > 1;
    if args.follow {
        let follow = follow::Follow {
            containers: &args.containers,
            prefixes: if several { prefixes(&args.containers) } else { Vec::new() },
            tail: (args.tail < LOG_LINES).then_some(args.tail),
            since: args.since,
            until: args.until,
            timestamps: args.timestamps,
        };
        return follow::run(&follow, cluster).await;
    }
    let logs = join_all(args.containers.iter().map(|name| read(args, name, several, cluster)));
    let (mut texts, mut code) = (Vec::new(), 0);
    for log in with_progress(logs).await {
        texts.push(log.unwrap_or_else(|error| {
            complain(&error);
            code = FAILED;
            String::new()
        }));
    }
    if several {
        output::raw(&merged(&texts, &args.containers, args.timestamps)?)?;
    } else {
        output::raw(&texts.concat())?;
    }
    Ok(code)
}

async fn read(args: &Args, name: &str, several: bool, cluster: &Cluster) -> anyhow::Result<String> {
    let request = about("container-logs", name)?
        .with("tail", args.tail)
        .maybe("since", args.since)
        .maybe("until", args.until)
        .flag("timestamps", args.timestamps || several);
    let text: String = cluster.ask(request.json()).await?.body().unwrap_or_default();
    if args.tail == LOG_LINES && text.lines().take(LINES).count() == LINES {
        say(&format!("deblox: of {name} the last {LOG_LINES} lines are shown: --since and --until reach others"));
    }
    Ok(text)
}

/// The lines of all logs in the order of time, each with the name of its container before it.
fn merged(texts: &[String], names: &[String], timestamps: bool) -> anyhow::Result<String> {
    let mut lines: Vec<Line> = texts.iter().enumerate().flat_map(|(of, text)| stamped(of, text)).collect();
    // Those of one container stay in their order.
    lines.sort_by_key(|line| line.time);
    let prefixes = prefixes(names);
    let mut out = String::new();
    for line in lines {
        let prefix = &prefixes[line.of];
        if timestamps {
            writeln!(out, "{prefix} {} {}", line.time, line.text)?;
        } else {
            writeln!(out, "{prefix} {}", line.text)?;
        }
    }
    Ok(out)
}

/// What stands before the lines of each.
fn prefixes(names: &[String]) -> Vec<String> {
    let width = names.iter().map(String::len).max().unwrap_or_default();
    let paint = |name: &String, colour: AnsiColor| {
        output::paint(Style::new().fg_color(Some(colour.into())), &format!("{:width$} |", plain(name)))
    };
    names.iter().zip(COLOURS.into_iter().cycle()).map(|(name, colour)| paint(name, colour)).collect()
}

/// The lines of a log with time stamps; one without has the time of the line before it.
fn stamped(of: usize, text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut last = "";
    text.lines().map(move |line| match line.split_once(' ') {
        Some((time, text)) if time.ends_with('Z') && time.starts_with(|c: char| c.is_ascii_digit()) => {
            last = time;
            Line { time, text, of }
        }
        _ => Line { time: last, text: line, of },
    })
}

fn lines(text: &str) -> Result<u64, String> {
    match text {
        "all" => Ok(LOG_LINES),
        number => {
            number.parse().map(|lines: u64| lines.min(LOG_LINES)).map_err(|_| "it must be a number or all".into())
        }
    }
}

/// Reads a time as docker does; seconds since the epoch.
pub(super) fn moment(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let then = match humantime::parse_duration(text) {
        Ok(ago) => SystemTime::now().checked_sub(ago),
        Err(_) => humantime::parse_rfc3339_weak(text).ok(),
    };
    let since = then.and_then(|then| then.duration_since(UNIX_EPOCH).ok());
    since.as_ref().map(Duration::as_secs).ok_or_else(|| {
        "it must be how long ago, such as 10m, a time such as 2026-01-31T12:00:00Z, or seconds since the epoch".into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_several_are_in_the_order_of_time() {
        let texts = ["2026-01-01T00:00:01.000000000Z a\n2026-01-01T00:00:03.000000000Z c\nd\n".to_owned()];
        let other = "2026-01-01T00:00:02.000000000Z b\n2026-01-01T00:00:03.000000001Z e\n".to_owned();
        let texts = [texts.as_slice(), &[other]].concat();
        let names = ["web".to_owned(), "x/db".to_owned()];
        let text = merged(&texts, &names, false).unwrap();
        assert_eq!(text, "web  | a\nx/db | b\nweb  | c\nweb  | d\nx/db | e\n");
    }

    #[test]
    fn times_are_read_as_docker_reads_them() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(moment("1700000000"), Ok(1_700_000_000));
        assert_eq!(moment("2023-11-14T22:13:20Z"), Ok(1_700_000_000));
        assert!(moment("10m").is_ok_and(|then| (now - 601..=now - 599).contains(&then)));
        assert!(moment("yesterday").is_err());
    }
}
