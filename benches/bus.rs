//! What the bus costs, against what it cannot cost less than: all measured in one run, so that the ratios mean
//! something on a noisy machine. `make bench` runs it. It needs redis-server, redis-benchmark and a Docker daemon.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use deblox::bus::PrivateRedis;
use deblox::docker::{Docker, DockerOptions, Method, RequestParts};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, cmd, pipe};
use serde_json::{Value, json};

/// Requests, one at a time, for each figure; the first tenth is not counted.
const ROUNDS: usize = 3000;
/// Requests in flight at the same time.
const FLIGHT: usize = 64;
/// Requests with so many in flight.
const FLIGHT_ROUNDS: usize = 20_000;
const DOCK: &str = "bench.local";

/// One figure beside the one it is measured against.
struct Row {
    what: &'static str,
    unit: &'static str,
    measured: f64,
    floor: f64,
    floor_is: &'static str,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let redis = PrivateRedis::start(folder.path()).await?;
    let url = PrivateRedis::options(folder.path()).url;
    let client = Client::open(url.as_str())?;
    let docker_host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| DockerOptions::DEFAULT_HOST.to_owned());
    let worker = Process::worker(&url, &docker_host)?;
    let mut caller = Caller::new(&client, 0).await?;
    caller.call("docker", json!({"action": "ping"})).await?;

    let floor = ping_pong(&client).await?;
    let own = caller.p50(&format!("docker.{DOCK}"), &json!({"action": "ping"})).await?;
    let shared = caller.p50("docker", &json!({"action": "ping"})).await?;
    let (direct, through) = inspect(&docker_host, &mut caller).await?;
    let xadd = redis_benchmark(folder.path())?;
    let flight = in_flight(&client).await?;
    let idle = worker.idle().await;

    let rows = [
        Row { what: "ping, the dock's own stream, p50", unit: "µs", measured: own, floor, floor_is: "list ping-pong" },
        Row { what: "ping, shared stream, p50", unit: "µs", measured: shared, floor, floor_is: "list ping-pong" },
        Row {
            what: "inspect-container, p50", unit: "µs", measured: through, floor: direct, floor_is: "on the socket"
        },
        Row { what: "64 in flight", unit: "/s", measured: flight, floor: xadd, floor_is: "redis-benchmark XADD" },
    ];
    println!("{:34} {:>10} {:>10}  {:22} {:>6}", "what", "measured", "against", "which is", "ratio");
    for row in &rows {
        let measured = format!("{:.0} {}", row.measured, row.unit);
        let floor = format!("{:.0} {}", row.floor, row.unit);
        println!("{:34} {measured:>10} {floor:>10}  {:22} {:>6.2}", row.what, row.floor_is, row.measured / row.floor);
    }
    println!("{:34} {:>10}", "idle worker, resident", format!("{:.1} MB", idle.0));
    println!("{:34} {:>10}", "idle worker, of one core", format!("{:.2} %", idle.1));
    let figures: Vec<Value> = rows
        .iter()
        .map(|row| json!({"what": row.what, "unit": row.unit, "measured": row.measured, "against": row.floor, "whichIs": row.floor_is}))
        .collect();
    println!("{}", json!({"figures": figures, "idleMegabytes": idle.0, "idlePercentOfCore": idle.1}));
    drop(worker);
    redis.stop().await;
    Ok(())
}

/// The worker, as a process of its own.
struct Process(Child);

impl Process {
    fn worker(url: &str, docker: &str) -> std::io::Result<Self> {
        Command::new(env!("CARGO_BIN_EXE_deblox"))
            .args(["worker", "--hostname", DOCK, "--redis-url", url, "--docker-host", docker, "--log", "error"])
            .stdout(Stdio::null())
            .spawn()
            .map(Self)
    }

