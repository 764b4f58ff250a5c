//! What the bus costs, against what it cannot cost less than: all measured in one run, so that the ratios mean
//! something on a noisy machine. `make bench` runs it. It needs redis-server, redis-benchmark and three Docker hosts of
//! the lab; docs/performance.md says what each figure is and what was found.

mod calls;
mod creates;
mod figures;
mod floor;
mod setup;
mod streams;

use deblox::client::Client;
use figures::{Figure, Goal};
use setup::{DOCKS, Redis, Worker};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    // `cargo bench --bench bus -- inspect` measures that alone, for a profiler.
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let wanted = |name: &str| name.contains(&only);
    let redis = Redis::start().await?;
    let workers: Vec<Worker> = (1..=DOCKS).map(|host| Worker::start(&redis.url, host)).collect::<Outcome<_>>()?;
    let client = Client::open(&redis.url)?;
    setup::until_up(&client).await?;

    let idle = if wanted("idle") { Some(workers[0].idle().await) } else { None };
    let mut figures = Vec::new();
    let mut add = |what, unit, measured, against, against_is, goal| {
        figures.push(Figure { what, unit, measured, against, against_is, goal });
    };
    if wanted("ping") {
        let ping = calls::round_trips(&redis.url).await?;
        add("ping, the dock's own stream, p50", "µs", ping.own, ping.floor, "list ping-pong", Goal::AtMost(1.3));
        add("ping, shared stream, p50", "µs", ping.shared, ping.floor, "list ping-pong", Goal::AtMost(1.3));
        add("the first with --auth enforce, p50", "µs", ping.asked, ping.own, "--auth open", Goal::None);
    }
    if wanted("inspect") {
        let inspect = calls::inspections(&redis.url).await?;
        add("inspect-container, p50", "µs", inspect.through, inspect.direct, "on the socket", Goal::AtMost(1.6));
        add("the same", "µs", inspect.through, inspect.floor, "ping-pong and socket", Goal::AtMost(1.3));
    }
    if wanted("flight") {
        let xadd = floor::redis_benchmark(&redis)?;
        let flight = calls::at_once(&client, calls::FLIGHT, calls::FLIGHT_ROUNDS).await?;
        add("64 in flight, one client", "/s", flight, xadd, "redis-benchmark XADD", Goal::AtLeast(0.5));
    }
    if wanted("callers") {
        let many = calls::at_once(&client, calls::CALLERS, calls::CALLERS_ROUNDS).await?;
        let alone = calls::alone(&redis.url, calls::CALLERS, calls::CALLERS_ROUNDS).await?;
        add("1,000 callers, one client", "/s", many, alone, "1,000 BLPOP", Goal::AtLeast(1.5));
    }
    if wanted("creates") {
        let creates = creates::rates(&client).await?;
        add(
            "creates, 32 at once, 3 docks",
            "/s",
            creates.through,
            creates.direct,
            "the daemons directly",
            Goal::AtLeast(0.8),
        );
    }
    if wanted("streams") {
        let floor = streams::relay_floor(&redis)?;
        let idle = streams::Container::start(&client, &["sleep", "3600"]).await?;
        let bytes = idle.bytes().await?;
        let relay = streams::relay(&redis).await?;
        add("64 KiB chunks by Redis", "MB/s", relay, floor, "SET, then GET", Goal::AtLeast(0.4));
        add("the same from a container", "MB/s", bytes.through, bytes.direct, "on the socket", Goal::None);
        let keys = idle.keys().await?;
        add("a key in a terminal, p50", "µs", keys.through, keys.direct, "on the socket", Goal::None);
        add("the same", "µs", keys.through, 5000.0, "5 ms", Goal::AtMost(1.0));
        idle.remove().await?;
        let log = streams::Container::start(&client, &["seq", "1", "100000"]).await?;
        let lines = log.lines().await?;
        add("a log of 100,000 lines", "lines/s", lines.through, lines.direct, "on the socket", Goal::None);
        log.remove().await?;
    }
    figures::print(&figures, idle);
    Ok(())
}
