//! Compares bodies by their value: two that say the same are the same, however they are written.

use std::collections::BTreeMap;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use serde_json::{Number, Value};

use crate::Fingerprint;

/// The longest number that is compared by its value, in characters, and its longest exponent. A
/// longer one is compared as it is written: to spell out its digits could take all time and memory.
const LONGEST_NUMBER: usize = 100;
const LONGEST_EXPONENT: i64 = 400;

/// Hashes the value of a JSON body. Blanks, the order of members and how a number is written make
/// no difference. A body whose value cannot be held, because it is nested too deeply or has a
/// broken escape, is hashed byte for byte.
pub fn value_fingerprint(body: &[u8]) -> Fingerprint {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Fingerprint::of(body) };
    let mut canonical = String::with_capacity(body.len());
    write(&value, &mut canonical);
    Fingerprint::of(canonical.as_bytes())
}

fn write(value: &Value, canonical: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => canonical.push_str(&value.to_string()),
        Value::Number(number) => canonical.push_str(&plain(number)),
        Value::Array(elements) => {
            canonical.push('[');
            for element in elements {
                write(element, canonical);
                canonical.push(',');
            }
            canonical.push(']');
        }
        Value::Object(members) => {
            canonical.push('{');
            for (name, member) in members.iter().collect::<BTreeMap<_, _>>() {
                canonical.push_str(&Value::from(name.as_str()).to_string());
                canonical.push(':');
                write(member, canonical);
                canonical.push(',');
            }
            canonical.push('}');
        }
    }
}

/// The same text for the same number.
fn plain(number: &Number) -> String {
    let text = number.to_string();
    if text.len() > LONGEST_NUMBER {
        return text;
    }
    match BigDecimal::from_str(&text) {
        Ok(exact) if exact.fractional_digit_count().abs() <= LONGEST_EXPONENT => {
            exact.normalized().to_plain_string()
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same(one: &str, other: &str) -> bool {
        value_fingerprint(one.as_bytes()) == value_fingerprint(other.as_bytes())
    }

    #[test]
    fn how_a_value_is_written_makes_no_difference() {
        assert!(same(r#"{"a": 25.50, "b": ["x", null]}"#, "{\"b\":[\"\\u0078\",null],\n\"a\":25.5}"));
        assert!(same("[100]", "[1e2]"));
        assert!(same("[0]", "[0.000]"));
    }

    #[test]
    fn another_value_is_another_one() {
        for (one, other) in [
            ("[1]", "[2]"),
            ("[1]", r#"["1"]"#),
            ("[[1],2]", "[[1,2]]"),
            (r#"{"a":1}"#, r#"{"a":1,"b":null}"#),
            (r#"["a","b"]"#, r#"["b","a"]"#),
            ("[25.50]", "[25.05]"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn what_cannot_be_held_is_compared_by_its_bytes() {
        let deep = "[".repeat(1_000) + &"]".repeat(1_000);
        for body in [deep.as_str(), r#"{"a":"\ud800"}"#] {
            assert!(same(body, body) && !same(body, &format!("{body} ")), "{body}");
        }
    }

    #[test]
    fn a_number_of_a_billion_digits_is_not_spelled_out() {
        assert!(!same("[1e1000000000]", "[1e999999999]"));
        assert!(!same("[1e-1000000000]", "[0]"));
        let long = "9".repeat(250_000);
        assert!(same(&format!("[ {long}]"), &format!("[{long}]")));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = value_fingerprint(&body);
        }

        #[test]
        fn zeros_at_the_end_make_no_difference(cents in 0_u32..100_000, zeros in 0_usize..10) {
            let written = format!("[{}.{:02}]", cents / 100, cents % 100);
            let longer = format!("[{}.{:02}{}]", cents / 100, cents % 100, "0".repeat(zeros));
            prop_assert!(same(&written, &longer));
        }
    }
}
