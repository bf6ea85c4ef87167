//! Limits the length of a log line. Foreign data may have any size; a log disk has not.

use serde_json::Value;

/// The largest number of characters in a message, and in each text of `details`.
const MAX_TEXT: usize = 500;

/// The largest number of elements in a list of `details`: more than the rules that one order can
/// break.
const MAX_ELEMENTS: usize = 200;

/// The largest number of characters in one error's text. Texts of servers can be long, and their
/// end may say what to do.
const MAX_CAUSE: usize = 1_000;

/// The largest number of characters in a backtrace.
const MAX_TRACE: usize = 16_000;

/// The largest number of causes that are listed.
const MAX_CAUSES: usize = 16;

/// Cuts a message.
pub(crate) fn message(text: String) -> String {
    shortened(text, MAX_TEXT)
}

/// Cuts a field of `details`.
pub(crate) fn value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(shortened(text, MAX_TEXT)),
        Value::Array(mut elements) => {
            let rest = elements.len().saturating_sub(MAX_ELEMENTS);
            elements.truncate(MAX_ELEMENTS);
            let told = elements.into_iter().map(self::value);
            Value::Array(told.chain((rest > 0).then(|| Value::String(more(rest)))).collect())
        }
        Value::Object(fields) => {
            let told = fields.into_iter().take(MAX_ELEMENTS);
            Value::Object(told.map(|(name, field)| (shortened(name, MAX_TEXT), self::value(field))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// The error's text, and the chain of its causes, one per line.
pub(crate) fn causes(why: &dyn std::error::Error) -> (String, String) {
    let said = shortened(why.to_string(), MAX_CAUSE);
    let mut stack = said.clone();
    let mut cause = why.source();
    for _ in 0..MAX_CAUSES {
        let Some(deeper) = cause else { break };
        stack.push_str("\ncaused by: ");
        stack.push_str(&shortened(deeper.to_string(), MAX_CAUSE));
        cause = deeper.source();
    }
    (said, stack)
}

/// Cuts a backtrace. Its text comes from this program, so it may be longer.
pub(crate) fn trace(text: String) -> String {
    shortened(text, MAX_TRACE)
}

fn shortened(mut text: String, max: usize) -> String {
    // A text has at most as many characters as bytes.
    if text.len() > max
        && let Some((end, _)) = text.char_indices().nth(max)
    {
        let rest = text.get(end..).unwrap_or_default().chars().count();
        text.truncate(end);
        text.push_str(&more(rest));
    }
    text
}

fn more(rest: usize) -> String {
    format!("… ({rest} more)")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cut_texts_say_how_much_is_missing() {
        let long = "é".repeat(60_000);
        assert_eq!(message(long.clone()), format!("{}… (59500 more)", "é".repeat(500)));
        assert_eq!(message("é".repeat(500)), "é".repeat(500));
        let cut =
            value(json!({"texts": [long.clone(), 7, null], long.as_str(): long, "many": vec![0; 1_000]}));
        assert_eq!(
            cut["texts"][0].as_str().map(|text| text.chars().count()),
            Some(500 + "… (59500 more)".chars().count())
        );
        assert_eq!((&cut["texts"][1], &cut["many"][200]), (&json!(7), &json!("… (800 more)")));
        assert!(cut.to_string().len() < 10_000, "{}", cut.to_string().len());
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{said}")]
    struct Deep {
        said: String,
        source: Option<Box<Deep>>,
    }

    #[test]
    fn neither_a_long_error_nor_a_long_chain_makes_a_long_line() {
        let chain =
            (0..1_000).fold(None, |source, _| Some(Box::new(Deep { said: "x".repeat(60_000), source })));
        let (said, stack) = causes(&*chain.unwrap());
        assert!(said.ends_with("x… (59000 more)"), "{said}");
        assert_eq!(stack.lines().count(), 1 + MAX_CAUSES);
        assert!(stack.len() < 20_000, "{}", stack.len());
    }
}
