//! Invisible characters that change how their neighbours look, and the contexts in which they do.
//! They are allowed only in those contexts.

use icu_properties::CodePointSetData;
use icu_properties::props::{
    CanonicalCombiningClass, Emoji, EnumeratedProperty as _, ExtendedPictographic, GeneralCategory,
    GeneralCategoryGroup, IndicSyllabicCategory, JoiningType, Script,
};

use super::characters::is_virama;

/// Zero-width non-joiner, between letters: separates what would join.
const ZWNJ: char = '\u{200c}';
/// Zero-width joiner, between letters or emoji: joins what would stay separate.
const ZWJ: char = '\u{200d}';
/// Makes a keycap of the character before it.
const KEYCAP: char = '\u{20e3}';
/// The first character of the flags of subdivisions, such as Scotland's.
const BLACK_FLAG: char = '\u{1f3f4}';
/// The tags of the flags that Unicode recommends (`RGI_Emoji_Tag_Sequence`): gbeng, gbsct, gbwls,
/// each with its end tag.
const FLAGS: [&str; 3] = [
    "\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

/// Whether an invisible character has a meaning between the text before it and the text after it.
pub fn belongs(before: &str, c: char, after: &str) -> bool {
    match c {
        ZWNJ => keeps_cursive_letters_apart(before, after) || keeps_consonants_apart(before, after),
        ZWJ => {
            shows_half_a_consonant(before, after)
                || keeps_ra_whole(before, after)
                || joins_emoji(before, after)
        }
        // Variation selectors: the form of an ideograph, of a Burmese letter, or of an emoji (text
        // or colour).
        '\u{fe00}' => follows_script(before, &[Script::Han, Script::Myanmar]),
        '\u{fe01}' | '\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => follows_script(before, &[Script::Han]),
        '\u{fe0e}' | '\u{fe0f}' => follows_emoji(before, after),
        // The form of a Mongolian letter, and the gap before its last vowel.
        '\u{180b}'..='\u{180d}' | '\u{180f}' => follows_script(before, &[Script::Mongolian]),
        '\u{180e}' => {
            let next = after.chars().next().map(Script::for_char);
            follows_script(before, &[Script::Mongolian]) && next == Some(Script::Mongolian)
        }
        '\u{e0020}'..='\u{e007f}' => is_of_a_flag(before, c, after),
        _ => false,
    }
}

fn is_letter(c: char) -> bool {
    GeneralCategoryGroup::Letter.contains(GeneralCategory::for_char(c))
}

/// Context A1 of UAX #31: between letters of a cursive script, the first of which joins forwards
/// and the second backwards, with any transparent marks in between.
fn keeps_cursive_letters_apart(before: &str, after: &str) -> bool {
    let is_transparent = |c: &char| JoiningType::for_char(*c) == JoiningType::Transparent;
    let first = before.chars().rev().find(|c| !is_transparent(c));
    let second = after.chars().find(|c| !is_transparent(c));
    let (Some(first), Some(second)) = (first, second) else { return false };
    matches!(JoiningType::for_char(first), JoiningType::LeftJoining | JoiningType::DualJoining)
        && matches!(JoiningType::for_char(second), JoiningType::RightJoining | JoiningType::DualJoining)
        && Script::for_char(first) == Script::for_char(second)
}

/// The letter whose vowel the virama at the end of the text removes: `L M* V M1*` of UAX #31.
fn letter_with_virama(text: &str) -> Option<char> {
    let is_nonspacing = |c: char| GeneralCategory::for_char(c) == GeneralCategory::NonspacingMark;
    let has_class = |c: char| CanonicalCombiningClass::for_char(c) != CanonicalCombiningClass::NotReordered;
    let mut behind = text.chars().rev().skip_while(|c| !is_virama(*c) && is_nonspacing(*c) && has_class(*c));
    behind.next().filter(|c| is_virama(*c))?;
    behind.find(|c| !is_nonspacing(*c)).filter(|c| is_letter(*c))
}

/// Context A2 of UAX #31: after a virama and before a letter of the same script.
fn keeps_consonants_apart(before: &str, after: &str) -> bool {
    let Some(first) = letter_with_virama(before) else { return false };
    let is_reordered =
        |c: &char| CanonicalCombiningClass::for_char(*c) != CanonicalCombiningClass::NotReordered;
    let second = after.chars().find(|c| !is_reordered(c));
    second.is_some_and(|second| is_letter(second) && Script::for_char(first) == Script::for_char(second))
}

/// Context B of UAX #31: after a virama, and not before a vowel sign.
fn shows_half_a_consonant(before: &str, after: &str) -> bool {
    let vowel_follows = after
        .chars()
        .next()
        .is_some_and(|c| IndicSyllabicCategory::for_char(c) == IndicSyllabicCategory::VowelDependent);
    letter_with_virama(before).is_some() && !vowel_follows
}

/// The Unicode Standard, chapter 12 (Bengali, Kannada): between RA and a virama, the joiner keeps
/// RA from becoming a sign above the next letter, as in র‍্যাচেল. UAX #31 omits this context.
fn keeps_ra_whole(before: &str, after: &str) -> bool {
    matches!(before.chars().next_back(), Some('\u{9b0}' | '\u{cb0}'))
        && after.chars().next().is_some_and(is_virama)
}

/// UAX #29, GB11: between two pictographs. The first may have a skin colour or a presentation.
fn joins_emoji(before: &str, after: &str) -> bool {
    let is_of_the_first = |c: char| matches!(c, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    let first = before.trim_end_matches(is_of_the_first).chars().next_back();
    first.is_some_and(is_pictograph) && after.chars().next().is_some_and(is_pictograph)
}

fn is_pictograph(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

fn follows_script(before: &str, scripts: &[Script]) -> bool {
    before
        .chars()
        .next_back()
        .is_some_and(|base| scripts.contains(&Script::for_char(base)) && is_letter(base))
}

fn follows_emoji(before: &str, after: &str) -> bool {
    let Some(base) = before.chars().next_back() else { return false };
    is_pictograph(base) || CodePointSetData::new::<Emoji>().contains(base) && after.starts_with(KEYCAP)
}

/// A tag within the complete name of a flag. The search is limited to the length of the longest
/// name, because a hostile text may consist of tags only.
fn is_of_a_flag(before: &str, c: char, after: &str) -> bool {
    let is_tag = |c: char| matches!(c, '\u{e0020}'..='\u{e007f}');
    let stands_in = |flag: &str| {
        flag.match_indices(c).any(|(at, tag)| {
            let (start, end) = flag.split_at(at);
            let end = end.strip_prefix(tag).unwrap_or_default();
            before.strip_suffix(start).is_some_and(|base| base.ends_with(BLACK_FLAG))
                && after.strip_prefix(end).is_some_and(|rest| !rest.starts_with(is_tag))
        })
    };
    FLAGS.into_iter().any(stands_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether every invisible character of the text belongs at its position.
    fn fits(text: &str) -> bool {
        text.char_indices()
            .filter(|(_, c)| !super::super::is_visible(*c))
            .all(|(at, c)| belongs(&text[..at], c, &text[at + c.len_utf8()..]))
    }

    #[test]
    fn joiners_and_selectors_belong_to_these() {
        for text in [
            "علی\u{200c}رضا",              // A1, Persian
            "قورمه\u{200c}سبزی",           // A1
            "نام\u{64f}\u{200c}\u{64e}ها", // A1 with marks between
            "क्\u{200c}ष",                  // A2, Devanagari
            "ශ්\u{200d}රී",                  // B, Sinhala
            "അവന്\u{200d}",                 // B at the end of a word, Malayalam
            "র\u{200d}্যাচেল",               // RA stays whole, Bengali
            "葛\u{e0100}城",               // the form of an ideograph
            "ᠨ\u{180b}ᠠ",                  // the form of a letter, Mongolian
            "ᠬᠠᠷ\u{180e}ᠠ",                // the gap before the last vowel
            "👩\u{200d}🍳",
            "👩🏽\u{200d}🍳",
            "❤\u{fe0f}\u{200d}🔥",
            "1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        ] {
            assert!(fits(text), "{}", text.escape_unicode());
        }
    }

    #[test]
    fn elsewhere_they_do_not() {
        for text in [
            "\u{200c}",
            "a\u{200c}b",
            "a\u{200d}b",
            "علی\u{200c}",            // before nothing
            "\u{200c}علی",            // after nothing
            "علی\u{200c} رضا",        // before a space
            "دا\u{200c}ر",            // ALEF does not join forwards
            "علی\u{200c}\u{200c}رضا", // twice
            "ب\u{200c}\u{7e8}ߊ",      // two scripts
            "क\u{200c}ष",             // no virama
            "क्\u{200c}",              // before nothing
            "क्\u{200d}\u{93e}",       // before a vowel sign
            "\u{94d}\u{200d}",        // a virama without a letter
            "क\u{200d}\u{94d}",       // RA of other scripts needs none
            "a\u{fe0f}",
            "1\u{fe0f}",
            "a\u{e0100}",
            "a\u{180b}",
            "ᠬ\u{180e}",
            "👩\u{200d}",
            "\u{200d}👩",
            "👩\u{200d}a",
            "🏴\u{e0041}\u{e007f}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}",
            "a\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "a\u{200b}b",
            "a\u{2060}b",
            "\u{3164}",
        ] {
            assert!(!fits(text), "{}", text.escape_unicode());
        }
    }
}
