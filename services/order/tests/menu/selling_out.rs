//! Stock: sold once, given back once, never below nothing.

use serde_json::{Value, json};
use testkit::http::send;
use tokio::task::JoinSet;

use crate::shop::{Shop, another_service, order};

#[tokio::test]
async fn of_n_portions_exactly_n_are_sold_however_many_want_them() {
    const PORTIONS: u32 = 10;
    let shop = Shop::open().await;
    shop.set_left("pho-bo", PORTIONS).await;
    let other = another_service(&shop.stage).await;
    let mut buyers = JoinSet::new();
    for buyer in 0..64 {
        let service = if buyer % 2 == 0 { shop.service.port() } else { other.port() };
        buyers.spawn(async move {
            let body = json!({"customer_name": "Jane Doe", "order_type": "takeout",
                              "items": [{"item_id": "pho-bo", "quantity": 1}, {"item_id": "lemonade", "quantity": 1}]});
            let headers = [("Content-Type", "application/json")];
            send(service, "POST", "/orders", &headers, body.to_string().as_bytes()).await
        });
    }
    let answers = buyers.join_all().await;
    let sold = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(sold, PORTIONS as usize);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        let problem = refused.json();
        assert_eq!((refused.status, &problem["code"]), (409, &json!("out_of_stock")), "{problem}");
        let item = &problem["items"][0];
        assert_eq!((&item["item_id"], &item["left"]), (&json!("pho-bo"), &json!(0)));
    }
    assert_eq!(shop.left("pho-bo").await, 0);
    let database = shop.stage.database().await;
    assert_eq!(database.value("select count(*) from orders").await, i64::from(PORTIONS));
    let moved = "select sum(delta)::bigint from inventory_movements where item_id = 'pho-bo'";
    assert_eq!(database.value(moved).await, 0);
}

#[tokio::test]
async fn a_refused_order_names_every_short_item_and_touches_nothing() {
    let shop = Shop::open().await;
    shop.set_left("pho-bo", 3).await;
    shop.set_left("margherita", 1).await;
    let answer = shop
        .order(json!([
            {"item_id": "pho-bo", "quantity": 2},
            {"item_id": "margherita", "quantity": 2},
            {"item_id": "pho-bo", "quantity": 2},
        ]))
        .await;
    let problem = answer.json();
    assert_eq!((answer.status, &problem["code"]), (409, &json!("out_of_stock")), "{problem}");
    let short: Vec<_> = problem["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["item_id"].as_str().unwrap(), item["left"].as_i64().unwrap()))
        .collect();
    assert_eq!(short, [("pho-bo", 3), ("margherita", 1)]);
    assert_eq!([shop.left("pho-bo").await, shop.left("margherita").await], [3, 1]);
    assert_eq!(shop.order(json!([{"item_id": "pho-bo", "quantity": 3}])).await.status, 200);
}

/// Otherwise a guest would correct one item, and learn of the next one then.
#[tokio::test]
async fn a_refusal_by_the_menu_names_what_is_short_too() {
    let shop = Shop::open().await;
    shop.set_left("pho-bo", 1).await;
    assert_eq!(shop.staff("POST", "/menu/items/lemonade/sold-out", "{}").await.status, 200);
    let answer = shop
        .order(json!([{"item_id": "pho-bo", "quantity": 3}, {"item_id": "lemonade", "quantity": 1}]))
        .await;
    let problem = answer.json();
    assert_eq!((answer.status, &problem["code"]), (409, &json!("item_unavailable")), "{problem}");
    let named: Vec<_> = problem["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| [&item["pointer"], &item["code"], &item["left"]])
        .collect();
    assert_eq!(
        named,
        [
            [&json!("/items/1"), &json!("item_unavailable"), &Value::Null],
            [&json!("/items/0"), &json!("out_of_stock"), &json!(1)],
        ]
    );
    assert_eq!(shop.left("pho-bo").await, 1);
}

#[tokio::test]
async fn a_cancelled_order_gives_back_once_and_brings_the_item_back() {
    let shop = Shop::open().await;
    shop.set_left("pho-bo", 2).await;
    let placed = shop.order(json!([{"item_id": "pho-bo", "quantity": 2}])).await;
    let number = placed.json()["order_number"].as_str().unwrap().to_owned();
    assert!(is_sold_out(&shop, "pho-bo").await);
    let token = placed.header("x-order-token").to_owned();
    let headers = [("X-Order-Token", token.as_str())];
    let path = format!("/orders/{number}/cancel");
    let (one, other) = tokio::join!(
        send(shop.service.port(), "POST", &path, &headers, b""),
        send(shop.service.port(), "POST", &path, &headers, b""),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    assert_eq!(shop.left("pho-bo").await, 2);
    assert!(!is_sold_out(&shop, "pho-bo").await);
}

#[tokio::test]
async fn guests_learn_what_can_be_had_and_the_staff_what_is_left() {
    let shop = Shop::open().await;
    shop.set_left("pho-bo", 2).await;
    let body = json!({"items": [
        {"item_id": "pho-bo", "quantity": 2},
        {"item_id": "lemonade", "quantity": 10_000},
        {"item_id": "sushi-set", "quantity": 1},
    ]});
    let guest = shop.guest("POST", "/check_inventory", &body).await;
    assert_eq!(
        guest.json(),
        json!({"available": false, "items": [
            {"item_id": "pho-bo", "requested": 2, "available": true},
            {"item_id": "lemonade", "requested": 10_000, "available": true},
            {"item_id": "sushi-set", "requested": 1, "available": false, "reason": "unknown_item"},
        ]})
    );
    let staff = shop.staff("POST", "/check_inventory", &body.to_string()).await;
    assert_eq!(staff.json()["items"][0]["left"], json!(2));
    let restocked = shop.staff("POST", "/inventory/pho-bo/restock", r#"{"quantity": 5}"#).await;
    assert_eq!((restocked.status, &restocked.json()["left"]), (200, &json!(7)));
    let wrong = shop.staff("POST", "/inventory/pho-bo/restock", r#"{"quantity": -5}"#).await;
    let detail = "The request is not valid: /quantity must be an integer between 1 and 1000000000.";
    assert_eq!((wrong.status, &wrong.json()["detail"]), (400, &json!(detail)));
    let unlimited = shop.staff("POST", "/inventory/lemonade/restock", r#"{"quantity": 5}"#).await;
    assert_eq!((unlimited.status, &unlimited.json()["code"]), (409, &json!("unlimited")));
    let list = shop.staff("GET", "/inventory", "").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!((&list["items"][0]["item_id"], &list["items"][0]["left"]), (&json!("pho-bo"), &json!(7)));
    let freed = shop.staff("PUT", "/inventory/pho-bo", r#"{"left": null}"#).await;
    assert_eq!((freed.status, &freed.json()["left"]), (200, &Value::Null));
    assert_eq!(order(&shop.service, json!([{"item_id": "pho-bo", "quantity": 10}])).await.status, 200);
}

async fn is_sold_out(shop: &Shop, id: &str) -> bool {
    let menu = shop.guest("GET", "/menu", &Value::Null).await.json();
    let categories = menu["categories"].as_array().unwrap();
    let mut items = categories.iter().flat_map(|category| category["items"].as_array().unwrap());
    items.find(|item| item["id"] == id).unwrap()["sold_out"] == json!(true)
}
