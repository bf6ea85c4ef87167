//! `claims::recall`: from `ready` back to `cooking`, only by who finished it; and the tickets of
//! a worker.

use db::claims::{Claim, FinishOutcome, RecallOutcome, RecallRefusal};
use db::kitchen_tickets::of_worker;
use db::orders::PlacedOrder;
use db::transitions::{self, ChangeOutcome};
use domain::{OrderMessage, OrderStatus, StatusUpdate};
use serde_json::{Value, json};

use crate::scene::{Scene, anna, mario, message, process, request_id};

/// An order that anna has made ready.
async fn ready(scene: &Scene) -> (PlacedOrder, Claim) {
    let order = scene.place().await;
    let claim = scene.granted(&anna(), &order).await;
    assert!(matches!(scene.finish(&anna(), &order, &claim).await, FinishOutcome::Ready(_)));
    (order, claim)
}

fn granted(outcome: RecallOutcome) -> Claim {
    let RecallOutcome::Granted(claim) = outcome else { panic!("{outcome:?}") };
    claim
}

/// Everything that a recall would change.
async fn traces(scene: &Scene) -> Vec<Value> {
    let traces = "select orders.*, (select count(*) from order_status_log) as log,
        (select count(*) from status_outbox) as told, (select array_agg(orders_processed) from workers) as counts,
        (select array_agg(row(claim.*)::text) from order_claims as claim) as claims from orders";
    scene.rows(traces).await
}

#[tokio::test]
async fn a_recalled_order_cooks_again_and_counts_once() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    let (order, first) = ready(&scene).await;
    let age = scene.value("select created_at::text from orders").await;
    assert_eq!(scene.value("select orders_processed from workers").await, 1);

    let claim = granted(scene.recall(&anna(), &order).await);
    assert!(claim.attempt > first.attempt, "what is left of the first one must not finish it");
    assert_eq!(scene.life(&order).await, json!(["received", "cooking", "ready", "cooking"]));
    let row = "select status, completed_at, processed_by, created_at::text as age, priority from orders";
    let cooking = json!({"status": "cooking", "completed_at": null, "processed_by": "chef_anna", "age": age, "priority": 1});
    assert_eq!(scene.rows(row).await, [cooking]);
    assert_eq!(scene.value("select notes from order_status_log order by id desc limit 1").await, "recalled");
    assert_eq!(scene.value("select orders_processed from workers").await, 0);
    let lease =
        "select worker, token, lease_until > now() + interval '50 seconds' as holds from order_claims";
    assert_eq!(scene.rows(lease).await, [json!({"worker": "chef_anna", "token": 7, "holds": true})]);

    let StatusUpdate { old_status, new_status, changed_by, estimated_completion, .. } =
        claim.status_update.clone().unwrap().update;
    assert_eq!((old_status, new_status), OrderStatus::RECALL);
    assert_eq!(changed_by, "chef_anna");
    assert_eq!(estimated_completion, Some(claim.estimated_completion.into()));
    let ahead = "select round(extract(epoch from claim.estimated_completion - updated_at))::int
        from order_claims as claim join orders on id = order_id";
    assert_eq!(scene.value(ahead).await, 10, "the claim and the configured time");

    assert_eq!(scene.finish(&anna(), &order, &first).await, FinishOutcome::ClaimLost);
    assert!(matches!(scene.finish(&anna(), &order, &claim).await, FinishOutcome::Ready(_)));
    assert_eq!(scene.value("select orders_processed from workers").await, 1);
    let again = granted(scene.recall(&anna(), &order).await);
    assert!(again.attempt > claim.attempt);
}

