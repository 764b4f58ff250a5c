//! Sending images to their registry.

use base64::prelude::{BASE64_URL_SAFE, Engine};
use serde_json::Value;

use super::client::{Docker, DockerError, Method, RequestParts};
use super::pull::with_tag;
use crate::protocol::Answer;

/// What was said while an image was sent, or the daemon's refusal.
pub type Pushed = Result<Vec<Value>, Answer>;

/// The call that sends `image` to its registry.
pub fn push_call(image: &str, credentials: Option<&Value>) -> RequestParts {
    to_registry(RequestParts::new(Method::POST, "/images/{}/push").segment(&with_tag(image)), credentials)
}

/// The call that fetches `image`, a tag or digest included or else `latest`.
pub fn pull_call(image: &str, credentials: Option<&Value>) -> RequestParts {
    let pull = RequestParts::new(Method::POST, "/images/create").query([("fromImage", with_tag(image))]);
    to_registry(pull, credentials)
}

fn to_registry(mut parts: RequestParts, credentials: Option<&Value>) -> RequestParts {
    let auth = credentials.map_or_else(|| "{}".to_owned(), Value::to_string);
    parts.headers.push(("X-Registry-Auth".to_owned(), BASE64_URL_SAFE.encode(auth)));
    parts
}

impl Docker {
    /// Sends `image` to its registry, with Docker's `AuthConfig` as `credentials`. Returns the daemon's messages about
    /// the image as a whole, or its refusal.
    ///
    /// # Errors
    /// [`DockerError::Refused`] where the registry refuses; else when there is no answer.
    pub async fn push(&self, image: &str, credentials: Option<&Value>) -> Result<Pushed, DockerError> {
        let fetched = self.fetch(&push_call(image, credentials)).await?;
        if fetched.status != 200 {
            return Ok(Err(fetched.into_answer()));
        }
        let mut messages = Vec::new();
        for line in fetched.body.split(|byte| *byte == b'\n') {
            let Ok(message) = serde_json::from_slice::<Value>(line) else { continue };
            if let Some(error) = message["error"].as_str() {
                return Err(DockerError::Refused(502, error.to_owned()));
            }
            if message["progressDetail"].is_null() {
                messages.push(message);
            }
        }
        Ok(Ok(messages))
    }
}
