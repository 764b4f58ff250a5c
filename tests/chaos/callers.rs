//! Those who send requests, and read every reply as it is kept for them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::bus::Lost;
use crate::cluster::{Cluster, dock, log_container};
use crate::faults::Kind;
use crate::plan::{Planned, What};
use crate::time::now;

/// How long after its deadline a reply is looked for: a worker that fell silent is noticed after 15 s.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long after that it is looked whether there are more; replies are kept for ten minutes.
const SECOND_LOOK: Duration = Duration::from_secs(60);

/// How often a reply is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// How often a request is sent until it is known that it has arrived.
const SENDS: u32 = 600;

/// Appends one line to the file of the request, whose time is that of the last line.
const LINE: &str = r#"echo >>"/log/$0""#;

/// A request that was sent, with all that came of it.
#[derive(Clone, Debug)]
pub struct Call {
    pub id: String,
    pub fault: &'static Kind,
    /// The host that its trial disturbs.
    pub host: usize,
    pub effect: Effect,
    pub request: Value,
    pub stream: String,
    /// When it was sent first, by the machine's clock.
    pub sent: u64,
    /// When its time was up, by Redis's clock: that of the last entry.
    pub deadline: u64,
    /// How many entries are known to have arrived, and how many may have.
    pub entries: (usize, usize),
    /// How many Redis has acknowledged; of which a failover may have lost some.
    pub acknowledged: usize,
    /// Whether there was a failover between its first sending and the last look.
    pub failed_over: bool,
    /// Whether its replies were there by [`PATIENCE`] after the deadline.
    pub in_time: bool,
    /// All replies that were ever seen, in the order in which they were.
    pub replies: Vec<Value>,
    /// Those that were there at the last look.
    pub kept: Vec<Value>,
}

/// What can be seen of it afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A container with its label.
    Create,
    /// The container with this id is gone.
    Delete(String),
    /// A line in the log of that host.
    Exec(usize),
    /// Nothing that lasts.
    Other,
}

/// An instance that was created.
#[derive(Clone)]
struct Made {
    id: String,
    name: Option<String>,
    dock: String,
}

/// All callers.
pub struct Callers {
    cluster: Arc<Cluster>,
    /// What there is to operate on.
    made: Mutex<Vec<Made>>,
    calls: Mutex<Vec<Call>>,
    /// How many requests there were.
    count: AtomicUsize,
    /// How many calls still wait for their replies.
    open: AtomicUsize,
    /// The last look is to be now.
    over: CancellationToken,
}

impl Callers {
    pub fn new(cluster: Arc<Cluster>) -> Self {
        let over = CancellationToken::new();
        let (count, open) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { cluster, made: Mutex::default(), calls: Mutex::default(), count, open, over }
    }

