//! Checks the networks and volumes of a container when it is about to run. They were checked when it was created, but somebody
//! else may have made others of the same names since.

use serde_json::{Map, Value};

use super::fields::{field, refusal};
use super::{bounded, mounts};
use crate::actions::recreate_container::inspect;
use crate::actions::verdict::judge;
use crate::actions::{Context, Target};
use crate::bus::persist;
use crate::docker::{Method, RequestParts};
use crate::protocol::{Failure, Ownership, label};

/// Networks that each daemon has for everybody.
const BUILT_IN: [&str; 4] = ["default", "bridge", "none", "host"];

/// Checks the networks and volumes of a container before it is started, or another is created like it: each must be the
/// container's owner's, or nobody's, or the very network that the container was on before. What is missing Docker says itself.
///
/// # Errors
/// [`ErrorCode::Forbidden`](crate::protocol::ErrorCode::Forbidden), with the name of what belongs to somebody else.
pub(in crate::actions) async fn check(context: &Context<'_>, id: &str) -> Result<(), Failure> {
    if bounded(context).is_none() {
        return Ok(());
    }
    let Some(container) = inspect(context, id).await? else { return Ok(()) };
    let said = persist(|| context.bus.said(container["Id"].as_str().unwrap_or_default())).await?.1;
    let label = context.docker.own_labels_of(&container).await?.owner;
    // One that was given away keeps what it had of the user who created it.
    let owner = Ownership::owner(said.as_ref(), label.as_deref()).map(str::to_owned);
    let owners: Vec<&str> = [owner.as_deref(), label.as_deref()].into_iter().flatten().collect();
    let nothing = Map::new();
    let joined = container["NetworkSettings"]["Networks"].as_object().unwrap_or(&nothing);
    let mode = container["HostConfig"]["NetworkMode"].as_str().filter(|mode| !mode.contains(':'));
    let mut names: Vec<&str> = joined.keys().map(String::as_str).chain(mode).collect();
    names.retain(|name| !name.is_empty() && !BUILT_IN.contains(name));
    names.sort_unstable();
    names.dedup();
    for name in names {
        let Some(network) = find(context, "/networks/{}", name).await? else { continue };
        let before = joined.get(name).and_then(|endpoint| endpoint["NetworkID"].as_str()).unwrap_or_default();
        if network["Id"] != before {
            check_owner("network", name, &network, &owners)?;
        }
    }
    for name in mounts::volumes(field(&container["HostConfig"], "Binds"), field(&container["HostConfig"], "Mounts")) {
        if let Some(volume) = find(context, "/volumes/{}", name).await? {
            check_owner("volume", name, &volume, &owners)?;
        }
    }
    Ok(())
}

async fn find(context: &Context<'_>, path: &'static str, name: &str) -> Result<Option<Value>, Failure> {
    let answer = context.docker.call(&RequestParts::new(Method::GET, path).segment(name)).await?;
    if answer.status == 404 {
        return Ok(None);
    }
    Ok(judge(answer, Target::Daemon)?.read_json())
}

fn check_owner(kind: &str, name: &str, found: &Value, owners: &[&str]) -> Result<(), Failure> {
    match found["Labels"][label::OWNER].as_str() {
        None | Some("") => Ok(()),
        Some(owner) if owners.contains(&owner) => Ok(()),
        Some(_) => {
            let why = format!(
                "this {kind} belongs to somebody else than the container: an operator may start it, or create it anew \
                 without it"
            );
            Err(refusal(name, &why))
        }
    }
}
