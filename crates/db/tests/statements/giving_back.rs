//! `transitions`: what a cancelled order took from the stock.

use db::inventory;
use db::menu;
use db::orders::PlacedOrder;
use db::transitions::{ChangeOutcome, Unsent, change, take_back};
use domain::OrderStatus::{self, Cancelled, Completed};
use serde_json::json;

use crate::scene::{Scene, anna, request_id};
use crate::shop::{Basket, item_id, left, sell};

/// A caller that may do everything legal.
const ANY: &[OrderStatus] = &OrderStatus::ALL;

impl Scene {
    async fn cancel_as(&self, order: &PlacedOrder, request: &str) -> ChangeOutcome {
        let request_id = request_id(request);
        change(&self.db, &order.number, None, ANY, Cancelled, "guest", &request_id).await.unwrap()
    }

    async fn take_all_back(&self, orders: &[PlacedOrder]) {
        let request_id = request_id("req-1");
        let unsent = |order: &PlacedOrder| Unsent {
            identity: order.identity,
            request_id: &request_id,
            idempotency_key: None,
        };
        let unsent: Vec<_> = orders.iter().map(unsent).collect();
        take_back(&self.db, &unsent, "the broker is away").await.unwrap();
    }
}

#[tokio::test]
async fn an_order_that_nobody_cooked_gives_everything_back() {
    let scene = Scene::new().await;
    scene.offer("soup", 10).await;
    scene.offer("tea", 1).await;
    let order = scene.sell(&[("soup", 3), ("tea", 1)]).await;
    assert_eq!(scene.cancel(&order).await, ChangeOutcome::Changed);
    assert_eq!((scene.left("soup").await, scene.left("tea").await), (json!(10), json!(1)));
    assert_eq!(
        scene.moved("soup").await,
        ["set 10 → 10 by staff", "order -3 → 7 by order-service", "cancel 3 → 10 by guest"]
    );
    assert_eq!(inventory::used_up(&scene.db).await.unwrap(), [], "the tea is back");
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn of_two_who_cancel_at_once_one_gives_back() {
    let scene = Scene::new().await;
    scene.offer("soup", 10).await;
    let order = scene.sell(&[("soup", 3)]).await;
    let holder = scene.holding("select from inventory_items for update").await;
    let letting_go = async {
        scene.until_waiting(2).await;
        holder.execute("commit").await;
    };
    let (one, other, ()) =
        tokio::join!(scene.cancel_as(&order, "req-1"), scene.cancel_as(&order, "req-2"), letting_go);
    let mut outcomes = [one, other];
    outcomes.sort_by_key(|outcome| *outcome != ChangeOutcome::Changed);
    assert_eq!(outcomes, [ChangeOutcome::Changed, ChangeOutcome::Illegal(Cancelled)]);
    for request in ["req-1", "req-2", "req-3"] {
        scene.cancel_as(&order, request).await;
    }
    assert_eq!(scene.left("soup").await, 10);
    assert_eq!(scene.moved("soup").await.len(), 3);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn a_cancel_waits_for_a_sale_and_adds_to_what_it_left() {
    let scene = Scene::new().await;
    scene.offer("soup", 10).await;
    let order = scene.sell(&[("soup", 3)]).await;
    let holder = scene
        .holding("update inventory_items set \"left\" = \"left\" - 5; insert into inventory_movements
            (item_id, delta, left_after, quantity, reason, changed_by) values ('soup', -5, 2, 5, 'set', 'a sale')")
        .await;
    let selling = async {
        scene.until_waiting(1).await;
        holder.execute("commit").await;
    };
    tokio::join!(scene.cancel(&order), selling);
    assert_eq!(scene.left("soup").await, 5);
    assert_eq!(scene.moved("soup").await[3], "cancel 3 → 5 by guest");
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn orders_that_are_taken_back_give_back_each_its_own() {
    let scene = Scene::new().await;
    scene.offer("soup", 10).await;
    scene.offer("tea", 10).await;
    let baskets = [
        Basket::of(&[("soup", 1)]),
        Basket::of(&[("soup", 2), ("tea", 5)]),
        Basket::of(&[("soup", 3)]),
        Basket::of(&[("soup", 4)]),
    ];
    let outcomes = sell(&scene.db, &baskets).await.unwrap();
    let orders: Vec<_> = outcomes.into_iter().map(|outcome| outcome.placed().unwrap()).collect();
    scene.granted(&anna(), &orders[2]).await;
    for _ in 0..2 {
        scene.take_all_back(&orders).await;
    }
    assert_eq!((scene.left("soup").await, scene.left("tea").await), (json!(7), json!(10)));
    assert_eq!(
        scene.moved("soup").await[5..],
        ["cancel 1 → 1 by order-service", "cancel 2 → 3 by order-service", "cancel 4 → 7 by order-service"]
    );
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn what_was_cooked_is_wasted() {
    let scene = Scene::new().await;
    scene.offer("soup", 10).await;
    scene.register(&anna()).await;
    let (cooking, ready) = (scene.sell(&[("soup", 3)]).await, scene.sell(&[("soup", 2)]).await);
    scene.granted(&anna(), &cooking).await;
    let claim = scene.granted(&anna(), &ready).await;
    scene.finish(&anna(), &ready, &claim).await;
    for order in [&cooking, &ready] {
        assert_eq!(scene.cancel(order).await, ChangeOutcome::Changed);
    }
    assert_eq!(scene.left("soup").await, 5);
    let wasted = "select delta, left_after, quantity, changed_by from inventory_movements
                  where reason = 'waste' order by id";
    let row =
        |quantity: i32| json!({"delta": 0, "left_after": 5, "quantity": quantity, "changed_by": "guest"});
    assert_eq!(scene.rows(wasted).await, [row(3), row(2)]);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn an_order_that_is_completed_gives_nothing_back() {
    let scene = Scene::new().await;
    scene.offer("soup", 10).await;
    scene.register(&anna()).await;
    let order = scene.sell(&[("soup", 3)]).await;
    let claim = scene.granted(&anna(), &order).await;
    scene.finish(&anna(), &order, &claim).await;
    let request_id = request_id("req-1");
    let done = change(&scene.db, &order.number, None, ANY, Completed, "staff", &request_id).await;
    assert_eq!(done.unwrap(), ChangeOutcome::Changed);
    assert_eq!(scene.left("soup").await, 7);
    assert_eq!(scene.moved("soup").await.len(), 2);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn nothing_becomes_a_number_because_an_order_is_cancelled() {
    let scene = Scene::new().await;
    scene.offer("soup", 10).await;
    scene.offer("tea", 10).await;
    let orders = [scene.sell(&[("soup", 3)]).await, scene.sell(&[("tea", 4)]).await];
    inventory::set_left(&scene.db, &item_id("soup"), None, "staff").await.unwrap();
    assert!(menu::delete(&scene.db, &item_id("tea"), "staff").await.unwrap());
    scene.cancel(&orders[0]).await;
    scene.take_all_back(&orders[1..]).await;
    assert_eq!(scene.count("inventory_items").await, 0);
    assert_eq!(scene.moved("soup").await[3], "cancel 0 → unlimited by guest");
    assert_eq!(scene.moved("tea").await[3], "cancel 0 → unlimited by order-service");
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn an_item_that_was_counted_anew_gets_its_pieces_back() {
    let scene = Scene::new().await;
    scene.offer("soup", 10).await;
    let order = scene.sell(&[("soup", 3)]).await;
    inventory::set_left(&scene.db, &item_id("soup"), Some(left(20)), "staff").await.unwrap();
    scene.cancel(&order).await;
    assert_eq!(scene.left("soup").await, 23);
    assert_eq!(scene.broken().await, []);
}
