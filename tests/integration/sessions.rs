//! Sessions in a list and their end, passwords that will do, and names that nobody confuses.

use std::io::Read;

use deblox::auth::{Accounts, NewToken};
use deblox::bus::Bus as Handle;
use deblox::protocol::limits::SESSIONS;
use deblox::protocol::{Role, looks_like};
use serde_json::{Value, json};

use crate::auth::{PASSWORD, named};
use crate::cli_terminal::Terminal;
use crate::logins::held;
use crate::provider::{Browser, Node as OidcNode, Provider};
use crate::support::Bus;
use crate::web::Node;
use crate::witness::secret;

impl Node {
    /// Logs in as a browser with that name does: the session.
    async fn browser_session(&self, user: &str, agent: &str) -> String {
        let head = format!("Content-Type: application/json\r\nUser-Agent: {agent}");
        let body = json!({"username": user, "password": PASSWORD}).to_string();
        let answer = self.ask("POST /api/v1/login", &head, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let cookie = answer.header("set-cookie");
        let session = cookie.split('=').nth(1).and_then(|rest| rest.split(';').next()).expect("a session").to_owned();
        secret(&session);
        session
    }

    /// The sessions that a call lists.
    async fn sessions(&self, bearer: &str, query: &str) -> Vec<Value> {
        let answer = self.api(bearer, &format!("GET /sessions{query}"), Value::Null).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["sessions"].as_array().expect("a list").clone()
    }
}

fn id(session: &Value) -> String {
    session["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_sees_where_it_is_logged_in_and_ends_one_session_or_all_others() {
    let bus = Bus::new().await;
    for (name, role) in [("ada", Role::User), ("bob", Role::User), ("root", Role::Admin)] {
        bus.user(name, role, &[]).await;
    }
    let _manager = bus.manager();
    let node = Node::enforcing(&bus).await;
    let here = node.browser_session("ada", "Firefox/140 (X11)").await;
    let there = node.browser_session("ada", "curl/8").await;
    let message = json!({"username": "ada", "password": PASSWORD, "address": "my laptop"});
    let on_bus: Value = serde_json::from_str(&bus.auth("login", message).await).expect("JSON");
    let on_bus = on_bus["sessionID"].as_str().expect("a session").to_owned();
    secret(&on_bus);
    let (bobs, root) = (bus.session("bob").await, bus.session("root").await);

    let listed = node.sessions(&here, "").await;
    assert_eq!(listed.len(), 3, "{listed:?}");
    let by = |agent: Value| listed.iter().find(|session| session["agent"] == agent).expect("it is listed");
    let (mine, other, bus_one) = (by(json!("Firefox/140 (X11)")), by(json!("curl/8")), by(Value::Null));
    let facts = |session: &Value| json!([session["current"], session["origin"], session["address"]]);
    assert_eq!(facts(mine), json!([true, "web", "127.0.0.1"]));
    assert_eq!(facts(other), json!([false, "web", "127.0.0.1"]));
    assert_eq!(facts(bus_one), json!([false, "bus", "my laptop"]));
    for session in &listed {
        let time = |name: &str| session[name].as_u64().expect("a time");
        assert!(time("created") <= time("used") && time("used") < time("ends"), "{session}");
    }
    // Nothing in it lets anybody use a session, or find its key.
    let text = format!("{listed:?}");
    for session in [&here, &there, &on_bus] {
        assert!(!text.contains(session) && !text.contains(&deblox::auth::digest(session)[..12]), "{text}");
    }

    // One ends, the others go on; those of others are not there for a user.
    node.refuses(
        &here,
        &format!("DELETE /sessions/{}", id(&node.sessions(&bobs, "").await[0])),
        Value::Null,
        404,
        "no-such-session",
    )
    .await;
    node.refuses(&here, "GET /sessions?user=bob", Value::Null, 403, "forbidden").await;
    node.refuses(&here, "DELETE /sessions?user=bob", Value::Null, 403, "forbidden").await;
    let less = bus.token("ada", "less", Some(Role::Viewer)).await;
    node.refuses(&less, &format!("DELETE /sessions/{}", id(other)), Value::Null, 403, "forbidden").await;
    assert_eq!(node.api(&here, &format!("DELETE /sessions/{}", id(other)), Value::Null).await.status, 204);
    assert!(!bus.counts(&there).await && bus.counts(&here).await && bus.counts(&on_bus).await);
    assert_eq!(node.sessions(&here, "").await.len(), 2);
    node.refuses(&here, &format!("DELETE /sessions/{}", id(other)), Value::Null, 404, "no-such-session").await;

    // All others.
    let ended = node.api(&here, "DELETE /sessions", Value::Null).await;
    assert_eq!((ended.status, ended.json()), (200, json!({"ended": 1})));
    assert!(bus.counts(&here).await && !bus.counts(&on_bus).await && bus.counts(&bobs).await);

    // An admin, for others.
    assert_eq!(node.sessions(&root, "?user=bob").await.len(), 1);
    let ended = node.api(&root, "DELETE /sessions?user=bob", Value::Null).await;
    assert_eq!((ended.status, ended.json(), bus.counts(&bobs).await), (200, json!({"ended": 1}), false));
    let events = bus.dump().await;
    for part in ["end-session", "end-other-sessions"] {
        assert!(events.contains(part), "{part} is told");
    }
    // By itself a session leaves the list as well.
    assert_eq!(node.api(&here, "POST /logout", Value::Null).await.status, 204);
    let left: Vec<String> = bus.redis(&["ZRANGE", &bus.key("auth.user-sessions.ada"), "0", "-1"]).await;
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_ends_with_its_session() {
    let bus = Bus::new().await;
    bus.user("ada", Role::User, &[]).await;
    let _manager = bus.manager();
    let node = Node::enforcing(&bus).await;
    let (one, other) = (bus.session("ada").await, bus.session("ada").await);
    let address = node.address();
    let request = format!(
        "GET /api/v1/streams HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {one}\r\nConnection: Upgrade\r\nUpgrade: \
         websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let (mut socket, head) = held(&address, "127.0.0.1", &request);
    assert!(head.starts_with("http/1.1 101"), "{head}");
    let ended = node.api(&other, "DELETE /sessions", Value::Null).await;
    assert_eq!(ended.json(), json!({"ended": 1}));
    let mut came = Vec::new();
    socket.read_to_end(&mut came).expect("the node closes it");
    assert!(String::from_utf8_lossy(&came).contains("the session has ended"), "{came:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deblox_session_lists_and_ends_sessions() {
    let bus = Bus::new().await;
    for (name, role) in [("ada", Role::User), ("root", Role::Admin)] {
        bus.user(name, role, &[]).await;
    }
    let _manager = bus.manager();
    let (ada, root) = (bus.token("ada", "cli", None).await, bus.token("root", "cli", None).await);
    let (one, other) = (bus.session("ada").await, bus.session("ada").await);
    let session = async |token: &str, words: &[&str]| {
        let words = [&["session"], words].concat();
        bus.deblox_with(&words, |command| _ = command.env("DEBLOX_TOKEN", token)).await
    };
    let said = session(&ada, &["ls"]).await;
    let heads: Vec<&str> =
        said.out.lines().next().unwrap_or_default().split("  ").filter(|head| !head.is_empty()).collect();
    let heads: Vec<&str> = heads.into_iter().map(str::trim).collect();
    assert_eq!(heads, ["ID", "FROM", "WITH", "CREATED", "LAST USED", "ENDS"], "{said:?}");
    let ids: Vec<String> = session(&ada, &["ls", "-q"]).await.out.lines().map(str::to_owned).collect();
    assert_eq!(ids.len(), 2);
    let refused = session(&ada, &["ls", "--user", "root"]).await;
    assert!(refused.code == 1 && refused.err.contains("only admins see and end the sessions of others"), "{refused:?}");
    let gone = session(&ada, &["rm", &ids[0]]).await;
    assert_eq!((gone.code, gone.out.trim()), (0, ids[0].as_str()), "{gone:?}");
    assert!(bus.counts(&one).await != bus.counts(&other).await, "one of the two");
    let again = session(&ada, &["rm", &ids[0]]).await;
    assert!(again.code == 1 && again.err.contains("no session of `ada` has that id"), "{again:?}");
    let others = session(&root, &["rm", "--others", "--user", "ada"]).await;
    assert_eq!((others.code, others.out.trim()), (0, "1 ended"), "{others:?}");
    assert!(!bus.counts(&one).await && !bus.counts(&other).await);
    bus.complains(&["session", "ls"], 1, &["deblox login"]).await;
    assert_eq!(session(&ada, &["rm"]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_has_so_many_sessions_and_the_one_that_nobody_used_for_longest_ends() {
    let bus = Bus::new().await;
    bus.user("ada", Role::User, &[]).await;
    let _manager = bus.manager();
    let first = bus.session("ada").await;
    let mut last = String::new();
    for _ in 0..SESSIONS {
        last = bus.session("ada").await;
    }
    assert!(!bus.counts(&first).await && bus.counts(&last).await);
    let keys = bus.redis::<Vec<String>>(&["KEYS", &bus.key("auth.session.*")]).await.len();
    let listed: usize = bus.redis(&["ZCARD", &bus.key("auth.user-sessions.ada")]).await;
    assert_eq!((keys, listed), (SESSIONS, SESSIONS));
    assert!(bus.redis::<i64>(&["TTL", &bus.key("auth.user-sessions.ada")]).await > 0);

    // Those that have expired leave the list first.
    let all: Vec<String> = bus.redis(&["ZRANGE", &bus.key("auth.user-sessions.ada"), "0", "49"]).await;
    for digest in &all {
        bus.redis::<u64>(&["DEL", &bus.key(&format!("auth.session.{digest}"))]).await;
    }
    bus.session("ada").await;
    let listed: usize = bus.redis(&["ZCARD", &bus.key("auth.user-sessions.ada")]).await;
    assert_eq!(listed, SESSIONS - all.len() + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_change_ends_tokens_too_where_that_is_wanted() {
    let bus = Bus::new().await;
    for (name, role) in [("ada", Role::User), ("bob", Role::User), ("root", Role::Admin)] {
        bus.user(name, role, &[]).await;
    }
    let _manager = bus.manager();
    let node = Node::enforcing(&bus).await;
    let (ada, root) = (bus.session("ada").await, bus.session("root").await);
    let (token, bobs) = (bus.token("ada", "one", None).await, bus.token("bob", "one", None).await);
    let valid = async |token: &str| bus.auth("authorise", json!({"token": token})).await.contains("\"ok\"");
    let new = "another-sesame-7";
    secret(new);
    let changed = node.api(&ada, "POST /me/password", json!({"old": PASSWORD, "new": new})).await;
    assert_eq!((changed.status, valid(&token).await, bus.counts(&ada).await), (204, true, false));
    let ada = changed.header("set-cookie").split(['=', ';']).nth(1).expect("a session").to_owned();
    secret(&ada);
    let change = json!({"old": new, "new": PASSWORD, "revokeTokens": true});
    assert_eq!(node.api(&ada, "POST /me/password", change).await.status, 204);
    assert!(!valid(&token).await && valid(&bobs).await);

    let token = bus.token("ada", "two", None).await;
    let changed = node.api(&root, "PATCH /users/ada", json!({"generate": true, "revokeTokens": true})).await;
    secret(changed.json()["password"].as_str().expect("a password"));
    assert_eq!((changed.status, valid(&token).await), (200, false), "{changed:?}");

    // By the command: a flag, or a question where somebody can be asked.
    let token = bus.token("ada", "three", None).await;
    let kept = bus.piped(&["user", "passwd", "ada", "--password-stdin"], PASSWORD.as_bytes()).await;
    assert!(kept.code == 0 && kept.err.is_empty() && valid(&token).await, "{kept:?}");
    let kept = bus.piped(&["user", "passwd", "ada", "--password-stdin", "--keep-tokens"], PASSWORD.as_bytes()).await;
    assert!(kept.code == 0 && kept.err.is_empty() && valid(&token).await, "{kept:?}");
    let gone = bus.piped(&["user", "passwd", "ada", "--password-stdin", "--revoke-tokens"], PASSWORD.as_bytes()).await;
    assert!(gone.code == 0 && gone.err.is_empty() && !valid(&token).await, "{gone:?}");
    for (answer, stays) in [("n", true), ("y", false)] {
        let token = bus.token("ada", &format!("asked-{answer}"), None).await;
        let mut terminal = Terminal::start(&bus.command(&["user", "passwd", "ada", "--generate"]));
        terminal.shows("as well? [y/N] ").await;
        terminal.types(format!("{answer}\n").as_bytes());
        assert_eq!(terminal.ends().await, Some(0), "{}", terminal.shown());
        assert_eq!(valid(&token).await, stays, "{answer}");
        secret(terminal.shown().trim_end().lines().last().expect("a password").trim());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_that_anybody_guesses_are_refused_and_old_ones_go_on() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    bus.user("root", Role::Admin, &[]).await;
    let node = Node::enforcing(&bus).await;
    let root = bus.session("root").await;
    for (password, part) in [
        ("elevenchars", "12 characters or more"),
        ("password1234", "too easy to guess"),
        ("P@ssw0rd1234", "too easy to guess"),
        ("wendywendywendy", "the user's name"),
    ] {
        let said =
            bus.piped(&["user", "add", "wendy", "--role", "user", "--password-stdin"], password.as_bytes()).await;
        assert!(said.code == 1 && said.err.contains(part) && said.err.lines().count() == 1, "{password}: {said:?}");
        assert!(!said.err.contains(password), "{said:?}");
        let user = json!({"name": "wendy", "role": "user", "password": password});
        let refused = node.api(&root, "POST /users", user).await;
        assert!(refused.status == 400 && refused.text().contains(part), "{password}: {refused:?}");
        let change = json!({"password": password});
        if part != "the user's name" {
            node.refuses(&root, "PATCH /users/root", change, 400, "bad-field").await;
            let own = json!({"old": PASSWORD, "new": password});
            node.refuses(&root, "POST /me/password", own, 400, "bad-field").await;
        }
    }
    assert!(bus.counts(&root).await, "nothing was changed");
    // The length is an option, within bounds; what is common is refused all the same.
    let add = ["user", "add", "wendy", "--role", "user", "--password-stdin", "--password-min-length"];
    let with =
        async |length: &str, password: &str| bus.piped(&[&add[..], &[length]].concat(), password.as_bytes()).await;
    assert!(with("16", "correct-horse-9").await.err.contains("16 characters or more"));
    assert_eq!(with("7", "correct-horse-9").await.code, 2);
    assert!(with("8", "password").await.err.contains("too easy to guess"));
    assert_eq!(with("8", "pl3x-0gr").await.code, 0);
    let short = Node::with(&bus.url, &bus.namespace, |command| {
        command.args(["--auth", "enforce"]).env("DEBLOX_PASSWORD_MIN_LENGTH", "8");
    })
    .await;
    let user = json!({"name": "kim", "role": "user", "password": "gr0x-pl7"});
    assert_eq!(short.api(&root, "POST /users", user).await.status, 201);
    // It works where the rule would refuse it today.
    assert!(bus.logs_in("wendy", "pl3x-0gr").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_name_looks_like_another() {
    let bus = Bus::new().await;
    bus.user("bob", Role::User, &["ops"]).await;
    bus.user("root", Role::Admin, &[]).await;
    let _manager = bus.manager();
    let node = Node::enforcing(&bus).await;
    let root = bus.session("root").await;
    for name in ["Bob", "BOB", "b0b", "B0b"] {
        bus.complains(&["user", "add", name, "--role", "user", "--generate"], 1, &["looks like the user `bob`"]).await;
        node.refuses(&root, "POST /users", json!({"name": name, "role": "user"}), 409, "looks-like-another").await;
    }
    for name in ["Anonymous", "an0nymous", "deblox", "nobody"] {
        bus.complains(&["user", "add", name, "--role", "user", "--generate"], 1, &["reserved"]).await;
        node.refuses(&root, "POST /users", json!({"name": name, "role": "user"}), 400, "bad-field").await;
    }
    // Whoever is there already is told apart by one name: a second of the same name is another error.
    bus.complains(&["user", "add", "bob", "--role", "user", "--generate"], 1, &["there is a user `bob` already"]).await;
    // Groups.
    let like = ["the group `0ps` looks like the group `ops`"];
    bus.complains(&["user", "add", "eve", "--role", "user", "--group", "0ps", "--generate"], 1, &like).await;
    bus.complains(&["user", "groups", "root", "0ps"], 1, &like).await;
    node.refuses(&root, "PATCH /users/root", json!({"groups": ["OPS"]}), 409, "looks-like-another").await;
    let both = json!({"groups": ["crew", "Crew"]});
    node.refuses(&root, "PATCH /users/root", both, 409, "looks-like-another").await;
    assert_eq!(bus.says(&["user", "groups", "root", "ops"]).await, "root");
    // Tokens of one user.
    bus.token("bob", "backup", None).await;
    let like = ["`bob` has a token `backup` already, which looks like `Backup`"];
    bus.complains(&["token", "add", "Backup", "--user", "bob"], 1, &like).await;
    node.refuses(&root, "POST /tokens", json!({"name": "BACKUP", "user": "bob"}), 409, "looks-like-another").await;
    bus.token("root", "Backup", None).await;

    // Two at the same moment.
    let handle = Handle::new(&bus.options()).expect("options");
    let accounts = Accounts(&handle);
    let (one, other) = (named("Zoe"), named("zoe"));
    let (a, b) = tokio::join!(
        accounts.add(&one, Role::User, [].into(), None),
        accounts.add(&other, Role::User, [].into(), None)
    );
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    let new = |name: &str| NewToken { name: named(name), user: named("root"), role: None, expires: None };
    let (one, other) = (new("ci-1"), new("ci-l"));
    let (a, b) = tokio::join!(accounts.add_token(&one), accounts.add_token(&other));
    assert!(a.is_ok() != b.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_that_an_older_version_let_be_go_on_and_are_told_of() {
    let bus = Bus::new().await;
    bus.user("bob", Role::User, &["ops"]).await;
    let record: String = bus.redis(&["HGET", &bus.key("auth.users"), "bob"]).await;
    for name in ["Bob", "Anonymous"] {
        bus.redis::<u64>(&["HSET", &bus.key("auth.users"), name, &record.replace("\"ops\"", "\"Ops\"")]).await;
    }
    let _manager = bus.manager();
    for name in ["bob", "Bob", "Anonymous"] {
        assert!(bus.logs_in(name, PASSWORD).await, "{name}");
        assert_eq!(bus.says(&["user", "role", name, "viewer"]).await, name);
    }
    assert_eq!(bus.says(&["user", "groups", "Bob", "Ops"]).await, "Bob", "what it has it keeps");
    let listed = bus.deblox(&["user", "ls"]).await;
    assert!(listed.code == 0 && listed.err.contains("the users `Bob` and `bob` look alike"), "{listed:?}");
    assert_eq!(bus.deblox(&["user", "ls", "-q"]).await.err, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_and_the_program_agree_on_what_looks_alike() {
    let bus = Bus::new().await;
    let handle = Handle::new(&bus.options()).expect("options");
    let accounts = Accounts(&handle);
    let names =
        ["ida", "Ida", "lda", "1da", "m0m", "mom", "rnom", "vv", "w", "W", "a.b", "a-b", "A_b", "a_B", "x10", "xlo"];
    for (number, a) in names.iter().enumerate() {
        for b in &names[number + 1..] {
            accounts.add(&named(a), Role::User, [].into(), None).await.expect(a);
            let second = accounts.add(&named(b), Role::User, [].into(), None).await;
            assert_eq!(second.is_err(), looks_like(a, b), "{a} {b}: {second:?}");
            accounts.remove(&named(a), false).await.expect(a);
            if second.is_ok() {
                accounts.remove(&named(b), false).await.expect(b);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_or_group_from_the_provider_is_nobody_else_s_either() {
    let bus = Bus::new().await;
    bus.user("bob", Role::User, &["dev"]).await;
    let provider = Provider::start().await;
    let node = OidcNode::start(&bus, &provider.issuer).await;
    let mut browser = Browser::at(&node);
    for (name, why) in [("Bob", "looks like the user `bob`"), ("Anonymous", "reserved")] {
        provider.user("s-1", json!({"preferred_username": name, "groups": ["dev"]}));
        let page = browser.log_in("s-1");
        assert!(page.status == 403 && page.body.contains(why), "{name}: {page:?}");
    }
    // A group that looks like another is left out, and the person is let in with the others.
    provider.user("s-1", json!({"preferred_username": "kim", "groups": ["dev", "DEV", "ops", "0ps"]}));
    assert_eq!(browser.log_in("s-1").status, 303);
    let me = browser.me();
    assert_eq!((&me[0], &me[1]), (&json!("kim"), &json!("operator")));
    let groups: Vec<&str> = me[2].as_array().expect("groups").iter().filter_map(Value::as_str).collect();
    assert!(groups.contains(&"dev") && !groups.contains(&"DEV") && groups.len() == 2, "{groups:?}");
    // Its session is one in the list.
    bus.user("root", Role::Admin, &[]).await;
    let _manager = bus.manager();
    let root = bus.token("root", "cli", None).await;
    let words = ["session", "ls", "--user", "kim", "--format", "json"];
    let said = bus.deblox_with(&words, |command| _ = command.env("DEBLOX_TOKEN", &root)).await;
    let session: Value = serde_json::from_str(said.out.trim()).expect("one session");
    assert_eq!((&session["origin"], &session["address"]), (&json!("oidc"), &json!("127.0.0.1")), "{session}");
}
