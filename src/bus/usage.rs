//! What users use, counted in Redis: each step that changes it looks at the quota as well.

use std::collections::BTreeMap;

use redis::{ScriptInvocation, cmd};

use super::presence::json;
use super::{Bus, BusError};
use crate::protocol::{Exceeded, Fqdn, Limits, Measure, Ownership, RequestId, Usage};

/// Entries in one command.
const BATCH: usize = 500;

/// What is to be counted before it is done.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Whose it is.
    pub owner: &'a str,
    /// The request that creates it, or the full id of the instance.
    pub what: Result<&'a RequestId, &'a str>,
    /// What it may use.
    pub limits: Limits,
    /// What it may use now, if it counts already.
    pub before: Option<Limits>,
    /// When it is given up, or looked at again, in milliseconds of Redis's clock.
    pub until: u64,
}

/// An instance that is given to another user.
#[derive(Clone, Copy, Debug)]
pub struct Gift<'a> {
    /// Its full id.
    pub id: &'a str,
    /// The dock that it is on.
    pub dock: &'a Fqdn,
    /// Whose it is.
    pub from: Option<&'a str>,
    /// Whose it is to be.
    pub to: &'a str,
    /// What it may use.
    pub limits: Limits,
    /// The request that made it.
    pub request: Option<&'a str>,
    /// The text of what was said about it until then, which may be empty.
    pub before: &'a str,
    /// What is said about it from then on.
    pub ownership: &'a Ownership,
}

/// What became of giving an instance away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// It is the other user's.
    Done,
    /// Somebody else has said something about it meanwhile; nothing was done.
    Changed,
    /// The other user's quota does not allow it; nothing was done.
    Exceeded(Exceeded),
}

