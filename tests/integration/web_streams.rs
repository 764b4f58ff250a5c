//! Many streams on one websocket, by a real client of it.

use std::collections::HashMap;
use std::time::Duration;

use deblox::protocol::Role;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::actions::{DOCK, HOST};
use crate::support::{Bus, Scrub, docker, unique, until};
use crate::web::Node;

/// How long anything may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

const STDOUT: u8 = 0;
const DATA: u8 = 2;
const HEAD: u8 = 3;

/// The other end of a websocket.
struct Tab {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What has come, by stream and channel.
    came: HashMap<(u32, u8), Vec<u8>>,
    /// How streams have ended.
    ended: HashMap<u32, Value>,
}

impl Tab {
    async fn open(node: &Node, headers: &[(&'static str, &str)]) -> Self {
        let socket = connect(node, headers).await.expect("it is a websocket");
        Self { socket, came: HashMap::new(), ended: HashMap::new() }
    }

    async fn says(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.expect("it is taken");
    }

    async fn begins(&mut self, stream: u32, request: Value) {
        self.says(json!({"stream": stream, "open": request})).await;
    }

    async fn types(&mut self, stream: u32, keys: &str) {
        let framed = [&stream.to_be_bytes()[..], keys.as_bytes()].concat();
        self.socket.send(Message::binary(framed)).await.expect("it is taken");
    }

    /// Reads until `seen` sees something.
    async fn until<T>(&mut self, what: &str, seen: impl Fn(&Self) -> Option<T>) -> T {
        let reading = async {
            loop {
                if let Some(seen) = seen(self) {
                    return seen;
                }
                match self.socket.next().await.expect("it is open").expect("a message") {
                    Message::Binary(bytes) => {
                        let stream = u32::from_be_bytes(bytes[..4].try_into().expect("four bytes"));
                        self.came.entry((stream, bytes[4])).or_default().extend_from_slice(&bytes[5..]);
                    }
                    Message::Text(text) => {
                        let message: Value = serde_json::from_str(&text).expect("JSON");
                        let stream = u32::try_from(message["stream"].as_u64().expect("a number")).expect("32 bits");
                        assert_eq!(self.ended.insert(stream, message["end"].clone()), None, "it has ended once");
                    }
                    Message::Close(frame) => panic!("it was closed: {frame:?}"),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
    }

    async fn until_said(&mut self, stream: u32, channel: u8, text: &str) {
        let said = |tab: &Self| {
            let came = tab.came.get(&(stream, channel))?;
            String::from_utf8_lossy(came).contains(text).then_some(())
        };
        self.until(text, said).await;
    }

    async fn end(&mut self, stream: u32) -> Value {
        self.until("the end", |tab| tab.ended.get(&stream).cloned()).await
    }
}

async fn connect(
    node: &Node,
    headers: &[(&'static str, &str)],
) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, Error> {
    let address = format!("ws://{}/api/v1/streams", node.address());
    let mut request = address.into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a header"));
    }
    tokio_tungstenite::connect_async(request).await.map(|(socket, _)| socket)
}

/// With what status no websocket was opened.
async fn refusal(node: &Node, headers: &[(&'static str, &str)]) -> u16 {
    match connect(node, headers).await {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

fn cookie(session: &str) -> String {
    format!("deblox_session={session}")
}

fn logs(id: &str) -> Value {
    json!({"action": "container-logs", "id": id, "dock": DOCK, "follow": true, "tail": 10, "timestamps": true})
}

fn shell(id: &str) -> Value {
    json!({"action": "exec-container", "id": id, "dock": DOCK, "cmd": ["sh"], "tty": true, "stdin": true, "stream": true})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tab_follows_a_log_and_types_into_a_terminal_at_the_same_time() {
    let bus = Bus::new().await;
    let (_worker, _manager) = (bus.enforcing(HOST, DOCK).await, bus.manager());
    bus.user("ada", Role::User, &[]).await;
    let session = bus.session("ada").await;
    let node = Node::enforcing(&bus).await;
    let name = unique("tab");
    let _scrub = Scrub::new(HOST, &name);
    let loud = "while true; do echo out; echo err >&2; sleep 0.2; done";
    docker(HOST, &["run", "-d", "--name", &name, "--label", "deblox.owner=ada", "busybox", "sh", "-c", loud]);
    let origin = format!("http://{}", node.address());
    let mut tab = Tab::open(&node, &[("cookie", &cookie(&session)), ("origin", &origin)]).await;
    tab.begins(1, logs(&name)).await;
    tab.begins(2, shell(&name)).await;
    tab.until_said(1, STDOUT, "Z out\n").await;
    tab.until_said(1, HEAD, DOCK).await;
    tab.says(json!({"stream": 2, "rows": 33, "cols": 77})).await;
    tab.types(2, "stty size; echo typed-$((40 + 2))\n").await;
    tab.until_said(2, DATA, "typed-42").await;
    let resized = |tab: &Tab| String::from_utf8_lossy(&tab.came[&(2, DATA)]).contains("33 77").then_some(());
    if resized(&tab).is_none() {
        // The size may have come just behind the keys.
        tab.types(2, "stty size\n").await;
        tab.until("the size", resized).await;
    }
    let before = tab.came[&(1, STDOUT)].len();
    tab.until("the log goes on", |tab| (tab.came[&(1, STDOUT)].len() > before).then_some(())).await;
    tab.types(2, "exit 7\n").await;
    let end = tab.end(2).await;
    assert_eq!((&end["status"], &end["error"], &end["exitCode"]), (&json!(200), &Value::Null, &json!(7)), "{end}");
    tab.says(json!({"stream": 1, "cancel": true})).await;
    let end = tab.end(1).await;
    assert_eq!((&end["status"], &end["error"]), (&json!(499), &json!("cancelled")), "{end}");
    assert!(end["requestId"].is_string(), "{end}");
    // Its number may be used again.
    tab.ended.clear();
    tab.begins(1, json!({"action": "exec-container", "id": name, "dock": DOCK, "cmd": ["cat"], "stdin": true})).await;
    tab.types(1, "through a pipe\n").await;
    tab.says(json!({"stream": 1, "finish": true})).await;
    tab.until_said(1, STDOUT, "through a pipe\n").await;
    assert_eq!(tab.end(1).await["exitCode"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_is_logged_in_and_on_a_page_of_the_node_opens_one() {
    let bus = Bus::new().await;
    let (_worker, _manager) = (bus.enforcing(HOST, DOCK).await, bus.manager());
    bus.user("ada", Role::User, &[]).await;
    let session = bus.session("ada").await;
    let node = Node::enforcing(&bus).await;
    assert_eq!(refusal(&node, &[]).await, 401);
    assert_eq!(refusal(&node, &[("cookie", &cookie("nobody"))]).await, 401);
    let elsewhere = "http://elsewhere.example";
    assert_eq!(refusal(&node, &[("cookie", &cookie(&session)), ("origin", elsewhere)]).await, 403);
    let plain = node.ask("GET /api/v1/streams", &format!("Cookie: {}", cookie(&session)), "").await;
    assert!((400..500).contains(&plain.status), "{plain:?}");
    assert_eq!(plain.header("content-type"), "application/problem+json");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_ends_its_stream_and_no_other() {
    let bus = Bus::new().await;
    let (_worker, _manager) = (bus.enforcing(HOST, DOCK).await, bus.manager());
    bus.user("ada", Role::User, &[]).await;
    let session = bus.session("ada").await;
    let node = Node::enforcing(&bus).await;
    let (mine, other) = (unique("mine"), unique("other"));
    let _scrubs = [Scrub::new(HOST, &mine), Scrub::new(HOST, &other)];
    for (name, owner) in [(&mine, "ada"), (&other, "bob")] {
        let owner = format!("deblox.owner={owner}");
        let sleeps = ["run", "-d", "--name", name, "--label", &owner, "busybox", "sh", "-c", "echo here; sleep 600"];
        docker(HOST, &sleeps);
    }
    let mut tab = Tab::open(&node, &[("cookie", &cookie(&session))]).await;
    tab.begins(1, logs(&mine)).await;
    tab.until_said(1, STDOUT, "here").await;
    let forged = json!({"action": "container-logs", "id": mine, "follow": true, "session": session});
    for (stream, message, status, named) in [
        (2, json!({"open": logs(&other)}), 404, "no-such-instance"),
        (3, json!({"open": forged}), 400, "bad-field"),
        (4, json!({"open": {"action": "ping"}}), 400, "bad-field"),
        (5, json!({"open": {"action": "dance"}}), 404, "unknown-action"),
        (6, json!({"open": "container-logs"}), 400, "bad-field"),
        (7, json!({"rows": 3}), 400, "bad-field"),
        (8, json!({"open": {"action": "container-logs", "id": mine, "follow": true, "dock": "a b"}}), 400, "bad-field"),
    ] {
        let mut message = message;
        message["stream"] = json!(stream);
        tab.says(message).await;
        let end = tab.end(stream).await;
        assert_eq!((&end["status"], &end["error"]), (&json!(status), &json!(named)), "{stream}: {end}");
        assert!(end["message"].as_str().is_some_and(|message| message.len() > 10), "{end}");
    }
    // What is for a stream that is not open does no harm.
    tab.types(9, "hello").await;
    tab.says(json!({"stream": 9, "cancel": true})).await;
    for stream in 10..=73 {
        tab.begins(stream, logs(&mine)).await;
    }
    let end = tab.end(73).await;
    assert_eq!((&end["status"], &end["error"]), (&json!(429), &json!("busy")), "{end}");
    assert!(!tab.ended.contains_key(&1) && !tab.ended.contains_key(&10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_goes_takes_its_streams_with_it_and_so_does_a_session() {
    let bus = Bus::new().await;
    let (_worker, _manager) = (bus.enforcing(HOST, DOCK).await, bus.manager());
    bus.user("ada", Role::User, &[]).await;
    let session = bus.session("ada").await;
    let node = Node::enforcing(&bus).await;
    let name = unique("gone");
    let _scrub = Scrub::new(HOST, &name);
    let label = "deblox.owner=ada";
    docker(HOST, &["run", "-d", "--name", &name, "--label", label, "busybox", "sh", "-c", "echo here; sleep 600"]);
    let processes = || docker(HOST, &["top", &name]).lines().count();
    let alone = processes();
    let mut tab = Tab::open(&node, &[("cookie", &cookie(&session))]).await;
    tab.begins(1, shell(&name)).await;
    tab.types(1, "echo ready-$((1 + 1))\n").await;
    tab.until_said(1, DATA, "ready-2").await;
    assert_eq!(processes(), alone + 1);
    drop(tab);
    until("the stream has ended", async || {
        // And not as one whose reader is gone.
        bus.dump().await.contains("cancelled").then_some(())
    })
    .await;
    // One whose session ends hears so, and on the same socket.
    let mut tab = Tab::open(&node, &[("cookie", &cookie(&session))]).await;
    tab.begins(1, logs(&name)).await;
    tab.until_said(1, STDOUT, "here").await;
    bus.auth("logout", json!({"sessionID": session})).await;
    let end = tab.end(1).await;
    assert_eq!((&end["status"], &end["error"]), (&json!(401), &json!("unauthenticated")), "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_closes_its_sockets() {
    let bus = Bus::new().await;
    let _worker = bus.worker(HOST, DOCK).await;
    let mut node = Node::start(&bus).await;
    let name = unique("stops");
    let _scrub = Scrub::new(HOST, &name);
    docker(HOST, &["run", "-d", "--name", &name, "busybox", "sh", "-c", "echo here; sleep 600"]);
    let mut tab = Tab::open(&node, &[]).await;
    tab.begins(1, logs(&name)).await;
    tab.until_said(1, STDOUT, "here").await;
    node.program.signal("TERM");
    let closed = async {
        while let Some(Ok(message)) = tab.socket.next().await {
            if let Message::Close(frame) = message {
                return frame.map(|frame| u16::from(frame.code));
            }
        }
        None
    };
    assert_eq!(tokio::time::timeout(PATIENCE, closed).await.expect("it ends"), Some(1001));
    drop(tab);
    assert_eq!(node.program.ended().await.code(), Some(0), "{}", node.program.errors());
}
