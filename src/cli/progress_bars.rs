//! Progress on a terminal: how much has gone through, and how far each layer of an image is.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Deserialize;

use crate::protocol::text::plain;

/// After how long an amount is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// The most bars at a time; further layers are not shown.
const BARS: usize = 32;

/// How many bytes have gone through. It is shown on a terminal, once that takes longer than a moment.
pub(super) struct Amount {
    bar: ProgressBar,
    begun: std::time::Instant,
    what: &'static str,
}

impl Amount {
    pub(super) fn new(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self { bar, begun: std::time::Instant::now(), what }
    }

    pub(super) fn add(&self, bytes: usize) {
        self.bar.inc(bytes as u64);
        if self.bar.is_hidden() && self.begun.elapsed() > PATIENCE && std::io::stderr().is_terminal() {
            self.bar.set_style(style("{spinner} {bytes} {msg}, {bytes_per_sec}"));
            self.bar.set_message(self.what);
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Takes it off the screen.
    pub(super) fn done(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Amount {
    fn drop(&mut self) {
        self.done();
    }
}

/// What a daemon says while it fetches, sends or builds (Docker Engine API, `POST /images/create`).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub(super) id: Option<String>,
    pub(super) status: Option<String>,
    pub(super) stream: Option<String>,
    #[serde(rename = "progressDetail")]
    progress: Progress,
    pub(super) aux: Option<serde_json::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Progress {
    current: Option<u64>,
    total: Option<u64>,
}

impl Message {
    /// As a line for those who see no bars; nothing for what changes all the time.
    pub(super) fn line(&self) -> Option<String> {
        let status = self.status.as_deref()?;
        if self.progress.current.is_some() {
            return None;
        }
        Some(match &self.id {
            Some(id) => format!("{id}: {status}"),
            None => status.to_owned(),
        })
    }
}

/// A bar for each layer of what docks fetch or send: on a terminal, else lines of text where they are wanted.
pub(super) struct Layers {
    bars: Option<MultiProgress>,
    lines: bool,
    layers: RefCell<HashMap<String, ProgressBar>>,
}

impl Layers {
    pub(super) fn new() -> Self {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        Self { bars, lines: true, layers: RefCell::default() }
    }

    /// Nothing is shown.
    pub(super) fn hidden() -> Self {
        Self { bars: None, lines: false, layers: RefCell::default() }
    }

    /// Shows how far `on` is by now. Returns the line to print where there are no bars.
    pub(super) fn show(&self, on: &str, message: &Message) -> Option<String> {
        let Some(bars) = &self.bars else { return message.line().filter(|_| self.lines) };
        let (id, status) = (message.id.as_deref()?, message.status.as_deref()?);
        let mut layers = self.layers.borrow_mut();
        let name = plain(&format!("{on} {id}")).into_owned();
        if !layers.contains_key(&name) && layers.len() >= BARS {
            return None;
        }
        let bar = layers.entry(name.clone()).or_insert_with(|| {
            let bar = bars.add(ProgressBar::new(0));
            bar.set_style(style("{prefix} {msg}"));
            bar.set_prefix(name);
            bar
        });
        if let (Some(current), Some(total)) = (message.progress.current, message.progress.total) {
            bar.set_style(style("{prefix} {msg:18} [{wide_bar}] {bytes}/{total_bytes}").progress_chars("=> "));
            bar.set_length(total);
            bar.set_position(current);
        } else {
            bar.set_style(style("{prefix} {msg}"));
        }
        bar.set_message(plain(status).into_owned());
        None
    }

    /// Takes the bars off the screen.
    pub(super) fn done(&self) {
        if let Some(bars) = &self.bars {
            self.layers.borrow_mut().clear();
            // What cannot be cleared stays.
            let _ = bars.clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_see_no_bars_are_told_of_each_step_once() {
        let line = |json: &str| serde_json::from_str::<Message>(json).unwrap().line();
        assert_eq!(
            line(r#"{"status": "Pulling fs layer", "progressDetail": {}, "id": "a1"}"#),
            Some("a1: Pulling fs layer".into())
        );
        assert_eq!(
            line(r#"{"status": "Downloading", "progressDetail": {"current": 1, "total": 2}, "id": "a1"}"#),
            None
        );
        assert_eq!(line(r#"{"status": "Status: Downloaded"}"#), Some("Status: Downloaded".into()));
        assert_eq!(line(r#"{"stream": "Step 1/2"}"#), None);
    }
}
