//! The answer to a caller who may not see the secrets in it: their values are masked, and everything else is as it came.

use serde_json::Value;

use super::{Context, Outcome};
use crate::protocol::masking::mask;
use crate::protocol::{Answer, ErrorCode, Failure};

/// Actions whose answers hold nothing that people have set, or what only those get who may see secrets; and
/// `list-containers`, which decides for each row.
const EXEMPT: [&str; 6] = ["container-logs", "list-containers", "list-docks", "ping", "system-info", "system-version"];

/// What of the daemon's API streams to callers who may not see secrets: what is not JSON about settings.
const STREAMED: [&str; 3] = ["logs", "stats", "wait"];

/// The outcome as this caller may see it.
pub(super) fn outcome(context: &Context<'_>, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Answer(answer) if !context.shows_secrets && !EXEMPT.contains(&context.action.name) => {
            Outcome::Answer(masked(answer))
        }
        other => other,
    }
}

/// Masks the secrets in an answer. One without any is passed on as it came.
pub(super) fn masked(answer: Answer) -> Answer {
    let Some(mut document) = answer.read_json() else { return answer };
    if mask(&mut document) { with_body(answer, &document) } else { answer }
}

/// The same answer with another body.
pub(super) fn with_body(answer: Answer, body: &Value) -> Answer {
    let Answer { status, content_type, date, .. } = answer;
    Answer { status, content_type, date, ..Answer::json(body) }
}

/// Refuses to stream what would have to be masked.
///
/// # Errors
/// [`ErrorCode::Forbidden`].
pub(super) fn check_stream(context: &Context<'_>, segments: &[String]) -> Result<(), Failure> {
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let is_harmless = match parts.as_slice() {
        ["containers", _, what, ..] => STREAMED.contains(what),
        ["events"] => true,
        _ => false,
    };
    if context.shows_secrets || is_harmless {
        return Ok(());
    }
    let message = format!(
        "`{}` is not streamed to callers who may not see the secrets in it: leave `stream` out",
        segments.join("/")
    );
    Err(Failure::new(ErrorCode::Forbidden, message))
}
