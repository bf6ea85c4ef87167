//! RabbitMQ runs out of memory or disk space, or closes channels.

use testkit::http;
use tokio::task::JoinSet;

use crate::restaurant::Restaurant;
use crate::verdict::{closes, holds, recovers};

/// Closes the channels as the broker does after a protocol violation by a client.
const CLOSE_CHANNELS: &str = "[exit(Channel, {amqp_error, precondition_failed, \"closed on purpose\", none}) || \
     Channel <- rabbit_channel:list()].";

/// A broker with an alarm counts as away: orders are refused at once, without a number or a row.
async fn nothing_is_written(alarm: &str, restaurant: &Restaurant) {
    let database = restaurant.stage.database().await;
    let service = &restaurant.order_services[0];
    service.until_status("/readyz", 503).await;
    let stored = "select count(*) from orders";
    let before = database.value(stored).await;
    let order = testkit::orders::takeout().to_string();
    let port = service.port();
    let orders: JoinSet<_> = (0..100)
        .map(|_| {
            let order = order.clone();
            let json = [("Content-Type", "application/json")];
            async move { http::send(port, "POST", "/orders", &json, order.as_bytes()).await }
        })
        .collect();
    let answers = orders.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 500), "{alarm}: {answers:?}");
    assert_eq!(database.value(stored).await, before, "{alarm}: refused orders were stored");
    let line = service.log("rabbitmq_blocked").await;
    assert!(line["error"]["msg"].as_str().unwrap().contains("low on"), "{line}");
}

#[tokio::test]
async fn alarms_and_closed_channels() {
    let mut restaurant = Restaurant::open_with_own_servers().await;
    let alarms = [
        (
            "memory alarm",
            "vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1}).",
            "vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1500000000}).",
        ),
        (
            "disk alarm",
            "rabbit_disk_monitor:set_disk_free_limit(\"1000000GB\").",
            "rabbit_disk_monitor:set_disk_free_limit(\"50MB\").",
        ),
    ];
    for (name, raise, clear) in alarms {
        let load = restaurant.load();
        load.accepts(20).await;
        let said = restaurant.stage.own_servers().rabbitmq.console().evaluate(raise).await.unwrap();
        assert!(said.starts_with("{ok,"), "{name}: {said}");
        load.is_refused().await;
        load.gets_responses(8).await;
        nothing_is_written(name, &restaurant).await;
        restaurant.stage.own_servers().rabbitmq.console().evaluate(clear).await.unwrap();
        let recovery = recovers(&load).await;
        holds(&format!("RabbitMQ: {name}"), &mut restaurant, load, recovery).await;
    }
    let load = restaurant.load();
    for _ in 0..3 {
        load.accepts(20).await;
        let said = restaurant.stage.own_servers().rabbitmq.console().evaluate(CLOSE_CHANNELS).await.unwrap();
        assert!(said.starts_with("{ok,"), "{said}");
    }
    let recovery = recovers(&load).await;
    holds("RabbitMQ: every channel closed by the server", &mut restaurant, load, recovery).await;
    // The broker prints lists of small numbers as Latin-1.
    let log = std::fs::read(restaurant.stage.own_servers().rabbitmq.log()).unwrap();
    let log = String::from_utf8_lossy(&log);
    let closed: Vec<&str> = log.lines().filter(|line| line.contains("closed on purpose")).collect();
    assert!(!closed.is_empty(), "no channel was closed:\n{log}");
    closes(restaurant).await;
}
