//! What makes a request one request.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Bus, PATIENCE, Scrub, docker, refused, succeeded, unique};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_requests_of_one_millisecond_on_two_streams_are_two_requests() {
    let bus = Bus::new().await;
    let dock = unique("dock");
    let _worker = bus.worker(1, &dock).await;
    // It has sent a request of its own by then, whose id is a time as well.
    bus.registered(1).await;
    let (seconds, micros): (u64, u64) = bus.redis(&["TIME"]).await;
    let id = format!("{}-777", seconds * 1000 + micros / 1000);
    let create = json!({"action": "create-container", "image": "busybox"}).to_string();
    for stream in [bus.key("docker"), bus.key(&format!("docker.{dock}"))] {
        let _: String = bus.redis(&["XADD", &stream, &id, "json", &create]).await;
    }
    let mut created = BTreeSet::new();
    for _ in 0..2 {
        let reply = bus.reply_within(&id, PATIENCE / 3).await.expect("each has its reply, and soon");
        assert_eq!((&reply["statusCode"], &reply["requestId"]), (&json!(201), &json!(id)), "{reply}");
        created.insert(reply["Id"].as_str().expect("an id").to_owned());
    }
    assert_eq!(created.len(), 2, "each has had its effect");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_behind_a_slow_request_is_answered_at_its_own_deadline() {
    let bus = Bus::new().await;
    let dock = unique("dock");
    let _worker = bus.worker(1, &dock).await;
    let name = unique("slow");
    let _scrub = Scrub::new(1, &name);
    let id = bus.running(&dock, &name).await;
    let begun = Instant::now();
    let send = async |request: serde_json::Value| bus.send(&["json", &request.to_string()]).await;
    let slow = send(json!({"action": "exec-container", "id": id, "cmd": ["sleep", "4"]})).await;
    let late = send(json!({"action": "pause-container", "id": id, "timeout": 500})).await;
    let last = send(json!({"action": "inspect-container", "id": id})).await;
    refused(&bus.reply(&late).await, 408, "expired", &["not executed"]);
    assert!(begun.elapsed() < Duration::from_secs(3), "it waited for the slow one: {:?}", begun.elapsed());
    succeeded(&bus.reply(&slow).await, 200);
    let inspected = bus.reply(&last).await;
    assert!(begun.elapsed() >= Duration::from_secs(4), "it overtook the slow one: {:?}", begun.elapsed());
    assert_eq!(inspected["Response"]["Body"]["State"]["Status"], "running", "never paused: {inspected}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flat_fields_mean_the_same_on_the_dock_that_they_are_passed_on_to() {
    let bus = Bus::new().await;
    let (here, there) = (unique("dock"), unique("dock"));
    let _workers = (bus.worker(1, &here).await, bus.worker(2, &there).await);
    let name = unique("flat");
    let _scrub = Scrub::new(2, &name);
    let wrong = format!("docker.{here}");
    let create = ["action", "create-container", "image", "busybox", "name", &name, "dock", &there];
    let id = bus.send_to(&wrong, &[&create[..], &["cmd", r#"["sleep","600"]"#, "start", "true"]].concat()).await;
    succeeded(&bus.reply(&id).await, 201);
    assert_eq!(docker(2, &["inspect", "-f", "{{.State.Status}}", &name]), "running");
    let id = bus.send_to(&wrong, &["action", "stop-container", "id", &name, "time", "0"]).await;
    let reply = bus.reply(&id).await;
    succeeded(&reply, 204);
    assert_eq!((&reply["dockerInstance"], &reply["requestId"]), (&json!(there), &json!(id)));
}
