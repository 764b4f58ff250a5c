//! Keeps a worker that was paused from doing what another has taken over, and anything from being done late.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Attempt, Begun, Bus, BusError, Consumer, Delivery};
use crate::protocol::{Request, Requester};

/// What was confirmed longer ago is asked again. A host that sleeps does not count the time, so it is short.
const FRESH: Duration = Duration::from_millis(200);

/// How long nobody else can have begun what was confirmed: less than a lease, and than a request may lie with a silent
/// worker, by what a call takes to reach the daemon.
const SURE: Duration = Duration::from_secs(2);

/// A begun request, in the eyes of the worker that is about to do something for it.
pub struct Fence<'a> {
    bus: &'a Bus,
    consumer: &'a Consumer,
    delivery: &'a Delivery,
    request: &'a Request,
    requester: Requester,
    deadline: u64,
    /// When Redis was last asked, with the answer that it is this worker's.
    confirmed: Mutex<Instant>,
    passed: AtomicBool,
}

/// Why a worker must leave a begun request alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fenced {
    /// Its time is up.
    Expired,
    /// Another worker has taken it over.
    TakenOver,
}

impl<'a> Fence<'a> {
    /// The fence of an attempt; `deadline` is that with which its request was begun.
    pub fn new(
        bus: &'a Bus,
        consumer: &'a Consumer,
        delivery: &'a Delivery,
        (request, requester): (&'a Request, Requester),
        deadline: u64,
        attempt: Attempt,
    ) -> Self {
        let (confirmed, passed) = (Mutex::new(attempt.asked), AtomicBool::new(false));
        Self { bus, consumer, delivery, request, requester, deadline, confirmed, passed }
    }

    /// Makes sure that the request is still this worker's and not late. Redis is asked if it was not just before.
    ///
    /// # Errors
    /// [`Fenced`]; [`BusError`] when Redis cannot say, and it may be called again.
    pub async fn confirm(&self) -> Result<Result<(), Fenced>, BusError> {
        if self.age() < FRESH {
            return Ok(Ok(()));
        }
        Ok(match self.bus.begin(self.consumer, self.delivery, self.request, &self.requester, self.deadline).await? {
            Begun::Go(Attempt { asked, .. }) => {
                *self.confirmed.lock().expect("never held across a panic") = asked;
                Ok(())
            }
            Begun::Expired { .. } => Err(Fenced::Expired),
            Begun::Settled | Begun::Poison | Begun::Foreign => Err(Fenced::TakenOver),
        })
    }

    /// Notes that something is done for the request now, if its confirmation is still good for that. Returns whether
    /// it is.
    pub fn pass(&self) -> bool {
        let sure = self.age() < SURE;
        self.passed.fetch_or(sure, Ordering::Relaxed);
        sure
    }

    /// Whether anything was done for the request that has an effect.
    pub fn was_passed(&self) -> bool {
        self.passed.load(Ordering::Relaxed)
    }

    fn age(&self) -> Duration {
        self.confirmed.lock().expect("never held across a panic").elapsed()
    }
}
