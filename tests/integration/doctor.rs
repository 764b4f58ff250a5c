//! `deblox doctor` says in plain sentences what is wrong with Redis, the docks and the queues, and what to do.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::cli_help::own;
use crate::processes::RedisProcess;
use crate::support::{Bus, Disturbed, QUIET_HOSTS, quiet_hosts, until};

/// A Redis as it should be.
const HEALTHY: &[&str] = &["--maxmemory", "100mb", "--requirepass", "open-sesame-8"];

async fn redis(arguments: &[&str]) -> (RedisProcess, Bus) {
    let mut redis = RedisProcess::with(arguments);
    redis.start().await;
    let secured = arguments.contains(&"--requirepass");
    let url = redis.url().replace("://", if secured { "://:open-sesame-8@" } else { "://" });
    let bus = Bus::on(&url).await;
    (redis, bus)
}

impl Bus {
    /// What the doctor finds, and with which exit code.
    pub async fn examined(&self) -> (Vec<Value>, i32) {
        let said = self.deblox(&["doctor", "--format", "json"]).await;
        assert_eq!(said.err, "", "{said:?}");
        (said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(), said.code)
    }

    /// Waits until the doctor finds that about `check`, in words with these parts.
    pub async fn finds(&self, check: &str, state: &str, parts: &[&str]) {
        let what = format!("{check} is {state}, with {parts:?}");
        let check = check.replace("NS.", &self.key(""));
        until(&what, async || {
            let (findings, code) = self.examined().await;
            let wrong = findings.iter().any(|finding| finding["state"] == "wrong");
            assert_eq!(code, i32::from(wrong), "{findings:?}");
            let message =
                findings.iter().find(|finding| finding["check"] == check && finding["state"] == state)?["message"]
                    .clone();
            parts.iter().all(|part| message.as_str().is_some_and(|text| text.contains(part))).then_some(())
        })
        .await;
    }
}

