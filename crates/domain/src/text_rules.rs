//! What the texts of an order, and names of workers, may contain. Characters are Unicode scalar values. A text is judged as it
//! is, and stored as it is: nothing is normalised, and both forms of an accented letter are judged alike.
//!
//! The rules are those of Unicode, as far as it has them: categories and default-ignorable code points (UAX #44), what belongs to
//! words beside letters and where joiners belong (UAX #31), how emoji join (UAX #29), how many marks fit on a letter (UTS #39).

mod characters;
mod contexts;

use std::fmt;

use icu_normalizer::DecomposingNormalizerBorrowed;

pub use self::characters::is_visible;
use self::characters::{
    NAME_PUNCTUATION, is_enclosing, is_letter_or_digit, is_mark, is_nonspacing, is_space,
};
pub use self::contexts::belongs;

/// Most nonspacing marks on one letter (UTS #39, 5.4).
const MAX_MARKS: usize = 4;

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
    character: char,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
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
    /// The character if it can be shown, else its number, and what is wrong with it unless that is plain.
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

/// `customer_name`: 1 to 100 letters and marks of any script, digits, spaces, hyphens and apostrophes.
pub fn customer_name(text: &str) -> Vec<TextFault> {
    let mut faults: Vec<_> = length(text, 1, 100).into_iter().collect();
    faults.extend(name_characters(text, "letters, digits, spaces, hyphens and apostrophes", is_of_a_name));
    faults
}

/// The name of a worker: as a customer's, up to 64 characters, also `_` and `.`: so are machines called.
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

/// `item.name`: 1 to 50 characters, each of which shows or belongs to one that does.
pub fn item_name(text: &str) -> Vec<TextFault> {
    let mut faults: Vec<_> = length(text, 1, 50).into_iter().collect();
    faults.extend(only_spaces(text));
    faults.extend(first_offender(text, "printable characters", is_visible, |base| !is_space(base)));
    faults
}

/// `delivery_address`: 10 to 500 characters as those of an item, and line breaks.
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
        "printable characters and line breaks",
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

/// The first character that is not allowed where it stands. `may_carry` says on what a mark may stand.
fn first_offender(
    text: &str,
    allowed: &'static str,
    is_allowed: impl Fn(char) -> bool,
    may_carry: impl Fn(char) -> bool,
) -> Option<TextFault> {
    let fault = |character, reason| TextFault::Character { allowed, found: Found { character, reason } };
    let (mut carries, mut has_marks) = (false, false);
    for (at, c) in text.char_indices() {
        // Of most characters it is known without a look into Unicode's tables.
        if c.is_ascii() {
            if !is_allowed(c) {
                return Some(fault(c, if is_visible(c) { Reason::NotAllowed } else { Reason::Invisible }));
            }
            carries = may_carry(c);
        } else if is_allowed(c) {
            if is_mark(c) {
                has_marks = true;
                if !carries {
                    return Some(fault(c, Reason::NoBase));
                }
            } else {
                carries = may_carry(c);
            }
        } else if is_visible(c) {
            return Some(fault(c, Reason::NotAllowed));
        } else {
            let (before, after) = text.split_at(at);
            if !belongs(before, c, after.get(c.len_utf8()..).unwrap_or_default()) {
                return Some(fault(c, Reason::Invisible));
            }
        }
    }
    // Letters that have their marks in them have few of them.
    let crowded = if has_marks { crowded(text) } else { None };
    crowded.map(|mark| fault(mark, Reason::TooManyMarks))
}

