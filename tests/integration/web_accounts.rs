//! Users, tokens and passwords by HTTP.

use deblox::protocol::Role;
use serde_json::{Value, json};

use crate::auth::PASSWORD;
use crate::support::Bus;
use crate::web::{Answer, Node};
use crate::witness::secret;

impl Node {
    /// Asks the API as somebody.
    pub async fn api(&self, bearer: &str, target: &str, body: Value) -> Answer {
        let (method, path) = target.split_once(' ').expect("a method and a path");
        let head = format!("Authorization: Bearer {bearer}\r\nContent-Type: application/json");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask(&format!("{method} /api/v1{path}"), &head, &body).await
    }

    /// The same, which must be refused.
    pub async fn refuses(&self, bearer: &str, target: &str, body: Value, status: u16, code: &str) {
        let answer = self.api(bearer, target, body).await;
        let problem = answer.json();
        assert_eq!((answer.status, &problem["code"]), (status, &json!(code)), "{target}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 20), "{problem}");
    }
}

impl Bus {
    /// The session that a password gives.
    async fn try_login(&self, name: &str, password: &str) -> Option<String> {
        let reply = self.auth("login", json!({"username": name, "password": password})).await;
        let reply: Value = serde_json::from_str(&reply).expect("JSON");
        let session = reply["sessionID"].as_str().map(str::to_owned);
        session.inspect(|session| secret(session))
    }
}

/// A text of an answer that must be in nothing that is kept or logged.
fn secret_of(answer: &Answer, name: &str) -> String {
    let text = answer.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {answer:?}")).to_owned();
    secret(&text);
    text
}

/// Who did what to whom, with what outcome, as `deblox.audit` has it.
async fn told(bus: &Bus) -> Vec<String> {
    let beside = ["login", "logout", "use-token", "http"];
    let asked =
        bus.audited().await.into_iter().filter(|record| beside.iter().all(|action| record["action"] != *action));
    asked
        .map(|event| {
            let word = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {}", word("user"), word("action"), word("about"), event["status"])
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admins_manage_users() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    for (name, role) in [("root", Role::Admin), ("ada", Role::User)] {
        bus.user(name, role, &[]).await;
    }
    let node = Node::enforcing(&bus).await;
    let (root, ada) = (bus.session("root").await, bus.session("ada").await);

    let made = node.api(&root, "POST /users", json!({"name": "eve", "role": "operator", "groups": ["crew"]})).await;
    assert_eq!((made.status, &made.json()["name"]), (201, &json!("eve")));
    let first = secret_of(&made, "password");
    assert!(bus.logs_in("eve", &first).await);
    let chosen = json!({"name": "kim", "role": "viewer", "groups": [], "password": "open-sesame-9"});
    let made = node.api(&root, "POST /users", chosen.clone()).await;
    assert_eq!((made.status, made.json()), (201, json!({"name": "kim", "password": null})));
    node.refuses(&root, "POST /users", chosen, 409, "user-exists").await;
    node.refuses(&root, "POST /users", json!({"name": "x", "role": "user", "password": "short"}), 400, "bad-field")
        .await;
    node.refuses(&root, "POST /users", json!({"name": "-x", "role": "user"}), 400, "bad-field").await;
    node.refuses(&root, "POST /users", json!({"name": "x", "role": "king"}), 400, "bad-field").await;

    let users = node.api(&root, "GET /users", Value::Null).await;
    assert_eq!(users.status, 200);
    let users = users.json();
    let names = users["users"].as_array().expect("a list").iter().map(|user| user["name"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["ada", "eve", "kim", "root"]);
    let eve = &users["users"][1];
    assert_eq!((&eve["role"], &eve["groups"]), (&json!("operator"), &json!(["crew"])));
    let is = |name: &str| eve[name] == true;
    assert_eq!((is("temporary"), is("disabled"), is("external")), (true, false, false));
    assert!(!users.to_string().contains("argon2"), "{users}");

    // Only what is said is changed, and a password that was made is shown once.
    let before = bus.try_login("eve", &first).await.expect("a session");
    let changed = node.api(&root, "PATCH /users/eve", json!({"role": "user"})).await;
    assert_eq!((changed.status, changed.json()), (200, json!({"name": "eve", "password": null})));
    assert!(bus.counts(&before).await);
    let changed = node.api(&root, "PATCH /users/eve", json!({"generate": true, "groups": []})).await;
    let second = secret_of(&changed, "password");
    assert!(!bus.counts(&before).await && !bus.logs_in("eve", &first).await && bus.logs_in("eve", &second).await);
    let off = node.api(&root, "PATCH /users/eve", json!({"disabled": true})).await;
    assert_eq!((off.status, bus.logs_in("eve", &second).await), (200, false));
    let on = node.api(&root, "PATCH /users/eve", json!({"disabled": false})).await;
    assert_eq!((on.status, bus.logs_in("eve", &second).await), (200, true));
    let both = json!({"password": "open-sesame-9", "generate": true, "role": "admin"});
    node.refuses(&root, "PATCH /users/eve", both, 400, "bad-field").await;
    node.refuses(&root, "PATCH /users/eve", json!({"colour": "red"}), 400, "bad-field").await;
    node.refuses(&root, "PATCH /users/nobody", json!({"role": "user"}), 404, "no-such-user").await;
    let gone = node.api(&root, "DELETE /users/eve", Value::Null).await;
    assert_eq!((gone.status, bus.logs_in("eve", &second).await), (204, false));
    node.refuses(&root, "DELETE /users/eve", Value::Null, 404, "no-such-user").await;

    // Nobody takes it from oneself, and others may not at all.
    for change in [json!({"role": "operator"}), json!({"disabled": true})] {
        node.refuses(&root, "PATCH /users/root", change, 409, "own-account").await;
    }
    node.refuses(&root, "DELETE /users/root", Value::Null, 409, "own-account").await;
    node.refuses(&ada, "GET /users", Value::Null, 403, "forbidden").await;
    node.refuses(&ada, "PATCH /users/ada", json!({"role": "admin"}), 403, "forbidden").await;
    let less = bus.token("root", "less", Some(Role::Operator)).await;
    node.refuses(&less, "GET /users", Value::Null, 403, "forbidden").await;

    let told = told(&bus).await;
    for line in [
        "root add-user eve 200",
        "root add-user kim 409",
        "root change-user eve 200",
        "root remove-user eve 200",
        "root remove-user root 409",
        "ada change-user ada 403",
    ] {
        assert!(told.iter().any(|told| told == line), "{line}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_is_always_left_who_manages_users() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    for name in ["one", "two"] {
        bus.user(name, Role::Admin, &[]).await;
    }
    let node = Node::enforcing(&bus).await;
    let (one, two) = (bus.session("one").await, bus.session("two").await);
    // Each takes it from the other at the same time.
    let (a, b) = tokio::join!(
        node.api(&one, "PATCH /users/two", json!({"role": "user"})),
        node.api(&two, "PATCH /users/one", json!({"role": "user"})),
    );
    let done = [&a, &b].iter().filter(|answer| answer.status == 200).count();
    assert_eq!(done, 1, "{a:?} {b:?}");
    let admins = bus.says(&["user", "ls", "--format", "json"]).await.matches("\"admin\"").count();
    assert_eq!(admins, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_has_tokens_of_ones_own() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    for (name, role) in [("root", Role::Admin), ("ada", Role::User)] {
        bus.user(name, role, &[]).await;
    }
    let node = Node::enforcing(&bus).await;
    let (root, ada) = (bus.session("root").await, bus.session("ada").await);
    let made = node.api(&ada, "POST /tokens", json!({"name": "ci", "role": "viewer", "days": 30})).await;
    assert_eq!((made.status, &made.json()["name"]), (201, &json!("ci")), "{made:?}");
    let token = secret_of(&made, "token");
    let made = node.api(&root, "POST /tokens", json!({"name": "all"})).await;
    let all = secret_of(&made, "token");
    let made = node.api(&root, "POST /tokens", json!({"name": "hers", "user": "ada"})).await;
    assert_eq!(made.status, 201);
    secret_of(&made, "token");

    node.refuses(&ada, "POST /tokens", json!({"name": "ci"}), 409, "token-exists").await;
    node.refuses(&ada, "POST /tokens", json!({"name": "more", "role": "admin"}), 403, "forbidden").await;
    node.refuses(&ada, "POST /tokens", json!({"name": "his", "user": "root"}), 403, "forbidden").await;
    node.refuses(&ada, "POST /tokens", json!({"name": "short", "days": 0}), 400, "bad-field").await;
    node.refuses(&root, "POST /tokens", json!({"name": "x", "user": "nobody"}), 404, "no-such-user").await;
    for caller in [&token, &all] {
        node.refuses(caller, "POST /tokens", json!({"name": "another"}), 403, "forbidden").await;
    }

    let listed = async |bearer: &str| {
        let tokens = node.api(bearer, "GET /tokens", Value::Null).await.json();
        assert!(!tokens.to_string().contains(&token), "{tokens}");
        tokens["tokens"].as_array().expect("a list").clone()
    };
    let names = |tokens: &[Value]| tokens.iter().map(|token| token["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&listed(&ada).await), ["ci", "hers"]);
    assert_eq!(names(&listed(&token).await), ["ci", "hers"]);
    let of_all = listed(&root).await;
    assert_eq!(names(&of_all), ["ci", "all", "hers"]);
    let ci = &of_all[0];
    assert_eq!((&ci["user"], &ci["role"], ci["used"].is_u64()), (&json!("ada"), &json!("viewer"), true), "{ci}");
    let lasts = ci["expires"].as_u64().expect("a time") - ci["created"].as_u64().expect("a time");
    assert_eq!(lasts, 30 * 24 * 60 * 60 * 1000);

    let id = |token: &Value| token["id"].as_str().expect("an id").to_owned();
    node.refuses(&ada, &format!("DELETE /tokens/{}", id(&of_all[1])), Value::Null, 404, "no-such-token").await;
    node.refuses(&token, &format!("DELETE /tokens/{}", id(&of_all[2])), Value::Null, 403, "forbidden").await;
    assert_eq!(node.api(&ada, &format!("DELETE /tokens/{}", id(ci)), Value::Null).await.status, 204);
    assert_eq!(node.api(&token, "GET /tokens", Value::Null).await.status, 401);
    let told = told(&bus).await;
    for line in ["ada add-token ada/ci 200", "root add-token ada/hers 200", "ada revoke-token ada/ci 200"] {
        assert!(told.iter().any(|told| told == line), "{line}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_ends_the_other_sessions() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    bus.user("ada", Role::User, &[]).await;
    let node = Node::enforcing(&bus).await;
    let (here, there) = (bus.session("ada").await, bus.session("ada").await);
    let change = |old: &str, new: &str| json!({"old": old, "new": new});
    let new = "another-sesame-7";
    secret(new);
    node.refuses(&here, "POST /me/password", change("wrong-wrong", new), 403, "wrong-password").await;
    node.refuses(&here, "POST /me/password", change(PASSWORD, "short"), 400, "bad-field").await;
    let token = bus.token("ada", "ci", None).await;
    node.refuses(&token, "POST /me/password", change(PASSWORD, new), 403, "forbidden").await;
    let changed = node.api(&here, "POST /me/password", change(PASSWORD, new)).await;
    assert_eq!((changed.status, changed.body.len()), (204, 0), "{changed:?}");
    assert!(!bus.counts(&there).await && !bus.counts(&here).await);
    let cookie = changed.header("set-cookie");
    assert!(cookie.contains("HttpOnly"), "{cookie}");
    let session = cookie.strip_prefix("deblox_session=").and_then(|rest| rest.split(';').next()).expect("a session");
    secret(session);
    assert!(bus.counts(session).await);
    assert!(bus.logs_in("ada", new).await && !bus.logs_in("ada", PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_logs_in_only_an_admin_who_has_manages_users() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    bus.user("root", Role::Admin, &[]).await;
    let node = Node::start(&bus).await;
    for target in ["/users", "/tokens"] {
        let refused = node.ask(&format!("GET /api/v1{target}"), "", "").await;
        assert_eq!(refused.status, 403, "{refused:?}");
        assert!(refused.text().contains("deblox user"), "{refused:?}");
    }
    let root = bus.session("root").await;
    assert_eq!(node.api(&root, "GET /users", Value::Null).await.status, 200);
}
