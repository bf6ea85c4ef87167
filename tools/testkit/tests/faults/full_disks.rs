//! The disk for the services' output is full for a while.

use serde_json::json;
use testkit::{eventually, http};

use crate::machine::Machine;
use crate::restaurant::{COOKS, Restaurant};
use crate::scale::either;
use crate::verdict::{holds_to_the_end, recovers};

/// An order with twenty violations: its log line is long.
fn faulty() -> String {
    let items = vec![json!({"name": "", "quantity": 0, "price": 0}); 20];
    json!({"customer_name": "Nobody", "order_type": "takeout", "items": items}).to_string()
}

#[tokio::test]
async fn the_disk_of_the_logs_is_full_under_load() {
    let machine = Machine::build();
    let folder = tempfile::tempdir().unwrap();
    let mut restaurant = Restaurant::open().await;
    let (mut order_service, mut cook) = (restaurant.order_service(), restaurant.cook(COOKS[0]));
    for (name, value) in machine.environment() {
        order_service = order_service.env(name, value.clone());
        cook = cook.env(name, value);
    }
    restaurant.order_services[0].stop().await;
    restaurant.seat_order_service(0, &order_service.printing_to(folder.path().join("order-service"))).await;
    restaurant.cooks[0].stop().await;
    restaurant.cooks[0] = cook.printing_to(folder.path().join("cook")).start().await;

    let load = restaurant.load();
    load.accepts(20).await;
    machine.disk_is_full(true);
    load.accepts(either(60, 600)).await;
    // More than the service buffers in memory.
    let port = restaurant.order_services[0].port();
    for _ in 0..400 {
        let answer =
            http::send(port, "POST", "/orders", &[("Content-Type", "application/json")], faulty().as_bytes())
                .await;
        assert_eq!(answer.status, 400);
    }
    load.accepts(20).await;
    machine.disk_is_full(false);
    let told = restaurant.order_services[0].log("log_lines_lost").await;
    assert!(told["details"]["lost"].as_u64() > Some(0), "{told}");
    assert!(told["error"]["msg"].as_str().unwrap().contains("No space left on device"), "{told}");
    let resumed = "the cook's log to go on";
    eventually(resumed, async || (restaurant.cooks[0].logged("log_resumed").len() == 1).then_some(())).await;
    let recovery = recovers(&load).await;
    holds_to_the_end("disk of the logs full", restaurant, load, recovery).await;
}

#[tokio::test]
async fn the_disk_of_a_subscriber_is_full_under_load() {
    let machine = Machine::build();
    let folder = tempfile::tempdir().unwrap();
    let mut restaurant = Restaurant::open().await;
    let mut subscriber = restaurant.subscriber().printing_to(folder.path().join("subscriber"));
    for (name, value) in machine.environment() {
        subscriber = subscriber.env(name, value);
    }
    restaurant.subscriber = subscriber.start().await;
    let load = restaurant.load();
    load.accepts(20).await;
    for _ in 0..either(2, 5) {
        machine.disk_is_full(true);
        // More changes than the prefetch. The connection is lost in the meantime, too.
        load.accepts(either(80, 400)).await;
        restaurant.links.subscriber_to_rabbitmq.cut();
        restaurant.links.subscriber_to_rabbitmq.mend();
        load.accepts(10).await;
        machine.disk_is_full(false);
        load.accepts(10).await;
    }
    let recovery = recovers(&load).await;
    holds_to_the_end("disk of the subscriber full", restaurant, load, recovery).await;
}
