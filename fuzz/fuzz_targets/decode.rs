//! Any fields of a stream entry.
#![no_main]

#[path = "../../tests/integration/laws.rs"]
#[expect(dead_code, reason = "each target asks for its own law")]
mod laws;

use libfuzzer_sys::fuzz_target;

// Without a byte 0xff, which no UTF-8 has, it is all the value of the field `json`; with it, names and values in turn.
fuzz_target!(|data: &[u8]| {
    let parts: Vec<Vec<u8>> = data.split(|byte| *byte == 0xff).map(<[u8]>::to_vec).collect();
    let fields = match parts.as_slice() {
        [json] => vec![(b"json".to_vec(), json.clone())],
        several => several
            .chunks(2)
            .map(|pair| (pair[0].clone(), pair.get(1).cloned().unwrap_or_default()))
            .collect(),
    };
    laws::decoding(&fields);
});
