//! Which containers the body of a create names: by Docker's rules a name or an id, or the beginning of one.

use serde_json::Value;

use super::bounds::field;
use super::verdict::judge;
use super::{Action, Arguments, Context, Target};
use crate::docker::{Method, RequestParts};
use crate::protocol::{ErrorCode, Failure, looks_like_id, may_be_id};

/// The fields of `HostConfig` that share a namespace of another container.
const MODES: [&str; 3] = ["NetworkMode", "PidMode", "IpcMode"];

/// The actions that name something which has an id as well.
const NAMING: [&str; 4] = ["create-container", "create-raw-container", "rename-container", "create-network"];

/// Refuses to give something a name that could be taken for the id of another.
///
/// # Errors
/// [`ErrorCode::BadField`].
pub(super) fn check_name(action: &Action, arguments: &Arguments) -> Result<(), Failure> {
    match arguments.text("name").filter(|name| looks_like_id(name)) {
        Some(name) if NAMING.contains(&action.name) => {
            let message = format!(
                "field `name` of `{}` is not valid: `{name}` could be taken for an id; choose a name that is not 12 to 64 \
                 hexadecimal digits",
                action.name
            );
            Err(Failure::new(ErrorCode::BadField, message))
        }
        _ => Ok(()),
    }
}

/// The containers that a body names, as it names them.
pub(super) fn containers(body: &Value) -> Vec<String> {
    let host = field(body, "HostConfig");
    let modes = MODES.iter().filter_map(|name| field(host, name).as_str()?.strip_prefix("container:"));
    let listed = ["VolumesFrom", "Links"].into_iter().filter_map(|name| field(host, name).as_array()).flatten();
    let listed = listed.filter_map(|entry| entry.as_str()?.split(':').next());
    modes.chain(listed).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Refuses a body that names a container or a network by an id, or the beginning of one, that is the name of another.
///
/// # Errors
/// [`ErrorCode::AmbiguousInstance`] or [`ErrorCode::Conflict`].
pub(super) async fn check(context: &Context<'_>, body: &Value) -> Result<(), Failure> {
    for network in networks(body) {
        check_network(context, network).await?;
    }
    for reference in containers(body).iter().filter(|reference| may_be_id(reference)) {
        let mut alike = context.docker.containers(Some(&[reference.clone()].into())).await?;
        alike.retain(|found| found.id.starts_with(reference));
        let named = context.docker.called(reference).await?;
        if named.iter().any(|named| alike.iter().any(|found| found.id != named.id)) {
            let message = format!(
                "`{reference}` is the name of one container and the id of another: name the one you mean by its full id"
            );
            return Err(Failure::new(ErrorCode::AmbiguousInstance, message));
        }
    }
    Ok(())
}

/// Refuses a network that is named by an id, or the beginning of one, that is another network's name.
///
/// # Errors
/// [`ErrorCode::Conflict`].
pub(super) async fn check_network(context: &Context<'_>, reference: &str) -> Result<(), Failure> {
    if !may_be_id(reference) {
        return Ok(());
    }
    let answer = context.docker.call(&RequestParts::new(Method::GET, "/networks")).await?;
    let listed = judge(answer, Target::Daemon)?.read_json().unwrap_or_default();
    let networks = listed.as_array().map(Vec::as_slice).unwrap_or_default();
    let is_named = networks.iter().any(|network| network["Name"] == reference);
    let has_id = |network: &&Value| network["Id"].as_str().is_some_and(|id| id.starts_with(reference));
    if is_named && networks.iter().filter(has_id).any(|network| network["Name"] != reference) {
        let message = format!(
            "`{reference}` is the name of one network and the id of another: name the one you mean by its full id"
        );
        return Err(Failure::new(ErrorCode::Conflict, message));
    }
    Ok(())
}

/// The networks that the body of a create names.
fn networks(body: &Value) -> Vec<&str> {
    let mode = field(field(body, "HostConfig"), "NetworkMode").as_str();
    let endpoints = field(field(body, "NetworkingConfig"), "EndpointsConfig").as_object();
    mode.into_iter().chain(endpoints.into_iter().flatten().map(|(name, _)| name.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_container_that_a_body_names_is_found() {
        let body = json!({"hostconfig": {"NetworkMode": "container:a", "pidmode": "container:b", "IpcMode": "private",
            "VolumesFrom": ["c:ro"], "Links": ["d:alias"]}});
        assert_eq!(containers(&body), ["a", "b", "c", "d"]);
        assert!(containers(&json!({"HostConfig": {"NetworkMode": "bridge", "Links": null}})).is_empty());
    }
}