    /// Resident megabytes, and per cent of a core over five seconds of doing nothing.
    async fn idle(&self) -> (f64, f64) {
        let stat = || std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap_or_default();
        // utime and stime, proc(5), in hundredths of a second.
        let ticks = |stat: String| -> f64 {
            let after = stat.rsplit(')').next().unwrap_or_default().to_owned();
            after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum()
        };
        let before = ticks(stat());
        let watched = Duration::from_secs(5);
        tokio::time::sleep(watched).await;
        let percent = (ticks(stat()) - before) / watched.as_secs_f64();
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: f64 = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default();
        (kib / 1024.0, percent)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One caller on one connection: sends and waits in one write, as redis-cli cannot and a program would.
struct Caller {
    connection: MultiplexedConnection,
    name: String,
    count: usize,
}

impl Caller {
    async fn new(client: &Client, number: usize) -> redis::RedisResult<Self> {
        Ok(Self { connection: connect(client).await?, name: format!("bench{number}"), count: 0 })
    }

    async fn call(&mut self, stream: &str, request: Value) -> redis::RedisResult<String> {
        self.count += 1;
        let id = format!("{}.{}", self.name, self.count);
        let mut both = pipe();
        both.cmd("XADD").arg(format!("deblox.{stream}")).arg("*");
        both.arg("json").arg(request.to_string()).arg("requestId").arg(&id).ignore();
        both.cmd("BLPOP").arg(format!("deblox.reply.{id}")).arg(30);
        let ((_, reply),): ((String, String),) = both.query_async(&mut self.connection).await?;
        Ok(reply)
    }

    async fn p50(&mut self, stream: &str, request: &Value) -> redis::RedisResult<f64> {
        let mut times = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            self.call(stream, request.clone()).await?;
            times.push(begun.elapsed());
        }
        Ok(median(times))
    }
}

async fn connect(client: &Client) -> redis::RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(60)));
    client.get_multiplexed_async_connection_with_config(&config).await
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.drain(..times.len() / 10);
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// The floor of any request and reply over Redis: two lists, two waiters, four hops.
async fn ping_pong(client: &Client) -> redis::RedisResult<f64> {
    let (mut there, mut back) = (connect(client).await?, connect(client).await?);
    let echo = tokio::spawn(async move {
        loop {
            let popped: redis::RedisResult<(String, String)> =
                cmd("BLPOP").arg("floor.there").arg(10).query_async(&mut there).await;
            let Ok((_, text)) = popped else { return };
            let pushed: redis::RedisResult<()> = cmd("RPUSH").arg("floor.back").arg(text).query_async(&mut there).await;
            if pushed.is_err() {
                return;
            }
        }
    });
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let mut both = pipe();
        both.cmd("RPUSH").arg("floor.there").arg("x".repeat(200)).ignore();
        both.cmd("BLPOP").arg("floor.back").arg(10);
        let _: ((String, String),) = both.query_async(&mut back).await?;
        times.push(begun.elapsed());
    }
    echo.abort();
    Ok(median(times))
}

/// The same inspection on the daemon's socket and through the bus.
async fn inspect(docker_host: &str, caller: &mut Caller) -> Result<(f64, f64), Box<dyn std::error::Error>> {
    let create = json!({"action": "create-container", "image": "busybox", "dock": DOCK});
    let created: Value = serde_json::from_str(&caller.call("docker", create).await?)?;
    let id = created["Id"].as_str().ok_or_else(|| format!("no container was created: {created}"))?.to_owned();
    let docker = Docker::new(&DockerOptions::new(docker_host))?;
    let parts = RequestParts::new(Method::GET, "/containers/{}/json").segment(&id);
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        docker.call(&parts).await?;
        times.push(begun.elapsed());
    }
    let stream = format!("docker.{DOCK}");
    let through = caller.p50(&stream, &json!({"action": "inspect-container", "id": id})).await?;
    caller.call(&stream, json!({"action": "delete-container", "id": id})).await?;
    Ok((median(times), through))
}

/// Many callers at once; requests a second.
async fn in_flight(client: &Client) -> Result<f64, Box<dyn std::error::Error>> {
    let mut callers = Vec::new();
    for number in 1..=FLIGHT {
        callers.push(Caller::new(client, number).await?);
    }
    let begun = Instant::now();
    let tasks: Vec<_> = callers
        .into_iter()
        .map(|mut caller| {
            tokio::spawn(async move {
                for _ in 0..FLIGHT_ROUNDS / FLIGHT {
                    caller.call(&format!("docker.{DOCK}"), json!({"action": "ping"})).await?;
                }
                redis::RedisResult::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let count = (FLIGHT_ROUNDS / FLIGHT * FLIGHT) as f64;
    Ok(count / begun.elapsed().as_secs_f64())
}

/// What Redis itself takes in with as many clients; entries a second.
fn redis_benchmark(folder: &std::path::Path) -> Result<f64, Box<dyn std::error::Error>> {
    let output = Command::new("redis-benchmark")
        .arg("-s")
        .arg(PrivateRedis::socket(folder))
        .args(["-c", &FLIGHT.to_string(), "-n", "100000", "-q", "--csv"])
        .args(["XADD", "bench.stream", "*", "json", &"x".repeat(200)])
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().last().ok_or("redis-benchmark says nothing")?;
    let field = line.split("\",\"").nth(1).ok_or("no figure")?;
    Ok(field.trim_matches('"').parse()?)
}
