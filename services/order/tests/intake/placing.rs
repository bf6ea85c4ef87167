//! From a message to the kitchen.

use serde_json::{Value, json};
use testkit::eventually;

use crate::counter::{Counter, ID, event, plain, wanted, wanted_as};

#[tokio::test]
async fn a_message_becomes_an_order_and_everybody_learns_of_it() {
    let counter = Counter::open().await;
    let body = json!({"order_id": ID, "user_id": "user-001", "items": [
        {"item_id": "sushi-set", "quantity": 1, "price": 25.50}, {"item_id": "pho-bo", "quantity": 2, "price": 9.00}]});
    counter.send(plain(), &body).await;
    let order = counter.broker.take("kitchen_takeout_queue").await.json();
    let number = order["order_number"].as_str().unwrap().to_owned();
    assert_eq!(order["customer_name"], "user-001");
    assert_eq!(
        order["items"][1],
        serde_json::from_str::<Value>(r#"{"name":"pho-bo","quantity":2,"price":9.00}"#).unwrap()
    );

    let (first, processing) = event(&counter.broker.take(&counter.statuses).await);
    let (second, confirmed) = event(&counter.broker.take(&counter.statuses).await);
    assert_eq!((first, second), (format!("{ID}.PROCESSING"), format!("{ID}.CONFIRMED")));
    for (event, status) in [(&processing, "PROCESSING"), (&confirmed, "CONFIRMED")] {
        let said = [&event["order_id"], &event["status"], &event["order_number"], &event["reason"]];
        assert_eq!(said, [&json!(ID), &json!(status), &json!(number), &Value::Null]);
        assert_eq!(event["total_amount"].to_string(), "43.50");
    }

    let (id, outcome) = event(&counter.broker.take(&counter.outcomes).await);
    assert_eq!(id, format!("{ID}.CONFIRMED"));
    assert_eq!([&outcome["customer_name"], &outcome["order_type"]], [&json!("user-001"), &json!("takeout")]);
    assert_eq!(outcome["items"][0].to_string(), r#"{"name":"sushi-set","quantity":1,"price":25.50}"#);

    counter.until_all_are_taken().await;
    let row = "order_requests where status = 'CONFIRMED' and total_amount = 43.50 and placed_as is not null";
    assert_eq!(counter.count(row).await, 1);
    // An event is on its stream before its row is removed.
    eventually("an empty outbox", async || (counter.count("request_outbox").await == 0).then_some(())).await;
}

#[tokio::test]
async fn a_message_without_any_id_is_placed_once() {
    let counter = Counter::open().await;
    counter.send(plain(), &wanted()).await;
    counter.send(plain(), &wanted()).await;
    assert_eq!(counter.status().await["status"], "PROCESSING");
    counter.until_all_are_taken().await;
    assert_eq!([counter.count("orders").await, counter.count("order_requests").await], [2, 2]);
}

#[tokio::test]
async fn the_body_of_http_is_taken_as_well() {
    let counter = Counter::open().await;
    let mut body = testkit::orders::dine_in();
    body["order_id"] = json!(ID);
    counter.send(plain(), &body).await;
    let order = counter.broker.take("kitchen_dine_in_queue").await.json();
    assert_eq!(
        (&order["table_number"], &order["customer_name"]),
        (&body["table_number"], &body["customer_name"])
    );
}

/// Messages share transactions with each other, and orders of both ways their numbers.
#[tokio::test]
async fn many_messages_and_requests_at_once_have_numbers_without_gaps() {
    const EACH: usize = 60;
    let counter = Counter::open().await;
    let http = async {
        for _ in 0..EACH {
            counter.service.place(&testkit::orders::takeout()).await;
        }
    };
    let messages = async {
        for place in 0..EACH {
            counter.send(plain(), &wanted_as(&format!("019ab6ce-5d80-7c3e-8f12-{place:012}"))).await;
        }
    };
    tokio::join!(http, messages);
    counter.until_all_are_taken().await;
    let numbers = "select count(distinct number) from orders";
    let expected = 2 * EACH as u64;
    assert_eq!(counter.database.value(numbers).await, expected);
    let highest = "select max(last_number)::bigint from order_counters";
    assert_eq!(counter.database.value(highest).await, expected);
    assert_eq!(counter.count("order_requests where status = 'CONFIRMED'").await, EACH as u64);
}
