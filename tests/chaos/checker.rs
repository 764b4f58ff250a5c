//! Reads every reply and what the daemons have, and says what does not fit.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::Value;

use crate::callers::{Call, Effect, PATIENCE};
use crate::cluster::Cluster;
use crate::daemons::{Container, Lines, containers, created, lines};
use crate::faults::{Does, History};
use crate::lab::HOSTS;

/// How much later than the deadline the daemon may stamp an effect that it began in time, in milliseconds.
pub const TOLERANCE: u64 = 1_000;

/// How long it takes to stop a daemon altogether, in milliseconds.
const STOPPING: u64 = 500;

/// What a reply says about its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was done.
    Done,
    /// It was surely not done.
    Refused,
    /// It may have been done.
    Unknown,
    /// There is no reply.
    Missing,
}

/// Errors after which nobody knows whether the request took effect.
const UNKNOWN: &[&str] =
    &["timeout", "interrupted", "dock-lost", "docker-error", "poison", "incomplete", "internal", "answer-too-large"];

/// The same for a deletion: what is not there, or already on its way, may be this request's doing.
const UNKNOWN_OF_DELETE: &[&str] = &["no-such-instance", "conflict"];

/// What must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Each request has a reply.
    Reply,
    /// A reply that was seen stays.
    Kept,
    /// It has one for each time it was sent, and they are the same.
    OneReply,
    /// What was answered as done is there; what was answered as deleted is not.
    Truth,
    /// Nothing is there twice.
    Once,
    /// What was refused has not happened.
    Refusal,
    /// Nothing happens after the deadline.
    Deadline,
    /// Redis says what the daemons say.
    Records,
}

/// One thing that does not fit.
pub struct Violation {
    pub law: Law,
    pub text: String,
}

/// All that was found.
#[derive(Default)]
pub struct Findings {
    pub violations: Vec<Violation>,
    /// Containers that should exist, and those of them that do.
    pub containers: (usize, usize),
    /// The same for lines in the logs.
    pub lines: (usize, usize),
    /// Containers that were put aside by the worker of a dock that came back.
    pub extras: usize,
    /// Effects that a daemon had in hand when it was stopped, and finished after the deadline when it was woken.
    pub held: usize,
    /// Replies that came later than [`PATIENCE`] after their deadlines.
    pub late: usize,
    /// What a failover has lost.
    pub lost: Lost,
    /// What is no fault, and good to know.
    pub notes: Vec<String>,
}

/// What Redis had acknowledged, or shown, and no longer had after a failover.
#[derive(Default)]
pub struct Lost {
    /// Entries that were never answered, of requests that were sent again and answered then.
    pub entries: usize,
    /// Replies that their callers had seen.
    pub replies: usize,
    /// Of these such in whose place there was another one later.
    pub other: usize,
}

/// What there is to judge by.
struct Evidence<'a> {
    history: &'a History,
    calls: &'a [Call],
    containers: HashMap<String, Vec<(Container, u64)>>,
    lines: HashMap<String, Vec<Lines>>,
    /// The deletion that was asked for, by the container's id.
    deletions: HashMap<&'a str, Verdict>,
}

pub fn verdict(call: &Call) -> Verdict {
    let Some(reply) = call.replies.first() else { return Verdict::Missing };
    let unclear = |code: &str| {
        let deletes = matches!(call.effect, Effect::Delete(_));
        UNKNOWN.contains(&code) || (deletes && UNKNOWN_OF_DELETE.contains(&code))
    };
    match reply["error"].as_str() {
        Some(code) if unclear(code) => Verdict::Unknown,
        Some(_) => Verdict::Refused,
        None => Verdict::Done,
    }
}

/// Judges all calls.
pub async fn check(cluster: &Cluster, history: &History, calls: &[Call]) -> Result<Findings> {
    let mut by_request: HashMap<String, Vec<(Container, u64)>> = HashMap::new();
    for host in 1..=HOSTS {
        for container in containers(cluster, host).await?.into_values() {
            let Some(request) = container.request.clone() else { continue };
            let time = created(cluster, &container).await?;
            by_request.entry(request).or_default().push((container, time));
        }
    }
    let deletions = calls.iter().filter_map(|call| match &call.effect {
        Effect::Delete(id) => Some((id.as_str(), verdict(call))),
        _ => None,
    });
    let deletions = deletions.collect();
    let evidence = Evidence { history, calls, containers: by_request, lines: lines(cluster)?, deletions };
    Ok(evidence.judge())
}

