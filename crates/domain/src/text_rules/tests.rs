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
    for name in ["a\u{202e}b", "a\u{200b}b", "a\u{feff}", "\u{2066}a", "a\u{ad}b", "a\u{1b}[31m", "a\nb"] {
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
    assert_eq!(delivery_address(&"long ".repeat(10_000)), [TextFault::TooLong { max: 500, actual: 50_000 }]);
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
        // One of the marks is part of the letter.
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
    for c in "_.,:;!?\"#$%&()*+/<=>@[]^`{|}~\u{a0}\u{b4}\u{2014}\u{2212}\u{2032}\u{2027}\u{301c}".chars() {
        assert!(matches!(customer_name(&format!("a{c}b"))[..], [TextFault::Character { .. }]), "{c}");
    }
}

#[test]
fn an_item_shows_something_on_one_line() {
    for item in ["1\u{fe0f}\u{20e3}", "قورمه\u{200c}سبزی", "50 %", "–", "½ 🍕", "a\u{a0}b", "🇮🇹", "e\u{301}"]
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
        assert!(matches!(item_name(item)[..], [TextFault::Character { .. }]), "{}", item.escape_unicode());
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
    let [fault] = &delivery_address("12 Harbour\u{b} Road")[..] else { panic!("not one fault") };
    let said = fault.to_string();
    assert!(
        said.starts_with("must contain only printable characters, tabs and line breaks, found"),
        "{said}"
    );
    assert_eq!(delivery_address(&"李".repeat(500)), []);
    assert_eq!(delivery_address(&"李".repeat(501)), [TextFault::TooLong { max: 500, actual: 501 }]);
}

/// Characters of every kind that a rule distinguishes, in about equal shares.
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
    fn accepted_texts_are_visible(text in anything()) {
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
        let nfd = DecomposingNormalizerBorrowed::new_nfd();
        let decomposed: String = nfd.normalize_iter(text.chars()).collect();
        prop_assert_eq!(customer_name(&text).is_empty(), customer_name(&decomposed).is_empty());
    }

    #[test]
    fn letters_with_some_marks_and_what_stands_between_words_are_names(
        words in prop::collection::vec(("[\\p{L}\\p{Nd}]{1,4}", "[\u{300}-\u{304}]{0,1}", 0..NAME_PUNCTUATION.len()), 1..10)
    ) {
        let mut name = String::new();
        for (word, mark, place) in words {
            name.push('x');
            let visible = word.chars().filter(|c| is_visible(*c));
            name.extend(visible.chain(mark.chars()).chain([NAME_PUNCTUATION[place].0]));
        }
        prop_assert_eq!(customer_name(&name), []);
    }
}
