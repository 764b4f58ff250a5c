//! The fields of a create, in Docker's own form (Docker Engine API, `POST /containers/create`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::actions::Arguments;
use crate::actions::sizes::{check_labels, check_words};
use crate::protocol::{ErrorCode, Failure, RequestId, label};

/// Ports that one range may publish.
const PORTS: u16 = 1000;

/// Makes the body of the create: `base`, which is a template or Docker's own JSON, then the fields of the request over
/// it, and deblox's labels.
///
/// # Errors
/// [`ErrorCode::BadField`], naming the field.
pub(super) fn build(
    base: Map<String, Value>,
    arguments: &Arguments,
    owner: &str,
    request: &RequestId,
) -> Result<Value, Failure> {
    let mut body = base;
    let mut labels: BTreeMap<String, String> = match body.remove("Labels") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(labels) => {
            serde_json::from_value(labels).map_err(|_| bad("body", "its `Labels` are not an object of texts"))?
        }
    };
    if let Some(name) = labels.keys().find(|name| name.starts_with(label::PREFIX)) {
        return Err(bad("body", &format!("its label `{name}` is one of deblox's own")));
    }
    labels.extend(arguments.pairs("labels"));
    labels.insert(label::OWNER.to_owned(), owner.to_owned());
    labels.insert(label::REQUEST.to_owned(), request.to_string());

    check_sizes(&body, &labels)?;
    let mut host = match body.remove("HostConfig") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(host)) => host,
        Some(_) => return Err(bad("body", "its `HostConfig` is not an object")),
    };
    body.insert("Labels".into(), json!(labels));
    for (field, docker) in [("image", "Image"), ("user", "User"), ("workdir", "WorkingDir"), ("hostname", "Hostname")] {
        body.extend(arguments.get(field).map(|value| (docker.to_owned(), value.clone())));
    }
    let words = [("cmd", "Cmd"), ("entrypoint", "Entrypoint")];
    for (field, docker) in
        words.into_iter().chain([("tty", "Tty"), ("interactive", "OpenStdin"), ("stdin-once", "StdinOnce")])
    {
        body.extend(arguments.get(field).map(|value| (docker.to_owned(), value.clone())));
    }
    if arguments.has("env") {
        let env: Vec<String> =
            arguments.pairs("env").into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        body.insert("Env".into(), json!(env));
    }
    if let Some(check) = arguments.get("healthcheck") {
        body.insert("Healthcheck".into(), healthcheck(check)?);
    }
    if arguments.has("ports") {
        let bindings = ports(&arguments.list("ports"))?;
        let exposed: Map<String, Value> = bindings.keys().map(|port| (port.clone(), json!({}))).collect();
        body.insert("ExposedPorts".into(), Value::Object(exposed));
        host.insert("PortBindings".into(), Value::Object(bindings));
    }
    let (binds, anonymous): (Vec<&str>, Vec<&str>) =
        arguments.list("volumes").into_iter().partition(|volume| volume.contains(':'));
    if let Some(volume) = binds.iter().chain(&anonymous).find(|volume| !is_volume(volume)) {
        return Err(bad("volumes", &format!("`{volume}` is not SOURCE:/TARGET[:OPTIONS] or /TARGET")));
    }
    if !binds.is_empty() {
        host.insert("Binds".into(), json!(binds));
    }
    if !anonymous.is_empty() {
        let volumes: Map<String, Value> = anonymous.iter().map(|path| ((*path).to_owned(), json!({}))).collect();
        body.insert("Volumes".into(), Value::Object(volumes));
    }
    for (field, docker) in [("network", "NetworkMode"), ("privileged", "Privileged"), ("auto-remove", "AutoRemove")] {
        host.extend(arguments.get(field).map(|value| (docker.to_owned(), value.clone())));
    }
    host.extend(limits(arguments)?);
    body.insert("HostConfig".into(), Value::Object(host));
    Ok(Value::Object(body))
}

/// Marks the labels of a create as deblox's own, with the id of its image as the daemon shows that; no image can contain its
/// own id. Labels of deblox that the image has and the create does not set are emptied.
pub(super) fn stamp(body: &mut Value, image: &Value) {
    let inherited = image["Config"]["Labels"].as_object().into_iter().flatten().map(|(name, _)| name);
    // The secrets of the image are secrets of the container.
    let is_own = |name: &&String| name.starts_with(label::PREFIX) && name.as_str() != label::SECRETS;
    let inherited: Vec<&String> = inherited.filter(is_own).collect();
    if !body["Labels"].is_object() {
        body["Labels"] = json!({});
    }
    if let Some(labels) = body["Labels"].as_object_mut() {
        for name in inherited {
            labels.entry(name).or_insert_with(|| json!(""));
        }
        labels.insert(label::IMAGE.to_owned(), image["Id"].clone());
    }
}

