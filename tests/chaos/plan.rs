//! What will happen, all chosen from the seed before anything does: the faults, and the requests around each.

use std::time::Duration;

use fastrand::Rng;

use crate::faults::{self, Fault};
use crate::lab::HOSTS;
use crate::redis;

/// Requests in a trial.
pub const REQUESTS: usize = 10;

/// How long before the fault the first of them are sent.
pub const BEFORE: Duration = Duration::from_millis(500);

/// How long after it the last.
const AFTER: Duration = Duration::from_millis(1500);

/// One fault, and the requests around it.
#[derive(Clone, Debug)]
pub struct Trial {
    pub number: usize,
    pub fault: Fault,
    /// The hosts by preference: it is done to the first that is not disturbed already.
    pub hosts: Vec<usize>,
    pub requests: Vec<Planned>,
}

/// A request that will be sent.
#[derive(Clone, Debug)]
pub struct Planned {
    /// When, from the beginning of the trial; the fault begins [`BEFORE`] after that.
    pub at: Duration,
    pub what: What,
    pub timeout: Duration,
    /// How long after that it is sent again with the same id, if it is.
    pub again: Option<Duration>,
    /// The host by whose dock's own stream it is sent; the shared stream otherwise.
    pub by: Option<Aim>,
    /// Chooses among the instances that are there when it is sent.
    pub choice: u64,
}

/// Which host is meant, once it is known which one is disturbed.
#[derive(Clone, Copy, Debug)]
pub enum Aim {
    Disturbed,
    Any(usize),
}

/// A row of the mix.
#[derive(Clone, Copy, Debug)]
pub enum What {
    Create {
        named: bool,
        start: bool,
        replace: bool,
        dock: Option<Aim>,
    },
    Delete,
    /// Appends a line to the log of a host.
    Exec(Aim),
    Start,
    Stop,
    Restart,
    Inspect,
    List,
    Docks,
    Ping,
    Pull,
}

impl Aim {
    pub fn host(self, disturbed: usize) -> usize {
        match self {
            Self::Disturbed => disturbed,
            Self::Any(host) => host,
        }
    }

    fn choose(random: &mut Rng) -> Self {
        if random.bool() { Self::Disturbed } else { Self::Any(random.usize(1..=HOSTS)) }
    }
}

/// The trials of a seed on a kind of Redis.
pub fn trials(redis: redis::Kind, seed: u64, count: usize) -> Vec<Trial> {
    let (mut random, kinds) = (Rng::with_seed(seed), faults::kinds(redis));
    (1..=count).map(|number| trial(number, &kinds, &mut random)).collect()
}

fn trial(number: usize, kinds: &[&'static faults::Kind], random: &mut Rng) -> Trial {
    let fault = Fault::choose(number, kinds, random);
    let mut hosts: Vec<usize> = (1..=HOSTS).collect();
    random.shuffle(&mut hosts);
    let lasts = fault.lasts;
    let requests = (0..REQUESTS)
        .map(|n| {
            let at = match n {
                0..3 => BEFORE.mul_f64(random.f64()),
                3..7 => BEFORE + lasts.mul_f64(random.f64()),
                _ => BEFORE + lasts + AFTER.mul_f64(random.f64()),
            };
            request(at, random)
        })
        .collect();
    Trial { number, fault, hosts, requests }
}

fn request(at: Duration, random: &mut Rng) -> Planned {
    let what = match random.u8(0..100) {
        0..29 => {
            let dock = (random.u8(0..10) < 3).then(|| Aim::choose(random));
            let (named, replace) = (random.u8(0..4) == 0, random.u8(0..3) == 0);
            What::Create { named, start: random.u8(0..10) > 0, replace, dock }
        }
        29..53 => What::Delete,
        53..73 => What::Exec(Aim::choose(random)),
        73..77 => What::Start,
        77..81 => What::Stop,
        81..85 => What::Restart,
        85..90 => What::Inspect,
        90..93 => What::List,
        93..96 => What::Docks,
        96..99 => What::Ping,
        _ => What::Pull,
    };
    let millis = if random.u8(0..10) == 0 { 1000 } else { random.u64(4_000..25_000) };
    let by = (random.u8(0..4) == 0).then(|| Aim::choose(random));
    let again = (random.u8(0..20) == 0).then(|| Duration::from_millis(random.u64(0..3_000)));
    Planned { at, what, timeout: Duration::from_millis(millis), again, by, choice: random.u64(..) }
}
