//! All code that speaks to a Docker daemon: one HTTP client, with bollard on top of it for typed work.

mod client;
mod connector;
mod events;
mod exec;
mod flow;
mod frames;
mod inventory;
mod labels;
mod lines;
mod logs;
mod options;
mod pull;
mod resources;
mod sampler;
mod stats;

pub use client::{Docker, DockerError, Method, Payload, RequestParts, escape};
pub use events::DaemonEvent;
pub use exec::{ExecQuery, Executed};
pub use flow::{Flow, FlowInput, FlowOutput, Opened, Way};
pub use inventory::{EngineFacts, epoch_seconds};
pub use labels::{CarriedLabels, OwnLabels};
pub use lines::Lines;
pub use logs::LogQuery;
pub use options::DockerOptions;
pub use pull::{Moved, pull_call, push_call};
pub use sampler::{Running, Sampled, Sampler, Samples};
pub use stats::{Reading, Stats, Work};
