//! The program as a person uses it: `deblox call`, and `deblox up` with a Redis of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use deblox::actions::Action;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::processes::{Program, free_port, is_alive, signal};
use crate::support::{Bus, Scrub, deblox, docker_host, unique, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn call_prints_the_reply_and_succeeds_only_when_the_request_did() {
    let bus = Bus::new().await;
    let (_a, _b) = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    bus.registered(2).await;

    let listed = call(&bus, &[r#"{"action":"list-docks"}"#]).await;
    assert_eq!(listed.status.code(), Some(0), "{listed:?}");
    assert_eq!(reply(&listed)["Response"]["Body"][1]["hostname"], "b.test");
    assert_eq!(text(&listed.stderr), "");
    assert_eq!(text(&listed.stdout).lines().count(), 1, "one line, for programs to read");

    for dock in ["a.test", "b.test"] {
        let there = call(&bus, &["--dock", dock, r#"{"action":"ping"}"#]).await;
        assert_eq!((there.status.code(), &reply(&there)["dockerInstance"]), (Some(0), &json!(dock)), "{there:?}");
    }

    let refused = call(&bus, &[r#"{"action":"inspect-container","id":"nobody-here"}"#]).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert_eq!(reply(&refused)["error"], "no-such-instance");
    let unknown = call(&bus, &["--dock", "nowhere.test", r#"{"action":"list-images"}"#]).await;
    assert_eq!((unknown.status.code(), &reply(&unknown)["error"]), (Some(1), &json!("unknown-dock")), "{unknown:?}");
    let name = unique("late");
    let _scrub = (Scrub::new(1, &name), Scrub::new(2, &name));
    let create = json!({"action": "create-container", "image": "busybox", "name": name}).to_string();
    let late = call(&bus, &["--timeout", "1ms", &create]).await;
    assert_eq!(late.status.code(), Some(1), "{late:?}");
    assert!(["expired", "timeout"].contains(&reply(&late)["error"].as_str().unwrap_or_default()), "{late:?}");

    let register = call(&bus, &[r#"{"action":"register","hostname":"c.test"}"#]).await;
    assert_eq!((register.status.code(), text(&register.stdout)), (Some(0), ""), "{register:?}");
    assert!(text(&register.stderr).contains("no reply"), "{register:?}");
    assert_eq!(bus.dock("c.test").await["state"], "never seen");
    let unregister = call(&bus, &[r#"{"action":"unregister","hostname":"nobody.test"}"#]).await;
    assert_eq!((unregister.status.code(), &reply(&unregister)["error"]), (Some(1), &json!("unknown-dock")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn call_says_in_one_line_what_is_wrong() {
    let bus = Bus::new().await;
    let cases: &[(&[&str], i32, &str)] = &[
        (&["{\"action\":"], 1, "the request is not valid JSON"),
        (&["[1]"], 1, "the request must be a JSON object"),
        (&["7"], 1, "the request must be a JSON object"),
        (&[r#"{"action":"ping","requestId":"a/b"}"#], 1, "requestId"),
        (&[r#"{"action":"ping","dock":"a b"}"#], 1, "dock"),
        (&["--timeout", "1s", r#"{"action":"ping"}"#], 1, "no worker is up"),
    ];
    for (words, code, part) in cases {
        let output = call(&bus, words).await;
        assert_eq!(output.status.code(), Some(*code), "{words:?}: {output:?}");
        let errors = text(&output.stderr);
        assert!(errors.starts_with("deblox: ") && errors.contains(part), "{words:?}: {errors}");
        assert_eq!((errors.lines().count(), text(&output.stdout)), (1, ""), "{words:?}: {errors}");
    }
    for words in [&["call"][..], &["call", "--nonsense", "{}"], &["call", "--dock", "a b", "{}"], &["nonsense"], &[]] {
        let output = deblox().args(words).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
        assert!(text(&output.stderr).contains("--help"), "{words:?}: {output:?}");
    }

    let nowhere = format!("redis://:secret@127.0.0.1:{}", free_port());
    let output = deblox().args(["call", "{\"action\":\"ping\"}"]).env("REDIS_URL", nowhere).output().expect("it runs");
    let errors = text(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains("REDIS_URL") && errors.contains("deblox up"), "{errors}");
    assert!(!errors.contains("secret"), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_brings_a_redis_of_its_own_that_call_finds_and_serves_http_for_this_machine_alone() {
    let home = Home::new();
    let mut up = home.up().await;
    let redis = home.redis();
    assert_eq!(tcp_listeners(redis), Vec::<String>::new(), "the private Redis listens on a Unix socket only");
    let listeners = tcp_listeners(up.id());
    // 127.0.0.1, as the kernel writes it.
    assert!(listeners.len() == 1 && listeners[0].contains(" 0100007F:"), "{listeners:?}");
    let listed = home.list_docks();
    assert_eq!(listed, [("a.test".to_owned(), "up".to_owned())]);
    let output = up.output();
    assert!(output.contains("a.test") && output.contains("deblox call"), "it says what to type next: {output}");
    let address = output.lines().find_map(|line| line.trim().strip_prefix("Web")).expect("where HTTP is");
    let address = address.split_whitespace().next().expect("an address");
    let ready =
        Command::new("curl").args(["-fsS", "-d", r#"{"action":"list-docks"}"#, address]).output().expect("curl");
    assert!(ready.status.success() && text(&ready.stdout).contains("a.test"), "{ready:?}");

    let second = home.command("up").output().expect("it runs");
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    assert!(text(&second.stderr).contains("another `deblox up` runs already"), "{second:?}");
    assert_eq!(home.list_docks(), listed, "the first does not mind");

    let call = home.command("call").arg(r#"{"action":"register","hostname":"kept.test"}"#).output().expect("it runs");
    assert!(call.status.success(), "{call:?}");
    up.signal("TERM");
    assert_eq!(up.ended().await.code(), Some(0), "{}", up.errors());
    assert!(!is_alive(redis), "Redis is stopped with it");
    let call = home.command("call").arg(r#"{"action":"ping"}"#).output().expect("it runs");
    assert_eq!(call.status.code(), Some(1), "{call:?}");

    let _up = home.up().await;
    let kept = ("kept.test".to_owned(), "never seen".to_owned());
    assert!(home.list_docks().contains(&kept), "what Redis knew survives: {:?}", home.list_docks());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_makes_an_admin_where_there_is_no_account_and_tells_the_password_once() {
    let home = Home::new();
    let command = || {
        let mut command = home.command("up");
        command.arg("--auth-manager");
        command
    };
    let mut up = Program::start(command());
    let told = until("the password", async || {
        let output = up.output();
        let line = output.lines().find(|line| line.contains("one-time password"))?;
        Some(line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    })
    .await;
    assert_eq!(told[..2], ["Admin", "admin,"]);
    let password = told[4].clone();
    assert!(!up.errors().contains(&password), "it is in no log");
    assert!(home.login("admin", &password).await.contains("sessionID"));
    up.signal("TERM");
    assert_eq!(up.ended().await.code(), Some(0), "{}", up.errors());

    let up = Program::start(command());
    up.says("auth manager is up").await;
    let reply = home.login("admin", &password).await;
    assert!(reply.contains("sessionID"), "it is the same account: {reply}");
    assert!(!up.output().contains("one-time password"), "{}", up.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_starts_its_redis_again_when_that_is_killed() {
    let home = Home::new();
    let up = home.up().await;
    let redis = home.redis();
    signal(redis, "KILL");
    until("another Redis", async || {
        let next = home.find_redis()?;
        (next != redis && is_alive(next)).then_some(())
    })
    .await;
    until("all is well", async || (home.list_docks().first()?.1 == "up").then_some(())).await;
    let errors = up.errors();
    assert!(errors.contains("the private Redis has ended; starting it again"), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_deals_with_what_a_killed_up_left_behind() {
    let home = Home::new();
    let up = home.up().await;
    let orphan = home.redis();
    up.killed().await;
    assert!(is_alive(orphan), "nobody stopped it");
    let mut next = home.up().await;
    assert!(!is_alive(orphan), "two must not write the same data");
    assert_ne!(home.redis(), orphan);
    assert_eq!(home.list_docks(), [("a.test".to_owned(), "up".to_owned())]);
    next.signal("INT");
    assert_eq!(next.ended().await.code(), Some(0), "{}", next.errors());
}

#[test]
fn actions_are_listed_with_the_right_they_need_and_each_with_its_fields() {
    let run = |words: &[&str]| deblox().arg("actions").args(words).output().expect("it runs");
    let all = run(&[]);
    let listed = text(&all.stdout);
    for action in Action::all() {
        let right = action.access.as_str();
        let is_row = |line: &str| {
            let mut words = line.split_whitespace();
            (words.next(), words.next()) == (Some(action.name), Some(right)) && line.ends_with(action.about)
        };
        assert!(listed.lines().any(is_row), "{}: {listed}", action.name);
    }
    let listed = |words: &[&str]| text(&run(words).stdout).to_owned();
    assert_eq!(listed(&["-q"]).lines().count(), Action::all().count());
    assert_eq!(listed(&["-q", "-f", "name=push-", "-f", "name=tag-"]), "push-image\ntag-image\n");
    assert_eq!(listed(&["-q", "-f", "right=admin", "-f", "right=exec", "-f", "name=exec-"]), "exec-container\n");
    let json: Value = serde_json::from_str(&listed(&["--format", "json", "-f", "name=exec-"])).expect("one object");
    assert_eq!((&json["name"], &json["right"]), (&"exec-container".into(), &"exec".into()), "{json}");
    let fields = listed(&["delete-container", "--format", "json"]);
    let first: Value = serde_json::from_str(fields.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&first["name"], &first["required"]), (&"id".into(), &true.into()), "{fields}");
    assert!(listed(&["delete-container", "-q"]).lines().eq(["id", "force", "volumes"]), "{fields}");
    let unknown = run(&["-f", "name=none", "-f", "colour=red"]);
    assert!(unknown.status.code() == Some(1) && text(&unknown.stderr).contains("`colour`"), "{unknown:?}");
    let one = run(&["remove-container"]);
    let fields = text(&one.stdout);
    for part in ["delete-container, remove-container: removes it", "id ", "required", "force", "true or false"] {
        assert!(fields.contains(part), "{part}: {fields}");
    }
    let none = run(&["creat-container"]);
    let errors = text(&none.stderr);
    assert_eq!((none.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains("did you mean `create-container`?"), "{errors}");
}

/// Runs `deblox call` on a bus.
async fn call(bus: &Bus, words: &[&str]) -> Output {
    let mut command = deblox();
    command.arg("call").args(words).env("REDIS_URL", &bus.url).env("DEBLOX_NAMESPACE", &bus.namespace);
    tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("no panic")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

fn reply(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

/// A home folder in which `deblox up` keeps its state. What a failed test leaves running in it is killed.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn command(&self, name: &str) -> Command {
        let mut command = deblox();
        command.arg(name).env("XDG_STATE_HOME", self.0.path()).env_remove("DEBLOX_NAMESPACE");
        if name == "up" {
            command.args(["--hostname", "a.test", "--docker-host", &docker_host(3), "--listen", "127.0.0.1:0"]);
        }
        command
    }

    /// Runs `deblox up`, and waits until its dock is.
    async fn up(&self) -> Program {
        let up = Program::start(self.command("up"));
        up.says("worker is up").await;
        until("the dock is up", async || {
            self.list_docks().iter().any(|(dock, state)| dock == "a.test" && state == "up").then_some(())
        })
        .await;
        up
    }

    /// Names and states of the docks, as `deblox call` tells them.
    fn list_docks(&self) -> Vec<(String, String)> {
        let mut call = self.command("call");
        let output = call.args(["--timeout", "5s", r#"{"action":"list-docks"}"#]).output().expect("it runs");
        if !output.status.success() {
            return Vec::new();
        }
        let word = |value: &Value| value.as_str().expect("text").to_owned();
        let reply = reply(&output);
        let rows = reply["Response"]["Body"].as_array().expect("a list");
        rows.iter().map(|row| (word(&row["hostname"]), word(&row["state"]))).collect()
    }

    /// What the auth manager answers to this login.
    async fn login(&self, username: &str, password: &str) -> String {
        let mut bus = Bus::on(&format!("unix://{}", self.0.path().join("deblox/redis/redis.sock").display())).await;
        "deblox".clone_into(&mut bus.namespace);
        bus.auth("login", json!({"username": username, "password": password})).await
    }

    fn redis(&self) -> u32 {
        self.find_redis().expect("the private Redis runs")
    }

    /// The process of the private Redis, which has its data in this home as its working directory.
    fn find_redis(&self) -> Option<u32> {
        let folder = self.0.path().join("deblox/redis").canonicalize().ok()?;
        std::fs::read_dir("/proc").ok()?.find_map(|process| {
            let process = process.ok()?.path();
            let id = process.file_name()?.to_str()?.parse().ok()?;
            (std::fs::read_link(process.join("cwd")).ok()? == folder).then_some(id)
        })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(redis) = self.find_redis() {
            let _ = Command::new("kill").args(["-s", "KILL", &redis.to_string()]).status();
        }
    }
}

/// The lines of the kernel's tables of TCP sockets that listen and belong to a process.
fn tcp_listeners(process: u32) -> Vec<String> {
    const LISTEN: &str = "0A";
    let proc = Path::new("/proc").join(process.to_string());
    let links = std::fs::read_dir(proc.join("fd")).expect("its files").filter_map(Result::ok);
    let files: Vec<PathBuf> = links.filter_map(|link| std::fs::read_link(link.path()).ok()).collect();
    let tables = ["net/tcp", "net/tcp6"].map(|table| std::fs::read_to_string(proc.join(table)).unwrap_or_default());
    let listens = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let socket = |inode: &str| PathBuf::from(format!("socket:[{inode}]"));
        fields.get(3) == Some(&LISTEN) && fields.get(9).is_some_and(|inode| files.contains(&socket(inode)))
    };
    tables.iter().flat_map(|table| table.lines()).filter(listens).map(str::to_owned).collect()
}
