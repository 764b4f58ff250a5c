//! Integration tests: real Redis servers, the real Docker daemons of the lab, and the real program.

mod support;

mod specification;
