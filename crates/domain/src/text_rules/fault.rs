//! What is wrong with a text, in words for its author.

use std::fmt;

use super::characters::is_mark;

/// The largest number of nonspacing marks on one letter (UTS #39, 5.4).
pub(super) const MAX_MARKS: usize = 4;

/// Why a text is refused. `Display` is the text that the client reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// Shorter or longer than allowed.
    #[error("must have {min} to {max} characters, has {actual}")]
    Length {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
        /// The actual number.
        actual: usize,
    },
    /// Shorter than allowed.
    #[error("must have at least {min} characters, has {actual}")]
    TooShort {
        /// Fewest characters.
        min: usize,
        /// The actual number.
        actual: usize,
    },
    /// Longer than allowed.
    #[error("must have at most {max} characters, has {actual}")]
    TooLong {
        /// Most characters.
        max: usize,
        /// The actual number.
        actual: usize,
    },
    /// Nothing but white space.
    #[error("must not consist of spaces only")]
    OnlySpaces,
    /// No letter and no digit, so nobody could be called by it.
    #[error("must have at least one letter or digit")]
    NoLetter,
    /// A character outside the allowed set.
    #[error("must contain only {allowed}, found {found}")]
    Character {
        /// The allowed set, in words.
        allowed: &'static str,
        /// The first character outside the set.
        found: Found,
    },
}

/// A character that is not allowed at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub(super) character: char,
    pub(super) reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Not allowed anywhere.
    NotAllowed,
    /// Invisible, and without an effect on its neighbours.
    Invisible,
    /// A mark without a base character.
    NoBase,
    /// More marks than anyone could read.
    TooManyMarks,
}

impl fmt::Display for Found {
    /// Writes the character if it is visible, else its code point, and the reason unless it is
    /// obvious.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = u32::from(self.character);
        match self.reason {
            // Control characters that a keyboard may have added, written as in JSON and most
            // languages.
            _ if matches!(self.character, '\t' | '\n' | '\r') => write!(f, "{:?}", self.character),
            Reason::NotAllowed if is_mark(self.character) => write!(f, "U+{code:04X}"),
            Reason::NotAllowed => write!(f, "'{}'", self.character),
            Reason::Invisible => write!(f, "U+{code:04X}, which shows nothing here"),
            Reason::NoBase => write!(f, "U+{code:04X}, a mark without its letter"),
            Reason::TooManyMarks => write!(f, "more than {MAX_MARKS} marks on one letter"),
        }
    }
}
