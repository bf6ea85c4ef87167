//! The staff edit the menu.

use serde_json::{Value, json};
use testkit::http::send;

use crate::shop::{Shop, amount};

#[tokio::test]
async fn the_menu_shows_what_is_sold_and_marks_what_is_sold_out() {
    let shop = Shop::open().await;
    let hidden = r#"{"name": "Secret", "price": 1, "available": false}"#;
    shop.staff("PUT", "/menu/items/secret", hidden).await;
    let until = r#"{"until": "further_notice"}"#;
    let marked = shop.staff("POST", "/menu/items/pho-bo/sold-out", until).await;
    assert_eq!((marked.status, &marked.json()["sold_out_until"]), (200, &json!("further_notice")));
    let answer = shop.guest("GET", "/menu", &Value::Null).await;
    let menu = answer.json();
    assert_eq!(menu["currency"], json!("USD"));
    let items: Vec<_> = menu["categories"][0]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["id"].as_str().unwrap(), item["sold_out"].as_bool().unwrap()))
        .collect();
    assert_eq!(items, [("lemonade", false), ("margherita", false), ("pho-bo", true)]);

    let tag = answer.header("etag").to_owned();
    let again = send(shop.service.port(), "GET", "/menu", &[("If-None-Match", &tag)], b"").await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let back = shop.staff("POST", "/menu/items/pho-bo/back", "").await;
    assert_eq!((back.status, &back.json()["sold_out_until"]), (200, &Value::Null));
    let changed = send(shop.service.port(), "GET", "/menu", &[("If-None-Match", &tag)], b"").await;
    assert_eq!(changed.status, 200);
    let version = |menu: &Value| menu["menu_version"].as_u64().unwrap();
    assert_eq!(version(&changed.json()), version(&menu) + 1);
}

/// A mistyped year would pass without a word otherwise, and the item would be sold.
#[tokio::test]
async fn nothing_is_sold_out_until_a_moment_that_is_past() {
    let shop = Shop::open().await;
    let refused =
        shop.staff("POST", "/menu/items/pho-bo/sold-out", r#"{"until": "2020-01-01T00:00:00Z"}"#).await;
    let problem = refused.json();
    assert_eq!((refused.status, &problem["errors"][0]["pointer"]), (400, &json!("/until")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("must be in the future; now it is 2"), "{problem}");
    assert_eq!(shop.order(json!([{"item_id": "pho-bo", "quantity": 1}])).await.status, 200);
}

#[tokio::test]
async fn only_the_staff_edits() {
    let shop = Shop::open().await;
    for (method, path) in [
        ("PUT", "/menu/items/new"),
        ("DELETE", "/menu/items/pho-bo"),
        ("POST", "/menu/items/pho-bo/sold-out"),
        ("POST", "/menu/items/pho-bo/back"),
        ("GET", "/inventory"),
        ("PUT", "/inventory/pho-bo"),
        ("POST", "/inventory/pho-bo/restock"),
    ] {
        let body = json!({"name": "New", "price": 1, "left": 1, "quantity": 1});
        let guest = shop.guest(method, path, &body).await;
        assert_eq!((guest.status, guest.header("www-authenticate")), (401, "Bearer"), "{method} {path}");
        assert!(guest.json()["detail"].as_str().unwrap().starts_with("Only the staff may do this"));
        let wrong = [("Content-Type", "application/json"), ("Authorization", "Bearer not-the-staffs-key")];
        let wrong = send(shop.service.port(), method, path, &wrong, body.to_string().as_bytes()).await;
        assert_eq!(wrong.status, 403, "{method} {path}");
    }
    let database = shop.stage.database().await;
    assert_eq!(database.value("select count(*) from menu_items where not sold_out").await, 3);
    assert_eq!(database.value("select count(*) from inventory_items").await, 0);
}

#[tokio::test]
async fn an_item_is_replaced_deleted_and_missed() {
    let shop = Shop::open().await;
    let put =
        shop.staff("PUT", "/menu/items/pho-bo", r#"{"name": "Pho", "price": 10, "category": "Soups"}"#).await;
    assert_eq!(
        put.json(),
        json!({"id": "pho-bo", "name": "Pho", "description": "", "category": "Soups", "price": amount("10.00"),
               "order_types": ["dine_in", "takeout", "delivery"], "available": true, "position": 0,
               "sold_out_until": null})
    );
    let taken = shop.staff("PUT", "/menu/items/pho-bo", r#"{"name": "Lemonade", "price": 10}"#).await;
    assert_eq!(taken.status, 409, "{taken:?}");
    let bad = shop.staff("PUT", "/menu/items/pho-bo", r#"{"name": "", "price": "9"}"#).await;
    assert_eq!((bad.status, bad.json()["errors"].as_array().unwrap().len()), (400, 2));
    assert_eq!(shop.staff("PUT", "/menu/items/No%20Id", r#"{"name": "x", "price": 1}"#).await.status, 400);
    let deleted = shop.staff("DELETE", "/menu/items/pho-bo", "").await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    assert_eq!(shop.staff("DELETE", "/menu/items/pho-bo", "").await.status, 404);
    assert_eq!(shop.staff("POST", "/menu/items/pho-bo/sold-out", "").await.status, 404);
    assert_eq!(shop.staff("PATCH", "/menu/items/pho-bo", "").await.status, 405);
}
