//! What is oversized: it is refused where deblox makes it, and where others have made it, it takes no list with it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use deblox::protocol::Role;
use serde_json::{Value, json};

use crate::support::{Bus, docker_host, quiet_hosts, refused, succeeded, try_docker, unique, until};

const HOST: usize = 4;
const DOCK: &str = "large.test";

/// Asks the daemon itself, as whoever has its socket may; returns the JSON of its answer.
fn daemon(path: &str, body: &Value) -> Value {
    let address = docker_host(HOST);
    let mut socket = UnixStream::connect(address.trim_start_matches("unix://")).expect("the daemon listens");
    let body = body.to_string();
    let head =
        format!("POST {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(body.as_bytes())).expect("the daemon reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("the daemon answers in text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.contains(" 201 "), "{answer}");
    serde_json::from_str(body).expect("JSON")
}

/// Removes everything of that prefix.
struct Clear(String);

impl Drop for Clear {
    fn drop(&mut self) {
        for number in 0..14 {
            let name = format!("{}-{number}", self.0);
            try_docker(HOST, &["rm", "-fv", &name]);
            try_docker(HOST, &["network", "rm", &name]);
            try_docker(HOST, &["volume", "rm", "-f", &name]);
        }
    }
}

fn row<'a>(rows: &'a [Value], name: &str) -> &'a Value {
    let is_it = |row: &&Value| row["Names"][0] == format!("/{name}") || row["Name"] == name || row["name"] == name;
    rows.iter().find(is_it).unwrap_or_else(|| panic!("{name} is not listed among {}", rows.len()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_made_too_large_takes_no_list_with_it() {
    let _quiet = quiet_hosts().await;
    let prefix = unique("large");
    let _clear = Clear(prefix.clone());
    let name = |number: usize| format!("{prefix}-{number}");
    let large = |bytes: usize| json!({"large": "x".repeat(bytes), "small": "y"});
    for number in 0..11 {
        let create = json!({"Image": "busybox", "Labels": large(900_000), "Cmd": ["sleep", "600"]});
        daemon(&format!("/containers/create?name={}", name(number)), &create);
        if number < 10 {
            daemon("/networks/create", &json!({"Name": name(number), "Labels": large(900_000)}));
            daemon("/volumes/create", &json!({"Name": name(number), "Labels": large(900_000)}));
        }
    }
    let create = json!({"Image": "busybox", "Labels": large(12_000_000), "Cmd": ["x".repeat(100_000)]});
    daemon(&format!("/containers/create?name={}", name(11)), &create);

    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let (bob, root) = (bus.known_user("bob", Role::User, &[]).await, bus.known_user("root", Role::Admin, &[]).await);
    let create = json!({"action": "create-container", "image": "busybox", "name": name(12), "dock": DOCK,
        "labels": {"team": "z"}});
    succeeded(&bus.call_as(&bob, create).await, 201);

    // One dock, as its daemon lists it.
    let list = json!({"action": "list-containers", "dock": DOCK});
    let seen = bus.call_as(&bob, list.clone()).await;
    succeeded(&seen, 200);
    let rows = seen["Response"]["Body"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{seen}");
    assert_eq!((&rows[0]["Clipped"], &rows[0]["Labels"]["team"]), (&Value::Null, &json!("z")));
    let all = bus.call_as(&root, list).await;
    succeeded(&all, 200);
    let rows = all["Response"]["Body"].as_array().expect("rows");
    assert_eq!(rows.len(), 13);
    for number in 0..11 {
        let row = row(rows, &name(number));
        assert_eq!((&row["Clipped"], &row["Labels"]["small"]), (&json!(["Labels"]), &json!("y")));
    }
    assert_eq!(row(rows, &name(11))["Clipped"], json!(["Command", "Labels"]));

    // The cluster, by the shared records; a user is shown its own there too.
    for (who, shown) in [(&bob, 1), (&root, 13)] {
        let rows = until("they are in the records", async || {
            let reply = bus.call_as(who, json!({"action": "list-containers", "all": true})).await;
            succeeded(&reply, 200);
            let rows = reply["Response"]["Body"]["containers"].as_array().expect("rows").clone();
            (rows.len() >= shown).then_some(rows)
        })
        .await;
        assert_eq!(rows.len(), shown);
        for number in (0..12).filter(|_| shown > 1) {
            assert!(row(&rows, &name(number))["clipped"].as_array().is_some_and(|all| all.contains(&json!("labels"))));
        }
    }
    for kind in ["networks", "volumes"] {
        let listed = bus.call_as(&root, json!({"action": format!("list-{kind}"), "dock": DOCK})).await;
        succeeded(&listed, 200);
        let body = &listed["Response"]["Body"];
        let rows = body.as_array().or_else(|| body["Volumes"].as_array()).expect("rows");
        assert_eq!(row(rows, &name(3))["Clipped"], json!(["Labels"]), "{kind}");
        let records = until(&format!("the {kind} are in the records"), async || {
            let reply = bus.call_as(&root, json!({"action": format!("list-{kind}"), "all": true})).await;
            let rows = reply["Response"]["Body"][kind].as_array().cloned().unwrap_or_default();
            (rows.len() >= 10).then_some(rows)
        })
        .await;
        assert_eq!(row(&records, &name(3))["clipped"], json!(["labels"]), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_made_that_is_too_large_for_lists() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "small.test").await;
    let many: serde_json::Map<String, Value> = (0..257).map(|number| (format!("l{number}"), json!(""))).collect();
    let name = unique("refused");
    for (labels, named) in [
        (json!({"a": "x".repeat(4097)}), "`a` has 4097"),
        (json!({"x".repeat(257): ""}), "names of at most 256"),
        (Value::Object(many), "at most 256 labels"),
        (
            json!({"a": "x".repeat(4000), "b": "x".repeat(4000), "c": "x".repeat(4000), "d": "x".repeat(4000), "e": "x".repeat(4000)}),
            "all together",
        ),
    ] {
        for mut request in [
            json!({"action": "create-container", "image": "busybox", "labels": labels}),
            json!({"action": "create-raw-container", "body": {"Image": "busybox", "Labels": labels}}),
            json!({"action": "create-network", "dock": "small.test", "labels": labels}),
            json!({"action": "create-volume", "dock": "small.test", "labels": labels}),
        ] {
            request["name"] = json!(name);
            refused(&bus.call(request).await, 400, "bad-field", &["labels", named]);
        }
        let template = json!({"action": "put-template", "name": name, "body": {"Image": "busybox", "Labels": labels}});
        bus.call(template).await;
        let create = json!({"action": "create-container", "template": name});
        refused(&bus.call(create).await, 400, "bad-field", &["labels", named]);
    }
    let long = "x".repeat(300_000);
    for request in [
        json!({"action": "create-container", "image": "busybox", "cmd": ["echo", long]}),
        json!({"action": "create-container", "image": "busybox", "env": {"A": long}}),
        json!({"action": "create-raw-container", "body": {"Image": "busybox", "Env": [format!("A={long}")]}}),
    ] {
        refused(&bus.call(request).await, 400, "bad-field", &["262144"]);
    }
}
