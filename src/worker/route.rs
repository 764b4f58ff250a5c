//! Where a request is to be done: here, or at which other dock.

use std::time::Duration;

use super::Worker;
use super::job::Ready;
use crate::actions::{Access, Target};
use crate::bus::{Ahead, BusError, Dock, Found, Location, Placement, Purpose, Source, Unfit, persist};
use crate::protocol::limits::CANDIDATES;
use crate::protocol::{DockState, ErrorCode, Failure, Fqdn, Labels, Request, Standing};

/// How often the records are looked at while they are being written again.
const LOOK: Duration = Duration::from_millis(100);

/// How soon it is looked again whether an earlier request has gone: at first, and at most. What it waits for may take
/// long, and many may wait.
const AHEAD: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));

/// Where to go with a request.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// It is done here; with the full id of its instance, if it has one.
    Here(Option<String>),
    /// It is passed on to that dock.
    To(Fqdn),
}

/// The dock that must do `request`, if it says one. What came by a dock's own stream is meant for that dock, unless it
/// says otherwise.
pub(super) fn asked<'a>(worker: &'a Worker, request: &'a Request, source: Source) -> Option<&'a Fqdn> {
    request.dock.as_ref().or((source == Source::Own).then_some(worker.dock()))
}

/// Decides where a request is done. A create is promised to its dock in the same step. `attempt` is above 1 where an
/// earlier one may have taken effect.
///
/// # Errors
/// A [`Failure`] that says why it can be done nowhere.
pub(super) async fn route(ready: &Ready, attempt: u32) -> Result<Way, Failure> {
    let Ready { worker, action, request, arguments, delivery, deadline, .. } = ready;
    let (here, deadline) = (worker.dock(), *deadline);
    let asked = asked(worker, request, delivery.source);
    let place = async |purpose, labels: &Labels| {
        let replace = arguments.flag("replace");
        let placement = Placement {
            request: &request.id,
            deadline,
            purpose,
            dock: asked,
            labels,
            by: worker.consumer.name(),
            replace,
        };
        let placed = settled(worker, || worker.bus.place(&placement), Result::is_err).await?;
        match placed {
            Ok(dock) if dock == *here => Ok(Way::Here(None)),
            Ok(dock) => Ok(Way::To(dock)),
            Err(unfit) => Err(explain(worker, unfit, asked).await),
        }
    };
    let target = action.target_of(arguments);
    match target {
        Target::Cluster => match asked.filter(|dock| *dock != here) {
            None => Ok(Way::Here(None)),
            Some(dock) => reach(worker, dock).await.map(|()| Way::To(dock.clone())),
        },
        // The daemon beside this worker, if nobody says otherwise and it can be asked.
        Target::Daemon | Target::NamedDaemon
            if asked.map_or(target == Target::Daemon, |dock| dock == here)
                && worker.standing() != Standing::Unregistered
                && worker.inventory.is_up() =>
        {
            Ok(Way::Here(None))
        }
        Target::NamedDaemon if asked.is_none() => {
            let message = format!("`{}` changes a dock: say which with the field `dock`", action.name);
            Err(Failure::new(ErrorCode::MissingField, message))
        }
        Target::Daemon | Target::NamedDaemon => place(Purpose::Read, &Labels::new()).await,
        Target::NewInstance => place(Purpose::Create, &arguments.pairs("dock-labels")).await,
        Target::Instance => {
            let reference = request.instance.as_deref().unwrap_or_default();
            if action.resumes && attempt > 1 && delivery.source == Source::Own && asked == Some(here) {
                // The earlier attempt may have left the name with nobody, or with the new instance: the action finds
                // its way by what the daemon has, and no other dock's instance of that name is meant.
                reach_here(worker)?;
                return ready.resolve(reference).await.map(|id| Way::Here(Some(id)));
            }
            match find(ready, reference, asked).await? {
                // Nobody but this dock's own workers takes anything over from its own stream.
                Way::Here(_) if (action.resumes || ready.streams()) && delivery.source == Source::Shared => {
                    Ok(Way::To(here.clone()))
                }
                way => Ok(way),
            }
        }
    }
}

