//! `rescue`: which orders wait too long, and what is inserted into the outbox for them.

use std::time::Duration;

use db::orders::PlacedOrder;
use db::outbox::settle_orders;
use db::rescue::{
    Rerouted, Rescued, UnroutedMessage, escalate, prune, reclaim, redeliver, reroute, still_waiting, waiting,
};
use db::workers::{hold, register};
use domain::{OrderType, Specialisation};
use serde_json::json;
use testkit::orders::delivery;

use crate::scene::{HEARTBEAT, Scene, anna, identity, mario, order, request_id};

pub const PATIENCE: Duration = Duration::from_mins(1);
const TAKEOUT: OrderType = OrderType::Takeout;

impl Scene {
    /// Places takeout orders one second apart, the newest of this age. All are published.
    pub async fn place_before(&self, age: &str, count: usize) -> Vec<PlacedOrder> {
        let placed = self.place_many(count).await;
        let identities: Vec<_> = placed.iter().map(|order| order.identity).collect();
        settle_orders(&self.db, &identities).await.unwrap();
        for (order, later) in placed.iter().rev().zip(0..) {
            let moment = format!("now() - interval '{age}' - interval '{later} seconds'");
            self.execute(&format!(
                "update orders set created_at = {moment} where number = '{}'",
                order.number
            ))
            .await;
        }
        placed
    }

    async fn rows_of(&self, orders: &[PlacedOrder]) -> Vec<i32> {
        let mut rows = Vec::new();
        for order in orders {
            rows.push(self.row_of(order).await);
        }
        rows
    }

    async fn waiting(&self) -> Vec<i32> {
        waiting(&self.db, TAKEOUT, PATIENCE, 10).await.unwrap()
    }

    /// The rows of the outbox, such as `[{"number": …, "purpose": "again"}]`.
    async fn outbox(&self) -> Vec<serde_json::Value> {
        let outbox = "select number, purpose, due_at <= now() as is_due
                      from order_outbox join orders on id = order_id order by id";
        self.rows(outbox).await
    }
}

/// An order that was inserted into the outbox again.
pub fn rescued(order: &PlacedOrder) -> Rescued {
    Rescued { number: order.number, request_id: request_id("a-request") }
}

fn again(order: &PlacedOrder) -> serde_json::Value {
    json!({"number": order.number.to_string(), "purpose": "again", "is_due": true})
}

#[tokio::test]
async fn orders_wait_from_the_oldest_on_and_as_many_are_told_as_asked_for() {
    let scene = Scene::new().await;
    let orders = scene.place_before("61 seconds", 3).await;
    let rows = scene.rows_of(&orders).await;
    assert_eq!(scene.waiting().await, rows);
    assert_eq!(waiting(&scene.db, TAKEOUT, PATIENCE, 2).await.unwrap(), rows[..2]);
}

#[tokio::test]
async fn an_order_that_is_young_or_of_another_type_does_not_wait() {
    let scene = Scene::new().await;
    scene.place_before("30 seconds", 1).await;
    assert_eq!(scene.waiting().await, [0; 0]);
    let courier = scene.place_all(&[order(&delivery())]).await;
    settle_orders(&scene.db, &[courier[0].identity]).await.unwrap();
    scene.execute("update orders set created_at = now() - interval '1 hour'").await;
    let rows = scene.rows_of(&courier).await;
    assert_eq!(waiting(&scene.db, OrderType::Delivery, PATIENCE, 10).await.unwrap(), rows);
    assert!(!scene.waiting().await.contains(&rows[0]));
}

#[tokio::test]
async fn an_order_from_a_time_that_has_not_come_waits() {
    let scene = Scene::new().await;
    let orders = scene.place_before("-2 minutes", 1).await;
    assert_eq!(scene.waiting().await, scene.rows_of(&orders).await);
    scene.execute("update orders set created_at = now() + interval '30 seconds'").await;
    assert_eq!(scene.waiting().await, [0; 0], "a clock that was only corrected");
}

#[tokio::test]
async fn an_order_whose_message_is_on_its_way_to_the_broker_does_not_wait() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.execute("update orders set created_at = now() - interval '1 hour'").await;
    assert_eq!(scene.waiting().await, [0; 0]);
    settle_orders(&scene.db, &[order.identity]).await.unwrap();
    assert_eq!(scene.waiting().await.len(), 1);
}

#[tokio::test]
async fn an_order_waits_when_its_cook_has_been_silent_since_the_end_of_the_lease() {
    let scene = Scene::new().await;
    let orders = scene.place_before("1 hour", 1).await;
    scene.granted(&anna(), &orders[0]).await;
    for (ended, waits) in [("-30 seconds", false), ("30 seconds", false), ("61 seconds", true)] {
        scene.leases_ended(ended).await;
        assert_eq!(!scene.waiting().await.is_empty(), waits, "{ended}");
    }
}

