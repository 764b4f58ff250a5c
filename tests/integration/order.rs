//! Requests for one instance run in the order in which they were sent, whoever takes them.

use serde_json::{Value, json};

use crate::support::{Bus, Scrub, docker, succeeded, unique, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_several_workers_take_reaches_the_instance_in_the_order_it_was_sent() {
    let bus = Bus::new().await;
    let mut workers = vec![bus.worker(1, "d1.test").await];
    for (host, dock) in [(2, "d2.test"), (3, "d3.test")] {
        // One at a time, so that a burst is spread over all.
        workers.push(bus.worker_with(host, dock, |options| options.concurrency = 1).await);
    }
    let name = unique("order");
    let _scrub = Scrub::new(1, &name);
    let id = bus.running("d1.test", &name).await;
    docker(1, &["exec", &id, "touch", "/log"]);
    // By name, by id and by prefix: it is the same instance.
    let references = [name.as_str(), id.as_str(), &id[..12]];
    let mut sent = Vec::new();
    for number in 0..60 {
        let write = json!({"action": "exec-container", "id": references[number % 3],
            "cmd": ["sh", "-c", format!("echo {number} >> /log")]});
        sent.push(bus.send(&["json", &write.to_string()]).await);
    }
    for id in &sent {
        succeeded(&bus.reply(id).await, 200);
    }
    let written: Vec<usize> =
        docker(1, &["exec", &id, "cat", "/log"]).lines().map(|line| line.parse().expect("a number")).collect();
    assert_eq!(written, (0..60).collect::<Vec<_>>());
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_sees_what_was_sent_before_it_and_waits_for_no_look_and_no_wait() {
    let bus = Bus::new().await;
    let _workers = [bus.worker(1, "d1.test").await, bus.worker(2, "d2.test").await, bus.worker(3, "d3.test").await];
    let name = unique("look");
    let _scrub = Scrub::new(1, &name);
    bus.running("d1.test", &name).await;
    let wait = bus.send(&["json", &json!({"action": "wait-container", "id": name}).to_string()]).await;
    for _ in 0..5 {
        let pause = bus.send(&["action", "pause-container", "id", &name]).await;
        let paused = bus.send(&["action", "inspect-container", "id", &name]).await;
        let unpause = bus.send(&["action", "unpause-container", "id", &name]).await;
        let running = bus.send(&["action", "inspect-container", "id", &name]).await;
        succeeded(&bus.reply(&pause).await, 204);
        assert_eq!(status(&bus.reply(&paused).await), "paused");
        succeeded(&bus.reply(&unpause).await, 204);
        assert_eq!(status(&bus.reply(&running).await), "running");
    }
    succeeded(&bus.call(json!({"action": "kill-container", "id": name})).await, 204);
    succeeded(&bus.reply(&wait).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_wait_take_no_place_from_those_that_work() {
    let bus = Bus::new().await;
    let _worker = bus.worker_with(1, "d1.test", |options| options.concurrency = 2).await;
    let name = unique("places");
    let _scrub = Scrub::new(1, &name);
    bus.running("d1.test", &name).await;
    let wait = json!({"action": "wait-container", "id": name}).to_string();
    let mut waits = Vec::new();
    for _ in 0..10 {
        waits.push(bus.send(&["json", &wait]).await);
    }
    until("all of them wait", async || {
        let pending: Vec<redis::Value> = bus.redis(&["XPENDING", &bus.key("docker"), "deblox"]).await;
        (pending.first() == Some(&redis::Value::Int(10))).then_some(())
    })
    .await;
    succeeded(&bus.call(json!({"action": "stop-container", "id": name, "time": 0})).await, 204);
    for id in &waits {
        succeeded(&bus.reply(id).await, 200);
    }
}

fn status(reply: &Value) -> &str {
    succeeded(reply, 200);
    reply["Response"]["Body"]["State"]["Status"].as_str().expect("text")
}
