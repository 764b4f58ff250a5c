//! An upgrade: one worker after the other is stopped and started anew while requests are sent, and none is lost.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::processes::Program;
use crate::support::{Bus, PATIENCE, Scrub, docker, unique, until};

const DOCKS: [&str; 3] = ["a.test", "b.test", "c.test"];

/// Time between two requests.
const PACE: Duration = Duration::from_millis(25);

/// Requests that are sent before the next worker is stopped.
const BETWEEN: usize = 40;

/// What one of every twenty requests is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// For any worker.
    Ping,
    /// For the dock of an instance, by that dock's own stream; done twice, it would be seen.
    Tell(usize),
    /// The same for whoever takes it, who passes it on.
    Look(usize),
    /// For the fittest dock.
    Create,
}

impl Kind {
    fn of(number: usize) -> Self {
        match number % 20 {
            0 | 7 => Self::Tell(number / 7 % DOCKS.len()),
            3 => Self::Look(number / 20 % DOCKS.len()),
            11 => Self::Create,
            _ => Self::Ping,
        }
    }
}

/// A cluster that is asked all the while.
struct Load {
    bus: Bus,
    /// An instance of each dock.
    instances: Vec<String>,
    prefix: String,
}

impl Load {
    fn id(&self, number: usize) -> String {
        format!("{}.{number}", self.prefix)
    }

    /// Sends one request, and does not wait for it.
    async fn send(&self, number: usize) {
        let (stream, mut request) = match Kind::of(number) {
            Kind::Ping => ("docker".to_owned(), json!({"action": "ping"})),
            Kind::Tell(dock) => {
                let tell = format!("echo {number} >> /told");
                let request =
                    json!({"action": "exec-container", "id": self.instances[dock], "cmd": ["sh", "-c", tell]});
                (format!("docker.{}", DOCKS[dock]), request)
            }
            Kind::Look(dock) => {
                ("docker".to_owned(), json!({"action": "inspect-container", "id": self.instances[dock]}))
            }
            Kind::Create => {
                let create = json!({"action": "create-container", "image": "busybox", "name": self.id(number)});
                ("docker".to_owned(), create)
            }
        };
        // Long enough for a machine that has much else to do.
        request["timeout"] = json!(120_000);
        request["requestId"] = json!(self.id(number));
        self.bus.send_to(&stream, &["json", &request.to_string()]).await;
    }

    /// Sends requests at a steady pace until told to end, and counts them.
    async fn run(&self, sent: &AtomicUsize, stop: &CancellationToken) {
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            pace.tick().await;
            self.send(sent.load(Ordering::Relaxed)).await;
            sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The one reply to a request.
    async fn reply(&self, number: usize) -> Value {
        let key = self.bus.key(&format!("reply.{}", self.id(number)));
        let replies = until(&key, async || {
            let replies: Vec<String> = self.bus.redis(&["LRANGE", &key, "0", "-1"]).await;
            (!replies.is_empty()).then_some(replies)
        })
        .await;
        assert_eq!(replies.len(), 1, "{:?}: {replies:?}", Kind::of(number));
        serde_json::from_str(&replies[0]).expect("JSON")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_worker_after_the_other_is_replaced_under_load_and_no_request_is_lost() {
    let bus = Bus::new().await;
    let mut workers = Vec::new();
    for (host, dock) in (1..).zip(DOCKS) {
        workers.push(bus.program(host, dock).await);
    }
    bus.registered(DOCKS.len()).await;
    let prefix = unique("rolling");
    let instances: Vec<String> = (0..DOCKS.len()).map(|number| format!("{prefix}-{number}")).collect();
    let mut scrubs: Vec<Scrub> = (1..).zip(&instances).map(|(host, name)| Scrub::new(host, name)).collect();
    for (dock, name) in DOCKS.iter().zip(&instances) {
        bus.running(dock, name).await;
    }

    let (sent, stop) = (AtomicUsize::new(0), CancellationToken::new());
    let count = || sent.load(Ordering::Relaxed);
    let load = Load { bus: bus.again().await, instances, prefix };
    let further = async || {
        let now = count();
        until("requests are sent", async || (count() >= now + BETWEEN).then_some(())).await;
    };
    let roll = async {
        for (number, dock) in DOCKS.iter().enumerate() {
            further().await;
            let mut old = workers.remove(0);
            old.signal("TERM");
            assert_eq!(old.ended().await.code(), Some(0), "{}", old.errors());
            workers.push(Program::start(bus.worker_command(number + 1, dock)));
            // What Kubernetes waits for before it replaces the next one.
            until(&format!("{dock} is ready"), async || {
                let said = bus.deblox_with(&["health"], |command| {
                    command.env("DEBLOX_HOSTNAME", dock);
                });
                (said.await.code == 0).then_some(())
            })
            .await;
        }
        further().await;
        stop.cancel();
    };
    tokio::join!(load.run(&sent, &stop), roll);

    let (mut told, mut by) = (vec![Vec::new(); DOCKS.len()], BTreeSet::new());
    for number in 0..count() {
        let (kind, reply) = (Kind::of(number), load.reply(number).await);
        by.insert(reply["dockerInstance"].as_str().unwrap_or_default().to_owned());
        match kind {
            Kind::Tell(dock) => {
                assert_eq!(reply["statusCode"], 200, "{reply}");
                told[dock].push(number);
            }
            // Nothing was done, and it may be asked again.
            Kind::Look(_) if reply["error"] == "dock-lost" => {}
            Kind::Look(_) | Kind::Ping => assert_eq!(reply["statusCode"], 200, "{reply}"),
            Kind::Create => {
                assert_eq!(reply["statusCode"], 201, "{reply}");
                scrubs.extend((1..=DOCKS.len()).map(|host| Scrub::new(host, &load.id(number))));
                let here = |host: &usize| {
                    !docker(*host, &["ps", "-aq", "-f", &format!("name=^{}$", load.id(number))]).is_empty()
                };
                assert_eq!((1..=DOCKS.len()).filter(here).count(), 1, "{reply}");
            }
        }
    }
    for ((host, name), mut told) in (1..).zip(&load.instances).zip(told) {
        let seen = docker(host, &["exec", name, "cat", "/told"]);
        let mut seen: Vec<usize> = seen.lines().map(|line| line.parse().expect("a number")).collect();
        seen.sort_unstable();
        told.sort_unstable();
        assert_eq!(seen, told, "each of them once, on host {host}");
    }
    assert_eq!(by, DOCKS.map(str::to_owned).into(), "each worker did its part");
    tokio::time::timeout(PATIENCE, bus.settled()).await.expect("nothing is left");
}
