//! Whose a container is: what counts as proof, what a name may mean, how a container changes hands, and what it may reach by
//! the time it runs.

use deblox::actions::Bounds;
use deblox::auth::{Accounts, Change};
use deblox::bus::Bus as Handle;
use deblox::protocol::{Quota, Role};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST};
use crate::auth::named;
use crate::more_actions::{Undo, exists, known};
use crate::support::{Bus, Scrub, docker, refused, succeeded, try_docker, unique, until};

/// The second dock, on a host of its own.
const OTHER: (usize, &str) = (1, "other.test");

/// An image with these labels, until this is dropped.
fn image(labels: &[String]) -> (String, Undo) {
    let (name, base) = (unique("labelled"), unique("base"));
    docker(HOST, &["create", "--name", &base, "busybox", "sleep", "600"]);
    let changes: Vec<String> = labels.iter().map(|label| format!("LABEL {label}")).collect();
    let changes = changes.iter().flat_map(|change| ["--change", change.as_str()]);
    let words: Vec<&str> = ["commit"].into_iter().chain(changes).chain([base.as_str(), name.as_str()]).collect();
    docker(HOST, &words);
    docker(HOST, &["rm", &base]);
    let undo = Undo::with(&["rmi", "-f", &name]);
    (name, undo)
}

/// Refused without an effect: as what may not be done, or as what is not there for the one who asks.
fn denied(reply: &Value) {
    let error = reply["error"].as_str().unwrap_or_default();
    assert!(["forbidden", "no-such-instance"].contains(&error), "{reply}");
}

fn create(name: &str, image: &str) -> Value {
    json!({"action": "create-container", "image": image, "cmd": ["sleep", "600"], "name": name, "dock": DOCK})
}

fn about(action: &str, id: &str) -> Value {
    json!({"action": action, "id": id})
}

fn id_of(reply: &Value) -> String {
    succeeded(reply, 201);
    reply["Id"].as_str().expect("an id").to_owned()
}

impl Bus {
    /// The owner in the record of an instance, once there is a record.
    async fn owner_of(&self, id: &str) -> Value {
        let record =
            until("it has a record", async || self.redis::<Option<String>>(&["HGET", &self.key("owners"), id]).await);
        serde_json::from_str::<Value>(&record.await).expect("JSON")["owner"].clone()
    }

    async fn counted(&self, user: &str) -> u64 {
        let handle = Handle::new(&self.options()).expect("options");
        Accounts(&handle).usage(&named(user)).await.expect("usage").1.instances
    }

    async fn allow(&self, user: &str, instances: u64) {
        let handle = Handle::new(&self.options()).expect("options");
        let quota = Quota { instances: Some(instances), ..Quota::default() };
        Accounts(&handle).change(&named(user), &Change::Quota(Some(quota))).await.expect("a quota");
    }

