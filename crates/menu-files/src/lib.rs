//! The files of the menu and of the price rules: YAML and CSV, read, written and compared.
//!
//! Everything here is pure: bytes become entries, entries become text. A file becomes records of
//! texts first (`domain::record`); each kind of entry checks its own. So both formats have the same
//! rules, and every error names its line. `docs/menu.md` describes the files.

mod csv;
mod difference;
mod entry;
mod error;
mod format;
mod merging;
mod raw;
mod yaml;

pub use self::difference::{Change, Difference, FieldChange, difference};
pub use self::entry::Entry;
pub use self::error::{FileError, FileErrors};
pub use self::format::{Format, ParseFormatError};
pub use self::merging::check_merge;

/// The largest number of entries in one file.
pub const MAX_ENTRIES: usize = 10_000;

/// The largest file, in bytes. 10,000 items with long descriptions fit.
pub const MAX_BYTES: usize = 32 << 20;

/// Reads all entries of a file.
///
/// # Errors
/// Everything that is wrong with the file, each with its line. Nothing of such a file counts.
pub fn read<T: Entry>(format: Format, bytes: &[u8]) -> Result<Vec<T>, FileErrors> {
    let text = raw::text(bytes)?;
    match format {
        Format::Yaml => yaml::read(text),
        Format::Csv => csv::read(text),
    }
}

/// Whether a file has not even an empty list: it may have been cut, or its writer may have failed.
pub fn says_nothing(format: Format, bytes: &[u8]) -> bool {
    raw::text(bytes).is_ok_and(|text| match format {
        Format::Yaml => config::yaml::says_nothing(text),
        Format::Csv => csv::says_nothing(text),
    })
}

/// Writes entries so that [`read`] gives the same ones. Without any, it shows one commented
/// example.
pub fn write<T: Entry>(format: Format, entries: &[T]) -> String {
    match format {
        Format::Yaml => yaml::write(entries),
        Format::Csv => csv::write(entries),
    }
}

/// The line of a place in a text that was read.
fn line_of<T: Entry>(format: Format, text: &str, place: &raw::Place) -> usize {
    match format {
        Format::Yaml => yaml::line_of::<T>(text, place),
        Format::Csv => csv::line_of(text, place),
    }
}
