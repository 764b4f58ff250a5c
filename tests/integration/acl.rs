//! `deblox acl`: with the rights that it prints each program does its work, and Redis itself refuses the rest.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};

use redis::{RedisResult, Value, cmd};
use serde_json::json;

use crate::cli_help::own;
use crate::metrics;
use crate::processes::{Program, RedisProcess};
use crate::support::{Bus, Scrub, docker_host, unique, until};
use crate::web::{ask, send};

/// The password of every user here.
const PASSWORD: &str = "open-sesame-8";

/// A Redis of the test's own, and the bus on it in the eyes of its administrator.
struct Guarded {
    redis: RedisProcess,
    admin: Bus,
}

impl Guarded {
    async fn new() -> Self {
        Self::on(RedisProcess::new()).await
    }

    async fn on(mut redis: RedisProcess) -> Self {
        redis.start().await;
        let admin = Bus::on(&redis.url()).await;
        Self { redis, admin }
    }

    /// Pipes into redis-cli what `deblox acl` prints, and returns the bus in the eyes of that user.
    async fn grant(&self, words: &[&str]) -> Bus {
        let said = self
            .admin
            .piped(&[&["acl"], words, &["--password-stdin"]].concat(), format!("{PASSWORD}\n").as_bytes())
            .await;
        assert_eq!((said.code, said.err.as_str(), said.out.lines().count()), (0, "", 1), "{said:?}");
        assert!(said.out.starts_with(&format!("ACL SETUSER {} reset on #", words[1])), "{said:?}");
        assert!(!said.out.contains(PASSWORD), "{said:?}");
        self.pipe(&said.out);
        self.user(words[1], PASSWORD).await
    }

    /// The bus in the eyes of a user.
    async fn user(&self, name: &str, password: &str) -> Bus {
        let mut bus = Bus::on(&self.redis.url().replace("://", &format!("://{name}:{password}@"))).await;
        bus.namespace.clone_from(&self.admin.namespace);
        bus
    }

    /// Gives lines to redis-cli, which must do each.
    fn pipe(&self, lines: &str) {
        let mut child = Command::new("redis-cli")
            .args(["-p", &self.redis.port().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-cli is there");
        child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "OK");
    }

    /// What Redis has refused to anybody: user and what it was.
    async fn refused(&self) -> Vec<(String, String)> {
        let log: Vec<HashMap<String, Value>> = self.admin.redis(&["ACL", "LOG", "128"]).await;
        let text = |entry: &HashMap<String, Value>, name: &str| match &entry[name] {
            Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("{name} is {other:?}"),
        };
        let told: Vec<_> = log.iter().map(|entry| (text(entry, "username"), text(entry, "object"))).collect();
        // That is of this test's own connections.
        told.into_iter().filter(|(_, object)| object != "client|setinfo").collect()
    }
}

impl Bus {
    /// What becomes of a command of this user.
    async fn tries(&self, words: &[&str]) -> RedisResult<Value> {
        let client = redis::Client::open(self.url.as_str()).expect("a valid URL");
        let mut connection = client.get_multiplexed_async_connection().await.expect("Redis lets the user in");
        let mut command = cmd(words[0]);
        command.arg(&words[1..]).query_async(&mut connection).await
    }

