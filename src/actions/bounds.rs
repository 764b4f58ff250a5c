//! What a caller who reaches only its own instances may do with them, and put into new ones: nothing by which it would
//! reach its host, or what others have.

mod at_use;
mod body;
mod fields;
mod mounts;
mod rules;
mod user_network;

use std::str::FromStr;

use serde_json::{Map, Value, json};

use super::fields::is_name;
use super::raw_docker::{self, Shape};
use super::recreate_container::inspect;
use super::registries::{self, Registry};
use super::verdict::{call, judge};
use super::{Arguments, Context, Target};
use crate::docker::{Method, RequestParts};
use crate::protocol::limits::PIDS_LIMIT;
use crate::protocol::{ErrorCode, Failure, Session, label};
pub(super) use at_use::check as check_use;
pub(super) use fields::{Rule, check as check_rules, field, refusal};
pub(super) use user_network::join as join_user_network;

/// What users may have of a host beside containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// What they may mount.
    pub bind_folders: Vec<Folder>,
    /// Which registries they may have the daemon connect to, beside Docker Hub and those of images that it has.
    pub registries: Vec<Registry>,
    /// How many processes and threads a container of theirs may have; one that asks for no limit gets this one.
    pub pids_limit: u64,
    /// Whether each user has a network of its own, in the place of the default bridge.
    pub user_networks: bool,
}

impl Bounds {
    /// Nothing of the host, the default limit of processes, and the default bridge.
    pub const NOTHING: Self =
        Self { bind_folders: Vec::new(), registries: Vec::new(), pids_limit: PIDS_LIMIT, user_networks: false };
}

impl Default for Bounds {
    fn default() -> Self {
        Self::NOTHING
    }
}

/// A folder of a host, by its absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(String);

impl FromStr for Folder {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        mounts::plain(path).map(Self).ok_or_else(|| "it must be an absolute path without `..`".to_owned())
    }
}

