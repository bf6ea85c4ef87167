//! Formats log lines for the terminal.

use domain::ServiceName;
use logging::action;
use runtime::console::{Console, Style};

use crate::view::entry::{Entry, Line, harmless};

/// Wide enough for `10:30:15.123`.
const TIME_WIDTH: usize = 12;
/// Wide enough for `subscriber_1`.
const PREFIX_WIDTH: usize = 12;
/// The largest length of the rest of a line, in characters.
const TEXT_LIMIT: usize = 400;
/// Repeated every few seconds, and uninteresting as long as it is repeated.
const TOO_FREQUENT: [&str; 1] = [action::HEARTBEAT_SENT.as_str()];
/// Paths that only probes request.
const PROBES: [&str; 3] = ["/livez", "/readyz", "/health"];
/// Redundant: the sentence for people follows on a line of its own.
const SAID_TWICE: &str = action::NOTIFICATION_RECEIVED.as_str();
/// The start of that sentence.
const NOTIFICATION: &str = "Notification for order ";

/// The service that wrote a line.
#[derive(Clone, Debug)]
pub struct Speaker {
    /// The service's name, such as `chef_anna`.
    pub name: &'static str,
    /// What it does.
    pub service: ServiceName,
    /// Whether another service prints the same. Then the line is dimmed.
    pub echo: bool,
}

/// The formatted line, with the time at which it was written. `None` if it is not shown.
pub fn paint(console: Console, speaker: &Speaker, timestamp: &str, line: &Line) -> Option<String> {
    let text = match line {
        Line::Entry(entry) if is_noise(speaker.service, entry) => return None,
        Line::Plain(text) if text.trim().is_empty() => return None,
        Line::Entry(entry) => shown_entry(console, entry),
        Line::Plain(text) => shown_text(console, speaker, text),
    };
    let time = timestamp.split_once('T').map_or(timestamp, |(_, time)| time.trim_end_matches('Z'));
    let time = console.paint(Style::Dim, &format!("{time:TIME_WIDTH$}"));
    let name = console.paint(color(speaker), &format!("{:PREFIX_WIDTH$}", speaker.name));
    Some(format!("{time} {name} {text}").trim_end().to_owned())
}

fn shown_entry(console: Console, entry: &Entry) -> String {
    let mut text = shortened(&entry.text());
    if entry.level == "ERROR" {
        text = console.paint(Style::Red, &text);
    }
    match shortened(&entry.facts()) {
        facts if facts.is_empty() => text,
        facts => format!("{text}  {}", console.paint(Style::Dim, &facts)),
    }
}

fn shown_text(console: Console, speaker: &Speaker, text: &str) -> String {
    let style = match speaker.service {
        ServiceName::Notifier if text.starts_with(NOTIFICATION) && speaker.echo => Style::Dim,
        ServiceName::Notifier if text.starts_with(NOTIFICATION) => Style::Bold,
        // Any other text, most likely a panic.
        _ => Style::Yellow,
    };
    console.paint(style, &shortened(text))
}

fn color(speaker: &Speaker) -> Style {
    match speaker.service {
        ServiceName::Order => Style::Cyan,
        ServiceName::Kitchen => Style::Yellow,
        ServiceName::Tracking => Style::Blue,
        ServiceName::Notifier if speaker.echo => Style::Dim,
        ServiceName::Notifier => Style::Magenta,
    }
}

fn is_noise(service: ServiceName, entry: &Entry) -> bool {
    // Clients poll the status of their orders.
    let is_question = service == ServiceName::Tracking && entry.action == action::REQUEST_RECEIVED.as_str();
    let is_probe = || entry.facts().split([' ', '=']).any(|word| PROBES.contains(&word));
    entry.level == "DEBUG"
        && (is_question
            || TOO_FREQUENT.contains(&entry.action.as_str())
            || entry.action == SAID_TWICE
            || is_probe())
}

fn shortened(text: &str) -> String {
    let text = harmless(text);
    match text.char_indices().nth(TEXT_LIMIT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paint(service: ServiceName, line: &str) -> Option<String> {
        let speaker = Speaker { name: "chef_anna", service, echo: false };
        super::paint(Console::plain(), &speaker, "2024-12-16T10:30:15.123Z", &Line::parse(line))
    }

    fn json(level: &str, action: &str, rest: &str) -> String {
        format!(
            r#"{{"timestamp":"2024-12-16T10:30:15.123Z","level":"{level}","action":"{action}","message":"Said"{rest}}}"#
        )
    }

    #[test]
    fn an_entry_shows_time_name_message_and_facts() {
        let line = json("INFO", "x", r#","details":{"order_number":"ORD_1"},"duration_ms":3"#);
        assert_eq!(
            paint(ServiceName::Kitchen, &line).unwrap(),
            "10:30:15.123 chef_anna    Said  order_number=ORD_1 (3 ms)"
        );
        let line = json(
            "ERROR",
            "x",
            r#","error":{"msg":"no\u001b[2J","stack":"no\u001b[2J\ncaused by: why\u001b[2J"}"#,
        );
        assert_eq!(
            paint(ServiceName::Kitchen, &line).unwrap(),
            "10:30:15.123 chef_anna    Said: no\\u{1b}[2J: why\\u{1b}[2J"
        );
    }

    #[test]
    fn noise_is_left_out_unless_it_is_an_error() {
        assert_eq!(paint(ServiceName::Kitchen, &json("DEBUG", "heartbeat_sent", "")), None);
        assert_eq!(paint(ServiceName::Notifier, &json("DEBUG", "notification_received", "")), None);
        let probe = json("DEBUG", "request_received", r#","details":{"endpoint":"GET /readyz"}"#);
        assert_eq!(paint(ServiceName::Tracking, &probe), None);
        let question = json("DEBUG", "request_received", r#","details":{"endpoint":"GET /orders/X/status"}"#);
        assert_eq!(paint(ServiceName::Tracking, &question), None);
        assert!(paint(ServiceName::Order, &question).is_some());
        assert!(paint(ServiceName::Kitchen, &json("ERROR", "heartbeat_sent", "")).is_some());
    }

    #[test]
    fn long_lines_are_cut() {
        let line = paint(ServiceName::Notifier, &"é".repeat(1000)).unwrap();
        assert_eq!(line.chars().filter(|character| *character == 'é').count(), TEXT_LIMIT);
    }
}
