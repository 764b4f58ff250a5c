//! `GET /api/v1/live`: what changes, as it changes, as server-sent events (WHATWG HTML, section 9.2).
//!
//! Events have their place in `deblox.events` as their id, which is the same on all nodes: whoever was cut off goes on at
//! any of them where it was. What else is sent says how things are now; whoever comes (back) reads them once, after the
//! `hello`, and is told of what changes from then on.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::caller::{Caller, auth_now};
use super::docks::{Dock, Usage, usage};
use super::extract::Query;
use super::happenings::{ClusterEvent, place};
use super::instances::Instance;
use super::look;
use super::problem::Problem;
use super::requests::RequestStatus;
use crate::protocol::{EntryId, Ownership, Session};
use crate::web::serve::Peer;
use crate::web::view::{Change, InstanceChange, Row, SeenDock};
use crate::web::{Auth, Node};

/// How soon it is noticed that the session has ended.
const CHECK: Duration = Duration::from_secs(2);

/// How long nothing may be sent, so that both ends notice when the other is gone.
const PING: Duration = Duration::from_secs(10);

/// Events that were missed and are put out together.
const AT_ONCE: usize = 100;

/// Heartbeats are told each so-manieth time that they are looked at.
const BEATS: u32 = 2;

/// Where a stream of events goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// The id of the last event that was read; `Last-Event-ID` says the same.
    after: Option<String>,
}

/// The first thing that is sent.
#[derive(Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Hello {
    /// The node that answers.
    node: String,
    /// Redis's clock, in milliseconds.
    now: u64,
    /// Whether events that were asked for are kept no longer.
    gap: bool,
}

/// What the last heartbeats brought, by dock.
#[derive(Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Beats {
    /// Redis's clock, in milliseconds.
    now: u64,
    /// By dock.
    docks: BTreeMap<String, Beat>,
}

/// What a heartbeat brought.
#[derive(Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Beat {
    /// How old it is, in milliseconds; null if the dock is lost.
    age: Option<u64>,
    /// What its host uses.
    usage: Option<Usage>,
}

/// Docks that have changed otherwise than by a heartbeat.
#[derive(Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct DockChanges {
    /// As they are now.
    docks: Vec<Dock>,
    /// Those that nobody knows any more.
    gone: Vec<String>,
}

/// Instances that have changed.
#[derive(Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct InstanceChanges {
    /// As they are now; new ones too.
    changed: Vec<Instance>,
    /// The full ids of those that are gone, or may not be seen any more.
    gone: Vec<String>,
}

