//! That every call and every parameter of the daemon's API is classified, as far as the API's own description knows them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::About::{AllInstances, Instance, Rest};
use super::*;
use crate::actions::Action;
use crate::protocol::{EntryId, decode};
use Access::{Delete, Exec, Operate, View};

/// What only operators and admins may call: operation, method, path, and what it reaches. Nothing depends on this list but
/// the test that finds calls which nobody has classified.
static FOR_OPERATORS: &[(&str, &str, &str, &str)] = &[
    ("ContainerCreate", "POST", "/containers/create", "what it may say is checked in create-raw-container"),
    ("ContainerPrune", "POST", "/containers/prune", "it is about the containers of all users"),
    (
        "ImageBuild",
        "POST",
        "/build",
        "it runs commands and fetches from addresses, outside of any container of the caller",
    ),
    ("BuildPrune", "POST", "/build/prune", "it is about what the builds of all left behind"),
    ("ImageCreate", "POST", "/images/create", "it fetches from any registry or address; pull-image checks which"),
    ("ImagePush", "POST", "/images/{*}/push", "it sends to any registry"),
    ("ImageTag", "POST", "/images/{*}/tag", "it gives an image a name that others use"),
    ("ImageDelete", "DELETE", "/images/{*}", "images are everybody's"),
    ("ImagePrune", "POST", "/images/prune", "images are everybody's"),
    ("SystemAuth", "POST", "/auth", "the daemon connects to the address in its body"),
    ("ImageCommit", "POST", "/commit", "commit-container checks the name and the container"),
    ("ImageLoad", "POST", "/images/load", "it gives images names that others use"),
    ("ExecStart", "POST", "/exec/{}/start", "it does not say in which container; exec-container does"),
    ("ExecResize", "POST", "/exec/{}/resize", "it does not say in which container; exec-container does"),
    ("VolumeCreate", "POST", "/volumes/create", "a driver or its options can reach any folder of the host"),
    ("VolumeDelete", "DELETE", "/volumes/{}", "volumes have no owner here"),
    ("VolumePrune", "POST", "/volumes/prune", "it is about the volumes of all users"),
    ("NetworkDelete", "DELETE", "/networks/{}", "a network may be another user's"),
    ("NetworkCreate", "POST", "/networks/create", "a network changes the host"),
    ("NetworkConnect", "POST", "/networks/{}/connect", "connect-network checks the container and the endpoint"),
    ("NetworkDisconnect", "POST", "/networks/{}/disconnect", "disconnect-network checks the container"),
    ("NetworkPrune", "POST", "/networks/prune", "it is about the networks of all users"),
    ("PluginList", "GET", "/plugins", "a plugin runs on the host with all rights"),
    ("GetPluginPrivileges", "GET", "/plugins/privileges", "a plugin runs on the host with all rights"),
    ("PluginPull", "POST", "/plugins/pull", "a plugin runs on the host with all rights"),
    ("PluginInspect", "GET", "/plugins/{*}/json", "a plugin runs on the host with all rights"),
    ("PluginDelete", "DELETE", "/plugins/{*}", "a plugin runs on the host with all rights"),
    ("PluginEnable", "POST", "/plugins/{*}/enable", "a plugin runs on the host with all rights"),
    ("PluginDisable", "POST", "/plugins/{*}/disable", "a plugin runs on the host with all rights"),
    ("PluginUpgrade", "POST", "/plugins/{*}/upgrade", "a plugin runs on the host with all rights"),
    ("PluginCreate", "POST", "/plugins/create", "a plugin runs on the host with all rights"),
    ("PluginPush", "POST", "/plugins/{*}/push", "a plugin runs on the host with all rights"),
    ("PluginSet", "POST", "/plugins/{*}/set", "a plugin runs on the host with all rights"),
    ("NodeList", "GET", "/nodes", "it is about a swarm of hosts"),
    ("NodeInspect", "GET", "/nodes/{}", "it is about a swarm of hosts"),
    ("NodeDelete", "DELETE", "/nodes/{}", "it is about a swarm of hosts"),
    ("NodeUpdate", "POST", "/nodes/{}/update", "it is about a swarm of hosts"),
    ("SwarmInspect", "GET", "/swarm", "it is about a swarm of hosts"),
    ("SwarmInit", "POST", "/swarm/init", "it is about a swarm of hosts"),
    ("SwarmJoin", "POST", "/swarm/join", "it is about a swarm of hosts"),
    ("SwarmLeave", "POST", "/swarm/leave", "it is about a swarm of hosts"),
    ("SwarmUpdate", "POST", "/swarm/update", "it is about a swarm of hosts"),
    ("SwarmUnlockkey", "GET", "/swarm/unlockkey", "it is about a swarm of hosts"),
    ("SwarmUnlock", "POST", "/swarm/unlock", "it is about a swarm of hosts"),
    ("ServiceList", "GET", "/services", "it is about a swarm of hosts"),
    ("ServiceCreate", "POST", "/services/create", "it is about a swarm of hosts"),
    ("ServiceInspect", "GET", "/services/{}", "it is about a swarm of hosts"),
    ("ServiceDelete", "DELETE", "/services/{}", "it is about a swarm of hosts"),
    ("ServiceUpdate", "POST", "/services/{}/update", "it is about a swarm of hosts"),
    ("ServiceLogs", "GET", "/services/{}/logs", "it is about a swarm of hosts"),
    ("TaskList", "GET", "/tasks", "it is about a swarm of hosts"),
    ("TaskInspect", "GET", "/tasks/{}", "it is about a swarm of hosts"),
    ("TaskLogs", "GET", "/tasks/{}/logs", "it is about a swarm of hosts"),
    ("SecretList", "GET", "/secrets", "it is about a swarm of hosts"),
    ("SecretCreate", "POST", "/secrets/create", "it is about a swarm of hosts"),
    ("SecretInspect", "GET", "/secrets/{}", "it is about a swarm of hosts"),
    ("SecretDelete", "DELETE", "/secrets/{}", "it is about a swarm of hosts"),
    ("SecretUpdate", "POST", "/secrets/{}/update", "it is about a swarm of hosts"),
    ("ConfigList", "GET", "/configs", "it is about a swarm of hosts"),
    ("ConfigCreate", "POST", "/configs/create", "it is about a swarm of hosts"),
    ("ConfigInspect", "GET", "/configs/{}", "it is about a swarm of hosts"),
    ("ConfigDelete", "DELETE", "/configs/{}", "it is about a swarm of hosts"),
    ("ConfigUpdate", "POST", "/configs/{}/update", "it is about a swarm of hosts"),
    ("DistributionInspect", "GET", "/distribution/{*}/json", "the daemon connects to the registry in its path"),
    ("Session", "POST", "/session", "it takes over the connection"),
    ("VolumeUpdate", "PUT", "/volumes/{}", "it is about a swarm"),
    ("CheckpointList", "GET", "/containers/{}/checkpoints", "a checkpoint is kept on the host"),
    (
        "CheckpointCreate",
        "POST",
        "/containers/{}/checkpoints",
        "a checkpoint is kept on the host, in a folder that the body names",
    ),
    ("CheckpointDelete", "DELETE", "/containers/{}/checkpoints/{}", "a checkpoint is kept on the host"),
    ("Grpc", "POST", "/grpc", "it takes over the connection"),
    ("BuildCancel", "POST", "/build/cancel", "it is about the builds of all"),
];

