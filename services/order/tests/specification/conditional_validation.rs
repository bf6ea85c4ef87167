//! "Conditional Validation": what each order type must have, and must not have.

use serde_json::{Value, json};
use testkit::Stage;
use testkit::orders::{delivery, dine_in, takeout, with};

use crate::refusal::violations;

#[tokio::test]
async fn tables_and_addresses_at_the_borders_are_accepted() {
    let accepted = [
        (dine_in(), "/table_number", json!(1)),
        (dine_in(), "/table_number", json!(100)),
        (dine_in(), "/delivery_address", Value::Null),
        (delivery(), "/delivery_address", json!("1234567890")),
        (delivery(), "/delivery_address", json!("北京市朝阳区建国路一号")),
        (delivery(), "/delivery_address", json!("x".repeat(500))),
        (delivery(), "/delivery_address", json!("Apt. #4B,\r\n\t2nd floor; ring \"Bob\" 🛎")),
        (delivery(), "/table_number", Value::Null),
        (takeout(), "/table_number", Value::Null),
        (takeout(), "/delivery_address", Value::Null),
    ];
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for (order, pointer, value) in accepted {
        service.place(&with(order, pointer, value)).await;
    }
    let stored = "select array_agg(table_number order by id) as tables,
                         array_agg(length(delivery_address) order by id) as addresses from orders";
    assert_eq!(
        stage.database().await.rows(stored).await,
        [json!({
            "tables": [1, 100, 12, null, null, null, null, null, null, null],
            "addresses": [null, null, null, 10, 11, 500, 35, 23, null, null]
        })]
    );
}

#[tokio::test]
async fn what_a_type_must_have_or_must_not_have_is_checked() {
    const TABLE: &str = "/table_number must be an integer between 1 and 100";
    const ADDRESS: &str = "/delivery_address must have at least 10 characters";
    let refused = [
        (dine_in(), "/table_number", Value::Null, "/table_number is required"),
        (dine_in(), "/table_number", json!(0), TABLE),
        (dine_in(), "/table_number", json!(101), TABLE),
        (dine_in(), "/table_number", json!(-1), TABLE),
        (dine_in(), "/table_number", json!(257), TABLE),
        (dine_in(), "/table_number", json!(12.5), TABLE),
        (dine_in(), "/table_number", json!("12"), TABLE),
        (dine_in(), "/table_number", json!(true), TABLE),
        (
            dine_in(),
            "/delivery_address",
            json!("123 Main Street"),
            "/delivery_address must not be present in a dine_in order",
        ),
        (
            dine_in(),
            "/delivery_address",
            json!(""),
            "/delivery_address must not be present in a dine_in order",
        ),
        (delivery(), "/delivery_address", Value::Null, "/delivery_address is required"),
        (delivery(), "/delivery_address", json!(""), ADDRESS),
        (delivery(), "/delivery_address", json!("123456789"), ADDRESS),
        (delivery(), "/delivery_address", json!("李".repeat(9)), ADDRESS),
        (
            delivery(),
            "/delivery_address",
            json!(" ".repeat(10)),
            "/delivery_address must not consist of spaces only",
        ),
        (
            delivery(),
            "/delivery_address",
            json!("123 Main\0 Street"),
            "/delivery_address must contain only printable characters, tabs and line breaks",
        ),
        (
            delivery(),
            "/delivery_address",
            json!("12 Harbour\u{202e} Road"),
            "/delivery_address must contain only printable characters, tabs and line breaks, found U+202E",
        ),
        (
            delivery(),
            "/delivery_address",
            json!("x".repeat(501)),
            "/delivery_address must have at most 500 characters, has 501",
        ),
        (
            delivery(),
            "/delivery_address",
            json!("x".repeat(60_000)),
            "/delivery_address must have at most 500 characters, has 60000",
        ),
        (delivery(), "/delivery_address", json!(1_234_567_890), "/delivery_address must be a string"),
        (delivery(), "/table_number", json!(12), "/table_number must not be present in a delivery order"),
        (takeout(), "/table_number", json!(12), "/table_number must not be present in a takeout order"),
        (
            takeout(),
            "/delivery_address",
            json!("123 Main Street"),
            "/delivery_address must not be present in a takeout order",
        ),
    ];
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for (order, pointer, value, expected) in refused {
        let order = with(order, pointer, value);
        let violations = violations(&service.post("/orders", &order.to_string()).await);
        assert!(matches!(&violations[..], [one] if one.starts_with(expected)), "{order}: {violations:?}");
    }
}

#[tokio::test]
async fn a_takeout_order_with_table_and_address_is_told_of_both() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let order = with(takeout(), "/table_number", json!(500));
    let order = with(order, "/delivery_address", json!("x"));
    assert_eq!(
        violations(&service.post("/orders", &order.to_string()).await),
        [
            "/table_number must not be present in a takeout order",
            "/delivery_address must not be present in a takeout order"
        ]
    );
}
