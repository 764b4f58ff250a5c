//! What every test stands on: a real Redis, real Docker daemons, workers, and eyes to look at all three.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use deblox::bus::RedisOptions;
use deblox::docker::DockerOptions;
use deblox::protocol::{Fqdn, GROUP};
use deblox::worker::{self, WorkerError, WorkerOptions};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, cmd};
use serde_json::{Value, json};
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::witness::{Log, produced};

/// How long anything may take before a test says that it did not happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A Redis server in a container.
pub struct RedisServer {
    pub url: String,
    /// Removes the container when dropped.
    _container: ContainerAsync<GenericImage>,
}

/// Starts a Redis server of the test's own, for tests that disturb it.
pub async fn own_redis() -> RedisServer {
    let container = GenericImage::new("redis", "7")
        .with_exposed_port(6379.tcp())
        .with_wait_for(WaitFor::message_on_stdout("Ready to accept connections"))
        .with_cmd(["redis-server", "--save", "", "--maxmemory-policy", "noeviction"])
        .with_label("deblox.test", std::process::id().to_string())
        .start()
        .await
        .expect("a Redis container starts: is Docker there? `make test` sets everything up");
    let port = container.get_host_port_ipv4(6379).await.expect("the port is published");
    RedisServer { url: format!("redis://127.0.0.1:{port}"), _container: container }
}

/// The Redis server that all other tests share, each in a namespace of its own.
async fn shared_redis() -> &'static str {
    static SHARED: OnceCell<RedisServer> = OnceCell::const_new();
    let start = async || {
        remove_servers_of_ended_runs();
        own_redis().await
    };
    &SHARED.get_or_init(start).await.url
}

/// What is shared outlives its run, since nothing drops it.
fn remove_servers_of_ended_runs() {
    let list = ["ps", "-a", "--filter", "label=deblox.test", "--format", "{{.ID}} {{.Label \"deblox.test\"}}"];
    let listed = Command::new("docker").args(list).output().expect("the docker command is there");
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let Some((id, run)) = line.split_once(' ') else { continue };
        if !Path::new("/proc").join(run).exists() {
            let _ = Command::new("docker").args(["rm", "-fv", id]).output();
        }
    }
}

/// The Docker hosts of the lab that only one test at a time may disturb. The others are for everybody.
pub const QUIET_HOSTS: [usize; 3] = [4, 5, 6];

/// Reserves the quiet hosts as long as the result lives, also from other test runs on this machine, and leaves no
/// container on them from before.
pub async fn quiet_hosts() -> File {
    let lock = File::open(lab()).expect("the folder of the lab can be read");
    // Without an end: every other test that needs them may come first.
    while lock.try_lock().is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for host in QUIET_HOSTS {
        let left = docker(host, &["ps", "-aq"]);
        let ids: Vec<&str> = left.split_whitespace().collect();
        if !ids.is_empty() {
            docker(host, &[&["rm", "-fv"], ids.as_slice()].concat());
        }
    }
    lock
}

/// Where the lab of Docker hosts is.
pub fn lab() -> PathBuf {
    let lab = PathBuf::from(std::env::var("DEBLOX_LAB").unwrap_or_else(|_| "/tmp/deblox-lab".to_owned()));
    assert!(lab.exists(), "there is no lab of Docker hosts at {}: run `make test`, or `make lab` first", lab.display());
    lab
}

/// `DOCKER_HOST` of one host of the lab, from 1.
pub fn docker_host(host: usize) -> String {
    format!("unix://{}/h{host}/docker.sock", lab().display())
}

