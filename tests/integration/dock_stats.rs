//! `dock-stats`: what the running containers of a dock use, for whom, and only while somebody wants to know.

use deblox::client::{Arrival, Client, Stream};
use deblox::docker::DockerOptions;
use deblox::protocol::{Channel, DockStats, Role, Sample};
use serde_json::{Value, json};

use crate::proxy::Proxy;
use crate::support::{Bus, PATIENCE, Scrub, docker, refused, succeeded, unique, until};

const HOST: usize = 3;
const DOCK: &str = "stats.test";

/// Works without an end, and sends something to itself.
const BUSY: &[&str] =
    &["busybox", "sh", "-c", "while :; do dd if=/dev/zero of=/tmp/x bs=64k count=16 2>/dev/null; done"];

/// Somebody who reads.
struct Reader {
    stream: Stream,
    text: Vec<u8>,
}

impl Reader {
    fn new(bus: &Bus, token: Option<&str>) -> Self {
        let mut request = json!({"action": "dock-stats", "dock": DOCK});
        if let Some(token) = token {
            request["token"] = json!(token);
        }
        let client = Client::new(&bus.options()).expect("options");
        Self { stream: client.stream(request).expect("a request"), text: Vec::new() }
    }

    /// The next line; or the reply that ends it.
    async fn next(&mut self) -> Result<DockStats, Value> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                return Ok(serde_json::from_slice(&line).expect("what it says"));
            }
            let next = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("something comes");
            match next.expect("it has not ended").expect("no error") {
                Arrival::Chunk(Channel::Data, bytes) => self.text.extend(bytes),
                Arrival::Chunk(..) => {}
                Arrival::Gap(missing) => panic!("{missing} pieces are lost"),
                Arrival::End(reply) => return Err(serde_json::from_str(reply.json()).expect("JSON")),
            }
        }
    }

    /// Reads on until it is as `wanted`.
    async fn until(&mut self, what: &str, wanted: impl Fn(&DockStats) -> bool) -> DockStats {
        let begun = std::time::Instant::now();
        loop {
            let line = self.next().await.expect("it goes on");
            if wanted(&line) {
                return line;
            }
            assert!(begun.elapsed() < PATIENCE, "not in time: {what}: {line:?}");
        }
    }
}

/// A container that runs, made with docker itself: what removes it, and its id.
fn run(name: &str, labels: &[&str], words: &[&str]) -> (Scrub, String) {
    let scrub = Scrub::new(HOST, name);
    let labels: Vec<&str> = labels.iter().flat_map(|label| ["--label", label]).collect();
    let id = docker(HOST, &[&["run", "-d", "--label", "deblox.test", "--name", name], &labels[..], words].concat());
    (scrub, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_is_sampled_once_for_all_who_read_and_only_then() {
    let bus = Bus::new().await;
    // A socket of its own, on which nothing is lost, and everything is seen.
    let daemon = Proxy::losing(HOST, "nothing at all");
    let _worker = bus.worker_with(HOST, DOCK, |options| options.docker = DockerOptions::new(&daemon.address)).await;
    let (_busy, busy) = run(&unique("busy"), &[], &[&["-m", "64m"], BUSY].concat());
    let measures = "/stats";
    assert!(!daemon.has_seen(measures), "nobody has asked");

    let mut reader = Reader::new(&bus, None);
    let line =
        reader.until("the busy one works", |line| line.containers.get(&busy).is_some_and(|one| one.cpu > 0.0)).await;
    let Sample { cpu, memory, memory_limit, pids, .. } = line.containers[&busy].clone();
    assert!(cpu < 100.0 * 64.0 && 0 < memory && memory <= memory_limit, "{line:?}");
    assert_eq!((memory_limit, line.left_out), (64 * 1024 * 1024, 0));
    assert!((1..100).contains(&pids), "{line:?}");
    let next = reader.next().await.expect("it goes on");
    assert!((1500..10_000).contains(&(next.at - line.at)), "every two seconds: {} {}", line.at, next.at);

    // What is started later appears, to all who read, and what is stopped vanishes.
    let mut other = Reader::new(&bus, None);
    let (_late, late) = run(&unique("late"), &[], &["busybox", "sleep", "600"]);
    for reader in [&mut reader, &mut other] {
        reader.until("the late one", |line| line.containers.contains_key(&late)).await;
    }
    let asked = format!("/containers/{busy}{measures}");
    assert_eq!(daemon.times_seen(&asked), 1, "once for both");
    docker(HOST, &["kill", &late]);
    let line = reader.until("the late one has ended", |line| !line.containers.contains_key(&late)).await;
    assert!(line.containers.contains_key(&busy));

    // The last who reads ends it.
    assert_eq!(daemon.open(&asked), 1);
    drop(reader);
    other.next().await.expect("the other reads on");
    assert_eq!(daemon.open(&asked), 1);
    drop(other);
    until("the daemon is asked for nothing", async || (daemon.open(&asked) == 0).then_some(())).await;
    // Whoever comes then is told again.
    let mut again = Reader::new(&bus, None);
    again.until("the busy one", |line| line.containers.contains_key(&busy)).await;
    assert_eq!(daemon.times_seen(&asked), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_told_of_what_it_sees_as_long_as_it_does() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let admin = bus.known_user("root", Role::Admin, &[]).await;
    let ada = bus.known_user("ada", Role::User, &[]).await;
    let (_own, own) = run(&unique("own"), &["deblox.owner=ada"], &["busybox", "sleep", "600"]);
    let (_others, others) = run(&unique("others"), &["deblox.owner=bob"], &["busybox", "sleep", "600"]);
    let (mut all, mut some) = (Reader::new(&bus, Some(&admin)), Reader::new(&bus, Some(&ada)));
    all.until("both", |line| line.containers.contains_key(&own) && line.containers.contains_key(&others)).await;
    let line = some.until("its own", |line| line.containers.contains_key(&own)).await;
    assert_eq!(line.containers.len(), 1, "{line:?}");

    let share = |rights: Value| json!({"action": "share-instance", "id": others, "user": "ada", "rights": rights});
    succeeded(&bus.call_as(&admin, share(json!(["view"]))).await, 200);
    some.until("what is shared", |line| line.containers.contains_key(&others)).await;
    succeeded(&bus.call_as(&admin, share(json!([]))).await, 200);
    some.until("what is no longer shared", |line| !line.containers.contains_key(&others)).await;

    let reply = bus.call(json!({"action": "dock-stats", "dock": DOCK})).await;
    refused(&reply, 401, "unauthenticated", &[]);
    let reply = bus.call_as(&ada, json!({"action": "dock-stats", "requestId": unique("nowhere")})).await;
    refused(&reply, 400, "missing-field", &["`dock`"]);
}
