//! Parses the body with which staff pause the intake.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json_body::{Location, Violations, readable};
use crate::place_order::Rejection;
use crate::text_rules;

/// The longest pause, in minutes: a day. Whoever closes for longer stops the service.
const MOST_MINUTES: u32 = 24 * 60;

/// A pause that the staff wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PauseRequest {
    /// How long: whole minutes, a day at most.
    pub lasting: Duration,
    /// What guests are told: 1 to 200 characters.
    pub message: String,
}

#[derive(Deserialize)]
struct RawPause<'a> {
    #[serde(borrow)]
    minutes: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

/// Parses and validates the body.
///
/// # Errors
/// As [`crate::place_order::parse`].
pub fn parse(body: &[u8]) -> Result<PauseRequest, Rejection> {
    let hint = "send a JSON object with minutes and message";
    let raw: RawPause<'_> = readable(body, hint).map_err(Rejection::Malformed)?;
    let mut violations = Violations::default();
    let minutes = violations.integer(Location::Field("minutes"), raw.minutes, 1, MOST_MINUTES);
    let message = violations.text(Location::Field("message"), raw.message, text_rules::sentence);
    let (minutes, message) = violations.judge(minutes.zip(message)).map_err(Rejection::Invalid)?;
    Ok(PauseRequest { lasting: Duration::from_mins(minutes.into()), message })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    fn broken(body: &str) -> Vec<String> {
        match parse(body.as_bytes()).unwrap_err() {
            Rejection::Malformed(why) => vec![why],
            Rejection::Invalid(violations) => violations.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_pause_has_minutes_and_a_sentence() {
        let pause =
            parse(r#"{"minutes": 5, "message": "Der Ofen ist aus, 5 Minuten 🍕"}"#.as_bytes()).unwrap();
        assert_eq!(pause.lasting, Duration::from_mins(5));
        assert_eq!(pause.message, "Der Ofen ist aus, 5 Minuten 🍕");
        assert!(parse(br#"{"minutes": 1440, "message": "x"}"#).is_ok());
        assert_eq!(broken("{}"), ["/minutes is required", "/message is required"]);
        for wrong in ["0", "-1", "1441", "1.5", "\"5\"", "true"] {
            let body = format!(r#"{{"minutes": {wrong}, "message": "x"}}"#);
            assert_eq!(broken(&body), ["/minutes must be an integer between 1 and 1440"], "{wrong}");
        }
        for wrong in ["", "   ", "a\\nb", "\\u202e", &"x".repeat(201)] {
            let body = format!(r#"{{"minutes": 5, "message": "{wrong}"}}"#);
            assert!(broken(&body)[0].starts_with("/message "), "{wrong}");
        }
        assert!(broken("[]")[0].contains("minutes and message"));
    }
}
