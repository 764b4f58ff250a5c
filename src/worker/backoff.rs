//! Pauses between attempts.

use std::time::Duration;

use crate::protocol::limits::{RETRY_MAX, RETRY_MIN};

/// Pauses that double from [`RETRY_MIN`] to [`RETRY_MAX`], each shortened by chance by up to a half, so that many
/// workers do not come back at the same moment.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(RETRY_MIN)
    }

    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.0.mul_f32(0.5 + fastrand::f32() / 2.0)).await;
        self.0 = (self.0 * 2).min(RETRY_MAX);
    }
}
