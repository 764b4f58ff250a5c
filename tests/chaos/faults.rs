//! The faults: what each kind is, how often it is chosen, and how it is done and undone.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;

use crate::cluster::Cluster;
use crate::redis;
use crate::time::now;

/// A row of the table of faults.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    pub does: Does,
    /// How often it is chosen, against the others. Those without a weight have every second trial, in turn.
    weight: u32,
    /// How long it lasts, in milliseconds. The short ones are more likely.
    lasts: (u64, u64),
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// The host's network cable is pulled.
    Cut,
    /// The host hears nothing.
    Deaf,
    /// The host loses a part of the packets that come to it.
    Loss,
    /// The worker is killed, and stays away for the time.
    WorkerKilled,
    /// The worker is stopped for the time, and goes on.
    WorkerAsleep,
    /// The worker is told to stop, and started again.
    WorkerReplaced,
    /// The daemon is stopped for the time, and goes on.
    EngineHangs,
    /// Daemon and containerd are killed, and started again after the time.
    EngineKilled,
    /// Redis closes all connections.
    RedisHangsUp,
    /// Redis is killed, and started again with its data after the time.
    RedisKilled,
    /// Redis is stopped for the time, and goes on.
    RedisAsleep,
    /// The primary is stopped until another one has its place, at least for the time, and goes on as if nothing had been.
    PrimaryLeft,
    /// A replica becomes the primary by command.
    FailedOver,
    /// A replica is killed, and started again after the time.
    ReplicaKilled,
    /// The same for a sentinel.
    SentinelKilled,
    /// The same for a master that has other slots.
    NeighbourKilled,
    /// The slot with all keys is moved to another master.
    SlotMoved,
}

/// Those that a host suffers.
const OF_HOSTS: &[Kind] = &[
    kind("network cut", Does::Cut, 10, (1_000, 20_000)),
    kind("host hears nothing", Does::Deaf, 7, (1_000, 20_000)),
    kind("packets lost", Does::Loss, 7, (1_000, 20_000)),
    kind("worker killed", Does::WorkerKilled, 12, (500, 1_000)),
    kind("worker killed, back after 4 s", Does::WorkerKilled, 8, (4_000, 4_000)),
    kind("worker killed, back after 20 s", Does::WorkerKilled, 4, (20_000, 20_000)),
    kind("worker asleep", Does::WorkerAsleep, 8, (1_000, 8_000)),
    kind("worker asleep, taken over", Does::WorkerAsleep, 4, (18_000, 22_000)),
    kind("worker told to stop", Does::WorkerReplaced, 8, (0, 0)),
    kind("daemon hangs", Does::EngineHangs, 12, (1_000, 12_000)),
    kind("daemon killed", Does::EngineKilled, 10, (1_000, 6_000)),
];

/// Those of a single server.
const OF_ONE: &[Kind] = &[
    kind("Redis closes connections", Does::RedisHangsUp, 6, (0, 0)),
    kind("Redis killed", Does::RedisKilled, 5, (1_000, 3_000)),
    kind("Redis asleep", Does::RedisAsleep, 5, (1_000, 4_000)),
];

/// Those of a primary with replicas and sentinels.
const OF_SENTINEL: &[Kind] = &[
    kind("primary killed", Does::RedisKilled, 0, (2_000, 6_000)),
    kind("primary asleep, and back when it is one no longer", Does::PrimaryLeft, 0, (3_000, 8_000)),
    kind("failover by command", Does::FailedOver, 0, (1_000, 4_000)),
    kind("primary asleep, and back before it is missed", Does::RedisAsleep, 0, (100, 600)),
    kind("replica killed", Does::ReplicaKilled, 0, (500, 6_000)),
    kind("sentinel killed", Does::SentinelKilled, 0, (500, 6_000)),
    kind("primary closes connections", Does::RedisHangsUp, 0, (0, 0)),
];

/// Those of a Redis Cluster; the master is that of the slot.
const OF_CLUSTER: &[Kind] = &[
    kind("master killed", Does::RedisKilled, 0, (4_000, 8_000)),
    kind("slot moved", Does::SlotMoved, 0, (1_000, 4_000)),
    kind("failover by command", Does::FailedOver, 0, (1_000, 4_000)),
    kind("master asleep, and back when it is one no longer", Does::PrimaryLeft, 0, (4_000, 9_000)),
    kind("another master killed", Does::NeighbourKilled, 0, (2_000, 8_000)),
    kind("master asleep, and back before it is missed", Does::RedisAsleep, 0, (100, 1_200)),
    kind("replica killed", Does::ReplicaKilled, 0, (500, 6_000)),
    kind("master closes connections", Does::RedisHangsUp, 0, (0, 0)),
];

