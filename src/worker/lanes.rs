//! Order: requests for the same instance run one after the other, as they were sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

/// The last request in each lane, by instance.
#[derive(Clone, Default)]
pub(super) struct Lanes {
    last: Arc<Mutex<HashMap<String, Last>>>,
    /// The lane of each request that makes a new instance of the one that it is about.
    makers: Arc<Mutex<HashMap<String, String>>>,
}

/// The number of a request in its lane, and what tells when it has left.
type Last = (u64, oneshot::Receiver<()>);

/// Ends, when dropped, that what a request has made shares its lane.
pub(super) struct Shared<'a> {
    lanes: &'a Lanes,
    request: &'a str,
}

/// A place in a lane. Dropping it lets the next one go.
pub(super) struct Turn {
    before: Option<oneshot::Receiver<()>>,
    leave: Option<Leave>,
}

struct Leave {
    lanes: Lanes,
    key: String,
    number: u64,
    /// Dropped with this, which is what the next in the lane waits for.
    _done: oneshot::Sender<()>,
}

impl Lanes {
    /// Queues behind everything that was queued for `key` before. Without a key there is nothing to wait for.
    pub(super) fn enter(&self, key: Option<String>) -> Turn {
        let Some(key) = key else { return Turn { before: None, leave: None } };
        let (done, wait) = oneshot::channel();
        let mut last = self.last.lock().expect("never held across a panic");
        let number = last.get(&key).map_or(0, |(number, _)| number + 1);
        let before = last.insert(key.clone(), (number, wait)).map(|(_, before)| before);
        Turn { before, leave: Some(Leave { lanes: self.clone(), key, number, _done: done }) }
    }

    /// Has the instance that the request `id` makes share the lane in which that request has its `turn`: whoever
    /// means the new one by the old one's name comes after it.
    pub(super) fn share<'a>(&'a self, request: &'a str, turn: &Turn) -> Shared<'a> {
        if let Some(leave) = &turn.leave {
            self.makers.lock().expect("never held across a panic").insert(request.to_owned(), leave.key.clone());
        }
        Shared { lanes: self, request }
    }

    /// The lane of the request `maker`, while it shares it.
    pub(super) fn shared(&self, maker: &str) -> Option<String> {
        self.makers.lock().expect("never held across a panic").get(maker).cloned()
    }
}

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        self.lanes.makers.lock().expect("never held across a panic").remove(self.request);
    }
}

impl Turn {
    /// Waits until everything before it has left. Whoever gives up waiting still keeps its place for those behind.
    pub(super) async fn comes(&mut self) {
        if let Some(before) = &mut self.before {
            let _ = before.await;
            self.before = None;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(leave) = self.leave.take() else { return };
        if let Some(before) = self.before.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            // Left before its turn came: those behind still wait for those before.
            tokio::spawn(async move {
                let _ = before.await;
                drop(leave);
            });
        }
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut last = self.lanes.last.lock().expect("never held across a panic");
        if last.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            last.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_lane_keeps_its_order_and_empties() {
        let lanes = Lanes::default();
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..50)
            .map(|number| {
                let (mut turn, order) = (lanes.enter(Some("a".into())), Arc::clone(&order));
                tokio::spawn(async move {
                    if number == 7 {
                        return; // leaves without waiting
                    }
                    turn.comes().await;
                    tokio::task::yield_now().await;
                    order.lock().unwrap().push(number);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..50).filter(|n| *n != 7).collect::<Vec<_>>());
        assert!(lanes.last.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_waiting_lets_nobody_overtake() {
        let lanes = Lanes::default();
        let first = lanes.enter(Some("a".into()));
        let mut second = lanes.enter(Some("a".into()));
        let mut third = lanes.enter(Some("a".into()));
        let soon = std::time::Duration::from_millis(10);
        assert!(tokio::time::timeout(soon, second.comes()).await.is_err());
        drop(second);
        assert!(tokio::time::timeout(soon, third.comes()).await.is_err(), "the first is still there");
        drop(first);
        third.comes().await;
    }

    #[tokio::test]
    async fn lanes_do_not_wait_for_each_other() {
        let lanes = Lanes::default();
        let _first = lanes.enter(Some("a".into()));
        lanes.enter(Some("b".into())).comes().await;
        lanes.enter(None).comes().await;
    }
}
