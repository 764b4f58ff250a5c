//! What must stay secret does: nothing of it is in a reply, in an output, in a log, or in what is left in Redis.

use std::process::Command;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, Engine};
use deblox::protocol::{GROUP, Role, limits::ATTEMPTS};
use serde_json::{Value, json};

use crate::auth::PASSWORD;
use crate::cli_terminal::fed;
use crate::commands::Said;
use crate::processes::{Program, RedisProcess, free_port};
use crate::pulls::streamed;
use crate::registry::{LOGIN, Registry, SECRET};
use crate::support::{Bus, unique, until};
use crate::web::Node;

/// The password of Redis, and one that is not.
const REDIS: [&str; 2] = ["s3cr3t-of-redis", "wr0ng-for-redis"];

/// What people type that is no secret of anybody, but might be one: passwords that are wrong, or in the wrong place.
const TYPED: [&str; 5] =
    ["wr0ng-password", "typed-for-a-name", "in-a-bad-message", "wr0ng-for-a-registry", "new-passw0rd-of-ada"];

/// All that was to be heard or read.
#[derive(Default)]
struct Heard(Vec<(String, String)>);

impl Heard {
    fn add(&mut self, what: impl Into<String>, text: impl Into<String>) {
        self.0.push((what.into(), text.into()));
    }

    /// A command, and what it said.
    fn said(&mut self, words: &[&str], said: Said) {
        self.add(format!("the output of {:?}", &words[..words.len().min(3)]), said.out);
        self.add(format!("the errors of {:?}", &words[..words.len().min(3)]), said.err);
    }

    fn has(&self, text: &str) {
        assert!(self.0.iter().any(|(_, heard)| heard.contains(text)), "nobody said {text:?}: {:#?}", self.0);
    }

    /// Nothing of it has one of these, or the beginning of one.
    fn is_clean_of(&self, secrets: &[String]) {
        let mut found = Vec::new();
        for secret in secrets {
            let beginning = &secret[..secret.len().min(24)];
            for (what, text) in &self.0 {
                let lines = text.lines().filter(|line| line.contains(beginning));
                found
                    .extend(lines.map(|line| {
                        format!("{secret:?} is in {what}: {}", line.chars().take(900).collect::<String>())
                    }));
            }
        }
        assert!(found.is_empty(), "{found:#?}");
    }
}

/// What waits in Redis before there is a worker: a request that is too late, and one that cost others their lives.
async fn old_requests(bus: &Bus, token: &str) -> [String; 2] {
    let (seconds, _): (u64, u64) = bus.redis(&["TIME"]).await;
    let stream = bus.key("docker");
    bus.redis::<()>(&["XGROUP", "CREATE", &stream, GROUP, "0", "MKSTREAM"]).await;
    let late = format!("{}-0", (seconds - 60) * 1000);
    let request = json!({"action": "list-images", "token": token, "requestId": "late"}).to_string();
    bus.redis::<String>(&["XADD", &stream, &late, "json", &request]).await;
    let request = json!({"action": "docker", "method": "POST", "path": "/auth", "dock": "a.test", "token": token,
        "headers": {"X-Registry-Auth": SECRET}, "body": {"password": SECRET}});
    let id = bus.send(&["json", &request.to_string(), "requestId", "poison"]).await;
    let read = ["XREADGROUP", "GROUP", GROUP, "dead.test/1", "COUNT", "2", "STREAMS", &stream, ">"];
    bus.redis::<redis::Value>(&read).await;
    let (attempts, place) = (ATTEMPTS.to_string(), format!("{id} {stream}"));
    let record = ["entry", &place, "state", "taken", "by", "dead.test/1", "attempts", &attempts];
    bus.redis::<()>(&[&["HSET", bus.key("request.poison").as_str()], record.as_slice()].concat()).await;
    let back = ["XCLAIM", &stream, GROUP, "handed-back", "0", &late, &id, "IDLE", "86400000", "JUSTID"];
    bus.redis::<redis::Value>(&back).await;
    ["late".to_owned(), "poison".to_owned()]
}

