//! Makes foreign text safe to display. Control characters could forge a line or control the
//! terminal; format characters could reverse the text.

use std::fmt::Write;

use domain::text_rules::{belongs, is_visible};

/// The largest number of characters that are shown.
const MAX_SHOWN: usize = 200;

/// Returns the text as one line of visible characters. Invisible ones are written as `\u{1b}`, and
/// a long text is cut with `…`. A joiner between letters that it joins is kept.
pub fn printable(text: &str) -> String {
    let end = text.char_indices().nth(MAX_SHOWN).map(|(end, _)| end);
    let mut shown = visible(text.get(..end.unwrap_or(text.len())).unwrap_or(text));
    if end.is_some() {
        shown.push('…');
    }
    shown
}

/// Returns the whole text as one line of visible characters.
pub fn visible(text: &str) -> String {
    // The fast path for most texts.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let is_shown = is_visible(c) || {
            let (before, after) = text.split_at(at);
            belongs(before, c, after.get(c.len_utf8()..).unwrap_or_default())
        };
        if is_shown { shown.push(c) } else { shown.extend(c.escape_unicode()) }
    }
    shown
}

/// Returns a line of JSON with the same meaning and only visible characters. JSON is ASCII outside
/// of strings, and inside them `\u` can stand for any character.
pub fn visible_json(line: &str) -> String {
    let mut visible = String::with_capacity(line.len());
    for c in line.chars() {
        if is_visible(c) {
            visible.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(visible, "\\u{unit:04x}");
            }
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    const HOSTILE: &str =
        "\r\n\u{1b}[2J\u{7f}\u{9b}31m\u{ad}\u{200b}\u{202e}\u{2028}\u{2066}\u{feff}\u{e0041}";

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in ["", "chef_mario", "José’s «Küche» 厨房 🍕"] {
            assert_eq!(printable(text), text);
            assert_eq!(visible_json(text), text);
        }
        for joined in ["علی\u{200c}رضا", "ශ්\u{200d}රී", "👩\u{200d}🍳", "❤\u{fe0f}"] {
            assert_eq!(printable(joined), joined);
        }
        assert_eq!(printable("a\u{200c}b"), "a\\u{200c}b");
    }

    #[test]
    fn what_is_not_visible_is_shown_by_its_number() {
        let shown = printable(HOSTILE);
        assert!(shown.chars().all(is_visible), "{shown}");
        assert!(shown.starts_with("\\u{d}\\u{a}\\u{1b}[2J\\u{7f}\\u{9b}31m"), "{shown}");
        assert_eq!(visible(HOSTILE), shown);
    }

    #[test]
    fn long_text_is_cut() {
        let shown = printable(&"é".repeat(5_000));
        assert_eq!((shown.chars().count(), shown.ends_with("é…")), (MAX_SHOWN + 1, true));
        assert_eq!(printable(&"é".repeat(MAX_SHOWN)).chars().count(), MAX_SHOWN);
        assert_eq!(visible(&"é".repeat(5_000)).chars().count(), 5_000);
    }

    #[test]
    fn a_long_text_takes_no_longer_than_its_length() {
        // The body of a dead letter may have megabytes.
        let started = Instant::now();
        for c in ['\u{e0067}', '\u{200d}', '\u{200c}', '\u{fe0f}', '\u{301}'] {
            assert!(visible(&c.to_string().repeat(100_000)).len() >= 100_000);
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }

    #[test]
    fn json_keeps_its_meaning() {
        let line = serde_json::json!({"text": HOSTILE}).to_string();
        let visible = visible_json(&line);
        assert!(visible.chars().all(is_visible), "{visible}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&visible).unwrap()["text"], HOSTILE);
    }
}
