//! What is exported and imported again is the same.

use domain::pricing::PriceRule;
use domain::record::Record;
use domain::{MenuItem, text_rules};
use menu_files::{Format, difference, read, write};
use proptest::prelude::*;

const FORMATS: [Format; 2] = [Format::Yaml, Format::Csv];

/// Texts that YAML or CSV could mistake for something else.
const AWKWARD: &[&str] = &[
    "null",
    "~",
    "Null",
    "NULL",
    "true",
    "yes",
    "no",
    "on",
    "1e5",
    "0x10",
    ".inf",
    "1_000",
    "- a",
    "a: b",
    "a #b",
    "#a",
    "'a'",
    "\"a\"",
    "a, b",
    "[a]",
    "{a}",
    "!a",
    "&a",
    "*a",
    "|",
    ">",
    "%a",
    "@a",
    "`a",
    "a:",
    "?",
    "-",
    " a ",
    "a  b",
    "''",
    "\"\"",
    "<<",
    "=",
    "2026-11-30",
    "15:00",
    "a\\nb",
    "é",
    "Phở",
    "🍕",
    "\u{a0}a",
    "07",
    "+1",
];

fn any_name() -> impl Strategy<Value = String> {
    let random = "[\\p{L}\\p{N}\\p{P}\\p{S}\\p{Zs}]{1,20}";
    prop_oneof![prop::sample::select(AWKWARD).prop_map(str::to_owned), random]
        .prop_filter("a name", |name| text_rules::item_name(name).is_empty())
}

fn any_item() -> impl Strategy<Value = Record> {
    let position = (any::<bool>(), 0_u16..=10_000);
    let times = prop::sample::select(&["", "further_notice", "2026-12-31T23:00:00.000Z"][..]);
    let types = prop::sample::subsequence(vec!["dine_in", "takeout", "delivery"], 1..=3);
    (any_name(), any_name(), any_name(), 1_u32..=99_999, types, position, times).prop_map(
        |(name, description, category, cents, types, (available, position), until)| {
            Record::default()
                .with("name", &name)
                .with("description", &description)
                .with("category", category.trim())
                .with("price", &format!("{}.{:02}", cents / 100, cents % 100))
                .with_list("order_types", types)
                .with("available", &available)
                .with("position", &position)
                .with_some("sold_out_until", (!until.is_empty()).then_some(until))
        },
    )
}

/// Items of distinct names. What does not keep the rules of an item is left out.
fn any_menu() -> impl Strategy<Value = Vec<MenuItem>> {
    prop::collection::vec(any_item(), 0..8).prop_map(|records| {
        let with_id = |(index, record): (usize, Record)| record.with("id", &format!("i{index}"));
        let records = records.into_iter().enumerate().map(with_id);
        let mut items: Vec<MenuItem> =
            records.filter_map(|record| MenuItem::from_record(&record).ok()).collect();
        items.sort_by(|one, other| one.name.cmp(&other.name));
        items.dedup_by(|one, other| one.name == other.name);
        items
    })
}

fn any_rule() -> impl Strategy<Value = Record> {
    let effect = prop_oneof![
        Just(Record::default().with("kind", "discount").with("percent", "7.5").with("item", "null")),
        Just(Record::default().with("kind", "discount").with("amount", "2.00")),
        Just(Record::default().with("kind", "fee").with("amount", "3.50").with("below", "15.00")),
        Just(Record::default().with("kind", "tax").with("rate", "0").with("included", "true")),
        Just(Record::default().with("kind", "tax").with("rate", "20").with("category", "a: b")),
    ];
    let days = prop::sample::subsequence(vec!["mon", "tue", "wed", "thu", "fri", "sat", "sun"], 1..=7);
    let hours = prop::sample::select(&["", "15:00-18:00", "22:00-02:00", "00:00-24:00"][..]);
    (effect, any_name(), 0_u16..=10_000, days, hours, any::<bool>()).prop_map(
        |(effect, label, priority, days, hours, is_dated)| {
            effect
                .with("label", label.trim())
                .with("priority", &priority)
                .with_list("weekdays", days)
                .with_some("hours", (!hours.is_empty()).then_some(hours))
                .with_some("valid_from", is_dated.then_some("2026-01-01"))
                .with_some("min_total", is_dated.then_some("20.00"))
        },
    )
}

fn any_rules() -> impl Strategy<Value = Vec<PriceRule>> {
    prop::collection::vec(any_rule(), 0..8).prop_map(|records| {
        let with_id = |(index, record): (usize, Record)| record.with("id", &format!("r{index}"));
        let records = records.into_iter().enumerate().map(with_id);
        records.filter_map(|record| PriceRule::from_record(&record).ok()).collect()
    })
}

proptest! {
    #[test]
    fn items_survive_export_and_import(items in any_menu()) {
        for format in FORMATS {
            let text = write(format, &items);
            let again = read::<MenuItem>(format, text.as_bytes());
            prop_assert_eq!(again.as_ref(), Ok(&items), "{}", text);
            prop_assert!(difference(&items, &again.unwrap()).is_empty());
        }
    }

    #[test]
    fn rules_survive_export_and_import(rules in any_rules()) {
        for format in FORMATS {
            let text = write(format, &rules);
            prop_assert_eq!(read::<PriceRule>(format, text.as_bytes()), Ok(rules.clone()), "{}", text);
        }
    }

    #[test]
    fn no_text_panics(text in "(items:\n|rules:\n|id,name,price\n)?[-a-z0-9:,'\"\\[\\]{}#&*!|>%\\t \n]{0,200}") {
        for format in FORMATS {
            let _ = read::<MenuItem>(format, text.as_bytes());
            let _ = read::<PriceRule>(format, text.as_bytes());
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in FORMATS {
            let _ = read::<MenuItem>(format, &bytes);
        }
    }
}

#[test]
fn awkward_names_are_names() {
    let names = AWKWARD.iter().filter(|name| text_rules::item_name(name).is_empty()).count();
    assert!(names > 40, "{names}");
}
