//! The rest of what can be done with containers, each against a real daemon.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::actions::{DOCK, HOST, create, dock, state};
use crate::support::{Scrub, docker, refused, succeeded, try_docker, unique, until};

/// Undoes with the docker command what a test did, however it ends.
pub struct Undo(Vec<String>);

impl Undo {
    pub fn with(args: &[&str]) -> Self {
        Self(args.iter().map(|arg| (*arg).to_owned()).collect())
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        let args: Vec<&str> = self.0.iter().map(String::as_str).collect();
        try_docker(HOST, &args);
    }
}

/// What docker knows of a container, an image, a network or a volume.
pub fn known(kind: &str, name: &str) -> Value {
    let list: Value = serde_json::from_str(&docker(HOST, &[kind, "inspect", name])).expect("JSON");
    list[0].clone()
}

/// Whether docker knows it at all.
pub fn exists(kind: &str, name: &str) -> bool {
    try_docker(HOST, &[kind, "inspect", name]).status.success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_raw_container_keeps_dockers_own_json_and_adds_the_labels_of_deblox() {
    let (bus, _worker) = dock().await;
    let (name, request) = (unique("raw"), unique("request"));
    let _scrub = Scrub::new(HOST, &name);
    let body = json!({"Image": "busybox", "Cmd": ["sleep", "600"], "Env": ["A=b"], "StopSignal": "SIGUSR1",
        "Labels": {"team": "x"}, "HostConfig": {"Memory": 64 << 20, "Dns": ["192.0.2.1"], "Init": true}});
    let create = json!({"action": "create-raw-container", "body": body, "name": name, "owner": "ada", "start": true,
        "requestId": request});
    let reply = bus.call(create).await;
    succeeded(&reply, 201);
    let made = known("container", &name);
    assert_eq!(made["Id"], reply["Id"]);
    let labels = json!({"team": "x", "deblox.owner": "ada", "deblox.request": request, "deblox.image": made["Image"]});
    assert_eq!(made["Config"]["Labels"], labels);
    assert_eq!((&made["Config"]["StopSignal"], &made["Config"]["Cmd"]), (&body["StopSignal"], &body["Cmd"]));
    let host = &made["HostConfig"];
    assert_eq!((&host["Memory"], &host["Init"]), (&json!(64 << 20), &json!(true)));
    assert_eq!((&host["Dns"], &made["State"]["Status"]), (&json!(["192.0.2.1"]), &json!("running")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_raw_container_names_what_is_wrong_with_its_body_and_creates_nothing() {
    let (bus, _worker) = dock().await;
    let name = unique("raw");
    let _scrub = Scrub::new(HOST, &name);
    let cases: &[(Value, &str, &[&str])] = &[
        (json!({"Image": "busybox", "Labels": {"deblox.owner": "eve"}}), "bad-field", &["`deblox.owner`"]),
        (json!({"Image": "busybox", "Labels": {"deblox.new": ""}}), "bad-field", &["`deblox.new`"]),
        (json!({"Image": "busybox", "Labels": ["a=b"]}), "bad-field", &["`body`", "`Labels`"]),
        (json!({"Image": "busybox", "HostConfig": []}), "bad-field", &["`body`", "`HostConfig`"]),
        (json!({"Cmd": ["true"]}), "missing-field", &["create-raw-container", "image"]),
        (json!({"Image": ""}), "missing-field", &["image"]),
        (json!("busybox"), "bad-field", &["`body`", "an object"]),
    ];
    for (body, code, named) in cases {
        let reply = bus.call(json!({"action": "create-raw-container", "body": body, "name": name})).await;
        refused(&reply, 400, code, named);
    }
    refused(&bus.call(json!({"action": "create-raw-container"})).await, 400, "missing-field", &["`body`"]);
    assert!(!exists("container", &name));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_container_starts_from_a_template_and_the_request_overrides_it() {
    let (bus, _worker) = dock().await;
    let template = json!({"Image": "busybox", "Cmd": ["sleep", "600"], "Labels": {"from": "template", "kept": "yes"},
        "HostConfig": {"Memory": 64 << 20, "RestartPolicy": {"Name": "always"}}});
    succeeded(&bus.call(json!({"action": "put-template", "name": "base", "body": template})).await, 201);
    let (plain, changed) = (unique("plain"), unique("changed"));
    let (_first, _second) = (Scrub::new(HOST, &plain), Scrub::new(HOST, &changed));
    succeeded(&bus.call(json!({"action": "create-container", "template": "base", "name": plain})).await, 201);
    let create = json!({"action": "create-container", "template": "base", "image": "ubuntu", "name": changed,
        "labels": {"from": "request"}, "restart": "no"});
    succeeded(&bus.call(create).await, 201);

    let seen = |name: &str| {
        let made = known("container", name);
        let (config, host) = (&made["Config"], &made["HostConfig"]);
        assert_eq!((&config["Cmd"], &host["Memory"]), (&template["Cmd"], &json!(64 << 20)), "{made}");
        assert_eq!(
            (&config["Labels"]["kept"], &config["Labels"]["deblox.owner"]),
            (&json!("yes"), &json!("anonymous"))
        );
        json!([config["Image"], config["Labels"]["from"], host["RestartPolicy"]["Name"]])
    };
    assert_eq!(seen(&plain), json!(["busybox", "template", "always"]));
    assert_eq!(seen(&changed), json!(["ubuntu", "request", "no"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_is_not_there_or_has_no_image_is_refused() {
    let (bus, _worker) = dock().await;
    let unknown = bus.call(json!({"action": "create-container", "template": "nothing"})).await;
    refused(&unknown, 404, "no-such-template", &["`nothing`", "list-templates"]);
    succeeded(&bus.call(json!({"action": "put-template", "name": "bare", "body": {"Cmd": ["true"]}})).await, 201);
    let bare = bus.call(json!({"action": "create-container", "template": "bare"})).await;
    refused(&bare, 400, "missing-field", &["`image`"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pause_container_stops_its_processes_and_unpause_lets_them_go_on() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"start": true})).await;
    succeeded(&bus.call(json!({"action": "pause-container", "id": id})).await, 204);
    assert_eq!(state(&id), "paused 0");
    refused(&bus.call(json!({"action": "pause-container", "id": id})).await, 409, "conflict", &["already paused"]);
    succeeded(&bus.call(json!({"action": "unpause-container", "id": id})).await, 204);
    assert_eq!(state(&id), "running 0");
    let again = bus.call(json!({"action": "unpause-container", "id": id})).await;
    assert_eq!(again["error"], "docker-error", "{again}");
    assert!(again["message"].as_str().is_some_and(|message| message.contains("not paused")), "{again}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_container_is_found_by_its_new_name_at_once_and_no_longer_by_the_old() {
    let (bus, _worker) = dock().await;
    let _other = bus.worker(1, "elsewhere.test").await;
    let (old, new) = (unique("old"), unique("new"));
    let _scrubs = (Scrub::new(HOST, &old), Scrub::new(HOST, &new));
    let id = bus.running(DOCK, &old).await;
    succeeded(&bus.call(json!({"action": "rename-container", "id": old, "name": new})).await, 204);
    // By the other dock, which knows it from the records alone.
    let paused = bus.call_dock("elsewhere.test", json!({"action": "pause-container", "id": new, "dock": DOCK})).await;
    succeeded(&paused, 204);
    let unpaused = bus.call(json!({"action": "unpause-container", "id": new})).await;
    succeeded(&unpaused, 204);
    assert_eq!(docker(HOST, &["inspect", "-f", "{{.Name}}", &id]), format!("/{new}"));
    let gone = bus.call(json!({"action": "stop-container", "id": old})).await;
    refused(&gone, 404, "no-such-instance", &[&old]);
    let summary: String = bus.redis(&["HGET", &bus.key(&format!("instances.{DOCK}")), &id]).await;
    let owner: String = bus.redis(&["HGET", &bus.key("owners"), &id]).await;
    for record in [summary, owner] {
        assert_eq!(serde_json::from_str::<Value>(&record).expect("JSON")["name"], *new, "{record}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rename_container_refuses_a_name_that_is_taken_or_none() {
    let (bus, _worker) = dock().await;
    let (one, _scrub) = create(&bus, json!({})).await;
    let (two, _scrub) = create(&bus, json!({})).await;
    let taken = docker(HOST, &["inspect", "-f", "{{.Name}}", &two]);
    let taken = taken.trim_start_matches('/');
    let reply = bus.call(json!({"action": "rename-container", "id": one, "name": taken})).await;
    refused(&reply, 409, "conflict", &[taken]);
    refused(&bus.call(json!({"action": "rename-container", "id": one})).await, 400, "missing-field", &["`name`"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn update_container_changes_its_limits_and_its_restart_policy() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"start": true})).await;
    let update =
        json!({"action": "update-container", "id": id, "memory": "64m", "cpus": 0.5, "restart": "on-failure:2"});
    succeeded(&bus.call(update).await, 200);
    let format = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{with .HostConfig.RestartPolicy}}{{.Name}}:{{.MaximumRetryCount}}{{end}}";
    let limits = || docker(HOST, &["inspect", "-f", format, &id]);
    let expected = "67108864 500000000 on-failure:2";
    assert_eq!(limits(), expected);
    for (field, value) in [("restart", "sometimes"), ("restart", "always:3"), ("memory", "much"), ("cpus", "few")] {
        let mut update = json!({"action": "update-container", "id": id});
        update[field] = json!(value);
        refused(&bus.call(update).await, 400, "bad-field", &[&format!("`{field}`")]);
    }
    assert_eq!(limits(), expected, "nothing has changed");
    succeeded(&bus.call(json!({"action": "update-container", "id": id, "restart": "no"})).await, 200);
    assert_eq!(limits(), "67108864 500000000 no:0", "and nothing but that");
    succeeded(&bus.call(json!({"action": "update-container", "id": id, "memory": "256m"})).await, 200);
    assert_eq!(limits(), "268435456 500000000 no:0", "a limit can be raised");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wait_container_tells_the_exit_code_and_keeps_nobody_from_ending_it() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"cmd": ["sh", "-c", "exit 7"], "start": true})).await;
    let ended = bus.call(json!({"action": "wait-container", "id": id})).await;
    succeeded(&ended, 200);
    assert_eq!(ended["Response"]["Body"]["StatusCode"], 7, "{ended}");

    let (id, _scrub) = create(&bus, json!({"start": true})).await;
    let wait = json!({"action": "wait-container", "id": id, "condition": "next-exit"}).to_string();
    let waiting = bus.send(&["json", &wait]).await;
    assert!(bus.reply_within(&waiting, Duration::from_millis(300)).await.is_none(), "it still runs");
    succeeded(&bus.call(json!({"action": "kill-container", "id": id, "timeout": 10_000})).await, 204);
    let ended = bus.reply(&waiting).await;
    succeeded(&ended, 200);
    assert_eq!(ended["Response"]["Body"]["StatusCode"], 137, "{ended}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wait_container_gives_up_when_its_time_is_up() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"start": true})).await;
    let begun = Instant::now();
    let reply = bus.call(json!({"action": "wait-container", "id": id, "timeout": 700})).await;
    refused(&reply, 504, "timeout", &["time was up"]);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(state(&id), "running 0");
    let unknown = bus.call(json!({"action": "wait-container", "id": id, "condition": "some-day"})).await;
    refused(&unknown, 400, "bad-field", &["`condition`", "next-exit"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn top_container_shows_its_processes() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"cmd": ["sleep", "543"], "start": true})).await;
    let shown = bus.call(json!({"action": "top-container", "id": id})).await;
    succeeded(&shown, 200);
    assert!(shown["Response"]["Body"]["Processes"].to_string().contains("sleep 543"), "{shown}");
    let columns = bus.call(json!({"action": "top-container", "id": id, "ps-args": "-o pid,comm"})).await;
    succeeded(&columns, 200);
    assert_eq!(columns["Response"]["Body"]["Titles"], json!(["PID", "COMMAND"]), "{columns}");
    docker(HOST, &["kill", &id]);
    let stopped = bus.call(json!({"action": "top-container", "id": id})).await;
    assert!(stopped["message"].as_str().is_some_and(|message| message.contains("is not running")), "{stopped}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn diff_container_shows_what_has_changed_in_its_files() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"cmd": ["touch", "/written"], "start": true})).await;
    docker(HOST, &["wait", &id]);
    let reply = bus.call(json!({"action": "diff-container", "id": id})).await;
    succeeded(&reply, 200);
    let changes = reply["Response"]["Body"].as_array().expect("a list");
    assert!(changes.contains(&json!({"Path": "/written", "Kind": 1})), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn container_stats_is_one_sample() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"start": true})).await;
    let reply = bus.call(json!({"action": "container-stats", "id": id})).await;
    succeeded(&reply, 200);
    let sample = &reply["Response"]["Body"];
    assert_eq!(sample["id"], id, "{reply}");
    assert!(sample["cpu_stats"]["cpu_usage"]["total_usage"].as_u64() > Some(0), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commit_container_makes_an_image_of_it() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"cmd": ["touch", "/kept"], "start": true})).await;
    docker(HOST, &["wait", &id]);
    let repo = unique("committed");
    let image = format!("{repo}:v1");
    let _undo = Undo::with(&["rmi", "-f", &image]);
    let commit = json!({"action": "commit-container", "id": id, "repo": repo, "tag": "v1", "comment": "as it is",
        "author": "ada"});
    let reply = bus.call(commit).await;
    succeeded(&reply, 201);
    let made = known("image", &image);
    assert_eq!(made["Id"], reply["Response"]["Body"]["Id"], "{reply}");
    assert_eq!((&made["Comment"], &made["Author"]), (&json!("as it is"), &json!("ada")));
    docker(HOST, &["run", "--rm", &image, "test", "-f", "/kept"]);
    succeeded(&bus.call(json!({"action": "remove-image", "dock": DOCK, "image": image})).await, 200);
    assert!(!exists("image", &image));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exec_container_tells_exit_code_and_both_outputs_apart() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"start": true})).await;
    let exec = async |fields: Value| {
        let mut request = json!({"action": "exec-container", "id": id});
        crate::actions::merge(&mut request, fields);
        let reply = bus.call(request).await;
        succeeded(&reply, 200);
        reply["Response"]["Body"].clone()
    };
    let both = exec(json!({"cmd": ["sh", "-c", "echo out; echo err >&2; exit 3"]})).await;
    assert_eq!(both, json!({"exitCode": 3, "stdout": "out\n", "stderr": "err\n"}));
    let script = "echo $GREETING; id -u; id -g; pwd";
    let set = exec(json!({"cmd": ["sh", "-c", script], "env": {"GREETING": "good day"}, "user": "1000:100",
        "workdir": "/tmp"}));
    assert_eq!(set.await, json!({"exitCode": 0, "stdout": "good day\n1000\n100\n/tmp\n", "stderr": ""}));
    let long = exec(json!({"cmd": ["seq", "20000"]})).await;
    let lines = long["stdout"].as_str().expect("text").lines().count();
    assert_eq!((lines, &long["exitCode"]), (20_000, &json!(0)), "frames are put together");
    let capabilities = json!({"cmd": ["grep", "CapEff", "/proc/self/status"], "privileged": true});
    assert_ne!(
        exec(capabilities).await,
        exec(json!({"cmd": ["grep", "CapEff", "/proc/self/status"]})).await,
        "it has all rights when asked for"
    );
    assert_eq!(exec(json!({"cmd": ["touch", "/made"]})).await["exitCode"], 0);
    docker(HOST, &["exec", &id, "test", "-f", "/made"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exec_container_says_why_a_command_did_not_run() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"start": true})).await;
    // As a shell has it: 126 or 127, and the runtime's words among the output.
    let missing = bus.call(json!({"action": "exec-container", "id": id, "cmd": ["/no/such"]})).await;
    succeeded(&missing, 200);
    let ended = &missing["Response"]["Body"];
    assert!(ended["exitCode"] == 126 || ended["exitCode"] == 127, "{missing}");
    assert!(ended["stdout"].as_str().is_some_and(|text| text.contains("/no/such: no such file")), "{missing}");
    let nobody = bus.call(json!({"action": "exec-container", "id": id, "cmd": ["true"], "user": "nobody-here"})).await;
    assert!(nobody.to_string().contains("nobody-here"), "{nobody}");
    assert_ne!(nobody["Response"]["Body"]["exitCode"], 0, "{nobody}");
    refused(&bus.call(json!({"action": "exec-container", "id": id})).await, 400, "missing-field", &["`cmd`"]);
    let (stopped, _scrub) = create(&bus, json!({})).await;
    let reply = bus.call(json!({"action": "exec-container", "id": stopped, "cmd": ["true"]})).await;
    refused(&reply, 409, "conflict", &["is not running"]);
    succeeded(&bus.call(json!({"action": "pause-container", "id": id})).await, 204);
    let paused = bus.call(json!({"action": "exec-container", "id": id, "cmd": ["true"]})).await;
    refused(&paused, 409, "conflict", &["paused"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prune_containers_removes_what_has_stopped_and_fits_the_filter() {
    let (bus, _worker) = dock().await;
    let label = unique("prune");
    let labels = json!({"deblox-test": label});
    let (stopped, _scrub) = create(&bus, json!({"labels": labels})).await;
    let (running, _scrub) = create(&bus, json!({"labels": labels, "start": true})).await;
    let (other, _scrub) = create(&bus, json!({})).await;
    let filters = json!({"label": [format!("deblox-test={label}")]});
    let reply = bus.call(json!({"action": "prune-containers", "dock": DOCK, "filters": filters})).await;
    succeeded(&reply, 200);
    assert_eq!(reply["Response"]["Body"]["ContainersDeleted"], json!([stopped]), "{reply}");
    assert!(!exists("container", &stopped) && exists("container", &running) && exists("container", &other));
    until("the records follow", async || {
        let key = bus.key(&format!("instances.{DOCK}"));
        (!bus.redis::<bool>(&["HEXISTS", &key, &stopped]).await).then_some(())
    })
    .await;
}