/// Messages to the auth manager, right and wrong in every way.
async fn logins(bus: &Bus, session: &str, token: &str, heard: &mut Heard) {
    let messages = [
        ("login", json!({"username": "ada", "password": TYPED[0]})),
        ("login", json!({"username": TYPED[1], "password": PASSWORD})),
        ("login", json!({"username": 1, "password": TYPED[2]})),
        ("login", json!({"username": "ada", "password": [PASSWORD]})),
        ("login", json!({"username": "ada", "password": PASSWORD, token: session})),
        ("login", json!({"username": "ada", "password": PASSWORD, "address": [token]})),
        ("authorise", json!({"sessionID": session})),
        ("authorise", json!({"token": token})),
        ("authorise", json!({"token": token, "sessionID": session})),
        ("authorise", json!({"sessionID": token})),
        ("authorise", json!({"session": session})),
        ("logout", json!({"sessionID": token})),
        ("logout", json!([session])),
        ("login", json!(PASSWORD)),
    ];
    for (address, message) in messages {
        let id = bus.send_to(&format!("auth.{address}"), &["json", &message.to_string()]).await;
        let reply = bus.reply_text(&id).await;
        // That login was right, and is told its session.
        if !reply.contains("sessionID\":\"") {
            heard.add("a reply of the auth manager", reply);
        }
    }
    for broken in [format!("{{\"username\":\"ada\",\"password\":\"{PASSWORD}\""), format!("{{\"token\":\"{token}\"]")] {
        let id = bus.send_to("auth.login", &["json", &broken]).await;
        heard.add("a reply of the auth manager", bus.reply_text(&id).await);
    }
    let id = bus.send_to("auth.authorise", &["token", token, token, "token"]).await;
    heard.add("a reply of the auth manager", bus.reply_text(&id).await);
}

/// Requests that are wrong, with secrets where none belong.
fn wrong(session: &str, token: &str) -> Vec<Value> {
    let mut requests = vec![
        json!({"action": "ping", "session": session, "token": token}),
        json!({"action": "ping", "token": [token]}),
        json!({"action": "ping", "session": {"id": session}}),
        json!({"action": "ping", "session": token}),
        json!({"action": "ping", "token": session}),
        json!({"action": token}),
        json!({"action": session}),
        json!({"action": [token]}),
    ];
    let with_token = [
        json!({"action": "ping", "tokn": token}),
        json!({"action": "ping", token: "token"}),
        json!({"action": "ping", session: "session"}),
        json!({"action": "ping", "dock": token}),
        json!({"action": "ping", "timeout": token}),
        json!({"action": "inspect-container", "id": token}),
        json!({"action": "inspect-container", "id": format!("/{session}")}),
        json!({"action": "pull-image", "image": "busybox", "credentials": SECRET}),
        json!({"action": "pull-image", "image": {"password": SECRET}}),
        json!({"action": "pull-image", "image": "busybox", "credentials": {"password": [SECRET]}}),
        json!({"action": "docker", "path": "/version", "headers": SECRET}),
        json!({"action": "docker", "path": "/version", "headers": {"Authorization": SECRET}}),
        json!({"action": "docker", "path": "/version", "headers": {"X-Registry-Auth": [SECRET]}}),
        json!({"action": "docker", "path": "/version", "headers": {"X-Registry-Auth": format!("{SECRET}\n")}}),
        json!({"action": "docker", "path": 7, "headers": {"X-Registry-Auth": SECRET}}),
        json!({"action": "docker", "method": "POST", "path": "/auth", "dock": "a.test",
            "body": {"username": "tester", "password": SECRET, "serveraddress": "127.0.0.1:1"}}),
        json!({"action": "create-container", "image": "busybox", "name": "x", "credentials": [SECRET]}),
        json!({"action": "list-images", "padding": "x".repeat(1024 * 1024)}),
        json!({"action": "list-images", "dock": "nowhere.test"}),
    ];
    requests.extend(with_token.into_iter().map(|mut request| {
        request["token"] = json!(token);
        request
    }));
    requests
}

