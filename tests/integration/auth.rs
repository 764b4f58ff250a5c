//! The auth manager: its messages as the original printed them, sessions and how they end, and what must stay secret.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use deblox::auth::{Accounts, AuthOptions, Change};
use deblox::bus::Bus as Handle;
use deblox::protocol::{AccountName, Role, Secret};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::processes::Program;
use crate::support::{Bus, PATIENCE, deblox, until};
use crate::witness::secret;

/// The password of everybody here.
pub const PASSWORD: &str = "correct horse battery";

/// An auth manager in this process. Dropping it leaves without a word, as a crash would.
pub struct Manager(JoinHandle<()>);

impl Drop for Manager {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Bus {
    /// Starts an auth manager with the usual limits.
    pub fn manager(&self) -> Manager {
        self.manager_with(|_| {})
    }

    /// The same with others.
    pub fn manager_with(&self, change: impl FnOnce(&mut AuthOptions)) -> Manager {
        let mut options = AuthOptions::new(self.options());
        change(&mut options);
        let run = deblox::auth::run(options, CancellationToken::new());
        Manager(tokio::spawn(async { run.await.expect("a good end") }))
    }

    /// A process that is an auth manager, and tells all that it does.
    fn manager_process(&self) -> Program {
        let mut command: Command = deblox();
        command.args(["--log", "trace", "web", "--listen", "127.0.0.1:0"]).env("DEBLOX_AUTH_MANAGER", "1");
        Program::start({
            command.env("REDIS_URL", &self.url).env("DEBLOX_NAMESPACE", &self.namespace);
            command
        })
    }

    /// Adds a user with the password of everybody.
    pub async fn user(&self, name: &str, role: Role, groups: &[&str]) {
        let bus = Handle::new(&self.options()).expect("options");
        let groups: BTreeSet<AccountName> = groups.iter().map(|group| named(group)).collect();
        secret(PASSWORD);
        let added = Accounts(&bus).add(&named(name), role, groups, Some(Secret::new(PASSWORD))).await;
        assert_eq!(added.expect("it is added"), None);
    }

    /// Sends a message to the auth manager: the text that it answers.
    pub async fn auth(&self, address: &str, message: Value) -> String {
        let id = self.send_to(&format!("auth.{address}"), &["json", &message.to_string()]).await;
        self.reply_text(&id).await
    }

    async fn login(&self, username: &str, password: &str) -> String {
        self.auth("login", json!({"username": username, "password": password})).await
    }

    /// Logs in: the session.
    pub async fn session(&self, username: &str) -> String {
        session(&self.login(username, PASSWORD).await)
    }