fn parts(path: &str) -> Vec<String> {
    path.trim_start_matches('/').split('/').map(str::to_owned).collect()
}

fn of(method: &str, path: &str) -> Option<(Access, String, Option<Shape>)> {
    let segments = parts(path);
    find(method, &segments).map(|call| {
        let about = match call.about {
            Instance => segments[1].clone(),
            AllInstances => "*".to_owned(),
            Rest => "-".to_owned(),
        };
        let shape = match call.body {
            Body::Json(shape) => Some(shape),
            Body::Nothing | Body::Archive => None,
        };
        (call.access, about, shape)
    })
}

/// Where the sources of a dependency are.
fn sources_of(name: &str) -> PathBuf {
    let output = |program: &str, words: &[&str]| {
        let command = std::env::var_os(program.to_uppercase()).unwrap_or_else(|| program.into());
        Command::new(command).args(words).output().expect("Rust's own programs are there")
    };
    // Of other platforms not every dependency is at hand.
    let version = String::from_utf8_lossy(&output("rustc", &["-vV"]).stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a platform");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let words = ["metadata", "--format-version=1", "--locked", "--offline", "--manifest-path", manifest];
    let told = output("cargo", &[&words[..], &["--filter-platform", host]].concat());
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let packages = told["packages"].as_array().expect("packages");
    let package = packages.iter().find(|package| package["name"] == name).expect("a dependency");
    Path::new(package["manifest_path"].as_str().expect("a path")).parent().expect("a folder").join("src")
}

/// The query parameters of each operation that has some, as the API's description has them.
fn described_parameters() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(sources_of("bollard-stubs").join("query_parameters.rs")).expect("the stubs");
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    let (mut operation, mut renamed) = (None, None);
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("/// Internal struct used in the `") {
            let name = rest.split('`').next().expect("a name").to_owned();
            found.entry(name.clone()).or_default();
            operation = Some(name);
        } else if line.starts_with("impl ") {
            operation = None;
        } else if let Some(rest) = line.strip_prefix("#[serde(rename = \"") {
            renamed = rest.split('"').next().map(str::to_owned);
        } else if let (Some(operation), Some((field, _))) =
            (&operation, line.strip_prefix("pub ").and_then(|rest| rest.split_once(':')))
        {
            let name = renamed.take().unwrap_or_else(|| field.trim_start_matches("r#").to_owned());
            found.get_mut(operation).expect("begun above").insert(name);
        }
    }
    found
}

