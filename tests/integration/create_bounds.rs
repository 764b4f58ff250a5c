//! What a user may create, held against what reaches beyond a container: a list of bodies that were tried by hand, and whatever
//! can be made of them, without a daemon and on a real one.

use deblox::actions::Bounds;
use deblox::protocol::Role;
use deblox::protocol::limits::PIDS_LIMIT;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST};
use crate::more_actions::Undo;
use crate::reach;
use crate::support::{Bus, Scrub, docker, try_docker, unique};

/// How often each body is tried in other letters.
const LETTERS: u8 = 5;

/// All bodies of the list, each also with the names of its fields in other letters.
fn bodies() -> Vec<Value> {
    let read = |line: &str| serde_json::from_str::<Value>(line).expect("each line is JSON");
    let all: Vec<Value> = reach::BODIES.lines().map(read).collect();
    let recased = all.iter().flat_map(|body| (0..LETTERS).map(move |letters| reach::recased(body, letters)));
    let mut bodies: Vec<Value> = all.iter().cloned().chain(recased).collect();
    bodies.dedup();
    bodies
}

#[test]
fn of_the_bodies_that_were_tried_by_hand_none_reaches_beyond_its_container() {
    let passed: Vec<&str> = reach::BODIES.lines().filter(|line| reach::creating(line)).collect();
    // The others are refused before a daemon is asked.
    assert!((5..60).contains(&passed.len()), "{}: {passed:#?}", passed.len());
    for body in bodies() {
        reach::creating(&body.to_string());
    }
}

#[test]
fn the_check_itself_finds_what_it_is_to_find() {
    let labels = json!({"deblox.owner": "ada"});
    let harmless = json!({"Labels": labels, "HostConfig": {"PidsLimit": 9}});
    assert_eq!(reach::reaches(&harmless, PIDS_LIMIT), None);
    let mut found = 0;
    for line in reach::BODIES.lines() {
        let Ok(Value::Object(mut body)) = serde_json::from_str::<Value>(line) else { continue };
        body.entry("Labels").or_insert(labels.clone());
        let host = body.entry("HostConfig").or_insert(json!({}));
        if let Some(host) = host.as_object_mut() {
            host.entry("PidsLimit").or_insert(json!(9));
        }
        found += usize::from(reach::reaches(&Value::Object(body), PIDS_LIMIT).is_some());
    }
    assert!(found > 120, "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_made_of_them_is_refused_or_reaches_nothing(choices in vec(any::<u8>(), 0..40)) {
        reach::creating(&reach::mutated(&choices));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_real_daemon_each_body_is_refused_or_makes_a_container_that_reaches_nothing() {
    let bus = Bus::new().await;
    let bounds = Bounds { bind_folders: vec![reach::OPEN.parse().expect("a folder")], ..Bounds::default() };
    let _worker = bus.enforcing_within(HOST, DOCK, bounds).await;
    let (user, other) = (unique("dana"), unique("web"));
    let dana = bus.known_user(&user, Role::User, &[]).await;
    let _scrub = Scrub::new(HOST, &other);
    let others = docker(HOST, &["create", "--name", &other, "--label", "deblox.owner=erik", "busybox"]);
    let network = docker(HOST, &["network", "inspect", "-f", "{{.Id}}", "host"]);
    let _volumes = ["vol1", "v2"].map(|volume| Undo::with(&["volume", "rm", volume]));
    let name = unique("body");
    let _scrub_own = Scrub::new(HOST, &name);
    let (mut made, mut refused) = (0, 0);
    for body in bodies() {
        let text = body.to_string();
        let text = text.replace("ann-web", &other).replace("<ID-OF-SOMEBODY-ELSES-CONTAINER>", &others);
        let text = text.replace("<ID-OF-NETWORK-HOST>", &network).replace("<ID-OF-NETWO", &network[..12]);
        let mut body: Value =
            serde_json::from_str(&text.replace("\"<ID-\"", &format!("{:?}", &network[..4]))).expect("JSON");
        body["Image"] = json!("busybox");
        let create = json!({"action": "create-raw-container", "name": name, "body": body, "dock": DOCK});
        let reply = bus.call_as(&dana, create).await;
        if reply["statusCode"] != 201 {
            // Whatever it is, it is no fault of deblox's, and nothing is left.
            assert!((400..=502).contains(&reply["statusCode"].as_u64().expect("a status")), "{text}: {reply}");
            assert!(!matches!(reply["error"].as_str(), Some("internal" | "poison")), "{text}: {reply}");
            refused += 1;
            continue;
        }
        made += 1;
        let id = reply["Id"].as_str().expect("an id");
        let seen: Value = serde_json::from_str(&docker(HOST, &["container", "inspect", id])).expect("JSON");
        let (host, config) = (&seen[0]["HostConfig"], &seen[0]["Config"]);
        harmless(host, &text, &network);
        assert_eq!(config["Labels"]["deblox.owner"], user.as_str(), "{text}");
        try_docker(HOST, &["rm", "-fv", id]);
    }
    assert!(made > 10 && refused > 500, "{made} made, {refused} refused");
}

/// What the daemon says of the host's side of a container that a user has made.
fn harmless(host: &Value, text: &str, network_of_host: &str) {
    for (field, allowed) in [
        ("Privileged", vec![json!(false)]),
        ("PidMode", vec![json!(""), json!("private")]),
        ("UTSMode", vec![json!(""), json!("private")]),
        ("UsernsMode", vec![json!(""), json!("private")]),
        ("CgroupnsMode", vec![json!(""), json!("host"), json!("private")]),
        ("IpcMode", vec![json!("private"), json!("shareable"), json!("none")]),
        ("Cgroup", vec![json!("")]),
        ("CgroupParent", vec![json!("")]),
        ("VolumesFrom", vec![Value::Null, json!([])]),
        ("Links", vec![Value::Null, json!([])]),
        ("Devices", vec![Value::Null, json!([])]),
        ("DeviceRequests", vec![Value::Null, json!([])]),
        ("DeviceCgroupRules", vec![Value::Null, json!([])]),
        ("OomKillDisable", vec![Value::Null, json!(false)]),
        ("ContainerIDFile", vec![json!("")]),
    ] {
        // Where cgroups are of version 1, a container is in the host's namespace of them unless it asks for its own.
        assert!(allowed.contains(&host[field]), "{text}: {field} is {}", host[field]);
    }
    let mode = host["NetworkMode"].as_str().unwrap_or_default();
    assert!(
        mode != "host" && !mode.contains(':') && (mode.is_empty() || !network_of_host.starts_with(mode)),
        "{text}: {mode}"
    );
    assert!(
        host["PidsLimit"].as_u64().is_some_and(|pids| (1..=PIDS_LIMIT).contains(&pids)),
        "{text}: {}",
        host["PidsLimit"]
    );
    for bind in host["Binds"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(!bind.starts_with('/') || bind.starts_with(&format!("{}:", reach::OPEN)), "{text}: {bind}");
    }
    let sysctls = host["Sysctls"].as_object().is_none_or(serde_json::Map::is_empty);
    assert!(sysctls && host["OomScoreAdj"].as_i64().unwrap_or_default() >= 0, "{text}");
    let masked = host["MaskedPaths"].as_array().map_or(0, Vec::len);
    assert!(masked > 5, "{text}: {masked} masked paths");
}
