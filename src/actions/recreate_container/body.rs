//! What a container was created with, read back from the daemon, for the create of the one that takes its place.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::protocol::{RequestId, label};

/// How much of a container's id Docker takes for its host name and as an alias on its networks.
const SHORT_ID: usize = 12;

/// Settings that an image gives to a container which has none of its own.
const DEFAULTS: [&str; 5] = ["User", "WorkingDir", "StopSignal", "Shell", "OnBuild"];

/// A network's name, and what was asked for when it was joined.
pub(super) type Endpoint = (String, Value);

/// Makes the body of the create from what `GET /containers/{id}/json` says of the old container and, where it is
/// still there, `config` of the image that it was made from. `owner` is the owner that deblox wrote into its label.
///
/// Docker shows the image's defaults and the container's own settings as one. Kept as they are, the old image's
/// defaults would hide those of the newer: so what is equal to them is left out.
pub(super) fn build(
    old: &Value,
    owner: Option<&str>,
    config: Option<&Value>,
    image: &str,
    request: &RequestId,
) -> Value {
    let mut body = object(&old["Config"]);
    if let Some(config) = config {
        subtract(&mut body, config, &object(&old["HostConfig"]["PortBindings"]));
    }
    body.insert("Image".into(), json!(image));
    body.insert("Labels".into(), json!(labels(old, owner, &body, request)));

    let mut host = object(&old["HostConfig"]);
    let mode = mode(old).to_owned();
    let of_another = mode.starts_with("container:");
    if old["Config"]["Hostname"] == short(text(&old["Id"])) || of_another || old["HostConfig"]["UTSMode"] == "host" {
        body.remove("Hostname");
    }
    if of_another {
        // Docker refuses it with another's network, even where the image brought it in.
        body.remove("ExposedPorts");
    }
    carry_volumes(&mut host, &old["Mounts"]);
    body.insert("HostConfig".into(), Value::Object(host));
    if let (Some((name, endpoint)), _) = networks(old) {
        body.insert("NetworkingConfig".into(), json!({"EndpointsConfig": {name: endpoint}}));
    }
    Value::Object(body)
}

/// The networks that are connected after the create, which takes no more than one.
pub(super) fn further_networks(old: &Value) -> Vec<Endpoint> {
    networks(old).1
}

/// The labels of the new container: those that the old one was given, its owner, and whom it replaces.
fn labels(old: &Value, owner: Option<&str>, body: &Map<String, Value>, request: &RequestId) -> BTreeMap<String, Value> {
    let kept = object(body.get("Labels").unwrap_or(&Value::Null));
    let mut labels: BTreeMap<String, Value> =
        kept.into_iter().filter(|(name, _)| name == label::SECRETS || !name.starts_with(label::PREFIX)).collect();
    labels.extend(owner.map(|owner| (label::OWNER.to_owned(), json!(owner))));
    labels.insert(label::REQUEST.into(), json!(request.as_str()));
    labels.insert(label::REPLACES.into(), old["Id"].clone());
    if old["State"]["Running"] == true {
        labels.insert(label::REPLACES_RUNNING.into(), json!("true"));
    }
    labels
}

/// Takes the image's defaults out of a container's settings: the inverse of what a create does with them.
fn subtract(body: &mut Map<String, Value>, image: &Value, published: &Map<String, Value>) {
    for name in DEFAULTS {
        if body.get(name).is_some_and(|own| same(own, &image[name])) {
            body.remove(name);
        }
    }
    // The image's command counts only where neither of the two was given.
    let is_default = |name: &str| same(body.get(name).unwrap_or(&Value::Null), &image[name]);
    if is_default("Entrypoint") {
        if is_default("Cmd") {
            body.remove("Cmd");
            body.remove("ArgsEscaped");
        }
        body.remove("Entrypoint");
    }
    if let Some(Value::Array(env)) = body.get_mut("Env") {
        let defaults = image["Env"].as_array().map(Vec::as_slice).unwrap_or_default();
        env.retain(|variable| !defaults.contains(variable));
    }
    for (name, is_kept) in
        [("Labels", None), ("Volumes", None), ("ExposedPorts", Some(published)), ("Healthcheck", None)]
    {
        if let Some(Value::Object(own)) = body.get_mut(name) {
            // A port that is published must be exposed, whatever the newer image says.
            own.retain(|key, value| {
                image[name].get(key) != Some(value) || is_kept.is_some_and(|kept| kept.contains_key(key))
            });
        }
    }
    if body.get("Healthcheck").is_some_and(|check| same(check, &Value::Null)) {
        body.remove("Healthcheck");
    }
}

