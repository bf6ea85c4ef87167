//! A message that comes again is carried out once.

use serde_json::json;

use crate::counter::{Counter, ID, another_service, plain, wanted, wanted_as, with_message_id};

#[tokio::test]
async fn the_same_order_id_or_message_id_is_one_order() {
    let counter = Counter::open().await;
    for _ in 0..3 {
        counter.send(plain(), &wanted_as(ID)).await;
        counter.send(with_message_id("till-3/7"), &wanted()).await;
    }
    counter.until_all_are_taken().await;
    assert_eq!([counter.count("orders").await, counter.count("order_requests").await], [2, 2]);
    let numbers = "select max(last_number)::bigint from order_counters";
    assert_eq!(counter.database.value(numbers).await, 2);
}

/// The value decides, not how it is written.
#[tokio::test]
async fn an_order_id_with_another_body_is_refused() {
    let counter = Counter::open().await;
    counter.send(plain(), &wanted_as(ID)).await;
    counter.until_all_are_taken().await;
    let replies = counter.broker.tap("amq.fanout", "").await;
    let asking = || {
        let mut properties = plain();
        properties.with_reply_to(&replies).finish()
    };
    let other_bytes = format!(
        r#"{{ "items":[{{"price":25.50,"quantity":1,"item_id":"sushi-set"}}],
        "order_id":"{ID}","user_id":"user-001"}}"#
    );
    counter.broker.publish("", "validated_orders", asking(), &other_bytes).await;
    assert_eq!(counter.broker.take(&replies).await.json()["status"], "CONFIRMED");
    let mut other_value = wanted_as(ID);
    other_value["items"][0]["quantity"] = json!(2);
    counter.send(asking(), &other_value).await;
    let reply = counter.broker.take(&replies).await.json();
    assert_eq!([&reply["status"], &reply["code"]], [&json!("FAILED"), &json!("order_id_reused")]);
    counter.until_all_are_taken().await;
    assert_eq!(counter.count("orders").await, 1);
    assert_eq!(counter.count("order_requests where status = 'CONFIRMED'").await, 1);
}

/// Two services, each message three times and in disorder.
#[tokio::test]
async fn messages_that_come_thrice_to_two_services_are_carried_out_once() {
    const REQUESTS: usize = 40;
    let counter = Counter::open().await;
    let _other = another_service(&counter.stage).await;
    let id = |place: usize| format!("019ab6ce-5d80-7c3e-8f12-{place:012}");
    for place in
        (0..REQUESTS).chain((0..REQUESTS).rev()).chain((0..REQUESTS).map(|place| place * 7 % REQUESTS))
    {
        counter.send(plain(), &wanted_as(&id(place))).await;
    }
    counter.until_all_are_taken().await;
    assert_eq!(counter.count("orders").await, REQUESTS as u64);
    assert_eq!(counter.count("order_requests where status = 'CONFIRMED'").await, REQUESTS as u64);
}

/// Killed at each step. The message comes again to the next service.
#[tokio::test]
async fn a_service_that_dies_at_any_step_places_a_message_without_an_id_once() {
    for step in [
        "order.before_commit",
        "order.committed",
        "order.published",
        "order.before_answer",
        "order.before_settling",
    ] {
        let mut counter = Counter::open_with(|launch| launch.env("FAILPOINT", format!("{step}=kill"))).await;
        counter.send(plain(), &wanted()).await;
        counter.service.wait().await;
        let _next = another_service(&counter.stage).await;
        assert_eq!(counter.outcome().await["status"], "CONFIRMED", "{step}");
        counter.until_all_are_taken().await;
        assert_eq!([counter.count("orders").await, counter.count("order_requests").await], [1, 1], "{step}");
    }
}
