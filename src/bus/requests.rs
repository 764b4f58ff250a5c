//! The life of one request on the bus: begun, passed on, finished or refused, each in one atomic step.

use std::time::{Duration, Instant};

use redis::{ScriptInvocation, pipe};

use super::{Backoff, Bus, BusError, Consumer, Delivery, Source};
use crate::protocol::limits::{ATTEMPTS, DEAD_LETTERS, LEASE, QUEUE_LENGTH, REPLY_KEPT, STORED_BYTES, STORED_REPLIES};
use crate::protocol::{
    AuditEntry, ErrorCode, Failure, Fqdn, GROUP, Reply, ReplyTo, Request, RequestId, Requester, Undecodable, millis,
};

/// What became of the attempt to begin a request.
#[derive(Debug)]
pub enum Begun {
    /// It may run.
    Go(Attempt),
    /// Its time was up; it must be answered and not run.
    Expired {
        /// Whether an earlier worker may have run it in part.
        begun: bool,
    },
    /// It has been begun too often; it must be answered and not run.
    Poison,
    /// It must be refused and not run: its sender is unknown, or somebody else has used its id.
    Foreign,
    /// Nothing is left to do: it was answered before, is another worker's, or cannot be answered at all.
    Settled,
}

/// One attempt to do a request; the times are on this host's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// When Redis was asked for it. What it answered is only getting older from then on.
    pub asked: Instant,
    /// The deadline.
    pub until: Instant,
    /// How often the request has been begun, this time included: above 1 where an earlier worker may have run it in part.
    pub number: u32,
}

/// What became of the attempt to pass a request on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It waits in the dock's stream.
    Yes,
    /// Too many wait there already.
    Busy,
    /// Another worker has taken it over.
    NotOurs,
}

/// How a begun request ends.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// Who sent it.
    pub requester: &'a Requester,
    /// Its reply, if it has one.
    pub reply: Option<&'a str>,
    /// Why it is put with the dead, if it is.
    pub dead: Option<&'a str>,
    /// What is recorded of it, if anything is.
    pub audit: Option<&'a AuditEntry>,
}

/// To whom an answer goes.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// The id of what is answered.
    pub id: &'a RequestId,
    /// Where the answer goes, if not to the list of that id.
    pub reply_to: Option<&'a ReplyTo>,
    /// Who sent it.
    pub requester: &'a Requester,
}

impl<'a> Recipient<'a> {
    /// Whoever sent `request`.
    pub fn of(request: &'a Request, requester: &'a Requester) -> Self {
        Self { id: &request.id, reply_to: request.reply_to.as_ref(), requester }
    }

    /// Whoever sent what cannot be decoded. Where workers `ask` who it is, it is not known.
    pub fn undecoded(undecodable: &'a Undecodable, ask: bool) -> Self {
        let requester = if ask { &Requester::Unknown } else { &Requester::Anyone };
        Self { id: &undecodable.id, reply_to: undecodable.reply_to.as_ref(), requester }
    }
}

