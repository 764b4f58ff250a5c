//! The life of one request as a model, gone through in every order that there is: the steps of the workers that have to do
//! with it, and one thing that goes wrong, at every point between two steps. The bus is the real one.

use std::collections::HashSet;

use crate::model_world::{Life, Sight, World};

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A create by the shared stream, which any worker takes and the first dock gets.
    Create,
    /// The same, to be placed anew if its dock is lost.
    Replace,
    /// One by the first dock's own stream.
    Own,
    /// Something that only looks.
    Look,
    /// No request.
    Malformed,
    /// The same twice.
    Twice,
    /// A create whose time is up.
    Late,
}

impl Kind {
    /// How often it is sent.
    pub fn times(self) -> usize {
        if self == Self::Twice { 2 } else { 1 }
    }
}

/// What a worker does next with what it has in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Begin,
    Place,
    PassOn,
    Execute,
    Finish(&'static str),
    /// It only looked, and answers.
    Answer,
    /// It was no request, and is answered.
    Refuse,
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Go,
    Expired,
    /// Its time is up, and an earlier attempt may have done it.
    Interrupted,
    Poison,
    NotOurs,
    Here,
    There,
    NoDock,
    /// The dock that it was promised to is lost.
    DockLost,
    Moved,
    Done,
}

/// The table of transitions: what follows a step, by what came of it. Nothing follows the last.
fn next(kind: Kind, step: Step, said: Said) -> Option<Step> {
    Some(match (step, said) {
        (Step::Begin, Said::Go) if kind == Kind::Look => Step::Execute,
        (Step::Begin, Said::Go) => Step::Place,
        // Before the effect it is made sure that it is still this worker's and not late.
        (Step::Begin | Step::Execute, Said::Expired) => Step::Finish("expired"),
        (Step::Begin | Step::Execute, Said::Interrupted) => Step::Finish("interrupted"),
        (Step::Begin, Said::Poison) => Step::Finish("poison"),
        (Step::Place, Said::Here) => Step::Execute,
        (Step::Place, Said::There) => Step::PassOn,
        (Step::Place, Said::NoDock) => Step::Finish("no-dock"),
        (Step::Place, Said::DockLost) => Step::Finish("dock-lost"),
        (Step::Execute, Said::Done) => Step::Finish("done"),
        (_, Said::NotOurs)
        | (Step::PassOn, Said::Moved)
        | (Step::Finish(_) | Step::Answer | Step::Refuse, Said::Done) => return None,
        other => panic!("no such transition: {other:?}"),
    })
}

/// What may happen next. Workers and hands are given by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Deliver(usize),
    Step(usize),
    TakeOver(usize),
    /// The next worker of the same dock starts.
    Follow(usize),
    /// It does in the place of a lost dock's worker what it can.
    StandIn(usize),
    Wake(usize),
    /// The caller sends the request again.
    Resend,
    /// The time is up.
    Late,
    // One of these goes wrong, once:
    Crash(usize),
    Pause(usize),
    Stop(usize),
    /// The answer to a step is lost, and the step is done again.
    Cut(usize),
    CutDelivery(usize),
    Lose,
}

/// What has gone wrong so far, and what has been done about it.
#[derive(Debug, Default)]
struct Faults {
    fault: Option<Event>,
    taken_over: bool,
    late: bool,
}

