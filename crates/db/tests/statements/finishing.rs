//! `claims::finish`: from `cooking` to `ready`, only by the claim's owner.

use db::claims::{FinishOutcome, LockMode, finish};
use db::outbox::StatusOutboxRow;
use domain::{OrderStatus, StatusUpdate};
use serde_json::json;
use time::OffsetDateTime;

use crate::scene::{Scene, anna, finished, mario, process, request_id};

#[tokio::test]
async fn a_cooked_order_becomes_ready_and_is_counted_and_announced() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    let order = scene.place().await;
    let claim = scene.granted(&anna(), &order).await;
    let mut request = finished(&order, &claim);
    request.request_id = request_id("req-7");
    let outcome = finish(&scene.db, &anna(), &[request], LockMode::Wait).await.unwrap().remove(0);
    let row = "select status, completed_at = updated_at as is_complete, processed_by from orders";
    let expected = json!({"status": "ready", "is_complete": true, "processed_by": "chef_anna"});
    assert_eq!(scene.rows(row).await, [expected]);
    assert_eq!(scene.life(&order).await, json!(["received", "cooking", "ready"]));
    assert_eq!(scene.count("order_claims").await, 0);
    assert_eq!(scene.rows("select orders_processed from workers").await, [json!({"orders_processed": 1})]);

    let moment = "select (extract(epoch from completed_at) * 1000000)::bigint from orders";
    let microseconds = i128::from(scene.value(moment).await.as_i64().unwrap());
    let update = StatusUpdate {
        order_number: order.number,
        old_status: OrderStatus::Cooking,
        new_status: OrderStatus::Ready,
        changed_by: "chef_anna".to_owned(),
        timestamp: OffsetDateTime::from_unix_timestamp_nanos(microseconds * 1_000).unwrap().into(),
        estimated_completion: None,
    };
    let id = scene.value("select max(id) from status_outbox where new_status = 'ready'").await.as_i64();
    let announcement =
        StatusOutboxRow { id: id.unwrap(), request_id: request_id("req-7"), update, is_old: false };
    assert_eq!(outcome, Some(FinishOutcome::Ready(announcement)));
}

/// Everything that finishing an order would change.
async fn traces(scene: &Scene) -> Vec<serde_json::Value> {
    let traces = "select orders.*, (select count(*) from order_status_log) as log,
        (select count(*) from status_outbox) as told, (select array_agg(orders_processed) from workers) as counts,
        (select array_agg(row(claim.*)::text) from order_claims as claim) as claims from orders";
    scene.rows(traces).await
}

#[tokio::test]
async fn whoever_was_taken_over_from_makes_nothing_ready() {
    let scene = Scene::new().await;
    for cook in [anna(), mario()] {
        scene.register(&cook).await;
    }
    let order = scene.place().await;
    let lost = scene.granted(&anna(), &order).await;
    scene.leases_ended("1 second").await;
    scene.granted(&mario(), &order).await;
    let before = traces(&scene).await;
    assert_eq!(scene.finish(&anna(), &order, &lost).await, FinishOutcome::ClaimLost);
    assert_eq!(traces(&scene).await, before);
}

#[tokio::test]
async fn an_earlier_attempt_of_the_same_process_makes_nothing_ready() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let first = scene.granted(&anna(), &order).await;
    let second = scene.granted(&anna(), &order).await;
    let before = traces(&scene).await;
    assert_eq!(scene.finish(&anna(), &order, &first).await, FinishOutcome::ClaimLost);
    assert_eq!(traces(&scene).await, before);
    assert!(matches!(scene.finish(&anna(), &order, &second).await, FinishOutcome::Ready(_)));
}

#[tokio::test]
async fn another_process_of_the_same_name_makes_nothing_ready() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let claim = scene.granted(&anna(), &order).await;
    let before = traces(&scene).await;
    assert_eq!(scene.finish(&process("chef_anna", 70), &order, &claim).await, FinishOutcome::ClaimLost);
    assert_eq!(traces(&scene).await, before);
}

#[tokio::test]
async fn a_cancelled_order_does_not_become_ready() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let claim = scene.granted(&anna(), &order).await;
    scene.cancel(&order).await;
    assert_eq!(scene.finish(&anna(), &order, &claim).await, FinishOutcome::ClaimLost);
    assert_eq!(scene.life(&order).await, json!(["received", "cooking", "cancelled"]));
}

