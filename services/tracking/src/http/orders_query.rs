//! The parameters of `GET /orders`.

use actix_web::web::Query;
use db::order_views::Filter;
use domain::timestamp::Timestamp;
use domain::{OrderStatus, OrderTypes};
use logging::printable;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Orders of a page, if the client does not say how many.
pub const DEFAULT_LIMIT: u16 = 50;
/// Most orders of a page.
pub const MAX_LIMIT: u16 = 100;
/// Longest text to search for, in characters.
pub const MAX_TEXT: usize = 100;
const NAMES: [&str; 7] = ["status", "type", "since", "until", "text", "limit", "cursor"];

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub filter: Filter,
    /// Only orders that were placed before it.
    pub until: Option<OffsetDateTime>,
}

/// Something that is wrong with a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub parameter: String,
    pub detail: String,
}

impl Violation {
    /// As a member of the problem's `errors`.
    pub fn json(&self) -> Value {
        json!({ "parameter": self.parameter, "detail": self.detail })
    }
}

/// Reads the parameters. `status` and `type` may list several values, with commas or by being there
/// more than once.
///
/// # Errors
/// All that is wrong.
pub fn parse(query: &str) -> Result<Asked, Vec<Violation>> {
    let wrong = |parameter: &str, detail: String| Violation { parameter: printable(parameter), detail };
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::from_query(query) else {
        return Err(vec![wrong("", "the parameters cannot be read".to_owned())]);
    };
    let mut violations = Vec::new();
    let mut filter = Filter { limit: DEFAULT_LIMIT, ..Filter::default() };
    let mut until = None;
    let mut types: Vec<&str> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in &pairs {
        let name = name.as_str();
        if seen.contains(&name) && !["status", "type"].contains(&name) {
            violations.push(wrong(name, "is there more than once".to_owned()));
            continue;
        }
        seen.push(name);
        let read = match name {
            "status" => statuses(value).map(|statuses| filter.statuses.extend(statuses)),
            "type" => {
                types.extend(value.split(','));
                Ok(())
            }
            "since" => moment(value).map(|since| filter.since = Some(since.0)),
            "until" => moment(value).map(|moment| until = Some(moment.0)),
            "text" => text(value).map(|text| filter.text = text),
            "limit" => limit(value).map(|limit| filter.limit = limit),
            "cursor" => cursor(value).map(|cursor| filter.before = Some(cursor)),
            _ => Err(format!("is no parameter; known are {}", NAMES.join(", "))),
        };
        violations.extend(read.err().map(|detail| wrong(name, detail)));
    }
    if !types.is_empty() {
        match OrderTypes::parse(&types) {
            Ok(types) => filter.types = types,
            Err(why) => violations.push(wrong("type", why.to_string())),
        }
    }
    if violations.is_empty() { Ok(Asked { filter, until }) } else { Err(violations) }
}

fn statuses(value: &str) -> Result<Vec<OrderStatus>, String> {
    value.split(',').map(|status| status.parse::<OrderStatus>().map_err(|why| why.to_string())).collect()
}

fn moment(value: &str) -> Result<Timestamp, String> {
    Timestamp::parse(value)
        .ok_or_else(|| "must be a moment such as 2026-11-30T00:00:00Z (with + as %2B)".to_owned())
}

fn text(value: &str) -> Result<Option<String>, String> {
    let value = value.trim();
    if value.chars().count() > MAX_TEXT || value.contains('\0') {
        return Err(format!("must be a text of at most {MAX_TEXT} characters"));
    }
    Ok((!value.is_empty()).then(|| value.to_owned()))
}

fn limit(value: &str) -> Result<u16, String> {
    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| format!("must be a number from 1 to {MAX_LIMIT}"))
}

fn cursor(value: &str) -> Result<i64, String> {
    value.parse().map_err(|_| "must be the next_cursor of a page".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use domain::OrderType;

    use super::*;

    #[test]
    fn each_parameter_is_read() {
        let Asked { filter, until } = parse("status=ready,cooking&status=received&type=delivery&since=2026-11-30T01:00:00%2B01:00&until=2026-12-01T00:00:00Z&text=%20J%C3%A4ne+Doe&limit=100&cursor=-7").unwrap();
        assert_eq!(filter.statuses, [OrderStatus::Ready, OrderStatus::Cooking, OrderStatus::Received]);
        assert!(filter.types.contains(OrderType::Delivery) && !filter.types.contains(OrderType::Takeout));
        assert_eq!(Timestamp(filter.since.unwrap()).to_string(), "2026-11-30T00:00:00.000Z");
        assert_eq!((filter.text.as_deref(), filter.limit, filter.before), (Some("Jäne Doe"), 100, Some(-7)));
        assert_eq!(Timestamp(until.unwrap()).to_string(), "2026-12-01T00:00:00.000Z");
        let Asked { filter: all, until } = parse("").unwrap();
        assert_eq!(until, None);
        assert_eq!((all.statuses.len(), all.limit, all.text), (0, 50, None));
        assert_eq!(all.types, OrderTypes::ALL);
    }

    #[test]
    fn all_that_is_wrong_is_said() {
        let long = format!("text={}", "x".repeat(101));
        for (query, parameter, part) in [
            ("status=raw", "status", "'raw'"),
            ("status=", "status", "unknown order status ''"),
            ("type=drone", "type", "'drone'"),
            ("since=yesterday", "since", "2026-11-30T00:00:00Z"),
            ("until=today", "until", "2026-11-30T00:00:00Z"),
            (&long, "text", "100"),
            ("text=%00", "text", "100"),
            ("limit=0", "limit", "1 to 100"),
            ("limit=101", "limit", "1 to 100"),
            ("limit=1&limit=2", "limit", "more than once"),
            ("cursor=x", "cursor", "next_cursor"),
            ("statuss=ready", "statuss", "known are status, type"),
        ] {
            let violations = parse(query).unwrap_err();
            assert_eq!(violations.len(), 1, "{query}");
            assert_eq!(violations[0].parameter, parameter);
            assert!(violations[0].detail.contains(part), "{violations:?}");
        }
        assert_eq!(parse("limit=0&cursor=x&status=raw").unwrap_err().len(), 3);
    }
}
