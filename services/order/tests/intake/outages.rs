//! Servers that are away: no message is lost, and none is decided twice.

use testkit::{Stage, eventually};

use crate::counter::{Counter, ID, plain, wanted, wanted_as};

/// An order whose message the broker does not take is taken back, and so its request fails.
#[tokio::test]
async fn an_order_that_is_taken_back_fails() {
    let counter = Counter::open().await;
    counter.broker.suspend("kitchen_takeout_queue").await;
    counter.send(plain(), &wanted_as(ID)).await;
    let event = eventually("the end of the request", async || {
        let event = counter.broker.take_now(&counter.statuses).await?.json();
        (event["status"] != "PROCESSING").then_some(event)
    })
    .await;
    counter.broker.resume("kitchen_takeout_queue").await;
    assert_eq!(event["status"], "FAILED", "{event}");
    let outcome = counter.outcome().await;
    assert_eq!(outcome["code"], "cancelled");
    counter.until_all_are_taken().await;
    assert_eq!(counter.count("orders where status = 'cancelled'").await, 1);
}

#[tokio::test]
async fn while_the_database_is_away_messages_wait() {
    let stage = Stage::new().await;
    let proxy = stage.postgres_proxy().await;
    let port = proxy.port().to_string();
    let counter = Counter::open_on(stage, |launch| launch.env("DB_PORT", port.clone())).await;
    counter.send(plain(), &wanted_as(ID)).await;
    assert_eq!(counter.outcome().await["status"], "CONFIRMED");
    proxy.cut();
    counter.send(plain(), &wanted()).await;
    counter.service.log("db_transaction_failed").await;
    proxy.mend();
    assert_eq!(counter.outcome().await["status"], "CONFIRMED");
    counter.until_all_are_taken().await;
    assert_eq!(counter.count("orders").await, 2);
}
