//! Files that are read.

use domain::MenuItem;
use domain::pricing::PriceRule;
use menu_files::{Format, says_nothing, write};

use crate::{menu, read, rules};

/// As the issue of this feature shows it.
const RULES: &str = r#"rules:
  - { id: happy-hour, kind: discount, label: Happy hour, priority: 10, percent: 10, category: Soups, min_total: 20.00, order_types: [takeout], weekdays: [mon, tue], hours: "15:00-18:00", valid_from: 2026-01-01, valid_until: 2026-12-31 }
  - { id: two-off, kind: discount, label: Two off, amount: 2.00, item: pho-bo }      # item or category; neither: the whole order
  - { id: delivery, kind: fee, label: Delivery, amount: 3.50, order_types: [delivery] }
  - { id: small, kind: fee, label: Small order, amount: 2.00, below: 15.00 }
  - { id: vat, kind: tax, label: VAT, rate: 10, category: Drinks, included: true }
"#;

const RULES_CSV: &str = "\
id,kind,label,priority,percent,amount,item,category,below,rate,included,min_total,order_types,weekdays,hours,valid_from,valid_until
happy-hour,discount,Happy hour,10,10,,,Soups,,,,20.00,takeout,mon tue,15:00-18:00,2026-01-01,2026-12-31
two-off,discount,Two off,,,2.00,pho-bo,,,,,,,,,,
delivery,fee,Delivery,,,3.50,,,,,,,delivery,,,,
small,fee,Small order,,,2.00,,,15.00,,,,,,,,
vat,tax,VAT,,,,,Drinks,,10,true,,,,,,
";

#[test]
fn rules_mean_the_same_in_both_formats() {
    let from_yaml = rules(RULES);
    assert_eq!(from_yaml.len(), 5);
    assert_eq!(from_yaml[0].conditions.hours.unwrap().to_string(), "15:00-18:00");
    assert_eq!(read::<PriceRule>(Format::Csv, RULES_CSV).unwrap(), from_yaml);
    assert_eq!(write(Format::Csv, &from_yaml), RULES_CSV);
}

#[test]
fn a_value_is_what_was_written() {
    let items = menu(
        "items:\n  - id: 7\n    name: yes\n    price: 9.5\n  - { id: 'null', name: \"1e5\", price: 1e1, description: '#1: 0x10' }\n",
    );
    assert_eq!((items[0].id.as_str(), items[0].name.as_str(), items[0].price.cents()), ("7", "yes", 950));
    assert_eq!(
        (items[1].id.as_str(), items[1].name.as_str(), items[1].price.cents()),
        ("null", "1e5", 1_000)
    );
    assert_eq!(items[1].description, "#1: 0x10");
}

#[test]
fn what_editors_add_is_no_part_of_a_file() {
    let yaml = "\u{feff}items:\r\n  - id: pho-bo\r\n    name: Pho\r\n    price: 9.50\r\n";
    let csv = "\u{feff}id,name,price\r\n\r\npho-bo,Pho,9.50\r\n,,\r\n";
    let items = menu(yaml);
    assert_eq!(items[0].name, "Pho");
    assert_eq!(read::<MenuItem>(Format::Csv, csv).unwrap(), items);
    let any_order = "price,description,id,name\n9.50,,pho-bo,Pho";
    assert_eq!(read::<MenuItem>(Format::Csv, any_order).unwrap(), items);
}

#[test]
fn a_file_may_hold_nothing() {
    for text in ["", "\n", "# only a comment\n", "---\n", "items:\n", "items: []\n", "{}", "~"] {
        assert_eq!(menu(text), [], "{text:?}");
    }
    for text in ["", "\n", "# only a comment\n", "id,name,price\n"] {
        assert_eq!(read::<MenuItem>(Format::Csv, text).unwrap(), [], "{text:?}");
    }
}

#[test]
fn a_file_that_was_cut_says_nothing_and_an_empty_list_does() {
    for (format, text, nothing) in [
        (Format::Yaml, "", true),
        (Format::Yaml, "\u{feff}# only a comment\n", true),
        (Format::Yaml, "items: []\n", false),
        (Format::Yaml, "items:\n", false),
        (Format::Csv, "", true),
        (Format::Csv, "# only a comment\n,,\n", true),
        (Format::Csv, "id,name,price\n", false),
    ] {
        assert_eq!(says_nothing(format, text.as_bytes()), nothing, "{text:?}");
    }
}

#[test]
fn an_empty_export_shows_one_commented_example() {
    let none: [MenuItem; 0] = [];
    let yaml = write(Format::Yaml, &none);
    assert_eq!(
        yaml,
        "# There are no items. One looks like this: remove the '[]' and the '#' in front of it.\n\
         items: []\n\
         #  - id: pho-bo\n\
         #    name: Phở bò\n\
         #    description: Beef broth, rice noodles, herbs\n\
         #    category: Soups\n\
         #    price: 9.50\n\
         #    order_types: [dine_in, takeout]\n\
         #    available: true\n\
         #    position: 10\n"
    );
    assert_eq!(menu(&yaml), []);
    let uncommented = yaml.replace(" []", "").replace("\n#", "\n");
    assert_eq!(menu(&uncommented)[0].id.as_str(), "pho-bo");
    let csv = write(Format::Csv, &none);
    assert_eq!(read::<MenuItem>(Format::Csv, &csv).unwrap(), []);
    assert_eq!(read::<MenuItem>(Format::Csv, &csv.replace("\n#", "\n")).unwrap(), menu(&uncommented));
    let no_rules: [PriceRule; 0] = [];
    let yaml = write(Format::Yaml, &no_rules);
    assert_eq!(rules(&yaml), []);
    assert_eq!(rules(&yaml.replace(" []", "").replace("\n#", "\n"))[0].id.as_str(), "happy-hour");
}