    /// Whether the session still counts.
    pub async fn counts(&self, session: &str) -> bool {
        let reply = self.auth("authorise", json!({"sessionID": session})).await;
        assert!(reply == DENIED || reply.starts_with(r#"{"status":"ok","#), "{reply}");
        reply != DENIED
    }

    /// Every key of the namespace with all that is in it.
    pub async fn dump(&self) -> String {
        let mut all = String::new();
        for key in self.redis::<Vec<String>>(&["KEYS", &self.key("*")]).await {
            let kind: String = self.redis(&["TYPE", &key]).await;
            let read: &[&str] = match kind.as_str() {
                "hash" => &["HGETALL", &key],
                "list" => &["LRANGE", &key, "0", "-1"],
                "stream" => &["XRANGE", &key, "-", "+"],
                "set" => &["SMEMBERS", &key],
                "zset" => &["ZRANGE", &key, "0", "-1"],
                _ => &["GET", &key],
            };
            let value: redis::Value = self.redis(read).await;
            writeln!(all, "{key} {value:?}").expect("text");
        }
        all
    }
}

const DENIED: &str = r#"{"status":"denied"}"#;

pub fn named(name: &str) -> AccountName {
    AccountName::new(name).expect("a name")
}

/// The session that a login was answered with.
fn session(reply: &str) -> String {
    let read: Value = serde_json::from_str(reply).expect("JSON");
    assert_eq!(read["status"], "ok", "{reply}");
    let session = read["sessionID"].as_str().expect("a session").to_owned();
    secret(&session);
    session
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_auth_manager_answers_in_the_original_s_words() {
    let bus = Bus::new().await;
    bus.user("ada", Role::Operator, &["ops", "dev"]).await;
    let _manager = bus.manager();

    let reply = bus.login("ada", PASSWORD).await;
    let id = session(&reply);
    assert_eq!(reply, format!(r#"{{"status":"ok","sessionID":"{id}"}}"#));
    assert_eq!(uuid::Uuid::parse_str(&id).expect("a UUID").get_version_num(), 4);
    assert_eq!(bus.login("ada", "wrong").await, DENIED);
    assert_eq!(bus.login("eve", PASSWORD).await, DENIED);

    let whose = bus.auth("authorise", json!({"sessionID": id})).await;
    assert_eq!(whose, r#"{"status":"ok","username":"ada","groups":["dev","ops"],"role":"operator"}"#);
    assert_eq!(bus.auth("authorise", json!({"sessionID": "none"})).await, DENIED);

    // Several sessions of one user, by flat fields, under an id of one's own.
    bus.send_to("auth.login", &["username", "ada", "password", PASSWORD, "requestId", "mine.1"]).await;
    let other = session(&bus.reply_text("mine.1").await);
    let beside = json!({"sessionID": other}).to_string();
    bus.send_to("auth.authorise", &["json", &beside, "requestId", "mine.2"]).await;
    assert_eq!(bus.reply_text("mine.2").await, whose);

    assert_eq!(bus.auth("logout", json!({"sessionID": id})).await, r#"{"status":"ok"}"#);
    let gone = r#"{"status":"error","message":"Not logged in"}"#;
    assert_eq!(bus.auth("logout", json!({"sessionID": id})).await, gone);
    assert!(!bus.counts(&id).await && bus.counts(&other).await, "one ended, the other did not");
    for stream in ["login", "authorise", "logout"] {
        assert_eq!(bus.redis::<u64>(&["XLEN", &bus.key(&format!("auth.{stream}"))]).await, 0, "{stream}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_the_auth_manager_cannot_read_is_told_which_field_is_wrong() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    for (address, message, said) in [
        ("login", json!({"password": PASSWORD}), "username must be specified"),
        ("login", json!({"username": "ada"}), "password must be specified"),
        ("login", json!({"username": "ada", "password": 1}), "password must be text"),
        ("login", json!({"username": "ada", "password": "a", "timeout": "soon"}), "timeout"),
        ("login", json!({"username": "a".repeat(300), "password": "a"}), "username must have at most 256 bytes"),
        ("login", json!({"username": "ada", "password": "a", "pasword": "b"}), "one of them is no field of login"),
        ("authorise", json!({}), "sessionID must be specified"),
        ("authorise", json!({"sessionID": ["a"]}), "sessionID must be text"),
        ("logout", json!({}), "sessionID must be specified"),
        ("logout", json!([]), "a JSON object"),
    ] {
        let reply: Value = serde_json::from_str(&bus.auth(address, message.clone()).await).expect("JSON");
        let text = reply["message"].as_str().unwrap_or_default();
        assert!(reply["status"] == "error" && text.contains(said), "{address} {message}: {reply}");
        assert!(!text.contains(PASSWORD), "{reply}");
    }
    let id = bus.send_to("auth.login", &["json", "{"]).await;
    assert!(bus.reply_text(&id).await.contains("not valid JSON"));
    let id = bus.send_bytes("auth.login", &[b"username", b"\xff"]).await;
    assert!(bus.reply_text(&id).await.contains("`username` is not UTF-8"));
    let id = bus.send_to("auth.logout", &["sessionID", "a", "requestId", "a b"]).await;
    assert!(bus.reply_text(&id).await.contains("requestId is not valid"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_login_is_answered_once_though_an_auth_manager_is_killed() {
    let bus = Bus::new().await;
    bus.user("ada", Role::User, &[]).await;
    let [mut others, mut killed] = [Vec::new(), vec![bus.manager_process()]];
    killed[0].says("auth manager is up").await;
    let mut ids = Vec::new();
    // Wrong ones of as many users, so that none is throttled; a right one at the end.
    for number in 0..100 {
        let user = format!("u{number}");
        ids.push(bus.send_to("auth.login", &["username", &user, "password", PASSWORD]).await);
    }
    assert_eq!(bus.reply_text(&ids[0]).await, DENIED);
    killed.pop().expect("it is there").killed().await;
    let left: usize = bus.redis(&["XLEN", &bus.key("auth.login")]).await;
    assert!(left > 0, "it was killed in the middle");
    others.push(bus.manager_process());
    let mut beside_a_dock = bus.worker_command(2, "a.test");
    beside_a_dock.arg("--auth-manager");
    others.push(Program::start(beside_a_dock));
    ids.push(bus.send_to("auth.login", &["username", "ada", "password", PASSWORD]).await);
    let last = session(&bus.reply_text(&ids[100]).await);
    for id in &ids[1..100] {
        assert_eq!(bus.reply_text(id).await, DENIED);
    }
    assert!(bus.counts(&last).await);
    until("nothing is left", async || (bus.redis::<u64>(&["XLEN", &bus.key("auth.login")]).await == 0).then_some(()))
        .await;
    assert_eq!(bus.redis::<Vec<String>>(&["KEYS", &bus.key("reply.*")]).await, Vec::<String>::new(), "once each");
    for mut manager in others {
        manager.says("auth manager is up").await;
        manager.signal("TERM");
        assert!(manager.ended().await.success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_logged_in_late_and_a_lost_stream_is_made_again() {
    let bus = Bus::new().await;
    bus.user("ada", Role::User, &[]).await;
    let (seconds, _): (u64, u64) = bus.redis(&["TIME"]).await;
    let fields = ["username", "ada", "password", PASSWORD];
    let mut ids = Vec::new();
    for (ago, more) in [(31, &[][..]), (6, &["timeout", "5000"])] {
        let id = format!("{}-0", (seconds - ago) * 1000);
        let (key, id) = (bus.key("auth.login"), id.as_str());
        let sent: String = bus.redis(&[&["XADD", &key, id], &fields[..], more].concat()).await;
        ids.push(sent);
    }
    let _manager = bus.manager();
    for id in &ids {
        assert!(bus.reply_text(id).await.contains("the time was up"), "{id}");
    }
    assert_eq!(bus.redis::<Vec<String>>(&["KEYS", &bus.key("auth.session.*")]).await, Vec::<String>::new());
    assert_eq!(bus.redis::<u64>(&["XLEN", &bus.key("auth.login")]).await, 0, "the passwords are gone");

    bus.redis::<u64>(&["DEL", &bus.key("auth.login"), &bus.key("auth.authorise")]).await;
    let session = bus.session("ada").await;
    assert!(bus.counts(&session).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_does_not_wait_for_an_auth_manager_that_never_comes() {
    let bus = Bus::new().await;
    let (seconds, _): (u64, u64) = bus.redis(&["TIME"]).await;
    let key = bus.key("auth.login");
    let old = format!("{}-0", (seconds - 200) * 1000);
    let fields = ["username", "ada", "password", PASSWORD];
    let _: String = bus.redis(&[&["XADD", &key, &old][..], &fields].concat()).await;
    let new = bus.send_to("auth.login", &fields).await;
    let _worker = bus.worker(2, "a.test").await;
    until("the old one is deleted", async || {
        let left: redis::Value = bus.redis(&["XRANGE", &key, "-", "+"]).await;
        let left = format!("{left:?}");
        assert!(left.contains(&new), "the new one may still be answered: {left}");
        (!left.contains(&old)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_many_logins_fail_for_is_locked_for_longer_each_time() {
    let bus = Bus::new().await;
    bus.user("ada", Role::User, &[]).await;
    bus.user("bob", Role::User, &[]).await;
    let limits = |options: &mut AuthOptions| {
        options.limits.account_attempts = 3;
        options.limits.first_lock = Duration::from_secs(3);
    };
    let _managers = [bus.manager_with(limits), bus.manager_with(limits)];
    let locked =
        |reply: &str| reply.starts_with(r#"{"status":"error","message":"too many logins failed: try again in"#);

    // Side by side they count as one after the other, and for a user that there is not as for one that there is.
    for user in ["ada", "eve"] {
        let tries = (0..12).map(|_| bus.login(user, "wrong"));
        let replies = futures_util::future::join_all(tries).await;
        let denied = replies.iter().filter(|reply| *reply == DENIED).count();
        assert!(denied <= 4 && replies.iter().all(|reply| reply == DENIED || locked(reply)), "{user}: {replies:?}");
        assert!(replies.iter().any(|reply| locked(reply)), "{replies:?}");
    }
    bus.session("bob").await;

    // The next failure locks for twice as long.
    until("a try is free", async || (bus.login("ada", "wrong").await == DENIED).then_some(())).await;
    let reply = bus.login("ada", PASSWORD).await;
    let seconds = reply.split("try again in ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 3), "not even the right one: {reply}");
    until("the lock is over", async || bus.login("ada", PASSWORD).await.contains("sessionID").then_some(())).await;
    for _ in 0..2 {
        assert_eq!(bus.login("ada", "wrong").await, DENIED, "after a success it begins anew");
    }
    bus.session("ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_many_logins_fail_from_is_locked() {
    let bus = Bus::new().await;
    bus.user("ada", Role::User, &[]).await;
    let _manager = bus.manager_with(|options| {
        options.limits.address_attempts = 3;
        options.limits.first_lock = PATIENCE * 4;
    });
    let from =
        |address: &str, user: &str, password: &str| json!({"username": user, "password": password, "address": address});
    for _ in 0..5 {
        assert!(bus.auth("login", from("192.0.2.7", "ada", PASSWORD)).await.contains("sessionID"), "no success counts");
    }
    for number in 0..3 {
        assert_eq!(bus.auth("login", from("192.0.2.7", &format!("u{number}"), "wrong")).await, DENIED);
    }
    let reply = bus.auth("login", from("192.0.2.7", "ada", PASSWORD)).await;
    assert!(reply.contains("too many logins failed"), "{reply}");
    assert!(bus.auth("login", from("192.0.2.8", "ada", PASSWORD)).await.contains("sessionID"), "another address");
    assert!(bus.login("ada", PASSWORD).await.contains("sessionID"), "no address");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_end_when_nobody_uses_them_and_in_any_case_after_a_while() {
    let bus = Bus::new().await;
    bus.user("ada", Role::User, &[]).await;
    let (idle, lifetime) = (Duration::from_secs(3), Duration::from_secs(8));
    let _manager = bus.manager_with(|options| {
        options.limits.session_idle = idle;
        options.limits.session_lifetime = lifetime;
    });
    let begun = Instant::now();
    let (used, unused) = (bus.session("ada").await, bus.session("ada").await);
    let sessions = async || bus.redis::<Vec<String>>(&["KEYS", &bus.key("auth.session.*")]).await.len();
    until("the one that is not used ends", async || {
        assert!(bus.counts(&used).await, "it is used");
        (sessions().await == 1).then_some(())
    })
    .await;
    assert!(begun.elapsed() > idle && !bus.counts(&unused).await);
    until("the other one ends as well", async || (!bus.counts(&used).await).then_some(())).await;
    assert!(begun.elapsed() + Duration::from_millis(10) >= lifetime, "{:?}", begun.elapsed());
    assert_eq!(sessions().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_revoked_at_once_on_every_node() {
    let bus = Bus::new().await;
    bus.user("ada", Role::User, &[]).await;
    bus.user("bob", Role::User, &[]).await;
    let _managers = [bus.manager(), bus.manager(), bus.manager()];
    let handle = Handle::new(&bus.options()).expect("options");
    let (accounts, ada) = (Accounts(&handle), named("ada"));
    let bobs = bus.session("bob").await;
    for way in ["logout", "password", "disable", "remove"] {
        let sessions = [bus.session("ada").await, bus.session("ada").await];
        for session in &sessions {
            assert!(bus.counts(session).await, "before {way}");
        }
        match way {
            "logout" => {
                for session in &sessions {
                    assert_eq!(bus.auth("logout", json!({"sessionID": session})).await, r#"{"status":"ok"}"#);
                }
            }
            "password" => {
                accounts.set_password(&ada, Some(Secret::new(PASSWORD))).await.expect("it is changed");
            }
            "disable" => accounts.change(&ada, &Change::Disable).await.expect("it is disabled"),
            _ => accounts.remove(&ada, false).await.expect("it is removed"),
        }
        // As many times as it takes to have asked each of the managers.
        let asked = futures_util::future::join_all((0..24).map(|turn| bus.counts(&sessions[turn % 2]))).await;
        assert!(!asked.contains(&true), "after {way}: {asked:?}");
        match way {
            "disable" => {
                assert_eq!(bus.login("ada", PASSWORD).await, DENIED);
                accounts.change(&ada, &Change::Enable).await.expect("it is enabled");
            }
            "remove" => bus.user("ada", Role::User, &[]).await,
            _ => {}
        }
        for session in &sessions {
            assert!(!bus.counts(session).await, "for good, after {way}");
        }
        assert!(bus.counts(&bobs).await, "another's, after {way}");
    }
    // What is changed otherwise shows at once, in the sessions that there are.
    let session = bus.session("ada").await;
    accounts.change(&ada, &Change::Role(Role::Admin)).await.expect("it is changed");
    assert!(bus.auth("authorise", json!({"sessionID": session})).await.contains(r#""role":"admin""#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_cannot_be_read_is_said_to_be_one() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    bus.redis::<i64>(&["HSET", &bus.key("auth.users"), "ada", "{"]).await;
    let reply = bus.login("ada", PASSWORD).await;
    assert_eq!(
        reply,
        r#"{"status":"error","message":"what is kept about that account cannot be used: an account that cannot be read"}"#
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_accounts_at_the_same_moment_are_all_made() {
    let bus = Bus::new().await;
    let handle = Handle::new(&bus.options()).expect("options");
    let accounts = Accounts(&handle);
    let first = futures_util::future::join_all((0..4).map(|_| accounts.add_first())).await;
    let made: Vec<_> = first.into_iter().filter_map(|one| one.expect("it is tried")).collect();
    let [(admin, _)] = made.as_slice() else { panic!("one is the first: {made:?}") };
    let groups = BTreeSet::from([named("ops")]);
    let changes = [Change::Role(Role::Viewer), Change::Groups(groups.clone()), Change::Disable];
    for made in futures_util::future::join_all(changes.iter().map(|change| accounts.change(admin, change))).await {
        made.expect("it is changed");
    }
    let all = accounts.all().await.expect("accounts");
    let account = &all[admin];
    assert_eq!((all.len(), account.role, &account.groups, account.disabled), (1, Role::Viewer, &groups, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_user_takes_as_long_as_a_wrong_password() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    let mut quickest = [Duration::MAX; 2];
    for number in 0..8 {
        let known = format!("known{number}");
        bus.user(&known, Role::User, &[]).await;
        for (which, user) in [known, format!("unknown{number}")].iter().enumerate() {
            let id = bus.send_to("auth.login", &["username", user, "password", "wrong"]).await;
            let begun = Instant::now();
            assert_eq!(bus.reply(&id).await, json!({"status": "denied"}));
            quickest[which] = quickest[which].min(begun.elapsed());
        }
    }
    let [known, unknown] = quickest.map(|time| time.as_secs_f64());
    assert!(known / unknown < 1.8 && unknown / known < 1.8, "{quickest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_stays_in_redis_or_gets_into_a_log() {
    let bus = Bus::new().await;
    bus.user("ada", Role::User, &[]).await;
    let mut manager = bus.manager_process();
    manager.says("auth manager is up").await;
    let made = bus.deblox(&["--log", "trace", "user", "add", "bob", "--role", "user", "--generate"]).await;
    let (password, token) = (made.out.trim(), bus.says(&["token", "add", "ci", "--user", "ada"]).await);
    let sessions = [bus.session("ada").await, session(&bus.login("bob", password).await)];
    assert_eq!(bus.login("ada", "wr0ng-password").await, DENIED);
    // A person typed the password where the name goes.
    assert_eq!(bus.login("typed-where-the-name-goes", "x").await, DENIED);
    for session in &sessions {
        assert!(bus.counts(session).await);
    }
    assert!(bus.auth("authorise", json!({"token": token})).await.contains("ada"));
    let refused = bus.auth("login", json!({"username": 1, "password": "in-a-bad-message"})).await;
    assert!(refused.contains("username must be text"));

    let kept = bus.dump().await;
    assert!(kept.contains("auth.session.") && kept.contains("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
    manager.signal("TERM");
    assert!(manager.ended().await.success());
    let logged = format!("{}{}{}", manager.errors(), manager.output(), made.err);
    assert!(logged.contains("logged in") && logged.contains("a login failed"), "{logged}");
    let secrets = [PASSWORD, password, "wr0ng-password", "typed-where-the-name-goes", "in-a-bad-message", &token];
    for secret in secrets.into_iter().chain(sessions.iter().map(String::as_str)) {
        assert!(secret.len() > 8 && !kept.contains(secret), "in Redis: {secret}");
        assert!(!logged.contains(secret), "in a log: {secret}");
    }
}
