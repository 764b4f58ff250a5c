//! `/api/v1`: what the web UI stands on.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Arc, Mutex};

use deblox::protocol::Role;
use serde_json::{Value, json};

use crate::auth::PASSWORD;
use crate::processes::{Program, RedisProcess};
use crate::support::{Bus, Scrub, Worker, unique, until};
use crate::web::{Answer, Node};
use crate::witness::secret;

/// A cluster in which everybody has to log in: two docks, an auth manager, two nodes.
struct Harbour {
    bus: Bus,
    _workers: [Worker; 2],
    _manager: crate::auth::Manager,
    one: Node,
    other: Node,
}

impl Harbour {
    async fn new() -> Self {
        let bus = Bus::new().await;
        let workers = [bus.enforcing(1, "d1.test").await, bus.enforcing(2, "d2.test").await];
        let manager = bus.manager();
        let (one, other) = (Node::enforcing(&bus).await, Node::enforcing(&bus).await);
        Self { bus, _workers: workers, _manager: manager, one, other }
    }

    /// Somebody who is logged in; the session.
    async fn user(&self, name: &str, role: Role) -> String {
        self.bus.user(name, role, &[]).await;
        self.bus.session(name).await
    }
}

impl Node {
    async fn get(&self, session: &str, path: &str) -> Value {
        let answer = self.ask(&format!("GET /api/v1{path}"), &format!("Authorization: Bearer {session}"), "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    async fn act(&self, session: &str, action: &str, prefer: &str, fields: Value) -> Answer {
        let head = format!("Authorization: Bearer {session}\r\nContent-Type: application/json{prefer}");
        self.ask(&format!("POST /api/v1/actions/{action}"), &head, &fields.to_string()).await
    }

    /// A container that runs; its full id.
    async fn run(&self, session: &str, name: &str, dock: &str, cmd: Value) -> String {
        let fields = json!({"image": "busybox", "name": name, "dock": dock, "cmd": cmd, "start": true});
        let made = self.act(session, "create-container", "", fields).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["Id"].as_str().expect("an id").to_owned()
    }

    /// What `/live` sends, as it comes.
    fn live(&self, session: &str, after: &str) -> Live {
        Live::open(&self.address(), session, after)
    }
}

const ASYNC: &str = "\r\nPrefer: respond-async";

/// A stream of server-sent events that is read.
struct Live {
    heard: Arc<Mutex<Vec<(String, String, Value)>>>,
    reading: std::thread::JoinHandle<()>,
    connection: TcpStream,
}

impl Live {
    fn open(address: &str, session: &str, after: &str) -> Self {
        let mut connection = TcpStream::connect(address).expect("it listens");
        let last = if after.is_empty() { String::new() } else { format!("Last-Event-ID: {after}\r\n") };
        let shown = if session.is_empty() { String::new() } else { format!("Authorization: Bearer {session}\r\n") };
        let head = format!("GET /api/v1/live HTTP/1.1\r\nHost: {address}\r\n{shown}{last}\r\n");
        connection.write_all(head.as_bytes()).expect("sent");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (hears, reads) = (Arc::clone(&heard), BufReader::new(connection.try_clone().expect("a second handle")));
        let reading = std::thread::spawn(move || {
            let (mut event, mut id, mut data) = (String::new(), String::new(), String::new());
            // Sizes of chunks stand between, on lines of their own, and mean nothing here: an event is one chunk.
            for line in reads.lines().map_while(Result::ok) {
                match line.split_once(": ") {
                    Some(("event", name)) => name.clone_into(&mut event),
                    Some(("id", name)) => name.clone_into(&mut id),
                    Some(("data", text)) => text.clone_into(&mut data),
                    _ if line.is_empty() && !event.is_empty() => {
                        let data = serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data}"));
                        let entry = (std::mem::take(&mut event), std::mem::take(&mut id), data);
                        hears.lock().expect("no panic").push(entry);
                    }
                    _ => {}
                }
            }
        });
        Self { heard, reading, connection }
    }

