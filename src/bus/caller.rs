//! Sending a request and waiting for its reply.

use std::time::{Duration, Instant};

use redis::cmd;

use super::replies::{Expecting, NotTold, Ticket};
use super::{Bus, BusError};
use crate::protocol::{AuthAddress, Fqdn, ReplyTo, RequestId};

/// How long one `BLPOP` waits. Shorter than a request's timeout, so that a server which vanished without a
/// word is noticed.
pub(super) const BLOCK: Duration = Duration::from_secs(5);

/// How often it is looked whether a request without a reply is done.
const LOOK: Duration = Duration::from_millis(100);

/// Pause before Redis is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The request was not sent, or nobody can tell whether it was.
    #[error("the request could not be sent: {0}")]
    NotSent(#[source] BusError),
    /// It was sent, and this user of Redis may not read its reply.
    #[error(
        "the request was sent, but its reply cannot be read: {0}; the ids of its requests must begin with its own name and \
         a dot (--client-name)"
    )]
    Unreadable(#[source] BusError),
    /// It was sent, and no reply came in time.
    #[error("no reply within {}", humantime::format_duration(*.0))]
    NoReply(Duration),
}

/// A request on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Its id.
    pub id: &'a RequestId,
    /// The dock that must do it.
    pub dock: Option<&'a Fqdn>,
    /// The request, which is not looked at.
    pub json: &'a str,
    /// Whether it has no reply when it succeeds.
    pub silent: bool,
    /// How long the reply is waited for.
    pub wait: Duration,
    /// The list of its own that the reply comes by, where others may send the same id.
    pub reply_to: Option<&'a ReplyTo>,
    /// What a worker that makes one request of another adds.
    pub envelope: Envelope<'a>,
}

/// What may stand beside a request's `json` on the stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Envelope<'a> {
    /// Whether the id is made for this call alone: then nobody sends it again, and the reply need not be remembered.
    pub once: bool,
    /// When its time is up, in milliseconds of Redis's clock.
    pub deadline: Option<u64>,
    /// Whether every value in it is text.
    pub flat: bool,
    /// The span that it comes from, as a `traceparent`, where that is not the one in it.
    pub trace: Option<&'a str>,
}

impl Bus {
    /// Sends one request and waits for its reply. It goes to its dock's own stream where a live worker reads that, and
    /// otherwise to the shared one, where any worker passes it on or says what is wrong with the dock. A `silent` one
    /// that succeeds has no reply.
    ///
    /// Any number of calls share one connection, where the server tells when a reply is there; else 64 connections.
    ///
    /// # Errors
    /// [`CallError`]. Sending the same id again is safe.
    pub async fn call(&self, call: &Call<'_>) -> Result<Option<String>, CallError> {
        let until = Instant::now() + call.wait;
        let key = call.reply_to.map_or_else(|| self.keys().reply(call.id), |to| self.keys().private_reply(to));
        let ticket = sent_until(until, self.send_call(call, &key)).await?;
        self.wait(ticket, call, &key, until).await
    }

