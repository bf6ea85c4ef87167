//! kill -9 at every step.

use crate::restaurant::{COOKS, Restaurant};
use crate::verdict::{holds, recovers};

const ORDER_STEPS: [&str; 5] = [
    "order.before_commit",
    "order.committed",
    "order.published",
    "order.before_answer",
    "order.before_settling",
];

#[tokio::test]
async fn the_order_service_is_killed_at_every_step_of_the_write_path() {
    let mut restaurant = Restaurant::open().await;
    let load = restaurant.load();
    for step in ORDER_STEPS {
        load.accepts(20).await;
        let doomed = restaurant.order_service().env("FAILPOINT", format!("{step}=kill@5")).start().await;
        restaurant.order_services[0].stop().await;
        restaurant.ports.lock().unwrap()[0] = doomed.port();
        restaurant.order_services[0] = doomed;
        let status = restaurant.order_services[0].wait().await;
        assert_eq!(status.code(), None, "{step}: killed by a signal");
        restaurant.replace_order_service(0).await;
    }
    let recovery = recovers(&load).await;
    holds("order service killed at every step", restaurant, load, recovery).await;
}

#[tokio::test]
async fn cooks_are_killed_in_the_middle() {
    let mut restaurant = Restaurant::open().await;
    let load = restaurant.load();
    for round in 0..4 {
        load.accepts(30).await;
        let place = round % COOKS.len();
        restaurant.cooks[place].kill().await;
        restaurant.replace_cook(place).await;
    }
    let recovery = recovers(&load).await;
    holds("cooks killed, four times", restaurant, load, recovery).await;
}
