//! `transitions::take_back`: orders whose messages could not be published.

use db::idempotency;
use db::orders::PlacedOrder;
use db::outbox::settle_orders;
use db::transitions::{Unsent, take_back};
use domain::{Fingerprint, IdempotencyKey, IdempotentRequest, OrderIdentity, RequestId};
use serde_json::json;

use crate::scene::{Scene, anna, identity, place_under, request_id};

fn unsent<'a>(order: &PlacedOrder, request_id: &'a RequestId) -> Unsent<'a> {
    Unsent { identity: order.identity, request_id, idempotency_key: None }
}

fn keyed() -> IdempotentRequest {
    IdempotentRequest {
        key: IdempotencyKey::parse(b"a-key").unwrap(),
        fingerprint: Fingerprint::of(b"a body"),
    }
}

impl Scene {
    /// Takes back orders without idempotency keys. Returns which were taken back.
    async fn take_back(&self, orders: &[PlacedOrder]) -> Vec<OrderIdentity> {
        let request_id = request_id("req-1");
        let unsent: Vec<_> = orders.iter().map(|order| unsent(order, &request_id)).collect();
        take_back(&self.db, &unsent, "the broker is away").await.unwrap()
    }
}

#[tokio::test]
async fn an_unsent_order_is_cancelled_and_everybody_will_hear_of_it() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    assert_eq!(scene.take_back(&[order]).await, [order.identity]);
    assert_eq!(scene.life(&order).await, json!(["received", "cancelled"]));
    let row = "select status, updated_at > created_at as is_changed, processed_by from orders";
    let expected = json!({"status": "cancelled", "is_changed": true, "processed_by": null});
    assert_eq!(scene.rows(row).await, [expected]);
    let log = "select changed_by, notes from order_status_log where status = 'cancelled'";
    assert_eq!(
        scene.rows(log).await,
        [json!({"changed_by": "order-service", "notes": "the broker is away"})]
    );
    let told = "select order_number, old_status, new_status, changed_by, request_id, estimated_completion,
                       due_at <= now() as is_due from status_outbox";
    let expected = json!({
        "order_number": order.number.to_string(), "old_status": "received", "new_status": "cancelled",
        "changed_by": "order-service", "request_id": "req-1", "estimated_completion": null, "is_due": true,
    });
    assert_eq!(scene.rows(told).await, [expected]);
    assert_eq!(scene.count("order_outbox").await, 0);
}

#[tokio::test]
async fn its_key_can_be_used_again() {
    let scene = Scene::new().await;
    let request = keyed();
    let order = place_under(&scene.db, &request).await.unwrap();
    let request_id = request_id("req-1");
    let unsent = Unsent { idempotency_key: Some("a-key"), ..unsent(&order, &request_id) };
    take_back(&scene.db, &[unsent], "the broker is away").await.unwrap();
    assert_eq!(idempotency::find(&scene.db, &request.key).await.unwrap(), None);
    place_under(&scene.db, &request).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_another_orders_by_now_stays() {
    let scene = Scene::new().await;
    let request = keyed();
    let order = scene.place().await;
    let other = place_under(&scene.db, &request).await.unwrap();
    let request_id = request_id("req-1");
    let unsent = Unsent { idempotency_key: Some("a-key"), ..unsent(&order, &request_id) };
    assert_eq!(take_back(&scene.db, &[unsent], "the broker is away").await.unwrap(), [order.identity]);
    let known = idempotency::find(&scene.db, &request.key).await.unwrap();
    assert_eq!(known.map(|known| known.number), Some(other.number));
}

#[tokio::test]
async fn an_order_that_was_sent_stands() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    settle_orders(&scene.db, &[order.identity]).await.unwrap();
    assert_eq!(scene.take_back(&[order]).await, []);
    assert_eq!(scene.life(&order).await, json!(["received"]));
    assert_eq!(scene.count("status_outbox").await, 0);
}

#[tokio::test]
async fn an_order_that_a_cook_has_stands_and_its_message_is_no_longer_due() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.granted(&anna(), &order).await;
    assert_eq!(scene.take_back(&[order]).await, []);
    assert_eq!(scene.life(&order).await, json!(["received", "cooking"]));
    assert_eq!(scene.count("order_outbox").await, 0);
}

