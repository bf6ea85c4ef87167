//! Servers that are away: no message is lost, and none is decided twice.

use testkit::Stage;

use crate::counter::{Counter, ID, plain, wanted, wanted_as};

/// No client waits for an answer: the order goes when its queue takes it.
#[tokio::test]
async fn an_order_that_its_queue_does_not_confirm_waits_and_is_confirmed() {
    let counter = Counter::open().await;
    counter.broker.suspend("kitchen_takeout_queue").await;
    counter.send(plain(), &wanted_as(ID)).await;
    counter.service.log("rabbitmq_publish_failed").await;
    counter.until_all_are_taken().await;
    assert_eq!(counter.count("order_requests where status = 'PROCESSING'").await, 1);
    counter.broker.resume("kitchen_takeout_queue").await;
    assert_eq!(counter.outcome().await["status"], "CONFIRMED");
    assert_eq!(counter.count("orders where status = 'cancelled'").await, 0);
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
