//! Whose a request is: its reply is for whoever sent it, whoever else has learned its id.

use std::time::Duration;

use deblox::protocol::Role;
use deblox::protocol::limits::STORED_BYTES;
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST};
use crate::support::{Bus, Scrub, Worker, docker, refused, succeeded, unique, until};
use crate::web::{Node, send};

/// What is in the replies of one user alone.
const SECRET: &str = "SECRET=for-bob-alone";

/// Two users, one of whom has an instance with something secret.
struct Scene {
    bus: Bus,
    _workers: Vec<Worker>,
    _scrub: Scrub,
    name: String,
    bob: String,
    eve: String,
}

impl Scene {
    async fn new(docks: &[(usize, &str)]) -> Self {
        let bus = Bus::new().await;
        let mut workers = Vec::new();
        for (host, dock) in docks {
            workers.push(bus.enforcing(*host, dock).await);
        }
        let (bob, eve) = (bus.known_user("bob", Role::User, &[]).await, bus.known_user("eve", Role::User, &[]).await);
        let (host, dock) = docks[0];
        let name = unique("bobs");
        let scrub = Scrub::new(host, &name);
        let create = json!({"action": "create-container", "image": "busybox", "name": name, "env": [SECRET],
            "cmd": ["sleep", "600"], "start": true, "dock": dock});
        succeeded(&bus.call_as(&bob, create).await, 201);
        Self { bus, _workers: workers, _scrub: scrub, name, bob, eve }
    }

    fn inspect(&self, id: &str) -> Value {
        json!({"action": "inspect-container", "id": self.name, "requestId": id})
    }

    /// Sends a request and does not wait.
    async fn sends(&self, stream: &str, token: &str, request: &Value) {
        let mut request = request.clone();
        if !token.is_empty() {
            request["token"] = json!(token);
        }
        self.bus.send_to(stream, &["json", &request.to_string()]).await;
    }
}