#[tokio::test]
async fn a_message_that_is_only_sent_once_more_decides_nothing() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.execute("update order_outbox set purpose = 'again'").await;
    assert_eq!(scene.take_back(&[order]).await, []);
    assert_eq!(scene.status(&order).await, "received");
    assert_eq!(scene.count("order_outbox").await, 1);
}

#[tokio::test]
async fn an_order_that_somebody_else_has_cancelled_was_not_taken_back() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.cancel(&order).await;
    assert_eq!(scene.take_back(&[order]).await, []);
    assert_eq!(scene.life(&order).await, json!(["received", "cancelled"]));
}

#[tokio::test]
async fn asking_again_after_an_answer_that_was_lost_tells_the_same_and_does_nothing() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    for _ in 0..2 {
        assert_eq!(scene.take_back(&[order]).await, [order.identity]);
    }
    assert_eq!(scene.life(&order).await, json!(["received", "cancelled"]));
    assert_eq!(scene.count("status_outbox").await, 1);
}

#[tokio::test]
async fn each_order_of_a_call_fares_by_itself() {
    let scene = Scene::new().await;
    let orders = scene.place_many(4).await;
    settle_orders(&scene.db, &[orders[0].identity]).await.unwrap();
    scene.granted(&anna(), &orders[2]).await;
    let mut never_stored = orders[0];
    never_stored.identity = identity();
    let mut taken = scene.take_back(&[orders[3], orders[2], never_stored, orders[1], orders[0]]).await;
    taken.sort_unstable();
    let mut expected = [orders[1].identity, orders[3].identity];
    expected.sort_unstable();
    assert_eq!(taken, expected);
    let told = "select array_agg(order_number order by id) as numbers
                from status_outbox where new_status = 'cancelled'";
    let expected = json!([orders[1].number.to_string(), orders[3].number.to_string()]);
    assert_eq!(scene.value(told).await, expected);
}

#[tokio::test]
async fn a_cook_that_is_about_to_claim_it_is_waited_for_and_wins() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let holder = scene.holding("update orders set status = 'cooking'").await;
    let claiming = async {
        scene.until_waiting(1).await;
        holder.execute("commit").await;
    };
    let orders = [order];
    let (taken, ()) = tokio::join!(scene.take_back(&orders), claiming);
    assert_eq!(taken, []);
    assert_eq!(scene.status(&order).await, "cooking");
}

#[tokio::test]
async fn a_relay_that_has_its_message_in_hand_is_waited_for() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let holder = scene.holding("delete from order_outbox").await;
    let sending = async {
        scene.until_waiting(1).await;
        holder.execute("commit").await;
    };
    let orders = [order];
    let (taken, ()) = tokio::join!(scene.take_back(&orders), sending);
    assert_eq!(taken, []);
    assert_eq!(scene.status(&order).await, "received");
}

/// Whoever places an order locks the stock, then waits for its key. A key that was deleted before
/// the stock is locked would let the two wait for each other.
#[tokio::test]
async fn a_key_is_deleted_after_the_stock_is_locked() {
    let scene = Scene::new().await;
    scene.offer("soup", 5).await;
    let order = scene.sell(&[("soup", 1)]).await;
    let keyed = format!(
        "insert into idempotency_keys (key, fingerprint, order_id)
         values ('a-key', '\\x00', (select id from orders where number = '{}'))",
        order.number
    );
    scene.execute(&keyed).await;
    let holder = scene.holding("select from inventory_items for update").await;
    let request_id = request_id("req-1");
    let unsent = [Unsent { idempotency_key: Some("a-key"), ..unsent(&order, &request_id) }];
    let placing = async {
        scene.until_waiting(1).await;
        // It would wait if the key were deleted already.
        holder.execute("select from idempotency_keys for update nowait; commit").await;
    };
    let (taken, ()) = tokio::join!(take_back(&scene.db, &unsent, "the broker is away"), placing);
    assert_eq!(taken.unwrap(), [order.identity]);
    assert_eq!((scene.count("idempotency_keys").await, scene.left("soup").await), (0, json!(5)));
}
