//! What streams: all of it arrives, in order and once; it goes as fast as its reader; it ends when either side does.

use std::time::{Duration, Instant};

use deblox::client::{Arrival, Client, ClientError, Reply, Stream};
use deblox::protocol::limits::{CHUNK_BYTES, CHUNKS_AHEAD};
use deblox::protocol::{Channel, Chunk, RequestId};
use serde_json::{Value, json};

use crate::support::{Bus, Disturbed, PATIENCE, Scrub, docker, quiet_hosts, refused, unique, until};

/// Everything that came by a stream.
#[derive(Debug, Default)]
struct Heard {
    head: Vec<Value>,
    data: Vec<u8>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    gaps: u64,
}

impl Heard {
    fn add(&mut self, channel: Channel, bytes: &[u8]) {
        match channel {
            Channel::Head => self.head.push(serde_json::from_slice(bytes).expect("JSON")),
            Channel::Data => self.data.extend_from_slice(bytes),
            Channel::Stdout => self.stdout.extend_from_slice(bytes),
            Channel::Stderr => self.stderr.extend_from_slice(bytes),
        }
    }
}

fn client(bus: &Bus) -> Client {
    Client::new(&bus.options()).expect("options")
}

/// The next thing that comes.
async fn next(stream: &mut Stream) -> Arrival {
    let next = tokio::time::timeout(PATIENCE, stream.next()).await.expect("something comes");
    next.expect("it has not ended").expect("no error")
}

/// Reads on until `enough`.
async fn hear(stream: &mut Stream, heard: &mut Heard, enough: impl Fn(&Heard) -> bool) {
    while !enough(heard) {
        match next(stream).await {
            Arrival::Chunk(channel, bytes) => heard.add(channel, &bytes),
            Arrival::Gap(missing) => heard.gaps += missing,
            Arrival::End(reply) => panic!("ended too early: {heard:?} {}", reply.json()),
        }
    }
}

