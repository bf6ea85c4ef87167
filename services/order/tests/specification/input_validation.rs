//! "Input Validation": every rule at its borders.

use serde_json::{Value, json};
use testkit::orders::{takeout, with};
use testkit::{Stage, orders};

use crate::refusal::violations;

/// Names as people have them.
const NAMES: [&str; 24] = [
    "A",
    "Jane Doe",
    "Anne-Marie O'Neil",
    "O’Brien",
    "R2 D2",
    "José Núñez",
    "Jose\u{301}",
    "Nguyễn Văn Ánh",
    "Zoë Åström",
    "Łukasz Żółć",
    "Ελένη Παπαδοπούλου",
    "Иван Петров-Водкин",
    "გიორგი",
    "محمد علي",
    "ג'ון",
    "प्रिया शर्मा",
    "สมชาย ใจดี",
    "田中 太郎",
    "김철수",
    "李雷 ٣",
    "علی\u{200c}رضا",
    "山田\u{3000}太郎",
    "Anne\u{2010}Marie",
    "\u{2018}t Hooft",
];

fn item(name: &str) -> Value {
    json!({"name": name, "quantity": 1, "price": 9.99})
}

#[tokio::test]
async fn values_at_the_borders_are_accepted() {
    let accepted = [
        ("/customer_name", json!("a".repeat(100))),
        ("/customer_name", json!("李".repeat(100))),
        ("/customer_name", json!(" x ")),
        ("/items", json!(vec![item("Pizza"); 1])),
        ("/items", json!(vec![item("Pizza"); 20])),
        ("/items/0/name", json!("x")),
        ("/items/0/name", json!("x".repeat(50))),
        ("/items/0/name", json!("🍕".repeat(50))),
        ("/items/0/name", json!("قورمه\u{200c}سبزی")),
        ("/items/0/name", json!("👩\u{200d}🍳 special")),
        ("/items/0/name", json!("\"4 Formaggi\" <b>&amp;</b> 100% \\ '); drop table")),
        ("/items/0/quantity", json!(1)),
        ("/items/0/quantity", json!(10)),
        ("/items/0/price", number("0.01")),
        ("/items/0/price", number("999.99")),
        ("/items/0/price", number("1")),
        ("/items/0/price", number("10.5")),
        ("/items/0/price", number("1e2")),
    ];
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for (pointer, value) in accepted {
        let order = with(takeout(), pointer, value);
        let answer = service.post("/orders", &order.to_string()).await;
        assert_eq!(answer.status, 200, "{order}: {answer:?}");
    }
}

#[tokio::test]
async fn names_of_all_scripts_are_accepted_and_stored_as_they_are() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let broker = stage.broker().await;
    for name in NAMES {
        service.place(&with(takeout(), "/customer_name", json!(name))).await;
        let message = broker.take("kitchen_takeout_queue").await;
        assert_eq!(message.json()["customer_name"], name);
    }
    let stored = stage.database().await.rows("select customer_name as name from orders order by id").await;
    let stored: Vec<_> = stored.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(stored, NAMES);
}

