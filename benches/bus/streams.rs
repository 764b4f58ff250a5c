//! Streams: bytes a second, lines of a log, and what a key pressed in a terminal takes to show.

use std::process::Command;
use std::time::Instant;

use deblox::bus::{Bus, RedisOptions};
use deblox::client::{Arrival, Client, Stream};
use deblox::docker::{Docker, DockerOptions, Flow, Method, Opened, RequestParts, Way};
use deblox::protocol::limits::{CHUNK_BYTES, CHUNKS_AHEAD};
use deblox::protocol::{Channel, Chunk, RequestId};
use serde_json::json;

use crate::Outcome;
use crate::calls::median;
use crate::setup::{Redis, dock, docker_host};

/// Bytes in one turn, and turns.
const BYTES: usize = 256 * 1024 * 1024;
const TURNS: usize = 3;

/// Chunks that are passed on without a daemon.
const CHUNKS: u64 = 16 * 500;

/// Lines of the log.
const LINES: usize = 100_000;

/// Keys pressed.
const KEYS: usize = 500;

/// Megabytes, or lines, a second; for keys microseconds.
pub struct Against {
    pub through: f64,
    pub direct: f64,
}

/// One container that sleeps.
pub struct Container {
    client: Client,
    docker: Docker,
    id: String,
}

impl Container {
    pub async fn start(client: &Client, cmd: &[&str]) -> Outcome<Self> {
        let create =
            json!({"action": "create-container", "image": "busybox", "cmd": cmd, "start": true, "dock": dock(1)});
        let reply = client.call(create).await?;
        let id = reply.id().ok_or_else(|| format!("no container was created: {}", reply.json()))?.to_owned();
        let docker = Docker::new(&DockerOptions::new(docker_host(1)?))?;
        Ok(Self { client: client.clone(), docker, id })
    }

    pub async fn remove(self) -> Outcome<()> {
        self.client.call(json!({"action": "delete-container", "id": self.id, "force": true})).await?;
        Ok(())
    }

    /// Zeros that a command in it writes, through the bus and from the socket, in turns; megabytes a second.
    pub async fn bytes(&self) -> Outcome<Against> {
        let cmd = ["head", "-c", &BYTES.to_string(), "/dev/zero"];
        let (mut through, mut direct) = (0.0, 0.0);
        for _ in 0..TURNS {
            let begun = Instant::now();
            let exec = json!({"action": "exec-container", "id": self.id, "cmd": cmd, "stream": true});
            let bytes = whole(&mut self.client.stream(exec)?).await?;
            check(bytes.len(), BYTES)?;
            through += begun.elapsed().as_secs_f64();
            let begun = Instant::now();
            let flow = self.exec(&cmd, false).await?;
            check(drained(flow, true).await?, BYTES)?;
            direct += begun.elapsed().as_secs_f64();
        }
        #[expect(clippy::cast_precision_loss, reason = "a few hundred megabytes")]
        let megabytes = (BYTES * TURNS) as f64 / 1e6;
        Ok(Against { through: megabytes / through, direct: megabytes / direct })
    }

    /// Its whole log, of [`LINES`] numbers, which must be there and in order; lines a second.
    pub async fn lines(&self) -> Outcome<Against> {
        self.client.call(json!({"action": "wait-container", "id": self.id})).await?;
        let begun = Instant::now();
        let follow = json!({"action": "container-logs", "id": self.id, "follow": true});
        let bytes = whole(&mut self.client.stream(follow)?).await?;
        let through = begun.elapsed().as_secs_f64();
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        check(lines.len(), LINES)?;
        if !lines.iter().zip(1..).all(|(line, number)| *line == number.to_string().as_bytes()) {
            return Err("the lines are not in order".into());
        }
        let begun = Instant::now();
        let query = [("stdout", "true"), ("stderr", "true"), ("follow", "true")];
        let logs = RequestParts::new(Method::GET, "/containers/{}/logs").segment(&self.id).query(query);
        drained(self.docker.flow(&logs, Way::Down).await?, true).await?;
        let direct = begun.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a hundred thousand")]
        let lines = LINES as f64;
        Ok(Against { through: lines / through, direct: lines / direct })
    }

