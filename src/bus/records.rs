//! The shared records of what docks have: written by each dock's worker, found by anyone.

use std::collections::{BTreeMap, HashMap, HashSet};

use redis::{cmd, pipe};

use super::presence::json;
use super::{Bus, BusError};
use crate::protocol::limits::{CANDIDATES, EVENTS};
use crate::protocol::{EntryId, Fqdn, OwnerRecord, Record, Resource, Summary, may_be_id};

/// Upserts in one script call, so that no call keeps Redis from others for long.
const BATCH: usize = 100;

/// Instances of one name, or whose ids begin alike, that are looked at. Who asks may not see most of them.
const ALIKE: usize = 1000;

/// Where an instance is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Location {
    /// Its dock.
    pub dock: Fqdn,
    /// Its name; empty where it was found by its id alone.
    pub name: String,
    /// Its full id.
    pub id: String,
}

/// What the index says of a reference.
#[derive(Clone, Debug)]
pub struct Found {
    /// The instances that it may mean.
    pub locations: Vec<Location>,
    /// Whether there are other requests than the one that asks, in the shared stream or in that of the dock that asks.
    pub crowded: bool,
}

/// What goes before a request of the shared stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// Nothing.
    None,
    /// One that was sent to the shared stream earlier.
    Shared,
    /// One that is in the stream of the instance's dock.
    Own,
}

