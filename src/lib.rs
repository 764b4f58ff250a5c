//! deblox drives the Docker daemons of many hosts from anywhere, over Redis.
//!
//! ARCHITECTURE.md in the repository shows the way of a request through these modules; imports point
//! down only, in this order: cli, web, client, worker, auth, actions, docker, bus, metrics,
//! traces, secrets, protocol.

pub mod actions;
pub mod auth;
pub mod bus;
pub mod cli;
pub mod client;
pub mod docker;
pub mod metrics;
pub mod protocol;
pub mod secrets;
pub mod traces;
pub mod web;
pub mod worker;
