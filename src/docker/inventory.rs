//! What a daemon has: its containers as the shared records show them, and itself.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptionsBuilder;
use serde_json::Value;

use super::client::{Docker, DockerError, Method, RequestParts, explain};
use super::labels::{CarriedLabels, OwnLabels};
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
    /// The folder on its host that it keeps its data in.
    pub folder: Option<PathBuf>,
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

    /// The containers that have this name: Docker allows one.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn called(&self, name: &str) -> Result<Vec<Summary>, DockerError> {
        // Docker reads the filter as a regular expression.
        let mut named = self.list(Some(("name", vec![name.to_owned()]))).await?;
        named.retain(|summary| summary.name == name);
        Ok(named)
    }

    /// The container that the request `id` created, if it did.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn created_by(&self, id: &str) -> Result<Option<Summary>, DockerError> {
        let labelled = self.list(Some(("label", vec![format!("{}={id}", label::REQUEST)]))).await?;
        // The label may be that of its image.
        Ok(labelled.into_iter().find(|summary| summary.request_id.as_deref() == Some(id)))
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
            folder: text("DockerRootDir").map(PathBuf::from),
            time: info["SystemTime"].as_str().and_then(seconds),
        })
    }

    async fn list(&self, filter: Option<(&str, Vec<String>)>) -> Result<Vec<Summary>, DockerError> {
        let mut options = ListContainersOptionsBuilder::new().all(true);
        if let Some((name, values)) = filter {
            options = options.filters(&HashMap::from([(name, values)]));
        }
        let containers = self.bollard().await?.list_containers(Some(options.build())).await.map_err(explain)?;
        let now = epoch_seconds();
        let mut summaries = Vec::new();
        for container in containers {
            let labels = container.labels.as_ref();
            let carried = CarriedLabels::of(|name| labels?.get(name).map(String::as_str));
            let own = self.own_labels(container.image_id.as_deref().unwrap_or_default(), carried).await?;
            summaries.extend(summary(container, own, now));
        }
        Ok(summaries)
    }
}

fn summary(container: ContainerSummary, own: OwnLabels, now: i64) -> Option<Summary> {
    let id = container.id?;
    // A container that others link to has further names with slashes inside; the first plain one is its own.
    let names = container.names.unwrap_or_default();
    let mut plain = names.iter().map(|name| name.trim_start_matches('/')).filter(|name| !name.contains('/'));
    let name = plain.next().unwrap_or(&id[..id.len().min(12)]).to_owned();
    let mut labels: Labels = container.labels.unwrap_or_default().into_iter().collect();
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
    let (status, ago) = settled_status(container.status.unwrap_or_default());
    Some(Summary {
        name,
        image: container.image.unwrap_or_default(),
        state: container.state.map(|state| state.to_string()).unwrap_or_default(),
        status,
        since: ago.map(|ago| now.saturating_sub(ago)),
        created: container.created.unwrap_or_default(),
        owner: own.owner,
        request_id: own.request,
        ports,
        labels,
        id,
    })
}

/// Docker's status without its running clock, since `Up 3 minutes (healthy)` would differ at every look; and how many
/// seconds ago that clock began.
fn settled_status(status: String) -> (String, Option<i64>) {
    let (before, clock, behind) = if let Some(rest) = status.strip_prefix("Up ") {
        let (clock, behind) = rest.split_once(" (").map_or((rest, ""), |(clock, _)| (clock, &rest[clock.len()..]));
        ("Up", clock, behind)
    } else if let Some((before, rest)) = status.split_once(") ") {
        (&status[..=before.len()], rest.trim_end_matches(" ago"), "")
    } else {
        return (status, None);
    };
    (format!("{before}{behind}"), seconds_ago(clock))
}

/// Reads a duration as Docker writes it (<https://pkg.go.dev/github.com/docker/go-units#HumanDuration>).
fn seconds_ago(clock: &str) -> Option<i64> {
    let count = match clock {
        "Less than a second" => return Some(0),
        "About a minute" => return Some(60),
        "About an hour" => return Some(3600),
        counted => counted.split(' ').next()?.parse::<i64>().ok()?,
    };
    let unit = match clock.split(' ').nth(1)?.trim_end_matches('s') {
        "second" => 1,
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        "week" => 7 * 86_400,
        "month" => 30 * 86_400,
        "year" => 365 * 86_400,
        _ => return None,
    };
    count.checked_mul(unit)
}

/// What the clock of this host shows, in seconds since the epoch.
pub fn epoch_seconds() -> i64 {
    let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
    i64::try_from(now).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::settled_status;

    #[test]
    fn a_status_does_not_change_with_time() {
        let cases = [
            ("Up 3 minutes (healthy)", "Up (healthy)", Some(180)),
            ("Up Less than a second", "Up", Some(0)),
            ("Up About an hour (Paused)", "Up (Paused)", Some(3600)),
            ("Exited (137) 2 hours ago", "Exited (137)", Some(7200)),
            ("Restarting (1) 1 second ago", "Restarting (1)", Some(1)),
            ("Created", "Created", None),
            ("Removal In Progress", "Removal In Progress", None),
            ("", "", None),
            ("Up for long", "Up", None),
            ("Up 9223372036854775807 years", "Up", None),
        ];
        for (from, status, ago) in cases {
            assert_eq!(settled_status(from.to_owned()), (status.to_owned(), ago), "{from}");
        }
    }
}
