//! `attach-container`: the streams of the process that an instance runs.

use super::streaming::has_terminal;
use super::{Context, Outcome, Streaming, Subject};
use crate::docker::{Method, RequestParts, Way};
use crate::protocol::Failure;

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let (arguments, id) = (context.arguments, context.instance.unwrap_or_default());
    let terminal = has_terminal(context).await?;
    let query = [
        ("stream", true),
        ("stdout", true),
        ("stderr", true),
        ("stdin", arguments.flag("stdin")),
        ("logs", arguments.flag("logs")),
    ];
    let attach = RequestParts::new(Method::POST, "/containers/{}/attach").segment(id);
    let keys = arguments.text("detach-keys").map(|keys| ("detachKeys", keys.to_owned()));
    let attach = attach.query(query.map(|(name, is)| (name, is.to_string())).into_iter().chain(keys));
    let streaming = Streaming::begin(context, &attach, Way::Both, Subject::Container(id.to_owned())).await?;
    Ok(Outcome::streams(streaming.framed(!terminal)))
}
