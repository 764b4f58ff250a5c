//! `/api/v1/requests`: what was asked of the cluster, and how it stands.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::broadcast;
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::extract::Query;
use super::happenings::ClusterEvent;
use super::look;
use super::problem::Problem;
use crate::client::{Progress, Reply};
use crate::protocol::{Access, ErrorCode, Event, RequestId, Subject};
use crate::web::Node;

/// Requests that a node remembers; the oldest go first.
const REMEMBERED: usize = 10_000;

/// Ends that somebody who is slow may be behind.
const BEHIND: usize = 256;

/// Requests of a page where nothing is said, and at most.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub(super) enum RequestState {
    /// Nothing is known of its end yet.
    Waiting,
    /// It was done.
    Done,
    /// It was refused, or failed, or it is not known whether it took effect.
    Failed,
    /// Nothing is kept of it any more, or no worker has begun it.
    Lost,
}

/// A request that was sent to the bus.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestStatus {
    /// Its id.
    request_id: String,
    /// How it stands.
    state: RequestState,
    /// What it asks for.
    action: Option<String>,
    /// Who asked.
    user: Option<String>,
    /// The dock that answered, or is to.
    dock: Option<String>,
    /// The instance that it is about, or has made.
    id: Option<String>,
    /// Its name, as far as the request says it.
    name: Option<String>,
    /// The image, network, volume or dock that it is about.
    about: Option<String>,
    /// When it was sent, in milliseconds.
    sent: Option<u64>,
    /// When it ended, in milliseconds.
    ended: Option<u64>,
    /// How long it took, in milliseconds.
    took: Option<u64>,
    /// The status of its reply.
    status: Option<u16>,
    /// The stable name of the error.
    error: Option<String>,
    /// What went wrong and what to do about it.
    message: Option<String>,
    /// Whether it is the node that gave up: how it ended others may know.
    #[serde(skip)]
    #[cfg_attr(test, ts(skip))]
    unsure: bool,
}

/// A page of requests.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Requests {
    /// Redis's clock, in milliseconds.
    now: u64,
    /// The newest first: what this node has sent, and what all others have done.
    requests: Vec<RequestStatus>,
    /// Whether there are older ones that fit: ask with `before`.
    more: bool,
}

/// Which requests.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// All words of it in an id, an action, a name, a dock, a user or an error.
    q: Option<String>,
    /// Only those that stand so.
    #[param(inline)]
    state: Option<RequestState>,
    /// Sent or ended before that time, in milliseconds.
    before: Option<u64>,
    /// Requests of the page: 100, at most 1000.
    limit: Option<usize>,
}

