//! What would change.

use domain::MenuItem;
use menu_files::{Change, Difference, FieldChange, difference};

use crate::menu;

const OLD: &str = "\
items:
  - { id: pho-bo, name: Pho, price: 9.50, category: Soups }
  - { id: tea, name: Tea, price: 2.00 }
  - { id: beer, name: Beer, price: 4.00 }
";

const NEW: &str = "\
items:
  - { id: wine, name: Wine, price: 5.00 }
  - { id: tea, name: Tea, price: 2.00 }
  - { id: pho-bo, name: Phở, price: 9.90, category: Soups, order_types: [takeout] }
";

#[test]
fn entries_are_added_removed_or_changed_by_their_fields() {
    let difference = difference(&menu(OLD), &menu(NEW));
    assert_eq!(
        difference.to_string(),
        "- beer\n~ pho-bo: name Pho -> Phở, price 9.50 -> 9.90, order_types default -> [takeout]\n+ wine\n"
    );
    let Change::Changed(fields) = &difference.changes[1].1 else { panic!("{difference:?}") };
    let [FieldChange { field: "name", .. }, FieldChange { field: "price", .. }, _] = &fields[..] else {
        panic!("{fields:?}")
    };
    assert!(!difference.is_empty());
    let unreadable = Difference { changes: vec![("tea".to_owned(), Change::Changed(Vec::new()))] };
    assert_eq!(unreadable.to_string(), "~ tea\n");
}

#[test]
fn the_order_of_entries_is_no_difference() {
    let mut turned: Vec<MenuItem> = menu(OLD);
    turned.reverse();
    assert!(difference(&menu(OLD), &turned).is_empty());
    assert_eq!(difference(&turned, &turned).to_string(), "");
}
