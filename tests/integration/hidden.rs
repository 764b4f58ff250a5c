//! A caller is told the same of an instance that it may not view as of one that does not exist.

use deblox::actions::{Action, Field, Kind, On, Target};
use deblox::protocol::{Access, Role};
use serde_json::{Map, Value, json};

use crate::actions::{DOCK, HOST};
use crate::support::{Bus, Scrub, docker, refused, succeeded, unique};

/// A value that a field takes.
fn value(field: &Field) -> Value {
    match field.kind {
        Kind::Text | Kind::Image => json!("busybox"),
        Kind::Word(words) => json!(words[0]),
        Kind::Flag => json!(true),
        Kind::Whole(from, _) => json!(from),
        Kind::Number => json!(1.5),
        Kind::List | Kind::TextOrList => json!(["true"]),
        Kind::Pairs | Kind::Labels | Kind::Filters | Kind::Object => json!({}),
        Kind::Size => json!("64m"),
        Kind::Name => json!("x"),
        Kind::PsOptions => json!("-ef"),
    }
}

/// Every action about an instance, as it is in the table now, with a value for each field that it must have.
fn about_an_instance() -> Vec<(&'static Action, Map<String, Value>)> {
    let actions = Action::all().filter(|action| action.target == Target::Instance);
    let fields = |action: &'static Action| {
        let mut fields: Map<String, Value> = action
            .fields
            .iter()
            .filter(|field| field.required)
            .map(|field| (field.name.to_owned(), value(field)))
            .collect();
        fields.insert("action".to_owned(), json!(action.name));
        (action, fields)
    };
    actions.map(fields).collect()
}

/// What of a reply is the same for two instances: all but what names the request, the time and the instance.
fn shape(reply: &Value, reference: &str) -> String {
    let mut reply = reply.clone();
    for field in ["requestId", "Date", "Content-Length"] {
        reply.as_object_mut().expect("an object").remove(field);
    }
    reply.to_string().replace(reference, "REFERENCE").replace(&reference.to_uppercase(), "REFERENCE")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_action_tells_a_user_of_an_instance_that_it_may_not_view() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let dana = bus.known_user(&unique("dana"), Role::User, &[]).await;
    let looking = bus.token_of_a_viewing_user().await;
    let vera = bus.known_user("vera", Role::Viewer, &[]).await;
    let name = unique("hidden");
    let _scrub = Scrub::new(HOST, &name);
    let id = docker(HOST, &["run", "-d", "--name", &name, "--label", "deblox.owner=erik", "busybox", "sleep", "600"]);
    let absent = [unique("absent"), "f".repeat(64), "f".repeat(12)];
    let actions = about_an_instance();
    assert!(actions.len() >= 27, "{} actions", actions.len());
    for (action, fields) in actions {
        for (there, not_there) in [&name, &id, &id[..12].to_owned()].into_iter().zip(&absent) {
            for dock in [Some(DOCK), None] {
                let request = |reference: &str| {
                    let mut request = Value::Object(fields.clone());
                    request["id"] = json!(reference);
                    if let Some(dock) = dock {
                        request["dock"] = json!(dock);
                    }
                    request
                };
                for token in [&dana, &looking] {
                    let hidden = bus.call_as(token, request(there)).await;
                    let missing = bus.call_as(token, request(not_there)).await;
                    refused(&hidden, 404, "no-such-instance", &[there]);
                    assert_eq!(shape(&hidden, there), shape(&missing, not_there), "{} {there}", action.name);
                }
            }
            // Who may view it is told which right is missing.
            let mut request = Value::Object(fields.clone());
            request["id"] = json!(there);
            request["dock"] = json!(DOCK);
            if action.access != Access::View {
                refused(&bus.call_as(&vera, request).await, 403, "forbidden", &["viewer", action.access.as_str()]);
            }
        }
    }
    let state = docker(HOST, &["inspect", "-f", "{{.State.Running}} {{.Name}} {{.HostConfig.Memory}}", &id]);
    assert_eq!(state, format!("true /{name} 0"));
}

