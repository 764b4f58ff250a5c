//! A daemon's images, networks and volumes, as the shared records show them.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::client::{Docker, DockerError, Method, RequestParts};
use super::rows::{CLIPPED, Listed, Rows};
use crate::protocol::{Answer, ImageRecord, Labels, NetworkRecord, Record, Resource, VolumeRecord};

// What Docker lists, as far as the records have it. bollard's models have times of a type that depends on which of its
// features some other crate of the build asks for.

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Image {
    id: String,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    size: i64,
    created: i64,
    labels: Option<Labels>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Network {
    id: String,
    name: String,
    driver: String,
    scope: String,
    internal: bool,
    attachable: bool,
    created: String,
    labels: Option<Labels>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Volume {
    name: String,
    driver: String,
    scope: String,
    mountpoint: String,
    created_at: String,
    labels: Option<Labels>,
}

impl Docker {
    /// All that the daemon has of one kind: ids (of volumes: names) with records as JSON. Of images those that are
    /// not intermediate.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn resources(&self, kind: Resource) -> Result<BTreeMap<String, String>, DockerError> {
        Ok(match kind {
            Resource::Images => texts::<ImageRecord, Image>(&self.listed("/images/json").await?),
            Resource::Networks => texts::<NetworkRecord, Network>(&self.listed("/networks").await?),
            Resource::Volumes => texts::<VolumeRecord, Volume>(&self.listed("/volumes").await?),
        })
    }

    async fn listed(&self, path: &'static str) -> Result<Rows, DockerError> {
        self.listed_rows(&RequestParts::new(Method::GET, path)).await
    }

    /// The rows of a list.
    ///
    /// # Errors
    /// [`DockerError`].
    pub(super) async fn listed_rows(&self, list: &RequestParts) -> Result<Rows, DockerError> {
        match self.rows(list).await? {
            Listed::Rows(rows) => Ok(rows),
            Listed::Refused(Answer { status, .. }) => {
                Err(DockerError::Refused(status, format!("the daemon answered {status}")))
            }
        }
    }
}

/// The fields of a row of which something is missing, as records name them.
pub(super) fn missing(row: &Value) -> Vec<String> {
    let names = row[CLIPPED].as_array().into_iter().flatten().filter_map(Value::as_str);
    names.map(|name| name[..1].to_ascii_lowercase() + &name[1..]).collect()
}

/// The records of rows. What cannot be read has no record, and the others have theirs.
fn texts<R: Record, L: Into<R> + DeserializeOwned>(rows: &Rows) -> BTreeMap<String, String> {
    let text = |row: Value| {
        let clipped = missing(&row);
        let record: R = serde_json::from_value::<L>(row).ok()?.into();
        if clipped.is_empty() {
            return Some((record.id().to_owned(), serde_json::to_string(&record).ok()?));
        }
        let mut value = serde_json::to_value(&record).ok()?;
        value["clipped"] = json!(clipped);
        Some((record.id().to_owned(), value.to_string()))
    };
    rows.iter().filter_map(text).collect()
}

impl From<Image> for ImageRecord {
    fn from(image: Image) -> Self {
        let Image { id, repo_tags, repo_digests, size, created, labels } = image;
        // What has no name is listed as "<none>:<none>".
        let named = |names: Option<Vec<String>>| {
            let mut names = names.unwrap_or_default();
            names.retain(|name| !name.contains("<none>"));
            names.sort();
            names
        };
        let (tags, digests) = (named(repo_tags), named(repo_digests));
        Self { id, tags, digests, size, created, labels: labels.unwrap_or_default(), clipped: Vec::new() }
    }
}

impl From<Network> for NetworkRecord {
    fn from(network: Network) -> Self {
        let Network { id, name, driver, scope, internal, attachable, created, labels } = network;
        let (created, labels) = (seconds(&created), labels.unwrap_or_default());
        Self { id, name, driver, scope, internal, attachable, created, labels, clipped: Vec::new() }
    }
}

impl From<Volume> for VolumeRecord {
    fn from(volume: Volume) -> Self {
        let Volume { name, driver, scope, mountpoint, created_at, labels } = volume;
        Self {
            name,
            driver,
            scope,
            mountpoint,
            created: seconds(&created_at),
            labels: labels.unwrap_or_default(),
            clipped: Vec::new(),
        }
    }
}

/// The seconds since the epoch of a time as Docker writes it: RFC 3339, in the time zone of its host. None for one
/// that lies before, which is how Docker writes a time that it does not know.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let (local, zone) = text.split_at(text.rfind(['Z', '+', '-'])?);
    let since = humantime::parse_rfc3339(&format!("{local}Z")).ok()?.duration_since(UNIX_EPOCH).ok()?.as_secs();
    match zone.split_at_checked(1)? {
        ("Z", "") => Some(since),
        (sign, offset) => {
            let (hours, minutes) = offset.split_once(':')?;
            let offset = hours.parse::<u64>().ok()? * 3600 + minutes.parse::<u64>().ok()? * 60;
            if sign == "+" { since.checked_sub(offset) } else { since.checked_add(offset) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_zone() {
        for (text, expected) in [
            ("1970-01-02T00:00:00Z", Some(86_400)),
            ("1970-01-02T00:00:00.123456789Z", Some(86_400)),
            ("1970-01-02T02:30:00+02:30", Some(86_400)),
            ("1970-01-01T19:00:00.5-05:00", Some(86_400)),
            ("0001-01-01T00:00:00Z", None),
            ("1970-01-02T00:00:00+99999999999999999999:00", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn what_docker_lists_becomes_records() {
        let image: Image = serde_json::from_str(
            r#"{"Id":"sha256:1","RepoTags":["<none>:<none>"],"RepoDigests":["b@sha256:1","a@sha256:1"],"Labels":null}"#,
        )
        .unwrap();
        let image = ImageRecord::from(image);
        assert_eq!((image.tags.len(), image.digests), (0, vec!["a@sha256:1".to_owned(), "b@sha256:1".to_owned()]));
        assert!(texts::<VolumeRecord, Volume>(&Rows::default()).is_empty());
    }
}
