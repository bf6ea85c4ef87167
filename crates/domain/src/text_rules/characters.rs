//! The allowed characters: categories of Unicode, and a table of individual exceptions.

use icu_properties::CodePointSetData;
use icu_properties::props::{
    CanonicalCombiningClass, DefaultIgnorableCodePoint, EnumeratedProperty as _, GeneralCategory,
};

/// Punctuation and spaces of names. Each is a space, a hyphen or an apostrophe in some script.
///
/// The specification names the three kinds. Unicode names their characters: UAX #31, Table 3
/// (Optional Medial Characters) lists those that occur within words. Of that table, `.` and `:` are
/// none of the three kinds, and U+2027 occurs only in dictionaries. The other entries are
/// characters that keyboards and phones insert in place of those of the table.
///
/// Excluded are look-alikes with another meaning (minus sign, em dash, prime, accents without a
/// letter), and U+00A0, which no space bar types. The apostrophes that are letters (U+02BB ʻokina,
/// U+02BC, U+A78C saltillo, U+07F4) need no entry.
pub(super) const NAME_PUNCTUATION: [(char, &str); 26] = [
    (' ', "space"),
    ('\u{3000}', "space of Japanese and Chinese input methods"),
    ('\u{0f0b}', "tsheg: what stands between the syllables of a Tibetan name"),
    ('\u{0f0c}', "tsheg, where the line does not break"),
    ('\u{1361}', "word space of Ethiopic names"),
    ('\u{00b7}', "middle dot: within Catalan letters (Gal·la), between the parts of a name in Chinese"),
    ('\u{0387}', "the same for Unicode (canonically equivalent)"),
    ('\u{30fb}', "middle dot between the parts of a foreign name in Japanese"),
    ('\u{ff65}', "the same, half as wide"),
    ('-', "hyphen"),
    ('\u{058a}', "hyphen of Armenian"),
    ('\u{05be}', "maqaf: hyphen of Hebrew"),
    ('\u{1400}', "hyphen of Canadian syllabics"),
    ('\u{1806}', "hyphen of Todo (Mongolian)"),
    ('\u{2010}', "hyphen"),
    ('\u{2011}', "hyphen, where the line does not break"),
    ('\u{2013}', "en dash: between two surnames, and what phones make of a hyphen between spaces"),
    ('\u{30a0}', "double hyphen between the parts of a foreign name in Japanese"),
    ('\u{ff0d}', "hyphen of Japanese and Chinese input methods"),
    ('\'', "apostrophe"),
    ('\u{2019}', "apostrophe, as typeset"),
    ('\u{2018}', "what phones make of an apostrophe at the start of a word ('t Hooft), and the usual ʻokina"),
    ('\u{055a}', "apostrophe of Armenian"),
    ('\u{05f3}', "geresh: apostrophe of Hebrew"),
    ('\u{05f4}', "gershayim, two of them: within Hebrew names that are made of initials (שז״ר)"),
    ('\u{ff07}', "apostrophe of Japanese and Chinese input methods"),
];

/// Characters that are invisible although their category is a visible one. Unicode's
/// default-ignorable characters, such as the fillers of Hangul, are not repeated here.
const BLANK: [char; 3] = [
    '\u{2800}',  // braille pattern without a dot
    '\u{fffc}',  // placeholder of an object that is missing
    '\u{1d159}', // musical null notehead
];

/// Letters and digits, and numbers that are letters (〇 in Japanese names, Roman numerals).
pub(super) fn is_letter_or_digit(c: char) -> bool {
    use GeneralCategory as G;
    c.is_ascii_alphanumeric()
        || !c.is_ascii()
            && is_visible(c)
            && matches!(
                G::for_char(c),
                G::UppercaseLetter
                    | G::LowercaseLetter
                    | G::TitlecaseLetter
                    | G::ModifierLetter
                    | G::OtherLetter
                    | G::LetterNumber
                    | G::DecimalNumber
            )
}

/// Whether the character attaches to the one before it: accents, vowel signs.
pub(super) fn is_mark(c: char) -> bool {
    use GeneralCategory as G;
    !c.is_ascii() && matches!(G::for_char(c), G::NonspacingMark | G::SpacingMark | G::EnclosingMark)
}

/// A mark that encloses letters. No name has one.
pub(super) fn is_enclosing(c: char) -> bool {
    !c.is_ascii() && GeneralCategory::for_char(c) == GeneralCategory::EnclosingMark
}

/// A mark without a width of its own. Any number of them could be stacked on one letter.
pub(super) fn is_nonspacing(c: char) -> bool {
    use GeneralCategory as G;
    !c.is_ascii() && matches!(G::for_char(c), G::NonspacingMark | G::EnclosingMark)
}

/// A sign that joins the consonants around it (halant, virama).
pub(super) fn is_virama(c: char) -> bool {
    CanonicalCombiningClass::for_char(c) == CanonicalCombiningClass::Virama
}

/// A space of any kind, but not a line break.
pub(super) fn is_space(c: char) -> bool {
    c == ' ' || !c.is_ascii() && GeneralCategory::for_char(c) == GeneralCategory::SpaceSeparator
}

/// Whether the character is visible, or a space, in every context. Invisible are controls, format
/// characters, default-ignorable characters, line and paragraph separators, blank symbols, and code
/// points without a meaning (unassigned, private use, surrogates, noncharacters).
pub fn is_visible(c: char) -> bool {
    use GeneralCategory as G;
    matches!(c, ' '..='~')
        || !c.is_ascii()
            && !matches!(
                G::for_char(c),
                G::Control
                    | G::Format
                    | G::LineSeparator
                    | G::ParagraphSeparator
                    | G::Surrogate
                    | G::PrivateUse
                    | G::Unassigned
            )
            && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
            && !BLANK.contains(&c)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_entry_of_the_table_stands_there_once_and_needs_it() {
        let distinct: BTreeSet<char> = NAME_PUNCTUATION.iter().map(|(c, _)| *c).collect();
        assert_eq!(distinct.len(), NAME_PUNCTUATION.len());
        for (c, reason) in NAME_PUNCTUATION {
            assert!(is_visible(c) && !is_letter_or_digit(c) && !is_mark(c), "{reason}");
        }
    }

    #[test]
    fn invisible_characters_are_recognised() {
        let ignorable = "\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180b}\u{180e}\u{200b}\u{200d}\u{200e}\u{202e}\u{2060}\
                         \u{2066}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fff0}\u{1d173}\u{e0001}\u{e0041}\u{e0100}";
        let without_meaning = "\u{378}\u{e000}\u{fdd0}\u{ffff}\u{1ffff}\u{f0000}\u{10fffd}";
        let others = "\0\u{7}\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{2028}\u{2029}\u{2800}\u{fff9}\u{fffc}\u{1d159}";
        for c in [ignorable, without_meaning, others].concat().chars() {
            assert!(!is_visible(c), "{}", c.escape_unicode());
        }
        for c in "aé李🍕 \u{3000}\u{a0}ʻ৳\u{301}".chars() {
            assert!(is_visible(c), "{c:?}");
        }
    }
}
