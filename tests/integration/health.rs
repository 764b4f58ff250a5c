//! `deblox health`: what a container's health check is told of a worker and of a node.

use serde_json::json;

use crate::cli_help::own;
use crate::processes::{Program, RedisProcess};
use crate::support::{Bus, until};
use crate::web::Node;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_is_well_while_its_heart_beats_and_its_daemon_answers() {
    let bus = Bus::new().await;
    let health = ["health", "--hostname", "d1.test"];
    bus.complains(&health, 1, &["Redis knows no dock d1.test"]).await;
    let worker = bus.program(1, "d1.test").await;
    assert_eq!(bus.says(&health).await, "");
    // In a container it is the environment that says which dock.
    let said = bus.deblox_with(&["health"], |command| {
        command.env("DEBLOX_HOSTNAME", "d1.test");
    });
    let said = said.await;
    assert_eq!(said.code, 0, "{said:?}");
    worker.killed().await;
    until("it is silent", async || (bus.deblox(&health).await.code == 1).then_some(())).await;
    bus.complains(&health, 1, &["the worker of d1.test is silent"]).await;

    let mut command = bus.worker_command(1, "d2.test");
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let _blind = Program::start(command);
    bus.until_dock("d2.test", |record| record["daemon"] == "down").await;
    bus.complains(&["health", "--hostname", "d2.test"], 1, &["daemon of d2.test does not answer"]).await;

    let nowhere = ["health", "--hostname", "d1.test", "--redis-url", "redis://127.0.0.1:1", "--timeout", "1s"];
    bus.complains(&nowhere, 1, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_well_when_it_can_serve() {
    let mut redis = RedisProcess::new();
    let node = Node::at(&redis.url(), "deblox").await;
    let bus = Bus::new().await;
    let address = node.address();
    bus.complains(&["health", "--listen", &address], 1, &["does not serve", "REDIS_URL"]).await;
    redis.start().await;
    until("it is ready", async || (bus.deblox(&["health", "--listen", &address]).await.code == 0).then_some(())).await;
    // A node in a container listens at all addresses.
    let port = address.rsplit(':').next().expect("a port");
    assert_eq!(bus.says(&["health", "--listen", &format!("0.0.0.0:{port}")]).await, "");
    assert_eq!(node.send("GET /healthz", "", "").await, (200, json!({"status": "alive"})));
    drop(node);
    bus.complains(&["health", "--listen", &address], 1, &["no node is at"]).await;
}

#[test]
fn help_of_deblox_health() {
    insta::assert_snapshot!(own(&["health"]), @"
    Tell whether the worker or the node of this host is well, for a container's health check

    Usage: deblox health [OPTIONS]

    Options:
          --listen <IP:PORT>  Ask the node that listens there whether it serves, instead of asking Redis
                              for the worker [env: DEBLOX_LISTEN=]
          --hostname <FQDN>   The dock whose worker has to be alive, with a daemon that answers
                              [default: this host's] [env: DEBLOX_HOSTNAME=]
      -h, --help              Print help (see more with '--help')
    ");
}
