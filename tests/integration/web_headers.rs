//! What every answer by HTTP has in its head, and which calls are not answered at all.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use deblox::protocol::Role;
use serde_json::Value;

use crate::auth::PASSWORD;
use crate::processes::free_port;
use crate::support::Bus;
use crate::web::Node;

/// The address that browsers use where they come by TLS.
const PUBLIC: &str = "https://deblox.test";

/// The head of an answer: its status, and the values of its headers.
#[derive(Debug)]
struct Head {
    status: u16,
    headers: BTreeMap<String, String>,
}

impl Head {
    fn get(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Sends bytes as they are, and reads as far as the head of the answer goes.
fn exchange(address: &str, message: &str) -> String {
    let mut connection = TcpStream::connect(address).expect("it listens");
    connection.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let (mut head, mut byte) = (Vec::new(), [0]);
    if connection.write_all(message.as_bytes()).is_ok() {
        while !head.ends_with(b"\r\n\r\n") && matches!(connection.read(&mut byte), Ok(1)) {
            head.push(byte[0]);
        }
    }
    String::from_utf8(head).expect("text")
}

/// The same as often as it takes: a node that answers without reading a body ends the connection, and the answer may be lost then.
async fn sent(address: &str, message: &str) -> Head {
    let (to, bytes) = (address.to_owned(), message.to_owned());
    let exchange = tokio::task::spawn_blocking(move || {
        (0..20).map(|_| exchange(&to, &bytes)).find(|head| !head.is_empty()).unwrap_or_default()
    });
    let head = exchange.await.expect("no panic");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Head { status: status.unwrap_or_else(|| panic!("no answer to {message:?}: {head:?}")), headers }
}

async fn asked(node: &Node, target: &str, header: &str, body: &str) -> Head {
    let body = if target.starts_with("GET ") { "" } else { body };
    let address = node.address();
    let length = body.len();
    let head = format!("{target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n");
    sent(&address, &format!("{head}{header}\r\n{body}")).await
}

/// Asserts that an answer has what each has that no page is.
fn is_guarded(what: &str, head: &Head, is_secure: bool) {
    assert_eq!(head.get("cache-control"), "no-store", "{what}: {head:?}");
    assert_eq!(head.get("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(head.get("x-frame-options"), "DENY", "{what}");
    assert_eq!(head.get("cross-origin-opener-policy"), "same-origin", "{what}");
    assert_eq!(head.get("cross-origin-resource-policy"), "same-origin", "{what}");
    assert_eq!(head.get("referrer-policy"), "no-referrer", "{what}");
    assert!(head.get("permissions-policy").contains("camera=()"), "{what}");
    let policy = head.get("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
    let hsts = if is_secure { "max-age=31536000" } else { "" };
    assert_eq!(head.get("strict-transport-security"), hsts, "{what}");
}

/// Every operation that the API describes, and what stands beside it: method and address.
async fn operations(node: &Node) -> Vec<String> {
    let document = node.ask("GET /api/v1/openapi.json", "", "").await.json();
    let paths = document["paths"].as_object().expect("paths");
    let described = paths.iter().flat_map(|(path, methods)| {
        let path =
            path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
        let methods = methods.as_object().expect("methods").keys();
        methods.map(|method| format!("{} /api/v1{path}", method.to_uppercase())).collect::<Vec<_>>()
    });
    let mut all: Vec<String> = described.collect();
    assert!(all.len() > 80, "{all:?}");
    let beside = ["POST /", "GET /healthz", "GET /readyz", "GET /auth/me", "POST /auth/logout", "GET /auth/oidc/login"];
    all.extend(beside.map(str::to_owned));
    let wrong =
        ["GET /api/v1/openapi.json", "GET /auth/oidc/callback?state=x", "GET /api/v1/nowhere", "PUT /api/v1/docks"];
    all.extend(wrong.map(str::to_owned));
    all.extend(["POST /nowhere", "DELETE /", "GET /auth/nowhere", "OPTIONS /api/v1/me"].map(str::to_owned));
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_of_every_route_is_kept_by_nobody() {
    let bus = Bus::new().await;
    let open = Node::with(&bus.url, &bus.namespace, |command| _ = command.arg("--auth-manager")).await;
    let secure = Node::with(&bus.url, &bus.namespace, |command| {
        command.args(["--auth", "enforce", "--public-url", PUBLIC, "--oidc-issuer", "https://127.0.0.1:1"]);
        command.args(["--oidc-client-id", "deblox", "--oidc-default-role", "viewer", "--oidc-redirect-url"]);
        command.arg(format!("{PUBLIC}/auth/oidc/callback"));
    })
    .await;
    let token = bus.known_user("ada", Role::Admin, &[]).await;
    let _worker = bus.worker(1, "a.test").await;
    let json = "Content-Type: application/json\r\n";
    let bearer = format!("{json}Authorization: Bearer {token}\r\n");
    // All actions are one route. What a host would do is of no interest here, and others use it too.
    let is_harmless = |operation: &String| !operation.contains("/actions/") || operation.ends_with("/ping");
    for operation in operations(&open).await {
        is_guarded(&operation, &asked(&secure, &operation, json, "{}").await, true);
        if is_harmless(&operation) {
            is_guarded(&operation, &asked(&open, &operation, json, "{}").await, false);
            is_guarded(&operation, &asked(&secure, &operation, &bearer, "{}").await, true);
        }
    }
    // What people see in the place of a page, what streams, and a socket.
    let page = asked(&secure, "GET /auth/oidc/callback?state=x", "Accept: text/html\r\n", "").await;
    assert_eq!((page.status, page.get("content-type")), (400, "text/html; charset=utf-8"));
    is_guarded("a page of /auth", &page, true);
    assert!(page.get("content-security-policy").contains("base-uri 'none'"), "{page:?}");
    let live = asked(&open, "GET /api/v1/live", "", "").await;
    assert_eq!((live.status, live.get("content-type")), (200, "text/event-stream"));
    let address = open.address();
    let socket = format!(
        "GET /api/v1/streams HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let socket = sent(&address, &socket).await;
    assert_eq!(socket.status, 101, "{socket:?}");
    is_guarded("a socket", &socket, false);
    // A page has its own policy, and everything else.
    for (node, hsts) in [(&open, ""), (&secure, "max-age=31536000")] {
        let page = asked(node, "GET /", "Accept: text/html\r\n", "").await;
        assert_eq!((page.get("x-frame-options"), page.get("cross-origin-opener-policy")), ("DENY", "same-origin"));
        assert_eq!((page.get("strict-transport-security"), page.get("referrer-policy")), (hsts, "same-origin"));
        assert!(page.get("content-security-policy").contains("script-src 'self'"), "{page:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_listener_for_metrics_guards_its_answers_too() {
    let bus = Bus::new().await;
    let metrics = format!("127.0.0.1:{}", free_port());
    let _node = Node::with(&bus.url, &bus.namespace, |command| _ = command.args(["--metrics", &metrics])).await;
    for path in ["/metrics", "/healthz", "/nowhere"] {
        let head =
            sent(&metrics, &format!("GET {path} HTTP/1.1\r\nHost: {metrics}\r\nConnection: close\r\n\r\n")).await;
        is_guarded(path, &head, false);
    }
    let two = format!("GET /metrics HTTP/1.1\r\nHost: {metrics}\r\nHost: {metrics}\r\n\r\n");
    assert_eq!(sent(&metrics, &two).await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_programs_could_read_in_two_ways_is_refused() {
    let bus = Bus::new().await;
    let node = Node::start(&bus).await;
    let address = node.address();
    let host = format!("Host: {address}\r\n");
    for path in ["/api/v1/node", "/healthz", "/auth/me", "/"] {
        let whole = format!("http://{address}{path}");
        for (target, headers) in [
            (path, String::new()),
            (path, format!("{host}{host}")),
            (path, format!("{host}Host: elsewhere.test\r\n")),
            (path, format!("Host: elsewhere.test\r\n{host}")),
            (path, "Host: ada@elsewhere.test\r\n".to_owned()),
            (path, "Host: a b\r\n".to_owned()),
            (path, "Host: /x\r\n".to_owned()),
            ("http://elsewhere.test/", host.clone()),
            (&whole, "Host: elsewhere.test\r\n".to_owned()),
            (path, format!("{host}Content-Length: 2\r\nContent-Length: 3\r\n")),
            (path, format!("{host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
            (path, format!("{host}Transfer-Encoding: gzip\r\n")),
            (path, format!("{host}Content-Length: +2\r\n")),
        ] {
            let method = if path == "/" { "POST" } else { "GET" };
            let head = sent(&address, &format!("{method} {target} HTTP/1.1\r\n{headers}\r\n")).await;
            assert_eq!(head.status, 400, "{target}: {headers:?}: {head:?}");
            assert_ne!(head.get("connection"), "keep-alive", "{target}: {headers:?}");
        }
        // What hyper reads by its encoding alone is the last of its connection.
        for both in [
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        ] {
            let head = sent(&address, &format!("GET {path} HTTP/1.1\r\n{host}{both}\r\n0\r\n\r\n")).await;
            assert_eq!(head.get("connection"), "close", "{path}: {both:?}: {head:?}");
        }
        // Written another way it is the same host; and an old program need not say any.
        let upper = format!("Host: {}\r\n", address.to_uppercase());
        for (target, version, headers) in
            [(path, "1.1", &upper), (&*whole, "1.1", &host), (path, "1.0", &String::new())]
        {
            let head =
                sent(&address, &format!("GET {target} HTTP/{version}\r\n{headers}Connection: close\r\n\r\n")).await;
            assert_ne!(head.status, 400, "{target} {headers:?}");
        }
    }
    assert_eq!(node.ask("GET /api/v1/node", "Host: elsewhere.test", "").await.json()["code"], "bad-field");
    assert_eq!(node.ask("GET /healthz", "Host: elsewhere.test", "").await.json()["error"], "bad-field");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_browsers_come_by_tls_a_session_is_in_a_cookie_of_this_host_alone() {
    let bus = Bus::new().await;
    bus.user("ada", Role::User, &[]).await;
    let plain =
        Node::with(&bus.url, &bus.namespace, |command| _ = command.args(["--auth", "enforce", "--auth-manager"])).await;
    let secure = Node::with(&bus.url, &bus.namespace, |command| {
        command.args(["--auth", "enforce", "--auth-manager", "--public-url", PUBLIC]);
    })
    .await;
    let login = format!(r#"{{"username":"ada","password":"{PASSWORD}"}}"#);
    let json = "Content-Type: application/json\r\n";
    let mut sessions = Vec::new();
    for (node, name, end) in
        [(&plain, "deblox_session", "; SameSite=Lax"), (&secure, "__Host-deblox_session", "; Secure")]
    {
        let head = asked(node, "POST /api/v1/login", json, &login).await;
        let cookie = head.get("set-cookie");
        let (found, rest) = cookie.split_once('=').expect("a cookie");
        assert!(found == name && rest.contains("; Path=/; HttpOnly;") && rest.ends_with(end), "{cookie}");
        assert!(!rest.contains("Domain"), "{cookie}");
        sessions.push(rest.split(';').next().expect("a session").to_owned());
    }
    let me = async |node: &Node, name: &str, session: &str| {
        let paths = ["GET /api/v1/me", "GET /auth/me"];
        let cookie = format!("Cookie: {name}={session}\r\n");
        let heads = [asked(node, paths[0], &cookie, "").await.status, asked(node, paths[1], &cookie, "").await.status];
        assert_eq!(heads[0], heads[1]);
        heads[0]
    };
    assert_eq!(me(&plain, "deblox_session", &sessions[0]).await, 200);
    assert_eq!(me(&secure, "__Host-deblox_session", &sessions[1]).await, 200);
    assert_eq!(me(&secure, "deblox_session", &sessions[1]).await, 401, "another host of the domain may have set it");
    // Browsers forget it only by a header that they take, and that needs the same marks.
    let cookie = format!("Cookie: __Host-deblox_session={}\r\n", sessions[1]);
    let head = asked(&secure, "POST /api/v1/logout", &cookie, "").await;
    let gone = head.get("set-cookie");
    assert!(gone.starts_with("__Host-deblox_session=; Path=/; ") && gone.ends_with("; Max-Age=0; Secure"), "{gone}");
    assert_eq!(me(&secure, "__Host-deblox_session", &sessions[1]).await, 401);
    let document: Value = secure.ask("GET /api/v1/openapi.json", "", "").await.json();
    assert_eq!(document["components"]["securitySchemes"]["session"]["name"], "deblox_session");
}
