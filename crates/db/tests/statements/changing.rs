//! `transitions::change`: cancelling and completing.

use db::orders::PlacedOrder;
use db::transitions::{ChangeOutcome, change};
use domain::OrderStatus::{self, Cancelled, Completed, Cooking, Ready, Received};
use serde_json::json;

use crate::scene::{Scene, anna, identity, request_id};

/// A caller that may do everything legal.
const ANY: &[OrderStatus] = &OrderStatus::ALL;

impl Scene {
    async fn change(&self, order: &PlacedOrder, from: &[OrderStatus], next: OrderStatus) -> ChangeOutcome {
        self.change_as(order, from, next, "req-1").await
    }

    async fn change_as(
        &self,
        order: &PlacedOrder,
        from: &[OrderStatus],
        next: OrderStatus,
        request: &str,
    ) -> ChangeOutcome {
        let request_id = request_id(request);
        change(&self.db, &order.number, Some(&order.identity), from, next, "the guest", &request_id)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_change_is_noted_and_announced() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    assert_eq!(scene.change(&order, &[Received], Cancelled).await, ChangeOutcome::Changed);
    assert_eq!(
        scene.rows("select status, updated_at > created_at as is_changed from orders").await,
        [json!({"status": "cancelled", "is_changed": true})]
    );
    let log = "select status, changed_by, notes from order_status_log order by id desc limit 1";
    assert_eq!(
        scene.rows(log).await,
        [json!({"status": "cancelled", "changed_by": "the guest", "notes": "request req-1"})]
    );
    let told = "select order_number, old_status, new_status, changed_by, request_id, estimated_completion,
                       due_at <= now() as is_due from status_outbox";
    let expected = json!({
        "order_number": order.number.to_string(), "old_status": "received", "new_status": "cancelled",
        "changed_by": "the guest", "request_id": "req-1", "estimated_completion": null, "is_due": true,
    });
    assert_eq!(scene.rows(told).await, [expected]);
}

#[tokio::test]
async fn every_legal_change_is_made_and_no_other() {
    let scene = Scene::new().await;
    let orders = scene.place_many(5).await;
    for next in [Cancelled, Completed] {
        for (order, from) in orders.iter().zip(OrderStatus::ALL) {
            scene
                .execute(&format!("update orders set status = '{from}' where number = '{}'", order.number))
                .await;
            let request = format!("to-{next}");
            let expected =
                if from.may_become(next) { ChangeOutcome::Changed } else { ChangeOutcome::Illegal(from) };
            assert_eq!(scene.change_as(order, ANY, next, &request).await, expected, "{from} → {next}");
            let stands_at = if from.may_become(next) { next } else { from };
            assert_eq!(scene.status(order).await, stands_at.as_str(), "{from} → {next}");
        }
    }
}

#[tokio::test]
async fn who_may_change_it_from_elsewhere_only_changes_nothing() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    assert_eq!(scene.change(&order, &[Cooking, Ready], Cancelled).await, ChangeOutcome::Illegal(Received));
    assert_eq!(scene.life(&order).await, json!(["received"]));
    assert_eq!(scene.count("status_outbox").await, 0);
}

#[tokio::test]
async fn an_order_that_does_not_exist_is_unknown() {
    let scene = Scene::new().await;
    let mut order = scene.place().await;
    order.number = "ORD_20010101_001".parse().unwrap();
    assert_eq!(scene.change(&order, ANY, Cancelled).await, ChangeOutcome::Unknown);
}

#[tokio::test]
async fn another_order_of_that_number_is_left_alone() {
    let scene = Scene::new().await;
    let (order, other) = (scene.place().await, scene.place().await);
    for meant in [other.identity, identity()] {
        let pointer = PlacedOrder { identity: meant, ..order };
        assert_eq!(scene.change(&pointer, ANY, Cancelled).await, ChangeOutcome::AnotherOrder);
    }
    assert_eq!(scene.status(&order).await, "received");
}

#[tokio::test]
async fn who_means_no_identity_means_the_number() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.execute("delete from order_identities").await;
    assert_eq!(scene.cancel(&order).await, ChangeOutcome::Changed);
}

#[tokio::test]
async fn the_same_request_again_hears_the_same_and_another_hears_where_it_stands() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    for _ in 0..2 {
        assert_eq!(scene.change(&order, ANY, Cancelled).await, ChangeOutcome::Changed);
    }
    assert_eq!(scene.change_as(&order, ANY, Cancelled, "req-2").await, ChangeOutcome::Illegal(Cancelled));
    assert_eq!(scene.life(&order).await, json!(["received", "cancelled"]));
    assert_eq!(scene.count("status_outbox").await, 1);
}

#[tokio::test]
async fn a_cook_loses_the_claim_on_a_cancelled_order() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    for order in &orders {
        scene.granted(&anna(), order).await;
    }
    assert_eq!(scene.change(&orders[0], ANY, Cancelled).await, ChangeOutcome::Changed);
    let claimed = "select number from order_claims join orders on id = order_id";
    assert_eq!(scene.rows(claimed).await, [json!({"number": orders[1].number.to_string()})]);
    let told = "select old_status from status_outbox where new_status = 'cancelled'";
    assert_eq!(scene.rows(told).await, [json!({"old_status": "cooking"})]);
}

#[tokio::test]
async fn of_a_cancel_and_a_cook_that_meet_the_second_hears_of_the_first() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    // As a worker does, before its commit.
    let holder = scene.holding("update orders set status = 'cooking'").await;
    let cooking = async {
        scene.until_waiting(1).await;
        holder.execute("commit").await;
    };
    let (outcome, ()) = tokio::join!(scene.change(&order, &[Received], Cancelled), cooking);
    assert_eq!(outcome, ChangeOutcome::Illegal(Cooking));
    assert_eq!(scene.status(&order).await, "cooking");
}
