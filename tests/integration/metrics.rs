//! What Prometheus reads of workers and nodes: that it tells what has happened, and that it answers whatever is away.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::json;

use crate::processes::{Program, RedisProcess};
use crate::support::{Bus, Disturbed, Scrub, deblox, docker, docker_host, quiet_hosts, unique, until};
use crate::web::{Answer, Node, ask};
use crate::witness::secret;

/// What one scrape has told: the value of each series, by its name and labels as they are written.
#[derive(Debug)]
pub struct Scraped {
    pub text: String,
    series: BTreeMap<String, f64>,
}

impl Scraped {
    /// Reads the text, every line of which must be understood.
    fn read(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"), "{answer:?}");
        let (text, mut series, mut told) = (answer.text(), BTreeMap::new(), Vec::new());
        for line in text.lines() {
            if let Some(about) = line.strip_prefix("# ") {
                told.push(about.split(' ').nth(1).expect("a name").to_owned());
                continue;
            }
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no series: {line:?}"));
            let plain = name.split('{').next().expect("a name");
            assert!(
                told.iter().any(|family| plain.starts_with(family.as_str())),
                "{line:?} comes without HELP and TYPE"
            );
            let fresh = series.insert(name.to_owned(), value.parse().expect("a number"));
            assert!(fresh.is_none(), "{name} is there twice");
        }
        Self { text, series }
    }

    /// The value of a series; none where it is not there.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.series.get(name).copied()
    }

    /// The names of all series, without labels.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.series.keys().filter_map(|name| name.split('{').next())
    }

    /// Asserts that it is there, with this value.
    fn has(&self, name: &str, value: f64) {
        let is = self.get(name);
        assert!(is.is_some_and(|is| (is - value).abs() < 1e-9), "{name} is {is:?}, not {value}\n{}", self.text);
    }
}

/// Where a program serves metrics, as it says in its log.
async fn served_at(program: &Program) -> String {
    until("the address for metrics", async || {
        let errors = program.errors();
        let line = errors.lines().find(|line| line.contains("serving metrics"))?;
        Some(line.split("address=").nth(1)?.trim().to_owned())
    })
    .await
}

/// What the program at `address` tells.
pub async fn scrape(address: &str) -> Scraped {
    Scraped::read(&ask(address, "GET /metrics", "", "").await)
}

/// Scrapes until `name` has a value that will do.
async fn until_series(address: &str, name: &str, wanted: impl Fn(f64) -> bool) -> Scraped {
    until(name, async || Some(scrape(address).await).filter(|scraped| scraped.get(name).is_some_and(&wanted))).await
}

/// A worker that serves metrics, and where.
pub async fn worker(bus: &Bus, host: usize, dock: &str, change: impl FnOnce(&mut Command)) -> (Program, String) {
    let mut command = bus.worker_command(host, dock);
    command.args(["--metrics", "127.0.0.1:0"]);
    change(&mut command);
    let program = Program::start(command);
    program.says("worker is up").await;
    bus.until_dock(dock, |record| record["daemon"] == "up").await;
    let address = served_at(&program).await;
    (program, address)
}

/// A node that serves metrics, and where.
pub async fn node(bus: &Bus) -> (Node, String) {
    let node = Node::with(&bus.url, &bus.namespace, |command| {
        command.args(["--metrics", "127.0.0.1:0", "--auth-manager"]);
    })
    .await;
    let address = served_at(&node.program).await;
    (node, address)
}