/// Reads to the end.
async fn all(stream: &mut Stream, heard: &mut Heard) -> Reply {
    loop {
        match next(stream).await {
            Arrival::Chunk(channel, bytes) => heard.add(channel, &bytes),
            Arrival::Gap(missing) => heard.gaps += missing,
            Arrival::End(reply) => return reply,
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn numbers(to: u32) -> String {
    (1..=to).fold(String::new(), |lines, number| lines + &number.to_string() + "\n")
}

/// A container on a host, made with docker itself.
fn run(host: usize, name: &str, words: &[&str]) -> Scrub {
    let scrub = Scrub::new(host, name);
    docker(host, &[&["run", "-d", "--label", "deblox.test", "--name", name], words].concat());
    scrub
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_comes_whole_and_in_order_and_goes_on() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("log");
    let script = "seq 1 100000; echo wrong >&2; while ! [ -e /go ]; do sleep 0.1; done; echo more; sleep 3600";
    let _scrub = run(1, &name, &["busybox", "sh", "-c", script]);
    let mut stream =
        client(&bus).stream(json!({"action": "container-logs", "id": name, "follow": true})).expect("a request");
    let mut heard = Heard::default();
    let whole = numbers(100_000);
    hear(&mut stream, &mut heard, |heard| heard.stdout.len() >= whole.len() && !heard.stderr.is_empty()).await;
    assert!(text(&heard.stdout) == whole, "not the same");
    assert_eq!((text(&heard.stderr).as_str(), heard.gaps), ("wrong\n", 0));
    assert_eq!(heard.head[0]["dockerInstance"], "d1.test");

    docker(1, &["exec", &name, "touch", "/go"]);
    hear(&mut stream, &mut heard, |heard| heard.stdout.ends_with(b"more\n")).await;
    docker(1, &["kill", &name]);
    let reply = all(&mut stream, &mut heard).await;
    assert_eq!((reply.status(), reply.error(), reply.dock()), (200, None, Some("d1.test")), "{}", reply.json());
    assert_eq!(reply.body::<Value>().expect("a body")["chunks"], stream.seq());
    until("nothing is left but what expires", async || {
        let keys: Vec<String> = bus.redis(&["KEYS", &bus.key("input.*")]).await;
        keys.is_empty().then_some(())
    })
    .await;
    let left: i64 = bus.redis(&["PTTL", &bus.key(&format!("output.{}", stream.id()))]).await;
    assert!((0..=60_000).contains(&left), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_an_ordinary_reply() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("stopped");
    let _scrub = Scrub::new(1, &name);
    docker(1, &["create", "--label", "deblox.test", "--name", &name, "busybox", "true"]);
    let mut heard = Heard::default();
    let mut reply = async |request: Value| {
        let mut stream = client(&bus).stream(request).expect("a request");
        let reply = all(&mut stream, &mut heard).await;
        serde_json::from_str::<Value>(reply.json()).expect("JSON")
    };
    let missing = reply(json!({"action": "container-logs", "id": "nobody-here", "follow": true})).await;
    refused(&missing, 404, "no-such-instance", &["nobody-here"]);
    let idle = reply(json!({"action": "exec-container", "id": name, "cmd": ["true"], "stream": true})).await;
    refused(&idle, 409, "conflict", &["not running"]);
    let file = reply(json!({"action": "copy-from-container", "id": name, "path": "/no/such"})).await;
    assert_eq!(file["statusCode"], 404, "{file}");
    let field = reply(json!({"action": "container-logs", "id": name, "folow": true})).await;
    refused(&field, 400, "unknown-field", &["follow"]);
    let called = client(&bus).call(json!({"action": "container-logs", "id": name, "follow": true})).await;
    assert!(matches!(called, Err(ClientError::Streams)), "{called:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_typed_into_and_its_terminal_has_a_size() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("shell");
    let _scrub = run(1, &name, &["busybox", "sleep", "3600"]);
    let client = client(&bus);

    let request = json!({"action": "exec-container", "id": name, "cmd": ["sh"], "tty": true, "stdin": true});
    let mut stream = client.stream(request).expect("a request");
    let (input, mut heard) = (stream.input(), Heard::default());
    input.resize(33, 77).await.expect("sent");
    hear(&mut stream, &mut heard, |heard| text(&heard.data).contains('#')).await;
    input.resize(33, 77).await.expect("sent");
    input.send(b"stty size; echo o\"k\"\n").await.expect("sent");
    hear(&mut stream, &mut heard, |heard| text(&heard.data).contains("ok\r\n")).await;
    assert!(text(&heard.data).contains("33 77"), "{}", text(&heard.data));
    let other = client.resume(stream.id().clone(), stream.seq());
    other.input().send(b"echo th\"is\"\n").await.expect("sent");
    hear(&mut stream, &mut heard, |heard| text(&heard.data).contains("this\r\n")).await;
    other.leave();
    input.send(b"exit 7\n").await.expect("sent");
    let reply = all(&mut stream, &mut heard).await;
    assert_eq!(reply.body::<Value>().expect("a body")["exitCode"], 7, "{}", reply.json());

    // Without a terminal: any bytes, told apart, and the end of the input ends it.
    let request =
        json!({"action": "exec-container", "id": name, "cmd": ["sh", "-c", "cat; echo done >&2"], "stdin": true});
    let mut stream = client.stream(request).expect("a request");
    let (input, mut heard) = (stream.input(), Heard::default());
    let bytes: Vec<u8> = (0..3_000_000u32).map(|number| (number % 251) as u8).collect();
    let sending = {
        let bytes = bytes.clone();
        tokio::spawn(async move {
            input.send(&bytes).await.expect("sent");
            input.close().await.expect("closed");
        })
    };
    let reply = all(&mut stream, &mut heard).await;
    sending.await.expect("it sends");
    assert!(heard.stdout == bytes, "{} of {} bytes", heard.stdout.len(), bytes.len());
    assert_eq!((text(&heard.stderr).as_str(), heard.gaps), ("done\n", 0));
    assert_eq!(reply.body::<Value>().expect("a body")["exitCode"], 0, "{}", reply.json());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attached_reader_sees_what_the_process_writes_and_types_into_it() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("attach");
    let _scrub = Scrub::new(1, &name);
    let client = client(&bus);
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "interactive": true,
        "cmd": ["sh", "-c", "read line; echo got $line; exit 5"]});
    assert_eq!(client.call(create).await.expect("a reply").status(), 201);
    let attach = json!({"action": "attach-container", "id": name, "stdin": true});
    let mut stream = client.stream(attach).expect("a request");
    let (input, mut heard) = (stream.input(), Heard::default());
    // The second head is the daemon's: it is attached.
    hear(&mut stream, &mut heard, |heard| heard.head.len() == 2).await;
    assert_eq!(heard.head[1]["statusCode"], 101, "{heard:?}");
    assert!(client.call(json!({"action": "start-container", "id": name})).await.expect("a reply").is_success());
    input.send(b"this\n").await.expect("sent");
    let reply = all(&mut stream, &mut heard).await;
    assert_eq!(text(&heard.stdout), "got this\n");
    let waited = client.call(json!({"action": "wait-container", "id": name})).await.expect("a reply");
    assert_eq!(waited.body::<Value>().expect("a body")["StatusCode"], 5);
    assert_eq!(reply.error(), None, "{}", reply.json());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_slows_the_daemon_and_others_of_the_dock_are_not_held_up() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("flood");
    let _scrub = run(1, &name, &["busybox", "sleep", "3600"]);
    let client = client(&bus);
    let cmd = ["sh", "-c", "i=0; while true; do head -c 65536 /dev/zero; i=$((i+1)); echo $i > /count; done"];
    let request = json!({"action": "exec-container", "id": name, "cmd": cmd, "stream": true});
    let mut stream = client.stream(request).expect("a request");
    let count = || docker(1, &["exec", &name, "cat", "/count"]).trim().parse::<u64>().unwrap_or(0);
    let mut heard = Heard::default();
    hear(&mut stream, &mut heard, |heard| !heard.stdout.is_empty()).await;
    // It stands still, and well before it has filled anything.
    let stopped = until("the writer stands still", async || {
        let before = count();
        tokio::time::sleep(Duration::from_secs(2)).await;
        (count() == before).then_some(before)
    })
    .await;
    assert!(stopped < 400, "{stopped} chunks of 64 KiB");
    let output = bus.key(&format!("output.{}", stream.id()));
    assert!(bus.redis::<usize>(&["XLEN", &output]).await <= 300);
    assert!(bus.redis::<usize>(&["MEMORY", "USAGE", &output]).await < 20 * 1024 * 1024);

    let asked = Instant::now();
    for _ in 0..20 {
        let seen = client.call(json!({"action": "inspect-container", "id": name, "timeout": 5000})).await;
        assert!(seen.expect("a reply").is_success());
    }
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());

    let far = heard.stdout.len() + 40 * 1024 * 1024;
    hear(&mut stream, &mut heard, |heard| heard.stdout.len() > far).await;
    assert!(heard.gaps == 0 && heard.stdout.iter().all(|byte| *byte == 0));
    assert!(count() > stopped);

    // A reader that goes ends it, on the worker and in Redis.
    let id = stream.id().clone();
    drop(stream);
    let reply = bus.reply(id.as_str()).await;
    refused(&reply, 499, "cancelled", &[]);
    assert!(reply["Response"]["Body"]["chunks"].as_u64() > Some(64), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_comes_back_goes_on_where_it_was() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("resume");
    let _scrub = run(1, &name, &["busybox", "sh", "-c", "i=0; while true; do i=$((i+1)); echo $i; sleep 0.02; done"]);
    let client = client(&bus);
    let request = json!({"action": "container-logs", "id": name, "follow": true, "requestId": unique("r")});
    let mut stream = client.stream(request).expect("a request");
    let mut heard = Heard::default();
    hear(&mut stream, &mut heard, |heard| heard.stdout.len() > 100).await;
    let (id, seq) = (stream.id().clone(), stream.seq());
    stream.leave();
    let mut resumed = client.resume(id.clone(), seq);
    hear(&mut resumed, &mut heard, |heard| heard.stdout.len() > 600).await;
    assert_eq!(heard.gaps, 0);
    let lines: Vec<u32> = text(&heard.stdout).lines().map(|line| line.parse().unwrap_or_default()).collect();
    let whole = &lines[..lines.len() - 1];
    assert!(whole.iter().zip(1..).all(|(line, number)| *line == number), "{whole:?}");

    // What is kept no longer is told.
    let seq = resumed.seq();
    resumed.leave();
    let output = bus.key(&format!("output.{id}"));
    until("more has come", async || (bus.redis::<u64>(&["XLEN", &output]).await > seq + 20).then_some(())).await;
    let _: i64 = bus.redis(&["XTRIM", &output, "MAXLEN", "=", "5"]).await;
    let mut resumed = client.resume(id, seq);
    let mut after = Heard::default();
    hear(&mut resumed, &mut after, |after| !after.stdout.is_empty()).await;
    assert!(after.gaps > 0, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_vanishes_ends_the_stream_within_seconds() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("vanish");
    let _scrub = run(1, &name, &["busybox", "sleep", "3600"]);
    // By hand, as with redis-cli, and without a word after that.
    let asked = Instant::now();
    let id = bus.send(&["action", "container-logs", "id", &name, "follow", "true"]).await;
    let reply = bus.reply_within(&id, Duration::from_secs(40)).await.expect("a reply");
    refused(&reply, 408, "reader-gone", &["ack"]);
    assert!(asked.elapsed() >= Duration::from_secs(10), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_a_dock_that_is_lost_ends_and_says_so() {
    let bus = Bus::new().await;
    let (worker, _other) = (bus.worker(1, "d1.test").await, bus.worker(2, "d2.test").await);
    bus.registered(2).await;
    let name = unique("lost");
    let _scrub = run(1, &name, &["busybox", "sh", "-c", "echo here; sleep 3600"]);
    let client = client(&bus);
    let request =
        json!({"action": "container-logs", "id": name, "dock": "d1.test", "follow": true, "timeout": 600_000});
    let mut stream = client.stream(request.clone()).expect("a request");
    let mut heard = Heard::default();
    hear(&mut stream, &mut heard, |heard| !heard.stdout.is_empty()).await;
    drop(worker);
    let reply = all(&mut stream, &mut heard).await;
    assert_eq!((reply.status(), reply.error()), (503, Some("dock-lost")), "{}", reply.json());
    assert!(reply.message().is_some_and(|message| message.contains("d1.test")), "{}", reply.json());

    // A worker that stops in good order says so itself.
    let worker = bus.worker(1, "d1.test").await;
    until("it is up again", async || (bus.dock("d1.test").await["state"] == "up").then_some(())).await;
    let mut stream = client.stream(request).expect("a request");
    let mut heard = Heard::default();
    hear(&mut stream, &mut heard, |heard| !heard.stdout.is_empty()).await;
    let stopped = Instant::now();
    worker.stop().await;
    let reply = all(&mut stream, &mut heard).await;
    assert_eq!((reply.status(), reply.error()), (504, Some("interrupted")), "{}", reply.json());
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_a_daemon_that_hangs_ends_and_says_so() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let _worker = bus.worker(4, "d4.test").await;
    let name = unique("hung");
    let _scrub = run(4, &name, &["busybox", "sh", "-c", "echo here; sleep 3600"]);
    let mut stream =
        client(&bus).stream(json!({"action": "container-logs", "id": name, "follow": true})).expect("a request");
    let mut heard = Heard::default();
    hear(&mut stream, &mut heard, |heard| !heard.stdout.is_empty()).await;
    let hung = Disturbed::hang(4);
    let reply = all(&mut stream, &mut heard).await;
    drop(hung);
    assert_eq!((reply.status(), reply.error()), (504, Some("interrupted")), "{}", reply.json());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_in_and_out_and_images_are_built_saved_and_loaded() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("files");
    let _scrub = run(1, &name, &["busybox", "sleep", "3600"]);
    let client = client(&bus);
    let upload = async |request: Value, bytes: &[u8]| {
        let mut stream = client.stream(request).expect("a request");
        let (input, mut heard) = (stream.input(), Heard::default());
        input.send(bytes).await.expect("sent");
        input.close().await.expect("closed");
        (all(&mut stream, &mut heard).await, heard)
    };
    let content: Vec<u8> = (0..700_000u32).map(|number| (number % 253) as u8).collect();
    let archive = tar("here.bin", &content);
    let (reply, _) = upload(json!({"action": "copy-to-container", "id": name, "path": "/tmp"}), &archive).await;
    assert_eq!((reply.status(), reply.error()), (200, None), "{}", reply.json());
    let copy = json!({"action": "copy-from-container", "id": name, "path": "/tmp/here.bin"});
    let mut stream = client.stream(copy).expect("a request");
    let mut heard = Heard::default();
    let reply = all(&mut stream, &mut heard).await;
    assert_eq!(reply.error(), None, "{}", reply.json());
    assert!(heard.data[512..].starts_with(&content), "{} bytes", heard.data.len());

    let image = format!("{}:1", unique("built"));
    let context = tar("Dockerfile", b"FROM busybox\nARG WHAT=no\nRUN echo built $WHAT > /made\n");
    let build = json!({"action": "build-image", "dock": "d1.test", "tags": [image], "build-args": {"WHAT": "well"}});
    let (reply, heard) = upload(build, &context).await;
    let body: Value = reply.body().expect("a body");
    assert!(
        reply.error().is_none() && body["aux"]["ID"].as_str().is_some_and(|id| id.starts_with("sha256:")),
        "{body}"
    );
    assert!(text(&heard.data).contains("Successfully built"), "{}", text(&heard.data));
    assert_eq!(docker(1, &["run", "--rm", &image, "cat", "/made"]), "built well");
    // An upload that breaks off is no whole, even where everything has come.
    let broken = format!("{}:1", unique("broken"));
    let mut stream =
        client.stream(json!({"action": "build-image", "dock": "d1.test", "tags": broken})).expect("a request");
    stream.input().send(&tar("Dockerfile", b"FROM busybox\nLABEL whole=no\n")).await.expect("sent");
    hear(&mut stream, &mut Heard::default(), |heard| heard.head.len() == 1).await;
    let id = stream.id().clone();
    until("all of it is taken", async || {
        let left: usize = bus.redis(&["XLEN", &bus.key(&format!("input.{id}"))]).await;
        (left == 0).then_some(())
    })
    .await;
    drop(stream);
    refused(&bus.reply(id.as_str()).await, 499, "cancelled", &[]);
    let failing = tar("Dockerfile", b"FROM busybox\nRUN exit 3\n");
    let (reply, _) = upload(json!({"action": "build-image", "dock": "d1.test"}), &failing).await;
    assert_eq!((reply.status(), reply.error()), (502, Some("build-failed")), "{}", reply.json());

    assert_eq!(docker(1, &["images", "-q", &broken]), "");

    let mut stream =
        client.stream(json!({"action": "save-image", "dock": "d1.test", "image": image})).expect("a request");
    let mut saved = Heard::default();
    assert_eq!(all(&mut stream, &mut saved).await.error(), None);
    let (reply, _) = upload(json!({"action": "load-image", "dock": "d1.test"}), b"no archive").await;
    assert!(reply.error().is_some_and(|error| error.starts_with("docker")), "{}", reply.json());
    let several = json!({"action": "save-images", "dock": "d1.test", "images": ["busybox", image]});
    let mut stream = client.stream(several).expect("a request");
    assert_eq!(all(&mut stream, &mut Heard::default()).await.error(), None);
    docker(1, &["rmi", &image]);
    let (reply, heard) = upload(json!({"action": "load-images", "dock": "d1.test"}), &saved.data).await;
    assert!(reply.error().is_none() && text(&heard.data).contains(&image), "{} {}", reply.json(), text(&heard.data));
    docker(1, &["rmi", &image]);

    let mut stream = client.stream(json!({"action": "export-container", "id": name})).expect("a request");
    let mut exported = Heard::default();
    assert_eq!(all(&mut stream, &mut exported).await.error(), None);
    let imported = unique("imported");
    let import = json!({"action": "import-image", "dock": "d1.test", "repo": imported, "tag": "2"});
    let (reply, _) = upload(import, &exported.data).await;
    assert_eq!(reply.error(), None, "{}", reply.json());
    docker(1, &["rmi", &format!("{imported}:2")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stats_events_and_any_call_to_the_daemon_stream() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("watched");
    let _scrub = run(1, &name, &["busybox", "sleep", "3600"]);
    let client = client(&bus);
    let lines = |heard: &Heard| text(&heard.data).lines().count();

    let mut stats = client.stream(json!({"action": "container-stats", "id": name, "stream": true})).expect("a request");
    let mut heard = Heard::default();
    hear(&mut stats, &mut heard, |heard| lines(heard) >= 2).await;
    let first = text(&heard.data).lines().next().map(str::to_owned).unwrap_or_default();
    assert!(serde_json::from_str::<Value>(&first).is_ok_and(|one| one["cpu_stats"].is_object()), "{first}");

    let filters = json!({"container": [name]});
    let mut events =
        client.stream(json!({"action": "events", "dock": "d1.test", "filters": filters})).expect("a request");
    let mut heard = Heard::default();
    hear(&mut events, &mut heard, |heard| heard.head.len() == 2).await;
    docker(1, &["pause", &name]);
    docker(1, &["unpause", &name]);
    hear(&mut events, &mut heard, |heard| text(&heard.data).contains("unpause")).await;

    let id = docker(1, &["inspect", "-f", "{{.Id}}", &name]).trim().to_owned();
    let path = format!("/containers/{id}/attach");
    let attach = json!({"action": "docker", "dock": "d1.test", "method": "POST", "path": path});
    let refusal = bus.call(attach.clone()).await;
    refused(&refusal, 501, "streams", &["stream"]);
    let mut attach = attach;
    attach["stream"] = true.into();
    attach["query"] = json!({"stream": "1", "stdout": "1"});
    let mut attached = client.stream(attach).expect("a request");
    let mut heard = Heard::default();
    hear(&mut attached, &mut heard, |heard| heard.head.len() == 2).await;
    assert_eq!(heard.head[1]["statusCode"], 101);
    docker(1, &["kill", &name]);
    assert_eq!(all(&mut attached, &mut heard).await.error(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_the_cluster_go_on_without_a_gap() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let client = client(&bus);
    let tell = async |number: u32| {
        let json = json!({"event": "test", "id": "x", "number": number}).to_string();
        bus.redis::<String>(&["XADD", &bus.key("events"), "*", "json", &json]).await
    };
    let first = tell(1).await;
    tell(2).await;
    let mut stream = client.stream(json!({"action": "events", "all": true, "after": first})).expect("a request");
    let mut heard = Heard::default();
    // Other tests make and remove containers on that host.
    let told = |heard: &Heard| -> Vec<Value> {
        let events = text(&heard.data);
        let events = events.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["event"] == "test").collect()
    };
    hear(&mut stream, &mut heard, |heard| told(heard).len() == 1).await;
    let third = tell(3).await;
    hear(&mut stream, &mut heard, |heard| told(heard).len() == 2).await;
    let told = told(&heard);
    assert_eq!((&told[0]["number"], &told[1]["number"], &told[1]["id"]), (&json!(2), &json!(3), &json!("x")));
    assert_eq!(told[1]["at"], third);
    let bad = bus.call(json!({"action": "events", "all": true, "after": "yesterday"})).await;
    refused(&bad, 400, "bad-field", &["after", "at"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_to_docks_and_instances_is_told_once_whatever_was_away() {
    let bus = Bus::new().await;
    let (worker, _other) = (bus.worker(1, "d1.test").await, bus.worker(2, "d2.test").await);
    bus.registered(2).await;
    let (name, other) = (unique("told"), unique("renamed"));
    let _scrubs = (Scrub::new(1, &name), Scrub::new(1, &other));
    // By the other worker: this one is to go.
    let events = json!({"action": "events", "all": true, "dock": "d2.test"});
    let mut stream = client(&bus).stream(events).expect("a request");
    let mut heard = Heard::default();
    hear(&mut stream, &mut heard, |heard| heard.head.len() == 2).await;
    let told = |heard: &Heard, about: &str| -> Vec<String> {
        let events = text(&heard.data);
        let events = events.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let about = events.filter(|event| event["id"] == about || (event["dock"] == about && event["id"].is_null()));
        about.filter_map(|event| Some(event["event"].as_str()?.to_owned())).collect()
    };

    let id = docker(1, &["run", "-d", "--label", "deblox.test", "--name", &name, "busybox", "sleep", "3600"]);
    hear(&mut stream, &mut heard, |heard| !told(heard, &id).is_empty()).await;
    worker.stop().await;
    docker(1, &["rename", &name, &other]);
    docker(1, &["kill", &other]);
    let worker = bus.worker(1, "d1.test").await;
    hear(&mut stream, &mut heard, |heard| told(heard, &id).contains(&"instance-exited".to_owned())).await;
    drop(worker);
    hear(&mut stream, &mut heard, |heard| told(heard, "d1.test").contains(&"dock-lost".to_owned())).await;
    let _worker = bus.worker(1, "d1.test").await;
    docker(1, &["rm", &other]);
    hear(&mut stream, &mut heard, |heard| told(heard, &id).contains(&"instance-removed".to_owned())).await;
    assert_eq!(told(&heard, "d1.test"), ["dock-stopped", "dock-back", "dock-lost", "dock-back"]);
    let mut instance = told(&heard, &id);
    // Whether it was seen before it ran, and between its end and its removal, is chance.
    instance.retain(|event| event != "instance-running" && event != "instance-removing");
    assert_eq!(instance, ["instance-created", "instance-renamed", "instance-exited", "instance-removed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_an_instance_says_whose_it_is_how_it_ended_and_whether_it_is_healthy() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("health");
    let mut stream = client(&bus).stream(json!({"action": "events", "all": true})).expect("a request");
    let mut heard = Heard::default();
    hear(&mut stream, &mut heard, |heard| heard.head.len() == 2).await;
    let script = "while ! [ -e /end ]; do sleep 0.1; done; exit 7";
    let health = ["--health-cmd", "! [ -e /sick ]", "--health-interval", "1s", "--health-retries", "1"];
    let words = [&["--label", "deblox.owner=ada"], &health[..], &["busybox", "sh", "-c", script]].concat();
    let _scrub = run(1, &name, &words);
    let told = |heard: &Heard| -> Vec<Value> {
        let events = text(&heard.data);
        let events = events.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["name"] == name.as_str()).collect()
    };
    let find = |heard: &Heard, event: &str| told(heard).into_iter().find(|told| told["event"] == event);
    hear(&mut stream, &mut heard, |heard| find(heard, "instance-created").is_some()).await;
    for (does, event) in
        [("touch /sick", "instance-unhealthy"), ("rm /sick", "instance-healthy"), ("touch /end", "instance-exited")]
    {
        // Until its first check it is neither.
        assert!(find(&heard, event).is_none(), "{:?}", told(&heard));
        docker(1, &["exec", &name, "sh", "-c", does]);
        hear(&mut stream, &mut heard, |heard| find(heard, event).is_some()).await;
        let told = find(&heard, event).expect("it was told");
        assert_eq!(
            (&told["image"], &told["owner"], &told["dock"]),
            (&json!("busybox"), &json!("ada"), &json!("d1.test"))
        );
        let exit_code = if event == "instance-exited" { json!(7) } else { Value::Null };
        assert_eq!(told["exitCode"], exit_code, "{told}");
    }
    let health =
        told(&heard).iter().filter(|event| event["event"].as_str().is_some_and(|e| e.ends_with("healthy"))).count();
    assert_eq!(health, 2, "{:?}", told(&heard));
}

#[tokio::test]
async fn signs_of_life_take_no_place_from_what_is_not_read() {
    let bus = Bus::new().await;
    let redis = deblox::bus::Bus::new(&bus.options()).expect("options");
    let (id, mut sign) = (RequestId::new(&unique("slow")).expect("a name"), None);
    let data = vec![7; CHUNK_BYTES];
    let chunks: Vec<Chunk> =
        (1..=CHUNKS_AHEAD).map(|seq| Chunk { seq, channel: Channel::Data, data: data.clone() }).collect();
    for some in chunks.chunks(16) {
        redis.put_output(&id, some).await.expect("it is written");
    }
    for _ in 0..200 {
        redis.keep_streaming(&id, "x", Some(CHUNKS_AHEAD), &mut sign).await.expect("it is told");
    }
    redis
        .put_output(&id, &[Chunk { seq: CHUNKS_AHEAD + 1, channel: Channel::Data, data }])
        .await
        .expect("it is written");
    let (mut tail, mut read) = (redis.output(&id), Vec::new());
    loop {
        let entries = tail.rest().await.expect("it is read");
        if entries.is_empty() {
            break;
        }
        read.extend(entries.into_iter().filter_map(|(_, fields)| Chunk::read(fields)).map(|chunk| chunk.seq));
    }
    read.retain(|seq| *seq > 0);
    read.dedup();
    assert_eq!(read, (1..=CHUNKS_AHEAD + 1).collect::<Vec<_>>());
}

/// An archive of one file (POSIX.1-1988, "ustar").
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut head = [0u8; 512];
    head[..name.len()].copy_from_slice(name.as_bytes());
    let mut field = |at: usize, text: String| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    field(100, "0000644\0".into());
    field(108, "0000000\0".into());
    field(116, "0000000\0".into());
    field(124, format!("{:011o}\0", content.len()));
    field(136, "00000000000\0".into());
    field(148, "        ".into());
    field(156, "0".into());
    field(257, "ustar\x0000".into());
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let padding = vec![0; content.len().next_multiple_of(512) - content.len() + 1024];
    [&head, content, &padding].concat()
}
