//! What is said of requests that are not done, or not to their end.

use super::Worker;
use crate::protocol::limits::{ATTEMPTS, STREAMS};
use crate::protocol::{ErrorCode, Failure};

/// What is said in the place of a `failure` by which nothing was asked of a daemon, where something was before.
pub(super) fn half_done(failure: Failure) -> Failure {
    if !was_not_asked(failure.code) {
        return failure;
    }
    let message = format!(
        "it was begun, and whether it took effect is not known, so look before you send it again with a new \
         `requestId`; it could not be ended: {}",
        failure.message
    );
    Failure::new(ErrorCode::Interrupted, message)
}

/// Whether an error says that nothing was asked of a daemon.
fn was_not_asked(code: ErrorCode) -> bool {
    use ErrorCode::{Busy, DaemonDown, DockDrained, DockUnregistered, Expired, NoDock};
    matches!(code, Busy | DaemonDown | DockDrained | DockUnregistered | Expired | NoDock)
}

/// What is said where too many wait.
pub(super) fn crowded(worker: &Worker) -> Failure {
    let message =
        format!("too many requests wait at the dock `{}` for something to happen: try again later", worker.dock());
    Failure::new(ErrorCode::Busy, message)
}

/// What is said where too many stream.
pub(super) fn too_many_streams(worker: &Worker) -> Failure {
    let message =
        format!("the dock `{}` has {STREAMS} streams open already: end one, or try again later", worker.dock());
    Failure::new(ErrorCode::Busy, message)
}

/// What is said of a request that was begun so often that it is not tried again.
pub(super) fn poison() -> Failure {
    let message = format!("it was begun {ATTEMPTS} times and each time its worker was lost: it is not tried again");
    Failure::new(ErrorCode::Poison, message)
}

/// What is said of one that was begun by a worker that was lost.
pub(super) fn interrupted() -> Failure {
    let message = "its worker was lost while it ran: whether it took effect is not known, so look before you send it \
                   again with a new `requestId`";
    Failure::new(ErrorCode::Interrupted, message)
}

/// What is said of one that comes too late.
pub(super) fn expired() -> Failure {
    let message = "its time was up before it began: it was not executed; send it again with a new `requestId`";
    Failure::new(ErrorCode::Expired, message)
}

/// What is said where neither a session nor a token says who it is.
pub(super) fn unauthenticated() -> Failure {
    let message = "the session or the token does not count, or no longer: log in again, or ask for a new token";
    Failure::new(ErrorCode::Unauthenticated, message)
}
