//! Every action against a real daemon. What it did is seen through the docker command, not through deblox.

use std::time::{Duration, Instant, SystemTime};

use deblox::actions::Action;
use serde_json::{Value, json};

use crate::support::{Bus, Scrub, Worker, docker, port, refused, succeeded, try_docker, unique, until};

/// The host of all tests here, and the dock that stands for it.
pub const HOST: usize = 2;
pub const DOCK: &str = "actions.test";

/// Runs until it is told to stop, and then says so with its exit code.
const POLITE: &str = "trap 'exit 42' TERM; trap 'exit 43' USR1; echo ready; while :; do sleep 0.05; done";

#[test]
fn every_action_is_tested_here() {
    for action in Action::all() {
        for name in [action.name].iter().chain(action.aliases) {
            let sent = format!("{:?}: {name:?}", "action");
            let tests = [
                include_str!("actions.rs"),
                include_str!("more_actions.rs"),
                include_str!("resources.rs"),
                include_str!("cluster.rs"),
                include_str!("recreate.rs"),
                include_str!("streams.rs"),
                include_str!("enforcement.rs"),
                include_str!("dock_stats.rs"),
            ];
            assert!(tests.iter().any(|test| test.contains(&sent)), "no test sends {sent}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ping_is_answered_by_the_worker() {
    let (bus, _worker) = dock().await;
    let reply = bus.call(json!({"action": "ping"})).await;
    succeeded(&reply, 200);
    assert_eq!(reply["Response"]["Body"], json!({"hostname": DOCK, "version": env!("CARGO_PKG_VERSION")}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_docks_tells_what_is_known_of_each() {
    let bus = Bus::new().await;
    let zone = ("zone".to_owned(), "north".to_owned());
    let _worker = bus.worker_with(HOST, DOCK, |options| options.labels.extend([zone])).await;
    let reply = bus.call(json!({"action": "list-docks"})).await;
    succeeded(&reply, 200);
    let row = &reply["Response"]["Body"][0];
    let told = |name: &str| row[name].to_string().trim_matches('"').to_owned();
    assert_eq!((told("hostname"), told("state"), told("daemon")), (DOCK.into(), "up".into(), "up".into()), "{row}");
    assert_eq!((told("standing"), told("workerVersion")), ("active".into(), env!("CARGO_PKG_VERSION").into()));
    assert_eq!(row["labels"], json!({"zone": "north"}));
    let info = docker(HOST, &["info", "-f", "{{.ServerVersion}} {{.NCPU}} {{.MemTotal}} {{.OperatingSystem}}"]);
    assert_eq!(
        format!("{} {} {} {}", told("engineVersion"), told("cpus"), told("memory"), told("operatingSystem")),
        info
    );
    assert!(row["containers"].as_u64() >= row["running"].as_u64() && row["running"].is_u64(), "{row}");
    let seen = humantime::parse_rfc3339(&told("lastSeen")).expect("a time");
    assert!(seen > SystemTime::now() - Duration::from_secs(30), "{row}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unregister_takes_a_dock_out_and_register_brings_it_back() {
    let (bus, _worker) = dock().await;
    // The worker's own `register` must not come in between.
    bus.registered(1).await;
    for (request, state) in [
        (json!({"action": "unregister", "hostname": DOCK}), "unregistered"),
        (json!({"action": "register", "hostname": DOCK}), "up"),
    ] {
        bus.send(&["json", &request.to_string()]).await;
        until(state, async || (bus.dock(DOCK).await["state"] == state).then_some(())).await;
    }
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_container_passes_every_option_on() {
    let (bus, _worker) = dock().await;
    let (name, volume, port) = (unique("full"), unique("volume"), port());
    let _scrub = Scrub::new(HOST, &name);
    let reply = bus
        .call(json!({"action": "create-container", "image": "busybox", "name": name, "start": true,
            "entrypoint": ["sh", "-c"], "cmd": ["echo ready; exec sleep 600"],
            "env": {"GREETING": "hello world", "EMPTY": ""}, "ports": [format!("127.0.0.1:{port}:80"), "9000/udp"],
            "volumes": [format!("{volume}:/data:ro"), "/cache"], "labels": {"team": "x"}, "restart": "on-failure:3",
            "network": "bridge", "memory": "64m", "cpus": 0.5, "user": "1000:100", "workdir": "/work",
            "hostname": "box", "tty": true, "interactive": true,
            "healthcheck": {"cmd": "test -d /data", "interval": "1s", "timeout": "5s", "start-period": "1m",
                "retries": 9}}))
        .await;
    succeeded(&reply, 201);
    let known: Value = serde_json::from_str(&docker(HOST, &["inspect", &name])).expect("JSON");
    let (config, host) = (&known[0]["Config"], &known[0]["HostConfig"]);
    assert_eq!(known[0]["Id"], reply["Id"]);
    assert_eq!(config["Entrypoint"], json!(["sh", "-c"]));
    assert_eq!(config["Cmd"], json!(["echo ready; exec sleep 600"]));
    let env = config["Env"].as_array().expect("a list");
    assert!(env.contains(&json!("GREETING=hello world")) && env.contains(&json!("EMPTY=")), "{env:?}");
    assert_eq!(config["Labels"]["team"], "x");
    assert_eq!((&config["User"], &config["WorkingDir"]), (&json!("1000:100"), &json!("/work")));
    assert_eq!((&config["Hostname"], &config["Image"]), (&json!("box"), &json!("busybox")));
    assert_eq!((&config["Tty"], &config["OpenStdin"]), (&json!(true), &json!(true)));
    let second = 1_000_000_000_u64;
    let check = json!({"Test": ["CMD-SHELL", "test -d /data"], "Interval": second, "Timeout": 5 * second,
        "StartPeriod": 60 * second, "Retries": 9});
    assert_eq!(config["Healthcheck"], check);
    assert_eq!(host["RestartPolicy"], json!({"Name": "on-failure", "MaximumRetryCount": 3}));
    assert_eq!((&host["NetworkMode"], &host["Privileged"]), (&json!("bridge"), &json!(false)));
    assert_eq!((&host["Memory"], &host["NanoCpus"]), (&json!(64 * 1024 * 1024), &json!(second / 2)));

    assert_eq!(docker(HOST, &["port", &name, "80/tcp"]), format!("127.0.0.1:{port}"));
    assert!(docker(HOST, &["port", &name, "9000/udp"]).contains(':'), "a port of Docker's choice");
    assert_eq!(docker(HOST, &["exec", &name, "sh", "-c", "id -u; id -g; hostname; pwd"]), "1000\n100\nbox\n/work");
    let mounts = docker(HOST, &["inspect", "-f", "{{range .Mounts}}{{.Destination}} {{.RW}} {{.Name}},{{end}}", &name]);
    assert!(mounts.contains(&format!("/data false {volume},")) && mounts.contains("/cache true "), "{mounts}");
    let healthy = ["inspect", "-f", "{{.State.Health.Status}}", &name];
    until("the health check passes", async || (docker(HOST, &healthy) == "healthy").then_some(())).await;

    docker(HOST, &["rm", "-fv", &name]);
    docker(HOST, &["volume", "rm", &volume]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_container_can_ask_for_all_rights_and_no_network() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"privileged": true, "network": "none"})).await;
    let format = "{{.HostConfig.Privileged}} {{.HostConfig.NetworkMode}} {{.State.Status}}";
    assert_eq!(docker(HOST, &["inspect", "-f", format, &id]), "true none created");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_carries_its_owner_who_is_anonymous_unless_said() {
    let (bus, _worker) = dock().await;
    for (fields, owner) in [(json!({}), "anonymous"), (json!({"owner": "ada"}), "ada")] {
        let (id, _scrub) = create(&bus, fields).await;
        assert_eq!(docker(HOST, &["inspect", "-f", r#"{{index .Config.Labels "deblox.owner"}}"#, &id]), owner);
        let record: String = bus.redis(&["HGET", &bus.key("owners"), &id]).await;
        let record: Value = serde_json::from_str(&record).expect("JSON");
        assert_eq!((&record["owner"], &record["dock"]), (&json!(owner), &json!(DOCK)), "{record}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_containers_shows_every_state_and_takes_filters_and_a_limit() {
    let (bus, _worker) = dock().await;
    let group = unique("group");
    let label = json!({"group": group});
    let (created, _scrub) = create(&bus, json!({"labels": label})).await;
    let (exited, _scrub) = create(&bus, json!({"labels": label, "cmd": ["true"], "start": true})).await;
    let (running, _scrub) = create(&bus, json!({"labels": label, "start": true})).await;
    docker(HOST, &["wait", &exited]);
    let list = async |fields: Value| {
        let mut request = json!({"action": "list-containers", "filters": {"label": [format!("group={group}")]}});
        merge(&mut request, fields);
        let reply = bus.call(request).await;
        succeeded(&reply, 200);
        let rows = reply["Response"]["Body"].as_array().expect("a list").clone();
        let row = |row: &Value| (row["Id"].as_str().unwrap().to_owned(), row["State"].as_str().unwrap().to_owned());
        rows.iter().map(row).collect::<Vec<_>>()
    };
    let all = [(&running, "running"), (&exited, "exited"), (&created, "created")];
    let all = all.map(|(id, state)| (id.clone(), state.to_owned()));
    assert_eq!(list(json!({})).await, all, "the newest first");
    assert_eq!(list(json!({"limit": 1})).await, all[..1]);
    let filters = json!({"label": format!("group={group}"), "status": ["created", "exited"]});
    assert_eq!(list(json!({"filters": filters})).await, all[1..]);
    let sized = bus.call(json!({"action": "list-containers", "size": true, "filters": {"id": [running]}})).await;
    assert!(sized["Response"]["Body"][0]["SizeRootFs"].as_u64() > Some(0), "{sized}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inspect_container_tells_all_and_the_size_when_asked() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({})).await;
    let reply = bus.call(json!({"action": "inspect-container", "id": id})).await;
    succeeded(&reply, 200);
    let known: Value = serde_json::from_str(&docker(HOST, &["inspect", &id])).expect("JSON");
    assert_eq!(reply["Response"]["Body"], known[0]);
    let sized = bus.call(json!({"action": "inspect-container", "id": id, "size": true})).await;
    assert!(sized["Response"]["Body"]["SizeRootFs"].as_u64() > Some(0), "{sized}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_container_starts_it_and_twice_is_no_error() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({})).await;
    succeeded(&bus.call(json!({"action": "start-container", "id": id})).await, 204);
    assert_eq!(state(&id), "running 0");
    succeeded(&bus.call(json!({"action": "start-container", "id": id})).await, 304);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_container_asks_first_and_kills_when_the_time_is_up() {
    let (bus, _worker) = dock().await;
    let (polite, _scrub) = create(&bus, json!({"cmd": ["sh", "-c", POLITE], "start": true})).await;
    ready(&polite).await;
    succeeded(&bus.call(json!({"action": "stop-container", "id": polite})).await, 204);
    assert_eq!(state(&polite), "exited 42");
    succeeded(&bus.call(json!({"action": "stop-container", "id": polite})).await, 304);

    let (deaf, _scrub) = create(&bus, json!({"start": true})).await;
    let begun = Instant::now();
    succeeded(&bus.call(json!({"action": "stop-container", "id": deaf, "time": 1})).await, 204);
    assert_eq!(state(&deaf), "exited 137");
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(9), "not Docker's 10 s: {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restart_container_stops_and_starts_it() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"start": true})).await;
    let started = docker(HOST, &["inspect", "-f", "{{.State.StartedAt}}", &id]);
    succeeded(&bus.call(json!({"action": "restart-container", "id": id, "time": 0})).await, 204);
    assert_eq!(state(&id), "running 0");
    assert_ne!(docker(HOST, &["inspect", "-f", "{{.State.StartedAt}}", &id]), started);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_container_sends_the_signal() {
    let (bus, _worker) = dock().await;
    let (polite, _scrub) = create(&bus, json!({"cmd": ["sh", "-c", POLITE], "start": true})).await;
    ready(&polite).await;
    succeeded(&bus.call(json!({"action": "kill-container", "id": polite, "signal": "SIGUSR1"})).await, 204);
    assert_eq!(docker(HOST, &["wait", &polite]), "43");
    let again = bus.call(json!({"action": "kill-container", "id": polite})).await;
    refused(&again, 409, "conflict", &["is not running"]);

    let (deaf, _scrub) = create(&bus, json!({"start": true})).await;
    let unknown = bus.call(json!({"action": "kill-container", "id": deaf, "signal": "SIGNOTHING"})).await;
    refused(&unknown, 400, "docker-error", &["SIGNOTHING"]);
    succeeded(&bus.call(json!({"action": "kill-container", "id": deaf})).await, 204);
    assert_eq!(docker(HOST, &["wait", &deaf]), "137");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_container_spares_what_runs_unless_forced() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"start": true, "volumes": ["/cache"]})).await;
    let volume = docker(HOST, &["inspect", "-f", "{{range .Mounts}}{{.Name}}{{end}}", &id]);
    let spared = bus.call(json!({"action": "delete-container", "id": id})).await;
    refused(&spared, 409, "conflict", &["running container"]);
    assert_eq!(state(&id), "running 0");
    let forced = json!({"action": "delete-container", "id": id, "force": true, "volumes": true});
    succeeded(&bus.call(forced).await, 204);
    assert!(!try_docker(HOST, &["inspect", &id]).status.success(), "the container is gone");
    assert!(!try_docker(HOST, &["volume", "inspect", &volume]).status.success(), "and its volume with it");

    let (id, _scrub) = create(&bus, json!({})).await;
    succeeded(&bus.call(json!({"action": "remove-container", "id": id})).await, 204);
    assert!(!try_docker(HOST, &["inspect", &id]).status.success(), "the other name does the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn container_logs_shows_the_end_of_a_log_in_order() {
    let (bus, _worker) = dock().await;
    let write = "for i in $(seq 150); do echo line $i; done; sleep 0.3; echo oops >&2; sleep 0.3; echo last";
    let (id, _scrub) = create(&bus, json!({"cmd": ["sh", "-c", write], "start": true})).await;
    docker(HOST, &["wait", &id]);
    let log = async |fields: Value| {
        let mut request = json!({"action": "container-logs", "id": id});
        merge(&mut request, fields);
        let reply = bus.call(request).await;
        succeeded(&reply, 200);
        assert_eq!(reply["Content-Type"], "text/plain; charset=utf-8");
        reply["Response"]["Body"].as_str().expect("text").to_owned()
    };
    let lines: Vec<String> = (1..=150).map(|number| format!("line {number}\n")).collect();
    assert_eq!(log(json!({})).await, lines[52..].concat() + "oops\nlast\n", "a hundred lines");
    assert_eq!(log(json!({"tail": 1000})).await, lines.concat() + "oops\nlast\n", "more than there are");
    assert_eq!(log(json!({"tail": 3})).await, "line 150\noops\nlast\n");
    assert_eq!(log(json!({"stderr": true})).await, "oops\n");
    assert_eq!(log(json!({"tail": 2, "stdout": true})).await, "last\n", "Docker counts the lines of both");
    assert_eq!(log(json!({"tail": 2, "stdout": true, "stderr": true})).await, "oops\nlast\n");
    assert_eq!(log(json!({"until": 1})).await, "", "nothing is that old");
    assert_eq!(log(json!({"since": 32_503_680_000_u64})).await, "", "nor that new");
    let stamped = log(json!({"tail": 2, "timestamps": true})).await;
    for (line, text) in stamped.lines().zip(["oops", "last"]) {
        let (time, rest) = line.split_once(' ').expect("a time and a line");
        assert!(humantime::parse_rfc3339(time).is_ok() && rest == text, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn container_logs_of_a_terminal_come_as_it_shows_them() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"cmd": ["echo", "shown"], "tty": true, "start": true})).await;
    docker(HOST, &["wait", &id]);
    let reply = bus.call(json!({"action": "container-logs", "id": id})).await;
    assert_eq!(reply["Response"]["Body"], "shown\r\n", "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_are_listed_and_inspected_by_every_form_of_their_name() {
    let (bus, _worker) = dock().await;
    // A name with slashes and a port is still one name in the URL.
    let image = format!("registry.test:5000/team/{}:1.2", unique("app"));
    docker(HOST, &["tag", "busybox", &image]);
    let id = docker(HOST, &["image", "inspect", "-f", "{{.Id}}", "busybox"]);
    for reference in [image.as_str(), "busybox", "busybox:latest", &id, &id[7..19]] {
        let reply = bus.call(json!({"action": "inspect-image", "image": reference})).await;
        succeeded(&reply, 200);
        assert_eq!(reply["Response"]["Body"]["Id"], id, "{reference}");
    }
    let filters = json!({"reference": [image]});
    let request = json!({"action": "list-images", "filters": filters, "intermediate": true, "digests": true});
    let listed = bus.call(request).await;
    succeeded(&listed, 200);
    docker(HOST, &["rmi", &image]);
    assert_eq!(listed["Response"]["Body"][0]["Id"], id, "{listed}");
    assert_eq!(listed["Response"]["Body"].as_array().map(Vec::len), Some(1), "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pull_image_fetches_or_says_why_not() {
    let (bus, _worker) = dock().await;
    // Whether there is a network to fetch over is not this test's to say.
    let reply = bus.call(json!({"action": "pull-image", "image": "busybox"})).await;
    if reply["error"].is_null() {
        succeeded(&reply, 200);
        let messages = reply["Response"]["Body"].as_array().expect("Docker's messages");
        assert!(messages.iter().all(|message| message["status"].is_string()), "{reply}");
    } else {
        refused(&reply, 502, "pull-failed", &["image `busybox` could not be fetched", DOCK]);
    }
}

/// A namespace with one worker.
pub async fn dock() -> (Bus, Worker) {
    let bus = Bus::new().await;
    let worker = bus.worker(HOST, DOCK).await;
    (bus, worker)
}

/// Creates a container that would sleep, changed by `fields`; returns its id, and what removes it.
pub async fn create(bus: &Bus, fields: Value) -> (String, Scrub) {
    let name = unique("made");
    let scrub = Scrub::new(HOST, &name);
    let mut request = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name});
    merge(&mut request, fields);
    let reply = bus.call(request).await;
    succeeded(&reply, 201);
    (reply["Id"].as_str().expect("an id").to_owned(), scrub)
}

pub fn merge(request: &mut Value, fields: Value) {
    let Value::Object(fields) = fields else { panic!("no object: {fields}") };
    request.as_object_mut().expect("an object").extend(fields);
}

/// The state and the exit code, as the daemon has them.
pub fn state(id: &str) -> String {
    docker(HOST, &["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", id])
}

/// Waits until the container has said that it is ready.
async fn ready(id: &str) {
    until("the container is ready", async || docker(HOST, &["logs", id]).contains("ready").then_some(())).await;
}
