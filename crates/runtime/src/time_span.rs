//! Parses time spans as people type them: `90s`, `30m`, `1h`, `2d`.

/// The number of seconds, at least 1. `None` if the text is not a time span.
pub fn seconds(text: &str) -> Option<u64> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = count.parse::<u64>().ok()?.checked_mul(unit)?;
    (seconds > 0 && seconds <= i64::MAX.unsigned_abs()).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit() {
        for (text, expected) in [("90s", 90), ("30m", 1_800), ("1h", 3_600), ("2d", 172_800)] {
            assert_eq!(seconds(text), Some(expected));
        }
        for text in ["", "h", "1", "0s", "-1h", "1w", "1é", "99999999999999999999d"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
