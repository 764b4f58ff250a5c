//! What the daemons have in the end: their containers, and what was written inside them.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::lab::HOSTS;
use crate::time::{millis, parse};

/// A container, as its daemon tells it.
#[derive(Clone, Debug)]
pub struct Container {
    pub id: String,
    pub host: usize,
    pub name: String,
    pub state: String,
    /// The request that it is labelled with.
    pub request: Option<String>,
}

impl Container {
    /// Whether it is one too many, put aside by the worker of a dock that came back: stopped, and named accordingly.
    pub fn is_extra(&self) -> bool {
        let hex = |tail: &str| tail.len() == 12 && self.id.starts_with(tail);
        self.state != "running" && self.name.rsplit_once("-extra-").is_some_and(|(_, tail)| hex(tail))
    }
}

/// The lines that one request has written on a host, and when the last of them was, in milliseconds.
#[derive(Clone, Debug)]
pub struct Lines {
    pub host: usize,
    pub count: u64,
    pub time: u64,
}

/// All containers of a host, by their ids.
pub async fn containers(cluster: &Cluster, host: usize) -> Result<BTreeMap<String, Container>> {
    let listed = cluster.lab.ask(host, "/containers/json?all=1").await?;
    let rows = listed.as_array().with_context(|| format!("h{host} lists no containers: {listed}"))?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let container = |row: &Value| {
        let id = text(&row["Id"])?;
        let name = row["Names"][0].as_str()?.trim_start_matches('/').to_owned();
        let request = text(&row["Labels"]["deblox.request"]);
        Some((id.clone(), Container { id, host, name, state: text(&row["State"])?, request }))
    };
    rows.iter().map(|row| container(row).with_context(|| format!("a container of h{host}: {row}"))).collect()
}

/// When a container was created, in milliseconds of its daemon's clock.
pub async fn created(cluster: &Cluster, container: &Container) -> Result<u64> {
    let inspected = cluster.lab.ask(container.host, &format!("/containers/{}/json", container.id)).await?;
    inspected["Created"].as_str().and_then(parse).with_context(|| format!("{inspected} tells no time"))
}

/// All lines of all hosts, by the requests that wrote them.
pub fn lines(cluster: &Cluster) -> Result<HashMap<String, Vec<Lines>>> {
    let mut lines: HashMap<String, Vec<Lines>> = HashMap::new();
    for host in 1..=HOSTS {
        for file in std::fs::read_dir(cluster.log_folder(host))? {
            let file = file?;
            let (request, metadata) = (file.file_name().to_string_lossy().into_owned(), file.metadata()?);
            let written = Lines { host, count: metadata.len(), time: millis(metadata.modified()?) };
            lines.entry(request).or_default().push(written);
        }
    }
    Ok(lines)
}
