//! What is wrong with a text, in words for whoever wrote it.

use std::fmt;

use super::characters::is_mark;

/// Most nonspacing marks on one letter (UTS #39, 5.4).
pub(super) const MAX_MARKS: usize = 4;

/// Why a text is refused; `Display` is what the guest reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// Shorter or longer than allowed.
    #[error("must have {min} to {max} characters, has {actual}")]
    Length {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
        /// What it has.
        actual: usize,
    },
    /// Shorter than allowed.
    #[error("must have at least {min} characters, has {actual}")]
    TooShort {
        /// Fewest characters.
        min: usize,
        /// What it has.
        actual: usize,
    },
    /// Longer than allowed.
    #[error("must have at most {max} characters, has {actual}")]
    TooLong {
        /// Most characters.
        max: usize,
        /// What it has.
        actual: usize,
    },
    /// Nothing but white space.
    #[error("must not consist of spaces only")]
    OnlySpaces,
    /// Nothing by which it could be called.
    #[error("must have at least one letter or digit")]
    NoLetter,
    /// A character outside the allowed set.
    #[error("must contain only {allowed}, found {found}")]
    Character {
        /// The allowed set, for people.
        allowed: &'static str,
        /// The first offender.
        found: Found,
    },
}

/// A character that does not belong where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub(super) character: char,
    pub(super) reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Nowhere is it allowed.
    NotAllowed,
    /// It shows nothing, nor does it change its neighbours where it stands.
    Invisible,
    /// A mark that stands on nothing.
    NoBase,
    /// More marks than anybody could read.
    TooManyMarks,
}

impl fmt::Display for Found {
    /// The character if it can be shown, else its number, and what is wrong with it
    /// unless that is plain.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = u32::from(self.character);
        match self.reason {
            // As JSON and most languages write what a keyboard may have added.
            _ if matches!(self.character, '\t' | '\n' | '\r') => write!(f, "{:?}", self.character),
            Reason::NotAllowed if is_mark(self.character) => write!(f, "U+{code:04X}"),
            Reason::NotAllowed => write!(f, "'{}'", self.character),
            Reason::Invisible => write!(f, "U+{code:04X}, which shows nothing here"),
            Reason::NoBase => write!(f, "U+{code:04X}, a mark without its letter"),
            Reason::TooManyMarks => write!(f, "more than {MAX_MARKS} marks on one letter"),
        }
    }
}
