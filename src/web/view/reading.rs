//! Keeping the picture up to date: heartbeats each second, instances where a dock's revision says that they have changed,
//! events as they come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Change, InstanceChange, Picture, Told, View};
use crate::bus::{Backoff, Bus, BusError, Tail};
use crate::protocol::limits::{BEAT, EVENTS, LEASE};
use crate::protocol::{EntryId, Fields, Fqdn, Summary};

/// How often it is looked whether instances have changed, at the least; docks are looked at once for each heartbeat.
const LOOK: Duration = Duration::from_millis(500);

/// How long there is at least between two looks.
const APART: Duration = Duration::from_millis(100);

/// How often everything is read again, whatever the revisions say.
const EVERYTHING: Duration = Duration::from_secs(60);

/// Docks whose instances are read in one round trip.
const BATCH: usize = 50;

/// Before everything.
const FIRST: EntryId = EntryId { millis: 0, sequence: 0 };

/// Keeps the picture up while somebody looks.
pub(super) async fn keep_up(view: View, bus: Bus) {
    loop {
        view.shared.wanted.notified().await;
        if view.is_used() {
            let mut events = bus.events(Some(FIRST));
            let mut audit = bus.audited(Some(recent(&bus).await));
            catch_up(&view, &mut events).await;
            catch_up(&view, &mut audit).await;
            tokio::select! {
                () = look(&view, &bus) => {}
                () = listen(&view, &mut events) => {}
                () = listen(&view, &mut audit) => {}
            }
            view.shared.ready.send_replace(false);
            view.change(|picture| *picture = Picture::default());
        }
    }
}

/// Looks at docks and instances until nobody is interested.
async fn look(view: &View, bus: &Bus) {
    let (mut looking, mut backoff, mut seen) = (Looking::default(), Backoff::default(), Instant::now());
    while view.is_used() {
        match looking.once(view, bus).await {
            Ok(()) => {
                view.shared.ready.send_replace(true);
                seen = Instant::now();
                backoff = Backoff::default();
                // What happens often is looked at together.
                tokio::time::sleep(APART).await;
                let _ = tokio::time::timeout(LOOK.saturating_sub(APART), view.shared.hurry.notified()).await;
            }
            Err(error) => {
                tracing::debug!(%error, "the picture of the cluster is not up to date");
                // What was seen longer ago says nothing of how things are: there is no picture until there is one again.
                if seen.elapsed() > LEASE {
                    view.shared.ready.send_replace(false);
                }
                backoff.pause().await;
            }
        }
    }
}

/// What the look before has found.
#[derive(Default)]
struct Looking {
    revisions: BTreeMap<String, i64>,
    docks: Option<Instant>,
    all: Option<Instant>,
}

impl Looking {
    async fn once(&mut self, view: &View, bus: &Bus) -> Result<(), BusError> {
        let due = self.docks.is_none_or(|docks| docks.elapsed() >= BEAT.saturating_sub(LOOK / 2));
        let turned = if due { self.look_at_docks(view, bus).await? } else { Vec::new() };
        // Before the instances: what changes in between is seen next time.
        let revisions = bus.revisions().await?;
        let everything = self.all.is_none_or(|all| all.elapsed() > EVERYTHING);
        let is_stale = |dock: &Fqdn| {
            let name = dock.as_str();
            everything || self.revisions.get(name) != revisions.get(name)
        };
        let stale: Vec<Fqdn> = view.look().docks.keys().filter(|dock| is_stale(dock)).cloned().collect();
        let (mut changed, mut given, mut gone, mut before) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
        if !stale.is_empty() {
            let said = bus.all_ownership().await?;
            given.extend(view.change(|picture| picture.see_ownership(said, &mut before)));
        }
        for batch in stale.chunks(BATCH) {
            let names: Vec<&Fqdn> = batch.iter().collect();
            for (dock, now) in batch.iter().zip(bus.recorded::<Summary>(&names).await?) {
                let seen = view.change(|picture| picture.see_instances(dock, now, &before));
                changed.extend(seen.changed);
                given.extend(seen.given);
                gone.extend(seen.gone);
            }
        }
        changed.extend(turned.iter().flat_map(|dock| view.look().rows_of(dock)));
        if !(changed.is_empty() && given.is_empty() && gone.is_empty()) {
            view.tell(Change::Instances(Arc::new(InstanceChange { changed, given, gone })));
        }
        // Of a dock that was not known yet nothing has been read.
        let picture = view.look();
        self.revisions = revisions;
        self.revisions.retain(|name, _| Fqdn::new(name).is_ok_and(|name| picture.docks.contains_key(&name)));
        if everything {
            self.all = Some(Instant::now());
        }
        Ok(())
    }

    /// Returns the docks that have begun or ceased to answer.
    async fn look_at_docks(&mut self, view: &View, bus: &Bus) -> Result<Vec<Fqdn>, BusError> {
        self.docks = Some(Instant::now());
        let (docks, now) = bus.docks_at().await?;
        let (changed, turned) = view.change(|picture| picture.see_docks(docks, now));
        view.tell(Change::Beats);
        if !changed.is_empty() {
            view.tell(Change::Docks(Arc::new(changed)));
        }
        Ok(turned)
    }
}

/// Before the records of the audit that the picture has: it keeps more than pages show.
async fn recent(bus: &Bus) -> EntryId {
    let mut backoff = Backoff::default();
    loop {
        match bus.audit_place(EVENTS).await {
            Ok(place) => return place.unwrap_or(FIRST),
            Err(error) if error.is_away() => backoff.pause().await,
            Err(error) => {
                tracing::debug!(%error, "the audit is read from its beginning");
                return FIRST;
            }
        }
    }
}

/// Takes in the events that are kept.
async fn catch_up(view: &View, tail: &mut Tail) {
    let mut backoff = Backoff::default();
    while view.is_used() {
        match tail.rest().await {
            Ok(entries) if entries.is_empty() => return,
            Ok(entries) => take_in(view, entries),
            Err(error) => {
                tracing::debug!(%error, "events are not read yet");
                backoff.pause().await;
            }
        }
    }
}

/// Takes in what happens from then on. It is looked at once what has changed by it.
async fn listen(view: &View, tail: &mut Tail) {
    loop {
        let entries = tail.next().await.unwrap_or_default();
        if !entries.is_empty() {
            take_in(view, entries);
            view.shared.hurry.notify_one();
        }
    }
}

fn take_in(view: &View, entries: Vec<(EntryId, Fields)>) {
    for told in entries.into_iter().filter_map(Told::read).map(Arc::new) {
        view.change(|picture| picture.see_event(Arc::clone(&told)));
        view.tell(Change::Event(told));
    }
}