/// The requests that the caller has sent, or for who operates everything, all.
#[utoipa::path(get, path = "/requests", tag = "requests", params(Filter), responses(
    (status = 200, body = Requests), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub(super) async fn list(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Requests>, Problem> {
    let limit = filter.limit.unwrap_or(PAGE).min(LARGEST_PAGE);
    let picture = look(&node).await?;
    let fits = |status: &RequestStatus| status.is_for(&caller) && filter.fits(status);
    let (sure, unsure): (Vec<_>, Vec<_>) = node.requests.all(fits).partition(|status| !status.unsure);
    let known: BTreeSet<&str> = sure.iter().map(|status| status.request_id.as_str()).collect();
    let told = picture.events.iter().rev().filter(|told| told.text("event") == Some(Event::REQUEST));
    // Logins and the like are no requests. Of a stream that goes on there may be two records: the last one counts.
    let mut seen = BTreeSet::new();
    let told = told.filter(|told| told.text("requestId").is_some_and(|id| !known.contains(id) && seen.insert(id)));
    let told = told.filter_map(|told| ClusterEvent::of(&picture, &caller, told)).map(RequestStatus::told);
    let mut found: Vec<RequestStatus> = told.filter(|status| filter.fits(status)).take(limit + 1).collect();
    let ended: BTreeSet<String> = found.iter().map(|status| status.request_id.clone()).collect();
    found.extend(unsure.into_iter().filter(|status| !ended.contains(&status.request_id)));
    found.extend(sure);
    found.sort_by_key(|status| Reverse(status.time()));
    let more = found.len() > limit;
    found.truncate(limit);
    Ok(Json(Requests { now: picture.now(), requests: found, more }))
}

/// One request, by its id, on any node. How it stands is for whoever sent it and for who operates everything; to others it is
/// as if there were none.
#[utoipa::path(get, path = "/requests/{id}", tag = "requests", params(("id" = String, Path)), responses(
    (status = 200, body = RequestStatus), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub(super) async fn one(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<RequestStatus>, Problem> {
    let id = RequestId::new(&id).map_err(|error| Problem::new(ErrorCode::BadRequestId, error.to_string()))?;
    let known = node.requests.find(id.as_str()).filter(|status| status.is_for(&caller));
    if let Some(status) = known.as_ref().filter(|status| !status.unsure) {
        return Ok(Json(status.clone()));
    }
    let progress = match is_sender(&node, &caller, &id).await? {
        true => node.client.outcome(&id).await.map_err(|error| Problem::from(&error))?,
        false => Progress::Unknown,
    };
    let picture = look(&node).await?;
    let told = picture.events.iter().rev().find(|told| told.text("requestId") == Some(id.as_str()));
    let told = told.and_then(|told| ClusterEvent::of(&picture, &caller, told)).map(RequestStatus::told);
    let blank = known.unwrap_or_else(|| RequestStatus::blank(id.as_str()));
    Ok(Json(match progress {
        Progress::Done(reply) => told.unwrap_or(blank).ended(&reply, None),
        Progress::UnderWay => RequestStatus { state: RequestState::Waiting, ..told.unwrap_or(blank) },
        Progress::Unknown => told.unwrap_or(blank),
    }))
}

/// Whether the caller may know how a request stands.
async fn is_sender(node: &Node, caller: &Caller, id: &RequestId) -> Result<bool, Problem> {
    if caller.may(Access::Operate, Subject::AllInstances) {
        return Ok(true);
    }
    let sender =
        node.client.bus().requester(id).await.map_err(|error| Problem::new(ErrorCode::BusDown, error.to_string()))?;
    Ok(sender.is_some() && sender.as_deref() == caller.user())
}

impl RequestStatus {
    /// Of a request of which only the id is known.
    fn blank(id: &str) -> Self {
        Self {
            request_id: id.to_owned(),
            state: RequestState::Lost,
            action: None,
            user: None,
            dock: None,
            id: None,
            name: None,
            about: None,
            sent: None,
            ended: None,
            took: None,
            status: None,
            error: None,
            message: None,
            unsure: false,
        }
    }

    /// Of a request that is sent `now`.
    pub(super) fn sent(id: &str, action: &str, user: Option<&str>, fields: &Map<String, Value>, now: u64) -> Self {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let about = ["image", "network", "volume", "hostname", "template"].into_iter().find_map(text);
        Self {
            state: RequestState::Waiting,
            action: Some(action.to_owned()),
            user: user.map(str::to_owned),
            dock: text("dock"),
            id: text("id"),
            name: text("name"),
            about,
            sent: Some(now),
            ..Self::blank(id)
        }
    }

    /// As the audit tells of it.
    fn told(event: ClusterEvent) -> Self {
        let failed = event.error.is_some() || event.status.is_some_and(|status| status >= 400);
        Self {
            request_id: event.request_id.unwrap_or_default(),
            state: match (failed, event.begun) {
                (true, _) => RequestState::Failed,
                (false, true) => RequestState::Waiting,
                (false, false) => RequestState::Done,
            },
            action: event.action,
            user: event.user,
            dock: event.dock,
            id: event.id,
            name: event.name,
            about: event.about,
            sent: event.took.map(|took| event.time.saturating_sub(took)),
            ended: (!event.begun).then_some(event.time),
            took: event.took,
            status: event.status,
            error: event.error,
            message: None,
            unsure: false,
        }
    }

    /// The same with what its reply says, which came at `now`.
    pub(super) fn ended(self, reply: &Reply, now: Option<u64>) -> Self {
        Self {
            state: if reply.is_success() || reply.status() == 304 { RequestState::Done } else { RequestState::Failed },
            dock: reply.dock().map(str::to_owned).or(self.dock),
            id: reply.id().map(str::to_owned).or(self.id),
            status: Some(reply.status()),
            error: reply.error().map(str::to_owned),
            message: reply.message().map(str::to_owned),
            ended: now.or(self.ended),
            took: now.zip(self.sent).map(|(now, sent)| now.saturating_sub(sent)).or(self.took),
            ..self
        }
    }

    /// The same with why there is no reply.
    pub(super) fn failed(self, problem: &Problem, now: u64) -> Self {
        Self {
            state: RequestState::Failed,
            status: Some(problem.status),
            error: Some(problem.code.clone()),
            message: Some(problem.detail.clone()),
            ended: Some(now),
            took: self.sent.map(|sent| now.saturating_sub(sent)),
            unsure: [ErrorCode::Timeout, ErrorCode::BusDown].iter().any(|code| code.as_str() == problem.code),
            ..self
        }
    }

    /// Whether the caller may know of it.
    pub(super) fn is_for(&self, caller: &Caller) -> bool {
        caller.may(Access::Operate, Subject::AllInstances)
            || (self.user.is_some() && self.user.as_deref() == caller.user())
    }

    fn time(&self) -> u64 {
        self.sent.or(self.ended).unwrap_or_default()
    }
}

impl Filter {
    fn fits(&self, status: &RequestStatus) -> bool {
        let texts = [
            Some(&status.request_id),
            status.action.as_ref(),
            status.name.as_ref(),
            status.id.as_ref(),
            status.dock.as_ref(),
            status.user.as_ref(),
            status.about.as_ref(),
            status.error.as_ref(),
        ];
        let within = |word: &str| texts.iter().flatten().any(|text| text.to_lowercase().contains(word));
        self.state.is_none_or(|state| state == status.state)
            && self.before.is_none_or(|before| status.time() < before)
            && self.q.as_ref().is_none_or(|q| q.to_lowercase().split_whitespace().all(within))
    }
}

/// The requests that this node has sent.
pub(in crate::web) struct Registry {
    known: Mutex<Known>,
    ends: broadcast::Sender<Arc<RequestStatus>>,
}

#[derive(Default)]
struct Known {
    by_id: BTreeMap<String, RequestStatus>,
    order: VecDeque<String>,
}

impl Default for Registry {
    fn default() -> Self {
        Self { known: Mutex::default(), ends: broadcast::channel(BEHIND).0 }
    }
}

impl Registry {
    /// Notes how a request stands; whoever listens is told of its end.
    pub(super) fn note(&self, status: RequestStatus) {
        let mut known = self.known();
        if known.by_id.insert(status.request_id.clone(), status.clone()).is_none() {
            known.order.push_back(status.request_id.clone());
        }
        if known.order.len() > REMEMBERED
            && let Some(oldest) = known.order.pop_front()
        {
            known.by_id.remove(&oldest);
        }
        drop(known);
        if status.state != RequestState::Waiting {
            let _ = self.ends.send(Arc::new(status));
        }
    }

    /// Ends from now on.
    pub(super) fn ends(&self) -> broadcast::Receiver<Arc<RequestStatus>> {
        self.ends.subscribe()
    }

    fn find(&self, id: &str) -> Option<RequestStatus> {
        self.known().by_id.get(id).cloned()
    }

    fn all(&self, fits: impl Fn(&RequestStatus) -> bool) -> impl Iterator<Item = RequestStatus> {
        self.known().by_id.values().filter(|status| fits(status)).cloned().collect::<Vec<_>>().into_iter()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
