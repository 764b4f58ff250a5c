//! Images, networks, volumes and the daemon itself, each action against a real daemon.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST, create, dock};
use crate::more_actions::{Undo, exists, known};
use crate::support::{Bus, Scrub, docker, port, refused, succeeded, try_docker, unique, until};

/// A registry that can exist nowhere: the domain `invalid` is reserved (RFC 2606).
const NO_REGISTRY: &str = "deblox.invalid";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn image_history_tells_how_an_image_was_made_by_either_name() {
    let (bus, _worker) = dock().await;
    let layers = docker(HOST, &["history", "-q", "busybox"]).lines().count();
    for request in [
        json!({"action": "image-history", "image": "busybox"}),
        json!({"action": "history-image", "image": "busybox:latest"}),
    ] {
        let reply = bus.call(request).await;
        succeeded(&reply, 200);
        assert_eq!(reply["Response"]["Body"].as_array().map(Vec::len), Some(layers), "{reply}");
    }
    let unknown = bus.call(json!({"action": "image-history", "image": "nowhere/none"})).await;
    refused(&unknown, 404, "no-such-image", &["nowhere/none"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_gets_further_names_and_loses_them_one_by_one() {
    let (bus, _worker) = dock().await;
    let repo = format!("registry.test:5000/team/{}", unique("tagged"));
    let (first, second) = (format!("{repo}:latest"), format!("{repo}:2"));
    let _undo = Undo::with(&["rmi", &first, &second]);
    let tag = json!({"action": "tag-image", "dock": DOCK, "image": "busybox", "repo": repo});
    succeeded(&bus.call(tag).await, 201);
    let tag = json!({"action": "tag-image", "dock": DOCK, "image": first, "repo": repo, "tag": "2"});
    succeeded(&bus.call(tag).await, 201);
    let busybox = &known("image", "busybox")["Id"];
    assert_eq!((&known("image", &first)["Id"], &known("image", &second)["Id"]), (busybox, busybox));

    let reply = bus.call(json!({"action": "remove-image", "dock": DOCK, "image": first})).await;
    succeeded(&reply, 200);
    assert_eq!(reply["Response"]["Body"], json!([{"Untagged": first}]));
    assert!(!exists("image", &first) && exists("image", &second));
    succeeded(&bus.call(json!({"action": "delete-image", "dock": DOCK, "image": second})).await, 200);
    assert!(!exists("image", &second) && exists("image", "busybox"));
    let again = bus.call(json!({"action": "delete-image", "dock": DOCK, "image": second})).await;
    refused(&again, 404, "no-such-image", &[&second]);
    let unknown = json!({"action": "tag-image", "dock": DOCK, "image": "nowhere/none", "repo": repo});
    refused(&bus.call(unknown).await, 404, "no-such-image", &["nowhere/none"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prune_images_removes_what_fits_the_filter() {
    let (bus, _worker) = dock().await;
    let label = unique("prune");
    let (id, _scrub) = create(&bus, json!({})).await;
    let dangling = |label: &str| docker(HOST, &["commit", "--change", &format!("LABEL deblox-test={label}"), &id]);
    let other = unique("other");
    let (pruned, spared) = (dangling(&label), dangling(&other));
    let _undo = (Undo::with(&["rmi", &pruned]), Undo::with(&["rmi", &spared]));
    let filters = json!({"label": [format!("deblox-test={label}")]});
    let reply = bus.call(json!({"action": "prune-images", "dock": DOCK, "filters": filters})).await;
    succeeded(&reply, 200);
    assert!(reply["Response"]["Body"]["ImagesDeleted"].to_string().contains(&pruned), "{reply}");
    assert!(!exists("image", &pruned) && exists("image", &spared));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn search_images_finds_or_says_why_not() {
    let (bus, _worker) = dock().await;
    // Whether there is a network to search over is not this test's to say.
    let reply = bus.call(json!({"action": "search-images", "term": "busybox", "limit": 3, "timeout": 20_000})).await;
    if reply["error"].is_null() {
        succeeded(&reply, 200);
        assert!(reply["Response"]["Body"][0]["name"].is_string(), "{reply}");
    } else {
        let code = reply["error"].as_str().expect("a code");
        assert!(["docker-error", "timeout"].contains(&code), "{reply}");
        assert!(reply["message"].as_str().is_some_and(|message| message.len() > 10), "{reply}");
    }
    refused(&bus.call(json!({"action": "search-images"})).await, 400, "missing-field", &["`term`"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_image_says_why_it_was_not_sent_and_keeps_no_credentials() {
    let (bus, _worker) = dock().await;
    let image = format!("{NO_REGISTRY}/{}", unique("pushed"));
    let _undo = Undo::with(&["rmi", &image, &format!("{image}:other")]);
    docker(HOST, &["tag", "busybox", &image]);
    docker(HOST, &["tag", "busybox", &format!("{image}:other")]);
    let secret = unique("secret");
    let reply = bus
        .call(json!({"action": "push-image", "dock": DOCK, "image": image, "requestId": unique("push"),
            "credentials": {"username": "ada", "password": secret}}))
        .await;
    refused(&reply, 502, "push-failed", &[&image, DOCK, "could not be sent"]);
    let left = everything(&bus).await;
    assert!(left.contains("push-failed"), "the reply is remembered, and this is where it would be: {left}");
    for text in [reply.to_string(), left] {
        assert!(!text.contains(&secret) && !text.contains(&BASE64_STANDARD.encode(&secret)), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_are_shown_to_the_registry_and_a_push_without_a_tag_is_of_the_latest_alone() {
    let (bus, _worker) = dock().await;
    let (registry, _scrub) = registry().await;
    let image = format!("{registry}/{}", unique("pushed"));
    let other = format!("{image}:other");
    let _undo = Undo::with(&["rmi", &other]);
    docker(HOST, &["tag", "busybox", &other]);
    let push = async |password: &str| {
        let credentials = json!({"username": "ada", "password": password});
        bus.call(json!({"action": "push-image", "dock": DOCK, "image": image, "credentials": credentials})).await
    };
    refused(&push("wrong").await, 502, "push-failed", &["could not be sent"]);
    let pull = async |password: &str| {
        let credentials = json!({"username": "ada", "password": password});
        bus.call(json!({"action": "pull-image", "image": other, "credentials": credentials})).await
    };
    refused(&pull("wrong").await, 502, "pull-failed", &["unauthorized"]);
    refused(&pull("secret").await, 502, "pull-failed", &["404 Not Found"]);
    // The tag that is there is not the one that is meant, so who asks is let in, and nothing is sent.
    refused(&push("secret").await, 502, "push-failed", &[&format!("tag does not exist: {image}:latest")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn networks_are_made_listed_inspected_and_removed() {
    let (bus, _worker) = dock().await;
    let (name, subnet) = (unique("net"), format!("10.{}.{}.0/28", 100 + rand() % 100, rand()));
    let _undo = Undo::with(&["network", "rm", &name]);
    let reply = bus
        .call(json!({"action": "create-network", "dock": DOCK, "name": name, "internal": true, "attachable": true,
            "ipam": {"Config": [{"Subnet": subnet}]}, "labels": {"team": "x"},
            "options": ["com.docker.network.bridge.enable_icc=false"]}))
        .await;
    succeeded(&reply, 201);
    let made = known("network", &name);
    assert_eq!(made["Id"], reply["Response"]["Body"]["Id"]);
    assert_eq!(
        (&made["Internal"], &made["Attachable"], &made["Driver"]),
        (&json!(true), &json!(true), &json!("bridge"))
    );
    assert_eq!((&made["IPAM"]["Config"][0]["Subnet"], &made["Labels"]), (&json!(subnet), &json!({"team": "x"})));
    assert_eq!(made["Options"], json!({"com.docker.network.bridge.enable_icc": "false"}));

    let listed = bus.call(json!({"action": "list-networks", "filters": {"name": name}})).await;
    succeeded(&listed, 200);
    assert_eq!(listed["Response"]["Body"].as_array().map(Vec::len), Some(1), "{listed}");
    let inspected = bus.call(json!({"action": "inspect-network", "network": name})).await;
    succeeded(&inspected, 200);
    assert_eq!((&inspected["Response"]["Body"], &listed["Response"]["Body"][0]["Id"]), (&made, &made["Id"]));

    succeeded(&bus.call(json!({"action": "remove-network", "dock": DOCK, "network": name})).await, 204);
    assert!(!exists("network", &name));
    for gone in [
        json!({"action": "delete-network", "dock": DOCK, "network": name}),
        json!({"action": "inspect-network", "network": name}),
    ] {
        refused(&bus.call(gone).await, 404, "docker-error", &[&name]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_joins_a_network_and_leaves_it() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"start": true})).await;
    let name = unique("net");
    let _undo = Undo::with(&["network", "rm", &name]);
    docker(HOST, &["network", "create", &name]);
    let aliases = || known("container", &id)["NetworkSettings"]["Networks"][&name]["Aliases"].clone();
    let endpoint = json!({"Aliases": ["the-box"]});
    let connect = json!({"action": "connect-network", "id": id, "network": name, "endpoint": endpoint});
    succeeded(&bus.call(connect).await, 200);
    assert!(aliases().to_string().contains("the-box"), "{}", aliases());
    let used = bus.call(json!({"action": "remove-network", "dock": DOCK, "network": name})).await;
    refused(&used, 403, "docker-error", &["active endpoints"]);
    let disconnect = json!({"action": "disconnect-network", "id": id, "network": name, "force": true});
    succeeded(&bus.call(disconnect).await, 200);
    assert_eq!(aliases(), Value::Null);
    let connect = |id: &str, network: &str| json!({"action": "connect-network", "id": id, "network": network});
    refused(&bus.call(connect(&id, "no-such-network")).await, 404, "docker-error", &["no-such-network"]);
    refused(&bus.call(connect("no-such-instance", &name)).await, 404, "no-such-instance", &["no-such-instance"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn volumes_are_made_listed_inspected_and_removed() {
    let (bus, _worker) = dock().await;
    let name = unique("volume");
    let _undo = Undo::with(&["volume", "rm", "-f", &name]);
    let create = json!({"action": "create-volume", "dock": DOCK, "name": name, "labels": {"team": "x"},
        "options": {"type": "tmpfs", "device": "tmpfs"}});
    succeeded(&bus.call(create).await, 201);
    let made = known("volume", &name);
    assert_eq!((&made["Labels"], &made["Driver"]), (&json!({"team": "x"}), &json!("local")));
    assert_eq!(made["Options"], json!({"type": "tmpfs", "device": "tmpfs"}));
    let listed = bus.call(json!({"action": "list-volumes", "filters": {"name": [name]}})).await;
    succeeded(&listed, 200);
    let inspected = bus.call(json!({"action": "inspect-volume", "volume": name})).await;
    succeeded(&inspected, 200);
    assert_eq!(listed["Response"]["Body"]["Volumes"][0]["Name"], *name, "{listed}");
    assert_eq!(inspected["Response"]["Body"], made);

    succeeded(&bus.call(json!({"action": "remove-volume", "dock": DOCK, "volume": name})).await, 204);
    assert!(!exists("volume", &name));
    let gone = bus.call(json!({"action": "delete-volume", "dock": DOCK, "volume": name})).await;
    refused(&gone, 404, "docker-error", &[&name]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn networks_and_volumes_are_pruned_by_filter() {
    let (bus, _worker) = dock().await;
    let label = format!("deblox-test={}", unique("prune"));
    for kind in ["network", "volume"] {
        let (pruned, spared) = (unique("pruned"), unique("spared"));
        let _undo = (Undo::with(&[kind, "rm", &pruned]), Undo::with(&[kind, "rm", &spared]));
        docker(HOST, &[kind, "create", "--label", &label, &pruned]);
        docker(HOST, &[kind, "create", &spared]);
        let filters = json!({"label": [label]});
        let (request, deleted) = match kind {
            "network" => (json!({"action": "prune-networks", "dock": DOCK, "filters": filters}), "NetworksDeleted"),
            _ => (json!({"action": "prune-volumes", "dock": DOCK, "filters": filters}), "VolumesDeleted"),
        };
        let reply = bus.call(request).await;
        succeeded(&reply, 200);
        assert_eq!(reply["Response"]["Body"][deleted], json!([pruned]), "{reply}");
        assert!(!exists(kind, &pruned) && exists(kind, &spared));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_tells_of_itself() {
    let (bus, _worker) = dock().await;
    let info = bus.call(json!({"action": "system-info"})).await;
    succeeded(&info, 200);
    assert_eq!(info["Response"]["Body"]["ID"], docker(HOST, &["info", "-f", "{{.ID}}"]));
    let version = bus.call(json!({"action": "system-version"})).await;
    succeeded(&version, 200);
    assert_eq!(version["Response"]["Body"]["Version"], docker(HOST, &["version", "-f", "{{.Server.Version}}"]));
    let usage = bus.call(json!({"action": "disk-usage"})).await;
    succeeded(&usage, 200);
    let images = usage["Response"]["Body"]["Images"].to_string();
    assert!(images.contains("busybox:latest"), "{usage}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_a_dock_must_say_which() {
    let (bus, _worker) = dock().await;
    let name = unique("nowhere");
    for request in [
        json!({"action": "prune-containers", "filters": {"label": [name]}}),
        json!({"action": "prune-images", "filters": {"label": [name]}}),
        json!({"action": "tag-image", "image": "busybox", "repo": name}),
        json!({"action": "remove-image", "image": name}),
        json!({"action": "push-image", "image": name}),
        json!({"action": "create-network", "name": name}),
        json!({"action": "remove-network", "network": name}),
        json!({"action": "prune-networks", "filters": {"label": [name]}}),
        json!({"action": "create-volume", "name": name}),
        json!({"action": "remove-volume", "volume": name}),
        json!({"action": "prune-volumes", "filters": {"label": [name]}}),
        json!({"action": "docker", "path": "/info"}),
    ] {
        let action = request["action"].as_str().expect("text").to_owned();
        refused(&bus.call(request).await, 400, "missing-field", &["`dock`", &action]);
    }
    assert!(!exists("network", &name) && !exists("volume", &name) && !exists("image", &name));
    // A dock's own stream says it too.
    let by_stream = bus.call_dock(DOCK, json!({"action": "create-volume", "name": name})).await;
    let _undo = Undo::with(&["volume", "rm", &name]);
    succeeded(&by_stream, 201);
    assert!(exists("volume", &name));
}

/// Everything that Redis still has of this namespace, but the streams' own bookkeeping.
async fn everything(bus: &Bus) -> String {
    let mut all = Vec::new();
    for key in bus.redis::<Vec<String>>(&["KEYS", &bus.key("*")]).await {
        let kind: String = bus.redis(&["TYPE", &key]).await;
        let value: redis::Value = match kind.as_str() {
            "hash" => bus.redis(&["HGETALL", &key]).await,
            "list" => bus.redis(&["LRANGE", &key, "0", "-1"]).await,
            "stream" => bus.redis(&["XRANGE", &key, "-", "+"]).await,
            "zset" => bus.redis(&["ZRANGE", &key, "0", "-1"]).await,
            "set" => bus.redis(&["SMEMBERS", &key]).await,
            _ => bus.redis(&["GET", &key]).await,
        };
        all.push(format!("{key}: {value:?}"));
    }
    all.join("\n")
}

/// A server beside the daemon that is as much of a registry as it takes to know who asks: ada, whose password is
/// "secret". Returns its address and what removes it.
async fn registry() -> (String, Scrub) {
    let (name, address) = (unique("registry"), format!("127.0.0.1:{}", port()));
    let scrub = Scrub::new(HOST, &name);
    let serve = format!(
        "mkdir -p /www/v2; echo {{}} > /www/v2/index.html; echo here > /www/index.html; echo /v2:ada:secret > /conf; \
         exec httpd -f -p {address} -c /conf -h /www"
    );
    docker(HOST, &["run", "-d", "--name", &name, "--network", "host", "busybox", "sh", "-c", &serve]);
    let look = ["exec", &name, "wget", "-q", "-O-", &format!("http://{address}/")];
    until("the server listens", async || try_docker(HOST, &look).status.success().then_some(())).await;
    (address, scrub)
}

/// A byte by chance.
fn rand() -> u8 {
    uuid::Uuid::new_v4().as_bytes()[0]
}
