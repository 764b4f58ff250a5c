//! Any body of a create that a user sends.
#![no_main]

#[path = "../../tests/integration/reach.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod reach;

use libfuzzer_sys::fuzz_target;

// JSON as it is; anything else chooses how bodies that were tried by hand are laid over each other.
fuzz_target!(|data: &[u8]| {
    match std::str::from_utf8(data) {
        Ok(text) if text.starts_with('{') => reach::creating(text),
        _ => reach::creating(&reach::mutated(data)),
    };
});
