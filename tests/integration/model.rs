//! The life of one request as a model, gone through in every order that there is: the steps of the workers that have to do
//! with it, and one thing that goes wrong, at every point between two steps. The bus is the real one.

use std::collections::{HashSet, VecDeque};

use deblox::protocol::limits::ATTEMPTS;

use crate::model_data::{Sight, Stream};
use crate::model_world::{Hand, Life, Worker, World};

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A create by the shared stream, which any worker takes and the first dock gets.
    Create,
    /// One that another dock may do where the first is lost.
    Replace,
    /// One by the first dock's own stream.
    Own,
    /// A command, by the first dock's own stream: it must not run twice, and nobody can tell afterwards whether it ran.
    Exec,
    /// Something that only looks.
    Look,
    /// No request.
    Malformed,
    /// The same create twice.
    Twice,
    /// A create whose time is up.
    Late,
}

/// What a worker does next with what it has in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Begin,
    Place,
    PassOn,
    /// Back from a lost dock's stream to the shared one.
    GiveBack,
    /// Asks whether it is still its own, where that was asked too long ago.
    Fence,
    Execute,
    Record,
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
    /// An earlier attempt may have done it.
    GoAgain,
    Expired,
    ExpiredBegun,
    Poison,
    NotOurs,
    Here,
    There,
    Promised,
    NoDock,
    Moved,
    Done,
}

/// The table of transitions: what follows a step, by what came of it. Nothing follows the last.
fn next(kind: Kind, hand: &Hand, said: Said) -> Option<Step> {
    Some(match (hand.step, said) {
        (Step::Begin, Said::Go | Said::GoAgain) if hand.stands_in.is_some() => Step::GiveBack,
        (Step::Begin, Said::Expired) if hand.stands_in.is_some() => Step::Finish("dock-lost-before"),
        (Step::Begin, Said::ExpiredBegun) if hand.stands_in.is_some() => Step::Finish("dock-lost"),
        (Step::Begin, Said::GoAgain) if kind == Kind::Exec => Step::Finish("interrupted"),
        (Step::Begin, Said::Go | Said::GoAgain) if matches!(kind, Kind::Look | Kind::Exec) => Step::Execute,
        (Step::Begin, Said::Go | Said::GoAgain) => Step::Place,
        (Step::Begin | Step::Fence, Said::Expired) => Step::Finish("expired"),
        (Step::Begin, Said::ExpiredBegun) if kind == Kind::Look => Step::Finish("expired"),
        // It was begun by this very hand.
        (Step::Fence, Said::ExpiredBegun) if hand.attempt == 1 => Step::Finish("expired"),
        (Step::Begin | Step::Fence, Said::ExpiredBegun) | (Step::Fence | Step::Place, Said::NotOurs) => {
            Step::Finish("interrupted")
        }
        (Step::Begin, Said::Poison) => Step::Finish("poison"),
        (Step::Place, Said::Here) if hand.stale => Step::Fence,
        (Step::Place, Said::Here) | (Step::Fence, Said::Go) => Step::Execute,
        (Step::Place, Said::There) => Step::PassOn,
        (Step::Place, Said::Promised) => Step::Finish("dock-lost"),
        (Step::Place, Said::NoDock) => Step::Finish("no-dock"),
        (Step::Execute, Said::Done) if matches!(kind, Kind::Look | Kind::Exec) => Step::Finish("done"),
        (Step::Execute, Said::Done) => Step::Record,
        (Step::Record, Said::Done) => Step::Finish("done"),
        (_, Said::NotOurs)
        | (Step::PassOn | Step::GiveBack, Said::Moved)
        | (Step::Finish(_) | Step::Answer | Step::Refuse, Said::Done) => return None,
        other => panic!("no such transition: {other:?}"),
    })
}

/// What may happen next. Workers, hands and docks are given by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Deliver(usize),
    Step(usize),
    TakeOver(usize),
    /// The worker that comes after A starts.
    Follow,
    /// The lease on a dock runs out.
    LeaseOut(usize),
    /// A worker looks after what waits for a lost dock.
    Watch(usize, usize),
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
#[derive(Clone, Debug, Default)]
struct Faults {
    fault: Option<Event>,
    taken_over: bool,
}

