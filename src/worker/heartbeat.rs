//! The lease on the dock, and the heartbeat that keeps it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Worker, WorkerError};
use crate::bus::{Backoff, Beat, BusError};
use crate::protocol::DaemonState;
use crate::protocol::limits::BEAT;

/// How often the holder of the name is looked at, to tell a live worker from a dead one's last lease.
const LOOK: Duration = Duration::from_millis(300);

/// Takes the lease, waiting for Redis and for the lease of a worker that has just died.
///
/// # Errors
/// [`WorkerError::NameTaken`] when somebody renews it.
pub(super) async fn claim(worker: &Worker) -> Result<(), WorkerError> {
    let mut backoff = Backoff::default();
    let mut seen: Option<(String, Duration)> = None;
    let mut refused = false;
    loop {
        match beat(worker, &mut refused).await {
            Ok(Beat::Ours { .. }) => return Ok(()),
            Ok(Beat::Theirs { token, left }) => {
                if seen.is_some_and(|(before, then)| before == token && left > then) {
                    return Err(WorkerError::NameTaken(worker.dock().clone()));
                }
                seen = Some((token, left));
                tokio::time::sleep(LOOK).await;
            }
            Err(error) => {
                tracing::debug!(%error, "the lease could not be taken");
                backoff.pause().await;
            }
        }
    }
}

/// Beats until another worker has taken over; says so then.
pub(super) async fn run(worker: Arc<Worker>) -> WorkerError {
    let mut ticks = tokio::time::interval(BEAT);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut refused = false;
    loop {
        ticks.tick().await;
        let before = worker.clock.lock().expect("never held across a panic").map(|(_, asked)| asked);
        let beaten = beat(&worker, &mut refused).await;
        worker.metrics().beat(matches!(beaten, Ok(Beat::Ours { .. })));
        match beaten {
            Ok(Beat::Ours { fresh, .. }) => {
                // Other docks were not heard either.
                if fresh || before.is_some_and(|before| before.elapsed() > BEAT * 2) {
                    *worker.disturbed.lock().expect("never held across a panic") = Some(Instant::now());
                }
                if fresh {
                    worker.inventory.reconcile();
                }
            }
            Ok(Beat::Theirs { .. }) => return WorkerError::TakenOver(worker.dock().clone()),
            // The next beat is the next attempt.
            Err(error) => tracing::debug!(%error, "no heartbeat"),
        }
    }
}

/// One beat. That Redis refuses it is said once, until it does not (`refused`); that Redis is away, or lets this user not do
/// it, has been said.
async fn beat(worker: &Worker, refused: &mut bool) -> Result<Beat, BusError> {
    let mut facts = worker.inventory.facts();
    facts.labels.clone_from(&worker.options.labels);
    facts.enforces = worker.options.authority.is_some();
    facts.usage = worker.host.usage();
    worker.metrics().docker_is(worker.dock(), facts.daemon == DaemonState::Up);
    let asked = Instant::now();
    let (standing, set_labels) = worker.membership.lock().expect("never held across a panic").clone();
    let beat = worker.bus.beat(worker.dock(), &worker.token, &facts, standing, &set_labels).await;
    let refusal = beat.as_ref().err().filter(|error| !error.is_away() && !error.is_forbidden());
    if let (false, Some(error)) = (*refused, refusal) {
        tracing::warn!(%error, "Redis refuses the heartbeat; trying again until it does not");
    }
    *refused = refusal.is_some();
    let beat = beat?;
    if let Beat::Ours { standing, set_labels, now, .. } = &beat {
        *worker.membership.lock().expect("never held across a panic") = (*standing, set_labels.clone());
        *worker.clock.lock().expect("never held across a panic") = Some((*now, asked));
    }
    Ok(beat)
}