/// The id of an entry that was sent so long ago.
fn sent(ago: Duration) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    format!("{}-0", now.saturating_sub(ago).as_millis())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_cluster_is_found_to_be_healthy() {
    let (_redis, bus) = redis(HEALTHY).await;
    let _workers = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    bus.finds("watch", "ok", &[]).await;
    bus.settled().await;
    let (findings, code) = bus.examined().await;
    assert!(findings.iter().all(|finding| finding["state"] == "ok") && code == 0, "{findings:#?}");
    for check in ["redis", "version", "eviction", "memory", "persistence", "user", "latency", "clock", "docks", "watch"]
    {
        assert!(findings.iter().any(|finding| finding["check"] == check), "{check}: {findings:#?}");
    }
    bus.finds("dock a.test", "ok", &["up (last heartbeat ", "its daemon answers"]).await;
    bus.finds("NS.docker", "ok", &["nothing waits"]).await;
    bus.finds("user", "ok", &["`default`, who may send requests, take them, change accounts"]).await;
    let table = bus.says(&["doctor"]).await;
    assert!(table.starts_with("CHECK ") && table.contains("\neviction ") && table.contains(" ok "), "{table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_may_lose_things_is_found() {
    let arguments = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", "--appendonly", "no"];
    let (_redis, bus) = redis(&arguments).await;
    bus.finds("eviction", "wrong", &["allkeys-lru", "set it to noeviction"]).await;
    bus.finds("persistence", "wrong", &["requests that wait, accounts, tokens", "Set appendonly to yes"]).await;
    bus.finds("user", "warning", &["asks nobody for a password", "`deblox acl`"]).await;
    bus.finds("docks", "wrong", &["no dock is known", "deblox worker"]).await;
    bus.redis::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    bus.finds("memory", "warning", &["all that its host has"]).await;
    bus.redis::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    bus.finds("memory", "wrong", &["Redis is full"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_away_is_said_to_be() {
    let (mut redis, bus) = redis(HEALTHY).await;
    redis.kill().await;
    let (findings, code) = bus.examined().await;
    let message = findings[0]["message"].as_str().unwrap_or_default();
    assert!(findings.len() == 1 && code == 1, "{findings:?}");
    assert!(message.contains("Redis cannot be used at redis://:***@127.0.0.1"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_nobody_and_who_is_lost_is_found() {
    let (_redis, bus) = redis(HEALTHY).await;
    let old = sent(Duration::from_secs(600));
    bus.redis::<String>(&["XADD", &bus.key("docker"), &old, "action", "ping"]).await;
    bus.finds("NS.docker", "wrong", &["1 wait, 0 are being done", "waited for 10 minutes", "no worker takes it"]).await;
    // Taken by a worker that has gone.
    bus.redis::<()>(&["XGROUP", "CREATE", &bus.key("docker"), "deblox", "0"]).await;
    let take = ["XREADGROUP", "GROUP", "deblox", "gone.test/1", "STREAMS", &bus.key("docker"), ">"];
    bus.redis::<redis::Value>(&take).await;
    bus.finds("NS.docker", "ok", &["0 wait, 1 are being done"]).await;
    let claim = ["XCLAIM", &bus.key("docker"), "deblox", "gone.test/1", "0", &old, "IDLE", "60000", "JUSTID"];
    bus.redis::<redis::Value>(&claim).await;
    bus.redis::<String>(&["XADD", &bus.key("dead"), &old, "reason", "x"]).await;
    bus.finds("NS.dead", "warning", &["1 requests had to be given up, the last one 10 minutes ago", "XREVRANGE"]).await;

    let worker = bus.program(1, "a.test").await;
    bus.finds("NS.docker", "ok", &["nothing waits"]).await;
    bus.finds("dock a.test", "ok", &[]).await;
    worker.killed().await;
    bus.finds("dock a.test", "wrong", &["nothing was heard of its worker for ", "deblox docks rm"]).await;
    bus.finds("docks", "wrong", &["no worker is there"]).await;
    bus.redis::<String>(&["XADD", &bus.key("docker.a.test"), &old, "action", "ping"]).await;
    bus.finds("NS.docker.a.test", "wrong", &["1 wait", "start its worker"]).await;
    let mut stopped = bus.program(2, "b.test").await;
    stopped.signal("TERM");
    stopped.ended().await;
    bus.finds("dock b.test", "warning", &["its worker was stopped"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_down_is_found() {
    let _quiet = quiet_hosts().await;
    let (_redis, bus) = redis(HEALTHY).await;
    let _worker = bus.worker(QUIET_HOSTS[0], "a.test").await;
    let _down = Disturbed::kill(QUIET_HOSTS[0]);
    bus.finds("dock a.test", "wrong", &["its worker is there", "its Docker daemon has not answered for "]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_of_redis_is_told_what_it_may_not_see_and_one_may_see_all() {
    let (_redis, bus) = redis(HEALTHY).await;
    let _worker = bus.worker(1, "a.test").await;
    bus.finds("watch", "ok", &[]).await;
    let seen_by = async |kind: &str| {
        let said = bus.piped(&["acl", kind, kind, "--password-stdin"], b"open-sesame-9\n").await;
        let words: Vec<&str> = said.out.split_whitespace().collect();
        bus.redis::<()>(&words).await;
        let mut other = Bus::on(&bus.url.replace("://:open-sesame-8@", &format!("://{kind}:open-sesame-9@"))).await;
        other.namespace.clone_from(&bus.namespace);
        other.examined().await
    };
    let (findings, code) = seen_by("client").await;
    let unknown = |finding: &&Value| finding["state"] == "unknown";
    let eviction = findings.iter().filter(unknown).find(|finding| finding["check"] == "eviction").expect("unknown");
    assert!(eviction["message"].as_str().is_some_and(|text| text.contains("the Redis user `client` may not INFO")));
    assert_eq!(code, 0, "{findings:#?}");
    let (findings, code) = seen_by("doctor").await;
    assert!(findings.iter().all(|finding| finding["state"] == "ok") && code == 0, "{findings:#?}");
}

#[test]
fn help_of_deblox_doctor() {
    insta::assert_snapshot!(own(&["doctor"]), @r#"
    Look for what is wrong with Redis, the docks and the queues, and say what to do

    Usage: deblox doctor [OPTIONS]

    Options:
      -q, --quiet            Only the ids or names, one a line
          --format <FORMAT>  A table, or JSON with an object a line [default: table] [possible values:
                             table, json]
          --no-trunc         Whole ids
      -h, --help             Print help (see more with '--help')
    "#);
}
