//! Where a process has its secrets from, and that a listing of processes shows none of them.

use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use deblox::protocol::Role;
use serde_json::json;
use tempfile::TempDir;

use crate::acl::listens_at;
use crate::cli_terminal::fed;
use crate::processes::{Program, RedisProcess};
use crate::support::{Bus, deblox, docker_host, until};
use crate::web::send;
use crate::witness::secret;

/// The password of Redis, and the one that it gets later.
const PASSWORDS: [&str; 2] = ["s3cr3t-in-a-file", "another-s3cr3t-in-a-file"];
const CLIENT_SECRET: &str = "s3cr3t-of-the-provider";
const HEADER: &str = "s3cr3t-of-the-collector";
const TOKEN: &str = "deblox_s3cr3t-of-a-program";

/// A folder with files for their owner alone.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn with(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        write(&path, text).expect("it is written");
        set_permissions(&path, Permissions::from_mode(0o600)).expect("it is ours");
        path
    }
}

/// Asserts that what the system shows of a process has no secret in it.
fn shows_no_secret(process: u32) {
    for file in ["environ", "cmdline"] {
        let shown = std::fs::read(Path::new("/proc").join(process.to_string()).join(file)).expect("it runs");
        let shown = String::from_utf8_lossy(&shown);
        assert!(!shown.is_empty(), "{file} of {process}");
        for secret in [PASSWORDS[0], PASSWORDS[1], CLIENT_SECRET, HEADER, TOKEN] {
            assert!(!shown.contains(secret), "{secret} is in {file} of {process}: {shown}");
        }
    }
}

/// A Redis with the first password, and its bus in the eyes of who knows that.
async fn guarded() -> (RedisProcess, Bus) {
    PASSWORDS.into_iter().for_each(secret);
    let mut redis = RedisProcess::with(&["--requirepass", PASSWORDS[0]]);
    redis.start().await;
    let bus = Bus::on(&format!("redis://:{}@127.0.0.1:{}", PASSWORDS[0], redis.port())).await;
    (redis, bus)
}

/// A worker of `a.test` that is told nothing of Redis.
fn worker(bus: &Bus) -> Command {
    let mut command = deblox();
    command.args(["worker", "--hostname", "a.test", "--docker-host", &docker_host(1)]);
    command.env("DEBLOX_NAMESPACE", &bus.namespace);
    command
}

/// A node with a provider, which is not asked for anything.
fn node(bus: &Bus) -> Command {
    let mut command = deblox();
    command.args([
        "web",
        "--listen",
        "127.0.0.1:0",
        "--oidc-issuer",
        "https://127.0.0.1:1",
        "--oidc-client-id",
        "deblox",
    ]);
    command.args(["--oidc-redirect-url", "https://deblox.test/auth/oidc/callback", "--oidc-default-role", "viewer"]);
    command.env("DEBLOX_NAMESPACE", &bus.namespace);
    command
}

