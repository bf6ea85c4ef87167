//! What would change if one list of entries took the place of another.

use std::collections::BTreeMap;
use std::fmt;

use domain::record::Value;

use crate::entry::Entry;

/// The difference of two lists. The order of entries does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The changes, sorted by id.
    pub changes: Vec<(String, Change)>,
}

/// What becomes of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Only the new list has it.
    Added,
    /// Only the old list has it.
    Removed,
    /// Both have it, with other fields. Without one, the old entry could not be read.
    Changed(Vec<FieldChange>),
}

/// What becomes of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// The field.
    pub field: &'static str,
    /// What it said; `None`: it was left out, so it had its default.
    pub old: Option<Value>,
    /// What it says now.
    pub new: Option<Value>,
}

/// Compares two lists of entries, each with distinct ids.
pub fn difference<T: Entry>(old: &[T], new: &[T]) -> Difference {
    let by_id = |entries: &[T]| -> BTreeMap<String, T> {
        entries.iter().map(|entry| (entry.id().to_owned(), entry.clone())).collect()
    };
    let (mut old, new) = (by_id(old), by_id(new));
    let mut changes: BTreeMap<String, Change> = BTreeMap::new();
    for (id, entry) in new {
        let change = match old.remove(&id) {
            None => Change::Added,
            Some(before) if before == entry => continue,
            Some(before) => Change::Changed(changed_fields(&before, &entry)),
        };
        changes.insert(id, change);
    }
    changes.extend(old.into_keys().map(|id| (id, Change::Removed)));
    Difference { changes: changes.into_iter().collect() }
}

fn changed_fields<T: Entry>(old: &T, new: &T) -> Vec<FieldChange> {
    let (old, new) = (old.to_record(), new.to_record());
    let changed = |field| {
        let (old, new) = (old.get(field), new.get(field));
        (old != new).then(|| FieldChange { field, old: old.cloned(), new: new.cloned() })
    };
    T::FIELDS.iter().filter_map(|field| changed(field.name)).collect()
}

impl Difference {
    /// Whether both lists have the same entries.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// One line for each entry that changes: `+` added, `-` removed, `~` changed.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, change) in &self.changes {
            match change {
                Change::Added => writeln!(f, "+ {id}")?,
                Change::Removed => writeln!(f, "- {id}")?,
                Change::Changed(fields) if fields.is_empty() => writeln!(f, "~ {id}")?,
                Change::Changed(fields) => {
                    let fields: Vec<_> = fields.iter().map(ToString::to_string).collect();
                    writeln!(f, "~ {id}: {}", fields.join(", "))?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<Value>| match value {
            None => "default".to_owned(),
            Some(Value::Text(text)) => text.clone(),
            Some(Value::List(list)) => format!("[{}]", list.join(", ")),
        };
        write!(f, "{} {} -> {}", self.field, text(&self.old), text(&self.new))
    }
}