#[tokio::test]
async fn a_worker_counts_what_it_is_asked_and_how_it_ends() {
    let bus = Bus::new().await;
    let (_worker, address) = worker(&bus, 1, "a.test", |_| {}).await;
    // By then it has registered itself.
    let before =
        until_series(&address, "deblox_requests_total{action=\"register\",outcome=\"done\"}", |n| n > 0.0).await;
    assert_eq!(before.get("deblox_requests_total{action=\"ping\",outcome=\"done\"}"), None);
    before.has("deblox_redis_up", 1.0);
    before.has("deblox_docker_up{dock=\"a.test\"}", 1.0);

    let name = unique("measured");
    let _scrub = Scrub::new(1, &name);
    let id = bus.running("a.test", &name).await;
    for _ in 0..3 {
        bus.call_dock("a.test", json!({"action": "ping"})).await;
    }
    bus.call(json!({"action": "inspect-container", "id": "nobody-has-it"})).await;
    bus.call(json!({"action": "no-such-action"})).await;
    bus.call(json!({"action": "ping", "nonsense": true})).await;

    let after = until_series(&address, "deblox_requests_total{action=\"ping\",outcome=\"done\"}", |n| n > 2.0).await;
    after.has("deblox_requests_total{action=\"ping\",outcome=\"done\"}", 3.0);
    after.has("deblox_requests_total{action=\"inspect-container\",outcome=\"no-such-instance\"}", 1.0);
    after.has("deblox_requests_total{action=\"other\",outcome=\"unknown-action\"}", 1.0);
    after.has("deblox_requests_total{action=\"other\",outcome=\"unknown-field\"}", 1.0);
    after.has("deblox_request_execution_seconds_count{action=\"ping\"}", 3.0);
    after.has("deblox_requests_in_flight", 0.0);
    for stream in ["shared", "own"] {
        assert!(after.get(&format!("deblox_request_queue_seconds_count{{stream=\"{stream}\"}}")) > Some(0.0));
        after.has(&format!("deblox_queue_length{{stream=\"{stream}\"}}"), 0.0);
        after.has(&format!("deblox_queue_oldest_seconds{{stream=\"{stream}\"}}"), 0.0);
    }
    assert!(after.get("deblox_request_reply_seconds_count") > Some(4.0), "{}", after.text);
    assert!(after.get("deblox_heartbeats_total{outcome=\"done\"}") > Some(0.0), "{}", after.text);
    for unsaid in [&id[..12], &name, "busybox", "nobody-has-it", "no-such-action", "nonsense"] {
        assert!(!after.text.contains(unsaid), "{unsaid} is in\n{}", after.text);
    }

    // Nothing else is there.
    assert_eq!(ask(&address, "GET /healthz", "", "").await.status, 200);
    for target in ["GET /", "GET /api/v1/docks"] {
        assert_eq!(ask(&address, target, "", "").await.status, 404, "{target}");
    }
    assert_eq!(ask(&address, "POST /metrics", "", "{}").await.status, 405);
}

#[tokio::test]
async fn bytes_of_streams_are_counted_and_streams_that_are_open() {
    let bus = Bus::new().await;
    let (_worker, address) = worker(&bus, 1, "a.test", |_| {}).await;
    let name = unique("talks");
    let _scrub = Scrub::new(1, &name);
    bus.running("a.test", &name).await;
    let mut command = deblox();
    command.env("REDIS_URL", &bus.url).env("DEBLOX_NAMESPACE", &bus.namespace);
    command.args(["exec", &name, "sh", "-c", "echo twelve bytes; sleep 60"]);
    let reader = Program::start(command);
    until("what it says", async || reader.output().contains("twelve").then_some(())).await;
    let open = until_series(&address, "deblox_stream_bytes_total{direction=\"out\"}", |n| n >= 13.0).await;
    open.has("deblox_streams_open", 1.0);
    reader.signal("INT");
    until_series(&address, "deblox_streams_open", |n| n < 0.5).await;
}

#[tokio::test]
async fn what_nobody_has_taken_is_counted_and_how_old_it_is() {
    let bus = Bus::new().await;
    let one_at_a_time = |command: &mut Command| {
        command.args(["--concurrency", "1"]);
    };
    let (_worker, address) = worker(&bus, 1, "a.test", one_at_a_time).await;
    let name = unique("busy");
    let _scrub = Scrub::new(1, &name);
    bus.running("a.test", &name).await;
    let go = "until [ -e /tmp/go ]; do sleep 0.1; done";
    bus.send(&["json", &json!({"action": "exec-container", "id": name, "cmd": ["sh", "-c", go]}).to_string()]).await;
    until_series(&address, "deblox_requests_in_flight", |n| n > 0.0).await;
    let mut pings = Vec::new();
    for _ in 0..7 {
        pings.push(bus.send_to("docker.a.test", &["action", "ping"]).await);
    }
    // One or two may have been read together with what keeps the worker busy.
    let waiting = until_series(&address, "deblox_queue_oldest_seconds{stream=\"own\"}", |age| age > 0.5).await;
    assert!(waiting.get("deblox_queue_length{stream=\"own\"}") > Some(4.0), "{}", waiting.text);
    docker(1, &["exec", &name, "touch", "/tmp/go"]);
    for ping in pings {
        bus.reply(&ping).await;
    }
    let done = until_series(&address, "deblox_queue_length{stream=\"own\"}", |n| n < 0.5).await;
    done.has("deblox_queue_oldest_seconds{stream=\"own\"}", 0.0);
}

