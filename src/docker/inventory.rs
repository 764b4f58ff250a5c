//! What a daemon has: its containers as the shared records show them, and itself.

use std::collections::{BTreeSet, HashMap};

use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptionsBuilder;
use serde_json::Value;

use super::client::{Docker, DockerError, Method, RequestParts, explain};
use super::resources::seconds;
use crate::protocol::{Labels, Port, Summary, label};

/// What a daemon says about itself (`GET /info`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngineFacts {
    /// Docker's version.
    pub version: Option<String>,
    /// The operating system.
    pub operating_system: Option<String>,
    /// Processors.
    pub cpus: Option<i64>,
    /// Memory in bytes.
    pub memory: Option<i64>,
    /// Its clock, in seconds since the epoch.
    pub time: Option<u64>,
}

impl Docker {
    /// All containers, or those with the full ids `only`, in whatever state.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn containers(&self, only: Option<&BTreeSet<String>>) -> Result<Vec<Summary>, DockerError> {
        self.list(only.map(|ids| ("id", ids.iter().cloned().collect()))).await
    }

    /// The container that the request `id` created, if it did.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn created_by(&self, id: &str) -> Result<Option<Summary>, DockerError> {
        Ok(self.list(Some(("label", vec![format!("{}={id}", label::REQUEST)]))).await?.into_iter().next())
    }

    /// What the daemon says about itself.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn facts(&self) -> Result<EngineFacts, DockerError> {
        let info = RequestParts::new(Method::GET, "/info");
        let fetched = self.fetch(&info).await?;
        let info: Value = serde_json::from_slice(&fetched.body).unwrap_or_default();
        let text = |field: &str| info[field].as_str().map(str::to_owned);
        Ok(EngineFacts {
            version: text("ServerVersion"),
            operating_system: text("OperatingSystem"),
            cpus: info["NCPU"].as_i64(),
            memory: info["MemTotal"].as_i64(),
            time: info["SystemTime"].as_str().and_then(seconds),
        })
    }

    async fn list(&self, filter: Option<(&str, Vec<String>)>) -> Result<Vec<Summary>, DockerError> {
        let mut options = ListContainersOptionsBuilder::new().all(true);
        if let Some((name, values)) = filter {
            options = options.filters(&HashMap::from([(name, values)]));
        }
        let containers = self.bollard().await?.list_containers(Some(options.build())).await.map_err(explain)?;
        Ok(containers.into_iter().filter_map(summary).collect())
    }
}

fn summary(container: ContainerSummary) -> Option<Summary> {
    let id = container.id?;
    // A container that others link to has further names with slashes inside; the first plain one is its own.
    let names = container.names.unwrap_or_default();
    let mut plain = names.iter().map(|name| name.trim_start_matches('/')).filter(|name| !name.contains('/'));
    let name = plain.next().unwrap_or(&id[..id.len().min(12)]).to_owned();
    let mut labels: Labels = container.labels.unwrap_or_default().into_iter().collect();
    let owner = labels.remove(label::OWNER);
    let request_id = labels.remove(label::REQUEST);
    labels.retain(|name, _| !name.starts_with(label::PREFIX));
    let mut ports: Vec<Port> = container
        .ports
        .unwrap_or_default()
        .into_iter()
        .map(|port| Port {
            ip: port.ip,
            private_port: port.private_port,
            public_port: port.public_port,
            protocol: port.typ.map_or_else(|| "tcp".to_owned(), |typ| typ.to_string()),
        })
        .collect();
    ports.sort();
    Some(Summary {
        name,
        image: container.image.unwrap_or_default(),
        state: container.state.map(|state| state.to_string()).unwrap_or_default(),
        status: settled_status(container.status.unwrap_or_default()),
        created: container.created.unwrap_or_default(),
        owner,
        request_id,
        ports,
        labels,
        id,
    })
}

/// Docker's status without its running clock: `Up 3 minutes (healthy)` would differ at every look.
fn settled_status(status: String) -> String {
    let health = status.rfind('(').map(|at| &status[at..]).filter(|tail| tail.ends_with(')'));
    match (status.split_whitespace().next(), health) {
        (Some("Up"), Some(health)) => format!("Up {health}"),
        (Some("Up"), None) => "Up".to_owned(),
        (Some("Exited"), _) => {
            status.split(") ").next().map(|head| format!("{})", head.trim_end_matches(')'))).unwrap_or(status)
        }
        _ => status,
    }
}

#[cfg(test)]
mod tests {
    use super::settled_status;

    #[test]
    fn a_status_does_not_change_with_time() {
        let cases = [
            ("Up 3 minutes (healthy)", "Up (healthy)"),
            ("Up Less than a second", "Up"),
            ("Exited (137) 2 hours ago", "Exited (137)"),
            ("Created", "Created"),
        ];
        for (from, to) in cases {
            assert_eq!(settled_status(from.to_owned()), to);
        }
    }
}
