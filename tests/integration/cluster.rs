//! What concerns the whole cluster: lists from the shared records, docks, templates.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use deblox::docker::DockerOptions;
use deblox::protocol::Fqdn;
use deblox::worker::WorkerOptions;
use serde_json::{Value, json};

use crate::proxy::Proxy;
use crate::support::{Bus, Scrub, Worker, docker, own_redis, refused, succeeded, unique, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clusters_containers_are_paged_through_each_exactly_once() {
    let bus = Bus::new().await;
    let _workers = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    let group = unique("group");
    let (made, _scrubs) = seven(&bus, &group).await;
    let filters = json!({"label": [format!("group={group}")]});
    for limit in [1, 2, 3, 6, 7, 100] {
        let mut seen = Vec::new();
        let mut request = json!({"action": "list-containers", "all": true, "filters": filters, "limit": limit});
        loop {
            let page = page(&bus, &request).await;
            let rows = page["containers"].as_array().expect("a list");
            assert!(rows.len() == limit || page["cursor"].is_null(), "only the last page is short: {page}");
            assert_eq!(page["unreachable"], json!([]));
            seen.extend(rows.iter().map(|row| (text(&row["id"]), text(&row["dock"]))));
            if page["cursor"].is_null() {
                break;
            }
            assert!(!rows.is_empty(), "{page}");
            request["cursor"] = page["cursor"].clone();
        }
        seen.sort();
        assert_eq!(seen, made, "with {limit} a page");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clusters_containers_are_filtered_as_docker_does_and_by_owner() {
    let bus = Bus::new().await;
    let _workers = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    let group = unique("group");
    let (made, _scrubs) = seven(&bus, &group).await;
    let count = async |filters: Value| {
        let mut filters = filters;
        let mut labels = filters["label"].as_array().cloned().unwrap_or_default();
        labels.push(json!(format!("group={group}")));
        filters["label"] = json!(labels);
        let page = page(&bus, &json!({"action": "list-containers", "all": true, "filters": filters})).await;
        page["containers"].as_array().expect("a list").len()
    };
    assert_eq!(count(json!({})).await, 7);
    assert_eq!(count(json!({"label": ["odd"]})).await, 3, "all labels must be there");
    assert_eq!(count(json!({"label": ["odd=no"]})).await, 0);
    assert_eq!(count(json!({"owner": "ada"})).await, 4);
    assert_eq!(count(json!({"owner": ["ada", "anonymous"]})).await, 7, "others are alternatives");
    assert_eq!(count(json!({"name": format!("{group}-3")})).await, 1);
    assert_eq!(count(json!({"id": [made[0].0[..20], made[1].0]})).await, 2);
    assert_eq!(count(json!({"status": ["running"]})).await, 1);
    assert_eq!(count(json!({"status": ["running", "created"], "owner": "ada"})).await, 4);
    assert_eq!(count(json!({"ancestor": "busybox:latest"})).await, 7);
    assert_eq!(count(json!({"ancestor": "nowhere"})).await, 0);
    for (fields, field) in [
        (json!({"all": true, "filters": {"health": "healthy"}}), "`health`"),
        (json!({"all": true, "cursor": "nothing"}), "`cursor`"),
        (json!({"all": true, "limit": 0}), "`limit`"),
        (json!({"all": true, "size": true}), "`size`"),
        (json!({"cursor": "a.test/0"}), "`cursor`"),
    ] {
        let mut request = json!({"action": "list-containers"});
        crate::actions::merge(&mut request, fields);
        refused(&bus.call(request).await, 400, "bad-field", &[field]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dock_that_is_lost_is_named_and_what_was_known_of_it_is_shown_at_once() {
    let bus = Bus::new().await;
    let _a = bus.worker(1, "a.test").await;
    let b = bus.worker(2, "b.test").await;
    bus.registered(2).await;
    let group = unique("group");
    let (made, _scrubs) = seven(&bus, &group).await;
    drop(b);
    let lease = bus.key("worker.b.test");
    until("the lease has run out", async || (!bus.redis::<bool>(&["EXISTS", &lease]).await).then_some(())).await;
    until("the dock is lost", async || (bus.dock("b.test").await["state"] == "lost").then_some(())).await;

    let begun = Instant::now();
    let filters = json!({"label": [format!("group={group}")]});
    let page = page(&bus, &json!({"action": "list-containers", "all": true, "filters": filters})).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "nobody is waited for: {:?}", begun.elapsed());
    let seen = bus.dock("b.test").await["lastSeen"].clone();
    assert_eq!(page["unreachable"], json!([{"hostname": "b.test", "state": "lost", "lastSeen": seen}]));
    assert!(humantime::parse_rfc3339(seen.as_str().expect("text")).is_ok(), "{seen}");
    let rows = page["containers"].as_array().expect("a list");
    assert_eq!(rows.len(), made.len());
    for row in rows {
        let expected = if row["dock"] == "b.test" { &seen } else { &Value::Null };
        assert_eq!(&row["lastSeen"], expected, "{row}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_daemon_is_down_lists_the_cluster_all_the_same() {
    let bus = Bus::new().await;
    let worker = bus.worker(1, "a.test").await;
    let name = unique("recorded");
    let _scrub = Scrub::new(1, &name);
    let id = bus.running("a.test", &name).await;
    worker.stop().await;
    let nowhere = DockerOptions::new("unix:///nonexistent/docker.sock");
    let _worker = Worker::start(WorkerOptions::new(bus.options(), nowhere, Fqdn::new("b.test").expect("a name")));
    bus.until_dock("b.test", |record| record["daemon"] == "down").await;
    let page = page(&bus, &json!({"action": "list-containers", "all": true, "filters": {"name": name}})).await;
    assert_eq!((&page["containers"][0]["id"], &page["containers"][0]["state"]), (&json!(id), &json!("running")));
    assert_eq!(
        (&page["unreachable"][0]["hostname"], &page["unreachable"][0]["state"]),
        (&json!("a.test"), &json!("stopped"))
    );
    let never = json!({"hostname": "b.test", "state": "up", "daemon": "down", "lastSeen": null});
    assert_eq!(page["unreachable"][1], never, "{page}");
    let own = bus.call(json!({"action": "list-containers"})).await;
    assert_eq!(own["statusCode"], 503, "{own}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_docks_host_uses_is_listed_where_its_worker_runs_on_it() {
    let bus = Bus::new().await;
    let _here = bus.worker(1, "here.test").await;
    let elsewhere = Proxy::tcp(2).await;
    let _elsewhere =
        bus.worker_with(2, "elsewhere.test", |options| options.docker = DockerOptions::new(&elsewhere.address)).await;
    let usage = until("the processors were looked at twice", async || {
        let usage = bus.dock("here.test").await["usage"].clone();
        usage["cpu"].is_number().then_some(usage)
    })
    .await;
    let number = |field: &str| usage[field].as_u64().unwrap_or_else(|| panic!("{field}: {usage}"));
    let cpu = usage["cpu"].as_f64().expect("a number");
    assert!((0.0..=100.0).contains(&cpu) && (cpu * 10.0 - (cpu * 10.0).round()).abs() < 1e-6, "{usage}");
    assert!(0 < number("memory") && number("memory") < number("memoryTotal"), "{usage}");
    assert!(0 < number("disk") && number("disk") <= number("diskTotal"), "{usage}");
    // Docker measures the same memory.
    assert_eq!(usage["memoryTotal"], bus.dock("here.test").await["memory"]);
    assert_eq!(bus.dock("elsewhere.test").await["usage"], Value::Null, "that is another host");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_dock_keeps_its_instances_and_gets_no_new_ones() {
    let bus = Bus::new().await;
    let _workers = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    bus.registered(2).await;
    let kept = unique("kept");
    let _scrub = Scrub::new(1, &kept);
    let id = bus.running("a.test", &kept).await;
    let drained = bus.call(json!({"action": "drain", "hostname": "a.test"})).await;
    succeeded(&drained, 200);
    assert_eq!(drained["Response"]["Body"], json!({"hostname": "a.test", "standing": "drained"}));
    assert_eq!(bus.dock("a.test").await["state"], "drained");

    let (by_name, _scrub) = create(json!({"dock": "a.test"}));
    refused(&bus.call(by_name).await, 409, "dock-drained", &["`a.test`"]);
    for _ in 0..3 {
        let (anywhere, _scrub) = create(json!({}));
        let reply = bus.call(anywhere).await;
        assert_eq!((&reply["statusCode"], &reply["dockerInstance"]), (&json!(201), &json!("b.test")), "{reply}");
    }
    succeeded(&bus.call(json!({"action": "kill-container", "id": id})).await, 204);
    let page = page(&bus, &json!({"action": "list-containers", "all": true, "filters": {"id": id}})).await;
    assert_eq!((&page["unreachable"], &page["containers"][0]["dock"]), (&json!([]), &json!("a.test")), "{page}");

    succeeded(&bus.call(json!({"action": "undrain", "hostname": "a.test"})).await, 200);
    assert_eq!(bus.dock("a.test").await["state"], "up");
    let (by_name, _scrub) = create(json!({"dock": "a.test"}));
    succeeded(&bus.call(by_name).await, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docks_that_are_unknown_or_unregistered_are_not_changed() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "a.test").await;
    bus.registered(1).await;
    let all = |dock: &str| {
        [
            json!({"action": "drain", "hostname": dock}),
            json!({"action": "undrain", "hostname": dock}),
            json!({"action": "label-dock", "hostname": dock, "labels": {"a": "b"}}),
        ]
    };
    for request in all("nobody.test") {
        refused(&bus.call(request).await, 404, "unknown-dock", &["`nobody.test`"]);
    }
    bus.send(&["action", "unregister", "hostname", "a.test"]).await;
    until("it is out", async || (bus.dock("a.test").await["state"] == "unregistered").then_some(())).await;
    for request in all("a.test") {
        refused(&bus.call(request).await, 409, "dock-unregistered", &["`a.test`", "register"]);
    }
    let row = bus.dock("a.test").await;
    assert_eq!((&row["standing"], &row["labels"]), (&json!("unregistered"), &json!({})), "{row}");
    refused(&bus.call(json!({"action": "drain"})).await, 400, "missing-field", &["`hostname`"]);
    let no_labels = bus.call(json!({"action": "label-dock", "hostname": "a.test"})).await;
    refused(&no_labels, 400, "missing-field", &["`labels`"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_set_on_a_dock_count_at_once_and_last() {
    let bus = Bus::new().await;
    let zone = ("zone".to_owned(), "north".to_owned());
    let _a = bus.worker_with(1, "a.test", |options| options.labels.extend([zone])).await;
    let _b = bus.worker(2, "b.test").await;
    let labels = json!({"zone": "", "disk": "ssd", "rack": "7"});
    let reply = bus.call(json!({"action": "label-dock", "hostname": "a.test", "labels": labels})).await;
    succeeded(&reply, 200);
    for round in 0..2 {
        let expected = if round == 0 { json!({"disk": "ssd", "rack": "7"}) } else { json!({"disk": "ssd"}) };
        assert_eq!(bus.dock("a.test").await["labels"], expected);
        let (create_there, _scrub) = create(json!({"dock-labels": {"disk": "ssd"}}));
        let reply = bus.call(create_there).await;
        assert_eq!((&reply["statusCode"], &reply["dockerInstance"]), (&json!(201), &json!("a.test")), "{reply}");
        for gone in [json!({"zone": "north"}), json!({"disk": "hdd"})] {
            let (nowhere, _scrub) = create(json!({"dock-labels": gone}));
            refused(&bus.call(nowhere).await, 503, "no-dock", &["labels"]);
        }
        beats(&bus, "a.test").await;
        let remove = json!({"action": "label-dock", "hostname": "a.test", "labels": ["rack="]});
        succeeded(&bus.call(remove).await, 200);
    }
    let back = json!({"action": "label-dock", "hostname": "a.test", "labels": {"zone": "south"}});
    succeeded(&bus.call(back).await, 200);
    assert_eq!(bus.dock("a.test").await["labels"], json!({"disk": "ssd", "zone": "south"}));
    assert_eq!(bus.dock("b.test").await["labels"], json!({}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_set_on_a_dock_outlives_the_data_of_redis() {
    let server = own_redis().await;
    let bus = Bus::on(&server.url).await;
    let zone = ("zone".to_owned(), "north".to_owned());
    let _a = bus.worker_with(1, "a.test", |options| options.labels.extend([zone])).await;
    bus.registered(1).await;
    succeeded(&bus.call(json!({"action": "drain", "hostname": "a.test"})).await, 200);
    let labels = json!({"zone": "", "disk": "ssd"});
    succeeded(&bus.call(json!({"action": "label-dock", "hostname": "a.test", "labels": labels})).await, 200);
    beats(&bus, "a.test").await;
    let _: String = bus.redis(&["FLUSHALL"]).await;
    bus.until_dock("a.test", |record| record["daemon"] == "up").await;
    let row = bus.dock("a.test").await;
    assert_eq!((&row["state"], &row["labels"]), (&json!("drained"), &json!({"disk": "ssd"})), "{row}");
    let (by_name, _scrub) = create(json!({"dock": "a.test"}));
    refused(&bus.call(by_name).await, 409, "dock-drained", &["`a.test`"]);
    let (anywhere, _scrub) = create(json!({}));
    refused(&bus.call(anywhere).await, 503, "no-dock", &["drained"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn templates_are_kept_shown_replaced_and_deleted() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "a.test").await;
    let get = json!({"action": "get-template", "name": "web.v-1_0"});
    refused(&bus.call(get.clone()).await, 404, "no-such-template", &["`web.v-1_0`"]);
    assert_eq!(bus.call(json!({"action": "list-templates"})).await["Response"]["Body"], json!({}));
    for (body, status) in [(json!({"Image": "busybox"}), 201), (json!({"Image": "ubuntu", "Cmd": ["true"]}), 200)] {
        let put = json!({"action": "put-template", "name": "web.v-1_0", "body": body});
        succeeded(&bus.call(put).await, status);
        let got = bus.call(get.clone()).await;
        succeeded(&got, 200);
        assert_eq!(got["Response"]["Body"], body);
        let kept: String = bus.redis(&["HGET", &bus.key("templates"), "web.v-1_0"]).await;
        assert_eq!(serde_json::from_str::<Value>(&kept).expect("JSON"), body);
    }
    succeeded(&bus.call(json!({"action": "put-template", "name": "a", "body": {}})).await, 201);
    let listed = bus.call(json!({"action": "list-templates"})).await;
    succeeded(&listed, 200);
    assert_eq!(listed["Response"]["Body"], json!({"a": {}, "web.v-1_0": {"Image": "ubuntu", "Cmd": ["true"]}}));
    let delete = json!({"action": "delete-template", "name": "web.v-1_0"});
    succeeded(&bus.call(delete.clone()).await, 204);
    refused(&bus.call(delete).await, 404, "no-such-template", &["`web.v-1_0`"]);
    refused(&bus.call(get).await, 404, "no-such-template", &["list-templates"]);
    for (name, body) in [("a b", json!({})), ("a/b", json!({})), ("", json!({})), ("a", json!([])), ("a", json!("x"))] {
        let put = json!({"action": "put-template", "name": name, "body": body});
        refused(&bus.call(put).await, 400, "bad-field", &[]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_thousand_instances_on_thirty_docks_are_listed_by_pages() {
    const DOCKS: usize = 30;
    const EACH: usize = 1000;
    let bus = Bus::new().await;
    let _worker = bus.worker(3, "z.test").await;
    for dock in 0..DOCKS {
        let host = format!("d{dock:02}.test");
        let record = json!({"standing": "active", "lastSeen": 1_700_000_000_000_u64}).to_string();
        let _: i64 = bus.redis(&["HSET", &bus.key("docks"), &host, &record]).await;
        let mut words = vec!["HSET".to_owned(), bus.key(&format!("instances.{host}"))];
        for number in 0..EACH {
            let id = uuid::Uuid::new_v4().simple().to_string().repeat(2);
            let summary = json!({"id": id, "name": format!("i-{dock}-{number}"), "image": "busybox", "state": "running",
                "status": "Up", "created": 1_700_000_000, "ports": [], "labels": {"synthetic": "yes"}});
            words.extend([id, summary.to_string()]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let _: i64 = bus.redis(&words).await;
    }
    let mut request = json!({"action": "list-containers", "all": true, "limit": 1000,
        "filters": {"label": "synthetic=yes"}});
    let (mut names, mut rows, mut pages) = (BTreeSet::new(), 0, 0);
    loop {
        let page = page(&bus, &request).await;
        pages += 1;
        let unreachable = page["unreachable"].as_array().expect("a list");
        assert_eq!((unreachable.len(), &unreachable[0]["lastSeen"]), (DOCKS, &json!("2023-11-14T22:13:20.000Z")));
        for row in page["containers"].as_array().expect("a list") {
            rows += 1;
            let (name, dock) = (text(&row["name"]), text(&row["dock"]));
            assert_eq!(name.split('-').nth(1).map(|dock| format!("d{dock:0>2}.test")), Some(dock), "{row}");
            names.insert(name);
        }
        if page["cursor"].is_null() {
            break;
        }
        request["cursor"] = page["cursor"].clone();
    }
    assert_eq!((rows, names.len(), pages), (DOCKS * EACH, DOCKS * EACH, DOCKS));
}

/// Four containers on a.test, of which one runs, and three on b.test; those on a.test are ada's, those on b.test odd.
/// Returns their ids with their docks, sorted, and what removes them.
async fn seven(bus: &Bus, group: &str) -> (Vec<(String, String)>, Vec<Scrub>) {
    let (mut made, mut scrubs) = (Vec::new(), Vec::new());
    for number in 0..7 {
        let (host, dock) = if number < 4 { (1, "a.test") } else { (2, "b.test") };
        let name = format!("{group}-{number}");
        scrubs.push(Scrub::new(host, &name));
        let mut request = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"],
            "name": name, "dock": dock, "labels": {"group": group}, "start": number == 0});
        if number < 4 {
            request["owner"] = json!("ada");
        } else {
            request["labels"]["odd"] = json!("yes");
        }
        let reply = bus.call(request).await;
        succeeded(&reply, 201);
        let id = text(&reply["Id"]);
        assert_eq!(docker(host, &["inspect", "-f", "{{.Id}}", &name]), id);
        made.push((id, dock.to_owned()));
    }
    made.sort();
    (made, scrubs)
}

/// A create and what removes the container, on whichever host it lands.
fn create(fields: Value) -> (Value, [Scrub; 2]) {
    let name = unique("placed");
    let scrubs = [Scrub::new(1, &name), Scrub::new(2, &name)];
    let mut request = json!({"action": "create-container", "image": "busybox", "name": name});
    crate::actions::merge(&mut request, fields);
    (request, scrubs)
}

/// One page of a list of the cluster.
async fn page(bus: &Bus, request: &Value) -> Value {
    let reply = bus.call(request.clone()).await;
    succeeded(&reply, 200);
    reply["Response"]["Body"].clone()
}

/// Waits for two further heartbeats of `dock`: by then its worker knows what has been set.
async fn beats(bus: &Bus, dock: &str) {
    for _ in 0..2 {
        let before = bus.until_dock(dock, |_| true).await["lastSeen"].clone();
        bus.until_dock(dock, |record| record["lastSeen"] != before).await;
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