    /// The first of that name that is as wanted.
    async fn hears(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> (String, Value) {
        let found = || {
            let heard = self.heard.lock().expect("no panic");
            let found = heard.iter().find(|(event, _, data)| event == name && wanted(data));
            found.map(|(_, id, data)| (id.clone(), data.clone()))
        };
        until(&format!("`{name}` is heard"), async || found()).await
    }

    /// The node has closed it.
    async fn ends(&self) {
        until("the stream ends", async || self.reading.is_finished().then_some(())).await;
    }

    fn all(&self, name: &str) -> Vec<Value> {
        let heard = self.heard.lock().expect("no panic");
        heard.iter().filter(|(event, ..)| event == name).map(|(.., data)| data.clone()).collect()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.connection.shutdown(std::net::Shutdown::Both);
    }
}

fn names(page: &Value) -> Vec<&str> {
    let rows = page["instances"].as_array().expect("rows");
    rows.iter().map(|row| row["name"].as_str().expect("a name")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_logs_in_is_known_at_any_node_until_it_logs_out() {
    let harbour = Harbour::new().await;
    harbour.bus.user("ada", Role::User, &["crew"]).await;
    let log_in = async |password: &str| {
        let body = json!({"username": "ada", "password": password}).to_string();
        harbour.one.ask("POST /api/v1/login", "Content-Type: application/json", &body).await
    };
    let wrong = log_in("no-such-sesame").await;
    assert_eq!((wrong.status, &wrong.json()["code"]), (401, &json!("denied")), "{}", wrong.text());
    assert_eq!(wrong.header("content-type"), "application/problem+json");

    let right = log_in(PASSWORD).await;
    let me = right.json();
    assert_eq!((right.status, &me["user"], &me["groups"]), (200, &json!("ada"), &json!(["crew"])), "{me}");
    assert_eq!((&me["role"], &me["mayCreate"], &me["seesAll"]), (&json!("user"), &json!(true), &json!(false)));
    assert_eq!(me["node"]["auth"], "enforce");
    let cookie = right.header("set-cookie").to_owned();
    let (cookie, attributes) = cookie.split_once(';').expect("attributes");
    secret(cookie.split_once('=').expect("a value").1);
    assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite=Lax"), "{attributes}");
    assert!(!attributes.contains("Secure"), "by plain HTTP a browser would not keep it: {attributes}");

    let cookie = format!("Cookie: {cookie}");
    assert_eq!(harbour.other.ask("GET /api/v1/me", &cookie, "").await.json()["user"], "ada");
    let left = harbour.other.ask("POST /api/v1/logout", &cookie, "").await;
    assert_eq!((left.status, left.header("set-cookie").contains("Max-Age=0")), (204, true));
    for node in [&harbour.one, &harbour.other] {
        let after = node.ask("GET /api/v1/docks", &cookie, "").await;
        assert_eq!((after.status, &after.json()["code"]), (401, &json!("unauthenticated")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_auth_manager_it_says_so() {
    let bus = Bus::new().await;
    let node = Node::enforcing(&bus).await;
    let body = json!({"username": "ada", "password": "whatever-1"}).to_string();
    let answer = node.ask("POST /api/v1/login", "Content-Type: application/json", &body).await;
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("auth-manager-silent")), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_gets_nothing() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let open = Node::start(&bus).await;
    let address = open.address();
    let curl = |arguments: &[&str]| {
        let output = Command::new("curl").args(["-s"]).args(arguments).output().expect("curl is there");
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or(Value::Null)
    };
    let me = format!("http://{address}/api/v1/me");
    assert_eq!(curl(&[&me])["node"]["auth"], "open");
    // A neighbour's page, and one whose name was made to lead here.
    assert_eq!(curl(&["-H", "Origin: http://127.0.0.1:1", &me])["code"], "forbidden");
    assert_eq!(curl(&["-H", "Host: evil.test", &me])["code"], "forbidden");
    assert_eq!(curl(&["-H", "Host: evil.test", "-H", "Origin: http://evil.test", &me])["code"], "forbidden");
    assert_eq!(curl(&["-H", &format!("Origin: http://{address}"), &me])["node"]["auth"], "open");
    // What a form could send.
    let form = open.ask("POST /api/v1/actions/ping", "Content-Type: text/plain", "{}").await;
    assert_eq!((form.status, &form.json()["code"]), (415, &json!("unsupported-media-type")));

    let change = |command: &mut Command| {
        command.args(["--public-url", "https://deblox.test"]);
    };
    let named = Node::with(&bus.url, &bus.namespace, change).await;
    let me = format!("http://{}/api/v1/me", named.address());
    let page = ["-H", "Host: deblox.test", "-H", "Origin: https://deblox.test", &me];
    assert_eq!(curl(&page)["node"]["auth"], "open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cookie_goes_by_tls_alone_where_browsers_come_by_tls() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    bus.user("ada", Role::User, &[]).await;
    let change = |command: &mut Command| {
        command.args(["--auth", "enforce", "--public-url", "https://deblox.test"]);
    };
    let node = Node::with(&bus.url, &bus.namespace, change).await;
    let body = json!({"username": "ada", "password": PASSWORD}).to_string();
    let answer = node.ask("POST /api/v1/login", "Content-Type: application/json", &body).await;
    let cookie = answer.header("set-cookie");
    secret(cookie.split_once('=').and_then(|(_, rest)| rest.split(';').next()).expect("a session"));
    assert!(cookie.contains("; Secure"), "{}", answer.status);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_are_filtered_sorted_and_paged_and_only_those_that_one_may_see() {
    let harbour = Harbour::new().await;
    // On these hosts there are instances of other tests as well.
    let (mine, bobs, tag) = (unique("ada"), unique("bob"), unique("page"));
    let ada = harbour.user(&mine, Role::User).await;
    let (bob, vic) = (harbour.user(&bobs, Role::User).await, harbour.user("vic", Role::Viewer).await);
    let made = ["a", "b", "c", "d"].map(|letter| format!("{tag}-{letter}"));
    let _scrubs = [Scrub::new(1, &made[0]), Scrub::new(2, &made[1]), Scrub::new(1, &made[2]), Scrub::new(2, &made[3])];
    let node = &harbour.one;
    node.run(&ada, &made[0], "d1.test", json!(["sleep", "600"])).await;
    node.run(&ada, &made[1], "d2.test", json!(["sh", "-c", "exit 3"])).await;
    node.run(&ada, &made[2], "d1.test", json!(["sh", "-c", "exit 0"])).await;
    node.run(&bob, &made[3], "d2.test", json!(["sleep", "600"])).await;
    // The other node reads the same records.
    let node = &harbour.other;
    let page = until("all are seen as they are", async || {
        let page = node.get(&ada, "/instances").await;
        (page["counts"]["failing"] == 1 && page["counts"]["stopped"] == 1).then_some(page)
    })
    .await;
    // What fails comes first; what is bob's is not there.
    assert_eq!(names(&page), [&made[1], &made[0], &made[2]]);
    assert_eq!((&page["total"], &page["counts"]["all"], &page["counts"]["mine"]), (&json!(3), &json!(3), &json!(3)));
    let failed = &page["instances"][0];
    assert_eq!((&failed["condition"], &failed["exitCode"]), (&json!("failing"), &json!(3)), "{failed}");
    assert_eq!((&failed["mine"], &failed["why"]), (&json!(true), &Value::Null), "{failed}");

    let list = async |query: &str| node.get(&vic, &format!("/instances?q={tag}&{query}")).await;
    assert_eq!(names(&list("sort=-name").await), [&made[3], &made[2], &made[1], &made[0]]);
    assert_eq!(names(&list("sort=name&offset=1&limit=2").await), [&made[1], &made[2]]);
    assert_eq!(list("limit=0").await["total"], 4);
    assert_eq!(names(&list("dock=d2.test&sort=name").await), [&made[1], &made[3]]);
    assert_eq!(names(&list(&format!("owner={bobs}")).await), [&made[3]]);
    assert_eq!(names(&list("state=running,failing&sort=name").await), [&made[0], &made[1], &made[3]]);
    assert_eq!(names(&node.get(&vic, &format!("/instances?q=D1.test%20{}", made[2])).await), [&made[2]]);
    assert!(names(&list("mine=true").await).is_empty());
    assert_eq!(list("state=running").await["counts"]["failing"], 1, "the counts are of all states");
    let page = list(&format!("owner={bobs}")).await;
    let seen = &page["instances"][0];
    assert_eq!((&seen["rights"], &seen["why"]), (&json!(["view"]), &json!(format!("It belongs to {bobs}."))), "{seen}");
    let id = seen["id"].as_str().expect("an id");
    assert_eq!(node.get(&vic, &format!("/instances/d2.test/{id}")).await["name"], json!(made[3]));
    let hidden =
        node.ask(&format!("GET /api/v1/instances/d2.test/{id}"), &format!("Authorization: Bearer {ada}"), "").await;
    assert_eq!((hidden.status, &hidden.json()["code"]), (404, &json!("no-such-instance")));

    for (query, named) in
        [("state=asleep", "asleep"), ("sort=size", "created"), ("limit=many", "limit"), ("size=1", "size")]
    {
        let answer =
            node.ask(&format!("GET /api/v1/instances?{query}"), &format!("Authorization: Bearer {vic}"), "").await;
        let problem = answer.json();
        assert_eq!((answer.status, &problem["code"]), (400, &json!("bad-field")), "{query}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(named)), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_done_once_whichever_node_is_asked_and_any_tells_how_it_ended() {
    let harbour = Harbour::new().await;
    let (mine, bobs) = (unique("ada"), unique("bob"));
    let (ada, bob, ole) = (
        harbour.user(&mine, Role::User).await,
        harbour.user(&bobs, Role::User).await,
        harbour.user("ole", Role::Operator).await,
    );
    let name = unique("async");
    let _scrubs = [Scrub::new(1, &name), Scrub::new(2, &name)];
    let id = format!("{name}-1");
    let create = json!({"image": "busybox", "name": name, "cmd": ["sleep", "600"], "start": true, "requestId": id});
    for node in [&harbour.one, &harbour.other] {
        let taken = node.act(&ada, "create-container", ASYNC, create.clone()).await;
        assert_eq!((taken.status, taken.json()), (202, json!({"requestId": id})));
        assert_eq!(taken.header("preference-applied"), "respond-async");
    }
    let mut instances = BTreeSet::new();
    for node in [&harbour.one, &harbour.other] {
        let done = until("it is done", async || {
            let status = node.get(&ada, &format!("/requests/{id}")).await;
            (status["state"] != "waiting").then_some(status)
        })
        .await;
        assert_eq!(
            (&done["state"], &done["status"], &done["action"]),
            (&json!("done"), &json!(201), &json!("create-container")),
            "{done}"
        );
        instances.insert(done["id"].to_string());
        let span = done["ended"].as_u64().zip(done["sent"].as_u64()).map(|(ended, sent)| ended.saturating_sub(sent));
        assert!(span.is_some_and(|span| span < 60_000), "{done}");
        let listed = node.get(&ada, &format!("/requests?q={id}")).await;
        assert_eq!((&listed["requests"][0]["requestId"], &listed["more"]), (&json!(id), &json!(false)), "{listed}");
        assert_eq!(node.get(&bob, &format!("/requests?q={id}")).await["requests"], json!([]));
        assert_eq!(node.get(&ole, &format!("/requests?q={id}")).await["requests"][0]["user"], json!(mine));
    }
    assert_eq!(instances.len(), 1, "one container: {instances:?}");

    // What is refused says why; what a user may not view does not exist for it.
    let refused = harbour.one.act(&ole, "stop-container", "", json!({"id": name, "time": 0, "nonsense": 1})).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("unknown-field")), "{}", refused.text());
    let stop = json!({"id": name, "requestId": format!("{name}-2")});
    let refused = harbour.one.act(&bob, "stop-container", "", stop).await;
    let problem = refused.json();
    assert_eq!((refused.status, &problem["code"]), (404, &json!("no-such-instance")), "{problem}");
    assert_eq!(problem["requestId"], json!(format!("{name}-2")));
    let failed = harbour.one.get(&bob, &format!("/requests/{name}-2")).await;
    assert_eq!((&failed["state"], &failed["error"]), (&json!("failed"), &json!("no-such-instance")), "{failed}");
    assert_eq!(harbour.one.get(&bob, "/requests/nobody-sent-this").await["state"], "lost");
    for field in ["session", "token", "action"] {
        let answer = harbour.one.act(&ada, "ping", "", json!({field: "x"})).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("bad-field")), "{field}");
    }
    assert_eq!(harbour.one.act(&ada, "dance", "", json!({})).await.status, 404);
    // What has no reply, and what cannot carry one.
    let ole_stops = harbour.one.act(&ole, "stop-container", "", json!({"id": name, "time": 0})).await;
    assert_eq!((ole_stops.status, &ole_stops.json()["statusCode"]), (200, &json!(204)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_is_told_and_nothing_is_missed_between_two_nodes() {
    let harbour = Harbour::new().await;
    let (mine, bobs) = (unique("ada"), unique("bob"));
    let (ada, bob) = (harbour.user(&mine, Role::User).await, harbour.user(&bobs, Role::User).await);
    let name = unique("live");
    let _scrub = Scrub::new(1, &name);
    let (live, of_bob) = (harbour.one.live(&ada, ""), harbour.one.live(&bob, ""));
    live.hears("hello", |hello| hello["gap"] == false).await;
    of_bob.hears("hello", |_| true).await;
    live.hears("beats", |beats| beats["docks"]["d1.test"]["age"].is_u64()).await;

    let id = harbour.one.run(&ada, &name, "d1.test", json!(["sleep", "600"])).await;
    let is_it = |row: &Value| row["id"] == json!(id);
    let running = |data: &Value| {
        data["changed"]
            .as_array()
            .is_some_and(|rows| rows.iter().any(|row| is_it(row) && row["condition"] == "running"))
    };
    live.hears("instances", running).await;
    live.hears("request", |request| request["id"] == json!(id) && request["state"] == "done").await;
    let (last, _) = live.hears("event", |event| event["event"] == "instance-running" && is_it(event)).await;
    drop(live);

    // While nobody listens.
    let stopped = harbour.other.act(&ada, "stop-container", "", json!({"id": id, "time": 0})).await;
    assert_eq!(stopped.status, 200, "{}", stopped.text());
    let again = harbour.other.live(&ada, &last);
    again.hears("event", |event| event["event"] == "instance-exited" && is_it(event)).await;
    let removed = harbour.one.act(&ada, "delete-container", "", json!({"id": id})).await;
    assert_eq!(removed.status, 200, "{}", removed.text());
    again.hears("instances", |data| data["gone"].as_array().is_some_and(|gone| gone.contains(&json!(id)))).await;
    again.hears("event", |event| event["event"] == "instance-removed" && is_it(event)).await;
    let told: Vec<Value> = again.all("event").into_iter().filter(is_it).map(|event| event["event"].clone()).collect();
    let kinds = told.iter().filter(|kind| **kind != json!("request")).collect::<Vec<_>>();
    assert_eq!(kinds, [&json!("instance-exited"), &json!("instance-removed")], "each once, in order: {told:?}");

    let at = harbour.one.get(&ada, &format!("/events?id={id}&kind=instance")).await;
    let kinds: Vec<&str> =
        at["events"].as_array().expect("events").iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(kinds, ["instance-removed", "instance-exited", "instance-running", "instance-created"]);
    // Of all that bob is told nothing, not even an id.
    assert!(of_bob.all("event").iter().all(|event| !is_it(event)) && of_bob.all("request").is_empty());
    assert_eq!(of_bob.all("instances"), [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_its_session_and_rights_count_at_once() {
    let harbour = Harbour::new().await;
    let ada = harbour.user("ada", Role::User).await;
    let live = harbour.one.live(&ada, "");
    live.hears("hello", |_| true).await;
    let cookie = format!("Cookie: deblox_session={ada}");
    assert_eq!(harbour.other.ask("POST /api/v1/logout", &cookie, "").await.status, 204);
    live.hears("ended", |_| true).await;
    live.ends().await;

    // A session ends that is shown as a bearer, too; a token is no login.
    let again = harbour.bus.session("ada").await;
    let token = harbour.bus.token("ada", "ci", None).await;
    let log_out = async |bearer: &str| {
        harbour.one.ask("POST /api/v1/logout", &format!("Authorization: Bearer {bearer}"), "").await
    };
    assert_eq!((log_out(&again).await.status, harbour.bus.counts(&again).await), (204, false));
    let refused = log_out(&token).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("bad-field")));
    assert_eq!(harbour.one.get(&token, "/me").await["user"], "ada");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_redis_is_away_nothing_is_said_to_be_so() {
    let mut redis = RedisProcess::new();
    redis.start().await;
    let bus = Bus::on(&redis.url()).await;
    let _worker = bus.program(1, "d1.test").await;
    let node = Node::start(&bus).await;
    let docks = async || node.ask("GET /api/v1/docks", "", "").await;
    assert_eq!(docks().await.json()["docks"][0]["state"], "up");
    let live = node.live("", "");
    live.hears("beats", |_| true).await;
    redis.kill().await;
    live.ends().await;
    let away = docks().await;
    assert_eq!((away.status, &away.json()["code"]), (503, &json!("bus-down")), "{}", away.text());
    redis.start().await;
    until("it is known again", async || (docks().await.status == 200).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_workers_show_to_nobody_a_node_does_not_show_to_everybody() {
    let bus = Bus::new().await;
    let node = Node::start(&bus).await;
    assert_eq!(node.ask("GET /api/v1/node", "", "").await.json()["auth"], "open");
    let live = node.live("", "");
    live.hears("hello", |_| true).await;
    let _worker = bus.enforcing(1, "d1.test").await;
    live.hears("ended", |_| true).await;
    let refused = node.ask("GET /api/v1/docks", "", "").await;
    assert_eq!((refused.status, &refused.json()["code"]), (401, &json!("unauthenticated")));
    assert_eq!(node.ask("GET /api/v1/node", "", "").await.json()["auth"], "enforce");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dock_had_that_is_lost_is_said_to_be_unknown() {
    let bus = Bus::new().await;
    let worker: Program = bus.program(1, "d1.test").await;
    let node = Node::start(&bus).await;
    let name = unique("lost");
    let _scrub = Scrub::new(1, &name);
    let fields = json!({"image": "busybox", "name": name, "cmd": ["sleep", "600"], "start": true}).to_string();
    let made = node.ask("POST /api/v1/actions/create-container", "Content-Type: application/json", &fields).await;
    assert_eq!(made.status, 201, "{}", made.text());
    worker.killed().await;
    let row = until("it is not known how it is", async || {
        let page = node.ask(&format!("GET /api/v1/instances?q={name}"), "", "").await.json();
        (page["instances"][0]["condition"] == "unknown").then_some(page)
    })
    .await;
    assert_eq!(row["unreachable"], json!(["d1.test"]));
    let seen = &row["instances"][0];
    assert_eq!(seen["state"], "running", "as it was last known");
    assert!(seen["lastSeen"].as_u64().is_some_and(|at| at < row["now"].as_u64().expect("a time")), "{row}");
    let docks = node.ask("GET /api/v1/docks", "", "").await.json();
    let dock = &docks["docks"][0];
    assert_eq!((&dock["state"], &dock["reachable"]), (&json!("lost"), &json!(false)), "{dock}");
    assert_eq!(dock["beats"].as_array().and_then(|beats| beats.last()), Some(&Value::Null), "{dock}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_description_is_of_what_is_there() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let node = Node::start(&bus).await;
    let api = node.ask("GET /api/v1/openapi.json", "", "").await.json();
    assert!(api["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", api["openapi"]);
    let paths = api["paths"].as_object().expect("paths");
    for action in deblox::actions::Action::all() {
        assert!(paths.contains_key(&format!("/actions/{}", action.name)), "{}", action.name);
    }
    // Each path and method leads to a handler: whatever that says, it is not that there is nothing.
    for (path, methods) in paths {
        for method in methods.as_object().expect("methods").keys() {
            let path = path.replace("{dock}", "d1.test").replace("{id}", "x").replace("{name}", "x");
            if path == "/live" {
                continue;
            }
            let target = format!("{} /api/v1{path}", method.to_uppercase());
            let answer = node.ask(&target, "Content-Type: text/plain", "").await;
            let detail = answer.text();
            assert!(!detail.contains("there is no "), "{target}: {detail}");
        }
    }
    // What it refers to is there.
    let text = api.to_string();
    for part in text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().expect("a name");
        assert!(api["components"]["schemas"][name].is_object(), "there is no {name}");
    }
    let nowhere = node.ask("GET /api/v1/nowhere", "", "").await;
    assert_eq!((nowhere.status, nowhere.header("content-type")), (404, "application/problem+json"));
}