impl Bus {
    /// Writes changed instances of `dock` and removes others, which `deblox.events` tells.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn write_instances(&self, dock: &Fqdn, changed: &[Summary], gone: &[String]) -> Result<(), BusError> {
        self.write_all(dock, changed, gone, true).await
    }

    async fn write_all(&self, dock: &Fqdn, changed: &[Summary], gone: &[String], tell: bool) -> Result<(), BusError> {
        for batch in changed.chunks(BATCH) {
            self.apply(dock, batch, &[], None, tell).await?;
        }
        for batch in gone.chunks(BATCH) {
            self.apply(dock, &[], batch, None, tell).await?;
        }
        Ok(())
    }

    /// Makes the records of `dock` agree with `all`, and sets its load by them.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn reconcile_instances(&self, dock: &Fqdn, all: &[Summary]) -> Result<(), BusError> {
        let recorded: Vec<(String, String)> =
            self.link().query(cmd("HGETALL").arg(self.keys().instances(dock))).await?;
        let known: HashSet<&str> = all.iter().map(|summary| summary.id.as_str()).collect();
        let gone: Vec<String> =
            recorded.iter().filter(|(id, _)| !known.contains(id.as_str())).map(|(id, _)| id.clone()).collect();
        let recorded: HashMap<String, String> = recorded.into_iter().collect();
        let changed: Vec<Summary> =
            all.iter().filter(|summary| recorded.get(&summary.id) != Some(&json(summary))).cloned().collect();
        // Of a dock without records everything would be news.
        self.write_all(dock, &changed, &gone, !recorded.is_empty()).await?;
        let total = all.iter().filter(|summary| summary.counts()).count();
        self.apply(dock, &[], &[], Some(total), false).await
    }

    /// Makes the records that `dock` has of one kind agree with `all`: ids (of volumes: names) with records as JSON.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn reconcile_resources(
        &self,
        dock: &Fqdn,
        kind: Resource,
        all: &BTreeMap<String, String>,
    ) -> Result<(), BusError> {
        let key = self.keys().resources(kind, dock);
        let recorded: HashMap<String, String> = self.link().query(cmd("HGETALL").arg(&key)).await?;
        let changed: Vec<_> = all.iter().filter(|(id, record)| recorded.get(*id) != Some(*record)).collect();
        for batch in changed.chunks(BATCH) {
            let _: i64 = self.link().query(cmd("HSET").arg(&key).arg(batch)).await?;
        }
        let gone: Vec<_> = recorded.keys().filter(|id| !all.contains_key(*id)).collect();
        for batch in gone.chunks(BATCH) {
            let _: i64 = self.link().query(cmd("HDEL").arg(&key).arg(batch)).await?;
        }
        Ok(())
    }

    /// The records of one kind of each of `docks`, in their order, by id. It is one round trip.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn recorded<R: Record>(&self, docks: &[&Fqdn]) -> Result<Vec<BTreeMap<String, R>>, BusError> {
        let mut look = pipe();
        for dock in docks {
            look.hgetall(R::key(self.keys(), dock));
        }
        let hashes: Vec<Vec<(String, String)>> = self.link().pipeline(&look).await?;
        // One that cannot be read must not take the others with it.
        let read = |(id, text): (String, String)| match serde_json::from_str(&text) {
            Ok(record) => Some((id, record)),
            Err(error) => {
                tracing::warn!(id, %error, "a record cannot be read");
                None
            }
        };
        Ok(hashes.into_iter().map(|hash| hash.into_iter().filter_map(read).collect()).collect())
    }

    /// A number for each dock, which becomes another with each change to its instances and to whose they are.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn revisions(&self) -> Result<BTreeMap<String, i64>, BusError> {
        Ok(self.link().query(cmd("HGETALL").arg(self.keys().revisions())).await?)
    }

    /// Finds the instances that `reference` may mean, in the whole cluster, as [`meant`] has it. `here` is the dock that asks.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn find_instances(&self, reference: &str, here: &Fqdn) -> Result<Found, BusError> {
        let mut looks = self.looks(reference);
        looks.cmd("XLEN").arg(self.keys().shared()).cmd("XLEN").arg(self.keys().own(here));
        let (names, ids, shared, own): (Vec<String>, Vec<String>, usize, usize) = self.link().pipeline(&looks).await?;
        Ok(Found {
            locations: meant(reference, read_members(&names), read_members(&ids)),
            crowded: shared > 1 || own > 0,
        })
    }

    /// The same, for those who do not send requests on.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn locate(&self, reference: &str) -> Result<Vec<Location>, BusError> {
        let (names, ids): (Vec<String>, Vec<String>) = self.link().pipeline(&self.looks(reference)).await?;
        Ok(meant(reference, read_members(&names), read_members(&ids)))
    }

    /// Looks for a name, and for the beginning of an id.
    fn looks(&self, reference: &str) -> redis::Pipeline {
        let index = self.keys().index();
        let range = |prefix: &str, most: usize| {
            let mut range = cmd("ZRANGEBYLEX");
            range.arg(&index).arg(format!("[{prefix}")).arg(format!("[{prefix}\u{7f}"));
            range.arg("LIMIT").arg(0).arg(most);
            range
        };
        let ids = if may_be_id(reference) { ALIKE } else { CANDIDATES + 1 };
        let mut looks = pipe();
        looks.add_command(range(&format!("name/{reference}/"), ALIKE));
        looks.add_command(range(&format!("id/{reference}"), ids));
        looks
    }

    /// Which requests for `instance` go before `entry` of the shared stream, other than those of the `harmless` actions. In
    /// the stream of the instance's dock it is looked only if that is `here`: what goes to another is behind them in any
    /// case, and a worker may not read what is sent to others.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn ahead(
        &self,
        entry: EntryId,
        instance: &Location,
        harmless: &str,
        here: &Fqdn,
    ) -> Result<Ahead, BusError> {
        let mut ahead = self.scripts().ahead.key(self.keys().shared());
        if instance.dock == *here {
            ahead.key(self.keys().own(here));
        }
        ahead.arg(entry.to_string());
        ahead.arg(&instance.id).arg(&instance.name).arg(harmless);
        Ok(match self.link().script::<String>(&ahead).await?.as_str() {
            "" => Ahead::None,
            "shared" => Ahead::Shared,
            "own" => Ahead::Own,
            other => return Err(BusError::Unexpected(format!("ahead gave {other:?}"))),
        })
    }

    /// The owner records of these instances, by id.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn owner_records(&self, ids: &[&str]) -> Result<BTreeMap<String, OwnerRecord>, BusError> {
        let mut records = BTreeMap::new();
        for batch in ids.chunks(BATCH) {
            let mut get = cmd("HMGET");
            let texts: Vec<Option<String>> = self.link().query(get.arg(self.keys().owners()).arg(batch)).await?;
            for (id, text) in batch.iter().zip(texts) {
                let Some(text) = text else { continue };
                let record =
                    serde_json::from_str(&text).map_err(|e| BusError::Unexpected(format!("an owner record: {e}")))?;
                records.insert((*id).to_owned(), record);
            }
        }
        Ok(records)
    }

    /// The owner record of one instance.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn owner(&self, id: &str) -> Result<Option<OwnerRecord>, BusError> {
        let record: Option<String> = self.link().query(cmd("HGET").arg(self.keys().owners()).arg(id)).await?;
        record
            .map(|text| serde_json::from_str(&text).map_err(|e| BusError::Unexpected(format!("an owner record: {e}"))))
            .transpose()
    }

    async fn apply(
        &self,
        dock: &Fqdn,
        upserts: &[Summary],
        gone: &[String],
        total: Option<usize>,
        tell: bool,
    ) -> Result<(), BusError> {
        let keys = self.keys();
        let mut apply = self.scripts().instances.key(keys.instances(dock));
        apply.key(keys.owners()).key(keys.index()).key(keys.load()).key(keys.promises(dock)).key(keys.events());
        apply.key(keys.ownership()).key(keys.revisions());
        apply.arg(dock.as_str()).arg(upserts.len()).arg(total.map_or_else(String::new, |total| total.to_string()));
        apply.arg(u8::from(tell)).arg(EVENTS).arg(keys.usage_prefix());
        for summary in upserts {
            let owner = OwnerRecord {
                owner: summary.owner.clone(),
                dock: dock.clone(),
                name: summary.name.clone(),
                image: summary.image.clone(),
                request_id: summary.request_id.clone(),
            };
            apply.arg(&summary.id).arg(&summary.name).arg(json(summary)).arg(json(&owner));
            apply.arg(summary.request_id.as_deref().unwrap_or_default()).arg(u8::from(summary.counts()));
        }
        apply.arg(gone);
        Ok(self.link().script(&apply).await?)
    }
}

