//! What no request and reply over Redis can cost less than.

use std::process::Command;
use std::time::Instant;

use deblox::docker::{Docker, DockerOptions, RequestParts};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, cmd, pipe};

use crate::Outcome;
use crate::calls::FLIGHT;
use crate::setup::{Redis, connect, docker_host};

/// Two lists and two waiters, each on a thread of its own as caller and worker are: four hops.
pub struct PingPong {
    connection: MultiplexedConnection,
    payload: String,
    there: String,
    back: String,
}

impl PingPong {
    /// The other side asks the daemon beside dock 1 with `parts` before it answers, if there are any.
    pub async fn start(url: &str, parts: Option<RequestParts>) -> Outcome<Self> {
        let name = if parts.is_some() { "asking" } else { "floor" };
        let (there, back) = (format!("{name}.there"), format!("{name}.back"));
        let docker = Docker::new(&DockerOptions::new(docker_host(1)?))?;
        let echo = Echo { url: url.to_owned(), there: there.clone(), back: back.clone(), docker, parts };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            // Ends with the bench, or when Redis does.
            let _ = runtime.block_on(echo.run());
        });
        Ok(Self { connection: connect(url).await?, payload: "x".repeat(200), there, back })
    }

    /// Once there and back; in microseconds.
    pub async fn once(&mut self) -> RedisResult<f64> {
        let begun = Instant::now();
        let mut both = pipe();
        both.cmd("RPUSH").arg(&self.there).arg(&self.payload).ignore();
        both.cmd("BLPOP").arg(&self.back).arg(10);
        let _: ((String, String),) = both.query_async(&mut self.connection).await?;
        Ok(begun.elapsed().as_secs_f64() * 1e6)
    }
}

/// The other side.
struct Echo {
    url: String,
    there: String,
    back: String,
    docker: Docker,
    parts: Option<RequestParts>,
}

impl Echo {
    async fn run(self) -> Outcome<()> {
        let mut connection = connect(&self.url).await?;
        loop {
            let popped: Option<(String, String)> =
                cmd("BLPOP").arg(&self.there).arg(50).query_async(&mut connection).await?;
            let Some((_, mut text)) = popped else { continue };
            if let Some(parts) = &self.parts {
                text = format!("{:?}", self.docker.call(parts).await?.body);
            }
            cmd("RPUSH").arg(&self.back).arg(text).query_async::<()>(&mut connection).await?;
        }
    }
}

/// What Redis itself takes in from as many clients; entries a second.
pub fn redis_benchmark(redis: &Redis) -> Outcome<f64> {
    let output = Command::new("redis-benchmark")
        .args(["-p", &redis.port.to_string(), "-c", &FLIGHT.to_string(), "-n", "200000", "-q", "--csv"])
        .args(["XADD", "bench.stream", "*", "json", &"x".repeat(200)])
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().last().ok_or("redis-benchmark says nothing")?;
    let field = line.split("\",\"").nth(1).ok_or("no figure")?;
    Ok(field.trim_matches('"').parse()?)
}
