//! Fetching images.

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::client::{Docker, DockerError, explain};

impl Docker {
    /// Fetches `image`, a tag or digest included or else `latest`. Returns the daemon's messages about the image
    /// as a whole, those about the progress of single layers left out. `credentials` are Docker's `AuthConfig`.
    ///
    /// # Errors
    /// [`DockerError`]; a refusal keeps the daemon's status.
    pub async fn pull(&self, image: &str, credentials: Option<Value>) -> Result<Vec<Value>, DockerError> {
        let image = with_tag(image);
        let options = CreateImageOptionsBuilder::new().from_image(&image).build();
        let credentials = credentials.and_then(|credentials| serde_json::from_value(credentials).ok());
        let bollard = self.bollard().await?;
        let mut progress = std::pin::pin!(bollard.create_image(Some(options), None, credentials));
        let mut messages = Vec::new();
        while let Some(info) = progress.next().await {
            let info = info.map_err(explain)?;
            let about_a_layer = info.progress_detail.is_some() && info.id.is_some();
            if let (Some(status), false) = (info.status, about_a_layer) {
                messages.push(match info.id {
                    Some(id) => json!({"id": id, "status": status}),
                    None => json!({"status": status}),
                });
            }
        }
        Ok(messages)
    }
}

/// Without a tag Docker would fetch or send every tag of the repository.
pub(super) fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains(':') || last.contains('@') { image.to_owned() } else { format!("{image}:latest") }
}

#[cfg(test)]
mod tests {
    use super::with_tag;

    #[test]
    fn an_image_without_a_tag_is_the_latest() {
        assert_eq!(with_tag("ubuntu"), "ubuntu:latest");
        assert_eq!(with_tag("localhost:5000/a/b"), "localhost:5000/a/b:latest");
        assert_eq!(with_tag("a/b:1.2"), "a/b:1.2");
        assert_eq!(with_tag("a@sha256:00"), "a@sha256:00");
    }
}