/// A registry is asked with right and with wrong credentials, in each way that there is.
async fn images(bus: &Bus, token: &str, registry: &Registry, heard: &mut Heard) -> Vec<String> {
    let image = registry.image(2, &[1]);
    let mut hidden = Vec::new();
    for password in [SECRET, TYPED[3]] {
        let credentials = json!({"username": "tester", "password": password});
        let header = BASE64_URL_SAFE.encode(credentials.to_string());
        for action in ["push-image", "pull-image"] {
            for stream in [false, true] {
                let request = json!({"action": action, "image": image.name, "dock": "a.test", "stream": stream,
                    "credentials": credentials, "token": token});
                if stream {
                    let (messages, reply) = streamed(bus, request).await;
                    heard.add(format!("what {action} streams"), json!([messages, reply]).to_string());
                } else {
                    heard.add(format!("a reply to {action}"), bus.call(request).await.to_string());
                }
            }
        }
        let (name, tag) = image.name.rsplit_once(':').expect("a tag");
        let raw = json!({"action": "docker", "method": "POST", "path": "/images/create", "dock": "a.test",
            "query": {"fromImage": name, "tag": tag}, "headers": {"X-Registry-Auth": header}, "stream": true,
            "token": token});
        let (messages, reply) = streamed(bus, raw).await;
        heard.add("what `docker` streams", json!([messages, reply]).to_string());
        let create = json!({"action": "create-container", "image": image.name, "name": unique("hidden"),
            "pull": "always", "credentials": credentials, "dock": "a.test", "token": token});
        let made = bus.call(create).await;
        heard.add("a reply to create-container", made.to_string());
        if let Some(id) = made["Id"].as_str() {
            let remove = json!({"action": "delete-container", "id": id, "token": token});
            heard.add("a reply to delete-container", bus.call(remove).await.to_string());
        }
        let plain = BASE64_STANDARD.encode(format!("tester:{password}"));
        hidden.extend([header, plain]);
    }
    hidden
}

