//! `update-container`: changes limits and restart policy.

use serde_json::Value;

use super::create_container::limits;
use super::verdict::{ask, judge};
use super::{Context, Outcome, Target, bounds, quota};
use crate::docker::{Method, RequestParts};
use crate::protocol::Failure;

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let mut body = limits(context.arguments)?;
    if let Some(memory) = context.arguments.whole("memory") {
        // With swap as much again, as a create with that memory has it; without it, Docker refuses to set a limit
        // where none was or to raise one.
        body.insert("MemorySwap".into(), Value::from(memory.saturating_mul(2)));
    }
    bounds::limit_pids(context, &mut body).await?;
    let counted = quota::change(context, &body).await?;
    let id = context.instance.unwrap_or_default();
    let update = RequestParts::new(Method::POST, "/containers/{}/update").segment(id).json(Value::Object(body));
    let answer = ask(context, &update).await;
    if let Some(counted) = counted {
        counted.settle(context).await;
    }
    judge(answer?, Target::Instance).map(Outcome::Answer)
}
