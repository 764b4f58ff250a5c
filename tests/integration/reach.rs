//! What the body of a create reaches beyond its container. This is written from Docker's documentation and without a look at
//! the rules of deblox, for the tests and the fuzz target that hold them against each other.
//!
//! It reads JSON as Go does, or more strictly: the case of names does not matter, and of several names that are one to Go,
//! each counts.

use deblox::actions::{Bounds, user_create};
use serde_json::{Map, Value};

/// Bodies to begin with: all were tried against the bounds by hand.
pub const BODIES: &str = include_str!("create_bodies.jsonl");

/// The folder of the host that is open in these tests.
pub const OPEN: &str = "/srv/deblox-open";

/// What Docker gives each container (`docker run`, runtime privilege and Linux capabilities).
const CAPABILITIES: &str = "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID \
                            SETPCAP SETUID SYS_CHROOT";

/// Fields of which any value but none reaches beyond the container.
const NEVER: &str = "Annotations BlkioDeviceReadBps BlkioDeviceReadIOps BlkioDeviceWriteBps BlkioDeviceWriteIOps \
                     BlkioWeightDevice Capabilities Cgroup CgroupParent ContainerIDFile CpuRealtimePeriod CpuRealtimeRuntime \
                     DeviceCgroupRules DeviceRequests Devices Links OomKillDisable Privileged Runtime StorageOpt Sysctls \
                     VolumesFrom CheckpointDir";

/// Whether the value of a field reaches beyond the container.
type IsHarm = fn(&Value) -> bool;

/// A body that a user sends is refused, or what the daemon gets reaches nothing beyond the container. Returns whether it passed.
pub fn creating(text: &str) -> bool {
    let Ok(body) = serde_json::from_str::<Value>(text) else { return false };
    let bounds = Bounds { bind_folders: vec![OPEN.parse().expect("a folder")], ..Bounds::default() };
    let Ok(sent) = user_create(&body, &bounds) else { return false };
    let sent = sent.to_string();
    let read: Value = serde_json::from_str(&sent).expect("what is sent is JSON");
    if let Some(harm) = reaches(&read, bounds.pids_limit) {
        panic!("{harm}: {sent}, from {text}");
    }
    true
}

/// What of a body reaches beyond the container, if anything does.
pub fn reaches(body: &Value, pids: u64) -> Option<String> {
    let Some(object) = body.as_object() else { return Some("no object".to_owned()) };
    let labels: Vec<&Value> = all(object, "Labels");
    let owns = |labels: &Value| labels["deblox.owner"] == "ada";
    let foreign = |name: &str| {
        name.starts_with("deblox.") && !matches!(name, "deblox.owner" | "deblox.request" | "deblox.secrets")
    };
    if labels.len() != 1 || !owns(labels[0]) || labels[0].as_object()?.keys().any(|name| foreign(name)) {
        return Some("the labels of deblox".to_owned());
    }
    // Some versions have taken the fields of HostConfig here, too.
    let hosts: Vec<&Map<String, Value>> = all(object, "HostConfig").into_iter().filter_map(Value::as_object).collect();
    let limits: Vec<&Value> = hosts.iter().flat_map(|host| all(host, "PidsLimit")).collect();
    if limits.is_empty() || limits.iter().any(|limit| limit.as_u64().is_none_or(|limit| !(1..=pids).contains(&limit))) {
        return Some("no limit of processes".to_owned());
    }
    let on_host = std::iter::once(object).chain(hosts).find_map(host);
    on_host.or_else(|| all(object, "NetworkingConfig").into_iter().find_map(networking))
}

/// The values of all names that are this one to Go.
fn all<'a>(object: &'a Map<String, Value>, name: &str) -> Vec<&'a Value> {
    object.iter().filter(|(other, _)| fold(other) == fold(name)).map(|(_, value)| value).collect()
}

fn fold(name: &str) -> String {
    name.to_lowercase().replace('\u{17f}', "s").replace('\u{212a}', "k")
}