#[tokio::test]
async fn an_order_that_needs_no_cook_does_not_wait() {
    let scene = Scene::new().await;
    scene.place_before("1 hour", 1).await;
    for status in ["ready", "completed", "cancelled"] {
        scene.execute(&format!("update orders set status = '{status}'")).await;
        assert_eq!(scene.waiting().await, [0; 0], "{status}");
    }
}

#[tokio::test]
async fn what_a_live_worker_holds_without_cooking_it_is_not_lost() {
    let scene = Scene::new().await;
    let orders = scene.place_before("1 hour", 2).await;
    let rows = scene.rows_of(&orders).await;
    let still = async || still_waiting(&scene.db, &rows, PATIENCE).await.unwrap();
    register(&scene.db, &anna(), &Specialisation::General, HEARTBEAT, true).await.unwrap();
    hold(&scene.db, &anna(), &[orders[0].number]).await.unwrap();
    assert_eq!(still().await, rows[1..]);
    scene.execute("update workers set last_seen = now() - interval '61 seconds'").await;
    assert_eq!(still().await, rows, "its worker is dead");
}

#[tokio::test]
async fn who_waits_no_longer_is_told_no_longer() {
    let scene = Scene::new().await;
    let orders = scene.place_before("1 hour", 3).await;
    let rows = scene.rows_of(&orders).await;
    scene.granted(&anna(), &orders[0]).await;
    scene
        .execute(&format!("insert into order_outbox (order_id, request_id) values ({}, 'r')", rows[1]))
        .await;
    assert_eq!(still_waiting(&scene.db, &rows, PATIENCE).await.unwrap(), rows[2..]);
}

#[tokio::test]
async fn an_order_whose_message_is_lost_is_entered_once_more_under_its_request() {
    let scene = Scene::new().await;
    let orders = scene.place_before("1 hour", 3).await;
    let rows = scene.rows_of(&orders).await;
    let entered = redeliver(&scene.db, &rows, PATIENCE, 2).await.unwrap();
    assert_eq!(entered, [rescued(&orders[0]), rescued(&orders[1])]);
    assert_eq!(scene.outbox().await, [again(&orders[0]), again(&orders[1])]);
    assert_eq!(scene.value("select array_agg(distinct priority) as them from orders").await, json!([1]));
}

