//! What is recorded of the requests that this worker answers.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::{MissedTickBehavior, interval};

use super::Worker;
use super::job::{Ready, Understood};
use crate::actions::{Action, Arguments, Outcome, Streaming};
use crate::bus::{BusError, Delivery};
use crate::protocol::limits::{AUDIT_CHECK, AUDIT_STREAM};
use crate::protocol::{
    Access, AccountName, AuditEntry, AuditRecord, ErrorCode, Failure, Fields, Fqdn, Reply, Request, RequestId, Session,
};

/// The action of a request that names none that there is.
const UNKNOWN: &str = "unknown";

/// Does for the audit what is due, as long as the worker lives.
pub(super) async fn run(worker: Arc<Worker>) {
    let mut rounds = interval(AUDIT_CHECK);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        if let Err(error) = worker.bus.keep_audit().await {
            tracing::debug!(%error, "keeping the audit");
        }
    }
}

impl Ready {
    /// What is recorded of this request, if anything is.
    pub(super) fn audit(&self, reply: Option<&Reply>) -> Option<AuditEntry> {
        self.asked(reply.and_then(Reply::instance)).record(reply, self.is_begun.load(Ordering::Relaxed))
    }

    /// Passes a stream on. One that goes on is in the audit before it ends.
    pub(super) async fn relay_recorded(&self, streaming: Streaming) -> Result<Outcome, Failure> {
        let mut relay = pin!(self.relay(streaming));
        tokio::select! {
            done = &mut relay => done,
            () = tokio::time::sleep(AUDIT_STREAM) => tokio::join!(relay, self.record_begun()).0,
        }
    }

    /// Records that a stream has begun which may go on for long.
    async fn record_begun(&self) {
        if let Some(record) = self.asked(None).record_of(None) {
            self.is_begun.store(true, Ordering::Relaxed);
            self.worker.bus.audit(&AuditRecord { begun: true, ..record }).await;
        }
    }

    fn asked<'a>(&'a self, new: Option<&'a str>) -> Asked<'a> {
        Asked {
            action: self.action,
            arguments: &self.arguments,
            request: &self.request,
            caller: self.caller.get(),
            instance: new.or(self.instance.get().map(String::as_str)),
            dock: self.worker.dock(),
        }
    }
}

impl Understood {
    /// What is recorded of a request that is answered in the place of the dock that it waited for.
    ///
    /// # Errors
    /// [`BusError`], where it cannot be found out who asked.
    pub(super) async fn audit(
        &self,
        worker: &Worker,
        dock: &Fqdn,
        reply: &Reply,
    ) -> Result<Option<AuditEntry>, BusError> {
        let caller = match (&worker.options.authority, &self.request.credential) {
            (Some(authority), Some(credential)) => {
                crate::auth::identify(&worker.bus, credential, authority.session_idle).await?
            }
            _ => None,
        };
        let (action, arguments, request) = (self.action, &self.arguments, &self.request);
        let asked = Asked { action, arguments, request, caller: caller.as_ref(), instance: None, dock };
        Ok(asked.record(Some(reply), false))
    }
}

/// What is recorded of an entry that is no request that could be done.
pub(super) fn undecodable(dock: &Fqdn, delivery: &Delivery, id: &RequestId, error: ErrorCode) -> AuditEntry {
    AuditEntry::new(&AuditRecord {
        action: action_of(&delivery.fields),
        request_id: Some(id.as_str()),
        dock: Some(dock.as_str()),
        status: Some(error.status()),
        error: Some(error.as_str()),
        ..AuditRecord::default()
    })
}

/// The action that an entry names. A word that is none could be anything, also a secret in the wrong place.
fn action_of(fields: &Fields) -> &'static str {
    #[derive(serde::Deserialize)]
    struct Named {
        action: String,
    }
    let field = |name: &str| fields.iter().find(|(key, _)| key == name.as_bytes()).map(|(_, value)| value);
    let in_json = || serde_json::from_slice::<Named>(field("json")?).ok().map(|named| named.action);
    let named = field("action").and_then(|text| String::from_utf8(text.clone()).ok()).or_else(in_json);
    named.and_then(|name| Action::find(&name).ok()).map_or(UNKNOWN, |action| action.name)
}

/// A request, as far as it is recorded.
struct Asked<'a> {
    action: &'static Action,
    arguments: &'a Arguments,
    request: &'a Request,
    caller: Option<&'a Session>,
    instance: Option<&'a str>,
    dock: &'a Fqdn,
}

impl<'a> Asked<'a> {
    /// What is recorded of its end. A look that is recorded since it `has_begun` needs no other record, if it was let go on.
    fn record(&self, reply: Option<&'a Reply>, has_begun: bool) -> Option<AuditEntry> {
        let record = self.record_of(reply)?;
        let is_over = has_begun && record.looks && !is_denied(reply);
        (!is_over).then(|| AuditEntry::new(&record))
    }

    /// Everything is recorded but looks that are answered from the shared records; if one of these was refused for who
    /// asked, it is recorded, too.
    fn record_of(&self, reply: Option<&'a Reply>) -> Option<AuditRecord<'a>> {
        let looks = self.action.demand(self.arguments).access == Access::View;
        let error = reply.and_then(Reply::error);
        if looks && !is_denied(reply) && !self.action.asks_a_daemon(self.arguments) {
            return None;
        }
        let text = |names: &[&str]| names.iter().find_map(|name| self.arguments.text(name)).map(beginning);
        Some(AuditRecord {
            action: self.action.name,
            request_id: Some(self.request.id.as_str()),
            user: self.caller.map(|caller| caller.username.as_str()),
            token: self.caller.and_then(|caller| caller.token.as_ref()).map(AccountName::as_str),
            dock: Some(self.dock.as_str()),
            id: self.instance.or(self.request.instance.as_deref()),
            name: text(&["name"]),
            about: text(&["image", "network", "volume", "hostname", "template", "path", "owner", "user", "group"]),
            status: reply.map(Reply::status),
            error: error.map(ErrorCode::as_str),
            looks,
            ..AuditRecord::default()
        })
    }
}

/// Whether it was refused for who asked.
fn is_denied(reply: Option<&Reply>) -> bool {
    let error = reply.and_then(Reply::error);
    matches!(error, Some(ErrorCode::Unauthenticated | ErrorCode::Forbidden))
}

/// As much of a text as is recorded: names of ours are no longer.
fn beginning(text: &str) -> &str {
    const RECORDED: usize = 255;
    let end = (0..=RECORDED.min(text.len())).rfind(|at| text.is_char_boundary(*at)).unwrap_or_default();
    &text[..end]
}
