//! "Data Processing": totals to the cent, and the priority that follows from them.

use serde_json::{Value, json};
use testkit::orders::{takeout, takeout_of, with};
use testkit::{Service, Stage};

/// What the client reads, to the digit.
async fn total_of(service: &Service, order: &Value) -> String {
    let answer = service.post("/orders", &order.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let (_, total) = answer.body.split_once("\"total_amount\":").expect("a total");
    total.trim_end_matches('}').to_owned()
}

#[tokio::test]
async fn the_total_is_the_exact_sum_of_price_times_quantity() {
    let item = |quantity: u8, price: &str| {
        let price: Value = serde_json::from_str(price).unwrap();
        json!({"name": "x", "quantity": quantity, "price": price})
    };
    let totals = [
        (vec![item(1, "15.99"), item(1, "8.99")], "24.98"),
        (vec![item(7, "15.99")], "111.93"),
        (vec![item(3, "0.1")], "0.30"),
        (vec![item(1, "0.1"), item(1, "0.2")], "0.30"),
        (vec![item(1, "0.01")], "0.01"),
        (vec![item(1, "5")], "5.00"),
        (vec![item(10, "1e2")], "1000.00"),
        (vec![item(9, "1.10"), item(1, "2.20"), item(3, "4.35")], "25.15"),
        (vec![item(10, "999.99"); 20], "199998.00"),
    ];
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for (items, total) in &totals {
        assert_eq!(total_of(&service, &with(takeout(), "/items", json!(items))).await, *total);
    }
    let stored =
        stage.database().await.rows("select total_amount::text as total from orders order by id").await;
    let stored: Vec<_> = stored.iter().map(|row| row["total"].as_str().unwrap()).collect();
    assert_eq!(stored, totals.map(|(_, total)| total));
}

#[tokio::test]
async fn the_priority_is_5_from_50_on_and_10_above_100() {
    let borders =
        [("0.01", 1), ("49.99", 1), ("50.00", 5), ("50.01", 5), ("99.99", 5), ("100.00", 5), ("100.01", 10)];
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    for (total, priority) in borders {
        let number = service.place(&takeout_of(total)).await;
        let row = format!("select priority from orders where number = '{number}'");
        assert_eq!(database.value(&row).await, priority, "{total}");
        let message = broker.take("kitchen_takeout_queue").await;
        assert_eq!(message.json()["priority"], priority, "{total}");
        assert_eq!(message.properties.priority(), Some(priority), "{total}");
        assert_eq!(message.routing_key, format!("kitchen.takeout.{priority}"), "{total}");
    }
}
