//! A file between its bytes and its entries.

use std::collections::HashMap;

use domain::record::{Record, Value};

use crate::entry::Entry;
use crate::error::{FileError, FileErrors};
use crate::{MAX_BYTES, MAX_ENTRIES};

/// Some editors write it in front of UTF-8 (U+FEFF). It is no part of the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text of a file, without a byte order mark.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, FileError> {
    if bytes.len() > MAX_BYTES {
        return Err(FileError::new(1, format_args!("the file is larger than {} MiB", MAX_BYTES >> 20)));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(FileError::new(1, "the file is UTF-16: save it as UTF-8"));
    }
    let text = std::str::from_utf8(bytes).map_err(|why| {
        let before = bytes.get(..why.valid_up_to()).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        FileError::new(line, "the file is not valid UTF-8 here: save it as UTF-8")
    })?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    match text.char_indices().find(|(_, c)| !is_text(*c)) {
        None => Ok(text),
        Some((place, c)) => {
            let line = text.get(..place).unwrap_or_default().split('\n').count();
            let detail = format_args!("the character U+{:04X} is no text: remove it", u32::from(c));
            Err(FileError::new(line, detail))
        }
    }
}

/// Whether YAML allows a character. Its parser refuses the others without a line.
fn is_text(c: char) -> bool {
    let is_break = matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    (is_break || !c.is_control()) && !matches!(c, BYTE_ORDER_MARK | '\u{fffe}' | '\u{ffff}')
}

/// A place within a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The entry, from 0.
    pub(crate) entry: usize,
    /// The field; `None`: the whole entry.
    pub(crate) field: Option<FieldPlace>,
}

/// A field of an entry, as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldPlace {
    pub(crate) name: String,
    /// Which of the fields of this name, from 1. A repeated one is a fault.
    pub(crate) occurrence: usize,
}

impl Place {
    pub(crate) fn of_entry(entry: usize) -> Self {
        Self { entry, field: None }
    }

    pub(crate) fn of_field(entry: usize, name: impl Into<String>, occurrence: usize) -> Self {
        Self { entry, field: Some(FieldPlace { name: name.into(), occurrence }) }
    }
}

/// A fault whose line is not looked up yet.
pub(crate) struct RawFault {
    pub(crate) place: Place,
    pub(crate) detail: String,
    /// The earlier entry with the same value, for a value that must be unique.
    earlier: Option<Place>,
}

impl RawFault {
    pub(crate) fn new(place: Place, detail: String) -> Self {
        Self { place, detail, earlier: None }
    }
}

/// The records of a file, and the faults that the format already found.
#[derive(Default)]
pub(crate) struct RawFile {
    pub(crate) records: Vec<Record>,
    pub(crate) faults: Vec<RawFault>,
}

/// Checks all records.
pub(crate) fn entries<T: Entry>(
    file: RawFile,
    line_of: impl Fn(&Place) -> usize,
) -> Result<Vec<T>, FileErrors> {
    let RawFile { records, mut faults } = file;
    let mut entries = Vec::new();
    for (index, record) in records.iter().enumerate() {
        match T::from_record(record) {
            Ok(entry) => entries.push(entry),
            Err(found) => {
                for fault in found {
                    // A field that is missing has no line of its own.
                    let place = match record.get(fault.field) {
                        Some(_) => Place::of_field(index, fault.field, 1),
                        None => Place::of_entry(index),
                    };
                    faults.push(RawFault::new(place, fault.to_string()));
                }
            }
        }
    }
    for field in T::UNIQUE {
        faults.extend(repeated(&records, field));
    }
    faults.sort_by_key(|fault| fault.place.entry);
    let locate = |fault: &RawFault| {
        let name = name::<T>(records.get(fault.place.entry), fault.place.entry);
        let earlier = fault.earlier.as_ref().map(|place| format!(" in line {}", line_of(place)));
        let detail = format!("{name}: {}{}", fault.detail, earlier.unwrap_or_default());
        FileError::new(line_of(&fault.place), detail)
    };
    match FileErrors::of(&faults, locate) {
        Some(errors) => Err(errors),
        None => Ok(entries),
    }
}

/// The entries whose field has the same text as that of an earlier one.
fn repeated(records: &[Record], field: &'static str) -> Vec<RawFault> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut faults = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let Some(Value::Text(text)) = record.get(field) else { continue };
        match seen.get(text.as_str()) {
            Some(first) => faults.push(RawFault {
                place: Place::of_field(index, field, 1),
                detail: format!("{field} '{}' is taken", text.escape_debug()),
                earlier: Some(Place::of_field(*first, field, 1)),
            }),
            None => _ = seen.insert(text, index),
        }
    }
    faults
}

/// How messages call an entry: by its id, or by its place if it has none.
fn name<T: Entry>(record: Option<&Record>, index: usize) -> String {
    match record.and_then(|record| record.get("id")) {
        Some(Value::Text(id)) => format!("{} '{}'", T::ONE, id.escape_debug()),
        _ => format!("{} {}", T::ONE, index + 1),
    }
}

/// What is wrong with a word that no entry may have.
pub(crate) fn unknown_word<T: Entry>(word: &str) -> String {
    let allowed: Vec<_> = T::FIELDS.iter().map(|field| field.name).collect();
    format!("unknown word '{}' (allowed: {})", word.escape_debug(), allowed.join(", "))
}

/// What is wrong with a file of too many entries.
pub(crate) fn too_many<T: Entry>() -> String {
    format!("the file has more than {MAX_ENTRIES} {}", T::LIST)
}
