//! `register` and `unregister`: which docks take part. As specified, neither has a reply; a faulty one is told.

use super::{Context, Outcome};
use crate::bus::{Changed, persist};
use crate::protocol::{ErrorCode, Failure, Fqdn, Standing};

pub(super) async fn register(context: &Context<'_>) -> Result<Outcome, Failure> {
    let dock = hostname(context)?;
    persist(|| context.bus.register(&dock)).await?;
    tracing::info!(%dock, "registered");
    Ok(Outcome::Silent)
}

pub(super) async fn unregister(context: &Context<'_>) -> Result<Outcome, Failure> {
    let dock = hostname(context)?;
    if persist(|| context.bus.set_standing(&dock, Standing::Unregistered)).await? == Changed::Unknown {
        return Err(Failure::unknown_dock(&dock));
    }
    tracing::info!(%dock, "unregistered");
    Ok(Outcome::Silent)
}

/// The dock that the request names.
pub(super) fn hostname(context: &Context<'_>) -> Result<Fqdn, Failure> {
    let name = context.arguments.text("hostname").unwrap_or_default();
    Fqdn::new(name).map_err(|e| Failure::new(ErrorCode::BadField, format!("field `hostname` is not valid: {e}")))
}