#[tokio::test]
async fn a_scrape_is_answered_while_redis_is_away_or_hangs() {
    let mut redis = RedisProcess::new();
    redis.start().await;
    let bus = Bus::on(&redis.url()).await;
    let (_worker, address) = worker(&bus, 1, "a.test", |_| {}).await;
    until_series(&address, "deblox_redis_up", |up| up > 0.5).await;

    redis.signal("STOP");
    let hangs = scrape(&address).await;
    redis.signal("CONT");
    redis.kill().await;
    let away = until_series(&address, "deblox_heartbeats_total{outcome=\"failed\"}", |n| n > 0.0).await;
    for scraped in [&hangs, &away] {
        scraped.has("deblox_redis_up", 0.0);
        assert!(!scraped.text.contains("deblox_queue_"), "{}", scraped.text);
        scraped.has("deblox_docker_up{dock=\"a.test\"}", 1.0);
    }

    redis.start().await;
    let back = until_series(&address, "deblox_reconnects_total{to=\"redis\"}", |n| n > 0.0).await;
    assert!(back.get("deblox_heartbeats_total{outcome=\"failed\"}") > Some(0.0), "{}", back.text);
    until_series(&address, "deblox_queue_length{stream=\"shared\"}", |n| n < 0.5).await.has("deblox_redis_up", 1.0);
}

#[tokio::test]
async fn a_daemon_that_is_away_is_told_and_that_it_is_back() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let (_worker, address) = worker(&bus, 4, "d.test", |_| {}).await;
    let killed = Disturbed::kill(4);
    until_series(&address, "deblox_docker_up{dock=\"d.test\"}", |up| up < 0.5).await;
    until_series(&address, "deblox_docker_errors_total{kind=\"unreachable\"}", |n| n > 0.0).await;
    drop(killed);
    until_series(&address, "deblox_docker_up{dock=\"d.test\"}", |up| up > 0.5).await;
    until_series(&address, "deblox_reconnects_total{to=\"docker\"}", |n| n > 0.0).await;
}

#[tokio::test]
async fn a_node_counts_docks_what_it_is_asked_by_http_and_logins() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "a.test").await;
    let (node, address) = node(&bus).await;
    until_series(&address, "deblox_docks{state=\"up\"}", |n| n > 0.5).await.has("deblox_docks_without_daemon", 0.0);
    assert_eq!(node.ask("GET /healthz", "", "").await.status, 200);
    assert_eq!(node.post(json!({"action": "ping"})).await.0, 200);
    assert_eq!(node.ask("GET /api/v1/no/such/thing", "", "").await.status, 404);
    let password = "not a password of anybody";
    secret(password);
    let login = json!({"username": "nobody", "password": password});
    bus.send_to("auth.login", &["json", &login.to_string()]).await;

    let after = until_series(&address, "deblox_logins_total{outcome=\"denied\"}", |n| n > 0.5).await;
    after.has("deblox_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"2xx\"}", 1.0);
    after.has("deblox_http_requests_total{method=\"POST\",route=\"/\",status=\"2xx\"}", 1.0);
    after.has("deblox_http_request_seconds_count{route=\"/healthz\"}", 1.0);
    assert!(!after.text.contains("such/thing"), "{}", after.text);
    until_series(&address, "deblox_auth_messages_total{address=\"login\",outcome=\"done\"}", |n| n > 0.5).await;

    // Whoever reaches the UI has no business with it.
    assert!(!node.ask("GET /metrics", "", "").await.text().contains("deblox_redis_up"));
}

#[tokio::test]
async fn nothing_listens_unless_it_is_asked_for_and_an_address_in_use_is_told() {
    let bus = Bus::new().await;
    let quiet = bus.program(1, "a.test").await;
    assert!(!quiet.errors().contains("serving metrics"), "{}", quiet.errors());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut command = bus.worker_command(1, "b.test");
    command.args(["--metrics", &address]).env("DOCKER_HOST", docker_host(1));
    let mut refused = Program::start(command);
    assert_eq!(refused.ended().await.code(), Some(1));
    assert!(refused.errors().contains(&format!("cannot serve metrics at {address}")), "{}", refused.errors());
}
