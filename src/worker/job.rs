//! A delivered entry, understood as far as that goes.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::OwnedSemaphorePermit;

use super::Worker;
use super::lanes::Turn;
use crate::actions::{Access, Action, Arguments};
use crate::bus::{Delivery, Source};
use crate::protocol::{Fqdn, Request, Session, Undecodable, decode, millis};
use crate::traces::Span;

/// What to do with a delivered entry.
pub(super) enum Job {
    /// A request, ready to be begun.
    Request(Box<Ready>),
    /// No request, and what is to be said about it.
    Refusal(Delivery, Box<Undecodable>),
}

/// A delivered request that makes sense.
pub(super) struct Ready {
    pub(super) worker: Arc<Worker>,
    pub(super) delivery: Delivery,
    pub(super) request: Request,
    pub(super) action: &'static Action,
    pub(super) arguments: Arguments,
    /// In milliseconds of Redis's clock.
    pub(super) deadline: u64,
    /// Who asks, once that is found out.
    pub(super) caller: OnceLock<Session>,
    /// The full id of the instance that it is about, once that is found out.
    pub(super) instance: OnceLock<String>,
    /// Whether the caller may run something in that instance, and so may see the secrets in what is told of it.
    pub(super) shows_secrets: OnceLock<bool>,
    /// Whether the audit has it that its stream has begun.
    pub(super) is_begun: AtomicBool,
    /// Its place among those that work, or among those that wait.
    pub(super) place: Mutex<Option<Place>>,
    /// Its turn among those for the same instance, until others may go.
    pub(super) turn: Mutex<Option<Turn>>,
    /// Its span, until it is dropped.
    pub(super) span: Span,
}

/// A place in this worker, given back when dropped.
pub(super) enum Place {
    /// Among those that work.
    Working(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit),
    /// Among those that only wait.
    Waiting(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit),
}

/// What an entry asks for.
pub(super) struct Understood {
    pub(super) request: Request,
    pub(super) action: &'static Action,
    pub(super) arguments: Arguments,
    /// In milliseconds of Redis's clock.
    pub(super) deadline: u64,
}

/// Decodes an entry and checks it against the table of actions. `dock` is that whose own stream it comes from, if it
/// comes from one.
pub(super) fn understand(delivery: &Delivery, dock: &Fqdn) -> Result<Understood, Undecodable> {
    let own = (delivery.source == Source::Own).then_some(dock);
    let request = decode(delivery.entry, own, &delivery.fields)?;
    let checked = Action::find(&request.action).and_then(|action| Ok((action, action.check(&request)?)));
    let (action, arguments) = match checked {
        Ok(parts) => parts,
        Err(failure) => {
            return Err(Undecodable { id: request.id, reply_to: request.reply_to, trace: request.trace, failure });
        }
    };
    let timeout = request.timeout.unwrap_or_else(|| action.default_timeout(arguments.whole("time")));
    let end = delivery.entry.millis.saturating_add(millis(timeout));
    let deadline = request.deadline.map_or(end, |earlier| earlier.min(end));
    Ok(Understood { request, action, arguments, deadline })
}

impl Ready {
    /// Whether what it brings about comes as a stream.
    pub(super) fn streams(&self) -> bool {
        self.action.streams(&self.arguments)
    }

    /// Lets those behind it go: what it may go on with is in nobody's way.
    pub(super) fn let_others_go(&self) {
        drop(self.turn.lock().expect("never held across a panic").take());
    }

    /// Gives back its place among those that work.
    pub(super) fn make_room(&self) {
        drop(self.place.lock().expect("never held across a panic").take());
    }
}

impl Job {
    pub(super) fn new(worker: &Arc<Worker>, delivery: Delivery) -> Self {
        match understand(&delivery, worker.dock()) {
            Ok(Understood { request, action, arguments, deadline }) => {
                let worker = Arc::clone(worker);
                let span = worker.span(&worker.consumer, &delivery, action.name, &request.id, &request.trace);
                Self::Request(Box::new(Ready {
                    worker,
                    delivery,
                    request,
                    action,
                    arguments,
                    deadline,
                    caller: OnceLock::new(),
                    instance: OnceLock::new(),
                    shows_secrets: OnceLock::new(),
                    is_begun: AtomicBool::new(false),
                    place: Mutex::default(),
                    turn: Mutex::default(),
                    span,
                }))
            }
            Err(undecodable) => Self::Refusal(delivery, Box::new(undecodable)),
        }
    }

    /// What it must not overtake another request for: the instance that it is or will be about, by its full id where
    /// that is known here; or the dock whose standing it changes.
    pub(super) fn lane(&self) -> Option<String> {
        let Self::Request(ready) = self else { return None };
        let Ready { worker, request, action, arguments, .. } = &**ready;
        if let (Access::Dock, Some(dock)) = (action.access, arguments.text("hostname")) {
            return Some(format!("dock {dock}"));
        }
        let reference = request.instance.as_deref().or_else(|| arguments.text("name"))?;
        Some(match worker.inventory.find(reference).as_slice() {
            [one] => {
                // What only looks need not wait until a new instance has shown that it is any good.
                let changes = action.access != Access::View;
                let maker = changes.then(|| worker.inventory.maker(&one.id)).flatten();
                maker.and_then(|request| worker.lanes.shared(&request)).unwrap_or_else(|| one.id.clone())
            }
            _ => reference.to_owned(),
        })
    }
}