impl Bus {
    /// Counts something, if the quota of its owner allows it. The same again counts once.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn claim(&self, claim: &Claim<'_>) -> Result<Result<(), Exceeded>, BusError> {
        let field = claim.what.map_or_else(str::to_owned, request);
        let mut script = self.using(self.scripts().usage_claim.prepare_invoke(), claim.owner, &field);
        script.arg(claim.limits.memory).arg(claim.limits.nano_cpus).arg(claim.until);
        match claim.before {
            Some(before) => script.arg(before.memory).arg(before.nano_cpus),
            None => script.arg("").arg(""),
        };
        script.arg(claim.limits.pids);
        match claim.before {
            Some(before) => script.arg(before.pids),
            None => script.arg(""),
        };
        read(&self.link().script::<Vec<String>>(&script).await?)
    }

    /// Gives an instance away, if the quota of the new owner allows it.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn give(&self, gift: &Gift<'_>) -> Result<Given, BusError> {
        let keys = self.keys();
        let mut script = self.using(self.scripts().usage_give.prepare_invoke(), gift.to, gift.id);
        script.key(keys.usage(gift.from.unwrap_or(gift.to))).key(keys.ownership()).key(keys.revisions());
        script.arg(gift.limits.memory).arg(gift.limits.nano_cpus).arg(json(gift.ownership));
        script.arg(gift.request.unwrap_or_default()).arg(gift.before).arg(gift.dock.as_str()).arg(gift.limits.pids);
        let told: Vec<String> = self.link().script(&script).await?;
        if told.first().is_some_and(|told| told == "changed") {
            return Ok(Given::Changed);
        }
        Ok(read(&told)?.map_or_else(Given::Exceeded, |()| Given::Done))
    }

    /// Counts a create no more, which has made nothing.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn unclaim(&self, owner: &str, id: &RequestId) -> Result<(), BusError> {
        Ok(self.link().query(cmd("HDEL").arg(self.keys().usage(owner)).arg(request(id))).await?)
    }

    /// Counts an instance with other limits. If it is gone by now, the entry goes when next it is counted up.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn recount(&self, owner: &str, id: &str, limits: Limits) -> Result<(), BusError> {
        let key = self.keys().usage(owner);
        let Limits { memory, nano_cpus, pids } = limits;
        let entry = format!("{memory} {nano_cpus} 0 {pids}");
        Ok(self.link().query(cmd("HSET").arg(key).arg(id).arg(entry)).await?)
    }

    /// Has a new instance count in the place of an old one.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn count_instead(&self, old: &str, new: &str) -> Result<(), BusError> {
        let mut replace = self.scripts().usage_replace.key(self.keys().owners());
        replace.arg(self.keys().usage_prefix()).arg(old).arg(new);
        Ok(self.link().script(&replace).await?)
    }

    /// Counts an instance of `dock` with these limits, if it is not counted or was to be looked at again, and is `owner`'s.
    ///
    /// # Errors
    /// [`BusError::Redis`].
    pub async fn count(&self, dock: &Fqdn, owner: &str, id: &str, limits: Limits) -> Result<(), BusError> {
        let mut note = self.scripts().usage_note.key(self.keys().usage(owner));
        note.key(self.keys().instances(dock)).arg(owner).arg(id).arg(limits.memory).arg(limits.nano_cpus);
        note.arg(limits.pids);
        Ok(self.link().script(&note).await?)
    }

    /// Those of these instances, by owner, that are not counted, or are to be looked at again.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn uncounted(&self, owned: &BTreeMap<&str, Vec<&str>>) -> Result<Vec<(String, String)>, BusError> {
        let now = self.clock().await?;
        let mut uncounted = Vec::new();
        for (owner, ids) in owned {
            for batch in ids.chunks(BATCH) {
                let mut get = cmd("HMGET");
                let entries: Vec<Option<String>> =
                    self.link().query(get.arg(self.keys().usage(owner)).arg(batch)).await?;
                // An older version has counted no pids.
                let due = |entry: &str| match entry.split(' ').collect::<Vec<_>>().as_slice() {
                    [_, _, time, _pids] => time.parse::<u64>().is_ok_and(|time| time > 0 && time < now),
                    _ => true,
                };
                let missing = batch.iter().zip(entries).filter(|(_, entry)| entry.as_deref().is_none_or(due));
                uncounted.extend(missing.map(|(id, _)| ((*owner).to_owned(), (*id).to_owned())));
            }
        }
        Ok(uncounted)
    }

    /// What a user uses.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn usage(&self, owner: &str) -> Result<Usage, BusError> {
        let show = self.using(self.scripts().usage_show.prepare_invoke(), owner, "");
        let (instances, memory, nano_cpus, without_memory, without_cpus, pids, without_pids) =
            self.link().script(&show).await?;
        Ok(Usage { instances, memory, nano_cpus, pids, without_memory, without_cpus, without_pids })
    }

    /// What each of those scripts begins with.
    fn using<'a>(&self, mut script: ScriptInvocation<'a>, owner: &str, field: &str) -> ScriptInvocation<'a> {
        let keys = self.keys();
        script.key(keys.usage(owner)).key(keys.users()).key(keys.owners()).arg(owner).arg(field);
        script
    }
}

fn request(id: &RequestId) -> String {
    format!("request/{id}")
}

/// What the quota says, if it says anything.
fn read(told: &[String]) -> Result<Result<(), Exceeded>, BusError> {
    let [why, of, numbers @ ..] = told else { return Ok(Ok(())) };
    let numbers: Vec<u64> = numbers.iter().filter_map(|number| number.parse().ok()).collect();
    let measures = [Measure::Instances, Measure::Memory, Measure::NanoCpus, Measure::Pids];
    let of = measures.into_iter().find(|measure| measure.as_str() == of);
    match (why.as_str(), of, numbers.as_slice()) {
        ("exceeded", Some(of), &[used, asked, quota]) => Ok(Err(Exceeded::More { of, used, asked, quota })),
        ("without", Some(of), &[used, _, quota]) => Ok(Err(Exceeded::Without { of, used, quota })),
        ("others", Some(of), &[instances, _, quota]) => Ok(Err(Exceeded::Others { of, instances, quota })),
        _ => Err(BusError::Unexpected(format!("usage gave {told:?}"))),
    }
}
