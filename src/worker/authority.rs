//! Who asks, whether they may, and what is told of that.

use std::time::Duration;

use super::Worker;
use super::job::Ready;
use super::refusals::unauthenticated;
use super::route::ambiguous;
use crate::actions::{Bounds, Demand, On, named_containers};
use crate::bus::{BusError, Location, Recipient, Unbegun, persist};
use crate::docker::{Method, RequestParts};
use crate::protocol::{Access, ErrorCode, Failure, Ownership, Request, Requester, Session, Subject};

/// How soon it is noticed that somebody whose stream is open may not have it any more.
const LOOK: Duration = Duration::from_millis(500);

/// Whom a worker serves.
#[derive(Clone, Debug)]
pub struct Authority {
    /// When a session ends that nobody uses; the same as that of the auth managers.
    pub session_idle: Duration,
    /// What users may have of this host.
    pub bounds: Bounds,
}

impl Worker {
    /// Who sent `request`, where that is asked.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthenticated`].
    async fn look_who_asks(&self, request: &Request) -> Result<Option<Session>, Failure> {
        let Some(authority) = &self.options.authority else { return Ok(None) };
        let Some(credential) = &request.credential else {
            let message = "this cluster asks who you are: give a `session` (`deblox login`) or a `token` \
                           (`deblox token add`) with the request";
            return Err(Failure::new(ErrorCode::Unauthenticated, message));
        };
        let identify = || crate::auth::identify(&self.bus, credential, authority.session_idle);
        persist(identify).await?.map(Some).ok_or_else(unauthenticated)
    }

    /// Who sent `request`, for whoever answers it in the place of another worker.
    pub(super) async fn requester(&self, request: &Request) -> Requester {
        match self.look_who_asks(request).await {
            Ok(Some(session)) => Requester::of(&session),
            Ok(None) => Requester::Anyone,
            Err(_) => Requester::Unknown,
        }
    }
}

impl Ready {
    /// Who sent it, as far as that was found out by [`Self::identify`].
    pub(super) fn requester(&self) -> Requester {
        match self.caller.get() {
            Some(caller) => Requester::of(caller),
            None if self.worker.options.authority.is_some() => Requester::Unknown,
            None => Requester::Anyone,
        }
    }

    /// Refuses what was not begun, because of who sent it.
    pub(super) async fn refuse(&self, failure: Failure) {
        let Some(reply) = self.reply(Err(failure)) else { return };
        let (json, audit, requester) = (reply.to_json(), self.audit(Some(&reply)), self.requester());
        let foreign = Unbegun::Foreign(&json);
        let (bus, consumer, recipient) =
            (&self.worker.bus, &self.worker.consumer, Recipient::of(&self.request, &requester));
        let answer = persist(|| bus.answer(consumer, &self.delivery, recipient, &foreign, audit.as_ref()));
        self.end(answer, Some(&reply)).await;
    }

    /// Finds out who asks, where that is asked.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthenticated`].
    pub(super) async fn identify(&self) -> Result<(), Failure> {
        if let Some(caller) = self.look_who_asks().await? {
            // One request is handled once.
            let _ = self.caller.set(caller);
        }
        Ok(())
    }

    async fn look_who_asks(&self) -> Result<Option<Session>, Failure> {
        self.worker.look_who_asks(&self.request).await
    }

