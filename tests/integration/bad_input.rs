//! Whatever is sent, it is answered, nothing is left behind and the worker goes on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use deblox::protocol::limits::REQUEST_BYTES;
use serde_json::{Value, json};

use crate::support::{Bus, Scrub, Worker, docker, port, refused, succeeded, try_docker, unique, until};

/// The host of all tests here, and the dock that stands for it.
const HOST: usize = 3;
const DOCK: &str = "input.test";

/// An image that can exist nowhere: the domain `invalid` is reserved (RFC 2606).
const NO_IMAGE: &str = "deblox.invalid/none:1";

/// What is sent, with the status and the code of the reply and what its message must name.
type Case<'a, T = &'a str> = (T, u16, &'a str, &'a [&'a str]);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_that_is_no_request_is_answered_under_the_entrys_id() {
    let (bus, _worker) = dock().await;
    let nested = "[".repeat(100_000);
    let long = json!({"action": "ping", "requestId": "x".repeat(129)}).to_string();
    let cases: &[Case] = &[
        ("", 400, "bad-json", &["not valid JSON"]),
        ("{", 400, "bad-json", &["not valid JSON"]),
        (r#"{"action":"ping"} {}"#, 400, "bad-json", &["not valid JSON"]),
        (r"{'action':'ping'}", 400, "bad-json", &["line 1 column 2"]),
        (&nested, 400, "bad-json", &["not valid JSON"]),
        (r#"["action","ping"]"#, 400, "not-an-object", &["JSON object"]),
        (r#""ping""#, 400, "not-an-object", &["JSON object"]),
        ("null", 400, "not-an-object", &["JSON object"]),
        ("{}", 400, "missing-action", &["`action`"]),
        (r#"{"Action":"ping"}"#, 400, "missing-action", &["`action`"]),
        (r#"{"action":null}"#, 400, "bad-field", &["`action`"]),
        (r#"{"action":["ping"]}"#, 400, "bad-field", &["`action`"]),
        (r#"{"action":"ping","requestId":"../docks"}"#, 400, "bad-request-id", &["`requestId`", "A-Z"]),
        (r#"{"action":"ping","requestId":""}"#, 400, "bad-request-id", &["`requestId`"]),
        (r#"{"action":"ping","requestId":7}"#, 400, "bad-request-id", &["`requestId`", "text"]),
        (&long, 400, "bad-request-id", &["`requestId`", "128"]),
    ];
    all_refused(&bus, cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_and_mistyped_names_are_told_the_nearest() {
    let (bus, _worker) = dock().await;
    let cases: &[Case] = &[
        (r#"{"action":"creat-container"}"#, 404, "unknown-action", &["`creat-container`", "`create-container`?"]),
        (r#"{"action":"PING"}"#, 404, "unknown-action", &["no such action is supported", "`PING`"]),
        (r#"{"action":""}"#, 404, "unknown-action", &["no such action is supported"]),
        (r#"{"action":"create-container","imag":"x"}"#, 400, "unknown-field", &["`imag`", "`image`?"]),
        (r#"{"action":"ping","timout":5}"#, 400, "unknown-field", &["`timout`", "`timeout`?"]),
        (r#"{"action":"list-images","zzz":1}"#, 400, "unknown-field", &["`zzz`", "filters"]),
        (r#"{"action":"list-docks","id":"x"}"#, 400, "unknown-field", &["`id`", "`list-docks`"]),
    ];
    all_refused(&bus, cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_and_mistyped_fields_are_named() {
    let (bus, _worker) = dock().await;
    let create = |field: &str| format!(r#"{{"action":"create-container","image":"busybox",{field}}}"#);
    let cases: &[Case] = &[
        (r#"{"action":"create-container"}"#, 400, "missing-field", &["`image`"]),
        (r#"{"action":"register"}"#, 400, "missing-field", &["`hostname`"]),
        (r#"{"action":"stop-container"}"#, 400, "missing-field", &["`id`"]),
        (r#"{"action":"create-container","image":7}"#, 400, "bad-field", &["`image`", "name:tag"]),
        (r#"{"action":"create-container","image":""}"#, 400, "bad-field", &["`image`"]),
        (r#"{"action":"register","hostname":"a/b"}"#, 400, "bad-field", &["`hostname`"]),
        (r#"{"action":"ping","timeout":0}"#, 400, "bad-field", &["`timeout`", "milliseconds"]),
        (r#"{"action":"ping","timeout":"soon"}"#, 400, "bad-field", &["`timeout`"]),
        (r#"{"action":"ping","dock":"a b"}"#, 400, "bad-field", &["`dock`"]),
        (r#"{"action":"ping","session":1}"#, 400, "bad-field", &["`session`"]),
        (r#"{"action":"kill-container","id":["a"]}"#, 400, "bad-field", &["`id`", "text"]),
        (r#"{"action":"stop-container","id":"a","time":-1}"#, 400, "bad-field", &["`time`"]),
        (r#"{"action":"list-containers","limit":1000000}"#, 400, "bad-field", &["`limit`", "10000"]),
        (&create(r#""name":"a\u0000b""#), 400, "bad-field", &["`name`"]),
        (&create(r#""env":"A=b""#), 400, "bad-field", &["`env`", "list"]),
        (&create(r#""start":"yes""#), 400, "bad-field", &["`start`", "true or false"]),
        (&create(r#""pull":"often""#), 400, "bad-field", &["`pull`", "missing, always, never"]),
        (&create(r#""ports":["http"]"#), 400, "bad-field", &["`ports`", "`http`"]),
        (&create(r#""volumes":["data"]"#), 400, "bad-field", &["`volumes`", "`data`"]),
        (&create(r#""memory":"much""#), 400, "bad-field", &["`memory`", "512m"]),
        (&create(r#""restart":"sometimes""#), 400, "bad-field", &["`restart`", "on-failure"]),
        (&create(r#""labels":{"deblox.owner":"me"}"#), 400, "bad-field", &["`labels`", "deblox."]),
        (&create(r#""cmd":"a","command":"b""#), 400, "bad-field", &["two names"]),
        (&create(r#""healthcheck":{"cmd":true}"#), 400, "bad-field", &["`healthcheck`", "`cmd`"]),
        (&create(r#""name":"no spaces""#), 400, "docker-error", &["no spaces"]),
    ];
    all_refused(&bus, cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_in_no_known_form_are_answered() {
    let (bus, _worker) = dock().await;
    let spaces = " ".repeat(REQUEST_BYTES);
    let cases: &[Case<&[&[u8]]>] = &[
        (&[b"json", b"\xff\xfe"], 400, "bad-json", &["`json`", "UTF-8"]),
        (&[b"action", b"ping", b"\xc3\x28", b"x"], 400, "bad-json", &["UTF-8"]),
        (&[b"image", b"busybox"], 400, "missing-action", &["`json`", "`action`"]),
        (&[b"", b""], 400, "missing-action", &["`json`", "`action`"]),
        (&[b"action", b"ping", b"action", b"ping"], 400, "bad-field", &["`action`", "twice"]),
        (&[b"action", b"list-containers", b"limit", b"many"], 400, "bad-field", &["`limit`", "10000"]),
        (&[b"json", br#"{"action":"ping"}"#, b"image", b"x"], 400, "unknown-field", &["`image`"]),
        (&[b"json", br#"{"action":"ping"}"#, b"deadline", b"now"], 400, "bad-field", &["`deadline`"]),
        (&[b"json", spaces.as_bytes()], 413, "payload-too-large", &["1048576"]),
        (&[b"action", b"ping", b"pad", spaces.as_bytes()], 413, "payload-too-large", &["1048576"]),
    ];
    for (fields, status, code, named) in cases {
        for stream in ["docker", &format!("docker.{DOCK}")] {
            let id = bus.send_bytes(stream, fields).await;
            refused(&bus.reply(&id).await, *status, code, named);
        }
    }
    // The largest that is taken: 1 MiB with the name of its field.
    let ping = r#"{"action":"ping"}"#;
    let padded = format!("{ping}{}", &spaces[..REQUEST_BYTES - "json".len() - ping.len()]);
    succeeded(&bus.reply(&bus.send(&["json", &padded]).await).await, 200);
    in_order(&bus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docks_and_instances_that_nobody_knows_are_named() {
    let (bus, _worker) = dock().await;
    for action in ["ping", "list-docks", "list-images", "list-containers"] {
        let reply = bus.call(json!({"action": action, "dock": "nowhere.test"})).await;
        refused(&reply, 404, "unknown-dock", &["`nowhere.test`", "list-docks"]);
    }
    let create = json!({"action": "create-container", "image": "busybox", "dock": "nowhere.test"});
    refused(&bus.call(create).await, 404, "unknown-dock", &["`nowhere.test`"]);
    let unregister = json!({"action": "unregister", "hostname": "nowhere.test"});
    refused(&bus.call(unregister).await, 404, "unknown-dock", &["`nowhere.test`"]);

    let nobody = unique("nobody");
    for action in ["inspect", "start", "stop", "restart", "kill", "delete", "remove"] {
        let request = json!({"action": format!("{action}-container"), "id": nobody});
        refused(&bus.call(request.clone()).await, 404, "no-such-instance", &[&nobody]);
        refused(&bus.call_dock(DOCK, request).await, 404, "no-such-instance", &[&nobody]);
    }
    let logs = bus.call(json!({"action": "container-logs", "id": nobody})).await;
    refused(&logs, 404, "no-such-instance", &[&nobody]);
    in_order(&bus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_or_image_never_leads_to_another_address_of_the_daemon() {
    let (bus, _worker) = dock().await;
    let ids = [
        "../../images/json",
        "..",
        ".",
        "-",
        "foo/json?x=",
        "foo?all=1",
        "foo#",
        "%2e%2e",
        "%2e%2e%2fimages%2fjson",
        "foo/../bar",
        "foo\\..",
        "foo bar",
        "foo\r\nHost: x",
        "\u{1f980}",
        "",
    ];
    for id in ids {
        for action in ["inspect-container", "start-container", "delete-container", "container-logs"] {
            let request = json!({"action": action, "id": id});
            refused(&bus.call(request.clone()).await, 400, "bad-field", &["`id`"]);
            refused(&bus.call_dock(DOCK, request).await, 400, "bad-field", &["`id`"]);
        }
    }
    let images = ["../containers/json", "..", "busybox/../..", "a//b", "/busybox", "busybox/", "busybox/."];
    for image in images {
        for action in ["inspect-image", "create-container", "pull-image"] {
            let reply = bus.call(json!({"action": action, "image": image})).await;
            refused(&reply, 400, "bad-field", &["`image`"]);
        }
    }
    for image in ["busybox/json?x=", "busybox?all=1", "busybox#", "%2e%2e", "busy box", "busybox/json"] {
        let reply = bus.call(json!({"action": "inspect-image", "image": image})).await;
        let status = reply["statusCode"].as_u64().expect("a status");
        assert!(status == 400 || status == 404, "{image}: {reply}");
        let message = reply["message"].as_str().expect("a message");
        assert!(
            ["invalid reference format", "`image`", image].iter().any(|part| message.contains(part)),
            "{image}: {message}"
        );
    }
    in_order(&bus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_sets_a_label_of_debloxs_own() {
    let (bus, _worker) = dock().await;
    let name = unique("labelled");
    let own = json!({"team": "x", "deblox.owner": "eve"});
    let docker = |path: &str, body: Value| json!({"action": "docker", "method": "POST", "path": path, "body": body});
    for (request, field) in [
        (json!({"action": "create-container", "image": "busybox", "name": name, "labels": own}), "`labels`"),
        (json!({"action": "create-container", "image": "busybox", "labels": ["deblox.request=1"]}), "`labels`"),
        (json!({"action": "create-raw-container", "body": {"Image": "busybox", "Labels": own}}), "`deblox.owner`"),
        (json!({"action": "create-volume", "name": name, "labels": own}), "`labels`"),
        (json!({"action": "create-network", "name": name, "labels": own}), "`labels`"),
        (json!({"action": "label-dock", "hostname": DOCK, "labels": own}), "`labels`"),
        (json!({"action": "build-image", "labels": own}), "`labels`"),
        (docker("/containers/create", json!({"Image": "busybox", "Labels": own})), "`body`"),
        (docker("/volumes/create", json!({"Name": name, "labels": own})), "`body`"),
    ] {
        let mut request = request;
        if request["action"] != "label-dock" && request["action"] != "create-container" {
            request["dock"] = json!(DOCK);
        }
        let reply = bus.call(request.clone()).await;
        refused(&reply, 400, "bad-field", &[field]);
    }
    in_order(&bus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_does_not_exist_is_named() {
    let (bus, _worker) = dock().await;
    let inspect = bus.call(json!({"action": "inspect-image", "image": NO_IMAGE})).await;
    refused(&inspect, 404, "no-such-image", &[NO_IMAGE]);
    let create = |pull: &str| json!({"action": "create-container", "image": NO_IMAGE, "pull": pull});
    refused(&bus.call(create("never")).await, 404, "no-such-image", &[NO_IMAGE]);
    let fetches = [create("missing"), create("always"), json!({"action": "pull-image", "image": NO_IMAGE})];
    for request in fetches {
        let reply = bus.call(request).await;
        let code = reply["error"].as_str().expect("a code");
        assert!(["no-such-image", "pull-failed"].contains(&code), "{reply}");
        assert!(reply["message"].as_str().is_some_and(|message| message.contains(NO_IMAGE)), "{reply}");
        assert!(reply["statusCode"].as_u64() >= Some(400), "{reply}");
    }
    in_order(&bus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_taken_is_a_conflict() {
    let (bus, _worker) = dock().await;
    let name = unique("taken");
    let _scrub = Scrub::new(HOST, &name);
    let first = bus.running(DOCK, &name).await;
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "start": true});
    let second = bus.call(create).await;
    refused(&second, 409, "conflict", &[&name, "already in use"]);
    assert_eq!(docker(HOST, &["inspect", "-f", "{{.Id}} {{.State.Status}}", &name]), format!("{first} running"));
    in_order(&bus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_a_conflict_and_leaves_nothing_behind() {
    let (bus, _worker) = dock().await;
    let (first, second) = (unique("port"), unique("port"));
    let _scrub = (Scrub::new(HOST, &first), Scrub::new(HOST, &second));
    let create = |name: &str, ports: Value| {
        json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name, "start": true,
            "ports": ports})
    };
    let ports = json!([format!("{}:80", port())]);
    succeeded(&bus.call(create(&first, ports.clone())).await, 201);
    let reply = bus.call(create(&second, ports)).await;
    assert_eq!(reply["error"], "conflict", "{reply}");
    assert!(reply["statusCode"].as_u64() >= Some(400) && reply["Id"].is_null(), "{reply}");
    let message = reply["message"].as_str().expect("a message");
    assert!(message.contains("was removed") && message.contains("port is already allocated"), "{message}");
    assert!(!try_docker(HOST, &["inspect", &second]).status.success(), "what failed is gone");
    succeeded(&bus.call(create(&second, json!([]))).await, 201);
    in_order(&bus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_id_again_gets_the_first_reply_and_has_no_second_effect() {
    let (bus, _worker) = dock().await;
    let (name, id) = (unique("once"), unique("request"));
    let _scrub = Scrub::new(HOST, &name);
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "requestId": id});
    let first = bus.call(create.clone()).await;
    succeeded(&first, 201);
    assert_eq!(first["requestId"], id);
    for stream in ["docker", &format!("docker.{DOCK}")] {
        bus.send_to(stream, &["json", &create.to_string()]).await;
        assert_eq!(bus.reply(&id).await, first);
    }
    // It is the id that counts, whatever else the request says.
    bus.send(&["action", "ping", "requestId", &id]).await;
    assert_eq!(bus.reply(&id).await, first);
    let made = docker(HOST, &["ps", "-aq", "--no-trunc", "--filter", &format!("label=deblox.request={id}")]);
    assert_eq!(made, first["Id"].as_str().expect("an id"));
    // An error is a reply like any other.
    let fault = json!({"action": "inspect-image", "image": NO_IMAGE, "requestId": unique("request")});
    let failed = bus.call(fault.clone()).await;
    refused(&failed, 404, "no-such-image", &[]);
    assert_eq!(bus.call(fault).await, failed);
    in_order(&bus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_id_while_the_first_still_runs_gets_its_reply_too() {
    let (bus, _worker) = dock().await;
    let (name, id) = (unique("once"), unique("request"));
    let _scrub = Scrub::new(HOST, &name);
    let instance = bus.running(DOCK, &name).await;
    // `sleep` does not hear SIGTERM, so this takes a second.
    let restart = json!({"action": "restart-container", "id": instance, "time": 1, "requestId": id}).to_string();
    for _ in 0..2 {
        bus.send(&["json", &restart]).await;
    }
    let (first, second) = (bus.reply_text(&id).await, bus.reply_text(&id).await);
    assert_eq!(first, second);
    succeeded(&serde_json::from_str(&first).expect("JSON"), 204);
    in_order(&bus).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64().to_string();
    let which = ["--since", "10m", "--until", &now, "--filter", &format!("container={instance}")];
    let events = docker(HOST, &[&["events", "--format", "{{.Status}}"], which.as_slice()].concat());
    assert_eq!(events.lines().filter(|status| *status == "restart").count(), 1, "{events}");
    assert!(bus.reply_within(&id, Duration::from_millis(10)).await.is_none(), "two requests, two replies");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_past_its_deadline_for_a_worker_is_answered_and_not_done() {
    let bus = Bus::new().await;
    let name = unique("late");
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "timeout": 1});
    let id = bus.send(&["json", &create.to_string()]).await;
    let sent: u64 = id.split('-').next().and_then(|millis| millis.parse().ok()).expect("an entry's id");
    until("its time is up", async || {
        let (seconds, micros): (u64, u64) = bus.redis(&["TIME"]).await;
        (seconds * 1000 + micros / 1000 > sent + 1).then_some(())
    })
    .await;
    let _worker = bus.worker(HOST, DOCK).await;
    let reply = bus.reply(&id).await;
    refused(&reply, 408, "expired", &["not executed"]);
    in_order(&bus).await;
    assert!(!try_docker(HOST, &["inspect", &name]).status.success(), "nothing was created");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_past_its_deadline_behind_other_work_is_answered_and_not_done() {
    let bus = Bus::new().await;
    let _worker = bus.worker_with(HOST, DOCK, |options| options.concurrency = 1).await;
    let (name, late) = (unique("busy"), unique("late"));
    let _scrub = Scrub::new(HOST, &name);
    let instance = bus.running(DOCK, &name).await;
    let stop = bus.send(&["json", &json!({"action": "stop-container", "id": instance, "time": 1}).to_string()]).await;
    let create = json!({"action": "create-container", "image": "busybox", "name": late, "timeout": 100});
    refused(&bus.call(create).await, 408, "expired", &["not executed"]);
    succeeded(&bus.reply(&stop).await, 204);
    in_order(&bus).await;
    assert!(!try_docker(HOST, &["inspect", &late]).status.success(), "nothing was created");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_answered_goes_to_the_dead_with_the_reason() {
    let (bus, _worker) = dock().await;
    let name = unique("unanswerable");
    let create = |id: &str| json!({"action": "create-container", "image": "busybox", "name": name, "requestId": id});
    let cases = [
        ("reply", create("r1").to_string(), "r1", "its reply key"),
        ("request", create("r2").to_string(), "r2", "its request key"),
        ("reply", json!({"action": "bogus", "requestId": "r3"}).to_string(), "r3", "unknown-action"),
    ];
    for (kind, request, id, reason) in cases {
        let key = bus.key(&format!("{kind}.{id}"));
        let _: () = bus.redis(&["SET", &key, "something else"]).await;
        let entry = bus.send(&["json", &request]).await;
        let dead = until("it is with the dead", async || {
            type Entry = (String, Vec<(String, String)>);
            let dead: Vec<Entry> = bus.redis(&["XRANGE", &bus.key("dead"), "-", "+"]).await;
            dead.into_iter().map(|(_, fields)| fields).find(|fields| fields.contains(&("entry".into(), entry.clone())))
        })
        .await;
        let field = |name: &str| dead.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
        assert_eq!(field("stream"), Some(bus.key("docker").as_str()), "{dead:?}");
        assert!(field("reason").is_some_and(|text| text.contains(reason)), "{dead:?}");
        assert_eq!(bus.redis::<String>(&["GET", &key]).await, "something else");
        in_order(&bus).await;
    }
    assert!(!try_docker(HOST, &["inspect", &name]).status.success(), "nothing was created");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let (bus, _worker) = dock().await;
    let name = unique("talker");
    let _scrub = Scrub::new(HOST, &name);
    let talk = "yes $(head -c 1000 /dev/zero | tr '\\0' x) | head -n 10000";
    let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sh", "-c", talk], "name": name,
        "start": true});
    succeeded(&bus.call(create).await, 201);
    docker(HOST, &["wait", &name]);
    let whole = bus.call(json!({"action": "container-logs", "id": name, "tail": 10_000})).await;
    refused(&whole, 502, "answer-too-large", &["8 MiB", "tail"]);
    let end = bus.call(json!({"action": "container-logs", "id": name, "tail": 5})).await;
    assert_eq!(end["Response"]["Body"].as_str().map(str::len), Some(5 * 1001), "{end}");
    in_order(&bus).await;
}

/// A namespace with one worker.
async fn dock() -> (Bus, Worker) {
    let bus = Bus::new().await;
    let worker = bus.worker(HOST, DOCK).await;
    (bus, worker)
}

/// Sends all cases at once, by the one stream and then by the other, and compares the replies.
async fn all_refused(bus: &Bus, cases: &[Case<'_>]) {
    for stream in ["docker", &format!("docker.{DOCK}")] {
        let mut sent = Vec::new();
        for case in cases {
            sent.push((case, bus.send_to(stream, &["json", case.0]).await));
        }
        for ((text, status, code, named), id) in sent {
            let reply = bus.reply(&id).await;
            assert_eq!(reply["requestId"], id, "{text}");
            refused(&reply, *status, code, named);
        }
    }
    in_order(bus).await;
}

/// The worker answers, nothing is left of what was sent, and there is nobody but it who could answer.
async fn in_order(bus: &Bus) {
    let reply = bus.call(json!({"action": "ping"})).await;
    assert_eq!((&reply["statusCode"], &reply["dockerInstance"]), (&json!(200), &json!(DOCK)), "{reply}");
    bus.settled().await;
}
