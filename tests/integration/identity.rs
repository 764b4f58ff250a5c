//! What makes a request one request.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{Bus, PATIENCE, unique};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_requests_of_one_millisecond_on_two_streams_are_two_requests() {
    let bus = Bus::new().await;
    let dock = unique("dock");
    let _worker = bus.worker(1, &dock).await;
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
