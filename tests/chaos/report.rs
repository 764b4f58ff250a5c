//! The result: a table for people, and the same in the page that keeps the last one.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::callers::Call;
use crate::checker::{Findings, Law, Lost, Verdict, verdict};
use crate::faults;
use crate::lab::HOSTS;
use crate::plan::Trial;
use crate::redis;
use crate::time::minute;

/// What stands behind a result in the page.
const END: &str = "<!-- end of result -->";

/// What must not be, as the table has it.
const LAWS: &[(Law, &str)] = &[
    (Law::Reply, "requests without a reply"),
    (Law::OneReply, "requests with more replies than entries"),
    (Law::Kept, "replies that were seen, and gone later"),
    (Law::Truth, "answered as done, and not so"),
    (Law::Once, "duplicates"),
    (Law::Refusal, "refused, and done all the same"),
    (Law::Deadline, "effects after the deadline"),
    (Law::Records, "records that disagree with the daemons"),
];

/// Under what circumstances it was found.
pub struct Circumstances {
    pub seed: u64,
    /// When the run began, in milliseconds since the epoch.
    pub begun: u64,
    pub took: Duration,
    pub kind: redis::Kind,
    /// How many replicas a worker's note that it begins must have reached before it acts.
    pub replicas: usize,
    /// How often another server became the primary.
    pub terms: usize,
    /// What the servers call themselves, with their version.
    pub redis: String,
    pub docker: String,
    /// Whether the workers' clocks were wrong.
    pub wrong_clocks: bool,
}

/// The whole result, in Markdown.
pub fn tables(circumstances: &Circumstances, trials: &[Trial], calls: &[Call], findings: &Findings) -> String {
    let mut text = String::new();
    let Circumstances { seed, begun, took, kind, replicas, terms, redis, docker, wrong_clocks } = circumstances;
    let clocks = if *wrong_clocks { "wrong clocks" } else { "right clocks: libfaketime is not there" };
    let mut line = |words: String| writeln!(text, "{words}").expect("a string can be written to");
    line(format!(
        "Seed {seed}, {}: {} trials on {HOSTS} hosts with {clocks}, in {} min {} s. {redis} ({}), Docker {docker}.\n",
        minute(*begun),
        trials.len(),
        took.as_secs() / 60,
        took.as_secs() % 60,
        kind.servers()
    ));
    let replies: usize = calls.iter().map(|call| call.replies.len()).sum();
    let twice = calls.iter().filter(|call| call.entries.1 > 1).count();
    line("| what | count | must be |\n|---|---|---|".to_owned());
    let rows = [
        ("requests sent", calls.len()),
        ("of these sent a second time", twice),
        ("replies", replies),
        ("containers that should exist", findings.containers.0),
        ("of these there", findings.containers.1),
        ("lines that should be in the logs", findings.lines.0),
        ("of these there", findings.lines.1),
    ];
    for (what, count) in rows {
        line(format!("| {what} | {count} | |"));
    }
    for (law, what) in LAWS {
        let count = findings.violations.iter().filter(|violation| violation.law == *law).count();
        line(format!("| **{what}** | **{count}** | 0 |"));
    }
    let rows = [
        ("extra containers, stopped and renamed", findings.extras),
        ("effects that a stopped daemon had in hand", findings.held),
        ("replies later than 20 s after the deadline", findings.late),
    ];
    for (what, count) in rows {
        line(format!("| {what} | {count} | |"));
    }
    if kind.fails_over() {
        let Lost { entries, replies, other } = findings.lost;
        let rows = [
            ("replicas that a worker waits for before it acts", *replicas),
            ("failovers that the callers noticed", *terms),
            ("entries acknowledged, lost at a failover, sent again and answered", entries),
            ("replies seen, and lost at a failover", replies),
            ("of these such that another reply took the place of", other),
        ];
        for (what, count) in rows {
            line(format!("| {what} | {count} | |"));
        }
    }
    line("\n| fault | trials | requests | done | refused | outcome not known | no reply |\n|---|---|---|---|---|---|---|".to_owned());
    for fault in faults::kinds(*kind) {
        let trials = trials.iter().filter(|trial| trial.fault.kind.name == fault.name).count();
        if trials == 0 {
            continue;
        }
        let around: Vec<&Call> = calls.iter().filter(|call| call.fault.name == fault.name).collect();
        let count = |wanted| around.iter().filter(|call| verdict(call) == wanted).count();
        let (done, refused) = (count(Verdict::Done), count(Verdict::Refused));
        let (unknown, missing) = (count(Verdict::Unknown), count(Verdict::Missing));
        let (name, requests) = (fault.name, around.len());
        line(format!("| {name} | {trials} | {requests} | {done} | {refused} | {unknown} | {missing} |"));
    }
    text
}

/// Each thing that was found, in one line.
pub fn details(findings: &Findings) -> String {
    let mut text = String::new();
    for note in &findings.notes {
        writeln!(text, "no fault: {note}").expect("a string can be written to");
    }
    for violation in &findings.violations {
        let what = LAWS.iter().find(|(law, _)| *law == violation.law).map_or("", |(_, what)| what);
        writeln!(text, "{what}: {}", violation.text).expect("a string can be written to");
    }
    text
}

/// Puts the result into the page, in place of the last one of that kind.
pub fn keep(page: &Path, kind: redis::Kind, result: &str) -> Result<()> {
    let text = std::fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let begin = format!("<!-- result: {} -->", kind.name());
    let parts = text.split_once(&begin).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) = parts.with_context(|| format!("{} has no place for a result", page.display()))?;
    std::fs::write(page, format!("{head}{begin}\n\n{result}\n{END}{tail}"))?;
    Ok(())
}
