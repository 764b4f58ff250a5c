//! Docks come, go, crash and come back; nobody is misled about them, and no request is lost with them.

use std::time::{Duration, Instant};

use deblox::docker::DockerOptions;
use deblox::protocol::{Fqdn, GROUP};
use deblox::worker::{WorkerError, WorkerOptions};
use serde_json::{Value, json};

use crate::processes::Program;
use crate::proxy::Proxy;
use crate::support::{Bus, Scrub, Worker, docker, docker_host, refused, succeeded, unique, until};

/// Three seconds of lease, and time for a busy machine.
const LEASE: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_live_worker_with_the_same_name_is_refused() {
    let bus = Bus::new().await;
    let _first = bus.worker(1, "a.test").await;
    let begun = Instant::now();
    let docker = DockerOptions::new(docker_host(2));
    let second = Worker::start(WorkerOptions::new(bus.options(), docker, Fqdn::new("a.test").unwrap()));
    let error = second.ended().await.expect_err("the name is taken");
    assert!(matches!(&error, WorkerError::NameTaken(dock) if dock.as_str() == "a.test"), "{error}");
    assert!(begun.elapsed() < LEASE, "{:?}", begun.elapsed());

    let mut program = Program::start(bus.worker_command(2, "a.test"));
    assert_eq!(program.ended().await.code(), Some(1));
    let errors = program.errors();
    let last = errors.lines().last().unwrap_or_default();
    assert!(last.starts_with("deblox: another live worker already speaks for the dock `a.test`"), "{errors}");
    assert_eq!(bus.dock("a.test").await["state"], "up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crashed_dock_is_lost_within_its_lease_and_its_name_is_free_again() {
    let bus = Bus::new().await;
    let _a = bus.worker(1, "a.test").await;
    let b = bus.program(2, "b.test").await;
    let name = unique("lost");
    let _scrub = Scrub::new(2, &name);
    let id = bus.running("b.test", &name).await;
    until("a knows it", async || {
        bus.redis::<bool>(&["HEXISTS", &bus.key("instances.b.test"), &id]).await.then_some(())
    })
    .await;

    b.killed().await;
    let killed = Instant::now();
    let row = until("b is lost", async || {
        let row = bus.dock("b.test").await;
        (row["state"] == "lost").then_some(row)
    })
    .await;
    assert!(killed.elapsed() < LEASE, "{:?}", killed.elapsed());
    let seen = row["lastSeen"].as_str().expect("when it was last seen");
    let requests = [
        json!({"action": "inspect-container", "id": name}),
        json!({"action": "stop-container", "id": id, "dock": "b.test"}),
        json!({"action": "create-container", "image": "busybox", "dock": "b.test"}),
        json!({"action": "list-containers", "dock": "b.test"}),
        json!({"action": "ping", "dock": "b.test"}),
    ];
    for request in requests {
        refused(&bus.call(request).await, 503, "dock-lost", &["b.test", seen]);
    }
    assert_eq!(docker(2, &["inspect", "-f", "{{.State.Running}}", &id]), "true");

    let again = Instant::now();
    let _b = bus.program(2, "b.test").await;
    assert!(again.elapsed() < LEASE, "{:?}", again.elapsed());
    succeeded(&bus.call(json!({"action": "inspect-container", "id": name})).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crashed_worker_s_name_is_free_once_its_lease_has_run_out() {
    let bus = Bus::new().await;
    bus.program(1, "a.test").await.killed().await;
    assert!(bus.redis::<bool>(&["EXISTS", &bus.key("worker.a.test")]).await, "the lease outlives the worker");
    let begun = Instant::now();
    let _next = bus.program(1, "a.test").await;
    assert!(begun.elapsed() < LEASE, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unregistered_dock_refuses_everything_until_it_is_registered_again() {
    let bus = Bus::new().await;
    let (_a, _b) = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    bus.registered(2).await;
    let name = unique("unregistered");
    let _scrub = Scrub::new(2, &name);
    let id = bus.running("b.test", &name).await;
    let state =
        async |state: &str| until(state, async || (bus.dock("b.test").await["state"] == state).then_some(())).await;

    bus.send(&["action", "unregister", "hostname", "b.test"]).await;
    state("unregistered").await;
    until("its worker knows", async || {
        let reply = bus.call_dock("b.test", json!({"action": "inspect-container", "id": name})).await;
        (reply["error"] == "dock-unregistered").then_some(())
    })
    .await;
    let requests = [
        json!({"action": "inspect-container", "id": name}),
        json!({"action": "stop-container", "id": id}),
        json!({"action": "create-container", "image": "busybox"}),
        json!({"action": "list-containers"}),
    ];
    for (number, mut request) in requests.into_iter().enumerate() {
        if number < 2 {
            refused(&bus.call(request.clone()).await, 409, "dock-unregistered", &["b.test", "register"]);
        }
        refused(&bus.call_dock("b.test", request.clone()).await, 409, "dock-unregistered", &["b.test", "register"]);
        request["dock"] = json!("b.test");
        refused(&bus.call(request).await, 409, "dock-unregistered", &["b.test", "register"]);
    }
    let elsewhere: Vec<String> = (0..3).map(|number| format!("{name}-{number}")).collect();
    let _scrubs: Vec<Scrub> = elsewhere.iter().map(|name| Scrub::new(1, name)).collect();
    for name in &elsewhere {
        let reply = bus.call(json!({"action": "create-container", "image": "busybox", "name": name})).await;
        assert_eq!((&reply["statusCode"], &reply["dockerInstance"]), (&json!(201), &json!("a.test")), "{reply}");
    }
    assert_eq!(docker(2, &["inspect", "-f", "{{.State.Running}}", &id]), "true", "its containers run on");
    assert!(!bus.redis::<bool>(&["SISMEMBER", &bus.key("workers"), "b.test"]).await);

    bus.send(&["action", "register", "hostname", "b.test"]).await;
    state("up").await;
    until("its worker knows", async || {
        let reply = bus.call_dock("b.test", json!({"action": "stop-container", "id": name, "time": 0})).await;
        (reply["statusCode"] == 204).then_some(())
    })
    .await;
    succeeded(&bus.call(json!({"action": "inspect-container", "id": name})).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_docks_tells_how_each_dock_stands() {
    let bus = Bus::new().await;
    let _up = bus.worker(1, "up.test").await;
    let stopped = bus.worker(1, "stopped.test").await;
    let lost = bus.program(1, "lost.test").await;
    let _unregistered = bus.worker(1, "unregistered.test").await;
    bus.registered(4).await;
    bus.send(&["action", "register", "hostname", "Never.Test"]).await;
    bus.send(&["action", "unregister", "hostname", "unregistered.test"]).await;
    stopped.stop().await;
    lost.killed().await;
    let rows = until("all states", async || {
        let reply = bus.call(json!({"action": "list-docks"})).await;
        let rows = reply["Response"]["Body"].as_array().expect("a list").clone();
        let states: Vec<String> =
            rows.iter().map(|row| format!("{} {}", row["hostname"], row["state"]).replace('"', "")).collect();
        (states
            == [
                "lost.test lost",
                "never.test never seen",
                "stopped.test stopped",
                "unregistered.test unregistered",
                "up.test up",
            ])
        .then_some(rows)
    })
    .await;
    assert_eq!(rows[1]["lastSeen"], Value::Null);
    for row in [0, 2, 3, 4].map(|at| &rows[at]) {
        assert!(row["lastSeen"].as_str().is_some_and(|seen| seen.starts_with("20") && seen.ends_with('Z')), "{row}");
    }
    refused(&bus.call(json!({"action": "ping", "dock": "never.test"})).await, 503, "dock-lost", &["never.test"]);
    let reply = bus.call(json!({"action": "ping", "dock": "stopped.test"})).await;
    refused(&reply, 503, "dock-lost", &["was stopped", rows[2]["lastSeen"].as_str().unwrap_or_default()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_told_to_stop_finishes_what_runs_and_hands_back_the_rest() {
    let bus = Bus::new().await;
    let mut a = bus.program(1, "a.test").await;
    bus.registered(1).await;
    let name = unique("stopping");
    let _scrub = (Scrub::new(1, &name), Scrub::new(2, &name));
    bus.running("a.test", &name).await;
    let InHand { stop, create, inspect } = in_hand(&bus, &name, 2).await;

    let told = Instant::now();
    a.signal("TERM");
    assert_eq!(a.ended().await.code(), Some(0), "{}", a.errors());
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
    let reply = bus.reply_within(&stop, Duration::from_millis(100)).await.expect("an answer before the end");
    assert_eq!((&reply["statusCode"], &reply["dockerInstance"]), (&json!(204), &json!("a.test")), "{reply}");
    assert_eq!(docker(1, &["inspect", "-f", "{{.State.ExitCode}}", &name]), "137", "it had to be killed");
    assert!(!bus.redis::<bool>(&["EXISTS", &bus.key("worker.a.test")]).await, "the lease is given up");
    for stream in ["docker", "docker.a.test"] {
        assert_eq!(consumers(&bus, stream).await, ["handed-back"], "{stream}");
    }
    for id in [&create, &inspect] {
        assert_eq!(bus.redis::<usize>(&["LLEN", &bus.key(&format!("reply.{id}"))]).await, 0, "{id} had not begun");
    }

    let _b = bus.worker(2, "b.test").await;
    let taken = Instant::now();
    let reply = bus.reply(&create).await;
    assert_eq!((&reply["statusCode"], &reply["dockerInstance"]), (&json!(201), &json!("b.test")), "{reply}");
    assert!(taken.elapsed() < LEASE, "{:?}", taken.elapsed());
    assert_eq!(bus.dock("a.test").await["state"], "stopped");

    let _a = bus.program(1, "a.test").await;
    let reply = bus.reply(&inspect).await;
    assert_eq!(reply["Response"]["Body"]["State"]["Status"], "exited", "{reply}");
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_worker_had_in_hand_is_answered_by_another_or_by_its_successor() {
    let bus = Bus::new().await;
    let a = bus.program(1, "a.test").await;
    bus.registered(1).await;
    let name = unique("killed");
    let _scrub = (Scrub::new(1, &name), Scrub::new(2, &name));
    bus.running("a.test", &name).await;
    let InHand { stop, create, inspect } = in_hand(&bus, &name, 5).await;
    a.killed().await;
    let killed = Instant::now();

    let _a = bus.program(1, "a.test").await;
    let reply = bus.reply(&inspect).await;
    assert_eq!((&reply["statusCode"], &reply["dockerInstance"]), (&json!(200), &json!("a.test")), "{reply}");
    assert!(killed.elapsed() < Duration::from_secs(10), "by its successor, at once: {:?}", killed.elapsed());

    let _b = bus.worker(2, "b.test").await;
    let reply = bus.reply_within(&create, Duration::from_secs(60)).await.expect("a reply");
    assert_eq!((&reply["statusCode"], &reply["dockerInstance"]), (&json!(201), &json!("b.test")), "{reply}");
    let reply = bus.reply_within(&stop, Duration::from_secs(60)).await.expect("a reply");
    assert!(reply["statusCode"] == 204 || reply["statusCode"] == 304, "{reply}");
    bus.settled().await;
    for id in [&stop, &create, &inspect] {
        assert_eq!(bus.redis::<usize>(&["LLEN", &bus.key(&format!("reply.{id}"))]).await, 0, "one reply each");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_redelivered_after_a_kill_makes_exactly_one_container() {
    let bus = Bus::new().await;
    // The daemon does what it is asked, and the worker dies before it hears of it.
    let proxy = Proxy::losing(1, "/containers/create");
    let mut command = bus.worker_command(1, "a.test");
    command.env("DOCKER_HOST", &proxy.address);
    let worker = Program::start(command);
    bus.until_dock("a.test", |record| record["daemon"] == "up").await;
    bus.registered(1).await;
    let (name, request) = (unique("once"), unique("request"));
    let _scrub = Scrub::new(1, &name);
    let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name,
        "start": true, "requestId": request});
    bus.send_to("docker.a.test", &["json", &create.to_string()]).await;
    until("the daemon is asked", async || proxy.has_seen("/containers/create").then_some(())).await;
    let label = format!("label=deblox.request={request}");
    let labelled = ["ps", "-aq", "--no-trunc", "--filter", &label];
    let id = until("the daemon has done it", async || Some(docker(1, &labelled)).filter(|ids| !ids.is_empty())).await;
    worker.killed().await;

    let _next = bus.program(1, "a.test").await;
    let reply = bus.reply(&request).await;
    assert_eq!((&reply["statusCode"], &reply["Id"]), (&json!(201), &json!(id)), "{reply}");
    assert_eq!(docker(1, &labelled), id, "one container");
    assert_eq!(docker(1, &["inspect", "-f", "{{.State.Running}}", &name]), "true");
    bus.settled().await;
}

/// Requests in the hands of the worker of `a.test`.
struct InHand {
    /// Begun: stops a container that does not mind being asked.
    stop: String,
    /// Not begun: waits for its turn behind the stop, since it is about the same name; any other dock can do it.
    create: String,
    /// Not begun either, and in the dock's own stream.
    inspect: String,
}

/// Sends those requests, about the running container `name`, and waits until the worker has all of them.
async fn in_hand(bus: &Bus, name: &str, seconds: u64) -> InHand {
    let (stop, create, inspect) = (unique("stop"), unique("create"), unique("inspect"));
    let request = json!({"action": "stop-container", "id": name, "time": seconds, "requestId": stop});
    bus.send(&["json", &request.to_string()]).await;
    until("it is begun", async || (state(bus, &stop).await.as_deref() == Some("taken")).then_some(())).await;
    let request = json!({"action": "create-container", "image": "busybox", "name": name, "requestId": create,
        "dock": "b.test"});
    bus.send(&["json", &request.to_string()]).await;
    let request = json!({"action": "inspect-container", "id": name, "requestId": inspect});
    bus.send_to("docker.a.test", &["json", &request.to_string()]).await;
    for (stream, delivered) in [("docker", 2), ("docker.a.test", 1)] {
        until("they are delivered", async || {
            let pending: Vec<redis::Value> = bus.redis(&["XPENDING", &bus.key(stream), GROUP]).await;
            (pending.first() == Some(&redis::Value::Int(delivered))).then_some(())
        })
        .await;
    }
    InHand { stop, create, inspect }
}

/// Where a request stands.
async fn state(bus: &Bus, request: &str) -> Option<String> {
    bus.redis(&["HGET", &bus.key(&format!("request.{request}")), "state"]).await
}

/// The consumers of a stream's group.
async fn consumers(bus: &Bus, stream: &str) -> Vec<String> {
    let rows: Vec<std::collections::HashMap<String, redis::Value>> =
        bus.redis(&["XINFO", "CONSUMERS", &bus.key(stream), GROUP]).await;
    rows.into_iter().map(|row| redis::from_redis_value(row["name"].clone()).expect("a name")).collect()
}
