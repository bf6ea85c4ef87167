//! Messages that ask for what cannot be had, or for nothing that can be read.

use serde_json::{Value, json};

use crate::counter::{Counter, ID, plain, wanted_as, with_message_id};

#[tokio::test]
async fn a_body_that_breaks_rules_fails_and_says_where() {
    let counter = Counter::open().await;
    let mut body = wanted_as(ID);
    body["items"][0]["quantity"] = json!(0);
    counter.send(plain(), &body).await;
    let event = counter.status().await;
    assert_eq!((&event["status"], &event["order_number"]), (&json!("FAILED"), &Value::Null));
    let rule = "/items/0/quantity must be an integer between 1 and 10";
    assert_eq!(event["reason"], format!("The order is not valid: {rule}."));
    let outcome = counter.outcome().await;
    assert_eq!(outcome["code"], "validation_failed");
    assert_eq!(outcome["errors"][0]["pointer"], "/items/0/quantity");
    counter.until_all_are_taken().await;
    assert_eq!(counter.count("orders").await, 0);
    let line = counter.service.log("validation_failed").await;
    assert_eq!(
        (&line["details"]["order_id"], &line["details"]["code"]),
        (&json!(ID), &json!("validation_failed"))
    );
}

#[tokio::test]
async fn an_id_that_is_no_uuid_fails_under_one_that_is_made() {
    let counter = Counter::open().await;
    counter.send(with_message_id("till-3/7"), &wanted_as("7")).await;
    let event = counter.status().await;
    assert_eq!(event["status"], "FAILED");
    assert!(event["reason"].as_str().unwrap().contains("/order_id must be a UUID"), "{event}");
    counter.send(with_message_id("till-3/7"), &wanted_as("7")).await;
    counter.until_all_are_taken().await;
    assert_eq!(counter.count("order_requests").await, 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_a_dead_letter_with_the_reason() {
    let counter = Counter::open().await;
    for (body, reason) in [
        ("not json", "the body is not a JSON object that can be read"),
        ("[]", "the body is an array: send a JSON object with items"),
    ] {
        counter.broker.publish("", "validated_orders", plain(), body).await;
        let letter = counter.broker.take("kitchen_dlq").await;
        assert_eq!(letter.body, body);
        assert!(letter.header("x-reason").contains(reason), "{}", letter.header("x-reason"));
        assert_eq!(letter.header("x-original-routing-key"), "validated_orders");
    }
    counter.until_all_are_taken().await;
    assert_eq!([counter.count("order_requests").await, counter.count("orders").await], [0, 0]);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_a_dead_letter_as_it_came() {
    let counter = Counter::open().await;
    let body = format!("{{\"user_id\":\"{}\"}}", "x".repeat(300_000));
    counter.broker.publish("", "validated_orders", plain(), &body).await;
    assert_eq!(counter.broker.take("kitchen_dlq").await.body, body);
    let line = counter.service.log("message_processing_failed").await;
    assert!(line["error"]["msg"].as_str().unwrap().contains("300014 bytes"), "{line}");
    counter.until_all_are_taken().await;
}

/// HTTP takes such bodies, too: what is not asked for is not read.
#[tokio::test]
async fn what_is_odd_beside_the_order_is_no_fault() {
    let counter = Counter::open().await;
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    for (place, odd) in [deep, "9".repeat(200_000), r#""\ud800""#.to_owned()].iter().enumerate() {
        let id = format!("019ab6ce-5d80-7c3e-8f12-{place:012}");
        let body = wanted_as(&id).to_string().replacen('{', &format!("{{\"odd\":{odd},"), 1);
        counter.broker.publish("", "validated_orders", plain(), &body).await;
        assert_eq!(counter.outcome().await["status"], "CONFIRMED");
    }
    let broken = wanted_as(ID).to_string().replace("user-001", "\\ud800");
    counter.broker.publish("", "validated_orders", plain(), &broken).await;
    let outcome = counter.outcome().await;
    assert_eq!(
        (&outcome["status"], &outcome["errors"][0]["pointer"]),
        (&json!("FAILED"), &json!("/user_id"))
    );
}

#[tokio::test]
async fn what_the_menu_refuses_fails_with_the_code_of_http() {
    let menu = |launch: testkit::Launch| {
        launch.env("MENU_MODE", "on").env("ORDER_STAFF_KEY", "the-staff-knows-this")
    };
    let counter = Counter::open_with(menu).await;
    let sql = "insert into menu_items (id, name, category, price) values ('sushi-set', 'Sushi set', 'Sushi', 25.50),
                                                                     ('pho-bo', 'Pho bo', 'Soups', 9);
               insert into inventory_items (item_id, \"left\") values ('sushi-set', 1);
               insert into inventory_movements (item_id, delta, left_after, quantity, reason, changed_by)
               values ('sushi-set', 1, 1, 1, 'set', 'staff')";
    counter.database.execute(sql).await;
    testkit::eventually("the menu", async || {
        let menu = counter.service.get("/menu").await;
        menu.body.contains("sushi-set").then_some(())
    })
    .await;
    let id = |place: u32| format!("019ab6ce-5d80-7c3e-8f12-{place:012}");
    let ask =
        |place: u32, items: Value| json!({"order_id": id(place), "user_id": "user-001", "items": items});
    for (place, items, code) in [
        (1, json!([{"item_id": "sushi-set", "quantity": 2}]), "out_of_stock"),
        (2, json!([{"item_id": "pizza", "quantity": 1}]), "unknown_item"),
        (3, json!([{"item_id": "pho-bo", "quantity": 1, "price": 8}]), "price_changed"),
    ] {
        counter.send(plain(), &ask(place, items)).await;
        let outcome = counter.outcome().await;
        assert_eq!(
            [&outcome["order_id"], &outcome["status"], &outcome["code"]],
            [&json!(id(place)), &json!("FAILED"), &json!(code)]
        );
        assert_eq!(outcome["items"][0]["code"], code, "{outcome}");
    }
    counter.send(plain(), &ask(4, json!([{"item_id": "sushi-set", "quantity": 1}]))).await;
    let outcome = counter.outcome().await;
    assert_eq!((&outcome["status"], &outcome["order_id"]), (&json!("CONFIRMED"), &json!(id(4))));
    assert_eq!(counter.database.value("select \"left\"::bigint from inventory_items").await, 0);
    counter.until_all_are_taken().await;
}