/// Checks what stands in every list, and what would make a container that no list can show.
fn check_sizes(base: &Map<String, Value>, labels: &BTreeMap<String, String>) -> Result<(), Failure> {
    let labels = labels.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    check_labels(&labels).map_err(|must| bad("labels", &format!("they must be {must}")))?;
    for name in ["Env", "Cmd", "Entrypoint"] {
        let words = base.get(name).unwrap_or(&Value::Null);
        check_words(words).map_err(|must| bad("body", &format!("its `{name}` must be {must}")))?;
    }
    Ok(())
}

/// What bounds a container, as both creating and updating one take it: memory, processors, processes, restart policy.
///
/// # Errors
/// [`ErrorCode::BadField`], naming the field.
pub(in crate::actions) fn limits(arguments: &Arguments) -> Result<Map<String, Value>, Failure> {
    let mut limits = Map::new();
    limits.extend(arguments.get("memory").map(|bytes| ("Memory".to_owned(), bytes.clone())));
    if let Some(cpus) = arguments.get("cpus").and_then(Value::as_f64) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float that is too large saturates, and Docker refuses it"
        )]
        let nano = (cpus * 1e9).round() as i64;
        limits.insert("NanoCpus".into(), json!(nano));
    }
    limits.extend(arguments.get("pids").map(|pids| ("PidsLimit".to_owned(), pids.clone())));
    if let Some(policy) = arguments.text("restart") {
        limits.insert("RestartPolicy".into(), restart(policy)?);
    }
    Ok(limits)
}

fn bad(field: &str, why: &str) -> Failure {
    Failure::new(ErrorCode::BadField, format!("field `{field}` is not valid: {why}"))
}

fn is_volume(volume: &str) -> bool {
    let mut parts = volume.splitn(3, ':');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    match second {
        None => first.starts_with('/'),
        Some(target) => !first.is_empty() && target.starts_with('/'),
    }
}

fn restart(policy: &str) -> Result<Value, Failure> {
    let (name, times) = policy.split_once(':').map_or((policy, None), |(name, times)| (name, Some(times)));
    let count = match (name, times) {
        ("no" | "always" | "unless-stopped" | "on-failure", None) => 0,
        ("on-failure", Some(times)) => times.parse::<u32>().map_err(|_| bad("restart", "TIMES is not a number"))?,
        _ => return Err(bad("restart", "it must be no, always, unless-stopped, on-failure or on-failure:TIMES")),
    };
    Ok(json!({"Name": name, "MaximumRetryCount": count}))
}

/// `{"cmd": "text for the shell" or ["words"], "interval": "30s", ...}`, the names those of `docker run`'s
/// `--health-` options; `{"disable": true}` turns the image's own off.
fn healthcheck(check: &Value) -> Result<Value, Failure> {
    let mut out = Map::new();
    for (name, value) in check.as_object().into_iter().flatten() {
        let wrong = |expected: &str| bad("healthcheck", &format!("`{name}` must be {expected}"));
        match name.as_str() {
            "cmd" => {
                let test = match value {
                    Value::String(shell) => json!(["CMD-SHELL", shell]),
                    Value::Array(words) if words.iter().all(Value::is_string) => {
                        Value::Array(std::iter::once(json!("CMD")).chain(words.iter().cloned()).collect())
                    }
                    _ => return Err(wrong("a text for the shell or a list of words")),
                };
                out.insert("Test".into(), test);
            }
            "interval" | "timeout" | "start-period" => {
                let duration = value.as_str().and_then(|text| humantime::parse_duration(text).ok());
                let nanos = duration.and_then(|duration| i64::try_from(duration.as_nanos()).ok());
                let nanos = nanos.ok_or_else(|| wrong("a duration such as 30s"))?;
                let docker = match name.as_str() {
                    "interval" => "Interval",
                    "timeout" => "Timeout",
                    _ => "StartPeriod",
                };
                out.insert(docker.into(), json!(nanos));
            }
            "retries" => {
                let retries = value.as_u64().ok_or_else(|| wrong("a whole number"))?;
                out.insert("Retries".into(), json!(retries));
            }
            "disable" if value == &json!(true) => {
                out.insert("Test".into(), json!(["NONE"]));
            }
            _ => {
                return Err(bad(
                    "healthcheck",
                    &format!("it has no `{name}`: cmd, interval, timeout, start-period, retries, disable"),
                ));
            }
        }
    }
    Ok(Value::Object(out))
}

/// Reads `docker run --publish`'s form into Docker's port bindings.
fn ports(list: &[&str]) -> Result<Map<String, Value>, Failure> {
    let mut bindings: Map<String, Value> = Map::new();
    for item in list {
        let published = publish(item)
            .ok_or_else(|| bad("ports", &format!("`{item}` is not [[IP:]HOST:]CONTAINER[/tcp|udp|sctp]")))?;
        for (port, binding) in published {
            if let Some(list) = bindings.entry(port).or_insert_with(|| json!([])).as_array_mut() {
                list.push(binding);
            }
        }
    }
    Ok(bindings)
}

