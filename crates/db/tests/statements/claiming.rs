//! `claims::claim` of one order: who may cook it, and what is compared before.

use std::time::Duration;

use db::claims::{ClaimOutcome, Mismatch};
use db::outbox::{StatusOutboxRow, settle_status_updates};
use domain::{Fingerprint, OrderStatus, OrderType, StatusUpdate};
use serde_json::json;

use crate::scene::{COOKING, LEASE, Scene, anna, granted, identity, mario, process, request_id, wish};

#[tokio::test]
async fn who_gets_an_order_cooks_it_and_has_it_to_announce() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let mut asked = wish(&order);
    asked.request_id = request_id("req-7");
    let claim = granted(scene.claim_as(&anna(), asked).await);
    assert_eq!((claim.order_id, claim.attempt), (scene.row_of(&order).await, 1));
    let row = "select status, processed_by, updated_at > created_at as is_changed from orders";
    let expected = json!({"status": "cooking", "processed_by": "chef_anna", "is_changed": true});
    assert_eq!(scene.rows(row).await, [expected]);
    assert_eq!(scene.life(&order).await, json!(["received", "cooking"]));
    let claimed = "select worker, token, attempt, lease_seconds,
                          lease_until - updated_at = interval '1 minute' as for_a_minute,
                          estimated_completion - updated_at = interval '10 seconds' as for_ten_seconds
                   from order_claims join orders on id = order_id";
    let expected = json!({
        "worker": "chef_anna", "token": 7, "attempt": 1, "lease_seconds": LEASE.as_secs(),
        "for_a_minute": true, "for_ten_seconds": true,
    });
    assert_eq!(scene.rows(claimed).await, [expected]);
    let log = "select changed_by, notes from order_status_log where status = 'cooking'";
    assert_eq!(scene.rows(log).await, [json!({"changed_by": "chef_anna", "notes": null})]);

    let changed_at = claim.estimated_completion - COOKING;
    let update = StatusUpdate {
        order_number: order.number,
        old_status: OrderStatus::Received,
        new_status: OrderStatus::Cooking,
        changed_by: "chef_anna".to_owned(),
        timestamp: changed_at.into(),
        estimated_completion: Some(claim.estimated_completion.into()),
    };
    let outbox = scene.rows("select id from status_outbox").await;
    let id = outbox[0]["id"].as_i64().unwrap();
    let announcement = StatusOutboxRow { id, request_id: request_id("req-7"), update, is_old: false };
    assert_eq!((claim.status_update, outbox.len()), (Some(announcement), 1));
}

#[tokio::test]
async fn an_order_that_somebody_cooks_is_held_for_the_rest_of_the_lease() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.granted(&anna(), &order).await;
    let everything = "select orders.*, claim.* from orders join order_claims as claim on order_id = id";
    let before = scene.rows(everything).await;
    let outcome = scene.claim(&mario(), &order).await;
    let ClaimOutcome::Held { remaining } = outcome else { panic!("{outcome:?}") };
    assert!(remaining > LEASE / 2 && remaining <= LEASE, "{remaining:?}");
    assert_eq!(scene.rows(everything).await, before);
    assert_eq!(scene.life(&order).await, json!(["received", "cooking"]));
    assert_eq!(scene.count("status_outbox").await, 1);
}

#[tokio::test]
async fn another_process_of_the_same_name_is_somebody_else() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.granted(&anna(), &order).await;
    let outcome = scene.claim(&process("chef_anna", 700), &order).await;
    assert!(matches!(outcome, ClaimOutcome::Held { .. }), "{outcome:?}");
}

#[tokio::test]
async fn whoever_asks_again_for_his_own_order_goes_on_with_a_new_attempt() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let first = scene.granted(&anna(), &order).await;
    let second = scene.granted(&anna(), &order).await;
    assert_eq!((first.attempt, second.attempt), (1, 2));
    // It is unpublished still, so it is the same status update.
    assert_eq!(second.status_update, first.status_update);
    assert_eq!(scene.life(&order).await, json!(["received", "cooking"]));
    let id = first.status_update.unwrap().id;
    settle_status_updates(&scene.db, &[id]).await.unwrap();
    let third = scene.granted(&anna(), &order).await;
    assert_eq!((third.attempt, third.status_update), (3, None));
}

#[tokio::test]
async fn an_order_whose_lease_has_run_out_is_taken_over() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let first = scene.granted(&anna(), &order).await;
    let began = scene.value("select updated_at from orders").await;
    scene.leases_ended("1 millisecond").await;
    let second = scene.granted(&mario(), &order).await;
    assert_eq!((second.attempt, second.status_update), (2, first.status_update));
    let row = "select processed_by, worker, token, lease_until > now() as runs
               from orders join order_claims on order_id = id";
    let expected = json!({"processed_by": "chef_mario", "worker": "chef_mario", "token": 8, "runs": true});
    assert_eq!(scene.rows(row).await, [expected]);
    assert_eq!(scene.value("select updated_at from orders").await, began, "it cooks since then");
    assert_eq!(scene.life(&order).await, json!(["received", "cooking"]));
}

#[tokio::test]
async fn an_order_that_cooks_without_a_claim_is_taken() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.granted(&anna(), &order).await;
    scene.execute("delete from order_claims").await;
    assert_eq!(scene.granted(&mario(), &order).await.attempt, 1);
}

