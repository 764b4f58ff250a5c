//! Integration tests: real Redis servers, the real Docker daemons of the lab, and the real program.

mod processes;
mod proxy;
mod support;

mod actions;
mod architecture;
mod bad_input;
mod cli;
mod documentation;
mod faults;
mod help;
mod identity;
mod membership;
mod placement;
mod records;
mod specification;
mod tls;