/// Every refusal of one rule: where, the value, what the client reads.
fn refusals() -> Vec<(&'static str, Value, &'static [&'static str])> {
    const NAME_CHARACTERS: &str =
        "/customer_name must contain only letters, digits, spaces, hyphens and apostrophes";
    const QUANTITY: &[&str] = &["/items/0/quantity must be an integer between 1 and 10"];
    const PRICE: &[&str] = &["/items/0/price must be between 0.01 and 999.99"];
    const PRICE_TYPE: &[&str] = &["/items/0/price must be a number between 0.01 and 999.99"];
    const DECIMALS: &[&str] = &["/items/0/price must have at most two decimals"];
    const ORDER_TYPE: &[&str] = &["/order_type must be one of 'dine_in', 'takeout', 'delivery'"];
    vec![
        ("/customer_name", Value::Null, &["/customer_name is required"]),
        ("/customer_name", json!(""), &["/customer_name must have 1 to 100 characters, has 0"]),
        (
            "/customer_name",
            json!("a".repeat(101)),
            &["/customer_name must have 1 to 100 characters, has 101"],
        ),
        (
            "/customer_name",
            json!("李".repeat(101)),
            &["/customer_name must have 1 to 100 characters, has 101"],
        ),
        ("/customer_name", json!("  "), &["/customer_name must not consist of spaces only"]),
        ("/customer_name", json!("J@ne"), &[NAME_CHARACTERS]),
        ("/customer_name", json!("Jane_Doe"), &[NAME_CHARACTERS]),
        ("/customer_name", json!("Jane\nDoe"), &[NAME_CHARACTERS]),
        ("/customer_name", json!("Jane\0"), &[NAME_CHARACTERS]),
        ("/customer_name", json!("Jane 🍕"), &[NAME_CHARACTERS]),
        ("/customer_name", json!("a\u{202e}b"), &[NAME_CHARACTERS]),
        ("/customer_name", json!("a\u{200c}b"), &[NAME_CHARACTERS]),
        ("/customer_name", json!("\u{3164}"), &[NAME_CHARACTERS]),
        ("/customer_name", json!("\u{301}"), &[NAME_CHARACTERS]),
        ("/customer_name", json!("\u{3000}"), &["/customer_name must not consist of spaces only"]),
        ("/customer_name", json!("-"), &["/customer_name must have at least one letter or digit"]),
        ("/customer_name", json!(7), &["/customer_name must be a string"]),
        ("/customer_name", json!(["Jane"]), &["/customer_name must be a string"]),
        ("/order_type", Value::Null, &["/order_type is required"]),
        ("/order_type", json!(""), ORDER_TYPE),
        ("/order_type", json!("Takeout"), ORDER_TYPE),
        ("/order_type", json!("dine-in"), ORDER_TYPE),
        ("/order_type", json!("take\0out"), ORDER_TYPE),
        ("/order_type", json!(1), &["/order_type must be a string"]),
        ("/items", Value::Null, &["/items is required"]),
        ("/items", json!([]), &["/items must contain 1 to 20 items, has 0"]),
        ("/items", json!(vec![item("Pizza"); 21]), &["/items must contain 1 to 20 items, has 21"]),
        ("/items", json!({"0": item("Pizza")}), &["/items must be an array"]),
        ("/items", json!("Pizza"), &["/items must be an array"]),
        (
            "/items/0",
            json!("Pizza"),
            &["/items/0 must be an object with name, quantity and price, is a string"],
        ),
        ("/items/0", Value::Null, &["/items/0 must be an object with name, quantity and price, is null"]),
        ("/items/0/name", Value::Null, &["/items/0/name is required"]),
        ("/items/0/name", json!(""), &["/items/0/name must have 1 to 50 characters, has 0"]),
        ("/items/0/name", json!("x".repeat(51)), &["/items/0/name must have 1 to 50 characters, has 51"]),
        ("/items/0/name", json!("   "), &["/items/0/name must not consist of spaces only"]),
        ("/items/0/name", json!("Pi\0zza"), &["/items/0/name must contain only printable characters"]),
        ("/items/0/name", json!("\u{1b}[31m"), &["/items/0/name must contain only printable characters"]),
        ("/items/0/name", json!("a\u{202e}b"), &["/items/0/name must contain only printable characters"]),
        ("/items/0/name", json!("a\u{200b}b"), &["/items/0/name must contain only printable characters"]),
        ("/items/0/name", json!("\u{2800}"), &["/items/0/name must contain only printable characters"]),
        ("/items/0/name", json!("a\u{2028}b"), &["/items/0/name must contain only printable characters"]),
        ("/items/0/name", json!("\u{e000}"), &["/items/0/name must contain only printable characters"]),
        ("/items/0/name", json!(false), &["/items/0/name must be a string"]),
        ("/items/0/quantity", Value::Null, &["/items/0/quantity is required"]),
        ("/items/0/quantity", json!(0), QUANTITY),
        ("/items/0/quantity", json!(11), QUANTITY),
        ("/items/0/quantity", json!(-1), QUANTITY),
        ("/items/0/quantity", json!(257), QUANTITY),
        ("/items/0/quantity", json!("1"), QUANTITY),
        ("/items/0/quantity", json!(true), QUANTITY),
        ("/items/0/quantity", number("1.0"), QUANTITY),
        ("/items/0/quantity", number("1.5"), QUANTITY),
        ("/items/0/quantity", number("1e0"), QUANTITY),
        ("/items/0/quantity", number("1e400"), QUANTITY),
        ("/items/0/quantity", number("18446744073709551617"), QUANTITY),
        ("/items/0/price", Value::Null, &["/items/0/price is required"]),
        ("/items/0/price", json!(0), PRICE),
        ("/items/0/price", number("0.00"), PRICE),
        ("/items/0/price", number("1000"), PRICE),
        ("/items/0/price", number("1000.00"), PRICE),
        ("/items/0/price", number("-0.01"), PRICE),
        ("/items/0/price", number("1e400"), PRICE),
        ("/items/0/price", number("1e999999999"), PRICE),
        ("/items/0/price", number("1e99999999999999999999"), PRICE),
        ("/items/0/price", number("0.001"), DECIMALS),
        ("/items/0/price", number("999.991"), DECIMALS),
        ("/items/0/price", number("15.990"), DECIMALS),
        ("/items/0/price", number("24.979999"), DECIMALS),
        ("/items/0/price", json!("15.99"), PRICE_TYPE),
        ("/items/0/price", json!(true), PRICE_TYPE),
        ("/items/0/price", json!([15.99]), PRICE_TYPE),
    ]
}

#[tokio::test]
async fn a_value_beyond_a_border_is_refused_by_pointer_and_rule() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for (pointer, value, expected) in refusals() {
        let order = with(takeout(), pointer, value);
        let answer = service.post("/orders", &order.to_string()).await;
        let violations = violations(&answer);
        let fits = violations.len() == expected.len()
            && violations.iter().zip(expected).all(|(found, expected)| found.starts_with(expected));
        assert!(fits, "{order}\nexpected {expected:?}\nfound    {violations:?}");
    }
}

