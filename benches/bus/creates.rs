//! Creating containers on three daemons at once, directly and through the bus.

use std::sync::Arc;
use std::time::Instant;

use deblox::client::Client;
use deblox::docker::{Docker, DockerOptions, Method, RequestParts};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::Outcome;
use crate::setup::{DOCKS, docker_host};

/// Creates at the same time.
const AT_ONCE: usize = 32;
/// Creates in a turn.
const CREATES: usize = 96;
/// Turns of each of the two.
const TURNS: usize = 3;

/// Creates a second.
pub struct Creates {
    pub direct: f64,
    pub through: f64,
}

pub async fn rates(client: &Client) -> Outcome<Creates> {
    let daemons: Vec<Arc<Docker>> = (1..=DOCKS)
        .map(|host| Ok(Arc::new(Docker::new(&DockerOptions::new(docker_host(host)?))?)))
        .collect::<Outcome<_>>()?;
    let (mut direct, mut through) = (0.0, 0.0);
    for _ in 0..TURNS {
        direct += seconds(&daemons, |number| directly(Arc::clone(&daemons[number % DOCKS]))).await?;
        through += seconds(&daemons, |_| by_the_bus(client.clone())).await?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let count = (CREATES * TURNS) as f64;
    Ok(Creates { direct: count / direct, through: count / through })
}

/// How long it takes to create all containers of a turn; they are removed again.
async fn seconds<F>(daemons: &[Arc<Docker>], create: impl Fn(usize) -> F) -> Outcome<f64>
where
    F: Future<Output = Outcome<String>>,
{
    let begun = Instant::now();
    let ids: Vec<String> = stream::iter((0..CREATES).map(create)).buffer_unordered(AT_ONCE).try_collect().await?;
    let took = begun.elapsed().as_secs_f64();
    for id in ids {
        for daemon in daemons {
            // Not there on the others.
            daemon.call(&RequestParts::new(Method::DELETE, "/containers/{}").segment(&id)).await?;
        }
    }
    Ok(took)
}

async fn directly(daemon: Arc<Docker>) -> Outcome<String> {
    let create = RequestParts::new(Method::POST, "/containers/create").json(json!({"Image": "busybox"}));
    let answer = daemon.call(&create).await?;
    Ok(answer.text_field("Id").ok_or_else(|| format!("no container was created: {answer:?}"))?)
}

async fn by_the_bus(client: Client) -> Outcome<String> {
    let reply = client.call(json!({"action": "create-container", "image": "busybox"})).await?;
    Ok(reply.id().ok_or_else(|| format!("no container was created: {}", reply.json()))?.to_owned())
}
