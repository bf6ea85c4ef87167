//! Price rules: what is quoted is what is paid.

use serde_json::{Value, json};

use crate::shop::Shop;

/// A fifth off soups, a fee for delivery, and a tax of 10 % on everything.
const RULES: &str = "
    insert into price_rules (id, kind, label, priority, percent, category) values ('soups', 'discount', 'Soups', 1, '20', 'Soups');
    insert into price_rules (id, kind, label, amount, order_types) values ('courier', 'fee', 'Courier', '3.50', '{delivery}');
    insert into price_rules (id, kind, label, rate) values ('vat', 'tax', 'VAT', '10')";

#[tokio::test]
async fn an_order_costs_what_was_quoted_and_its_parts_are_stored() {
    let shop = Shop::open().await;
    shop.staff("PUT", "/menu/items/pho-bo", r#"{"name": "Pho bo", "price": 9.50, "category": "Soups"}"#)
        .await;
    let database = shop.stage.database().await;
    database.execute(RULES).await;
    // Edits by hand are seen by the next look, which an edit of the staff brings about.
    shop.staff("POST", "/menu/items/lemonade/back", "").await;
    let items = json!([{"item_id": "pho-bo", "quantity": 2}, {"item_id": "lemonade", "quantity": 1}]);
    let quote =
        shop.guest("POST", "/calculate_price", &json!({"items": items, "order_type": "delivery"})).await;
    let quote = quote.json();
    let figures =
        |quote: &Value| ["subtotal", "discount", "fees", "tax", "total"].map(|name| quote[name].to_string());
    assert_eq!(figures(&quote), ["22.20", "3.80", "3.50", "1.84", "23.74"], "{quote}");

    let order = json!({"customer_name": "Jane Doe", "order_type": "delivery",
                       "delivery_address": "123 Main Street", "items": items});
    let placed = shop.guest("POST", "/orders", &order).await;
    assert_eq!((placed.status, placed.json()["total_amount"].to_string()), (200, "23.74".to_owned()));
    let parts = database.rows("select kind, rule, amount::text from order_adjustments order by place").await;
    assert_eq!(
        parts,
        [
            json!({"kind": "discount", "rule": "soups", "amount": "-3.80"}),
            json!({"kind": "fee", "rule": "courier", "amount": "3.50"}),
            json!({"kind": "tax", "rule": "vat", "amount": "1.84"}),
        ]
    );
}

#[tokio::test]
async fn a_quote_names_what_the_menu_lacks() {
    let shop = Shop::open().await;
    let asked = json!({"items": [{"item_id": "sushi-set", "quantity": 1, "price": 25.50}]});
    let answer = shop.guest("POST", "/calculate_price", &asked).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("unknown_item")));
}
