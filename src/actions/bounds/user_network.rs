//! A network of its own for each user on each dock, in the place of the default bridge, on which the containers of all users
//! reach each other.

use serde_json::{Value, json};

use super::bounded;
use super::fields::{field, refusal};
use crate::actions::verdict::{call, judge};
use crate::actions::{Context, Target};
use crate::docker::{Method, RequestParts};
use crate::protocol::{AccountName, ErrorCode, Failure, label};

/// What the names of these networks begin with.
const PREFIX: &str = "deblox-user-";

/// Why a user may not join the default bridge.
pub(super) const NOT_THE_BRIDGE: &str =
    "on the default bridge the containers of all users would reach it: without a network it joins the user's own";

/// Has a container that names no network join that of its user, which is made if it is not there.
///
/// # Errors
/// [`ErrorCode::Forbidden`] if the body names the default bridge.
pub(in crate::actions) async fn join(context: &Context<'_>, body: &mut Value) -> Result<(), Failure> {
    let Some(caller) = bounded(context).filter(|_| context.bounds.user_networks) else { return Ok(()) };
    let endpoints = field(field(body, "NetworkingConfig"), "EndpointsConfig").as_object();
    let named = endpoints.into_iter().flatten().count() > 0;
    if endpoints.into_iter().flatten().any(|(name, _)| matches!(name.as_str(), "bridge" | "default")) {
        return Err(refusal("NetworkingConfig.EndpointsConfig", NOT_THE_BRIDGE));
    }
    match field(field(body, "HostConfig"), "NetworkMode").as_str() {
        Some("bridge") => return Err(refusal("HostConfig.NetworkMode", NOT_THE_BRIDGE)),
        None | Some("" | "default") if !named => {}
        _ => return Ok(()),
    }
    let network = own(context, &caller.username).await?;
    if let Some(host) = body["HostConfig"].as_object_mut() {
        host.retain(|name, _| !name.eq_ignore_ascii_case("NetworkMode"));
        host.insert("NetworkMode".to_owned(), json!(network));
    }
    Ok(())
}

/// Whether a network is the daemon's default bridge.
pub(super) fn is_default_bridge(network: &Value) -> bool {
    network["Name"] == "bridge" || network["Options"]["com.docker.network.bridge.default_bridge"] == "true"
}

/// The name of the user's network, which is there then.
async fn own(context: &Context<'_>, user: &AccountName) -> Result<String, Failure> {
    let name = name(user);
    let _alone = context.docker.networks().await;
    if is_there(context, &name, user).await? {
        return Ok(name);
    }
    let network = json!({"Name": name, "CheckDuplicate": true, "Driver": "bridge",
        "Labels": {label::OWNER: user.as_str()}});
    let made = call(context, &RequestParts::new(Method::POST, "/networks/create").json(network)).await?;
    match judge(made, Target::Daemon) {
        // Somebody else was quicker.
        Err(failure) if failure.code == ErrorCode::Conflict && is_there(context, &name, user).await? => Ok(name),
        Err(mut failure) => {
            failure.message = format!("the network `{name}` of this user could not be made: {}", failure.message);
            Err(failure)
        }
        Ok(_) => Ok(name),
    }
}

/// Whether the user's network is there.
///
/// # Errors
/// [`ErrorCode::Conflict`] if one of that name is there that is not the user's.
async fn is_there(context: &Context<'_>, name: &str, user: &AccountName) -> Result<bool, Failure> {
    let answer = context.docker.call(&RequestParts::new(Method::GET, "/networks/{}").segment(name)).await?;
    if answer.status == 404 {
        return Ok(false);
    }
    let found = judge(answer, Target::Daemon)?.read_json().unwrap_or_default();
    if found["Name"] == name && found["Labels"][label::OWNER] == user.as_str() {
        return Ok(true);
    }
    let message = format!("the network `{name}` is there and is not this user's: an operator must remove it");
    Err(Failure::new(ErrorCode::Conflict, message))
}

/// The name of a user's network: no two users have the same, and Docker takes it.
fn name(user: &AccountName) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    user.as_str().chars().fold(PREFIX.to_owned(), |name, c| {
        if plain(c) { format!("{name}{c}") } else { format!("{name}_{:02x}", u32::from(c)) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_users_have_the_same_network() {
        let name = |user: &str| name(&AccountName::new(user).unwrap());
        assert_eq!(name("ada.b-c"), "deblox-user-ada.b-c");
        assert_eq!(name("a@b"), "deblox-user-a_40b");
        assert_ne!(name("a@b"), name("a_40b"));
    }
}
