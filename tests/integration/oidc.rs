//! Logins at an OpenID Connect provider: a real one, and a browser that goes there and comes back.

use std::io::{Read, Write};
use std::net::TcpListener;

use deblox::protocol::Role;
use deblox::protocol::limits::BEGUN_LOGINS;
use serde_json::{Value, json};
use url::Url;

use crate::auth::PASSWORD;
use crate::processes::Program;
use crate::provider::{Browser, CLIENT_SECRET, Node, PUBLIC, Page, Provider};
use crate::support::{Bus, deblox, port, until};

/// Somebody at the provider.
fn claims(name: &str, groups: &[&str]) -> Value {
    json!({"preferred_username": name, "groups": groups})
}

/// Asserts that deblox has refused a login, with a page that says why.
fn refused(page: &Page, status: u16, why: &str) {
    assert_eq!((page.status, page.header("content-type")), (status, "text/html; charset=utf-8"), "{page:?}");
    assert!(page.body.contains(why) && page.body.matches("<p>").count() == 1, "not {why:?}: {page:?}");
    assert!(!page.headers.iter().any(|(_, value)| value.contains("deblox_session")), "{page:?}");
}

/// Asserts that deblox has let somebody in.
fn let_in(page: &Page) {
    assert_eq!((page.status, page.header("location")), (303, "/"), "{page:?}");
}

impl Bus {
    async fn account(&self, name: &str) -> Value {
        let text: Option<String> = self.redis(&["HGET", &self.key("auth.users"), name]).await;
        text.map_or(Value::Null, |text| serde_json::from_str(&text).expect("JSON"))
    }

