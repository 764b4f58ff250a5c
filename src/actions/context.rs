//! What an action works with, and what must come before it changes anything.

use std::time::Instant;

use super::{Action, Arguments, Bounds};
use crate::bus::{Bus, Fence, Fenced};
use crate::docker::{Docker, Sampler};
use crate::protocol::limits::RETRY_MIN;
use crate::protocol::{ErrorCode, Failure, Fqdn, Request, Session};

/// What an action works with.
pub struct Context<'a> {
    /// The daemon.
    pub docker: &'a Docker,
    /// What its containers use.
    pub sampler: &'a Sampler,
    /// The bus.
    pub bus: &'a Bus,
    /// The dock.
    pub dock: &'a Fqdn,
    /// The dock that the request asks for: by name, or by the stream it came by.
    pub asked: Option<&'a Fqdn>,
    /// When the request's time is up, on this host's monotonic clock: then it is dropped where it stands.
    pub until: Instant,
    /// The same in milliseconds of Redis's clock.
    pub deadline: u64,
    /// Who asks, where workers ask who it is: then what it may see and create is bounded.
    pub caller: Option<&'a Session>,
    /// Whether the caller may see secrets in the reply to this request; otherwise they are masked.
    pub shows_secrets: bool,
    /// What users may have of this host.
    pub bounds: &'a Bounds,
    /// The request.
    pub request: &'a Request,
    /// What it asks for.
    pub action: &'static Action,
    /// Its fields, checked.
    pub arguments: &'a Arguments,
    /// The full id of the instance it is about.
    pub instance: Option<&'a str>,
    /// The span that requests come from which are made of this one, as a `traceparent`.
    pub trace: Option<&'a str>,
    /// Above 1 where an earlier attempt may have taken effect.
    pub attempt: u32,
    /// What keeps a request from being done late, or twice.
    pub fence: &'a Fence<'a>,
}

impl Context<'_> {
    /// Must come before whatever has an effect on the daemon. Makes sure that the daemon answers, so that nothing waits
    /// in its socket to be done when it wakes; and that the request is still this worker's, and not late.
    ///
    /// # Errors
    /// [`ErrorCode::DaemonDown`], [`ErrorCode::Expired`], [`ErrorCode::Interrupted`], and [`ErrorCode::Timeout`] where
    /// something was done before: nothing must be asked of the daemon now.
    pub(crate) async fn admit(&self) -> Result<(), Failure> {
        loop {
            let confirmed = match self.fence.confirm().await {
                Ok(Ok(())) => true,
                Ok(Err(Fenced::Expired)) if self.fence.was_passed() || self.attempt > 1 => {
                    let message = "its time was up half way: whether it took effect is not known";
                    return Err(Failure::new(ErrorCode::Timeout, message));
                }
                Ok(Err(Fenced::Expired)) => {
                    let message = "its time was up before the daemon was asked: it was not executed";
                    return Err(Failure::new(ErrorCode::Expired, message));
                }
                Ok(Err(Fenced::TakenOver)) => {
                    let message = "its worker was silent for too long, and another has taken it over";
                    return Err(Failure::new(ErrorCode::Interrupted, message));
                }
                // What is half done is brought to its end: nobody else can, as long as Redis is away.
                Err(_) if self.fence.was_passed() => false,
                Err(error) => {
                    tracing::debug!(%error, "not asked of the daemon yet");
                    tokio::time::sleep(RETRY_MIN).await;
                    continue;
                }
            };
            self.docker.sign_of_life().await?;
            if self.fence.pass() || !confirmed {
                return Ok(());
            }
        }
    }
}
