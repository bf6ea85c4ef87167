//! `rescue`: how often an order is rescued. Each action has its own backoff, which grows.

use db::orders::PlacedOrder;
use db::outbox::settle_orders;
use db::rescue::{Rescued, escalate, reclaim, redeliver};
use domain::OrderType;
use serde_json::json;

use crate::rescuing::{PATIENCE, rescued};
use crate::scene::{Scene, anna};

impl Scene {
    async fn redeliver(&self, order: &PlacedOrder) -> Vec<Rescued> {
        let row = self.row_of(order).await;
        redeliver(&self.db, &[row], PATIENCE, 10).await.unwrap()
    }

    async fn escalate(&self) -> Vec<Rescued> {
        escalate(&self.db, OrderType::Takeout, PATIENCE, 10).await.unwrap()
    }

    async fn reclaim(&self) -> Vec<Rescued> {
        reclaim(&self.db, OrderType::Takeout, PATIENCE, 10).await.unwrap()
    }

    /// The message was published, and is lost again.
    async fn lose(&self, order: &PlacedOrder) {
        settle_orders(&self.db, &[order.identity]).await.unwrap();
    }

    /// Sets the last attempt of every action to this long ago.
    async fn tried_ago(&self, seconds: i64) {
        self.execute(&format!(
            "update rescue_attempts set last_at = now() - make_interval(secs => {seconds})"
        ))
        .await;
    }
}

#[tokio::test]
async fn an_order_is_left_alone_for_twice_as_long_after_every_attempt() {
    let scene = Scene::new().await;
    let order = scene.place_before("1 day", 1).await[0];
    for pause in [0, 60, 120, 240, 480, 960, 1_920, 3_840, 3_840, 3_840] {
        scene.tried_ago(pause - 20).await;
        if pause > 0 {
            assert_eq!(scene.redeliver(&order).await, [], "before {pause} s");
        }
        scene.tried_ago(pause + 1).await;
        assert_eq!(scene.redeliver(&order).await, [rescued(&order)], "after {pause} s");
        scene.lose(&order).await;
    }
    assert_eq!(
        scene.rows("select action, times from rescue_attempts").await,
        [json!({"action": "redeliver", "times": 10})]
    );
}

#[tokio::test]
async fn every_action_keeps_that_pace() {
    let scene = Scene::new().await;
    let orders = scene.place_before("1 day", 2).await;
    scene.granted(&anna(), &orders[1]).await;
    scene.leases_ended("1 day").await;
    assert_eq!(
        (scene.escalate().await, scene.reclaim().await),
        (vec![rescued(&orders[0])], vec![rescued(&orders[1])])
    );
    for order in &orders {
        scene.lose(order).await;
    }
    scene.tried_ago(40).await;
    assert_eq!((scene.escalate().await, scene.reclaim().await), (vec![], vec![]));
    scene.tried_ago(61).await;
    assert_eq!(
        (scene.escalate().await, scene.reclaim().await),
        (vec![rescued(&orders[0])], vec![rescued(&orders[1])])
    );
}

#[tokio::test]
async fn an_order_that_was_redelivered_just_now_is_escalated_all_the_same() {
    let scene = Scene::new().await;
    let order = scene.place_before("1 hour", 1).await[0];
    assert_eq!(scene.redeliver(&order).await, [rescued(&order)]);
    scene.lose(&order).await;
    assert_eq!(scene.escalate().await, [rescued(&order)]);
    scene.lose(&order).await;
    assert_eq!(scene.redeliver(&order).await, []);
    let notes = "select action, times from rescue_attempts order by action";
    let expected = ["escalate", "redeliver"].map(|action| json!({"action": action, "times": 1}));
    assert_eq!(scene.rows(notes).await, expected);
}

#[tokio::test]
async fn an_attempt_in_a_time_that_has_not_come_counts_as_long_ago() {
    let scene = Scene::new().await;
    let order = scene.place_before("1 hour", 1).await[0];
    scene.redeliver(&order).await;
    scene.lose(&order).await;
    scene.tried_ago(-40).await;
    assert_eq!(scene.redeliver(&order).await, []);
    scene.tried_ago(-120).await;
    assert_eq!(scene.redeliver(&order).await, [rescued(&order)]);
}

#[tokio::test]
async fn an_order_that_is_left_alone_does_not_take_the_place_of_another() {
    let scene = Scene::new().await;
    let orders = scene.place_before("1 hour", 2).await;
    let mut rows = Vec::new();
    for order in &orders {
        rows.push(scene.row_of(order).await);
    }
    for order in &orders {
        let one = redeliver(&scene.db, &rows, PATIENCE, 1).await.unwrap();
        assert_eq!(one, [rescued(order)]);
        scene.lose(order).await;
    }
}
