//! A container's log, as far back as asked for.

use hyper::header::DATE;

use super::client::{Docker, DockerError, Method, RequestParts};
use super::frames::frames;
use crate::protocol::{Answer, Body};

/// Which part of a log.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// The container.
    pub id: String,
    /// The query parameters of Docker's `GET /containers/{id}/logs`.
    pub query: Vec<(String, String)>,
}

impl Docker {
    /// Reads a log. Docker's frames are taken off, so that the body is the text that was written: both streams
    /// in the order of writing, bytes that are not UTF-8 replaced.
    ///
    /// # Errors
    /// [`DockerError`] when there is no answer; a refusal is an answer.
    pub async fn logs(&self, log: &LogQuery) -> Result<Answer, DockerError> {
        let parts = RequestParts::new(Method::GET, "/containers/{}/logs").segment(&log.id).query(log.query.clone());
        let fetched = self.fetch(&parts).await?;
        if fetched.status != 200 {
            return Ok(fetched.into_answer());
        }
        let text = String::from_utf8_lossy(&unframe(&fetched.body)).into_owned();
        // The type is that of the body as it is now: Docker's names the frames.
        let content_type = Some("text/plain; charset=utf-8".to_owned());
        Ok(Answer { status: 200, content_type, date: fetched.header(DATE), length: None, body: Body::Text(text) })
    }
}

/// Takes the frames off. A container with a terminal writes without frames; that comes through as it is.
fn unframe(bytes: &[u8]) -> Vec<u8> {
    match frames(bytes) {
        Some(frames) => frames.into_iter().flat_map(|(_, payload)| payload).copied().collect(),
        None => bytes.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::unframe;

    #[test]
    fn frames_are_taken_off_and_plain_text_is_left() {
        let framed = [&[1, 0, 0, 0, 0, 0, 0, 3][..], b"out", &[2, 0, 0, 0, 0, 0, 0, 4], b"err\n"].concat();
        assert_eq!(unframe(&framed), b"outerr\n");
        assert_eq!(unframe(b"from a terminal\r\n"), b"from a terminal\r\n");
        assert_eq!(unframe(b"short"), b"short");
    }
}
