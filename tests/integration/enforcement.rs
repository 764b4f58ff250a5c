//! Who may do what, as workers enforce it: each cell of the policy, and what of it is seen in lists and events.

use std::time::{Duration, Instant};

use deblox::actions::Bounds;
use deblox::auth::{Accounts, Change, NewToken};
use deblox::bus::Bus as Handle;
use deblox::protocol::{Access, INSTANCES, REST, Reach, Role};
use deblox::worker::Authority;
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST};
use crate::auth::named;
use crate::more_actions::{exists, known};
use crate::support::{Bus, Scrub, Worker, docker, refused, succeeded, try_docker, unique, until};
use crate::witness::secret;

impl Bus {
    /// A worker that asks who it is.
    pub async fn enforcing(&self, host: usize, dock: &str) -> Worker {
        self.enforcing_within(host, dock, Bounds::default()).await
    }

    /// The same, with that of its host open to users.
    pub async fn enforcing_within(&self, host: usize, dock: &str, bounds: Bounds) -> Worker {
        let authority = Authority { session_idle: Duration::from_secs(1800), bounds };
        self.worker_with(host, dock, |options| options.authority = Some(authority)).await
    }

    /// A user with that role, and a token of it.
    pub async fn known_user(&self, name: &str, role: Role, groups: &[&str]) -> String {
        self.user(name, role, groups).await;
        self.token(name, "test", None).await
    }

    /// A token of a user.
    pub async fn token(&self, user: &str, name: &str, role: Option<Role>) -> String {
        let bus = Handle::new(&self.options()).expect("options");
        let new = NewToken { name: named(name), user: named(user), role, expires: None };
        let token = Accounts(&bus).add_token(&new).await.expect("a token").reveal().to_owned();
        secret(&token);
        token
    }

    /// Sends a request as whoever has that token.
    pub async fn call_as(&self, token: &str, mut request: Value) -> Value {
        request["token"] = json!(token);
        self.call(request).await
    }
}

