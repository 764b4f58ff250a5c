//! HTTP on any node: the same JSON in, the same JSON out.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use deblox::protocol::Role;
use serde_json::{Value, json};

use crate::processes::{Program, RedisProcess};
use crate::support::{Bus, Scrub, deblox, own_redis, unique, until};
use crate::witness::produced;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_the_specification_is_answered_at_any_node_as_printed() {
    let bus = Bus::new().await;
    let _workers = [bus.worker(1, "d1.test").await, bus.worker(2, "d2.test").await];
    let (one, other) = (Node::start(&bus).await, Node::start(&bus).await);
    let name = unique("web");
    let _scrubs = [Scrub::new(1, &name), Scrub::new(2, &name)];
    let (status, created) =
        one.post(json!({"action": "create-container", "image": "ubuntu", "name": name, "cmd": ["sleep", "600"]})).await;
    assert_eq!((status, &created["statusCode"], &created["Response-Code"]), (201, &json!(201), &json!(201)));
    let id = created["Id"].as_str().expect("an id").to_owned();

    // Whoever knows only an id asks any node.
    let (status, started) = other.post(json!({"action": "start-container", "id": id})).await;
    assert_eq!((status, &started["statusCode"], &started["Response"]), (200, &json!(204), &json!("")), "{started}");
    assert_eq!(started["dockerInstance"], created["dockerInstance"]);
    let (status, inspected) = one.post(json!({"action":"inspect-container","id": name})).await;
    assert_eq!((status, &inspected["Response"]["Body"]["Id"]), (200, &json!(id)));
    let (status, images) = other.post(json!({"action": "list-images"})).await;
    assert_eq!((status, images["Response"]["Body"].is_array()), (200, true), "{images}");
    let (status, gone) = one.post(json!({"action": "delete-container", "id": id, "force": true})).await;
    assert_eq!((status, &gone["statusCode"]), (200, &json!(204)));
    let (status, missing) = other.post(json!({"action": "inspect-container", "id": id})).await;
    assert_eq!((status, &missing["error"]), (404, &json!("no-such-instance")), "{missing}");
    let (status, unknown) = other.post(json!({"action": "dance"})).await;
    assert_eq!((status, &unknown["error"]), (404, &json!("unknown-action")), "{unknown}");
    assert!(unknown["message"].as_str().expect("text").contains("no such action is supported"), "{unknown}");
    // An action that has no reply.
    assert_eq!(one.send("POST /", "", r#"{"action":"register","hostname":"new.test"}"#).await, (204, Value::Null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_id_by_two_nodes_is_one_request() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let (one, other) = (Node::start(&bus).await, Node::start(&bus).await);
    let name = unique("once");
    let _scrub = Scrub::new(1, &name);
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "requestId": name});
    let (first, again) = tokio::join!(one.post(create.clone()), other.post(create.clone()));
    assert_eq!((first.0, &first.1["requestId"]), (201, &json!(name)), "{first:?}");
    assert_eq!(first, again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bearer_says_who_asks() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(1, "d1.test").await;
    let node = Node::start(&bus).await;
    let token = bus.known_user("ada", Role::User, &[]).await;
    let ping = json!({"action": "ping"}).to_string();
    let (status, refused) = node.send("POST /", "", &ping).await;
    assert_eq!((status, &refused["error"]), (401, &json!("unauthenticated")), "{refused}");
    let (status, pong) = node.send("POST /", &format!("Authorization: Bearer {token}"), &ping).await;
    assert_eq!((status, &pong["dockerInstance"]), (200, &json!("d1.test")), "{pong}");
    let _manager = bus.manager();
    let session = bus.session("ada").await;
    assert_eq!(node.send("POST /", &format!("authorization: bearer {session}"), &ping).await.0, 200);
    let own = json!({"action": "ping", "token": "deblox_0"}).to_string();
    assert_eq!(node.send("POST /", &format!("Authorization: Bearer {token}"), &own).await.0, 401);
    let (status, basic) = node.send("POST /", "Authorization: Basic YTpi", &ping).await;
    assert_eq!((status, &basic["error"]), (401, &json!("unauthenticated")), "{basic}");
    assert!(!node.program.output().contains(&token), "it is in no log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_request_is_told_in_the_same_envelope() {
    let bus = Bus::new().await;
    let node = Node::start(&bus).await;
    let big = format!(r#"{{"action":"ping","x":"{}"}}"#, "x".repeat(1024 * 1024));
    let page = "Origin: http://elsewhere.example";
    let cases = [
        ("POST /", "", "{", 400, "bad-json"),
        ("POST /", "", "[1]", 400, "not-an-object"),
        ("POST /", "", &big, 413, "payload-too-large"),
        ("POST /", "", r#"{"action":"ping","requestId":"a/b"}"#, 400, "bad-request-id"),
        ("POST /", "", r#"{"action":"ping","dock":"a b"}"#, 400, "bad-field"),
        ("POST /", page, r#"{"action":"ping"}"#, 403, "forbidden"),
        ("GET /nowhere", "", "", 404, "not-found"),
        ("POST /nowhere", "", "", 404, "not-found"),
    ];
    for (target, header, body, status, error) in cases {
        let (told, reply) = node.send(target, header, body).await;
        assert_eq!((told, &reply["error"], &reply["statusCode"]), (status, &json!(error), &json!(status)), "{reply}");
        assert!(reply["message"].as_str().is_some_and(|message| message.len() > 10), "{reply}");
    }
    assert_eq!(bus.redis::<usize>(&["XLEN", &bus.key("docker")]).await, 0, "nothing of it was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_alive_at_once_and_ready_when_redis_is_there() {
    let mut redis = RedisProcess::new();
    let node = Node::at(&redis.url(), "deblox").await;
    assert_eq!(node.send("GET /healthz", "", "").await, (200, json!({"status": "alive"})));
    let (status, ready) = node.send("GET /readyz", "", "").await;
    assert_eq!((status, &ready["status"]), (503, &json!("not ready")), "{ready}");
    let (status, reply) = node.post(json!({"action": "ping"})).await;
    assert_eq!((status, &reply["error"]), (503, &json!("bus-down")), "{reply}");
    redis.start().await;
    until("it is ready", async || (node.send("GET /readyz", "", "").await.0 == 200).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_callers_wait_on_two_connections_to_redis() {
    const CALLERS: usize = 3000;
    let redis = own_redis().await;
    let bus = Bus::on(&redis.url).await;
    let clients = async || bus.redis::<String>(&["CLIENT", "LIST", "TYPE", "normal"]).await.lines().count();
    let before = clients().await;
    let node = Node::start(&bus).await;
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let mut caller = TcpStream::connect(node.address()).expect("it listens");
        let body = r#"{"action":"ping"}"#;
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        caller.write_all((head + body).as_bytes()).expect("it reads");
        callers.push(caller);
    }
    until("all are sent", async || (bus.redis::<usize>(&["XLEN", &bus.key("docker")]).await == CALLERS).then_some(()))
        .await;
    let waiting = clients().await - before;
    assert!(waiting <= 2, "{waiting} connections");
    let _worker = bus.worker(1, "d1.test").await;
    let answers = tokio::task::spawn_blocking(move || {
        let read = |mut caller: TcpStream| {
            let mut answer = String::new();
            caller.read_to_string(&mut answer).expect("an answer");
            answer
        };
        callers.into_iter().map(read).collect::<Vec<String>>()
    });
    for answer in answers.await.expect("no panic") {
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""dockerInstance":"d1.test""#), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_it_gives_the_replies_that_are_waited_for() {
    let bus = Bus::new().await;
    let mut node = Node::start(&bus).await;
    let (address, request) = (node.address(), json!({"action": "ping"}));
    let call = tokio::spawn(async move { send(&address, "POST /", "", &request.to_string()).await });
    until("it is sent", async || (bus.redis::<usize>(&["XLEN", &bus.key("docker")]).await == 1).then_some(())).await;
    node.program.signal("TERM");
    until("it takes no more", async || TcpStream::connect(node.address()).is_err().then_some(())).await;
    let _worker = bus.worker(1, "d1.test").await;
    let (status, reply) = call.await.expect("no panic");
    assert_eq!((status, &reply["dockerInstance"]), (200, &json!("d1.test")), "{reply}");
    assert_eq!(node.program.ended().await.code(), Some(0), "{}", node.program.errors());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_half_a_head_is_not_waited_for() {
    let bus = Bus::new().await;
    let node = Node::start(&bus).await;
    let mut slow = TcpStream::connect(node.address()).expect("it listens");
    slow.write_all(b"POST / HTTP/1.1\r\nHost: ").expect("it reads");
    slow.set_read_timeout(Some(Duration::from_secs(40))).expect("a timeout");
    let begun = Instant::now();
    let mut answer = Vec::new();
    let ended = tokio::task::spawn_blocking(move || slow.read_to_end(&mut answer).map(|_| answer));
    let answer = ended.await.expect("no panic").expect("the node closes it");
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
}

#[test]
fn a_port_that_is_taken_is_said_in_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = deblox().args(["web", "--listen", &address]).output().expect("it runs");
    let errors = String::from_utf8(output.stderr).expect("text");
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains(&address) && errors.contains("--listen"), "{errors}");
}

/// `deblox web` on a port of its own.
pub struct Node {
    pub program: Program,
}

impl Node {
    pub async fn start(bus: &Bus) -> Self {
        Self::at(&bus.url, &bus.namespace).await
    }

    pub async fn at(url: &str, namespace: &str) -> Self {
        Self::with(url, namespace, |_| {}).await
    }

    /// One at which people have to log in.
    pub async fn enforcing(bus: &Bus) -> Self {
        Self::with(&bus.url, &bus.namespace, |command| {
            command.args(["--auth", "enforce"]);
        })
        .await
    }

    /// The same with what `change` adds.
    pub async fn with(url: &str, namespace: &str, change: impl FnOnce(&mut Command)) -> Self {
        let mut command: Command = deblox();
        command.args(["web", "--listen", "127.0.0.1:0", "--namespace", namespace]).env("REDIS_URL", url);
        change(&mut command);
        let node = Self { program: Program::start(command) };
        until("it says where it listens", async || node.program.output().contains("http://").then_some(())).await;
        node
    }

    /// As it says itself.
    pub fn address(&self) -> String {
        let output = self.program.output();
        output.trim().rsplit("http://").next().expect("an address").to_owned()
    }

    pub async fn post(&self, request: Value) -> (u16, Value) {
        self.send("POST /", "", &request.to_string()).await
    }

    pub async fn send(&self, target: &str, header: &str, body: &str) -> (u16, Value) {
        send(&self.address(), target, header, body).await
    }

    pub async fn ask(&self, target: &str, header: &str, body: &str) -> Answer {
        ask(&self.address(), target, header, body).await
    }
}

/// One request on a connection of its own; returns the status and the JSON body, null where there is none.
pub async fn send(address: &str, target: &str, header: &str, body: &str) -> (u16, Value) {
    let answer = ask(address, target, header, body).await;
    produced("replies", answer.text());
    let body = if answer.body.is_empty() { Value::Null } else { answer.json() };
    (answer.status, body)
}

/// What came back for a request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The same with all of the answer.
pub async fn ask(address: &str, target: &str, header: &str, body: &str) -> Answer {
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    let head = format!("{target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{header}");
    let message = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let address = address.to_owned();
    let exchange = tokio::task::spawn_blocking(move || {
        let mut connection = TcpStream::connect(&address).expect("it listens");
        // One that answers before it has read everything closes the connection.
        let _ = connection.write_all(message.as_bytes());
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer);
        answer
    });
    let answer = exchange.await.expect("no panic");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer:?}"));
    let head = String::from_utf8(answer[..end].to_vec()).expect("text");
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let body = unchunked(&head, &answer[end + 4..]);
    Answer { status, head, body }
}

/// A body as it was before it was sent in pieces, RFC 9112 section 7.1.
fn unchunked(head: &str, mut body: &[u8]) -> Vec<u8> {
    if !head.to_lowercase().contains("transfer-encoding: chunked") {
        return body.to_vec();
    }
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&body[..end]).ok().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let Some(size) = size.filter(|size| *size > 0 && body.len() >= end + 2 + size) else { break };
        whole.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[(end + 4 + size).min(body.len())..];
    }
    whole
}
