//! The checks of Redis itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Finding;
use crate::bus::{Bus, RedisOptions, ServerInfo};
use crate::cli::output;
use crate::protocol::{GROUP, millis};

/// The oldest Redis that will do, and the first that tells programs apart as `deblox acl` wants it.
const OLDEST: (u32, u32) = (6, 2);
const WITH_RIGHTS: (u32, u32) = (7, 0);

/// How many times Redis is asked for a sign of life, and how long the quickest may take.
const PINGS: usize = 10;
const SLOW: Duration = Duration::from_millis(50);

/// How much clocks may differ before times that people read are misleading.
const APART: Duration = Duration::from_secs(2);

/// How full of its bound Redis may be, in per cent.
const FULL: u64 = 80;

pub(super) async fn reached(bus: &Bus, redis: &RedisOptions) -> Finding {
    let place = redis.place();
    match bus.ping().await {
        Err(error) => Finding::wrong(
            "redis",
            format!(
                "Redis cannot be used at {place}: {error}. Start it, or say with REDIS_URL or --context where it is"
            ),
        ),
        Ok(()) if redis.is_plain() => Finding::warning(
            "redis",
            format!("{place} answers, but without TLS: who is on the way reads passwords and requests. Use rediss://"),
        ),
        Ok(()) => Finding::ok("redis", format!("{place} answers")),
    }
}

/// What `INFO` tells.
pub(super) async fn settings(bus: &Bus, redis: &RedisOptions) -> Vec<Finding> {
    match bus.info().await {
        Ok(info) => {
            let copies = redis.is_followed().then(|| replicas(&info));
            [version(&info), eviction(&info), memory(&info), persistence(&info)].into_iter().chain(copies).collect()
        }
        Err(error) => {
            ["version", "eviction", "memory", "persistence"].map(|check| Finding::failed(check, &error)).into()
        }
    }
}

fn version(info: &ServerInfo) -> Finding {
    // The version of Redis that it tells as well is that which its first one followed: all of them will do.
    if let Some(version) = info.get("valkey_version") {
        return Finding::ok("version", format!("Valkey {version}"));
    }
    let version = info.get("redis_version").map(String::as_str).unwrap_or_default();
    let mut numbers = version.split('.').map_while(|number| number.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) >= WITH_RIGHTS => {
            Finding::ok("version", format!("Redis {version}"))
        }
        (Some(major), Some(minor)) if (major, minor) >= OLDEST => Finding::warning(
            "version",
            format!("Redis {version} cannot give each program rights of its own: that needs 7.0 or newer"),
        ),
        (Some(_), Some(_)) => Finding::wrong("version", format!("Redis {version} is too old: install 6.2 or newer")),
        _ => Finding::warning("version", format!("what calls itself version `{version}` may not be a Redis")),
    }
}

fn eviction(info: &ServerInfo) -> Finding {
    match info.get("maxmemory_policy").map(String::as_str) {
        Some("noeviction") => Finding::ok("eviction", "Redis drops nothing of its own accord (noeviction)"),
        policy => Finding::wrong(
            "eviction",
            format!(
                "when its memory is full, Redis drops requests and records (maxmemory-policy {}): set it to noeviction",
                policy.unwrap_or("unknown")
            ),
        ),
    }
}

fn memory(info: &ServerInfo) -> Finding {
    let number = |name: &str| info.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let (used, most) = (number("used_memory"), number("maxmemory"));
    let (said, bound) = (output::memory(used), output::memory(most));
    match most {
        0 => Finding::warning(
            "memory",
            format!("Redis uses {said} and may take all that its host has: set maxmemory below that"),
        ),
        _ if used >= most => Finding::wrong(
            "memory",
            format!("Redis is full, {said} of {bound}, and takes no more requests: raise maxmemory"),
        ),
        _ if used / FULL >= most / 100 => {
            Finding::warning("memory", format!("Redis uses {said} of {bound}: raise maxmemory before it is full"))
        }
        _ => Finding::ok("memory", format!("Redis uses {said} of {bound}")),
    }
}

fn persistence(info: &ServerInfo) -> Finding {
    let is = |name: &str, value: &str| info.get(name).is_some_and(|text| text == value);
    if !is("aof_enabled", "1") {
        return Finding::wrong(
            "persistence",
            "Redis does not write down what it is given: when it is started anew, requests that wait, accounts, tokens \
             and templates are gone, or what is new of them. Set appendonly to yes",
        );
    }
    if !is("aof_last_write_status", "ok") || is("aof_last_bgrewrite_status", "err") {
        return Finding::wrong(
            "persistence",
            "Redis cannot write its file: look whether its disk is full, and at its log",
        );
    }
    Finding::ok("persistence", "Redis writes down what it is given (appendonly)")
}