    /// Checks that `caller` may do this. Returns the full id of the instance in the place of `instance`, where that was
    /// looked up for it. `attempt` is above 1 where an earlier one may have taken effect.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`]; for an instance that the caller may not view [`ErrorCode::NoSuchInstance`], as for one that
    /// does not exist; or why the instance cannot be looked at.
    pub(super) async fn authorise(
        &self,
        caller: &Session,
        instance: Option<&str>,
        attempt: u32,
    ) -> Result<Option<String>, Failure> {
        let Demand { access, on } = self.action.demand(&self.arguments);
        let name = self.request.instance.as_deref().unwrap_or(self.action.name);
        match on {
            On::NewInstance => caller.check(access, Subject::NewInstance, self.action.name)?,
            On::AllInstances => caller.check(access, Subject::AllInstances, self.action.name)?,
            On::Rest => caller.check(access, Subject::Rest, self.action.name)?,
            On::Instance => {
                let reference = instance.unwrap_or_default();
                let found = self.authorise_on(caller, access, reference, name).await;
                return match found {
                    // An earlier attempt has put another in its place, which is this user's too then.
                    Err(Failure { code: ErrorCode::NoSuchInstance, .. }) if self.action.resumes && attempt > 1 => {
                        let made = self.worker.docker.created_by(self.request.id.as_str()).await?;
                        let new = made.map_or_else(|| reference.to_owned(), |made| made.id);
                        self.authorise_on(caller, access, &new, name).await.map(|_| None)
                    }
                    found => found,
                };
            }
            On::Offer => return self.authorise_on(caller, access, instance.unwrap_or_default(), name).await,
            On::Named(reference) => return self.authorise_on(caller, access, &reference, &reference).await,
        }
        Ok(None)
    }

    /// Checks that `caller` may do that to the instance of this dock that `reference` means.
    async fn authorise_on(
        &self,
        caller: &Session,
        access: Access,
        reference: &str,
        name: &str,
    ) -> Result<Option<String>, Failure> {
        let mut id = self.resolve(reference).await?;
        let (label, known) = match self.worker.inventory.instance(&id) {
            Some((summary, known)) => (summary.owner, known),
            // Made a moment ago, or not there at all.
            None => (self.look_up(&mut id, name).await?, None),
        };
        let mut said = persist(|| self.worker.bus.ownership([id.as_str()])).await?;
        let said = said.remove(&id).or(known);
        let owner = Ownership::owner(said.as_ref(), label.as_deref());
        let instance = Subject::Instance(owner, said.as_ref());
        // The answer must not confirm that there is an instance which the caller may not view.
        if !caller.may(Access::View, instance) && self.instance.get().is_none() {
            tracing::info!(user = %caller.username, instance = id, "hidden: the caller may not view it");
            return Err(Failure::no_such_instance(name));
        }
        // Both are already set where a stream is looked at again.
        let _ = self.instance.set(id.clone());
        let _ = self.shows_secrets.set(caller.may(Access::Exec, instance));
        let subject = match self.action.demand(&self.arguments).on {
            On::Offer => Subject::Offer(owner, said.as_ref()),
            _ => instance,
        };
        caller.check(access, subject, name)?;
        Ok(Some(id))
    }

    /// The owner of an instance by its label, as the daemon has it. Its id becomes the full one. The caller called it `name`.
    async fn look_up(&self, id: &mut String, name: &str) -> Result<Option<String>, Failure> {
        let inspect = RequestParts::new(Method::GET, "/containers/{}/json").segment(id.as_str());
        let answer = self.worker.docker.call(&inspect).await?;
        let found = answer.read_json().unwrap_or_default();
        match found["Id"].as_str() {
            Some(full) => full.clone_into(id),
            None => return Err(Failure::no_such_instance(name)),
        }
        Ok(self.worker.docker.own_labels_of(&found).await?.owner)
    }

    /// The full id of the container of this dock that `reference` means; `reference` itself where the worker knows of none.
    ///
    /// # Errors
    /// [`ErrorCode::AmbiguousInstance`] if it may mean several that the caller sees.
    pub(super) async fn resolve(&self, reference: &str) -> Result<String, Failure> {
        let known = self.worker.inventory.find(reference);
        let found = if known.len() > 1 { self.seen(known.clone()).await? } else { known.clone() };
        match found.as_slice() {
            [one] => Ok(one.id.clone()),
            [] if known.is_empty() => Ok(reference.to_owned()),
            [] => Err(Failure::no_such_instance(reference)),
            several => Err(ambiguous(reference, several)),
        }
    }

