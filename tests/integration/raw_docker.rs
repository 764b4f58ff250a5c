//! The action `docker`: any call to the daemon's API, and only to that.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST, create, dock, merge};
use crate::more_actions::{Undo, exists, known};
use crate::support::{Bus, Scrub, daemon_body, docker, refused, succeeded, unique};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_get_answers_as_the_daemon_does_with_and_without_a_version_and_a_query() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({})).await;
    let filters = json!({"id": [id]}).to_string();
    let list = json!({"path": "/v1.41/containers/json", "query": {"all": "true", "filters": filters}, "method": "GET"});
    let reply = raw(&bus, list).await;
    succeeded(&reply, 200);
    assert_eq!((&reply["Response"]["Body"][0]["Id"], &reply["dockerInstance"]), (&json!(id), &json!(DOCK)), "{reply}");
    assert_eq!(reply["Response"]["Body"].as_array().map(Vec::len), Some(1), "{reply}");
    let version = raw(&bus, json!({"path": "/version"})).await;
    let told: Value = serde_json::from_str(&daemon_body(HOST, "/version")).expect("JSON");
    assert_eq!(version["Response"]["Body"], told);
    let ping = raw(&bus, json!({"path": "/_ping"})).await;
    assert_eq!((&ping["Response"]["Body"], &ping["Content-Type"]), (&json!("OK"), &json!("text/plain; charset=utf-8")));
    let head = raw(&bus, json!({"method": "HEAD", "path": "/_ping"})).await;
    succeeded(&head, 200);
    assert_eq!(head["Response"], "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_sends_its_body_and_a_delete_removes() {
    let (bus, _worker) = dock().await;
    let name = unique("posted");
    let _scrub = Scrub::new(HOST, &name);
    let create = json!({"method": "POST", "path": "/containers/create", "query": [format!("name={name}")],
        "body": {"Image": "busybox", "Cmd": ["true"], "Labels": {"team": "x"}}});
    let reply = raw(&bus, create).await;
    succeeded(&reply, 201);
    let made = known("container", &name);
    assert_eq!((&made["Id"], &made["Config"]["Labels"]), (&reply["Response"]["Body"]["Id"], &json!({"team": "x"})));
    succeeded(&raw(&bus, json!({"method": "DELETE", "path": format!("/containers/{name}")})).await, 204);
    assert!(!exists("container", &name));
    let gone = raw(&bus, json!({"path": format!("/containers/{name}/json")})).await;
    refused(&gone, 404, "docker-error", &[&name]);
    assert_eq!(gone["Response"]["Body"]["message"], format!("No such container: {name}"), "the daemon's own words");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archives_travel_as_base64_both_ways() {
    let (bus, _worker) = dock().await;
    let (from, _scrub) = create(&bus, json!({"start": true})).await;
    let (to, _scrub) = create(&bus, json!({"start": true})).await;
    docker(HOST, &["exec", &from, "sh", "-c", "printf readable > /a; printf '\\377\\000' > /b"]);
    let archive = |id: &str| format!("/containers/{id}/archive");
    // An archive is bytes, whether or not they happen to be text.
    for (path, content) in [("/a", "72656164"), ("/b", "ff00"), ("/etc", "")] {
        let get = raw(&bus, json!({"path": archive(&from), "query": {"path": path}})).await;
        succeeded(&get, 200);
        assert_eq!(
            (&get["Content-Type"], &get["Response"]["Encoding"]),
            (&json!("application/x-tar"), &json!("base64"))
        );
        let body = get["Response"]["Body"].as_str().expect("text");
        let bytes = BASE64_STANDARD.decode(body).expect("base64");
        assert_eq!((&bytes[257..262], &get["Content-Length"]), (&b"ustar"[..], &json!(bytes.len().to_string())));
        let put = json!({"method": "PUT", "path": archive(&to), "query": {"path": "/tmp"}, "body-base64": body,
            "headers": {"Content-Type": "application/x-tar"}});
        succeeded(&raw(&bus, put).await, 200);
        let moved =
            docker(HOST, &["exec", &to, "sh", "-c", &format!("cat /tmp{path} 2>&1 | hexdump -e '/1 \"%02x\"'")]);
        assert!(moved.starts_with(content), "{path}: {moved}");
    }
    assert!(docker(HOST, &["exec", &to, "ls", "/tmp/etc"]).contains("passwd"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_plain_paths_of_the_api_are_taken() {
    let (bus, _worker) = dock().await;
    for path in [
        "containers/json",
        "/",
        "//etc",
        "/containers/../info",
        "/containers/%2e%2e/info",
        "/containers//json",
        "/containers/json/",
        "/containers/json?all=1",
        "/containers/json%3fall=1",
        "/containers/json#x",
        "/containers/a%252e/json",
        "/a%0d%0aHost:x",
        "/a\\b",
        "/v1.41",
        "http://example.invalid/info",
        "/%ff",
    ] {
        refused(&raw(&bus, json!({"path": path})).await, 400, "bad-field", &["`path`"]);
    }
    // What is escaped stays one part: this is an image's name, and not another path.
    let image = raw(&bus, json!({"path": "/images/nowhere%2Fnone/json"})).await;
    refused(&image, 404, "no-such-image", &["nowhere/none"]);
    let nothing = raw(&bus, json!({"path": "/no/such/endpoint"})).await;
    refused(&nothing, 404, "docker-error", &["page not found"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_streams_is_refused_and_says_what_to_do() {
    let (bus, _worker) = dock().await;
    let (id, _scrub) = create(&bus, json!({"start": true, "cmd": ["sh", "-c", "echo said; sleep 600"]})).await;
    let of = |what: &str| format!("/containers/{id}/{what}");
    for (request, hint) in [
        (json!({"path": of("stats")}), "`stream`"),
        (json!({"path": of("stats"), "query": {"stream": "1"}}), "`stream`"),
        (json!({"path": of("logs"), "query": {"stdout": "1", "follow": "true"}}), "`follow`"),
        (json!({"method": "POST", "path": of("attach")}), "`stream`"),
        (json!({"path": of("attach/ws")}), "connection"),
        (json!({"path": "/events"}), "`until`"),
        (json!({"method": "POST", "path": "/exec/0123/start", "body": {"Detach": false}}), "exec-container"),
        (json!({"method": "POST", "path": "/v1.41/build"}), "`upload`"),
        (json!({"method": "POST", "path": "/session"}), "connection"),
    ] {
        refused(&raw(&bus, request).await, 501, "streams", &[hint]);
    }
    let stats = raw(&bus, json!({"path": of("stats"), "query": {"stream": "false"}})).await;
    succeeded(&stats, 200);
    let events = raw(&bus, json!({"path": "/events", "query": {"since": "0", "until": "1"}})).await;
    succeeded(&events, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_methods_and_bodies_that_do_not_belong_are_refused() {
    let (bus, _worker) = dock().await;
    let name = unique("volume");
    let _undo = Undo::with(&["volume", "rm", &name]);
    let body = json!({"Name": name});
    for (fields, field) in [
        (json!({"headers": {"Host": "elsewhere"}}), "`headers`"),
        (json!({"headers": {"Authorization": "Basic eA=="}}), "`headers`"),
        (json!({"headers": {"Upgrade": "tcp"}}), "`headers`"),
        (json!({"headers": {"Content-Type": "text/plain\r\nHost: x"}}), "`headers`"),
        (json!({"method": "CONNECT"}), "`method`"),
        (json!({"method": "post"}), "`method`"),
        (json!({"body-base64": "e30="}), "`body-base64`"),
        (json!({"body": []}), "`body`"),
        (json!({"query": {"all": true}}), "`query`"),
    ] {
        let mut request = json!({"method": "POST", "path": "/volumes/create", "body": body});
        merge(&mut request, fields);
        refused(&raw(&bus, request).await, 400, "bad-field", &[field]);
    }
    let coded = json!({"method": "POST", "path": "/volumes/create", "body-base64": "not base64"});
    refused(&raw(&bus, coded).await, 400, "bad-field", &["`body-base64`"]);
    refused(&raw(&bus, json!({})).await, 400, "missing-field", &["`path`"]);
    assert!(!exists("volume", &name));
    let allowed =
        json!({"method": "POST", "path": "/volumes/create", "body": body, "headers": {"X-Registry-Auth": "e30="}});
    succeeded(&raw(&bus, allowed).await, 201);
    assert!(exists("volume", &name));
}

/// Asks for a call to the API of this dock's daemon.
async fn raw(bus: &Bus, fields: Value) -> Value {
    let mut request = json!({"action": "docker", "dock": DOCK});
    merge(&mut request, fields);
    bus.call(request).await
}
