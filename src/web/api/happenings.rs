//! `GET /api/v1/events`: what has happened, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::extract::Query;
use super::look;
use super::problem::Problem;
use crate::actions::is_for;
use crate::protocol::{EntryId, ErrorCode};
use crate::web::Node;
use crate::web::view::{Picture, Told};

/// Events of a page where nothing is said, and at most.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

/// One entry of `deblox.events`, or of `deblox.audit`.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterEvent {
    /// Its place in the stream, such as 1795461556651-0.
    at: String,
    /// When, in milliseconds.
    pub(super) time: u64,
    /// dock-lost, dock-back, dock-stopped, instance-created, -removed, -renamed, -running and so on, request.
    event: String,
    /// The dock it was on.
    pub(super) dock: Option<String>,
    /// The full id of the instance.
    pub(super) id: Option<String>,
    /// Its name.
    pub(super) name: Option<String>,
    /// Its image.
    image: Option<String>,
    /// Whose it is.
    owner: Option<String>,
    /// What it was before: its name, or its state.
    was: Option<String>,
    /// Of a request: who asked. Of a login that was refused: the name that was typed, if a user has it.
    pub(super) user: Option<String>,
    /// Of a request: the name of the API token that was used.
    token: Option<String>,
    /// Of a request: the action.
    pub(super) action: Option<String>,
    /// Of a request: the image, network, volume or dock that it was about.
    pub(super) about: Option<String>,
    /// The request.
    pub(super) request_id: Option<String>,
    /// Of a request: the status of its reply.
    pub(super) status: Option<u16>,
    /// Of a request: the stable name of the error.
    pub(super) error: Option<String>,
    /// Of a request: how long it took, in milliseconds.
    pub(super) took: Option<u64>,
    /// Of a login or a call by HTTP: the address that it came from.
    address: Option<String>,
    /// Of a change that a command made: the user of Redis that it had.
    redis_user: Option<String>,
    /// For how many requests of one caller this one stands: refusals and looks are counted when there are many.
    repeated: Option<u64>,
    /// What was changed of an account or a token, such as role=admin.
    change: Option<String>,
    /// Whether it is a stream that has begun and goes on.
    pub(super) begun: bool,
    /// The exit code of an instance that has ended.
    exit_code: Option<i64>,
    /// When a dock that is lost was last heard, in milliseconds.
    last_seen: Option<u64>,
}

/// A page of events.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Events {
    /// Redis's clock, in milliseconds.
    now: u64,
    /// The newest first.
    events: Vec<ClusterEvent>,
    /// Whether there are older ones that fit: ask with `before`.
    more: bool,
}

/// Which events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// Of that dock.
    dock: Option<String>,
    /// Of that kind: the beginning of its name, such as dock, instance-created or request; several with commas between.
    kind: Option<String>,
    /// By that user.
    who: Option<String>,
    /// In a name, an image, a dock, a user, an action or an id.
    q: Option<String>,
    /// About the instance with that full id.
    id: Option<String>,
    /// Before that place in the stream.
    before: Option<String>,
    /// Events of the page: 100, at most 1000.
    limit: Option<usize>,
}

/// What has happened and who asked for what, as far as the caller may know: of the last 10,000 events and 10,000 records.
#[utoipa::path(get, path = "/events", tag = "events", params(Filter), responses(
    (status = 200, body = Events), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub(super) async fn list(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Events>, Problem> {
    let before = filter.before.as_deref().map(|text| place("before", text)).transpose()?;
    let limit = filter.limit.unwrap_or(PAGE).min(LARGEST_PAGE);
    let picture = look(&node).await?;
    let earlier = picture.events.iter().rev().filter(|told| before.is_none_or(|before| told.at < before));
    let earlier = earlier.filter(|told| filter.may_fit(told));
    let mut events = Vec::new();
    let mut more = false;
    for event in earlier.filter_map(|told| ClusterEvent::of(&picture, &caller, told)).filter(|event| filter.fits(event))
    {
        // Two entries of one place are on one page, or the next page would miss one.
        more = events.len() >= limit && events.last().is_none_or(|last: &ClusterEvent| last.at != event.at);
        if more {
            break;
        }
        events.push(event);
    }
    Ok(Json(Events { now: picture.now(), events, more }))
}

/// Reads a place in the stream of events.
pub(super) fn place(field: &str, text: &str) -> Result<EntryId, Problem> {
    let message = || format!("`{field}` may not be `{text}`: it is an event's `at`, such as 1795461556651-0");
    EntryId::parse(text).ok_or_else(|| Problem::new(ErrorCode::BadField, message()))
}

impl ClusterEvent {
    /// What `caller` is told of an event, if anything.
    pub(super) fn of(picture: &Picture, caller: &Caller, told: &Told) -> Option<Self> {
        let mut event = told.event.clone();
        if let Some(session) = &caller.session {
            let said = told.text("id").and_then(|id| picture.said.get(id));
            if !is_for(session, &mut event, said) {
                return None;
            }
        }
        let text = |name: &str| event.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let number = |name: &str| event.get(name).and_then(serde_json::Value::as_u64);
        Some(Self {
            at: told.at.to_string(),
            time: told.at.millis,
            event: text("event").unwrap_or_default(),
            dock: text("dock"),
            id: text("id"),
            name: text("name"),
            image: text("image"),
            owner: text("owner"),
            was: text("was"),
            user: text("user"),
            token: text("token"),
            action: text("action"),
            about: text("about"),
            request_id: text("requestId"),
            status: number("status").and_then(|status| u16::try_from(status).ok()),
            error: text("error"),
            took: number("took"),
            address: text("address"),
            redis_user: text("redisUser"),
            repeated: number("repeated"),
            change: text("change"),
            begun: event.get("begun").and_then(serde_json::Value::as_bool).unwrap_or_default(),
            exit_code: event.get("exitCode").and_then(serde_json::Value::as_i64),
            last_seen: number("lastSeen"),
        })
    }

    /// Its place in the stream.
    pub(super) fn at(&self) -> &str {
        &self.at
    }

    /// Whether all words of `q` stand somewhere in it.
    pub(super) fn has(&self, q: &str) -> bool {
        let texts = [
            &self.dock,
            &self.id,
            &self.name,
            &self.image,
            &self.user,
            &self.action,
            &self.about,
            &self.request_id,
            &self.error,
        ];
        let within =
            |word: &str| texts.iter().any(|text| text.as_ref().is_some_and(|text| text.to_lowercase().contains(word)));
        q.to_lowercase().split_whitespace().all(|word| within(word) || self.event.contains(word))
    }
}

impl Filter {
    /// Whether it fits but for `q`.
    fn may_fit(&self, told: &Told) -> bool {
        let is = |wanted: &Option<String>, name: &str| wanted.is_none() || wanted.as_deref() == told.text(name);
        let of_kind = |kinds: &String| {
            let event = told.text("event").unwrap_or_default();
            kinds.split(',').any(|kind| event.starts_with(kind))
        };
        is(&self.dock, "dock") && is(&self.who, "user") && is(&self.id, "id") && self.kind.as_ref().is_none_or(of_kind)
    }

    fn fits(&self, event: &ClusterEvent) -> bool {
        self.q.as_ref().is_none_or(|q| event.has(q))
    }
}