/// What `reference` may mean, of the instances that have that name and of those whose id begins so: the one whose full id it
/// is, else those with that name, else those whose id begins so. Where it is an id or the beginning of one and the name of
/// another instance, it may mean both.
pub fn meant(reference: &str, mut names: Vec<Location>, mut ids: Vec<Location>) -> Vec<Location> {
    if ids.iter().any(|found| found.id == reference) {
        ids.retain(|found| found.id == reference);
    } else if !names.is_empty() && !may_be_id(reference) {
        ids.clear();
    }
    // One that is meant both ways is one.
    ids.retain(|found| !names.iter().any(|named| named.id == found.id && named.dock == found.dock));
    names.append(&mut ids);
    names
}

fn read_members(members: &[String]) -> Vec<Location> {
    members.iter().filter_map(|member| read_member(member)).collect()
}

/// Reads `id/<id>/<dock>` or `name/<name>/<dock>/<id>`.
fn read_member(member: &str) -> Option<Location> {
    let mut parts = member.split('/');
    let (kind, first, dock) = (parts.next()?, parts.next()?, Fqdn::new(parts.next()?).ok()?);
    match (kind, parts.next()) {
        ("id", None) => Some(Location { dock, name: String::new(), id: first.to_owned() }),
        ("name", Some(id)) => Some(Location { dock, name: first.to_owned(), id: id.to_owned() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(dock: &str, name: &str, id: &str) -> Location {
        Location { dock: Fqdn::new(dock).unwrap(), name: name.to_owned(), id: id.to_owned() }
    }

    #[test]
    fn a_reference_that_is_an_id_and_anothers_name_means_both() {
        let full = "0123456789abcdef".repeat(4);
        let (victim, own) = (at("a.test", "", &full), at("a.test", "", "ffff"));
        for reference in [&full[..4], &full[..12], &full] {
            let thief = at("b.test", reference, "beef");
            let found = meant(reference, vec![thief.clone()], vec![victim.clone()]);
            assert_eq!(found, [thief, victim.clone()], "{reference}");
        }
        // Its own name is no other instance's.
        let named = at("a.test", "ffff", "ffff");
        assert_eq!(meant("ffff", vec![named.clone()], vec![own]), [named]);
        // Too short for an id in a cluster, or no id at all.
        for name in ["fff", "web"] {
            let named = at("b.test", name, "beef");
            assert_eq!(meant(name, vec![named.clone()], vec![at("a.test", "", "fff0")]), [named]);
        }
        assert_eq!(meant("012", Vec::new(), vec![victim.clone()]), std::slice::from_ref(&victim));
        let longer = at("b.test", "", &format!("{full}0"));
        assert_eq!(meant(&full, Vec::new(), vec![victim.clone(), longer]), [victim]);
    }
}