#[tokio::test]
async fn what_needs_no_cooking_any_more_is_over() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    for status in [OrderStatus::Ready, OrderStatus::Completed, OrderStatus::Cancelled] {
        scene.execute(&format!("update orders set status = '{status}'")).await;
        assert_eq!(scene.claim(&anna(), &order).await, ClaimOutcome::Over(status));
    }
    assert_eq!(scene.count("order_claims").await, 0);
}

#[tokio::test]
async fn a_number_that_no_order_has_is_unknown() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let mut asked = wish(&order);
    asked.order.number = "ORD_20010101_001".parse().unwrap();
    assert_eq!(scene.claim_as(&anna(), asked).await, ClaimOutcome::Unknown);
}

#[tokio::test]
async fn a_status_that_no_order_can_have_is_told_and_stays() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    for (stored, told) in [("'burnt'", "burnt"), ("null", "null")] {
        scene.execute(&format!("update orders set status = {stored}")).await;
        assert_eq!(scene.claim(&anna(), &order).await, ClaimOutcome::Unreadable(told.to_owned()));
    }
    assert_eq!(scene.count("order_claims").await, 0);
    assert_eq!(scene.count("orders where status is null").await, 1);
}

#[tokio::test]
async fn a_message_that_means_another_order_is_a_mismatch() {
    let scene = Scene::new().await;
    let (order, other) = (scene.place().await, scene.place().await);
    for meant in [other.identity, identity()] {
        let mut asked = wish(&order);
        asked.order.identity = Some(meant);
        let outcome = scene.claim_as(&anna(), asked).await;
        assert_eq!(outcome, ClaimOutcome::Mismatch(Mismatch::Identity));
    }
    assert_eq!(scene.status(&order).await, "received");
    assert_eq!(scene.count("order_claims").await, 0);
}

#[tokio::test]
async fn a_barred_identity_is_no_orders() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let barred = identity();
    db::orders::find_out(&scene.db, &[barred]).await.unwrap();
    let mut asked = wish(&order);
    asked.order.identity = Some(barred);
    assert_eq!(scene.claim_as(&anna(), asked).await, ClaimOutcome::Mismatch(Mismatch::Identity));
}

#[tokio::test]
async fn a_message_of_another_type_is_a_mismatch_and_tells_the_orders_type() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let mut asked = wish(&order);
    asked.order.order_type = OrderType::Delivery;
    let outcome = scene.claim_as(&anna(), asked).await;
    assert_eq!(outcome, ClaimOutcome::Mismatch(Mismatch::Type(OrderType::Takeout)));
    assert_eq!(scene.status(&order).await, "received");
}

#[tokio::test]
async fn a_message_of_other_contents_is_a_mismatch() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let mut asked = wish(&order);
    asked.order.contents = Fingerprint::of(b"24.98 1x24.98 5:Feast");
    for meant in [Some(order.identity), None] {
        asked.order.identity = meant;
        let outcome = scene.claim_as(&anna(), asked.clone()).await;
        assert_eq!(outcome, ClaimOutcome::Mismatch(Mismatch::Contents));
    }
    assert_eq!(scene.status(&order).await, "received");
}

#[tokio::test]
async fn an_order_that_is_over_is_compared_too() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.cancel(&order).await;
    let mut asked = wish(&order);
    asked.order.identity = Some(identity());
    assert_eq!(scene.claim_as(&anna(), asked).await, ClaimOutcome::Mismatch(Mismatch::Identity));
}

#[tokio::test]
async fn what_was_placed_is_compared_and_not_what_became_of_the_rows() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.execute("update order_items set name = 'Something Else'").await;
    scene.granted(&anna(), &order).await;
}

#[tokio::test]
async fn a_message_of_an_older_version_is_compared_with_the_rows() {
    let scene = Scene::new().await;
    let orders = scene.place_many(3).await;
    // The message has no identity; the order has none; or the order has one without known contents.
    let mut unnamed = wish(&orders[0]);
    unnamed.order.identity = None;
    scene.execute(&format!("delete from order_identities where identity = '{}'", orders[1].identity)).await;
    let mut of_none = wish(&orders[1]);
    of_none.order.identity = None;
    scene.execute("update order_identities set contents = null").await;
    for asked in [unnamed, of_none, wish(&orders[2])] {
        granted(scene.claim_as(&anna(), asked).await);
    }
}

#[tokio::test]
async fn rows_that_differ_from_a_message_of_an_older_version_are_a_mismatch() {
    let scene = Scene::new().await;
    for change in [
        "update order_items set quantity = 2 where name = 'Caesar Salad' and order_id",
        "update order_items set price = 9.00 where name = 'Caesar Salad' and order_id",
        "update order_items set name = 'Caesar salad' where name = 'Caesar Salad' and order_id",
        "update orders set total_amount = 25.00 where id",
        "delete from order_items where order_id",
    ] {
        let order = scene.place().await;
        scene.execute("update order_identities set contents = null").await;
        scene.execute(&format!("{change} = {}", scene.row_of(&order).await)).await;
        let outcome = scene.claim(&anna(), &order).await;
        assert_eq!(outcome, ClaimOutcome::Mismatch(Mismatch::Contents), "{change}");
    }
}

#[tokio::test]
async fn an_order_that_was_lifted_meanwhile_is_the_same() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.execute("update orders set priority = 10").await;
    scene.granted(&anna(), &order).await;
}

#[tokio::test]
async fn a_lease_that_never_ends_is_held_for_ever() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.granted(&anna(), &order).await;
    scene.execute("update order_claims set lease_until = 'infinity', lease_seconds = null").await;
    let held = ClaimOutcome::Held { remaining: Duration::MAX };
    assert_eq!(scene.claim(&mario(), &order).await, held);
}