    async fn sees(&self, token: &str, id: &str) -> bool {
        let all = self.call_as(token, json!({"action": "list-containers", "all": true})).await;
        let own = self.call_as(token, json!({"action": "list-containers", "dock": DOCK})).await;
        let (all, own) = (&all["Response"]["Body"]["containers"], &own["Response"]["Body"]);
        let in_all = all.as_array().expect("a list").iter().any(|row| row["id"] == id);
        let in_own = own.as_array().expect("a list").iter().any(|row| row["Id"] == id);
        assert_eq!(in_all, in_own, "both lists show the same");
        in_all
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_labels_of_an_image_make_nobody_an_owner() {
    let bus = Bus::new().await;
    let (user, request) = (unique("ada"), unique("r"));
    let (stranger, name, other) = (unique("stranger"), unique("own"), unique("own"));
    let victim = unique("victim");
    let _scrubs = [&stranger, &name, &other, &victim].map(|name| Scrub::new(HOST, name));
    let replaced = docker(HOST, &["create", "--name", &victim, "busybox", "true"]);
    let labels = [
        format!("deblox.owner={user}"),
        format!("deblox.request={request}"),
        format!("deblox.replaces={replaced}"),
        "deblox.image=sha256:0000".to_owned(),
    ];
    let (image, _undo) = image(&labels);
    let theirs = docker(HOST, &["run", "-d", "--name", &stranger, &image]);
    let _worker = bus.enforcing(HOST, DOCK).await;
    let ada = bus.known_user(&user, Role::User, &[]).await;
    let bob = bus.known_user(&unique("bob"), Role::User, &[]).await;

    assert_eq!(bus.owner_of(&theirs).await, Value::Null);
    assert!(!bus.sees(&ada, &theirs).await);
    for action in ["inspect-container", "stop-container", "delete-container", "inspect-instance"] {
        denied(&bus.call_as(&ada, about(action, &stranger)).await);
        denied(&bus.call_as(&ada, about(action, &theirs)).await);
    }
    let raw = json!({"action": "docker", "path": format!("/containers/{stranger}/json"), "dock": DOCK});
    denied(&bus.call_as(&ada, raw).await);
    assert_eq!(known("container", &stranger)["State"]["Running"], true);
    assert_eq!(bus.counted(&user).await, 0, "nor does it count in the quota");

    // Whose request the image names is not done by what somebody else made.
    let mut own = create(&name, &image);
    own["requestId"] = json!(request);
    let made = id_of(&bus.call_as(&ada, own).await);
    assert_ne!(made, theirs);
    // What deblox creates is its user's, whatever the image says, and even if that says the same.
    assert_eq!(bus.owner_of(&made).await, json!(user));
    assert!(bus.sees(&ada, &made).await);
    let bobs = id_of(&bus.call_as(&bob, create(&other, &image)).await);
    assert!(bus.sees(&bob, &bobs).await && !bus.sees(&ada, &bobs).await);
    let labels = known("container", &other)["Config"]["Labels"].clone();
    assert_eq!(labels["deblox.replaces"], "", "what the image says is not taken over: {labels}");
    assert_eq!(labels["deblox.image"], known("container", &other)["Image"]);
    try_docker(HOST, &["rm", "-f", &stranger, &name, &other]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_stays_when_the_image_is_gone_and_when_the_container_is_of_before() {
    let bus = Bus::new().await;
    let user = unique("ada");
    let (name, old) = (unique("own"), unique("old"));
    let _scrubs = [&name, &old].map(|name| Scrub::new(HOST, name));
    let (image, _undo) = image(&["team=x".to_owned()]);
    let worker = bus.enforcing(HOST, DOCK).await;
    let ada = bus.known_user(&user, Role::User, &[]).await;
    let made = id_of(&bus.call_as(&ada, create(&name, &image)).await);
    // As deblox 0.1 made them: without the id of the image.
    let before = docker(HOST, &["create", "--name", &old, "--label", &format!("deblox.owner={user}"), "busybox"]);
    assert_eq!(bus.owner_of(&before).await, json!(user));
    docker(HOST, &["rmi", "-f", &image]);
    succeeded(&bus.call_as(&ada, about("inspect-container", &name)).await, 200);
    bus.redis::<i64>(&["DEL", &bus.key("owners"), &bus.key(&format!("instances.{DOCK}"))]).await;
    drop(worker);
    let _next = bus.enforcing(HOST, DOCK).await;
    for id in [&made, &before] {
        assert_eq!(bus.owner_of(id).await, json!(user));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_an_id_and_anothers_name_is_refused() {
    let bus = Bus::new().await;
    let _workers = (bus.enforcing(HOST, DOCK).await, bus.enforcing(OTHER.0, OTHER.1).await);
    let user = unique("dana");
    let dana = bus.known_user(&user, Role::User, &[]).await;
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    let (victim, thief) = (unique("victim"), unique("thief"));
    let _scrubs = [Scrub::new(HOST, &victim), Scrub::new(HOST, &thief), Scrub::new(OTHER.0, &thief)];
    let id = id_of(&bus.call_as(&dana, create(&victim, "busybox")).await);
    for (host, dock) in [(HOST, DOCK), OTHER] {
        let label = format!("deblox.owner={}", unique("erik"));
        let other = docker(host, &["create", "--name", &thief, "--label", &label, "busybox", "true"]);
        let _scrub = Scrub::new(host, &other);
        for name in [&id[..5], &id[..12], &id[..20], &id] {
            docker(host, &["rename", &other, name]);
            until("the new name is known", async || {
                let record: Option<String> = bus.redis(&["HGET", &bus.key("owners"), &other]).await;
                record.filter(|record| record.contains(&format!("\"name\":\"{name}\"")))
            })
            .await;
            let reply = bus.call_as(&olga, about("delete-container", name)).await;
            refused(&reply, 409, "ambiguous-instance", &[name]);
            let told: Vec<&str> = reply["Response"]["Body"]
                .as_array()
                .expect("candidates")
                .iter()
                .filter_map(|one| one["id"].as_str())
                .collect();
            assert!(told.contains(&id.as_str()) && told.contains(&other.as_str()), "{reply}");
            if dock == DOCK {
                let mut here = about("inspect-container", name);
                here["dock"] = json!(DOCK);
                refused(&bus.call_as(&olga, here).await, 409, "ambiguous-instance", &[name]);
                for (method, path) in [("GET", "json"), ("POST", "start"), ("POST", "checkpoints")] {
                    let path = format!("/containers/{name}/{path}");
                    let call = json!({"action": "docker", "method": method, "path": path, "dock": DOCK});
                    refused(&bus.call_as(&olga, call).await, 409, "ambiguous-instance", &[name]);
                }
                let join = json!({"action": "create-container", "image": "busybox", "name": unique("join"), "dock": DOCK,
                    "network": format!("container:{name}")});
                refused(&bus.call_as(&olga, join).await, 409, "ambiguous-instance", &[name]);
            }
            // Of what she does not see she is not told, and it is not in her way.
            let seen = bus.call_as(&dana, about("inspect-container", name)).await;
            assert_eq!(seen["Response"]["Body"]["Id"], json!(id), "{seen}");
        }
        docker(host, &["rename", &other, &thief]);
        docker(host, &["rm", &other]);
    }
    assert!(exists("container", &victim));
    succeeded(&bus.call_as(&olga, about("inspect-container", &id[..12])).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deblox_gives_nothing_a_name_that_looks_like_an_id() {
    let bus = Bus::new().await;
    let _worker = bus.worker(HOST, DOCK).await;
    let name = unique("plain");
    let _scrub = Scrub::new(HOST, &name);
    bus.running(DOCK, &name).await;
    let id = "0123456789abcdef".repeat(4);
    for bad in [&id[..12], &id[..13], &id, "ABCDEF123456"] {
        let raw = |path: String| {
            json!({"action": "docker", "method": "POST", "path": path, "query": {"name": bad},
            "body": {"Image": "busybox"}, "dock": DOCK})
        };
        for request in [
            create(bad, "busybox"),
            json!({"action": "create-raw-container", "name": bad, "body": {"Image": "busybox"}, "dock": DOCK}),
            json!({"action": "rename-container", "id": name, "name": bad}),
            json!({"action": "create-network", "name": bad, "dock": DOCK}),
            raw("/containers/create".to_owned()),
            raw(format!("/containers/{name}/rename")),
            json!({"action": "docker", "method": "POST", "path": "/networks/create", "body": {"Name": bad}, "dock": DOCK}),
        ] {
            refused(&bus.call(request).await, 400, "bad-field", &[bad, "id"]);
        }
        assert!(!exists("container", bad) && !exists("network", bad));
    }
    succeeded(
        &bus.call(json!({"action": "rename-container", "id": name, "name": format!("{name}-0123456789ab")})).await,
        204,
    );
    try_docker(HOST, &["rm", "-f", &format!("{name}-0123456789ab")]);

    // A network named like another's id is not joined for it.
    let (one, net) = (unique("own"), unique("net"));
    let _scrub_one = Scrub::new(HOST, &one);
    bus.running(DOCK, &one).await;
    let id = docker(HOST, &["network", "create", &net]);
    docker(HOST, &["network", "create", &id[..12]]);
    let networks = [Undo::with(&["network", "rm", &net])];
    let connect = json!({"action": "connect-network", "id": one, "network": id[..12]});
    let create = json!({"action": "create-container", "image": "busybox", "network": id[..12], "dock": DOCK});
    let raw = json!({"action": "docker", "method": "DELETE", "path": format!("/networks/{}", &id[..12]), "dock": DOCK});
    let replies = [bus.call(connect).await, bus.call(create).await, bus.call(raw).await];
    let twin = docker(HOST, &["network", "ls", "-q", "--no-trunc", "--filter", &format!("name=^{}$", &id[..12])]);
    docker(HOST, &["network", "rm", &twin]);
    for reply in replies {
        refused(&reply, 409, "conflict", &[&id[..12], "full id"]);
    }
    try_docker(HOST, &["rm", "-f", &one]);
    drop(networks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_changes_hands_when_the_other_user_accepts_it() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let [ada_name, bob_name, eve_name] = ["ada", "bob", "eve"].map(unique);
    let ada = bus.known_user(&ada_name, Role::User, &["crew"]).await;
    let bob = bus.known_user(&bob_name, Role::User, &[]).await;
    let eve = bus.known_user(&eve_name, Role::User, &["crew"]).await;
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    let name = unique("gift");
    let _scrub = Scrub::new(HOST, &name);
    bus.allow(&ada_name, 1).await;
    bus.allow(&bob_name, 0).await;
    let id = id_of(&bus.call_as(&ada, create(&name, "busybox")).await);
    let offer = |to: &str| json!({"action": "chown-instance", "id": name, "owner": to});
    let share = |who: &str, whom: &str, rights: Value| json!({"action": "share-instance", "id": name, who: whom, "rights": rights});
    for (who, whom) in [("user", ada_name.as_str()), ("group", "crew"), ("group", "night"), ("user", "carol")] {
        succeeded(&bus.call_as(&ada, share(who, whom, json!(["operate", "exec"]))).await, 200);
    }
    let accept = json!({"action": "accept-instance", "id": name});
    let decline = json!({"action": "decline-instance", "id": name});
    denied(&bus.call_as(&bob, accept.clone()).await);

    // An offer changes nothing but that the other user sees it.
    let offered = bus.call_as(&ada, offer(&bob_name)).await;
    succeeded(&offered, 200);
    let body = &offered["Response"]["Body"];
    assert_eq!((&body["owner"], &body["offered"]), (&json!(ada_name), &json!(bob_name)), "{offered}");
    assert_eq!((bus.owner_of(&id).await, bus.counted(&ada_name).await), (json!(ada_name), 1));
    refused(&bus.call_as(&ada, create(&unique("more"), "busybox")).await, 403, "quota-exceeded", &["1 instance"]);
    let told = bus.call_as(&bob, about("inspect-instance", &name)).await;
    assert_eq!(told["Response"]["Body"]["offered"], json!(bob_name), "{told}");
    for action in ["start-container", "delete-container"] {
        denied(&bus.call_as(&bob, about(action, &name)).await);
    }
    // Nobody else accepts or declines it; the operator gives at once.
    denied(&bus.call_as(&bus.known_user(&unique("mallory"), Role::User, &[]).await, accept.clone()).await);
    refused(&bus.call_as(&ada, accept.clone()).await, 409, "conflict", &[&bob_name, "accept"]);
    refused(&bus.call_as(&olga, accept.clone()).await, 409, "conflict", &["chown-instance"]);

    // A full quota refuses it, and nothing changes.
    refused(&bus.call_as(&bob, accept.clone()).await, 403, "quota-exceeded", &[&bob_name, "0 instances"]);
    assert_eq!((bus.owner_of(&id).await, bus.counted(&ada_name).await), (json!(ada_name), 1));
    bus.allow(&bob_name, 1).await;

    // Declined and withdrawn it is nobody's to accept.
    succeeded(&bus.call_as(&bob, decline.clone()).await, 200);
    denied(&bus.call_as(&bob, accept.clone()).await);
    succeeded(&bus.call_as(&ada, offer(&bob_name)).await, 200);
    succeeded(&bus.call_as(&ada, offer(&ada_name)).await, 200);
    denied(&bus.call_as(&bob, accept.clone()).await);
    succeeded(&bus.call_as(&ada, offer(&bob_name)).await, 200);
    succeeded(&bus.call_as(&ada, decline).await, 200);
    denied(&bus.call_as(&bob, accept.clone()).await);

    // Of many who accept at once it becomes one's, once.
    succeeded(&bus.call_as(&ada, offer(&bob_name)).await, 200);
    let replies = join_all((0..5).map(|_| bus.call_as(&bob, accept.clone()))).await;
    for reply in &replies {
        succeeded(reply, 200);
        assert_eq!(reply["Response"]["Body"]["owner"], json!(bob_name));
    }
    assert_eq!((bus.counted(&ada_name).await, bus.counted(&bob_name).await), (0, 1));
    assert_eq!(bus.owner_of(&id).await, json!(bob_name));
    let body = &replies[0]["Response"]["Body"];
    let rights = json!(["operate", "exec"]);
    assert_eq!((&body["users"], &body["groups"]), (&json!({"carol": rights}), &json!({"night": rights})), "{body}");
    for token in [&ada, &eve] {
        denied(&bus.call_as(token, about("start-container", &name)).await);
        denied(&bus.call_as(token, about("inspect-container", &name)).await);
    }
    // An operator gives it back at once, if the quota allows it.
    succeeded(&bus.call_as(&olga, offer(&ada_name)).await, 200);
    assert_eq!(bus.owner_of(&id).await, json!(ada_name));
    assert_eq!((bus.counted(&ada_name).await, bus.counted(&bob_name).await), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_ends_with_what_was_offered() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let [ada_name, bob_name] = ["ada", "bob"].map(unique);
    let ada = bus.known_user(&ada_name, Role::User, &[]).await;
    let bob = bus.known_user(&bob_name, Role::User, &[]).await;
    let name = unique("gift");
    let renamed = format!("{name}-b");
    let _scrubs = [Scrub::new(HOST, &name), Scrub::new(HOST, &renamed)];
    let offer = |name: &str| json!({"action": "chown-instance", "id": name, "owner": bob_name});
    id_of(&bus.call_as(&ada, create(&name, "busybox")).await);
    succeeded(&bus.call_as(&ada, offer(&name)).await, 200);
    // Another container in its place was not offered.
    let recreate = json!({"action": "recreate-container", "id": name, "pull": "never", "settle": 0});
    let new = id_of(&bus.call_as(&ada, recreate).await);
    denied(&bus.call_as(&bob, about("accept-instance", &name)).await);
    assert_eq!(bus.owner_of(&new).await, json!(ada_name));
    // Renamed it is the one that was offered; removed it is gone, with what was said about it.
    succeeded(&bus.call_as(&ada, offer(&name)).await, 200);
    succeeded(&bus.call_as(&ada, json!({"action": "rename-container", "id": name, "name": renamed})).await, 204);
    let told = bus.call_as(&bob, about("inspect-instance", &renamed)).await;
    assert_eq!(told["Response"]["Body"]["offered"], json!(bob_name), "{told}");
    succeeded(&bus.call_as(&ada, json!({"action": "delete-container", "id": renamed, "force": true})).await, 204);
    denied(&bus.call_as(&bob, about("accept-instance", &renamed)).await);
    assert_eq!(bus.redis::<usize>(&["HLEN", &bus.key("ownership")]).await, 0);
    assert_eq!((bus.counted(&ada_name).await, bus.counted(&bob_name).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_does_not_start_on_what_somebody_else_made_meanwhile() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let [user, other] = ["dana", "erik"].map(unique);
    let dana = bus.known_user(&user, Role::User, &[]).await;
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    let (name, net, volume) = (unique("use"), unique("net"), unique("volume"));
    let (own, theirs) = (format!("deblox.owner={user}"), format!("deblox.owner={other}"));
    let network = |label: &str| docker(HOST, &["network", "create", "--label", label, &net]);
    network(&own);
    let undo = Undo::with(&["network", "rm", &net]);
    let scrub = Scrub::new(HOST, &name);
    let mut request = create(&name, "busybox");
    request["network"] = json!(net);
    id_of(&bus.call_as(&dana, request).await);
    docker(HOST, &["network", "rm", &net]);
    network(&theirs);
    let raw = |what: &str| {
        json!({"action": "docker", "method": "POST", "path": format!("/containers/{name}/{what}"),
        "dock": DOCK})
    };
    for request in [
        about("start-container", &name),
        about("restart-container", &name),
        json!({"action": "recreate-container", "id": name, "pull": "never"}),
        raw("start"),
        raw("restart"),
        json!({"action": "connect-network", "id": name, "network": net}),
    ] {
        let reply = bus.call_as(&dana, request).await;
        refused(&reply, 403, "forbidden", &[&net]);
    }
    assert_eq!(known("container", &name)["State"]["Status"], "created");
    // Everybody's is nobody else's, and hers is hers.
    for label in ["team=x", &own] {
        docker(HOST, &["network", "rm", &net]);
        network(label);
    }
    succeeded(&bus.call_as(&dana, about("start-container", &name)).await, 204);
    succeeded(&bus.call_as(&dana, json!({"action": "restart-container", "id": name, "time": 0})).await, 204);
    try_docker(HOST, &["rm", "-f", &name]);

    // A volume of somebody else, which only an operator or docker can have put there.
    docker(HOST, &["volume", "create", "--label", &theirs, &volume]);
    let undo_volume = Undo::with(&["volume", "rm", &volume]);
    let words = ["create", "--name", &name, "--label", &own, "-v", &format!("{volume}:/x"), "busybox", "sleep", "600"];
    let made = docker(HOST, &words);
    assert_eq!(bus.owner_of(&made).await, json!(user));
    refused(&bus.call_as(&dana, about("start-container", &name)).await, 403, "forbidden", &[&volume, "operator"]);
    succeeded(&bus.call_as(&olga, about("start-container", &name)).await, 204);
    drop((scrub, undo, undo_volume));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_user_has_a_network_of_its_own_where_the_worker_is_told_so() {
    let bus = Bus::new().await;
    let bounds = Bounds { user_networks: true, ..Bounds::default() };
    let _worker = bus.enforcing_within(HOST, DOCK, bounds).await;
    let users = ["ada@x", "bob_y"].map(unique);
    let tokens = [bus.known_user(&users[0], Role::User, &[]).await, bus.known_user(&users[1], Role::User, &[]).await];
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    let names = [unique("net"), unique("net"), unique("net"), unique("net")];
    let network_of = |name: &str| {
        known("container", name)["NetworkSettings"]["Networks"]
            .as_object()
            .expect("networks")
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let start = |name: &str| {
        let mut request = create(name, "busybox");
        request["start"] = json!(true);
        request
    };
    // At the same time, they make one network each.
    let requests = names.iter().enumerate().map(|(number, name)| bus.call_as(&tokens[number % 2], start(name)));
    for reply in join_all(requests).await {
        succeeded(&reply, 201);
    }
    let networks = [network_of(&names[0]), network_of(&names[1])];
    let undo: Vec<Undo> = networks.iter().map(|network| Undo::with(&["network", "rm", &network[0]])).collect();
    let scrubs = names.each_ref().map(|name| Scrub::new(HOST, name));
    assert_eq!((networks[0].len(), networks[1].len()), (1, 1));
    assert!(networks[0][0].starts_with("deblox-user-") && networks[0] != networks[1], "{networks:?}");
    assert_eq!((network_of(&names[2]), network_of(&names[3])), (networks[0].clone(), networks[1].clone()));
    for (network, user) in networks.iter().zip(&users) {
        assert_eq!(known("network", &network[0])["Labels"], json!({"deblox.owner": user}));
        let twins = docker(HOST, &["network", "ls", "-q", "--filter", &format!("name=^{}$", network[0])]);
        assert_eq!(twins.lines().count(), 1);
    }
    // They reach their own, and not the others.
    let address = |name: &str| {
        let container = known("container", name);
        let joined = container["NetworkSettings"]["Networks"].as_object().expect("networks").values().next().cloned();
        joined.expect("a network")["IPAddress"].as_str().expect("an address").to_owned()
    };
    let reaches = |from: &str, to: &str| {
        try_docker(HOST, &["exec", from, "ping", "-c", "1", "-W", "1", &address(to)]).status.success()
    };
    assert!(reaches(&names[0], &names[2]));
    assert!(!reaches(&names[0], &names[1]) && !reaches(&names[1], &names[0]));
    // The default bridge is not open to them by its name either; to operators it is.
    let other = unique("net");
    let scrub = Scrub::new(HOST, &other);
    let on = |network: &str| {
        let mut request = create(&other, "busybox");
        request["network"] = json!(network);
        request
    };
    let bridge = docker(HOST, &["network", "inspect", "-f", "{{.Id}}", "bridge"]);
    for network in ["bridge", &bridge, &networks[1][0]] {
        refused(&bus.call_as(&tokens[0], on(network)).await, 403, "forbidden", &[]);
    }
    for network in ["bridge", &networks[1][0]] {
        let connect = json!({"action": "connect-network", "id": names[0], "network": network});
        refused(&bus.call_as(&tokens[0], connect).await, 403, "forbidden", &[network]);
    }
    succeeded(&bus.call_as(&tokens[0], on("default")).await, 201);
    assert_eq!(network_of(&other), networks[0]);
    try_docker(HOST, &["rm", "-f", &other]);
    succeeded(&bus.call_as(&tokens[0], on("none")).await, 201);
    try_docker(HOST, &["rm", "-f", &other]);
    succeeded(&bus.call_as(&olga, create(&other, "busybox")).await, 201);
    assert_ne!(network_of(&other), networks[0]);
    for name in names.iter().chain([&other]) {
        try_docker(HOST, &["rm", "-f", name]);
    }
    drop((scrub, scrubs, undo));
}
