//! Entries that are to stand beside others.

use domain::MenuItem;
use menu_files::{Format, check_merge, read, write};

use crate::menu;

const OTHERS: &str = "\
items:
  - { id: pho-bo, name: Pho, price: 9.50 }
  - { id: tea, name: Tea, price: 2.00 }
";

/// What is wrong with these items beside the others, as a file of this format.
fn errors(format: Format, text: &str) -> String {
    let items: Vec<MenuItem> = read(format, text.as_bytes()).unwrap();
    let merged = check_merge(format, text.as_bytes(), &items, &menu(OTHERS));
    merged.err().map(|errors| errors.to_string()).unwrap_or_default()
}

#[test]
fn a_name_of_an_item_that_stays_is_taken() {
    let text = "\
items:
  - { id: pho-bo, name: Soup, price: 9.50 }
  - { id: pho-ga, name: Pho, price: 9.50 }
  - id: green-tea
    price: 2.00
    name: Tea
";
    let expected = "item 'green-tea': name 'Tea' is taken by 'tea'";
    assert_eq!(errors(Format::Yaml, text), format!("line 6: {expected}"));
    let csv = write(Format::Csv, &menu(text));
    assert_eq!(errors(Format::Csv, &csv), format!("line 4: {expected}"));
}

#[test]
fn items_that_swap_their_names_or_are_new_fit() {
    let swapped = "items:\n  - { id: tea, name: Pho, price: 1 }\n  - { id: pho-bo, name: Tea, price: 1 }\n";
    assert_eq!(errors(Format::Yaml, swapped), "");
    assert_eq!(errors(Format::Yaml, "items:\n  - { id: wine, name: Wine, price: 5 }\n"), "");
    assert_eq!(errors(Format::Csv, ""), "");
}
