//! What people and programs read: tables as docker has them, JSON lines, names alone; colours on a terminal only.
//!
//! Nothing else in the commands prints, so that what other people wrote is cleaned here and nowhere forgotten. Only the raw
//! streams that a person asked for (logs, terminals, archives) go through `streams.rs` as they are.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use anyhow::bail;
use serde::Serialize;
use serde_json::Value;
use tabwriter::TabWriter;

use super::cluster::pair;
use crate::protocol::text::{escaped_json, plain, plain_lines};

/// The width of a column at least, and the space behind it.
const COLUMN: (usize, usize) = (7, 3);

/// How much of an id is shown.
const SHORT_ID: usize = 12;

/// For what is well.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// For what may want a look.
pub(super) const FAIR: Style = AnsiColor::Yellow.on_default();
/// For what is wrong.
pub(super) const BAD: Style = AnsiColor::Red.on_default();
/// For what is over, or not known for sure.
pub(super) const FAINT: Style = Style::new().dimmed();

/// The form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A table, for people.
    Table,
    /// JSON, an object a line, for programs.
    Json,
}

/// How a list is shown.
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// Only the ids or names, one a line
    #[arg(short, long)]
    quiet: bool,
    /// A table, or JSON with an object a line
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Whole ids
    #[arg(long)]
    no_trunc: bool,
}

/// Which rows of a list that is read as a whole, and how they are shown.
#[derive(Debug, clap::Args)]
pub(super) struct FilterArgs {
    #[command(flatten)]
    pub(super) show: ShowArgs,
    /// Only what fits: a field of --format json and its value, of name a part; may be given several times
    #[arg(short, long = "filter", value_name = "KEY=VALUE", value_parser = pair)]
    filters: Vec<(String, String)>,
}

impl FilterArgs {
    /// Shows those of `rows` that fit: one of the values for each key, as docker has it.
    pub(super) fn show<R: Row>(&self, mut rows: Vec<R>) -> anyhow::Result<()> {
        let known = rows.first().map(Row::fields);
        if let Some(known) = known.as_ref().and_then(Value::as_object)
            && let Some((key, _)) = self.filters.iter().find(|(key, _)| !known.contains_key(key))
        {
            let known = known.keys().cloned().collect::<Vec<_>>();
            bail!("there is no filter `{key}`: {} are those that are", known.join(", "));
        }
        rows.retain(|row| {
            let fields = row.fields();
            let any =
                |key: &str| self.filters.iter().any(|(other, value)| other == key && fits(key, &fields[key], value));
            self.filters.iter().all(|(key, _)| any(key))
        });
        show(&rows, &self.show)
    }

    /// Whether what is shown is a table.
    pub(super) fn is_for_people(&self) -> bool {
        !self.show.quiet && self.show.format == Format::Table
    }
}

/// Whether a field has that value, or one of several has, or in a name it is a part.
fn fits(key: &str, field: &Value, value: &str) -> bool {
    match field {
        Value::String(text) if key == "name" => text.contains(value),
        Value::String(text) => text == value,
        Value::Array(all) => all.iter().any(|one| one == value),
        Value::Null => value.is_empty(),
        other => serde_json::from_str::<Value>(value).is_ok_and(|value| value == *other),
    }
}

/// One row of a list; its `Serialize` is what programs get.
pub(super) trait Row: Serialize {
    /// The heads of the columns.
    const HEADS: &'static [&'static str];

    /// What stands in them.
    fn cells(&self, shown: &Shown) -> Vec<Cell>;

    /// What names it to other commands.
    fn name(&self, shown: &Shown) -> String;

    /// What it can be chosen by: an object.
    fn fields(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// What the cells of a row depend on.
pub(super) struct Shown {
    whole: bool,
    now: SystemTime,
}

/// What stands in one column.
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), style: Style::new() }
    }
}

impl Cell {
    pub(super) fn styled(style: Style, text: impl Into<String>) -> Self {
        Self { text: text.into(), style }
    }
}

impl Shown {
    fn new(args: &ShowArgs) -> Self {
        Self { whole: args.no_trunc, now: SystemTime::now() }
    }

    /// An id, short unless whole ones are asked for.
    pub(super) fn id<'a>(&self, id: &'a str) -> &'a str {
        if self.whole {
            return id;
        }
        let id = id.strip_prefix("sha256:").unwrap_or(id);
        id.get(..SHORT_ID).unwrap_or(id)
    }

    /// How long ago that was, in seconds since the epoch.
    pub(super) fn ago(&self, seconds: u64) -> String {
        format!("{} ago", self.lasted(seconds))
    }

    /// How long something lasts by now that began at that time, in seconds since the epoch.
    pub(super) fn lasted(&self, seconds: u64) -> String {
        let then = UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(self.now);
        duration(self.now.duration_since(then).unwrap_or_default())
    }

    /// How long ago that was, in RFC 3339.
    pub(super) fn since(&self, time: &str) -> String {
        let then = humantime::parse_rfc3339(time).unwrap_or(self.now);
        format!("{} ago", duration(self.now.duration_since(then).unwrap_or_default()))
    }
}

