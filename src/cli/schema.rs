//! `deblox schema`: what a request may be, for editors and programs.

/// Prints the JSON Schema of all requests.
pub(super) fn run() -> u8 {
    println!("{:#}", crate::actions::schema());
    0
}
