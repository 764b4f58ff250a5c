//! What a caller who reaches only its own instances may do with them, and put into new ones: nothing by which it would
//! reach its host, or what others have.

mod body;
mod fields;
mod mounts;
mod rules;

use std::str::FromStr;

use serde_json::{Value, json};

use super::fields::is_name;
use super::raw_docker::{self, Shape};
use super::registries::{self, Registry};
use super::verdict::{call, judge};
use super::{Arguments, Context, Target};
use crate::docker::{Method, RequestParts};
use crate::protocol::{ErrorCode, Failure, Session, label};
pub(super) use fields::{Rule, check as check_rules, field, refusal};

/// What users may have of a host beside containers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// What they may mount.
    pub bind_folders: Vec<Folder>,
    /// Which registries they may have the daemon connect to, beside Docker Hub and those of images that it has.
    pub registries: Vec<Registry>,
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
        "search-images" => registries::check_term(context, arguments.text("term").unwrap_or_default()).await,
        "docker" => {
            raw(arguments, context.bounds)?;
            match raw_docker::searched(arguments) {
                Some(term) => registries::check_term(context, &term).await,
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Checks the whole body of a create. Volumes that it names and that are not there are made, as the caller's own.
///
/// # Errors
/// [`ErrorCode::Forbidden`], with the name of what the caller may not have.
pub(super) async fn check_create(context: &Context<'_>, body: &Value) -> Result<(), Failure> {
    let Some(caller) = bounded(context) else { return Ok(()) };
    body::check(body, context.bounds)?;
    for name in body::networks(body) {
        network(context, caller, name).await?;
    }
    for name in body::volumes(body) {
        volume(context, caller, name).await?;
    }
    Ok(())
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
    if repo.is_empty() || (repo.starts_with(&own) && !is_taken) {
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

/// A call of the daemon's own API.
fn raw(arguments: &Arguments, bounds: &Bounds) -> Result<(), Failure> {
    raw_docker::check_bounded(arguments)?;
    let Some(shape) = raw_docker::shape(arguments) else { return Ok(()) };
    let body = arguments.get("body").unwrap_or(&Value::Null);
    match shape {
        Shape::Exec => body::check_exec(body, bounds),
        Shape::Update => {
            for counted in ["Memory", "NanoCpus", "CpuQuota", "CpuPeriod"] {
                if *fields::field(body, counted) != Value::Null {
                    return Err(refusal(counted, "a quota may count it: `update-container` changes it"));
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
