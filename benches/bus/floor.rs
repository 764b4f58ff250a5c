//! What no request and reply over Redis can cost less than.

use std::process::Command;
use std::time::Instant;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, cmd, pipe};

use crate::Outcome;
use crate::calls::FLIGHT;
use crate::setup::{Redis, connect};

/// Two lists and two waiters, each on a thread of its own as caller and worker are: four hops.
pub struct PingPong {
    connection: MultiplexedConnection,
    payload: String,
}

impl PingPong {
    pub async fn start(url: &str) -> Outcome<Self> {
        let echo_url = url.to_owned();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            // Ends with the bench, or when Redis does.
            runtime.block_on(echo(&echo_url))
        });
        Ok(Self { connection: connect(url).await?, payload: "x".repeat(200) })
    }

    /// Once there and back; in microseconds.
    pub async fn once(&mut self) -> RedisResult<f64> {
        let begun = Instant::now();
        let mut both = pipe();
        both.cmd("RPUSH").arg("floor.there").arg(&self.payload).ignore();
        both.cmd("BLPOP").arg("floor.back").arg(10);
        let _: ((String, String),) = both.query_async(&mut self.connection).await?;
        Ok(begun.elapsed().as_secs_f64() * 1e6)
    }
}

async fn echo(url: &str) -> RedisResult<()> {
    let mut connection = connect(url).await?;
    loop {
        let popped: Option<(String, String)> =
            cmd("BLPOP").arg("floor.there").arg(50).query_async(&mut connection).await?;
        if let Some((_, text)) = popped {
            cmd("RPUSH").arg("floor.back").arg(text).query_async::<()>(&mut connection).await?;
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