/// Runs the docker command on one host of the lab; its output must be a success.
pub fn docker(host: usize, args: &[&str]) -> String {
    let output = try_docker(host, args);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "docker {args:?} on host {host}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The same, whatever comes of it.
pub fn try_docker(host: usize, args: &[&str]) -> Output {
    Command::new("docker").arg("-H").arg(docker_host(host)).args(args).output().expect("the docker command is there")
}

/// Does something to one host of the lab, as `scripts/lab.sh` can: `kill`, `start`, `hang`, `wake`.
pub fn lab_does(what: &str, host: usize) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lab.sh");
    let done =
        Command::new(script).args([what, &format!("h{host}")]).env("DEBLOX_LAB", lab()).output().expect("it runs");
    assert!(done.status.success(), "lab.sh {what} {host}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A quiet host that does not do its work until this is dropped, however the test ends.
pub struct Disturbed(usize, &'static str);

impl Disturbed {
    /// Its engine accepts connections and answers nothing.
    pub fn hang(host: usize) -> Self {
        lab_does("hang", host);
        Self(host, "wake")
    }

    /// Its engine has crashed.
    pub fn kill(host: usize) -> Self {
        lab_does("kill", host);
        Self(host, "start")
    }
}

impl Drop for Disturbed {
    fn drop(&mut self) {
        lab_does(self.1, self.0);
    }
}

/// Removes a container when the test ends, if it is still there.
pub struct Scrub(usize, String);

impl Scrub {
    pub fn new(host: usize, name: &str) -> Self {
        Self(host, name.to_owned())
    }
}

impl Drop for Scrub {
    fn drop(&mut self) {
        let Self(host, name) = self;
        try_docker(*host, &["rm", "-fv", name]);
    }
}

/// The body of the answer that a daemon itself gives to `GET path`, byte for byte.
pub fn daemon_body(host: usize, path: &str) -> String {
    let address = docker_host(host);
    let mut socket = UnixStream::connect(address.trim_start_matches("unix://")).expect("the daemon listens");
    write!(socket, "GET {path} HTTP/1.0\r\n\r\n").expect("the daemon reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("the daemon answers in text");
    answer.split_once("\r\n\r\n").expect("a head and a body").1.to_owned()
}

/// A name that no other test uses.
pub fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", &uuid::Uuid::new_v4().simple().to_string()[..10])
}

/// A port from 20000 to 29999 that no other test asks for.
pub fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    static FIRST: OnceLock<u16> = OnceLock::new();
    // By chance, so that another run at the same time hardly meets this one.
    let first = FIRST.get_or_init(|| u16::from_be_bytes([0, uuid::Uuid::new_v4().as_bytes()[0]]) * 39);
    20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000
}

/// A namespace on a Redis server, with the workers that a test starts in it.
pub struct Bus {
    pub url: String,
    pub namespace: String,
    connection: MultiplexedConnection,
}

impl Bus {
    /// A fresh namespace on the shared server.
    pub async fn new() -> Self {
        Self::on(shared_redis().await).await
    }

    /// A fresh namespace on the server at `url`.
    pub async fn on(url: &str) -> Self {
        logs();
        let client = redis::Client::open(url).expect("a valid URL");
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&config).await.expect("Redis is there");
        Self { url: url.to_owned(), namespace: unique("t"), connection }
    }

    /// The same namespace, reached anew after its server was away.
    pub async fn again(&self) -> Self {
        Self { namespace: self.namespace.clone(), ..Self::on(&self.url).await }
    }

    /// The name of a key in this namespace.
    pub fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.namespace)
    }

    /// What a worker or a client needs to reach this bus.
    pub fn options(&self) -> RedisOptions {
        RedisOptions { namespace: self.namespace.clone(), ..RedisOptions::new(&self.url) }
    }

    /// Runs one Redis command, as redis-cli would.
    pub async fn redis<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut self.connection.clone()).await.unwrap_or_else(|e| panic!("{words:?}: {e}"))
    }

    /// Puts an entry with these fields on the shared stream; returns its id.
    pub async fn send(&self, fields: &[&str]) -> String {
        self.send_to("docker", fields).await
    }

    /// Puts an entry on the stream `name`; returns its id.
    pub async fn send_to(&self, name: &str, fields: &[&str]) -> String {
        self.redis(&[&["XADD", self.key(name).as_str(), "*"], fields].concat()).await
    }

    /// The same with any bytes.
    pub async fn send_bytes(&self, name: &str, fields: &[&[u8]]) -> String {
        let mut add = cmd("XADD");
        add.arg(self.key(name)).arg("*").arg(fields);
        add.query_async(&mut self.connection.clone()).await.expect("XADD")
    }

    /// Waits for the reply to `id`.
    pub async fn reply(&self, id: &str) -> Value {
        self.reply_within(id, PATIENCE).await.unwrap_or_else(|| panic!("no reply to {id}"))
    }

    /// The reply to `id`, if it comes in time.
    pub async fn reply_within(&self, id: &str, wait: Duration) -> Option<Value> {
        // A connection of its own: what blocks must not stop the others.
        let client = redis::Client::open(self.url.as_str()).expect("a valid URL");
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let mut connection =
            client.get_multiplexed_async_connection_with_config(&config).await.expect("Redis is there");
        let mut pop = cmd("BLPOP");
        pop.arg(self.key(&format!("reply.{id}"))).arg(wait.as_secs_f64());
        let popped: Option<(String, String)> = pop.query_async(&mut connection).await.expect("BLPOP");
        popped.map(|(_, reply)| {
            produced("replies", &reply);
            serde_json::from_str(&reply).expect("a reply is JSON")
        })
    }

    /// The same as the text that came.
    pub async fn reply_text(&self, id: &str) -> String {
        let key = self.key(&format!("reply.{id}"));
        let reply = until(&key, async || self.redis::<Option<String>>(&["LPOP", &key]).await).await;
        // Whoever logs in is told the session, and nobody else.
        if !reply.contains("sessionID\":") {
            produced("replies", &reply);
        }
        reply
    }

    /// Sends a request to the shared stream and waits for its reply.
    pub async fn call(&self, request: Value) -> Value {
        let id = self.send(&["json", &request.to_string()]).await;
        let id = request["requestId"].as_str().map_or(id, str::to_owned);
        self.reply(&id).await
    }

    /// The same by the stream of `dock`.
    pub async fn call_dock(&self, dock: &str, request: Value) -> Value {
        let id = self.send_to(&format!("docker.{dock}"), &["json", &request.to_string()]).await;
        let id = request["requestId"].as_str().map_or(id, str::to_owned);
        self.reply(&id).await
    }

    /// Starts a worker for `dock` beside one host of the lab, and waits until the dock is up.
    pub async fn worker(&self, host: usize, dock: &str) -> Worker {
        self.worker_with(host, dock, |_| {}).await
    }

    /// The same with further options.
    pub async fn worker_with(&self, host: usize, dock: &str, change: impl FnOnce(&mut WorkerOptions)) -> Worker {
        let mut options = WorkerOptions::new(
            self.options(),
            DockerOptions::new(docker_host(host)),
            Fqdn::new(dock).expect("a host name"),
        );
        change(&mut options);
        let worker = Worker::start(options);
        self.until_dock(dock, |record| record["daemon"] == "up").await;
        worker
    }

    /// Waits until the record of `dock` is as `wanted`, and returns it.
    pub async fn until_dock(&self, dock: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(&format!("the record of {dock}"), async || {
            let record: Option<String> = self.redis(&["HGET", &self.key("docks"), dock]).await;
            record.map(|text| serde_json::from_str(&text).expect("JSON")).filter(|record| wanted(record))
        })
        .await
    }

    /// Waits until nothing is left of any request: every stream is empty, and no entry is in anybody's hands.
    pub async fn settled(&self) {
        until("the streams are empty", async || {
            let streams: Vec<String> = self.redis(&["KEYS", &self.key("docker*")]).await;
            for stream in streams {
                let (length, group): (usize, Vec<redis::Value>) =
                    (self.redis(&["XLEN", &stream]).await, self.redis(&["XPENDING", &stream, GROUP]).await);
                if length > 0 || group.first() != Some(&redis::Value::Int(0)) {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    /// Waits until so many workers have published their `register` and it has been done.
    pub async fn registered(&self, workers: usize) {
        until("the workers are registered", async || {
            // The first of them makes the stream, maybe after its record.
            if !self.redis::<bool>(&["EXISTS", &self.key("docker")]).await {
                return None;
            }
            let stream: std::collections::HashMap<String, redis::Value> =
                self.redis(&["XINFO", "STREAM", &self.key("docker")]).await;
            let added: usize = redis::from_redis_value(stream["entries-added"].clone()).expect("a number");
            (added >= workers).then_some(())
        })
        .await;
        self.settled().await;
    }

    /// The row of `dock` in `list-docks`.
    pub async fn dock(&self, dock: &str) -> Value {
        let reply = self.call(json!({"action": "list-docks"})).await;
        let rows = reply["Response"]["Body"].as_array().expect("a list").clone();
        rows.into_iter().find(|row| row["hostname"] == dock).unwrap_or_else(|| panic!("{dock} is not listed: {reply}"))
    }

    /// Creates a container that runs, on `dock`; returns its id.
    pub async fn running(&self, dock: &str, name: &str) -> String {
        let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name,
            "start": true, "dock": dock});
        let reply = self.call(create).await;
        assert_eq!(reply["statusCode"], 201, "{reply}");
        reply["Id"].as_str().expect("an id").to_owned()
    }
}

/// Asserts that a reply is a result with that status.
pub fn succeeded(reply: &Value, status: u16) {
    assert_eq!((&reply["statusCode"], &reply["error"]), (&json!(status), &Value::Null), "{reply}");
}

/// Asserts that a reply is an error with that status and code, whose message names what it must.
pub fn refused(reply: &Value, status: u16, code: &str, named: &[&str]) {
    assert_eq!((&reply["statusCode"], &reply["error"]), (&json!(status), &json!(code)), "{reply}");
    let message = reply["message"].as_str().expect("a message");
    for name in named {
        assert!(message.contains(name), "the message does not say {name:?}: {message}");
    }
}

/// A worker in this process. Dropping it leaves without a word, as a crash would; `stop` is SIGTERM.
pub struct Worker {
    shutdown: CancellationToken,
    task: Option<JoinHandle<Result<(), WorkerError>>>,
}

impl Worker {
    pub fn start(options: WorkerOptions) -> Self {
        logs();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(worker::run(options, shutdown.clone()));
        Self { shutdown, task: Some(task) }
    }

    /// Stops it in good order.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        self.task.take().expect("not stopped yet").await.expect("no panic").expect("a good end");
    }

    /// How it ended by itself.
    pub async fn ended(mut self) -> Result<(), WorkerError> {
        let task = self.task.take().expect("not stopped yet");
        tokio::time::timeout(PATIENCE, task).await.expect("it ends").expect("no panic")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// Waits until `look` sees something.
pub async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The deblox program, with a clean environment.
pub fn deblox() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deblox"));
    for name in ["REDIS_URL", "DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DEBLOX_LOG", "DEBLOX_TOKEN"] {
        command.env_remove(name);
    }
    for name in ["TRACEPARENT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] {
        command.env_remove(name);
    }
    command.env("DEBLOX_LOG_FORMAT", "text");
    command
}

/// Shows the workers' log of a failing test, at the level of DEBLOX_LOG, and keeps all of it.
fn logs() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let filter = std::env::var("DEBLOX_LOG").unwrap_or_else(|_| "warn".to_owned());
        let shown = layer().with_test_writer().with_filter(EnvFilter::new(filter));
        let kept = layer().with_ansi(false).with_writer(|| Log).with_filter(EnvFilter::new("deblox=trace"));
        let _ = tracing_subscriber::registry().with(shown).with(kept).try_init();
    });
}