fn host(host: &Map<String, Value>) -> Option<String> {
    for (name, value) in host {
        if let Some(never) =
            NEVER.split_whitespace().find(|never| fold(never) == fold(name)).filter(|_| !is_none(value))
        {
            return Some(never.to_owned());
        }
    }
    let namespaces = "NetworkMode PidMode IpcMode UTSMode UsernsMode CgroupnsMode Isolation VolumeDriver";
    for name in namespaces.split_whitespace() {
        let harmless = |value: &Value| match value {
            Value::Null => true,
            Value::String(mode) if name == "VolumeDriver" => matches!(mode.as_str(), "" | "local"),
            Value::String(mode) if name == "Isolation" => matches!(mode.as_str(), "" | "default"),
            Value::String(mode) => mode != "host" && !mode.contains(':'),
            _ => false,
        };
        if all(host, name).into_iter().any(|value| !harmless(value)) {
            return Some(name.to_owned());
        }
    }
    let fields: [(&str, IsHarm); 8] = [
        ("CapAdd", |value| !list(value).iter().all(is_capability)),
        ("SecurityOpt", |value| !list(value).iter().all(is_harmless_option)),
        ("MaskedPaths", |value| !value.is_null()),
        ("ReadonlyPaths", |value| !value.is_null()),
        ("OomScoreAdj", |value| !value.is_null() && value.as_u64().is_none()),
        ("Binds", |value| list(value).iter().any(|bind| bind.as_str().is_none_or(bind_reaches))),
        ("Mounts", |value| list(value).iter().any(mount_reaches)),
        ("Ulimits", |value| list(value).iter().any(is_urgent)),
    ];
    for (name, is_harm) in fields {
        if all(host, name).into_iter().any(is_harm) {
            return Some(name.to_owned());
        }
    }
    let logs =
        |value: &Value| value.as_object().is_some_and(|log| all(log, "Type").iter().any(|kind| !logs_here(kind)));
    if all(host, "LogConfig").into_iter().any(logs) {
        return Some("LogConfig".to_owned());
    }
    let binds = all(host, "Binds")
        .into_iter()
        .flat_map(list)
        .any(|bind| bind.as_str().is_some_and(|b| b.starts_with('/') && b.contains(':')));
    let is_bind =
        |mount: &Value| mount.as_object().is_some_and(|mount| all(mount, "Type").iter().any(|kind| **kind == "bind"));
    if binds || all(host, "Mounts").into_iter().flat_map(list).any(|mount| is_bind(&mount)) {
        let named = |field: &str, names: [&str; 2]| {
            all(host, field).into_iter().flat_map(list).any(|name| {
                let name = name.as_str().unwrap_or_default().to_ascii_uppercase();
                names.contains(&name.trim_start_matches("CAP_"))
            })
        };
        if !named("CapDrop", ["MKNOD", "ALL"]) || named("CapAdd", ["MKNOD", "ALL"]) {
            return Some("device nodes in a folder of the host".to_owned());
        }
    }
    None
}

/// A list, or what Docker takes for a list of one.
fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    }
}

fn is_none(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(true) => false,
    }
}

fn is_capability(value: &Value) -> bool {
    let name = value.as_str().unwrap_or_default().to_ascii_uppercase();
    let name = name.strip_prefix("CAP_").unwrap_or(&name);
    CAPABILITIES.split_whitespace().any(|one| one == name)
}

fn is_harmless_option(value: &Value) -> bool {
    value.as_str().is_some_and(|option| {
        matches!(option.replace('=', ":").as_str(), "no-new-privileges" | "no-new-privileges:true")
    })
}

fn logs_here(kind: &Value) -> bool {
    kind.is_null() || kind.as_str().is_some_and(|kind| matches!(kind, "" | "json-file" | "local" | "none"))
}

fn is_urgent(limit: &Value) -> bool {
    let Some(limit) = limit.as_object() else { return true };
    let urgent = |name: &&Value| {
        name.as_str().is_none_or(|name| matches!(name.to_lowercase().as_str(), "rtprio" | "rttime" | "nice"))
    };
    all(limit, "Name").iter().any(urgent)
}

/// Whether a source is something of the host that is not open.
fn source_reaches(source: &str) -> bool {
    let plain = |text: &str| text.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/");
    let is_open = source.starts_with('/') && plain(source) == plain(OPEN);
    let is_volume =
        source.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) && !source.starts_with('.');
    !is_open && !is_volume
}

fn bind_reaches(bind: &str) -> bool {
    let mut parts = bind.split(':');
    let (first, target) = (parts.next().unwrap_or_default(), parts.next());
    let is_shared = parts.flat_map(|part| part.split(',')).any(|mode| matches!(mode, "shared" | "rshared"));
    is_shared || target.is_some_and(|_| source_reaches(first)) || (target.is_none() && !first.starts_with('/'))
}

fn mount_reaches(mount: &Value) -> bool {
    let Some(mount) = mount.as_object() else { return true };
    let texts = |name: &str| all(mount, name).into_iter().filter(|value| !value.is_null()).collect::<Vec<_>>();
    let kinds: Vec<&str> = texts("Type").into_iter().filter_map(Value::as_str).collect();
    if kinds.len() != 1 || !matches!(kinds[0], "bind" | "volume" | "tmpfs" | "image") {
        return true;
    }
    let by_path = matches!(kinds[0], "bind" | "volume");
    let sources = texts("Source");
    if by_path && sources.iter().any(|source| source.as_str().is_none_or(source_reaches)) {
        return true;
    }
    if kinds[0] == "bind" && sources.iter().all(|source| source.as_str().is_none_or(str::is_empty)) {
        return true;
    }
    let options = |name: &str| texts(name).into_iter().filter_map(Value::as_object).collect::<Vec<_>>();
    let is_shared = |propagation: &Value| propagation.as_str().is_some_and(|mode| mode.ends_with("shared"));
    let shared =
        options("BindOptions").into_iter().any(|options| all(options, "Propagation").into_iter().any(is_shared));
    let driven = options("VolumeOptions").into_iter().any(|options| {
        let drivers = all(options, "DriverConfig").into_iter().filter_map(Value::as_object);
        let labels = all(options, "Labels").into_iter().filter_map(Value::as_object);
        labels.into_iter().any(|labels| labels.keys().any(|name| name.starts_with("deblox.")))
            || drivers.into_iter().any(|driver| {
                all(driver, "Options").iter().any(|options| !is_none(options))
                    || all(driver, "Name").iter().any(|name| !is_none(name) && **name != "local")
            })
    });
    shared || driven
}