/// Changes as server-sent events: hello, docks, beats, instances, event, request, ping, and ended when the session is over.
#[utoipa::path(get, path = "/live", tag = "live", params(From), responses(
    (status = 200, content_type = "text/event-stream", body = String,
        description = "events `hello` (Hello), `docks` (DockChanges), `beats` (Beats), `instances` (InstanceChanges), \
                       `event` (ClusterEvent), `request` (RequestStatus), `ping`, `ended`"),
    (status = 401, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn stream(
    State(node): State<Arc<Node>>,
    Extension(Peer(peer)): Extension<Peer>,
    caller: Caller,
    headers: HeaderMap,
    Query(from): Query<From>,
) -> Result<Response, Problem> {
    let permit = node.fair_use.live(caller.user(), peer)?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let after = last.or(from.after.as_deref()).map(|text| place("after", text)).transpose()?;
    // Before anything is read, so that nothing falls between.
    let (changes, ends) = (node.view.changes(), node.requests.ends());
    drop(look(&node).await?);
    let live = Live::new(node, caller, after, changes, ends);
    let events = futures_util::stream::unfold((live, permit), |(mut live, permit)| async move {
        let event = live.next().await?;
        Some((Ok::<_, Infallible>(event), (live, permit)))
    });
    // Proxies such as nginx would collect it otherwise.
    let head = [(CACHE_CONTROL, "no-store"), (axum::http::HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((head, Sse::new(events)).into_response())
}

/// One stream.
struct Live {
    node: Arc<Node>,
    caller: Caller,
    changes: Receiver<Change>,
    ends: Receiver<Arc<RequestStatus>>,
    /// What is to be sent.
    out: VecDeque<Event>,
    /// The last event that was sent, or need not be.
    told: EntryId,
    /// The last of those that are sent before others, because they were missed.
    missed: Option<EntryId>,
    checked: Instant,
    spoke: Instant,
    beats: u32,
    over: bool,
}

impl Live {
    fn new(
        node: Arc<Node>,
        caller: Caller,
        after: Option<EntryId>,
        changes: Receiver<Change>,
        ends: Receiver<Arc<RequestStatus>>,
    ) -> Self {
        let (out, now, told) = (VecDeque::new(), Instant::now(), EntryId { millis: 0, sequence: 0 });
        let mut live = Self {
            node,
            caller,
            changes,
            ends,
            out,
            told,
            missed: None,
            checked: now,
            spoke: now,
            beats: 0,
            over: false,
        };
        live.greet(after);
        live
    }

    /// Says hello; what has happened since `after` comes next.
    fn greet(&mut self, after: Option<EntryId>) {
        let node = Arc::clone(&self.node);
        let picture = node.view.look();
        let gap = after.zip(picture.events.front()).is_some_and(|(after, oldest)| after < oldest.at);
        let last = picture.events.back().map_or(self.told, |told| told.at);
        self.told = after.unwrap_or(last);
        self.missed = Some(last);
        let hello = Hello { node: node.name.clone(), now: picture.now(), gap };
        self.put("hello", &hello);
    }

    /// Puts further events out that were missed, a few at a time.
    fn catch_up(&mut self) {
        let Some(last) = self.missed else { return };
        let node = Arc::clone(&self.node);
        let picture = node.view.look();
        let begin = picture.events.partition_point(|told| told.at <= self.told);
        let next = picture.events.iter().skip(begin).take_while(|told| told.at <= last).take(AT_ONCE);
        let mut told = None;
        for next in next {
            told = Some(next.at);
            self.out.extend(ClusterEvent::of(&picture, &self.caller, next).map(|event| event.to_sse()));
        }
        match told {
            Some(told) => self.told = told,
            None => (self.missed, self.told) = (None, self.told.max(last)),
        }
    }

    /// Has something sent, with the place of the last event: whoever is cut off goes on behind it.
    fn put(&mut self, name: &str, data: &impl Serialize) {
        let event = Event::default().event(name).id(self.told.to_string());
        self.out.extend(event.json_data(data));
    }

    /// What is sent next; nothing after the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.out.pop_front() {
                self.spoke = Instant::now();
                return Some(event);
            }
            if self.over {
                return None;
            }
            let node = Arc::clone(&self.node);
            node.view.touch();
            if self.missed.is_some() {
                self.catch_up();
                continue;
            }
            tokio::select! {
                change = self.changes.recv() => self.change(change),
                end = self.ends.recv() => self.end(end),
                () = tokio::time::sleep_until(self.checked + CHECK) => self.check().await,
                () = node.closing.cancelled() => self.over = true,
                () = tokio::time::sleep_until(self.spoke + PING) => self.put("ping", &serde_json::json!({})),
            }
        }
    }

    fn change(&mut self, change: Result<Change, RecvError>) {
        let node = Arc::clone(&self.node);
        match change {
            Ok(Change::Beats) => {
                self.beats += 1;
                if self.beats.is_multiple_of(BEATS) {
                    let picture = node.view.look();
                    let beat = |seen: &SeenDock| Beat {
                        age: seen.beats.back().copied().flatten(),
                        usage: usage(&seen.dock.record),
                    };
                    let docks = picture.docks.iter().map(|(name, seen)| (name.to_string(), beat(seen))).collect();
                    self.put("beats", &Beats { now: picture.now(), docks });
                }
            }
            Ok(Change::Docks(names)) => {
                let picture = node.view.look();
                let docks = names.iter().filter_map(|name| Some(Dock::of(name, picture.docks.get(name)?))).collect();
                let gone = names.iter().filter(|name| !picture.docks.contains_key(*name));
                let gone = gone.map(ToString::to_string).collect();
                self.put("docks", &DockChanges { docks, gone });
            }
            Ok(Change::Instances(change)) => self.instances(&change),
            Ok(Change::Event(told)) => {
                if told.at > self.told {
                    self.told = told.at;
                    let event = ClusterEvent::of(&node.view.look(), &self.caller, &told);
                    self.out.extend(event.map(|event| event.to_sse()));
                }
            }
            // It looks at everything again.
            Err(RecvError::Lagged(_)) => self.greet(Some(self.told)),
            Err(RecvError::Closed) => self.over = true,
        }
    }

    /// Tells of instances that the caller sees, or saw: of others not even that they are there.
    fn instances(&mut self, InstanceChange { changed, given, gone }: &InstanceChange) {
        let node = Arc::clone(&self.node);
        let picture = node.view.look();
        let seen = |row: &&Row| self.caller.sees(picture.owner(&row.summary));
        let (given, taken): (Vec<&Row>, Vec<&Row>) = given.iter().partition(seen);
        let rows = changed.iter().filter(seen).chain(given);
        let changed: Vec<Instance> =
            rows.map(|row| Instance::of(&picture, &self.caller, &row.dock, &row.summary)).collect();
        let saw = |row: &&Row| {
            let owner = Ownership::owner(row.said.as_ref(), row.summary.owner.as_deref());
            self.caller.sees((owner, row.said.as_ref()))
        };
        let gone: Vec<String> = gone.iter().filter(saw).chain(taken).map(|row| row.summary.id.clone()).collect();
        if !(changed.is_empty() && gone.is_empty()) {
            self.put("instances", &InstanceChanges { changed, gone });
        }
    }

    fn end(&mut self, end: Result<Arc<RequestStatus>, RecvError>) {
        match end {
            Ok(status) if status.is_for(&self.caller) => self.put("request", &*status),
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => self.greet(Some(self.told)),
            Err(RecvError::Closed) => self.over = true,
        }
    }

    /// Notices when the session has ended, what else it may now do, and when there is nothing to see: then whoever comes
    /// back is told why.
    async fn check(&mut self) {
        self.checked = Instant::now();
        let node = Arc::clone(&self.node);
        let session = match &self.caller.credential {
            Some(credential) => node.sessions.identify(credential).await.map(|session| session.map(Some)),
            // Workers may have begun to ask who it is.
            None => Ok((auth_now(&node) == Auth::Open).then_some(None)),
        };
        match session {
            Ok(Some(session)) => self.is_now(session),
            Ok(None) => {
                self.put("ended", &serde_json::json!({}));
                self.over = true;
            }
            // It counts until somebody says otherwise; what it shows is not new meanwhile.
            Err(error) => tracing::debug!(%error, "whether a session still counts"),
        }
        self.over |= !node.view.is_ready();
    }

    fn is_now(&mut self, session: Option<Session>) {
        if self.caller.session != session {
            self.caller.session = session;
            // Other rights: everything is looked at again.
            self.greet(Some(self.told));
        }
    }
}

impl ClusterEvent {
    /// As it is sent.
    fn to_sse(&self) -> Event {
        let event = Event::default().event("event").id(self.at());
        event.json_data(self).unwrap_or_default()
    }
}