/// The events that may happen now.
async fn events(kind: Kind, world: &World, sight: &Sight, faults: &Faults) -> Vec<Event> {
    let seen = &sight.streams;
    let mut events = Vec::new();
    let own = |worker: usize| &seen[1 + worker % 2];
    for (number, worker) in world.workers.iter().enumerate() {
        let orphans =
            seen[0].held.iter().chain(&own(number).held).any(|(entry, consumer)| world.is_left(entry, consumer));
        let next_is_unborn = number < 2 && world.workers[number + 2].life == Life::Unborn;
        match worker.life {
            Life::Live => {
                let other = &own(number + 1);
                let waits = other.new + other.held.len() > 0;
                events.extend((waits && world.is_lost(number + 1)).then_some(Event::StandIn(number)));
                let new = seen[0].new + own(number).new > 0;
                events.extend(new.then_some(Event::Deliver(number)));
                events.extend(orphans.then_some(Event::TakeOver(number)));
            }
            Life::Paused if faults.taken_over => events.push(Event::Wake(number)),
            Life::Unborn | Life::Paused | Life::Dead => {}
        }
        // Earlier it would change nothing.
        let has_work = orphans || own(number).new > 0;
        if matches!(worker.life, Life::Paused | Life::Dead) && next_is_unborn && has_work {
            events.push(Event::Follow(number));
        }
    }
    let live = |worker: usize| world.workers[worker].life == Life::Live;
    let hands = world.hands.iter().enumerate().filter(|(_, hand)| live(hand.worker));
    events.extend(hands.clone().map(|(number, _)| Event::Step(number)));
    if faults.fault == Some(Event::Lose) && world.sent <= kind.times() && world.replies().await.is_empty() {
        events.push(Event::Resend);
    }
    if events.is_empty() {
        return events;
    }
    if faults.fault.is_none() {
        let mut faults = Vec::new();
        for (number, hand) in hands {
            let (worker, begun) = (hand.worker, hand.step != Step::Begin);
            if !faults.contains(&Event::Crash(worker)) {
                faults.extend([Event::Crash(worker), Event::Pause(worker)]);
                faults.extend((!begun && kind != Kind::Malformed).then_some(Event::Stop(worker)));
            }
            faults.extend((hand.step != Step::Execute).then_some(Event::Cut(number)));
        }
        faults.extend(events.iter().filter_map(|event| match event {
            Event::Deliver(worker) => Some(Event::CutDelivery(*worker)),
            _ => None,
        }));
        faults.push(Event::Lose);
        events.extend(faults);
    }
    let waits = matches!(faults.fault, Some(Event::Crash(_) | Event::Pause(_))) && !faults.taken_over;
    events.extend((waits && !faults.late).then_some(Event::Late));
    events
}

async fn happen(kind: Kind, world: &mut World, faults: &mut Faults, event: Event) {
    match event {
        Event::Deliver(worker) => world.deliver(worker, false).await,
        Event::Step(hand) => {
            let said = world.step(hand).await;
            match next(kind, world.hands[hand].step, said) {
                Some(step) => world.hands[hand].step = step,
                None => drop(world.hands.remove(hand)),
            }
        }
        Event::TakeOver(worker) => world.take_over(worker).await,
        Event::Follow(worker) => world.follow(worker).await,
        Event::StandIn(worker) => world.stand_in(worker).await,
        Event::Wake(worker) => world.wake(worker).await,
        Event::Resend => world.send().await,
        Event::Late => world.late = true,
        Event::Crash(worker) => world.end(worker),
        Event::Pause(worker) => world.workers[worker].life = Life::Paused,
        Event::Stop(worker) => world.stop(worker).await,
        Event::Cut(hand) => drop(world.step(hand).await),
        Event::CutDelivery(worker) => world.deliver(worker, true).await,
        Event::Lose => world.lose_everything().await,
    }
    match event {
        Event::TakeOver(_) | Event::Follow(_) | Event::StandIn(_) => faults.taken_over = true,
        Event::Late => faults.late = true,
        Event::Crash(_) | Event::Pause(_) | Event::Stop(_) | Event::Cut(_) | Event::CutDelivery(_) | Event::Lose => {
            faults.fault = Some(event);
        }
        _ => {}
    }
}

/// All paths, one after the other: at each fork they take the first branch that no earlier one has taken.
#[derive(Default)]
struct Paths {
    /// At each fork the branch that is taken, and how many there are.
    forks: Vec<(usize, usize)>,
    at: usize,
}

impl Paths {
    fn choose(&mut self, branches: usize) -> usize {
        if self.at == self.forks.len() {
            self.forks.push((0, branches));
        }
        let (branch, known) = self.forks[self.at];
        assert_eq!(known, branches, "the same way leads to the same place");
        self.at += 1;
        branch
    }

    /// Whether all that follows is new.
    fn is_at_end(&self) -> bool {
        self.at == self.forks.len()
    }

    /// Goes back to the beginning, for the next path. Returns whether there is one.
    fn go_back(&mut self) -> bool {
        self.at = 0;
        while let Some((branch, branches)) = self.forks.pop() {
            if branch + 1 < branches {
                self.forks.push((branch + 1, branches));
                return true;
            }
        }
        false
    }
}