/// The first mark too many, in the form in which every mark stands alone (NFD).
fn crowded(text: &str) -> Option<char> {
    let mut marks = 0;
    DecomposingNormalizerBorrowed::new_nfd().normalize_iter(text.chars()).find(|c| {
        marks = if is_nonspacing(*c) { marks + 1 } else { 0 };
        marks > MAX_MARKS
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_any_script_pass() {
        for name in [
            "John Doe",
            "Anne-Marie O'Neil",
            "O’Brien",
            "Иван Петров",
            "李雷",
            "José",
            "Jose\u{301}",
            "प्रिया",
            "محمد",
            "John 3",
            "٣",
        ] {
            assert_eq!(customer_name(name), [], "{name}");
        }
    }

    #[test]
    fn names_with_anything_else_fail() {
        for name in
            ["John_Doe", "John.", "a,b", "<b>", "x@y", "tab\t", "nul\0", "🍕", "a\u{202e}b", "\u{a0}x", "½"]
        {
            assert!(matches!(customer_name(name)[..], [TextFault::Character { .. }]), "{name:?}");
        }
    }

    #[test]
    fn invisible_characters_cannot_hide_in_the_name_of_an_item() {
        for name in ["Пицца", "🍕", "👩\u{200d}🍳 special", "crème brûlée", "❤\u{fe0f}"] {
            assert_eq!(item_name(name), [], "{name}");
        }
        for name in ["a\u{202e}b", "a\u{200b}b", "a\u{feff}", "\u{2066}a", "a\u{ad}b", "a\u{1b}[31m", "a\nb"]
        {
            assert!(matches!(item_name(name)[..], [TextFault::Character { .. }]), "{name:?}");
        }
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert_eq!(customer_name(&"李".repeat(100)), []);
        assert_eq!(customer_name(&"李".repeat(101)), [TextFault::Length { min: 1, max: 100, actual: 101 }]);
        assert_eq!(item_name(&"🍕".repeat(50)), []);
        assert_eq!(item_name(""), [TextFault::Length { min: 1, max: 50, actual: 0 }]);
        assert_eq!(delivery_address("123456789"), [TextFault::TooShort { min: 10, actual: 9 }]);
        assert_eq!(delivery_address(&"long ".repeat(100)), []);
        assert_eq!(
            delivery_address(&"long ".repeat(10_000)),
            [TextFault::TooLong { max: 500, actual: 50_000 }]
        );
        assert_eq!(delivery_address("1234567890"), []);
    }

    #[test]
    fn every_fault_is_reported() {
        assert_eq!(customer_name(&"\t".repeat(101)).len(), 3);
    }

    fn said(faults: &[TextFault]) -> Vec<String> {
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_offender_is_named_so_that_it_can_be_found() {
        const NAME: &str = "must contain only letters, digits, spaces, hyphens and apostrophes, found";
        for (name, found) in [
            ("J@ne", "'@'"),
            ("a\tb", "'\\t'"),
            ("a\0b", "U+0000, which shows nothing here"),
            ("a\u{202e}b", "U+202E, which shows nothing here"),
            ("a\u{200c}b", "U+200C, which shows nothing here"),
            ("a\u{e000}b", "U+E000, which shows nothing here"),
            ("\u{3164}", "U+3164, which shows nothing here"),
            ("a\u{20dd}", "U+20DD"),
            ("\u{301}", "U+0301, a mark without its letter"),
            ("a \u{301}", "U+0301, a mark without its letter"),
            ("a-\u{301}", "U+0301, a mark without its letter"),
            ("Z\u{300}\u{301}\u{302}\u{303}\u{304}algo", "more than 4 marks on one letter"),
            // One of the marks is in the letter.
            ("\u{e0}\u{301}\u{302}\u{303}\u{304}", "more than 4 marks on one letter"),
        ] {
            assert_eq!(said(&customer_name(name)), [format!("{NAME} {found}")], "{}", name.escape_unicode());
        }
    }

    #[test]
    fn at_least_one_letter_or_digit_is_a_name() {
        for name in ["-", "'", "- -", "ʻ'".trim_start_matches('ʻ')] {
            assert_eq!(customer_name(name), [TextFault::NoLetter], "{name:?}");
        }
        assert_eq!(customer_name("\u{3000} "), [TextFault::OnlySpaces]);
    }

    #[test]
    fn spaces_hyphens_and_apostrophes_are_those_of_every_script() {
        for (c, reason) in NAME_PUNCTUATION {
            assert_eq!(customer_name(&format!("a{c}b")), [], "{reason}");
            assert_eq!(worker_name(&format!("a{c}b")), [], "{reason}");
        }
        for c in "_.,:;!?\"#$%&()*+/<=>@[]^`{|}~\u{a0}\u{b4}\u{2014}\u{2212}\u{2032}\u{2027}\u{301c}".chars()
        {
            assert!(matches!(customer_name(&format!("a{c}b"))[..], [TextFault::Character { .. }]), "{c}");
        }
    }

    #[test]
    fn an_item_shows_something_on_one_line() {
        for item in
            ["1\u{fe0f}\u{20e3}", "قورمه\u{200c}سبزی", "50 %", "–", "½ 🍕", "a\u{a0}b", "🇮🇹", "e\u{301}"]
        {
            assert_eq!(item_name(item), [], "{item}");
        }
        for item in [
            "\u{2800}",
            "\u{3164}",
            "\u{115f}\u{1160}",
            "\u{ffa0}",
            "a\u{2028}b",
            "a\u{2029}b",
            "\u{301}",
            " \u{301}",
            "\u{e000}",
            "\u{fdd0}",
            "\u{ffff}",
            "\u{378}",
            "a\u{200d}b",
            "\u{fe0f}",
            "a\u{85}b",
            "a\u{b}b",
        ] {
            assert!(
                matches!(item_name(item)[..], [TextFault::Character { .. }]),
                "{}",
                item.escape_unicode()
            );
        }
    }

    #[test]
    fn an_address_is_readable() {
        assert_eq!(delivery_address("12 Harbour Road\r\n\t3rd floor 🛎"), []);
        for address in [
            "12 Harbour\u{202e} Road",
            "12 Harbour\u{2028}Road",
            "12 Harbour\u{2066} Road",
            "12 Harbour\u{b} Road",
            "12 Harbour Road\n\u{301}",
            "12 Harbour Road\u{85}",
        ] {
            assert!(
                matches!(delivery_address(address)[..], [TextFault::Character { .. }]),
                "{}",
                address.escape_unicode()
            );
        }
        assert_eq!(delivery_address(&"李".repeat(500)), []);
        assert_eq!(delivery_address(&"李".repeat(501)), [TextFault::TooLong { max: 500, actual: 501 }]);
    }

    /// Characters of every kind that a rule knows, each about as often as another kind.
    fn anything() -> impl Strategy<Value = String> {
        let invisible = "[\u{200b}-\u{200f}\u{fe0f}\u{3164}\u{ad}\u{180b}\u{180e}\u{e0100}]";
        let character = prop_oneof![
            "\\p{L}",
            "\\p{M}",
            "\\p{Nd}",
            "[ '’·-]",
            invisible,
            "[कषरব্্ೆعلیबം]",
            "[👩🍳🏽1#🏴]",
            "\\PC",
            any::<char>().prop_map(String::from)
        ];
        prop::collection::vec(character, 1..12).prop_map(|characters| characters.concat())
    }

    proptest! {
        #[test]
        fn what_passes_is_to_be_seen(text in anything()) {
            for rule in [customer_name, worker_name, item_name] {
                if rule(&text).is_empty() {
                    prop_assert!(text.chars().any(|c| is_visible(c) && !is_space(c) && !is_mark(c)));
                    for (at, c) in text.char_indices() {
                        prop_assert!(is_visible(c) || belongs(&text[..at], c, &text[at + c.len_utf8()..]));
                    }
                }
            }
        }

        #[test]
        fn a_customer_may_be_a_worker(text in anything()) {
            if customer_name(&text).is_empty() {
                prop_assert_eq!(worker_name(&text), []);
                prop_assert_eq!(item_name(&text), []);
            }
        }

        #[test]
        fn both_forms_of_an_accented_letter_are_judged_alike(text in anything()) {
            let decomposed: String = DecomposingNormalizerBorrowed::new_nfd().normalize_iter(text.chars()).collect();
            prop_assert_eq!(customer_name(&text).is_empty(), customer_name(&decomposed).is_empty());
        }

        #[test]
        fn letters_with_some_marks_and_what_stands_between_words_are_names(
            words in prop::collection::vec(("[\\p{L}\\p{Nd}]{1,4}", "[\u{300}-\u{304}]{0,1}", 0..NAME_PUNCTUATION.len()), 1..10)
        ) {
            let name: String = words.iter().map(|(word, mark, place)| {
                let visible: String = word.chars().filter(|c| is_visible(*c)).collect();
                format!("x{visible}{mark}{}", NAME_PUNCTUATION[*place].0)
            }).collect();
            prop_assert_eq!(customer_name(&name), []);
        }
    }
}
