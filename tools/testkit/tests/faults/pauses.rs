//! The staff takes no orders for a while, and the order services die meanwhile.

use serde_json::json;
use testkit::eventually;
use testkit::http::send;

use crate::menu::STAFF_KEY;
use crate::restaurant::Restaurant;
use crate::verdict::{holds_to_the_end, recovers};

/// As if six minutes had passed by the database's clock.
const SIX_MINUTES_PASS: &str = "update intake_pauses
    set paused_at = paused_at - interval '6 minutes', paused_until = paused_until - interval '6 minutes'";

#[tokio::test]
async fn a_pause_ends_while_no_order_service_runs() {
    let mut restaurant = Restaurant::open().await.with_menu().await.with_messages().await;
    let database = restaurant.stage.database().await;
    let load = restaurant.load();
    load.accepts(5).await;

    let staff = format!("Bearer {STAFF_KEY}");
    let headers = [("Content-Type", "application/json"), ("Authorization", staff.as_str())];
    let pause = json!({"minutes": 5, "message": "The oven is off."}).to_string();
    let port = restaurant.order_services[0].port();
    let answer = send(port, "POST", "/intake/pause", &headers, pause.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for service in &restaurant.order_services {
        service.log("intake_paused").await;
    }
    // One that starts during the pause takes no orders either.
    restaurant.order_services[0].kill().await;
    restaurant.replace_order_service(0).await;
    eventually("the new one to know", async || {
        let shown = restaurant.order_services[0].get("/intake").await.json();
        (shown["message"] == "The oven is off.").then_some(())
    })
    .await;

    for service in &mut restaurant.order_services {
        service.kill().await;
    }
    database.execute(SIX_MINUTES_PASS).await;
    for place in 0..restaurant.order_services.len() {
        restaurant.replace_order_service(place).await;
    }
    let recovery = recovers(&load).await;
    holds_to_the_end("a pause that ends while no order service runs", restaurant, load, recovery).await;
}