#[tokio::test]
async fn an_order_of_which_nobody_knows_the_request_gets_an_id_of_ours() {
    let scene = Scene::new().await;
    let orders = scene.place_before("1 hour", 2).await;
    let rows = scene.rows_of(&orders).await;
    let forget = format!(
        "update order_identities set request_id = null where order_id = {};
         delete from order_identities where order_id = {}",
        rows[0], rows[1]
    );
    scene.execute(&forget).await;
    let entered = redeliver(&scene.db, &rows, PATIENCE, 10).await.unwrap();
    let requests: Vec<_> = entered.iter().map(|one| one.request_id.as_str().to_owned()).collect();
    assert_eq!(requests, rows.iter().map(|row| format!("sweep-{row}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_order_that_waited_for_too_long_is_lifted_and_entered() {
    let scene = Scene::new().await;
    let orders = scene.place_before("61 seconds", 3).await;
    let young = scene.place_before("30 seconds", 1).await;
    assert_eq!(
        escalate(&scene.db, TAKEOUT, PATIENCE, 2).await.unwrap(),
        [rescued(&orders[0]), rescued(&orders[1])]
    );
    assert_eq!(scene.outbox().await, [again(&orders[0]), again(&orders[1])]);
    let lifted = scene.rows("select number from orders where priority = 10 order by number").await;
    let expected = [&orders[0], &orders[1]].map(|order| json!({"number": order.number.to_string()}));
    assert_eq!(lifted, expected);
    assert_eq!(scene.status(&young[0]).await, "received");
}

#[tokio::test]
async fn what_cooks_is_not_escalated() {
    let scene = Scene::new().await;
    let orders = scene.place_before("1 hour", 1).await;
    scene.granted(&anna(), &orders[0]).await;
    scene.leases_ended("1 hour").await;
    assert_eq!(escalate(&scene.db, TAKEOUT, PATIENCE, 10).await.unwrap(), []);
}

#[tokio::test]
async fn an_order_whose_cook_was_lost_is_lifted_and_entered() {
    let scene = Scene::new().await;
    let orders = scene.place_before("1 hour", 3).await;
    for order in &orders[..2] {
        scene.granted(&anna(), order).await;
    }
    scene.leases_ended("30 seconds").await;
    assert_eq!(reclaim(&scene.db, TAKEOUT, PATIENCE, 10).await.unwrap(), []);
    scene.leases_ended("61 seconds").await;
    assert_eq!(reclaim(&scene.db, TAKEOUT, PATIENCE, 1).await.unwrap(), [rescued(&orders[0])]);
    assert_eq!(reclaim(&scene.db, TAKEOUT, PATIENCE, 10).await.unwrap(), [rescued(&orders[1])]);
    assert_eq!(scene.outbox().await, [again(&orders[0]), again(&orders[1])]);
    assert_eq!(scene.count("orders where priority = 10").await, 2);
    // It still cooks: the worker that gets the message takes over the claim.
    assert_eq!(scene.granted(&mario(), &orders[0]).await.attempt, 2);
}

#[tokio::test]
async fn an_order_that_is_in_the_outbox_already_is_left_to_the_relay() {
    let scene = Scene::new().await;
    let orders = scene.place_before("1 hour", 2).await;
    let rows = scene.rows_of(&orders).await;
    scene.granted(&anna(), &orders[1]).await;
    scene.leases_ended("1 hour").await;
    scene.execute("insert into order_outbox (order_id, request_id) select id, 'r' from orders").await;
    assert_eq!(redeliver(&scene.db, &rows, PATIENCE, 10).await.unwrap(), []);
    assert_eq!(escalate(&scene.db, TAKEOUT, PATIENCE, 10).await.unwrap(), []);
    assert_eq!(reclaim(&scene.db, TAKEOUT, PATIENCE, 10).await.unwrap(), []);
    assert_eq!(scene.count("rescue_attempts").await, 0);
    assert_eq!(scene.count("order_outbox where purpose = 'placed'").await, 2);
}

#[tokio::test]
async fn an_order_that_is_in_somebodys_hands_is_left_for_another_time() {
    let scene = Scene::new().await;
    let orders = scene.place_before("1 hour", 2).await;
    let rows = scene.rows_of(&orders).await;
    let lock = format!("select from orders where id = {} for update", rows[0]);
    let holder = scene.holding(&lock).await;
    assert_eq!(redeliver(&scene.db, &rows, PATIENCE, 10).await.unwrap(), [rescued(&orders[1])]);
    assert_eq!(escalate(&scene.db, TAKEOUT, PATIENCE, 10).await.unwrap(), []);
    holder.execute("commit").await;
    assert_eq!(escalate(&scene.db, TAKEOUT, PATIENCE, 10).await.unwrap(), [rescued(&orders[0])]);
}

#[tokio::test]
async fn what_lies_where_nobody_reads_it_is_entered_at_once() {
    let scene = Scene::new().await;
    let orders = scene.place_many(3).await;
    settle_orders(&scene.db, &orders.iter().map(|order| order.identity).collect::<Vec<_>>()).await.unwrap();
    scene.granted(&anna(), &orders[1]).await;
    let stray = |order: &PlacedOrder, identity| UnroutedMessage { number: order.number, identity };
    let unknown = UnroutedMessage { number: "ORD_20010101_001".parse().unwrap(), identity: None };
    let strays = [
        stray(&orders[0], Some(orders[0].identity)),
        unknown,
        stray(&orders[1], Some(orders[1].identity)),
        stray(&orders[2], Some(identity())),
        stray(&orders[2], None),
    ];
    let Rerouted { known, mut entered } = reroute(&scene.db, &strays).await.unwrap();
    assert_eq!(known, [true, false, true, false, true]);
    entered.sort_by_key(|one| one.number);
    assert_eq!(entered, [rescued(&orders[0]), rescued(&orders[2])]);
    assert_eq!(scene.outbox().await, [again(&orders[0]), again(&orders[2])]);
}

#[tokio::test]
async fn a_stray_of_another_order_enters_nothing() {
    let scene = Scene::new().await;
    let order = scene.place_before("1 hour", 1).await[0];
    let stray = UnroutedMessage { number: order.number, identity: Some(identity()) };
    let expected = Rerouted { known: vec![false], entered: Vec::new() };
    assert_eq!(reroute(&scene.db, &[stray]).await.unwrap(), expected);
    assert_eq!(scene.count("order_outbox").await, 0);
}

#[tokio::test]
async fn a_stray_whose_order_is_in_the_outbox_is_known_and_not_entered_twice() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let stray = UnroutedMessage { number: order.number, identity: Some(order.identity) };
    let expected = Rerouted { known: vec![true], entered: Vec::new() };
    assert_eq!(reroute(&scene.db, &[stray]).await.unwrap(), expected);
    assert_eq!(scene.count("order_outbox where purpose = 'placed'").await, 1);
}

#[tokio::test]
async fn notes_of_orders_that_wait_no_longer_are_forgotten() {
    let scene = Scene::new().await;
    let orders = scene.place_before("1 hour", 5).await;
    redeliver(&scene.db, &scene.rows_of(&orders).await, PATIENCE, 10).await.unwrap();
    for (order, status) in orders.iter().zip(domain::OrderStatus::ALL) {
        let set = format!("update orders set status = '{status}' where number = '{}'", order.number);
        scene.execute(&set).await;
    }
    prune(&scene.db).await.unwrap();
    let left = "select status from rescue_attempts join orders on id = order_id order by id";
    assert_eq!(scene.rows(left).await, [json!({"status": "received"}), json!({"status": "cooking"})]);
}
