//! Parses the body with which somebody cancels an order.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json_body::{Location, Violations, readable};
use crate::place_order::Rejection;
use crate::text_rules;

#[derive(Deserialize)]
struct RawCancel<'a> {
    #[serde(borrow)]
    reason: Option<&'a RawValue>,
}

/// Why an order is cancelled: 1 to 200 characters, or nothing. The body may be empty.
///
/// # Errors
/// As [`crate::place_order::parse`].
pub fn parse(body: &[u8]) -> Result<Option<String>, Rejection> {
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let hint = "send a JSON object with reason, or nothing";
    let raw: RawCancel<'_> = readable(body, hint).map_err(Rejection::Malformed)?;
    let mut violations = Violations::default();
    let reason = match raw.reason {
        None => Some(None),
        Some(raw) => violations.text(Location::Field("reason"), Some(raw), text_rules::sentence).map(Some),
    };
    violations.judge(reason).map_err(Rejection::Invalid)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_sentence_or_nothing() {
        for nothing in ["", "  ", "{}", r#"{"reason": null}"#, r#"{"other": 1}"#] {
            assert_eq!(parse(nothing.as_bytes()).unwrap(), None, "{nothing}");
        }
        let reason = parse(r#"{"reason": "Der Gast ist gegangen 🚪"}"#.as_bytes()).unwrap();
        assert_eq!(reason.as_deref(), Some("Der Gast ist gegangen 🚪"));
        let longest = "x".repeat(200);
        assert_eq!(parse(format!(r#"{{"reason": "{longest}"}}"#).as_bytes()).unwrap(), Some(longest));
        for wrong in [r#""""#, r#""   ""#, r#""a\nb""#, "7", &format!("\"{}\"", "x".repeat(201))] {
            let body = format!(r#"{{"reason": {wrong}}}"#);
            let Err(Rejection::Invalid(violations)) = parse(body.as_bytes()) else { panic!("{wrong}") };
            assert!(violations[0].to_string().starts_with("/reason "), "{violations:?}");
        }
        for malformed in ["[]", "x", "7"] {
            assert!(matches!(parse(malformed.as_bytes()), Err(Rejection::Malformed(_))), "{malformed}");
        }
    }
}
