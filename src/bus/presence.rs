//! Who is there: heartbeats, leases, the list of docks.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::{cmd, pipe};

use super::{Bus, BusError};
use crate::protocol::limits::{EVENTS, LEASE};
use crate::protocol::{DaemonState, DockFacts, DockRecord, DockState, Fqdn, Labels, Standing, millis};

/// What a heartbeat brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beat {
    /// The lease is this worker's for another three seconds.
    Ours {
        /// Whether the dock takes part.
        standing: Standing,
        /// Labels that requests have set.
        set_labels: Labels,
        /// Redis's clock, in milliseconds.
        now: u64,
        /// Whether lease or record were missing: Redis has lost its data, or this is the first beat.
        fresh: bool,
    },
    /// Another worker holds the lease.
    Theirs {
        /// Its token.
        token: String,
        /// How long its lease runs if it does not renew it.
        left: Duration,
    },
}

/// A dock as the shared list has it.
#[derive(Clone, Debug)]
pub struct Dock {
    /// Its record.
    pub record: DockRecord,
    /// Its state, at the time it was read.
    pub state: DockState,
}

impl Dock {
    /// Whether what the records say of it is only what was last known: its worker is silent, or its daemon does not
    /// answer.
    pub fn is_out_of_reach(&self) -> bool {
        self.state.is_silent() || self.is_without_daemon()
    }

    /// When what the records say of it was last known to be so, in milliseconds of Redis's clock; none if it never was.
    pub fn last_known(&self) -> Option<u64> {
        if self.is_without_daemon() { self.record.daemon_seen } else { self.record.last_seen }
    }

    /// Whether its daemon did not answer when its worker last spoke.
    pub fn is_without_daemon(&self) -> bool {
        self.record.facts.as_ref().is_some_and(|facts| facts.daemon == DaemonState::Down)
    }
}

/// What became of a change to a dock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is made.
    Yes,
    /// Nobody knows the dock.
    Unknown,
    /// The dock is unregistered, and was left as it is.
    Unregistered,
}

impl Bus {
    /// Renews the lease that `token` has on `dock` and writes what is known of the dock.
    /// `standing` and `set_labels` are assumed where Redis has forgotten them.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn beat(
        &self,
        dock: &Fqdn,
        token: &str,
        facts: &DockFacts,
        standing: Standing,
        set_labels: &Labels,
    ) -> Result<Beat, BusError> {
        let keys = self.keys();
        let mut beat = self.scripts().beat.key(keys.lease(dock));
        beat.key(keys.docks()).key(keys.workers()).key(keys.load()).key(keys.promises(dock)).key(keys.events());
        beat.arg(token).arg(dock.as_str()).arg(millis(LEASE)).arg(json(facts));
        beat.arg(word(standing)).arg(json(set_labels)).arg(EVENTS);
        let (ours, now, text, number, labels): (bool, u64, String, i64, String) = self.link().script(&beat).await?;
        Ok(if ours {
            let set_labels =
                serde_json::from_str(&labels).map_err(|e| BusError::Unexpected(format!("a dock's labels: {e}")))?;
            Beat::Ours { standing: read_standing(&text)?, set_labels, now, fresh: number == 1 }
        } else {
            Beat::Theirs { token: text, left: Duration::from_millis(number.try_into().unwrap_or(0)) }
        })
    }

    /// Gives up the lease and marks the dock stopped.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn release(&self, dock: &Fqdn, token: &str) -> Result<(), BusError> {
        let mut release = self.scripts().release.key(self.keys().lease(dock));
        release.key(self.keys().docks()).key(self.keys().events());
        release.arg(token).arg(dock.as_str()).arg(EVENTS);
        Ok(self.link().script(&release).await?)
    }

    /// Adds a host to the list of known docks, or brings an unregistered one back.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn register(&self, dock: &Fqdn) -> Result<(), BusError> {
        self.change(dock, "registered", &Labels::new()).await.map(|_| ())
    }

    /// Sets whether a dock takes part.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn set_standing(&self, dock: &Fqdn, standing: Standing) -> Result<Changed, BusError> {
        self.change(dock, &word(standing), &Labels::new()).await
    }

    /// Sets labels of a dock, over those that its worker was started with.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn label_dock(&self, dock: &Fqdn, labels: &Labels) -> Result<Changed, BusError> {
        self.change(dock, "labels", labels).await
    }

    /// All known docks.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn docks(&self) -> Result<BTreeMap<Fqdn, Dock>, BusError> {
        Ok(self.docks_at().await?.0)
    }

    /// The same, and when that was, in milliseconds of Redis's clock.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn docks_at(&self) -> Result<(BTreeMap<Fqdn, Dock>, u64), BusError> {
        let (records, time): (Vec<(String, String)>, (u64, u64)) =
            self.link().pipeline(pipe().hgetall(self.keys().docks()).add_command(cmd("TIME"))).await?;
        let mut docks = BTreeMap::new();
        for (name, record) in records {
            let Ok(name) = Fqdn::new(&name) else { continue };
            docks.insert(name, read_dock(&record, time)?);
        }
        Ok((docks, clock(time)))
    }

    /// One dock, if it is known.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn dock(&self, dock: &Fqdn) -> Result<Option<Dock>, BusError> {
        let (record, time): (Option<String>, (u64, u64)) =
            self.link().pipeline(pipe().hget(self.keys().docks(), dock.as_str()).add_command(cmd("TIME"))).await?;
        record.map(|record| read_dock(&record, time)).transpose()
    }

    /// Whether Redis has a record of `dock`.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn is_known(&self, dock: &Fqdn) -> Result<bool, BusError> {
        Ok(self.link().query(cmd("HEXISTS").arg(self.keys().docks()).arg(dock.as_str())).await?)
    }

    /// Whether a live worker drives `dock`.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn is_live(&self, dock: &Fqdn) -> Result<bool, BusError> {
        Ok(self.link().query(cmd("EXISTS").arg(self.keys().lease(dock))).await?)
    }

    /// What Redis does when its memory is full, if it tells.
    pub async fn eviction_policy(&self) -> Option<String> {
        self.info().await.ok()?.remove("maxmemory_policy")
    }

    async fn change(&self, dock: &Fqdn, what: &str, labels: &Labels) -> Result<Changed, BusError> {
        let mut change = self.scripts().standing.key(self.keys().docks());
        change.key(self.keys().workers()).arg(dock.as_str()).arg(what).arg(json(labels));
        Ok(match self.link().script::<i8>(&change).await? {
            1 => Changed::Yes,
            -1 => Changed::Unregistered,
            _ => Changed::Unknown,
        })
    }
}

/// What `TIME` says, in milliseconds.
pub(super) fn clock((seconds, micros): (u64, u64)) -> u64 {
    seconds * 1000 + micros / 1000
}

fn read_dock(record: &str, time: (u64, u64)) -> Result<Dock, BusError> {
    let record: DockRecord =
        serde_json::from_str(record).map_err(|e| BusError::Unexpected(format!("a dock record: {e}")))?;
    let state = record.state(clock(time));
    Ok(Dock { record, state })
}

fn read_standing(text: &str) -> Result<Standing, BusError> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|e| BusError::Unexpected(format!("a dock's standing: {e}")))
}

/// The standing as it is written in records.
fn word(standing: Standing) -> String {
    json(&standing).trim_matches('"').to_owned()
}

pub(super) fn json(record: &impl serde::Serialize) -> String {
    serde_json::to_string(record).expect("records serialise")
}
