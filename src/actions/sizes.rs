//! How much may be put into what stands in every list: labels above all, which containers take from there into each record.

use serde_json::{Map, Value};

use crate::protocol::limits::{LABEL_BYTES, LABELS, LABELS_BYTES, WORDS_BYTES};
use crate::protocol::quoted;

/// Checks labels.
///
/// # Errors
/// What they must be, in words that follow "it must be".
pub(super) fn check_labels(labels: &Map<String, Value>) -> Result<(), String> {
    if labels.len() > LABELS {
        return Err(format!("at most {LABELS} labels, not {}", labels.len()));
    }
    let (longest_name, longest_value) = LABEL_BYTES;
    let mut all = 0;
    for (name, value) in labels {
        let value = value.as_str().map_or(0, str::len);
        if name.len() > longest_name {
            return Err(format!("labels with names of at most {longest_name} bytes, unlike `{}…`", quoted(name)));
        }
        if value > longest_value {
            return Err(format!("labels with values of at most {longest_value} bytes: `{}` has {value}", quoted(name)));
        }
        all += name.len() + value;
    }
    if all > LABELS_BYTES {
        return Err(format!("labels of at most {LABELS_BYTES} bytes all together, not {all}"));
    }
    Ok(())
}

/// Checks a list of words, such as a command.
///
/// # Errors
/// As [`check_labels`].
pub(super) fn check_words(words: &Value) -> Result<(), String> {
    let size = |word: &Value| word.as_str().map_or(0, str::len) + 1;
    let all: usize = words.as_array().map_or_else(|| size(words), |words| words.iter().map(size).sum());
    if all > WORDS_BYTES {
        return Err(format!("at most {WORDS_BYTES} bytes all together, not {all}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(count: usize, value: usize) -> Map<String, Value> {
        (0..count).map(|number| (format!("l{number}"), json!("x".repeat(value)))).collect()
    }

    #[test]
    fn labels_are_few_and_short() {
        for good in [labels(0, 0), labels(256, 20), labels(3, 4096)] {
            assert_eq!(check_labels(&good), Ok(()));
        }
        for (bad, named) in [(labels(257, 0), "257"), (labels(1, 4097), "`l0` has 4097"), (labels(5, 4000), "together")]
        {
            let error = check_labels(&bad).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
        let long = Map::from_iter([("x".repeat(257), json!(""))]);
        assert!(check_labels(&long).unwrap_err().len() < 200);
        assert!(check_words(&json!(["x".repeat(WORDS_BYTES)])).is_err() && check_words(&json!(["sh", "-c"])).is_ok());
    }
}
