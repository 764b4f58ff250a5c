//! The audit in Redis: adding records, and reading where its chain begins and ends.

use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use redis::{ScriptInvocation, cmd};

use super::{Backoff, Bus, BusError};
use crate::metrics::Recorded;
use crate::protocol::limits::AUDIT_WINDOW;
use crate::protocol::{AuditBounds, AuditEntry, AuditHead, AuditRecord, EntryId, Link, millis};

/// The head has the place of each record whose number is a multiple of this, as `audit.lua` says.
const STEP: u64 = 64;

/// How often it is tried to add a record while Redis is away.
const TRIES: u32 = 5;

/// How long one record is tried.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one program knows of the audit.
#[derive(Default)]
pub(super) struct State {
    /// How much is kept, where this program has an option for that.
    bounds: OnceLock<AuditBounds>,
    /// The last record that Redis has confirmed.
    known: Mutex<Link>,
}

impl Bus {
    /// Says how much of the audit is kept. The first call counts. Programs that do not call this go by what others have
    /// said, or by the default.
    pub fn bound_audit(&self, bounds: AuditBounds) {
        let _ = self.inner.audit.bounds.set(bounds);
    }

    /// Adds a record to the audit. Where that fails it is logged and counted: the caller goes on.
    pub async fn audit(&self, record: &AuditRecord<'_>) {
        let entry = AuditEntry::new(record);
        let add = async {
            let (mut tries, mut backoff) = (1, Backoff::default());
            loop {
                match self.add_record(Some(&entry)).await {
                    Err(error) if error.is_away() && tries < TRIES => {
                        tries += 1;
                        backoff.pause().await;
                    }
                    added => return added,
                }
            }
        };
        let error = match tokio::time::timeout(PATIENCE, add).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "Redis does not answer in time".to_owned(),
        };
        self.inner.link.metrics().recorded(Recorded::Lost);
        tracing::warn!(error, action = record.action, "not recorded in the audit");
    }

    /// Does for the audit what is due: records what was counted, trims, and records where Redis has lost what it had
    /// confirmed to this program.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn keep_audit(&self) -> Result<(), BusError> {
        self.add_record(None).await
    }

    /// Where the chain of the audit begins and ends.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn audit_head(&self) -> Result<AuditHead, BusError> {
        let mut read = cmd("HMGET");
        read.arg(self.keys().audit_head()).arg("seq").arg("link").arg("trimSeq").arg("trimLink");
        let (seq, hash, trimmed, trimmed_hash): (Option<u64>, Option<String>, Option<u64>, Option<String>) =
            self.link().query(&read).await?;
        let link =
            |seq: Option<u64>, hash: Option<String>| Link { seq: seq.unwrap_or(0), hash: hash.unwrap_or_default() };
        Ok(AuditHead { last: link(seq, hash), trimmed: link(trimmed, trimmed_hash) })
    }

    /// A place behind which there are about `count` records of the audit. Nothing where there are not as many.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn audit_place(&self, count: usize) -> Result<Option<EntryId>, BusError> {
        let last = self.audit_head().await?.last.seq;
        let step = last.saturating_sub(count.try_into().unwrap_or(u64::MAX)) / STEP * STEP;
        let mut read = cmd("HMGET");
        read.arg(self.keys().audit_head()).arg(format!("c{step}"));
        let (place,): (Option<String>,) = self.link().query(&read).await?;
        Ok(place.as_deref().and_then(|place| EntryId::parse(place.split(' ').next()?)))
    }

    async fn add_record(&self, entry: Option<&AuditEntry>) -> Result<(), BusError> {
        let known = self.known().clone();
        let lost = known.lost();
        let mut add = self.scripts().audit_add.prepare_invoke();
        self.audit_with(&mut add, entry);
        if known.seq == 0 {
            add.arg("")
        } else {
            add.arg(known.seq)
        };
        add.arg(&known.hash).arg(lost.json()).arg(lost.digest());
        let (last, was_lost, was_counted): (String, bool, bool) = self.link().script(&add).await?;
        if was_lost {
            tracing::error!(record = known.seq, "Redis no longer has a record of the audit that it had confirmed");
            *self.known() = read_link(&last).unwrap_or_default();
        } else {
            self.know(&last);
        }
        if entry.is_some() {
            self.inner.link.metrics().recorded(if was_counted { Recorded::Counted } else { Recorded::Kept });
        }
        Ok(())
    }

    /// Gives a script what `audit.lua` needs, behind its own keys and arguments.
    pub(super) fn audit_with(&self, script: &mut ScriptInvocation<'_>, entry: Option<&AuditEntry>) {
        let keys = self.keys();
        script.key(keys.audit()).key(keys.audit_head()).key(keys.audit_counted());
        script.arg(entry.map_or("", AuditEntry::json)).arg(entry.map_or("", AuditEntry::digest));
        let mut counted = entry.map(AuditEntry::counted).unwrap_or_default().iter();
        for _ in 0..2 {
            let (by, limit) = counted.next().map_or(("", 0), |(by, limit)| (by.as_str(), *limit));
            script.arg(by).arg(limit);
        }
        let told = self.inner.audit.bounds.get();
        let AuditBounds { records, age } = told.copied().unwrap_or_default();
        script.arg(millis(AUDIT_WINDOW)).arg(records).arg(millis(age)).arg(u8::from(told.is_some()));
    }

    /// Takes in what a script has said of the record that it was to add.
    pub(super) fn note_recorded(&self, said: &str) {
        let outcome = match said {
            "" => Recorded::Counted,
            "-" => {
                tracing::error!("Redis could not add a record to the audit; see its user's rights and the key's type");
                Recorded::Lost
            }
            added => {
                self.know(added);
                Recorded::Kept
            }
        };
        self.inner.link.metrics().recorded(outcome);
    }

    fn know(&self, last: &str) {
        if let Some(last) = read_link(last) {
            let mut known = self.known();
            // Answers may come in another order.
            if last.seq > known.seq {
                *known = last;
            }
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Link> {
        self.inner.audit.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Reads number and hash, with a space between.
fn read_link(text: &str) -> Option<Link> {
    let (seq, hash) = text.split_once(' ')?;
    Some(Link { seq: seq.parse().ok()?, hash: hash.to_owned() })
}
