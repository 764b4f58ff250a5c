//! The world of the model: workers with the bus's own code on a real Redis, and daemons of which only the effects count.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use deblox::bus::{
    Attempt, Beat, Begun, Bus, Consumer, Delivery, Ending, Moved, Placement, Purpose, Reader, Recipient, Source,
    Unbegun, Unfit,
};
use deblox::protocol::{
    DaemonState, DockFacts, EntryId, Fqdn, GROUP, Labels, Request, RequestId, Requester, Standing, Summary, decode,
};
use serde_json::{Value, json};

use crate::model::{Kind, Said, Step};
use crate::model_data::{Data, STREAMS, Sight, without_times};

/// The id of the request.
const ID: &str = "the-request";

/// Longer than all that is gone through takes, in milliseconds.
const AN_HOUR: u64 = 3_600_000;

/// How many entries a worker takes at once: all there are.
const ALL: usize = 10;

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

/// A moment to which the world can go back.
#[derive(Clone)]
pub struct Moment {
    /// Its number among those that are kept in Redis.
    redis: String,
    lives: Vec<Life>,
    hands: Vec<Hand>,
    made: BTreeMap<Fqdn, BTreeSet<String>>,
    /// How often it was done and sent, whether the time is up, and whose leases there are.
    facts: (usize, usize, bool, [bool; 2]),
}

/// An entry in a worker's hand, and what it does with it next.
#[derive(Clone)]
pub struct Hand {
    pub worker: usize,
    pub step: Step,
    /// Whether so much time has passed since Redis was last asked that it must be asked again.
    pub stale: bool,
    pub attempt: u32,
    /// The lost dock for which it stands in.
    pub stands_in: Option<Fqdn>,
    delivery: Delivery,
    request: Option<Request>,
    to: Option<Fqdn>,
}

pub struct World {
    redis: Data,
    bus: Bus,
    kind: Kind,
    /// A and B, and the one that comes after A.
    pub workers: Vec<Worker>,
    pub hands: Vec<Hand>,
    /// What each daemon has made: it lets nothing have a name that is taken.
    made: BTreeMap<Fqdn, BTreeSet<String>>,
    pub effects: usize,
    pub sent: usize,
    /// Whether the time is up.
    pub late: bool,
    /// Whether anybody has the lease on each dock.
    pub leases: [bool; 2],
}

impl World {
    pub async fn new(kind: Kind) -> Self {
        let redis = Data::new().await;
        let bus = Bus::new(&redis.0.options()).expect("valid options");
        let mut workers = Vec::new();
        for (dock, token) in [("a.test", "1"), ("b.test", "1"), ("a.test", "2")] {
            let dock = Fqdn::new(dock).expect("a host name");
            let consumer = Consumer::new(&bus, &dock, token);
            let reader = consumer.open().await.expect("Redis is there");
            workers.push(Worker { dock, token: token.to_owned(), consumer, reader, life: Life::Unborn });
        }
        let (hands, made, leases) = (Vec::new(), BTreeMap::new(), [true; 2]);
        Self { redis, bus, kind, workers, hands, made, effects: 0, sent: 0, late: false, leases }
    }

    /// Two workers, and the request on its stream.
    pub async fn begin(&mut self) {
        self.late = self.kind == Kind::Late;
        for worker in &mut self.workers[..2] {
            worker.life = Life::Live;
        }
        self.lose_everything().await;
        for _ in 0..self.times() {
            self.send().await;
        }
    }

    /// How often the caller sends it from the beginning.
    fn times(&self) -> usize {
        if self.kind == Kind::Twice { 2 } else { 1 }
    }

    /// Whether the caller has not yet sent it once more than that.
    pub fn may_send_again(&self) -> bool {
        self.sent == self.times()
    }

    /// Keeps this moment, as the one with that number.
    pub async fn keep(&self, number: usize) -> Moment {
        let number = number.to_string();
        self.redis.keep(&number).await;
        Moment {
            redis: number,
            lives: self.workers.iter().map(|worker| worker.life).collect(),
            hands: self.hands.clone(),
            made: self.made.clone(),
            facts: (self.effects, self.sent, self.late, self.leases),
        }
    }

    /// Goes back to a moment.
    pub async fn go_back(&mut self, moment: &Moment) {
        self.redis.go_back(&moment.redis).await;
        for (worker, life) in self.workers.iter_mut().zip(&moment.lives) {
            worker.life = *life;
        }
        (self.hands, self.made) = (moment.hands.clone(), moment.made.clone());
        (self.effects, self.sent, self.late, self.leases) = moment.facts;
    }

