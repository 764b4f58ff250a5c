//! Redis and Docker fail in every way they can; each request still gets its one reply, and all comes back by itself.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use deblox::docker::DockerOptions;
use deblox::protocol::Fqdn;
use deblox::worker::WorkerOptions;
use serde_json::{Value, json};

use crate::processes::{Program, RedisProcess};
use crate::support::{
    Bus, Disturbed, Scrub, Worker, docker, docker_host, lab, quiet_hosts, refused, succeeded, unique, until,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_waits_for_a_redis_that_is_not_there_yet_and_says_so_once() {
    let mut redis = RedisProcess::new();
    redis.start().await;
    let bus = Bus::on(&redis.url()).await;
    redis.kill().await;
    let worker = Program::start(bus.worker_command(1, "a.test"));
    worker.says("Redis is away; trying again until it is back").await;
    // Long enough for several attempts: said once all the same.
    let begun = Instant::now();
    until("some attempts later", async || (begun.elapsed() > Duration::from_secs(2)).then_some(())).await;
    redis.start().await;
    worker.says("worker is up").await;
    let bus = bus.again().await;
    succeeded(&bus.call(json!({"action": "list-containers"})).await, 200);
    let errors = worker.errors();
    assert_eq!(errors.matches("Redis is away").count(), 1, "{errors}");
    assert_eq!(errors.matches("Redis is back").count(), 1, "{errors}");
    assert!(errors.contains("nothing listens at REDIS_URL"), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_redis_loses_no_request() {
    let mut redis = RedisProcess::new();
    redis.start().await;
    let bus = Bus::on(&redis.url()).await;
    let worker = bus.program(1, "a.test").await;
    bus.registered(1).await;
    let name = unique("restart");
    let _scrub = Scrub::new(1, &name);
    bus.running("a.test", &name).await;
    let stop = json!({"action": "stop-container", "id": name, "time": 2, "requestId": "stop"});
    // By the dock's own stream, where nothing but beginning and finishing needs Redis.
    bus.send_to("docker.a.test", &["json", &stop.to_string()]).await;
    until("it is begun", async || {
        let state: Option<String> = bus.redis(&["HGET", &bus.key("request.stop"), "state"]).await;
        (state.as_deref() == Some("taken")).then_some(())
    })
    .await;

    // The answer comes while Redis is away.
    redis.kill().await;
    until("it is stopped", async || {
        (docker(1, &["inspect", "-f", "{{.State.Running}}", &name]) == "false").then_some(())
    })
    .await;
    redis.start().await;
    let bus = bus.again().await;
    succeeded(&bus.reply("stop").await, 204);
    succeeded(&bus.call(json!({"action": "inspect-container", "id": name})).await, 200);
    bus.settled().await;
    assert_eq!(bus.redis::<usize>(&["LLEN", &bus.key("reply.stop")]).await, 0, "one reply");
    worker.says("Redis is back").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_connections_are_cut_each_request_gets_exactly_one_reply() {
    const REQUESTS: usize = 120;
    let mut redis = RedisProcess::new();
    redis.start().await;
    let bus = Bus::on(&redis.url()).await;
    let (_a, _b) = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    bus.registered(2).await;
    let name = unique("cut");
    let _scrub = (Scrub::new(1, &name), Scrub::new(2, &name));
    bus.running("a.test", &name).await;

    let ids: Vec<String> = (0..REQUESTS).map(|number| format!("{name}.{number}")).collect();
    for (number, id) in ids.iter().enumerate() {
        let mut request = match number % 4 {
            0 => json!({"action": "list-images"}),
            1 => json!({"action": "inspect-container", "id": name}),
            2 => json!({"action": "inspect-container", "id": name, "dock": "a.test"}),
            _ => json!({"action": "create-container", "image": "busybox", "name": name, "dock": "b.test"}),
        };
        request["requestId"] = json!(id);
        bus.send(&["json", &request.to_string()]).await;
        if number % 10 == 0 {
            bus.redis::<()>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
        }
    }
    let sent = Instant::now();
    let mut created = 0;
    for (number, id) in ids.iter().enumerate() {
        if number % 30 == 0 {
            bus.redis::<()>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
        }
        let reply = bus.reply_within(id, Duration::from_secs(60)).await.unwrap_or_else(|| panic!("no reply to {id}"));
        assert!([200, 201, 409].contains(&reply["statusCode"].as_u64().unwrap_or_default()), "{reply}");
        created += usize::from(reply["statusCode"] == 201);
    }
    assert_eq!(created, 1, "one of those with the same name");
    // What was on its way to a worker is not left lying until another takes it over.
    assert!(sent.elapsed() < deblox::protocol::limits::TAKE_OVER, "{:?}", sent.elapsed());
    bus.settled().await;
    for id in &ids {
        assert_eq!(bus.redis::<usize>(&["LLEN", &bus.key(&format!("reply.{id}"))]).await, 0, "a second reply to {id}");
    }
    assert_eq!(bus.redis::<usize>(&["XLEN", &bus.key("dead")]).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_not_there_yet_is_said_to_be_down_until_it_comes() {
    let bus = Bus::new().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let socket = folder.path().join("docker.sock");
    let docker = DockerOptions::new(format!("unix://{}", socket.display()));
    let _worker = Worker::start(WorkerOptions::new(bus.options(), docker, Fqdn::new("a.test").unwrap()));
    bus.until_dock("a.test", |record| record["daemon"] == "down").await;

    assert_eq!(bus.dock("a.test").await["daemon"], "down");
    succeeded(&bus.call(json!({"action": "ping"})).await, 200);
    let reply = bus.call_dock("a.test", json!({"action": "inspect-container", "id": "any"})).await;
    refused(&reply, 503, "daemon-down", &["Docker daemon"]);
    let create = json!({"action": "create-container", "image": "busybox", "dock": "a.test"});
    refused(&bus.call(create.clone()).await, 503, "daemon-down", &["a.test"]);
    let list = json!({"action": "list-containers", "dock": "a.test"});
    refused(&bus.call(list.clone()).await, 503, "daemon-down", &["a.test"]);
    refused(&bus.call(json!({"action": "list-containers"})).await, 503, "no-dock", &["daemon"]);

    symlink(lab().join("h1/docker.sock"), &socket).expect("a link");
    bus.until_dock("a.test", |record| record["daemon"] == "up").await;
    succeeded(&bus.call(list).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_engine_is_said_to_be_down_and_its_records_agree_after_the_restart() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let (_a, _b) = (bus.worker(4, "a.test").await, bus.worker(1, "b.test").await);
    let (runs, gone) = (unique("runs"), unique("gone"));
    let id = bus.running("a.test", &runs).await;
    let other = bus.running("a.test", &gone).await;

    let killed = Disturbed::kill(4);
    bus.until_dock("a.test", |record| record["daemon"] == "down").await;
    assert_eq!(bus.dock("a.test").await["state"], "up", "its worker lives");
    let stop = json!({"action": "stop-container", "id": id});
    refused(&bus.call(stop).await, 503, "daemon-down", &["Docker daemon"]);
    let create = json!({"action": "create-container", "image": "busybox", "dock": "a.test"});
    refused(&bus.call(create).await, 503, "daemon-down", &["a.test"]);
    succeeded(&bus.call(json!({"action": "list-images", "dock": "b.test"})).await, 200);

    drop(killed);
    bus.until_dock("a.test", |record| record["daemon"] == "up").await;
    docker(4, &["rm", "-f", &gone]);
    until("the records agree", async || {
        let recorded: Vec<(String, String)> = bus.redis(&["HGETALL", &bus.key("instances.a.test")]).await;
        let [(found, summary)] = recorded.as_slice() else { return None };
        let summary: Value = serde_json::from_str(summary).expect("JSON");
        let state = docker(4, &["inspect", "-f", "{{.State.Status}}", &id]);
        (*found == id && summary["state"] == *state).then_some(())
    })
    .await;
    assert!(!bus.redis::<bool>(&["HEXISTS", &bus.key("owners"), &other]).await);
    succeeded(&bus.call(json!({"action": "inspect-container", "id": runs})).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_engine_delays_nobody_and_its_requests_fail_at_their_own_deadline() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let (_a, _b) = (bus.worker(5, "a.test").await, bus.worker(1, "b.test").await);
    bus.registered(2).await;
    let name = unique("hung");
    let id = bus.running("a.test", &name).await;
    let other = bus.running("a.test", &unique("hung")).await;

    let hung = Disturbed::hang(5);
    let begun = Instant::now();
    let waiting = json!({"action": "stop-container", "id": id, "timeout": 2000, "requestId": "waits"});
    let looking = json!({"action": "inspect-container", "id": other, "timeout": 2000, "requestId": "looks"});
    for request in [&waiting, &looking] {
        bus.send(&["json", &request.to_string()]).await;
    }
    for (number, request) in [
        json!({"action": "list-docks"}),
        json!({"action": "ping"}),
        json!({"action": "ping", "dock": "a.test"}),
        json!({"action": "list-images", "dock": "b.test"}),
        json!({"action": "list-docks", "dock": "a.test"}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut request = request;
        request["requestId"] = json!(format!("others-{number}"));
        succeeded(&bus.call(request).await, 200);
    }
    assert!(begun.elapsed() < Duration::from_millis(1500), "the others waited too: {:?}", begun.elapsed());
    refused(&bus.reply("waits").await, 503, "daemon-down", &["nothing was asked of it", "not executed"]);
    refused(&bus.reply("looks").await, 504, "timeout", &["did not answer"]);
    let took = begun.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(4)).contains(&took), "{took:?}");

    drop(hung);
    succeeded(&bus.call(json!({"action": "inspect-container", "id": id})).await, 200);
    let state = bus.until_dock("a.test", |record| record["daemon"] == "up").await;
    assert_eq!(state["standing"], "active");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_may_throw_requests_away_is_warned_about() {
    let mut redis = RedisProcess::new();
    redis.start().await;
    let bus = Bus::on(&redis.url()).await;
    let content = bus.program(1, "a.test").await;
    assert!(!content.errors().contains("maxmemory-policy"), "{}", content.errors());
    bus.redis::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let warns = bus.program(2, "b.test").await;
    warns.says("set maxmemory-policy to noeviction").await;
    assert!(warns.errors().contains("allkeys-lru"), "{}", warns.errors());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_redis_never_comes_still_stops_when_told() {
    let redis = RedisProcess::new();
    let mut command = crate::support::deblox();
    command.args(["worker", "--hostname", "a.test", "--redis-url", &redis.url(), "--docker-host", &docker_host(1)]);
    let mut worker = Program::start(command);
    worker.says("Redis is away").await;
    worker.signal("TERM");
    assert_eq!(worker.ended().await.code(), Some(0), "{}", worker.errors());
}
