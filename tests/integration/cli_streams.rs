//! The commands that stream, on real daemons: what they print is whole and in order, and survives breaks.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use crate::commands::objects;
use crate::processes::Program;
use crate::support::{Bus, Scrub, deblox, docker, own_redis, unique, until};

impl Bus {
    /// `deblox` with these words, on this bus.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = deblox();
        command.args(words).env("REDIS_URL", &self.url).env("DEBLOX_NAMESPACE", &self.namespace);
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "DEBLOX_CONTEXT", "DEBLOX_TOKEN", "DEBLOX_TOKEN_FILE"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs it until the end of the test.
    pub fn follow(&self, words: &[&str]) -> Program {
        Program::start(self.command(words))
    }
}

/// A container on a host, made with docker itself.
pub fn run(host: usize, name: &str, words: &[&str]) -> Scrub {
    let scrub = Scrub::new(host, name);
    docker(host, &[&["run", "-d", "--label", "deblox.test", "--name", name], words].concat());
    scrub
}

/// A container that counts aloud.
fn counting(host: usize, name: &str) -> Scrub {
    run(host, name, &["busybox", "sh", "-c", "i=0; while true; do i=$((i+1)); echo $i; sleep 0.02; done"])
}

/// The numbers that each container has counted so far, by what stands before them; the last line may be half written.
fn counted(output: &str) -> BTreeMap<String, Vec<u64>> {
    let mut counted: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let whole = output.rsplit_once('\n').map_or("", |(whole, _)| whole);
    for line in whole.lines() {
        let (name, number) = line.split_once(" | ").unwrap_or(("", line));
        let number = number.parse().unwrap_or_else(|_| panic!("no number: {line:?}"));
        counted.entry(name.trim().to_owned()).or_default().push(number);
    }
    counted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followed_logs_of_several_miss_no_line_and_say_none_twice_whatever_breaks() {
    let redis = own_redis().await;
    let bus = Bus::on(&redis.url).await;
    let (first, _second) = (bus.worker(1, "d1.test").await, bus.worker(2, "d2.test").await);
    let (a, b) = (unique("a"), unique("b"));
    let _scrub = (counting(1, &a), counting(2, &b));
    let logs = bus.follow(&["logs", "-f", &a, &b]);
    let further = async |lines: usize| {
        let before = counted(&logs.output());
        let grown = |name: &String, now: &BTreeMap<String, Vec<u64>>| {
            now.get(name).map_or(0, Vec::len) > before.get(name).map_or(0, Vec::len) + lines
        };
        until("both go on", async || {
            let now = counted(&logs.output());
            (grown(&a, &now) && grown(&b, &now)).then_some(())
        })
        .await;
    };
    further(50).await;
    for kind in ["normal", "pubsub"] {
        let _: i64 = bus.redis(&["CLIENT", "KILL", "TYPE", kind]).await;
    }
    further(50).await;
    assert_eq!(logs.errors(), "", "a break of the bus is nobody's business");

    // Its worker stops in good order, and another one starts.
    first.stop().await;
    logs.says("is followed further").await;
    let first = bus.worker(1, "d1.test").await;
    further(50).await;
    // The next one goes without a word.
    drop(first);
    until("the dock is lost", async || (bus.dock("d1.test").await["state"] == "lost").then_some(())).await;
    let _first = bus.worker(1, "d1.test").await;
    further(50).await;

    let counted = counted(&logs.output());
    assert_eq!(counted.len(), 2, "{counted:?}");
    for (name, numbers) in counted {
        let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
        assert!(numbers == expected, "{name}: {numbers:?}");
    }
    let errors = logs.errors();
    assert!((1..=2).contains(&errors.lines().count()) && errors.lines().all(|line| line.contains(&a)), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_followed_log_begins_where_it_is_told_and_ends_with_its_container() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let (a, b) = (unique("a"), unique("b"));
    let script = "echo 1; echo 2 >&2; sleep 0.3; echo 3; while ! [ -e /go ]; do sleep 0.1; done; echo 4";
    let _scrub = (run(1, &a, &["busybox", "sh", "-c", script]), run(1, &b, &["busybox", "sh", "-c", script]));
    until("both have written", async || {
        let all = [&a, &b].map(|name| docker(1, &["logs", name]));
        all.iter().all(|log| log.contains('3')).then_some(())
    })
    .await;
    let mut merged = bus.follow(&["logs", "-f", "-t", &a, &b]);
    let mut last = bus.follow(&["logs", "-f", "-n", "1", &a]);
    until("they have begun", async || (merged.output().lines().count() == 6 && last.output() == "3\n").then_some(()))
        .await;
    for name in [&a, &b] {
        docker(1, &["exec", name, "touch", "/go"]);
    }
    assert_eq!((merged.ended().await.code(), last.ended().await.code()), (Some(0), Some(0)), "{}", merged.errors());
    assert_eq!(last.output(), "3\n4\n");
    let output = merged.output();
    let times: Vec<&str> = output.lines().map(|line| line.split(' ').nth(2).expect("a time")).collect();
    assert!(times.len() == 8 && times.is_sorted(), "{output}");
    let said = bus.deblox(&["logs", "-f", "nobody-here", &a]).await;
    assert_eq!((said.code, said.out.lines().count()), (1, 4), "{said:?}");
    assert!(said.err.contains("nobody-here") && said.err.lines().count() == 1, "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stats_show_what_all_use_once_or_as_it_changes() {
    let bus = Bus::new().await;
    let _workers = (bus.worker(1, "d1.test").await, bus.worker(2, "d2.test").await);
    bus.registered(2).await;
    let (a, b) = (unique("a"), unique("b"));
    let _scrub = run(1, &a, &["busybox", "sh", "-c", "while true; do true; done"]);
    let table = bus.says(&["stats", "--no-stream", &a]).await;
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 2, "{table}");
    assert!(rows[0].starts_with("CONTAINER ID   NAME") && rows[0].contains("MEM USAGE / LIMIT"), "{table}");
    assert!(rows[1].contains(&a) && rows[1].contains("d1.test") && rows[1].contains("iB / "), "{table}");
    let sample = objects(&bus.says(&["stats", "--no-stream", "--format", "json", &a]).await).remove(0);
    assert!(sample["cpuPercent"].as_f64() > Some(1.0) && sample["pids"].as_u64() >= Some(1), "{sample}");
    assert_eq!((&sample["name"], &sample["dock"]), (&json!(a), &json!("d1.test")), "{sample}");

    assert!(bus.says(&["stats", "--quiet"]).await.lines().any(|line| line == format!("d1.test/{a}")));

    // Those that begin later are shown too, on whatever dock.
    let live = bus.follow(&["stats", "--format", "json"]);
    let samples = |name: &str| {
        let output = live.output();
        let whole = output.rsplit_once('\n').map_or("", |(whole, _)| whole);
        objects(whole).iter().filter(|sample| sample["name"] == name).count()
    };
    until("samples of one", async || (samples(&a) >= 2).then_some(())).await;
    let _other = run(2, &b, &["busybox", "sleep", "3600"]);
    until("samples of the other", async || (samples(&b) >= 2).then_some(())).await;
    bus.complains(&["stats", "--no-stream", "nobody-here"], 1, &["nobody-here", "deblox ps -a"]).await;
    bus.complains(&["stats", "nobody-here"], 1, &["nobody-here"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stats_go_on_after_a_break_of_the_bus() {
    let redis = own_redis().await;
    let bus = Bus::on(&redis.url).await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("busy");
    let _scrub = counting(1, &name);
    let table = bus.follow(&["stats", &name]);
    let mut samples = bus.follow(&["stats", "--format", "json", &name]);
    // A row with numbers in it is a sample.
    let rows = || table.output().lines().filter(|line| line.contains('%') && line.contains(&name)).count();
    let further = async || {
        let before = (rows(), samples.output().lines().count());
        until("both are shown further", async || {
            (rows() > before.0 + 1 && samples.output().lines().count() > before.1 + 1).then_some(())
        })
        .await;
    };
    further().await;
    for kind in ["normal", "pubsub"] {
        let _: i64 = bus.redis(&["CLIENT", "KILL", "TYPE", kind]).await;
    }
    further().await;
    let once = bus.deblox(&["stats", "--no-stream", &name]).await;
    assert_eq!((once.code, once.out.lines().count()), (0, 2), "{once:?}");
    assert_eq!(table.errors() + &samples.errors(), "", "a break of the bus is nobody's business");
    // As with docker, they go on until it is removed.
    docker(1, &["rm", "-f", &name]);
    let mut table = table;
    assert_eq!((table.ended().await.code(), samples.ended().await.code()), (Some(0), Some(0)), "{}", table.errors());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_streams_goes_on_where_the_clock_of_redis_goes_back() {
    let redis = own_redis().await;
    let bus = Bus::on(&redis.url).await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("late");
    let _scrub = counting(1, &name);
    let logs = bus.follow(&["logs", "-f", &name]);
    let key = bus.key("events");
    let tell = async |id: &str, number: u32| {
        let json = json!({"event": "test", "number": number}).to_string();
        bus.redis::<String>(&["XADD", &key, id, "json", &json]).await
    };
    tell("*", 1).await;
    let events = bus.follow(&["events", "--after", "0", "--format", "json"]);
    until("both have begun", async || {
        (events.output().contains("\"number\":1") && logs.output().lines().count() > 20).then_some(())
    })
    .await;
    // As on a replica that takes over: what was read last is not there, and what comes next has smaller ids.
    let future = "4000000000000-0";
    let lose = "for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1], '+')) do
                    redis.call('XDEL', KEYS[1], entry[1])
                end
                local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
                redis.call('XSETID', KEYS[1], last and last[1] or '1-0')";
    let output = bus.redis::<Vec<String>>(&["KEYS", &bus.key("output.*")]).await;
    for output in &output {
        bus.redis::<String>(&["XADD", output, future, "sign", "1"]).await;
    }
    tell(future, 2).await;
    let further = async || {
        let shown = logs.output().lines().count();
        until("logs go on", async || (logs.output().lines().count() > shown + 50).then_some(())).await;
    };
    further().await;
    until("the second event", async || events.output().contains("\"number\":2").then_some(())).await;
    for key in output.iter().chain([&key]) {
        bus.redis::<()>(&["EVAL", lose, "1", key, future]).await;
    }
    for kind in ["normal", "pubsub"] {
        let _: i64 = bus.redis(&["CLIENT", "KILL", "TYPE", kind]).await;
    }
    tell("*", 3).await;
    further().await;
    until("the third event", async || events.output().contains("\"number\":3").then_some(())).await;
    let numbers: Vec<u64> = objects(&events.output()).iter().filter_map(|event| event["number"].as_u64()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let counted = counted(&logs.output()).into_values().next().expect("lines");
    let expected: Vec<u64> = (1..=counted.len() as u64).collect();
    assert!(counted == expected, "{counted:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_the_cluster_and_of_a_daemon_are_told() {
    let bus = Bus::new().await;
    let worker = bus.worker(1, "d1.test").await;
    let tell = async |number: u32| {
        let json = json!({"event": "test", "number": number}).to_string();
        bus.redis::<String>(&["XADD", &bus.key("events"), "*", "json", &json]).await
    };
    let first = tell(1).await;
    tell(2).await;
    let cluster = bus.follow(&["events", "--after", &first, "--format", "json"]);
    let all = bus.follow(&["events", "--after", "0"]);
    until("what is kept", async || cluster.output().contains("\"number\":2").then_some(())).await;
    let name = unique("watched");
    let daemon = bus.follow(&["events", "--dock", "d1.test", "--since", "1s", "-f", &format!("container={name}")]);
    let _scrub = run(1, &name, &["busybox", "sleep", "3600"]);
    until("the start", async || daemon.output().contains("container start ").then_some(())).await;

    worker.stop().await;
    cluster.says("told further").await;
    daemon.says("told further").await;
    tell(3).await;
    docker(1, &["pause", &name]);
    let _worker = bus.worker(1, "d1.test").await;
    until("what has happened meanwhile", async || {
        let both = cluster.output().contains("\"number\":3") && daemon.output().contains("container pause ");
        both.then_some(())
    })
    .await;
    let numbers: Vec<Value> = objects(&cluster.output()).into_iter().map(|event| event["number"].clone()).collect();
    assert_eq!(numbers.iter().filter(|number| number.is_u64()).collect::<Vec<_>>(), [&json!(2), &json!(3)]);
    assert_eq!(daemon.output().matches("container start ").count(), 1, "{}", daemon.output());
    until("all of them", async || all.output().contains(" test number=3").then_some(())).await;
    assert!(all.output().contains(" test number=1"), "{}", all.output());
    bus.complains(&["events", "--after", "yesterday"], 1, &["after"]).await;
    let filters = ["-f", "dock=d1.test", "-f", "event=dock-stopped", "-f", "event=dock-back"];
    let some = bus.follow(&[&["events", "--after", "0", "--format", "json"], &filters[..]].concat());
    let told = || objects(&some.output()).iter().map(|event| event["event"].clone()).collect::<Vec<_>>();
    until("those that fit", async || (told() == ["dock-stopped", "dock-back"]).then_some(())).await;
    let names = bus.follow(&[&["events", "--after", "0", "--quiet"], &filters[..]].concat());
    until("their names alone", async || (names.output() == "d1.test\nd1.test\n").then_some(())).await;
    bus.complains(&["events", "-f", "type=container"], 1, &["type", "event, dock"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_and_long_lines_come_as_they_were_written() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("long");
    let _scrub = Scrub::new(1, &name);
    let script = "seq 1 100000; head -c 40000 /dev/zero | tr '\\0' x; echo; head -c 16384 /dev/zero | tr '\\0' y; echo; \
                  echo 2026-01-01T00:00:00.000000000Z is not the time; printf end";
    docker(1, &["run", "--label", "deblox.test", "--name", &name, "busybox", "sh", "-c", script]);
    let mut expected = (1..=100_000).fold(String::new(), |lines, number| lines + &number.to_string() + "\n");
    expected += &["x".repeat(40_000), "y".repeat(16_384), String::new()].join("\n");
    expected.push_str("2026-01-01T00:00:00.000000000Z is not the time\nend\n");
    let said = bus.deblox(&["logs", "-f", &name]).await;
    let differs = said.out.lines().zip(expected.lines()).find(|(is, should)| is != should);
    assert!(said.out == expected, "{} bytes of {}, {differs:?}", said.out.len(), expected.len());
}

#[tokio::test]
async fn a_call_that_streams_says_that_redis_is_away() {
    let nowhere = format!("redis://127.0.0.1:{}", crate::support::port());
    let bus = Bus::new().await;
    let follow = json!({"action": "container-logs", "id": "x", "follow": true}).to_string();
    let words = ["call", "--timeout", "1s", &follow];
    let away = bus.deblox_with(&words, |command| {
        command.env("REDIS_URL", &nowhere);
    });
    let said = away.await;
    assert_eq!((said.code, said.out.as_str(), said.err.lines().count()), (1, "", 1), "{said:?}");
    assert!(said.err.starts_with("deblox: ") && said.err.contains("Redis"), "{said:?}");
}
