//! What a failover of Redis must not change, whoever decides it.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use deblox::bus::RedisOptions;
use deblox::client::{Client, Reply};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::processes::Program;
use crate::support::{Bus, PATIENCE, Scrub, deblox, docker, docker_host, unique};

/// A decision is followed within a second; the rest is for a busy machine. Without following it, what is blocked on a
/// server that lives on is held for more than nine.
pub const FOLLOWED: Duration = Duration::from_secs(5);

/// A worker beside the first host that knows `url` alone, when its dock is registered in the eyes of `bus`.
pub async fn worker(url: &str, bus: &Bus, dock: &str) -> Program {
    let worker = Program::start(worker_command(url, &bus.namespace, dock));
    worker.says("worker is up").await;
    bus.until_dock(dock, |record| record["daemon"] == "up").await;
    bus.registered(1).await;
    worker
}

/// A client that knows `url` alone.
pub fn client(url: String, namespace: &str) -> Client {
    let options = RedisOptions { namespace: namespace.to_owned(), ..RedisOptions::new(url) };
    Client::new(&options).expect("options")
}

/// Eyes at the server on one port of this machine.
pub async fn on(port: u16, namespace: &str) -> Bus {
    let mut bus = Bus::on(&format!("redis://127.0.0.1:{port}")).await;
    namespace.clone_into(&mut bus.namespace);
    bus
}

/// The command of a worker that begins nothing which a failover could forget.
pub fn worker_command(url: &str, namespace: &str, dock: &str) -> Command {
    let mut command = deblox();
    command.args(["worker", "--hostname", dock, "--redis-replicas", "1"]);
    command.env("REDIS_URL", url).env("DEBLOX_NAMESPACE", namespace).env("DOCKER_HOST", docker_host(1));
    command
}

/// The reply to a request, which is sent again where none comes.
pub async fn insist(client: &Client, request: &Value) -> Reply {
    let begun = Instant::now();
    loop {
        match client.call(request.clone()).await {
            Ok(reply) => return reply,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{request}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Callers that create one container after the other. A reply that does not come is asked for again under the same id,
/// since what the old primary did not hand on is lost with it.
pub struct Creates {
    done: Arc<AtomicBool>,
    callers: JoinSet<Vec<(String, Reply)>>,
}

impl Creates {
    pub fn begin(client: &Client) -> Self {
        let (name, done, mut callers) = (unique("failover"), Arc::<AtomicBool>::default(), JoinSet::new());
        for caller in 0..4 {
            let (client, name, done) = (client.clone(), name.clone(), Arc::clone(&done));
            callers.spawn(async move {
                let mut created = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    let name = format!("{name}-{caller}-{}", created.len());
                    let create = json!({"action": "create-container", "image": "busybox", "name": name,
                        "requestId": name, "timeout": 20_000});
                    let reply = insist(&client, &create).await;
                    created.push((name, reply));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                created
            });
        }
        Self { done, callers }
    }

    /// Some more, and then each has been made once and answered with what was made.
    pub async fn end(self) {
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.done.store(true, Ordering::Relaxed);
        let created: Vec<_> = self.callers.join_all().await.into_iter().flatten().collect();
        let _scrubs: Vec<_> = created.iter().map(|(name, _)| Scrub::new(1, name)).collect();
        for (name, reply) in &created {
            assert_eq!(reply.status(), 201, "{name}: {}", reply.json());
            let label = format!("label=deblox.request={name}");
            let found = docker(1, &["ps", "-aq", "--no-trunc", "--filter", &label]);
            let reply = reply.json();
            assert!(found.lines().count() == 1 && reply.contains(&found), "{name} was made once: {found:?}, {reply}");
        }
    }
}