#[tokio::test]
async fn only_who_finished_it_recalls_an_order_and_only_for_half_an_hour() {
    let scene = Scene::new().await;
    let (order, _) = ready(&scene).await;
    let refused = |why| RecallOutcome::Refused(why);
    let before = traces(&scene).await;
    assert_eq!(scene.recall(&mario(), &order).await, refused(RecallRefusal::OfAnother));
    assert_eq!(traces(&scene).await, before);

    scene.execute("update orders set completed_at = now() - interval '30 minutes 1 second'").await;
    let before = traces(&scene).await;
    assert_eq!(scene.recall(&anna(), &order).await, refused(RecallRefusal::TooLate));
    assert_eq!(traces(&scene).await, before);

    scene.execute("update orders set completed_at = now() - interval '29 minutes'").await;
    // Another process of the same worker: it was started again.
    granted(scene.recall(&process("chef_anna", 70), &order).await);
}

#[tokio::test]
async fn nothing_but_ready_is_recalled() {
    let scene = Scene::new().await;
    let (order, _) = ready(&scene).await;
    for status in
        [OrderStatus::Received, OrderStatus::Cooking, OrderStatus::Completed, OrderStatus::Cancelled]
    {
        scene.execute(&format!("update orders set status = '{status}'")).await;
        let before = traces(&scene).await;
        let outcome = scene.recall(&anna(), &order).await;
        assert_eq!(outcome, RecallOutcome::Refused(RecallRefusal::Elsewhere(status)));
        assert_eq!(traces(&scene).await, before, "{status}");
    }
    scene.execute("update orders set status = null").await;
    let unreadable = RecallRefusal::Unreadable("null".to_owned());
    assert_eq!(scene.recall(&anna(), &order).await, RecallOutcome::Refused(unreadable));
    scene.execute("truncate orders cascade").await;
    assert_eq!(scene.recall(&anna(), &order).await, RecallOutcome::Unknown);
}

#[tokio::test]
async fn a_recall_that_is_repeated_after_a_lost_answer_grants_the_same_claim() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    let (order, _) = ready(&scene).await;
    let first = granted(scene.recall(&anna(), &order).await);
    let before = traces(&scene).await;
    let second = granted(scene.recall(&anna(), &order).await);
    assert_eq!(second, first, "the status update is still to be published");
    assert_eq!(traces(&scene).await, before);
    // Another process of this name has not made it.
    let other = scene.recall(&process("chef_anna", 70), &order).await;
    assert_eq!(other, RecallOutcome::Refused(RecallRefusal::Elsewhere(OrderStatus::Cooking)));
}

/// Subscribers must not see the recall before the `ready` that it takes back.
#[tokio::test]
async fn a_recall_is_left_to_the_relay_while_earlier_changes_wait_there() {
    let scene = Scene::new().await;
    let (order, _) = ready(&scene).await;
    let waiting = granted(scene.recall(&anna(), &order).await);
    assert!(waiting.is_left_to_relay, "{waiting:?}");
    let due = "select bool_and(due_at <= now()) from status_outbox where old_status = 'ready'";
    assert_eq!(scene.value(due).await, true, "nobody else publishes it");
    assert_eq!(granted(scene.recall(&anna(), &order).await), waiting, "repeated after a lost answer");
    scene.leases_ended("1 second").await;
    let heir = scene.granted(&mario(), &order).await;
    assert!(heir.is_left_to_relay, "{heir:?}");
    assert!(matches!(scene.finish(&mario(), &order, &heir).await, FinishOutcome::Ready(_)));

    scene.execute("delete from status_outbox").await;
    let alone = granted(scene.recall(&mario(), &order).await);
    assert!(!alone.is_left_to_relay && alone.status_update.is_some(), "{alone:?}");
    let later = "select due_at > now() from status_outbox";
    assert_eq!(scene.value(later).await, true, "its worker publishes it");
}

/// Whoever takes the order over publishes what the lost worker could not.
#[tokio::test]
async fn the_next_worker_finds_the_recall_that_was_not_published() {
    let scene = Scene::new().await;
    let (order, _) = ready(&scene).await;
    let recalled = granted(scene.recall(&anna(), &order).await);
    scene.leases_ended("1 second").await;
    let claim = scene.granted(&mario(), &order).await;
    assert_eq!(claim.attempt, recalled.attempt + 1);
    assert_eq!(claim.status_update, recalled.status_update);
}

