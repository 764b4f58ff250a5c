//! Requests for one instance run in the order in which they were sent, whoever takes them.

use deblox::protocol::GROUP;
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
async fn what_a_stopped_worker_hands_back_goes_before_what_was_sent_later() {
    let bus = Bus::new().await;
    let name = unique("back");
    let _scrub = Scrub::new(1, &name);
    docker(1, &["run", "-d", "--name", &name, "busybox", "sleep", "600"]);
    let write = |number: usize| {
        let command = format!("echo {number} >> /log");
        json!({"action": "exec-container", "id": name, "cmd": ["sh", "-c", command]}).to_string()
    };
    // The first is in the hands of a worker that does nothing with it.
    let stream = bus.key("docker");
    bus.redis::<()>(&["XGROUP", "CREATE", &stream, GROUP, "0", "MKSTREAM"]).await;
    let first = bus.send(&["json", &write(1)]).await;
    let taken: redis::Value =
        bus.redis(&["XREADGROUP", "GROUP", GROUP, "slow.test/1", "COUNT", "1", "STREAMS", &stream, ">"]).await;
    assert_ne!(taken, redis::Value::Nil);

    // All places of the one that is there wait for it.
    let _worker = bus.worker_with(1, "d1.test", |options| options.concurrency = 2).await;
    let mut later = Vec::new();
    for number in 2..6 {
        later.push(bus.send(&["json", &write(number)]).await);
    }
    until("they are taken", async || {
        let pending: Vec<redis::Value> = bus.redis(&["XPENDING", &stream, GROUP]).await;
        (pending.first() == Some(&redis::Value::Int(5))).then_some(())
    })
    .await;
    let back = ["XCLAIM", &stream, GROUP, "handed-back", "0", &first, "IDLE", "86400000", "JUSTID"];
    bus.redis::<redis::Value>(&back).await;
    for id in std::iter::once(&first).chain(&later) {
        succeeded(&bus.reply(id).await, 200);
    }
    assert_eq!(docker(1, &["exec", &name, "cat", "/log"]), "1\n2\n3\n4\n5");
    bus.settled().await;
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