/// How an entry ends of which nothing was begun.
#[derive(Clone, Copy, Debug)]
pub enum Unbegun<'a> {
    /// It was no request: the reply that says so, and the reason for the dead if there can be no reply.
    Refused(&'a str, &'a str),
    /// It only looked at something.
    Looked {
        /// What it saw.
        reply: &'a str,
        /// Whether the caller chose the id, and so may send it again.
        id_chosen: bool,
    },
    /// There is no way to answer it, and why.
    Unanswerable(&'a str),
    /// Too many wait with it, and no worker has been given it: the reply that says so.
    Shed(&'a str),
    /// Its sender is unknown or somebody else has used its id: the reply that says so.
    Foreign(&'a str),
}

/// How a request stands, as far as it is still known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is known: no worker has begun it, or it was done too long ago.
    Unknown,
    /// A worker has it, or has passed it on.
    UnderWay,
    /// It is done, with that reply, if it had one that was kept.
    Done(Option<String>),
}

impl Bus {
    /// How the request `id` stands.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn outcome(&self, id: &RequestId) -> Result<Standing, BusError> {
        let key = self.keys().request(id);
        let mut look = pipe();
        look.hget(&key, "state").hget(&key, "reply").cmd("LINDEX").arg(self.keys().reply(id)).arg(0);
        let (state, kept, waiting): (Option<String>, Option<String>, Option<String>) =
            self.link().pipeline(&look).await?;
        Ok(match (state.as_deref(), kept.or(waiting)) {
            (_, Some(reply)) => Standing::Done(Some(reply)),
            (Some("done"), None) => Standing::Done(None),
            (Some(_), None) => Standing::UnderWay,
            (None, None) => Standing::Unknown,
        })
    }

    /// The user who sent the request `id`, as far as that is known: workers that ask who it is write it down.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn requester(&self, id: &RequestId) -> Result<Option<String>, BusError> {
        let record: Option<String> =
            self.link().query(redis::cmd("HGET").arg(self.keys().request(id)).arg("asker")).await?;
        Ok(record.map(|record| Requester::user_in(&record).to_owned()))
    }

    /// Keeps what the ids of the parts of a request end with, if nothing is kept yet. Returns what is kept.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn keep_parts(&self, id: &RequestId, secrets: &str) -> Result<String, BusError> {
        let mut parts = self.scripts().parts.key(self.keys().request(id));
        parts.arg(secrets).arg(millis(REPLY_KEPT));
        Ok(self.link().script(&parts).await?)
    }

    /// Takes a delivered request in hand. `deadline` is in milliseconds of Redis's clock. The same call for the same
    /// delivery is the same attempt; so it also tells whether the request is still this worker's to do. It is not begun
    /// before as many replicas know of it as the options demand.
    ///
    /// # Errors
    /// [`BusError::Redis`]; then nothing has happened, or the same call will tell what did.
    pub async fn begin(
        &self,
        consumer: &Consumer,
        delivery: &Delivery,
        request: &Request,
        requester: &Requester,
        deadline: u64,
    ) -> Result<Begun, BusError> {
        let keys = self.keys();
        let mut begin = self.scripts().begin.key(consumer.stream(delivery.source));
        let (lease, lessee) = consumer.lease(delivery.source);
        begin.key(keys.request(&request.id)).key(keys.reply(&request.id)).key(keys.dead()).key(lease);
        begin.arg(GROUP).arg(consumer.name()).arg(delivery.entry.to_string());
        begin.arg(request.id.as_str()).arg(&request.action);
        begin.arg(deadline).arg(millis(REPLY_KEPT)).arg(ATTEMPTS).arg(DEAD_LETTERS);
        begin.arg(delivery.handling).arg(lessee).arg(millis(LEASE));
        let recipient = Recipient::of(request, requester);
        self.address(&mut begin, recipient, &too_much(recipient, consumer, None));
        let (mut backoff, mut counted) = (Backoff::default(), 0);
        let (asked, (verdict, now, attempt)) = loop {
            let asked = Instant::now();
            let (told, copied): ((String, u64, u32), bool) =
                self.link().script_copied(&begin, self.inner.replicas).await?;
            // A failover could forget that it was begun, and it would be done twice.
            if copied || told.0 != "go" {
                break (asked, told);
            }
            counted = 1;
            backoff.pause().await;
        };
        Ok(match verdict.as_str() {
            "go" => {
                // Counted from when the question was sent, so that the deadline is never late.
                let left = Duration::from_millis(deadline.saturating_sub(now));
                Begun::Go(Attempt { asked, until: asked + left, number: attempt })
            }
            "expired" => Begun::Expired { begun: attempt > counted },
            "poison" => Begun::Poison,
            "foreign" => Begun::Foreign,
            "repeated" | "taken" | "unanswerable" => {
                tracing::debug!(request = %request.id, verdict, "not begun");
                Begun::Settled
            }
            other => return Err(BusError::Unexpected(format!("begin gave {other:?}"))),
        })
    }

    /// Ends a begun request. Returns whether it was this worker's to end.
    ///
    /// # Errors
    /// [`BusError::Redis`]; it may be called again until it succeeds.
    pub async fn finish(
        &self,
        consumer: &Consumer,
        delivery: &Delivery,
        request: &Request,
        deadline: u64,
        dock: &Fqdn,
        ending: Ending<'_>,
    ) -> Result<bool, BusError> {
        let Ending { requester, reply, dead, audit } = ending;
        let keys = self.keys();
        let mut finish = self.scripts().finish.key(consumer.stream(delivery.source));
        finish.key(keys.request(&request.id)).key(keys.reply(&request.id));
        finish.key(keys.load()).key(keys.dead());
        finish.arg(GROUP).arg(consumer.name()).arg(delivery.entry.to_string()).arg(request.id.as_str());
        finish.arg(reply.unwrap_or_default()).arg(millis(REPLY_KEPT)).arg(u8::from(request.id_chosen));
        finish.arg(deadline).arg(dock.as_str()).arg(dead.unwrap_or_default());
        finish.arg(dead.map(|_| request.without_secrets()).unwrap_or_default()).arg(DEAD_LETTERS);
        finish.arg(keys.promises_prefix());
        let recipient = Recipient::of(request, requester);
        self.address(&mut finish, recipient, &too_much(recipient, consumer, reply.map(str::len)));
        self.end(finish, audit).await
    }

    /// What begin, answer and finish are given of who sent a request, where its reply goes and how much that may be. `instead`
    /// takes the place of a reply that is too much.
    fn address(&self, script: &mut ScriptInvocation<'_>, recipient: Recipient<'_>, instead: &str) {
        let Recipient { reply_to, requester, .. } = recipient;
        let account = requester.user().map(|user| self.keys().stored(user.as_str()));
        script.arg(requester.to_string()).arg(reply_to.map_or("", ReplyTo::as_str)).arg(self.keys().reply_prefix());
        script.arg(account.unwrap_or_default()).arg(STORED_BYTES).arg(STORED_REPLIES).arg(instead);
    }

    /// Answers an entry of which nothing was begun, and records it. Where no answer is possible it goes to the dead, with
    /// `reason`.
    /// Returns whether nobody else had answered it.
    ///
    /// # Errors
    /// [`BusError::Redis`]; it may be called again until it succeeds.
    pub async fn answer(
        &self,
        consumer: &Consumer,
        delivery: &Delivery,
        recipient: Recipient<'_>,
        answer: &Unbegun<'_>,
        audit: Option<&AuditEntry>,
    ) -> Result<bool, BusError> {
        const KEY_TAKEN: &str = "its reply key or its request key holds something else";
        let (reply, reason, mode) = match answer {
            Unbegun::Refused(reply, reason) => (*reply, *reason, "refused"),
            Unbegun::Looked { reply, id_chosen: true } => (*reply, KEY_TAKEN, "looked"),
            Unbegun::Looked { reply, id_chosen: false } => (*reply, KEY_TAKEN, "once"),
            Unbegun::Shed(reply) | Unbegun::Foreign(reply) => (*reply, KEY_TAKEN, "refused"),
            Unbegun::Unanswerable(reason) => ("", *reason, "refused"),
        };
        let keys = self.keys();
        let mut script = self.scripts().answer.key(consumer.stream(delivery.source));
        script.key(keys.request(recipient.id)).key(keys.reply(recipient.id)).key(keys.dead());
        script.arg(GROUP).arg(delivery.entry.to_string());
        script.arg(reply).arg(millis(REPLY_KEPT)).arg(reason).arg(DEAD_LETTERS).arg(mode);
        script.arg(u8::from(matches!(answer, Unbegun::Shed(_))));
        self.address(&mut script, recipient, &too_much(recipient, consumer, Some(reply.len())));
        script.arg(from_worker(recipient, consumer, id_taken(recipient.id)));
        self.end(script, audit).await
    }

    /// Runs a script that ends an entry and records that. Returns whether it has ended it.
    async fn end(&self, mut script: ScriptInvocation<'_>, audit: Option<&AuditEntry>) -> Result<bool, BusError> {
        self.audit_with(&mut script, audit);
        let (ended, recorded): (bool, String) = self.link().script(&script).await?;
        if ended && audit.is_some() {
            self.note_recorded(&recorded);
        }
        Ok(ended)
    }

    /// Moves a begun request to the stream of `dock`, or back to the shared one, with its id and its deadline. `trace` is the
    /// span that it comes from, as a `traceparent`, where that is not the one in it.
    ///
    /// # Errors
    /// [`BusError::Redis`]; it may be called again until it succeeds.
    pub async fn pass_on(
        &self,
        consumer: &Consumer,
        delivery: &Delivery,
        request: &Request,
        deadline: u64,
        dock: Option<&Fqdn>,
        (requester, trace): (&Requester, Option<&str>),
    ) -> Result<Moved, BusError> {
        let keys = self.keys();
        let mut pass = self.scripts().pass_on.key(consumer.stream(delivery.source));
        pass.key(dock.map_or_else(|| keys.shared(), |dock| keys.own(dock))).key(keys.request(&request.id));
        pass.arg(GROUP).arg(consumer.name()).arg(delivery.entry.to_string());
        pass.arg(&request.json).arg(request.id.as_str()).arg(deadline).arg(dock.map_or("", Fqdn::as_str));
        pass.arg(QUEUE_LENGTH);
        pass.arg(u8::from(request.flat)).arg(u8::from(delivery.source == Source::Shared));
        pass.arg(u8::from(!request.id_chosen)).arg(millis(REPLY_KEPT)).arg(trace.unwrap_or_default());
        pass.arg(request.reply_to.as_ref().map_or("", ReplyTo::as_str)).arg(requester.to_string());
        Ok(match self.link().script::<i8>(&pass).await? {
            1 => Moved::Yes,
            -1 => Moved::Busy,
            _ => Moved::NotOurs,
        })
    }

    /// Puts a request on the shared stream, as any client would.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn send(&self, json: &str) -> Result<(), BusError> {
        Ok(self.link().query(redis::cmd("XADD").arg(self.keys().shared()).arg("*").arg("json").arg(json)).await?)
    }
}