    async fn begun_logins(&self) -> usize {
        self.redis::<Vec<String>>(&["KEYS", &self.key("auth.oidc.*")]).await.len()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_logs_in_at_the_provider_has_the_role_of_its_groups() {
    let bus = Bus::new().await;
    let provider = Provider::start().await;
    provider.user("s-1", claims("ada", &["ops", "dev", "/a group"]));
    let mut node = Node::start(&bus, &provider.issuer).await;
    let mut browser = Browser::at(&node);
    assert_eq!(browser.ask("GET", "/auth/me").status, 401);

    let departure = browser.ask("GET", "/auth/oidc/login");
    assert_eq!((departure.status, departure.header("cache-control")), (303, "no-store"));
    let cookie = departure.header("set-cookie").to_owned();
    for part in ["; Path=/;", "; HttpOnly;", "; SameSite=Lax;", "; Max-Age=600;", "; Secure"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    let url = departure.next();
    let asked: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert!(url.as_str().starts_with(&provider.issuer), "{url}");
    assert_eq!((&*asked["response_type"], &*asked["code_challenge_method"]), ("code", "S256"), "{url}");
    assert_eq!((&*asked["scope"], &*asked["client_id"]), ("openid profile groups", "deblox"), "{url}");
    assert!(asked["state"].len() == 64 && asked["nonce"].len() == 64 && asked["state"] != asked["nonce"], "{url}");
    assert_eq!(bus.begun_logins().await, 1);

    let callback = browser.through(&url, "s-1");
    let arrived = browser.get(&callback);
    let_in(&arrived);
    assert_eq!(bus.begun_logins().await, 0);
    let kept: Vec<&str> = browser.cookies.keys().filter(|of| of.0 == "deblox.test").map(|of| &*of.2).collect();
    assert_eq!(kept, ["__Host-deblox_session"], "the other one is forgotten");
    let session = arrived.header("set-cookie").to_owned();
    assert!(
        session.starts_with("__Host-deblox_session=") && session.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure")
    );
    let session = session["__Host-deblox_session=".len()..].split(';').next().expect("a value").to_owned();
    assert_eq!(browser.me(), json!(["ada", "operator", ["dev", "ops"]]));
    let account = bus.account("ada").await;
    assert_eq!(account["external"], json!({"issuer": provider.issuer, "subject": "s-1"}));
    assert_eq!(account.get("password"), None, "{account}");
    // The session is one like any other.
    let _manager = bus.manager();
    let whose = bus.auth("authorise", json!({"sessionID": session})).await;
    assert_eq!(whose, r#"{"status":"ok","username":"ada","groups":["dev","ops"],"role":"operator"}"#);

    // At the next login the groups are others, and the first session has the role that they bring.
    provider.user("s-1", claims("ada", &["dev"]));
    let mut other = Browser::at(&node);
    let_in(&other.log_in("s-1"));
    assert_eq!((other.me(), browser.me()), (json!(["ada", "user", ["dev"]]), json!(["ada", "user", ["dev"]])));

    // In no group that has a role: not let in, and not left in.
    provider.user("s-1", claims("ada", &["sales"]));
    refused(&other.log_in("s-1"), 403, "you are in none of the groups that may use deblox");
    assert_eq!((other.ask("GET", "/auth/me").status, browser.ask("GET", "/auth/me").status), (401, 401));
    provider.user("s-2", claims("bob", &[]));
    refused(&other.log_in("s-2"), 403, "you are in none of the groups");
    assert_eq!(bus.account("bob").await, Value::Null);
    let open = Node::with(&bus, &provider.issuer, &["--oidc-default-role", "viewer"], |_| {}).await;
    let mut bob = Browser::at(&open);
    let_in(&bob.log_in("s-2"));
    assert_eq!(bob.me(), json!(["bob", "viewer", []]));

    node.program.signal("TERM");
    assert!(node.program.ended().await.success());
    let logged = format!("{}{}", node.program.errors(), node.program.output());
    assert!(logged.contains("logged in") && logged.contains("was refused"), "{logged}");
    let code = callback.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
    let value = cookie.split(['=', ';']).nth(1).expect("a value").to_owned();
    for secret in [&session, &code, &value, &asked["state"], &asked["nonce"], &CLIENT_SECRET.to_owned()] {
        assert!(secret.len() > 8 && !logged.contains(secret.as_str()), "in a log: {secret}");
    }
    assert!(!logged.contains("eyJ"), "a token is in a log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_begins_at_one_node_ends_at_another_and_a_logout_holds_at_all() {
    let bus = Bus::new().await;
    let provider = Provider::start().await;
    provider.user("s-1", claims("ada", &["dev"]));
    let (one, other) = (Node::start(&bus, &provider.issuer).await, Node::start(&bus, &provider.issuer).await);
    let mut browser = Browser::at(&one);
    let callback = browser.at_provider("s-1");
    browser.node = other.address();
    let_in(&browser.get(&callback));
    assert_eq!(browser.me(), json!(["ada", "user", ["dev"]]));
    let mut same = Browser { node: one.address(), ..browser.clone() };
    assert_eq!(same.me(), browser.me());

    // Several logins at the same time in one browser.
    let (first, second) = (browser.at_provider("s-1"), browser.at_provider("s-1"));
    let_in(&browser.get(&first));
    let_in(&browser.get(&second));

    let foreign = browser.ask_with("POST", "/auth/logout", "Origin: https://elsewhere.test\r\n");
    assert_eq!((foreign.status, &foreign.json()["status"]), (403, &json!("error")), "{foreign:?}");
    assert_eq!(browser.ask("GET", "/auth/logout").status, 404);
    assert_eq!(browser.me()[0], "ada");
    let mut copy = browser.clone();
    let ended = browser.ask_with("POST", "/auth/logout", &format!("Origin: {PUBLIC}\r\n"));
    assert_eq!((ended.status, ended.json()), (200, json!({"status": "ok"})), "{ended:?}");
    assert!(
        ended.header("set-cookie").starts_with("__Host-deblox_session=; ")
            && ended.header("set-cookie").contains("Max-Age=0")
    );
    copy.node = one.address();
    for browser in [&mut browser, &mut copy] {
        let gone = browser.ask("GET", "/auth/me");
        assert_eq!((gone.status, gone.json()), (401, json!({"status": "error", "message": "Not logged in"})));
        assert_eq!(browser.ask("POST", "/auth/logout").status, 401);
    }
    assert_eq!(same.me()[0], "ada", "another session goes on");
    // And one that an auth manager has made is known here as well.
    let _manager = bus.manager();
    bus.user("eve", Role::Admin, &["ops"]).await;
    let made: Value =
        serde_json::from_str(&bus.auth("login", json!({"username": "eve", "password": PASSWORD})).await).expect("JSON");
    let session = made["sessionID"].as_str().expect("a session");
    copy.cookies.insert(("deblox.test".into(), "/".into(), "__Host-deblox_session".into()), session.to_owned());
    assert_eq!(copy.me(), json!(["eve", "admin", ["ops"]]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_not_begin_in_this_browser_or_is_not_proved_is_refused() {
    let bus = Bus::new().await;
    let provider = Provider::with(json!({"port": port()})).await;
    provider.user("s-1", claims("ada", &["dev"]));
    let node = Node::start(&bus, &provider.issuer).await;
    let stale = "this login was not begun in this browser, is over, or took too long";
    let mut browser = Browser::at(&node);

    let callback = browser.at_provider("s-1");
    let with = |name: &str, value: &str| {
        let pairs = callback.query_pairs().map(|(of, old)| (of.clone(), if of == name { value.into() } else { old }));
        let mut changed = callback.clone();
        changed.query_pairs_mut().clear().extend_pairs(pairs.collect::<Vec<_>>());
        changed
    };
    refused(&browser.get(&with("state", &"0".repeat(64))), 400, stale);
    refused(&browser.get(&Url::parse(&format!("{PUBLIC}/auth/oidc/callback")).expect("a URL")), 400, stale);
    // Somebody else's browser, without the cookie and with one of its own.
    let mut other = Browser::at(&node);
    refused(&other.get(&callback), 400, stale);
    let theirs = other.at_provider("s-1");
    refused(&other.get(&callback), 400, stale);
    // None of this has ended the login. With a cookie of that name and another value there is none any more.
    let another = browser.at_provider("s-1");
    let mut guessing = browser.clone();
    for value in
        guessing.cookies.iter_mut().filter(|(of, _)| of.2.starts_with("__Host-deblox_login_")).map(|(_, value)| value)
    {
        *value = "0".repeat(64);
    }
    refused(&guessing.get(&another), 400, stale);
    refused(&browser.get(&another), 400, stale);
    let_in(&browser.get(&callback));
    refused(&browser.get(&callback), 400, stale);
    // A code that was got in another login is of no use: the verifier is another.
    let mine = browser.at_provider("s-1");
    let code = theirs.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
    let mut mixed = mine.clone();
    let pairs: Vec<_> = mine.query_pairs().into_owned().collect();
    let pairs = pairs.into_iter().map(|(name, old)| if name == "code" { (name, code.clone()) } else { (name, old) });
    mixed.query_pairs_mut().clear().extend_pairs(pairs);
    refused(&browser.get(&mixed), 403, "the identity provider has refused: invalid_grant");
    refused(&browser.get(&mine), 400, stale);

    // What the browser asks the provider for, changed on the way.
    for (name, status, why) in [
        ("nonce", 403, "its token is for another login"),
        ("code_challenge", 403, "the identity provider has refused: invalid_grant"),
    ] {
        let mut departure = browser.ask("GET", "/auth/oidc/login").next();
        let pairs: Vec<_> = departure.query_pairs().into_owned().collect();
        let other = "A".repeat(43);
        let pairs = pairs.into_iter().map(|(of, old)| if of == name { (of, other.clone()) } else { (of, old) });
        departure.query_pairs_mut().clear().extend_pairs(pairs.collect::<Vec<_>>());
        let callback = browser.through(&departure, "s-1");
        refused(&browser.get(&callback), status, why);
    }
    // Another provider's answer, and none.
    let callback = browser.at_provider("s-1");
    let elsewhere = callback.as_str().replace("iss=http", "iss=https");
    assert_ne!(elsewhere, callback.as_str(), "the provider says who it is");
    refused(&browser.get(&Url::parse(&elsewhere).expect("a URL")), 403, "it comes from another provider");
    for (error, why) in
        [("access_denied", "has refused: access_denied"), ("<script>alert(1)</script>", "it does not say why")]
    {
        let mut callback = browser.at_provider("s-1");
        let state = callback.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
        callback.query_pairs_mut().clear().append_pair("state", &state).append_pair("error", error);
        let page = browser.get(&callback);
        refused(&page, 403, why);
        assert!(!page.body.contains("script"), "{page:?}");
    }
    assert_eq!(bus.redis::<Vec<String>>(&["KEYS", &bus.key("auth.session.*")]).await.len(), 1);

    // A token that was good for an hour, two hours ago.
    let provider = provider.again(json!({"behind": 7200})).await;
    let late = Node::start(&bus, &provider.issuer).await;
    let mut browser = Browser::at(&late);
    refused(&browser.log_in("s-1"), 403, "its token has expired");
    // Programs get the same as JSON.
    let callback = browser.at_provider("s-1");
    let path = &callback[url::Position::BeforePath..];
    let told = browser.ask("GET", path);
    assert_eq!((told.status, &told.json()["status"]), (403, &json!("error")), "{told:?}");
    assert!(told.json()["message"].as_str().is_some_and(|message| message.contains("expired")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_another_s_account() {
    let bus = Bus::new().await;
    let provider = Provider::start().await;
    let node = Node::start(&bus, &provider.issuer).await;
    let mut browser = Browser::at(&node);
    let _manager = bus.manager();
    bus.user("ada", Role::Viewer, &[]).await;
    let before = bus.account("ada").await;

    // A local user of that name, and then one of the provider.
    provider.user("s-1", claims("ada", &["ops"]));
    refused(&browser.log_in("s-1"), 403, "there is a user `ada` already who is not you");
    assert_eq!(bus.account("ada").await, before);
    provider.user("s-1", claims("bob", &["ops"]));
    let_in(&browser.log_in("s-1"));
    provider.user("s-2", claims("bob", &["ops"]));
    refused(&Browser::at(&node).log_in("s-2"), 403, "there is a user `bob` already who is not you");
    // Who is renamed there keeps the name here, and is disabled by whatever name.
    provider.user("s-1", claims("robert", &["dev"]));
    let_in(&browser.log_in("s-1"));
    assert_eq!(browser.me(), json!(["bob", "user", ["dev"]]));
    bus.says(&["user", "disable", "bob"]).await;
    assert_eq!(browser.ask("GET", "/auth/me").status, 401);
    refused(&browser.log_in("s-1"), 403, "`bob` is disabled");
    bus.says(&["user", "enable", "bob"]).await;
    let_in(&browser.log_in("s-1"));

    // There is no password to log in with, and none can be set.
    for password in ["", PASSWORD] {
        let reply = bus.auth("login", json!({"username": "bob", "password": password})).await;
        assert_eq!(reply, r#"{"status":"denied"}"#);
    }
    bus.complains(&["user", "passwd", "bob", "--generate"], 1, &["`bob` logs in at", &provider.issuer]).await;
    let rows = bus.says(&["user", "ls", "--format", "json"]).await;
    let rows: Vec<Value> = rows.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect();
    let issuers: Vec<(&Value, &Value)> = rows.iter().map(|row| (&row["name"], &row["issuer"])).collect();
    assert_eq!(issuers, [(&json!("ada"), &Value::Null), (&json!("bob"), &json!(provider.issuer))]);
    // Removed, the same person is new here, and the old session is over.
    bus.says(&["user", "rm", "bob"]).await;
    let mut again = Browser::at(&node);
    let_in(&again.log_in("s-1"));
    assert_eq!((again.me()[0].as_str(), browser.ask("GET", "/auth/me").status), (Some("robert"), 401));

    // Names that cannot be one.
    for (claims, why) in [
        (json!({"groups": ["ops"]}), "`preferred_username` of the identity provider is missing"),
        (json!({"preferred_username": "a b", "groups": ["ops"]}), "cannot be the name of a user: a name has 1 to 64"),
        (json!({"preferred_username": "eve", "groups": {"a": "ops"}}), "is no list"),
    ] {
        provider.user("s-3", claims);
        refused(&Browser::at(&node).log_in("s-3"), 403, why);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_starts_without_the_provider_and_follows_its_keys() {
    let bus = Bus::new().await;
    let port = port();
    let issuer = format!("http://127.0.0.1:{port}");
    let node = Node::start(&bus, &issuer).await;
    let mut browser = Browser::at(&node);
    assert_eq!(browser.ask("GET", "/readyz").status, 200);
    let away = browser.ask("GET", "/auth/oidc/login");
    assert_eq!(away.status, 502, "{away:?}");
    assert!(away.json()["message"].as_str().is_some_and(|why| why.contains("connection refused")), "{away:?}");
    assert_eq!(bus.begun_logins().await, 0);

    let provider = Provider::with(json!({"port": port, "inToken": true})).await;
    provider.user("s-1", claims("ada", &["dev"]));
    until("it is asked again", async || {
        (Browser::at(&node).ask("GET", "/auth/oidc/login").status == 303).then_some(())
    })
    .await;
    let_in(&browser.log_in("s-1"));
    assert_eq!(browser.me(), json!(["ada", "user", ["dev"]]));
    // With other keys, of another kind too; what was known of it is some seconds old.
    let mut provider = provider;
    for settings in [json!({}), json!({"alg": "ES256", "inToken": false})] {
        provider = provider.again(settings).await;
        until("its new key is known", async || (Browser::at(&node).log_in("s-1").status == 303).then_some(())).await;
    }
    // It is gone between the two halves of a login.
    let callback = browser.at_provider("s-1");
    drop(provider);
    refused(&browser.get(&callback), 502, "the identity provider cannot be asked: nothing listens there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_shows_that_it_is_the_client_in_the_way_that_the_provider_takes() {
    let bus = Bus::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, format!("{CLIENT_SECRET}\n")).expect("it is written");
    let redirects = [format!("{PUBLIC}/auth/oidc/callback")];
    let public = json!({"client_id": "deblox", "token_endpoint_auth_method": "none", "redirect_uris": redirects});
    let posts = json!({"client_id": "deblox", "client_secret": CLIENT_SECRET, "redirect_uris": redirects,
        "token_endpoint_auth_method": "client_secret_post"});
    let none = Provider::with(json!({"clients": [public]})).await;
    let post = Provider::with(json!({"clients": [posts], "clientAuth": ["client_secret_post"]})).await;
    let basic = Provider::start().await;
    for (provider, secret) in [(&none, ""), (&post, CLIENT_SECRET), (&basic, "by file")] {
        provider.user("s-1", claims("ada", &["dev"]));
        let bus = Bus::on(&bus.url).await;
        let node = Node::with(&bus, &provider.issuer, &["--oidc-role", "dev=user"], |command| {
            command.env("DEBLOX_OIDC_CLIENT_SECRET", secret);
            if secret == "by file" {
                command.env("DEBLOX_OIDC_CLIENT_SECRET_FILE", &file);
            }
        });
        let_in(&Browser::at(&node.await).log_in("s-1"));
    }
    let shared = json!({"client_id": "deblox", "client_secret": CLIENT_SECRET, "redirect_uris": redirects,
        "id_token_signed_response_alg": "HS256"});
    let shared = Provider::with(json!({"clients": [shared]})).await;
    shared.user("s-1", claims("ada", &["dev"]));
    let node = Node::start(&bus, &shared.issuer).await;
    refused(&Browser::at(&node).log_in("s-1"), 403, "its token is signed in a way that is not taken");
    let wrong = Node::with(&bus, &basic.issuer, &["--oidc-role", "dev=user"], |command| {
        command.env("DEBLOX_OIDC_CLIENT_SECRET", "another");
    });
    refused(&Browser::at(&wrong.await).log_in("s-1"), 403, "the identity provider has refused: invalid_client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_is_reached_by_tls_and_must_be_who_it_says() {
    let bus = Bus::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("it is written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("it is written");
    let provider = Provider::with(json!({"tls": {"cert": cert, "key": key}})).await;
    assert!(provider.issuer.starts_with("https://localhost:"), "{}", provider.issuer);
    let role = ["--oidc-default-role", "viewer"];
    let trusting = Node::with(&bus, &provider.issuer, &role, |command| {
        command.env("SSL_CERT_FILE", &cert);
    });
    let departure = Browser::at(&trusting.await).ask("GET", "/auth/oidc/login");
    assert!(departure.next().as_str().starts_with(&provider.issuer), "{departure:?}");
    let careful = Node::with(&bus, &provider.issuer, &role, |_| {}).await;
    let away = Browser::at(&careful).ask("GET", "/auth/oidc/login");
    assert!(away.status == 502 && away.body.contains("certificate"), "{away:?}");
    let slash = format!("{}/", provider.issuer);
    let otherwise = Node::with(&bus, &slash, &role, |command| {
        command.env("SSL_CERT_FILE", &cert);
    });
    let away = Browser::at(&otherwise.await).ask("GET", "/auth/oidc/login");
    assert!(away.status == 502 && away.body.contains("is called otherwise than --oidc-issuer"), "{away:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_provider_answers_is_bounded_and_so_is_how_much_anybody_can_begin() {
    let bus = Bus::new().await;
    let large = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n\"{}", "x".repeat(2 << 20));
    let answers = [
        ("", "it has not answered within 10 s"),
        (&*large, "its answer is larger than 1024 KiB"),
        ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[]", "is not what OpenID Connect Discovery says"),
        ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "it answers with the status 302"),
        ("nonsense\r\n\r\n", "the connection broke off"),
    ];
    let mut asking = Vec::new();
    for (answer, why) in answers {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let answer = answer.to_owned();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let answer = answer.clone();
                std::thread::spawn(move || {
                    let (mut connection, mut asked) = (connection, [0; 1024]);
                    let _ = connection.read(&mut asked);
                    let _ = connection.write_all(answer.as_bytes());
                    if answer.is_empty() {
                        let _ = connection.read_to_end(&mut Vec::new());
                    }
                });
            }
        });
        let node = Node::start(&bus, &issuer).await;
        asking.push(tokio::task::spawn_blocking(move || {
            let told = Browser::at(&node).ask("GET", "/auth/oidc/login");
            assert!(told.status == 502 && told.body.contains(why), "not {why:?}: {told:?}");
        }));
    }
    let provider = Provider::start().await;
    let node = Node::start(&bus, &provider.issuer).await;
    let mut browser = Browser::at(&node);
    assert_eq!(browser.ask("GET", "/auth/oidc/login").status, 303);
    let left: i64 = bus.redis(&["PTTL", &bus.key("auth.oidc")]).await;
    assert!((1..=60_000).contains(&left), "the count ends after a minute: {left}");
    let _: u64 = bus.redis(&["INCRBY", &bus.key("auth.oidc"), &BEGUN_LOGINS.to_string()]).await;
    let busy = browser.ask("GET", "/auth/oidc/login");
    assert!(busy.status == 429 && busy.body.contains("too many logins are begun"), "{busy:?}");
    assert_eq!(bus.begun_logins().await, 1);
    let _: u64 = bus.redis(&["DEL", &bus.key("auth.oidc")]).await;
    assert_eq!(browser.ask("GET", "/auth/oidc/login").status, 303);
    for asking in asking {
        asking.await.expect("it is told");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_provider_it_says_so_and_half_a_provider_is_none() {
    let bus = Bus::new().await;
    let mut command = deblox();
    command.args(["web", "--listen", "127.0.0.1:0"]).env("DEBLOX_OIDC_ISSUER", "");
    command.env("REDIS_URL", &bus.url).env("DEBLOX_NAMESPACE", &bus.namespace);
    let plain = Node { program: Program::start(command) };
    until("it listens", async || plain.program.output().contains("http://").then_some(())).await;
    let mut browser = Browser::at(&plain);
    for path in ["/auth/oidc/login", "/auth/oidc/callback?state=a&code=b"] {
        let told = browser.ask("GET", path);
        assert!(told.status == 404 && told.body.contains("--oidc-issuer"), "{told:?}");
    }
    let page = browser.get(&Url::parse(&format!("{PUBLIC}/auth/oidc/login")).expect("a URL"));
    refused(&page, 404, "nobody logs in by OpenID Connect here");

    let folder = tempfile::tempdir().expect("a folder");
    let (secret, empty) = (folder.path().join("secret"), folder.path().join("empty"));
    std::fs::write(&empty, "\n").expect("it is written");
    let (secret, empty) = (secret.to_str().expect("text"), empty.to_str().expect("text"));
    let issuer = ["--oidc-issuer", "https://login.test"];
    let client = [&issuer[..], &["--oidc-client-id", "deblox"]].concat();
    let redirect = [&client[..], &["--oidc-redirect-url", "https://a.test/auth/oidc/callback"]].concat();
    let role = [&redirect[..], &["--oidc-role", "ops=admin"]].concat();
    let bad_redirect = [&client[..], &["--oidc-redirect-url", "https://a.test/"]].concat();
    for (words, parts) in [
        (&issuer[..], &["--oidc-client-id is missing"][..]),
        (&client, &["--oidc-redirect-url is missing"]),
        (&redirect, &["--oidc-role is missing", "--oidc-default-role"]),
        (&["--oidc-client-id", "deblox"], &["--oidc-issuer is missing", "--oidc-client-id"]),
        (&["--oidc-role", "ops=admin"], &["--oidc-issuer is missing", "--oidc-role"]),
        (&["--oidc-issuer", "http://login.test"], &["--oidc-issuer", "must be https"]),
        (&["--oidc-issuer", "login.test"], &["--oidc-issuer", "is no URL"]),
        (&bad_redirect, &["--oidc-redirect-url", "https://HOST/auth/oidc/callback"]),
        (&[&role[..], &["--oidc-client-secret-file", secret]].concat(), &["--oidc-client-secret-file", secret]),
        (&[&role[..], &["--oidc-client-secret-file", empty]].concat(), &["--oidc-client-secret-file", "no secret"]),
    ] {
        bus.complains(&[&["web", "--listen", "127.0.0.1:0"], words].concat(), 1, parts).await;
    }
    let said = bus.deblox(&["web", "--oidc-role", "ops=king"]).await;
    assert!(said.code == 2 && said.err.contains("there are viewer, user, operator, admin"), "{said:?}");
}
