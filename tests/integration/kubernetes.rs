//! What k8s/ gives to Redis, to workers and to nodes, tried without Kubernetes. `tests/kubernetes/check.py` checks the rest.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::acl::listens_at;
use crate::processes::{RedisProcess, free_port};
use crate::support::{Bus, deblox};
use crate::web::send;
use crate::witness::secret;

fn manifests(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("k8s").join(path)
}

fn make_secrets(folder: &Path) -> Output {
    let mut make = Command::new(manifests("secrets.sh"));
    make.arg(folder).env("DEBLOX", env!("CARGO_BIN_EXE_deblox")).output().expect("it runs")
}

/// The settings of the Redis in the cluster, with the users in `folder`; it keeps its data elsewhere.
fn settings(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(manifests("redis/redis.conf")).expect("redis.conf");
    let settings =
        text.lines().filter_map(|line| line.split_once(' ')).filter(|(name, _)| !matches!(*name, "#" | "dir"));
    let words = settings.flat_map(|(name, value)| {
        let users = || folder.join("users.acl").display().to_string();
        let value = if name == "aclfile" { users() } else { value.replace("\"\"", "") };
        [format!("--{name}"), value]
    });
    words.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_credentials_that_are_made_for_a_cluster_are_enough_for_each_program() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make_secrets(folder.path());
    assert!(made.status.success(), "{made:?}");
    let again = make_secrets(folder.path());
    let refusal = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && refusal.contains("has credentials already"), "{again:?}");

    let settings = settings(folder.path());
    let mut redis = RedisProcess::with(&settings.iter().map(String::as_str).collect::<Vec<_>>());
    redis.start().await;
    let place = redis.url();
    let place = place.trim_start_matches("redis://");
    let of = async |name: &str| {
        let text = std::fs::read_to_string(folder.path().join(format!("{name}.env"))).expect("it was made");
        let url = text.trim().strip_prefix("REDIS_URL=").expect("a URL").replace("deblox-redis:6379", place);
        secret(url.split_once('@').and_then(|(user, _)| user.rsplit_once(':')).expect("a password").1);
        let mut bus = Bus::on(&url).await;
        // Where the rights are.
        bus.namespace = "deblox".to_owned();
        bus
    };
    let _worker = of("worker").await.program(1, "node1").await;
    let web = of("web").await;
    let node = web.follow(&["web", "--auth-manager", "--auth", "enforce", "--listen", "127.0.0.1:0"]);
    assert_eq!(send(&listens_at(&node).await, "GET /readyz", "", "").await.0, 200);
    of("accounts").await.says(&["user", "add", "root", "--role", "admin", "--generate"]).await;
    let admin = of("admin").await;
    admin.finds("watch", "ok", &[]).await;
    admin.settled().await;
    let (findings, code) = admin.examined().await;
    assert!(findings.iter().all(|finding| finding["state"] == "ok") && code == 0, "{findings:#?}");
    let refused: Vec<Value> = admin.redis::<Vec<redis::Value>>(&["ACL", "LOG"]).await.iter().map(told).collect();
    assert!(refused.iter().all(|told| told == "client|setinfo"), "{refused:?}");
    let health = Command::new("redis-cli").args(["-u", &format!("redis://health:none@{place}"), "PING"]).output();
    assert_eq!(String::from_utf8_lossy(&health.expect("redis-cli is there").stdout), "PONG\n");
}

/// What was refused, in an entry of `ACL LOG`.
fn told(entry: &redis::Value) -> Value {
    let entry: std::collections::HashMap<String, redis::Value> =
        redis::from_redis_value(entry.clone()).expect("names and values");
    Value::String(redis::from_redis_value(entry["object"].clone()).expect("text"))
}

#[test]
fn nothing_starts_with_the_credentials_as_they_come() {
    let folder = manifests("overlays/redis-inside/secrets");
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut redis = Command::new("redis-server");
    redis
        .args(["--bind", "127.0.0.1", "--port", &free_port().to_string()])
        .args(settings(&folder))
        .current_dir(data.path());
    let redis = redis.output().expect("redis-server is there");
    let said = String::from_utf8_lossy(&redis.stdout);
    assert!(!redis.status.success() && said.contains("ACL errors"), "{said}");
    for overlay in ["redis-inside", "redis-outside"] {
        for program in ["worker", "web"] {
            let text = std::fs::read_to_string(manifests(&format!("overlays/{overlay}/secrets/{program}.env")));
            let text = text.expect("it is there");
            let url = text.lines().find_map(|line| line.strip_prefix("REDIS_URL=")).expect("a URL");
            let output = deblox().args([program, "--redis-url", url]).output().expect("it runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(1) && said.contains("REDIS_URL"), "{overlay} {program}: {said}");
        }
    }
}
