//! Parses the bodies in which staff mark items, count stock, and bring some in.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::inventory::StockLeft;
use crate::json_body::{Location, Violations, readable};
use crate::menu::SoldOutUntil;
use crate::place_order::Rejection;
use crate::text_rules;

/// Who changes something if the body does not say.
pub const STAFF: &str = "staff";

/// The end of a mark as staff say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkEnd {
    /// The next midnight of the restaurant.
    EndOfDay,
    /// This end.
    Until(SoldOutUntil),
}

/// A body that marks an item as sold out. An empty one means the rest of the day.
///
/// # Errors
/// As [`crate::place_order::parse`].
pub fn parse_sold_out(body: &[u8]) -> Result<MarkEnd, Rejection> {
    if body.trim_ascii().is_empty() {
        return Ok(MarkEnd::EndOfDay);
    }
    let hint = "send a JSON object with until, or nothing for the rest of the day";
    let raw: RawEdit<'_> = readable(body, hint).map_err(Rejection::Malformed)?;
    let mut violations = Violations::default();
    let location = Location::Field("until");
    let end = raw.until.map_or(Some(MarkEnd::EndOfDay), |raw| {
        let text: String = violations.required(location, Some(raw), "a string")?;
        if text == "end_of_day" {
            return Some(MarkEnd::EndOfDay);
        }
        let must_be = "must be 'end_of_day', 'further_notice', or a time such as 2026-12-31T23:00:00Z";
        text.parse().map(MarkEnd::Until).map_err(|_| violations.add(location, must_be)).ok()
    });
    violations.judge(end).map_err(Rejection::Invalid)
}

/// A change of an item's stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockEdit<Change> {
    /// What is wanted.
    pub change: Change,
    /// Who wants it.
    pub changed_by: String,
}

/// A body that says how much is left; `null`: the item is unlimited.
///
/// # Errors
/// As [`crate::place_order::parse`].
pub fn parse_left(body: &[u8]) -> Result<StockEdit<Option<StockLeft>>, Rejection> {
    let hint = "send a JSON object with left: a number, or null for unlimited";
    let raw: RawEdit<'_> = readable(body, hint).map_err(Rejection::Malformed)?;
    let mut violations = Violations::default();
    let location = Location::Field("left");
    let left = match raw.left {
        None => {
            violations.add(location, "is required: a number, or null for unlimited");
            None
        }
        Some(None) => Some(None),
        Some(Some(raw)) => {
            let most = i64::from(StockLeft::MAX);
            violations.integer(location, Some(raw), 0, most).map(|left| StockLeft::try_from(left).ok())
        }
    };
    let changed_by = raw.changed_by(&mut violations);
    let (change, changed_by) = violations.judge(left.zip(changed_by)).map_err(Rejection::Invalid)?;
    Ok(StockEdit { change, changed_by })
}

/// A body that brings in pieces.
///
/// # Errors
/// As [`crate::place_order::parse`].
pub fn parse_restock(body: &[u8]) -> Result<StockEdit<u32>, Rejection> {
    let hint = "send a JSON object with quantity";
    let raw: RawEdit<'_> = readable(body, hint).map_err(Rejection::Malformed)?;
    let mut violations = Violations::default();
    let quantity = violations.integer(Location::Field("quantity"), raw.quantity, 1, StockLeft::MAX);
    let changed_by = raw.changed_by(&mut violations);
    let (change, changed_by) = violations.judge(quantity.zip(changed_by)).map_err(Rejection::Invalid)?;
    Ok(StockEdit { change, changed_by })
}

#[derive(Deserialize)]
#[expect(clippy::option_option, reason = "absent, null, and a value are three things")]
struct RawEdit<'a> {
    #[serde(borrow)]
    until: Option<&'a RawValue>,
    /// `Some(None)` is a `null`, which says something here.
    #[serde(borrow, default, deserialize_with = "even_null")]
    left: Option<Option<&'a RawValue>>,
    #[serde(borrow)]
    quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    changed_by: Option<&'a RawValue>,
}

#[expect(clippy::option_option, reason = "absent, null, and a value are three things")]
fn even_null<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<&'a RawValue>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl RawEdit<'_> {
    fn changed_by(&self, violations: &mut Violations) -> Option<String> {
        self.changed_by.map_or_else(
            || Some(STAFF.to_owned()),
            |raw| violations.text(Location::Field("changed_by"), Some(raw), text_rules::item_name),
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn left(body: &str) -> Result<Option<u32>, String> {
        let parsed = parse_left(body.as_bytes()).map(|edit| edit.change.map(StockLeft::get));
        parsed.map_err(|why| match why {
            Rejection::Malformed(why) => why,
            Rejection::Invalid(violations) => violations[0].to_string(),
        })
    }

    #[test]
    fn null_is_unlimited_and_nothing_is_a_mistake() {
        assert_eq!(left(r#"{"left": 20}"#), Ok(Some(20)));
        assert_eq!(left(r#"{"left": 0}"#), Ok(Some(0)));
        assert_eq!(left(r#"{"left": null}"#), Ok(None));
        assert_eq!(left("{}").unwrap_err(), "/left is required: a number, or null for unlimited");
        for wrong in ["-1", "1.5", "\"3\"", "1000000001", "true"] {
            let why = left(&format!(r#"{{"left": {wrong}}}"#)).unwrap_err();
            assert_eq!(why, "/left must be an integer between 0 and 1000000000", "{wrong}");
        }
    }

    #[test]
    fn pieces_come_in_by_whole_numbers_and_by_somebody() {
        let edit = parse_restock(br#"{"quantity": 5, "changed_by": "Anna"}"#).unwrap();
        assert_eq!(edit, StockEdit { change: 5, changed_by: "Anna".to_owned() });
        assert_eq!(parse_restock(br#"{"quantity": 1}"#).unwrap().changed_by, STAFF);
        for wrong in
            [r#"{"quantity": 0}"#, r#"{"quantity": -5}"#, r#"{"quantity": 1, "changed_by": ""}"#, "{}"]
        {
            assert!(parse_restock(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mark_ends_with_the_day_if_nothing_is_said() {
        assert_eq!(parse_sold_out(b""), Ok(MarkEnd::EndOfDay));
        assert_eq!(parse_sold_out(b"{}"), Ok(MarkEnd::EndOfDay));
        assert_eq!(parse_sold_out(br#"{"until": "end_of_day"}"#), Ok(MarkEnd::EndOfDay));
        let notice = parse_sold_out(br#"{"until": "further_notice"}"#);
        assert_eq!(notice, Ok(MarkEnd::Until(SoldOutUntil::FurtherNotice)));
        assert!(parse_sold_out(br#"{"until": "tomorrow"}"#).is_err());
        assert!(parse_sold_out(b"[]").is_err());
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (parse_sold_out(&body), parse_left(&body), parse_restock(&body));
        }
    }
}
