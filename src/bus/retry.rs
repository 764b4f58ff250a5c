//! Trying again: how often, and with what pauses.

use std::time::Duration;

use super::BusError;
use crate::protocol::limits::{RETRY_MAX, RETRY_MIN};

/// Pauses that double from [`RETRY_MIN`] to [`RETRY_MAX`], each shortened by chance by up to a half, so that many
/// workers do not come back at the same moment.
#[derive(Debug)]
pub struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(RETRY_MIN)
    }
}

impl Backoff {
    /// Waits for the next one.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.0.mul_f32(0.5 + fastrand::f32() / 2.0)).await;
        self.0 = (self.0 * 2).min(RETRY_MAX);
    }
}

/// How often a step is tried that Redis itself refuses; while Redis is away it is tried for as long as that lasts.
const REFUSALS: u32 = 5;

/// Repeats a step on the bus until Redis has done it, or has refused it several times.
///
/// # Errors
/// What Redis refuses it with.
pub async fn persist<T, F: Future<Output = Result<T, BusError>>>(step: impl Fn() -> F) -> Result<T, BusError> {
    let mut backoff = Backoff::default();
    let mut refusals = 0;
    loop {
        match step().await {
            Err(error) if error.is_lasting() && refusals >= REFUSALS => return Err(error),
            Err(error) => {
                refusals += u32::from(error.is_lasting());
                tracing::debug!(%error, "trying again");
                backoff.pause().await;
            }
            done => return done,
        }
    }
}
