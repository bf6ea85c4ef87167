//! What is not settled stays, however old it is.

use crate::scene::{OLD, Scene};

#[tokio::test]
async fn nobody_loses_what_somebody_waits_for() {
    let scene = Scene::with_past(400, 6).await;
    let before = scene.pruned(&["--dry-run"]).await;
    // Six old orders: five with something that must still happen, one with a number that is none.
    let nth = |n: u32| {
        format!(
            "(select id from orders where status = 'completed' and id % 3 = 0 and {OLD} order by id offset {n} limit 1)"
        )
    };
    for sql in [
        format!("insert into order_outbox (order_id, request_id, purpose) values ({}, 'a-request', 'again')", nth(0)),
        format!(
            "insert into status_outbox (request_id, order_number, old_status, new_status, changed_by, changed_at)
             select 'a-request', number, 'ready', 'completed', 'staff', now() from orders where id = {}",
            nth(1)
        ),
        format!(
            "insert into order_claims (order_id, worker, token, attempt, lease_until, estimated_completion)
             values ({}, 'chef_anna', 1, 1, now(), now())",
            nth(2)
        ),
        format!("update order_requests set status = 'PROCESSING' where placed_as = {}", nth(3)),
        format!(
            "insert into request_outbox (order_id, stream, status, changed_at, due_at)
             select order_id, 'outcome', 'CONFIRMED', now(), now() from order_requests where placed_as = {}",
            nth(4)
        ),
    ] {
        scene.database.execute(&sql).await;
    }
    let number = format!("update orders set number = 'by hand' where id = {}", nth(5));
    scene.database.execute(&number).await;
    // And a worker that still has a claim.
    let unseen = "update workers set last_seen = now() - interval '100 days' where name = 'chef_anna'";
    scene.database.execute(unseen).await;

    let done = scene.pruned(&["--yes"]).await;
    assert_eq!(done["staying"]["unsettled"], 6, "{done}");
    assert_eq!(done["completed"].as_u64().unwrap() + 6, before["completed"].as_u64().unwrap());
    assert_eq!(scene.count(&format!("orders where status = 'completed' and {OLD}")).await, 6);
    assert_eq!(scene.count("workers where name = 'chef_anna'").await, 1);

    // Once that is settled they go, but for the one whose number is none.
    scene
        .database
        .execute(
            "delete from status_outbox; delete from order_claims; delete from request_outbox;
             delete from order_outbox;
             update order_requests set status = 'CONFIRMED' where status = 'PROCESSING';
             update workers set last_seen = now()",
        )
        .await;
    let done = scene.pruned(&["--yes"]).await;
    assert_eq!((&done["completed"], &done["staying"]["unsettled"]), (&5.into(), &1.into()), "{done}");
    assert_eq!(
        scene.count(&format!("orders where status = 'completed' and {OLD} and number = 'by hand'")).await,
        1
    );
}
