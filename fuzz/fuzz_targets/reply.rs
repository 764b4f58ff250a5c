//! Any answer of a daemon.
#![no_main]

#[path = "../../tests/integration/laws.rs"]
#[expect(dead_code, reason = "each target asks for its own law")]
mod laws;

use libfuzzer_sys::fuzz_target;

// The status in two bytes, then content type, date and body, each of the first two up to a byte 0xff.
fuzz_target!(|data: &[u8]| {
    let Some((status, rest)) = data.split_first_chunk() else { return };
    let mut parts = rest.splitn(3, |byte| *byte == 0xff);
    let mut header = || parts.next().and_then(|text| String::from_utf8(text.to_vec()).ok()).filter(|text| !text.is_empty());
    let (content_type, date) = (header(), header());
    laws::replying(u16::from_be_bytes(*status), content_type, date, parts.next().unwrap_or_default());
});
