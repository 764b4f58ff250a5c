//! Integration tests: real Redis servers, the real Docker daemons of the lab, and the real program.

mod laws;
mod processes;
mod proxy;
mod support;

mod actions;
mod architecture;
mod bad_input;
mod cli;
mod client;
mod cluster;
mod documentation;
mod faults;
mod help;
mod identity;
mod instances;
mod lists;
mod membership;
mod model;
mod model_world;
mod more_actions;
mod order;
mod placement;
mod properties;
mod raw_docker;
mod records;
mod recreate;
mod recreate_kept;
mod recreate_resumed;
mod resource_records;
mod resources;
mod schema;
mod specification;
mod takeover;
mod tls;
mod web;