/// Shows `rows` as asked for.
pub(super) fn show<R: Row>(rows: &[R], args: &ShowArgs) -> anyhow::Result<()> {
    let shown = Shown::new(args);
    let mut out = String::new();
    match args.format {
        _ if args.quiet => {
            // An image may be on many docks.
            let mut told = HashSet::new();
            for name in rows.iter().map(|row| row.name(&shown)).filter(|name| told.insert(name.clone())) {
                writeln!(out, "{}", plain(&name))?;
            }
        }
        Format::Json => {
            for row in rows {
                writeln!(out, "{}", json(row)?)?;
            }
        }
        Format::Table => {
            let rows = rows.iter().map(|row| row.cells(&shown));
            out = table(R::HEADS, rows)?;
        }
    }
    print(&out)
}

/// A list that goes on behind rows which were shown.
pub(super) struct Further<'a> {
    args: &'a ShowArgs,
    /// Those of the columns so far.
    widths: Vec<usize>,
}

impl<'a> Further<'a> {
    /// Shows the first `rows`.
    pub(super) fn begin<R: Row>(rows: &[R], args: &'a ShowArgs) -> anyhow::Result<Self> {
        show(rows, args)?;
        let mut further = Self { args, widths: R::HEADS.iter().map(|head| head.len().max(COLUMN.0)).collect() };
        for row in rows {
            further.widen(&row.cells(&Shown::new(args)));
        }
        Ok(further)
    }

    /// The line of one more.
    pub(super) fn line<R: Row>(&mut self, row: &R) -> anyhow::Result<String> {
        let shown = Shown::new(self.args);
        Ok(match self.args.format {
            _ if self.args.quiet => plain(&row.name(&shown)).into_owned(),
            Format::Json => json(row)?,
            Format::Table => {
                let (cells, coloured) = (row.cells(&shown), is_coloured());
                self.widen(&cells);
                let padded = cells.iter().zip(&self.widths).map(|(cell, width)| {
                    let behind = " ".repeat(width + COLUMN.1 - cell.text.chars().count());
                    painted(coloured, cell.style, &plain(&cell.text)) + &behind
                });
                padded.collect::<String>().trim_end().to_owned()
            }
        })
    }

    fn widen(&mut self, cells: &[Cell]) {
        for (width, cell) in self.widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.text.chars().count());
        }
    }
}

/// A table of plain texts.
pub(super) fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> anyhow::Result<String> {
    let coloured = is_coloured();
    let mut columns = TabWriter::new(Vec::new()).minwidth(COLUMN.0).padding(COLUMN.1).ansi(true);
    writeln!(columns, "{}", heads.iter().map(|head| plain(head)).collect::<Vec<_>>().join("\t"))?;
    for row in rows {
        let paint = |cell: &Cell| painted(coloured, cell.style, &plain(&cell.text));
        writeln!(columns, "{}", row.iter().map(paint).collect::<Vec<_>>().join("\t"))?;
    }
    let text = columns.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().fold(String::new(), |out, line| out + line.trim_end() + "\n"))
}

/// `text` in a colour, if standard output shows colours.
pub(super) fn paint(style: Style, text: &str) -> String {
    painted(is_coloured(), style, text)
}

fn painted(coloured: bool, style: Style, text: &str) -> String {
    if coloured && style != Style::new() { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Whether standard output is a terminal that shows colours, and nobody said `NO_COLOR`.
fn is_coloured() -> bool {
    AutoStream::choice(&std::io::stdout()) != ColorChoice::Never
}

/// JSON on one line, in which nothing acts on a terminal; it means what it meant.
pub(super) fn json(value: &(impl Serialize + ?Sized)) -> anyhow::Result<String> {
    Ok(escaped_json(&serde_json::to_string(value)?).into_owned())
}

/// `text` as it may be shown: in colours of ours, and otherwise cleaned.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.split('\u{1b}');
    out.push_str(&plain_lines(pieces.next().unwrap_or_default()));
    for piece in pieces {
        let colour =
            piece.find('m').map(|end| piece.split_at(end + 1)).filter(|(code, _)| is_coloured() && is_ours(code));
        let rest = match colour {
            Some((code, rest)) => {
                out.push('\u{1b}');
                out.push_str(code);
                rest
            }
            None => {
                out.push(' ');
                piece
            }
        };
        out.push_str(&plain_lines(rest));
    }
    out
}

/// Whether it is what stands behind ESC in a colour that is used here. None of them hides anything.
fn is_ours(code: &str) -> bool {
    let number = code.strip_prefix('[').and_then(|code| code.strip_suffix('m'));
    number.is_some_and(|number| matches!(number.as_bytes(), [b'0'..=b'2'] | [b'3' | b'9', b'1'..=b'6']))
}

/// Prints `text`, for as long as somebody reads it.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    raw(&shown(text))
}

