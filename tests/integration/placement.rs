//! Which dock a create goes to.

use serde_json::{Value, json};

use crate::support::{Bus, QUIET_HOSTS, Scrub, Worker, docker, quiet_hosts, unique, until};

const DOCKS: [&str; 3] = ["d4.test", "d5.test", "d6.test"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_thirty_creates_over_three_docks_lands_ten_on_each() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let _workers = quiet_workers(&bus).await;
    burst(&bus, json!({"action": "create-container", "image": "busybox"})).await;
    assert_eq!(counts(&["ps", "-aq"]), [10, 10, 10]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_thirty_starts_over_three_docks_lands_ten_on_each() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let _workers = quiet_workers(&bus).await;
    burst(&bus, json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "start": true}))
        .await;
    assert_eq!(counts(&["ps", "-q"]), [10, 10, 10]);
    truth(&bus, [10, 10, 10]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uneven_cluster_is_evened_out() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    // What runs there already counts, whoever started it; what has ended does not.
    for _ in 0..3 {
        docker(4, &["run", "-d", "busybox", "sleep", "600"]);
    }
    for _ in 0..3 {
        docker(5, &["run", "busybox", "true"]);
    }
    let _workers = quiet_workers(&bus).await;
    truth(&bus, [3, 0, 0]).await;
    let mut placed = Vec::new();
    for _ in 0..6 {
        let reply = bus.call(json!({"action": "create-container", "image": "busybox"})).await;
        placed.push(reply["dockerInstance"].as_str().expect("a dock").to_owned());
    }
    placed.sort();
    assert_eq!(placed, ["d5.test", "d5.test", "d5.test", "d6.test", "d6.test", "d6.test"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docks_that_are_lost_or_unregistered_get_nothing() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let [_alive, lost, _unregistered] = quiet_workers(&bus).await;
    drop(lost);
    // What is sent earlier may still be delivered to it.
    until("the lease has run out", async || {
        (!bus.redis::<bool>(&["EXISTS", &bus.key(&format!("worker.{}", DOCKS[1]))]).await).then_some(())
    })
    .await;
    bus.send(&["action", "unregister", "hostname", DOCKS[2]]).await;
    for (dock, state) in [(DOCKS[1], "lost"), (DOCKS[2], "unregistered")] {
        until(state, async || (bus.dock(dock).await["state"] == state).then_some(())).await;
    }
    for _ in 0..4 {
        let reply = bus.call(json!({"action": "create-container", "image": "busybox"})).await;
        assert_eq!((&reply["statusCode"], &reply["dockerInstance"]), (&json!(201), &json!(DOCKS[0])), "{reply}");
    }
    assert_eq!(counts(&["ps", "-aq"]), [4, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_goes_to_the_dock_and_the_labels_it_asks_for() {
    let bus = Bus::new().await;
    let zone = |zone: &str| {
        let zone = zone.to_owned();
        move |options: &mut deblox::worker::WorkerOptions| drop(options.labels.insert("zone".into(), zone))
    };
    let _a = bus.worker_with(1, "a.test", zone("north")).await;
    let _b = bus.worker_with(2, "b.test", zone("south")).await;
    let name = unique("asked");
    let create = |number: usize, field: &str, value: Value| {
        let name = format!("{name}-{number}");
        let scrub = (Scrub::new(1, &name), Scrub::new(2, &name));
        let mut create = json!({"action": "create-container", "image": "busybox", "name": name});
        create[field] = value;
        (create, scrub)
    };
    for (number, (dock, zone)) in [("a.test", "north"), ("b.test", "south"), ("a.test", "north")].iter().enumerate() {
        let (by_name, _scrub) = create(2 * number, "dock", json!(dock));
        assert_eq!(bus.call(by_name).await["dockerInstance"], *dock);
        let (by_label, _scrub) = create(2 * number + 1, "dock-labels", json!({"zone": zone}));
        assert_eq!(bus.call(by_label).await["dockerInstance"], *dock);
    }

    let (nowhere, _scrub) = create(10, "dock-labels", json!({"zone": "west"}));
    let reply = bus.call(nowhere).await;
    assert_eq!((&reply["statusCode"], &reply["error"]), (&json!(503), &json!("no-dock")), "{reply}");
    let (mut both, _scrub) = create(11, "dock-labels", json!(["zone=south"]));
    both["dock"] = json!("a.test");
    let reply = bus.call(both).await;
    assert_eq!(reply["error"], "no-dock", "{reply}");
    assert!(reply["message"].as_str().is_some_and(|message| message.contains("a.test")), "{reply}");
    let (unknown, _scrub) = create(12, "dock", json!("nobody.test"));
    let reply = bus.call(unknown).await;
    assert_eq!((&reply["statusCode"], &reply["error"]), (&json!(404), &json!("unknown-dock")), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creates_that_failed_do_not_count_against_their_dock() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let _workers = quiet_workers(&bus).await;
    let bad_image = json!({"action": "create-container", "image": "nowhere/to-be-found", "pull": "never"});
    let bad_command = json!({"action": "create-container", "image": "busybox", "cmd": ["/no/such"], "start": true});
    for (request, error) in [(bad_image, "no-such-image"), (bad_command, "docker-error")] {
        let ids = send_all(&bus, &request, 9).await;
        for id in ids {
            let reply = bus.reply(&id).await;
            assert_eq!(reply["error"], error, "{reply}");
        }
    }
    assert_eq!(counts(&["ps", "-aq"]), [0, 0, 0]);
    truth(&bus, [0, 0, 0]).await;

    burst(&bus, json!({"action": "create-container", "image": "busybox"})).await;
    assert_eq!(counts(&["ps", "-aq"]), [10, 10, 10]);
    truth(&bus, [10, 10, 10]).await;
    let ids: Vec<String> = docker(4, &["ps", "-aq"]).lines().map(str::to_owned).collect();
    for id in ids {
        assert_eq!(bus.call(json!({"action": "delete-container", "id": id})).await["statusCode"], 204);
    }
    truth(&bus, [0, 10, 10]).await;
}

/// A worker beside each quiet host.
async fn quiet_workers(bus: &Bus) -> [Worker; 3] {
    let [h4, h5, h6] = QUIET_HOSTS;
    let workers = tokio::join!(bus.worker(h4, DOCKS[0]), bus.worker(h5, DOCKS[1]), bus.worker(h6, DOCKS[2]));
    bus.registered(3).await;
    workers.into()
}

/// Sends a request so many times at once, by one write to the shared stream.
async fn send_all(bus: &Bus, request: &Value, times: usize) -> Vec<String> {
    let mut pipe = redis::pipe();
    for _ in 0..times {
        pipe.cmd("XADD").arg(bus.key("docker")).arg("*").arg("json").arg(request.to_string());
    }
    let client = redis::Client::open(bus.url.as_str()).expect("a valid URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis is there");
    pipe.query_async(&mut connection).await.expect("they are added")
}

/// Sends thirty creates at once and waits until all have succeeded.
async fn burst(bus: &Bus, create: Value) {
    let mut create = create;
    create["timeout"] = json!(120_000);
    let mut ids = Vec::new();
    for id in send_all(bus, &create, 30).await {
        let reply = bus.reply_within(&id, std::time::Duration::from_secs(120)).await.expect("a reply");
        ids.push(reply["Id"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 30);
}

/// How many containers the quiet hosts list.
fn counts(list: &[&str]) -> [usize; 3] {
    QUIET_HOSTS.map(|host| docker(host, list).lines().count())
}

/// Waits until nothing is promised any more and the load of each dock is what it has.
async fn truth(bus: &Bus, expected: [usize; 3]) {
    until(&format!("a load of {expected:?}"), async || {
        let mut load = [0; 3];
        for (at, dock) in DOCKS.iter().enumerate() {
            let promised: usize = bus.redis(&["ZCARD", &bus.key(&format!("promises.{dock}"))]).await;
            let score: Option<usize> = bus.redis(&["ZSCORE", &bus.key("load"), dock]).await;
            load[at] = score.filter(|_| promised == 0)?;
        }
        (load == expected).then_some(())
    })
    .await;
}
