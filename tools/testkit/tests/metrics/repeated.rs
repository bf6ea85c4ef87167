//! Two services get the same request for the last portion: one of them places it, and both say so.

use serde_json::json;
use testkit::http::send;
use testkit::{Stage, eventually};

use crate::scenes::{KEY, staff};
use crate::scrape::{Measured, Scrape};

/// Orders with this result.
fn orders(scrape: &Scrape, result: &str) -> f64 {
    let label = format!("result=\"{result}\"");
    let is_meant = |series: &str| series.starts_with("restaurant_orders_total{") && series.contains(&label);
    scrape.series.iter().filter(|(series, _)| is_meant(series)).map(|(_, value)| value).sum()
}

#[tokio::test]
async fn what_another_service_placed_before_is_counted_as_repeated() {
    let stage = Stage::new().await;
    let (database, locking) = (stage.database().await, stage.database().await);
    let launch = stage
        .order_service()
        .env("MENU_MODE", "on")
        .env("ORDER_STAFF_KEY", KEY)
        // The commit alone decides what the key stands for.
        .env("ORDER_ACCEPT_WHILE_BROKER_DOWN", "true");
    let first = Measured::start(launch.clone()).await;
    staff(&first.service, "PUT", "/menu/items/soup", r#"{"name": "Soup", "price": 9.5}"#).await;
    staff(&first.service, "PUT", "/inventory/soup", r#"{"left": 1}"#).await;
    let second = Measured::start(launch).await;

    // Both have looked the key up before either of them takes the portion.
    locking.execute("begin; select from inventory_items where item_id = 'soup' for update").await;
    let body = json!({"customer_name": "Jane", "order_type": "takeout",
                      "items": [{"item_id": "soup", "quantity": 1}]})
    .to_string();
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "one")];
    let place = async |port| send(port, "POST", "/orders", &headers, body.as_bytes()).await;
    let both_wait = async {
        let waiting = "select count(*) from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock'";
        eventually("both to wait", async || (database.value(waiting).await == 2).then_some(())).await;
        locking.execute("rollback").await;
    };
    let (one, other, ()) = tokio::join!(place(first.service.port()), place(second.service.port()), both_wait);
    assert_eq!((one.status, other.status), (200, 200), "{one:?} {other:?}");
    assert_eq!(one.json()["order_number"], other.json()["order_number"]);

    let scrapes = [first.scrape().await, second.scrape().await];
    for (result, count) in [("placed", 1.0), ("repeated", 1.0), ("refused", 0.0)] {
        let found: f64 = scrapes.iter().map(|scrape| orders(scrape, result)).sum();
        assert!((found - count).abs() < 0.5, "{found} are {result}");
    }
}
