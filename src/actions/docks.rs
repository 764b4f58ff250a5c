//! `drain`, `undrain` and `label-dock`: what a dock is used for.

use serde_json::json;

use super::registration::hostname;
use super::{Context, Outcome};
use crate::bus::{Changed, persist};
use crate::protocol::{Answer, Failure, Fqdn, Standing};

pub(super) async fn drain(context: &Context<'_>) -> Result<Outcome, Failure> {
    stand(context, Standing::Drained).await
}

pub(super) async fn undrain(context: &Context<'_>) -> Result<Outcome, Failure> {
    stand(context, Standing::Active).await
}

pub(super) async fn label(context: &Context<'_>) -> Result<Outcome, Failure> {
    let dock = hostname(context)?;
    let labels = context.arguments.pairs("labels");
    tell(&dock, persist(|| context.bus.label_dock(&dock, &labels)).await?, &json!({"hostname": dock, "labels": labels}))
}

async fn stand(context: &Context<'_>, standing: Standing) -> Result<Outcome, Failure> {
    let dock = hostname(context)?;
    tracing::info!(%dock, ?standing, "standing changed");
    tell(
        &dock,
        persist(|| context.bus.set_standing(&dock, standing)).await?,
        &json!({"hostname": dock, "standing": standing}),
    )
}

fn tell(dock: &Fqdn, changed: Changed, body: &serde_json::Value) -> Result<Outcome, Failure> {
    match changed {
        Changed::Yes => Ok(Outcome::Answer(Answer::json(body))),
        Changed::Unknown => Err(Failure::unknown_dock(dock)),
        Changed::Unregistered => Err(Failure::dock_unregistered(dock)),
    }
}