/// Has anonymous volumes go along: a new container would get new ones.
fn carry_volumes(host: &mut Map<String, Value>, mounts: &Value) {
    let volumes = mounts.as_array().into_iter().flatten().filter(|mount| mount["Type"] == "volume");
    let mut binds = host.get("Binds").and_then(Value::as_array).cloned().unwrap_or_default();
    for volume in volumes {
        let (name, destination) = (text(&volume["Name"]), text(&volume["Destination"]));
        let is_there = |target: &str| target.trim_end_matches('/') == destination.trim_end_matches('/');
        if binds.iter().any(|bind| text(bind).split(':').nth(1).is_some_and(is_there)) {
            continue;
        }
        let listed = host.get_mut("Mounts").and_then(Value::as_array_mut).into_iter().flatten();
        match listed.into_iter().find(|mount| is_there(text(&mount["Target"]))) {
            Some(mount) => mount["Source"] = json!(name),
            None => {
                let mode = if volume["RW"] == false { ":ro" } else { "" };
                binds.push(json!(format!("{name}:{destination}{mode}")));
            }
        }
    }
    if !binds.is_empty() {
        host.insert("Binds".into(), json!(binds));
    }
}

/// The endpoint that goes into the create, the one of the network mode, and those that are connected later.
fn networks(old: &Value) -> (Option<Endpoint>, Vec<Endpoint>) {
    let mode = match mode(old) {
        "" | "default" => "bridge",
        mode => mode,
    };
    if mode == "host" || mode == "none" || mode.starts_with("container:") {
        return (None, Vec::new());
    }
    let networks = object(&old["NetworkSettings"]["Networks"]);
    let alone = networks.len() == 1;
    let (mut first, mut further) = (None, Vec::new());
    for (name, network) in networks {
        let is_first = name == mode || network["NetworkID"] == mode || alone;
        let endpoint = endpoint(&network, name == "bridge", short(text(&old["Id"])));
        match is_first {
            // On the default bridge there is nothing to set, and Docker refuses what is.
            true if name == "bridge" => {}
            true => first = Some((name, endpoint)),
            false => further.push((name, endpoint)),
        }
    }
    (first, further)
}

/// What was asked for of an endpoint, without what the daemon has made of it.
fn endpoint(network: &Value, is_default_bridge: bool, old: &str) -> Value {
    let mut endpoint = Map::new();
    let names: &[&str] = if is_default_bridge { &[] } else { &["IPAMConfig", "Links", "DriverOpts"] };
    for name in names {
        endpoint.extend(network.get(*name).filter(|value| !value.is_null()).map(|v| ((*name).to_owned(), v.clone())));
    }
    if let (false, Some(aliases)) = (is_default_bridge, network["Aliases"].as_array()) {
        let kept: Vec<&Value> = aliases.iter().filter(|alias| *alias != old).collect();
        endpoint.insert("Aliases".into(), json!(kept));
    }
    Value::Object(endpoint)
}

fn mode(old: &Value) -> &str {
    text(&old["HostConfig"]["NetworkMode"])
}