/// Finds the one instance that `reference` means.
async fn find(ready: &Ready, reference: &str, asked: Option<&Fqdn>) -> Result<Way, Failure> {
    let Ready { worker, action, delivery, .. } = ready;
    let here = worker.dock();
    if let Some(dock) = asked.filter(|dock| *dock != here) {
        reach(worker, dock).await?;
        if delivery.source == Source::Shared {
            let found = persist(|| worker.bus.find_instances(reference, here)).await?;
            if let Some(one) = found.locations.iter().find(|one| found.crowded && one.dock == *dock) {
                let_pass(ready, one).await?;
            }
        }
        return Ok(Way::To(dock.clone()));
    }
    let meant_here = asked.is_some();
    let by_own = delivery.source == Source::Own;
    let known = if meant_here { worker.inventory.find(reference) } else { Vec::new() };
    let mut found = Found { locations: known, crowded: true };
    if found.locations.is_empty() {
        let absent = |found: &Found| found.locations.is_empty();
        found = settled(worker, || worker.bus.find_instances(reference, here), absent).await?;
    }
    found.locations = ready.seen(found.locations).await?;
    match found.locations.as_slice() {
        [one] => {
            if one.dock == *here {
                reach_here(worker)?;
            } else {
                reach(worker, &one.dock).await?;
            }
            // Behind what is in the dock's own stream is its place.
            let queues = !by_own && found.crowded && let_pass(ready, one).await?;
            Ok(if one.dock == *here && !queues { Way::Here(Some(one.id.clone())) } else { Way::To(one.dock.clone()) })
        }
        // The daemon knows better than the records what was made a moment ago. What was not meant for this dock is
        // only looked at here: another dock might have an instance of that name, and not have said so yet.
        [] if meant_here || (action.access == Access::View && worker.inventory.is_up()) => {
            reach_here(worker)?;
            Ok(Way::Here(Some(reference.to_owned())))
        }
        [] => Err(Failure::no_such_instance(reference)),
        several => Err(ambiguous(reference, several)),
    }
}

/// Lets pass what was sent to the shared stream before, for the same instance, and may be in the hands of another
/// worker. Returns whether anything for it is in its dock's own stream then.
async fn let_pass(ready: &Ready, one: &Location) -> Result<bool, Failure> {
    let Ready { worker, action, delivery, .. } = ready;
    let mut instance = one.clone();
    if instance.name.is_empty() {
        // Found by its id; others may call it by its name.
        instance.name = persist(|| worker.bus.owner(&one.id)).await?.map(|record| record.name).unwrap_or_default();
    }
    let harmless = action.need_not_wait_for();
    let look = async || persist(|| worker.bus.ahead(delivery.entry, &instance, &harmless, worker.dock())).await;
    let mut ahead = look().await?;
    if ahead == Ahead::Shared {
        let gone = async {
            let (mut pause, longest) = AHEAD;
            loop {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(longest);
                match look().await? {
                    Ahead::Shared => {}
                    other => return Ok::<_, BusError>(other),
                }
            }
        };
        ahead = ready.aside(gone).await?;
    }
    Ok(ahead == Ahead::Own)
}

