//! `claims::claim` of several orders and by several workers; held orders, and leases in the future.

use std::time::Duration;

use db::claims::{ClaimOutcome, LockMode, claim, correct_leases, held};
use domain::OrderStatus;
use serde_json::json;
use tokio::task::JoinSet;

use crate::scene::{LEASE, Scene, anna, granted, mario, process, wish};

fn is_granted(outcome: Option<&ClaimOutcome>) -> bool {
    matches!(outcome, Some(ClaimOutcome::Granted(_)))
}

#[tokio::test]
async fn each_order_of_a_call_has_an_outcome_of_its_own_in_the_order_given() {
    let scene = Scene::new().await;
    let orders = scene.place_many(4).await;
    scene.granted(&mario(), &orders[2]).await;
    scene.cancel(&orders[0]).await;
    let mut unknown = wish(&orders[3]);
    unknown.order.number = "ORD_20010101_001".parse().unwrap();
    let wishes = [wish(&orders[3]), wish(&orders[2]), unknown, wish(&orders[1]), wish(&orders[0])];
    let outcomes = scene.claim_all(&anna(), &wishes, LockMode::SkipLocked).await;
    assert!(is_granted(outcomes[0].as_ref()) && is_granted(outcomes[3].as_ref()), "{outcomes:?}");
    assert!(matches!(outcomes[1], Some(ClaimOutcome::Held { .. })), "{outcomes:?}");
    assert_eq!(outcomes[2], Some(ClaimOutcome::Unknown));
    assert_eq!(outcomes[4], Some(ClaimOutcome::Over(OrderStatus::Cancelled)));
    for (outcome, order) in [(&outcomes[0], &orders[3]), (&outcomes[3], &orders[1])] {
        let claim = granted(outcome.clone().unwrap());
        assert_eq!(claim.order_id, scene.row_of(order).await);
        assert_eq!(claim.status_update.unwrap().update.order_number, order.number);
    }
}

#[tokio::test]
async fn nothing_is_asked_and_nothing_answered() {
    let scene = Scene::new().await;
    assert_eq!(scene.claim_all(&anna(), &[], LockMode::Wait).await, []);
}

#[tokio::test]
async fn what_somebody_has_locked_is_left_out_and_the_others_are_not() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    let lock = format!("select from orders where number = '{}' for update", orders[0].number);
    let holder = scene.holding(&lock).await;
    let wishes = [wish(&orders[0]), wish(&orders[1])];
    let outcomes = scene.claim_all(&anna(), &wishes, LockMode::SkipLocked).await;
    assert!(outcomes[0].is_none() && is_granted(outcomes[1].as_ref()), "{outcomes:?}");
    holder.execute("commit").await;
    let outcomes = scene.claim_all(&anna(), &wishes[..1], LockMode::SkipLocked).await;
    assert!(is_granted(outcomes[0].as_ref()), "{outcomes:?}");
}

#[tokio::test]
async fn who_waits_for_an_order_sees_what_became_of_it() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let holder = scene.holding("update orders set status = 'cancelled'").await;
    let cancelling = async {
        scene.until_waiting(1).await;
        holder.execute("commit").await;
    };
    let anna = anna();
    let (outcome, ()) = tokio::join!(scene.claim(&anna, &order), cancelling);
    assert_eq!(outcome, ClaimOutcome::Over(OrderStatus::Cancelled));
}

#[tokio::test]
async fn of_cooks_who_ask_for_one_order_at_once_one_gets_it() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let mut cooks = JoinSet::new();
    for token in 1..=6 {
        let db = scene.db.clone();
        cooks.spawn(async move {
            let cook = process(&format!("chef_{token}"), token);
            claim(&db, &cook, LEASE, &[wish(&order)], LockMode::Wait).await.unwrap().remove(0)
        });
    }
    let outcomes = cooks.join_all().await;
    let is_held = |outcome: &&Option<ClaimOutcome>| matches!(outcome, Some(ClaimOutcome::Held { .. }));
    assert_eq!(outcomes.iter().filter(is_held).count(), 5, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| is_granted(outcome.as_ref())).count(), 1, "{outcomes:?}");
    assert_eq!(scene.life(&order).await, json!(["received", "cooking"]));
    assert_eq!(scene.count("status_outbox").await, 1);
}

