//! The commands that look into containers, on real daemons: logs, exec, top, diff, inspect.

use serde_json::{Value, json};

use crate::commands::{cluster, objects};
use crate::support::{Scrub, docker, unique, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_of_several_are_merged_in_the_order_of_time() {
    let (bus, _workers) = cluster().await;
    let (one, two) = (unique("one"), unique("two"));
    let _scrub = (Scrub::new(1, &one), Scrub::new(2, &two));
    let writer = |word: &str| format!("i=0; while [ $i -lt 3 ]; do echo {word}$i; i=$((i+1)); sleep 0.3; done");
    bus.says(&["run", "-d", "--name", &one, "--dock", "a.test", "busybox", "sh", "-c", &writer("a")]).await;
    bus.says(&["run", "-d", "--name", &two, "--dock", "b.test", "busybox", "sh", "-c", &writer("b")]).await;
    bus.says(&["wait", &one, &two]).await;

    assert_eq!(bus.says(&["logs", &one]).await, "a0\na1\na2");
    assert_eq!(bus.says(&["logs", "-n", "1", &one]).await, "a2");
    let follow = json!({"action": "container-logs", "id": one, "follow": true}).to_string();
    let called = bus.deblox(&["call", &follow]).await;
    assert_eq!((called.code, called.out.as_str()), (0, "a0\na1\na2\n"), "{called:?}");
    assert_eq!(objects(&called.err)[0]["statusCode"], 200, "{called:?}");
    let nobody = json!({"action": "container-logs", "id": "nobody-here", "follow": true}).to_string();
    let refused = bus.deblox(&["call", &nobody]).await;
    assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{refused:?}");
    assert_eq!(objects(&refused.err)[0]["error"], "no-such-instance", "{refused:?}");
    assert_eq!(bus.says(&["logs", "--since", "1h", "--until", "30m", &one]).await, "");
    let stamped = bus.says(&["logs", "-t", "--tail", "1", &one]).await;
    assert_eq!(stamped, docker(1, &["logs", "-t", "--tail", "1", &one]));

    // The truth is what each daemon noted; one log after the other it is not, since both wrote at the same time.
    let mut noted: Vec<(String, String)> = [(1, &one), (2, &two)]
        .iter()
        .flat_map(|(host, name)| {
            let log = docker(*host, &["logs", "-t", name]);
            let split =
                |line: &str| line.split_once(' ').map(|(time, text)| (time.to_owned(), format!("{name} | {text}")));
            log.lines().filter_map(split).collect::<Vec<_>>()
        })
        .collect();
    noted.sort();
    let wanted: Vec<String> = noted.into_iter().map(|(_, line)| line).collect();
    assert_eq!(bus.says(&["logs", &one, &two]).await, wanted.join("\n"));

    let both = ["logs", &one, &two];
    let coloured = bus.deblox_with(&both, |command| {
        command.env("CLICOLOR_FORCE", "1");
    });
    let coloured = coloured.await.out;
    let prefixes = [format!("\u{1b}[36m{one} |\u{1b}[0m a0\n"), format!("\u{1b}[33m{two} |\u{1b}[0m b0\n")];
    assert!(prefixes.iter().all(|prefix| coloured.contains(prefix)), "{coloured}");
    let plain = bus.deblox_with(&both, |command| {
        command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    });
    assert!(!plain.await.out.contains('\u{1b}'), "NO_COLOR counts");

    let partly = bus.complains(&["logs", &one, "nobody"], 1, &["nobody"]).await;
    assert_eq!(partly.out.lines().count(), 3, "{partly:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exec_gives_what_the_command_wrote_and_its_exit_code() {
    let (bus, _workers) = cluster().await;
    let name = unique("inside");
    let _scrub = Scrub::new(3, &name);
    bus.running("c.test", &name).await;
    let script = "echo $A $PWD; echo no >&2; exit 7";
    let said = bus.deblox(&["exec", "-e", "A=b", "-w", "/tmp", &name, "sh", "-c", script]).await;
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (7, "b /tmp\n", "no\n"));
    assert_eq!(bus.says(&["exec", "-u", "1", &name, "id", "-u"]).await, "1");
    // What the daemon itself makes of a command that is not there, docker passes on too.
    let there = bus.deblox(&["exec", &name, "nonsense"]).await;
    assert!([126, 127].contains(&there.code) && there.out.contains("nonsense"), "{there:?}");
    bus.complains(&["exec", "nobody", "true"], 1, &["nobody", "deblox ps -a"]).await;
    bus.says(&["stop", "-t", "0", &name]).await;
    bus.complains(&["exec", &name, "true"], 1, &["is not running"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn top_diff_and_inspect_show_what_docker_shows() {
    let (bus, _workers) = cluster().await;
    let name = unique("looked-at");
    let _scrub = Scrub::new(2, &name);
    let id = bus.running("b.test", &name).await;
    let top = bus.says(&["top", &name]).await;
    let lines: Vec<&str> = top.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("UID ") && lines[1].ends_with("sleep 600"), "{top}");
    let some = bus.says(&["top", &name, "-o", "pid,comm"]).await;
    assert!(some.starts_with("PID") && some.ends_with("sleep"), "{some}");

    assert_eq!(bus.says(&["diff", &name]).await, "");
    bus.says(&["exec", &name, "touch", "/etc/new"]).await;
    until("the file is seen", async || (bus.says(&["diff", &name]).await == docker(2, &["diff", &name])).then_some(()))
        .await;
    assert!(bus.says(&["diff", &name]).await.contains("A /etc/new"));
    assert!(bus.says(&["diff", "-q", &name]).await.lines().any(|line| line == "/etc/new"));
    let pids = bus.says(&["top", "--quiet", &name]).await;
    assert!(pids.parse::<u32>().is_ok(), "{pids}");
    let changes = objects(&bus.says(&["diff", "--format", "json", &name]).await);
    assert!(changes.contains(&json!({"kind": "A", "path": "/etc/new"})), "{changes:?}");
    let processes = objects(&bus.says(&["top", "--format", "json", &name, "-o", "pid,comm"]).await);
    assert!(processes.iter().all(|one| one["PID"].is_string()), "{processes:?}");
    assert!(processes.iter().any(|one| one["COMMAND"] == "sleep"), "{processes:?}");

    let shown = bus.says(&["inspect", &name, &id[..12]]).await;
    let (found, known): (Value, Value) = (
        serde_json::from_str(&shown).expect("JSON"),
        serde_json::from_str(&docker(2, &["inspect", &name])).expect("JSON"),
    );
    assert_eq!((&found[0], &found[1]), (&known[0], &known[0]), "Docker's own, one for each");
    let lines = objects(&bus.says(&["inspect", "--format", "json", &name]).await);
    assert_eq!(lines[0], known[0]);
    let sized = objects(&bus.says(&["inspect", "--size", "--format", "json", &name]).await);
    assert!(sized[0]["SizeRootFs"].is_number(), "{sized:?}");
    let partly = bus.deblox(&["inspect", &name, "nobody"]).await;
    assert_eq!((partly.code, partly.err.lines().count()), (1, 1), "{partly:?}");
    assert!(partly.out.contains(&id) && partly.err.contains("nobody"), "{partly:?}");
}
