//! Fetching images from their registries, and sending them there.

use base64::prelude::{BASE64_URL_SAFE, Engine};
use serde_json::Value;

use super::client::{Docker, DockerError, Method, RequestParts};
use super::flow::{Opened, Way};
use crate::protocol::Answer;
use crate::protocol::limits::ANSWER_BYTES;

/// What was said while an image was fetched or sent, or the daemon's refusal.
pub type Moved = Result<Vec<Value>, Answer>;

/// The call that fetches `image`, a tag or digest included or else `latest`. `credentials` are Docker's `AuthConfig`.
pub fn pull_call(image: &str, credentials: Option<&Value>) -> RequestParts {
    let pull = RequestParts::new(Method::POST, "/images/create").query([("fromImage", with_tag(image))]);
    to_registry(pull, credentials)
}

/// The call that sends `image` to its registry.
pub fn push_call(image: &str, credentials: Option<&Value>) -> RequestParts {
    to_registry(RequestParts::new(Method::POST, "/images/{}/push").segment(&with_tag(image)), credentials)
}

fn to_registry(mut parts: RequestParts, credentials: Option<&Value>) -> RequestParts {
    let auth = credentials.map_or_else(|| "{}".to_owned(), Value::to_string);
    parts.headers.push(("X-Registry-Auth".to_owned(), BASE64_URL_SAFE.encode(auth)));
    parts
}

impl Docker {
    /// Makes a [`pull_call`] or a [`push_call`] and waits for its end. Returns the daemon's messages about the image as a
    /// whole, those about the progress of single layers left out; or its refusal.
    ///
    /// # Errors
    /// [`DockerError::Refused`] where it fails after it has begun; else when there is no answer.
    pub async fn move_image(&self, call: &RequestParts) -> Result<Moved, DockerError> {
        let mut output = match self.flow(call, Way::Down).await?.opening.await? {
            Opened::Flows(_, _, output) => output,
            Opened::Refused(answer) => return Ok(Err(answer)),
        };
        let (mut messages, mut kept, mut rest) = (Vec::new(), 0, Vec::new());
        loop {
            let bytes = output.next().await?.map(|(_, bytes)| bytes);
            let ended = bytes.is_none();
            for piece in bytes.unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
                rest.extend_from_slice(piece);
                if kept + rest.len() > ANSWER_BYTES {
                    return Err(DockerError::TooLarge);
                }
                if piece.ends_with(b"\n") {
                    kept += keep(&std::mem::take(&mut rest), &mut messages)?;
                }
            }
            if ended {
                keep(&rest, &mut messages)?;
                return Ok(Ok(messages));
            }
        }
    }
}

/// Keeps what is no progress of a layer. Returns how many bytes that is.
fn keep(line: &[u8], messages: &mut Vec<Value>) -> Result<usize, DockerError> {
    let Ok(message) = serde_json::from_slice::<Value>(line) else { return Ok(0) };
    if let Some(error) = message["error"].as_str() {
        return Err(DockerError::Refused(502, error.to_owned()));
    }
    if !message["id"].is_null() && !message["progressDetail"].is_null() {
        return Ok(0);
    }
    messages.push(message);
    Ok(line.len())
}

/// Without a tag Docker would fetch or send every tag of the repository.
fn with_tag(image: &str) -> String {
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