    /// Asserts that Redis refuses each of these commands to this user.
    async fn may_not(&self, commands: &[&str]) {
        for line in commands {
            let line = line.replace("NS.", &self.key(""));
            let words: Vec<&str> = line.split(' ').collect();
            let error = self.tries(&words).await.expect_err(&line);
            assert!(error.code() == Some("NOPERM") || error.to_string().contains("user executing"), "{line}: {error}");
        }
    }
}

/// Where an HTTP node listens.
pub async fn listens_at(node: &Program) -> String {
    let told = async || Some(node.output().lines().next()?.strip_prefix("deblox web: http://")?.to_owned());
    until("the address", told).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_does_its_work_with_the_rights_that_are_printed_for_it() {
    each_role_does_its_work(&Guarded::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_does_on_valkey() {
    let guarded = Guarded::on(RedisProcess::valkey()).await;
    let looked = guarded.admin.piped(&["doctor"], b"").await.out;
    assert!(
        looked.lines().any(|line| line.starts_with("version") && line.contains(" ok ") && line.contains("Valkey "))
    );
    each_role_does_its_work(&guarded).await;
}

async fn each_role_does_its_work(guarded: &Guarded) {
    let (a, b) = (guarded.grant(&["worker", "a.test"]).await, guarded.grant(&["worker", "b.test", "--watch"]).await);
    let (ada, boss) = (guarded.grant(&["client", "ada"]).await, guarded.grant(&["accounts", "boss"]).await);
    let (worker, metrics) = metrics::worker(&a, 1, "a.test", |_| {}).await;
    let _workers = [worker, b.program(2, "b.test").await];
    a.until_dock("a.test", |record| record["standing"] == "active").await;

    assert!(metrics::scrape(&metrics).await.get("deblox_queue_length{stream=\"own\"}").is_some());

    // What a person does.
    let (name, many) = (unique("acl"), unique("many"));
    let scrub = |host: usize| [&name, &format!("{many}-1"), &format!("{many}-2")].map(|name| Scrub::new(host, name));
    let _scrubs = [scrub(1), scrub(2)];
    let loud = "while true; do echo hi; sleep 1; done";
    ada.says(&["run", "-d", "--dock", "b.test", "--name", &name, "busybox", "sh", "-c", loud]).await;
    assert!(ada.says(&["ps"]).await.contains(&name));
    assert!(ada.says(&["docks"]).await.contains("b.test"));
    let said = ada.piped(&["exec", "-i", &name, "sh"], b"echo from inside; exit 3").await;
    assert_eq!((said.code, said.out.as_str()), (3, "from inside\n"), "{said:?}");
    assert!(ada.says(&["stats", "--no-stream", &name]).await.contains(&name));
    assert!(ada.says(&["logs", &name]).await.contains("hi"));
    let followed = ada.follow(&["logs", "-f", &name]);
    until("a line", async || followed.output().contains("hi").then_some(())).await;
    drop(followed);
    let told = ada.follow(&["events", "--after", "0"]);
    until("an event", async || told.output().contains("instance-created").then_some(())).await;
    drop(told);
    ada.says(&["create", "--instances", "2", "--name", &many, "busybox"]).await;
    for list in [&["images"][..], &["network", "ls"], &["volume", "ls"], &["template", "ls"], &["inspect", &name]] {
        ada.says(list).await;
    }
    ada.says(&["docks", "label", "a.test", "team=x"]).await;
    // Passed on from one dock to the other, whose stream the one may only add to.
    let request = json!({"action": "container-logs", "id": name, "dock": "b.test", "requestId": "ada.passed-on"});
    ada.send_to("docker.a.test", &["json", &request.to_string()]).await;
    assert_eq!(ada.reply("ada.passed-on").await["dockerInstance"], "b.test");
    ada.says(&["recreate", &name, "--settle", "0", "--pull", "never"]).await;
    ada.says(&["rm", "-f", &name, &format!("{many}-1"), &format!("{many}-2")]).await;

    // Who is asking: an HTTP node that is the auth manager as well, and one that is nothing else.
    let node = guarded.grant(&["web", "node", "--auth-manager"]).await;
    let serving = node.follow(&["web", "--auth-manager", "--listen", "127.0.0.1:0"]);
    let address = listens_at(&serving).await;
    let (status, docks) = send(&address, "POST /", "", r#"{"action":"list-docks"}"#).await;
    assert_eq!((status, docks["Response"]["Body"].as_array().map(Vec::len)), (200, Some(2)), "{docks}");
    assert_eq!(send(&address, "GET /readyz", "", "").await.0, 200);
    let made = boss.says(&["user", "add", "eve", "--role", "admin", "--generate"]).await;
    let token = boss.says(&["token", "add", "ci", "--user", "eve"]).await;
    let logged_in = async |id: &str| {
        ada.send_to("auth.login", &["username", "eve", "password", &made, "requestId", id]).await;
        let reply: serde_json::Value = serde_json::from_str(&ada.reply_text(id).await).expect("JSON");
        reply["sessionID"].as_str().expect("a session").to_owned()
    };
    logged_in("ada.login-1").await;
    drop(serving);
    let gate = guarded.grant(&["manager", "gate"]).await;
    let _gate = gate.follow(&["web", "--auth-manager", "--listen", "127.0.0.1:0"]);
    let session = logged_in("ada.login-2").await;
    let site = guarded.grant(&["web", "site"]).await;
    let site = site.follow(&["web", "--listen", "127.0.0.1:0"]);
    let (status, who) =
        send(&listens_at(&site).await, "GET /auth/me", &format!("Cookie: deblox_session={session}"), "").await;
    assert_eq!((status, &who["username"]), (200, &json!("eve")), "{who}");
    let door = guarded.grant(&["web", "door", "--oidc"]).await;
    door.tries(&["GETDEL", &door.key("auth.oidc.x")]).await.expect("a login that was begun");
    let c = guarded.grant(&["worker", "c.test", "--auth-manager"]).await;
    let mut asks = c.worker_command(3, "c.test");
    asks.args(["--auth", "enforce", "--auth-manager"]);
    let asking = Program::start(asks);
    asking.says("worker is up").await;
    for (number, who) in [json!({"session": session}), json!({"token": token})].into_iter().enumerate() {
        let mut request = json!({"action": "ping", "requestId": format!("ada.as-eve-{number}")});
        request.as_object_mut().expect("an object").extend(who.as_object().expect("an object").clone());
        ada.send_to("docker.c.test", &["json", &request.to_string()]).await;
        let reply = ada.reply(&format!("ada.as-eve-{number}")).await;
        assert_eq!((&reply["statusCode"], &reply["dockerInstance"]), (&json!(200), &json!("c.test")), "{reply}");
    }
    ada.send_to("auth.logout", &["sessionID", &session, "requestId", "ada.out"]).await;
    assert!(ada.reply_text("ada.out").await.contains("ok"));
    boss.says(&["user", "passwd", "eve", "--generate"]).await;
    assert!(boss.says(&["token", "ls"]).await.contains("ci") && boss.says(&["user", "ls"]).await.contains("eve"));
    boss.says(&["user", "rm", "eve"]).await;

    // Where Redis tells of no changes, replies are waited for in another way.
    guarded.pipe("ACL SETUSER ada -client|tracking");
    // Who reads the audit.
    let auditor = guarded.grant(&["auditor", "eye"]).await;
    assert!(auditor.says(&["audit", "verify"]).await.starts_with("right: "));
    let folder = tempfile::tempdir().expect("a folder");
    let target = format!("file:{}", folder.path().join("audit").display());
    auditor.says(&["audit", "export", "--once", "--to", &target]).await;
    assert!(ada.says(&["docks"]).await.contains("a.test"));
    // Nothing else was refused all the while; these two do not watch.
    let watch = guarded.admin.key("watch");
    let allowed = |(user, object): &(String, String)| {
        (*object == watch && matches!(user.as_str(), "a.test" | "c.test"))
            || (user == "ada" && object == "client|tracking")
    };
    let refused: Vec<_> = guarded.refused().await.into_iter().filter(|told| !allowed(told)).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_manages_users_if_its_user_of_redis_may() {
    let guarded = Guarded::new().await;
    let boss = guarded.grant(&["accounts", "boss"]).await;
    boss.says(&["user", "add", "root", "--role", "admin", "--generate"]).await;
    let token = boss.says(&["token", "add", "ci", "--user", "root"]).await;
    let head = format!("Authorization: Bearer {token}\r\nContent-Type: application/json");
    let new = r#"{"name":"eve","role":"user","groups":[],"password":"open-sesame-9"}"#;
    for (words, status) in [(&["web", "plain"][..], 403), (&["web", "more", "--accounts"][..], 201)] {
        let node = guarded.grant(words).await.follow(&["web", "--auth", "enforce", "--listen", "127.0.0.1:0"]);
        let made = ask(&listens_at(&node).await, "POST /api/v1/users", &head, new).await;
        assert_eq!(made.status, status, "{made:?}");
        let named = made.text().contains("`plain`") && made.text().contains("--accounts");
        assert!(status == 201 || named, "{made:?}");
    }
    assert!(boss.says(&["user", "ls"]).await.contains("eve"));
    let told: Value = guarded.admin.redis(&["XRANGE", &guarded.admin.key("audit"), "-", "+"]).await;
    assert!(format!("{told:?}").contains("add-user"), "{told:?}");
    let refused = guarded.refused().await;
    assert!(refused.iter().all(|(user, _)| user == "plain"), "{refused:?}");
}

/// What nobody may but an administrator.
const EVERYBODY: &[&str] = &[
    "KEYS *",
    "FLUSHALL",
    "CONFIG GET *",
    "ACL LIST",
    "CLIENT LIST",
    "EVAL return 0",
    "SCRIPT FLUSH",
    "SHUTDOWN NOSAVE",
    "GET other.key",
    "HGETALL NS.auth.users",
    "XRANGE NS.auth.login - +",
    "DEL NS.docker",
    "DEL NS.docks",
    "XTRIM NS.docker MAXLEN 0",
    "LRANGE NS.reply.bob.1 0 -1",
    "LPOP NS.reply.bob.1",
    "BLPOP NS.reply.bob.1 1",
    "DEL NS.reply.bob.1",
    "XRANGE NS.output.bob.1 - +",
    "DUMP NS.reply.bob.1",
    "COPY NS.reply.bob.1 NS.reply.ada.1",
    "RENAME NS.reply.bob.1 NS.reply.ada.1",
];

/// What those may not who only send, or never do.
const SENDS_NOTHING: &[&str] =
    &["XRANGE NS.docker - +", "XREADGROUP GROUP deblox x STREAMS NS.docker >", "XDEL NS.docker 1-1"];

/// What no worker may of another dock, nor anybody of accounts.
const TAKES_NO_REQUEST: &[&str] = &[
    "XREADGROUP GROUP deblox x STREAMS NS.docker.b.test >",
    "XAUTOCLAIM NS.docker.b.test deblox x 0 0",
    "SET NS.worker.b.test x",
    "DEL NS.worker.b.test",
    "HSET NS.instances.b.test x y",
    "XREADGROUP GROUP deblox x STREAMS NS.auth.login >",
    "HSET NS.auth.users eve {}",
    "HGETALL NS.auth.tokens",
];

/// What only those may who look after lost docks.
const LEAVES_IT: &[&str] = &[
    "XRANGE NS.docker.b.test - +",
    "XREAD STREAMS NS.docker.b.test 0",
    "XPENDING NS.docker.b.test deblox",
    "XCLAIM NS.docker.b.test deblox x 0 1-1",
    "XACK NS.docker.b.test deblox 1-1",
    "XDEL NS.docker.b.test 1-1",
    "XTRIM NS.docker.b.test MAXLEN 0",
    "DEL NS.docker.b.test",
    "SET NS.watch x",
    "SCAN 0",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_refuses_what_is_another_s() {
    let guarded = Guarded::new().await;
    for line in [
        "XGROUP CREATE NS.docker deblox 0 MKSTREAM",
        "XGROUP CREATE NS.docker.b.test deblox 0 MKSTREAM",
        "XGROUP CREATE NS.auth.login deblox 0 MKSTREAM",
        "XADD NS.docker.b.test 1-1 json {}",
        "RPUSH NS.reply.bob.1 secret",
        "RPUSH NS.reply.bobby.1 secret",
        "XADD NS.output.bob.1 * data secret",
        "HSET NS.request.bob.1 reply secret",
    ] {
        let line = line.replace("NS.", &guarded.admin.key(""));
        guarded.admin.tries(&line.split(' ').collect::<Vec<_>>()).await.expect(&line);
    }
    for words in [&["client", "ada"][..], &["web", "node"]] {
        let client = guarded.grant(words).await;
        if words[0] == "client" {
            let nodes = ["HGETALL NS.instances.b.test", "HGETALL NS.ownership", "XRANGE NS.events - +"];
            client.may_not(&["EVALSHA 00 0", "SCRIPT LOAD x", "HGET NS.auth.users eve"]).await;
            client.may_not(&nodes).await;
            client.may_not(&["XADD NS.auth.node-login * json {}", "ZRANGE NS.auth.user-sessions.eve 0 -1"]).await;
        }
        for these in [EVERYBODY, SENDS_NOTHING, TAKES_NO_REQUEST, LEAVES_IT] {
            client.may_not(these).await;
        }
        client
            .may_not(&[
                "LRANGE NS.reply.bobby.1 0 -1",
                "HGET NS.request.bob.1 reply",
                "XADD NS.input.bob.1 * cancel 1",
                "RPUSH NS.reply.bob.1 forged",
                "HSET NS.docks a.test {}",
                "HGETALL NS.owners",
            ])
            .await;
    }
    // No client's name is the beginning of another's.
    guarded.grant(&["client", "bob"]).await.may_not(&["LRANGE NS.reply.bobby.1 0 -1"]).await;

    let worker = guarded.grant(&["worker", "a.test"]).await;
    for these in [EVERYBODY, TAKES_NO_REQUEST, LEAVES_IT] {
        worker.may_not(these).await;
    }
    // A login whose address is believed comes from a web node, and a session from an auth manager.
    worker
        .may_not(&[
            "XADD NS.auth.node-login * json {}",
            "HSET NS.auth.session.00 user eve",
            "ZREM NS.auth.user-sessions.eve 00",
            "ZADD NS.auth.throttle.00 1 a",
        ])
        .await;
    // Nor by a script of its own.
    for (script, key) in [
        ("return redis.call('XRANGE', KEYS[1], '-', '+')", "NS.docker.b.test"),
        ("return redis.call('LRANGE', KEYS[1], 0, -1)", "NS.reply.bob.1"),
        ("return redis.call('HGETALL', KEYS[1])", "NS.auth.users"),
    ] {
        let loaded: Value = worker.tries(&["SCRIPT", "LOAD", script]).await.expect("a worker loads scripts");
        let Value::BulkString(hash) = loaded else { panic!("{loaded:?}") };
        worker.may_not(&[&format!("EVALSHA {} 1 {key}", String::from_utf8_lossy(&hash))]).await;
    }
    let watcher = guarded.grant(&["worker", "w.test", "--watch"]).await;
    watcher.may_not(EVERYBODY).await;
    watcher.may_not(TAKES_NO_REQUEST).await;

    let manager = guarded.grant(&["manager", "gate"]).await;
    manager.may_not(&EVERYBODY[..9]).await;
    for these in [SENDS_NOTHING, LEAVES_IT, &["XADD NS.docker * json {}", "HGETALL NS.auth.users"]] {
        manager.may_not(these).await;
    }
    manager.may_not(&["HSET NS.auth.users eve {}", "LRANGE NS.reply.bob.1 0 -1", "HSET NS.docks a {}"]).await;
    let accounts = guarded.grant(&["accounts", "boss"]).await;
    accounts.may_not(&EVERYBODY[..9]).await;
    for these in [SENDS_NOTHING, LEAVES_IT, &["XADD NS.docker * json {}", "XRANGE NS.auth.login - +"]] {
        accounts.may_not(these).await;
    }
    // What Redis cannot refuse, as docs/security.md says: who may add may drop what waits.
    let client = guarded.grant(&["client", "ada"]).await;
    let (shared, add) = (guarded.admin.key("docker"), ["XADD", "MAXLEN", "0", "*", "action", "ping"]);
    client.tries(&[&add[..1], &[&shared], &add[1..]].concat()).await.expect("it is added");
    assert_eq!(guarded.admin.redis::<usize>(&["XLEN", &shared]).await, 0);
    // All that is as it was.
    let admin = &guarded.admin;
    assert_eq!(admin.redis::<Vec<String>>(&["LRANGE", &admin.key("reply.bob.1"), "0", "-1"]).await, ["secret"]);
    assert_eq!(admin.redis::<usize>(&["XLEN", &admin.key("docker.b.test")]).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_may_not_watch_leaves_that_to_one_that_may() {
    let guarded = Guarded::new().await;
    let (a, b) = (guarded.grant(&["worker", "a.test"]).await, guarded.grant(&["worker", "b.test"]).await);
    let ada = guarded.grant(&["client", "ada"]).await;
    let plain = a.program(1, "a.test").await;
    b.program(2, "b.test").await.killed().await;
    until("b.test is lost", async || {
        let lease: bool = guarded.admin.redis(&["EXISTS", &guarded.admin.key("worker.b.test")]).await;
        (!lease).then_some(())
    })
    .await;
    ada.send_to("docker.b.test", &["action", "ping", "timeout", "100", "requestId", "ada.lost"]).await;
    let w = guarded.grant(&["worker", "w.test", "--watch"]).await;
    let _watcher = w.program(3, "w.test").await;
    let reply = ada.reply("ada.lost").await;
    assert_eq!((&reply["error"], &reply["dockerInstance"]), (&json!("dock-lost"), &json!("w.test")), "{reply}");
    let log = plain.errors();
    assert_eq!(log.matches("look after lost docks").count(), 1, "{log}");
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workers_of_all_docks_may_share_a_user() {
    let guarded = Guarded::new().await;
    let workers = guarded.grant(&["workers", "kube"]).await;
    let ada = guarded.grant(&["client", "ada"]).await;
    let _a = workers.program(1, "a.test").await;
    let b = workers.program(2, "b.test").await;
    let name = unique("shared");
    let _scrub = Scrub::new(2, &name);
    ada.says(&["run", "-d", "--dock", "b.test", "--name", &name, "busybox", "sleep", "600"]).await;
    ada.send_to("docker.a.test", &["action", "stop-container", "id", &name, "time", "0", "requestId", "ada.stop"])
        .await;
    assert_eq!(ada.reply("ada.stop").await["dockerInstance"], "b.test");
    b.killed().await;
    until("the dock is lost", async || (guarded.admin.dock("b.test").await["state"] == "lost").then_some(())).await;
    ada.send_to("docker.b.test", &["action", "ping", "timeout", "100", "requestId", "ada.lost"]).await;
    assert_eq!(ada.reply("ada.lost").await["dockerInstance"], "a.test", "it looks after lost docks");
    assert_eq!(guarded.refused().await, []);
    workers.may_not(EVERYBODY).await;
    workers.may_not(&TAKES_NO_REQUEST[5..]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lacks_which_right_is_said_in_one_line() {
    let guarded = Guarded::new().await;
    let ada = guarded.grant(&["client", "ada"]).await;
    let a = guarded.grant(&["worker", "a.test"]).await;
    let start = |bus: &Bus| {
        let mut command = bus.worker_command(1, "b.test");
        command.env("DOCKER_HOST", docker_host(1));
        Program::start(command)
    };
    // The rights of another role, and those of the worker of another dock.
    for (bus, line) in [
        (&ada, "the Redis user `ada` may not run a script: `deblox acl` prints the rights that it needs"),
        (&a, "the Redis user `a.test` may not do what line "),
    ] {
        let worker = start(bus);
        worker.says(line).await;
        let log = worker.errors();
        assert_eq!(log.lines().filter(|line| line.contains("WARN")).count(), 1, "{log}");
        assert!(!log.contains("worker is up"), "{log}");
    }
    assert!(start(&a).errors().lines().all(|line| !line.contains("panicked")));

    // As soon as the rights are there it goes on.
    let late = start(&ada);
    late.says("may not run a script").await;
    let rules = guarded.admin.piped(&["acl", "worker", "b.test", "--password-stdin"], PASSWORD.as_bytes()).await;
    guarded.pipe(&rules.out.replace("SETUSER b.test", "SETUSER ada"));
    late.says("worker is up").await;
    let _ = guarded.grant(&["client", "ada"]).await;
    late.says("the Redis user `ada` may not XREADGROUP").await;
    drop(late);

    let boss = guarded.grant(&["accounts", "boss"]).await;
    boss.complains(&["docks"], 1, &["the Redis user `boss` may not", "`deblox acl`"]).await;
    ada.complains(&["user", "ls"], 1, &["the Redis user `ada` may not HGETALL", "auth.users"]).await;
    let foreign = r#"{"action":"ping","requestId":"bob.1"}"#;
    ada.complains(&["call", foreign], 1, &["its reply cannot be read", "reply.bob.1", "--client-name"]).await;
    let renamed = ada.deblox_with(&["docks"], |command| {
        command.env("DEBLOX_CLIENT_NAME", "bob");
    });
    let renamed = renamed.await;
    assert!(renamed.code == 1 && renamed.err.contains("reply.bob."), "{renamed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_printed_can_be_used_as_it_is() {
    let guarded = Guarded::new().await;
    let said = guarded.admin.deblox(&["acl", "client", "ada"]).await;
    assert_eq!((said.code, said.out.lines().count(), said.err.lines().count()), (0, 1, 1), "{said:?}");
    let password = said.err.trim_end().rsplit(' ').next().expect("a password");
    assert!(password.len() == 23 && said.err.starts_with("The password of ada") && !said.out.contains(password));
    guarded.pipe(&said.out);
    assert!(guarded.user("ada", password).await.tries(&["PING"]).await.is_ok());
    let again = guarded.admin.deblox(&["acl", "client", "ada"]).await;
    assert_ne!(said.err, again.err, "another each time");

    let other = guarded.admin.deblox_with(&["acl", "client", "ada"], |command| {
        command.env("DEBLOX_NAMESPACE", "{b}").env("REDIS_URL", "redis://127.0.0.1:1/3");
    });
    let other = other.await;
    assert!(other.out.contains("%W~{b}.docker ") && other.out.contains(" +select "), "{other:?}");
    assert!(!said.out.contains("+select"), "{said:?}");
    for (words, part) in [
        (&["acl", "client", "default"][..], "choose another"),
        (&["acl", "client", "ada", "--namespace", "a b"], "spaces or quotes"),
    ] {
        guarded.admin.complains(words, 1, &[part]).await;
    }
    let short = guarded.admin.piped(&["acl", "client", "ada", "--password-stdin"], b"short").await;
    assert!(short.code == 1 && short.err.contains("8 characters") && short.out.is_empty(), "{short:?}");
    for words in [&["acl", "client", "a.b"][..], &["acl", "worker", "a b"], &["acl", "king", "ada"]] {
        assert_eq!(guarded.admin.deblox(words).await.code, 2, "{words:?}");
    }
}

#[test]
fn help_of_deblox_acl() {
    insta::assert_snapshot!(own(&["acl"]), @r#"
    Print what makes a user of Redis who may do only what a program of that kind needs

    Usage: deblox acl [OPTIONS] <COMMAND>

    Commands:
      worker    For `deblox worker` of one dock: takes the requests for that dock and for any
      workers   For the workers of all docks, where they share a user, as the pods of a Kubernetes
                DaemonSet do
      client    For people and programs: sends requests, and reads the replies to its own
      web       For `deblox web`: what a client may, and it knows whose session it is
      manager   For `deblox web --auth-manager` that is nothing else: answers logins, and reads accounts
      accounts  For `deblox user`, `group` and `token`: changes accounts
      doctor    For `deblox doctor`: looks how the docks and the queues are, and changes nothing
      auditor   For `deblox audit verify` and `deblox audit export`: reads the audit, and changes
                nothing
      help      Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_acl_worker() {
    insta::assert_snapshot!(own(&["acl", "worker"]), @r#"
    For `deblox worker` of one dock: takes the requests for that dock and for any

    Usage: deblox acl worker [OPTIONS] <DOCK>

    Arguments:
      <DOCK>  The dock, and the name of the user

    Options:
          --watch           It may look after docks that are lost, and so take what waits for any dock;
                            two or three workers should
          --auth-manager    It is an auth manager as well
          --password-stdin  Read the password from standard input [default: one is made, and told on
                            standard error]
      -h, --help            Print help (see more with '--help')
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_is_added_to_by_those_who_cannot_read_it() {
    let guarded = Guarded::new().await;
    let reads = ["XRANGE NS.audit - +", "XREAD STREAMS NS.audit 0", "XREVRANGE NS.audit + -"];
    let changes =
        ["XDEL NS.audit 1-1", "DEL NS.audit", "DEL NS.audit.head", "XSETID NS.audit 1-1", "RESTORE NS.audit 0 x"];
    for (words, may_read, may_add) in [
        (&["worker", "a.test"][..], true, true),
        (&["workers", "all"], true, true),
        (&["web", "node"], true, true),
        (&["manager", "gate"], false, true),
        (&["accounts", "boss"], false, true),
        (&["client", "ada"], false, false),
        (&["doctor", "doc"], false, false),
        (&["auditor", "eye"], true, false),
    ] {
        let user = guarded.grant(words).await;
        user.may_not(&changes).await;
        if may_read {
            user.tries(&["XRANGE", &user.key("audit"), "-", "+"]).await.expect("it may read");
        } else {
            user.may_not(&reads).await;
        }
        let handle = deblox::bus::Bus::new(&user.options()).expect("options");
        let record = deblox::protocol::AuditRecord { action: "probe", about: Some(words[0]), ..Default::default() };
        let before: usize = guarded.admin.redis(&["XLEN", &user.key("audit")]).await;
        handle.audit(&record).await;
        let after: usize = guarded.admin.redis(&["XLEN", &user.key("audit")]).await;
        assert_eq!(after - before, usize::from(may_add), "{words:?}");
        if !may_add {
            user.may_not(&["XADD NS.audit * a b", "HSET NS.audit.head seq 1", "XTRIM NS.audit MAXLEN 0"]).await;
        }
    }
    assert!(guarded.admin.says(&["audit", "verify"]).await.starts_with("right: 5 records"));
}
