//! Orders whose items the menu names and prices.

use serde_json::{Value, json};
use testkit::http::send;
use testkit::{Stage, eventually};

use crate::shop::{Shop, amount, another_service, order};

#[tokio::test]
async fn the_menu_says_what_an_order_costs() {
    let shop = Shop::open().await;
    let items = json!([
        {"item_id": "pho-bo", "quantity": 2},
        {"name": "Lemonade", "quantity": 1, "price": 3.20},
    ]);
    let answer = shop.order(items).await;
    assert_eq!((answer.status, &answer.json()["total_amount"]), (200, &amount("22.20")), "{answer:?}");
    let rows = shop
        .stage
        .database()
        .await
        .rows("select name, quantity, price::text from order_items order by id")
        .await;
    assert_eq!(
        rows,
        [
            json!({"name": "Pho bo", "quantity": 2, "price": "9.50"}),
            json!({"name": "Lemonade", "quantity": 1, "price": "3.20"}),
        ]
    );
}

#[tokio::test]
async fn an_item_that_is_not_on_the_menu_is_a_400_at_its_pointer() {
    let shop = Shop::open().await;
    let answer = shop
        .order(json!([
            {"item_id": "pho-bo", "quantity": 1},
            {"item_id": "pho-ga", "quantity": 1},
            {"item_id": "lemonade", "name": "Margherita", "quantity": 1},
        ]))
        .await;
    let problem = answer.json();
    assert_eq!((answer.status, &problem["code"]), (400, &json!("unknown_item")), "{problem}");
    let pointers: Vec<&Value> =
        problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, [&json!("/items/1/item_id"), &json!("/items/2/name")]);
    assert_eq!(shop.stage.database().await.value("select count(*) from orders").await, 0);
}

#[tokio::test]
async fn another_price_is_a_409_with_the_right_one_and_nothing_is_stored() {
    let shop = Shop::open().await;
    let answer = shop.order(json!([{"item_id": "pho-bo", "quantity": 1, "price": 9.49}])).await;
    let problem = answer.json();
    assert_eq!((answer.status, &problem["code"]), (409, &json!("price_changed")), "{problem}");
    let item = &problem["items"][0];
    assert_eq!(
        (&item["item_id"], &item["price"], &item["pointer"]),
        (&json!("pho-bo"), &amount("9.50"), &json!("/items/0/price"))
    );
    assert_eq!(shop.stage.database().await.value("select count(*) from orders").await, 0);
}

#[tokio::test]
async fn one_answer_names_every_item_that_cannot_be_had() {
    let shop = Shop::open().await;
    let only_dine_in = r#"{"name": "Soup of the day", "price": 5, "order_types": ["dine_in"]}"#;
    shop.staff("PUT", "/menu/items/soup", only_dine_in).await;
    shop.staff("POST", "/menu/items/pho-bo/sold-out", "").await;
    let answer = shop
        .order(json!([
            {"item_id": "pho-bo", "quantity": 1},
            {"item_id": "margherita", "quantity": 1, "price": 1},
            {"item_id": "soup", "quantity": 1},
        ]))
        .await;
    let problem = answer.json();
    assert_eq!((answer.status, &problem["code"]), (409, &json!("item_unavailable")), "{problem}");
    let items: Vec<_> = problem["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["item_id"].as_str().unwrap(), item["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        items,
        [("pho-bo", "item_unavailable"), ("margherita", "price_changed"), ("soup", "item_unavailable")]
    );
}

#[tokio::test]
async fn an_edit_is_seen_by_the_same_process_at_once_and_by_another_soon() {
    let shop = Shop::open().await;
    let other = another_service(&shop.stage).await;
    let dearer = r#"{"name": "Pho bo", "price": 11}"#;
    shop.staff("PUT", "/menu/items/pho-bo", dearer).await;
    let here = shop.order(json!([{"item_id": "pho-bo", "quantity": 1}])).await;
    assert_eq!(here.json()["total_amount"], amount("11.00"));
    eventually("the other service sees the price", async || {
        let there = order(&other, json!([{"item_id": "pho-bo", "quantity": 1}])).await;
        (there.json()["total_amount"] == amount("11.00")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_repeated_request_gets_its_first_answer_whatever_the_menu_says_now() {
    let shop = Shop::open().await;
    shop.set_left("pho-bo", 1).await;
    let body = json!({"customer_name": "Jane Doe", "order_type": "takeout",
                      "items": [{"item_id": "pho-bo", "quantity": 1}]})
    .to_string();
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "one")];
    let place = async || send(shop.service.port(), "POST", "/orders", &headers, body.as_bytes()).await;
    let first = place().await;
    assert_eq!(first.status, 200, "{first:?}");
    shop.staff("PUT", "/menu/items/pho-bo", r#"{"name": "Pho bo", "price": 99}"#).await;
    // Until the first one's outbox row is gone, the answer is that it is still in work.
    let second = eventually("the first answer", async || {
        let second = place().await;
        (second.status == 200).then_some(second)
    })
    .await;
    assert_eq!(second.json(), first.json());
    assert_eq!(shop.left("pho-bo").await, 0);
}

#[tokio::test]
async fn without_a_menu_everything_is_as_the_guest_says() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    // A field that nobody knows, whatever is in it.
    let answer =
        order(&service, json!([{"item_id": 7, "name": "Anything", "quantity": 1, "price": 1.50}])).await;
    assert_eq!((answer.status, &answer.json()["total_amount"]), (200, &amount("1.50")));
    let menu = service.get("/menu").await;
    assert_eq!(menu.status, 404);
    assert!(menu.json()["detail"].as_str().unwrap().contains("menu.mode"), "{menu:?}");
}