/// Checks a request whose target and right were checked.
///
/// # Errors
/// [`ErrorCode::Forbidden`], with the name of what the caller may not have.
pub(super) async fn check(context: &Context<'_>) -> Result<(), Failure> {
    let Some(caller) = bounded(context) else { return Ok(()) };
    let arguments = context.arguments;
    context.action.check_fields(arguments)?;
    match context.action.name {
        "exec-container" if arguments.flag("privileged") => {
            Err(refusal("privileged", "it gives all rights on the host"))
        }
        "commit-container" => commit(caller, arguments.text("repo").unwrap_or_default()),
        "connect-network" => {
            body::check_endpoint(arguments.get("endpoint").unwrap_or(&Value::Null), context.bounds)?;
            network(context, caller, arguments.text("network").unwrap_or_default()).await
        }
        "start-container" | "restart-container" | "recreate-container" => {
            at_use::check(context, context.instance.unwrap_or_default()).await
        }
        "search-images" => registries::check_term(context, arguments.text("term").unwrap_or_default()).await,
        "copy-to-container" => unpack(context).await,
        "docker" => {
            raw(arguments, context.bounds)?;
            if raw_docker::unpacks(arguments) {
                return unpack(context).await;
            }
            if let Some(term) = raw_docker::searched(arguments) {
                return registries::check_term(context, &term).await;
            }
            match context.instance.filter(|_| raw_docker::starts(arguments)) {
                Some(id) => at_use::check(context, id).await,
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Checks the whole body of a create, and gives it the limits that the container of a bounded caller has at least. Volumes
/// that it names and that do not exist are made, as the caller's own.
///
/// # Errors
/// [`ErrorCode::Forbidden`], with the name of what the caller may not have.
pub(super) async fn check_create(context: &Context<'_>, body: &mut Value) -> Result<(), Failure> {
    let Some(caller) = bounded(context) else { return Ok(()) };
    admit(body, context.bounds)?;
    for name in body::networks(body) {
        network(context, caller, name).await?;
    }
    for name in body::volumes(body) {
        volume(context, caller, name).await?;
    }
    Ok(())
}

/// Checks what can be known of the body of a create without its daemon, and gives it its limits.
///
/// # Errors
/// [`ErrorCode::Forbidden`], with the name of what a user may not have.
pub(super) fn admit(body: &mut Value, bounds: &Bounds) -> Result<(), Failure> {
    body::check(body, bounds)?;
    body::confine(body, bounds);
    Ok(())
}

/// Checks the limit of processes in an update, and gives one to a container that has none, or a larger one than users may have.
///
/// # Errors
/// [`ErrorCode::Forbidden`], with the name of the field.
pub(super) async fn limit_pids(context: &Context<'_>, update: &mut Map<String, Value>) -> Result<(), Failure> {
    if bounded(context).is_none() {
        return Ok(());
    }
    let limit = context.bounds.pids_limit;
    if let Some(asked) = update.get("PidsLimit") {
        let fits = asked.as_u64().is_some_and(|asked| (1..=limit).contains(&asked));
        let why = format!("a container may have at most {limit} processes here");
        return if fits { Ok(()) } else { Err(refusal("pids", &why)) };
    }
    let found = inspect(context, context.instance.unwrap_or_default()).await?.unwrap_or_default();
    if !has_pids_limit(&found["HostConfig"], limit) {
        update.insert("PidsLimit".to_owned(), limit.into());
    }
    Ok(())
}

/// Gives the container that takes the place of another one the limit of processes that the container of a bounded caller has.
pub(super) fn limit_replacement(context: &Context<'_>, body: &mut Value) {
    let limit = context.bounds.pids_limit;
    if bounded(context).is_some() && !has_pids_limit(&body["HostConfig"], limit) {
        body["HostConfig"]["PidsLimit"] = limit.into();
    }
}

fn has_pids_limit(host: &Value, limit: u64) -> bool {
    host["PidsLimit"].as_u64().is_some_and(|pids| (1..=limit).contains(&pids))
}

/// The caller, if what it may do is bounded.
pub(super) fn bounded<'a>(context: &Context<'a>) -> Option<&'a Session> {
    context.caller.filter(|caller| caller.is_bounded())
}

/// An image with a plain name would be taken by whoever asks for that one.
fn commit(caller: &Session, repo: &str) -> Result<(), Failure> {
    let user = caller.username.as_str().to_ascii_lowercase();
    // Docker takes these for a registry, and images of `library` are those with a plain name.
    let is_taken = user.contains('.') || matches!(user.as_str(), "localhost" | "library");
    let own = format!("{user}/");
    // A digest would name an image that is there already.
    if repo.is_empty() || (repo.starts_with(&own) && !is_taken && !repo.contains('@')) {
        return Ok(());
    }
    if is_taken {
        let message = format!("images of a user called `{user}` would be taken for those of others: leave `repo` out");
        return Err(Failure::new(ErrorCode::Forbidden, message));
    }
    let message = format!(
        "an image called `{repo}` would be everybody's: `repo` of `{}` must begin with `{own}`",
        caller.username
    );
    Err(Failure::new(ErrorCode::Forbidden, message))
}

/// The daemon unpacks an archive with all of its own rights, device nodes and set-user-ID files included.
async fn unpack(context: &Context<'_>) -> Result<(), Failure> {
    let found = inspect(context, context.instance.unwrap_or_default()).await?.unwrap_or_default();
    if body::has_host_folder(&found) {
        let what = "copying into a container with a folder of the host";
        return Err(refusal(what, "an archive can lay device nodes there"));
    }
    Ok(())
}

/// A call of the daemon's own API.
fn raw(arguments: &Arguments, bounds: &Bounds) -> Result<(), Failure> {
    raw_docker::check_bounded(arguments)?;
    let Some(shape) = raw_docker::shape(arguments) else { return Ok(()) };
    let body = arguments.get("body").unwrap_or(&Value::Null);
    match shape {
        Shape::Exec => body::check_exec(body, bounds),
        Shape::Update => {
            for counted in ["Memory", "NanoCpus", "CpuQuota", "CpuPeriod", "PidsLimit"] {
                // A quota may count it.
                if *fields::field(body, counted) != Value::Null {
                    return Err(refusal(counted, "`update-container` changes it, within the quota"));
                }
            }
            body::check_update(body, bounds)
        }
    }
}

/// Refuses a name that could become another path of the daemon's API.
fn check_name(kind: &str, name: &str) -> Result<(), Failure> {
    if is_name(name) {
        return Ok(());
    }
    let rule = super::Kind::Name.expected();
    Err(Failure::new(ErrorCode::BadField, format!("the name of the {kind} is not valid: it must be {rule}")))
}

async fn network(context: &Context<'_>, caller: &Session, name: &str) -> Result<(), Failure> {
    check_name("network", name)?;
    let inspect = RequestParts::new(Method::GET, "/networks/{}").segment(name);
    let answer = context.docker.call(&inspect).await?;
    if answer.status == 404 {
        return Ok(()); // What is missing says Docker itself.
    }
    let found = judge(answer, Target::Daemon)?.read_json().unwrap_or_default();
    if found["Driver"] == "host" {
        return Err(refusal(name, "it is the network of the host"));
    }
    if context.bounds.user_networks && user_network::is_default_bridge(&found) {
        return Err(refusal(name, user_network::NOT_THE_BRIDGE));
    }
    match found["Labels"][label::OWNER].as_str() {
        None | Some("") => Ok(()),
        owner => own("network", name, owner, caller),
    }
}

async fn volume(context: &Context<'_>, caller: &Session, name: &str) -> Result<(), Failure> {
    check_name("volume", name)?;
    let inspect = RequestParts::new(Method::GET, "/volumes/{}").segment(name);
    let mut answer = context.docker.call(&inspect).await?;
    if answer.status == 404 {
        let volume = json!({"Name": name, "Labels": {label::OWNER: caller.username.as_str()}});
        // If somebody else is quicker, Docker answers with what is there then.
        answer = call(context, &RequestParts::new(Method::POST, "/volumes/create").json(volume)).await?;
    }
    let found = judge(answer, Target::Daemon)?.read_json().unwrap_or_default();
    own("volume", name, found["Labels"][label::OWNER].as_str(), caller)
}

fn own(kind: &str, name: &str, owner: Option<&str>, caller: &Session) -> Result<(), Failure> {
    let whose = match owner.filter(|owner| !owner.is_empty()) {
        Some(owner) if owner == caller.username.as_str() => return Ok(()),
        Some(owner) => format!("`{owner}`"),
        None => "nobody, so to operators".to_owned(),
    };
    let message = format!("`{}` may not use the {kind} `{name}`: it belongs to {whose}", caller.username);
    Err(Failure::new(ErrorCode::Forbidden, message))
}

/// The names of the fields that have a rule, in what is checked.
#[cfg(test)]
pub(super) fn rule_names(of: &str) -> Vec<&'static str> {
    let rules = match of {
        "create" => rules::CONFIG,
        "host" => rules::HOST_CONFIG,
        "exec" => rules::EXEC,
        _ => rules::ENDPOINT,
    };
    rules.iter().map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{AccountName, Role};

    #[test]
    fn an_image_that_a_user_makes_is_taken_for_nobody_else_s() {
        let may = |user: &str, repo: &str| {
            let username = AccountName::new(user).unwrap();
            let caller = Session { username, groups: [].into(), role: Role::User, limit: None, token: None };
            commit(&caller, repo).is_ok()
        };
        assert!(may("Ada", "ada/web") && may("ada", "") && may("library", ""));
        for (user, repo) in [
            ("ada", "redis"),
            ("ada", "adam/web"),
            ("library", "library/redis"),
            ("localhost", "localhost/web"),
            ("quay.io", "quay.io/web"),
        ] {
            assert!(!may(user, repo), "{user} {repo}");
        }
    }
}
