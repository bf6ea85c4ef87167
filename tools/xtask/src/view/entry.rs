//! A line of a service's log.

use logging::{action, visible};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The fields of a JSON line that people want to see.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    /// RFC 3339, in UTC.
    pub timestamp: String,
    /// `DEBUG`, `INFO` or `ERROR`.
    pub level: String,
    /// The event, for programs.
    pub action: String,
    /// The event, in words.
    pub message: String,
    /// Further fields.
    #[serde(default)]
    pub details: Map<String, Value>,
    /// The duration, in milliseconds.
    pub duration_ms: Option<u64>,
    /// The error.
    pub error: Option<Failure>,
}

/// The error of an entry.
#[derive(Clone, Debug, Deserialize)]
pub struct Failure {
    /// Its text.
    pub msg: String,
    /// The text again, and each cause on a line of its own after `caused by:`.
    #[serde(default)]
    stack: String,
}

impl Failure {
    /// The causes, the nearest first. Only the first line of each is returned: a server's hint may
    /// follow it.
    fn causes(&self) -> impl Iterator<Item = &str> {
        self.stack.split("\ncaused by: ").skip(1).filter_map(|cause| cause.lines().next())
    }
}

impl Entry {
    /// `None` if the line is not a log line of ours.
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// The message, followed by the error and its causes, unless the message already contains them.
    pub fn text(&self) -> String {
        let mut text = self.message.clone();
        let Some(error) = &self.error else { return text };
        // A panic has a backtrace instead of causes.
        let causes = error.causes().filter(|_| self.action != action::PANIC.as_str());
        for reason in std::iter::once(error.msg.as_str()).chain(causes) {
            if !text.contains(reason) {
                text.push_str(": ");
                text.push_str(reason);
            }
        }
        text
    }

    /// The text of a failed attempt that will be repeated, and may repeat this text.
    pub fn complaint(&self) -> Option<String> {
        (self.level == "ERROR" && self.details.contains_key("retry_in_ms")).then(|| self.text())
    }

    /// The details that the message does not contain, as `key=value`.
    pub fn facts(&self) -> String {
        let known = |text: &str| text.len() > 2 && self.message.contains(text);
        let facts = self.details.iter().filter_map(|(key, value)| {
            let text = match value {
                Value::Null => return None,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (!known(&text)).then(|| format!("{key}={text}"))
        });
        let duration = self.duration_ms.map(|duration| format!("({duration} ms)"));
        facts.chain(duration).collect::<Vec<_>>().join(" ")
    }
}

/// A line of a log file.
#[derive(Clone, Debug)]
pub enum Line {
    /// A log line of ours.
    Entry(Box<Entry>),
    /// A notification, or the text of a panic.
    Plain(String),
}

impl Line {
    /// Parses a line.
    pub fn parse(line: &str) -> Self {
        Entry::parse(line).map_or_else(|| Self::Plain(line.to_owned()), |entry| Self::Entry(Box::new(entry)))
    }
}

/// Escapes characters that could forge a line, move the cursor or reverse the text. A tab becomes a
/// space.
pub fn harmless(text: &str) -> String {
    visible(&text.replace('\t', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"timestamp":"2024-12-16T10:30:15.123Z","level":"INFO","service":"order-service","hostname":"h",
        "request_id":"r","action":"order_received","message":"Order ORD_20241216_001 received",
        "details":{"order_number":"ORD_20241216_001","total_amount":24.98,"table":null},"duration_ms":7}"#;

    #[test]
    fn facts_do_not_repeat_the_message() {
        let entry = Entry::parse(LINE).unwrap();
        assert_eq!(entry.facts(), "total_amount=24.98 (7 ms)");
    }

    fn failed(action: &str, message: &str, msg: &str, stack: &str) -> String {
        let line = serde_json::json!({"timestamp": "2024-12-16T10:30:15.123Z", "level": "ERROR", "action": action,
            "message": message, "error": {"msg": msg, "stack": stack}});
        Entry::parse(&line.to_string()).unwrap().text()
    }

    #[test]
    fn an_error_is_told_with_its_causes_on_one_line() {
        let stack = "cannot reach the server\ncaused by: error connecting\ncaused by: Connection refused (os error 111)";
        assert_eq!(
            failed("x", "Not stored", "cannot reach the server", stack),
            "Not stored: cannot reach the server: error connecting: Connection refused (os error 111)"
        );
        let stack = "no rights\ncaused by: ERROR: permission denied\nHINT: grant it\ncaused by: db error";
        assert_eq!(
            failed("x", "Not stored", "no rights", stack),
            "Not stored: no rights: ERROR: permission denied: db error"
        );
    }

    #[test]
    fn nothing_is_told_twice() {
        assert_eq!(failed("x", "Not stored: disk full", "disk full", "disk full"), "Not stored: disk full");
        let stack = "cannot store: disk full\ncaused by: disk full\ncaused by: no space";
        assert_eq!(
            failed("x", "Not stored", "cannot store: disk full", stack),
            "Not stored: cannot store: disk full: no space"
        );
    }

    #[test]
    fn a_backtrace_is_no_cause() {
        let stack = "panicked at a.rs:1\ncaused by:    0: std::backtrace\n   1: main";
        assert_eq!(
            failed("panic", "A task ended", "panicked at a.rs:1", stack),
            "A task ended: panicked at a.rs:1"
        );
    }

    #[test]
    fn other_lines_are_not_entries() {
        for line in ["", "{}", "thread 'main' panicked", "Notification for order X", "[1]"] {
            assert!(Entry::parse(line).is_none(), "{line}");
        }
    }

    #[test]
    fn hostile_text_becomes_harmless() {
        assert_eq!(
            harmless("a\x1b[2Jb\nc\td\u{202e}\u{200b}\u{feff}\u{ad}\u{e0041}"),
            "a\\u{1b}[2Jb\\u{a}c d\\u{202e}\\u{200b}\\u{feff}\\u{ad}\\u{e0041}"
        );
        assert_eq!(harmless("Ünïcode Пицца 🍕"), "Ünïcode Пицца 🍕");
    }
}
