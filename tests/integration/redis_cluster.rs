//! Redis Cluster: three primaries with a replica each; the node with the keys of deblox fails, and they move away.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use deblox::client::Client;
use redis::Value;
use serde_json::json;
use tempfile::TempDir;

use crate::failover::{self, Creates, FOLLOWED, insist, worker_command};
use crate::processes::{Program, RedisProcess};
use crate::support::{Bus, Scrub, deblox, docker, port, succeeded, unique, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_with_the_keys_is_killed_and_each_request_is_done_once_and_answered() {
    let mut nodes = Nodes::start().await;
    let worker = nodes.worker("a.test").await;
    assert!(nodes.diagnosis().contains("1 replica follows the primary"), "{}", nodes.diagnosis());
    let creates = Creates::begin(&nodes.client());
    let old = nodes.holder().await;
    nodes.kill(old).await;
    until("its replica has its place", async || (nodes.holder().await != old).then_some(())).await;
    // Alone it is not enough: what has an effect waits until the old one follows the new one.
    worker.says("too few replicas of Redis").await;
    assert!(nodes.diagnosis().contains("no replica follows the primary"), "{}", nodes.diagnosis());
    let name = unique("late");
    let late = json!({"action": "create-container", "image": "busybox", "name": name, "timeout": 2000});
    let reply = insist(&nodes.client(), &late).await;
    assert!(reply.json().contains(r#""error":"expired""#), "{}", reply.json());
    assert_eq!(docker(1, &["ps", "-aq", "--filter", &format!("name={name}")]), "");
    nodes.revive(old).await;
    worker.says("replicas of Redis follow again").await;
    creates.end().await;
    let errors = worker.errors();
    assert_eq!(errors.matches("worker is up").count(), 1, "it was not started again: {errors}");
    assert!(errors.matches("the cluster names the primary of Redis").count() >= 2, "{errors}");
    let bus = nodes.bus().await;
    assert_eq!(bus.dock("a.test").await["state"], "up");
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_hangs_on_a_node_that_lives_on_after_a_failover() {
    let nodes = Nodes::start().await;
    let worker = nodes.worker("a.test").await;
    let client = nodes.client();
    let list = json!({"action": "list-docks", "timeout": 5000});
    // Now it has a connection on which replies come, and the worker is blocked in its reading.
    insist(&client, &list).await;
    let (old, replica) = (nodes.holder().await, nodes.replica().await);
    nodes.on(replica).await.redis::<()>(&["CLUSTER", "FAILOVER"]).await;
    until("the replica has its place", async || (nodes.holder().await == replica).then_some(())).await;
    let decided = Instant::now();
    // By another client, straight to the new one: only the worker has to have moved.
    let ping = json!({"action": "ping", "dock": "a.test"});
    succeeded(&nodes.bus().await.call(ping).await, 200);
    assert!(decided.elapsed() < FOLLOWED, "{:?}", decided.elapsed());
    let reply = insist(&client, &list).await;
    assert!(reply.json().contains(r#""state":"up""#), "{}", reply.json());
    assert!(decided.elapsed() < FOLLOWED, "{:?}", decided.elapsed());
    nodes.left(old).await;
    let errors = worker.errors();
    assert_eq!(errors.matches("worker is up").count(), 1, "{errors}");
    nodes.bus().await.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_move_to_another_node_while_containers_are_created() {
    let nodes = Nodes::start().await;
    let worker = nodes.worker("a.test").await;
    let creates = Creates::begin(&nodes.client());
    let (old, new) = (nodes.holder().await, nodes.other_primary().await);
    nodes.move_slot(old, new).await;
    until("the other node has the keys", async || (nodes.holder().await == new).then_some(())).await;
    creates.end().await;
    nodes.left(old).await;
    let errors = worker.errors();
    assert_eq!(errors.matches("worker is up").count(), 1, "it was not started again: {errors}");
    nodes.bus().await.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_that_deblox_prints_are_enough_in_a_cluster() {
    let nodes = Nodes::start().await;
    for role in [&["worker", "a.test", "--watch"][..], &["client", "ada"]] {
        let mut acl = deblox();
        acl.env("DEBLOX_NAMESPACE", &nodes.namespace).arg("acl").args(role).arg("--password-stdin");
        let printed = piped(acl, "open-sesame-8\n");
        for port in nodes.ports() {
            let mut admin = Command::new("redis-cli");
            admin.args(["-p", &port.to_string()]);
            assert_eq!(piped(admin, &printed).trim(), "OK");
        }
    }
    let url = |user: &str| nodes.url().replace("://", &format!("://{user}:open-sesame-8@"));
    let worker = Program::start(worker_command(&url("a.test"), &nodes.namespace, "a.test"));
    worker.says("worker is up").await;
    let client = failover::client(url("ada"), &nodes.namespace);
    nodes.bus().await.until_dock("a.test", |record| record["daemon"] == "up").await;
    let name = unique("rights");
    let _scrub = Scrub::new(1, &name);
    let create = json!({"action": "create-container", "image": "busybox", "name": name});
    let reply = client.call(create).await.expect("a reply");
    assert_eq!(reply.status(), 201, "{}", reply.json());
    for port in nodes.ports() {
        let log: Vec<HashMap<String, Value>> = nodes.on(port).await.redis(&["ACL", "LOG"]).await;
        let refused = log.iter().filter(|entry| entry["object"] != Value::BulkString(b"client|setinfo".to_vec()));
        assert_eq!(refused.count(), 0, "{log:?}\n{}", worker.errors());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_cluster_is_said_in_a_line() {
    let nodes = Nodes::start().await;
    let call = |url: &str, namespace: &str| {
        let mut call = deblox();
        call.args(["call", r#"{"action":"ping"}"#]).env("REDIS_URL", url).env("DEBLOX_NAMESPACE", namespace);
        let output = call.output().expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
        assert!(!errors.contains("secret"), "{errors}");
        errors
    };
    let said = |errors: String, what: &str| assert!(errors.contains(what), "{what}: {errors}");
    said(call(&nodes.url(), "deblox"), "--namespace '{deblox}'");
    let nobody = port();
    let url = format!("redis+cluster://:secret@127.0.0.1:{nobody}");
    said(call(&url, "{deblox}"), "no node of the cluster tells where `{deblox}` is");
    said(call(&format!("{url}/3"), "{deblox}"), "no other database than 0");
    // As if it were one server: some other node than the one with the keys.
    let other = nodes.other_primary().await;
    said(call(&format!("redis://127.0.0.1:{other}"), &nodes.namespace), "REDIS_URL=redis+cluster://");
    // One that is no cluster.
    let mut alone = RedisProcess::new();
    alone.start().await;
    let url = format!("redis+cluster://127.0.0.1:{}", alone.port());
    said(call(&url, "{deblox}"), "cluster support disabled");
}

/// The nodes of one test; all end with it.
struct Nodes {
    nodes: Vec<Node>,
    namespace: String,
    data: TempDir,
}

struct Node {
    port: u16,
    /// Where the nodes speak with each other.
    bus_port: u16,
    program: Option<Program>,
}

impl Nodes {
    async fn start() -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let nodes = (0..6).map(|_| Node { port: port(), bus_port: port(), program: None }).collect();
        let mut nodes = Self { nodes, namespace: format!("{{{}}}", unique("t")), data };
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create", "--cluster-replicas", "1", "--cluster-yes"]);
        for port in nodes.ports() {
            nodes.revive(port).await;
            create.arg(format!("127.0.0.1:{port}"));
        }
        let created = create.output().expect("redis-cli runs");
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
        for port in nodes.ports() {
            until(&format!("node {port} knows the others"), async || {
                let eyes = nodes.on(port).await;
                let (info, known): (String, String) =
                    (eyes.redis(&["CLUSTER", "INFO"]).await, eyes.redis(&["CLUSTER", "NODES"]).await);
                (info.contains("cluster_state:ok") && known.matches("slave").count() == 3).then_some(())
            })
            .await;
        }
        until("the replica follows", async || {
            let told: String = nodes.on(nodes.holder().await).await.redis(&["INFO", "replication"]).await;
            told.contains("state=online").then_some(())
        })
        .await;
        nodes
    }

    fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.port).collect()
    }

    fn url(&self) -> String {
        // Not all need to be named.
        let hosts: Vec<_> = self.ports()[..4].iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    async fn worker(&self, dock: &str) -> Program {
        failover::worker(&self.url(), &self.bus().await, dock).await
    }

    fn client(&self) -> Client {
        failover::client(self.url(), &self.namespace)
    }

    /// What `deblox doctor` says.
    fn diagnosis(&self) -> String {
        let mut doctor = deblox();
        doctor.arg("doctor").env("REDIS_URL", self.url()).env("DEBLOX_NAMESPACE", &self.namespace);
        String::from_utf8(doctor.output().expect("it runs").stdout).expect("text")
    }

    /// What the nodes say of each other, as the first that runs says: a line each, and the slot of the keys of deblox.
    async fn told(&self) -> (Vec<Vec<String>>, u16) {
        let node = self.nodes.iter().find(|node| node.program.is_some()).expect("one runs");
        let eyes = self.on(node.port).await;
        let known: String = eyes.redis(&["CLUSTER", "NODES"]).await;
        let slot = eyes.redis(&["CLUSTER", "KEYSLOT", &self.namespace]).await;
        (known.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect(), slot)
    }

    /// Where the node is that has the keys.
    async fn holder(&self) -> u16 {
        self.find(has).await
    }

    /// Where the replica of that one is.
    async fn replica(&self) -> u16 {
        let (known, slot) = self.told().await;
        let holder = known.iter().find(|node| has(node, slot)).expect("somebody has them")[0].clone();
        self.find(|node, _| node[3] == holder).await
    }

    /// Where a primary is that does not have them.
    async fn other_primary(&self) -> u16 {
        self.find(|node, slot| node[2].contains("master") && !has(node, slot)).await
    }

    async fn find(&self, is_meant: impl Fn(&[String], u16) -> bool) -> u16 {
        until("such a node is there", async || {
            let (known, slot) = self.told().await;
            let node = known.iter().find(|node| is_meant(node, slot))?;
            node[1].split(['@', ':']).nth(1)?.parse().ok()
        })
        .await
    }

    /// Moves the slot of the keys of deblox from one node to another, as `redis-cli --cluster reshard` does it.
    async fn move_slot(&self, from: u16, to: u16) {
        let (source, target) = (self.on(from).await, self.on(to).await);
        let slot = self.told().await.1.to_string();
        let ids: (String, String) =
            (source.redis(&["CLUSTER", "MYID"]).await, target.redis(&["CLUSTER", "MYID"]).await);
        target.redis::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids.0]).await;
        source.redis::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids.1]).await;
        loop {
            let keys: Vec<String> = source.redis(&["CLUSTER", "GETKEYSINSLOT", &slot, "3"]).await;
            if keys.is_empty() {
                break;
            }
            let port = to.to_string();
            let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            migrate.extend(keys.iter().map(String::as_str));
            source.redis::<String>(&migrate).await;
        }
        for eyes in [target, source] {
            eyes.redis::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &ids.1]).await;
        }
    }

    /// Eyes at the node with the keys.
    async fn bus(&self) -> Bus {
        self.on(self.holder().await).await
    }

    /// Eyes at one node.
    async fn on(&self, port: u16) -> Bus {
        failover::on(port, &self.namespace).await
    }

    /// Nobody waits any more at a node that lost the keys.
    async fn left(&self, port: u16) {
        let eyes = self.on(port).await;
        until("nobody is left there", async || {
            let clients: String = eyes.redis(&["CLIENT", "LIST", "TYPE", "NORMAL"]).await;
            let blocked = ["xreadgroup", "evalsha", "client|tracking"].map(|command| format!("cmd={command} "));
            (!blocked.iter().any(|command| clients.contains(command.as_str()))).then_some(())
        })
        .await;
    }

    async fn kill(&mut self, port: u16) {
        let node = self.nodes.iter_mut().find(|node| node.port == port).expect("one of ours");
        node.program.take().expect("it runs").killed().await;
    }

    /// Starts a node, with what it had.
    async fn revive(&mut self, port: u16) {
        let node = self.nodes.iter_mut().find(|node| node.port == port).expect("one of ours");
        let folder = self.data.path().join(port.to_string());
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]);
        command.args(["--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0"]);
        command.args(["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]);
        command.args(["--cluster-port", &node.bus_port.to_string(), "--dir"]).arg(folder);
        let server = node.program.insert(Program::start(command));
        until("redis-server is ready", async || server.output().contains("Ready to accept").then_some(())).await;
    }
}

/// Whether a node, as `CLUSTER NODES` tells of it, is a primary that serves the slot.
fn has(node: &[String], slot: u16) -> bool {
    let ranges = node.iter().skip(8).filter(|range| !range.starts_with('['));
    let holds = |range: &String| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| text.parse::<u16>().expect("a slot");
        (number(first)..=number(last)).contains(&slot)
    };
    node[2].contains("master") && !node[2].contains("fail") && ranges.into_iter().any(holds)
}

/// What a command prints that reads `input`.
fn piped(mut command: Command, input: &str) -> String {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("it is there");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}
