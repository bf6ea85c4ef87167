//! What is wrong with a file, and where.

use std::fmt;

/// Most errors of one file that are listed. The others are counted.
const MAX_LISTED: usize = 20;
/// Most characters of one error: it may repeat what the file says, at any length.
const MAX_DETAIL: usize = 300;

/// One error of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub detail: String,
}

/// The errors of a file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileErrors {
    /// The first 20. Never empty.
    pub errors: Vec<FileError>,
    /// How many more there are.
    pub more: usize,
}

impl FileError {
    pub(crate) fn new(line: usize, detail: impl fmt::Display) -> Self {
        let detail = detail.to_string();
        let cut = if detail.chars().nth(MAX_DETAIL).is_some() { "…" } else { "" };
        let shown: String = detail.chars().take(MAX_DETAIL).collect();
        Self { line, detail: format!("{shown}{cut}") }
    }
}

impl FileErrors {
    /// The errors for the first of some faults; `None` if there is no fault. `locate` is called for
    /// those that are listed only, since it may be slow.
    pub(crate) fn of<F>(faults: &[F], locate: impl Fn(&F) -> FileError) -> Option<Self> {
        let mut errors: Vec<_> = faults.iter().take(MAX_LISTED).map(locate).collect();
        errors.sort_by_key(|error| error.line);
        let more = faults.len() - errors.len();
        (!errors.is_empty()).then_some(Self { errors, more })
    }
}

impl From<FileError> for FileErrors {
    fn from(error: FileError) -> Self {
        Self { errors: vec![error], more: 0 }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.detail)
    }
}

/// One line for each error.
impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.errors.iter().enumerate() {
            write!(f, "{}{error}", if place == 0 { "" } else { "\n" })?;
        }
        match self.more {
            0 => Ok(()),
            1 => write!(f, "\nand 1 more error"),
            more => write!(f, "\nand {more} more errors"),
        }
    }
}

impl std::error::Error for FileErrors {}
