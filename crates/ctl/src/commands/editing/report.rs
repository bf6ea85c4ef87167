//! The words and the JSON for what changes.

use domain::record;
use menu_files::{Change, Difference, FieldChange};
use runtime::Console;
use serde_json::{Value, json};

/// Prints a line for each entry that changes.
pub fn print(difference: &Difference) {
    for line in difference.to_string().lines() {
        Console::new().print(line);
    }
}

/// How many entries change, in words.
pub fn counts(difference: &Difference) -> String {
    let count =
        |wanted: fn(&Change) -> bool| difference.changes.iter().filter(|(_, change)| wanted(change)).count();
    let added = count(|change| matches!(change, Change::Added));
    let changed = count(|change| matches!(change, Change::Changed(_)));
    let removed = count(|change| matches!(change, Change::Removed));
    format!("{added} added, {changed} changed, {removed} removed")
}

/// The changes as an object, with one more member.
pub fn json(difference: &Difference, name: &str, value: bool) -> Value {
    let ids = |wanted: &Change| -> Vec<&str> {
        let changes = difference.changes.iter().filter(|(_, change)| change == wanted);
        changes.map(|(id, _)| id.as_str()).collect()
    };
    let changed = difference.changes.iter().filter_map(|(id, change)| match change {
        Change::Changed(fields) => {
            Some(json!({"id": id, "fields": fields.iter().map(field).collect::<Vec<_>>()}))
        }
        Change::Added | Change::Removed => None,
    });
    json!({
        name: value,
        "added": ids(&Change::Added),
        "changed": changed.collect::<Vec<_>>(),
        "removed": ids(&Change::Removed),
    })
}

/// A field that was or is left out is null: it has its default.
fn field(change: &FieldChange) -> Value {
    let value = |value: &Option<record::Value>| match value {
        None => Value::Null,
        Some(record::Value::Text(text)) => json!(text),
        Some(record::Value::List(list)) => json!(list),
    };
    json!({"field": change.field, "old": value(&change.old), "new": value(&change.new)})
}

#[cfg(test)]
mod tests {
    use domain::MenuItem;
    use menu_files::{Format, difference, read};

    use super::*;

    fn items(text: &str) -> Vec<MenuItem> {
        read(Format::Yaml, text.as_bytes()).unwrap()
    }

    #[test]
    fn changes_are_counted_and_listed_by_kind() {
        let old =
            items("items: [{id: a, name: A, price: 1}, {id: b, name: B, price: 1, order_types: [takeout]}]");
        let new = items(
            "items: [{id: b, name: B, price: 2}, {id: c, name: C, price: 1}, {id: d, name: D, price: 1}]",
        );
        let difference = difference(&old, &new);
        assert_eq!(counts(&difference), "2 added, 1 changed, 1 removed");
        let fields = json!([
            {"field": "price", "old": "1.00", "new": "2.00"},
            {"field": "order_types", "old": ["takeout"], "new": null},
        ]);
        assert_eq!(
            json(&difference, "same", false),
            json!({"same": false, "added": ["c", "d"], "changed": [{"id": "b", "fields": fields}], "removed": ["a"]})
        );
    }
}