async fn serves(node: &Program) {
    let address = listens_at(node).await;
    until("it is ready", async || (send(&address, "GET /readyz", "", "").await.0 == 200).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_of_the_environment_are_not_shown_by_the_system() {
    let (_redis, bus) = guarded().await;
    let told = |mut command: Command| {
        command.env("REDIS_URL", &bus.url).env("DEBLOX_OIDC_CLIENT_SECRET", CLIENT_SECRET).env("DEBLOX_TOKEN", TOKEN);
        command.env("OTEL_EXPORTER_OTLP_HEADERS", format!("x-api-key={HEADER}"));
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1").env("NOT_SECRET", "kept");
        Program::start(command)
    };
    let (worker, node) = (told(worker(&bus)), told(node(&bus)));
    bus.until_dock("a.test", |record| record["daemon"] == "up").await;
    serves(&node).await;
    for program in [&worker, &node] {
        shows_no_secret(program.id());
        let environment = std::fs::read_to_string(format!("/proc/{}/environ", program.id())).expect("it runs");
        assert!(environment.contains("NOT_SECRET=kept"), "the rest stays: {environment}");
        let name = std::fs::read_to_string(format!("/proc/{}/comm", program.id())).expect("it runs");
        assert_eq!(name, "deblox\n", "people look for it by that name");
    }
    // A command that goes on, with the token and the variable that a container is to have.
    let follow = Program::start({
        let mut command = deblox();
        command.args(["events"]).env("REDIS_URL", &bus.url).env("DEBLOX_NAMESPACE", &bus.namespace);
        command
    });
    until("it has started anew", async || {
        let environment = std::fs::read_to_string(format!("/proc/{}/environ", follow.id())).ok()?;
        environment.contains("DEBLOX_SECRETS_FD=").then_some(())
    })
    .await;
    shows_no_secret(follow.id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_secret_can_stand_in_a_file() {
    let (redis, bus) = guarded().await;
    let files = Files::new();
    let url = files.with("url", &format!("{}\n", bus.url));
    let password = files.with("password", &format!("{}\n", PASSWORDS[0]));
    let by_url = Program::start({
        let mut command = worker(&bus);
        command.env("REDIS_URL_FILE", &url);
        command
    });
    bus.until_dock("a.test", |record| record["daemon"] == "up").await;
    let by_password = Program::start({
        let mut command = node(&bus);
        command.args(["--redis-url", &redis.url()]).env("REDIS_PASSWORD_FILE", &password);
        command.env("DEBLOX_OIDC_CLIENT_SECRET_FILE", files.with("provider", CLIENT_SECRET));
        command.env("OTEL_EXPORTER_OTLP_HEADERS_FILE", files.with("headers", &format!("x-api-key={HEADER}")));
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
        command
    });
    serves(&by_password).await;
    for program in [&by_url, &by_password] {
        shows_no_secret(program.id());
        assert!(!program.errors().contains("can read"), "{}", program.errors());
    }

    // A command, by an option; the option comes before the environment.
    let nowhere = files.with("nowhere", "redis://127.0.0.1:1");
    let url = url.display().to_string();
    let plain = redis.url();
    let password = password.display().to_string();
    for words in [
        &["docks", "-q", "--redis-url-file", &url][..],
        &["docks", "-q", "--redis-url", &plain, "--redis-password-file", &password],
    ] {
        let said = bus.deblox_with(words, |command| _ = command.env("REDIS_URL", "redis://127.0.0.1:1")).await;
        assert_eq!((said.code, said.out.trim(), said.err.as_str()), (0, "a.test", ""), "{words:?}");
    }
    let words = ["docks", "-q", "--redis-url", &plain, "--redis-password-file", &password];
    let said =
        bus.deblox_with(&words, |command| _ = command.env_remove("REDIS_URL").env("REDIS_URL_FILE", &nowhere)).await;
    assert_eq!(said.out.trim(), "a.test");
    // A context keeps where the file is, and not what is in it.
    let home = tempfile::tempdir().expect("a folder");
    let at_home = |command: &mut Command| _ = command.env_remove("REDIS_URL").env("XDG_CONFIG_HOME", home.path());
    let set = ["context", "set", "here", "--redis-url", &plain, "--redis-password-file", &password];
    assert_eq!(bus.deblox_with(&set, at_home).await.code, 0);
    let kept = std::fs::read_to_string(home.path().join("deblox/contexts.json")).expect("it is kept");
    assert!(!kept.contains(PASSWORDS[0]) && kept.contains(&password), "{kept}");
    let said = bus.deblox_with(&["docks", "-q", "--context", "here"], at_home).await;
    assert_eq!((said.code, said.out.trim(), said.err.as_str()), (0, "a.test", ""));
    // A pipe is one, too.
    let mut piped = deblox();
    piped.args(["docks", "-q", "--redis-url", &plain, "--redis-password-file", "/dev/stdin"]);
    piped.env("DEBLOX_NAMESPACE", &bus.namespace);
    let said = fed(piped, format!("{}\n", PASSWORDS[0]).as_bytes()).await;
    assert_eq!((said.code, said.out.trim()), (0, "a.test"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_replaced_in_its_file_counts_with_the_next_connection() {
    for is_url in [false, true] {
        let (redis, bus) = guarded().await;
        let files = Files::new();
        let text = |password: &str| {
            if is_url { format!("redis://:{password}@127.0.0.1:{}", redis.port()) } else { password.to_owned() }
        };
        let file = files.with("secret", &text(PASSWORDS[0]));
        let worker = Program::start({
            let mut command = worker(&bus);
            if is_url {
                command.env("REDIS_URL_FILE", &file);
            } else {
                command.env("REDIS_URL", redis.url()).env("REDIS_PASSWORD_FILE", &file);
            }
            command
        });
        worker.says("worker is up").await;
        bus.until_dock("a.test", |record| record["daemon"] == "up").await;
        write(&file, text(PASSWORDS[1])).expect("it is replaced");
        bus.redis::<()>(&["CONFIG", "SET", "requirepass", PASSWORDS[1]]).await;
        let killed: usize = bus.redis(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
        assert!(killed > 0);
        let mut other = Bus::on(&format!("redis://:{}@127.0.0.1:{}", PASSWORDS[1], redis.port())).await;
        other.namespace.clone_from(&bus.namespace);
        let reply = other.call(json!({"action": "ping"})).await;
        assert_eq!(reply["dockerInstance"], "a.test", "{reply}");
        assert!(!worker.errors().contains("Redis refuses the user or password"), "{}", worker.errors());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_show_a_secret_is_refused_or_warned_of() {
    let (redis, bus) = guarded().await;
    let files = Files::new();
    let plain = redis.url();
    let run = async |words: &[&str], variables: &[(&str, &str)]| {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        bus.deblox_with(words, move |command| _ = command.env_remove("REDIS_URL").envs(variables)).await
    };
    let refused = async |words: &[&str], variables: &[(&str, &str)], parts: &[&str]| {
        let said = run(words, variables).await;
        assert!(said.code == 1 && said.err.lines().count() == 1, "{words:?}: {said:?}");
        for part in parts {
            assert!(said.err.contains(part), "{part} is not in {said:?}");
        }
        assert!(!said.err.contains(PASSWORDS[0]), "{said:?}");
    };
    for url in [
        bus.url.clone(),
        format!("redis+sentinel://:{}@127.0.0.1:1/main", PASSWORDS[0]),
        format!("redis+cluster://ada:{}@127.0.0.1:1", PASSWORDS[0]),
        format!("unix:///nowhere?pass={}", PASSWORDS[0]),
    ] {
        for command in ["worker", "web", "up", "docks", "doctor", "health"] {
            refused(&[command, "--redis-url", &url], &[], &["--redis-password-file", "--redis-url-file"]).await;
        }
    }
    let [open, writable] = [("open", 0o644), ("writable", 0o666)].map(|(name, mode)| {
        let file = files.with(name, PASSWORDS[0]);
        set_permissions(&file, Permissions::from_mode(mode)).expect("it is ours");
        file.display().to_string()
    });
    let user = ["docks", "--redis-url", &plain, "--redis-password-file"];
    refused(&[&user[..], &[&writable]].concat(), &[], &["can be changed by every user", "chmod 600"]).await;
    refused(&[&user[..], &["/nowhere"]].concat(), &[], &["/nowhere cannot be read"]).await;
    let two = files.with("two", "one\ntwo\n").display().to_string();
    refused(&[&user[..], &[&two]].concat(), &[], &["one line"]).await;
    let empty = files.with("empty", "").display().to_string();
    refused(&["docks", "--redis-url-file", &empty], &[], &["is empty", "rediss://"]).await;
    refused(&[&user[..], &[&empty]].concat(), &[], &["Redis wants a password", "--redis-password-file"]).await;
    let [url, password] =
        [files.with("url", &bus.url), files.with("password", PASSWORDS[0])].map(|file| file.display().to_string());
    refused(&["docks"], &[("REDIS_URL", &plain), ("REDIS_URL_FILE", &url)], &["REDIS_URL_FILE", "set one"]).await;
    refused(&["docks"], &[("REDIS_URL_FILE", &url), ("REDIS_PASSWORD_FILE", &password)], &["has a password already"])
        .await;
    // As shipped units and compose files name it where there is none.
    let said = run(&["user", "ls"], &[("REDIS_URL", &bus.url), ("REDIS_PASSWORD_FILE", "/dev/null")]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    let said = run(&["user", "ls", "--redis-url", &plain, "--redis-password-file", &open], &[]).await;
    assert_eq!((said.code, said.err.lines().count()), (0, 1), "{said:?}");
    assert!(
        said.err.contains("warning: every user of this host can read") && said.err.contains("chmod 600"),
        "{said:?}"
    );
    assert_eq!(
        run(&["user", "ls"], &[("REDIS_URL", &plain), ("REDIS_PASSWORD_FILE", &password), ("REDIS_URL_FILE", "")])
            .await
            .code,
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_a_secret_comes_by_standard_input() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(1, "a.test").await;
    let token = bus.known_user("ada", Role::User, &[]).await;
    let request = json!({"action": "ping", "token": token}).to_string();
    let said = bus.piped(&["call", "-"], request.as_bytes()).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert!(said.out.contains("a.test"), "{said:?}");
    let said = bus.deblox(&["call", &request]).await;
    assert!(said.code == 0 && said.err.contains("deblox call -") && !said.err.contains(&token), "{said:?}");
    let said = bus.piped(&["call", "-"], b"{").await;
    assert!(said.code == 1 && said.err.contains("not valid JSON"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_redis_of_deblox_up_is_given_no_secret() {
    let home = tempfile::tempdir().expect("a folder");
    let up = Program::start({
        let mut command = deblox();
        command.args(["up", "--hostname", "a.test", "--listen", "127.0.0.1:0"]).env("XDG_STATE_HOME", home.path());
        command.env("DOCKER_HOST", docker_host(1)).env("DEBLOX_TOKEN", TOKEN).env("REDISCLI_AUTH", PASSWORDS[0]);
        command
    });
    up.says("worker is up").await;
    shows_no_secret(up.id());
    let children = Command::new("pgrep").args(["-P", &up.id().to_string()]).output().expect("pgrep is there");
    let children: Vec<u32> =
        String::from_utf8_lossy(&children.stdout).lines().filter_map(|line| line.parse().ok()).collect();
    assert_eq!(children.len(), 1, "its Redis");
    shows_no_secret(children[0]);
}
