//! `container-logs`: the end of a log.

use super::verdict::judge;
use super::{Context, Outcome, Target};
use crate::docker::LogQuery;
use crate::protocol::Failure;
use crate::protocol::limits::LOG_LINES_DEFAULT;

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let arguments = context.arguments;
    let both = !arguments.has("stdout") && !arguments.has("stderr");
    let mut query = vec![
        ("stdout".to_owned(), (both || arguments.flag("stdout")).to_string()),
        ("stderr".to_owned(), (both || arguments.flag("stderr")).to_string()),
        ("tail".to_owned(), arguments.whole("tail").unwrap_or(LOG_LINES_DEFAULT).to_string()),
        ("timestamps".to_owned(), arguments.flag("timestamps").to_string()),
    ];
    for name in ["since", "until"] {
        query.extend(arguments.whole(name).map(|seconds| (name.to_owned(), seconds.to_string())));
    }
    let id = context.instance.unwrap_or_default().to_owned();
    let answer = context.docker.logs(&LogQuery { id, query }).await?;
    judge(answer, Target::Instance).map(Outcome::Answer)
}
