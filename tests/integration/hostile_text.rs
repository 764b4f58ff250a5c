//! Text of other people that would act on a terminal: nothing but the raw streams that a person asks for passes it on.

use std::path::Path;

use deblox::protocol::text::is_hidden;
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST};
use crate::support::{Bus, Scrub, deblox, docker, try_docker, unique, until};

/// Clears the screen, sets its title, reorders text, hides, breaks the line.
const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}gpj.\u{2066}\u{200b}\u{2028}\u{feff}\u{61c}\u{e0041}\rfaked";

/// Asserts that nothing in what was printed acts on a terminal.
fn clean(what: &str, text: &str) {
    let hidden = text.chars().find(|c| is_hidden(*c) && !matches!(c, '\n' | '\t'));
    assert_eq!(hidden, None, "{what} passes it on: {text:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_command_passes_on_what_acts_on_a_terminal() {
    let bus = Bus::new().await;
    let _worker = bus.worker(HOST, DOCK).await;
    let name = unique("hostile");
    let broken = format!("{name}-broken");
    let _scrubs = [Scrub::new(HOST, &name), Scrub::new(HOST, &broken)];
    let label = format!("evil={HOSTILE}");
    let loud = format!("printf '%s\\n' '{HOSTILE}'; sleep 600");
    let check = format!("echo '{HOSTILE}'; exit 1");
    docker(
        HOST,
        &[
            "run",
            "-d",
            "--name",
            &name,
            "--label",
            &label,
            "-e",
            &label,
            "--health-cmd",
            &check,
            "--health-interval",
            "1s",
            "--health-retries",
            "1",
            "busybox",
            "sh",
            "-c",
            &loud,
        ],
    );
    // What the daemon says of this one has its command in it.
    docker(HOST, &["create", "--name", &broken, "--label", &label, "busybox", HOSTILE]);
    docker(HOST, &["network", "create", "--label", &label, &name]);
    docker(HOST, &["volume", "create", "--label", &label, &name]);
    until("both are in the records", async || {
        let listed = bus.deblox(&["ps", "-aq"]).await;
        (listed.out.lines().count() >= 2).then_some(())
    })
    .await;
    until("it is unhealthy", async || {
        let health = docker(HOST, &["inspect", "-f", "{{.State.Health.Status}}", &name]);
        (health == "unhealthy").then_some(())
    })
    .await;
    let template =
        json!({"action": "put-template", "name": name, "body": {"Image": "busybox", "Labels": {"evil": HOSTILE}}});
    bus.call(template).await;
    let unknown = json!({"action": HOSTILE}).to_string();
    let top = json!({"action": "top-container", "id": name}).to_string();
    for words in [
        &["ps", "-a"][..],
        &["ps", "-a", "--no-trunc"],
        &["ps", "-aq"],
        &["ps", "-a", "--format", "json"],
        &["inspect", &name],
        &["inspect", "--format", "json", &name],
        &["top", &name],
        &["stats", "--no-stream"],
        &["start", &broken],
        &["start", HOSTILE],
        &["recreate", "--pull", "never", &name],
        &["rm", HOSTILE],
        &["network", "ls"],
        &["network", "ls", "--format", "json"],
        &["network", "inspect", &name],
        &["volume", "ls", "--format", "json"],
        &["volume", "inspect", &name],
        &["templates", "ls"],
        &["audit"],
        &["audit", "--format", "json"],
        &["docks"],
        &["call", &unknown],
        &["call", &top],
        &["call", HOSTILE],
        &["pull", &format!("x{HOSTILE}")],
    ] {
        let said = bus.deblox(words).await;
        assert!(!said.out.is_empty() || !said.err.is_empty() || said.code == 0, "{words:?} says nothing");
        clean(&format!("{words:?}"), &said.out);
        clean(&format!("{words:?}"), &said.err);
    }
    // JSON means what it meant.
    let inspected = bus.deblox(&["inspect", &broken]).await;
    let inspected: Value = serde_json::from_str(&inspected.out).expect("JSON");
    assert_eq!(inspected[0]["Config"]["Labels"]["evil"], HOSTILE);
    // What a person asks for as it is comes as it is.
    let logs = bus.deblox(&["logs", &name]).await;
    assert!(logs.out.contains("\u{1b}[2J"), "{logs:?}");
    try_docker(HOST, &["network", "rm", &name]);
    try_docker(HOST, &["volume", "rm", "-f", &name]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_the_log_is_one_line_with_nothing_hidden_in_it() {
    for format in ["text", "json"] {
        let mut command = deblox();
        // What cannot be reached is logged and complained of with its name.
        command.args(["doctor"]).env("REDIS_URL", "redis://127.0.0.1:1").env("DEBLOX_LOG_FORMAT", format);
        command.env("DEBLOX_LOG", "debug").env("DEBLOX_NAMESPACE", HOSTILE.replace('\u{0}', ""));
        let output = command.output().expect("it runs");
        clean("stdout", &String::from_utf8_lossy(&output.stdout));
        clean("stderr", &String::from_utf8_lossy(&output.stderr));
    }
}

/// Files of the commands that may write to the terminal what was not cleaned, and what each writes.
const RAW: [(&str, &str); 6] = [
    ("cli/attach.rs", "what a process writes to a terminal that a person has attached"),
    ("cli/call.rs", "the stream of a call"),
    ("cli/follow.rs", "logs"),
    ("cli/logs.rs", "logs"),
    ("cli/stats.rs", "a table that was cleaned, with what draws it over the last one"),
    ("cli/transfer.rs", "archives"),
];

#[test]
fn only_one_place_prints() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![src.clone()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            seen += 1;
            let name = path.strip_prefix(&src).expect("below it").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("it is readable");
            let code: Vec<&str> = text.lines().take_while(|line| *line != "#[cfg(test)]").collect();
            for line in code.into_iter().filter(|line| !line.trim_start().starts_with("//")) {
                let prints =
                    ["println!", "eprintln!", "print!(", "eprint!(", "dbg!("].iter().any(|word| line.contains(word));
                assert!(!prints, "{name} prints by itself, where nothing is cleaned: {line}");
                let handles = ["io::stdout()", "io::stderr()"].iter().any(|word| line.contains(word));
                let only_asks = line.contains("is_terminal()") || line.contains("AutoStream::choice");
                let writes = handles
                    && !only_asks
                    && !matches!(name.as_str(), "cli/output.rs" | "cli/streams.rs" | "cli/log.rs");
                assert!(!writes, "{name} has the terminal for itself: {line}");
                let raw = line.contains("write_raw(") || line.contains("output::raw(");
                let may = RAW.iter().any(|(file, _)| *file == name) || name == "cli/streams.rs";
                assert!(!raw || may, "{name} writes what was not cleaned: {line}");
            }
        }
    }
    assert!(seen > 100, "the sources are where they were");
}