/// All kinds that there are on a kind of Redis.
pub fn kinds(redis: redis::Kind) -> Vec<&'static Kind> {
    let of_redis = match redis {
        redis::Kind::One | redis::Kind::Valkey => OF_ONE,
        redis::Kind::Sentinel => OF_SENTINEL,
        redis::Kind::Cluster => OF_CLUSTER,
    };
    OF_HOSTS.iter().chain(of_redis).collect()
}

const fn kind(name: &'static str, does: Does, weight: u32, lasts: (u64, u64)) -> Kind {
    Kind { name, does, weight, lasts }
}

/// A fault that will be.
#[derive(Clone, Debug)]
pub struct Fault {
    pub kind: &'static Kind,
    pub lasts: Duration,
    /// The part of the packets that is lost, for that kind.
    percent: u32,
}

impl Fault {
    /// That of the trial with this number.
    pub fn choose(number: usize, kinds: &[&'static Kind], random: &mut Rng) -> Self {
        let in_turn: Vec<&Kind> = kinds.iter().copied().filter(|kind| kind.weight == 0).collect();
        let kind = match in_turn.len() {
            count if count > 0 && number.is_multiple_of(2) => in_turn[(number / 2 - 1) % count],
            _ => Self::draw(kinds, random),
        };
        let (shortest, longest) = kind.lasts;
        let spread = Duration::from_millis(longest - shortest).mul_f64(random.f64().powi(3));
        Self { kind, lasts: Duration::from_millis(shortest) + spread, percent: random.u32(10..60) }
    }

    fn draw(kinds: &[&'static Kind], random: &mut Rng) -> &'static Kind {
        let mut drawn = random.u32(0..kinds.iter().map(|kind| kind.weight).sum());
        let heavier = |kind: &&&Kind| {
            let here = drawn < kind.weight;
            drawn = drawn.saturating_sub(kind.weight);
            here
        };
        kinds.iter().find(heavier).expect("it is below the sum")
    }

    /// Whether it is done to Redis, and not to a host.
    pub fn is_of_redis(&self) -> bool {
        !OF_HOSTS.iter().any(|kind| kind.does == self.kind.does)
    }

    /// Does it, waits, and undoes it.
    pub async fn befall(&self, cluster: &Cluster, host: usize) -> Result<()> {
        let (lab, target) = (&cluster.lab, format!("h{host}"));
        let wait = || tokio::time::sleep(self.lasts);
        match self.kind.does {
            Does::Cut => {
                lab.does(&["cut", &target]).await?;
                wait().await;
                lab.does(&["heal", &target]).await
            }
            Does::Deaf => {
                lab.does(&["deaf", &target]).await?;
                wait().await;
                lab.does(&["heal", &target]).await
            }
            Does::Loss => {
                lab.does(&["loss", &target, &self.percent.to_string()]).await?;
                wait().await;
                lab.does(&["heal", &target]).await
            }
            Does::WorkerKilled => cluster.replace_worker(host, "KILL", Some(self.lasts)).await,
            Does::WorkerAsleep => {
                cluster.signal_worker(host, "STOP", None).await?;
                wait().await;
                cluster.signal_worker(host, "CONT", None).await
            }
            Does::WorkerReplaced => cluster.replace_worker(host, "TERM", None).await,
            Does::EngineHangs => {
                lab.does(&["hang", &target]).await?;
                wait().await;
                lab.does(&["wake", &target]).await
            }
            Does::EngineKilled => {
                lab.does(&["kill", &target]).await?;
                wait().await;
                lab.does(&["start", &target]).await
            }
            of_redis => cluster.bus.redis.befall(of_redis, self.lasts, lab).await,
        }
    }
}

/// A fault that was: on which host (none: Redis), and from when to when, in milliseconds of the machine's clock.
#[derive(Clone, Debug)]
pub struct Interval {
    pub kind: &'static Kind,
    pub host: Option<usize>,
    pub from: u64,
    pub to: u64,
}

/// All faults that were.
#[derive(Default)]
pub struct History(Mutex<Vec<Interval>>);

impl History {
    /// Lets a fault happen, and keeps it.
    pub async fn record(&self, fault: &Fault, cluster: &Cluster, host: usize) -> Result<()> {
        let from = now();
        let done = fault.befall(cluster, host).await;
        let host = (!fault.is_of_redis()).then_some(host);
        let interval = Interval { kind: fault.kind, host, from, to: now() };
        self.0.lock().expect("never held across a panic").push(interval);
        done
    }

    /// How many there were.
    pub fn len(&self) -> usize {
        self.0.lock().expect("never held across a panic").len()
    }

    /// Those on one of `hosts`, or on Redis, that overlap with a span of time.
    pub fn during(&self, hosts: &[usize], from: u64, to: u64) -> Vec<Interval> {
        let all = self.0.lock().expect("never held across a panic");
        let there = |interval: &&Interval| interval.host.is_none_or(|host| hosts.contains(&host));
        all.iter().filter(there).filter(|interval| interval.from <= to && interval.to >= from).cloned().collect()
    }
}
