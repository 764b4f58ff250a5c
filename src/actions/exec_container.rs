//! `exec-container`: runs a command inside an instance, and waits for its end or streams.

use serde_json::json;

use super::verdict::{broken, judge};
use super::{Context, Outcome, Streaming, Subject, Target};
use crate::docker::{ExecQuery, Executed, Method, RequestParts, Way};
use crate::protocol::{Answer, Failure};

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let arguments = context.arguments;
    let env: Vec<String> = arguments.pairs("env").into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let terminal = arguments.flag("tty");
    let config = json!({
        "Tty": terminal,
        "AttachStdin": arguments.flag("stdin"),
        "Cmd": arguments.list("cmd"),
        "Env": env,
        "User": arguments.text("user").unwrap_or_default(),
        "WorkingDir": arguments.text("workdir").unwrap_or_default(),
        "DetachKeys": arguments.text("detach-keys").unwrap_or_default(),
        "Privileged": arguments.flag("privileged"),
    });
    let id = context.instance.unwrap_or_default().to_owned();
    let prepared = match context.docker.prepare_exec(&ExecQuery { id, config }).await? {
        Ok(prepared) => prepared,
        Err(answer) => return judge(answer, Target::Instance).map(Outcome::Answer),
    };
    if context.action.streams(arguments) {
        let start = RequestParts::new(Method::POST, "/exec/{}/start").segment(&prepared);
        let start = start.json(json!({"Detach": false, "Tty": terminal}));
        let streaming = Streaming::begin(context, &start, Way::Both, Subject::Exec(prepared)).await?;
        return Ok(Outcome::streams(streaming.framed(!terminal)));
    }
    context.admit().await?;
    match context.docker.run_exec(&prepared).await.map_err(broken)? {
        Executed::Refused(answer) => judge(answer, Target::Instance).map(Outcome::Answer),
        Executed::Ended { exit_code, stdout, stderr } => Ok(Outcome::Answer(Answer::json(&json!({
            "exitCode": exit_code,
            "stdout": String::from_utf8_lossy(&stdout),
            "stderr": String::from_utf8_lossy(&stderr),
        })))),
    }
}
