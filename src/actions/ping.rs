//! `ping`: whether a worker is there, without asking its daemon.

use serde_json::json;

use super::{Context, Outcome};
use crate::protocol::Answer;

pub(super) fn run(context: &Context<'_>) -> Outcome {
    Outcome::Answer(Answer::json(&json!({
        "hostname": context.dock,
        "version": env!("CARGO_PKG_VERSION"),
    })))
}
