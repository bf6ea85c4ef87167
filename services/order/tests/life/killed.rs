//! kill -9 at every step of the write path: what has no answer is wholly stored and cooked,
//! or not there at all.

use serde_json::json;
use testkit::orders::takeout;
use testkit::{Stage, eventually};

use crate::placing;

/// Kills a service at a step while it places an order, and returns what another service and
/// a worker made of it.
async fn after_a_kill_at(step: &str) -> Vec<serde_json::Value> {
    let stage = Stage::new().await;
    let mut service = stage.order_service().env("FAILPOINT", format!("{step}=kill@2")).start().await;
    let first = service.place(&takeout()).await;
    let client = placing(&service, &[]);
    assert_eq!(service.wait().await.code(), None, "killed by a signal");
    let _ = client.await;
    let database = stage.database().await;
    // What the dead service had in hand is the relay's after 15 s.
    database.execute("update order_outbox set due_at = now()").await;
    let (_heir, _worker) = (stage.order_service().start().await, stage.kitchen_worker("chef").start().await);
    eventually("rest", async || {
        let busy = "select (select count(*) from orders where status <> 'ready') + (select count(*) from order_outbox)
                         + (select count(*) from status_outbox) + (select count(*) from order_claims)";
        (database.value(busy).await == 0).then_some(())
    })
    .await;
    assert!(first.ends_with("_001"));
    database
        .rows(
            "select number, (select array_agg(log.status order by log.id) from order_status_log log where order_id = orders.id) as life
             from orders order by number",
        )
        .await
}

fn is_cooked_once(order: &serde_json::Value) -> bool {
    order["life"] == json!(["received", "cooking", "ready"])
}

#[tokio::test]
async fn before_the_commit_nothing_is_left() {
    let orders = after_a_kill_at("order.before_commit").await;
    assert!(orders.len() == 1 && orders.iter().all(is_cooked_once), "{orders:?}");
}

#[tokio::test]
async fn after_the_commit_the_order_is_cooked_once() {
    for step in ["order.committed", "order.published", "order.before_answer", "order.before_settling"] {
        let orders = after_a_kill_at(step).await;
        assert!(orders.len() == 2 && orders.iter().all(is_cooked_once), "{step}: {orders:?}");
    }
}
