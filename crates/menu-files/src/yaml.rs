//! Files in YAML: a mapping with one list of mappings.

mod reading;
mod tags;
mod walk;
mod writing;

pub(crate) use self::reading::{line_of, read};
pub(crate) use self::writing::write;