/// Prints what a person asked for as it is, such as a log.
pub(super) fn raw(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints one line.
pub(super) fn line(text: &str) -> anyhow::Result<()> {
    print(&format!("{text}\n"))
}

/// Prints JSON that is there as text.
pub(super) fn json_text(json: &str) -> anyhow::Result<()> {
    raw(&format!("{}\n", escaped_json(json)))
}

/// Tells a person what went wrong, in one line.
pub fn complain(error: &anyhow::Error) {
    let text = format!("{error:#}");
    say(&format!("deblox: {}", text.split_whitespace().collect::<Vec<_>>().join(" ")));
}

/// Tells a person something, in one line on standard error.
pub(super) fn say(text: &str) {
    // Where nobody reads it there is nobody to be told.
    let _ = writeln!(std::io::stderr(), "{}", plain(text));
}

/// Asks a person something, who answers on the same line.
pub(super) fn prompt(text: &str) -> std::io::Result<()> {
    let mut errors = std::io::stderr();
    write!(errors, "{}", plain(text)).and_then(|()| errors.flush())
}

/// Shows on a terminal how something goes, in the place of what was shown last; nothing takes it away.
pub(super) fn status(text: &str) {
    let _ = write!(std::io::stderr(), "\r\x1b[K{}", plain(text));
}

/// A duration in the words that docker has for it.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    let days = hours / 24;
    match () {
        () if seconds < 1 => "Less than a second".to_owned(),
        () if seconds == 1 => "1 second".to_owned(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".to_owned(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".to_owned(),
        () if hours < 48 => format!("{hours} hours"),
        () if days < 14 => format!("{days} days"),
        () if days < 60 => format!("{} weeks", days / 7),
        () if days < 730 => format!("{} months", days / 30),
        () => format!("{} years", days / 365),
    }
}

/// Bytes as docker shows the size of an image: three digits, units of 1000.
pub(super) fn size(bytes: u64) -> String {
    scaled(bytes, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB"])
}

/// Bytes as docker shows memory: units of 1024.
pub(super) fn memory(bytes: u64) -> String {
    scaled(bytes, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
}

fn scaled(bytes: u64, base: f64, units: &[&str]) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= base && unit + 1 < units.len() {
        value /= base;
        unit += 1;
    }
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_read_as_docker_writes_them() {
        for (seconds, text) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (150, "2 minutes"),
            (3600, "About an hour"),
            (7200, "2 hours"),
            (3 * 86_400, "3 days"),
            (20 * 86_400, "2 weeks"),
            (90 * 86_400, "3 months"),
            (800 * 86_400, "2 years"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text, "{seconds}");
        }
        for (bytes, text) in
            [(0, "0B"), (999, "999B"), (4_269_694, "4.27MB"), (77_900_000, "77.9MB"), (1 << 30, "1.07GB")]
        {
            assert_eq!(size(bytes), text);
        }
        assert_eq!((memory(25_276_502_016), memory(512 << 20)), ("23.5GiB".to_owned(), "512MiB".to_owned()));
    }

    #[test]
    fn a_table_has_columns_and_no_line_of_its_own_making() {
        let rows = [vec![Cell::from("a"), Cell::from("b\n\u{1b}[2Jc")], vec!["a long one indeed".into(), "d".into()]];
        let text = table(&["NAME", "WHAT"], rows).unwrap();
        assert_eq!(text, "NAME                WHAT\na                   b  [2Jc\na long one indeed   d\n");
    }

    #[test]
    fn only_colours_of_ours_pass() {
        for code in ["[0m", "[1m", "[2m", "[31m", "[32m", "[36m", "[91m"] {
            assert!(is_ours(code), "{code}");
        }
        for code in ["[8m", "[30m", "[38;5;1m", "[2J", "[m", "]0;xm", "[1;8m", "[37m"] {
            assert!(!is_ours(code), "{code}");
        }
        // Standard output of a test is no terminal.
        assert_eq!(shown("a\u{1b}[31mb\u{1b}[2Jc\n\u{202e}d\te"), "a [31mb [2Jc\n\u{fffd}d\te");
    }
}
