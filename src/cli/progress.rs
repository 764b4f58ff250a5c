//! Showing on a terminal that something takes its time.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use super::output::status;

/// After how long it is said that something is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows on a terminal that the reply is waited for, once that takes longer than a moment.
pub(super) async fn with_progress<T>(work: impl Future<Output = T>) -> T {
    waiting_for("the reply", work).await
}

/// The same for `what` is waited for.
pub(super) async fn waiting_for<T>(what: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let begun = Instant::now();
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + PATIENCE, PATIENCE);
    let mut shown = false;
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            _ = ticks.tick() => {
                shown = true;
                status(&format!("waiting for {what}, {} s ", begun.elapsed().as_secs()));
            }
        }
    };
    if shown {
        status("");
    }
    done
}
