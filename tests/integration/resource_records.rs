//! The records of images, networks and volumes agree with the daemons, whatever happens.

use std::time::{Duration, Instant};

use deblox::docker::DockerOptions;
use serde_json::{Value, json};

use crate::actions::merge;
use crate::proxy::Proxy;
use crate::support::{
    Bus, Disturbed, QUIET_HOSTS, Scrub, docker, own_redis, quiet_hosts, succeeded, try_docker, unique, until,
};

/// What the lists are called.
pub const KINDS: [&str; 3] = ["images", "networks", "volumes"];

/// Two beats are two seconds; the rest is for a machine that is busy with other tests.
const TWO_BEATS: Duration = Duration::from_secs(5);

/// Something of a kind on one host, made with the docker command; removed when the test ends.
pub struct Made {
    kind: &'static str,
    pub host: usize,
    pub name: String,
    pub id: String,
}

impl Made {
    pub fn new(kind: &'static str, host: usize, name: &str, labels: &[String]) -> Self {
        let id = if kind == "images" {
            let container = docker(host, &["create", "busybox"]);
            let label = format!("LABEL {}", labels.join(" "));
            let id = docker(host, &["commit", "--change", &label, &container, name]);
            docker(host, &["rm", &container]);
            id
        } else {
            let labels = labels.iter().flat_map(|label| ["--label", label]);
            let words: Vec<&str> = [one_of(kind), "create"].into_iter().chain(labels).chain([name]).collect();
            docker(host, &words)
        };
        Self { kind, host, name: name.to_owned(), id }
    }

