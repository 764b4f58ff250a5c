//! `create-container` with `instances`: several at once, spread over the docks.

use serde_json::{Value, json};

use crate::support::{Bus, QUIET_HOSTS, Scrub, Worker, docker, port, quiet_hosts, refused, succeeded, unique, until};

const DOCKS: [&str; 3] = ["d4.test", "d5.test", "d6.test"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_created_on_each_dock_in_turn_and_the_rest_where_it_fits_best() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    // One dock is fuller than the others: it gets its turn all the same, and nothing of the rest.
    for _ in 0..4 {
        docker(4, &["create", "busybox"]);
    }
    let _workers = workers(&bus).await;
    until("what is there is counted", async || {
        (bus.redis::<Option<String>>(&["ZSCORE", &bus.key("load"), DOCKS[0]]).await.as_deref() == Some("4"))
            .then_some(())
    })
    .await;
    let name = unique("several");
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "instances": 7,
        "cmd": ["sleep", "600"], "start": true, "requestId": name});
    let reply = bus.call(create.clone()).await;
    succeeded(&reply, 201);
    assert_eq!((&reply["Response"], &reply["Response-Code"], &reply["Id"]), (&json!(""), &json!(201), &Value::Null));
    let containers = reply["containers"].as_array().expect("a list");
    assert_eq!(containers.len(), 7, "{reply}");
    for container in containers {
        succeeded(container, 201);
        assert_eq!(container["Id"], container["Response"]["Body"]["Id"]);
    }
    assert_eq!(on_each(containers), [1, 3, 3]);
    let names: Vec<String> = QUIET_HOSTS.iter().flat_map(|host| running(*host)).collect();
    let mut wanted: Vec<String> = (1..=7).map(|number| format!("{name}-{number}")).collect();
    wanted.sort();
    let mut names = names.into_iter().filter(|found| found.starts_with(&name)).collect::<Vec<_>>();
    names.sort();
    assert_eq!(names, wanted);

    // The same id again gives the same reply and creates nothing.
    assert_eq!(bus.call(create).await, reply);
    assert_eq!(on_hosts(), [5, 3, 3]);
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_among_them_are_told_one_by_one() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let _workers = workers(&bus).await;
    let (port, taken) = (port().to_string(), unique("taken"));
    docker(5, &["run", "-d", "--name", &taken, "-p", &format!("{port}:80"), "busybox", "sleep", "600"]);
    let create = json!({"action": "create-container", "image": "busybox", "instances": 3, "cmd": ["sleep", "600"],
        "ports": [format!("{port}:80")], "start": true});
    let reply = bus.call(create).await;
    refused(&reply, 207, "incomplete", &["2 of 3 were created", "port"]);
    let containers = reply["containers"].as_array().expect("a list");
    assert_eq!(containers.len(), 3);
    let failed: Vec<&Value> = containers.iter().filter(|container| !container["error"].is_null()).collect();
    assert_eq!(failed.len(), 1, "{reply}");
    assert_eq!((&failed[0]["dockerInstance"], &failed[0]["error"]), (&json!(DOCKS[1]), &json!("conflict")));

    let none =
        bus.call(json!({"action": "create-container", "image": "no/such", "pull": "never", "instances": 2})).await;
    refused(&none, 404, "incomplete", &["none of the 2", "no/such"]);
    assert_eq!(none["containers"].as_array().expect("a list").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_of_one_dock_stay_there_and_those_of_no_dock_are_refused() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let _workers = workers(&bus).await;
    let raw = json!({"action": "create-raw-container", "body": {"Image": "busybox"}, "instances": 3, "dock": DOCKS[2]});
    let reply = bus.call(raw.clone()).await;
    succeeded(&reply, 201);
    assert_eq!(on_each(reply["containers"].as_array().expect("a list")), [0, 0, 3]);
    // Typed as flat fields, on the dock's own stream: meant for that dock.
    let flat = ["action", "create-container", "image", "busybox", "instances", "2", "env", "A=b"];
    let id = bus.send_to(&format!("docker.{}", DOCKS[1]), &flat).await;
    let reply = bus.reply(&id).await;
    succeeded(&reply, 201);
    assert_eq!(on_each(reply["containers"].as_array().expect("a list")), [0, 2, 0]);

    let nowhere = json!({"action": "create-container", "image": "busybox", "instances": 2, "dock-labels": {"a": "b"}});
    refused(&bus.call(nowhere).await, 503, "no-dock", &["labels"]);
    let none = bus.call(json!({"action": "create-container", "image": "busybox", "instances": 0})).await;
    refused(&none, 400, "bad-field", &["`instances`", "1 to 1000"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_full_of_them_still_creates() {
    let bus = Bus::new().await;
    let _worker = bus.worker_with(1, "d1.test", |options| options.concurrency = 1).await;
    let name = unique("full");
    let _scrubs: Vec<Scrub> = (0..3)
        .flat_map(|n| (1..=2).map(move |i| (n, i)))
        .map(|(n, i)| Scrub::new(1, &format!("{name}-{n}-{i}")))
        .collect();
    let mut ids = Vec::new();
    for number in 0..3 {
        let create = json!({"action": "create-container", "image": "busybox", "instances": 2,
            "name": format!("{name}-{number}")});
        ids.push(bus.send(&["json", &create.to_string()]).await);
    }
    for id in ids {
        succeeded(&bus.reply(&id).await, 201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_it_over_creates_nothing_twice() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let [first, second, third] = workers(&bus).await;
    // Each dock has one create in hand and cannot finish: the image has to be fetched, which never ends.
    let create = json!({"action": "create-container", "image": "busybox", "instances": 6, "requestId": "six"});
    let id = bus.send_to(&format!("docker.{}", DOCKS[0]), &["json", &create.to_string()]).await;
    until("it has been begun", async || bus.redis::<bool>(&["EXISTS", &bus.key("request.six")]).await.then_some(()))
        .await;
    // The worker that makes six of it is gone without a word, somewhere in the middle; its successor goes on.
    drop(first);
    let again = bus.worker(4, DOCKS[0]).await;
    let reply = bus.reply("six").await;
    succeeded(&reply, 201);
    assert_eq!(on_each(reply["containers"].as_array().expect("a list")), [6, 0, 0], "{id}");
    assert_eq!(on_hosts(), [6, 0, 0]);
    for worker in [again, second, third] {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_uses_the_ids_of_its_parts_beforehand() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let _workers = workers(&bus).await;
    let ping = json!({"action": "ping"}).to_string();
    for number in 1..=4 {
        for id in [format!("mine+{number}"), format!("mine+{number}.{}", "0".repeat(32))] {
            bus.send(&["json", &ping, "requestId", &id]).await;
            succeeded(&bus.reply(&id).await, 200);
        }
    }
    let create = json!({"action": "create-container", "image": "busybox", "instances": 4, "requestId": "mine"});
    let reply = bus.call(create.clone()).await;
    succeeded(&reply, 201);
    assert_eq!(on_hosts().iter().sum::<usize>(), 4, "{reply}");
    let parts = reply["containers"].as_array().expect("a list");
    let ids: std::collections::BTreeSet<_> = parts.iter().filter_map(|part| part["requestId"].as_str()).collect();
    assert_eq!(ids.len(), 4, "{reply}");
    let is_secret = |id: &&str| id.split_once('.').is_some_and(|(_, secret)| secret.len() == 32);
    assert!(ids.iter().all(is_secret), "{ids:?}");
}

/// A worker beside each quiet host.
async fn workers(bus: &Bus) -> [Worker; 3] {
    let [four, five, six] = QUIET_HOSTS;
    [bus.worker(four, DOCKS[0]).await, bus.worker(five, DOCKS[1]).await, bus.worker(six, DOCKS[2]).await]
}

/// How many of the replies came from each dock.
fn on_each(replies: &[Value]) -> [usize; 3] {
    DOCKS.map(|dock| replies.iter().filter(|reply| reply["dockerInstance"] == dock).count())
}

/// How many containers each quiet host has.
fn on_hosts() -> [usize; 3] {
    QUIET_HOSTS.map(|host| docker(host, &["ps", "-aq"]).lines().count())
}

fn running(host: usize) -> Vec<String> {
    docker(host, &["ps", "--format", "{{.Names}}"]).lines().map(str::to_owned).collect()
}
