//! Redis Sentinel: a primary, two replicas and three sentinels, of which the primary fails in every way.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use deblox::client::{Arrival, Client, Stream};
use deblox::protocol::Channel;
use serde_json::json;
use tempfile::TempDir;

use crate::failover::{self, Creates, FOLLOWED, insist, worker_command};
use crate::processes::{Program, free_port};
use crate::support::{Bus, PATIENCE, Scrub, deblox, docker, succeeded, unique, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_primary_is_killed_and_each_request_is_done_once_and_answered() {
    let mut cluster = Cluster::start().await;
    let worker = cluster.worker("a.test").await;
    let creates = Creates::begin(&cluster.client());
    let old = cluster.primary().await;
    cluster.kill(old).await;
    until("the sentinels have decided", async || (cluster.primary().await != old).then_some(())).await;
    creates.end().await;
    let errors = worker.errors();
    assert_eq!(errors.matches("worker is up").count(), 1, "it was not started again: {errors}");
    assert!(errors.matches("the sentinels name the primary of Redis").count() >= 2, "{errors}");
    let bus = cluster.bus().await;
    assert_eq!(bus.dock("a.test").await["state"], "up");
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_hangs_on_a_primary_that_lives_on_after_a_failover() {
    let cluster = Cluster::start().await;
    let worker = cluster.worker("a.test").await;
    let client = cluster.client();
    let name = unique("demoted");
    let _scrub = Scrub::new(1, &name);
    let id = cluster.bus().await.running("a.test", &name).await;
    let list = json!({"action": "list-docks", "timeout": 5000});
    // Now it has a connection on which replies come, and the worker is blocked in its reading.
    client.call(list.clone()).await.expect("a reply");
    // Stopped while the primary changes.
    let stop = json!({"action": "stop-container", "id": id, "time": 5, "requestId": "stop"});
    let stopping = tokio::spawn({
        let client = client.clone();
        async move { client.call(stop).await }
    });
    let bus = cluster.bus().await;
    until("it is begun", async || {
        let state: Option<String> = bus.redis(&["HGET", &bus.key("request.stop"), "state"]).await;
        (state.as_deref() == Some("taken")).then_some(())
    })
    .await;

    let old = cluster.primary().await;
    cluster.on(cluster.sentinels[0].0).await.redis::<()>(&["SENTINEL", "FAILOVER", "mymaster"]).await;
    until("the sentinels have decided", async || (cluster.primary().await != old).then_some(())).await;
    let decided = Instant::now();
    let bus = cluster.bus().await;
    // By another client, straight to the new primary: only the worker has to have moved.
    succeeded(&bus.call(json!({"action": "inspect-container", "id": id, "dock": "a.test"})).await, 200);
    assert!(decided.elapsed() < FOLLOWED, "{:?}", decided.elapsed());
    let reply = insist(&client, &list).await;
    assert!(reply.json().contains(r#""state":"up""#), "{}", reply.json());
    assert!(decided.elapsed() < FOLLOWED, "{:?}", decided.elapsed());
    let reply = stopping.await.expect("no panic").expect("a reply");
    assert_eq!(reply.status(), 204, "{}", reply.json());

    let eyes = cluster.on(old).await;
    eyes.redis::<()>(&["PING"]).await;
    let clients: String = eyes.redis(&["CLIENT", "LIST", "TYPE", "NORMAL"]).await;
    let blocked = ["xreadgroup", "evalsha", "client|tracking"].map(|command| format!("cmd={command} "));
    assert!(!blocked.iter().any(|command| clients.contains(command.as_str())), "nobody is left there: {clients}");
    let errors = worker.errors();
    assert_eq!(errors.matches("worker is up").count(), 1, "{errors}");
    assert!(!errors.contains("Redis is away"), "it never was: {errors}");
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_recorded_at_a_primary_that_was_replaced_meanwhile_is_recorded_again() {
    let cluster = Cluster::start().await;
    let _worker = cluster.worker("a.test").await;
    let id = cluster.bus().await.running("a.test", &unique("renamed")).await;
    let _scrub = Scrub::new(1, &id);
    let old = cluster.primary().await;
    cluster.on(cluster.sentinels[0].0).await.redis::<()>(&["SENTINEL", "FAILOVER", "mymaster"]).await;
    // The last of these are recorded at the old primary, which tells nobody any more.
    let name = until("the sentinels have decided", async || {
        let name = unique("renamed");
        docker(1, &["rename", &id, &name]);
        (cluster.primary().await != old).then_some(name)
    })
    .await;
    let bus = cluster.bus().await;
    until("the last one is recorded", async || {
        let record: String = bus.redis(&["HGET", &bus.key("instances.a.test"), &id]).await;
        record.contains(&name).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_hangs_is_left_when_the_sentinels_give_it_up() {
    let cluster = Cluster::start().await;
    let _worker = cluster.worker("a.test").await;
    let client = cluster.client();
    let list = json!({"action": "list-docks", "timeout": 5000});
    client.call(list.clone()).await.expect("a reply");
    let old = cluster.primary().await;
    cluster.signal(old, "STOP");
    until("the sentinels have decided", async || (cluster.primary().await != old).then_some(())).await;
    let decided = Instant::now();
    insist(&client, &list).await;
    // Both have connections to it that would only time out.
    assert!(decided.elapsed() < FOLLOWED, "{:?}", decided.elapsed());
    cluster.signal(old, "CONT");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_sentinels_is_said_in_a_line() {
    let mut cluster = Cluster::start().await;
    let call = |url: &str| {
        let output = deblox().args(["call", r#"{"action":"ping"}"#]).env("REDIS_URL", url).output().expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
        assert!(!errors.contains("secret"), "{errors}");
        errors
    };
    let nobody = free_port();
    let url = format!("redis+sentinel://:secret@127.0.0.1:{nobody},127.0.0.1:{}/other", cluster.sentinels[1].0);
    assert!(call(&url).contains("no sentinel tells where `other` is"), "{}", call(&url));
    let url = format!("redis+sentinel://user:secret@127.0.0.1:{nobody}/mymaster/0");
    assert!(call(&url).contains("no sentinel tells where `mymaster` is"), "{}", call(&url));
    let url = format!("redis+sentinel://:secret@127.0.0.1:{nobody}");
    assert!(call(&url).contains("REDIS_URL redis+sentinel://:***@127.0.0.1"), "{}", call(&url));

    // All are away at first, then the one that the URL names last is there.
    let (ports, folders): (Vec<_>, Vec<_>) = std::mem::take(&mut cluster.sentinels)
        .into_iter()
        .map(|(port, folder, program)| {
            drop(program);
            (port, folder)
        })
        .unzip();
    let hosts: Vec<_> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let url = format!("redis+sentinel://{}/mymaster", hosts.join(","));
    let worker = Program::start(worker_command(&url, &cluster.namespace, "a.test"));
    worker.says("no sentinel tells where `mymaster` is").await;
    let _sentinel = sentinel(&folders[2]);
    worker.says("worker is up").await;
    let errors = worker.errors();
    assert_eq!(errors.matches("Redis is away").count(), 1, "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_go_on_after_a_failover_with_nothing_missing_and_nothing_twice() {
    let mut cluster = Cluster::start().await;
    let worker = cluster.worker("a.test").await;
    let (name, event) = (unique("counts"), unique("event"));
    let _scrub = Scrub::new(1, &name);
    let script = "i=0; while true; do i=$((i + 1)); echo $i; sleep 0.02; done";
    docker(1, &["run", "-d", "--label", "deblox.test", "--name", &name, "busybox", "sh", "-c", script]);
    let bus = cluster.bus().await;
    until("the container is known", async || {
        let known: Vec<String> = bus.redis(&["HVALS", &bus.key("instances.a.test")]).await;
        known.iter().any(|record| record.contains(&name)).then_some(())
    })
    .await;
    let logs = cluster.follow(&["logs", "-f", &name]);
    let stats = cluster.follow(&["stats", "--format", "json", &name]);
    let events = cluster.follow(&["events", "--after", "0", "--format", "json"]);
    let tell = async |bus: Bus, number: u32| {
        let json = json!({"event": event, "number": number}).to_string();
        bus.redis::<String>(&["XADD", &bus.key("events"), "*", "json", &json]).await
    };
    let follow = json!({"action": "container-logs", "id": name, "follow": true});
    let stream = cluster.client().stream(follow).expect("a request");
    let heard = Arc::<Mutex<(Vec<u8>, u64)>>::default();
    let hearing = tokio::spawn(hear(stream, Arc::clone(&heard)));
    tell(cluster.bus().await, 1).await;
    let lines = || logs.output().lines().count();
    let length = || heard.lock().expect("no panic").0.len();
    until("all have begun", async || {
        (lines() > 20 && length() > 20 && stats.output().lines().count() > 1 && events.output().contains(&event))
            .then_some(())
    })
    .await;

    let old = cluster.primary().await;
    cluster.kill(old).await;
    until("the sentinels have decided", async || (cluster.primary().await != old).then_some(())).await;
    let (before, shown) = ((lines(), length()), stats.output().lines().count());
    tell(cluster.bus().await, 2).await;
    until("all go on", async || {
        let logs_do = lines() > before.0 + 50 && length() > before.1 + 200;
        let told = events.output().matches(&event).count() == 2;
        (logs_do && told && stats.output().lines().count() > shown + 2).then_some(())
    })
    .await;
    docker(1, &["kill", &name]);
    let (mut logs, mut stats) = (logs, stats);
    assert_eq!(logs.ended().await.code(), Some(0));
    tokio::time::timeout(PATIENCE, hearing).await.expect("it ends").expect("no panic");

    let written = docker(1, &["logs", &name]);
    // Those of a container that has ended go on until it is removed.
    docker(1, &["rm", "-f", &name]);
    let ended = tokio::time::timeout(PATIENCE, stats.ended()).await.expect("it ends");
    assert_eq!(ended.code(), Some(0), "{}", stats.errors());
    assert_eq!(logs.output().trim(), written, "{}", logs.errors());
    // A client of its own is told of what the old primary did not hand on, as a gap.
    let (bytes, gaps) = heard.lock().expect("no panic").clone();
    let heard = String::from_utf8(bytes).expect("numbers");
    if gaps == 0 {
        assert_eq!(heard.trim(), written);
    }
    let errors = worker.errors();
    assert_eq!(errors.matches("worker is up").count(), 1, "it was not started again: {errors}");
}

/// Hears a stream of lines to its end, and how many chunks of it are missing.
async fn hear(mut stream: Stream, heard: Arc<Mutex<(Vec<u8>, u64)>>) {
    while let Some(arrival) = stream.next().await {
        let mut heard = heard.lock().expect("no panic");
        match arrival.expect("no error") {
            Arrival::Chunk(Channel::Head, _) => {}
            Arrival::Chunk(_, bytes) => heard.0.extend_from_slice(&bytes),
            Arrival::Gap(missing) => heard.1 += missing,
            Arrival::End(reply) => assert_eq!(reply.status(), 200, "{}", reply.json()),
        }
    }
}

/// The servers of one test; all end with it.
struct Cluster {
    servers: Vec<(u16, Option<Program>)>,
    sentinels: Vec<(u16, TempDir, Program)>,
    namespace: String,
    _data: TempDir,
}

impl Cluster {
    async fn start() -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let mut servers: Vec<(u16, Option<Program>)> = Vec::new();
        for number in 0..3 {
            let (port, folder) = (free_port(), data.path().join(number.to_string()));
            std::fs::create_dir(&folder).expect("a folder");
            let mut command = Command::new("redis-server");
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]);
            command.args(["--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0", "--dir"]).arg(folder);
            if let Some((first, _)) = servers.first() {
                command.args(["--replicaof", "127.0.0.1", &first.to_string()]);
            }
            let server = Program::start(command);
            until("redis-server is ready", async || {
                server.output().contains("Ready to accept connections").then_some(())
            })
            .await;
            servers.push((port, Some(server)));
        }
        let sentinels = (0..3).map(|_| {
            let (port, folder) = (free_port(), tempfile::tempdir().expect("a temporary folder"));
            let settings = format!(
                "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor mymaster 127.0.0.1 {} 2\n\
                 sentinel down-after-milliseconds mymaster 2000\nsentinel failover-timeout mymaster 5000\n",
                folder.path().display(),
                servers[0].0
            );
            std::fs::write(folder.path().join("sentinel.conf"), settings).expect("a file");
            let program = sentinel(&folder);
            (port, folder, program)
        });
        let sentinels = sentinels.collect();
        let cluster = Self { servers, sentinels, namespace: unique("t"), _data: data };
        for (port, folder, _) in &cluster.sentinels {
            // It writes there whom it has found.
            until(&format!("sentinel {port} knows the others"), async || {
                let known = std::fs::read_to_string(folder.path().join("sentinel.conf")).unwrap_or_default();
                let count = |what: &str| known.lines().filter(|line| line.starts_with(what)).count();
                (count("sentinel known-replica") == 2 && count("sentinel known-sentinel") == 2).then_some(())
            })
            .await;
        }
        cluster
    }

    fn url(&self) -> String {
        let hosts: Vec<_> = self.sentinels.iter().map(|(port, ..)| format!("127.0.0.1:{port}")).collect();
        format!("redis+sentinel://{}/mymaster", hosts.join(","))
    }

    /// Starts a worker that knows the sentinels only.
    async fn worker(&self, dock: &str) -> Program {
        failover::worker(&self.url(), &self.bus().await, dock).await
    }

    /// A client that knows the sentinels only.
    fn client(&self) -> Client {
        failover::client(self.url(), &self.namespace)
    }

    /// Runs `deblox` with these words, which knows the sentinels only.
    fn follow(&self, words: &[&str]) -> Program {
        let mut command = deblox();
        command.args(words).env("REDIS_URL", self.url()).env("DEBLOX_NAMESPACE", &self.namespace);
        Program::start(command)
    }

    /// Where the primary is, as the first sentinel says.
    async fn primary(&self) -> u16 {
        let eyes = self.on(self.sentinels[0].0).await;
        let told: (String, u16) = eyes.redis(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"]).await;
        told.1
    }

    /// Eyes at the primary.
    async fn bus(&self) -> Bus {
        self.on(self.primary().await).await
    }

    /// Eyes at one server or sentinel.
    async fn on(&self, port: u16) -> Bus {
        failover::on(port, &self.namespace).await
    }

    async fn kill(&mut self, port: u16) {
        let server = self.servers.iter_mut().find(|(at, _)| *at == port).expect("one of ours");
        server.1.take().expect("it runs").killed().await;
    }

    fn signal(&self, port: u16, name: &str) {
        let server = self.servers.iter().find(|(at, _)| *at == port).expect("one of ours");
        server.1.as_ref().expect("it runs").signal(name);
    }
}

fn sentinel(folder: &TempDir) -> Program {
    let mut command = Command::new("redis-server");
    command.arg(folder.path().join("sentinel.conf")).arg("--sentinel");
    Program::start(command)
}