    /// How many were sent until now.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Returns when every call has a reply, or no hope of one.
    pub async fn answered(&self) {
        while self.open.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Has everybody take the last look.
    pub fn end(&self) {
        self.over.cancel();
    }

    /// All calls that have come to their end.
    pub fn calls(&self) -> Vec<Call> {
        let mut calls = self.calls.lock().expect("never held across a panic").clone();
        calls.sort_by_key(|call| call.sent);
        calls
    }

    /// Sends one request, and keeps what comes of it.
    pub async fn call(&self, id: String, planned: Planned, fault: &'static Kind, host: usize) -> Result<()> {
        let term = self.cluster.bus.term();
        self.count.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        let opened = self.open_call(id, &planned, fault, host).await;
        self.open.fetch_sub(1, Ordering::Relaxed);
        let mut call = opened?;
        tokio::select! {
            () = tokio::time::sleep(SECOND_LOOK) => {}
            () = self.over.cancelled() => {}
        }
        self.look(&mut call).await?;
        call.failed_over = self.cluster.bus.term() != term;
        self.cluster.bus.repeat::<i64>(&["DEL", &self.reply_key(&call.id)]).await?;
        self.calls.lock().expect("never held across a panic").push(call);
        Ok(())
    }

    /// Sends, and waits for a reply to each entry. Sends again where a failover may have lost the entry before there was
    /// a reply, as any client should.
    async fn open_call(&self, id: String, planned: &Planned, fault: &'static Kind, host: usize) -> Result<Call> {
        let bus = &self.cluster.bus;
        let (mut request, effect) = self.compose(&id, planned, host);
        let timeout = u64::try_from(planned.timeout.as_millis())?;
        request["requestId"] = json!(id);
        request["timeout"] = json!(timeout);
        let stream = match planned.by {
            Some(aim) => bus.key(&format!("docker.{}", dock(aim.host(host)))),
            None => bus.key("docker"),
        };
        let json = request.to_string();
        let mut term = bus.term();
        let mut call = Call {
            id,
            fault,
            host,
            effect,
            request,
            stream,
            sent: now(),
            deadline: 0,
            entries: (0, 0),
            acknowledged: 0,
            failed_over: false,
            in_time: false,
            replies: vec![],
            kept: vec![],
        };
        self.send(&mut call, &json, timeout).await?;
        if let Some(pause) = planned.again {
            tokio::time::sleep(pause).await;
            self.send(&mut call, &json, timeout).await?;
        }
        loop {
            // By the clock before the look: Redis may be away for a while.
            let (begun, before) = (now(), std::mem::replace(&mut term, bus.term()));
            self.look(&mut call).await?;
            if before != term {
                // What was acknowledged before may be gone with the old primary.
                call.entries.0 = call.entries.0.min(call.replies.len().min(1));
                if call.replies.is_empty() {
                    self.send(&mut call, &json, timeout).await?;
                    continue;
                }
            }
            if call.replies.len() >= call.entries.0 {
                call.in_time = true;
                self.keep(&call);
                return Ok(call);
            }
            if begun > call.deadline + u64::try_from(PATIENCE.as_millis())? {
                return Ok(call);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Puts an entry on its stream, again if it may not have arrived, as any client would.
    async fn send(&self, call: &mut Call, json: &str, timeout: u64) -> Result<()> {
        for _ in 0..SENDS {
            match self.cluster.bus.once::<String>(&["XADD", &call.stream, "*", "json", json]).await {
                Ok(entry) => {
                    let time = entry.split('-').next().and_then(|time| time.parse::<u64>().ok());
                    call.deadline = time.context("an entry's id")? + timeout;
                    call.entries = (call.entries.0 + 1, call.entries.1 + 1);
                    call.acknowledged += 1;
                    return Ok(());
                }
                Err(Lost::Undone(_)) => {}
                Err(Lost::Unanswered(_)) => call.entries.1 += 1,
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("a request could not be sent")
    }

    /// Looks at the replies that are there.
    async fn look(&self, call: &mut Call) -> Result<()> {
        let bus = &self.cluster.bus;
        let texts: Vec<String> = bus.repeat(&["LRANGE", &self.reply_key(&call.id), "0", "-1"]).await?;
        let read = |text: &String| serde_json::from_str(text).context("a reply is JSON");
        call.kept = texts.iter().map(read).collect::<Result<_>>()?;
        let mut seen = call.replies.clone();
        for reply in &call.kept {
            match seen.iter().position(|other| other == reply) {
                Some(at) => drop(seen.swap_remove(at)),
                None => call.replies.push(reply.clone()),
            }
        }
        Ok(())
    }

    fn reply_key(&self, id: &str) -> String {
        self.cluster.bus.key(&format!("reply.{id}"))
    }

    /// Makes what was created known to the others.
    fn keep(&self, call: &Call) {
        let reply = &call.replies[0];
        let (id, dock) = (reply["Id"].as_str(), reply["dockerInstance"].as_str());
        if let (Effect::Create, Some(id), Some(dock)) = (&call.effect, id, dock) {
            let name = call.request["name"].as_str().map(str::to_owned);
            let made = Made { id: id.to_owned(), name, dock: dock.to_owned() };
            self.made.lock().expect("never held across a panic").push(made);
        }
    }

    fn compose(&self, id: &str, planned: &Planned, host: usize) -> (Value, Effect) {
        let other = |action: &str| (json!({"action": action}), Effect::Other);
        match planned.what {
            What::Create { named, start, replace, dock: asked } => {
                let mut request = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "3600"]});
                request["start"] = json!(start);
                request["replace"] = json!(replace);
                if named {
                    request["name"] = json!(format!("named-{id}"));
                }
                if let Some(aim) = asked {
                    request["dock"] = json!(dock(aim.host(host)));
                }
                (request, Effect::Create)
            }
            What::Exec(aim) => {
                let target = aim.host(host);
                let request = json!({"action": "exec-container", "id": log_container(target),
                    "cmd": ["sh", "-c", LINE, id]});
                (request, Effect::Exec(target))
            }
            What::Delete => match self.choose(planned.choice, host, true) {
                Some(made) => (
                    json!({"action": "delete-container", "id": reference(&made, planned.choice), "force": true}),
                    Effect::Delete(made.id),
                ),
                None => other("ping"),
            },
            What::Start => self.operate("start-container", planned.choice, host),
            What::Stop => {
                let (mut request, effect) = self.operate("stop-container", planned.choice, host);
                if request["id"].is_string() {
                    request["time"] = json!(0);
                }
                (request, effect)
            }
            What::Restart => {
                let (mut request, effect) = self.operate("restart-container", planned.choice, host);
                if request["id"].is_string() {
                    request["time"] = json!(0);
                }
                (request, effect)
            }
            What::Inspect => self.operate("inspect-container", planned.choice, host),
            What::List => (json!({"action": "list-containers", "all": true}), Effect::Other),
            What::Docks => other("list-docks"),
            What::Ping => other("ping"),
            What::Pull => (json!({"action": "pull-image", "image": "busybox"}), Effect::Other),
        }
    }

    /// An action on an instance; a ping where there is none.
    fn operate(&self, action: &str, choice: u64, host: usize) -> (Value, Effect) {
        let request = match self.choose(choice, host, false) {
            Some(made) => json!({"action": action, "id": reference(&made, choice)}),
            None => json!({"action": "ping"}),
        };
        (request, Effect::Other)
    }

    /// An instance on the disturbed host where there is one, and for every other choice; any otherwise. One that is to
    /// be deleted is nobody else's from here on.
    fn choose(&self, choice: u64, host: usize, for_good: bool) -> Option<Made> {
        let mut made = self.made.lock().expect("never held across a panic");
        let here = |one: &Made| choice.is_multiple_of(2) && one.dock == dock(host);
        let mut fit: Vec<usize> = (0..made.len()).filter(|at| here(&made[*at])).collect();
        if fit.is_empty() {
            fit = (0..made.len()).collect();
        }
        let at = *fit.get(usize::try_from(choice / 4).ok()? % fit.len().max(1))?;
        Some(if for_good { made.remove(at) } else { made[at].clone() })
    }
}

/// By its name, if it was given one, or by its id.
fn reference(made: &Made, choice: u64) -> String {
    made.name.clone().filter(|_| !choice.is_multiple_of(3)).unwrap_or_else(|| made.id.clone())
}
