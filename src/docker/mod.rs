//! All code that speaks to a Docker daemon: one HTTP client, with bollard on top of it for typed work.

mod client;
mod connector;
mod events;
mod inventory;
mod logs;
mod options;
mod pull;

pub use client::{Docker, DockerError, Method, RequestParts};
pub use events::ContainerEvent;
pub use inventory::EngineFacts;
pub use logs::LogQuery;
pub use options::DockerOptions;
