//! kill -9 at every step.

use testkit::eventually;

use crate::restaurant::{COOKS, Restaurant};
use crate::scale::either;
use crate::verdict::{closes, holds, holds_to_the_end, recovers};

const ORDER_STEPS: [&str; 5] = [
    "order.before_commit",
    "order.committed",
    "order.published",
    "order.before_answer",
    "order.before_settling",
];

const COOK_STEPS: [&str; 6] = [
    "kitchen.before_claim",
    "kitchen.claimed",
    "kitchen.cooked",
    "kitchen.finished",
    "kitchen.published",
    "kitchen.before_ack",
];

#[tokio::test]
async fn the_order_service_is_killed_at_every_step_of_the_write_path() {
    kill_order_services(Restaurant::open().await).await;
}

#[tokio::test]
async fn the_order_service_is_killed_at_every_step_of_selling_from_the_menu_also_by_message() {
    kill_order_services(Restaurant::open().await.with_menu().await.with_messages().await).await;
}

async fn kill_order_services(mut restaurant: Restaurant) {
    let load = restaurant.load();
    for step in ORDER_STEPS.repeat(either(1, 5)) {
        load.accepts(10).await;
        restaurant.order_services[0].stop().await;
        let doomed = restaurant.order_service().env("FAILPOINT", format!("{step}=kill@5"));
        restaurant.seat_order_service(0, &doomed).await;
        let status = restaurant.order_services[0].wait().await;
        assert_eq!(status.code(), None, "{step}: killed by a signal");
        restaurant.replace_order_service(0).await;
    }
    let recovery = recovers(&load).await;
    holds_to_the_end("order service killed at every step", restaurant, load, recovery).await;
}

#[tokio::test]
async fn cooks_are_killed_at_every_step() {
    let mut restaurant = Restaurant::open().await;
    let load = restaurant.load();
    for step in COOK_STEPS.repeat(either(1, 5)) {
        load.accepts(5).await;
        restaurant.cooks[0].stop().await;
        let doomed = restaurant.cook(COOKS[0]).env("FAILPOINT", format!("{step}=kill@4"));
        restaurant.cooks[0] = doomed.start().await;
        let status = restaurant.cooks[0].wait().await;
        assert_eq!(status.code(), None, "{step}: killed by a signal");
        restaurant.replace_cook(0).await;
    }
    let recovery = recovers(&load).await;
    holds("cook killed at every step", &mut restaurant, load, recovery).await;

    let load = restaurant.load();
    for round in 0..either(4, 20) {
        load.accepts(10).await;
        let place = round % COOKS.len();
        restaurant.cooks[place].kill().await;
        restaurant.replace_cook(place).await;
    }
    let recovery = recovers(&load).await;
    holds_to_the_end("cooks killed at random", restaurant, load, recovery).await;
}

#[tokio::test]
async fn a_subscriber_is_killed_between_print_and_acknowledgement() {
    let mut restaurant = Restaurant::open().await;
    let load = restaurant.load();
    let doomed = restaurant.subscriber().env("FAILPOINT", "notifier.shown=kill@20");
    let mut doomed = doomed.start().await;
    assert_eq!(doomed.wait().await.code(), None, "killed by a signal");
    load.accepts(10).await;
    // A subscriber that starts after a crash asks for all kept messages, and gets each of them
    // once.
    let heir = restaurant.subscriber().arg("--from=first").start().await;
    let witness = std::mem::replace(&mut restaurant.subscriber, heir);
    let recovery = recovers(&load).await;
    holds("subscriber killed between print and ack", &mut restaurant, load, recovery).await;
    // No other subscriber lost anything.
    let mut expected = restaurant.subscriber.console();
    expected.sort();
    eventually("the witness to see the same", async || {
        let mut seen = witness.console();
        seen.sort();
        (seen == expected).then_some(())
    })
    .await;
    closes(restaurant).await;
}
