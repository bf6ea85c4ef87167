//! Each function of several statements can be awaited in a task.

use db::{inventory, menu, price_rules};

use crate::scene::Scene;
use crate::shop::{item, left, rules};

#[tokio::test]
async fn edits_can_be_made_in_a_task() {
    let scene = Scene::new().await;
    let db = scene.db.clone();
    let edits = tokio::spawn(async move {
        let soup = item("soup", "1.00");
        menu::replace(&db, std::slice::from_ref(&soup), "staff").await.unwrap();
        menu::put(&db, &soup).await.unwrap();
        price_rules::replace(&db, &rules(&[])).await.unwrap();
        price_rules::merge(&db, &rules(&[])).await.unwrap();
        inventory::set_left(&db, &soup.id, Some(left(1)), "staff").await.unwrap();
        inventory::restock(&db, &soup.id, 1, "staff").await.unwrap();
        menu::delete(&db, &soup.id, "staff").await.unwrap();
        menu::snapshot(&db).await.unwrap()
    });
    assert_eq!(edits.await.unwrap().menu.items().len(), 0);
}