/// The events that may happen now.
async fn events(kind: Kind, world: &World, sight: &Sight, faults: &Faults) -> Vec<Event> {
    let (seen, mut events) = (&sight.streams, Vec::new());
    let own = |worker: usize| &seen[1 + worker % 2];
    let is_last = |worker: usize| worker > 0 || world.workers[2].life == Life::Unborn;
    let is_left = |stream: &Stream| stream.held.iter().any(|(entry, consumer)| world.is_left(entry, consumer));
    let last = world.workers.iter().enumerate().filter(|(number, _)| is_last(*number));
    let is_gone = |worker: &Worker| matches!(worker.life, Life::Paused | Life::Dead);
    // A lease runs out long before anything may be taken over.
    let overdue = last.clone().any(|(number, worker)| is_gone(worker) && world.leases[number % 2]);
    for (number, worker) in last {
        let (dock, other) = (number % 2, 1 - number % 2);
        let left = is_left(&seen[0]) || is_left(own(number));
        match worker.life {
            Life::Live => {
                let new = seen[0].new + own(number).new > 0;
                events.extend(new.then_some(Event::Deliver(number)));
                events.extend((left && !overdue).then_some(Event::TakeOver(number)));
                let stands_in = world.hands.iter().any(|hand| hand.stands_in.is_some());
                let waits = own(other).new + own(other).held.len() > 0 && (world.late || own(other).sent);
                events.extend((!world.leases[other] && waits && !stands_in).then_some(Event::Watch(number, other)));
            }
            Life::Paused | Life::Dead => {
                // Earlier it would change nothing.
                let has_work = left || own(number).new + own(number).held.len() > 0;
                // One that comes after a worker that only sleeps is gone through with what is for its dock alone.
                let follows = number == 0 && (worker.life == Life::Dead || matches!(kind, Kind::Own | Kind::Exec));
                events.extend((follows && has_work).then_some(Event::Follow));
                events.extend((has_work && world.leases[dock]).then_some(Event::LeaseOut(dock)));
            }
            Life::Unborn => {}
        }
    }
    let paused = world.workers.iter().position(|worker| worker.life == Life::Paused);
    events.extend(paused.filter(|_| faults.taken_over).map(Event::Wake));
    let hands = world.hands.iter().enumerate().filter(|(_, hand)| world.workers[hand.worker].life == Life::Live);
    events.extend(hands.clone().map(|(number, _)| Event::Step(number)));
    if faults.fault == Some(Event::Lose) && world.may_send_again() && world.replies().await.is_empty() {
        events.push(Event::Resend);
    }
    if faults.fault.is_none() && !events.is_empty() {
        // Of what is sent twice all orders are gone through; the rest is the same as for what is sent once.
        let is_twice = kind == Kind::Twice;
        let mut faults = Vec::new();
        faults.extend((!is_twice).then_some(Event::Lose));
        for (number, hand) in hands {
            let worker = hand.worker;
            if !faults.contains(&Event::Crash(worker)) {
                faults.push(Event::Crash(worker));
                faults.extend((!is_twice).then_some(Event::Pause(worker)));
                let begun = world.hands.iter().any(|hand| hand.worker == worker && hand.step != Step::Begin);
                faults.extend((!begun).then_some(Event::Stop(worker)));
            }
            faults.extend((hand.step != Step::Execute).then_some(Event::Cut(number)));
        }
        faults.extend(events.iter().filter_map(|event| match event {
            Event::Deliver(worker) => Some(Event::CutDelivery(*worker)),
            _ => None,
        }));
        events.extend(faults);
    }
    let sleeps = matches!(faults.fault, Some(Event::Crash(_))) || paused.is_some();
    let may_be_late = sleeps && !world.late;
    events.extend(
        (may_be_late && !events.is_empty() && !matches!(kind, Kind::Malformed | Kind::Twice)).then_some(Event::Late),
    );
    events
}

async fn happen(kind: Kind, world: &mut World, faults: &mut Faults, event: Event) {
    match event {
        Event::Deliver(worker) => world.deliver(worker, false).await,
        Event::Step(hand) => {
            let said = world.step(hand).await;
            match next(kind, &world.hands[hand], said) {
                Some(step) => world.hands[hand].step = step,
                None => world.let_go(hand).await,
            }
        }
        Event::TakeOver(worker) => world.take_over(worker).await,
        Event::Follow => world.follow().await,
        Event::LeaseOut(dock) => world.let_lease_run_out(dock).await,
        Event::Watch(worker, dock) => world.watch(worker, dock).await,
        Event::Wake(worker) => world.wake(worker).await,
        Event::Resend => world.send().await,
        Event::Late => world.let_time_run_out().await,
        Event::Crash(worker) => world.end(worker),
        Event::Pause(worker) => world.workers[worker].life = Life::Paused,
        Event::Stop(worker) => world.stop(worker).await,
        Event::Cut(hand) => drop(world.step(hand).await),
        Event::CutDelivery(worker) => world.deliver(worker, true).await,
        Event::Lose => world.lose_everything().await,
    }
    match event {
        Event::TakeOver(_) | Event::Follow | Event::Watch(..) => faults.taken_over = true,
        Event::Crash(_) | Event::Pause(_) | Event::Stop(_) | Event::Cut(_) | Event::CutDelivery(_) | Event::Lose => {
            faults.fault = Some(event);
        }
        _ => {}
    }
}

