//! The Docker daemon fails in the middle of what it was asked: the reply says what is known, nothing is done twice, and the
//! records agree with the daemon afterwards.

use std::collections::BTreeMap;
use std::process::Command;

use deblox::docker::DockerOptions;
use serde_json::{Value, json};

use crate::processes::Program;
use crate::proxy::Proxy;
use crate::support::{Bus, Disturbed, Scrub, Worker, docker, lab, quiet_hosts, refused, succeeded, unique, until};

/// A worker for `a.test` that reaches its daemon through the proxy.
async fn worker(bus: &Bus, host: usize, proxy: &Proxy) -> Worker {
    bus.worker_with(host, "a.test", |options| options.docker = DockerOptions::new(&proxy.address)).await
}

/// Sends a request by the dock's own stream.
async fn send(bus: &Bus, request: Value) -> String {
    bus.send_to("docker.a.test", &["json", &request.to_string()]).await
}

/// Waits until the records have the containers that the daemon has, with their names and states.
async fn records_agree(bus: &Bus, host: usize) {
    until("the records agree with the daemon", async || {
        let listed = docker(host, &["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}"]);
        let there: BTreeMap<String, (String, String)> = listed
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                (words[0].to_owned(), (words[1].to_owned(), words[2].to_owned()))
            })
            .collect();
        let recorded: BTreeMap<String, String> = bus.redis(&["HGETALL", &bus.key("instances.a.test")]).await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let recorded: BTreeMap<String, (String, String)> = recorded
            .into_iter()
            .map(|(id, summary)| {
                let summary: Value = serde_json::from_str(&summary).expect("JSON");
                (id, (text(&summary["name"]), text(&summary["state"])))
            })
            .collect();
        (there == recorded).then_some(())
    })
    .await;
}

