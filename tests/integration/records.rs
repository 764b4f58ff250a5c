//! The shared records agree with the daemons, whatever happens, and lead every request to its instance.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Bus, Scrub, docker, own_redis, unique, until};

/// Two beats are two seconds; the rest is for a machine that is busy with other tests.
const TWO_BEATS: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_reaches_its_instance_from_whichever_stream_it_came_by() {
    let bus = Bus::new().await;
    let (_a, _b) = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    let name = unique("found");
    let _scrub = Scrub::new(1, &name);
    let id = bus.running("a.test", &name).await;
    for stream in ["docker", "docker.a.test", "docker.b.test"] {
        for reference in [id.as_str(), &id[..16], &name] {
            let request = json!({"action": "inspect-container", "id": reference}).to_string();
            let reply = bus.reply(&bus.send_to(stream, &["json", &request]).await).await;
            assert_eq!(reply["statusCode"], 200, "{reference} by {stream}: {reply}");
            assert_eq!(reply["dockerInstance"], "a.test", "{reference} by {stream}");
            assert_eq!(reply["Response"]["Body"]["Id"], *id, "{reference} by {stream}");
        }
    }
    let stop = json!({"action": "stop-container", "id": name, "time": 0});
    let reply = bus.call_dock("b.test", stop).await;
    assert_eq!((&reply["statusCode"], &reply["dockerInstance"]), (&json!(204), &json!("a.test")), "{reply}");
    assert_eq!(docker(1, &["inspect", "-f", "{{.State.Running}}", &id]), "false");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_on_two_docks_is_ambiguous_until_the_dock_is_named() {
    let bus = Bus::new().await;
    let (_a, _b) = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    let name = unique("twin");
    let _scrub = (Scrub::new(1, &name), Scrub::new(2, &name));
    let (on_a, on_b) = (created(&bus, "a.test", &name).await, created(&bus, "b.test", &name).await);

    let reply = bus.call(json!({"action": "inspect-container", "id": name})).await;
    assert_eq!((&reply["statusCode"], &reply["error"]), (&json!(409), &json!("ambiguous-instance")), "{reply}");
    let candidates = json!([
        {"dock": "a.test", "name": name, "id": on_a},
        {"dock": "b.test", "name": name, "id": on_b},
    ]);
    assert_eq!(reply["Response"]["Body"], candidates);
    let message = reply["message"].as_str().expect("a message");
    assert!(message.contains(&format!("a.test/{name}")) && message.contains(&format!("b.test/{name}")), "{message}");

    for (dock, id) in [("a.test", &on_a), ("b.test", &on_b)] {
        let named = bus.call(json!({"action": "inspect-container", "id": name, "dock": dock})).await;
        assert_eq!(named["Response"]["Body"]["Id"], **id, "{named}");
        let by_its_stream = bus.call_dock(dock, json!({"action": "inspect-container", "id": name})).await;
        assert_eq!(by_its_stream["Response"]["Body"]["Id"], **id, "{by_its_stream}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prefix_of_several_ids_is_ambiguous_and_lists_them() {
    let bus = Bus::new().await;
    let (_a, _b) = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    let name = unique("prefix");
    // Sixteen digits, seventeen ids: two begin alike.
    let names: Vec<String> = (0..17).map(|number| format!("{name}-{number}")).collect();
    let _scrub: Vec<Scrub> = names.iter().enumerate().map(|(number, name)| Scrub::new(1 + number % 2, name)).collect();
    let mut ids = Vec::new();
    for (number, name) in names.iter().enumerate() {
        ids.push(created(&bus, ["a.test", "b.test"][number % 2], name).await);
    }
    ids.sort();
    let alike = ids.windows(2).find(|pair| pair[0][..1] == pair[1][..1]).expect("two that begin alike");

    let reply = bus.call(json!({"action": "stop-container", "id": &alike[0][..1]})).await;
    assert_eq!((&reply["statusCode"], &reply["error"]), (&json!(409), &json!("ambiguous-instance")), "{reply}");
    let listed = reply["Response"]["Body"].as_array().expect("a list");
    assert!((2..=10).contains(&listed.len()), "{reply}");
    let message = reply["message"].as_str().expect("a message");
    for candidate in listed {
        let id = candidate["id"].as_str().expect("an id");
        assert!(id.starts_with(&alike[0][..1]) && message.contains(id), "{reply}");
        assert!(candidate["dock"] == "a.test" || candidate["dock"] == "b.test", "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_with_an_owner_is_in_all_records() {
    let bus = Bus::new().await;
    let _worker = bus.worker_with(1, "a.test", |options| drop(options.labels.insert("zone".into(), "x".into()))).await;
    let (name, request) = (unique("owned"), unique("request"));
    let _scrub = Scrub::new(1, &name);
    let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name,
        "owner": "ada", "labels": {"team": "blue"}, "ports": ["127.0.0.1::80"], "start": true, "requestId": request});
    let reply = bus.call(create).await;
    let id = reply["Id"].as_str().unwrap_or_else(|| panic!("{reply}"));

    let summary = until("the instance runs in the records", async || {
        instance(&bus, "a.test", id).await.filter(|summary| summary["state"] == "running")
    })
    .await;
    let port = docker(1, &["port", &name, "80"]).rsplit(':').next().expect("a port").parse::<u16>().expect("a number");
    let expected = json!({"id": id, "name": name, "image": "busybox", "state": "running", "status": "Up",
        "created": summary["created"], "since": summary["since"], "owner": "ada", "requestId": request, "labels": {"team": "blue"},
        "ports": [{"ip": "127.0.0.1", "privatePort": 80, "publicPort": port, "protocol": "tcp"}]});
    assert_eq!(summary, expected);
    assert!(summary["created"].as_i64().expect("seconds") > 1_700_000_000);
    assert!(summary["since"].as_i64() >= summary["created"].as_i64(), "{summary}");
    let expected = json!({"owner": "ada", "dock": "a.test", "name": name, "image": "busybox", "requestId": request});
    assert_eq!(owner(&bus, id).await, Some(expected));
    assert_eq!(docker(1, &["inspect", "-f", "{{index .Config.Labels \"deblox.owner\"}}", id]), "ada");

    let record = bus.until_dock("a.test", |record| record["running"].as_u64() > Some(0)).await;
    assert_eq!((&record["standing"], &record["daemon"]), (&json!("active"), &json!("up")), "{record}");
    assert_eq!(record["labels"], json!({"zone": "x"}));
    assert_eq!(record["workerVersion"], env!("CARGO_PKG_VERSION"));
    let engine = docker(1, &["version", "-f", "{{.Server.Version}}"]);
    assert_eq!(record["engineVersion"], engine, "{record}");
    assert!(record["containers"].as_u64() >= record["running"].as_u64(), "{record}");
    assert!(record["cpus"].as_u64() > Some(0) && record["memory"].as_u64() > Some(0), "{record}");
    let row = bus.dock("a.test").await;
    assert_eq!(row["state"], "up");
    assert!(row["lastSeen"].as_str().is_some_and(|seen| seen.ends_with('Z') && seen.contains('T')), "{row}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_records_follow_what_happens_behind_deblox_s_back() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "a.test").await;
    let (name, renamed) = (unique("behind"), unique("renamed"));
    let _scrub = (Scrub::new(1, &name), Scrub::new(1, &renamed));
    let id = docker(1, &["run", "-d", "--name", &name, "busybox", "sleep", "600"]);
    let shows = async |field: &str, value: &str| {
        until(&format!("{field} is {value}"), async || {
            instance(&bus, "a.test", &id).await.filter(|summary| summary[field] == value)
        })
        .await
    };
    let summary = shows("state", "running").await;
    assert_eq!(summary["name"], name);
    assert!(summary.get("owner").is_none(), "nobody is recorded who was not named: {summary}");
    assert_eq!(owner(&bus, &id).await, Some(json!({"dock": "a.test", "name": name, "image": "busybox"})));

    docker(1, &["rename", &name, &renamed]);
    shows("name", &renamed).await;
    assert_eq!(owner(&bus, &id).await.expect("an owner record")["name"], renamed);
    let by_old_name = bus.call(json!({"action": "inspect-container", "id": name})).await;
    assert_eq!(by_old_name["error"], "no-such-instance", "{by_old_name}");
    let by_new_name = bus.call(json!({"action": "inspect-container", "id": renamed})).await;
    assert_eq!(by_new_name["Response"]["Body"]["Id"], *id, "{by_new_name}");

    docker(1, &["stop", "-t", "0", &renamed]);
    let summary = shows("state", "exited").await;
    assert_eq!(summary["status"], "Exited (137)");

    docker(1, &["rm", &renamed]);
    until("it is gone", async || instance(&bus, "a.test", &id).await.is_none().then_some(())).await;
    assert_eq!(owner(&bus, &id).await, None);
    let gone = bus.call(json!({"action": "inspect-container", "id": renamed})).await;
    assert_eq!((&gone["statusCode"], &gone["error"]), (&json!(404), &json!("no-such-instance")), "{gone}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_nobody_asked_for_is_recorded_at_once() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "a.test").await;
    for how in ["kill", "stop"] {
        let name = unique("ends");
        let _scrub = Scrub::new(1, &name);
        let id = bus.running("a.test", &name).await;
        // The daemon tells of the end some time before its own list shows it.
        docker(1, &[how, &name]);
        let ended = Instant::now();
        until("it is recorded", async || {
            instance(&bus, "a.test", &id).await.filter(|record| record["state"] == "exited")
        })
        .await;
        assert!(ended.elapsed() < Duration::from_secs(20), "{how}: {:?}", ended.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_flushall_everything_is_back_within_two_beats_and_no_container_was_touched() {
    let redis = own_redis().await;
    let bus = Bus::on(&redis.url).await;
    let (_a, _b) = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    let name = unique("heals");
    let _scrub = Scrub::new(1, &name);
    let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name,
        "owner": "ada", "start": true, "dock": "a.test"});
    let id = bus.call(create).await["Id"].as_str().expect("an id").to_owned();
    let untouched = || docker(1, &["inspect", "-f", "{{.Id}} {{.State.StartedAt}} {{.State.Pid}}", &name]);
    let before = untouched();
    let summary =
        until("it runs", async || instance(&bus, "a.test", &id).await.filter(|summary| summary["state"] == "running"))
            .await;
    let owned = owner(&bus, &id).await;

    bus.redis::<()>(&["FLUSHALL"]).await;
    let flushed = Instant::now();
    for dock in ["a.test", "b.test"] {
        bus.until_dock(dock, |record| record["daemon"] == "up" && record["standing"] == "active").await;
        until("the lease", async || {
            bus.redis::<bool>(&["EXISTS", &bus.key(&format!("worker.{dock}"))]).await.then_some(())
        })
        .await;
        until("the set of workers", async || {
            bus.redis::<bool>(&["SISMEMBER", &bus.key("workers"), dock]).await.then_some(())
        })
        .await;
    }
    until("the instance is back", async || {
        (instance(&bus, "a.test", &id).await == Some(summary.clone())).then_some(())
    })
    .await;
    until("its owner is back", async || (owner(&bus, &id).await == owned).then_some(())).await;
    let lasted = flushed.elapsed();
    assert!(lasted < TWO_BEATS, "{lasted:?}");
    assert_eq!(before, untouched());

    let found = bus.call_dock("b.test", json!({"action": "inspect-container", "id": &id[..16]})).await;
    assert_eq!(found["dockerInstance"], "a.test", "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_sent_right_after_a_flushall_is_served_as_ever() {
    let redis = own_redis().await;
    let bus = Bus::on(&redis.url).await;
    let (_a, _b) = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    bus.registered(2).await;
    let (name, made) = (unique("served"), unique("served"));
    let _scrub = (Scrub::new(1, &name), Scrub::new(1, &made), Scrub::new(2, &made));
    bus.running("a.test", &name).await;
    let requests = [
        ("docker", json!({"action": "ping"}), 200),
        ("docker", json!({"action": "ping", "dock": "b.test"}), 200),
        ("docker", json!({"action": "inspect-container", "id": name}), 200),
        ("docker.b.test", json!({"action": "inspect-container", "id": name}), 200),
        ("docker.a.test", json!({"action": "stop-container", "id": name, "time": 0}), 204),
        ("docker", json!({"action": "start-container", "id": name}), 204),
        ("docker", json!({"action": "create-container", "image": "busybox", "name": made}), 201),
        ("docker", json!({"action": "delete-container", "id": made}), 204),
        ("docker.b.test", json!({"action": "create-container", "image": "busybox", "name": made}), 201),
        ("docker", json!({"action": "list-images", "dock": "a.test"}), 200),
    ];
    for (stream, request, status) in requests {
        bus.redis::<()>(&["FLUSHALL"]).await;
        let sent = Instant::now();
        let reply = bus.reply(&bus.send_to(stream, &["json", &request.to_string()]).await).await;
        assert_eq!(reply["statusCode"], status, "{request} by {stream}: {reply}");
        assert!(sent.elapsed() < TWO_BEATS, "{request} by {stream}: {:?}", sent.elapsed());
    }
    let nobody = bus.call(json!({"action": "start-container", "id": "nobody-here"})).await;
    assert_eq!(nobody["error"], "no-such-instance", "{nobody}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_removed_while_its_worker_was_down_is_gone_from_the_records_after_the_restart() {
    let bus = Bus::new().await;
    let worker = bus.worker(1, "a.test").await;
    let (gone, stays) = (unique("gone"), unique("stays"));
    let _scrub = (Scrub::new(1, &gone), Scrub::new(1, &stays));
    let (id, kept) = (created(&bus, "a.test", &gone).await, created(&bus, "a.test", &stays).await);
    worker.stop().await;
    docker(1, &["rm", &gone]);
    assert!(instance(&bus, "a.test", &id).await.is_some(), "nobody was there to see it");

    let _worker = bus.worker(1, "a.test").await;
    until("it is gone", async || instance(&bus, "a.test", &id).await.is_none().then_some(())).await;
    assert_eq!(owner(&bus, &id).await, None);
    assert!(instance(&bus, "a.test", &kept).await.is_some());
    let reply = bus.call(json!({"action": "start-container", "id": gone})).await;
    assert_eq!(reply["error"], "no-such-instance", "{reply}");
}

/// Creates a container that does not run; returns its id.
async fn created(bus: &Bus, dock: &str, name: &str) -> String {
    let reply = bus.call(json!({"action": "create-container", "image": "busybox", "name": name, "dock": dock})).await;
    reply["Id"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned()
}

/// The summary of an instance in the records of its dock.
async fn instance(bus: &Bus, dock: &str, id: &str) -> Option<Value> {
    let record: Option<String> = bus.redis(&["HGET", &bus.key(&format!("instances.{dock}")), id]).await;
    record.map(|text| serde_json::from_str(&text).expect("JSON"))
}

/// The owner record of an instance.
async fn owner(bus: &Bus, id: &str) -> Option<Value> {
    let record: Option<String> = bus.redis(&["HGET", &bus.key("owners"), id]).await;
    record.map(|text| serde_json::from_str(&text).expect("JSON"))
}