fn short(id: &str) -> &str {
    id.get(..SHORT_ID).unwrap_or(id)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// Whether two values are the same to Docker, for which nothing, null and an empty text, list or object are one.
fn same(one: &Value, other: &Value) -> bool {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    one == other || (is_empty(one) && is_empty(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body for a container with `config` from an image with `image`, and `more` beside it.
    fn made(config: &Value, image: Option<&Value>, more: &Value) -> Value {
        let mut old = json!({"Id": "0123456789abcdef", "Config": config, "HostConfig": {"NetworkMode": "default"},
            "State": {"Running": true}});
        old.as_object_mut().unwrap().extend(object(more));
        let owner = old["Config"]["Labels"][label::OWNER].as_str();
        build(&old, owner, image, "web:2", &RequestId::new("r-1").unwrap())
    }

    #[test]
    fn the_defaults_of_the_image_are_left_out_and_the_rest_is_kept() {
        let image = json!({"Env": ["PATH=/bin", "COLOUR=red"], "Cmd": ["serve"], "Entrypoint": ["/init"],
            "Labels": {"version": "1", "team": "image"}, "WorkingDir": "/app", "User": "web", "Volumes": {"/cache": {}},
            "ExposedPorts": {"80/tcp": {}, "81/tcp": {}}, "StopSignal": "SIGINT", "Shell": ["/bin/sh", "-c"],
            "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5}});
        let own = json!({"Hostname": "0123456789ab", "Env": ["GREETING=hello", "PATH=/bin", "COLOUR=blue"],
            "Cmd": ["serve"], "Entrypoint": ["/init"], "Image": "web:1", "WorkingDir": "/app", "User": "web",
            "Labels": {"version": "1", "team": "own", "deblox.owner": "ada", "deblox.request": "r-0"},
            "Volumes": {"/cache": {}, "/own": {}}, "ExposedPorts": {"80/tcp": {}, "81/tcp": {}, "82/tcp": {}},
            "StopSignal": "SIGINT", "Shell": ["/bin/sh", "-c"], "Healthcheck": {"Test": ["CMD", "true"], "Interval": 9},
            "Tty": true});
        let host = json!({"HostConfig": {"NetworkMode": "default", "Memory": 5, "PortBindings": {"81/tcp": []}}});
        let kept = json!({
            "Env": ["GREETING=hello", "COLOUR=blue"],
            "ExposedPorts": {"81/tcp": {}, "82/tcp": {}},
            "Healthcheck": {"Interval": 9},
            "HostConfig": {"NetworkMode": "default", "Memory": 5, "PortBindings": {"81/tcp": []}},
            "Image": "web:2",
            "Labels": {"team": "own", "deblox.owner": "ada", "deblox.request": "r-1",
                "deblox.replaces": "0123456789abcdef", "deblox.replaces-running": "true"},
            "Tty": true,
            "Volumes": {"/own": {}},
        });
        assert_eq!(made(&own, Some(&image), &host), kept);
    }

    #[test]
    fn without_the_image_everything_is_kept() {
        let own = json!({"Hostname": "box", "Env": ["PATH=/bin"], "Cmd": ["serve"], "Labels": null});
        let body = made(&own, None, &json!({"State": {"Running": false}}));
        for field in ["Hostname", "Env", "Cmd"] {
            assert_eq!(body[field], own[field], "{field}");
        }
        assert_eq!(body["Labels"], json!({"deblox.request": "r-1", "deblox.replaces": "0123456789abcdef"}));
    }

    #[test]
    fn a_command_goes_only_with_the_entrypoint_that_it_came_with() {
        let image = json!({"Entrypoint": ["/init"], "Cmd": ["serve"]});
        let cases = [
            (json!({"Entrypoint": ["/init"], "Cmd": ["serve"]}), Value::Null, Value::Null),
            (json!({"Entrypoint": ["/init"], "Cmd": ["other"]}), Value::Null, json!(["other"])),
            (json!({"Entrypoint": ["sh"], "Cmd": ["serve"]}), json!(["sh"]), json!(["serve"])),
            (json!({"Entrypoint": ["sh"], "Cmd": null}), json!(["sh"]), Value::Null),
        ];
        for (own, entrypoint, command) in cases {
            let body = made(&own, Some(&image), &json!({}));
            assert_eq!((&body["Entrypoint"], &body["Cmd"]), (&entrypoint, &command), "{own}");
        }
        let body = made(&json!({"Entrypoint": null, "Cmd": ["x"]}), Some(&json!({"Entrypoint": []})), &json!({}));
        assert_eq!((body.get("Entrypoint"), &body["Cmd"]), (None, &json!(["x"])), "nothing and none are one");
    }

    #[test]
    fn volumes_without_a_name_of_their_own_go_along_by_the_one_they_have() {
        let host = json!({"NetworkMode": "none", "Binds": ["data:/data/:ro", "/srv:/srv"],
            "Mounts": [{"Type": "volume", "Target": "/nameless"}, {"Type": "tmpfs", "Target": "/tmp"}]});
        let volume = |name: &str, to: &str, writable: bool| json!({"Type": "volume", "Name": name, "Destination": to, "RW": writable});
        let mounts = json!([volume("data", "/data", false), {"Type": "bind", "Destination": "/srv"},
            volume("aaa", "/nameless", true), volume("bbb", "/cache", true), volume("ccc", "/shared", false)]);
        let body = made(&json!({}), None, &json!({"HostConfig": host, "Mounts": mounts}));
        assert_eq!(body["HostConfig"]["Binds"], json!(["data:/data/:ro", "/srv:/srv", "bbb:/cache", "ccc:/shared:ro"]));
        assert_eq!(body["HostConfig"]["Mounts"][0]["Source"], "aaa");
        assert_eq!(body["HostConfig"]["Mounts"][1].get("Source"), None);
    }

    #[test]
    fn networks_keep_what_was_asked_for_and_nothing_that_docker_made() {
        let endpoint = |id: &str| {
            json!({"NetworkID": id, "IPAMConfig": {"IPv4Address": "10.1.0.9"}, "Links": null,
                "Aliases": ["web", "0123456789ab"], "EndpointID": "e", "IPAddress": "10.1.0.9", "MacAddress": "m"})
        };
        let on = |mode: &str, networks: Value| {
            json!({"Id": "0123456789abcdef", "HostConfig": {"NetworkMode": mode},
                "NetworkSettings": {"Networks": networks}})
        };
        let kept = json!({"IPAMConfig": {"IPv4Address": "10.1.0.9"}, "Aliases": ["web"]});
        let both = json!({"front": endpoint("f"), "bridge": endpoint("b")});
        for mode in ["front", "f"] {
            let (first, further) = networks(&on(mode, both.clone()));
            assert_eq!(first, Some(("front".to_owned(), kept.clone())), "{mode}");
            assert_eq!(further, [("bridge".to_owned(), json!({}))], "{mode}");
        }
        assert_eq!(networks(&on("default", both)), (None, vec![("front".to_owned(), kept)]));
        for mode in ["host", "none", "container:x"] {
            assert_eq!(networks(&on(mode, json!({mode: endpoint("x")}))), (None, Vec::new()), "{mode}");
        }
    }

    #[test]
    fn what_another_containers_network_forbids_is_left_out() {
        let own = json!({"Hostname": "theirs", "ExposedPorts": {"80/tcp": {}}});
        let body = made(&own, None, &json!({"HostConfig": {"NetworkMode": "container:x"}}));
        assert_eq!((body.get("Hostname"), body.get("ExposedPorts")), (None, None));
    }
}
