//! `container-logs`: the end of a log, or all of it as it grows.

use super::streaming::has_terminal;
use super::verdict::judge;
use super::{Context, Outcome, Streaming, Subject, Target};
use crate::docker::{LogQuery, Method, RequestParts, Way};
use crate::protocol::Failure;
use crate::protocol::limits::LOG_LINES_DEFAULT;

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let arguments = context.arguments;
    let streams = arguments.flag("stream") || arguments.flag("follow");
    let tail = arguments.whole("tail").or_else(|| (!streams).then_some(LOG_LINES_DEFAULT));
    let both = !arguments.has("stdout") && !arguments.has("stderr");
    let mut query = vec![
        ("stdout".to_owned(), (both || arguments.flag("stdout")).to_string()),
        ("stderr".to_owned(), (both || arguments.flag("stderr")).to_string()),
        ("tail".to_owned(), tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string())),
        ("timestamps".to_owned(), arguments.flag("timestamps").to_string()),
    ];
    for name in ["since", "until"] {
        query.extend(arguments.whole(name).map(|seconds| (name.to_owned(), seconds.to_string())));
    }
    let id = context.instance.unwrap_or_default().to_owned();
    if streams {
        query.push(("follow".to_owned(), arguments.flag("follow").to_string()));
        let terminal = has_terminal(context).await?;
        let logs = RequestParts::new(Method::GET, "/containers/{}/logs").segment(&id).query(query);
        let streaming = Streaming::begin(context, &logs, Way::Down, Subject::Nothing).await?;
        return Ok(Outcome::streams(streaming.framed(!terminal)));
    }
    let answer = context.docker.logs(&LogQuery { id, query }).await?;
    judge(answer, Target::Instance).map(Outcome::Answer)
}
