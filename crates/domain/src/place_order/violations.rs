//! Collects the violations of a body.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::Violation;
use crate::text_rules::TextFault;

/// A position in the body. Its JSON pointer is formatted only for a violation.
#[derive(Clone, Copy)]
pub(super) enum Location {
    /// A field of the order.
    Field(&'static str),
    /// An item, by its index.
    Item(usize),
    /// A field of an item.
    ItemField(usize, &'static str),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "/{name}"),
            Self::Item(index) => write!(f, "/items/{index}"),
            Self::ItemField(index, name) => write!(f, "/items/{index}/{name}"),
        }
    }
}

/// The violations found so far. A method that returns `None` has added its violation.
#[derive(Default)]
pub(super) struct Violations(pub(super) Vec<Violation>);

impl Violations {
    pub(super) fn add(&mut self, location: Location, detail: impl fmt::Display) {
        self.0.push(Violation { pointer: location.to_string(), detail: detail.to_string() });
    }

    pub(super) fn present<'a>(
        &mut self,
        location: Location,
        raw: Option<&'a RawValue>,
    ) -> Option<&'a RawValue> {
        if raw.is_none() {
            self.add(location, "is required");
        }
        raw
    }

    pub(super) fn required<T: DeserializeOwned>(
        &mut self,
        location: Location,
        raw: Option<&RawValue>,
        kind: &str,
    ) -> Option<T> {
        let raw = self.present(location, raw)?;
        match serde_json::from_str(raw.get()) {
            Ok(value) => Some(value),
            Err(why) if why.is_data() => {
                self.add(location, format_args!("must be {kind}"));
                None
            }
            // The outer parser skips strings without decoding them, so a broken escape is found
            // only here.
            Err(why) => {
                self.add(location, format_args!("must be {kind}: {why}"));
                None
            }
        }
    }

    pub(super) fn text(
        &mut self,
        location: Location,
        raw: Option<&RawValue>,
        rules: fn(&str) -> Vec<TextFault>,
    ) -> Option<String> {
        let text: String = self.required(location, raw, "a string")?;
        let faults = rules(&text);
        for fault in &faults {
            self.add(location, fault);
        }
        faults.is_empty().then_some(text)
    }

    pub(super) fn integer(
        &mut self,
        location: Location,
        raw: Option<&RawValue>,
        min: u8,
        max: u8,
    ) -> Option<u8> {
        let raw = self.present(location, raw)?;
        let number = serde_json::from_str::<u8>(raw.get()).ok().filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.add(location, format_args!("must be an integer between {min} and {max}"));
        }
        number
    }
}