/// What is wrong at the end of a path, in words.
async fn verdict(kind: Kind, world: &World, faults: &Faults) -> Vec<String> {
    let (mut wrong, replies) = (world.left().await, world.replies().await);
    let (lost, effects) = (faults.fault == Some(Event::Lose), world.effects);
    let complete = if lost { (1..=world.sent).contains(&replies.len()) } else { replies.len() == world.sent };
    if !complete {
        wrong.push(format!("{} replies for {} sent", replies.len(), world.sent));
    }
    let most = match kind {
        // One is too many, and the dock that was lost knows of it.
        Kind::Replace if world.is_extra().await => 2,
        // With Redis's data the only trace of it is gone, and the caller sends it again.
        Kind::Exec if lost => world.sent,
        _ => 1,
    };
    if effects > most {
        wrong.push(format!("done {effects} times"));
    }
    if !matches!(kind, Kind::Look | Kind::Malformed) {
        let honest = |code: &String| match code.as_str() {
            "done" => effects > 0,
            "expired" | "dock-lost-before" => effects == 0,
            "interrupted" | "dock-lost" => true,
            _ => false,
        };
        if !replies.iter().all(honest) {
            wrong.push(format!("told {replies:?}, done {effects} times"));
        }
    }
    if world.dead().await > 0 {
        wrong.push("it is with the dead".to_owned());
    }
    wrong
}

/// Goes from each state through every event that may happen in it, the nearest states first. Returns how many states
/// there are, and how many ways from one to another.
async fn explore(kind: Kind) -> (usize, usize) {
    let mut world = World::new(kind).await;
    world.begin().await;
    let (mut states, mut ways, mut broken) = (HashSet::new(), 0, Vec::new());
    let mut open = VecDeque::from([(world.keep(0).await, Faults::default(), Vec::new())]);
    while let Some((moment, faults, path)) = open.pop_front() {
        world.go_back(&moment).await;
        let sight = world.look().await;
        let events = events(kind, &world, &sight, &faults).await;
        if events.iter().all(|event| *event == Event::Resend) {
            if !events.is_empty() {
                // The caller need not send it again.
                world.let_time_run_out().await;
            }
            world.heartbeats().await;
            let ended = events.is_empty();
            let wrong = if ended { verdict(kind, &world, &faults).await } else { world.left().await };
            broken.extend((!wrong.is_empty()).then(|| (path.clone(), wrong)));
        }
        for event in events {
            world.go_back(&moment).await;
            let mut faults = faults.clone();
            happen(kind, &mut world, &mut faults, event).await;
            ways += 1;
            let sight = world.look().await;
            if states.insert(format!("{} {faults:?}", world.state(&sight))) {
                let path = path.iter().copied().chain([event]).collect::<Vec<_>>();
                open.push_back((world.keep(states.len()).await, faults, path));
            }
        }
    }
    println!("{kind:?}: {} states, {ways} ways between them", states.len());
    let shortest = &broken[..broken.len().min(4)];
    assert!(broken.is_empty(), "{} end badly, the nearest: {shortest:?}", broken.len());
    (states.len(), ways)
}

#[tokio::test]
async fn a_create() {
    assert_eq!(explore(Kind::Create).await, (2993, 5079));
}

#[tokio::test]
async fn a_create_that_another_dock_may_do() {
    assert_eq!(explore(Kind::Replace).await, (3235, 5485));
}

#[tokio::test]
async fn a_create_by_a_docks_own_stream() {
    assert_eq!(explore(Kind::Own).await, (824, 1383));
}

#[tokio::test]
async fn a_command_by_a_docks_own_stream() {
    assert_eq!(explore(Kind::Exec).await, (323, 516));
}

#[tokio::test]
async fn a_look() {
    assert_eq!(explore(Kind::Look).await, (153, 211));
}

#[tokio::test]
async fn what_is_no_request() {
    assert_eq!(explore(Kind::Malformed).await, (53, 74));
}

#[tokio::test]
async fn the_same_request_twice() {
    assert_eq!(explore(Kind::Twice).await, (2591, 5859));
}

#[tokio::test]
async fn a_request_whose_time_is_up() {
    assert_eq!(explore(Kind::Late).await, (201, 279));
}

#[tokio::test]
async fn a_request_that_kills_its_worker_each_time_ends_with_the_dead() {
    let (kind, mut faults) = (Kind::Create, Faults::default());
    let mut world = World::new(kind).await;
    world.begin().await;
    happen(kind, &mut world, &mut faults, Event::Deliver(0)).await;
    for _ in 0..ATTEMPTS {
        happen(kind, &mut world, &mut faults, Event::Step(0)).await;
        world.hands.clear();
        happen(kind, &mut world, &mut faults, Event::TakeOver(0)).await;
    }
    for _ in 0..2 {
        happen(kind, &mut world, &mut faults, Event::Step(0)).await;
    }
    assert_eq!((world.replies().await, world.effects, world.dead().await), (vec!["poison".to_owned()], 0, 1));
    assert_eq!(world.left().await, Vec::<String>::new());
}