/// The names of the fields of a body, as the API's description has them.
fn described_fields(model: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(sources_of("bollard-stubs").join("models.rs")).expect("the stubs");
    let begin = text.find(&format!("pub struct {model} {{")).expect("a model");
    let body = &text[begin..begin + text[begin..].find("\n}").expect("its end")];
    body.lines()
        .filter_map(|line| line.trim().strip_prefix("#[serde(rename = \"")?.split('"').next().map(str::to_owned))
        .collect()
}

/// Method and path of each call that bollard makes, with `{}` for what it puts in.
fn described_calls() -> BTreeSet<(String, String)> {
    let folder = sources_of("bollard");
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(folder).expect("the sources").flatten() {
        let Ok(text) = std::fs::read_to_string(file.path()) else { continue };
        let mut path = None;
        for line in text.lines().map(str::trim) {
            if line.starts_with("pub fn ") || line.starts_with("pub async fn ") {
                path = None;
            } else if let Some(rest) = line.strip_prefix("let url = ") {
                path = rest.split('"').nth(1).filter(|path| path.starts_with('/')).map(str::to_owned);
            } else if let (Some(path), Some((_, rest))) = (&path, line.split_once("Method::")) {
                let method: String = rest.chars().take_while(char::is_ascii_uppercase).collect();
                let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
                found.insert((method, parts.collect::<Vec<_>>().join("/")));
            }
        }
    }
    found
}

/// In how many lists a call is.
fn lists_with(operation: &str) -> usize {
    let twice = [("ContainerArchiveInfo", "ContainerArchive"), ("SystemPingHead", "SystemPing")];
    let operation = twice.iter().find(|(head, _)| *head == operation).map_or(operation, |(_, get)| *get);
    CALLS.iter().filter(|call| call.operation == operation).count()
        + FOR_OPERATORS.iter().filter(|(name, ..)| *name == operation).count()
}

/// What is wrong with the class of a parameter, if anything is.
fn unclassified(operation: &str, name: &str) -> Option<String> {
    let get = operation.strip_suffix("Info").unwrap_or(operation);
    match (lists_with(operation), CALLS.iter().find(|call| call.operation == operation || call.operation == get)) {
        (0, _) => Some(format!("{operation} is in no list")),
        (1, None) => None,
        (1, Some(call)) => match call.query.iter().filter(|(known, _)| *known == name).count() {
            1 if call.parameter(name) != Audience::Unclassified => None,
            count => Some(format!("`{name}` of {operation} is {count} times in the table")),
        },
        _ => Some(format!("{operation} is in several lists")),
    }
}

#[test]
fn every_parameter_of_the_api_is_classified() {
    let described = described_parameters();
    let count: usize = described.values().map(BTreeSet::len).sum();
    assert!(
        described.len() >= 65 && count >= 170,
        "{} operations with {count} parameters are too few",
        described.len()
    );
    assert!(described["ContainerTop"].contains("ps_args") && described["ImageCreate"].contains("fromSrc"));
    let pairs = described.iter().flat_map(|(operation, names)| names.iter().map(move |name| (operation, name)));
    let faults: Vec<String> = pairs.filter_map(|(operation, name)| unclassified(operation, name)).collect();
    assert!(faults.is_empty(), "say in the table for whom these are: {faults:#?}");
    assert!(unclassified("ContainerStart", "invented").is_some() && unclassified("Invented", "all").is_some());
}

