//! Running a command inside a container (Docker Engine API, "Exec").

use serde_json::{Value, json};

use super::client::{Docker, DockerError, Method, RequestParts};
use super::frames::frames;
use crate::protocol::{Answer, Channel};

/// What to run.
#[derive(Clone, Debug)]
pub struct ExecQuery {
    /// The container.
    pub id: String,
    /// Docker's `ExecConfig`, without the streams.
    pub config: Value,
}

/// How it ended.
#[derive(Debug)]
pub enum Executed {
    /// The command ran.
    Ended {
        /// Its exit code.
        exit_code: i64,
        /// What it wrote to its standard output.
        stdout: Vec<u8>,
        /// What it wrote to its standard error.
        stderr: Vec<u8>,
    },
    /// The daemon refused.
    Refused(Answer),
}

impl Docker {
    /// Prepares a command inside a container. Returns the id under which it is run, or the daemon's refusal.
    ///
    /// # Errors
    /// [`DockerError`] when there is no answer.
    pub async fn prepare_exec(&self, query: &ExecQuery) -> Result<Result<String, Answer>, DockerError> {
        let mut config = query.config.clone();
        config["AttachStdout"] = json!(true);
        config["AttachStderr"] = json!(true);
        let create = RequestParts::new(Method::POST, "/containers/{}/exec").segment(&query.id).json(config);
        let created = self.call(&create).await?;
        Ok(created.text_field("Id").filter(|_| created.is_success()).ok_or(created))
    }

    /// Runs the command that was prepared under `id`, and waits for its end.
    ///
    /// # Errors
    /// [`DockerError`] when there is no answer.
    pub async fn run_exec(&self, id: &str) -> Result<Executed, DockerError> {
        let start = json!({"Detach": false, "Tty": false});
        let output = self.fetch(&RequestParts::new(Method::POST, "/exec/{}/start").segment(id).json(start)).await?;
        if output.status != 200 {
            return Ok(Executed::Refused(output.into_answer()));
        }
        let ended = self.fetch(&RequestParts::new(Method::GET, "/exec/{}/json").segment(id)).await?;
        let ended: Value = serde_json::from_slice(&ended.body).unwrap_or_default();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        for (stream, payload) in frames(&output.body).unwrap_or_else(|| vec![(Channel::Stdout, &output.body)]) {
            if stream == Channel::Stderr { &mut stderr } else { &mut stdout }.extend_from_slice(payload);
        }
        Ok(Executed::Ended { exit_code: ended["ExitCode"].as_i64().unwrap_or(-1), stdout, stderr })
    }
}