impl Evidence<'_> {
    fn judge(&self) -> Findings {
        let mut findings = Findings::default();
        for call in self.calls {
            self.replies(call, &mut findings);
            match &call.effect {
                Effect::Create => self.create(call, &mut findings),
                Effect::Exec(_) => self.exec(call, &mut findings),
                Effect::Delete(_) | Effect::Other => {}
            }
        }
        findings
    }

    fn replies(&self, call: &Call, findings: &mut Findings) {
        let (count, (least, most)) = (call.replies.len(), call.entries);
        if count > 0 && !call.in_time {
            findings.late += 1;
            let note = self.describe(call, "replies late");
            findings.notes.push(note);
        }
        if count < least {
            let what = format!("{count} replies to {least} entries, {} s after the deadline", PATIENCE.as_secs());
            self.add(Law::Reply, call, &what, findings);
        }
        if call.kept.len() > most {
            self.add(Law::OneReply, call, &format!("{} replies to {most} entries", call.kept.len()), findings);
        }
        let gone = count - call.kept.len();
        let differ = call.replies.iter().any(|reply| reply != &call.replies[0]);
        if gone > 0 && call.failed_over {
            findings.lost.replies += gone;
            findings.lost.other += usize::from(differ);
            let note = self.describe(call, &format!("{gone} of its replies lost; there were {:?}", call.replies));
            findings.notes.push(note);
            return;
        }
        if gone > 0 {
            self.add(Law::Kept, call, &format!("{gone} of its replies are gone: {:?}", call.replies), findings);
        }
        if differ {
            self.add(Law::OneReply, call, &format!("its replies differ: {:?}", call.replies), findings);
        }
        // Where there was no failover, fewer replies than entries are above.
        let unanswered = call.acknowledged.saturating_sub(count);
        if call.failed_over && count >= least && unanswered > 0 {
            findings.lost.entries += unanswered;
            let note = self.describe(call, &format!("{unanswered} of its entries lost at a failover"));
            findings.notes.push(note);
        }
    }

    fn create(&self, call: &Call, findings: &mut Findings) {
        let none = Vec::new();
        let all = self.containers.get(&call.id).unwrap_or(&none);
        let (extra, there): (Vec<_>, Vec<_>) = all.iter().partition(|(container, _)| container.is_extra());
        findings.extras += extra.len();
        if there.len() > 1 {
            self.add(Law::Once, call, &format!("{} containers: {there:?}", there.len()), findings);
        }
        for (container, time) in all {
            self.deadline(call, container.host, *time, findings);
        }
        match verdict(call) {
            Verdict::Refused if !all.is_empty() => {
                self.add(Law::Refusal, call, &format!("a container is there: {all:?}"), findings);
            }
            Verdict::Done => {
                let id = call.replies[0]["Id"].as_str().unwrap_or_default();
                let is_there = there.iter().any(|(container, _)| container.id == id);
                match self.deletions.get(id) {
                    None | Some(Verdict::Refused) => {
                        findings.containers.0 += 1;
                        findings.containers.1 += usize::from(is_there);
                        if !is_there {
                            let what = format!("its container {id} is not there, but {all:?}");
                            self.add(Law::Truth, call, &what, findings);
                        }
                    }
                    Some(Verdict::Done) if !there.is_empty() => {
                        self.add(Law::Truth, call, &format!("deleted, and still there: {there:?}"), findings);
                    }
                    Some(_) => {}
                }
            }
            _ => {}
        }
    }

    fn exec(&self, call: &Call, findings: &mut Findings) {
        let none = Vec::new();
        let lines = self.lines.get(&call.id).unwrap_or(&none);
        if lines.iter().map(|written| written.count).sum::<u64>() > 1 {
            self.add(Law::Once, call, &format!("more than one line: {lines:?}"), findings);
        }
        for written in lines {
            self.deadline(call, written.host, written.time, findings);
        }
        match verdict(call) {
            Verdict::Refused if !lines.is_empty() => {
                self.add(Law::Refusal, call, &format!("a line is there: {lines:?}"), findings);
            }
            Verdict::Done if call.replies[0]["Response"]["Body"]["exitCode"] == 0 => {
                findings.lines.0 += 1;
                findings.lines.1 += usize::from(!lines.is_empty());
                if lines.is_empty() {
                    self.add(Law::Truth, call, "its line is not there", findings);
                }
            }
            _ => {}
        }
    }

    /// An effect at `time` on `host`.
    fn deadline(&self, call: &Call, host: usize, time: u64, findings: &mut Findings) {
        let Some(late) = time.checked_sub(call.deadline + TOLERANCE).filter(|late| *late > 0) else { return };
        // A daemon that is stopped in the middle of a call finishes it when it is woken: nobody can take it back.
        let around = self.history.during(&[host], call.deadline, time);
        let hung = around.iter().find(|fault| {
            let began_before = call.sent < fault.from + STOPPING && fault.from <= call.deadline;
            fault.kind.does == Does::EngineHangs && began_before && time <= fault.to + TOLERANCE
        });
        if hung.is_some() && verdict(call) == Verdict::Unknown {
            findings.held += 1;
            let note = self.describe(call, &format!("{} ms after its deadline", late + TOLERANCE));
            findings.notes.push(note);
            return;
        }
        self.add(Law::Deadline, call, &format!("took effect {} ms after its deadline", late + TOLERANCE), findings);
    }

    fn add(&self, law: Law, call: &Call, what: &str, findings: &mut Findings) {
        findings.violations.push(Violation { law, text: self.describe(call, what) });
    }

    /// Says it so that the cause can be found.
    fn describe(&self, call: &Call, what: &str) -> String {
        let mut hosts = vec![call.host];
        let named = (1..=HOSTS).filter(|host| {
            let dock = crate::cluster::dock(*host);
            call.request["dock"] == dock || call.replies.iter().any(|reply| reply["dockerInstance"] == dock)
        });
        hosts.extend(named);
        let faults = self.history.during(&hosts, call.sent, call.deadline + 20_000);
        let faults: Vec<String> = faults
            .iter()
            .map(|fault| {
                let place = fault.host.map_or_else(|| "Redis".to_owned(), |host| format!("h{host}"));
                let at =
                    |time: u64| i64::try_from(time).unwrap_or_default() - i64::try_from(call.sent).unwrap_or_default();
                format!("{} ({place}, {} to {} ms)", fault.kind.name, at(fault.from), at(fault.to))
            })
            .collect();
        let reply = call.replies.first().map_or_else(|| "none".to_owned(), Value::to_string);
        format!(
            "{}: {what}; sent at {} by {}, deadline +{} ms: {}; reply: {reply}; faults: {}",
            call.id,
            call.sent,
            call.stream,
            call.deadline.saturating_sub(call.sent),
            call.request,
            faults.join(", ")
        )
    }
}
