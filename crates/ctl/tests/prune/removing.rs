//! What is old goes, all of it, and nothing else.

use serde_json::json;

use crate::scene::{OLD, Scene};

/// Days of a few and days of many orders, with differing lives.
const PASTS: [(u32, u32); 3] = [(60, 1), (400, 2), (2_500, 3)];

#[tokio::test]
async fn what_is_pruned_and_what_is_left_are_all() {
    for (count, seed) in PASTS {
        let scene = Scene::with_past(count, seed).await;
        scene.audit_is_well().await;
        scene.numbers_are_whole().await;
        let ended = |status| format!("orders where status = '{status}' and {OLD}");
        let (completed, cancelled) =
            (scene.count(&ended("completed")).await, scene.count(&ended("cancelled")).await);
        let requests = scene.count(&format!("order_requests where placed_as is null and {OLD}")).await;
        let open = scene.count(&format!("orders where status = 'ready' and {OLD}")).await;
        let young = scene.count(&format!("orders where not {OLD}")).await;
        let before = scene.rows_of_all().await;

        let expected = |report: &serde_json::Value| {
            json!({
                "before": report["before"], "dry_run": report["dry_run"], "anonymised": false,
                "completed": completed, "cancelled": cancelled, "requests": requests, "workers": 1,
                "staying": {"open": open, "unsettled": 0},
            })
        };
        let planned = scene.pruned(&["--dry-run"]).await;
        assert_eq!(planned, expected(&planned));
        assert_eq!(planned["dry_run"], true);
        assert_eq!(scene.rows_of_all().await, before, "a dry run changed something");
        let done = scene.pruned(&["--yes"]).await;
        assert_eq!(done, expected(&done));

        assert_eq!(scene.count("orders").await, young + open);
        for (table, column) in [
            ("order_items", "order_id"),
            ("order_status_log", "order_id"),
            ("order_identities", "order_id"),
            ("order_adjustments", "order_id"),
            ("inventory_movements", "order_id"),
            ("idempotency_keys", "order_id"),
            ("rescue_attempts", "order_id"),
            ("order_requests", "placed_as"),
        ] {
            let orphans = format!("{table} where {column} not in (select id from orders)");
            assert_eq!(scene.count(&orphans).await, 0, "{table}");
        }
        assert_eq!(scene.count(&format!("order_requests where placed_as is null and {OLD}")).await, 0);
        assert_eq!(scene.count("inventory_movements where order_id is null").await, 1, "that of the staff");
        assert_eq!(scene.count("workers where name = 'chef_gone'").await, 0);
        assert_eq!(scene.count("workers").await, 2);
        scene.numbers_are_whole().await;
        scene.audit_is_well().await;

        let again = scene.pruned(&["--yes"]).await;
        let found: Vec<_> =
            ["completed", "cancelled", "requests", "workers"].iter().map(|figure| &again[*figure]).collect();
        assert_eq!(found, [0, 0, 0, 0]);
        scene.audit_is_well().await;
    }
}

#[tokio::test]
async fn the_audit_still_sees_what_is_wrong() {
    let scene = Scene::with_past(600, 4).await;
    scene.pruned(&["--yes"]).await;
    scene.database.execute("create table kept as select * from pruned_orders").await;
    let kept = "delete from pruned_orders; insert into pruned_orders select * from kept";
    for (breaking, mending, check) in [
        (
            "update pruned_orders
             set numbers = numbers - int4multirange(int4range(upper(numbers) - 1, upper(numbers)))
             where day = (select min(day) from pruned_orders)",
            kept,
            "order_numbers",
        ),
        (
            "update pruned_orders set numbers = numbers + (
                 select range_agg(int4range(sequence, sequence + 1))
                 from orders cross join lateral (select substr(number, 14)::int as sequence) as numbered
                 where substr(number, 5, 8) = day)
             where day in (select substr(number, 5, 8) from orders)",
            kept,
            "order_numbers",
        ),
        (
            "update workers set orders_processed = orders_processed + 1 where name = 'chef_anna'",
            "update workers set orders_processed = orders_processed - 1 where name = 'chef_anna'",
            "orders_processed",
        ),
        (
            "update workers set orders_processed = orders_processed - 1 where name = 'chef_mario'",
            "update workers set orders_processed = orders_processed + 1 where name = 'chef_mario'",
            "orders_processed",
        ),
        ("update pruned_stock set delta = delta + 1", "update pruned_stock set delta = delta - 1", "stock"),
    ] {
        scene.audit_is_well().await;
        scene.database.execute(breaking).await;
        let found = scene.findings().await;
        assert!(found.len() == 1 && found[0].contains(check), "{breaking}: {found:?}");
        scene.database.execute(mending).await;
    }
    scene.audit_is_well().await;
}

/// A worker that comes back after it was pruned begins anew, and its earlier orders are nobody's.
#[tokio::test]
async fn a_pruned_worker_may_come_back() {
    let scene = Scene::with_past(60, 5).await;
    scene.pruned(&["--yes"]).await;
    let mut worker = scene.stage.kitchen_worker("chef_gone").start().await;
    let mut orders = scene.stage.order_service().start().await;
    let number = orders.place(&testkit::orders::takeout()).await;
    let ready = format!("orders where number = '{number}' and status = 'ready'");
    testkit::eventually("the order to be ready", async || (scene.count(&ready).await == 1).then_some(()))
        .await;
    assert_eq!(worker.stop().await, Some(0));
    assert_eq!(orders.stop().await, Some(0));
    assert_eq!(scene.count("workers where name = 'chef_gone' and orders_processed = 1").await, 1);
    scene.audit_is_well().await;
}
