//! Keeping the picture up to date: heartbeats each second, instances where a dock's revision says that they have changed,
//! events as they come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Change, Picture, Row, Told, View};
use crate::bus::{Backoff, Bus, BusError, Tail};
use crate::protocol::{EntryId, Fqdn, Summary};

/// How often it is looked whether instances have changed; and docks, each second time.
const LOOK: Duration = Duration::from_millis(500);

/// How often everything is read again, whatever the revisions say.
const EVERYTHING: Duration = Duration::from_secs(60);

/// Docks whose instances are read in one round trip.
const BATCH: usize = 50;

/// Keeps the picture up while somebody looks.
pub(super) async fn keep_up(view: View, bus: Bus) {
    loop {
        view.shared.wanted.notified().await;
        if view.is_used() {
            tokio::select! {
                () = look(&view, &bus) => {}
                () = listen(&view, &bus) => {}
            }
            view.shared.ready.send_replace(false);
            view.change(|picture| *picture = Picture::default());
        }
    }
}

/// Looks at docks and instances until nobody is interested.
async fn look(view: &View, bus: &Bus) {
    let (mut looking, mut backoff) = (Looking::default(), Backoff::default());
    while view.is_used() {
        match looking.once(view, bus).await {
            Ok(()) => {
                view.shared.ready.send_replace(true);
                backoff = Backoff::default();
                tokio::time::sleep(LOOK).await;
            }
            Err(error) => {
                tracing::debug!(%error, "the picture of the cluster is not up to date");
                backoff.pause().await;
            }
        }
    }
}

/// What the look before has found.
#[derive(Default)]
struct Looking {
    revisions: BTreeMap<String, i64>,
    all: Option<Instant>,
    count: u64,
}

impl Looking {
    async fn once(&mut self, view: &View, bus: &Bus) -> Result<(), BusError> {
        let turned = if self.count.is_multiple_of(2) { self.docks(view, bus).await? } else { Vec::new() };
        self.count += 1;
        // Before the instances: what changes in between is seen next time.
        let revisions = bus.revisions().await?;
        let everything = self.all.is_none_or(|all| all.elapsed() > EVERYTHING);
        let is_stale = |dock: &Fqdn| {
            let name = dock.as_str();
            everything || self.revisions.get(name) != revisions.get(name)
        };
        let stale: Vec<Fqdn> = view.look().docks.keys().filter(|dock| is_stale(dock)).cloned().collect();
        let mut changed: Vec<Row> = Vec::new();
        if !stale.is_empty() {
            let said = bus.all_ownership().await?;
            changed.extend(view.change(|picture| picture.see_ownership(said)));
        }
        let mut gone = Vec::new();
        for batch in stale.chunks(BATCH) {
            let names: Vec<&Fqdn> = batch.iter().collect();
            for (dock, now) in batch.iter().zip(bus.recorded::<Summary>(&names).await?) {
                let (different, left) = view.change(|picture| picture.see_instances(dock, now));
                changed.extend(different);
                gone.extend(left);
            }
        }
        changed.extend(turned.iter().flat_map(|dock| view.look().rows_of(dock)));
        if !changed.is_empty() || !gone.is_empty() {
            view.tell(Change::Instances { changed: Arc::new(changed), gone: Arc::new(gone) });
        }
        self.revisions = revisions;
        if everything {
            self.all = Some(Instant::now());
        }
        Ok(())
    }

    /// Returns the docks that have begun or ceased to answer.
    async fn docks(&self, view: &View, bus: &Bus) -> Result<Vec<Fqdn>, BusError> {
        let (docks, now) = bus.docks_at().await?;
        let (changed, turned) = view.change(|picture| picture.see_docks(docks, now));
        view.tell(Change::Beats);
        if !changed.is_empty() {
            view.tell(Change::Docks(Arc::new(changed)));
        }
        Ok(turned)
    }
}

/// Takes in what happens, from what is kept on.
async fn listen(view: &View, bus: &Bus) {
    let mut tail: Tail = bus.events(Some(EntryId { millis: 0, sequence: 0 }));
    loop {
        for told in tail.next().await.unwrap_or_default().into_iter().filter_map(Told::read).map(Arc::new) {
            view.change(|picture| picture.see_event(Arc::clone(&told)));
            view.tell(Change::Event(told));
        }
    }
}
