//! `orders::find_out`: the outcome of transactions that were in doubt.

use db::orders::{self, FoundOrder, PlacedOrder, Placement, find_out};
use db::outbox::settle_orders;
use db::{Database, DbError};
use domain::OrderIdentity;

use crate::scene::{Scene, identity, placed, request_id, takeout};

/// Places an order with this identity.
async fn place_as(db: &Database, identity: OrderIdentity) -> Result<PlacedOrder, DbError> {
    let (order, request_id) = (takeout(), request_id("a-request"));
    let placement = Placement {
        identity,
        order: &order,
        request_id: &request_id,
        idempotency: None,
        from_menu: None,
        request: None,
    };
    Ok(placed(orders::place(db, &[placement]).await)?[0])
}

/// Transactions that store an order wait at their commit for the advisory lock 42.
pub const SLOW_COMMITS: &str = "
    create function slow() returns trigger language plpgsql as
        $$ begin perform pg_advisory_xact_lock_shared(42); return null; end $$;
    create constraint trigger slow after insert on orders deferrable initially deferred
        for each row execute function slow()";

#[tokio::test]
async fn what_was_stored_is_found_as_it_was_stored() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let found = find_out(&scene.db, &[order.identity]).await.unwrap();
    assert_eq!(found, [FoundOrder { order, sent: false }]);
    assert_eq!(scene.value("select request_id from order_identities").await, "a-request", "it stays");
}

#[tokio::test]
async fn what_a_relay_has_sent_meanwhile_counts_as_sent() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    settle_orders(&scene.db, &[order.identity]).await.unwrap();
    assert_eq!(find_out(&scene.db, &[order.identity]).await.unwrap(), [FoundOrder { order, sent: true }]);
}

#[tokio::test]
async fn what_is_only_sent_once_more_counts_as_sent() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.execute("update order_outbox set purpose = 'again'").await;
    assert_eq!(find_out(&scene.db, &[order.identity]).await.unwrap(), [FoundOrder { order, sent: true }]);
}

#[tokio::test]
async fn what_was_not_stored_is_barred_for_good() {
    let scene = Scene::at_noon().await;
    let lost = identity();
    assert_eq!(find_out(&scene.db, &[lost]).await.unwrap(), []);
    let why = place_as(&scene.db, lost).await.unwrap_err();
    assert!(why.is_permanent() && !why.is_in_doubt(), "{why:?}");
    assert_eq!(scene.count("orders").await, 0);
    assert_eq!(scene.place().await.number.sequence(), 1, "it took no number");
}

#[tokio::test]
async fn of_several_only_the_stored_ones_are_found_in_the_order_of_their_rows() {
    let scene = Scene::new().await;
    let stored = scene.place_many(3).await;
    let asked = [stored[2].identity, identity(), stored[0].identity, identity()];
    let found: Vec<_> =
        find_out(&scene.db, &asked).await.unwrap().into_iter().map(|found| found.order).collect();
    assert_eq!(found, [stored[0], stored[2]]);
}

#[tokio::test]
async fn asking_again_tells_the_same() {
    let scene = Scene::new().await;
    let asked = [scene.place().await.identity, identity()];
    let first = find_out(&scene.db, &asked).await.unwrap();
    assert_eq!(find_out(&scene.db, &asked).await.unwrap(), first);
}

#[tokio::test]
async fn a_transaction_that_still_runs_is_awaited() {
    let scene = Scene::new().await;
    scene.execute(SLOW_COMMITS).await;
    let holder = scene.holding("select pg_advisory_xact_lock(42)").await;
    let late = identity();
    let asked = [late];
    let finding = async {
        scene.until_waiting(1).await;
        tokio::join!(find_out(&scene.db, &asked), async {
            scene.until_waiting(2).await;
            holder.execute("commit").await;
        })
    };
    let (placed, (found, ())) = tokio::join!(place_as(&scene.db, late), finding);
    let order = placed.unwrap();
    assert_eq!(found.unwrap(), [FoundOrder { order, sent: false }]);
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_while_it_is_awaited_was_not_stored() {
    let scene = Scene::new().await;
    scene.execute(SLOW_COMMITS).await;
    let _holder = scene.holding("select pg_advisory_xact_lock(42)").await;
    let lost = identity();
    let asked = [lost];
    let finding = async {
        scene.until_waiting(1).await;
        tokio::join!(find_out(&scene.db, &asked), async {
            scene.until_waiting(2).await;
            let end = "select pg_cancel_backend(pid) from pg_stat_activity
                       where datname = current_database() and wait_event = 'advisory'";
            scene.execute(end).await;
        })
    };
    let (placed, (found, ())) = tokio::join!(place_as(&scene.db, lost), finding);
    placed.unwrap_err();
    assert_eq!(found.unwrap(), []);
    assert_eq!(scene.count("order_identities where order_id is null").await, 1, "and never will be");
}

#[tokio::test]
async fn a_transaction_that_comes_late_stores_nothing() {
    let scene = Scene::at_noon().await;
    scene.place().await;
    // It has begun, and stored nothing yet.
    let holder = scene.holding("select from order_counters for update").await;
    let late = identity();
    let finding = async {
        scene.until_waiting(1).await;
        let found = find_out(&scene.db, &[late]).await;
        holder.execute("commit").await;
        found
    };
    let (placed, found) = tokio::join!(place_as(&scene.db, late), finding);
    assert_eq!(found.unwrap(), []);
    placed.unwrap_err();
    assert_eq!(scene.count("orders").await, 1);
    assert_eq!(scene.place().await.number.sequence(), 2, "no number was lost");
}

#[tokio::test]
async fn two_who_ask_for_the_same_in_another_order_do_not_block_each_other() {
    let scene = Scene::new().await;
    let lost: Vec<_> = (0..200).map(|_| identity()).collect();
    let reversed: Vec<_> = lost.iter().rev().copied().collect();
    let (one, other) = tokio::join!(find_out(&scene.db, &lost), find_out(&scene.db, &reversed));
    assert_eq!((one.unwrap(), other.unwrap()), (Vec::new(), Vec::new()));
}
