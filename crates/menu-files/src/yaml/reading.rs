//! Reads a document, and finds the line of a fault.

use config::yaml;
use domain::record::{FieldKind, Record, Value};

use super::tags::Untagged;
use super::walk::{Document, Sink};
use crate::MAX_ENTRIES;
use crate::entry::Entry;
use crate::error::{FileError, FileErrors};
use crate::raw::{self, Place, RawFault, RawFile};

/// Reads all entries of a document.
pub(crate) fn read<T: Entry>(text: &str) -> Result<Vec<T>, FileErrors> {
    if yaml::says_nothing(text) {
        return Ok(Vec::new());
    }
    yaml::read(Untagged, text).map_err(|why| error(text, &why))?;
    let mut collector = Collector::<T>::new();
    yaml::read(Document { list: T::LIST, sink: &mut collector }, text).map_err(|why| error(text, &why))?;
    raw::entries(collector.file, |place| line_of::<T>(text, place))
}

/// An error of the parser, or of a value of another kind than the walk expects.
fn error(text: &str, why: &yaml::Error) -> FileError {
    let (line, reason) = yaml::line_and_reason(why);
    let has_tab = text.lines().nth(line.saturating_sub(1)).is_some_and(|line| line.contains('\t'));
    let hint = if has_tab { ". The line has a tab: YAML indents with spaces" } else { "" };
    FileError::new(line, format_args!("{reason}{hint}"))
}

/// The line of a place: the document is read once more, up to there. That keeps the first reading
/// simple, and happens for few faults only.
pub(crate) fn line_of<T: Entry>(text: &str, place: &Place) -> usize {
    let mut locator = Locator { place, next_entry: 0, occurrence: 0 };
    let stop = yaml::read(Document { list: T::LIST, sink: &mut locator }, text).err();
    stop.map_or(1, |why| yaml::line_and_reason(&why).0)
}

/// Collects records, and the faults of words.
struct Collector<T> {
    file: RawFile,
    /// The fields of the present entry so far, in the order of the document.
    names: Vec<String>,
    /// The field whose value comes next; `None` if that is to be skipped.
    field: Option<&'static str>,
    kind: std::marker::PhantomData<T>,
}

impl<T: Entry> Collector<T> {
    fn new() -> Self {
        Self { file: RawFile::default(), names: Vec::new(), field: None, kind: std::marker::PhantomData }
    }

    fn fault(&mut self, name: &str, occurrence: usize, detail: String) {
        let place = Place::of_field(self.file.records.len().saturating_sub(1), name, occurrence);
        self.file.faults.push(RawFault::new(place, detail));
    }
}

impl<T: Entry> Sink for Collector<T> {
    fn entry(&mut self) -> Result<(), String> {
        if self.file.records.len() == MAX_ENTRIES {
            return Err(raw::too_many::<T>());
        }
        self.file.records.push(Record::default());
        self.names.clear();
        Ok(())
    }

    fn field(&mut self, name: &str) -> Result<Option<FieldKind>, String> {
        let known = T::FIELDS.iter().find(|field| field.name == name);
        let occurrence = 1 + self.names.iter().filter(|other| *other == name).count();
        self.names.push(name.to_owned());
        if known.is_none() {
            self.fault(name, occurrence, raw::unknown_word::<T>(name));
        } else if occurrence > 1 {
            self.fault(name, occurrence, format!("{name} is there twice"));
        }
        let wanted = known.filter(|_| occurrence == 1);
        self.field = wanted.map(|field| field.name);
        Ok(wanted.map(|field| field.kind))
    }

    fn value(&mut self, value: Option<Value>) {
        let Some(name) = self.field else { return };
        match (value, self.file.records.last_mut()) {
            (Some(value), Some(record)) => _ = record.set(name, value),
            _ => self.fault(name, 1, format!("{name} has no value: give it one, or remove the word")),
        }
    }
}

/// Ends the walk at a place.
struct Locator<'a> {
    place: &'a Place,
    next_entry: usize,
    occurrence: usize,
}

impl Locator<'_> {
    /// What ends the walk. Nobody reads it.
    const HERE: &'static str = "here";

    fn is_in_entry(&self) -> bool {
        self.next_entry == self.place.entry + 1
    }
}

impl Sink for Locator<'_> {
    fn entry(&mut self) -> Result<(), String> {
        self.next_entry += 1;
        if self.is_in_entry() && self.place.field.is_none() { Err(Self::HERE.to_owned()) } else { Ok(()) }
    }

    fn field(&mut self, name: &str) -> Result<Option<FieldKind>, String> {
        let wanted = self.place.field.as_ref().filter(|field| self.is_in_entry() && field.name == name);
        if let Some(field) = wanted {
            self.occurrence += 1;
            if self.occurrence == field.occurrence {
                return Err(Self::HERE.to_owned());
            }
        }
        Ok(None)
    }

    fn value(&mut self, _: Option<Value>) {}
}