#[test]
fn every_call_that_is_known_of_is_in_one_list() {
    let described = described_calls();
    assert!(described.len() >= 85, "{} calls are too few to be all", described.len());
    let known: BTreeSet<(String, String)> = CALLS
        .iter()
        .map(|call| (call.method, call.path))
        .chain(FOR_OPERATORS.iter().map(|(_, method, path, _)| (*method, *path)))
        .map(|(method, path)| (method.to_owned(), path.replace("{*}", "{}")))
        .collect();
    assert_eq!(known.len(), CALLS.len() + FOR_OPERATORS.len(), "each is in one list, once");
    let is_known = |method: &str, path: &str| {
        let method = if method == "HEAD" { "GET" } else { method };
        known.contains(&(method.to_owned(), path.to_owned()))
    };
    let missing: Vec<_> = described.iter().filter(|(method, path)| !is_known(method, path)).collect();
    assert!(missing.is_empty(), "say for whom these calls are: {missing:?}");
    assert!(!is_known("POST", "/invented"));
    for (operation, method, path, why) in FOR_OPERATORS {
        let example = path.replace("{*}", "a/b").replace("{}", "a");
        assert_eq!(of(method, &example), None, "{operation} is for operators");
        assert!(why.len() > 8, "{operation}");
    }
}

#[test]
fn every_field_of_the_bodies_that_users_send_has_a_rule() {
    // What Docker tells of an endpoint and nobody asks for.
    let told = "EndpointID Gateway IPAddress IPPrefixLen IPv6Gateway GlobalIPv6Address GlobalIPv6PrefixLen DNSNames";
    for (model, rules, least) in [
        ("ContainerCreateBody", crate::actions::bounds::rule_names("create"), 25),
        ("HostConfig", crate::actions::bounds::rule_names("host"), 60),
        ("ContainerUpdateBody", crate::actions::bounds::rule_names("host"), 25),
        ("ExecConfig", crate::actions::bounds::rule_names("exec"), 10),
        ("EndpointSettings", crate::actions::bounds::rule_names("endpoint"), 6),
    ] {
        let fields = described_fields(model);
        assert!(fields.len() >= least, "{model}: {fields:?}");
        let missing: Vec<_> = fields
            .iter()
            .filter(|field| !rules.contains(&field.as_str()) && !told.split(' ').any(|told| told == field.as_str()))
            .collect();
        assert!(missing.is_empty(), "{model}: say in the rules for whom these are: {missing:?}");
        assert!(!rules.contains(&"Invented"));
    }
}

fn arguments(fields: &Value) -> Arguments {
    let mut request = json!({"action": "docker", "dock": "a.test", "path": "/"});
    request.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    let entry = vec![(b"json".to_vec(), request.to_string().into_bytes())];
    let request = decode(EntryId { millis: 1, sequence: 0 }, None, &entry).expect("a request");
    Action::find("docker").and_then(|action| action.check(&request)).expect("fields of docker")
}

#[test]
fn what_is_not_listed_is_refused_by_its_name() {
    for (method, path, fields, named) in [
        ("POST", "/containers/a/start", json!({"query": {"checkpoint": "x"}}), "checkpoint"),
        ("POST", "/containers/a/start", json!({"query": {"checkpoint-dir": "/etc"}}), "checkpoint-dir"),
        ("POST", "/containers/a/stop", json!({"query": {"T": "1"}}), "T"),
        ("POST", "/containers/a/stop", json!({"query": {"invented": ""}}), "invented"),
        ("GET", "/containers/a/top", json!({"query": {"PS_ARGS": "-ef"}}), "PS_ARGS"),
        ("GET", "/containers/a/top", json!({"query": {"ps%5fargs": "-ef"}}), "ps%5fargs"),
        ("DELETE", "/containers/a", json!({"query": {"link": "1"}}), "link"),
        ("GET", "/images/search", json!({"headers": {"X-Registry-Auth": "e30="}}), "X-Registry-Auth"),
        ("GET", "/images/json", json!({"headers": {"x-registry-config": "e30="}}), "x-registry-config"),
        ("POST", "/containers/a/start", json!({"body": {"Binds": ["/:/x"]}}), "body"),
        ("POST", "/containers/a/start", json!({"body-base64": "Y2hlY2twb2ludD14"}), "body-base64"),
        ("POST", "/containers/a/start", json!({"upload": true}), "upload"),
        ("POST", "/containers/a/exec", json!({"body-base64": "e30="}), "body-base64"),
        (
            "POST",
            "/containers/a/exec",
            json!({"body": {}, "headers": {"content-type": "application/x-www-form-urlencoded"}}),
            "content-type",
        ),
        (
            "PUT",
            "/containers/a/archive",
            json!({"body-base64": "YQ==", "headers": {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}}),
            "Content-Type",
        ),
    ] {
        let call = find(method, &parts(path)).unwrap_or_else(|| panic!("{path}"));
        let failure = call.check(&arguments(&fields)).expect_err(&fields.to_string());
        assert!(failure.message.contains(&format!("`{named}`")), "{fields}: {failure}");
    }
    for (method, path, fields) in [
        ("POST", "/containers/a/stop", json!({"query": {"t": "5", "signal": "TERM"}})),
        ("POST", "/containers/a/wait", json!({"body": {}, "headers": {"Content-Type": "text/plain"}})),
        ("PUT", "/containers/a/archive", json!({"upload": true, "query": {"path": "/x"}})),
        (
            "POST",
            "/containers/a/exec",
            json!({"body": {"Cmd": ["a"]}, "headers": {"Content-Type": "application/json"}}),
        ),
        ("POST", "/containers/a/attach", json!({"stream": true, "upload": false, "query": {"stream": "1"}})),
    ] {
        let call = find(method, &parts(path)).unwrap_or_else(|| panic!("{path}"));
        assert!(call.check(&arguments(&fields)).is_ok(), "{fields}: {:?}", call.check(&arguments(&fields)));
    }
}

