//! Who is shown the secrets in settings: callers who may run something in the container, and nobody else.

use deblox::protocol::Role;
use deblox::protocol::masking::MASK;
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST};
use crate::more_actions::{Undo, known};
use crate::support::{Bus, Scrub, docker, refused, succeeded, try_docker, unique};

/// A secret that stands nowhere else.
fn secret() -> String {
    unique("hunter")
}

fn call(path: &str) -> Value {
    json!({"action": "docker", "path": path, "dock": DOCK})
}

/// What a request is answered with, and that it is a success.
async fn answered(bus: &Bus, token: &str, request: Value) -> Value {
    let reply = bus.call_as(token, request).await;
    succeeded(&reply, 200);
    reply
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_of_a_container_is_shown_to_those_who_may_run_something_in_it() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let (ada, bob) = (unique("ada"), unique("bob"));
    let (ada_t, bob_t) = (bus.known_user(&ada, Role::User, &[]).await, bus.known_user(&bob, Role::User, &[]).await);
    let vera = bus.known_user("vera", Role::Viewer, &[]).await;
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    let (name, secret) = (unique("masked"), secret());
    let _scrub = Scrub::new(HOST, &name);
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "dock": DOCK, "start": true,
        "cmd": ["sh", "-c", "sleep 600; true", "--password", secret],
        "env": {"DB_PASSWORD": secret, "DATABASE_URL": format!("postgres://ada:{secret}@db/app"), "COLOUR": "red"},
        "labels": {"app.token": secret, "team": "x"}});
    succeeded(&bus.call_as(&ada_t, create).await, 201);
    let exec = json!({"body": {"Cmd": ["true"], "Env": [format!("API_KEY={secret}")]}});
    let mut prepare = call(&format!("/containers/{name}/exec"));
    prepare["method"] = json!("POST");
    prepare.as_object_mut().expect("an object").extend(exec.as_object().expect("an object").clone());
    let prepared = bus.call_as(&ada_t, prepare).await["Response"]["Body"]["Id"].as_str().expect("an id").to_owned();
    for rights in [json!(["view"]), json!(["view", "operate", "delete"])] {
        let share = json!({"action": "share-instance", "id": name, "user": bob, "rights": rights});
        succeeded(&bus.call_as(&ada_t, share).await, 200);
        for request in [
            json!({"action": "inspect-container", "id": name, "dock": DOCK}),
            json!({"action": "inspect-container", "id": name}),
            call(&format!("/containers/{name}/json")),
            json!({"action": "list-containers", "dock": DOCK, "filters": {"name": name}}),
            json!({"action": "list-containers", "all": true, "filters": {"name": name}}),
            json!({"action": "top-container", "id": name}),
        ] {
            for (token, shown) in [(&ada_t, true), (&olga, true), (&bob_t, false), (&vera, false)] {
                let reply = answered(&bus, token, request.clone()).await.to_string();
                assert!(reply.contains(&name) || request["action"] == "top-container", "{request}: {reply}");
                assert_eq!(reply.contains(&secret), shown, "{request}: {reply}");
                assert!(shown || reply.contains(MASK), "{request}: {reply}");
            }
        }
    }
    // Only the masked values differ.
    let inspect = json!({"action": "inspect-container", "id": name, "dock": DOCK});
    let whole = answered(&bus, &ada_t, inspect.clone()).await["Response"]["Body"].clone();
    let mut seen = answered(&bus, &vera, inspect).await["Response"]["Body"].clone();
    let env: Vec<&str> = seen["Config"]["Env"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(env.contains(&"DB_PASSWORD=***") && env.contains(&"COLOUR=red"), "{env:?}");
    assert!(env.contains(&"DATABASE_URL=postgres://***@db/app"), "{env:?}");
    assert_eq!(
        (&seen["Config"]["Labels"]["app.token"], &seen["Config"]["Labels"]["team"]),
        (&json!(MASK), &json!("x"))
    );
    for field in ["Env", "Labels", "Cmd"] {
        seen["Config"][field] = whole["Config"][field].clone();
    }
    seen["Args"] = whole["Args"].clone();
    assert_eq!(seen, whole);
    // All that shows the same by another way.
    for path in [format!("/exec/{prepared}/json"), "/containers/json".to_owned(), "/system/df".to_owned()] {
        let reply = answered(&bus, &vera, call(&path)).await.to_string();
        assert!(!reply.contains(&secret), "{path}: {reply}");
        let mut streamed = call(&path);
        streamed["stream"] = json!(true);
        refused(&bus.call_as(&vera, streamed).await, 403, "forbidden", &["`stream`"]);
    }
    let mut streamed = call(&format!("/containers/{name}/json"));
    streamed["stream"] = json!(true);
    refused(&bus.call_as(&bob_t, streamed).await, 403, "forbidden", &["`stream`"]);
    // With the right to run something, it is shown.
    let share = json!({"action": "share-instance", "id": name, "user": bob, "rights": ["exec"]});
    succeeded(&bus.call_as(&ada_t, share).await, 200);
    let reply = answered(&bus, &bob_t, json!({"action": "inspect-container", "id": name})).await.to_string();
    assert!(reply.contains(&secret), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_an_image_is_shown_to_those_who_may_run_something_in_any_container() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let user = unique("ada");
    let ada = bus.known_user(&user, Role::User, &[]).await;
    let vera = bus.known_user("vera", Role::Viewer, &[]).await;
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    let (name, secret) = (unique("origin"), secret());
    let image = format!("{user}/image");
    let _scrub = Scrub::new(HOST, &name);
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "dock": DOCK,
        "env": {"DB_PASSWORD": secret}, "labels": {"app.secret": secret}});
    succeeded(&bus.call_as(&ada, create).await, 201);
    let _undo = Undo::with(&["rmi", &image]);
    succeeded(&bus.call_as(&ada, json!({"action": "commit-container", "id": name, "repo": image})).await, 201);
    for request in [
        json!({"action": "inspect-image", "image": image, "dock": DOCK}),
        call(&format!("/images/{image}/json")),
        json!({"action": "list-images", "dock": DOCK, "filters": {"reference": image}}),
        json!({"action": "list-images", "all": true, "filters": {"reference": image}}),
    ] {
        for (token, shown) in [(&olga, true), (&vera, false), (&ada, false)] {
            let reply = answered(&bus, token, request.clone()).await.to_string();
            assert!(reply.contains(&image), "{request}: {reply}");
            assert_eq!(reply.contains(&secret), shown, "{request}: {reply}");
        }
    }
    let save = json!({"action": "save-images", "images": [image], "dock": DOCK});
    let mut get = call(&format!("/images/{image}/get"));
    get["stream"] = json!(true);
    for request in [save, get, call("/images/get")] {
        refused(&bus.call_as(&vera, request).await, 403, "forbidden", &["`exec`"]);
    }
    try_docker(HOST, &["rm", "-f", &name]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_options_of_a_volume_are_shown_without_their_passwords() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let dana = bus.known_user(&unique("dana"), Role::User, &[]).await;
    let vera = bus.known_user("vera", Role::Viewer, &[]).await;
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    let (name, secret) = (unique("share"), secret());
    let options = format!("o=addr=10.0.0.1,username=ada,password={secret},vers=3.0");
    let options = ["--opt", "type=cifs", "--opt", "device=//10.0.0.1/x", "--opt", &options];
    docker(
        HOST,
        &[&["volume", "create"], options.as_slice(), &["--label", &format!("api-key={secret}"), &name]].concat(),
    );
    let _undo = Undo::with(&["volume", "rm", &name]);
    let list = |more: Value| {
        let mut list = json!({"action": "list-volumes", "filters": {"name": name}});
        list.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        list
    };
    for (request, has_options) in [
        (json!({"action": "inspect-volume", "volume": name, "dock": DOCK}), true),
        (call(&format!("/volumes/{name}")), true),
        (call("/volumes"), true),
        (list(json!({"dock": DOCK})), true),
        (list(json!({"all": true})), false),
    ] {
        for (token, shown) in [(&olga, true), (&vera, false), (&dana, false)] {
            let reply = crate::support::until("the volume is listed", async || {
                let reply = answered(&bus, token, request.clone()).await.to_string();
                reply.contains(&name).then_some(reply)
            })
            .await;
            assert_eq!(reply.contains(&secret), shown, "{request}: {reply}");
            assert!(
                shown || !has_options || reply.contains("username=ada,password=***,vers=3.0"),
                "{request}: {reply}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_gives_its_secrets_to_containers_and_not_to_those_who_read_it() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let dana = bus.known_user(&unique("dana"), Role::User, &[]).await;
    let vera = bus.known_user("vera", Role::Viewer, &[]).await;
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    let (name, secret, door) = (unique("made"), secret(), unique("door"));
    let _scrub = Scrub::new(HOST, &name);
    let body = json!({"Image": "busybox", "Cmd": ["serve", format!("--token={secret}")],
        "Env": [format!("DB_PASSWORD={secret}"), format!("DOOR={door}"), "COLOUR=red"], "Labels": {"hook": door}});
    let put = json!({"action": "put-template", "name": "app", "body": body, "secrets": ["DOOR", "hook"]});
    refused(&bus.call_as(&dana, put.clone()).await, 403, "forbidden", &["`create`"]);
    succeeded(&bus.call_as(&olga, put).await, 201);
    for request in [json!({"action": "get-template", "name": "app"}), json!({"action": "list-templates"})] {
        for (token, shown) in [(&olga, true), (&dana, false), (&vera, false)] {
            let reply = answered(&bus, token, request.clone()).await.to_string();
            assert_eq!(reply.contains(&secret), shown, "{reply}");
            assert_eq!(reply.contains(&door), shown, "{reply}");
            assert!(reply.contains("COLOUR=red") && reply.contains("DOOR="), "{reply}");
        }
    }
    // What comes back as it was shown means what is kept, as a form does that was filled in from the template.
    let create = json!({"action": "create-container", "template": "app", "name": name, "dock": DOCK,
        "env": {"DB_PASSWORD": MASK, "DOOR": MASK, "COLOUR": "blue", "OTHER_TOKEN": MASK}, "labels": {"hook": MASK}});
    succeeded(&bus.call_as(&dana, create).await, 201);
    let made = known("container", &name);
    let env: Vec<&str> = made["Config"]["Env"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    for variable in
        [format!("DB_PASSWORD={secret}"), format!("DOOR={door}"), "COLOUR=blue".into(), "OTHER_TOKEN=***".into()]
    {
        assert!(env.contains(&variable.as_str()), "{variable}: {env:?}");
    }
    assert_eq!(made["Config"]["Labels"]["hook"], door.as_str());
    // What the template declares a secret stays one in the container.
    let inspect = json!({"action": "inspect-container", "id": name, "dock": DOCK});
    assert!(answered(&bus, &dana, inspect.clone()).await.to_string().contains(&door));
    assert!(!answered(&bus, &vera, inspect).await.to_string().contains(&door));
    for (secrets, named) in [(json!(["A=b"]), "`secrets`"), (json!([""]), "`secrets`"), (json!(vec!["A"; 1]), "")] {
        let put = json!({"action": "put-template", "name": "other", "body": {"Image": "busybox"}, "secrets": secrets});
        let reply = bus.call_as(&olga, put).await;
        assert_eq!(reply.get("error").is_some(), !named.is_empty(), "{reply}");
        assert!(
            named.is_empty() || reply["message"].as_str().is_some_and(|message| message.contains(named)),
            "{reply}"
        );
    }
    let bad = json!({"action": "put-template", "name": "other", "body": {"Image": "busybox", "secrets": "DOOR"}});
    refused(&bus.call_as(&olga, bad).await, 400, "bad-field", &["`secrets`", "a list"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_logs_in_everything_is_passed_on_as_it_came() {
    let bus = Bus::new().await;
    let _worker = bus.worker(HOST, DOCK).await;
    let (name, secret) = (unique("open"), secret());
    let _scrub = Scrub::new(HOST, &name);
    docker(HOST, &["create", "--name", &name, "-e", &format!("DB_PASSWORD={secret}"), "busybox"]);
    let reply = bus.call(json!({"action": "inspect-container", "id": name, "dock": DOCK})).await;
    assert!(reply.to_string().contains(&secret), "{reply}");
}