    /// Redis loses its data; the workers that live are there again a heartbeat later.
    pub async fn lose_everything(&mut self) {
        self.redis.forget().await;
        self.leases = [false; 2];
        self.heartbeats().await;
    }

    /// A heartbeat of each worker that lives.
    pub async fn heartbeats(&mut self) {
        for worker in (0..self.workers.len()).rev() {
            if self.workers[worker].life == Life::Live {
                self.beat(worker).await;
            }
        }
    }

    /// A worker's heartbeat, and the records of its dock by what the daemon has.
    async fn beat(&mut self, worker: usize) {
        let Worker { dock, token, .. } = &self.workers[worker];
        let facts = DockFacts { daemon: DaemonState::Up, ..DockFacts::default() };
        let beat = self.bus.beat(dock, token, &facts, Standing::Active, &Labels::new()).await.expect("a heartbeat");
        if matches!(beat, Beat::Theirs { .. }) {
            return;
        }
        self.leases[worker % 2] = true;
        let made = self.made.get(dock).into_iter().flatten().map(|id| summary(id)).collect::<Vec<_>>();
        self.bus.reconcile_instances(dock, &made).await.expect("the records");
    }

    /// Nobody has renewed the lease on a dock.
    pub async fn let_lease_run_out(&mut self, dock: usize) {
        let lease = self.redis.key(&format!("worker.{}", self.workers[dock].dock));
        self.redis.0.redis::<()>(&["DEL", &lease]).await;
        self.leases[dock] = false;
    }

    /// Two streams give the same id in the same millisecond, by chance.
    async fn another_millisecond() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// The caller sends the request.
    pub async fn send(&mut self) {
        Self::another_millisecond().await;
        let action = match self.kind {
            Kind::Look => "list-images",
            Kind::Malformed => "no-such-action",
            Kind::Exec => "exec-container",
            _ => "create-container",
        };
        let json = json!({"action": action, "requestId": ID}).to_string();
        let stream = if matches!(self.kind, Kind::Own | Kind::Exec) { "docker.a.test" } else { "docker" };
        self.redis.0.send_to(stream, &["json", &json]).await;
        self.sent += 1;
    }

    pub async fn look(&self) -> Sight {
        self.redis.look().await
    }