fn networking(config: &Value) -> Option<String> {
    let config = config.as_object()?;
    for endpoints in all(config, "EndpointsConfig").into_iter().filter_map(Value::as_object) {
        for (name, endpoint) in endpoints {
            let Some(endpoint) = endpoint.as_object().filter(|_| name != "host") else {
                if name == "host" {
                    return Some("the network of the host".to_owned());
                }
                continue;
            };
            for field in ["DriverOpts", "Links", "NetworkID"] {
                if all(endpoint, field).into_iter().any(|value| !is_none(value)) {
                    return Some(field.to_owned());
                }
            }
        }
    }
    None
}

/// The name in other letters, by `choice`: lower, upper, alternating, or with letters that Go takes for ASCII.
pub fn recase(name: &str, choice: u8) -> String {
    match choice % 5 {
        0 => name.to_lowercase(),
        1 => name.to_uppercase(),
        2 => name
            .chars()
            .enumerate()
            .map(|(at, c)| if at % 2 == 0 { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() })
            .collect(),
        3 => name.replacen('s', "\u{17f}", 1),
        _ => name.replacen('k', "\u{212a}", 1),
    }
}

/// A body with the names of all its fields in other letters.
pub fn recased(value: &Value, choice: u8) -> Value {
    match value {
        Value::Object(object) => {
            object.iter().map(|(name, value)| (recase(name, choice), recased(value, choice))).collect()
        }
        Value::Array(list) => list.iter().map(|value| recased(value, choice)).collect(),
        other => other.clone(),
    }
}

/// A body made from two of the list by further choices: one laid over the other, names in other letters, a field twice, a
/// value of one field in another.
pub fn mutated(choices: &[u8]) -> String {
    let bodies: Vec<Value> = BODIES.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut choices = choices.iter().copied().chain(std::iter::repeat(0));
    let mut next = move || choices.next().unwrap_or_default();
    let pick = |choice: u8, more: u8| bodies[(usize::from(choice) * 256 + usize::from(more)) % bodies.len()].clone();
    let (mut body, other) = (pick(next(), next()), pick(next(), next()));
    if next() % 4 > 0 {
        overlay(&mut body, other, next());
    }
    for _ in 0..next() % 4 {
        let (how, which, letters) = (next(), next(), next());
        change(&mut body, how, which, letters);
    }
    let text = body.to_string();
    // A name that is there twice is no object of serde's: it is made in the text.
    match next() % 4 {
        0 => text.replacen("{\"HostConfig\":{", "{\"HostConfig\":{\"Privileged\":true},\"HostConfig\":{", 1),
        1 => text.replacen("\"HostConfig\":{", "\"HostConfig\":{\"Privileged\":true,\"Privileged\":false,", 1),
        _ => text,
    }
}

fn overlay(body: &mut Value, other: Value, letters: u8) {
    match (body, other) {
        (Value::Object(body), Value::Object(other)) => {
            for (name, value) in other {
                match body.get_mut(&name) {
                    Some(own) if letters.is_multiple_of(2) => overlay(own, value, letters / 2),
                    Some(_) => drop(body.insert(recase(&name, letters), value)),
                    None => drop(body.insert(name, value)),
                }
            }
        }
        (Value::Array(body), Value::Array(other)) => body.extend(other),
        (body, other) => *body = other,
    }
}

fn change(body: &mut Value, how: u8, which: u8, letters: u8) {
    let Some(object) = body.as_object_mut() else { return };
    let names: Vec<String> = object.keys().cloned().collect();
    let Some(name) = names.get(usize::from(which) % names.len().max(1)) else { return };
    match how % 5 {
        0 => {
            let value = object.remove(name).unwrap_or_default();
            object.insert(recase(name, letters), value);
        }
        1 => {
            let value = object[name].clone();
            object.insert(recase(name, letters), value);
        }
        2 => {
            let value = object.remove(name).unwrap_or_default();
            object.insert(name.clone(), Value::Array(vec![value]));
        }
        3 => drop(object.insert(name.clone(), Value::from(i64::from(letters) - 2))),
        _ => change(&mut object[name], how / 5, letters, which),
    }
}
