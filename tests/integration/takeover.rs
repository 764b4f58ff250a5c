//! Workers die or fall asleep with requests in hand: each is still answered once, and done at most once.

use std::time::{Duration, Instant};

use deblox::protocol::GROUP;
use deblox::protocol::limits::{ATTEMPTS, DEAD_LETTERS, LEASE, QUEUE_LENGTH, TAKE_OVER};
use serde_json::{Value, json};

use crate::processes::Program;
use crate::proxy::Proxy;
use crate::support::{Bus, Disturbed, Scrub, docker, quiet_hosts, refused, succeeded, try_docker, unique, until};

/// How long after its deadline, or after a takeover is due, an answer may take on a busy machine.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_at_a_lost_dock_is_done_when_it_returns_or_answered_at_its_deadline() {
    let bus = Bus::new().await;
    let lost = bus.program(1, "lost.test").await;
    let _other = bus.worker(2, "other.test").await;
    let name = unique("lost");
    let _scrub = Scrub::new(1, &name);
    let id = bus.running("lost.test", &name).await;
    let stop = json!({"action": "stop-container", "id": name, "time": 5, "timeout": 7000, "requestId": "begun"});
    bus.send_to("docker.lost.test", &["json", &stop.to_string()]).await;
    until("it is begun", async || (state(&bus, "begun").await.as_deref() == Some("taken")).then_some(())).await;
    lost.killed().await;

    let own = async |request: Value| bus.send_to("docker.lost.test", &["json", &request.to_string()]).await;
    let short = own(json!({"action": "delete-container", "id": id, "force": true, "timeout": 3000})).await;
    let malformed = bus.send_to("docker.lost.test", &["json", "{"]).await;
    let long = own(json!({"action": "inspect-container", "id": id, "timeout": 120_000})).await;
    refused(&bus.reply(&malformed).await, 400, "bad-json", &[]);
    let reply = bus.reply(&short).await;
    refused(&reply, 503, "dock-lost", &["lost.test", "last seen", "was not executed"]);
    assert_eq!(reply["dockerInstance"], "other.test", "{reply}");
    refused(&bus.reply("begun").await, 503, "dock-lost", &["lost.test", "not known"]);

    // The rest waits.
    let _lost = bus.program(1, "lost.test").await;
    succeeded(&bus.reply(&long).await, 200);
    bus.settled().await;
    for id in [&short, &malformed, &long, "begun"] {
        assert_eq!(bus.redis::<usize>(&["LLEN", &bus.key(&format!("reply.{id}"))]).await, 0, "a second reply to {id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_again_is_answered_though_a_failover_has_lost_the_entry_that_was_begun() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "a.test").await;
    // What such a failover leaves: a note, and no entry to end.
    let entry = format!("1-1 {}", bus.key("docker"));
    let note = ["entry", &entry, "state", "taken", "by", "b.test/gone", "handling", "1", "attempts", "1"];
    bus.redis::<usize>(&[&["HSET", &bus.key("request.adrift")], &note[..]].concat()).await;
    let request = json!({"action": "stop-container", "id": "nobody", "requestId": "adrift", "timeout": 60_000});
    bus.send(&["json", &request.to_string()]).await;
    let reply = bus.reply_within("adrift", TAKE_OVER + SOON).await.expect("a reply");
    refused(&reply, 404, "no-such-instance", &["nobody"]);
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_to_a_dock_that_nobody_knows_is_answered_at_its_deadline() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "a.test").await;
    let ping = bus.send_to("docker.b.test", &["action", "ping", "timeout", "1500"]).await;
    let malformed = bus.send_to("docker.b.test", &["json", "{"]).await;
    refused(&bus.reply(&malformed).await, 400, "bad-json", &[]);
    refused(&bus.reply(&ping).await, 404, "unknown-dock", &["b.test", "list-docks", "was not executed"]);
    until("its stream is removed", async || {
        (!bus.redis::<bool>(&["EXISTS", &bus.key("docker.b.test")]).await).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_of_a_dock_that_died_is_placed_anew_only_if_asked_and_the_extra_one_is_set_aside() {
    let bus = Bus::new().await;
    // The daemon does what it is asked, and the worker dies before it hears of it.
    let proxy = Proxy::losing(1, "/containers/create");
    let mut command = bus.worker_command(1, "lost.test");
    command.env("DOCKER_HOST", &proxy.address);
    let lost = Program::start(command);
    bus.until_dock("lost.test", |record| record["daemon"] == "up").await;
    bus.registered(1).await;
    let (stays, moves) = (unique("stays"), unique("moves"));
    let _scrub = [1, 2].map(|host| (Scrub::new(host, &stays), Scrub::new(host, &moves)));
    for (name, replace) in [(&stays, false), (&moves, true)] {
        let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name,
            "start": true, "restart": "always", "replace": replace, "requestId": name});
        bus.send(&["json", &create.to_string()]).await;
    }
    let made = async |host: usize, request: &str| {
        let label = format!("label=deblox.request={request}");
        docker(host, &["ps", "-aq", "--no-trunc", "--filter", &label])
    };
    for request in [&stays, &moves] {
        until("the daemon has done it", async || (!made(1, request).await.is_empty()).then_some(())).await;
    }
    // That its records already show the instance makes no difference.
    until("it is recorded", async || {
        let extra = made(1, &moves).await;
        bus.redis::<bool>(&["HEXISTS", &bus.key("owners"), &extra]).await.then_some(())
    })
    .await;
    lost.killed().await;
    let extra = made(1, &moves).await;
    docker(1, &["start", &extra]);

    let _other = bus.worker(2, "other.test").await;
    let wait = TAKE_OVER + SOON;
    let reply = bus.reply_within(&stays, wait).await.expect("a reply");
    refused(&reply, 503, "dock-lost", &["lost.test", "not known", "replace"]);
    let reply = bus.reply_within(&moves, wait).await.expect("a reply");
    succeeded(&reply, 201);
    assert_eq!(reply["dockerInstance"], "other.test", "{reply}");
    assert_eq!(reply["Id"], json!(made(2, &moves).await));

    // The dock comes back with both: one is what was asked for, after all; the other is too many.
    let _lost = bus.program(1, "lost.test").await;
    let name = format!("{moves}-extra-{}", &extra[..12]);
    let _extra = Scrub::new(1, &name);
    until("it is set aside", async || {
        let look = try_docker(1, &["inspect", "-f", "{{.State.Running}} {{.HostConfig.RestartPolicy.Name}}", &name]);
        (String::from_utf8_lossy(&look.stdout).trim() == "false no").then_some(())
    })
    .await;
    let extras = async || -> Vec<Value> {
        let events: Vec<(String, Vec<String>)> = bus.redis(&["XRANGE", &bus.key("events"), "-", "+"]).await;
        let events = events.iter().map(|(_, fields)| serde_json::from_str(&fields[1]).expect("JSON"));
        events.filter(|event: &Value| event["event"] == "instance-extra").collect()
    };
    let event = until("it is told", async || extras().await.into_iter().next()).await;
    let expected =
        json!({"event": "instance-extra", "dock": "lost.test", "id": extra, "name": name, "requestId": moves});
    assert_eq!(event, expected);
    assert!(!made(1, &stays).await.is_empty());
    until("nothing is left to look for", async || {
        (!bus.redis::<bool>(&["EXISTS", &bus.key("replaced.lost.test")]).await).then_some(())
    })
    .await;
    succeeded(&bus.call(json!({"action": "inspect-container", "id": moves})).await, 200);
    assert_eq!(extras().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_placed_on_a_dock_that_dies_before_it_reads_it_is_answered_long_before_its_deadline() {
    let bus = Bus::new().await;
    let (lost, _other) = (bus.program(1, "lost.test").await, bus.worker(2, "other.test").await);
    bus.registered(2).await;
    let label = async |dock: &str| {
        succeeded(&bus.call(json!({"action": "label-dock", "hostname": dock, "labels": {"zone": "x"}})).await, 200);
    };
    label("lost.test").await;
    let (told, anew) = (unique("told"), unique("anew"));
    let _scrub = Scrub::new(2, &anew);
    // Dead, it still has its lease for a while, and is given what only it can do.
    lost.killed().await;
    for (name, replace) in [(&told, false), (&anew, true)] {
        let create = json!({"action": "create-container", "image": "busybox", "name": name, "requestId": name,
            "replace": replace, "dock-labels": {"zone": "x"}});
        bus.send(&["json", &create.to_string()]).await;
    }
    until("both wait there", async || {
        (bus.redis::<usize>(&["XLEN", &bus.key("docker.lost.test")]).await == 2).then_some(())
    })
    .await;
    label("other.test").await;
    let wait = LEASE + TAKE_OVER + SOON;
    refused(&bus.reply_within(&told, wait).await.expect("a reply"), 503, "dock-lost", &["lost.test", "replace"]);
    let reply = bus.reply_within(&anew, wait).await.expect("a reply");
    succeeded(&reply, 201);
    assert_eq!(reply["dockerInstance"], "other.test", "{reply}");
    bus.settled().await;
    assert_eq!(bus.redis::<usize>(&["EXISTS", &bus.key("promises.lost.test")]).await, 0, "no promise is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_slept_does_not_do_what_another_has_taken_over() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let sleeper = bus.program(4, "sleeper.test").await;
    bus.registered(1).await;
    // It has begun to create, and waits for its daemon, when it falls asleep.
    let hung = Disturbed::hang(4);
    let create = json!({"action": "create-container", "image": "busybox", "name": "awake", "requestId": "awake",
        "replace": true});
    bus.send(&["json", &create.to_string()]).await;
    until("it is begun", async || (state(&bus, "awake").await.as_deref() == Some("taken")).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    sleeper.signal("STOP");
    let _other = bus.worker(5, "other.test").await;
    let reply = bus.reply_within("awake", TAKE_OVER + SOON).await.expect("a reply");
    succeeded(&reply, 201);
    assert_eq!(reply["dockerInstance"], "other.test", "{reply}");

    drop(hung);
    sleeper.signal("CONT");
    bus.until_dock("sleeper.test", |record| record["daemon"] == "up").await;
    succeeded(&bus.call_dock("sleeper.test", json!({"action": "list-images"})).await, 200);
    assert_eq!(docker(4, &["ps", "-aq"]), "", "the one who slept must leave it alone");
    assert_eq!(bus.redis::<usize>(&["LLEN", &bus.key("reply.awake")]).await, 0, "one reply");
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_is_sent_again_while_it_waits_at_another_dock_is_answered_twice() {
    let bus = Bus::new().await;
    let sleeper = bus.program(1, "sleeper.test").await;
    let _other = bus.worker(2, "other.test").await;
    let name = unique("seen");
    let _scrub = Scrub::new(1, &name);
    let id = bus.running("sleeper.test", &name).await;
    sleeper.signal("STOP");
    let inspect = json!({"action": "inspect-container", "id": id, "requestId": "twice"}).to_string();
    bus.send_to("docker.other.test", &["json", &inspect]).await;
    until("it is passed on", async || (state(&bus, "twice").await.as_deref() == Some("passed-on")).then_some(())).await;
    bus.send_to("docker.other.test", &["json", &inspect]).await;
    until("it waits for the first", async || {
        let waiting: Option<usize> = bus.redis(&["HGET", &bus.key("request.twice"), "waiting"]).await;
        (waiting == Some(1)).then_some(())
    })
    .await;
    sleeper.signal("CONT");
    for _ in 0..2 {
        succeeded(&bus.reply("twice").await, 200);
    }
    bus.settled().await;
    assert_eq!(bus.redis::<usize>(&["LLEN", &bus.key("reply.twice")]).await, 0, "a third reply");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_daemon_is_asked_for_nothing_that_it_could_do_when_it_wakes() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let _worker = bus.worker(6, "a.test").await;
    let name = unique("kept");
    let id = bus.running("a.test", &name).await;
    let hung = Disturbed::hang(6);
    let delete = json!({"action": "delete-container", "id": id, "force": true, "timeout": 2000});
    let reply = bus.call_dock("a.test", delete).await;
    refused(&reply, 503, "daemon-down", &["nothing was asked of it", "not executed"]);
    drop(hung);
    succeeded(&bus.call_dock("a.test", json!({"action": "inspect-container", "id": id})).await, 200);
    // Whatever waited in its socket has been done by now.
    succeeded(&bus.call_dock("a.test", json!({"action": "restart-container", "id": id, "time": 0})).await, 204);
    assert_eq!(docker(6, &["inspect", "-f", "{{.State.Running}}", &name]), "true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_longer_than_a_worker_may_be_silent_is_not_taken_from_it() {
    let bus = Bus::new().await;
    let (_a, _b) = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    bus.registered(2).await;
    let name = unique("long");
    let _scrub = Scrub::new(1, &name);
    bus.running("a.test", &name).await;
    let seconds = TAKE_OVER.as_secs() + 3;
    let exec = json!({"action": "exec-container", "id": name, "timeout": 60_000, "requestId": "long",
        "cmd": ["sh", "-c", format!("echo once >> /log; sleep {seconds}")]});
    for stream in ["docker", "docker.a.test"] {
        bus.send_to(stream, &["json", &exec.to_string()]).await;
    }
    for _ in 0..2 {
        succeeded(&bus.reply_within("long", 2 * TAKE_OVER).await.expect("a reply"), 200);
    }
    assert_eq!(docker(1, &["exec", &name, "cat", "/log"]), "once", "sent twice, done once");
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_done_twice_is_not_done_again_and_the_caller_is_told() {
    let bus = Bus::new().await;
    let worker = bus.program(1, "a.test").await;
    let name = unique("twice");
    let _scrub = Scrub::new(1, &name);
    bus.running("a.test", &name).await;
    let exec = json!({"action": "exec-container", "id": name, "requestId": "exec", "timeout": 60_000,
        "cmd": ["sh", "-c", "echo once >> /log; sleep 60"]});
    bus.send_to("docker.a.test", &["json", &exec.to_string()]).await;
    until("it is done", async || (try_docker(1, &["exec", &name, "cat", "/log"]).status.success()).then_some(())).await;
    worker.killed().await;
    let _next = bus.program(1, "a.test").await;
    refused(&bus.reply("exec").await, 504, "interrupted", &["not known"]);
    assert_eq!(docker(1, &["exec", &name, "cat", "/log"]), "once");
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_attempt_has_removed_counts_as_removed() {
    let bus = Bus::new().await;
    let name = unique("removed");
    let _scrub = Scrub::new(1, &name);
    docker(1, &["create", "--name", &name, "busybox"]);
    let proxy = Proxy::losing(1, "DELETE /");
    let mut command = bus.worker_command(1, "a.test");
    command.env("DOCKER_HOST", &proxy.address);
    let worker = Program::start(command);
    bus.until_dock("a.test", |record| record["daemon"] == "up").await;
    let delete = json!({"action": "delete-container", "id": name, "requestId": "delete"});
    bus.send_to("docker.a.test", &["json", &delete.to_string()]).await;
    until("it is gone", async || (!try_docker(1, &["inspect", &name]).status.success()).then_some(())).await;
    worker.killed().await;
    let _next = bus.program(1, "a.test").await;
    succeeded(&bus.reply("delete").await, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_costs_every_worker_its_life_is_put_with_the_dead() {
    let bus = Bus::new().await;
    let stream = bus.key("docker");
    bus.redis::<()>(&["XGROUP", "CREATE", &stream, GROUP, "0", "MKSTREAM"]).await;
    let request = json!({"action": "pull-image", "image": "busybox", "credentials": {"password": "secret"}});
    let id = bus.send(&["json", &request.to_string(), "requestId", "poison"]).await;
    let read = ["XREADGROUP", "GROUP", GROUP, "dead.test/1", "COUNT", "1", "STREAMS", &stream, ">"];
    bus.redis::<redis::Value>(&read).await;
    let attempts = ATTEMPTS.to_string();
    let place = format!("{id} {stream}");
    let record = ["entry", &place, "state", "taken", "by", "dead.test/1", "attempts", &attempts];
    bus.redis::<()>(&[&["HSET", bus.key("request.poison").as_str()], record.as_slice()].concat()).await;
    let back = ["XCLAIM", &stream, GROUP, "handed-back", "0", &id, "IDLE", "86400000", "JUSTID"];
    bus.redis::<redis::Value>(&back).await;

    let _worker = bus.worker(1, "a.test").await;
    refused(&bus.reply("poison").await, 500, "poison", &["5 times", "not tried again"]);
    bus.settled().await;
    let dead: Vec<(String, Vec<String>)> = bus.redis(&["XRANGE", &bus.key("dead"), "-", "+"]).await;
    let [(_, fields)] = dead.as_slice() else { panic!("{dead:?}") };
    assert_eq!(fields[..6], ["entry", &id, "stream", &stream, "requestId", "poison"].map(String::from));
    assert_eq!(fields[6], "reason");
    let kept: Value = serde_json::from_str(&fields[9]).expect("JSON");
    assert_eq!(kept, json!({"action": "pull-image", "image": "busybox"}), "without what is secret");
    assert!(dead.len() <= DEAD_LETTERS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_in_which_too_many_wait_refuses_the_newest() {
    let bus = Bus::new().await;
    let stream = bus.key("docker.full.test");
    let fill = |count: usize| {
        format!("for i = 1, {count} do redis.call('XADD', KEYS[1], '*', 'action', 'ping', 'timeout', '600000') end")
    };
    bus.redis::<()>(&["EVAL", &fill(QUEUE_LENGTH), "1", &stream]).await;
    let newest = bus.send_to("docker.full.test", &["action", "list-images"]).await;
    let _other = bus.worker(1, "other.test").await;
    bus.redis::<String>(&["XADD", &bus.key("docker"), "*", "action", "register", "hostname", "full.test"]).await;
    refused(&bus.reply(&newest).await, 429, "busy", &["10000", "was not executed"]);
    assert_eq!(bus.redis::<usize>(&["XLEN", &stream]).await, QUEUE_LENGTH);

    // What waits is done when there is somebody, and leaves nothing behind.
    let full = bus.program(2, "full.test").await;
    bus.settled().await;
    let bytes: usize = bus.redis(&["MEMORY", "USAGE", &stream]).await;
    assert!(bytes < 10_000, "{bytes} bytes are left");

    // Too many for a dock whose worker does not read: what is to be passed on to it is refused at once.
    full.signal("STOP");
    bus.redis::<()>(&["EVAL", &fill(QUEUE_LENGTH), "1", &stream]).await;
    let reply = bus.call(json!({"action": "list-images", "dock": "full.test"})).await;
    refused(&reply, 429, "busy", &["full.test"]);
    full.signal("CONT");
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_worker_left_is_done_in_its_order_by_its_successor() {
    const REQUESTS: usize = 150;
    let bus = Bus::new().await;
    let worker = bus.program(1, "a.test").await;
    let name = unique("legacy");
    let _scrub = Scrub::new(1, &name);
    bus.running("a.test", &name).await;
    let write = |number: usize| {
        let command = if number == 0 { "sleep 2".to_owned() } else { format!("echo {number} >> /log") };
        json!({"action": "exec-container", "id": name, "cmd": ["sh", "-c", command], "timeout": 120_000}).to_string()
    };
    let mut sent = Vec::new();
    for number in 0..REQUESTS {
        sent.push(bus.send_to("docker.a.test", &["json", &write(number)]).await);
    }
    // More than it takes in hand at once, and more than its successor reads at once.
    until("it has its hands full", async || {
        let pending: Vec<redis::Value> = bus.redis(&["XPENDING", &bus.key("docker.a.test"), GROUP]).await;
        matches!(pending.first(), Some(redis::Value::Int(64..))).then_some(())
    })
    .await;
    let killed = Instant::now();
    worker.killed().await;
    let _next = bus.program(1, "a.test").await;
    refused(&bus.reply(&sent[0]).await, 504, "interrupted", &[]);
    for id in &sent[1..] {
        succeeded(&bus.reply(id).await, 200);
    }
    let written: Vec<usize> =
        docker(1, &["exec", &name, "cat", "/log"]).lines().map(|line| line.parse().expect("a number")).collect();
    assert_eq!(written, (1..REQUESTS).collect::<Vec<_>>(), "after {:?}", killed.elapsed());
    bus.settled().await;
}

/// Where a request stands.
async fn state(bus: &Bus, request: &str) -> Option<String> {
    bus.redis(&["HGET", &bus.key(&format!("request.{request}")), "state"]).await
}
