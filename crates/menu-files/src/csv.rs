//! Files in CSV (RFC 4180): the names of the fields in the first row, one entry in each other row.
//!
//! An empty cell leaves a field out. A list has spaces between its texts. A row that begins with
//! `#` is a comment.

mod rows;

use domain::record::{FieldKind, Record, Value};

use self::rows::Row;
use crate::MAX_ENTRIES;
use crate::entry::Entry;
use crate::error::{FileError, FileErrors};
use crate::raw::{self, Place, RawFault, RawFile};

/// Reads all entries of a text. A text without a row has none.
pub(crate) fn read<T: Entry>(text: &str) -> Result<Vec<T>, FileErrors> {
    let rows = rows::rows(text)?;
    let Some((header, rows)) = rows.split_first() else { return Ok(Vec::new()) };
    let columns = columns::<T>(header)?;
    if let Some(row) = rows.get(MAX_ENTRIES) {
        return Err(FileError::new(row.line, raw::too_many::<T>()).into());
    }
    let mut file = RawFile::default();
    for (entry, row) in rows.iter().enumerate() {
        if row.cells.len() != columns.len() {
            let (found, expected) = (row.cells.len(), columns.len());
            let detail = format!("has {found} cells, the first row has {expected}");
            file.faults.push(RawFault::new(Place::of_entry(entry), detail));
        }
        file.records.push(record::<T>(&columns, row));
    }
    raw::entries(file, |place| line(rows, place))
}

/// Whether a text has not even the names of the fields.
pub(crate) fn says_nothing(text: &str) -> bool {
    rows::rows(text).is_ok_and(|rows| rows.is_empty())
}

/// The line of a place.
pub(crate) fn line_of(text: &str, place: &Place) -> usize {
    let rows = rows::rows(text).unwrap_or_default();
    line(rows.get(1..).unwrap_or_default(), place)
}

/// The line of a place in the rows below the names of the fields.
fn line(rows: &[Row], place: &Place) -> usize {
    rows.get(place.entry).map_or(1, |row| row.line)
}

/// The fields of the columns.
fn columns<T: Entry>(header: &Row) -> Result<Vec<&'static str>, FileErrors> {
    if let [only] = header.cells.as_slice()
        && only.contains([';', '\t'])
    {
        return Err(FileError::new(header.line, "the columns must be separated by commas").into());
    }
    let mut columns = Vec::new();
    let mut errors = Vec::new();
    for name in &header.cells {
        match T::FIELDS.iter().find(|field| field.name == name) {
            None => errors.push(raw::unknown_word::<T>(name)),
            Some(field) if columns.contains(&field.name) => {
                errors.push(format!("the column '{name}' is there twice"));
            }
            Some(field) => columns.push(field.name),
        }
    }
    match FileErrors::of(&errors, |error| FileError::new(header.line, error)) {
        Some(errors) => Err(errors),
        None => Ok(columns),
    }
}

fn record<T: Entry>(columns: &[&'static str], row: &Row) -> Record {
    let mut record = Record::default();
    for (column, cell) in columns.iter().zip(&row.cells).filter(|(_, cell)| !cell.is_empty()) {
        let is_list = T::FIELDS.iter().any(|field| field.name == *column && field.kind == FieldKind::List);
        let value = if is_list {
            Value::List(cell.split_whitespace().map(str::to_owned).collect())
        } else {
            Value::Text(cell.clone())
        };
        record.set(column, value);
    }
    record
}

/// Writes a row of names, and one for each entry.
pub(crate) fn write<T: Entry>(entries: &[T]) -> String {
    let names: Vec<_> = T::FIELDS.iter().map(|field| field.name).collect();
    let mut text = names.join(",") + "\n";
    for entry in entries {
        text.push_str(&row::<T>(&entry.to_record()));
    }
    if entries.is_empty() {
        text.push('#');
        text.push_str(&row::<T>(&T::example()));
    }
    text
}

fn row<T: Entry>(record: &Record) -> String {
    let cell = |value: Option<&Value>| match value {
        None => String::new(),
        Some(Value::Text(text)) => quoted(text),
        Some(Value::List(list)) => quoted(&list.join(" ")),
    };
    let cells: Vec<_> = T::FIELDS.iter().map(|field| cell(record.get(field.name))).collect();
    cells.join(",") + "\n"
}

/// A text in quotes if it needs them.
fn quoted(text: &str) -> String {
    let is_special = |c| matches!(c, ',' | '"' | '\n' | '\r' | '#');
    let has_space_around = text.trim() != text;
    if text.contains(is_special) || has_space_around {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