/// Looks at the shared records; again while they do not show what is looked for and may be incomplete.
async fn settled<T, F: Future<Output = Result<T, BusError>>>(
    worker: &Worker,
    look: impl Fn() -> F,
    absent: impl Fn(&T) -> bool,
) -> Result<T, BusError> {
    loop {
        let seen = persist(&look).await?;
        if !absent(&seen) || !persist(|| worker.is_healing()).await? {
            return Ok(seen);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Says that `reference` may mean several, and which.
pub(super) fn ambiguous(reference: &str, found: &[Location]) -> Failure {
    let named: Vec<String> = found
        .iter()
        .take(CANDIDATES)
        .map(|found| format!("{}/{}", found.dock, if found.name.is_empty() { &found.id } else { &found.name }))
        .collect();
    let more = if found.len() > CANDIDATES { " and more" } else { "" };
    let message =
        format!("`{reference}` may mean {}{more}: give more of the id, or name the dock with `dock`", named.join(", "));
    let candidates: Vec<_> = found.iter().take(CANDIDATES).collect();
    Failure::new(ErrorCode::AmbiguousInstance, message).with_details(&candidates)
}

/// Whether this worker's own dock takes requests.
fn reach_here(worker: &Worker) -> Result<(), Failure> {
    match worker.standing() {
        Standing::Unregistered => Err(Failure::dock_unregistered(worker.dock())),
        Standing::Active | Standing::Drained => Ok(()),
    }
}

/// Whether another dock will take a request that is passed on to it.
async fn reach(worker: &Worker, dock: &Fqdn) -> Result<(), Failure> {
    let absent = |dock: &Option<Dock>| dock.as_ref().is_none_or(|dock| dock.state.is_silent());
    match settled(worker, || worker.bus.dock(dock), absent).await? {
        None => Err(Failure::unknown_dock(dock)),
        Some(silent) if silent.state.is_silent() => Err(lost(dock, &silent)),
        Some(Dock { state: DockState::Unregistered, .. }) => Err(Failure::dock_unregistered(dock)),
        Some(_) => Ok(()),
    }
}

async fn explain(worker: &Worker, unfit: Unfit, asked: Option<&Fqdn>) -> Failure {
    if unfit == Unfit::TakenOver {
        return Failure::new(ErrorCode::Interrupted, "another worker has taken it over");
    }
    if let Unfit::Promised(dock) = &unfit {
        let silent = persist(|| worker.bus.dock(dock)).await.ok().flatten();
        let mut failure = silent.map_or_else(|| Failure::unknown_dock(dock), |silent| lost(dock, &silent));
        failure.code = ErrorCode::DockLost;
        failure.message += "; it was to be created there: whether it was is not known, and it is not tried on another \
                            dock unless the request says `\"replace\": true` and names no `dock`";
        return failure;
    }
    let Some(dock) = asked.filter(|_| unfit != Unfit::None) else {
        return Failure::no_dock();
    };
    match unfit {
        Unfit::Unknown => Failure::unknown_dock(dock),
        Unfit::Unregistered => Failure::dock_unregistered(dock),
        Unfit::Drained => {
            Failure::new(ErrorCode::DockDrained, format!("the dock `{dock}` is drained: it takes no new instances"))
        }
        Unfit::DaemonDown => Failure::new(
            ErrorCode::DaemonDown,
            format!("the Docker daemon of `{dock}` cannot be reached by its worker"),
        ),
        Unfit::Labels => {
            Failure::new(ErrorCode::NoDock, format!("the dock `{dock}` does not have the labels in `dock-labels`"))
        }
        Unfit::Lost | Unfit::None | Unfit::TakenOver | Unfit::Promised(_) => {
            match persist(|| worker.bus.dock(dock)).await {
                Ok(Some(silent)) => lost(dock, &silent),
                _ => Failure::unknown_dock(dock),
            }
        }
    }
}

/// Why nothing can be asked of a dock whose worker is silent, and when it was last seen.
pub(super) fn lost(dock: &Fqdn, silent: &Dock) -> Failure {
    let state = match silent.state {
        DockState::Stopped => "its worker was stopped",
        DockState::NeverSeen => "no worker has ever spoken for it",
        _ => "its worker is silent",
    };
    let seen = silent.record.last_seen.map(|seen| format!("; last seen {}", crate::protocol::rfc3339(seen)));
    let message = format!("the dock `{dock}` cannot be reached: {state}{}", seen.unwrap_or_default());
    Failure::new(ErrorCode::DockLost, message)
}
