//! Entries of a menu file or a price file as texts, before they are checked.
//!
//! A file of any format becomes records, and each kind of entry parses itself from one. So every
//! format has the same rules, and a fault names a field, for which the file knows the line.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What a field says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// One text, as it was written.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

/// The kind of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// One text.
    Text,
    /// A list of texts.
    List,
}

/// A field that entries of one kind may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in files and in JSON.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
}

/// The fields of one entry. A field that is not set has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    fields: BTreeMap<&'static str, Value>,
}

/// What is wrong with a field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field.
    pub field: &'static str,
    /// What is wrong, as a sentence that begins with the field.
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.detail)
    }
}

impl Record {
    /// Sets a field, and returns what it was.
    pub fn set(&mut self, field: &'static str, value: Value) -> Option<Value> {
        self.fields.insert(field, value)
    }

    /// Sets a field to a text.
    #[must_use]
    pub fn with(mut self, field: &'static str, text: &(impl ToString + ?Sized)) -> Self {
        self.set(field, Value::Text(text.to_string()));
        self
    }

    /// Sets a field to a text if there is one.
    #[must_use]
    pub fn with_some<T: ToString>(self, field: &'static str, text: Option<T>) -> Self {
        match text {
            Some(text) => self.with(field, &text),
            None => self,
        }
    }

    /// Sets a field to a list.
    #[must_use]
    pub fn with_list<T: ToString>(mut self, field: &'static str, list: impl IntoIterator<Item = T>) -> Self {
        let list = list.into_iter().map(|text| text.to_string()).collect();
        self.set(field, Value::List(list));
        self
    }

    /// What a field says, if it is set.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field)
    }
}

/// Reads the fields of a record and collects the faults. A method that returns `None` for a field
/// that is set has added its fault.
pub(crate) struct RecordReader<'a> {
    record: &'a Record,
    pub(crate) faults: Vec<Fault>,
}

impl<'a> RecordReader<'a> {
    pub(crate) fn of(record: &'a Record) -> Self {
        Self { record, faults: Vec::new() }
    }

    pub(crate) fn add(&mut self, field: &'static str, detail: impl fmt::Display) {
        self.faults.push(Fault { field, detail: detail.to_string() });
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.record.get(field).is_some()
    }

    /// The text of a field; `None` if it is not set or is a list.
    pub(crate) fn text(&mut self, field: &'static str) -> Option<&'a str> {
        match self.record.get(field)? {
            Value::Text(text) => Some(text),
            Value::List(_) => {
                self.add(field, "must be a single value, is a list");
                None
            }
        }
    }

    /// Adds a fault if the field is not set.
    pub(crate) fn require(&mut self, field: &'static str) {
        if !self.has(field) {
            self.add(field, "is required");
        }
    }

    /// Adds a fault for each of the fields that is set.
    pub(crate) fn forbid(&mut self, fields: &[&'static str], place: &str) {
        for field in fields {
            if self.has(field) {
                self.add(field, format_args!("must not be present in a {place}"));
            }
        }
    }

    /// Parses a field.
    pub(crate) fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, field: &'static str) -> Option<T> {
        let text = self.text(field)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(why) => {
                self.add(field, why);
                None
            }
        }
    }

    /// Parses a list.
    pub(crate) fn list<T, E: fmt::Display>(
        &mut self,
        field: &'static str,
        parse: impl FnOnce(&[&str]) -> Result<T, E>,
    ) -> Option<T> {
        let texts: Vec<&str> = match self.record.get(field)? {
            Value::List(texts) => texts.iter().map(String::as_str).collect(),
            Value::Text(_) => {
                self.add(field, "must be a list, is a single value");
                return None;
            }
        };
        match parse(&texts) {
            Ok(value) => Some(value),
            Err(why) => {
                self.add(field, why);
                None
            }
        }
    }

    /// Whether a switch is on.
    pub(crate) fn switch(&mut self, field: &'static str, default: bool) -> bool {
        match self.text(field) {
            None => default,
            Some("true") => true,
            Some("false") => false,
            Some(_) => {
                self.add(field, "must be true or false");
                default
            }
        }
    }

    /// A whole number up to a limit; 0 if it is not set.
    pub(crate) fn number(&mut self, field: &'static str, max: u16) -> u16 {
        let Some(text) = self.text(field) else { return 0 };
        let are_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| are_digits && *number <= max);
        if number.is_none() {
            self.add(field, format_args!("must be a whole number from 0 to {max}"));
        }
        number.unwrap_or_default()
    }

    /// The value, if no fault was found.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Fault>> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(self.faults),
        }
    }
}