#[tokio::test]
async fn cooks_who_ask_for_the_same_orders_in_another_order_do_not_block_each_other() {
    let scene = Scene::new().await;
    let orders = scene.place_many(100).await;
    let wishes: Vec<_> = orders.iter().map(wish).collect();
    let reversed: Vec<_> = wishes.iter().rev().cloned().collect();
    let (annas, marios) = (anna(), mario());
    let (one, other) = tokio::join!(
        claim(&scene.db, &annas, LEASE, &wishes, LockMode::Wait),
        claim(&scene.db, &marios, LEASE, &reversed, LockMode::Wait),
    );
    let outcomes = [one.unwrap(), other.unwrap()].concat();
    assert_eq!(outcomes.iter().filter(|outcome| is_granted(outcome.as_ref())).count(), 100);
}

#[tokio::test]
async fn what_is_held_is_what_this_process_still_has_a_claim_on() {
    let scene = Scene::new().await;
    let orders = scene.place_many(4).await;
    let mut rows = Vec::new();
    for order in &orders[..3] {
        rows.push(scene.granted(&anna(), order).await.order_id);
    }
    scene.execute(&format!("update order_claims set lease_until = now() where order_id = {}", rows[1])).await;
    scene.granted(&mario(), &orders[1]).await;
    rows.push(scene.row_of(&orders[3]).await);
    let mut still = held(&scene.db, &anna(), &rows).await.unwrap();
    still.sort_unstable();
    assert_eq!(still, [rows[0], rows[2]]);
    assert_eq!(held(&scene.db, &anna(), &rows[2..3]).await.unwrap(), [rows[2]], "what was asked for only");
    assert_eq!(held(&scene.db, &process("chef_anna", 70), &rows).await.unwrap(), [0; 0]);
}

/// The end of the lease in `order_claims`, in seconds from now.
async fn lease_ends_in(scene: &Scene) -> f64 {
    let ends = "select extract(epoch from lease_until - now())::float8 from order_claims";
    scene.value(ends).await.as_f64().unwrap()
}

#[tokio::test]
async fn a_lease_from_a_time_that_has_not_come_is_cut_by_whoever_asks() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.granted(&anna(), &order).await;
    scene.execute("update order_claims set lease_until = now() + interval '1 hour'").await;
    let outcome = scene.claim(&mario(), &order).await;
    let ClaimOutcome::Held { remaining } = outcome else { panic!("{outcome:?}") };
    assert!(remaining > Duration::from_mins(59), "{remaining:?}");
    assert!(lease_ends_in(&scene).await <= LEASE.as_secs_f64());
}

#[tokio::test]
async fn leases_are_cut_to_their_own_length_and_never_lengthened() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.granted(&anna(), &order).await;
    for (ends, length, after) in [
        ("1 hour", "60", 50.0..=60.0),
        ("1 hour", "7", 2.0..=7.0),
        ("30 seconds", "60", 20.0..=30.0),
        // The length of leases of the version before is unknown.
        ("1 hour", "null", 3_590.0..=3_600.0),
    ] {
        let set = format!(
            "update order_claims set lease_until = now() + interval '{ends}', lease_seconds = {length}"
        );
        scene.execute(&set).await;
        correct_leases(&scene.db).await.unwrap();
        let left = lease_ends_in(&scene).await;
        assert!(after.contains(&left), "{ends} of {length}: {left}");
    }
}

#[tokio::test]
async fn a_claim_that_is_in_somebodys_hands_is_cut_another_time() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.granted(&anna(), &order).await;
    scene.execute("update order_claims set lease_until = now() + interval '1 hour'").await;
    let holder = scene.holding("select from order_claims for update").await;
    correct_leases(&scene.db).await.unwrap();
    holder.execute("commit").await;
    assert!(lease_ends_in(&scene).await > 3_000.0);
}
