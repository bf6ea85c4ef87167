//! The trigger `decide_order_requests`: its plan is made once for each session, maybe while all
//! tables are empty, and kept while they grow.

use serde_json::json;

use crate::requesting::{place, request};
use crate::scene::Scene;

/// Requests that wait beside those that are decided.
const MANY: u8 = 200;
/// As every session of a service has them (`db::session`).
const SETTINGS: &str = "set enable_seqscan = off; set jit = off; set plan_cache_mode = force_generic_plan";
/// The rows that this transaction has read.
const READ: &str = "
    select json_object_agg(relname, seq_tup_read + coalesce(idx_tup_fetch, 0))
    from pg_stat_xact_user_tables where relname in ('order_requests', 'orders', 'request_outbox')";

#[tokio::test]
async fn a_decision_looks_each_row_up_by_its_key_also_with_a_plan_for_empty_tables() {
    for empty in ["", "vacuum analyze order_requests", "vacuum analyze"] {
        let scene = Scene::new().await;
        let session = scene.stage.database().await;
        session.execute(SETTINGS).await;
        if !empty.is_empty() {
            session.execute(empty).await;
        }
        // The trigger makes its plan, although there is nothing to decide.
        session.execute("delete from order_outbox").await;
        let requests: Vec<_> = (0..MANY).map(|place| request(place, "a body")).collect();
        place(&scene.db, &requests).await.unwrap();
        let first =
            "select string_agg(id::text, ', ') from (select id from orders order by id limit 3) as first";
        let first = session.value(first).await;
        session
            .execute(&format!(
                "begin; delete from order_outbox where order_id in ({})",
                first.as_str().unwrap()
            ))
            .await;
        let read = session.value(READ).await;
        session.execute("commit").await;
        assert_eq!(scene.count("order_requests where status = 'CONFIRMED'").await, 3);
        // An order is looked at once for each column that depends on it.
        assert_eq!(read, json!({"order_requests": 3, "orders": 4 * 3, "request_outbox": 0}), "{empty}");
    }
}
