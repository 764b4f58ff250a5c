//! Redis is there and does not do what it should: out of memory, a full disk, slow, another password, without its data.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use deblox::bus::CallError;
use deblox::client::{Client, ClientError};
use deblox::protocol::limits::LEASE;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::processes::{Program, RedisProcess};
use crate::support::{Bus, Scrub, deblox, docker, docker_host, succeeded, unique, until};

/// Two beats are two seconds; the rest is for a machine that is busy with other tests.
const TWO_BEATS: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_is_done_when_redis_is_out_of_memory_and_no_dock_is_lost() {
    let mut redis = RedisProcess::new();
    redis.start().await;
    let bus = Bus::on(&redis.url()).await;
    let (a, _b) = (bus.program(1, "a.test").await, bus.program(2, "b.test").await);
    bus.registered(2).await;
    let name = unique("full");
    let _scrub = (Scrub::new(1, &name), Scrub::new(2, &name));
    bus.running("a.test", &name).await;
    stopping(&bus, &name, "stop").await;
    // They wait behind it for their turn; one is for another dock.
    let start = json!({"action": "start-container", "id": name, "requestId": "start"});
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "dock": "b.test",
        "requestId": "create"});
    for request in [start, create] {
        bus.send(&["json", &request.to_string()]).await;
    }

    bus.redis::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let output = call(&bus.url, &bus.namespace, &json!({"action": "ping"}));
    one_line(&output, "out of memory");
    for (id, status) in [("stop", 204), ("start", 204), ("create", 201)] {
        succeeded(&bus.reply(id).await, status);
    }
    // A worker that starts now takes part as well.
    let _c = bus.program(3, "c.test").await;
    let tokens = leases(&bus, &["a.test", "b.test", "c.test"]).await;
    let begun = Instant::now();
    until("more than a lease later", async || (begun.elapsed() > LEASE * 2).then_some(())).await;
    assert_eq!(leases(&bus, &["a.test", "b.test", "c.test"]).await, tokens, "no dock is lost");

    bus.redis::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    for dock in ["a.test", "b.test", "c.test"] {
        assert_eq!(bus.dock(dock).await["state"], "up");
    }
    bus.settled().await;
    assert!(!a.errors().contains("Redis is away"), "{}", a.errors());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_waits_for_a_redis_whose_disk_is_full() {
    let disk = SmallDisk::new();
    let folder = disk.path().to_str().expect("UTF-8").to_owned();
    // With `always`, Redis ends when it cannot write.
    let mut redis = RedisProcess::with(&["--dir", &folder, "--appendfsync", "everysec"]);
    redis.start().await;
    let bus = Bus::on(&redis.url()).await;
    let worker = bus.program(1, "a.test").await;
    bus.registered(1).await;
    let name = unique("disk");
    let _scrub = Scrub::new(1, &name);
    bus.running("a.test", &name).await;
    stopping(&bus, &name, "stop").await;

    disk.fill();
    worker.says("Redis refuses the heartbeat; trying again").await;
    let output = call(&bus.url, &bus.namespace, &json!({"action": "ping"}));
    one_line(&output, "cannot write to its disk");
    until("it is stopped", async || {
        (docker(1, &["inspect", "-f", "{{.State.Running}}", &name]) == "false").then_some(())
    })
    .await;
    disk.make_room();
    succeeded(&bus.reply("stop").await, 204);
    bus.until_dock("a.test", |record| record["daemon"] == "up").await;
    until("requests are taken again", async || {
        (call(&bus.url, &bus.namespace, &json!({"action": "ping"})).status.code() == Some(0)).then_some(())
    })
    .await;
    assert_eq!(bus.dock("a.test").await["state"], "up");
    bus.settled().await;
    assert_eq!(worker.errors().matches("Redis refuses the heartbeat").count(), 1, "{}", worker.errors());
    assert_eq!(bus.redis::<usize>(&["XLEN", &bus.key("dead")]).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_slow_for_longer_than_a_lease_costs_no_request_and_no_dock() {
    const SLOW: Duration = Duration::from_secs(4);
    let mut redis = RedisProcess::new();
    redis.start().await;
    let bus = Bus::on(&redis.url()).await;
    let (_a, _b) = (bus.program(1, "a.test").await, bus.program(2, "b.test").await);
    bus.registered(2).await;
    let tokens = leases(&bus, &["a.test", "b.test"]).await;
    let client = Client::new(&bus.options()).expect("options");
    for way in ["STOP", "ALL", "WRITE"] {
        let name = unique("slow");
        let _scrub = Scrub::new(1, &name);
        bus.running("a.test", &name).await;
        stopping(&bus, &name, &format!("{name}.stop")).await;
        let create = json!({"action": "create-container", "image": "busybox", "name": name, "dock": "b.test",
            "requestId": format!("{name}.create")});
        let _created = Scrub::new(2, &name);
        bus.send(&["json", &create.to_string()]).await;
        let waiting = tokio::spawn({
            let client = client.clone();
            async move { client.call(json!({"action": "list-images", "dock": "b.test"})).await }
        });
        if way == "STOP" {
            redis.signal("STOP");
        } else {
            bus.redis::<()>(&["CLIENT", "PAUSE", &SLOW.as_millis().to_string(), way]).await;
        }
        tokio::time::sleep(SLOW).await;
        if way == "STOP" {
            redis.signal("CONT");
        }
        for (id, status) in [(format!("{name}.stop"), 204), (format!("{name}.create"), 201)] {
            succeeded(&bus.reply(&id).await, status);
        }
        let reply = waiting.await.expect("no panic").expect("a reply");
        assert!(reply.is_success(), "{}", reply.json());
        bus.settled().await;
        for what in ["stop", "create"] {
            let left: usize = bus.redis(&["LLEN", &bus.key(&format!("reply.{name}.{what}"))]).await;
            assert_eq!(left, 0, "{way}: a second reply to {what}");
        }
        until("both docks are up", async || (leases(&bus, &["a.test", "b.test"]).await == tokens).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_said_and_put_right_without_a_restart() {
    let mut redis = RedisProcess::with(&["--requirepass", "first"]);
    redis.start().await;
    let address = format!("127.0.0.1:{}", redis.port());
    let first = Bus::on(&format!("redis://:first@{address}")).await;
    first.redis::<()>(&["ACL", "SETUSER", "test", "on", ">test", "~*", "&*", "+@all"]).await;
    let bus = Bus::on(&format!("redis://test:test@{address}")).await;
    let on = |url: &str, dock: &str| {
        let mut command = bus.worker_command(1, dock);
        command.env("REDIS_URL", url);
        Program::start(command)
    };
    let second = format!("redis://:second@{address}");
    let worker = on(&second, "a.test");
    worker.says("Redis refuses the user or password in REDIS_URL").await;
    one_line(&call(&second, &bus.namespace, &json!({"action": "ping"})), "Redis refuses the user or password");
    let without = on(&format!("redis://{address}"), "b.test");
    without.says("Redis wants a password: name the file that holds it").await;
    let user = on(&format!("redis://deblox:third@{address}"), "c.test");
    user.says("Redis refuses the user or password in REDIS_URL").await;

    bus.redis::<()>(&["CONFIG", "SET", "requirepass", "second"]).await;
    bus.redis::<()>(&["ACL", "SETUSER", "deblox", "on", ">third", "~*", "&*", "+@all"]).await;
    for program in [&worker, &user] {
        program.says("worker is up").await;
        let errors = program.errors();
        assert_eq!(errors.matches("Redis refuses the user").count(), 1, "said once: {errors}");
        assert!(!errors.contains("second") && !errors.contains("third"), "no password in the log: {errors}");
    }

    // And while they run: who had a user of its own keeps it.
    bus.redis::<()>(&["CONFIG", "SET", "requirepass", "fourth"]).await;
    bus.redis::<()>(&["CLIENT", "KILL", "TYPE", "normal"]).await;
    until("it says so again", async || {
        (worker.errors().matches("Redis refuses the user or password").count() >= 2).then_some(())
    })
    .await;
    bus.redis::<()>(&["CONFIG", "SET", "requirepass", "second"]).await;
    until("it is back", async || (worker.errors().matches("Redis is back").count() >= 2).then_some(())).await;
    for dock in ["a.test", "c.test"] {
        succeeded(&bus.call(json!({"action": "list-containers", "dock": dock})).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_empty_is_filled_within_two_beats() {
    let mut redis = RedisProcess::with(&["--appendonly", "no"]);
    redis.start().await;
    let bus = Bus::on(&redis.url()).await;
    let (_a, _b) = (bus.program(1, "a.test").await, bus.program(2, "b.test").await);
    bus.registered(2).await;
    let name = unique("empty");
    let _scrub = Scrub::new(1, &name);
    let id = bus.running("a.test", &name).await;
    succeeded(&bus.call(json!({"action": "drain", "hostname": "b.test"})).await, 200);
    // Its worker learns of it with its next beats.
    for _ in 0..2 {
        let seen = bus.until_dock("b.test", |_| true).await["lastSeen"].clone();
        bus.until_dock("b.test", |record| record["lastSeen"] != seen).await;
    }

    redis.kill().await;
    redis.start().await;
    let back = Instant::now();
    let bus = bus.again().await;
    for dock in ["a.test", "b.test"] {
        bus.until_dock(dock, |record| record["daemon"] == "up").await;
        until("the set of workers", async || {
            bus.redis::<bool>(&["SISMEMBER", &bus.key("workers"), dock]).await.then_some(())
        })
        .await;
    }
    until("the instance", async || {
        bus.redis::<bool>(&["HEXISTS", &bus.key("instances.a.test"), &id]).await.then_some(())
    })
    .await;
    succeeded(&bus.call(json!({"action": "inspect-container", "id": name})).await, 200);
    assert!(back.elapsed() < TWO_BEATS, "{:?}", back.elapsed());
    for (dock, state) in [("a.test", "up"), ("b.test", "drained")] {
        assert_eq!(bus.dock(dock).await["state"], state);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_redis_deletes_no_dock() {
    let mut redis = RedisProcess::new();
    redis.start().await;
    let bus = Bus::on(&redis.url()).await;
    let (_a, b) = (bus.program(1, "a.test").await, bus.program(2, "b.test").await);
    let mut c = bus.program(3, "c.test").await;
    bus.registered(3).await;
    let name = unique("kept");
    let _scrub = Scrub::new(2, &name);
    bus.running("b.test", &name).await;
    b.killed().await;
    c.signal("TERM");
    assert_eq!(c.ended().await.code(), Some(0), "{}", c.errors());

    redis.kill().await;
    let begun = Instant::now();
    until("longer than a lease", async || (begun.elapsed() > LEASE).then_some(())).await;
    redis.start().await;
    let bus = bus.again().await;
    bus.until_dock("a.test", |record| record["daemon"] == "up").await;
    for (dock, state) in [("a.test", "up"), ("b.test", "lost"), ("c.test", "stopped")] {
        until("its state", async || (bus.dock(dock).await["state"] == state).then_some(())).await;
        let row = bus.dock(dock).await;
        assert!(row["lastSeen"].as_str().is_some_and(|seen| seen.ends_with('Z')), "{row}");
    }
    let listed = bus.call(json!({"action": "list-containers", "all": true})).await;
    assert!(listed.to_string().contains(&name), "what a silent dock had is still listed: {listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_single_connection_is_cut_each_request_is_done_once_and_answered_once() {
    const KILLS: usize = 400;
    let seed = std::env::var("DEBLOX_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("DEBLOX_TEST_SEED={seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut redis = RedisProcess::new();
    redis.start().await;
    let bus = Bus::on(&redis.url()).await;
    let worker = bus.program(1, "a.test").await;
    bus.registered(1).await;
    let me: u64 = bus.redis(&["CLIENT", "ID"]).await;
    let name = unique("kill");
    let client = Client::new(&bus.options()).expect("options");
    let (mut ids, mut created, mut calls) = (Vec::new(), Vec::new(), JoinSet::new());
    for number in 0..KILLS {
        let id = format!("{name}.{number}");
        let mut request = json!({"action": "list-images", "dock": "a.test", "requestId": id, "timeout": 60_000});
        if chance.u8(..8) == 0 {
            request = json!({"action": "create-container", "image": "busybox", "name": id, "requestId": id,
                "timeout": 60_000});
            created.push(Scrub::new(1, &id));
        }
        if chance.bool() {
            // With a connection that is told of changes.
            let client = client.clone();
            calls.spawn(async move {
                loop {
                    match client.call(request.clone()).await {
                        Err(ClientError::Call(CallError::NotSent(_))) => {}
                        other => return other.map(|reply| reply.json().to_owned()),
                    }
                }
            });
        } else {
            bus.send(&["json", &request.to_string()]).await;
            ids.push(id);
        }
        let listed: String = bus.redis(&["CLIENT", "LIST"]).await;
        let clients = listed.lines().filter_map(|line| line.strip_prefix("id=")?.split(' ').next()?.parse().ok());
        let others: Vec<u64> = clients.filter(|id| *id != me).collect();
        if let Some(one) = chance.choice(others) {
            // It may have gone by itself.
            let _: usize = bus.redis(&["CLIENT", "KILL", "ID", &one.to_string()]).await;
        }
        tokio::time::sleep(Duration::from_millis(chance.u64(..20))).await;
    }
    let answered = |reply: &str| reply.contains(r#""Response-Code":200"#) || reply.contains(r#""Response-Code":201"#);
    for reply in calls.join_all().await {
        let reply = reply.expect("a reply");
        assert!(answered(&reply), "{reply}");
    }
    for id in &ids {
        let reply = bus.reply(id).await.to_string();
        assert!(answered(&reply), "{reply}");
    }
    bus.settled().await;
    for id in &ids {
        assert_eq!(bus.redis::<usize>(&["LLEN", &bus.key(&format!("reply.{id}"))]).await, 0, "a second reply to {id}");
    }
    let made = docker(1, &["ps", "-aq", "--filter", &format!("name=^/{name}.")]);
    assert_eq!(made.lines().count(), created.len());
    assert_eq!(bus.redis::<usize>(&["XLEN", &bus.key("dead")]).await, 0);
    assert_eq!(worker.errors().matches("worker is up").count(), 1, "it was not started again");
}

/// Has a running container stopped, which takes it a second, and waits until that is begun.
async fn stopping(bus: &Bus, name: &str, request: &str) {
    let stop = json!({"action": "stop-container", "id": name, "time": 1, "requestId": request});
    bus.send(&["json", &stop.to_string()]).await;
    until("it is begun", async || {
        let state: Option<String> = bus.redis(&["HGET", &bus.key(&format!("request.{request}")), "state"]).await;
        (state.as_deref() == Some("taken")).then_some(())
    })
    .await;
}

/// Who has the lease of each of these docks.
async fn leases(bus: &Bus, docks: &[&str]) -> Vec<String> {
    let mut tokens = Vec::new();
    for dock in docks {
        let key = bus.key(&format!("worker.{dock}"));
        tokens.push(bus.redis::<Option<String>>(&["GET", &key]).await.unwrap_or_default());
    }
    tokens
}

/// `deblox call` at `url`.
fn call(url: &str, namespace: &str, request: &Value) -> Output {
    let mut command = deblox();
    command.args(["call", "--timeout", "3s", &request.to_string()]);
    command.env("REDIS_URL", url).env("DEBLOX_NAMESPACE", namespace).env("DOCKER_HOST", docker_host(1));
    command.output().expect("it runs")
}

/// Asserts that a command has failed and said why in one line.
fn one_line(output: &Output, why: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains(why), "{errors}");
}

/// A disk of one megabyte, unmounted when dropped.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mount = ["-t", "tmpfs", "-o", "size=1m", "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(folder.path()).output().expect("mount is there");
        assert!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }

    fn fill(&self) {
        let full = std::fs::write(self.filler(), vec![0; 1024 * 1024]).expect_err("it does not fit");
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).expect("it is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}
