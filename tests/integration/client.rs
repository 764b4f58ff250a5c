//! The client library: many replies on few connections, whatever becomes of those.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use deblox::bus::RedisOptions;
use deblox::client::{Client, ClientError, Reply};
use serde_json::{Value, json};

use crate::support::{Bus, PATIENCE, docker, own_redis, unique, until};

/// Callers at the same time.
const MANY: usize = 2000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_replies_come_by_two_connections() {
    let redis = own_redis().await;
    let bus = Bus::on(&redis.url).await;
    let before = connections(&bus).await;
    let client = client(&bus);
    let calls: Vec<_> = (0..MANY)
        .map(|number| {
            let client = client.clone();
            let request = match number % 3 {
                // With an id of the caller's own, and for a dock by name: that one is not there.
                0 => json!({"action": "ping", "requestId": format!("mine-{number}")}),
                1 => json!({"action": "ping", "dock": "nobody.test"}),
                _ => json!({"action": "ping"}),
            };
            tokio::spawn(async move { client.call(request).await })
        })
        .collect();
    until("all are sent", async || (bus.redis::<usize>(&["XLEN", &bus.key("docker")]).await == MANY).then_some(()))
        .await;
    let waiting = connections(&bus).await - before;
    assert!(waiting <= 2, "{waiting} connections");

    let _worker = bus.worker(1, "d1.test").await;
    for (number, call) in calls.into_iter().enumerate() {
        let reply = call.await.expect("no panic").expect("a reply");
        let expected = if number % 3 == 1 { Some("unknown-dock") } else { None };
        assert_eq!(reply.error(), expected, "{}", reply.json());
    }
    until("no reply is left behind", async || {
        bus.redis::<Vec<String>>(&["KEYS", &bus.key("reply.*")]).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_costs_no_reply() {
    let redis = own_redis().await;
    let bus = Bus::on(&redis.url).await;
    let client = client(&bus);
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call(json!({"action": "ping"})).await })
        })
        .collect();
    until("all are sent", async || (bus.redis::<usize>(&["XLEN", &bus.key("docker")]).await == 50).then_some(())).await;
    cut(&bus).await;
    // The replies come while nobody is told of them, or to the connection after the next.
    let _worker = bus.worker(1, "d1.test").await;
    for call in calls {
        cut(&bus).await;
        assert!(call.await.expect("no panic").expect("a reply").is_success());
    }
    // And what is sent on a connection that was cut while it was idle.
    cut(&bus).await;
    assert!(client.call(json!({"action": "ping"})).await.expect("a reply").is_success());
    bus.redis::<()>(&["FLUSHALL"]).await;
    bus.until_dock("d1.test", |record| record["daemon"] == "up").await;
    assert!(client.call(json!({"action": "ping"})).await.expect("a reply").is_success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_called_twice_at_the_same_time_is_done_once_and_answered_twice() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let (client, name) = (client(&bus), unique("twice"));
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "requestId": name});
    let (one, other) = tokio::join!(client.call(create.clone()), client.call(create.clone()));
    let (one, other) = (one.expect("a reply"), other.expect("a reply"));
    assert!(one.is_success() && one.status() == 201, "{}", one.json());
    assert_eq!(one.json(), other.json());
    assert_eq!(client.call(create).await.expect("a reply").id(), one.id());
    docker(1, &["rm", &name]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_tell_of_changes_will_do() {
    let redis = own_redis().await;
    let bus = Bus::on(&redis.url).await;
    let _worker = bus.worker(1, "d1.test").await;
    let rules = ["ACL", "SETUSER", "plain", "on", ">secret", "~*", "&*", "+@all", "-client|tracking"];
    bus.redis::<()>(&rules).await;
    let url = redis.url.replace("redis://", "redis://plain:secret@");
    let plain =
        Client::new(&RedisOptions { namespace: bus.namespace.clone(), ..RedisOptions::new(url) }).expect("valid");
    let calls = (0..100).map(|_| plain.call(json!({"action": "ping"})));
    for reply in futures_util::future::join_all(calls).await {
        assert!(reply.expect("a reply").is_success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reply_says_is_at_hand() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let client = client(&bus);
    let version = client.call(json!({"action": "system-version"})).await.expect("a reply");
    assert_eq!((version.status(), version.dock(), version.error(), version.id()), (200, Some("d1.test"), None, None));
    assert!(version.body::<Value>().expect("JSON")["ApiVersion"].is_string());
    let none = client.call(json!({"action": "inspect-container", "id": "nobody"})).await.expect("a reply");
    assert_eq!((none.status(), none.error(), none.is_success()), (404, Some("no-such-instance"), false));
    assert!(none.message().is_some_and(|message| message.contains("nobody")), "{}", none.json());
    let odd = json!({"action": "stop-container", "id": "nobody", "time": u64::MAX});
    assert_eq!(client.call(odd).await.expect("a reply").error(), Some("bad-field"));
    let faulty = client.call(json!({"action": "unregister", "hostname": "nobody.test"})).await.expect("a reply");
    assert_eq!(faulty.error(), Some("unknown-dock"), "an action without a reply says what is wrong");
    let silent = client.call(json!({"action": "register", "hostname": "new.test"})).await.expect("it is done");
    assert_eq!((silent.status(), silent.json(), silent.is_success()), (204, Reply::none().json(), true));
    assert!(matches!(client.call(json!([1])).await, Err(ClientError::NotAnObject)));
    assert!(matches!(client.call(json!({"requestId": 7})).await, Err(ClientError::Field("requestId", _))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_nobody_answers_is_given_up() {
    let bus = Bus::new().await;
    let client = client(&bus);
    let given_up = tokio::time::timeout(PATIENCE, client.call(json!({"action": "ping", "timeout": 100})));
    let error = given_up.await.expect("in time").expect_err("nobody is there");
    assert!(error.to_string().contains("no reply within"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_creates_a_container() {
    let redis = own_redis().await;
    let mut bus = Bus::on(&redis.url).await;
    bus.namespace = "deblox".to_owned();
    let _worker = bus.worker(1, "d1.test").await;
    let example = Path::new(env!("CARGO_BIN_EXE_deblox")).with_file_name("examples/create");
    let mut command = Command::new(example);
    command.env("REDIS_URL", &redis.url);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("no panic")
        .expect("`cargo build --example create`");
    let said = String::from_utf8(output.stdout).expect("text");
    let (id, rest) = said.split_at(64);
    assert_eq!(rest.trim(), "is on d1.test", "{said}");
    docker(1, &["rm", id]);
}

fn client(bus: &Bus) -> Client {
    Client::new(&bus.options()).expect("valid options")
}

/// The connections that the server has.
async fn connections(bus: &Bus) -> usize {
    bus.redis::<String>(&["CLIENT", "LIST", "TYPE", "normal"]).await.lines().count()
}

/// Cuts every connection but the one that asks.
async fn cut(bus: &Bus) {
    bus.redis::<usize>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
}
