//! Every message that the original specification prints, as it is printed there.

use serde_json::{Value, json};

use crate::support::{Bus, docker, unique};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn register_adds_a_host_to_the_list_of_known_docks_and_has_no_reply() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "sthmaclt008.local").await;
    let id = bus.send(&["json", "{\n  \"action\": \"register\",\n  \"hostname\": \"sthmaclt009.local\"\n}"]).await;
    bus.until_dock("sthmaclt009.local", |_| true).await;
    assert_eq!(bus.dock("sthmaclt009.local").await["state"], "never seen");
    let replies: usize = bus.redis(&["LLEN", &bus.key(&format!("reply.{id}"))]).await;
    assert_eq!(replies, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_container_answers_with_the_id() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "sthmaclt009.local").await;
    let sent = "{\n    \"action\": \"create-container\",\n    \"image\": \"ubuntu\"\n}";
    let id = bus.send(&["json", sent]).await;
    let reply = bus.reply(&id).await;
    let created = reply["Id"].as_str().expect("an Id at the top");
    assert!(created.len() == 64 && created.bytes().all(|b| b.is_ascii_hexdigit()), "{created}");
    assert_eq!(docker(1, &["inspect", "-f", "{{.Config.Image}} {{.State.Status}}", created]), "ubuntu created");
    let _ = (unique("x"), json!({}), Value::Null);
}
