//! Writes a document that [`super::read`] and other programs read alike.

use domain::record::{Record, Value};

use crate::entry::Entry;

/// Writes a list of entries.
pub(crate) fn write<T: Entry>(entries: &[T]) -> String {
    let list = T::LIST;
    let lines: Vec<String> = if entries.is_empty() {
        let hint = format!(
            "# There are no {list}. One looks like this: remove the '[]' and the '#' in front of it."
        );
        let example = mapping::<T>(&T::example()).into_iter().map(|line| format!("#{line}"));
        [hint, format!("{list}: []")].into_iter().chain(example).collect()
    } else {
        let mappings = entries.iter().flat_map(|entry| mapping::<T>(&entry.to_record()));
        [format!("{list}:")].into_iter().chain(mappings).collect()
    };
    lines.join("\n") + "\n"
}

/// One entry: a line for each field.
fn mapping<T: Entry>(record: &Record) -> Vec<String> {
    let mut lines = Vec::new();
    for field in T::FIELDS {
        let value = match record.get(field.name) {
            None => continue,
            Some(Value::Text(text)) => scalar(text),
            Some(Value::List(list)) => {
                let texts: Vec<_> = list.iter().map(|text| scalar(text)).collect();
                format!("[{}]", texts.join(", "))
            }
        };
        let start = if lines.is_empty() { "  - " } else { "    " };
        lines.push(format!("{start}{}: {value}", field.name));
    }
    lines
}

/// A text as it is if YAML reads it so, else in single quotes, in which only a quote is special.
fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// Whether a text needs no quotes: letters and digits first, nothing that has a meaning in YAML,
/// and no word that means no value.
fn is_plain(text: &str) -> bool {
    let is_null = ["null", "Null", "NULL"].contains(&text);
    let is_inner =
        |c: char| c.is_alphanumeric() || matches!(c, ' ' | ',' | '-' | '_' | '.' | '/' | '(' | ')');
    let begins_well = text.starts_with(char::is_alphanumeric);
    begins_well && !text.ends_with(' ') && !is_null && text.chars().all(is_inner)
}