/// What is wrong at the end of a path, in words.
async fn verdict(kind: Kind, world: &World, faults: &Faults) -> Vec<String> {
    let mut wrong = world.left().await;
    let replies = world.replies().await;
    let lost = faults.fault == Some(Event::Lose);
    let complete = if lost { (1..=world.sent).contains(&replies.len()) } else { replies.len() == world.sent };
    if !complete {
        wrong.push(format!("{} replies for {} sent", replies.len(), world.sent));
    }
    // Where it was placed anew, the dock that was lost knows that what it may have made is too many.
    let extra = world.is_extra("a.test").await || world.is_extra("b.test").await;
    if world.effects > if extra { 2 } else { 1 } {
        wrong.push(format!("done {} times", world.effects));
    }
    if replies.iter().any(|code| code == "no-dock") {
        wrong.push("there were docks".to_owned());
    }
    let told = |codes: &[&str]| replies.iter().any(|reply| codes.contains(&reply.as_str()));
    let has_effect = !matches!(kind, Kind::Look | Kind::Malformed);
    // What is told as done is done; what is told as not done is not; of the rest it is not known.
    let lie = if world.effects > 0 { told(&["expired", "no-dock"]) } else { told(&["done"]) };
    if has_effect && (lie || !told(&["done", "expired", "interrupted", "dock-lost"])) {
        wrong.push(format!("told {replies:?}, done {} times", world.effects));
    }
    if !world.hands.is_empty() && world.hands.iter().any(|hand| world.workers[hand.worker].life == Life::Live) {
        wrong.push("something is still in hand".to_owned());
    }
    wrong
}

/// Goes through all states, and returns how many there are, and how many ways it took to see each way on from each: the
/// numbers that the tests expect, so that nothing is left out unseen.
async fn explore(kind: Kind) -> (usize, usize) {
    let mut world = World::new(kind).await;
    let (mut paths, mut count, mut states) = (Paths::default(), 0, HashSet::new());
    let mut broken: Vec<(Vec<Event>, Vec<String>)> = Vec::new();
    loop {
        world.begin_again().await;
        let (mut faults, mut path) = (Faults::default(), Vec::new());
        loop {
            let sight = world.look().await;
            if paths.is_at_end() && !states.insert(format!("{} {faults:?}", world.state(&sight))) {
                break;
            }
            let events = events(kind, &world, &sight, &faults).await;
            if events.is_empty() {
                let wrong = verdict(kind, &world, &faults).await;
                if !wrong.is_empty() {
                    broken.push((path, wrong));
                }
                break;
            }
            let event = events[paths.choose(events.len())];
            path.push(event);
            assert!(path.len() < 60, "{path:?}");
            happen(kind, &mut world, &mut faults, event).await;
        }
        count += 1;
        if !paths.go_back() {
            break;
        }
    }
    println!("{kind:?}: {} states, {count} paths", states.len());
    broken.sort_by_key(|(path, _)| path.len());
    let shortest = &broken[..broken.len().min(4)];
    assert!(broken.is_empty(), "{} of {count} paths end badly, the shortest: {shortest:?}", broken.len());
    (states.len(), count)
}

#[tokio::test]
async fn a_create() {
    assert_eq!(explore(Kind::Create).await, (1605, 968));
}

#[tokio::test]
async fn a_create_that_may_be_placed_anew() {
    assert_eq!(explore(Kind::Replace).await, (1628, 980));
}

#[tokio::test]
async fn a_request_by_a_docks_own_stream() {
    assert_eq!(explore(Kind::Own).await, (260, 145));
}

#[tokio::test]
async fn a_look() {
    assert_eq!(explore(Kind::Look).await, (238, 108));
}

#[tokio::test]
async fn what_is_no_request() {
    assert_eq!(explore(Kind::Malformed).await, (126, 72));
}

#[tokio::test]
async fn the_same_request_twice() {
    assert_eq!(explore(Kind::Twice).await, (1457, 1776));
}

#[tokio::test]
async fn a_request_whose_time_is_up() {
    assert_eq!(explore(Kind::Late).await, (403, 214));
}
