//! `list-docks`: the shared list of known docks, with the state of each.

use serde::Serialize;

use super::{Context, Outcome};
use crate::bus::persist;
use crate::protocol::{Answer, DockFacts, DockState, Failure, Fqdn, Standing, rfc3339};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    hostname: Fqdn,
    state: DockState,
    /// RFC 3339, by Redis's clock; null for a dock that was never seen.
    last_seen: Option<String>,
    /// When its worker last found the daemon up, written the same way; absent if it never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    daemon_seen: Option<String>,
    standing: Standing,
    #[serde(flatten)]
    facts: Option<DockFacts>,
}

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    let docks = persist(|| context.bus.docks()).await?;
    let rows: Vec<Row> = docks
        .into_iter()
        .map(|(hostname, dock)| {
            let labels = dock.record.labels();
            Row {
                hostname,
                state: dock.state,
                last_seen: dock.record.last_seen.map(rfc3339),
                daemon_seen: dock.record.daemon_seen.map(rfc3339),
                standing: dock.record.standing,
                facts: dock.record.facts.map(|facts| DockFacts { labels, ..facts }),
            }
        })
        .collect();
    Ok(Outcome::Answer(Answer::json(&rows)))
}