#[tokio::test]
async fn of_a_recall_and_a_completion_that_meet_one_wins() {
    let scene = Scene::new().await;
    let (order, _) = ready(&scene).await;
    let holder = scene.holding("update orders set status = 'completed'").await;
    let completing = async {
        scene.until_waiting(1).await;
        holder.execute("commit").await;
    };
    let anna = anna();
    let (outcome, ()) = tokio::join!(scene.recall(&anna, &order), completing);
    assert_eq!(outcome, RecallOutcome::Refused(RecallRefusal::Elsewhere(OrderStatus::Completed)));
}

#[tokio::test]
async fn a_recalled_order_can_be_cancelled_and_is_not_completed_meanwhile() {
    let scene = Scene::new().await;
    let (order, _) = ready(&scene).await;
    let claim = granted(scene.recall(&anna(), &order).await);
    let request = request_id("a-completion");
    let from = &[OrderStatus::Ready];
    let next = OrderStatus::Completed;
    let completed =
        transitions::change(&scene.db, &order.number, None, from, next, "staff", &request).await.unwrap();
    assert_eq!(completed, ChangeOutcome::Illegal(OrderStatus::Cooking));
    assert_eq!(scene.cancel(&order).await, ChangeOutcome::Changed);
    assert_eq!(scene.finish(&anna(), &order, &claim).await, FinishOutcome::ClaimLost);
    assert_eq!(scene.count("order_claims").await, 0);
}

#[tokio::test]
async fn a_worker_that_was_started_again_finds_what_it_finished() {
    let scene = Scene::new().await;
    let orders = scene.place_many(4).await;
    for (order, cook) in orders.iter().zip([anna(), anna(), mario(), anna()]) {
        let claim = scene.granted(&cook, order).await;
        scene.finish(&cook, order, &claim).await;
    }
    scene.cancel(&orders[1]).await;
    let found = of_worker::recallable(&scene.db, &anna().worker).await.unwrap();
    assert_eq!(found, [orders[3].number, orders[0].number]);
    scene.execute("update order_status_log set changed_at = now() - interval '31 minutes'").await;
    assert_eq!(of_worker::recallable(&scene.db, &anna().worker).await.unwrap(), []);
}

#[tokio::test]
async fn a_ticket_tells_who_was_last_and_what_was_before() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let one = async || of_worker::of_orders(&scene.db, &[order.number]).await.unwrap().tickets.remove(0);
    let ticket = one().await;
    assert_eq!(
        (ticket.ticket.status.as_str(), ticket.changed_by.as_deref()),
        ("received", Some("order-service"))
    );
    assert_eq!(ticket.ticket.items[0], ("Margherita Pizza".to_owned(), 1));
    let claim = scene.granted(&anna(), &order).await;
    let ticket = one().await;
    assert_eq!(ticket.estimated_completion, Some(claim.estimated_completion));
    assert_eq!((ticket.is_recalled, ticket.status_before.as_deref()), (false, Some("received")));
    scene.finish(&anna(), &order, &claim).await;
    granted(scene.recall(&anna(), &order).await);
    assert!(one().await.is_recalled);
    scene.cancel(&order).await;
    let ticket = one().await;
    assert_eq!(
        (ticket.changed_by.as_deref(), ticket.status_before.as_deref()),
        (Some("guest"), Some("cooking"))
    );

    let none = of_worker::of_orders(&scene.db, &[]).await.unwrap();
    assert!(none.tickets.is_empty());
}

#[tokio::test]
async fn the_message_of_a_stored_order_is_the_one_that_was_sent() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let found: Option<(OrderMessage, _)> = of_worker::message(&scene.db, order.number).await.unwrap();
    assert_eq!(found, Some((message(order.number), Some(order.identity))));
    scene.execute("truncate orders cascade").await;
    assert_eq!(of_worker::message(&scene.db, order.number).await.unwrap(), None);
}
