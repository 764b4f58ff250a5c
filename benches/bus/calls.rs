//! Requests that cost nothing but the bus, one at a time and many at once; and one that asks the daemon.

use std::time::Instant;

use deblox::client::Client;
use deblox::docker::{Docker, DockerOptions, Method, RequestParts};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, pipe};
use serde_json::{Value, json};

use crate::Outcome;
use crate::floor::PingPong;
use crate::setup::{ENFORCED, Worker, connect, dock, docker_host, token};

/// Rounds for a median; the first tenth is not counted.
const ROUNDS: usize = 3000;
/// Rounds of each before it is the next one's turn: enough for a steady state, few enough for the same weather.
const TURN: usize = 50;
/// Requests in flight at the same time.
pub const FLIGHT: usize = 64;
/// Requests of each of them.
pub const FLIGHT_ROUNDS: usize = 1000;
/// Callers at the same time.
pub const CALLERS: usize = 1000;
/// Requests of each of them.
pub const CALLERS_ROUNDS: usize = 40;

/// Medians in microseconds.
pub struct RoundTrips {
    pub floor: f64,
    pub own: f64,
    pub shared: f64,
    /// By the own stream of a worker that asks who it is.
    pub asked: f64,
}

/// The no-op by both streams and the floor, taken in turns, so that all have the same weather.
pub async fn round_trips(url: &str) -> Outcome<RoundTrips> {
    let _enforcing = Worker::start_enforcing(url, 1)?;
    let mut known = Caller::on(url, ENFORCED).await?;
    let ping_as = json!({"action": "ping", "token": token(url).await?}).to_string();
    let mut floor = PingPong::start(url, None).await?;
    let mut caller = Caller::new(url).await?;
    let (own_stream, ping) = (format!("docker.{}", dock(1)), json!({"action": "ping"}).to_string());
    let (mut floors, mut own, mut shared, mut asked) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS / TURN {
        for _ in 0..TURN {
            floors.push(floor.once().await?);
        }
        for _ in 0..TURN {
            own.push(caller.timed(&own_stream, &ping).await?);
        }
        for _ in 0..TURN {
            shared.push(caller.timed("docker", &ping).await?);
        }
        for _ in 0..TURN {
            asked.push(known.timed(&own_stream, &ping_as).await?);
        }
    }
    Ok(RoundTrips { floor: median(floors), own: median(own), shared: median(shared), asked: median(asked) })
}

/// Medians in microseconds.
pub struct Inspections {
    pub direct: f64,
    pub floor: f64,
    pub through: f64,
}

/// The same inspection on the daemon's socket, by a ping-pong that asks the daemon, and through the bus, in turns.
pub async fn inspections(url: &str) -> Outcome<Inspections> {
    let mut caller = Caller::new(url).await?;
    let stream = format!("docker.{}", dock(1));
    let create = json!({"action": "create-container", "image": "busybox", "dock": dock(1)});
    let created: Value = serde_json::from_str(&caller.call("docker", &create.to_string()).await?)?;
    let id = created["Id"].as_str().ok_or_else(|| format!("no container was created: {created}"))?.to_owned();
    let docker = Docker::new(&DockerOptions::new(docker_host(1)?))?;
    let parts = RequestParts::new(Method::GET, "/containers/{}/json").segment(&id);
    let inspect = json!({"action": "inspect-container", "id": id}).to_string();
    let mut floor = PingPong::start(url, Some(parts.clone())).await?;
    let (mut direct, mut floors, mut through) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS / TURN {
        for _ in 0..TURN {
            let begun = Instant::now();
            docker.call(&parts).await?;
            direct.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        for _ in 0..TURN {
            floors.push(floor.once().await?);
        }
        for _ in 0..TURN {
            through.push(caller.timed(&stream, &inspect).await?);
        }
    }
    caller.call(&stream, &json!({"action": "delete-container", "id": id}).to_string()).await?;
    Ok(Inspections { direct: median(direct), floor: median(floors), through: median(through) })
}

/// So many callers at once through one client, each with so many requests; requests a second.
pub async fn at_once(client: &Client, callers: usize, rounds: usize) -> Outcome<f64> {
    rate(callers, rounds, |_| {
        let client = client.clone();
        async move {
            for _ in 0..rounds {
                let reply = client.call(json!({"action": "ping"})).await?;
                if !reply.is_success() {
                    return Err(reply.json().to_owned().into());
                }
            }
            Ok(())
        }
    })
    .await
}

/// The same, each caller on a connection of its own.
pub async fn alone(url: &str, callers: usize, rounds: usize) -> Outcome<f64> {
    let mut ready = Vec::new();
    for _ in 0..callers {
        ready.push(Some(Caller::new(url).await?));
    }
    let ping = json!({"action": "ping"}).to_string();
    rate(callers, rounds, |number| {
        let (caller, ping) = (ready[number].take(), ping.clone());
        async move {
            let mut caller = caller.ok_or("taken twice")?;
            for _ in 0..rounds {
                caller.call("docker", &ping).await?;
            }
            Ok(())
        }
    })
    .await
}

async fn rate<F>(callers: usize, rounds: usize, mut caller: impl FnMut(usize) -> F) -> Outcome<f64>
where
    F: Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let begun = Instant::now();
    let tasks: Vec<_> = (0..callers).map(|number| tokio::spawn(caller(number))).collect();
    for task in tasks {
        task.await?.map_err(|e| e.to_string())?;
    }
    #[expect(clippy::cast_precision_loss, reason = "some ten thousand")]
    let count = (callers * rounds) as f64;
    Ok(count / begun.elapsed().as_secs_f64())
}

/// A caller on a connection of its own, as redis-cli is; it sends and waits in one write.
struct Caller {
    connection: MultiplexedConnection,
    namespace: &'static str,
    name: String,
    count: usize,
}

impl Caller {
    async fn new(url: &str) -> RedisResult<Self> {
        Self::on(url, "deblox").await
    }

    async fn on(url: &str, namespace: &'static str) -> RedisResult<Self> {
        let name = uuid::Uuid::new_v4().simple().to_string();
        Ok(Self { connection: connect(url).await?, namespace, name, count: 0 })
    }

    async fn call(&mut self, stream: &str, request: &str) -> RedisResult<String> {
        self.count += 1;
        let id = format!("{}.{}", self.name, self.count);
        let mut both = pipe();
        both.cmd("XADD").arg(format!("{}.{stream}", self.namespace)).arg("*");
        both.arg("json").arg(request).arg("requestId").arg(&id).arg("once").arg(1).ignore();
        both.cmd("BLPOP").arg(format!("{}.reply.{id}", self.namespace)).arg(30);
        let ((_, reply),): ((String, String),) = both.query_async(&mut self.connection).await?;
        Ok(reply)
    }

    async fn timed(&mut self, stream: &str, request: &str) -> RedisResult<f64> {
        let begun = Instant::now();
        self.call(stream, request).await?;
        Ok(begun.elapsed().as_secs_f64() * 1e6)
    }
}

pub fn median(mut times: Vec<f64>) -> f64 {
    times.drain(..times.len() / 10);
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
