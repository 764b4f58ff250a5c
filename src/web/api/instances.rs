//! `GET /api/v1/instances`: filtered, sorted and paged here, so that a browser never has to hold them all.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::condition::{Condition, exit_code, health};
use super::extract::Query;
use super::look;
use super::problem::Problem;
use crate::protocol::masking::mask;
use crate::protocol::{ANONYMOUS, Access, AccountName, ErrorCode, Failure, Fqdn, Labels, Subject, Summary};
use crate::web::Node;
use crate::web::view::Picture;

/// Rows of a page where nothing is said, and at most.
const PAGE: usize = 200;
const LARGEST_PAGE: usize = 1000;

/// A container, on its dock.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    /// The full id.
    id: String,
    /// The name.
    name: String,
    /// The image as it was asked for.
    image: String,
    /// The dock it is on.
    dock: String,
    /// Docker's own word: created, running, paused, restarting, removing, exited, dead.
    state: String,
    /// How it is, in one word.
    pub(super) condition: Condition,
    /// What its health check says, if it has one: healthy, unhealthy or starting.
    #[cfg_attr(test, ts(type = "\"healthy\" | \"unhealthy\" | \"starting\" | null"))]
    health: Option<&'static str>,
    /// The exit code of one that has ended.
    exit_code: Option<i32>,
    /// Docker's sentence, such as `Exited (0)`.
    status: String,
    /// Since when that is so, in milliseconds; null where Docker does not tell.
    since: Option<i64>,
    /// When it was created, in milliseconds.
    created: i64,
    /// The user it belongs to.
    owner: Option<String>,
    /// Whether that is who asks.
    mine: bool,
    /// The user to whom the owner offers it.
    offered: Option<String>,
    /// Whether that is who asks, who can accept or decline it.
    offered_to_me: bool,
    /// Published ports.
    ports: Vec<Port>,
    /// Its labels.
    labels: Labels,
    /// When it was last known to be so, in milliseconds, if that is not now.
    last_seen: Option<u64>,
    /// What whoever asks may do to it.
    rights: Vec<Access>,
    /// Why not the rest: whose it is.
    why: Option<String>,
}

/// A published port.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Port {
    /// The host's address.
    ip: Option<String>,
    /// The port inside the container.
    private_port: u16,
    /// The host's port.
    public_port: Option<u16>,
    /// tcp, udp or sctp.
    protocol: String,
}

/// A page of them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Instances {
    /// Redis's clock, in milliseconds.
    now: u64,
    /// The rows.
    instances: Vec<Instance>,
    /// How many fit, on all pages.
    total: usize,
    /// How many there are in each condition, whatever `state` and `mine` ask for.
    counts: Counts,
    /// The docks that do not answer: their rows are what was last known.
    unreachable: Vec<String>,
}

/// How many instances there are.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    all: usize,
    failing: usize,
    restarting: usize,
    starting: usize,
    running: usize,
    paused: usize,
    stopped: usize,
    unknown: usize,
    /// Those of who asks.
    mine: usize,
}

/// Which, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// In the name, image, dock, owner, or a port or an id that begins so; all words of it.
    q: Option<String>,
    /// Docks, with commas between.
    dock: Option<String>,
    /// Conditions, with commas between.
    state: Option<String>,
    /// A user.
    owner: Option<String>,
    /// Those of who asks.
    mine: Option<bool>,
    /// A label: NAME or NAME=VALUE.
    label: Option<String>,
    /// state (the failing first), name, dock, image, owner, since or created; with a - before it downwards.
    sort: Option<String>,
    /// Rows that are left out.
    offset: Option<usize>,
    /// Rows of the page: 200, at most 1000.
    limit: Option<usize>,
}

/// What is seen of an instance before it is known whether it is on the page.
struct Seen<'a> {
    dock: &'a Fqdn,
    summary: &'a Summary,
    owner: Option<&'a str>,
    condition: Condition,
}

