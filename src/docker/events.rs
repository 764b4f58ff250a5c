//! What happens to a daemon's containers, images, networks and volumes, as it tells it.

use std::collections::HashMap;

use bollard::models::{EventMessage, EventMessageTypeEnum};
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::{Stream, StreamExt};

use super::client::{Docker, DockerError, explain};
use crate::protocol::Resource;

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DaemonEvent {
    /// To the container with that full id.
    Changed(String),
    /// The process of the container with that full id has ended. The daemon tells that before its lists show it.
    Died(String),
    /// The container with that full id is gone.
    Destroyed(String),
    /// To something of that kind.
    Resource(Resource),
}

/// What Docker reports of a container, a network or a volume without anything about it having changed in the records.
const UNIMPORTANT: &[&str] = &[
    "exec_create",
    "exec_start",
    "exec_die",
    "exec_detach",
    "top",
    "resize",
    "attach",
    "detach",
    "connect",
    "disconnect",
    "mount",
    "unmount",
];

impl Docker {
    /// What has changed since `time`, in seconds of the daemon's clock, and changes from now on, until the daemon or
    /// the connection ends it. The daemon is asked only when the stream is first read: without a time, what happens
    /// until then is not told.
    ///
    /// # Errors
    /// [`DockerError`], here and in the stream.
    pub async fn watch(
        &self,
        time: Option<u64>,
    ) -> Result<impl Stream<Item = Result<DaemonEvent, DockerError>> + use<>, DockerError> {
        let filters = HashMap::from([("type", vec!["container", "image", "network", "volume"])]);
        let mut options = EventsOptionsBuilder::new().filters(&filters);
        if let Some(time) = time {
            options = options.since(&time.to_string());
        }
        let options = options.build();
        let bollard = self.bollard().await?;
        Ok(bollard.events(Some(options)).filter_map(async |event| match event {
            Err(error) => Some(Err(explain(error))),
            Ok(event) => read(event).map(Ok),
        }))
    }
}

fn read(event: EventMessage) -> Option<DaemonEvent> {
    let action = event.action.unwrap_or_default();
    // "exec_create: sh" and "health_status: healthy" carry details behind a colon.
    let verb = action.split(':').next().unwrap_or_default();
    if UNIMPORTANT.contains(&verb) {
        return None;
    }
    Some(match (event.typ?, verb) {
        // All that is told of an image without a name that is made of a container.
        (EventMessageTypeEnum::IMAGE, _) | (EventMessageTypeEnum::CONTAINER, "commit") => {
            DaemonEvent::Resource(Resource::Images)
        }
        (EventMessageTypeEnum::NETWORK, _) => DaemonEvent::Resource(Resource::Networks),
        (EventMessageTypeEnum::VOLUME, _) => DaemonEvent::Resource(Resource::Volumes),
        (EventMessageTypeEnum::CONTAINER, "destroy") => DaemonEvent::Destroyed(event.actor?.id?),
        (EventMessageTypeEnum::CONTAINER, "die") => DaemonEvent::Died(event.actor?.id?),
        (EventMessageTypeEnum::CONTAINER, _) => DaemonEvent::Changed(event.actor?.id?),
        _ => return None,
    })
}
