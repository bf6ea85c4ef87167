//! Which characters the texts of an order, and the names of workers, may contain. Characters are
//! Unicode scalar values. A text is validated and stored unchanged: nothing is normalised. Both
//! forms of an accented letter get the same verdict.
//!
//! The rules follow Unicode where it has them: categories and default-ignorable code points (UAX
//! #44), word characters beside letters and the places of joiners (UAX #31), emoji sequences (UAX
//! #29), and the largest number of marks on one letter (UTS #39).

mod characters;
mod contexts;
mod fault;

use icu_normalizer::DecomposingNormalizerBorrowed;

pub use self::characters::is_visible;
use self::characters::{
    NAME_PUNCTUATION, is_enclosing, is_letter_or_digit, is_mark, is_nonspacing, is_space,
};
pub use self::contexts::belongs;
pub use self::fault::{Found, TextFault};
use self::fault::{MAX_MARKS, Reason};

/// `customer_name`: 1 to 100 letters and marks of any script, digits, spaces,
/// hyphens and apostrophes.
pub fn customer_name(text: &str) -> Vec<TextFault> {
    let mut faults: Vec<_> = length(text, 1, 100).into_iter().collect();
    faults.extend(name_characters(text, "letters, digits, spaces, hyphens and apostrophes", is_of_a_name));
    faults
}

/// The name of a worker: as a customer's, but up to 64 characters, and also `_` and `.`, which
/// occur in host names.
pub fn worker_name(text: &str) -> Vec<TextFault> {
    let mut faults: Vec<_> = length(text, 1, 64).into_iter().collect();
    let is_allowed = |c| is_of_a_name(c) || matches!(c, '_' | '.');
    faults.extend(name_characters(
        text,
        "letters, digits, spaces, hyphens, apostrophes, '_' and '.'",
        is_allowed,
    ));
    faults
}

/// `item.name`: 1 to 50 characters, each of which is visible or belongs to a visible one.
pub fn item_name(text: &str) -> Vec<TextFault> {
    let mut faults: Vec<_> = length(text, 1, 50).into_iter().collect();
    faults.extend(only_spaces(text));
    faults.extend(first_offender(text, "printable characters", is_visible, |base| !is_space(base)));
    faults
}

/// The description of an item on the menu: at most 500 characters of those of an item name.
pub fn item_description(text: &str) -> Vec<TextFault> {
    const MAX: usize = 500;
    let actual = text.chars().count();
    let length = (actual > MAX).then_some(TextFault::TooLong { max: MAX, actual });
    let offender = first_offender(text, "printable characters", is_visible, |base| !is_space(base));
    length.into_iter().chain(only_spaces(text)).chain(offender).collect()
}

/// What the staff tells in a sentence, such as why the intake is paused or an order is cancelled: 1
/// to 200 characters of those of an item name.
pub fn sentence(text: &str) -> Vec<TextFault> {
    let mut faults: Vec<_> = length(text, 1, 200).into_iter().collect();
    faults.extend(only_spaces(text));
    faults.extend(first_offender(text, "printable characters", is_visible, |base| !is_space(base)));
    faults
}

/// `delivery_address`: 10 to 500 characters: those of an item name, tabs, and line breaks.
pub fn delivery_address(text: &str) -> Vec<TextFault> {
    const MIN: usize = 10;
    const MAX: usize = 500;
    let length = match text.chars().count() {
        actual if actual < MIN => Some(TextFault::TooShort { min: MIN, actual }),
        actual if actual > MAX => Some(TextFault::TooLong { max: MAX, actual }),
        _ => None,
    };
    let is_break = |c| matches!(c, '\n' | '\r' | '\t');
    let offender = first_offender(
        text,
        "printable characters, tabs and line breaks",
        |c| is_visible(c) || is_break(c),
        |base| !is_space(base) && !is_break(base),
    );
    length.into_iter().chain(only_spaces(text)).chain(offender).collect()
}

fn length(text: &str, min: usize, max: usize) -> Option<TextFault> {
    let actual = text.chars().count();
    (!(min..=max).contains(&actual)).then_some(TextFault::Length { min, max, actual })
}

fn only_spaces(text: &str) -> Option<TextFault> {
    (!text.is_empty() && text.chars().all(char::is_whitespace)).then_some(TextFault::OnlySpaces)
}

fn is_of_a_name(c: char) -> bool {
    is_letter_or_digit(c)
        || NAME_PUNCTUATION.iter().any(|(allowed, _)| *allowed == c)
        || is_mark(c) && is_visible(c) && !is_enclosing(c)
}

fn name_characters(text: &str, allowed: &'static str, is_allowed: impl Fn(char) -> bool) -> Vec<TextFault> {
    let mut faults: Vec<_> = only_spaces(text).into_iter().collect();
    let offender = first_offender(text, allowed, is_allowed, is_letter_or_digit);
    if offender.is_none() && faults.is_empty() && !text.is_empty() && !text.chars().any(is_letter_or_digit) {
        faults.push(TextFault::NoLetter);
    }
    faults.extend(offender);
    faults
}

/// The first character that is not allowed at its position. `may_carry` says which characters may
/// carry a mark.
fn first_offender(
    text: &str,
    allowed: &'static str,
    is_allowed: impl Fn(char) -> bool,
    may_carry: impl Fn(char) -> bool,
) -> Option<TextFault> {
    let fault = |character, reason| TextFault::Character { allowed, found: Found { character, reason } };
    let not_allowed = |c| fault(c, if is_visible(c) { Reason::NotAllowed } else { Reason::Invisible });
    if text.is_ascii() {
        // ASCII has no marks and no characters that depend on their neighbours.
        return text.bytes().map(char::from).find(|c| !is_allowed(*c)).map(not_allowed);
    }
    let (mut base, mut has_marks) = (None, false);
    for (at, c) in text.char_indices() {
        if is_allowed(c) {
            if !is_mark(c) {
                base = Some(c);
            } else if base.is_some_and(&may_carry) {
                has_marks = true;
            } else {
                return Some(fault(c, Reason::NoBase));
            }
        } else {
            let (before, after) = text.split_at(at);
            if is_visible(c) || !belongs(before, c, after.get(c.len_utf8()..).unwrap_or_default()) {
                return Some(not_allowed(c));
            }
        }
    }
    // Precomposed letters have few marks: only separate marks need counting.
    let crowded = if has_marks { crowded(text) } else { None };
    crowded.map(|mark| fault(mark, Reason::TooManyMarks))
}

/// The first mark beyond the limit, counted in NFD, where every mark is a separate character.
fn crowded(text: &str) -> Option<char> {
    let mut marks = 0;
    DecomposingNormalizerBorrowed::new_nfd().normalize_iter(text.chars()).find(|c| {
        marks = if is_nonspacing(*c) { marks + 1 } else { 0 };
        marks > MAX_MARKS
    })
}

#[cfg(test)]
mod tests;