#[test]
fn every_call_of_the_api_that_is_about_one_instance_or_only_looks_has_its_right() {
    for (method, access, about, paths) in [
        ("GET", View, "web", "json logs stats top changes"),
        ("POST", View, "web", "wait"),
        ("POST", Operate, "web", "start stop restart kill pause unpause resize rename update"),
        ("POST", Exec, "web", "exec attach"),
        ("GET", Exec, "web", "archive export attach/ws"),
        ("PUT", Exec, "web", "archive"),
    ] {
        for path in paths.split(' ') {
            let found = of(method, &format!("containers/web/{path}")).unwrap_or_else(|| panic!("{path}"));
            assert_eq!((found.0, found.1.as_str()), (access, about), "{path}");
            let shape = match path {
                "exec" => Some(Shape::Exec),
                "update" => Some(Shape::Update),
                _ => None,
            };
            assert_eq!(found.2, shape, "{path}");
        }
    }
    assert_eq!(of("DELETE", "containers/web"), Some((Delete, "web".to_owned(), None)));
    assert_eq!(of("HEAD", "containers/web/archive"), Some((Exec, "web".to_owned(), None)));
    for path in ["images/get", "images/a/get", "images/a/b/get"] {
        assert_eq!(of("GET", path), Some((Exec, "*".to_owned(), None)), "{path}");
    }
    for (about, paths) in [
        ("*", "containers/json events system/df networks/mine exec/e/json"),
        ("-", "images/json images/search images/a/json images/a/b/json images/a/history networks volumes volumes/v"),
        ("-", "version info _ping"),
    ] {
        for path in paths.split(' ') {
            for method in ["GET", "HEAD"] {
                assert_eq!(of(method, path), Some((View, about.to_owned(), None)), "{method} {path}");
            }
        }
    }
}

#[test]
fn whatever_else_there_is_has_none() {
    for (method, paths) in [
        ("POST", "containers/create containers/prune commit build build/prune session grpc auth images/create"),
        ("POST", "images/load images/prune images/a/push images/a/tag exec/e/start exec/e/resize networks/create"),
        ("POST", "networks/prune networks/n/connect networks/n/disconnect volumes/create volumes/prune"),
        ("POST", "swarm/init swarm/join swarm/leave swarm/update swarm/unlock nodes/n/update services/create"),
        ("POST", "services/s/update secrets/create secrets/s/update configs/create configs/c/update plugins/pull"),
        ("POST", "plugins/create plugins/p/enable plugins/p/disable plugins/p/upgrade plugins/p/push plugins/p/set"),
        ("POST", "containers/web containers/web/start/now containers/web/checkpoints containers/web/copy"),
        ("GET", "distribution/a/json swarm swarm/unlockkey nodes nodes/n services services/s services/s/logs tasks"),
        ("GET", "tasks/t tasks/t/logs secrets secrets/s configs configs/c plugins plugins/privileges"),
        ("GET", "plugins/p/json containers/web/checkpoints containers/web containers/a/b/json containers json"),
        ("GET", "images images/a containers/web/json/x v1.41 debug/pprof metrics containers/web/start"),
        ("PUT", "containers/web/start volumes/v containers/web archive"),
        ("DELETE", "images/a networks/n volumes/v nodes/n services/s secrets/s configs/c plugins/p"),
        ("DELETE", "containers/web/checkpoints/c containers"),
        ("PATCH", "containers/web/update"),
        ("get", "containers/web/json _ping"),
        ("Post", "containers/web/start"),
        ("", "_ping"),
    ] {
        for path in paths.split(' ') {
            assert_eq!(of(method, path), None, "{method} {path}");
        }
    }
}