    /// What something else makes.
    pub fn named(kind: &'static str, host: usize, name: &str) -> Self {
        Self { kind, host, name: name.to_owned(), id: name.to_owned() }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // An image that has lost its name is known by its id.
        for known in [&self.name, &self.id] {
            try_docker(self.host, &[one_of(self.kind), "rm", known]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_records_say_what_docker_says() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "a.test").await;
    let labels = ["team=x".to_owned()];
    for kind in KINDS {
        let name = unique("said");
        let made = Made::new(kind, 1, &name, &labels);
        let filters = json!({(if kind == "images" { "reference" } else { "name" }): name});
        let page = listed(&bus, kind, &filters, 1).await;
        let known: Value = serde_json::from_str(&docker(1, &[one_of(kind), "inspect", &name])).expect("JSON");
        let known = &known[0];
        let row = &page[kind][0];
        let labels = json!({"team": "x"});
        let expected = match kind {
            "images" => json!({"dock": "a.test", "id": made.id, "tags": [format!("{name}:latest")], "digests": [],
                "size": known["Size"], "created": row["created"], "labels": labels}),
            "networks" => json!({"dock": "a.test", "id": made.id, "name": name, "driver": "bridge", "scope": "local",
                "internal": false, "attachable": false, "created": row["created"], "labels": labels}),
            _ => json!({"dock": "a.test", "name": name, "driver": "local", "scope": "local",
                "mountpoint": known["Mountpoint"], "created": row["created"], "labels": labels}),
        };
        assert_eq!(*row, expected);
        let created = row["created"].as_u64().expect("seconds");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs();
        assert!(created <= now && created + 60 > now, "{row}, now {now}");
        let key = bus.key(&format!("{kind}.a.test"));
        let record: String = bus.redis(&["HGET", &key, row[id_of(kind)].as_str().expect("text")]).await;
        let mut record: Value = serde_json::from_str(&record).expect("JSON");
        merge(&mut record, json!({"dock": "a.test"}));
        assert_eq!(record, *row);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_made_and_removed_by_hand_appears_and_vanishes() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "a.test").await;
    let group = unique("group");
    let filters = json!({"label": [format!("group={group}")]});
    for kind in KINDS {
        let made: Vec<Made> = (0..2)
            .map(|number| Made::new(kind, 1, &format!("{group}-{number}"), &[format!("group={group}")]))
            .collect();
        listed(&bus, kind, &filters, 2).await;
        docker(1, &[one_of(kind), "rm", &made[0].name]);
        let left = listed(&bus, kind, &filters, 1).await;
        assert_eq!(left[kind][0][id_of(kind)], made[1].id);
        docker(1, &[one_of(kind), "prune", "-f", "--filter", &format!("label=group={group}")]);
        if kind == "images" {
            // Only what has lost its name is pruned.
            docker(1, &["tag", "busybox", &made[1].name]);
            until("it is dangling", async || {
                let page =
                    list(&bus, kind, json!({"filters": {"label": [format!("group={group}")], "dangling": "true"}}));
                (page.await[kind][0]["tags"] == json!([])).then_some(())
            })
            .await;
            docker(1, &["image", "prune", "-f", "--filter", &format!("label=group={group}")]);
        }
        listed(&bus, kind, &filters, 0).await;
    }
    // A container's commit without a name is told by no event of images.
    let container = unique("committed");
    let _scrub = Scrub::new(1, &container);
    docker(1, &["create", "--name", &container, "busybox"]);
    let id = docker(1, &["commit", "--change", &format!("LABEL group={group}"), &container]);
    let _made = Made::named("images", 1, &id);
    assert_eq!(listed(&bus, "images", &filters, 1).await["images"][0]["id"], id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_while_the_worker_was_away_is_right_after_its_restart() {
    let bus = Bus::new().await;
    let worker = bus.worker(1, "a.test").await;
    let group = unique("group");
    let (labels, filters) = ([format!("group={group}")], json!({"label": format!("group={group}")}));
    let gone: Vec<Made> = KINDS.map(|kind| Made::new(kind, 1, &format!("{group}-gone"), &labels)).into();
    for kind in KINDS {
        listed(&bus, kind, &filters, 1).await;
    }
    worker.stop().await;
    drop(gone);
    let made = KINDS.map(|kind| Made::new(kind, 1, &format!("{group}-new"), &labels));
    let _worker = bus.worker(1, "a.test").await;
    for (kind, made) in KINDS.iter().zip(&made) {
        until("the new one is listed, and nothing else", async || {
            let page = list(&bus, kind, json!({"filters": filters})).await;
            let ids: Vec<&Value> = page[kind].as_array()?.iter().map(|row| &row[id_of(kind)]).collect();
            (ids == [&json!(made.id)]).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_flushall_the_lists_are_back_within_two_beats() {
    let redis = own_redis().await;
    let bus = Bus::on(&redis.url).await;
    let _workers = (bus.worker(1, "a.test").await, bus.worker(3, "b.test").await);
    let group = unique("group");
    let (labels, filters) = ([format!("group={group}")], json!({"label": [format!("group={group}")]}));
    let made: Vec<Made> = [1, 3]
        .into_iter()
        .flat_map(|host| KINDS.map(|kind| Made::new(kind, host, &format!("{group}-{host}"), &labels)))
        .collect();
    let mut before = Vec::new();
    for kind in KINDS {
        before.push(listed(&bus, kind, &filters, 2).await);
    }
    for _ in 0..3 {
        bus.redis::<()>(&["FLUSHALL"]).await;
        let flushed = Instant::now();
        for (kind, before) in KINDS.iter().zip(&before) {
            let back = async || (list(&bus, kind, json!({"filters": filters})).await == *before).then_some(());
            until("the list is as it was", back).await;
        }
        assert!(flushed.elapsed() < TWO_BEATS, "{:?}", flushed.elapsed());
    }
    // What is gone meanwhile does not come back.
    bus.redis::<()>(&["FLUSHALL"]).await;
    drop(made);
    for kind in KINDS {
        until("the docks are back", async || {
            let page = list(&bus, kind, json!({"filters": filters})).await;
            let count: usize = bus.redis(&["HLEN", &bus.key("images.b.test")]).await;
            (page[kind] == json!([]) && count > 0).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_dock_is_named_and_its_rows_say_when_it_was_seen() {
    let bus = Bus::new().await;
    let (_a, b) = (bus.worker(1, "a.test").await, bus.worker(3, "b.test").await);
    bus.registered(2).await;
    let group = unique("group");
    let (labels, filters) = ([format!("group={group}")], json!({"label": [format!("group={group}")]}));
    let _made: Vec<Made> = [1, 3]
        .into_iter()
        .flat_map(|host| KINDS.map(|kind| Made::new(kind, host, &format!("{group}-{host}"), &labels)))
        .collect();
    for kind in KINDS {
        listed(&bus, kind, &filters, 2).await;
    }
    drop(b);
    let lease = bus.key("worker.b.test");
    until("the lease has run out", async || (!bus.redis::<bool>(&["EXISTS", &lease]).await).then_some(())).await;
    until("the dock is lost", async || (bus.dock("b.test").await["state"] == "lost").then_some(())).await;
    let seen = bus.dock("b.test").await["lastSeen"].clone();
    for kind in KINDS {
        let page = list(&bus, kind, json!({"filters": filters})).await;
        assert_eq!(page["unreachable"], json!([{"hostname": "b.test", "state": "lost", "lastSeen": seen}]));
        assert_eq!((&page[kind][0]["dock"], &page[kind][0]["lastSeen"]), (&json!("a.test"), &Value::Null));
        assert_eq!((&page[kind][1]["dock"], &page[kind][1]["lastSeen"]), (&json!("b.test"), &seen));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dock_whose_daemon_is_down_is_named_with_when_it_was_last_up() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let _workers = (bus.worker(1, "a.test").await, bus.worker(4, "b.test").await);
    let group = unique("group");
    let (labels, filters) = ([format!("group={group}")], json!({"label": [format!("group={group}")]}));
    let _made = KINDS.map(|kind| Made::new(kind, 4, &group, &labels));
    let _scrub = Scrub::new(4, &group);
    bus.running("b.test", &group).await;
    for kind in KINDS {
        listed(&bus, kind, &filters, 1).await;
    }
    let killed = Disturbed::kill(4);
    let record = bus.until_dock("b.test", |record| record["daemon"] == "down").await;
    let seen = record["daemonSeen"].as_u64().expect("a time");
    // The worker goes on; when the daemon was seen stands still.
    let later = bus.until_dock("b.test", |later| later["lastSeen"].as_u64() > Some(seen + 2000)).await;
    assert_eq!(later["daemonSeen"], seen);
    let row = bus.dock("b.test").await;
    let seen = row["daemonSeen"].clone();
    assert!(row["state"] == "up" && row["lastSeen"].as_str() > seen.as_str(), "{row}");
    let unreachable = json!([{"hostname": "b.test", "state": "up", "daemon": "down", "lastSeen": seen}]);
    let everything = KINDS.map(|kind| (kind, filters.clone()));
    for (kind, filters) in everything.into_iter().chain([("containers", json!({"name": group}))]) {
        let page = list(&bus, kind, json!({"filters": filters})).await;
        assert_eq!(page["unreachable"], unreachable, "{page}");
        let rows = page[kind].as_array().expect("a list");
        assert_eq!((rows.len(), &rows[0]["lastSeen"]), (1, &seen), "{page}");
    }
    drop(killed);
    until("the dock is whole again", async || {
        let page = list(&bus, "networks", json!({"filters": filters})).await;
        (page["unreachable"] == json!([]) && page["networks"][0].get("lastSeen").is_none()).then_some(())
    })
    .await;
    // What happens from now on is seen again.
    docker(4, &["network", "rm", &group]);
    listed(&bus, "networks", &filters, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_the_reply_finds_the_change_in_the_next_list() {
    // A daemon prunes for one at a time, and the other tests that prune are on other hosts.
    const HOST: usize = 3;
    let bus = Bus::new().await;
    let _workers = (bus.worker(HOST, "a.test").await, bus.worker(1, "b.test").await);
    let name = unique("told");
    let _made = KINDS.map(|kind| Made::named(kind, HOST, &name));
    let container = unique("committed");
    let _scrub = Scrub::new(HOST, &container);
    docker(HOST, &["create", "--name", &container, "busybox"]);
    let label = format!("group={name}");
    let steps = [
        (json!({"action": "commit-container", "id": container, "repo": name}), 201, "images", 1),
        (json!({"action": "tag-image", "image": name, "repo": name, "tag": "2"}), 201, "images", 1),
        (json!({"action": "remove-image", "image": format!("{name}:2")}), 200, "images", 1),
        (json!({"action": "remove-image", "image": name}), 200, "images", 0),
        (json!({"action": "create-network", "name": name, "labels": [label]}), 201, "networks", 1),
        (json!({"action": "remove-network", "network": name}), 204, "networks", 0),
        (json!({"action": "create-network", "name": name, "labels": [label]}), 201, "networks", 1),
        (json!({"action": "prune-networks", "filters": {"label": label}}), 200, "networks", 0),
        (json!({"action": "create-volume", "name": name, "labels": [label]}), 201, "volumes", 1),
        (json!({"action": "remove-volume", "volume": name}), 204, "volumes", 0),
        (json!({"action": "create-volume", "name": name, "labels": [label]}), 201, "volumes", 1),
        (json!({"action": "prune-volumes", "filters": {"label": label}}), 200, "volumes", 0),
    ];
    for _ in 0..3 {
        for (step, status, kind, count) in &steps {
            let mut request = step.clone();
            request["dock"] = json!("a.test");
            succeeded(&bus.call(request).await, *status);
            let filters = json!({(if *kind == "images" { "reference" } else { "name" }): format!("{name}")});
            let page = list(&bus, kind, json!({"filters": filters})).await;
            let rows = page[kind].as_array().expect("a list");
            assert_eq!(rows.len(), *count, "{step}: {page}");
            if step["action"] == "tag-image" {
                assert_eq!(rows[0]["tags"], json!([format!("{name}:2"), format!("{name}:latest")]));
            }
        }
        // Of images, what has lost its only name is pruned.
        let change = format!("LABEL {label}");
        docker(HOST, &["commit", "--change", &change, &container, &name]);
        docker(HOST, &["tag", "busybox", &name]);
        let filters = json!({"label": [label]});
        listed(&bus, "images", &filters, 1).await;
        let prune = json!({"action": "prune-images", "dock": "a.test", "filters": filters});
        succeeded(&bus.call(prune).await, 200);
        assert_eq!(list(&bus, "images", json!({"filters": filters})).await["images"], json!([]));
        docker(HOST, &["rmi", &name]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_events_is_looked_at_a_few_times_and_not_once_for_each() {
    const VOLUMES: usize = 50;
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let proxy = Proxy::tcp(QUIET_HOSTS[0]).await;
    let _worker = bus.worker_with(1, "a.test", |options| options.docker = DockerOptions::new(&proxy.address)).await;
    let label = format!("group={}", unique("burst"));
    let create = |number: usize| {
        json!({"action": "create-volume", "dock": "a.test", "name": format!("{label}-{number}").replace('=', "-"),
            "labels": [label]})
    };
    let mut ids = Vec::new();
    for number in 0..VOLUMES {
        ids.push(bus.send(&["json", &create(number).to_string()]).await);
    }
    for id in ids {
        succeeded(&bus.reply(&id).await, 201);
    }
    let filters = json!({"label": label});
    let page = list(&bus, "volumes", json!({"filters": filters})).await;
    assert_eq!(page["volumes"].as_array().map(Vec::len), Some(VOLUMES));
    let before = proxy.times_seen("/volumes HTTP");
    docker(QUIET_HOSTS[0], &["volume", "prune", "-f", "--filter", &format!("label={label}")]);
    listed(&bus, "volumes", &filters, 0).await;
    let listings = proxy.times_seen("/volumes HTTP") - before;
    assert!(listings > 0 && listings < VOLUMES / 2, "{listings} listings for {VOLUMES} events");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_that_hangs_holds_up_nothing_else() {
    let bus = Bus::new().await;
    let proxy = Proxy::losing(1, "/networks HTTP");
    let _worker = bus.worker_with(1, "a.test", |options| options.docker = DockerOptions::new(&proxy.address)).await;
    let name = unique("beside");
    let _scrub = Scrub::new(1, &name);
    let _made = KINDS.map(|kind| Made::named(kind, 1, &name));
    let id = bus.running("a.test", &name).await;
    let create = json!({"action": "create-network", "dock": "a.test", "name": name});
    let asked = Instant::now();
    succeeded(&bus.call(create).await, 201);
    assert!(asked.elapsed() < Duration::from_secs(10), "it is not waited for without end: {:?}", asked.elapsed());
    succeeded(&bus.call(json!({"action": "create-volume", "dock": "a.test", "name": name})).await, 201);
    succeeded(&bus.call(json!({"action": "commit-container", "id": id, "repo": name})).await, 201);
    for (kind, filters) in [("volumes", json!({"name": name})), ("images", json!({"reference": name}))] {
        let page = list(&bus, kind, json!({"filters": filters})).await;
        assert_eq!(page[kind].as_array().map(Vec::len), Some(1), "{page}");
    }
    docker(1, &["stop", "-t", "0", &name]);
    until("the container's end is recorded", async || {
        let page = list(&bus, "containers", json!({"filters": {"name": name}})).await;
        (page["containers"][0]["state"] == "exited").then_some(())
    })
    .await;
    assert_eq!(bus.dock("a.test").await["daemon"], "up");
}

/// One page of a list of the cluster.
pub async fn list(bus: &Bus, kind: &str, fields: Value) -> Value {
    let mut request = json!({"action": format!("list-{kind}"), "all": true});
    merge(&mut request, fields);
    let reply = bus.call(request).await;
    succeeded(&reply, 200);
    reply["Response"]["Body"].clone()
}

/// The list of what fits, once so many are listed.
pub async fn listed(bus: &Bus, kind: &str, filters: &Value, count: usize) -> Value {
    until(&format!("{count} {kind} are listed"), async || {
        let page = list(bus, kind, json!({"filters": filters})).await;
        (page[kind].as_array().map(Vec::len) == Some(count)).then_some(page)
    })
    .await
}

/// The field by which something of a kind is known.
pub fn id_of(kind: &str) -> &'static str {
    if kind == "volumes" { "name" } else { "id" }
}

/// What docker calls one of a kind.
fn one_of(kind: &str) -> &str {
    kind.trim_end_matches('s')
}
