//! What the texts of an order may contain. Characters are Unicode scalar values.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

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
    /// Shorter than allowed, where only the size of the whole request limits the length.
    #[error("must have at least {min} characters, has {actual}")]
    TooShort {
        /// Fewest characters.
        min: usize,
        /// What it has.
        actual: usize,
    },
    /// Nothing but white space.
    #[error("must not consist of spaces only")]
    OnlySpaces,
    /// A character outside the allowed set.
    #[error("must contain only {allowed}, found {found:?}")]
    Character {
        /// The allowed set, for people.
        allowed: &'static str,
        /// The first offender.
        found: char,
    },
}

/// `customer_name`: 1 to 100 letters and marks of any script, digits, spaces, hyphens and apostrophes.
pub fn customer_name(text: &str) -> Vec<TextFault> {
    faults(text, 1, 100, "letters, digits, spaces, hyphens and apostrophes", |c| {
        // Of most characters it is known without a look into Unicode's tables.
        c.is_ascii_alphanumeric()
            || matches!(c, ' ' | '-' | '\'' | '’')
            || matches!(c.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark)
            || c.general_category() == GeneralCategory::DecimalNumber
    })
}

/// `item.name`: 1 to 50 characters, none of them a control character or invisible. U+200D may join emoji.
pub fn item_name(text: &str) -> Vec<TextFault> {
    const JOINER: char = '\u{200d}';
    faults(text, 1, 50, "printable characters", |c| {
        c == JOINER || !c.is_control() && (c.is_ascii() || c.general_category() != GeneralCategory::Format)
    })
}

/// `delivery_address`: at least 10 characters; line breaks are fine, other control characters are not.
pub fn delivery_address(text: &str) -> Vec<TextFault> {
    const MIN: usize = 10;
    let actual = text.chars().count();
    let short = (actual < MIN).then_some(TextFault::TooShort { min: MIN, actual });
    let others = faults(text, 0, usize::MAX, "printable characters and line breaks", |c| {
        !c.is_control() || matches!(c, '\n' | '\r' | '\t')
    });
    short.into_iter().chain(others).collect()
}

fn faults(
    text: &str,
    min: usize,
    max: usize,
    allowed: &'static str,
    is_allowed: impl Fn(char) -> bool,
) -> Vec<TextFault> {
    let mut faults = Vec::new();
    let actual = text.chars().count();
    if !(min..=max).contains(&actual) {
        faults.push(TextFault::Length { min, max, actual });
    }
    if actual > 0 && text.chars().all(char::is_whitespace) {
        faults.push(TextFault::OnlySpaces);
    }
    if let Some(found) = text.chars().find(|c| !is_allowed(*c)) {
        faults.push(TextFault::Character { allowed, found });
    }
    faults
}

#[cfg(test)]
mod tests {
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
        assert_eq!(delivery_address(&"long ".repeat(10_000)), []);
        assert_eq!(delivery_address("1234567890"), []);
    }

    #[test]
    fn every_fault_is_reported() {
        assert_eq!(customer_name(&"\t".repeat(101)).len(), 3);
    }
}
