//! What a parameter of a request may reach: nothing of the host by the options of `ps`, no registry that is not open, no
//! other path of the daemon's API, and nothing that is not listed. The users are called as in no other test.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command};

use deblox::actions::Bounds;
use deblox::docker::{Docker, DockerError, DockerOptions, Method, RequestParts, Way};
use deblox::protocol::Role;
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST, merge};
use crate::more_actions::{Undo, exists};
use crate::pulls::streamed;
use crate::registry::Registry;
use crate::support::{Bus, Scrub, docker, refused, succeeded, unique};

/// Options of `ps` that show more than the container's own processes.
const LEAKING: [&str; 16] = [
    "e",
    "eww",
    "auxe",
    "auxeww",
    "axeww -o pid,args",
    "-ef e",
    "aux e",
    "-eo user=PID,args e",
    "-eo args,pid",
    "-eo lstart,pid,args",
    "-eo comm,pid",
    "-eo args",
    "-eo pid=,args",
    "-eo pid,environ",
    "-o pid,args -C sh",
    "--pid 1",
];

/// A process of the host with a secret in its environment and its arguments.
struct Neighbour(Child, String);

impl Neighbour {
    fn start() -> Self {
        let secret = unique("secret");
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600; true", &secret]).env("DEBLOX_TEST_SECRET", &secret);
        Self(command.spawn().expect("sh is there"), secret)
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A call of the daemon's own API.
fn raw(method: &str, path: &str, more: Value) -> Value {
    let mut request = json!({"action": "docker", "method": method, "path": path, "dock": DOCK});
    merge(&mut request, more);
    request
}

/// A running container of the caller's.
async fn running(bus: &Bus, token: &str, name: &str) -> String {
    let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name,
        "start": true, "dock": DOCK});
    let made = bus.call_as(token, create).await;
    succeeded(&made, 201);
    made["Id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_chooses_options_of_the_hosts_ps() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let neighbour = Neighbour::start();
    let name = unique("param");
    let _scrub = Scrub::new(HOST, &name);
    let paula = bus.known_user("paula", Role::User, &[]).await;
    running(&bus, &paula, &name).await;
    let path = format!("/containers/{name}/top");
    let top = |options: &str| {
        [
            json!({"action": "top-container", "id": name, "ps-args": options, "dock": DOCK}),
            raw("GET", &path, json!({"query": {"ps_args": options}})),
            raw("GET", &format!("/v1.41{path}"), json!({"query": [format!("ps_args={options}")]})),
        ]
    };
    let mut roles = vec![paula];
    for (user, role) in [("pavel", Role::Viewer), ("petra", Role::Operator), ("pablo", Role::Admin)] {
        roles.push(bus.known_user(user, role, &[]).await);
    }
    for token in &roles {
        for options in LEAKING {
            for request in top(options) {
                let reply = bus.call_as(token, request).await;
                refused(&reply, 400, "bad-field", &["`-ef`"]);
                assert!(!reply.to_string().contains(&neighbour.1), "{options}: {reply}");
            }
        }
        for (options, columns) in [("-ef", 8), ("aux", 11), ("-o pid,args", 2), ("-eo user:32,pid -o comm", 3)] {
            for request in top(options) {
                let reply = bus.call_as(token, request).await;
                succeeded(&reply, 200);
                let (titles, processes) =
                    (&reply["Response"]["Body"]["Titles"], &reply["Response"]["Body"]["Processes"]);
                assert_eq!(titles.as_array().map(Vec::len), Some(columns), "{options}: {reply}");
                assert_eq!(processes.as_array().map(Vec::len), Some(1), "{options}: {reply}");
                assert!(processes.to_string().contains("sleep"), "{options}: {reply}");
            }
        }
    }
    // Letter case and escapes make no other parameter of it.
    for query in [json!({"PS_ARGS": "auxe"}), json!({"Ps_Args": "e"})] {
        refused(
            &bus.call_as(&roles[3], raw("GET", &path, json!({"query": query}))).await,
            400,
            "bad-field",
            &["`-ef`"],
        );
        refused(&bus.call_as(&roles[0], raw("GET", &path, json!({"query": query}))).await, 403, "forbidden", &["_"]);
    }
    for query in [json!({"ps%5Fargs": "auxe"}), json!({"x&ps_args": "auxe"}), json!({"x;ps_args": "auxe"})] {
        let reply = bus.call_as(&roles[3], raw("GET", &path, json!({"query": query}))).await;
        succeeded(&reply, 200);
        assert!(!reply.to_string().contains(&neighbour.1), "{query}: {reply}");
        let reply = bus.call_as(&roles[1], raw("GET", &path, json!({"query": query}))).await;
        refused(&reply, 403, "forbidden", &["operators"]);
    }
    // Neither does the command.
    let as_paula = |command: &mut Command| {
        command.env("DEBLOX_TOKEN", &roles[0]);
    };
    let said = bus.deblox_with(&["top", &name, "auxe"], as_paula).await;
    assert!(said.code != 0 && said.err.contains("`-ef`") && said.out.is_empty(), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_is_asked_the_hosts_ps_gets_no_other_options_either() {
    let (bus, _worker) = crate::actions::dock().await;
    let (id, _scrub) = crate::actions::create(&bus, json!({"start": true})).await;
    for request in [
        json!({"action": "top-container", "id": id, "ps-args": "auxe"}),
        raw("GET", &format!("/containers/{id}/top"), json!({"query": {"ps_args": "auxe"}})),
    ] {
        refused(&bus.call(request).await, 400, "bad-field", &["`-ef`", "`aux`"]);
    }
    let flat = ["action", "top-container", "id", &id, "ps-args", "-eo args,pid"];
    let reply = bus.send(&flat).await;
    refused(&bus.reply(&reply).await, 400, "bad-field", &["`ps-args`", "white space"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_headers_and_bodies_that_are_not_listed_need_an_operator() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let paula = bus.known_user("paula", Role::User, &[]).await;
    let pavel = bus.known_user("pavel", Role::Viewer, &[]).await;
    let name = unique("param");
    let _scrub = Scrub::new(HOST, &name);
    running(&bus, &paula, &name).await;
    let of = |what: &str| format!("/containers/{name}/{what}");
    // "checkpoint=x" as a form, from which the daemon would take parameters.
    let form =
        json!({"body-base64": "Y2hlY2twb2ludD14", "headers": {"Content-Type": "application/x-www-form-urlencoded"}});
    for (method, path, more, named) in [
        ("POST", of("start"), json!({"query": {"checkpoint": "x", "checkpoint-dir": "/etc"}}), "checkpoint"),
        ("POST", of("start"), json!({"query": {"checkpoint-dir": "/etc"}}), "checkpoint-dir"),
        ("POST", of("start"), form.clone(), "body-base64"),
        ("POST", of("start"), json!({"body": {"Binds": ["/:/x"]}}), "body"),
        ("POST", of("stop"), json!({"query": {"T": "0"}}), "T"),
        ("POST", of("kill"), json!({"query": {"signal": "TERM", "invented": "1"}}), "invented"),
        ("POST", of("exec"), form, "Content-Type"),
        ("POST", of("wait"), json!({"body": {"Condition": "removed"}}), "body"),
        ("DELETE", format!("/containers/{name}"), json!({"query": {"link": "1"}}), "link"),
    ] {
        let reply = bus.call_as(&paula, raw(method, &path, more)).await;
        refused(&reply, 403, "forbidden", &[&format!("`{named}`"), "operators"]);
    }
    let auth = json!({"query": {"term": "busybox"}, "headers": {"X-Registry-Auth": "e30="}});
    for token in [&paula, &pavel] {
        let reply = bus.call_as(token, raw("GET", "/images/search", auth.clone())).await;
        refused(&reply, 403, "forbidden", &["`X-Registry-Auth`"]);
        let reply = bus.call_as(token, raw("GET", "/images/json", json!({"query": {"filter": "x"}}))).await;
        refused(&reply, 403, "forbidden", &["`filter`"]);
    }
    assert_eq!(docker(HOST, &["inspect", "-f", "{{.State.Running}}", &name]), "true");
    let twice = json!({"headers": {"Content-Type": "application/json", "content-type": "text/plain"}});
    refused(&bus.call_as(&paula, raw("POST", &of("stop"), twice)).await, 400, "bad-field", &["`headers`", "twice"]);
    for filter in ["before", "since", "invented"] {
        let list = json!({"action": "list-containers", "filters": {filter: name}, "dock": DOCK});
        refused(&bus.call_as(&paula, list).await, 403, "forbidden", &[&format!("`filters.{filter}`")]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_reaches_no_registry_for_users_that_is_not_open() {
    let bus = Bus::new().await;
    let worker = bus.enforcing(HOST, DOCK).await;
    let registry = Registry::start().await;
    let image = registry.image(HOST, &[]).moved_from(HOST);
    let address = registry.address.clone();
    let paula = bus.known_user("paula", Role::User, &[]).await;
    let pavel = bus.known_user("pavel", Role::Viewer, &[]).await;
    let petra = bus.known_user("petra", Role::Operator, &[]).await;
    let name = unique("param");
    let _scrub = Scrub::new(HOST, &name);
    let create = |pull: &str| json!({"action": "create-container", "image": image.name, "name": name, "pull": pull, "dock": DOCK});
    let pull = json!({"action": "pull-image", "image": image.name, "dock": DOCK});
    let mut upper = pull.clone();
    upper["image"] = json!("LOCALHOST:1/x");
    for request in [create("missing"), create("always"), pull.clone(), upper] {
        refused(&bus.call_as(&paula, request).await, 403, "forbidden", &["`image`", "--registries"]);
    }
    let mut stream = pull.clone();
    merge(&mut stream, json!({"stream": true, "token": paula}));
    let (messages, reply) = streamed(&bus, stream).await;
    refused(&reply, 403, "forbidden", &[&address]);
    assert!(messages.is_empty(), "{messages:?}");
    for token in [&paula, &pavel] {
        let term = format!("{address}/x");
        let search = json!({"action": "search-images", "term": term, "dock": DOCK});
        refused(&bus.call_as(token, search).await, 403, "forbidden", &["`term`", &address]);
        let search = raw("GET", "/images/search", json!({"query": {"term": term}}));
        refused(&bus.call_as(token, search).await, 403, "forbidden", &["`term`", &address]);
    }
    for (credentials, named) in [
        (json!({"username": "a", "password": "b", "serveraddress": "http://169.254.169.254/v2"}), "169.254.169.254"),
        (json!({"ServerAddress": address}), "credentials.serveraddress"),
        (json!({"invented": "x"}), "credentials.invented"),
    ] {
        let pull = json!({"action": "pull-image", "image": "busybox", "credentials": credentials, "dock": DOCK});
        refused(&bus.call_as(&paula, pull).await, 403, "forbidden", &[named]);
    }
    assert!(!image.is_on(HOST) && !exists("container", &name));

    // What operators name in a template is open by that, and what they fetched is in use.
    let template = json!({"action": "put-template", "name": "stocked", "body": {"Image": image.name}});
    succeeded(&bus.call_as(&petra, template).await, 201);
    let from = json!({"action": "create-container", "template": "stocked", "name": name, "dock": DOCK});
    succeeded(&bus.call_as(&paula, from).await, 201);
    succeeded(&bus.call_as(&paula, pull.clone()).await, 200);
    docker(HOST, &["rm", &name]);
    docker(HOST, &["rmi", &image.name]);
    refused(&bus.call_as(&paula, pull.clone()).await, 403, "forbidden", &[&address]);
    succeeded(&bus.call_as(&petra, pull.clone()).await, 200);
    docker(HOST, &["rmi", &image.name]);
    worker.stop().await;

    // What the worker was given is open.
    let registries = vec![address.parse().expect("a registry")];
    let _worker = bus.enforcing_within(HOST, DOCK, Bounds { registries, ..Bounds::default() }).await;
    succeeded(&bus.call_as(&paula, create("missing")).await, 201);
    assert!(image.is_on(HOST));
    docker(HOST, &["rm", &name]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_no_paths() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let paula = bus.known_user("paula", Role::User, &[]).await;
    let pablo = bus.known_user("pablo", Role::Admin, &[]).await;
    let name = unique("param");
    let _scrub = Scrub::new(HOST, &name);
    running(&bus, &paula, &name).await;
    for bad in ["../volumes", "..", ".", "a/b", "a%2fb", "a?b", "a#b", "a\\b", "a\nb", "../containers/x/start?"] {
        for token in [&paula, &pablo] {
            for (action, more, field) in [
                ("connect-network", json!({"id": name, "network": bad}), "`network`"),
                ("disconnect-network", json!({"id": name, "network": bad}), "`network`"),
                ("inspect-network", json!({"network": bad}), "`network`"),
                ("remove-network", json!({"network": bad, "dock": DOCK}), "`network`"),
                ("inspect-volume", json!({"volume": bad}), "`volume`"),
                ("remove-volume", json!({"volume": bad, "dock": DOCK}), "`volume`"),
                ("create-container", json!({"template": bad}), "`template`"),
            ] {
                let mut request = json!({"action": action});
                merge(&mut request, more);
                refused(&bus.call_as(token, request).await, 400, "bad-field", &[field]);
            }
        }
        if !matches!(bad, "a/b") {
            let inspect = json!({"action": "inspect-image", "image": bad});
            refused(&bus.call_as(&pablo, inspect).await, 400, "bad-field", &["`image`"]);
        }
        // What such a name would be looked up by is no path either.
        let other = unique("param");
        let create = json!({"action": "create-raw-container", "name": other, "dock": DOCK,
            "body": {"Image": "busybox", "NetworkingConfig": {"EndpointsConfig": {bad: {}}}}});
        refused(&bus.call_as(&paula, create).await, 400, "bad-field", &["network"]);
        assert!(!exists("container", &other));
    }
    let escaped = raw("GET", "/volumes/a%2Fb", json!({}));
    refused(&bus.call_as(&pablo, escaped).await, 400, "bad-field", &["`path`"]);
}

/// A daemon that answers its version, 304 to what ends in `/start`, and a redirect to all else.
fn redirecting(path: &std::path::Path) {
    let listener = UnixListener::bind(path).expect("a socket");
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut lines = BufReader::new(connection.try_clone().expect("a handle")).lines().map_while(Result::ok);
                while let Some(first) = lines.next() {
                    if lines.by_ref().take_while(|line| !line.is_empty()).count() == 0 {
                        return;
                    }
                    let answer = if first.contains("/version") {
                        let told = "{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}";
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{told}", told.len())
                    } else if first.contains("/start") {
                        "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned()
                    } else {
                        "HTTP/1.1 301 Moved Permanently\r\nLocation: /version\r\nContent-Length: 2\r\n\r\n{}".to_owned()
                    };
                    if (&connection).write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_of_the_daemon_is_an_error_and_not_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("docker.sock");
    redirecting(&path);
    let daemon = Docker::new(&DockerOptions::new(format!("unix://{}", path.display()))).expect("options");
    let odd = RequestParts::new(Method::GET, "/networks/{}").segment("..");
    let refused = daemon.call(&odd).await.expect_err("a redirect");
    assert!(matches!(refused, DockerError::Redirected(301)), "{refused}");
    assert!(refused.to_string().contains("301"), "{refused}");
    for way in [Way::Down, Way::Both] {
        let opened = daemon.flow(&odd, way).await.expect("a flow").opening.await;
        assert!(matches!(opened, Err(DockerError::Redirected(301))));
    }
    let start = RequestParts::new(Method::POST, "/containers/{}/start").segment("a");
    assert_eq!(daemon.call(&start).await.expect("an answer").status, 304);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_and_viewers_go_on_doing_what_the_commands_do() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let paula = bus.known_user("paula", Role::User, &[]).await;
    let pavel = bus.known_user("pavel", Role::Viewer, &[]).await;
    let [name, second, third] = ["param"; 3].map(unique);
    let _scrub = [&name, &second, &third].map(|name| Scrub::new(HOST, name));
    let image = format!("paula/{}", unique("image"));
    let file = tempfile::NamedTempFile::new().expect("a file");
    let (from, into) = (file.path().to_str().expect("text").to_owned(), format!("{name}:/tmp/in"));
    let back = format!("{from}.back");
    let does = async |token: &str, words: &[&str]| {
        let as_user = |command: &mut Command| {
            command.env("DEBLOX_TOKEN", token);
        };
        let said = bus.deblox_with(words, as_user).await;
        assert_eq!(said.code, 0, "{words:?}: {said:?}");
        said.out
    };
    let limits = ["--memory", "64m", "--cpus", "0.5", "--restart", "no", "-e", "A=b", "-l", "team=x", "--user", "root"];
    let run = ["run", "-d", "--name", &name, "--dock", DOCK];
    does(&paula, &[&run[..], &limits, &["busybox", "sh", "-c", "echo said; exec sleep 600"]].concat()).await;
    for words in [
        &["ps", "-a", "-f", "status=running", "-f", "label=team"][..],
        &["ps", "-a", "--dock", DOCK],
        &["inspect", &name],
        &["logs", "--tail", "5", "-t", &name],
        &["top", &name],
        &["top", &name, "-o", "pid,comm"],
        &["top", &name, "aux"],
        &["diff", &name],
        &["stats", "--no-stream", &name],
        &["images"],
        &["network", "ls"],
        &["volume", "ls"],
        &["docks"],
        &["template", "ls"],
    ] {
        does(&paula, words).await;
        does(&pavel, words).await;
    }
    for words in [
        &["exec", &name, "id", "-u"][..],
        &["exec", "-e", "A=b", "-w", "/tmp", "-u", "root", &name, "pwd"],
        &["cp", &from, &into],
        &["cp", &into, &back],
        &["pause", &name],
        &["unpause", &name],
        &["update", "--memory", "96m", &name],
        &["restart", "-t", "0", &name],
        &["stop", "-t", "0", &name],
        &["start", &name],
        &["kill", "-s", "KILL", &name],
        &["wait", &name],
        &["commit", "-m", "made", "-a", "paula", &name, &image],
        &["create", "--name", &second, "--pull", "never", "--dock", DOCK, "busybox", "true"],
        &["rename", &second, &third],
        &["rm", "-f", "-v", &third],
        &["rm", "-f", &name],
    ] {
        does(&paula, words).await;
    }
    docker(HOST, &["rmi", &image]);
    let _ = std::fs::remove_file(&back);
    assert!(!exists("container", &name) && !exists("container", &third));
    drop(Undo::with(&["image", "prune", "-f", "--filter", "label=no-such-label"]));
}