/// Commands with secrets in their environment, their words and their input. Returns the session that one of them was given.
async fn commands(bus: &Bus, session: &str, token: &str, registry: &Registry, heard: &mut Heard) -> String {
    let home = tempfile::tempdir().expect("a folder");
    let login = json!({"auths": {&registry.address: {"auth": LOGIN}}}).to_string();
    std::fs::write(home.path().join("config.json"), login).expect("it is written");
    let told = |command: &mut Command| {
        command.env("DOCKER_CONFIG", home.path()).env("XDG_CONFIG_HOME", home.path()).env("HOME", home.path());
        command.env("XDG_STATE_HOME", home.path());
    };
    let as_token = |command: &mut Command| {
        told(command);
        command.env("DEBLOX_TOKEN", token);
    };
    let verbose = |words: &[&str]| {
        let mut command = bus.command(&[&["-v", "--log", "trace"], words].concat());
        told(&mut command);
        command
    };
    let login = ["login", "--user", "ada", "--password-stdin"];
    heard.said(&login, fed(verbose(&login), TYPED[0].as_bytes()).await);
    heard.said(&login, fed(verbose(&login), PASSWORD.as_bytes()).await);
    let kept = std::fs::read_to_string(home.path().join("deblox/sessions.json")).expect("a session is kept");
    let given = kept.split('"').nth(3).expect("a session").to_owned();
    for words in [&["whoami"][..], &["docks"], &["--token-file", "/nowhere", "docks"], &["logout"], &["docks"]] {
        heard.said(words, fed(verbose(words), b"").await);
    }
    let image = format!("{}/nothing:1", registry.address);
    let call = |request: Value| request.to_string();
    let requests = [
        call(json!({"action": "ping", "token": token})),
        call(json!({"action": "ping", "session": session})),
        call(json!({"action": "ping", "requestId": token})),
        call(json!({"action": "ping", "dock": token})),
        call(json!({"action": "ping", token: session})),
        call(json!({"action": "events", "all": true, "kept": true, "token": token})),
        format!("{{\"action\":\"ping\",\"token\":\"{token}\"]"),
        format!("[\"{token}\"]"),
    ];
    let mut lines: Vec<Vec<&str>> = requests.iter().map(|request| vec!["call", request.as_str()]).collect();
    lines.extend([
        vec!["docks"],
        vec!["pull", "--dock", "a.test", &image],
        vec!["push", "--dock", "a.test", &image],
        vec!["user", "ls", "--format", "json"],
        vec!["token", "ls", "--no-trunc"],
        vec!["token", "revoke", token],
        vec!["context", "set", "hidden"],
        vec!["context", "ls", "--format", "json"],
        vec!["audit"],
    ]);
    for words in lines {
        let words = [&["-v", "--log", "trace"], &words[..]].concat();
        heard.said(&words[3..], bus.deblox_with(&words, as_token).await);
    }
    let words = ["user", "passwd", "ada", "--password-stdin"];
    heard.said(&words, fed(verbose(&words), TYPED[4].as_bytes()).await);
    let nowhere = [
        format!("redis://:{}@127.0.0.1:{}", REDIS[0], free_port()),
        bus.url.replace(REDIS[0], REDIS[1]),
        format!("redis://:{}@127.0.0.1:port", REDIS[0]),
        format!("redis+sentinel://:{}@127.0.0.1:{}/primary", REDIS[0], free_port()),
        format!("redis+cluster://:{}@127.0.0.1:{}", REDIS[0], free_port()),
        format!("redis+cluster://:{}@127.0.0.1:{}/1", REDIS[0], free_port()),
        format!("http://:{}@127.0.0.1", REDIS[0]),
    ];
    for url in &nowhere {
        for words in
            [&["-v", "--log", "trace", "--timeout", "1s", "docks"][..], &["-v", "--log", "trace", "user", "ls"]]
        {
            let said = bus.deblox_with(words, |command| {
                as_token(command);
                command.env("REDIS_URL", url);
            });
            heard.said(&words[3..], said.await);
        }
    }
    given
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "a list of ways to say a secret")]
async fn no_reply_output_log_or_record_has_a_secret() {
    let mut redis = RedisProcess::with(&["--requirepass", REDIS[0]]);
    redis.start().await;
    let bus = Bus::on(&format!("redis://:{}@127.0.0.1:{}", REDIS[0], redis.port())).await;
    let mut heard = Heard::default();
    bus.user("ada", Role::Operator, &[]).await;
    let token = bus.token("ada", "ci", None).await;
    let waiting = old_requests(&bus, &token).await;

    let mut command = bus.worker_command(2, "a.test");
    command.args(["--log", "trace", "--auth", "enforce", "--auth-manager"]);
    let worker = Program::start(command);
    let node = Node::with(&bus.url, &bus.namespace, |command| {
        command.args(["--log", "trace", "--auth-manager"]);
    })
    .await;
    worker.says("worker is up").await;
    bus.until_dock("a.test", |record| record["daemon"] == "up").await;
    let mut lost = bus.worker_command(2, "lost.test");
    lost.args(["--log", "trace"]).env("REDIS_URL", bus.url.replace(REDIS[0], REDIS[1]));
    let lost = Program::start(lost);
    for id in waiting {
        heard.add("a reply to what was old", bus.reply(&id).await.to_string());
    }
    let session = bus.session("ada").await;
    logins(&bus, &session, &token, &mut heard).await;

    for (name, who) in [("session", &session), ("token", &token)] {
        for action in ["ping", "list-docks", "list-users", "system-info"] {
            heard.add("a reply", bus.call(json!({"action": action, name: who})).await.to_string());
            let (_, reply) = node.post(json!({"action": action, name: who})).await;
            heard.add("a reply by HTTP", reply.to_string());
        }
    }
    for request in wrong(&session, &token) {
        heard.add("a reply", bus.call(request.clone()).await.to_string());
        heard.add("a reply by HTTP", node.post(request).await.1.to_string());
    }
    let broken = format!("{{\"action\":\"ping\",\"token\":\"{token}\"");
    let not_text = [&b"action"[..], b"ping", b"token", b"\xff", token.as_bytes(), b"\xfe"];
    let mut ids = vec![bus.send_bytes("docker", &not_text).await];
    for fields in [
        &["json", &broken][..],
        &["json", &format!("\"{token}\"")],
        &["json", &json!({"action": "ping", "requestId": token}).to_string()],
        &["json", &json!({"action": "ping"}).to_string(), "token", &token],
        &["json", &json!({"action": "ping"}).to_string(), &token, "token"],
        &["action", "ping", "token", &token],
        &["action", "ping", &token, "token"],
        &["action", "ping", "token", &token, "token", &token],
        &["token", &token],
    ] {
        ids.push(bus.send(fields).await);
    }
    let unknown = json!({"action": "list-images", "token": token, "timeout": 1000}).to_string();
    ids.push(bus.send_to("docker.nowhere.test", &["json", &unknown]).await);
    for id in ids {
        heard.add("a reply to what is no request", bus.reply(&id).await.to_string());
    }
    let ping = r#"{"action":"ping"}"#;
    for (header, body) in [
        (format!("Authorization: Bearer {token}"), ping),
        (format!("Authorization: Bearer {session}"), ping),
        (format!("Authorization: Bearer {token}0"), ping),
        (format!("Authorization: {token}"), ping),
        (format!("Authorization: Basic {}", BASE64_STANDARD.encode(format!("ada:{PASSWORD}"))), ping),
        (format!("Cookie: deblox_session={session}; token={token}"), ping),
        (String::new(), &broken),
    ] {
        heard.add("a reply by HTTP", node.send("POST /", &header, body).await.1.to_string());
    }
    let registry = Registry::guarded().await;
    let hidden = images(&bus, &token, &registry, &mut heard).await;
    let given = commands(&bus, &session, &token, &registry, &mut heard).await;
    // The change of the password has ended it.
    heard.add("a reply", bus.call(json!({"action": "ping", "session": session})).await.to_string());

    lost.says("Redis is away").await;
    heard.add("what is left in Redis", bus.dump().await);
    for (name, mut program) in [("a worker", worker), ("a node", node.program), ("a worker that Redis refuses", lost)] {
        program.signal("TERM");
        until("it ends", async || (!crate::processes::is_alive(program.id())).then_some(())).await;
        program.ended().await;
        heard.add(format!("the log of {name}"), program.errors());
        heard.add(format!("the output of {name}"), program.output());
    }
    heard.add("what is left in Redis at the end", bus.dump().await);

    let codes = [
        "poison",
        "expired",
        "unauthenticated",
        "bad-json",
        "bad-field",
        "bad-request-id",
        "unknown-field",
        "unknown-action",
        "not-an-object",
        "payload-too-large",
        "missing-action",
        "unknown-dock",
        "push-failed",
        "pull-failed",
    ];
    for code in codes {
        heard.has(&format!("\"error\":\"{code}\""));
    }
    for said in [
        "logged in",
        "a login failed",
        "refused: ",
        "\"digest\":\"sha256:",
        "$argon2id$",
        "auth.tokens",
        ".dead ",
        "ada (operator",
    ] {
        heard.has(said);
    }
    let known =
        [PASSWORD, SECRET, LOGIN, &session, &given, &token].into_iter().chain(REDIS).chain(TYPED).map(str::to_owned);
    heard.is_clean_of(&known.chain(hidden).collect::<Vec<_>>());
}
