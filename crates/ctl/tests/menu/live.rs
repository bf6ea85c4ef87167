//! An import beside a running order service.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Service, eventually};
use tokio::time::Instant;

use crate::scene::{SOUP, Scene, TEA, items};

/// An edit of another process is seen within this time.
const SEEN_WITHIN: Duration = Duration::from_secs(2);

/// The names on the menu that guests see.
async fn shown(service: &Service) -> Vec<String> {
    let menu = service.get("/menu").await.json();
    let categories = menu["categories"].as_array().unwrap().iter();
    let items = categories.flat_map(|category| category["items"].as_array().unwrap());
    items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

/// Orders two of an item, and returns the total.
async fn order(service: &Service, item: &str) -> Value {
    let items = json!([{"item_id": item, "quantity": 2}]);
    let body = json!({"customer_name": "Jane Doe", "order_type": "takeout", "items": items});
    let answer = service.post("/orders", &body.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["total_amount"].clone()
}

/// An amount as it stands in JSON: digit for digit.
fn amount(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn a_running_service_sees_an_import_and_orders_keep_what_they_have() {
    let scene = Scene::with_menu(&[SOUP, TEA]).await;
    let service = scene.stage.order_service().env("MENU_MODE", "on").start().await;
    assert_eq!(shown(&service).await, ["Soup", "Tea"]);
    assert_eq!(order(&service, "tea").await, amount("4.00"));
    let bought = "select name, quantity, price::text, total_amount::text from order_items
        join orders on orders.id = order_id";
    let before = scene.database.rows(bought).await;

    // A busy machine may delay one of them, and not all.
    let mut quickest = Duration::MAX;
    for name in ["Broth", "Stew", "Bisque"] {
        let file = scene.file("menu.yaml", items(&[&format!("id: soup, name: {name}, price: 9.90")]));
        scene.succeed(&["menu", "import", &file]).await;
        let imported = Instant::now();
        eventually("the imported menu", async || (shown(&service).await == [name]).then_some(())).await;
        quickest = quickest.min(imported.elapsed());
    }
    assert!(quickest < SEEN_WITHIN, "{quickest:?}");
    assert_eq!(scene.database.rows(bought).await, before);
    assert_eq!(before, [json!({"name": "Tea", "quantity": 2, "price": "2.00", "total_amount": "4.00"})]);
}

#[tokio::test]
async fn a_running_service_charges_by_imported_rules() {
    let scene = Scene::with_menu(&[TEA]).await;
    let service = scene.stage.order_service().env("MENU_MODE", "on").start().await;
    let total = async || {
        let body = json!({"order_type": "takeout", "items": [{"item_id": "tea", "quantity": 1}]});
        service.post("/calculate_price", &body.to_string()).await.json()["total"].clone()
    };
    assert_eq!(total().await, amount("2.00"));
    let rule = "rules: [{id: packing, kind: fee, label: Packing, amount: 0.50}]";
    let file = scene.file("prices.yaml", rule);
    scene.succeed(&["prices", "import", &file]).await;
    eventually("the imported rule", async || (total().await == amount("2.50")).then_some(())).await;
    assert_eq!(order(&service, "tea").await, amount("4.50"));
}