/// The instances that the caller may see, of the whole cluster.
#[utoipa::path(get, path = "/instances", tag = "instances", params(Filter), responses(
    (status = 200, body = Instances), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub(super) async fn list(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Instances>, Problem> {
    let states = filter.states()?;
    let order = Order::read(filter.sort.as_deref().unwrap_or("state"))?;
    let picture = look(&node).await?;
    let (mut counts, mut rows) = (Counts::default(), Vec::new());
    for (dock, summary) in picture.rows() {
        let whose = picture.owner(summary);
        if !caller.sees(whose) || !filter.fits(dock, summary, whose.0) {
            continue;
        }
        let seen = Seen { dock, summary, owner: whose.0, condition: condition(&picture, dock, summary) };
        let mine = seen.owner.is_some() && seen.owner == caller.user();
        counts.count(seen.condition, mine);
        if states.as_ref().is_none_or(|states| states.contains(&seen.condition)) && (mine || filter.mine != Some(true))
        {
            rows.push(seen);
        }
    }
    let limit = filter.limit.unwrap_or(PAGE).min(LARGEST_PAGE);
    // Who asks for no rows wants to know how many there are.
    if limit > 0 {
        order.sort(&mut rows);
    }
    let page = rows.iter().skip(filter.offset.unwrap_or_default()).take(limit);
    let instances = page.map(|seen| Instance::of(&picture, &caller, seen.dock, seen.summary)).collect();
    let silent = picture.docks.iter().filter(|(_, seen)| seen.dock.is_out_of_reach());
    let unreachable = silent.filter(|(_, seen)| seen.dock.record.last_seen.is_some()).map(|(name, _)| name.to_string());
    let unreachable = unreachable.collect();
    Ok(Json(Instances { now: picture.now(), instances, total: rows.len(), counts, unreachable }))
}

/// One of them.
#[utoipa::path(get, path = "/instances/{dock}/{id}", tag = "instances",
    params(("dock" = String, Path), ("id" = String, Path, description = "the full id")),
    responses((status = 200, body = Instance), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn one(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path((dock, id)): Path<(String, String)>,
) -> Result<Json<Instance>, Problem> {
    let picture = look(&node).await?;
    let name = Fqdn::new(&dock).map_err(|error| Problem::new(ErrorCode::BadField, format!("`dock`: {error}")))?;
    let found = picture.instance(&name, &id).filter(|summary| caller.sees(picture.owner(summary)));
    let found = found.ok_or_else(|| Failure::no_such_instance(&id))?;
    Ok(Json(Instance::of(&picture, &caller, &name, found)))
}

/// How an instance is; not known where its dock does not answer.
fn condition(picture: &Picture, dock: &Fqdn, summary: &Summary) -> Condition {
    match picture.docks.get(dock) {
        Some(seen) if !seen.dock.is_out_of_reach() => Condition::of(summary),
        _ => Condition::Unknown,
    }
}

impl Instance {
    /// What `caller` is told of it.
    pub(super) fn of(picture: &Picture, caller: &Caller, dock: &Fqdn, summary: &Summary) -> Self {
        /// The rights that there are on an instance.
        const RIGHTS: [Access; 6] =
            [Access::View, Access::Operate, Access::Exec, Access::Create, Access::Delete, Access::Admin];
        let (owner, said) = picture.owner(summary);
        let offered = said.and_then(|said| said.offered.as_ref()).map(AccountName::as_str);
        let rights: Vec<Access> =
            RIGHTS.into_iter().filter(|access| caller.may(*access, Subject::Instance(owner, said))).collect();
        let why = (rights.len() < RIGHTS.len()).then(|| match owner {
            Some(owner) if owner != ANONYMOUS => format!("It belongs to {owner}."),
            _ => "It belongs to nobody, so to operators.".to_owned(),
        });
        let seen = picture.docks.get(dock).filter(|seen| seen.dock.is_out_of_reach());
        let port = |port: &crate::protocol::Port| Port {
            ip: port.ip.clone(),
            private_port: port.private_port,
            public_port: port.public_port,
            protocol: port.protocol.clone(),
        };
        Self {
            id: summary.id.clone(),
            name: summary.name.clone(),
            image: summary.image.clone(),
            dock: dock.to_string(),
            state: summary.state.clone(),
            condition: condition(picture, dock, summary),
            health: health(summary),
            exit_code: exit_code(summary),
            status: summary.status.clone(),
            since: summary.since.map(|seconds| seconds.saturating_mul(1000)),
            created: summary.created.saturating_mul(1000),
            owner: owner.filter(|owner| *owner != ANONYMOUS).map(str::to_owned),
            mine: owner.is_some() && owner == caller.user(),
            offered: offered.map(str::to_owned),
            offered_to_me: offered.is_some()
                && offered == caller.user()
                && caller.may(Access::Admin, Subject::Offer(owner, said)),
            ports: summary.ports.iter().map(port).collect(),
            labels: labels(summary, rights.contains(&Access::Exec)),
            last_seen: seen.and_then(|seen| seen.dock.last_known()),
            rights,
            why,
        }
    }
}

/// The labels, with the secrets in them only for callers who may run something in the container.
fn labels(summary: &Summary, shows_secrets: bool) -> Labels {
    let mut labels = serde_json::to_value(&summary.labels).unwrap_or_default();
    if shows_secrets || !mask(&mut labels) {
        return summary.labels.clone();
    }
    serde_json::from_value(labels).unwrap_or_default()
}

impl Counts {
    fn count(&mut self, condition: Condition, mine: bool) {
        self.all += 1;
        self.mine += usize::from(mine);
        *match condition {
            Condition::Failing => &mut self.failing,
            Condition::Restarting => &mut self.restarting,
            Condition::Starting => &mut self.starting,
            Condition::Running => &mut self.running,
            Condition::Paused => &mut self.paused,
            Condition::Stopped => &mut self.stopped,
            Condition::Unknown => &mut self.unknown,
        } += 1;
    }
}

impl Filter {
    fn states(&self) -> Result<Option<BTreeSet<Condition>>, Problem> {
        let Some(text) = &self.state else { return Ok(None) };
        let read = |word| Condition::read(word).ok_or_else(|| bad("state", word, Condition::WORDS));
        text.split(',').map(read).collect::<Result<_, _>>().map(Some)
    }

    fn fits(&self, dock: &Fqdn, summary: &Summary, owner: Option<&str>) -> bool {
        let in_docks = |docks: &String| docks.split(',').any(|one| one == dock.as_str());
        let labelled = |label: &String| match label.split_once('=') {
            Some((name, value)) => summary.labels.get(name).is_some_and(|own| own == value),
            None => summary.labels.contains_key(label),
        };
        self.dock.as_ref().is_none_or(in_docks)
            && self.owner.as_deref().is_none_or(|wanted| owner == Some(wanted))
            && self.label.as_ref().is_none_or(labelled)
            && self.q.as_ref().is_none_or(|q| q.split_whitespace().all(|word| has(word, dock, summary, owner)))
    }
}

/// Whether `word` stands in what people look for.
fn has(word: &str, dock: &Fqdn, summary: &Summary, owner: Option<&str>) -> bool {
    let word = word.to_lowercase();
    let within = |text: &str| text.to_lowercase().contains(&word);
    within(&summary.name)
        || within(&summary.image)
        || within(dock.as_str())
        || owner.is_some_and(within)
        || summary.id.starts_with(&word)
        || summary.ports.iter().any(|port| port.public_port.is_some_and(|port| port.to_string() == word))
}

/// In which order rows come.
struct Order {
    key: Key,
    down: bool,
}

#[derive(Clone, Copy)]
enum Key {
    State,
    Name,
    Dock,
    Image,
    Owner,
    Since,
    Created,
}

impl Order {
    fn read(text: &str) -> Result<Self, Problem> {
        let (down, word) = text.strip_prefix('-').map_or((false, text), |word| (true, word));
        let key = match word {
            "state" => Key::State,
            "name" => Key::Name,
            "dock" => Key::Dock,
            "image" => Key::Image,
            "owner" => Key::Owner,
            "since" => Key::Since,
            "created" => Key::Created,
            _ => {
                return Err(bad(
                    "sort",
                    text,
                    "state, name, dock, image, owner, since, created, or one of them with a - before it",
                ));
            }
        };
        Ok(Self { key, down })
    }

    /// What comes out the same is in the order of names and docks.
    fn sort(&self, rows: &mut [Seen<'_>]) {
        let name = |seen: &Seen<'_>| seen.summary.name.to_lowercase();
        rows.sort_by_cached_key(|seen| (name(seen), seen.dock.clone()));
        match self.key {
            Key::State => rows.sort_by_key(|seen| seen.condition),
            Key::Name => {}
            Key::Dock => rows.sort_by_key(|seen| seen.dock),
            Key::Image => rows.sort_by_key(|seen| seen.summary.image.as_str()),
            Key::Owner => rows.sort_by_key(|seen| (seen.owner.is_none(), seen.owner)),
            // The latest first: what has just happened.
            Key::Since => rows.sort_by_key(|seen| std::cmp::Reverse(seen.summary.since)),
            Key::Created => rows.sort_by_key(|seen| std::cmp::Reverse(seen.summary.created)),
        }
        if self.down {
            rows.reverse();
        }
    }
}

fn bad(field: &str, value: &str, allowed: &str) -> Problem {
    Problem::new(ErrorCode::BadField, format!("`{field}` may not be `{value}`: it is {allowed}"))
}