/// Whether somebody can take the place of the primary, and whether it takes nothing that it cannot hand on.
fn replicas(info: &ServerInfo) -> Finding {
    let number = |name: &str| info.get(name).and_then(|text| text.parse::<u32>().ok());
    match (number("connected_slaves").unwrap_or_default(), number("min_slaves_good_slaves")) {
        (0, _) => Finding::wrong(
            "replicas",
            "no replica follows the primary of Redis: if it dies now, nobody takes its place. Start one",
        ),
        (count, None) => Finding::warning(
            "replicas",
            format!(
                "{} the primary of Redis, which would go on alone where it is cut off, and lose what it took: set \
                 min-replicas-to-write to 1",
                follow(count)
            ),
        ),
        (count, Some(_)) => Finding::ok("replicas", format!("{} the primary of Redis", follow(count))),
    }
}

fn follow(count: u32) -> String {
    if count == 1 { "1 replica follows".to_owned() } else { format!("{count} replicas follow") }
}

/// Who this is to Redis, and what of this it may do.
pub(super) async fn user(bus: &Bus, redis: &RedisOptions) -> Finding {
    let user = match bus.user().await {
        Ok(user) => user,
        Err(error) => return Finding::failed("user", &error),
    };
    if redis.is_open() {
        return Finding::warning(
            "user",
            format!(
                "Redis asks nobody for a password (`{user}`): whoever reaches it can do anything to any dock. Give each \
                 program a user, by `deblox acl`"
            ),
        );
    }
    let keys = bus.keys();
    let (shared, users) = (keys.shared(), keys.users());
    let deeds: [(&str, &[&str]); 4] = [
        ("send requests", &["XADD", &shared, "*", "json", "{}"]),
        ("take them", &["XREADGROUP", "GROUP", GROUP, "x", "STREAMS", &shared, ">"]),
        ("change accounts", &["HSET", &users, "x", "{}"]),
        ("change how Redis is set", &["CONFIG", "SET", "appendonly", "yes"]),
    ];
    let mut may = Vec::new();
    for (deed, command) in deeds {
        match bus.may(&user, command).await {
            Ok(true) => may.push(deed),
            Ok(false) => {}
            // Not for this user, or not in this version.
            Err(_) => {
                return Finding::ok("user", format!("`{user}`; what it may do, Redis tells only an administrator"));
            }
        }
    }
    Finding::ok(
        "user",
        format!("`{user}`, who may {}", if may.is_empty() { "none of it".into() } else { may.join(", ") }),
    )
}

pub(super) async fn latency(bus: &Bus) -> Finding {
    match bus.latency(PINGS).await {
        Err(error) => Finding::failed("latency", &error),
        Ok(shortest) if shortest > SLOW => Finding::warning(
            "latency",
            format!("Redis takes {shortest:.1?} at best, and each request asks it several times: bring it nearer"),
        ),
        Ok(shortest) => Finding::ok("latency", format!("Redis answers within {shortest:.1?} at best")),
    }
}

pub(super) async fn clock(bus: &Bus) -> Finding {
    let before = now();
    let there = match bus.time().await {
        Ok(there) => there,
        Err(error) => return Finding::failed("clock", &error),
    };
    // Its clock was read somewhere between.
    let (apart, ahead) = apart(before, there, now());
    if apart <= millis(APART) {
        return Finding::ok("clock", "this machine and Redis agree about the time");
    }
    let apart = humantime::format_duration(Duration::from_millis(apart));
    let which = if ahead { "ahead of" } else { "behind" };
    Finding::warning(
        "clock",
        format!(
            "Redis's clock is {apart} {which} that of this machine. Deadlines count on Redis's alone, but times that \
             people read mislead: set both by NTP"
        ),
    )
}

/// By how much a clock is outside of what it may have been, and whether it is ahead.
fn apart(before: u64, there: u64, after: u64) -> (u64, bool) {
    if there > after { (there - after, true) } else { (before.saturating_sub(there), false) }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(millis).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn info(pairs: &[(&str, &str)]) -> ServerInfo {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn versions_are_numbers() {
        for (text, state) in [
            ("7.0.15", State::Ok),
            ("10.0.1", State::Ok),
            ("6.2.0", State::Warning),
            ("6.0.16", State::Wrong),
            ("x", State::Warning),
        ] {
            assert_eq!(version(&info(&[("redis_version", text)])).state, state, "{text}");
        }
    }

    #[test]
    fn memory_is_told_before_it_is_full() {
        for (used, most, state) in [
            ("10", "0", State::Warning),
            ("10", "100", State::Ok),
            ("7900", "10000", State::Ok),
            ("8100", "10000", State::Warning),
            ("10000", "10000", State::Wrong),
        ] {
            assert_eq!(memory(&info(&[("used_memory", used), ("maxmemory", most)])).state, state, "{used} of {most}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told() {
        let file = |status| info(&[("aof_enabled", "1"), ("aof_last_write_status", status)]);
        assert_eq!(persistence(&file("ok")).state, State::Ok);
        assert_eq!(persistence(&file("err")).state, State::Wrong);
        assert_eq!(persistence(&info(&[("aof_enabled", "0")])).state, State::Wrong);
    }

    #[test]
    fn clocks_are_apart_by_what_waiting_does_not_explain() {
        assert_eq!(apart(100, 105, 110), (0, false));
        assert_eq!(apart(100, 150, 110), (40, true));
        assert_eq!(apart(100, 70, 110), (30, false));
    }
}
