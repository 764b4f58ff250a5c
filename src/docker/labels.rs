//! Which of a container's `deblox.` labels deblox wrote. Docker gives a container the labels of its image as well, and
//! anybody can build an image with such labels.
//!
//! A label counts if the container's label `deblox.image` is the id of its image: no image can contain its own id. Without
//! it, as on containers of deblox 0.1, a label counts if the image has none of that name with that value.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::{Docker, DockerError, Method, RequestParts};
use crate::protocol::label;

/// Images whose labels are remembered. An id stands for its content, so nothing that is remembered becomes wrong.
const REMEMBERED: usize = 1024;

/// How long it is remembered that an image cannot be inspected: it may be pulled again.
const MISSING: Duration = Duration::from_secs(30);

/// The longest value that deblox writes into a label. Longer ones are not deblox's.
const LONGEST: usize = 255;

/// The labels of deblox that a container carries, whoever wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CarriedLabels(BTreeMap<&'static str, String>);

/// The labels of a container that deblox wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnLabels {
    /// The user that it belongs to.
    pub owner: Option<String>,
    /// The request that created it.
    pub request: Option<String>,
    /// The full id of the container that it replaces.
    pub replaces: Option<String>,
    /// Whether that one ran.
    pub replaces_running: bool,
}

/// The `deblox.` labels of an image; none where it could not be inspected.
type Inspected = Option<Arc<CarriedLabels>>;

/// What is known of images, by id, and since when.
#[derive(Default)]
pub(super) struct ImageLabels(Mutex<HashMap<String, (Instant, Inspected)>>);

impl CarriedLabels {
    /// Reads the labels in Docker's JSON: an object of texts.
    pub fn read(labels: &Value) -> Self {
        Self::of(|name| labels[name].as_str())
    }

    /// Reads labels one by one.
    pub(super) fn of<'a>(read: impl Fn(&str) -> Option<&'a str>) -> Self {
        let fits = |value: &&str| !value.is_empty() && value.len() <= LONGEST;
        let labels = label::ALL.into_iter();
        Self(labels.filter_map(|name| Some((name, read(name).filter(fits)?.to_owned()))).collect())
    }

    /// Whether there is one beside `deblox.image`, which says nothing by itself.
    fn says_something(&self) -> bool {
        self.0.keys().any(|name| *name != label::IMAGE)
    }

    /// Those that are not inherited from an image with the labels `inherited`.
    fn written(mut self, inherited: &Self) -> OwnLabels {
        self.0.retain(|name, value| inherited.0.get(name) != Some(value));
        let mut take = |name| self.0.remove(name);
        OwnLabels {
            owner: take(label::OWNER),
            request: take(label::REQUEST),
            replaces: take(label::REPLACES),
            replaces_running: take(label::REPLACES_RUNNING).is_some_and(|value| value == "true"),
        }
    }
}

impl Docker {
    /// The labels that deblox wrote, of those that a container of the image with the full id `image` carries.
    ///
    /// # Errors
    /// [`DockerError`] if the daemon cannot be asked. Of an image that is gone nothing is known, and no label counts.
    pub async fn own_labels(&self, image: &str, carried: CarriedLabels) -> Result<OwnLabels, DockerError> {
        if image.is_empty() || !carried.says_something() {
            return Ok(OwnLabels::default());
        }
        if carried.0.get(label::IMAGE).is_some_and(|stamp| stamp == image) {
            return Ok(carried.written(&CarriedLabels::default()));
        }
        let inherited = self.labels_of_image(image).await?;
        Ok(inherited.map(|inherited| carried.written(&inherited)).unwrap_or_default())
    }

    /// The same for a container as `GET /containers/{id}/json` shows it.
    ///
    /// # Errors
    /// As [`Self::own_labels`].
    pub async fn own_labels_of(&self, inspected: &Value) -> Result<OwnLabels, DockerError> {
        let image = inspected["Image"].as_str().unwrap_or_default();
        self.own_labels(image, CarriedLabels::read(&inspected["Config"]["Labels"])).await
    }

    async fn labels_of_image(&self, id: &str) -> Result<Option<Arc<CarriedLabels>>, DockerError> {
        if let Some(known) = self.image_labels().get(id) {
            return Ok(known);
        }
        let inspect = RequestParts::new(Method::GET, "/images/{}/json").segment(id);
        let found = match self.fetch(&inspect).await {
            Ok(found) => (found.status == 200).then_some(found.body),
            Err(DockerError::TooLarge) => None,
            Err(error) => return Err(error),
        };
        let found = found.and_then(|body| serde_json::from_slice::<Value>(&body).ok());
        let labels = found.map(|image| Arc::new(CarriedLabels::read(&image["Config"]["Labels"])));
        self.image_labels().put(id, labels.clone());
        Ok(labels)
    }
}

impl ImageLabels {
    /// What is known of that image, if anything is.
    fn get(&self, id: &str) -> Option<Inspected> {
        let known = self.0.lock().expect("never held across a panic");
        let (since, labels) = known.get(id)?;
        (labels.is_some() || since.elapsed() < MISSING).then(|| labels.clone())
    }

    fn put(&self, id: &str, labels: Inspected) {
        let mut known = self.0.lock().expect("never held across a panic");
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(id.to_owned(), (Instant::now(), labels));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(container: &Value, image: &Value) -> OwnLabels {
        CarriedLabels::read(container).written(&CarriedLabels::read(image))
    }

    #[test]
    fn a_label_of_the_image_is_not_deblox_s() {
        let own = json!({"deblox.owner": "ada", "deblox.request": "r-1", "deblox.replaces-running": "true"});
        let nothing = OwnLabels::default();
        assert_eq!(written(&own, &own), nothing);
        let told = written(&own, &json!({"deblox.owner": "eve", "deblox.request": "r-1"}));
        assert_eq!((told.owner.as_deref(), told.request, told.replaces_running), (Some("ada"), None, true));
        assert_eq!(written(&own, &Value::Null).request.as_deref(), Some("r-1"));
        let long = json!({"deblox.owner": "a".repeat(256)});
        assert_eq!(written(&long, &long), nothing, "what is too long to be compared does not count");
        assert_eq!(written(&json!({"deblox.owner": ""}), &json!({"deblox.owner": "eve"})), nothing);
        assert!(!CarriedLabels::read(&json!({"deblox.image": "sha256:1", "team": "x"})).says_something());
    }

    #[test]
    fn no_more_images_are_remembered_than_may_be() {
        let images = ImageLabels::default();
        for number in 0..=REMEMBERED {
            images.put(&number.to_string(), Some(Arc::default()));
        }
        assert!(images.get("0").is_none() && images.get(&REMEMBERED.to_string()).is_some());
        images.put("missing", None);
        assert_eq!(images.get("missing"), Some(None));
    }
}
