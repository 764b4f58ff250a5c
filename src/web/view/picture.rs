//! The picture itself: plain data, and how one look differs from the one before.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::Told;
use crate::bus::Dock;
use crate::protocol::limits::{EVENTS, LEASE};
use crate::protocol::{Fqdn, Ownership, Summary, millis};

/// Looks at heartbeats that are remembered.
const BEATS: usize = 40;

/// What is known of the cluster.
#[derive(Debug, Default)]
pub(in crate::web) struct Picture {
    /// The docks, by name.
    pub(in crate::web) docks: BTreeMap<Fqdn, SeenDock>,
    /// Their instances, by dock and full id.
    instances: BTreeMap<Fqdn, BTreeMap<String, Arc<Summary>>>,
    /// What was said about whose instances are.
    pub(in crate::web) said: BTreeMap<String, Ownership>,
    /// What has happened and who asked for what, oldest first.
    pub(in crate::web) events: VecDeque<Arc<Told>>,
    clock: Option<(u64, Instant)>,
}

/// A dock, and what its heartbeats were like.
#[derive(Clone, Debug)]
pub(in crate::web) struct SeenDock {
    pub(in crate::web) dock: Dock,
    /// How old the last one was at each look, in milliseconds, the newest last; nothing where it was lost.
    pub(in crate::web) beats: VecDeque<Option<u64>>,
}

/// Which instances have changed.
#[derive(Debug, Default)]
pub(in crate::web) struct InstanceChange {
    /// Those that are otherwise than they were, or new.
    pub(in crate::web) changed: Vec<Row>,
    /// Those that are otherwise, and of which somebody else may see something.
    pub(in crate::web) given: Vec<Row>,
    /// Those that are gone, as they were.
    pub(in crate::web) gone: Vec<Row>,
}

/// An instance, where it is.
#[derive(Clone, Debug)]
pub(in crate::web) struct Row {
    pub(in crate::web) dock: Fqdn,
    pub(in crate::web) summary: Arc<Summary>,
    /// Of one that is gone, what had been said about whose it is.
    pub(in crate::web) said: Option<Ownership>,
}

impl Row {
    fn new(dock: &Fqdn, summary: &Arc<Summary>) -> Self {
        Self { dock: dock.clone(), summary: Arc::clone(summary), said: None }
    }
}

impl Picture {
    /// Redis's clock, in milliseconds.
    pub(in crate::web) fn now(&self) -> u64 {
        self.clock.map_or(0, |(then, at)| then.saturating_add(millis(at.elapsed())))
    }

    /// All instances, by dock and id.
    pub(in crate::web) fn rows(&self) -> impl Iterator<Item = (&Fqdn, &Arc<Summary>)> {
        self.instances.iter().flat_map(|(dock, rows)| rows.values().map(move |summary| (dock, summary)))
    }

    /// One instance.
    pub(in crate::web) fn instance(&self, dock: &Fqdn, id: &str) -> Option<&Arc<Summary>> {
        self.instances.get(dock)?.get(id)
    }

    /// Whose that instance is.
    pub(in crate::web) fn owner<'a>(&'a self, summary: &'a Summary) -> (Option<&'a str>, Option<&'a Ownership>) {
        let said = self.said.get(&summary.id);
        (Ownership::owner(said, summary.owner.as_deref()), said)
    }

    /// Takes in a look at the docks at `now`. Returns those that have changed otherwise than by a heartbeat, and those of
    /// them that have begun or ceased to answer.
    pub(super) fn see_docks(&mut self, docks: BTreeMap<Fqdn, Dock>, now: u64) -> (Vec<Fqdn>, Vec<Fqdn>) {
        self.clock = Some((now, Instant::now()));
        let (mut changed, mut turned) = (Vec::new(), Vec::new());
        changed.extend(self.docks.keys().filter(|name| !docks.contains_key(*name)).cloned());
        self.docks.retain(|name, _| docks.contains_key(name));
        self.instances.retain(|name, _| docks.contains_key(name));
        for (name, dock) in docks {
            let age = dock.record.last_seen.map(|seen| now.saturating_sub(seen)).filter(|age| *age <= millis(LEASE));
            let before = self.docks.get(&name);
            if before.is_none_or(|before| differ(&before.dock, &dock)) {
                changed.push(name.clone());
            }
            if before.is_some_and(|before| before.dock.is_out_of_reach() != dock.is_out_of_reach()) {
                turned.push(name.clone());
            }
            let mut beats = before.map(|before| before.beats.clone()).unwrap_or_default();
            if beats.len() == BEATS {
                beats.pop_front();
            }
            beats.push_back(age);
            self.docks.insert(name, SeenDock { dock, beats });
        }
        (changed, turned)
    }

    /// Takes in a look at the instances of `dock`. Returns what has changed; `said` is what was said before about whose they
    /// are.
    pub(super) fn see_instances(
        &mut self,
        dock: &Fqdn,
        now: BTreeMap<String, Summary>,
        said: &BTreeMap<String, Ownership>,
    ) -> InstanceChange {
        let before = self.instances.remove(dock).unwrap_or_default();
        let mut change = InstanceChange::default();
        for (id, summary) in before.iter().filter(|(id, _)| !now.contains_key(*id)) {
            change.gone.push(Row { said: said.get(id).cloned(), ..Row::new(dock, summary) });
        }
        let mut all = BTreeMap::new();
        for (id, summary) in now {
            let known = before.get(&id);
            let summary = match known {
                Some(same) if **same == summary => Arc::clone(same),
                _ => {
                    let summary = Arc::new(summary);
                    let is_given = known.is_some_and(|known| known.owner != summary.owner);
                    let rows = if is_given { &mut change.given } else { &mut change.changed };
                    rows.push(Row::new(dock, &summary));
                    summary
                }
            };
            all.insert(id, summary);
        }
        self.instances.insert(dock.clone(), all);
        change
    }

    /// Takes in what is said about whose instances are; what was said before is in `before` then. Returns those that were
    /// given to somebody, or taken.
    pub(super) fn see_ownership(
        &mut self,
        said: BTreeMap<String, Ownership>,
        before: &mut BTreeMap<String, Ownership>,
    ) -> Vec<Row> {
        *before = std::mem::replace(&mut self.said, said);
        let differs = |id: &str| before.get(id) != self.said.get(id);
        let rows = self.rows().filter(|(_, summary)| differs(&summary.id));
        rows.map(|(dock, summary)| Row::new(dock, summary)).collect()
    }

    /// The instances of `dock` as they are.
    pub(super) fn rows_of(&self, dock: &Fqdn) -> Vec<Row> {
        let rows = self.instances.get(dock).into_iter().flat_map(BTreeMap::values);
        rows.map(|summary| Row::new(dock, summary)).collect()
    }

    /// Takes in an event.
    pub(super) fn see_event(&mut self, told: Arc<Told>) {
        if self.events.len() >= EVENTS * 2 {
            self.events.pop_front();
        }
        // Two streams come together, each in its order.
        let place = self.events.iter().rposition(|earlier| earlier.at <= told.at).map_or(0, |last| last + 1);
        self.events.insert(place, told);
    }
}

/// Whether there is more to tell of a dock than that its heart beats.
fn differ(before: &Dock, now: &Dock) -> bool {
    let plain = |dock: &Dock| {
        let mut record = dock.record.clone();
        if !dock.is_out_of_reach() {
            (record.last_seen, record.daemon_seen) = (None, None);
            if let Some(facts) = &mut record.facts {
                facts.usage = None;
            }
        }
        record
    };
    before.state != now.state || plain(before) != plain(now)
}