fn publish(item: &str) -> Option<Vec<(String, Value)>> {
    let (item, protocol) = item.split_once('/').unwrap_or((item, "tcp"));
    if !["tcp", "udp", "sctp"].contains(&protocol) {
        return None;
    }
    let (rest, container) = item.rsplit_once(':').map_or(("", item), |(rest, container)| (rest, container));
    let (ip, host) = rest.rsplit_once(':').map_or(("", rest), |(ip, host)| (ip, host));
    let ip = ip.trim_matches(['[', ']']);
    if !ip.is_empty() && ip.parse::<std::net::IpAddr>().is_err() {
        return None;
    }
    let container = range(container)?;
    let host = if host.is_empty() { None } else { Some(range(host)?) };
    let count = container.1 - container.0;
    if count >= PORTS || host.is_some_and(|host| host.1 - host.0 != count) {
        return None;
    }
    let published = (0..=count).map(|offset| {
        let host_port = host.map_or_else(String::new, |host| (host.0 + offset).to_string());
        (format!("{}/{protocol}", container.0 + offset), json!({"HostIp": ip, "HostPort": host_port}))
    });
    Some(published.collect())
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to): (u16, u16) = (from.parse().ok()?, to.parse().ok()?);
    (from > 0 && from <= to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::Action;
    use crate::protocol::{EntryId, decode};

    fn body(json: &str) -> Result<Value, Failure> {
        let fields = vec![(b"json".to_vec(), json.as_bytes().to_vec())];
        let request = decode(EntryId { millis: 5, sequence: 0 }, None, &fields).unwrap();
        let arguments = Action::find("create-container").unwrap().check(&request)?;
        build(Map::new(), &arguments, arguments.text("owner").unwrap_or("anonymous"), &request.id)
    }

    #[test]
    fn the_specified_create_asks_for_the_image_alone() {
        insta::assert_json_snapshot!(body(r#"{"action":"create-container","image":"ubuntu"}"#).unwrap(), @r#"
        {
          "Labels": {
            "deblox.owner": "anonymous",
            "deblox.request": "5-0"
          },
          "Image": "ubuntu",
          "HostConfig": {}
        }
        "#);
    }

    #[test]
    fn labels_of_deblox_that_the_image_has_do_not_reach_the_container() {
        let image = json!({"Id": "sha256:1", "Config": {"Labels": {"deblox.replaces": "x", "deblox.owner": "eve",
            "team": "x"}}});
        let mut body = json!({"Image": "web", "Labels": {"deblox.owner": "ada"}});
        stamp(&mut body, &image);
        let labels = json!({"deblox.owner": "ada", "deblox.replaces": "", "deblox.image": "sha256:1"});
        assert_eq!(body["Labels"], labels);
        let mut bare = json!({"Image": "web", "Labels": null});
        stamp(&mut bare, &json!({"Id": "sha256:1", "Config": {"Labels": null}}));
        assert_eq!(bare["Labels"], json!({"deblox.image": "sha256:1"}));
    }

    #[test]
    fn every_option_reaches_docker() {
        let json = r#"{"action":"create-container","image":"web","name":"n","cmd":["a","b"],"entrypoint":"sh",
            "env":["A=b=c"],"ports":["8080:80","127.0.0.1:53:53/udp","9000"],"volumes":["data:/data:ro","/cache"],
            "labels":{"team":"x"},"restart":"on-failure:3","network":"none","memory":"64m","cpus":"0.5","user":"1",
            "workdir":"/w","hostname":"h","tty":true,"interactive":true,"privileged":false,"owner":"ada",
            "healthcheck":{"cmd":"true","interval":"5s","retries":2,"start-period":"1m"}}"#;
        insta::assert_json_snapshot!(body(json).unwrap());
    }

    #[test]
    fn faults_name_the_field() {
        let cases = [
            (r#""ports":["http"]"#, "`ports`"),
            (r#""ports":["1-3:1-2"]"#, "`ports`"),
            (r#""ports":["nowhere:1:2"]"#, "`ports`"),
            (r#""volumes":["data"]"#, "`volumes`"),
            (r#""restart":"sometimes""#, "`restart`"),
            (r#""healthcheck":{"interval":5}"#, "`interval`"),
            (r#""healthcheck":{"command":"x"}"#, "`command`"),
            (r#""labels":{"deblox.owner":"me"}"#, "`labels`"),
        ];
        for (field, part) in cases {
            let failure = body(&format!(r#"{{"action":"create-container","image":"x",{field}}}"#)).unwrap_err();
            assert_eq!(failure.code, ErrorCode::BadField, "{field}");
            assert!(failure.message.contains(part), "{field}: {}", failure.message);
        }
    }

    #[test]
    fn ranges_of_ports_go_pairwise() {
        let bindings = ports(&["8000-8002:80-82"]).unwrap();
        assert_eq!(bindings["82/tcp"], json!([{"HostIp": "", "HostPort": "8002"}]));
        assert_eq!(ports(&["[::1]:1:2"]).unwrap()["2/tcp"], json!([{"HostIp": "::1", "HostPort": "1"}]));
    }
}