    /// Resolves what a request is about, and checks that whoever asks may do it, where workers ask that. Returns the full id
    /// of the container in the place of `instance`, where that was looked up.
    ///
    /// # Errors
    /// As [`Self::resolve`] and [`Self::authorise`].
    pub(super) async fn admitted(&self, instance: Option<&str>, attempt: u32) -> Result<Option<String>, Failure> {
        let named = self.resolve_call().await?;
        let looked_up = match self.caller.get() {
            Some(caller) => self.authorise(caller, instance, attempt).await?,
            None => None,
        };
        Ok(looked_up.or(named))
    }

    /// Resolves the containers that a call of the daemon's API names, so that the daemon cannot take a name for the id that
    /// was meant. Returns the full id of the one in its path.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    async fn resolve_call(&self) -> Result<Option<String>, Failure> {
        let (in_path, others) = named_containers(self.action, &self.arguments);
        for other in &others {
            self.resolve(other).await?;
        }
        match in_path {
            Some(reference) => self.resolve(&reference).await.map(|id| Some(id).filter(|id| *id != reference)),
            None => Ok(None),
        }
    }

    /// Whether what is told of this request may have secrets in it: to callers who may run something in the instance that it
    /// is about, or else in any instance.
    pub(super) fn shows_secrets(&self) -> bool {
        let Some(caller) = self.caller.get() else { return true };
        self.shows_secrets.get().copied().unwrap_or_else(|| caller.may(Access::Exec, Subject::AllInstances))
    }

    /// A failure as this caller may know it: the daemon's message on a name in use has the id of the container that has it.
    pub(super) fn conceal(&self, failure: Failure) -> Failure {
        if self.caller.get().is_none_or(Session::sees_all) || failure.code != ErrorCode::Conflict {
            return failure;
        }
        match failure.message.split_once("container name \"/").and_then(|(_, rest)| rest.split_once('"')) {
            Some((name, rest)) if rest.contains("already in use") => {
                let message =
                    format!("the name `{name}` is in use on the dock `{}`: choose another", self.worker.dock());
                Failure::new(ErrorCode::Conflict, message)
            }
            _ => failure,
        }
    }

    /// Those of the instances that a reference may mean which the caller may view. The others do not exist for it.
    pub(super) async fn seen(&self, all: Vec<Location>) -> Result<Vec<Location>, BusError> {
        let Some(caller) = self.caller.get().filter(|caller| !caller.sees_all()) else { return Ok(all) };
        let bus = &self.worker.bus;
        let said = persist(|| bus.ownership(all.iter().map(|one| one.id.as_str()))).await?;
        let ids: Vec<&str> = all.iter().map(|one| one.id.as_str()).collect();
        let records = persist(|| bus.owner_records(&ids)).await?;
        let sees = |one: &Location| {
            let said = said.get(&one.id);
            let label = records.get(&one.id).and_then(|record| record.owner.as_deref());
            caller.may(Access::View, Subject::Instance(Ownership::owner(said, label), said))
        };
        Ok(all.iter().filter(|one| sees(one)).cloned().collect())
    }

    /// Ends when whoever asked may not have this any more: the session or the token has ended, or a right.
    pub(super) async fn outlived(&self) -> Failure {
        if self.worker.options.authority.is_none() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(LOOK).await;
            let still = async {
                let Some(caller) = self.look_who_asks().await? else { return Ok(()) };
                let Demand { access, on } = self.action.demand(&self.arguments);
                match (on, self.instance.get()) {
                    // Its name may be another's by now.
                    (On::Instance | On::Named(_), Some(id)) => {
                        self.authorise_on(&caller, access, id, id).await.map(drop)
                    }
                    // What it shows was chosen by what the caller was.
                    _ if self.caller.get().is_some_and(|before| *before != caller) => {
                        let message = "the rights of whoever asked have changed: begin the stream again";
                        Err(Failure::new(ErrorCode::Forbidden, message))
                    }
                    _ => self.authorise(&caller, None, 1).await.map(drop),
                }
            };
            match still.await {
                Err(failure) if matches!(failure.code, ErrorCode::Unauthenticated | ErrorCode::Forbidden) => {
                    return failure;
                }
                _ => {}
            }
        }
    }
}
