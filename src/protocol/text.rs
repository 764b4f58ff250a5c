//! Text that somebody else wrote, made safe to show: a name, a label or an error must not move the cursor, reorder what
//! stands beside it or hide in it.

use std::borrow::Cow;
use std::fmt::Write;

/// What a hidden character is shown as.
const REPLACEMENT: char = '\u{fffd}';

/// Whether a character is not seen as itself: control characters, and those of format that reorder text (U+202E), break lines
/// or take no space. The source is Unicode's `Default_Ignorable_Code_Point` and `Bidi_Control`, without the selectors of
/// emoji.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The same text on one line, with nothing hidden in it: a space for each control character, `�` for the others.
pub fn plain(text: &str) -> Cow<'_, str> {
    replaced(text, |_| false)
}

/// The same with its lines and tabulators.
pub fn plain_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |c| matches!(c, '\n' | '\t'))
}

fn replaced(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_hidden(c) && !stays(c)) {
        return Cow::Borrowed(text);
    }
    let show = |c: char| match c {
        c if !is_hidden(c) || stays(c) => c,
        c if c.is_control() => ' ',
        _ => REPLACEMENT,
    };
    Cow::Owned(text.chars().map(show).collect())
}

/// JSON with what is hidden in its strings written as `\u…`: it means the same, and nothing in it acts on a terminal.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    escaped(json, |c| matches!(c, '\n' | '\t' | '\r'))
}

/// A line of a log, with what is hidden written as `\u…`, line breaks within it too.
pub fn escaped_line(line: &str) -> Cow<'_, str> {
    escaped(line, |_| false)
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_hidden(c) && !stays(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if !is_hidden(c) || stays(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind: escape, delete, C1's own escape, override, isolate, space without width, mark, line, tag.
    const HOSTILE: &str = "\u{1b}\u{7f}\u{9b}\u{202e}\u{2066}\u{200b}\u{200f}\u{2028}\u{feff}\u{61c}\u{e0041}";

    #[test]
    fn nothing_hidden_is_left() {
        for text in [plain(HOSTILE), plain_lines(HOSTILE), escaped_json(HOSTILE), escaped_line(HOSTILE)] {
            assert!(!text.chars().any(is_hidden), "{text:?}");
        }
        assert_eq!(plain("a\tb\nc\u{202e}d"), "a b c\u{fffd}d");
        assert_eq!(plain_lines("a\tb\nc\rd"), "a\tb\nc d");
        assert_eq!(escaped_line("a\nb"), "a\\u000ab");
    }

    #[test]
    fn what_people_write_stays() {
        for text in ["web-1", "Grüße, 世界", "שלום", "a ❤️ b", "e\u{301}", "₤ — …"] {
            for shown in [plain(text), plain_lines(text), escaped_json(text), escaped_line(text)] {
                assert_eq!(shown, text);
            }
        }
    }

    #[test]
    fn escaped_json_means_the_same() {
        let value = serde_json::json!({HOSTILE: [HOSTILE, "plain"]});
        for json in [value.to_string(), format!("{value:#}")] {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped_json(&json)).unwrap(), value);
        }
    }
}