/// What is said where somebody else has used a `requestId`.
pub fn id_taken(id: &RequestId) -> Failure {
    let message = format!(
        "the `requestId` `{}` was used by somebody else: nothing was done; send it with another, made at random",
        id.known_as()
    );
    Failure::new(ErrorCode::RequestIdTaken, message)
}

/// What takes the place of a reply of so many bytes that does not fit into what is stored for its user.
fn too_much(recipient: Recipient<'_>, consumer: &Consumer, bytes: Option<usize>) -> String {
    let Some(user) = recipient.requester.user() else { return String::new() };
    let (limit, minutes) = (STORED_BYTES / (1024 * 1024), REPLY_KEPT.as_secs() / 60);
    let size = bytes.map(|bytes| format!(" of {bytes} bytes")).unwrap_or_default();
    let message = format!(
        "the request was answered, but its reply{size} is not kept: the replies stored for `{user}` take {limit} MiB or are \
         {STORED_REPLIES} already; read them, or wait up to {minutes} minutes"
    );
    from_worker(recipient, consumer, Failure::new(ErrorCode::RepliesFull, message))
}

/// The reply of a worker that says no.
fn from_worker(recipient: Recipient<'_>, consumer: &Consumer, failure: Failure) -> String {
    let dock = consumer.name().split_once('/').and_then(|(dock, _)| Fqdn::new(dock).ok());
    match dock {
        Some(dock) => Reply::failure(recipient.id.clone(), dock, failure),
        None => Reply::refusal(failure),
    }
    .to_json()
}