/// A stopped container that the daemon has for longer than this test.
fn create(name: &str, labels: &[&str]) {
    let labels = labels.iter().flat_map(|label| ["--label", label]);
    let words = ["create", "--name", name].into_iter().chain(labels).chain(["busybox", "sleep", "600"]);
    docker(HOST, &words.collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_done_for_whom_nobody_knows() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let name = unique("stranger");
    let _scrub = Scrub::new(HOST, &name);
    let create = json!({"action": "create-container", "image": "busybox", "name": name});
    for request in [create.clone(), json!({"action": "list-docks"}), json!({"action": "ping"})] {
        refused(&bus.call(request.clone()).await, 401, "unauthenticated", &["`session`", "`token`"]);
        let mut forged = request;
        forged["token"] = json!("deblox_0000000000000000000000000000000000000000000000000000000000000000");
        refused(&bus.call(forged.clone()).await, 401, "unauthenticated", &["does not count"]);
        forged["session"] = forged["token"].take();
        forged.as_object_mut().expect("an object").remove("token");
        refused(&bus.call(forged).await, 401, "unauthenticated", &["does not count"]);
    }
    let both = json!({"action": "ping", "session": "a", "token": "b"});
    refused(&bus.call(both).await, 400, "bad-field", &["`token`", "`session`"]);
    assert!(!exists("container", &name));
    let stranger = json!({"action": "register", "hostname": "new.test", "requestId": "register.1"});
    refused(&bus.call(stranger).await, 401, "unauthenticated", &[]);
    let admin = bus.known_user("root", Role::Admin, &[]).await;
    let docks = bus.call_as(&admin, json!({"action": "list-docks"})).await;
    assert_eq!(docks["Response"]["Body"].as_array().map(Vec::len), Some(1), "{docks}");
}

/// What a right is tried with on an instance: the request, whose `id` is the instance's name, and whether its effect is seen.
fn attempt(access: Access, name: &str) -> (Value, Box<dyn Fn() -> bool>) {
    let mark = unique("mark");
    let (id, seen) = (name.to_owned(), mark.clone());
    match access {
        Access::View => (json!({"action": "inspect-container", "id": name}), Box::new(|| true)),
        Access::Operate => (
            json!({"action": "update-container", "id": name, "memory": "67108864", "restart": "no"}),
            Box::new(move || known("container", &id)["HostConfig"]["Memory"] == 67_108_864),
        ),
        Access::Exec => (
            json!({"action": "exec-container", "id": name, "cmd": ["touch", format!("/{mark}")]}),
            Box::new(move || try_docker(HOST, &["exec", &id, "ls", &format!("/{seen}")]).status.success()),
        ),
        Access::Create => (
            json!({"action": "commit-container", "id": name, "comment": mark}),
            Box::new(move || {
                let images = docker(HOST, &["images", "-q", "--no-trunc", "--filter", "dangling=true"]);
                images.lines().any(|image| known("image", image)["Comment"] == seen.as_str())
            }),
        ),
        Access::Delete => (
            json!({"action": "delete-container", "id": name, "force": true}),
            Box::new(move || !exists("container", &id)),
        ),
        Access::Admin => {
            (json!({"action": "share-instance", "id": name, "user": "guest", "rights": ["view"]}), Box::new(|| true))
        }
        Access::Dock => unreachable!("no right on an instance"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_right_on_instances_reaches_as_far_as_the_policy_says() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let admin = bus.known_user("root", Role::Admin, &[]).await;
    let family = unique("cell");
    for role in Role::ALL {
        let user = format!("{role}-user");
        let token = bus.known_user(&user, role, &["crew"]).await;
        for (access, reaches) in INSTANCES {
            let reach = reaches[role as usize];
            for (whose, mine) in
                [(format!("deblox.owner={user}"), true), ("deblox.owner=bob".to_owned(), false), (String::new(), false)]
            {
                let name = format!("{family}-{user}-{}-{}", access.as_str(), whose.len());
                let _scrub = Scrub::new(HOST, &name);
                create(
                    &name,
                    if whose.is_empty() { &[] } else { std::slice::from_ref(&whose) }
                        .iter()
                        .map(String::as_str)
                        .collect::<Vec<_>>()
                        .as_slice(),
                );
                docker(HOST, &["start", &name]);
                let (request, has_effect) = attempt(access, &name);
                // Until the worker knows of it, nobody but those who see all does.
                let reply = bus.call_as(&token, json!({"action": "inspect-container", "id": name, "dock": DOCK})).await;
                assert!(reply["statusCode"] == 200 || reply["statusCode"] == 404, "{reply}");
                let mut request = request;
                request["dock"] = json!(DOCK);
                let reply = bus.call_as(&token, request).await;
                if reach == Reach::All || (reach == Reach::Own && mine) {
                    assert!(reply.get("error").is_none(), "{role} {access:?} {whose}: {reply}");
                    assert!(has_effect(), "{role} {access:?} {whose}");
                } else if role == Role::User {
                    // It may not view it either.
                    refused(&reply, 404, "no-such-instance", &[&name]);
                    assert!(access == Access::View || access == Access::Admin || !has_effect(), "{role} {access:?}");
                } else {
                    let owner = if whose.is_empty() { "nobody" } else { whose.trim_start_matches("deblox.owner=") };
                    refused(&reply, 403, "forbidden", &[&format!("`{user}`"), access.as_str(), &name, owner]);
                    assert!(access == Access::View || access == Access::Admin || !has_effect(), "{role} {access:?}");
                }
                try_docker(HOST, &["rm", "-f", &name]);
            }
        }
    }
    for image in docker(HOST, &["images", "-q", "--filter", "dangling=true"]).lines() {
        if known("image", image)["Comment"].as_str().is_some_and(|comment| comment.starts_with("mark")) {
            try_docker(HOST, &["rmi", "-f", image]);
        }
    }
    let guests = bus.redis::<Vec<String>>(&["HVALS", &bus.key("ownership")]).await;
    assert!(guests.is_empty(), "nothing is said of what is gone: {guests:?}");
    drop(admin);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_right_on_the_rest_reaches_as_far_as_the_policy_says() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    for role in Role::ALL {
        let token = bus.known_user(&format!("{role}-user"), role, &[]).await;
        for (access, reaches) in REST {
            let volume = unique("volume");
            let made = format!("{volume}-made");
            docker(HOST, &["volume", "create", &volume]);
            let request = match access {
                Access::View => json!({"action": "inspect-volume", "volume": volume}),
                Access::Operate => json!({"action": "tag-image", "image": "busybox", "repo": volume, "dock": DOCK}),
                Access::Create => json!({"action": "create-volume", "name": made, "dock": DOCK}),
                Access::Delete => json!({"action": "remove-volume", "volume": volume, "dock": DOCK}),
                Access::Admin => json!({"action": "docker", "method": "POST", "path": "/networks/prune",
                    "query": {"filters": "{\"label\":[\"no-such-label\"]}"}, "dock": DOCK}),
                Access::Dock => json!({"action": "label-dock", "hostname": DOCK, "labels": {"role": role.as_str()}}),
                Access::Exec => unreachable!("only instances run anything"),
            };
            let reply = bus.call_as(&token, request).await;
            let effect = match access {
                Access::Operate => Some(exists("image", &volume)),
                Access::Create => Some(exists("volume", &made)),
                Access::Delete => Some(!exists("volume", &volume)),
                _ => None,
            };
            for (kind, name) in [("volume", &volume), ("volume", &made), ("image", &volume)] {
                try_docker(HOST, &[kind, "rm", name]);
            }
            if reaches[role as usize] == Reach::All {
                assert!(reply.get("error").is_none(), "{role} {access:?}: {reply}");
                assert_ne!(effect, Some(false), "{role} {access:?}");
            } else {
                refused(&reply, 403, "forbidden", &[role.as_str(), access.as_str()]);
                assert_ne!(effect, Some(true), "{role} {access:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_user_creates_is_its_own_until_it_is_given_away() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let ada = bus.known_user("ada", Role::User, &[]).await;
    let bob = bus.known_user("bob", Role::User, &["crew"]).await;
    let operator = bus.known_user("olga", Role::Operator, &[]).await;
    let viewer = bus.known_user("vera", Role::Viewer, &[]).await;
    let (name, other) = (unique("own"), unique("own"));
    let (_scrub, _scrub_other) = (Scrub::new(HOST, &name), Scrub::new(HOST, &other));
    let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name,
        "start": true});
    refused(&bus.call_as(&viewer, create.clone()).await, 403, "forbidden", &["viewer", "`create`"]);
    let mut foreign = create.clone();
    foreign["owner"] = json!("bob");
    refused(&bus.call_as(&ada, foreign.clone()).await, 403, "forbidden", &["`ada`", "`bob`", "`owner`"]);
    assert!(!exists("container", &name));
    let made = bus.call_as(&ada, create).await;
    succeeded(&made, 201);
    let id = made["Id"].as_str().expect("an id").to_owned();
    foreign["name"] = json!(other);
    succeeded(&bus.call_as(&operator, foreign).await, 201);

    // Of these two, those that a list shows.
    let listed = async |token: &str, all: bool| {
        let list = bus.call_as(token, json!({"action": "list-containers", "all": all, "dock": DOCK})).await;
        let body = &list["Response"]["Body"];
        let rows = if all { &body["containers"] } else { body };
        let shown = |wanted: &&str| {
            let is = |row: &Value| row["name"] == **wanted || row["Names"][0] == format!("/{wanted}");
            rows.as_array().unwrap_or_else(|| panic!("a list: {list}")).iter().any(is)
        };
        [name.as_str(), other.as_str()]
            .iter()
            .filter(|name| shown(name))
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    for all in [false, true] {
        assert_eq!(listed(&ada, all).await, [name.as_str()]);
        assert_eq!(listed(&bob, all).await, [other.as_str()]);
        assert_eq!(listed(&operator, all).await, [name.as_str(), other.as_str()]);
        assert_eq!(listed(&viewer, all).await, [name.as_str(), other.as_str()]);
    }
    let newest = bus.call_as(&ada, json!({"action": "list-containers", "limit": 1, "dock": DOCK})).await;
    assert_eq!(newest["Response"]["Body"][0]["Id"], id.as_str(), "the newest of those that are seen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_shared_with_users_and_groups_and_given_away() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let ada = bus.known_user("ada", Role::User, &[]).await;
    let bob = bus.known_user("bob", Role::User, &["crew"]).await;
    let name = unique("own");
    let _scrub = Scrub::new(HOST, &name);
    let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name,
        "start": true});
    let made = bus.call_as(&ada, create).await;
    succeeded(&made, 201);
    let id = made["Id"].as_str().expect("an id").to_owned();

    // With a group to operate, and with bob to run things in it.
    let stop = json!({"action": "stop-container", "id": name, "time": 0});
    let exec = json!({"action": "exec-container", "id": name, "cmd": ["true"]});
    let give = json!({"action": "chown-instance", "id": name, "owner": "bob"});
    refused(&bus.call_as(&bob, exec.clone()).await, 404, "no-such-instance", &[&name]);
    refused(&bus.call_as(&bob, give.clone()).await, 404, "no-such-instance", &[&name]);
    let share = |who: &str, whom: &str, rights: Value| json!({"action": "share-instance", "id": name, who: whom, "rights": rights});
    let shared = bus.call_as(&ada, share("group", "crew", json!(["operate"]))).await;
    succeeded(&shared, 200);
    assert_eq!(shared["Response"]["Body"]["groups"], json!({"crew": ["operate"]}));
    refused(&bus.call_as(&bob, exec.clone()).await, 403, "forbidden", &["`bob`", "`exec`", &name, "`ada`"]);
    refused(&bus.call_as(&bob, give.clone()).await, 403, "forbidden", &["`admin`", "`ada`"]);
    succeeded(&bus.call_as(&ada, share("user", "bob", json!(["exec"]))).await, 200);
    let told = bus.call_as(&bob, json!({"action": "inspect-instance", "id": name})).await;
    let (id_of, sharers) = (&told["Response"]["Body"]["id"], &told["Response"]["Body"]["users"]);
    assert_eq!((id_of, sharers), (&json!(id), &json!({"bob": ["exec"]})), "{told}");
    assert_eq!((&told["Response"]["Body"]["owner"], &told["Response"]["Body"]["name"]), (&json!("ada"), &json!(name)));
    succeeded(&bus.call_as(&bob, exec.clone()).await, 200);
    succeeded(&bus.call_as(&bob, stop).await, 204);
    let list = bus.call_as(&bob, json!({"action": "list-containers", "all": true})).await;
    assert_eq!(list["Response"]["Body"]["containers"][0]["name"], name.as_str(), "{list}");
    let remove = json!({"action": "delete-container", "id": name, "force": true});
    refused(&bus.call_as(&bob, remove).await, 403, "forbidden", &["`delete`"]);
    for (rights, who, named) in [(json!(["own"]), "user", "`own`"), (json!(["view"]), "team", "`team`")] {
        let reply = bus.call_as(&ada, share(who, "bob", rights)).await;
        assert_eq!(reply["statusCode"], 400, "{reply}");
        assert!(reply["message"].as_str().is_some_and(|message| message.contains(named)), "{reply}");
    }
    succeeded(&bus.call_as(&ada, share("user", "bob", json!([]))).await, 200);
    refused(&bus.call_as(&bob, exec.clone()).await, 403, "forbidden", &["`exec`"]);

    // Renamed, changed, made an image of and recreated it is the same user's, with the same sharers.
    let renamed = format!("{name}-b");
    let _scrub_renamed = Scrub::new(HOST, &renamed);
    succeeded(&bus.call_as(&bob, json!({"action": "rename-container", "id": name, "name": renamed})).await, 204);
    succeeded(&bus.call_as(&ada, json!({"action": "update-container", "id": renamed, "memory": "64m"})).await, 200);
    let nobody = json!({"action": "chown-instance", "id": renamed, "owner": "carol"});
    refused(&bus.call_as(&ada, nobody).await, 400, "bad-field", &["`owner`", "`carol`"]);
    let owners = async |id: &str| {
        let record: String = bus.redis(&["HGET", &bus.key("owners"), id]).await;
        serde_json::from_str::<Value>(&record).expect("a record")["owner"].clone()
    };
    assert_eq!(owners(&id).await, "ada");
    // Given to bob, who is in the crew as ada is not: its share stays.
    succeeded(&bus.call_as(&ada, json!({"action": "chown-instance", "id": renamed, "owner": "bob"})).await, 200);
    assert_eq!(owners(&id).await, "ada", "it is only offered");
    succeeded(&bus.call_as(&bob, json!({"action": "decline-instance", "id": renamed})).await, 200);
    succeeded(&bus.call_as(&ada, json!({"action": "chown-instance", "id": renamed, "owner": "bob"})).await, 200);
    succeeded(&bus.call_as(&bob, json!({"action": "accept-instance", "id": renamed})).await, 200);
    assert_eq!(owners(&id).await, "bob");
    refused(
        &bus.call_as(&ada, json!({"action": "inspect-container", "id": renamed})).await,
        404,
        "no-such-instance",
        &[&renamed],
    );
    let recreate = json!({"action": "recreate-container", "id": renamed, "pull": "never", "settle": 0});
    let recreated = bus.call_as(&bob, recreate).await;
    succeeded(&recreated, 201);
    let new = recreated["Id"].as_str().expect("an id");
    assert_ne!(new, id);
    assert_eq!(owners(new).await, "bob");
    refused(
        &bus.call_as(&ada, json!({"action": "inspect-container", "id": renamed})).await,
        404,
        "no-such-instance",
        &[&renamed],
    );
    let said: Vec<String> = bus.redis(&["HKEYS", &bus.key("ownership")]).await;
    assert_eq!(said, [new], "of the old one nothing is kept");

    // What Redis forgets, the worker knows.
    let keys: Vec<String> = bus.redis(&["KEYS", &bus.key("*")]).await;
    bus.redis::<i64>(&["DEL"].into_iter().chain(keys.iter().map(String::as_str)).collect::<Vec<_>>()).await;
    until("its owner is known again", async || {
        let all: Vec<String> = bus.redis(&["HVALS", &bus.key("ownership")]).await;
        all.iter().any(|said| said.contains("bob") && said.contains("crew")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_made_of_an_instance_makes_nobody_an_owner() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let ada = bus.known_user("ada", Role::User, &[]).await;
    let (name, image, by_hand) = (unique("origin"), unique("ada/image"), unique("by-hand"));
    let (_scrub, _scrub_other) = (Scrub::new(HOST, &name), Scrub::new(HOST, &by_hand));
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "labels": {"team": "x"}});
    succeeded(&bus.call_as(&ada, create).await, 201);
    let commit = json!({"action": "commit-container", "id": name, "repo": image});
    succeeded(&bus.call_as(&ada, commit).await, 201);
    docker(HOST, &["create", "--name", &by_hand, &image, "true"]);
    let labels = known("container", &by_hand)["Config"]["Labels"].clone();
    try_docker(HOST, &["rm", &by_hand, &name]);
    try_docker(HOST, &["rmi", &image]);
    assert_eq!(labels["team"], "x");
    assert_eq!((&labels["deblox.owner"], &labels["deblox.request"]), (&json!(""), &json!("")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_does_no_more_than_its_own_role() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let ada = bus.known_user("ada", Role::User, &[]).await;
    let looking = bus.token("ada", "looking", Some(Role::Viewer)).await;
    let (own, other) = (unique("scope"), unique("scope"));
    let (_scrub, _scrub_other) = (Scrub::new(HOST, &own), Scrub::new(HOST, &other));
    succeeded(&bus.call_as(&ada, json!({"action": "create-container", "image": "busybox", "name": own})).await, 201);
    create(&other, &["deblox.owner=bob"]);
    let inspect = |name: &str| json!({"action": "inspect-container", "id": name, "dock": DOCK});
    succeeded(&bus.call_as(&looking, inspect(&own)).await, 200);
    refused(&bus.call_as(&looking, inspect(&other)).await, 404, "no-such-instance", &[&other]);
    refused(
        &bus.call_as(&looking, json!({"action": "start-container", "id": own})).await,
        403,
        "forbidden",
        &["viewer"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_ends_ends_on_every_node_within_a_second() {
    let bus = Bus::new().await;
    let (_one, _two) = (bus.enforcing(HOST, "a.test").await, bus.enforcing(1, "b.test").await);
    let manager = bus.manager();
    bus.user("ada", Role::User, &[]).await;
    let session = bus.session("ada").await;
    let asks = |request: Value| {
        let mut request = request;
        request["session"] = json!(session);
        request
    };
    for dock in ["a.test", "b.test"] {
        succeeded(&bus.call(asks(json!({"action": "ping", "dock": dock}))).await, 200);
    }
    let name = unique("stream");
    let _scrub = Scrub::new(HOST, &name);
    let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name,
        "start": true, "dock": "a.test"});
    succeeded(&bus.call(asks(create)).await, 201);
    let follow = asks(json!({"action": "container-logs", "id": name, "follow": true, "requestId": "follow.1"}));
    bus.send(&["json", &follow.to_string()]).await;
    until("it streams", async || {
        let output: usize = bus.redis(&["XLEN", &bus.key("output.follow.1")]).await;
        (output > 0).then_some(())
    })
    .await;
    assert_eq!(bus.auth("logout", json!({"sessionID": session})).await, r#"{"status":"ok"}"#);
    let ended = Instant::now();
    for dock in ["a.test", "b.test"] {
        let reply = bus.call(asks(json!({"action": "ping", "dock": dock}))).await;
        refused(&reply, 401, "unauthenticated", &["log in again"]);
    }
    refused(&bus.reply("follow.1").await, 401, "unauthenticated", &["log in again"]);
    assert!(ended.elapsed() < Duration::from_secs(5), "{:?}", ended.elapsed());
    drop(manager);

    // A token counts as its account does, and a stream of it ends with its right.
    let token = bus.token("ada", "test", None).await;
    let mut follow = json!({"action": "container-logs", "id": name, "follow": true, "requestId": "follow.2"});
    follow["token"] = json!(token);
    bus.send(&["json", &follow.to_string()]).await;
    until("it streams", async || {
        let output: usize = bus.redis(&["XLEN", &bus.key("output.follow.2")]).await;
        (output > 0).then_some(())
    })
    .await;
    let handle = Handle::new(&bus.options()).expect("options");
    Accounts(&handle).change(&named("ada"), &Change::Disable).await.expect("it is disabled");
    refused(&bus.call_as(&token, json!({"action": "ping"})).await, 401, "unauthenticated", &[]);
    refused(&bus.reply("follow.2").await, 401, "unauthenticated", &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_that_changes_something_is_told_with_who_and_how_it_ended() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let ada = bus.known_user("ada", Role::User, &[]).await;
    let bob = bus.known_user("bob", Role::User, &[]).await;
    let name = unique("audit");
    let _scrub = Scrub::new(HOST, &name);
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "env": ["PASSWORD=sesame"]});
    let made = bus.call_as(&ada, create).await;
    succeeded(&made, 201);
    succeeded(&bus.call_as(&ada, json!({"action": "inspect-container", "id": name})).await, 200);
    refused(&bus.call_as(&bob, json!({"action": "start-container", "id": name})).await, 404, "no-such-instance", &[]);
    refused(&bus.call(json!({"action": "delete-container", "id": name})).await, 401, "unauthenticated", &[]);
    let told = bus.audited().await;
    let told: Vec<Value> = told.into_iter().filter(|record| record["action"] != "use-token").collect();
    let short: Vec<Value> = told
        .iter()
        .map(|told| json!([told["action"], told["user"], told["token"], told["status"], told["error"]]))
        .collect();
    assert_eq!(
        json!(short),
        json!([
            ["create-container", "ada", "test", 201, null],
            ["inspect-container", "ada", "test", 200, null],
            ["start-container", "bob", "test", 404, "no-such-instance"],
            ["delete-container", null, null, 401, "unauthenticated"],
        ])
    );
    assert_eq!((&told[0]["id"], &told[0]["name"], &told[0]["dock"]), (&made["Id"], &json!(name), &json!(DOCK)));
    // Bob may read this record, and does not learn which instance it is.
    assert_eq!((&told[2]["id"], &told[0]["about"]), (&json!(name), &json!("busybox")));
    assert!(!format!("{told:?}").contains("sesame"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_auth_manager_says_beforehand_what_workers_decide() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let _manager = bus.manager();
    let ada = bus.known_user("ada", Role::User, &[]).await;
    let bob = bus.known_user("bob", Role::User, &[]).await;
    let name = unique("asked");
    let _scrub = Scrub::new(HOST, &name);
    let create = json!({"action": "create-container", "image": "busybox", "name": name});
    succeeded(&bus.call_as(&ada, create).await, 201);
    let ask = async |token: &str, question: Value| {
        let mut message = json!({"token": token});
        message.as_object_mut().expect("an object").extend(question.as_object().expect("an object").clone());
        serde_json::from_str::<Value>(&bus.auth("authorise", message).await).expect("JSON")
    };
    let stop = json!({"action": "stop-container", "id": name});
    let told = ask(&ada, stop.clone()).await;
    assert_eq!(told, json!({"status": "ok", "username": "ada", "groups": [], "role": "user", "allowed": true}));
    let told = ask(&bob, stop.clone()).await;
    let refusal = bus.call_as(&bob, stop.clone()).await;
    refused(&refusal, 404, "no-such-instance", &[&name]);
    assert_eq!((&told["allowed"], &told["reason"]), (&json!(false), &refusal["message"]));

    let share = json!({"action": "share-instance", "id": name, "user": "bob", "rights": ["operate"]});
    succeeded(&bus.call_as(&ada, share).await, 200);
    assert_eq!(ask(&bob, stop).await["allowed"], true);
    for (question, allowed, named) in [
        (json!({"action": "create-container"}), true, ""),
        (json!({"action": "list-containers"}), true, ""),
        (json!({"action": "drain"}), false, "admins"),
        (json!({"action": "disk-usage"}), false, "all users"),
        (json!({"action": "docker"}), false, "operators"),
        (json!({"action": "inspect-container", "id": "no-such"}), false, "`no-such`"),
        (json!({"action": "inspect-container", "id": name, "dock": "b.test"}), false, &name),
        (json!({"action": "inspect-container"}), false, "id"),
        (json!({"action": "inspct-container", "id": name}), false, "`inspect-container`"),
        (json!({"action": "list-docks", "id": name}), false, "list-docks"),
    ] {
        let told = ask(&bob, question.clone()).await;
        assert_eq!(told["allowed"], allowed, "{question}: {told}");
        assert!(told["reason"].as_str().unwrap_or_default().contains(named), "{question}: {told}");
    }
    assert_eq!(ask("none", json!({"action": "ping"})).await, json!({"status": "denied"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_other_way_to_what_a_user_may_not() {
    let bus = Bus::new().await;
    let (_here, _there) = (bus.enforcing(HOST, DOCK).await, bus.enforcing(1, "b.test").await);
    let (ada, ben) = (unique("ada"), unique("ben"));
    let (ada_s, ben_s) = (bus.known_user(&ada, Role::User, &[]).await, bus.known_user(&ben, Role::User, &[]).await);
    let (name, alone) = (unique("way"), unique("way"));
    let _scrubs = (Scrub::new(HOST, &name), Scrub::new(1, &name), Scrub::new(HOST, &alone));
    let run = |name: &str, dock: &str| {
        json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name, "start": true,
            "dock": dock})
    };
    let made = bus.call_as(&ada_s, run(&name, DOCK)).await;
    succeeded(&made, 201);
    succeeded(&bus.call_as(&ben_s, run(&name, "b.test")).await, 201);
    succeeded(&bus.call_as(&ben_s, run(&alone, DOCK)).await, 201);

    // One name, two users: each means its own, and is not told of the other's.
    let inspected = bus.call_as(&ada_s, json!({"action": "inspect-container", "id": name})).await;
    assert_eq!(inspected["Response"]["Body"]["Id"], made["Id"], "{inspected}");
    let some = made["Id"].as_str().expect("an id");
    let admin = bus.known_user("root", Role::Admin, &[]).await;
    refused(
        &bus.call_as(&admin, json!({"action": "inspect-container", "id": name})).await,
        409,
        "ambiguous-instance",
        &[DOCK, "b.test"],
    );

    // Whoever may operate it does not run an image of its own with what the owner has.
    let share = json!({"action": "share-instance", "id": name, "dock": DOCK, "user": ben, "rights": ["operate"]});
    succeeded(&bus.call_as(&ada_s, share).await, 200);
    let recreate = json!({"action": "recreate-container", "id": some, "image": "busybox", "pull": "never"});
    refused(&bus.call_as(&ben_s, recreate).await, 403, "forbidden", &["`admin`", &ada]);
    let update = json!({"action": "docker", "method": "POST", "path": format!("/containers/{alone}/update"),
        "body": {"memory": 64 << 20}, "dock": DOCK});
    refused(&bus.call_as(&ben_s, update).await, 403, "forbidden", &["Memory", "`update-container`"]);

    // What looks like another's instance inside a request holds nobody up.
    let mut exec = json!({"action": "exec-container", "id": alone, "cmd": ["sleep", "20"], "env": {"id": &some[..1]},
        "requestId": "long.1"});
    exec["token"] = json!(ben_s);
    bus.send(&["json", &exec.to_string()]).await;
    until("it runs", async || docker(HOST, &["top", &alone]).contains("sleep 20").then_some(())).await;
    succeeded(&bus.call_as(&ada_s, json!({"action": "stop-container", "id": some, "time": 0})).await, 204);
    assert_eq!(bus.redis::<usize>(&["LLEN", &bus.key("reply.long.1")]).await, 0, "it still runs");

    // A stream is of the instance that it began with, whatever is called so now.
    let mut attach = json!({"action": "docker", "method": "POST", "path": format!("/containers/{name}/attach"),
        "query": {"stream": "1", "stdout": "1"}, "stream": true, "dock": DOCK, "requestId": "raw.1"});
    attach["token"] = json!(ben_s);
    let share = json!({"action": "share-instance", "id": some, "user": ben, "rights": ["exec", "operate"]});
    succeeded(&bus.call_as(&ada_s, share).await, 200);
    succeeded(&bus.call_as(&ada_s, json!({"action": "start-container", "id": some})).await, 204);
    bus.send(&["json", &attach.to_string()]).await;
    until("it streams", async || {
        let output: usize = bus.redis(&["XLEN", &bus.key("output.raw.1")]).await;
        (output > 0).then_some(())
    })
    .await;
    let renamed = format!("{name}-b");
    let _scrub = Scrub::new(HOST, &renamed);
    succeeded(&bus.call_as(&ben_s, json!({"action": "rename-container", "id": some, "name": renamed})).await, 204);
    let end = json!({"action": "share-instance", "id": some, "user": ben, "rights": []});
    succeeded(&bus.call_as(&ada_s, end).await, 200);
    refused(&bus.reply("raw.1").await, 403, "forbidden", &[&ada]);
}
