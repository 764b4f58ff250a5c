//! `deblox schema`: what a request may be, for editors and programs.

/// Prints the JSON Schema of all requests.
pub(super) fn run() -> anyhow::Result<u8> {
    super::output::line(&format!("{:#}", crate::actions::schema()))?;
    Ok(0)
}
