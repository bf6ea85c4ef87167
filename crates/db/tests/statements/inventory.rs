//! `inventory`: the stock as staff count it, and its movements.

use db::inventory::{self, RestockOutcome, StockLevel, movements, restock, set_left};
use domain::StockLeft;
use serde_json::json;

use crate::scene::Scene;
use crate::shop::{item_id, left};

impl Scene {
    async fn set(&self, id: &str, left: Option<StockLeft>) -> Option<StockLevel> {
        set_left(&self.db, &item_id(id), left, "anna").await.unwrap()
    }

    async fn restock(&self, id: &str, quantity: u32) -> RestockOutcome {
        restock(&self.db, &item_id(id), quantity, "mario").await.unwrap()
    }
}

#[tokio::test]
async fn every_change_is_a_movement() {
    let scene = Scene::new().await;
    scene.offer_unlimited("soup").await;
    let level = scene.set("soup", Some(left(20))).await.unwrap();
    assert_eq!((level.item_id, level.left), (item_id("soup"), Some(left(20))));
    scene.set("soup", Some(left(5))).await;
    let RestockOutcome::Restocked(level) = scene.restock("soup", 7).await else { panic!("not restocked") };
    assert_eq!(level.left, Some(left(12)));
    assert_eq!(inventory::list(&scene.db).await.unwrap(), [level]);
    assert_eq!(scene.set("soup", None).await.unwrap().left, None);
    scene.set("soup", None).await;
    scene.set("soup", Some(left(0))).await;
    assert_eq!(
        scene.moved("soup").await,
        [
            "set 20 → 20 by anna",
            "set -15 → 5 by anna",
            "restock 7 → 12 by mario",
            "unlimited -12 → unlimited by anna",
            "set 0 → 0 by anna",
        ]
    );
    let quantities = "select array_agg(quantity order by id) from inventory_movements";
    assert_eq!(scene.value(quantities).await, json!([20, 5, 7, 12, 0]));
    assert_eq!(inventory::used_up(&scene.db).await.unwrap(), [item_id("soup")]);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn what_is_unlimited_cannot_be_restocked_and_what_is_unknown_cannot_be_counted() {
    let scene = Scene::new().await;
    scene.offer_unlimited("soup").await;
    assert_eq!(scene.restock("soup", 5).await, RestockOutcome::Unlimited);
    assert_eq!(scene.restock("tea", 5).await, RestockOutcome::NotOnTheMenu);
    for left in [None, Some(left(5))] {
        assert_eq!(scene.set("tea", left).await, None);
    }
    assert_eq!(inventory::list(&scene.db).await.unwrap(), []);
    assert_eq!(scene.count("inventory_movements").await, 0);
}

#[tokio::test]
async fn there_is_a_largest_stock() {
    let scene = Scene::new().await;
    scene.offer("soup", StockLeft::MAX).await;
    assert_eq!(scene.restock("soup", 1).await, RestockOutcome::TooMuch(left(StockLeft::MAX)));
    assert_eq!(scene.restock("soup", u32::MAX).await, RestockOutcome::TooMuch(left(StockLeft::MAX)));
    let order = scene.sell(&[("soup", 3)]).await;
    scene.restock("soup", 3).await;
    // A cancel is never refused for that, and the next orders are served.
    scene.cancel(&order).await;
    scene.sell(&[("soup", 1)]).await;
    scene.set("soup", Some(left(9))).await;
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn only_limited_items_have_a_number() {
    let scene = Scene::new().await;
    scene.offer_unlimited("bread").await;
    scene.offer("soup", 3).await;
    scene.offer("tea", 0).await;
    let asked = ["tea", "bread", "soup", "nothing"].map(item_id);
    let stock = inventory::left_of(&scene.db, &asked).await.unwrap();
    assert_eq!(stock, [(item_id("soup"), left(3)), (item_id("tea"), left(0))].into());
    assert_eq!(inventory::used_up(&scene.db).await.unwrap(), [item_id("tea")]);
}

#[tokio::test]
async fn movements_are_read_page_by_page() {
    let scene = Scene::new().await;
    scene.offer("soup", 9).await;
    scene.offer("tea", 9).await;
    for _ in 0..3 {
        scene.sell(&[("soup", 1), ("tea", 1)]).await;
    }
    let soup = item_id("soup");
    let first = movements(&scene.db, &soup, None, 3).await.unwrap();
    assert_eq!(first.iter().map(|row| row.left_after).collect::<Vec<_>>(), [Some(6), Some(7), Some(8)]);
    let rest = movements(&scene.db, &soup, Some(first[2].id), 3).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!((rest[0].reason.as_str(), rest[0].order, rest[0].delta), ("set", None, 9));
    assert_eq!(movements(&scene.db, &item_id("nothing"), None, 3).await.unwrap(), []);
}

#[tokio::test]
async fn two_who_count_an_item_for_the_first_time_leave_one_sum() {
    let scene = Scene::new().await;
    scene.offer_unlimited("soup").await;
    let holder = scene.holding("select from menu_items for update").await;
    let letting_go = async {
        scene.until_waiting(2).await;
        holder.execute("commit").await;
    };
    tokio::join!(scene.set("soup", Some(left(4))), scene.set("soup", Some(left(6))), letting_go);
    let sum = "select sum(delta) = (select \"left\" from inventory_items) from inventory_movements";
    assert_eq!(scene.value(sum).await, true);
    assert_eq!(scene.broken().await, []);
}