#[tokio::test]
async fn a_refused_order_leaves_no_trace_and_takes_no_number() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let database = stage.database().await;
    for (pointer, value, _) in refusals().into_iter().take(5) {
        service.post("/orders", &with(takeout(), pointer, value).to_string()).await;
    }
    for table in ["orders", "order_items", "order_status_log", "order_outbox", "order_counters"] {
        assert_eq!(database.value(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
    assert!(service.place(&orders::takeout()).await.ends_with("_001"));
}

#[tokio::test]
async fn every_violation_is_reported_at_once_and_in_words() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let order = json!({
        "customer_name": "\t".repeat(101),
        "order_type": "dine_in",
        "delivery_address": "123 Main Street",
        "items": [{"name": "", "quantity": 11, "price": 0}, {"quantity": "1", "price": "9.99"}, 7]
    });
    let answer = service.post("/orders", &order.to_string()).await;
    let expected = [
        "/customer_name must have 1 to 100 characters, has 101",
        "/customer_name must not consist of spaces only",
        "/customer_name must contain only letters, digits, spaces, hyphens and apostrophes, found '\\t'",
        "/delivery_address must not be present in a dine_in order",
        "/table_number is required",
        "/items/0/name must have 1 to 50 characters, has 0",
        "/items/0/quantity must be an integer between 1 and 10",
        "/items/0/price must be between 0.01 and 999.99",
        "/items/1/name is required",
        "/items/1/quantity must be an integer between 1 and 10",
        "/items/1/price must be a number between 0.01 and 999.99",
        "/items/2 must be an object with name, quantity and price, is a number",
    ];
    assert_eq!(violations(&answer), expected);
    assert_eq!(answer.json()["detail"], format!("The order is not valid: {}.", expected.join("; ")));
}

#[tokio::test]
async fn null_counts_as_absent_and_unknown_fields_are_ignored() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let order = with(takeout(), "/table_number", Value::Null);
    let order = with(order, "/delivery_address", Value::Null);
    let order = with(order, "/coupon", json!({"code": ["x"], "id": 1}));
    let order = with(order, "/items/0/size", json!("large"));
    service.place(&order).await;
    let answer = service.post("/orders", "{}").await;
    let expected = ["/customer_name is required", "/order_type is required", "/items is required"];
    assert_eq!(violations(&answer), expected);
}

/// A number as it is written.
fn number(text: &str) -> Value {
    serde_json::from_str(text).expect("a JSON number")
}
