//! `GET /api/v1/live`: what changes, as it changes, as server-sent events (WHATWG HTML, section 9.2).
//!
//! Events have their place in `deblox.events` as their id, which is the same on all nodes: whoever was cut off goes on at
//! any of them where it was. What else is sent says how things are now; whoever comes (back) reads them once, after the
//! `hello`, and is told of what changes from then on.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

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

use super::caller::Caller;
use super::docks::{Dock, Usage, usage};
use super::extract::Query;
use super::happenings::{ClusterEvent, place};
use super::instances::Instance;
use super::look;
use super::problem::Problem;
use super::requests::RequestStatus;
use crate::protocol::{EntryId, Session};
use crate::web::Node;
use crate::web::view::{Change, Row};

/// How soon it is noticed that the session has ended.
const SESSION: Duration = Duration::from_secs(2);

/// How long nothing may be sent, so that both ends notice when the other is gone.
const PING: Duration = Duration::from_secs(10);

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
    (status = 401, body = Problem)))]
pub(super) async fn stream(
    State(node): State<Arc<Node>>,
    caller: Caller,
    headers: HeaderMap,
    Query(from): Query<From>,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let after = last.or(from.after.as_deref()).map(|text| place("after", text)).transpose()?;
    // Before anything is read, so that nothing falls between.
    let (changes, ends) = (node.view.changes(), node.requests.ends());
    drop(look(&node).await?);
    let live = Live::new(node, caller, after, changes, ends);
    let events = futures_util::stream::unfold(live, |mut live| async move {
        let event = live.next().await?;
        Some((Ok::<_, Infallible>(event), live))
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
    checked: Instant,
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
        let told = EntryId { millis: 0, sequence: 0 };
        let (out, checked) = (VecDeque::new(), Instant::now());
        let mut live = Self { node, caller, changes, ends, out, told, checked, beats: 0, over: false };
        live.greet(after);
        live
    }

    /// Says hello, and what has happened since `after`.
    fn greet(&mut self, after: Option<EntryId>) {
        let node = Arc::clone(&self.node);
        let picture = node.view.look();
        let gap = after.zip(picture.events.front()).is_some_and(|(after, oldest)| after < oldest.at);
        self.put("hello", &Hello { node: node.name.clone(), now: picture.now(), gap });
        let missed = picture.events.iter().filter(|told| after.is_some_and(|after| told.at > after));
        let missed = missed.filter_map(|told| ClusterEvent::of(&picture, &self.caller, told));
        self.out.extend(missed.map(|event| event.to_sse()));
        self.told = picture.events.back().map(|told| told.at).max(after).unwrap_or(self.told);
    }

    fn put(&mut self, name: &str, data: &impl Serialize) {
        self.out.extend(Event::default().event(name).json_data(data));
    }

    /// What is sent next; nothing after the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.out.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            let node = Arc::clone(&self.node);
            node.view.touch();
            let ping = Instant::now() + PING;
            tokio::select! {
                change = self.changes.recv() => self.change(change),
                end = self.ends.recv() => self.end(end),
                () = tokio::time::sleep_until(self.checked + SESSION) => self.check().await,
                () = node.closing.cancelled() => self.over = true,
                () = tokio::time::sleep_until(ping) => self.put("ping", &serde_json::json!({})),
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
                    let beat = |seen: &crate::web::view::SeenDock| Beat {
                        age: seen.beats.back().copied().flatten(),
                        usage: usage(&seen.dock.record),
                    };
                    let docks = picture.docks.iter().map(|(name, seen)| (name.to_string(), beat(seen))).collect();
                    self.put("beats", &Beats { now: picture.now(), docks });
                }
            }
            Ok(Change::Docks(names)) => {
                let picture = node.view.look();
                let known = picture.docks.iter().filter(|(name, _)| names.iter().any(|one| one == name.as_str()));
                let docks: Vec<Dock> = known.map(|(name, seen)| Dock::of(name, seen)).collect();
                let is_known = |name: &&String| picture.docks.keys().any(|known| known.as_str() == name.as_str());
                let gone = names.iter().filter(|name| !is_known(name)).cloned().collect();
                self.put("docks", &DockChanges { docks, gone });
            }
            Ok(Change::Instances { changed, gone }) => self.instances(&changed, &gone),
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

    fn instances(&mut self, changed: &[Row], gone: &[Row]) {
        let node = Arc::clone(&self.node);
        let picture = node.view.look();
        let (seen, unseen): (Vec<&Row>, Vec<&Row>) =
            changed.iter().partition(|row| self.caller.sees(picture.owner(&row.summary)));
        let seen = seen.into_iter().map(|row| Instance::of(&picture, &self.caller, &row.dock, &row.summary)).collect();
        // Ids tell nothing to who does not know them.
        let ids = gone.iter().chain(unseen).map(|row| row.summary.id.clone()).collect();
        self.put("instances", &InstanceChanges { changed: seen, gone: ids });
    }

    fn end(&mut self, end: Result<Arc<RequestStatus>, RecvError>) {
        match end {
            Ok(status) if status.is_for(&self.caller) => self.put("request", &*status),
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => self.greet(Some(self.told)),
            Err(RecvError::Closed) => self.over = true,
        }
    }

    /// Notices when the session has ended, and what else it may now do.
    async fn check(&mut self) {
        self.checked = Instant::now();
        let Some(credential) = &self.caller.credential else { return };
        match self.node.sessions.identify(credential).await {
            Ok(Some(session)) => self.is_now(session),
            Ok(None) => {
                self.put("ended", &serde_json::json!({}));
                self.over = true;
            }
            // It counts until somebody says otherwise; what it shows is not new meanwhile.
            Err(error) => tracing::debug!(%error, "whether a session still counts"),
        }
    }

    fn is_now(&mut self, session: Session) {
        if self.caller.session.as_ref() != Some(&session) {
            self.caller.session = Some(session);
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