    /// Sends a message to an auth manager and waits for its answer, which is JSON.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn ask(
        &self,
        address: AuthAddress,
        id: &RequestId,
        json: &str,
        wait: Duration,
    ) -> Result<String, CallError> {
        let (key, until) = (self.keys().reply(id), Instant::now() + wait);
        let mut add = cmd("XADD");
        add.arg(self.keys().auth(address)).arg("*").arg("json").arg(json).arg("requestId").arg(id.as_str());
        let ticket = sent_until(until, self.send_for(&key, &add)).await?;
        let call =
            Call { id, dock: None, json: "", silent: false, wait, reply_to: None, envelope: Envelope::default() };
        self.wait(ticket, &call, &key, until).await?.ok_or(CallError::NoReply(wait))
    }

    /// Waits for the reply of a request that was sent before, perhaps by somebody else.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn reply(&self, id: &RequestId, wait: Duration) -> Result<String, CallError> {
        let (key, until) = (self.keys().reply(id), Instant::now() + wait);
        let mut exists = cmd("EXISTS");
        exists.arg(&key);
        let ticket = super::persist(|| async { Ok(self.send_expecting(&key, &exists).await?) }).await;
        let call =
            Call { id, dock: None, json: "", silent: false, wait, reply_to: None, envelope: Envelope::default() };
        let ticket = readable(ticket.map_err(CallError::NotSent)?)?;
        let reply = self.wait(ticket, &call, &key, until).await?;
        reply.ok_or(CallError::NoReply(wait))
    }

    async fn wait(
        &self,
        mut ticket: Option<Ticket>,
        call: &Call<'_>,
        key: &str,
        until: Instant,
    ) -> Result<Option<String>, CallError> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(CallError::NoReply(call.wait));
            }
            let wait = left.min(if call.silent { LOOK } else { BLOCK });
            let reply = match &mut ticket {
                Some(waiting) => match waiting.reply(wait).await {
                    Ok(reply) => reply,
                    Err(NotTold) => {
                        ticket = None;
                        continue;
                    }
                },
                None => self.pop(key, wait).await.map_err(CallError::Unreadable)?,
            };
            match reply {
                Some(reply) => return Ok(Some(reply)),
                None if call.silent && self.is_done(call.id).await => return Ok(self.peek(key).await),
                None => {}
            }
        }
    }

    /// Puts a request on its stream. Returns a place to wait for its reply, if the server tells of that.
    async fn send_call(&self, call: &Call<'_>, key: &str) -> Result<Expecting, BusError> {
        let stream = match call.dock {
            Some(dock) if self.is_live(dock).await? => self.keys().own(dock),
            _ => self.keys().shared(),
        };
        let mut add = cmd("XADD");
        add.arg(stream).arg("*").arg("json").arg(call.json).arg("requestId").arg(call.id.as_str());
        if let Some(to) = call.reply_to {
            add.arg("replyTo").arg(to.as_str());
        }
        if let Some(deadline) = call.envelope.deadline {
            add.arg("deadline").arg(deadline);
        }
        for (name, is) in [("flat", call.envelope.flat), ("once", call.envelope.once)] {
            if is {
                add.arg(name).arg(1);
            }
        }
        if let Some(trace) = call.envelope.trace {
            add.arg("traceparent").arg(trace);
        }
        self.send_for(key, &add).await
    }

    /// Does `add`. Returns how what comes at `key` can be waited for.
    async fn send_for(&self, key: &str, add: &redis::Cmd) -> Result<Expecting, BusError> {
        let expecting = self.send_expecting(key, add).await?;
        if matches!(expecting, Expecting::NotTold) {
            self.link().query::<()>(add).await?;
        }
        Ok(expecting)
    }

    /// The reply at `key`, if it is there now.
    async fn peek(&self, key: &str) -> Option<String> {
        self.link().query(cmd("LINDEX").arg(key).arg(0)).await.ok().flatten()
    }

    async fn is_done(&self, id: &RequestId) -> bool {
        let state = self.link().query::<Option<String>>(cmd("HGET").arg(self.keys().request(id)).arg("state")).await;
        matches!(state.as_ref().map(Option::as_deref), Ok(Some("done")))
    }

    /// Waits for a reply on a connection of its own.
    async fn pop(&self, key: &str, wait: Duration) -> Result<Option<String>, BusError> {
        let mut pop = cmd("BLPOP");
        pop.arg(key).arg(wait.as_secs_f64());
        match self.inner.waiting.query::<Option<(String, String)>>(self.link(), &pop).await {
            Ok(popped) => Ok(popped.map(|(_, reply)| reply)),
            Err(error) if error.is_forbidden() => Err(error),
            // The reply waits in Redis; so does this, until Redis is back or the time is up.
            Err(error) => {
                tracing::debug!(%error, "waiting for a reply");
                tokio::time::sleep(RETRY.min(wait)).await;
                Ok(None)
            }
        }
    }
}

/// What sending came to, if it came to anything in time: a place to wait at, where there is one.
async fn sent_until(
    until: Instant,
    sending: impl Future<Output = Result<Expecting, BusError>>,
) -> Result<Option<Ticket>, CallError> {
    let away = || std::io::Error::new(std::io::ErrorKind::TimedOut, "Redis cannot be reached");
    let sent = tokio::time::timeout_at(until.into(), sending).await;
    let sent = sent.unwrap_or_else(|_| Err(redis::RedisError::from(away()).into()));
    readable(sent.map_err(CallError::NotSent)?)
}

/// The place to wait at, where there is one; an error where there is nothing to wait for.
fn readable(expecting: Expecting) -> Result<Option<Ticket>, CallError> {
    match expecting {
        Expecting::Told(ticket) => Ok(Some(ticket)),
        Expecting::NotTold => Ok(None),
        Expecting::Unreadable(error) => Err(CallError::Unreadable(error.into())),
    }
}
