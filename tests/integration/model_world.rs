//! The world of the model: workers with the bus's own code on a real Redis, and daemons of which only the effects count.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use deblox::bus::{Begun, Bus, Consumer, Delivery, Ending, Moved, Placement, Purpose, Reader, Source, Unbegun, Unfit};
use deblox::protocol::{DaemonState, DockFacts, EntryId, Fqdn, GROUP, Labels, Request, RequestId, Standing, decode};
use serde_json::{Value, json};

use crate::model::{Kind, Said, Step};
use crate::support;

/// The id of the request.
const ID: &str = "the-request";

/// How many entries a worker takes at once: all there are.
const ALL: usize = 10;

/// The streams: the shared one, and those of the two docks.
const STREAMS: [&str; 3] = ["docker", "docker.a.test", "docker.b.test"];

/// Nothing is left but what readers make again at once.
const FORGET: &str = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end
for _, stream in ipairs(KEYS) do redis.call('XGROUP', 'CREATE', stream, ARGV[2], '0', 'MKSTREAM') end
return 1";

/// What each stream holds: how many entries that nobody has had, and who has the others; and all that is in Redis as text.
const LOOK: &str = "local function held(stream)
  local held, pending = {}, redis.pcall('XPENDING', stream, ARGV[1], '-', '+', 100)
  for _, entry in ipairs(pending.err and {} or pending) do held[#held + 1] = {entry[1], entry[2]} end
  return held
end
local function sorted(list)
  table.sort(list)
  return list
end
local seen, text = {}, {}
for i, stream in ipairs(KEYS) do
  local held = held(stream)
  seen[i] = {redis.call('XLEN', stream) - #held, held}
end
for _, key in ipairs(sorted(redis.call('KEYS', ARGV[2]))) do
  local kind, is = redis.call('TYPE', key).ok, nil
  if kind == 'string' then is = redis.call('GET', key) end
  if kind == 'hash' then
    is = {}
    for _, field in ipairs(sorted(redis.call('HKEYS', key))) do
      if field ~= 'handling' then is[#is + 1] = {field, redis.call('HGET', key, field)} end
    end
  end
  if kind == 'list' then is = redis.call('LRANGE', key, 0, -1) end
  if kind == 'set' then is = sorted(redis.call('SMEMBERS', key)) end
  if kind == 'zset' then is = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end
  if kind == 'stream' then is = {redis.call('XRANGE', key, '-', '+'), held(key)} end
  text[#text + 1] = {key, is}
end
return {seen, cjson.encode(text), redis.call('HGET', ARGV[3], 'handling') or ''}";

/// A worker, as long as it lives; the next one for its dock has another token.
pub struct Worker {
    pub dock: Fqdn,
    token: String,
    consumer: Consumer,
    reader: Reader,
    pub life: Life,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Unborn,
    Live,
    /// It does nothing and says nothing, and may wake.
    Paused,
    Dead,
}

/// An entry in a worker's hand, and what it does with it next.
pub struct Hand {
    pub worker: usize,
    pub step: Step,
    delivery: Delivery,
    request: Option<Request>,
    attempt: u32,
    to: Option<Fqdn>,
}

/// What is there to see in Redis.
pub struct Sight {
    /// What each stream holds.
    pub streams: [Stream; 3],
    /// All of it as text, without the number of the handling.
    text: String,
    /// The number of the handling that began the request.
    handling: String,
}

/// The same as the script gives it.
type Seen = ([(usize, Vec<(String, String)>); 3], String, String);

/// The entries of one stream.
pub struct Stream {
    pub new: usize,
    /// The others, with the consumers that have them.
    pub held: Vec<(String, String)>,
}

pub struct World {
    redis: support::Bus,
    bus: Bus,
    kind: Kind,
    /// A and B, then those that come after them.
    pub workers: Vec<Worker>,
    pub hands: Vec<Hand>,
    /// What each daemon has made, by the name of the request.
    made: BTreeMap<Fqdn, BTreeSet<String>>,
    pub effects: usize,
    pub sent: usize,
    /// Whether the time is up.
    pub late: bool,
}

impl World {
    pub async fn new(kind: Kind) -> Self {
        let redis = support::Bus::new().await;
        let bus = Bus::new(&redis.options()).expect("valid options");
        let mut workers = Vec::new();
        for (dock, token) in [("a.test", "1"), ("b.test", "1"), ("a.test", "2"), ("b.test", "2")] {
            let dock = Fqdn::new(dock).expect("a host name");
            let consumer = Consumer::new(&bus, &dock, token);
            let reader = consumer.open().await.expect("Redis is there");
            workers.push(Worker { dock, token: token.to_owned(), consumer, reader, life: Life::Unborn });
        }
        Self { redis, bus, kind, workers, hands: Vec::new(), made: BTreeMap::new(), effects: 0, sent: 0, late: false }
    }

    /// Everything as at the beginning: two workers, and the request on its stream.
    pub async fn begin_again(&mut self) {
        self.hands.clear();
        self.made.clear();
        (self.effects, self.sent, self.late) = (0, 0, self.kind == Kind::Late);
        for (number, worker) in self.workers.iter_mut().enumerate() {
            worker.life = if number < 2 { Life::Live } else { Life::Unborn };
        }
        self.lose_everything().await;
        for _ in 0..self.kind.times() {
            self.send().await;
        }
    }

    /// Redis loses its data; the workers that live are there again a heartbeat later.
    pub async fn lose_everything(&mut self) {
        self.pause().await;
        let [shared, a, b] = STREAMS.map(|name| self.redis.key(name));
        self.redis.redis::<()>(&["EVAL", FORGET, "3", &shared, &a, &b, &self.redis.key("*"), GROUP]).await;
        for worker in 0..self.workers.len() {
            if self.workers[worker].life == Life::Live {
                self.beat(worker).await;
            }
        }
    }

    /// Goes into another millisecond, so that no two entries have the same id.
    async fn pause(&self) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }

    async fn beat(&self, worker: usize) {
        let Worker { dock, token, .. } = &self.workers[worker];
        let facts = DockFacts { daemon: DaemonState::Up, ..DockFacts::default() };
        self.bus.beat(dock, token, &facts, Standing::Active, &Labels::new()).await.expect("a heartbeat");
        self.bus.reconcile_instances(dock, &[]).await.expect("the records");
    }

    /// The caller sends the request.
    pub async fn send(&mut self) {
        let action = match self.kind {
            Kind::Look => "list-images",
            Kind::Malformed => "no-such-action",
            _ => "create-container",
        };
        let json = json!({"action": action, "requestId": ID}).to_string();
        let stream = if matches!(self.kind, Kind::Own | Kind::Twice) { "docker.a.test" } else { "docker" };
        self.pause().await;
        self.redis.send_to(stream, &["json", &json]).await;
        self.sent += 1;
    }

    pub async fn look(&self) -> Sight {
        let [shared, a, b] = STREAMS.map(|name| self.redis.key(name));
        let (all, request) = (self.redis.key("*"), self.redis.key(&format!("request.{ID}")));
        let look = ["EVAL", LOOK, "3", &shared, &a, &b, GROUP, &all, &request];
        let (streams, text, handling): Seen = self.redis.redis(&look).await;
        Sight { streams: streams.map(|(new, held)| Stream { new, held }), text, handling }
    }

    /// All that decides what can happen from here on, as text in which entries have their numbers and times are left out:
    /// where two paths meet, it is the same.
    pub fn state(&self, sight: &Sight) -> String {
        let lives: Vec<Life> = self.workers.iter().map(|worker| worker.life).collect();
        let hand = |hand: &Hand| {
            let Hand { worker, step, delivery, attempt, to, .. } = hand;
            let began_it = delivery.handling.to_string() == sight.handling;
            format!("{worker} {step:?} {:?} {} {attempt} {to:?} {began_it}", delivery.source, delivery.entry)
        };
        let mut hands: Vec<String> = self.hands.iter().map(hand).collect();
        hands.sort();
        let Self { made, effects, sent, late, .. } = self;
        let text = format!("{} {lives:?} {hands:?} {made:?} {effects} {sent} {late}", sight.text);
        let (mut known, mut state) = (Vec::new(), String::new());
        for word in text.split_inclusive(|c: char| !c.is_ascii_digit() && c != '-') {
            let (number, end) = word.split_at(word.len() - 1);
            match number.split_once('-') {
                Some((millis, _)) if millis.len() == 13 => {
                    let at = known.iter().position(|other| *other == number).unwrap_or(known.len());
                    if at == known.len() {
                        known.push(number);
                    }
                    state.extend(["#", &at.to_string(), end]);
                }
                None if number.len() == 13 => state += end,
                _ => state += word,
            }
        }
        state
    }

    /// Reads what is new. With `lost` the answer never comes, and what was delivered is read again.
    pub async fn deliver(&mut self, worker: usize, lost: bool) {
        let Worker { consumer, reader, .. } = &mut self.workers[worker];
        let mut came = consumer.read(reader, 1).await.expect("entries");
        if lost {
            came = consumer.delivered(ALL).await.expect("entries");
        }
        self.take(worker, came);
    }

    /// Whether the dock of that number has no worker that lives.
    pub fn is_lost(&self, dock: usize) -> bool {
        let of_dock = self.workers.iter().skip(dock % 2).step_by(2);
        of_dock.into_iter().all(|worker| worker.life != Life::Live)
    }

    /// So much time passes that who is silent has no lease any more.
    async fn wait(&self) {
        for dock in (0..2).filter(|dock| self.is_lost(*dock)) {
            let lease = self.redis.key(&format!("worker.{}", self.workers[dock].dock));
            self.redis.redis::<()>(&["DEL", &lease]).await;
        }
    }

    /// Does for the other dock, which is lost, what a watch does for it.
    pub async fn stand_in(&mut self, worker: usize) {
        self.wait().await;
        let lost = &self.workers[(worker + 1) % 2].dock;
        let consumer = self.workers[worker].consumer.standing_in(lost);
        let first = EntryId { millis: 0, sequence: 0 };
        for delivery in consumer.waiting(Source::Own, first, ALL).await.expect("entries") {
            let request = decode(delivery.entry, Some(lost), &delivery.fields).expect("it decodes");
            let deadline = delivery.entry.millis + if self.late { 0 } else { 30_000 };
            let was_placed = delivery.fields.iter().any(|(name, _)| name == b"sent");
            if !self.late && !was_placed {
                continue;
            }
            match self.bus.begin(&consumer, &delivery, &request, deadline).await.expect("begin") {
                Begun::Go { .. } => {
                    self.pause().await;
                    self.bus.pass_on(&consumer, &delivery, &request, deadline, None).await.expect("passed on");
                }
                Begun::Expired { begun } => {
                    let code = if begun { "dock-lost" } else { "expired" };
                    let reply = json!({"error": code}).to_string();
                    let ending = Ending { reply: Some(&reply), dead: None };
                    self.bus.finish(&consumer, &delivery, &request, deadline, lost, ending).await.expect("finish");
                }
                Begun::Settled => {}
                Begun::Poison => panic!("it was not begun that often"),
            }
        }
        consumer.leave().await.expect("left");
    }

    /// Takes over what others have left, once enough time has passed.
    pub async fn take_over(&mut self, worker: usize) {
        self.wait().await;
        for (stream, seen) in STREAMS.iter().zip(self.look().await.streams) {
            for (entry, consumer) in seen.held.iter().filter(|(entry, consumer)| self.is_left(entry, consumer)) {
                let stream = self.redis.key(stream);
                let idle = ["XCLAIM", &stream, GROUP, consumer, "0", entry, "IDLE", "60000", "JUSTID"];
                self.redis.redis::<Vec<String>>(&idle).await;
            }
        }
        let came = self.workers[worker].consumer.take_over(ALL).await.expect("entries");
        self.take(worker, came);
    }

    /// The next worker of the same dock starts, when the lease has run out, and has what is on its stream.
    pub async fn follow(&mut self, worker: usize) {
        let next = worker + 2;
        let lease = self.redis.key(&format!("worker.{}", self.workers[worker].dock));
        self.redis.redis::<()>(&["DEL", &lease]).await;
        self.workers[next].life = Life::Live;
        self.beat(next).await;
        let came = self.workers[next].consumer.inherit(None, ALL).await.expect("entries").0;
        self.take(next, came);
    }

    /// A worker that was paused goes on, as if nothing had happened.
    pub async fn wake(&mut self, worker: usize) {
        self.workers[worker].life = Life::Live;
        // It has its lease again, unless another has taken that.
        self.beat(worker).await;
        for source in [Source::Shared, Source::Own] {
            let of = self.hands.iter().filter(|hand| hand.worker == worker && hand.delivery.source == source);
            let entries: Vec<EntryId> = of.map(|hand| hand.delivery.entry).collect();
            if !entries.is_empty() {
                self.workers[worker].consumer.hold(source, &entries).await.expect("held");
            }
        }
    }

    /// A worker ends in good order, with nothing begun.
    pub async fn stop(&mut self, worker: usize) {
        let consumer = &self.workers[worker].consumer;
        for hand in self.hands.iter().filter(|hand| hand.worker == worker) {
            consumer.hand_back(&hand.delivery).await.expect("handed back");
        }
        consumer.hand_all_back().await.expect("handed back");
        self.bus.release(&self.workers[worker].dock, &self.workers[worker].token).await.expect("released");
        self.end(worker);
    }

    /// A worker is no more.
    pub fn end(&mut self, worker: usize) {
        self.workers[worker].life = Life::Dead;
        self.hands.retain(|hand| hand.worker != worker);
    }

    /// Whether nobody does anything about an entry which that consumer has.
    pub fn is_left(&self, entry: &str, consumer: &str) -> bool {
        let works = |(number, worker): (usize, &Worker)| {
            let has = |hand: &Hand| hand.worker == number && hand.delivery.entry.to_string() == entry;
            worker.life == Life::Live && worker.consumer.name() == consumer && self.hands.iter().any(has)
        };
        !self.workers.iter().enumerate().any(works)
    }

    fn take(&mut self, worker: usize, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            let own = (delivery.source == Source::Own).then(|| &self.workers[worker].dock);
            let request = decode(delivery.entry, own, &delivery.fields).ok();
            let step = match self.kind {
                Kind::Malformed => Step::Refuse,
                Kind::Look if delivery.is_new => Step::Answer,
                _ => Step::Begin,
            };
            self.hands.push(Hand { worker, step, delivery, request, attempt: 0, to: None });
        }
    }

    /// Does what a hand does next, and returns what came of it.
    pub async fn step(&mut self, hand: usize) -> Said {
        if self.hands[hand].step == Step::PassOn {
            self.pause().await;
        }
        let Hand { worker, step, delivery, request, attempt, to } = &mut self.hands[hand];
        let Worker { consumer, dock, .. } = &self.workers[*worker];
        let (bus, id) = (&self.bus, RequestId::new(ID).expect("an id"));
        let deadline = delivery.entry.millis + if self.late { 0 } else { 30_000 };
        let request = request.as_ref().expect("it decodes");
        let reply = |code: &str| json!({"error": code}).to_string();
        match step {
            Step::Begin => match bus.begin(consumer, delivery, request, deadline).await.expect("begin") {
                Begun::Go { attempt: number, .. } => {
                    *attempt = number;
                    Said::Go
                }
                Begun::Expired { begun: false } => Said::Expired,
                Begun::Expired { begun: true } => Said::Interrupted,
                Begun::Poison => Said::Poison,
                Begun::Settled => Said::NotOurs,
            },
            Step::Place => {
                let (purpose, labels) = (Purpose::Create, &Labels::new());
                let asked = (delivery.source == Source::Own).then_some(dock);
                let placement = Placement {
                    request: &id,
                    deadline,
                    purpose,
                    dock: asked,
                    labels,
                    by: consumer.name(),
                    replace: self.kind == Kind::Replace,
                };
                match bus.place(&placement).await.expect("place") {
                    Ok(found) if found == *dock => Said::Here,
                    Ok(found) => {
                        *to = Some(found);
                        Said::There
                    }
                    Err(Unfit::Promised(_)) => Said::DockLost,
                    Err(Unfit::TakenOver) => Said::NotOurs,
                    Err(_) => Said::NoDock,
                }
            }
            Step::PassOn => {
                let to = to.as_ref().expect("it was placed");
                match bus.pass_on(consumer, delivery, request, deadline, Some(to)).await.expect("pass_on") {
                    Moved::Yes => Said::Moved,
                    Moved::NotOurs => Said::NotOurs,
                    Moved::Busy => panic!("nothing else is there"),
                }
            }
            Step::Execute => {
                match bus.begin(consumer, delivery, request, deadline).await.expect("the fence") {
                    Begun::Go { .. } => {}
                    Begun::Expired { .. } if *attempt > 1 => return Said::Interrupted,
                    Begun::Expired { .. } => return Said::Expired,
                    Begun::Settled | Begun::Poison => return Said::NotOurs,
                }
                let made = self.made.entry(dock.clone()).or_default();
                // The daemon refuses a second one of that name; an earlier attempt's is looked for.
                if self.kind != Kind::Look && made.insert(ID.to_owned()) {
                    self.effects += 1;
                }
                Said::Done
            }
            Step::Finish(code) => {
                let reply = reply(code);
                let ending = Ending { reply: Some(&reply), dead: None };
                let done = bus.finish(consumer, delivery, request, deadline, dock, ending).await;
                if done.expect("finish") { Said::Done } else { Said::NotOurs }
            }
            Step::Answer | Step::Refuse => {
                let reply = reply("done");
                let answer = match step {
                    Step::Refuse => Unbegun::Refused(&reply, "it is malformed"),
                    _ => Unbegun::Looked { reply: &reply, id_chosen: true },
                };
                let done = bus.answer(consumer, delivery, &id, &answer).await.expect("answer");
                if done { Said::Done } else { Said::NotOurs }
            }
        }
    }

    /// Whether it is noted that what the dock may have made is too many.
    pub async fn is_extra(&self, dock: &str) -> bool {
        let key = self.redis.key(&format!("replaced.{dock}"));
        self.redis.redis::<Option<f64>>(&["ZSCORE", &key, ID]).await.is_some()
    }

    /// The codes of the replies that are there.
    pub async fn replies(&self) -> Vec<String> {
        let key = self.redis.key(&format!("reply.{ID}"));
        let replies: Vec<String> = self.redis.redis(&["LRANGE", &key, "0", "-1"]).await;
        let code = |reply: &String| {
            serde_json::from_str::<Value>(reply).expect("JSON")["error"].as_str().expect("text").to_owned()
        };
        replies.iter().map(code).collect()
    }

    /// What is left that should not be there, in words.
    pub async fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for (name, command) in [("promises.a.test", "ZCARD"), ("promises.b.test", "ZCARD"), ("dead", "XLEN")] {
            let count: usize = self.redis.redis(&[command, &self.redis.key(name)]).await;
            left.extend((count > 0).then(|| format!("{count} in {name}")));
        }
        for dock in ["a.test", "b.test"] {
            let load: Option<f64> = self.redis.redis(&["ZSCORE", &self.redis.key("load"), dock]).await;
            left.extend(load.filter(|load| *load != 0.0).map(|load| format!("{dock} has the load {load}")));
        }
        for kind in ["request", "reply"] {
            let lives: i64 = self.redis.redis(&["PTTL", &self.redis.key(&format!("{kind}.{ID}"))]).await;
            left.extend((lives == -1).then(|| format!("the {kind} for ever")));
        }
        for (stream, seen) in self.look().await.streams.iter().enumerate() {
            let count = seen.new + seen.held.len();
            left.extend((count > 0).then(|| format!("{count} in stream {stream}")));
        }
        left
    }
}
