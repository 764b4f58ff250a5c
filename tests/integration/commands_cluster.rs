//! The commands about docks and contexts, and what a list says when not all docks answer.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::commands::{Said, cluster, objects};
use crate::processes::Program;
use crate::support::{Bus, Disturbed, Scrub, deblox, quiet_hosts, unique, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docks_are_listed_labelled_drained_and_taken_out() {
    let (bus, _workers) = cluster().await;
    assert_eq!(bus.says(&["docks", "label", "b.test", "disk=ssd", "zone=2"]).await, "b.test");
    assert_eq!(bus.says(&["docks", "drain", "c.test"]).await, "c.test");
    let table = bus.says(&["docks"]).await;
    let columns: Vec<Vec<&str>> = table.lines().map(|line| line.split("   ").map(str::trim).collect()).collect();
    let heads: Vec<&str> = columns[0].iter().filter(|head| !head.is_empty()).copied().collect();
    assert_eq!(heads, ["DOCK", "STATE", "ENGINE", "CPUS", "MEMORY", "RUNNING", "LAST SEEN", "LABELS"]);
    let states: Vec<(&str, &str)> = columns[1..].iter().map(|row| (row[0], row[1])).collect();
    assert_eq!(states, [("a.test", "up"), ("b.test", "up"), ("c.test", "drained")], "{table}");
    assert!(table.lines().nth(2).is_some_and(|row| row.ends_with("disk=ssd,zone=2")), "{table}");

    assert_eq!(bus.says(&["docks", "ls", "-q"]).await, "a.test\nb.test\nc.test");
    assert_eq!(bus.says(&["docks", "-q", "-f", "state=drained"]).await, "c.test");
    assert_eq!(bus.says(&["docks", "-q", "-f", "label=disk", "-f", "label=zone=2"]).await, "b.test");
    bus.complains(&["docks", "-f", "colour=red"], 1, &["colour", "label"]).await;
    bus.until_dock("a.test", |record| record["usage"].is_object()).await;
    let rows = objects(&bus.says(&["docks", "--format", "json"]).await);
    assert!(rows[0]["usage"]["memoryTotal"].is_u64(), "{rows:?}");
    assert_eq!((&rows[1]["labels"]["disk"], &rows[2]["standing"]), (&json!("ssd"), &json!("drained")));
    let shown: Value = serde_json::from_str(&bus.says(&["docks", "inspect", "b.test"]).await).expect("JSON");
    assert_eq!((&shown[0]["hostname"], &shown[0]["daemon"]), (&json!("b.test"), &json!("up")));
    bus.complains(&["docks", "inspect", "nowhere.test"], 1, &["nowhere.test"]).await;

    bus.complains(&["run", "-d", "--dock", "c.test", "busybox"], 125, &["drained", "undrain"]).await;
    assert_eq!(bus.says(&["docks", "undrain", "c.test"]).await, "c.test");
    let partly = bus.complains(&["docks", "rm", "nowhere.test", "c.test"], 1, &["nowhere.test"]).await;
    assert_eq!(partly.out, "c.test\n");
    assert_eq!(bus.says(&["docks", "-q", "-f", "state=unregistered"]).await, "c.test");
    bus.complains(&["run", "-d", "--dock", "c.test", "busybox"], 125, &["c.test", "deblox docks add"]).await;
    assert_eq!(bus.says(&["docks", "add", "c.test"]).await, "c.test");
    assert_eq!(bus.says(&["docks", "-q", "-f", "state=up"]).await, "a.test\nb.test\nc.test");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_names_the_docks_that_do_not_answer_and_is_no_success() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let (_a, b, _c) = (bus.worker(4, "a.test").await, bus.worker(5, "b.test").await, bus.worker(6, "c.test").await);
    let names = [unique("here"), unique("silent"), unique("down")];
    let _scrub: Vec<Scrub> = (4..).zip(&names).map(|(host, name)| Scrub::new(host, name)).collect();
    for (dock, name) in ["a.test", "b.test", "c.test"].iter().zip(&names) {
        bus.running(dock, name).await;
    }
    drop(b);
    let _hung = Disturbed::hang(6);
    until("both are known to be silent", async || {
        let rows = objects(&bus.says(&["docks", "--format", "json"]).await);
        (rows[1]["state"] == "lost" && rows[2]["daemon"] == "down").then_some(())
    })
    .await;

    for words in [&["ps"][..], &["images"], &["network", "ls"], &["volume", "ls"], &["ps", "-q"]] {
        let said = bus.deblox(words).await;
        assert_eq!((said.code, said.err.lines().count()), (3, 1), "{words:?}: {said:?}");
        for part in ["not all docks answer", "b.test (lost, last seen ", "c.test (up, Docker down, last seen "] {
            assert!(said.err.contains(part), "{words:?}: {said:?}");
        }
    }
    let said = bus.deblox(&["ps"]).await;
    let row = |name: &str| said.out.lines().find(|line| line.ends_with(name)).unwrap_or_else(|| panic!("{said:?}"));
    assert!(row(&names[1]).contains("(last seen ") && row(&names[2]).contains("(last seen "), "{said:?}");
    assert!(!row(&names[0]).contains("last seen"), "{said:?}");
    bus.says(&["ps", "--dock", "a.test"]).await;
    let said = bus.deblox(&["ps", "--dock", "b.test"]).await;
    assert!(said.code == 3 && said.out.contains(&names[1]) && !said.err.contains("c.test"), "{said:?}");

    let table = bus.says(&["docks"]).await;
    assert!(table.contains("lost") && table.contains("up, Docker down"), "{table}");
    let net = unique("net");
    let made = bus.deblox(&["volume", "create", &net, "--all-docks"]).await;
    assert_eq!((made.code, made.out.trim()), (3, net.as_str()), "where it can be: {made:?}");
    assert!(made.err.contains("b.test (lost") && made.err.contains("c.test (up, Docker down"), "{made:?}");
    bus.says(&["volume", "rm", &net]).await;
    bus.complains(&["stop", &names[1]], 1, &["b.test", "last seen"]).await;
    // Taken out, it is missed by nobody.
    bus.says(&["docks", "rm", "b.test"]).await;
    let said = bus.deblox(&["ps"]).await;
    assert!(said.code == 3 && !said.err.contains("b.test"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn colours_are_for_terminals_and_for_those_who_do_not_say_no() {
    let (bus, _workers) = cluster().await;
    let forced = |name: &'static str, value: &'static str| {
        move |command: &mut Command| {
            command.env("CLICOLOR_FORCE", "1").env(name, value);
        }
    };
    let plain = bus.says(&["docks", "ls"]).await;
    assert!(!plain.contains('\u{1b}'), "not where no terminal is: {plain}");
    let coloured = bus.deblox_with(&["docks", "ls"], forced("TERM", "xterm")).await;
    assert!(coloured.out.contains("a.test    \u{1b}[32mup\u{1b}[0m  "), "{coloured:?}");
    let refused = bus.deblox_with(&["docks", "ls"], forced("NO_COLOR", "1")).await;
    assert!(!refused.out.contains('\u{1b}'), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contexts_name_clusters_and_redis_url_comes_first() {
    let (bus, other) = (Bus::new().await, Bus::new().await);
    let _workers = (bus.worker(1, "a.test").await, other.worker(2, "b.test").await);
    let home = tempfile::tempdir().expect("a folder");
    let run = |words: &[&str], set: &[(&str, &str)]| {
        let mut command = deblox();
        command.args(words).env_remove("DEBLOX_CONTEXT").env_remove("DEBLOX_NAMESPACE");
        command.env("XDG_CONFIG_HOME", home.path()).env("XDG_STATE_HOME", home.path()).envs(set.iter().copied());
        let output = command.output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Said { code: output.status.code().expect("an end"), out: text(output.stdout), err: text(output.stderr) }
    };
    let says = |words: &[&str], set: &[(&str, &str)]| {
        let said = run(words, set);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{words:?}: {said:?}");
        said.out.trim_end().to_owned()
    };
    let complains = |words: &[&str], set: &[(&str, &str)], part: &str| {
        let said = run(words, set);
        assert!(said.code == 1 && said.err.lines().count() == 1 && said.err.contains(part), "{words:?}: {said:?}");
    };

    assert_eq!(says(&["context", "show"], &[]), "default");
    complains(&["context", "set", "one"], &[], "--redis-url");
    assert_eq!(says(&["context", "set", "one", "--redis-url", &bus.url, "--namespace", &bus.namespace], &[]), "one");
    let environment = [("REDIS_URL", other.url.as_str()), ("DEBLOX_NAMESPACE", other.namespace.as_str())];
    assert_eq!(says(&["context", "create", "two"], &environment), "two");
    let secret = "redis://ada:secret@redis.test:6379";
    assert_eq!(says(&["context", "set", "far"], &[("REDIS_URL", secret)]), "far");
    complains(&["--redis-url", secret, "context", "set", "far"], &[], "--redis-url-file");
    let file = home.path().join("deblox/contexts.json");
    let mode = std::fs::metadata(&file).expect("the file is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "URLs have passwords in them");

    assert_eq!(says(&["docks", "-q", "--context", "one"], &[]), "a.test");
    assert_eq!(says(&["--context", "two", "docks", "-q"], &[]), "b.test");
    assert_eq!(says(&["context", "use", "one"], &[]), "one");
    assert_eq!(says(&["docks", "-q"], &[]), "a.test");
    assert_eq!(says(&["docks", "-q"], &[("DEBLOX_CONTEXT", "two")]), "b.test");
    assert_eq!(says(&["docks", "-q"], &environment), "b.test", "REDIS_URL comes before what is usual");
    assert_eq!(says(&["docks", "-q", "--context", "one"], &environment[..1]), "a.test", "what is said comes first");
    let listed = says(&["context", "ls"], &[]);
    assert!(!listed.contains("secret") && listed.contains("redis://ada:***@redis.test:6379"), "{listed}");
    let names: Vec<&str> = listed.lines().map(|line| line.split("   ").next().unwrap_or_default()).collect();
    assert_eq!(names, ["NAME", "default", "far", "one *", "two"]);
    assert_eq!(says(&["context", "ls", "-q"], &[]), "default\nfar\none\ntwo");
    assert!(objects(&says(&["context", "ls", "--format", "json"], &[])).iter().any(|row| row["current"] == true));

    complains(&["docks", "--context", "none"], &[], "deblox context ls");
    complains(&["context", "use", "none"], &[], "deblox context ls");
    complains(&["context", "set", "a b"], &[("REDIS_URL", secret)], "a b");
    complains(&["context", "rm", "none"], &[], "deblox context ls");
    assert_eq!(says(&["context", "rm", "one", "far"], &[]), "one\nfar");
    assert_eq!(says(&["context", "show"], &[]), "default", "what was in use is gone");
    std::fs::write(&file, "nonsense").expect("written");
    complains(&["docks"], &[], "contexts.json");
}

#[test]
fn completions_and_the_manual_tell_of_every_command() {
    let run = |words: &[&str]| deblox().args(words).output().expect("it runs");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        let script = String::from_utf8_lossy(&output.stdout).into_owned();
        for word in ["recreate", "no-trunc", "disconnect"] {
            assert!(output.status.success() && script.contains(word), "{shell} does not know {word}");
        }
    }
    let page = String::from_utf8(run(&["man"]).stdout).expect("text");
    assert!(page.starts_with(".ie") && page.contains(".TH deblox 1") && page.contains("deblox\\-ps(1)"), "{page}");
    let folder = tempfile::tempdir().expect("a folder");
    let into = folder.path().join("man1");
    assert!(run(&["man", into.to_str().expect("UTF-8")]).status.success());
    for page in ["deblox.1", "deblox-ps.1", "deblox-network-create.1"] {
        assert!(into.join(page).exists(), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verbose_tells_who_answered_and_timeout_bounds_the_wait() {
    let (bus, _workers) = cluster().await;
    let said = bus.deblox(&["-v", "docks", "-q"]).await;
    assert_eq!((said.code, said.out.as_str()), (0, "a.test\nb.test\nc.test\n"), "{said:?}");
    assert!(said.err.contains("list-docks") && said.err.contains(".test"), "{said:?}");
    let empty = Bus::new().await;
    empty.complains(&["--timeout", "1s", "ps"], 1, &["no reply", "no worker is up"]).await;
    bus.complains(&["ps", "--timeout", "0s"], 1, &["timeout"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_waits_ends_when_it_is_told_to() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "a.test").await;
    let name = unique("endless");
    let _scrub = Scrub::new(1, &name);
    bus.running("a.test", &name).await;
    for (waiting, signal) in [(1, "INT"), (2, "TERM")] {
        let mut command = deblox();
        command.args(["wait", &name]).env("REDIS_URL", &bus.url).env("DEBLOX_NAMESPACE", &bus.namespace);
        let mut wait = Program::start(command);
        // What is in hand stays in its stream; the worker does not care who still wants to know.
        until("the request is in hand", async || {
            let shared: usize = bus.redis(&["XLEN", &bus.key("docker")]).await;
            let own: usize = bus.redis(&["XLEN", &bus.key("docker.a.test")]).await;
            (shared + own == waiting).then_some(())
        })
        .await;
        wait.signal(signal);
        assert_eq!((wait.ended().await.code(), wait.output()), (Some(130), String::new()), "{}", wait.errors());
    }
}
