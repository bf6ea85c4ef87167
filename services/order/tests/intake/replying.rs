//! Who asks is answered, at the place that the message names.

use serde_json::{Value, json};

use crate::counter::{Counter, ID, plain, wanted_as};

#[tokio::test]
async fn the_outcome_goes_to_reply_to_also_when_the_message_comes_again() {
    let counter = Counter::open().await;
    let replies = counter.broker.tap("amq.fanout", "").await;
    for _ in 0..2 {
        let mut properties = plain();
        properties.with_reply_to(&replies).with_correlation_id("question 7");
        counter.send(properties.finish(), &wanted_as(ID)).await;
        let reply = counter.broker.take(&replies).await;
        assert_eq!(reply.properties.correlation_id().unwrap(), "question 7");
        let body = reply.json();
        let members: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(
            members,
            [
                "order_id",
                "status",
                "order_number",
                "total_amount",
                "code",
                "reason",
                "errors",
                "items",
                "updated_at"
            ]
        );
        assert_eq!(
            [&body["order_id"], &body["status"], &body["code"]],
            [&json!(ID), &json!("CONFIRMED"), &Value::Null]
        );
        assert!(body["order_number"].as_str().unwrap().ends_with("_001"), "{body}");
    }
    assert_eq!(counter.count("orders").await, 1);
}

#[tokio::test]
async fn a_reply_that_nobody_takes_is_logged_and_holds_up_nothing() {
    let counter = Counter::open().await;
    let mut properties = plain();
    properties.with_reply_to("nobody-is-here");
    counter.send(properties.finish(), &wanted_as(ID)).await;
    let line = counter.service.log("rabbitmq_publish_failed").await;
    assert!(line["message"].as_str().unwrap().contains("reply_to"), "{line}");
    assert_eq!(line["details"]["order_id"], ID);
    counter.until_all_are_taken().await;
    assert_eq!(counter.outcome().await["status"], "CONFIRMED");
    counter.service.place(&testkit::orders::takeout()).await;
}
