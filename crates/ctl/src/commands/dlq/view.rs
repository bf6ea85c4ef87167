//! Formats a dead letter: as a row of the table, as JSON, and as a page.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bus::dead_letters::{DeadLetter, OriginalRoute};
use logging::{printable, visible, visible_json};
use runtime::clock;
use serde_json::{Map, Value, json};

/// Bytes of a body that are encoded at a time; a multiple of three for base64.
const PIECE: usize = 48 << 10;
/// Bytes of a body that a page shows.
const MAX_SHOWN: usize = 64 << 10;

/// The head of the table.
pub fn head() -> String {
    line(["ID", "AGE", "SIZE", "ORDER", "ORIGIN", "REASON"].map(str::to_owned))
}

/// A row of the table. `now` is in seconds since 1970.
pub fn row(letter: &DeadLetter, now: u64) -> String {
    line([
        letter.id.to_string(),
        age(letter, now).unwrap_or_else(|| "-".to_owned()),
        letter.body.len().to_string(),
        order(letter).unwrap_or_else(|| "-".to_owned()),
        letter.origin.as_ref().map_or_else(|| "-".to_owned(), place),
        letter.reason.as_deref().map_or_else(|| "-".to_owned(), printable),
    ])
}

/// The widths are fixed, because rows are printed before the last one is known.
fn line([id, age, size, order, origin, reason]: [String; 6]) -> String {
    format!("{id:<16}  {age:>12}  {size:>7}  {order:<16}  {origin:<31}  {reason}")
}

/// The table's columns as an object.
pub fn summary(letter: &DeadLetter, now: u64) -> Map<String, Value> {
    let origin = letter.origin.as_ref().map(origin);
    [
        ("id", json!(letter.id.to_string())),
        ("since", json!(letter.since)),
        ("age_seconds", json!(age_seconds(letter, now))),
        ("reason", json!(letter.reason)),
        ("origin", json!(origin)),
        ("order_number", json!(letter.order_number)),
        ("size_bytes", json!(letter.body.len())),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// All of it as one JSON object, with `body`, or with `body_base64` if the body is not UTF-8. It is
/// produced in pieces, so that a large body is not copied again.
pub fn everything(letter: &DeadLetter, now: u64) -> impl Iterator<Item = String> {
    let mut all = summary(letter, now);
    all.insert("properties".to_owned(), letter.properties.clone().into());
    all.insert("headers".to_owned(), letter.headers.clone().into());
    let object = json_line(all);
    // The object continues with the body.
    let open = object.strip_suffix('}').unwrap_or_default();
    let (text, bytes) = match std::str::from_utf8(&letter.body) {
        Ok(text) => (text, [].as_slice()),
        Err(_) => ("", letter.body.as_slice()),
    };
    let name = if bytes.is_empty() { "body" } else { "body_base64" };
    let head = format!("{open},\"{name}\":\"");
    let encoded = bytes.chunks(PIECE).map(|piece| BASE64_STANDARD.encode(piece));
    std::iter::once(head).chain(pieces(text).map(in_quotes)).chain(encoded).chain(["\"}".to_owned()])
}

/// Splits a text into pieces.
fn pieces(mut rest: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (piece, later) = rest.split_at(rest.floor_char_boundary(PIECE));
        rest = later;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Escapes a text for the inside of a JSON string.
fn in_quotes(text: &str) -> String {
    let quoted = visible_json(&Value::from(text).to_string());
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or_default().to_owned()
}

/// JSON on one line of visible characters.
pub fn json_line(object: Map<String, Value>) -> String {
    visible_json(&Value::Object(object).to_string())
}

/// A page with all of it.
pub fn page(letter: &DeadLetter, now: u64) -> String {
    let unknown = || "unknown".to_owned();
    let since = letter.since.zip(age(letter, now)).map(|(since, age)| format!("{since} ({age} ago)"));
    let mut lines = vec![
        format!("id           {}", letter.id),
        format!("reason       {}", letter.reason.as_deref().map_or_else(unknown, visible)),
        format!("since        {}", since.unwrap_or_else(unknown)),
        format!("origin       {}", letter.origin.as_ref().map_or_else(unknown, place)),
        format!("order        {}", order(letter).unwrap_or_else(|| "none in the body".to_owned())),
    ];
    for (title, fields) in [("properties", &letter.properties), ("headers", &letter.headers)] {
        lines.push(format!("\n{title}{}", if fields.is_empty() { ": none" } else { "" }));
        lines.extend(fields.iter().map(|(name, value)| {
            let value = value.as_str().map_or_else(|| visible_json(&value.to_string()), visible);
            format!("  {}: {value}", visible(name))
        }));
    }
    let size = letter.body.len();
    let shown = match std::str::from_utf8(&letter.body) {
        Ok("") => {
            lines.push("\nbody: empty".to_owned());
            0
        }
        Ok(text) => {
            lines.push(format!("\nbody, {size} bytes"));
            let text = text.get(..text.floor_char_boundary(MAX_SHOWN)).unwrap_or_default();
            lines.extend(text.lines().map(visible));
            text.len()
        }
        Err(_) => {
            lines.push(format!("\nbody, {size} bytes, not UTF-8, in base64"));
            let bytes = letter.body.get(..MAX_SHOWN).unwrap_or(&letter.body);
            lines.push(BASE64_STANDARD.encode(bytes));
            bytes.len()
        }
    };
    if shown < size {
        let id = letter.id;
        lines.push(format!(
            "\n{} further bytes; all of them: restaurant-ctl dlq show --json {id}",
            size - shown
        ));
    }
    lines.join("\n")
}

/// Seconds since the message became a dead letter. `None` if it does not say when.
pub fn age_seconds(letter: &DeadLetter, now: u64) -> Option<u64> {
    let since = letter.since?.0.unix_timestamp();
    Some(u64::try_from(i64::try_from(now).ok()?.saturating_sub(since)).unwrap_or(0))
}

/// Exchange and key, for programs.
pub fn origin(OriginalRoute { exchange, routing_key }: &OriginalRoute) -> Value {
    json!({"exchange": exchange, "routing_key": routing_key})
}

/// Exchange and key, for people.
pub fn place(origin: &OriginalRoute) -> String {
    let exchange = if origin.exchange.is_empty() { "(default)" } else { &origin.exchange };
    format!("{} {}", printable(exchange), printable(&origin.routing_key))
}

/// The number of the order that the body is about, if there is one.
pub fn order(letter: &DeadLetter) -> Option<String> {
    letter.order_number.map(|number| number.to_string())
}

fn age(letter: &DeadLetter, now: u64) -> Option<String> {
    age_seconds(letter, now).map(|seconds| clock::readable(Duration::from_secs(seconds)))
}
