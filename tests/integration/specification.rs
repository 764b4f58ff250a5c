//! Every message that the original specification prints, sent as it is printed there, and every law it states.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Bus, Scrub, docker, own_redis, refused, succeeded, unique, until};

const REGISTER: &str = r#"{
  "action": "register",
  "hostname": "sthmaclt009.local"
}"#;
const UNREGISTER: &str = r#"{
  "action": "unregister",
  "hostname": "sthmaclt009.local"
}"#;
const CREATE_CONTAINER: &str = r#"{
    "action": "create-container",
    "image": "ubuntu"
}"#;
const LIST_IMAGES: &str = r#"{
  "action": "list-images"
}"#;
const INSPECT_CONTAINER: &str = r#"{"action":"inspect-container","id":"foo"}"#;

/// The host whose name the specification prints.
const HOST: &str = "sthmaclt009.local";

/// The fields of a reply in the printed order, and the one that deblox adds.
const REPLY_FIELDS: [&str; 8] = [
    "Response-Code",
    "Content-Type",
    "Date",
    "Content-Length",
    "Response",
    "dockerInstance",
    "statusCode",
    "requestId",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn register_adds_a_host_to_the_list_of_known_docks_and_has_no_reply() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "sthmaclt008.local").await;
    let id = bus.send(&["json", REGISTER]).await;
    bus.until_dock(HOST, |_| true).await;
    assert_eq!(bus.dock(HOST).await["state"], "never seen");
    no_reply(&bus, &id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unregister_removes_a_host_from_the_pool_leaves_its_instances_running_and_has_no_reply() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, HOST).await;
    let name = unique("left-running");
    let _scrub = Scrub::new(1, &name);
    let instance = bus.running(HOST, &name).await;
    // The worker's own `register` must not come in between.
    bus.settled().await;
    let id = bus.send(&["json", UNREGISTER]).await;
    bus.until_dock(HOST, |record| record["standing"] == "unregistered").await;
    assert_eq!(bus.dock(HOST).await["state"], "unregistered");
    no_reply(&bus, &id).await;
    assert_eq!(docker(1, &["inspect", "-f", "{{.State.Status}}", &instance]), "running");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_container_answers_with_the_id() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, HOST).await;
    let id = bus.send(&["json", CREATE_CONTAINER]).await;
    let reply = bus.reply(&id).await;
    let created = reply["Id"].as_str().unwrap_or_else(|| panic!("an Id at the top: {reply}"));
    let _scrub = Scrub::new(1, created);
    assert!(created.len() == 64 && created.bytes().all(|b| b.is_ascii_hexdigit()), "{created}");
    assert_eq!(docker(1, &["inspect", "-f", "{{.Config.Image}} {{.State.Status}}", created]), "ubuntu created");
    // Beside it, the envelope that all replies have.
    assert_eq!((&reply["statusCode"], &reply["dockerInstance"]), (&json!(201), &json!(HOST)), "{reply}");
    assert_eq!(reply["Response"]["Body"]["Id"], created);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_images_answers_with_dockers_status_headers_and_body() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, HOST).await;
    let api = bus.until_dock(HOST, |record| record["apiVersion"].is_string()).await["apiVersion"].clone();
    let path = format!("/v{}/images/json", api.as_str().expect("text"));
    // Should another test bring an image between the two looks, they are repeated.
    let (text, body) = until("the reply and the daemon agree", async || {
        let id = bus.send(&["json", LIST_IMAGES]).await;
        let text = bus.reply_text(&id).await;
        let body = crate::support::daemon_body(1, &path);
        text.contains(body.trim_end()).then_some((text, body))
    })
    .await;
    assert!(text.contains(&format!(r#""Response":{{"Body":{}}},"#, body.trim_end())), "not verbatim: {text}");

    let reply: Value = serde_json::from_str(&text).expect("JSON");
    let fields: Vec<&str> = reply.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, REPLY_FIELDS);
    assert_eq!(reply["Response-Code"], 200, "a number");
    assert_eq!(reply["statusCode"], 200, "a number");
    assert_eq!(reply["Content-Type"], "application/json");
    assert_eq!(reply["dockerInstance"], HOST);
    assert_eq!(reply["Content-Length"], body.len().to_string(), "text: the bytes that the daemon sent");
    let date = reply["Date"].as_str().expect("text");
    assert!(httpdate::parse_http_date(date).is_ok() && date.ends_with(" GMT"), "{date}");

    let images = reply["Response"]["Body"].as_array().expect("a list");
    let ubuntu =
        |image: &&Value| image["RepoTags"].as_array().is_some_and(|tags| tags.contains(&json!("ubuntu:latest")));
    let image = images.iter().find(ubuntu).expect("ubuntu is there");
    assert!(image["Created"].is_u64() && image["Size"].is_u64(), "{image}");
    assert!(image["Id"].is_string() && image["ParentId"].is_string(), "{image}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inspect_container_answers_with_dockers_404_where_there_is_no_foo() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, HOST).await;
    let id = bus.send(&["json", INSPECT_CONTAINER]).await;
    let reply = bus.reply(&id).await;
    refused(&reply, 404, "no-such-instance", &["foo"]);
    assert_eq!(reply["Response-Code"], 404);
    assert_eq!(reply["Response"]["Body"], json!({"message": "No such container: foo"}));
    assert_eq!((&reply["Content-Type"], &reply["dockerInstance"]), (&json!("application/json"), &json!(HOST)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inspect_container_answers_with_everything_docker_knows() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, HOST).await;
    let name = unique("foo");
    let _scrub = Scrub::new(1, &name);
    docker(1, &["create", "--name", &name, "busybox"]);
    let id = bus.send(&["json", &INSPECT_CONTAINER.replace("foo", &name)]).await;
    let reply = bus.reply(&id).await;
    succeeded(&reply, 200);
    let known: Value = serde_json::from_str(&docker(1, &["inspect", &name])).expect("JSON");
    assert_eq!(reply["Response"]["Body"], known[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_starts_up_publishes_register_with_its_name() {
    let bus = Bus::new().await;
    // Whoever listens sees the message, though some node takes it at once.
    let (url, stream) = (bus.url.clone(), bus.key("docker"));
    let listening = unique("listener");
    let name = listening.clone();
    let heard = tokio::task::spawn_blocking(move || {
        let mut connection = redis::Client::open(url).expect("a valid URL").get_connection().expect("Redis is there");
        redis::cmd("CLIENT").arg("SETNAME").arg(name).exec(&mut connection).expect("CLIENT SETNAME");
        let mut read = redis::cmd("XREAD");
        read.arg("BLOCK").arg(30_000).arg("STREAMS").arg(stream).arg("$");
        read.query::<redis::streams::StreamReadReply>(&mut connection).expect("XREAD")
    });
    until("the listener waits", async || {
        let clients: String = bus.redis(&["CLIENT", "LIST"]).await;
        clients.lines().any(|line| line.contains(&listening) && line.contains("cmd=xread")).then_some(())
    })
    .await;

    let _worker = bus.worker(1, HOST).await;
    let heard = heard.await.expect("no panic");
    let json: String = heard.keys[0].ids[0].get("json").expect("the field json");
    let message: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(message, serde_json::from_str::<Value>(REGISTER).expect("JSON"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_node_takes_each_register_and_all_see_the_shared_list() {
    let bus = Bus::new().await;
    let (_first, _second) = (bus.worker(1, "first.local").await, bus.worker(2, "second.local").await);
    bus.send(&["json", REGISTER]).await;
    bus.until_dock(HOST, |_| true).await;
    bus.settled().await;
    for node in ["first.local", "second.local"] {
        let reply = bus.call_dock(node, json!({"action": "list-docks"})).await;
        assert_eq!(reply["dockerInstance"], node, "{reply}");
        let rows = reply["Response"]["Body"].as_array().expect("a list");
        let mut docks: Vec<_> = rows.iter().map(|row| (row["hostname"].as_str(), row["state"].as_str())).collect();
        docks.sort_unstable();
        let wanted = [("first.local", "up"), ("second.local", "up"), (HOST, "never seen")];
        assert_eq!(docks, wanted.map(|(name, state)| (Some(name), Some(state))), "as {node} sees it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_cli_is_all_it_takes_on_the_specified_topics() {
    let redis = own_redis().await;
    let mut bus = Bus::on(&redis.url).await;
    bus.namespace = "deblox".to_owned();
    let _worker = bus.worker(1, HOST).await;
    let cli = |words: &[&str]| {
        let ran = Command::new("redis-cli").args(["-u", &redis.url]).args(words).output().expect("redis-cli is there");
        assert!(ran.status.success(), "redis-cli {words:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).expect("text").trim_end().to_owned()
    };
    for topic in ["deblox.docker", "deblox.docker.sthmaclt009.local"] {
        for request in [&["action", "create-container", "image", "ubuntu"][..], &["json", CREATE_CONTAINER]] {
            let id = cli(&[&["XADD", topic, "*"], request].concat());
            let popped = cli(&["BLPOP", &format!("deblox.reply.{id}"), "30"]);
            let (key, reply) = popped.split_once('\n').expect("a key and a reply");
            assert_eq!(key, format!("deblox.reply.{id}"));
            let reply: Value = serde_json::from_str(reply).expect("JSON");
            let created = reply["Id"].as_str().unwrap_or_else(|| panic!("an Id at the top: {reply}"));
            let _scrub = Scrub::new(1, created);
            assert_eq!(docker(1, &["inspect", "-f", "{{.Config.Image}}", created]), "ubuntu", "{request:?} to {topic}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_to_which_docker_sends_no_body_has_an_empty_response() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, HOST).await;
    let name = unique("empty");
    let _scrub = Scrub::new(1, &name);
    let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name});
    succeeded(&bus.call(create).await, 201);
    let start = bus.call(json!({"action": "start-container", "id": name})).await;
    succeeded(&start, 204);
    assert_eq!((&start["Response-Code"], &start["Response"]), (&json!(204), &json!("")), "{start}");
    assert_eq!(start["Content-Length"], "0");
    assert_eq!(docker(1, &["inspect", "-f", "{{.State.Status}}", &name]), "running");

    let delete = bus.call(json!({"action": "delete-container", "id": name, "force": true})).await;
    succeeded(&delete, 204);
    assert_eq!(delete["Response"], "");
    assert_eq!(docker(1, &["ps", "-aq", "--filter", &format!("name={name}")]), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_action_is_told_that_it_is_not_supported() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, HOST).await;
    let reply = bus.call(json!({"action": "bogus-container"})).await;
    refused(&reply, 404, "unknown-action", &["no such action is supported", "bogus-container"]);
}

/// The request `id` is done, and has no reply.
async fn no_reply(bus: &Bus, id: &str) {
    bus.settled().await;
    let replies: usize = bus.redis(&["LLEN", &bus.key(&format!("reply.{id}"))]).await;
    assert_eq!(replies, 0);
}
