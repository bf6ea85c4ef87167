//! Entries of a file that are to stand beside others.

use std::collections::{HashMap, HashSet};

use domain::record::Value;

use crate::entry::Entry;
use crate::error::{FileError, FileErrors};
use crate::format::Format;
use crate::raw::{self, Place};

/// An entry that has what another one already has.
struct Clash {
    entry: usize,
    field: &'static str,
    detail: String,
}

/// Checks that entries of this file can be added to others, or replace those of their ids: what
/// must be unique stays so.
///
/// # Errors
/// Every entry that has the same as one that stays, with its line.
pub fn check_merge<T: Entry>(
    format: Format,
    bytes: &[u8],
    entries: &[T],
    others: &[T],
) -> Result<(), FileErrors> {
    let replaced: HashSet<&str> = entries.iter().map(Entry::id).collect();
    let stay: Vec<&T> = others.iter().filter(|other| !replaced.contains(other.id())).collect();
    let clashes: Vec<_> = T::UNIQUE.iter().flat_map(|field| clashes(field, entries, &stay)).collect();
    let text = raw::text(bytes)?;
    let locate = |clash: &Clash| {
        let place = Place::of_field(clash.entry, clash.field, 1);
        FileError::new(crate::line_of::<T>(format, text, &place), &clash.detail)
    };
    FileErrors::of(&clashes, locate).map_or(Ok(()), Err)
}

fn clashes<T: Entry>(field: &'static str, entries: &[T], others: &[&T]) -> Vec<Clash> {
    let text = |entry: &T| match entry.to_record().get(field) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let taken: HashMap<String, &str> =
        others.iter().filter_map(|other| Some((text(other)?, other.id()))).collect();
    let clash = |(index, entry): (usize, &T)| {
        let value = text(entry)?;
        let other = taken.get(&value)?;
        let value = value.escape_debug();
        let detail = format!("{} '{}': {field} '{value}' is taken by '{other}'", T::ONE, entry.id());
        Some(Clash { entry: index, field, detail })
    };
    entries.iter().enumerate().filter_map(clash).collect()
}
