//! Every error of a YAML file names its line.

use domain::MenuItem;
use domain::pricing::PriceRule;
use menu_files::{Format, MAX_BYTES, MAX_ENTRIES};

use crate::errors;

fn menu(text: impl AsRef<[u8]>) -> Vec<String> {
    errors::<MenuItem>(Format::Yaml, text)
}

#[test]
fn all_errors_of_a_file_are_named() {
    let text = "\
items:
  - id: pho-bo
    name: Pho
    prise: 9.50
  - id: Tea
    name: Tea
    price: 1000
    available: yes

  - id: pho-bo          # the second one
    name: Pho
    price: 9.505
    price: 9.50
    position:
";
    assert_eq!(
        menu(text),
        [
            "line 2: item 'pho-bo': price is required",
            "line 4: item 'pho-bo': unknown word 'prise' (allowed: id, name, description, category, price, order_types, available, position, sold_out_until)",
            "line 5: item 'Tea': id must be 1 to 64 of the characters a-z, 0-9 and '-', and must not begin with '-'",
            "line 7: item 'Tea': price must be between 0.01 and 999.99",
            "line 8: item 'Tea': available must be true or false",
            "line 10: item 'pho-bo': id 'pho-bo' is taken in line 2",
            "line 11: item 'pho-bo': name 'Pho' is taken in line 3",
            "line 12: item 'pho-bo': price must have at most two decimals",
            "line 13: item 'pho-bo': price is there twice",
            "line 14: item 'pho-bo': position has no value: give it one, or remove the word",
        ]
    );
}

#[test]
fn a_price_rule_of_130_percent_and_other_mistakes() {
    let text = "\
rules:
  - { id: a, kind: discount, label: A, percent: 130 }
  - { id: b, kind: discount, label: B, percent: 7,5 }
  - { id: c, kind: fee, label: C, amount: 3.50, percnt: 5 }
  - { id: d, kind: tax, label: D, rate: 10, weekdays: [mon, thursday] }
  - { kind: tax, label: E, rate: 10, hours: 15:00-15:00 }
";
    let found = errors::<PriceRule>(Format::Yaml, text);
    for (line, part) in [
        ("line 2: rule 'a'", "percent must be above 0 and at most 100"),
        ("line 3: rule 'b'", "unknown word '5'"),
        ("line 4: rule 'c'", "unknown word 'percnt'"),
        ("line 5: rule 'd'", "weekdays names the unknown weekday 'thursday'"),
        ("line 6: rule 5", "id is required"),
        ("line 6: rule 5", "hours must not begin and end at the same time"),
    ] {
        assert!(
            found.iter().any(|error| error.starts_with(line) && error.contains(part)),
            "{part} in {found:#?}"
        );
    }
    assert_eq!(found.len(), 6);
}

#[test]
fn what_yaml_cannot_read_or_means_otherwise() {
    for (text, line, part) in [
        ("items:\n  - id: a\n\tname: A\n", 3, "The line has a tab: YAML indents with spaces"),
        ("items:\n  - id: a\n    name: \"A\n", 4, "end"),
        ("items:\n  - id: a\n    name: [A]\n", 3, "expected a single value"),
        ("items:\n  - id: a\n    name: { x: y }\n", 3, "expected a single value"),
        ("items:\n  - id: a\n    order_types: takeout\n", 3, "expected a list such as [a, b]"),
        ("items:\n  - id: a\n    order_types: [takeout, ]\n    name: !Pho Bo\n", 4, "is a tag in YAML"),
        ("items:\n  - !item\n    id: a\n", 2, "is a tag in YAML"),
        ("items:\n  - pho-bo\n", 2, "expected a mapping of words and values"),
        ("items:\n  id: a\n", 2, "expected a list"),
        ("items: 7\n", 1, "expected a list"),
        ("- id: a\n", 1, "expected a mapping with the list 'items'"),
        ("rules:\n  - id: a\n", 1, "unknown word 'rules' (allowed: items)"),
        ("items: []\nitems: []\n", 2, "the list 'items' is there twice"),
        ("items: []\n---\nitems: []\n", 1, "more than one document"),
        ("items:\n  - &a { id: a, name: A, price: 1 }\n  - <<: *a\n", 3, "unknown word '<<'"),
        ("items:\n  - id: *a\n", 2, "unknown anchor"),
    ] {
        let found = menu(text);
        assert!(found[0].starts_with(&format!("line {line}: ")), "{text:?}: {found:?}");
        assert!(found.iter().any(|error| error.contains(part)), "{text:?}: {found:?}");
    }
}

#[test]
fn other_encodings_are_named() {
    assert_eq!(menu(b"\xff\xfei\0t\0"), ["line 1: the file is UTF-16: save it as UTF-8"]);
    assert_eq!(
        menu(b"items:\n  - id: a\n    name: Caf\xe9\n"),
        ["line 3: the file is not valid UTF-8 here: save it as UTF-8"]
    );
    for (character, name) in [('\0', "0000"), ('\u{7f}', "007F"), ('\u{feff}', "FEFF"), ('\u{ffff}', "FFFF")]
    {
        let expected = format!("line 2: the character U+{name} is no text: remove it");
        assert_eq!(menu(format!("items:\n  - {character}\n")), [expected]);
    }
}

/// A list of items, of two lines each below the first line.
fn items(count: usize) -> String {
    let items =
        (0..count).map(|item| format!("  - {{ id: i{item}, name: Item {item},\n      price: 1.00 }}\n"));
    format!("items:\n{}", items.collect::<String>())
}

#[test]
fn a_file_has_its_limits() {
    assert_eq!(crate::menu(&items(MAX_ENTRIES)).len(), MAX_ENTRIES);
    assert_eq!(
        menu(items(MAX_ENTRIES + 1)),
        ["line 20002: items[10000]: the file has more than 10000 items"]
    );
    assert_eq!(menu(items(50_000)), ["line 20002: items[10000]: the file has more than 10000 items"]);
    assert_eq!(menu(" ".repeat(MAX_BYTES + 1)), ["line 1: the file is larger than 32 MiB"]);
}

#[test]
fn only_the_first_errors_are_listed_and_all_are_counted() {
    let text = items(1_000).replace("1.00", "0.00");
    let found = menu(text);
    assert_eq!(found.len(), 21);
    assert_eq!(found[0], "line 3: item 'i0': price must be between 0.01 and 999.99");
    assert_eq!(found[20], "and 980 more errors");
    let long = menu(format!("items:\n  - {}: x\n", "w".repeat(5_000)));
    assert!(long.iter().all(|error| error.len() < 400), "{long:?}");
}
