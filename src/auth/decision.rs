//! Whether somebody may do a certain thing to a certain instance: what the worker of its dock would decide, told beforehand.

use crate::actions::{Action, Arguments, Demand, On};
use crate::bus::{Bus, BusError, Location};
use crate::protocol::{Access, Failure, OwnerRecord, Ownership, Question, Session, Subject};

/// Decides for `caller`; or says why it may not, or cannot be decided.
///
/// # Errors
/// [`BusError`].
pub(super) async fn decide(bus: &Bus, caller: &Session, question: &Question) -> Result<Result<(), String>, BusError> {
    let action = match Action::find(&question.action) {
        Ok(action) => action,
        Err(failure) => return Ok(Err(failure.message)),
    };
    let Demand { access, on } = action.demand(&Arguments::default());
    let subject = match on {
        On::Instance | On::Offer => return on_instance(bus, caller, action, question).await,
        On::NewInstance => Subject::NewInstance,
        On::AllInstances => Subject::AllInstances,
        On::Named(_) | On::Rest => Subject::Rest,
    };
    if question.id.is_some() {
        return Ok(Err(format!("{} is not about one instance: leave id out", action.name)));
    }
    Ok(caller.check(access, subject, action.name).map_err(|failure| failure.message))
}

async fn on_instance(
    bus: &Bus,
    caller: &Session,
    action: &Action,
    question: &Question,
) -> Result<Result<(), String>, BusError> {
    let Some(reference) = &question.id else { return Ok(Err(format!("{} needs an id", action.name))) };
    let mut found = bus.locate(reference).await?;
    found.retain(|one| question.dock.as_ref().is_none_or(|dock| *dock == one.dock));
    let mut decided = Vec::new();
    for Location { id, .. } in &seen(bus, caller, found).await? {
        let owner = bus.owner(id).await?.and_then(|OwnerRecord { owner, .. }| owner);
        let said = bus.ownership([id.as_str()]).await?.remove(id);
        let owner = Ownership::owner(said.as_ref(), owner.as_deref());
        let subject = match action.demand(&Arguments::default()).on {
            On::Offer => Subject::Offer(owner, said.as_ref()),
            _ => Subject::Instance(owner, said.as_ref()),
        };
        decided.push(caller.check(action.access, subject, reference).map_err(|failure| failure.message));
    }
    let several = format!("`{reference}` may mean several instances: give the dock, or more of the id");
    // What the caller may not view does not exist for it.
    Ok(match decided.pop() {
        None => Err(Failure::no_such_instance(reference).message),
        Some(_) if !decided.is_empty() => Err(several),
        Some(decision) => decision,
    })
}

/// Those of several instances that the caller sees: of the others it is not told.
async fn seen(bus: &Bus, caller: &Session, all: Vec<Location>) -> Result<Vec<Location>, BusError> {
    let ids: Vec<&str> = all.iter().map(|one| one.id.as_str()).collect();
    let (records, said) = (bus.owner_records(&ids).await?, bus.ownership(ids.iter().copied()).await?);
    let sees = |one: &&Location| {
        let said = said.get(&one.id);
        let label = records.get(&one.id).and_then(|record| record.owner.as_deref());
        caller.may(Access::View, Subject::Instance(Ownership::owner(said, label), said))
    };
    Ok(all.iter().filter(sees).cloned().collect())
}
