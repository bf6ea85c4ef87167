//! Reads the items of a body: a list of objects.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::object::{ParseObjectError, object};
use super::violations::{Location, Violations};

/// The items, 1 to `most`, each read by `item` from its place in the list. Those beyond the limit
/// are not validated: their faults would hide the important one.
pub(crate) fn items<T>(
    raw: Option<&RawValue>,
    most: usize,
    violations: &mut Violations,
    item: impl Fn(usize, &RawValue, &mut Violations) -> Option<T>,
) -> Option<Vec<T>> {
    let raw = violations.present(Location::Field("items"), raw)?;
    let Ok(raw_items) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
        violations.add(Location::Field("items"), "must be an array");
        return None;
    };
    let count = raw_items.len();
    if !(1..=most).contains(&count) {
        let detail = format_args!("must contain 1 to {most} items, has {count}");
        violations.add(Location::Field("items"), detail);
    }
    let within = raw_items.iter().take(most).enumerate();
    Some(within.filter_map(|(index, raw)| item(index, raw, violations)).collect())
}

/// The fields of an item. `members` are those that it should have.
pub(crate) fn item_object<'a, T: Deserialize<'a>>(
    index: usize,
    raw: &'a RawValue,
    members: &str,
    violations: &mut Violations,
) -> Option<T> {
    match object(raw.get()) {
        Ok(raw) => Some(raw),
        Err(ParseObjectError::OfKind(kind)) => {
            violations
                .add(Location::Item(index), format_args!("must be an object with {members}, is {kind}"));
            None
        }
        Err(ParseObjectError::Unreadable(why)) => {
            violations.add(Location::Item(index), format_args!("cannot be read: {why}"));
            None
        }
    }
}