/// Asserts that somebody was told that another has used the id, and nothing else.
fn taken(reply: &Value) {
    refused(reply, 409, "request-id-taken", &["somebody else"]);
    assert!(!reply.to_string().contains("for-bob-alone"), "{reply}");
    assert_eq!(reply["Response"], "", "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_reply_is_for_whoever_sent_the_request() {
    let scene = Scene::new(&[(HOST, DOCK)]).await;
    let Scene { bus, name, bob, eve, .. } = &scene;
    let (limited, admin) =
        (bus.token("bob", "less", Some(Role::Viewer)).await, bus.known_user("root", Role::Admin, &[]).await);
    for request in [
        scene.inspect("only-looks"),
        json!({"action": "exec-container", "id": name, "cmd": ["sh", "-c", "echo $SECRET"], "requestId": "acts"}),
    ] {
        let id = request["requestId"].clone();
        let first = bus.call_as(bob, request.clone()).await;
        succeeded(&first, 200);
        assert!(first.to_string().contains("for-bob-alone"), "{first}");
        taken(&bus.call_as(eve, request.clone()).await);
        // A token may be allowed less than its user; an admin may read it, and asks for it under an id of its own.
        taken(&bus.call_as(&limited, request.clone()).await);
        taken(&bus.call_as(&admin, request.clone()).await);
        refused(&bus.call(request.clone()).await, 401, "unauthenticated", &[]);
        let unknown = format!("deblox_{}", "0".repeat(64));
        refused(&bus.call_as(&unknown, request.clone()).await, 401, "unauthenticated", &[]);
        // What is no request is not looked at further.
        for bad in [json!({"action": "no-such-action"}), json!({"action": "ping", "x": 1}), json!({"action": 1})] {
            let mut bad = bad;
            bad["requestId"] = id.clone();
            let reply = bus.call(bad).await;
            assert!(reply["statusCode"].as_u64().is_some_and(|status| status >= 400), "{reply}");
            assert!(!reply.to_string().contains("for-bob-alone"), "{reply}");
        }
        // The same one again, with the first reply; and by the other action of the same id.
        assert_eq!(bus.call_as(bob, request.clone()).await, first);
        assert_eq!(bus.call_as(bob, json!({"action": "ping", "requestId": id})).await, first);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_session_of_the_same_user_is_the_same() {
    let scene = Scene::new(&[(HOST, DOCK)]).await;
    let bus = &scene.bus;
    let _manager = bus.manager();
    let request = scene.inspect("twice");
    let mut replies = Vec::new();
    for _ in 0..2 {
        let mut request = request.clone();
        request["session"] = json!(bus.session("bob").await);
        replies.push(bus.call(request).await);
    }
    succeeded(&replies[0], 200);
    assert_eq!(replies[0], replies[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_account_uses_up_no_id() {
    let scene = Scene::new(&[(HOST, DOCK)]).await;
    let request = scene.inspect("guessed");
    refused(&scene.bus.call(request.clone()).await, 401, "unauthenticated", &[]);
    succeeded(&scene.bus.call_as(&scene.bob, request).await, 200);
    let stop = json!({"action": "stop-container", "id": scene.name, "requestId": "refused-stop"});
    refused(&scene.bus.call(stop).await, 401, "unauthenticated", &[]);
    let told: Vec<(String, Vec<String>)> = scene.bus.redis(&["XRANGE", &scene.bus.key("audit"), "-", "+"]).await;
    assert!(told.iter().any(|(_, fields)| fields[1].contains("refused-stop")), "an attempt is told of");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_is_under_way_nobody_else_gets_or_disturbs_its_reply() {
    // Once it is done where it was sent to, once it is passed on.
    for stream in [format!("docker.{DOCK}"), "docker".to_owned(), "docker.other.test".to_owned()] {
        let scene = Scene::new(&[(HOST, DOCK), (1 + HOST % 3, "other.test")]).await;
        let Scene { bus, name, bob, eve, .. } = &scene;
        let slow = json!({"action": "exec-container", "id": name, "requestId": "slow",
            "cmd": ["sh", "-c", "sleep 3; echo $SECRET"]});
        scene.sends(&stream, bob, &slow).await;
        until("it is begun", async || {
            let state: Option<String> = bus.redis(&["HGET", &bus.key("request.slow"), "state"]).await;
            state.is_some().then_some(())
        })
        .await;
        let quick = json!({"action": "ping", "requestId": "slow"});
        let bad = json!({"action": "nonsense", "requestId": "slow"});
        for (token, request) in [(eve.as_str(), &slow), (eve, &quick), ("", &slow), ("", &quick), ("", &bad)] {
            scene.sends("docker", token, request).await;
        }
        let first = bus.reply("slow").await;
        succeeded(&first, 200);
        assert!(first.to_string().contains("for-bob-alone"), "{first}");
        let mut codes = Vec::new();
        while let Some(reply) = bus.reply_within("slow", Duration::from_secs(2)).await {
            assert!(!reply.to_string().contains("for-bob-alone"), "{reply}");
            codes.push(reply["error"].as_str().expect("an error").to_owned());
        }
        codes.sort();
        let wanted = ["request-id-taken", "request-id-taken", "unauthenticated", "unauthenticated", "unknown-action"];
        assert_eq!(codes, wanted, "{stream}");
        assert_eq!(bus.call_as(bob, slow).await, first);
        bus.settled().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_keep_the_replies_of_two_callers_with_one_id_apart() {
    let scene = Scene::new(&[(HOST, DOCK)]).await;
    let Scene { bus, name, bob, eve, .. } = &scene;
    let (one, other) = (Node::enforcing(bus).await, Node::enforcing(bus).await);
    for round in 0..4 {
        let id = format!("slow-{round}");
        let slow = json!({"action": "exec-container", "id": name, "requestId": id,
            "cmd": ["sh", "-c", "sleep 1; echo $SECRET"]});
        let ask = |node: &Node, token: &str| {
            let (address, header) = (node.address().clone(), format!("Authorization: Bearer {token}"));
            let body = slow.to_string();
            tokio::spawn(async move { send(&address, "POST /", &header, &body).await })
        };
        let bobs = ask(&one, bob);
        until("it is begun", async || {
            bus.redis::<bool>(&["EXISTS", &bus.key(&format!("request.{id}"))]).await.then_some(())
        })
        .await;
        let eves = [ask(&one, eve), ask(&other, eve), ask(&other, "nobody")];
        let bobs_again = ask(&other, bob);
        for bobs in [bobs, bobs_again] {
            let (status, reply) = bobs.await.expect("no panic");
            assert_eq!(status, 200, "{reply}");
            assert!(reply.to_string().contains("for-bob-alone"), "{reply}");
        }
        let mut statuses = Vec::new();
        for eve in eves {
            let (status, reply) = eve.await.expect("no panic");
            assert!(!reply.to_string().contains("for-bob-alone"), "{reply}");
            statuses.push(status);
        }
        assert_eq!(statuses, [409, 409, 401]);
        // Nor is it told to others how it ended.
        let status = async |token: &str| {
            let header = format!("Authorization: Bearer {token}");
            other.ask(&format!("GET /api/v1/requests/{id}"), &header, "").await.json()
        };
        let (bobs, eves) = (status(bob).await, status(eve).await);
        assert_eq!((&bobs["state"], &bobs["user"]), (&json!("done"), &json!("bob")), "{bobs}");
        // Of her own attempts.
        assert!(eves["state"] != "done" && eves["user"] != "bob", "{eves}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_that_a_user_does_not_read_are_bounded() {
    let scene = Scene::new(&[(HOST, DOCK)]).await;
    let Scene { bus, name, bob, eve, .. } = &scene;
    docker(HOST, &["exec", name, "sh", "-c", "dd if=/dev/zero bs=1M count=4 2>/dev/null | tr '\\0' x > /large"]);
    let request = |id: &str| json!({"action": "exec-container", "id": name, "cmd": ["cat", "/large"], "requestId": id, "token": bob});
    let mut full = 0;
    for number in 0..40 {
        let id = format!("unread-{number}");
        bus.send(&["json", &request(&id).to_string()]).await;
        let key = bus.key(&format!("reply.{id}"));
        let reply = until(&key, async || bus.redis::<Option<String>>(&["LINDEX", &key, "0"]).await).await;
        let code = serde_json::from_str::<Value>(&reply).expect("JSON")["error"].clone();
        full += usize::from(code == "replies-full");
    }
    assert!(full > 20, "{full} of 40 were too much");
    let mut stored = 0;
    let keys: Vec<String> = bus.redis(&["KEYS", &bus.key("re*.unread-*")]).await;
    for key in keys {
        stored += bus.redis::<usize>(&["MEMORY", "USAGE", &key, "SAMPLES", "0"]).await;
    }
    assert!(stored < 2 * STORED_BYTES + STORED_BYTES / 2, "{stored} bytes are stored for one user");
    // It is told, and that nothing is known to be undone; others do not notice.
    refused(&bus.reply("unread-39").await, 429, "replies-full", &["bob", "read them", "was answered"]);
    let others = json!({"action": "list-docks"});
    succeeded(&bus.call_as(eve, others.clone()).await, 200);
    // Whoever reads goes on.
    for number in 0..39 {
        bus.reply(&format!("unread-{number}")).await;
    }
    let reply = bus.call_as(bob, json!({"action": "exec-container", "id": name, "cmd": ["cat", "/large"]})).await;
    succeeded(&reply, 200);
    succeeded(&bus.call_as(bob, others).await, 200);
}