impl Bus {
    /// A token of a user that does no more than look.
    async fn token_of_a_viewing_user(&self) -> String {
        let name = unique("lena");
        self.user(&name, Role::User, &[]).await;
        self.token(&name, "looking", Some(Role::Viewer)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reply_does_not_come_from_the_dock_that_has_what_is_hidden() {
    let bus = Bus::new().await;
    let _workers = (bus.enforcing(HOST, DOCK).await, bus.enforcing(1, "b.test").await);
    let (user, other) = (unique("dana"), unique("erik"));
    let dana = bus.known_user(&user, Role::User, &[]).await;
    let erik = bus.known_user(&other, Role::User, &[]).await;
    let (name, own) = (unique("hidden"), unique("own"));
    let _scrubs = [Scrub::new(1, &name), Scrub::new(HOST, &own)];
    let create =
        |name: &str, dock: &str| json!({"action": "create-container", "image": "busybox", "name": name, "dock": dock});
    let made = bus.call_as(&erik, create(&name, "b.test")).await;
    succeeded(&made, 201);
    succeeded(&bus.call_as(&dana, create(&own, DOCK)).await, 201);
    // Each of the two workers may have the request: so it is asked several times.
    for _ in 0..6 {
        for action in ["start-container", "inspect-container", "delete-container"] {
            for dock in [Value::Null, json!(DOCK)] {
                let mut request = json!({"action": action, "id": name});
                if !dock.is_null() {
                    request["dock"] = dock;
                }
                let hidden = bus.call_as(&dana, request.clone()).await;
                refused(&hidden, 404, "no-such-instance", &[&name]);
                assert!(!hidden.to_string().contains(made["Id"].as_str().expect("an id")), "{hidden}");
                assert!(!hidden["message"].to_string().contains(&other), "{hidden}");
            }
        }
    }
    let mut seen = Vec::new();
    for _ in 0..12 {
        seen.push(bus.call_as(&dana, json!({"action": "stop-container", "id": name})).await);
    }
    let is_other = |reply: &Value| reply["dockerInstance"] == DOCK;
    assert!(seen.iter().any(is_other), "only the dock that has it answers: {seen:?}");
    // The audit record, which the user may read, does not tell more.
    let entries: Vec<(String, Vec<(String, String)>)> = bus.redis(&["XRANGE", &bus.key("events"), "-", "+"]).await;
    let id = made["Id"].as_str().expect("an id");
    let own_records =
        entries.iter().filter(|(_, fields)| fields[0].1.contains("\"request\"") && fields[0].1.contains(&user));
    for (_, fields) in own_records {
        assert!(!fields[0].1.contains(id), "{fields:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_in_use_does_not_tell_whose_id_it_has() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let dana = bus.known_user(&unique("dana"), Role::User, &[]).await;
    let (name, own) = (unique("taken"), unique("own"));
    let _scrubs = [Scrub::new(HOST, &name), Scrub::new(HOST, &own)];
    let id = docker(HOST, &["create", "--name", &name, "--label", "deblox.owner=erik", "busybox"]);
    let create = |name: &str| json!({"action": "create-container", "image": "busybox", "name": name, "dock": DOCK});
    let taken = bus.call_as(&dana, create(&name)).await;
    refused(&taken, 409, "conflict", &[&name, "choose another"]);
    assert!(!taken.to_string().contains(&id), "{taken}");
    succeeded(&bus.call_as(&dana, create(&own)).await, 201);
    let rename = bus.call_as(&dana, json!({"action": "rename-container", "id": own, "name": name})).await;
    refused(&rename, 409, "conflict", &[&name]);
    assert!(!rename.to_string().contains(&id), "{rename}");
}

/// Paths of the daemon's API that are about `id`, or lead to it by a detour.
fn paths(id: &str) -> Vec<(&'static str, String)> {
    let upper = id.to_uppercase();
    let encoded = id.bytes().fold(String::new(), |encoded, byte| encoded + &format!("%{byte:02x}"));
    let of = |method: &'static str, paths: Vec<String>| paths.into_iter().map(move |path| (method, path));
    let whats = "json logs stats top changes archive export attach/ws";
    let gets = whats.split(' ').map(|what| format!("/containers/{id}/{what}"));
    let more = [
        format!("/v1.41/containers/{id}/json"),
        format!("/v1.24/containers/{id}/json"),
        format!("/v9.99/containers/{id}/json"),
        format!("/v/containers/{id}/json"),
        format!("/v1.41/v1.41/containers/{id}/json"),
        format!("/V1.41/containers/{id}/json"),
        format!("//containers/{id}/json"),
        format!("/containers//{id}/json"),
        format!("/containers/{id}//json"),
        format!("/containers/{id}/json/"),
        format!("/containers/x/../{id}/json"),
        format!("/containers/./{id}/json"),
        format!("/images/../containers/{id}/json"),
        format!("/_ping/../containers/{id}/json"),
        format!("/images/%2e%2e/containers/{id}/json"),
        format!("/images/x%2f..%2f..%2fcontainers%2f{id}/json"),
        format!("/volumes/..%2fcontainers%2f{id}%2fjson"),
        format!("/networks/..%2fcontainers%2f{id}%2fjson"),
        format!("/containers/{encoded}/json"),
        format!("/containers/{upper}/json"),
        format!("/Containers/{id}/json"),
        format!("/CONTAINERS/{id}/JSON"),
        format!("/containers/{id}/json?size=1"),
        format!("/containers/{id}/json%3fsize=1"),
        format!("/containers/{id}/json%23"),
        format!("/containers/{id}%00/json"),
        format!("/containers/{id}%0a/json"),
        format!("/containers/%2f{id}/json"),
        format!("/containers/{id}%252fjson"),
        format!("/containers/{id}\\json"),
        format!("/containers/{id}/json;x"),
        format!("/containers/{id}/checkpoints"),
        format!("/containers/{id}"),
        "/containers/json".to_owned(),
        "/events".to_owned(),
        "/system/df".to_owned(),
        "/exec/0123/json".to_owned(),
        "/distribution/busybox/json".to_owned(),
        "/plugins".to_owned(),
        "/swarm".to_owned(),
        "/nodes".to_owned(),
        "/services".to_owned(),
        "/tasks".to_owned(),
        "/secrets".to_owned(),
        "/configs".to_owned(),
        "/images/get".to_owned(),
        "/images/busybox/get".to_owned(),
        "/networks/bridge".to_owned(),
        "/networks/host".to_owned(),
        "/debug/pprof/heap".to_owned(),
        "/metrics".to_owned(),
        "/grpc".to_owned(),
        "/session".to_owned(),
    ];
    let posts = "start stop restart kill pause unpause resize rename update wait attach exec checkpoints prune copy";
    let posts = posts.split(' ').map(|what| format!("/containers/{id}/{what}"));
    let more_posts = "containers/create containers/prune commit build build/prune images/create images/load images/prune \
                      images/busybox/push images/busybox/tag auth networks/create networks/bridge/connect networks/prune \
                      volumes/create volumes/prune exec/0123/start exec/0123/resize swarm/init swarm/leave plugins/pull \
                      services/create secrets/create configs/create session grpc";
    let more_posts = more_posts.split_whitespace().map(|path| format!("/{path}"));
    of("GET", gets.chain(more).collect())
        .chain(of("POST", posts.chain(more_posts).collect()))
        .chain(of("PUT", vec![format!("/containers/{id}/archive")]))
        .chain(of("HEAD", vec![format!("/containers/{id}/archive")]))
        .chain(of(
            "DELETE",
            vec![
                format!("/containers/{id}"),
                format!("/containers/{id}/checkpoints/x"),
                "/images/busybox".to_owned(),
                "/networks/bridge".to_owned(),
                "/volumes/x".to_owned(),
                "/plugins/x".to_owned(),
            ],
        ))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_path_of_the_daemons_api_leads_a_user_or_a_viewer_to_what_is_not_theirs() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let dana = bus.known_user(&unique("dana"), Role::User, &[]).await;
    let vera = bus.known_user("vera", Role::Viewer, &[]).await;
    let (name, absent) = (unique("hidden"), "f".repeat(64));
    let _scrub = Scrub::new(HOST, &name);
    let secret = unique("hunter");
    let env = format!("DB_PASSWORD={secret}");
    let label = "deblox.owner=erik";
    let id = docker(HOST, &["run", "-d", "--name", &name, "--label", label, "-e", &env, "busybox", "sleep", "600"]);
    let all = paths(&id);
    assert!(all.len() >= 69, "{} paths", all.len());
    let docker_call = |method: &str, path: &str, stream: bool| {
        let mut call = json!({"action": "docker", "method": method, "path": path, "dock": DOCK});
        if stream {
            call["stream"] = json!(true);
        }
        call
    };
    for ((method, path), (_, missing)) in all.iter().zip(paths(&absent)) {
        // What waits, waits for as long as it runs.
        if path.ends_with("/wait") {
            continue;
        }
        let reply = bus.call_as(&dana, docker_call(method, path, false)).await;
        let other = bus.call_as(&dana, docker_call(method, &missing, false)).await;
        assert!(reply["statusCode"].as_u64() >= Some(400), "{method} {path}: {reply}");
        assert!(!matches!(reply["error"].as_str(), Some("internal" | "poison")), "{method} {path}: {reply}");
        assert!(
            !reply.to_string().contains(&secret) && !reply.to_string().contains("erik"),
            "{method} {path}: {reply}"
        );
        assert_eq!(shape(&reply, &id), shape(&other, &absent), "{method} {path}");
        // A viewer looks, at nothing that is secret, and changes nothing.
        let reply = bus.call_as(&vera, docker_call(method, path, false)).await;
        assert!(!reply.to_string().contains(&secret), "{method} {path}: {reply}");
        assert!(*method == "GET" || reply["statusCode"].as_u64() >= Some(400), "{method} {path}: {reply}");
        for token in [&dana, &vera] {
            if path.contains("logs") || path.contains("stats") || path.ends_with("events") {
                continue;
            }
            let reply = bus.call_as(token, docker_call(method, path, true)).await;
            assert!(reply["statusCode"].as_u64() >= Some(400), "stream of {method} {path}: {reply}");
        }
    }
    assert_eq!(docker(HOST, &["inspect", "-f", "{{.State.Running}} {{.Name}}", &id]), format!("true /{name}"));
    // What of the table names an instance only in its path is among these.
    let arguments = |path: &str| {
        let request = json!({"action": "docker", "path": path, "dock": DOCK}).to_string();
        let entry = deblox::protocol::EntryId { millis: 1, sequence: 0 };
        let request =
            deblox::protocol::decode(entry, None, &vec![(b"json".to_vec(), request.into_bytes())]).expect("a request");
        Action::find("docker").and_then(|action| action.check(&request).map(|arguments| action.demand(&arguments)))
    };
    let demand = arguments(&format!("/containers/{id}/json")).expect("a demand");
    assert_eq!(demand.on, On::Named(id));
}
