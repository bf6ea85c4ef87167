//! How a dead letter looks: as a row of the table, as JSON, as a page of its own.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bus::dead_letters::{DeadLetter, Origin};
use logging::{printable, visible, visible_json};
use serde_json::{Map, Value, json};

use crate::cluster::clock;

use std::time::Duration;

/// The head of the table.
pub fn head() -> String {
    line(["ID", "AGE", "SIZE", "ORDER", "ORIGIN", "REASON"].map(str::to_owned))
}

/// A line of the table; `now` in seconds since 1970.
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

/// Widths are fixed: the rows are shown as they come, before the last one is known.
fn line([id, age, size, order, origin, reason]: [String; 6]) -> String {
    format!("{id:<16}  {age:>12}  {size:>7}  {order:<16}  {origin:<31}  {reason}")
}

/// One object with what the table shows.
pub fn summary(letter: &DeadLetter, now: u64) -> Map<String, Value> {
    let origin = letter.origin.as_ref().map(origin);
    [
        ("id", json!(letter.id.to_string())),
        ("since", json!(letter.since)),
        ("age_seconds", json!(age_seconds(letter, now))),
        ("reason", json!(letter.reason)),
        ("origin", json!(origin)),
        ("order_number", json!(letter.order_number())),
        ("size_bytes", json!(letter.body.len())),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// One object with everything: `body`, or `body_base64` if that is not UTF-8.
pub fn everything(letter: &DeadLetter, now: u64) -> Map<String, Value> {
    let mut all = summary(letter, now);
    all.insert("properties".to_owned(), letter.properties.clone().into());
    all.insert("headers".to_owned(), letter.headers.clone().into());
    match std::str::from_utf8(&letter.body) {
        Ok(text) => all.insert("body".to_owned(), text.into()),
        Err(_) => all.insert("body_base64".to_owned(), BASE64_STANDARD.encode(&letter.body).into()),
    };
    all
}

/// JSON on one line that is safe to look at.
pub fn json_line(object: Map<String, Value>) -> String {
    visible_json(&Value::Object(object).to_string())
}

/// A page with everything.
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
    match std::str::from_utf8(&letter.body) {
        Ok("") => lines.push("\nbody: empty".to_owned()),
        Ok(text) => {
            lines.push(format!("\nbody, {} bytes", letter.body.len()));
            lines.extend(text.lines().map(visible));
        }
        Err(_) => {
            lines.push(format!("\nbody, {} bytes, not UTF-8, in base64", letter.body.len()));
            lines.push(BASE64_STANDARD.encode(&letter.body));
        }
    }
    lines.join("\n")
}

/// Seconds since it became a dead letter, if it says when.
pub fn age_seconds(letter: &DeadLetter, now: u64) -> Option<u64> {
    let since = letter.since?.0.unix_timestamp();
    Some(u64::try_from(i64::try_from(now).ok()?.saturating_sub(since)).unwrap_or(0))
}

/// Exchange and key, for programs.
pub fn origin(Origin { exchange, routing_key }: &Origin) -> Value {
    json!({"exchange": exchange, "routing_key": routing_key})
}

/// Exchange and key, for people.
pub fn place(origin: &Origin) -> String {
    let exchange = if origin.exchange.is_empty() { "(default)" } else { &origin.exchange };
    format!("{} {}", printable(exchange), printable(&origin.routing_key))
}

/// The order's number, if the body is about one.
pub fn order(letter: &DeadLetter) -> Option<String> {
    letter.order_number().map(|number| number.to_string())
}

fn age(letter: &DeadLetter, now: u64) -> Option<String> {
    age_seconds(letter, now).map(|seconds| clock::readable(Duration::from_secs(seconds)))
}
