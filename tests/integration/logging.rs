//! The log: text at a terminal and JSON elsewhere, and more of it while it runs.

use std::process::Command;

use serde_json::{Value, json};

use crate::cli_terminal::Terminal;
use crate::processes::Program;
use crate::support::{Bus, until};

/// A worker that logs as it does by itself.
fn worker(bus: &Bus, dock: &str) -> Command {
    let mut command = bus.worker_command(1, dock);
    command.env_remove("DEBLOX_LOG_FORMAT");
    command
}

/// The lines that it has logged, each an object.
fn lines(program: &Program) -> Vec<Value> {
    let errors = program.errors();
    errors.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[tokio::test]
async fn the_log_is_json_unless_somebody_reads_it_at_a_terminal() {
    let bus = Bus::new().await;
    let program = Program::start(worker(&bus, "a.test"));
    program.says("worker is up").await;
    assert!(lines(&program).iter().all(|line| line["level"].is_string() && line["fields"]["message"].is_string()));

    let terminal = Terminal::start(&worker(&bus, "b.test"));
    terminal.shows("worker is up").await;
    assert!(!terminal.shown().contains("\"level\""), "{}", terminal.shown());
}

#[tokio::test]
async fn sighup_has_everything_logged_and_the_next_one_no_more() {
    let bus = Bus::new().await;
    let program = Program::start(worker(&bus, "a.test"));
    program.says("worker is up").await;
    bus.registered(1).await;
    let details = || lines(&program).iter().filter(|line| line["level"] == "DEBUG").count();
    let switches = || lines(&program).iter().filter(|line| line.to_string().contains("SIGHUP")).count();
    assert_eq!(details(), 0);

    program.signal("HUP");
    until("it is said", async || (switches() == 1).then_some(())).await;
    bus.call(json!({"action": "ping"})).await;
    until("details", async || (details() > 0).then_some(())).await;

    program.signal("HUP");
    until("it is said", async || (switches() == 2).then_some(())).await;
    // What was being logged is written by the time that a request is answered.
    bus.call(json!({"action": "ping"})).await;
    let before = details();
    bus.call(json!({"action": "ping"})).await;
    bus.call(json!({"action": "inspect-container", "id": "nobody"})).await;
    program.says("nobody").await;
    assert_eq!(details(), before);
}