    /// All that decides what can happen from here on, as text in which entries have their numbers and times are left out:
    /// where two paths meet, it is the same.
    pub fn state(&self, sight: &Sight) -> String {
        let lives: Vec<Life> = self.workers.iter().map(|worker| worker.life).collect();
        let hand = |hand: &Hand| {
            let Hand { worker, step, stale, attempt, stands_in, delivery, to, .. } = hand;
            let (source, entry) = (delivery.source, delivery.entry);
            format!("{worker} {step:?} {stale} {attempt} {stands_in:?} {source:?} {entry} {to:?}")
        };
        let mut redis = sight.text.clone();
        for held in &self.hands {
            // The number of a handling is another one each time.
            let number = format!("[\"handling\",\"{}\"]", held.delivery.handling);
            redis = redis.replace(&number, &hand(held));
        }
        if let Some((before, after)) = redis.split_once("\"handling\",\"") {
            redis = format!("{before}gone{}", after.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
        let mut hands: Vec<String> = self.hands.iter().map(hand).collect();
        hands.sort();
        let Self { made, effects, sent, late, leases, .. } = self;
        let text = format!("{redis} {lives:?} {hands:?} {made:?} {effects} {sent} {late} {leases:?}");
        without_times(&text)
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

    /// Takes over what others have left, once enough time has passed. What somebody is at has been held until now, however
    /// long it took to come here.
    pub async fn take_over(&mut self, worker: usize) {
        for (stream, seen) in STREAMS.iter().zip(self.look().await.streams) {
            let stream = self.redis.key(stream);
            for (entry, consumer) in &seen.held {
                let idle = if self.is_left(entry, consumer) { "60000" } else { "0" };
                let claim = ["XCLAIM", &stream, GROUP, consumer, "0", entry, "IDLE", idle, "JUSTID"];
                self.redis.0.redis::<Vec<String>>(&claim).await;
            }
        }
        let came = self.workers[worker].consumer.take_over(ALL).await.expect("entries");
        self.take(worker, came);
    }

    /// The worker that comes after A starts, when the lease has run out, and has what is on its stream.
    pub async fn follow(&mut self) {
        let next = 2;
        self.let_lease_run_out(0).await;
        self.workers[next].life = Life::Live;
        self.beat(next).await;
        let came = self.workers[next].consumer.inherit(None, ALL).await.expect("entries").0;
        self.take(next, came);
    }

    /// A worker looks after what waits for a dock that is lost.
    pub async fn watch(&mut self, worker: usize, dock: usize) {
        let dock = self.workers[dock].dock.clone();
        let consumer = self.workers[worker].consumer.standing_in(&dock);
        let first = EntryId { millis: 0, sequence: 0 };
        let found = consumer.waiting(Source::Own, first, ALL).await.expect("entries");
        self.take_for(worker, Some(&dock), found);
    }

    /// A worker that was paused goes on, as if nothing had happened.
    pub async fn wake(&mut self, worker: usize) {
        self.workers[worker].life = Life::Live;
        self.beat(worker).await;
        for hand in self.hands.iter_mut().filter(|hand| hand.worker == worker) {
            hand.stale = true;
        }
        for source in [Source::Shared, Source::Own] {
            let is_held =
                |hand: &&Hand| hand.worker == worker && hand.delivery.source == source && hand.stands_in.is_none();
            let entries: Vec<EntryId> = self.hands.iter().filter(is_held).map(|hand| hand.delivery.entry).collect();
            if !entries.is_empty() {
                self.workers[worker].consumer.hold(source, &entries).await.expect("held");
            }
        }
    }

    /// The request's time is up, and with it that of its promise.
    pub async fn let_time_run_out(&mut self) {
        self.late = true;
        for dock in ["a.test", "b.test"] {
            let promises = self.redis.key(&format!("promises.{dock}"));
            self.redis.0.redis::<()>(&["ZADD", &promises, "XX", "0", ID]).await;
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
        self.leases[worker % 2] = false;
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
        self.take_for(worker, None, deliveries);
    }

    fn take_for(&mut self, worker: usize, stands_in: Option<&Fqdn>, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            let own = (delivery.source == Source::Own).then(|| &self.workers[worker].dock);
            let request = decode(delivery.entry, own, &delivery.fields).ok();
            let step = match self.kind {
                Kind::Malformed => Step::Refuse,
                Kind::Look if delivery.is_new => Step::Answer,
                _ => Step::Begin,
            };
            let stands_in = stands_in.cloned();
            self.hands.push(Hand { worker, step, stale: false, attempt: 0, stands_in, delivery, request, to: None });
        }
    }

    /// Does what a hand does next, and returns what came of it.
    pub async fn step(&mut self, hand: usize) -> Said {
        let Hand { worker, step, stale, attempt, stands_in, delivery, request, to } = &mut self.hands[hand];
        let Worker { consumer, dock, .. } = &self.workers[*worker];
        let standing_in = stands_in.as_ref().map(|dock| consumer.standing_in(dock));
        let (consumer, dock) = (standing_in.as_ref().unwrap_or(consumer), stands_in.as_ref().unwrap_or(dock));
        let (bus, id) = (&self.bus, RequestId::new(ID).expect("an id"));
        let deadline = delivery.entry.millis + if self.late { 0 } else { AN_HOUR };
        let request = request.as_ref().expect("it decodes");
        let reply = |code: &str| json!({"error": code}).to_string();
        match step {
            // The fence asks the same: whether it is still this worker's to do.
            Step::Begin | Step::Fence => {
                match bus.begin(consumer, delivery, request, &Requester::Anyone, deadline).await.expect("begin") {
                    Begun::Go(Attempt { number, .. }) => {
                        (*attempt, *stale) = (number, false);
                        if *step == Step::Begin && number > 1 { Said::GoAgain } else { Said::Go }
                    }
                    Begun::Expired { begun: false } => Said::Expired,
                    Begun::Expired { begun: true } => Said::ExpiredBegun,
                    Begun::Poison => Said::Poison,
                    Begun::Settled | Begun::Foreign => Said::NotOurs,
                }
            }
            Step::Place => {
                let (purpose, labels, replace) = (Purpose::Create, &Labels::new(), self.kind == Kind::Replace);
                let asked = (delivery.source == Source::Own).then_some(dock);
                let by = consumer.name();
                let placement = Placement { request: &id, deadline, purpose, dock: asked, labels, by, replace };
                match bus.place(&placement).await.expect("place") {
                    Ok(found) if found == *dock => Said::Here,
                    Ok(found) => {
                        *to = Some(found);
                        Said::There
                    }
                    Err(Unfit::Promised(_)) => Said::Promised,
                    Err(Unfit::TakenOver) => Said::NotOurs,
                    Err(_) => Said::NoDock,
                }
            }
            Step::PassOn | Step::GiveBack => {
                Self::another_millisecond().await;
                let to = to.as_ref().filter(|_| *step == Step::PassOn);
                match bus
                    .pass_on(consumer, delivery, request, deadline, to, (&Requester::Anyone, None))
                    .await
                    .expect("pass_on")
                {
                    Moved::Yes => Said::Moved,
                    Moved::NotOurs => Said::NotOurs,
                    Moved::Busy => panic!("nothing else is there"),
                }
            }
            Step::Execute => {
                let made = self.made.entry(dock.clone()).or_default();
                // What was made before is found at the daemon; what runs a command is not.
                let is_new = made.insert(ID.to_owned());
                if self.kind == Kind::Exec {
                    made.clear();
                }
                self.effects += usize::from(self.kind != Kind::Look && is_new);
                Said::Done
            }
            Step::Record => {
                bus.write_instances(dock, &[summary(ID)], &[]).await.expect("the records");
                Said::Done
            }
            Step::Finish(code) => {
                let reply = reply(code);
                let dead = (*code == "poison").then_some("it is poison");
                let ending = Ending { requester: &Requester::Anyone, reply: Some(&reply), dead, audit: None };
                let done = bus.finish(consumer, delivery, request, deadline, dock, ending).await.expect("finish");
                if done { Said::Done } else { Said::NotOurs }
            }
            Step::Answer | Step::Refuse => {
                let reply = reply("done");
                let answer = match step {
                    Step::Refuse => Unbegun::Refused(&reply, "it is malformed"),
                    _ => Unbegun::Looked { reply: &reply, id_chosen: true },
                };
                let recipient = Recipient { id: &id, reply_to: None, requester: &Requester::Anyone };
                let done = bus.answer(consumer, delivery, recipient, &answer, None).await.expect("answer");
                if done { Said::Done } else { Said::NotOurs }
            }
        }
    }

    /// A hand has nothing more to do.
    pub async fn let_go(&mut self, hand: usize) {
        let Hand { worker, stands_in, .. } = self.hands.remove(hand);
        if let Some(dock) = stands_in {
            self.workers[worker].consumer.standing_in(&dock).leave().await.expect("left");
        }
    }

    /// The codes of the replies that are there.
    pub async fn replies(&self) -> Vec<String> {
        let key = self.redis.key(&format!("reply.{ID}"));
        let replies: Vec<String> = self.redis.0.redis(&["LRANGE", &key, "0", "-1"]).await;
        let code = |reply: &String| {
            serde_json::from_str::<Value>(reply).expect("JSON")["error"].as_str().expect("text").to_owned()
        };
        replies.iter().map(code).collect()
    }

    /// What is left that should not be there, in words.
    pub async fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for (number, dock) in ["a.test", "b.test"].iter().enumerate() {
            // Where nobody speaks for a dock, its promises wait for its next heartbeat.
            if !self.workers.iter().skip(number).step_by(2).any(|worker| worker.life == Life::Live) {
                continue;
            }
            let key = |name: &str| self.redis.key(&format!("{name}.{dock}"));
            let promised: usize = self.redis.0.redis(&["ZCARD", &key("promises")]).await;
            let there: usize = self.redis.0.redis(&["HLEN", &key("instances")]).await;
            let load: Option<usize> = self.redis.0.redis(&["ZSCORE", &self.redis.key("load"), dock]).await;
            if promised > 0 || load.is_some_and(|load| load != there) {
                left.push(format!("{dock} has {there} instances, {promised} promised and the load {load:?}"));
            }
        }
        for kind in ["request", "reply"] {
            let lives: i64 = self.redis.0.redis(&["PTTL", &self.redis.key(&format!("{kind}.{ID}"))]).await;
            left.extend((lives == -1).then(|| format!("the {kind} for ever")));
        }
        for (stream, seen) in STREAMS.iter().zip(self.look().await.streams) {
            let count = seen.new + seen.held.len();
            left.extend((count > 0).then(|| format!("{count} in {stream}")));
        }
        left
    }

    /// Whether it is noted that what a dock may have made is too many.
    pub async fn is_extra(&self) -> bool {
        let extra = ["a.test", "b.test"].map(|dock| self.redis.key(&format!("replaced.{dock}")));
        self.redis.0.redis::<usize>(&["EXISTS", &extra[0], &extra[1]]).await > 0
    }

    /// How many are with the dead.
    pub async fn dead(&self) -> usize {
        self.redis.0.redis(&["XLEN", &self.redis.key("dead")]).await
    }
}

fn summary(request: &str) -> Summary {
    let (state, name) = ("created".to_owned(), request.to_owned());
    let (id, request_id) = (request.to_owned(), Some(request.to_owned()));
    Summary {
        id,
        name,
        image: String::new(),
        state,
        status: String::new(),
        since: None,
        created: 0,
        owner: None,
        request_id,
        ports: Vec::new(),
        labels: Labels::new(),
    }
}
