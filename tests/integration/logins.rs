//! Logins that fail and things that are held open: what one address or one user may do, and that the others do not feel it.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use deblox::protocol::Role;
use deblox::protocol::limits::{
    BEGUN_LOGINS_PER_ADDRESS, CONNECTIONS_PER_ADDRESS, LIVE_STREAMS_PER_USER, SOCKETS_PER_USER,
};
use serde_json::json;

use crate::auth::PASSWORD;
use crate::provider::{Browser, Node as OidcNode, Provider};
use crate::support::{Bus, PATIENCE, until};
use crate::web::{Answer, Node};

impl Node {
    /// One that believes a proxy on this machine.
    async fn behind_proxy(bus: &Bus) -> Self {
        Self::with(&bus.url, &bus.namespace, |command| {
            command.args(["--auth", "enforce", "--trusted-proxy", "127.0.0.1/32,10.0.0.0/8"]);
        })
        .await
    }

    /// Logs in as a browser does, with a header of the proxy.
    async fn login_from(&self, header: &str, user: &str, password: &str) -> Answer {
        let body = json!({"username": user, "password": password}).to_string();
        self.ask("POST /api/v1/login", &format!("{header}\r\nContent-Type: application/json"), &body).await
    }
}

/// Asserts that it is refused as too much, and says when to come back.
fn too_much(answer: &Answer) {
    assert_eq!(answer.status, 429, "{answer:?}");
    let seconds = answer.header("retry-after").parse::<u64>();
    assert!(seconds.as_ref().is_ok_and(|seconds| *seconds > 0), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fails_behind_a_proxy_locks_out_nobody_else_there() {
    let bus = Bus::new().await;
    bus.user("ada", Role::User, &[]).await;
    let _manager = bus.manager_with(|options| {
        options.limits.address_attempts = 3;
        options.limits.first_lock = PATIENCE * 4;
    });
    let node = Node::behind_proxy(&bus).await;
    // The attacker changes what it sends itself, to the left of what the proxy adds.
    for (number, header) in [
        "X-Forwarded-For: 203.0.113.1, 192.0.2.7",
        "X-Forwarded-For: 192.0.2.8,192.0.2.7, 10.1.2.3",
        "Forwarded: for=192.0.2.8, for=\"192.0.2.7:4711\";proto=https",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(node.login_from(header, &format!("u{number}"), "wrong").await.status, 401);
    }
    too_much(&node.login_from("X-Forwarded-For: 198.51.100.1, 192.0.2.7", "ada", PASSWORD).await);
    assert_eq!(node.login_from("X-Forwarded-For: 192.0.2.8", "ada", PASSWORD).await.status, 200, "another client");
    assert_eq!(node.login_from("Accept: */*", "ada", PASSWORD).await.status, 200, "the proxy itself");

    // Of IPv6 a whole /64 counts as one.
    for number in 0..3 {
        let header = format!("X-Forwarded-For: 2001:db8::{number}");
        assert_eq!(node.login_from(&header, &format!("v{number}"), "wrong").await.status, 401);
    }
    too_much(&node.login_from("X-Forwarded-For: 2001:db8::ffff", "ada", PASSWORD).await);
    assert_eq!(node.login_from("X-Forwarded-For: 2001:db8:0:1::1", "ada", PASSWORD).await.status, 200);

    // Nobody else is believed, and nobody on the bus can lock an address that nodes have seen.
    let open = Node::enforcing(&bus).await;
    for number in 0..3 {
        let header = format!("X-Forwarded-For: 192.0.2.{}", 20 + number);
        assert_eq!(open.login_from(&header, &format!("w{number}"), "wrong").await.status, 401);
    }
    too_much(&open.login_from("X-Forwarded-For: 192.0.2.30", "ada", PASSWORD).await);
    for number in 0..4 {
        let forged = json!({"username": format!("x{number}"), "password": "wrong", "address": "192.0.2.40"});
        bus.auth("login", forged).await;
    }
    assert_eq!(node.login_from("X-Forwarded-For: 192.0.2.40", "ada", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_locks_a_user_out_of_where_it_is_known() {
    let bus = Bus::new().await;
    bus.user("ada", Role::User, &[]).await;
    let _manager = bus.manager_with(|options| {
        options.limits.account_attempts = 3;
        options.limits.account_total_attempts = 8;
        options.limits.first_lock = PATIENCE * 4;
    });
    let node = Node::behind_proxy(&bus).await;
    let from = async |address: u8, password: &str| {
        node.login_from(&format!("X-Forwarded-For: 192.0.2.{address}"), "ada", password).await
    };
    assert_eq!(from(1, PASSWORD).await.status, 200, "her usual place");

    // On the bus an address can be left out, or be another with each try: it is one place.
    for number in 0..3 {
        let forged = json!({"username": "ada", "password": "wrong", "address": format!("198.51.100.{number}")});
        assert_eq!(bus.auth("login", forged).await, r#"{"status":"denied"}"#);
    }
    for message in [
        json!({"username": "ada", "password": PASSWORD}),
        json!({"username": "ada", "password": PASSWORD, "address": "198.51.100.77"}),
        json!({"username": "ada", "password": PASSWORD, "address": "192.0.2.1"}),
    ] {
        let reply = bus.auth("login", message).await;
        assert!(reply.contains("too many logins failed") && reply.contains("\"retryAfter\":"), "{reply}");
    }
    assert_eq!(from(1, PASSWORD).await.status, 200);

    // One address has its own tries, and all together no more than some.
    for address in [2, 2, 2, 3, 3] {
        assert_eq!(from(address, "wrong").await.status, 401);
    }
    too_much(&from(2, PASSWORD).await);
    too_much(&from(4, PASSWORD).await);
    assert_eq!(from(1, PASSWORD).await.status, 200, "her usual place is open all the same");
    for _ in 0..3 {
        assert_eq!(from(1, "wrong").await.status, 401);
    }
    too_much(&from(1, PASSWORD).await);
    // What is kept of it goes.
    for key in bus.redis::<Vec<String>>(&["KEYS", &bus.key("auth.throttle.*")]).await {
        assert!(bus.redis::<i64>(&["TTL", &key]).await > 0, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_a_node_says_where_the_person_is() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    for (message, said) in [
        (json!({"username": "a", "password": "b"}), "address must be specified"),
        (json!({"username": "a", "password": "b", "address": "laptop"}), "address must be an IP address"),
        (json!({"username": "a", "password": "b", "address": "192.0.2.1", "agent": 1}), "agent must be text"),
    ] {
        let reply = bus.auth("node-login", message).await;
        assert!(reply.contains(said), "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_begins_many_logins_at_the_provider_blocks_nobody_else() {
    let bus = Bus::new().await;
    let provider = Provider::start().await;
    let role = ["--oidc-default-role", "viewer", "--trusted-proxy", "127.0.0.1"];
    let nodes = [
        OidcNode::with(&bus, &provider.issuer, &role, |_| {}).await,
        OidcNode::with(&bus, &provider.issuer, &role, |_| {}).await,
    ];
    let begin = |node: usize, address: &str| {
        Browser::at(&nodes[node]).ask_with("GET", "/auth/oidc/login", &format!("X-Forwarded-For: {address}\r\n"))
    };
    for number in 0..BEGUN_LOGINS_PER_ADDRESS {
        let page = begin(usize::from(number % 2 == 0), "192.0.2.7");
        assert_eq!(page.status, 303, "{number}: {page:?}");
    }
    for node in [0, 1] {
        let refused = begin(node, "192.0.2.7");
        assert!(refused.status == 429 && refused.body.contains("too many logins are begun"), "{refused:?}");
        assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=60).contains(&seconds)));
    }
    assert_eq!(begin(0, "192.0.2.8").status, 303, "others do not feel it");
    let kept = bus.redis::<Vec<String>>(&["KEYS", &bus.key("auth.oidc.*")]).await.len();
    assert_eq!(kept as u64, BEGUN_LOGINS_PER_ADDRESS + 1, "what is refused keeps nothing");
    let count: u64 = bus.redis(&["GET", &bus.key("auth.oidc")]).await;
    assert_eq!(count, BEGUN_LOGINS_PER_ADDRESS + 1, "and takes nothing from all");
}

/// A connection to `address` from `from`, on which a request has been sent and the head of the answer read.
pub fn held(address: &str, from: &str, request: &str) -> (TcpStream, String) {
    let mut connection = connect(address, from).expect("it listens");
    connection.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    connection.write_all(request.as_bytes()).expect("it reads");
    let (mut head, mut byte) = (String::new(), [0]);
    while !head.ends_with("\r\n\r\n") && connection.read(&mut byte).expect("a head") == 1 {
        head.push(char::from(byte[0]));
    }
    (connection, head.to_lowercase())
}

/// A connection from one of this machine's own addresses.
fn connect(address: &str, from: &str) -> std::io::Result<TcpStream> {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let parse = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &parse(&format!("{from}:0")))?;
    connect(&socket, &parse(address))?;
    Ok(TcpStream::from(socket))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_opens_so_many_live_streams_and_sockets_and_others_do_not_feel_it() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    let node = Node::enforcing(&bus).await;
    let address = node.address();
    let mut sessions = HashMap::new();
    for user in ["ada", "bob"] {
        bus.user(user, Role::User, &[]).await;
        sessions.insert(user, bus.session(user).await);
    }
    let token = bus.token("ada", "more", None).await;
    let live = |bearer: &str| {
        let request = format!("GET /api/v1/live HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {bearer}\r\n\r\n");
        held(&address, "127.0.0.1", &request)
    };
    let socket = |bearer: &str| {
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \
                       dGhlIHNhbXBsZSBub25jZQ==";
        let head = format!("Host: {address}\r\nAuthorization: Bearer {bearer}\r\n{upgrade}");
        held(&address, "127.0.0.1", &format!("GET /api/v1/streams HTTP/1.1\r\n{head}\r\n\r\n"))
    };
    for (what, open, most, good) in [
        ("live", &live as &dyn Fn(&str) -> (TcpStream, String), LIVE_STREAMS_PER_USER, "http/1.1 200"),
        ("streams", &socket, SOCKETS_PER_USER, "http/1.1 101"),
    ] {
        let mut open_ones = Vec::new();
        for number in 0..most {
            let (connection, head) = open(&sessions["ada"]);
            assert!(head.starts_with(good), "{what} {number}: {head}");
            open_ones.push(connection);
        }
        for bearer in [&sessions["ada"], &token] {
            let (_, head) = open(bearer);
            assert!(head.starts_with("http/1.1 429") && head.contains("\r\nretry-after: "), "{what}: {head}");
        }
        let (_other, head) = open(&sessions["bob"]);
        assert!(head.starts_with(good), "{what}: {head}");
        open_ones.pop();
        until("another may be opened", async || open(&sessions["ada"]).1.starts_with(good).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_holds_many_connections_leaves_room_for_others() {
    let bus = Bus::new().await;
    let node = Node::start(&bus).await;
    let address = node.address();
    let request = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    // Each waits for a body, which the node does for longer than for a head.
    let head = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n";
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS_PER_ADDRESS {
        let mut connection = connect(&address, "127.0.0.3").expect("it listens");
        connection.write_all(head.as_bytes()).expect("it reads");
        idle.push(connection);
    }
    let refused = async || {
        let mut more = connect(&address, "127.0.0.3").ok()?;
        more.write_all(request.as_bytes()).ok();
        more.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let mut answer = Vec::new();
        let _ = more.read_to_end(&mut answer);
        answer.is_empty().then_some(())
    };
    until("one more is closed", refused).await;
    let (_, head) = held(&address, "127.0.0.4", request);
    assert!(head.starts_with("http/1.1 200"), "another address is served: {head}");
    drop(idle);
    until("it is served again", async || {
        let mut more = connect(&address, "127.0.0.3").ok()?;
        more.write_all(request.as_bytes()).ok()?;
        let mut answer = [0; 12];
        more.read_exact(&mut answer).ok()?;
        answer.starts_with(b"HTTP/1.1 200").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_would_be_everybody_is_refused() {
    let bus = Bus::new().await;
    for bad in ["0.0.0.0/0", "::/0", "proxy.example.com", "10.0.0.0/33", ""] {
        let said = bus.deblox(&["web", "--listen", "127.0.0.1:0", &format!("--trusted-proxy={bad}")]).await;
        assert!(said.code == 2 && said.err.contains("--trusted-proxy"), "{bad}: {said:?}");
    }
}
