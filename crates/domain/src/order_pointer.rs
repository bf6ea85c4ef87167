//! Which order a message refers to. It is compared with the order's row before anything is cooked.

use std::fmt::Write as _;

use crate::{Fingerprint, Money, OrderIdentity, OrderItem, OrderMessage, OrderNumber, OrderType};

/// A message points to a row. Its other fields must agree with that row, or it is about another
/// order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPointer {
    /// The order's number. Another order may have had the same number, in a recreated or restored
    /// database.
    pub number: OrderNumber,
    /// The order's identity. `None` in messages of older versions and of foreign programs.
    pub identity: Option<OrderIdentity>,
    /// Its type.
    pub order_type: OrderType,
    /// Fingerprint of the total and the items: see [`contents`].
    pub contents: Fingerprint,
}

impl OrderPointer {
    /// Takes the pointer out of a message. The identity travels in a header, outside the body.
    pub fn of(message: &OrderMessage, identity: Option<OrderIdentity>) -> Self {
        Self {
            number: message.order_number,
            identity,
            order_type: message.order_type,
            contents: contents(&message.total_amount, &message.items),
        }
    }
}

/// A fingerprint for comparing the contents of two orders. It excludes the priority, which rises
/// while an order waits.
pub fn contents(total: &Money, items: &[OrderItem]) -> Fingerprint {
    Fingerprint::of(text(total, items).as_bytes())
}

/// The total and the items as one text; `db::claims` builds the same text from the rows. Each name
/// is preceded by its length in characters, so no name can imitate the end of its line and a
/// further line.
fn text(total: &Money, items: &[OrderItem]) -> String {
    let mut text = total.to_string();
    for item in items {
        let (quantity, price, length) = (item.quantity, &item.price, item.name.chars().count());
        // Writing to a String does not fail.
        let _ = write!(text, " {quantity}x{price} {length}:{}", item.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = r#"{"order_number":"ORD_20241216_001","customer_name":"John Doe","order_type":"delivery","table_number":null,"delivery_address":"123 Main St, City","items":[{"name":"Crème brûlée","quantity":7,"price":15.9},{"name":"Tea","quantity":1,"price":2}],"total_amount":113.3,"priority":10}"#;

    fn message(from: &str, to: &str) -> OrderMessage {
        assert!(MESSAGE.contains(from));
        OrderMessage::parse(MESSAGE.replacen(from, to, 1).as_bytes()).unwrap()
    }

    #[test]
    fn the_text_that_the_database_makes_as_well() {
        let OrderMessage { total_amount, items, .. } = message("", "");
        assert_eq!(text(&total_amount, &items), "113.30 7x15.90 12:Crème brûlée 1x2.00 3:Tea");
    }

    #[test]
    fn every_change_of_type_total_or_lines_shows_and_none_of_the_priority() {
        let original = OrderPointer::of(&message("", ""), None);
        assert_eq!(OrderPointer::of(&message("\"priority\":10", "\"priority\":5"), None), original);
        for (from, to) in [
            ("delivery", "takeout"),
            ("113.3", "113.31"),
            ("\"quantity\":7", "\"quantity\":8"),
            ("15.9", "15.91"),
            ("Tea", "tea"),
            ("Crème brûlée\",\"quantity\":7,\"price\":15.9},{\"name\":\"Tea", "Crème brûlée 1x2.00 3:Tea"),
            ("_001", "_002"),
        ] {
            assert_ne!(OrderPointer::of(&message(from, to), None), original, "{to}");
        }
        let identity = OrderIdentity::new(1, [1; 10]);
        assert_ne!(OrderPointer::of(&message("", ""), Some(identity)), original);
    }
}