#[tokio::test]
async fn an_order_is_not_made_ready_from_any_status_but_cooking() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let claim = scene.granted(&anna(), &order).await;
    for status in ["received", "ready", "completed", "cancelled"] {
        scene.execute(&format!("update orders set status = '{status}'")).await;
        let before = traces(&scene).await;
        assert_eq!(scene.finish(&anna(), &order, &claim).await, FinishOutcome::ClaimLost, "{status}");
        assert_eq!(traces(&scene).await, before, "{status}");
    }
}

#[tokio::test]
async fn who_says_it_twice_counts_once() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    let order = scene.place().await;
    let claim = scene.granted(&anna(), &order).await;
    scene.finish(&anna(), &order, &claim).await;
    assert_eq!(scene.finish(&anna(), &order, &claim).await, FinishOutcome::ClaimLost);
    assert_eq!(scene.life(&order).await, json!(["received", "cooking", "ready"]));
    assert_eq!(scene.value("select orders_processed from workers").await, 1);
}

#[tokio::test]
async fn a_lease_that_has_run_out_still_counts_while_nobody_has_taken_it() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let claim = scene.granted(&anna(), &order).await;
    scene.leases_ended("1 hour").await;
    assert!(matches!(scene.finish(&anna(), &order, &claim).await, FinishOutcome::Ready(_)));
}

#[tokio::test]
async fn a_cook_without_a_row_makes_the_order_ready_all_the_same() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let claim = scene.granted(&anna(), &order).await;
    assert_eq!(scene.count("workers").await, 0);
    assert!(matches!(scene.finish(&anna(), &order, &claim).await, FinishOutcome::Ready(_)));
    assert_eq!(scene.status(&order).await, "ready");
}

#[tokio::test]
async fn each_order_of_a_call_fares_by_itself_in_the_order_given() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    let orders = scene.place_many(3).await;
    let mut requests = Vec::new();
    for order in &orders {
        let claim = scene.granted(&anna(), order).await;
        requests.insert(0, finished(order, &claim));
    }
    scene.cancel(&orders[1]).await;
    let outcomes = finish(&scene.db, &anna(), &requests, LockMode::SkipLocked).await.unwrap();
    let numbers: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| match outcome.unwrap() {
            FinishOutcome::Ready(announcement) => Some(announcement.update.order_number),
            FinishOutcome::ClaimLost => None,
        })
        .collect();
    assert_eq!(numbers, [Some(orders[2].number), None, Some(orders[0].number)]);
    assert_eq!(scene.value("select orders_processed from workers").await, 2);
}

#[tokio::test]
async fn what_somebody_has_locked_is_left_out_and_the_others_are_not() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    let mut requests = Vec::new();
    for order in &orders {
        let claim = scene.granted(&anna(), order).await;
        requests.push(finished(order, &claim));
    }
    let lock = format!("select from orders where number = '{}' for update", orders[0].number);
    let holder = scene.holding(&lock).await;
    let outcomes = finish(&scene.db, &anna(), &requests, LockMode::SkipLocked).await.unwrap();
    assert!(matches!(outcomes[..], [None, Some(FinishOutcome::Ready(_))]), "{outcomes:?}");
    holder.execute("commit").await;
    let outcomes = finish(&scene.db, &anna(), &requests[..1], LockMode::SkipLocked).await.unwrap();
    assert!(matches!(outcomes[..], [Some(FinishOutcome::Ready(_))]), "{outcomes:?}");
}

#[tokio::test]
async fn who_waits_for_an_order_sees_what_became_of_it() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let claim = scene.granted(&anna(), &order).await;
    let holder = scene.holding("update orders set status = 'cancelled'").await;
    let cancelling = async {
        scene.until_waiting(1).await;
        holder.execute("commit").await;
    };
    let anna = anna();
    let (outcome, ()) = tokio::join!(scene.finish(&anna, &order, &claim), cancelling);
    assert_eq!(outcome, FinishOutcome::ClaimLost);
}

#[tokio::test]
async fn an_order_that_is_gone_is_nobodys_any_more() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let claim = scene.granted(&anna(), &order).await;
    scene.execute("truncate orders cascade").await;
    let request = finished(&order, &claim);
    // It is not locked.
    let outcomes = finish(&scene.db, &anna(), &[request], LockMode::SkipLocked).await.unwrap();
    assert_eq!(outcomes, [Some(FinishOutcome::ClaimLost)]);
}
