//! Actions that stream: what they begin at the daemon, and what is said of it when it has ended.

use serde_json::{Value, json};

use super::Context;
use super::verdict::from_registry;
use crate::docker::{Docker, Flow, Method, RequestParts, Way};
use crate::protocol::{ErrorCode, Failure};

/// Which requests of an action stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// None.
    Never,
    /// Those in which one of these flags is set.
    Asked(&'static [&'static str]),
    /// All.
    Always,
}

/// What has been begun at the daemon.
pub struct Streaming {
    /// The call.
    pub flow: Flow,
    /// Which way bytes go besides the answer.
    pub way: Way,
    /// Whether what comes is in frames, which are taken off.
    pub framed: bool,
    /// What it is about.
    pub subject: Subject,
}

/// What a stream is about: whose terminal has a size, and what is to be known at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Nothing of that.
    Nothing,
    /// A command in a container, by its id: how it ended.
    Exec(String),
    /// A container, by its id: how it ended, if it has.
    Container(String),
    /// Messages as JSON, of which one may say that it failed; that is this error.
    Messages(ErrorCode),
}

impl Streaming {
    /// Begins a call without frames. One that has an effect must be admitted first.
    pub(super) async fn begin(
        context: &Context<'_>,
        parts: &RequestParts,
        way: Way,
        subject: Subject,
    ) -> Result<Self, Failure> {
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            context.admit().await?;
        }
        Ok(Self { flow: context.docker.flow(parts, way).await?, way, framed: false, subject })
    }

    /// The same, in frames if `framed`.
    pub(super) fn framed(self, framed: bool) -> Self {
        Self { framed, ..self }
    }
}

impl Subject {
    /// Tells the daemon the size of the terminal. What it does not like about that does no harm.
    pub async fn resize(&self, docker: &Docker, rows: u16, cols: u16) {
        let (path, id) = match self {
            Self::Exec(id) => ("/exec/{}/resize", id),
            Self::Container(id) => ("/containers/{}/resize", id),
            Self::Nothing | Self::Messages(_) => return,
        };
        let size = [("h", rows.to_string()), ("w", cols.to_string())];
        let resize = RequestParts::new(Method::POST, path).segment(id).query(size);
        if let Err(error) = docker.call(&resize).await {
            tracing::debug!(%error, "resizing a terminal");
        }
    }

    /// The same failure, named after what it is about where the daemon names a status only.
    #[must_use]
    pub fn failure(&self, failure: Failure) -> Failure {
        let status = failure.answer.as_ref().map(|answer| answer.status);
        match (self, failure.code, status) {
            (
                Self::Messages(code @ (ErrorCode::PullFailed | ErrorCode::PushFailed)),
                ErrorCode::DockerError,
                Some(status),
            ) => Failure { code: from_registry(*code, status), ..failure },
            _ => failure,
        }
    }

    /// What is to be known at the end, as fields of the reply's body.
    pub async fn ended(&self, docker: &Docker) -> Value {
        let look = match self {
            Self::Exec(id) => RequestParts::new(Method::GET, "/exec/{}/json").segment(id),
            Self::Container(id) => RequestParts::new(Method::GET, "/containers/{}/json").segment(id),
            Self::Nothing | Self::Messages(_) => return json!({}),
        };
        let seen = docker.call(&look).await.ok().and_then(|answer| answer.read_json()).unwrap_or_default();
        let state = if matches!(self, Self::Exec(_)) { &seen } else { &seen["State"] };
        let running = state["Running"].as_bool();
        let exit_code = if running == Some(false) { state["ExitCode"].clone() } else { Value::Null };
        json!({"running": running, "exitCode": exit_code})
    }
}

/// Whether the instance has a terminal: then it writes without frames.
pub(super) async fn has_terminal(context: &Context<'_>) -> Result<bool, Failure> {
    let look = RequestParts::new(Method::GET, "/containers/{}/json").segment(context.instance.unwrap_or_default());
    let seen = super::verdict::judge(context.docker.call(&look).await?, super::Target::Instance)?;
    Ok(seen.read_json().is_some_and(|instance| instance["Config"]["Tty"] == true))
}