    /// From a key to its echo in a terminal, medians in microseconds.
    pub async fn keys(&self) -> Outcome<Against> {
        let exec = json!({"action": "exec-container", "id": self.id, "cmd": ["cat"], "tty": true, "stdin": true});
        let mut stream = self.client.stream(exec)?;
        let input = stream.input();
        let mut through = Vec::new();
        for _ in 0..KEYS {
            let begun = Instant::now();
            input.send(b"x").await?;
            while !matches!(next(&mut stream).await?, Some((Channel::Data, _))) {}
            through.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        drop(stream);

        let mut flow = self.exec(&["cat"], true).await?;
        let Opened::Flows(_, _, mut output) = flow.opening.await? else { return Err("the daemon refuses".into()) };
        let typed = flow.input.as_mut().ok_or("it takes no input")?;
        let mut direct = Vec::new();
        for _ in 0..KEYS {
            let begun = Instant::now();
            typed.give(b"x".to_vec()).await;
            output.next().await?;
            direct.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        Ok(Against { through: median(through), direct: median(direct) })
    }

    async fn exec(&self, cmd: &[&str], terminal: bool) -> Outcome<Flow> {
        let config =
            json!({"Cmd": cmd, "Tty": terminal, "AttachStdin": terminal, "AttachStdout": true, "AttachStderr": true});
        let create = RequestParts::new(Method::POST, "/containers/{}/exec").segment(&self.id).json(config);
        let exec = self.docker.call(&create).await?.text_field("Id").ok_or("no command was prepared")?;
        let start = json!({"Detach": false, "Tty": terminal});
        let start = RequestParts::new(Method::POST, "/exec/{}/start").segment(&exec).json(start);
        Ok(self.docker.flow(&start, Way::Both).await?)
    }
}

/// Chunks of the largest size from a writer to a reader by Redis alone, without a daemon, each on a thread of its own, with
/// the writer no further ahead than a worker may be; megabytes a second.
pub async fn relay(redis: &Redis) -> Outcome<f64> {
    let (bus, id) = (Bus::new(&RedisOptions::new(&redis.url))?, RequestId::new("bench-relay")?);
    let (read, reads) = tokio::sync::watch::channel(0);
    let begun = Instant::now();
    let writing = {
        let (id, url) = (id.clone(), redis.url.clone());
        std::thread::spawn(move || write(&url, &id, reads))
    };
    let (mut tail, mut last) = (bus.output(&id), 0);
    while last < CHUNKS {
        for chunk in tail.next().await.unwrap_or_default().into_iter().filter_map(|(_, fields)| Chunk::read(fields)) {
            if chunk.seq != last + 1 || chunk.data.len() != CHUNK_BYTES {
                return Err(format!("chunk {} came after {last}", chunk.seq).into());
            }
            last = chunk.seq;
        }
        read.send_replace(last);
    }
    let took = begun.elapsed().as_secs_f64();
    writing.join().map_err(|_| "the writer failed")??;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let megabytes = CHUNKS as f64 * CHUNK_BYTES as f64 / 1e6;
    Ok(megabytes / took)
}

fn write(url: &str, id: &RequestId, mut reads: tokio::sync::watch::Receiver<u64>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let bus = Bus::new(&RedisOptions::new(url)).map_err(|e| e.to_string())?;
        for first in (1..=CHUNKS).step_by(16) {
            let chunk = |seq| Chunk { seq, channel: Channel::Data, data: vec![0; CHUNK_BYTES] };
            let chunks: Vec<Chunk> = (first..first + 16).map(chunk).collect();
            let ahead = reads.wait_for(|read| first + 15 <= read + CHUNKS_AHEAD).await;
            drop(ahead.map_err(|e| e.to_string())?);
            bus.put_output(id, &chunks).await.map_err(|e| e.to_string())?;
        }
        Ok(())
    })
}

/// What Redis itself passes on: one client that sets values of the size of a chunk and one that gets them, one after the
/// other; megabytes a second.
pub fn relay_floor(redis: &Redis) -> Outcome<f64> {
    let output = Command::new("redis-benchmark")
        .args(["-p", &redis.port.to_string(), "-c", "1", "-P", "16", "-n", "20000", "-q", "--csv"])
        .args(["-d", &CHUNK_BYTES.to_string(), "-t", "set,get"])
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let rate = |name: &str| -> Outcome<f64> {
        let line = text.lines().find(|line| line.starts_with(&format!("\"{name}\""))).ok_or("no figure")?;
        Ok(line.split("\",\"").nth(1).ok_or("no figure")?.trim_matches('"').parse::<f64>()?)
    };
    #[expect(clippy::cast_precision_loss, reason = "64 KiB")]
    let megabytes = CHUNK_BYTES as f64 / 1e6;
    Ok(megabytes / (1.0 / rate("SET")? + 1.0 / rate("GET")?))
}

async fn next(stream: &mut Stream) -> Outcome<Option<(Channel, Vec<u8>)>> {
    match stream.next().await.ok_or("it ended without a reply")?? {
        Arrival::Chunk(channel, bytes) => Ok(Some((channel, bytes))),
        Arrival::Gap(missing) => Err(format!("{missing} chunks are missing").into()),
        Arrival::End(reply) if reply.is_success() => Ok(None),
        Arrival::End(reply) => Err(reply.json().to_owned().into()),
    }
}

/// Everything that a stream brings.
async fn whole(stream: &mut Stream) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some((channel, more)) = next(stream).await? {
        if channel != Channel::Head {
            bytes.extend(more);
        }
    }
    Ok(bytes)
}

/// How many bytes come from the socket.
async fn drained(flow: Flow, framed: bool) -> Outcome<usize> {
    let Opened::Flows(_, _, output) = flow.opening.await? else { return Err("the daemon refuses".into()) };
    let mut output = output.framed(framed);
    let mut count = 0;
    while let Some((_, bytes)) = output.next().await? {
        count += bytes.len();
    }
    Ok(count)
}

fn check(came: usize, wanted: usize) -> Outcome<()> {
    if came == wanted { Ok(()) } else { Err(format!("{came} came, and not {wanted}").into()) }
}
