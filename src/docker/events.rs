//! What happens to containers, as the daemon tells it.

use std::collections::HashMap;

use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::{Stream, StreamExt};

use super::client::{Docker, DockerError, explain};

/// Something happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerEvent {
    /// Its full id.
    pub id: String,
    /// Whether it is gone.
    pub destroyed: bool,
}

/// What Docker reports of a container without anything about it having changed in the records.
const UNIMPORTANT: &[&str] =
    &["exec_create", "exec_start", "exec_die", "exec_detach", "top", "resize", "attach", "detach"];

impl Docker {
    /// Changes of containers from now on, until the daemon or the connection ends them.
    ///
    /// # Errors
    /// [`DockerError`], here and in the stream.
    pub async fn container_events(
        &self,
    ) -> Result<impl Stream<Item = Result<ContainerEvent, DockerError>> + use<>, DockerError> {
        let filters = HashMap::from([("type", vec!["container"])]);
        let options = EventsOptionsBuilder::new().filters(&filters).build();
        let bollard = self.bollard().await?;
        Ok(bollard.events(Some(options)).filter_map(async |event| match event {
            Err(error) => Some(Err(explain(error))),
            Ok(event) => {
                let action = event.action.unwrap_or_default();
                let id = event.actor?.id?;
                // "exec_create: sh" and "health_status: healthy" carry details behind a colon.
                let verb = action.split(':').next().unwrap_or_default();
                (!UNIMPORTANT.contains(&verb)).then(|| Ok(ContainerEvent { id, destroyed: verb == "destroy" }))
            }
        }))
    }
}
