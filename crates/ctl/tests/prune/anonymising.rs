//! Names and addresses go, and everything else stays.

use crate::past::MARKS;
use crate::scene::{OLD, Scene};

#[tokio::test]
async fn no_name_is_left_anywhere() {
    let scene = Scene::with_past(600, 7).await;
    let ended = format!("orders where status in ('completed', 'cancelled') and {OLD}");
    let (old, rows) = (scene.count(&ended).await, scene.rows_of_all().await);
    let planned = scene.pruned(&["--anonymise", "--dry-run"]).await;
    let done = scene.pruned(&["--anonymise", "--yes"]).await;
    for report in [&planned, &done] {
        let orders = report["completed"].as_u64().unwrap() + report["cancelled"].as_u64().unwrap();
        assert_eq!(
            (orders, &report["anonymised"], &report["workers"]),
            (old, &true.into(), &0.into()),
            "{report}"
        );
    }
    assert_eq!(scene.rows_of_all().await, rows, "no row goes");
    let named = format!("{ended} and (customer_name <> '-' or delivery_address <> '-')");
    assert_eq!(scene.count(&named).await, 0);
    let without_address = format!("{ended} and (type = 'delivery') <> (delivery_address is not null)");
    assert_eq!(scene.count(&without_address).await, 0, "a delivery still has a place to go to");
    let young = format!("orders where not {OLD} and customer_name = 'Jane Doe'");
    assert_eq!(scene.count(&young).await, scene.count(&format!("orders where not {OLD}")).await);
    scene.audit_is_well().await;
    scene.numbers_are_whole().await;
    let told = scene.prune(&["--anonymise", "--yes"]).run_to_end().await;
    assert!(!told.stdout.contains("worker"), "{told:?}");
    let again = scene.pruned(&["--anonymise", "--yes"]).await;
    assert_eq!([&again["completed"], &again["cancelled"], &again["requests"]], [0, 0, 0], "{again}");

    // When everything is old and over, no table has a name any more.
    scene
        .database
        .execute(
            "update orders set updated_at = '2020-01-01', created_at = '2020-01-01';
             delete from idempotency_keys;
             update order_requests set updated_at = '2020-01-01';
             insert into order_status_log (order_id, status, changed_by) select id, 'completed', 'staff' from orders where status = 'ready';
             update orders set status = 'completed' where status = 'ready'",
        )
        .await;
    for mark in MARKS {
        assert_ne!(scene.stands_in(mark).await, Vec::<String>::new(), "{mark}");
    }
    scene.pruned(&["--anonymise", "--yes"]).await;
    for mark in MARKS {
        assert_eq!(scene.stands_in(mark).await, Vec::<String>::new(), "{mark}");
    }
    assert_eq!(scene.count("order_requests where fingerprint <> '' or errors is not null").await, 0);
    assert_ne!(scene.count("order_status_log where notes = 'recalled'").await, 0, "recalls are still known");
    scene.audit_is_well().await;
    // What has no name any more can go later.
    scene.pruned(&["--yes"]).await;
    assert_eq!(scene.count("orders").await, 0);
    scene.numbers_are_whole().await;
    scene.audit_is_well().await;
}