async fn is_up(bus: &Bus) {
    bus.until_dock("a.test", |record| record["daemon"] == "up").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_a_create_it_has_made_one_and_the_reply_says_that_this_is_not_known() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let proxy = Proxy::losing(4, "/containers/create");
    let _worker = worker(&bus, 4, &proxy).await;
    let name = unique("made");
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "requestId": name});
    send(&bus, create.clone()).await;
    until("it is made", async || (!docker(4, &["ps", "-aq"]).is_empty()).then_some(())).await;
    drop(Disturbed::kill(4));
    refused(&bus.reply(&name).await, 504, "interrupted", &["not known"]);
    is_up(&bus).await;
    // Sent again under the same id it is the first reply; under another, the name is taken.
    refused(&bus.call_dock("a.test", create).await, 504, "interrupted", &[]);
    assert_eq!(docker(4, &["ps", "-aq"]).lines().count(), 1);
    records_agree(&bus, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_its_worker_it_leaves_open_whether_a_create_was_done_and_the_reply_says_so() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let proxy = Proxy::losing(4, "/containers/create");
    let lost = worker(&bus, 4, &proxy).await;
    let name = unique("made");
    send(&bus, json!({"action": "create-container", "image": "busybox", "name": name, "requestId": name})).await;
    until("it is made", async || (!docker(4, &["ps", "-aq"]).is_empty()).then_some(())).await;
    drop(lost);
    let killed = Disturbed::kill(4);
    let _successor = bus.worker(4, "a.test").await;
    refused(&bus.reply(&name).await, 504, "interrupted", &["not known", "Docker daemon"]);
    drop(killed);
    is_up(&bus).await;
    assert_eq!(docker(4, &["ps", "-aq"]).lines().count(), 1);
    docker(4, &["rm", "-f", &name]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_between_the_steps_of_a_create_it_leaves_open_what_was_done_and_the_reply_says_so() {
    let bus = Bus::new().await;
    let proxy = Proxy::dying(1, "/containers/create");
    let _worker = worker(&bus, 1, &proxy).await;
    is_up(&bus).await;
    let name = unique("half");
    let _scrub = Scrub::new(1, &name);
    send(
        &bus,
        json!({"action": "create-container", "image": "busybox", "name": name, "start": true, "requestId": name}),
    )
    .await;
    refused(&bus.reply(&name).await, 504, "interrupted", &["not known", "Docker daemon"]);
    assert_eq!(docker(1, &["inspect", "-f", "{{.State.Status}}", &name]), "created");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_a_command_or_a_stop_it_does_neither_twice() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let proxy = Proxy::losing(5, "nothing");
    let _worker = worker(&bus, 5, &proxy).await;
    let (runs, stays) = (unique("runs"), unique("stays"));
    bus.running("a.test", &runs).await;
    bus.running("a.test", &stays).await;
    let command = json!(["sh", "-c", "echo once >> /log; sleep 60"]);
    let exec = send(&bus, json!({"action": "exec-container", "id": runs, "cmd": command, "timeout": 90_000})).await;
    let stop = send(&bus, json!({"action": "stop-container", "id": stays, "time": 60})).await;
    until("the stop is under way", async || proxy.has_seen("/stop").then_some(())).await;
    until("the command runs", async || (docker(5, &["exec", &runs, "ls", "/"]).contains("log")).then_some(())).await;
    drop(Disturbed::kill(5));
    for id in [&exec, &stop] {
        refused(&bus.reply(id).await, 504, "interrupted", &["not known"]);
    }
    is_up(&bus).await;
    // A daemon that starts ends what ran before.
    docker(5, &["start", &runs]);
    assert_eq!(docker(5, &["exec", &runs, "cat", "/log"]), "once");
    succeeded(&bus.call_dock("a.test", json!({"action": "inspect-container", "id": stays})).await, 200);
    records_agree(&bus, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hung_in_the_middle_of_a_stop_it_may_go_on_when_it_wakes_and_the_reply_says_so() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let proxy = Proxy::losing(6, "nothing");
    let _worker = worker(&bus, 6, &proxy).await;
    let name = unique("slow");
    bus.running("a.test", &name).await;
    let stop = send(&bus, json!({"action": "stop-container", "id": name, "time": 2, "timeout": 6000})).await;
    until("it is asked", async || proxy.has_seen("/stop").then_some(())).await;
    let hung = Disturbed::hang(6);
    refused(&bus.reply(&stop).await, 504, "timeout", &["not known"]);
    drop(hung);
    is_up(&bus).await;
    until("it has ended after all", async || {
        (docker(6, &["inspect", "-f", "{{.State.Running}}", &name]) == "false").then_some(())
    })
    .await;
    records_agree(&bus, 6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hung_or_killed_in_the_middle_of_a_pull_it_is_honest_and_others_are_served() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let proxy = Proxy::losing(4, "nothing");
    let _worker = worker(&bus, 4, &proxy).await;
    let _registry = SilentRegistry::start(4).await;
    let image = format!("127.0.0.1:{REGISTRY}/silent:1");
    let pull = |timeout: u64| json!({"action": "pull-image", "image": image, "timeout": timeout});
    let asked = async |times: usize| {
        until("the daemon is asked", async || (proxy.times_seen("/images/create") >= times).then_some(())).await;
    };

    let waits = send(&bus, pull(3000)).await;
    asked(1).await;
    succeeded(&bus.call_dock("a.test", json!({"action": "list-images"})).await, 200);
    refused(&bus.reply(&waits).await, 504, "timeout", &["not known"]);

    let hangs = send(&bus, pull(4000)).await;
    asked(2).await;
    let hung = Disturbed::hang(4);
    refused(&bus.reply(&hangs).await, 504, "timeout", &["not known"]);
    drop(hung);
    is_up(&bus).await;

    let dies = send(&bus, pull(60_000)).await;
    asked(3).await;
    drop(Disturbed::kill(4));
    refused(&bus.reply(&dies).await, 504, "interrupted", &["not known"]);
    is_up(&bus).await;
    records_agree(&bus, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_while_the_stream_of_events_is_cut_is_in_the_records_all_the_same() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let proxy = Proxy::losing(5, "nothing");
    let _worker = worker(&bus, 5, &proxy).await;
    for round in 1..=5 {
        let name = unique("behind");
        let streams = proxy.times_seen("/events");
        assert_eq!(proxy.cut("/events"), 1, "there is one stream");
        docker(5, &["create", "--name", &name, "busybox"]);
        if round % 2 == 0 {
            docker(5, &["rm", &name]);
        }
        until("it is opened again", async || (proxy.times_seen("/events") > streams).then_some(())).await;
        records_agree(&bus, 5).await;
        succeeded(&bus.call_dock("a.test", json!({"action": "list-containers"})).await, 200);
    }
}

/// The port of the registry.
const REGISTRY: u16 = 5000;

/// Something that takes connections in the network of one host and never answers. It is removed when dropped.
struct SilentRegistry {
    _server: Program,
}

impl SilentRegistry {
    async fn start(host: usize) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lab.sh");
        let mut command = Command::new(script);
        command.args(["in", &format!("h{host}"), "redis-server", "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--port", &REGISTRY.to_string()]).env("DEBLOX_LAB", lab());
        let server = Program::start(command);
        until("it listens", async || server.output().contains("Ready to accept connections").then_some(())).await;
        // A server that is stopped is silent: the system still takes connections for it.
        server.signal("STOP");
        Self { _server: server }
    }
}
