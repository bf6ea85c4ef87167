//! Collects the violations of a body.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::Price;
use crate::money::ParseMoneyError;
use crate::price::ParsePriceError;
use crate::text_rules::TextFault;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Violation {
    /// JSON pointer (RFC 6901) to the offending part of the body.
    pub pointer: String,
    /// Describes the fault for people.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pointer, self.detail)
    }
}

/// A position in the body. Its JSON pointer is formatted only for a violation.
#[derive(Clone, Copy)]
pub(crate) enum Location {
    /// A field of the body.
    Field(&'static str),
    /// An element of a list in a field, by its index.
    Element(&'static str, usize),
    /// An item, by its index.
    Item(usize),
    /// A field of an item.
    ItemField(usize, &'static str),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "/{name}"),
            Self::Element(name, index) => write!(f, "/{name}/{index}"),
            Self::Item(index) => write!(f, "/items/{index}"),
            Self::ItemField(index, name) => write!(f, "/items/{index}/{name}"),
        }
    }
}

/// The violations found so far. A method that returns `None` has added its violation.
#[derive(Default)]
pub(crate) struct Violations(pub(crate) Vec<Violation>);

impl Violations {
    /// What was parsed, if nothing is wrong with the body.
    pub(crate) fn judge<T>(self, parsed: Option<T>) -> Result<T, Vec<Violation>> {
        parsed.filter(|_| self.0.is_empty()).ok_or(self.0)
    }

    pub(crate) fn add(&mut self, location: Location, detail: impl fmt::Display) {
        self.0.push(Violation { pointer: location.to_string(), detail: detail.to_string() });
    }

    pub(crate) fn present<'a>(
        &mut self,
        location: Location,
        raw: Option<&'a RawValue>,
    ) -> Option<&'a RawValue> {
        if raw.is_none() {
            self.add(location, "is required");
        }
        raw
    }

    pub(crate) fn required<T: DeserializeOwned>(
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

    pub(crate) fn text(
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

    pub(crate) fn integer<T: Copy + DeserializeOwned + PartialOrd + fmt::Display>(
        &mut self,
        location: Location,
        raw: Option<&RawValue>,
        min: T,
        max: T,
    ) -> Option<T> {
        let raw = self.present(location, raw)?;
        let number =
            serde_json::from_str::<T>(raw.get()).ok().filter(|number| (&min..=&max).contains(&number));
        if number.is_none() {
            self.add(location, format_args!("must be an integer between {min} and {max}"));
        }
        number
    }

    /// 0.01 to 999.99, as a JSON number: a string would invite clients that compute with floats.
    pub(crate) fn price(&mut self, location: Location, raw: Option<&RawValue>) -> Option<Price> {
        let raw = self.present(location, raw)?.get();
        if !raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            self.add(location, "must be a number between 0.01 and 999.99");
            return None;
        }
        match raw.parse::<Price>() {
            Ok(price) => Some(price),
            Err(ParsePriceError::Money(why @ ParseMoneyError::TooManyDecimals)) => {
                self.add(location, why);
                None
            }
            // JSON says that it is a number. `Money` fails to parse it only if its exponent is out
            // of range.
            Err(ParsePriceError::Money(_) | ParsePriceError::OutOfRange) => {
                self.add(location, ParsePriceError::OutOfRange);
                None
            }
        }
    }
}
