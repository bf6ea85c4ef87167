//! Orders that a cook took back from `ready` to `cooking`.

use crate::scene::{Served, audit};

/// The first order was recalled, and is ready once more.
const RECALLED: &str = "
    insert into order_status_log (order_id, status, changed_by, notes)
    values ($N, 'cooking', 'chef_mario', 'recalled'), ($N, 'ready', 'chef_mario', null);";

#[tokio::test]
async fn recalled_orders_are_correct_and_count_once() {
    let served = Served::new().await;
    let first = format!("(select id from orders where number = '{}')", served.numbers[0]);
    for _ in 0..2 {
        served.database.execute(&RECALLED.replace("$N", &first)).await;
        audit(&served.stage, &["--settled"]).await.assert_well();
    }
    let completed = "update orders set status = 'completed' where id = $N;
        insert into order_status_log (order_id, status) values ($N, 'completed')";
    served.database.execute(&completed.replace("$N", &first)).await;
    audit(&served.stage, &["--settled"]).await.assert_well();
}

#[tokio::test]
async fn a_recalled_order_that_is_counted_twice() {
    let sql = format!("{RECALLED} update workers set orders_processed = 4");
    let example = "chef_mario: orders_processed is 4, the log has 3 orders made ready by it";
    Served::new().await.breaks(&sql, "orders_processed", 1, example).await;
}

#[tokio::test]
async fn a_second_cooking_that_is_no_recall() {
    let sql = RECALLED.replace("'recalled'", "null");
    let sql = format!("{sql} update workers set orders_processed = 4");
    let example = "$N: was 2 times cooking: received → cooking → ready → cooking → ready";
    Served::new().await.breaks(&sql, "status_once", 1, example).await;
}

#[tokio::test]
async fn a_recall_after_the_order_was_completed() {
    let sql = "
        insert into order_status_log (order_id, status, changed_by, notes)
        values ($N, 'completed', 'staff', null), ($N, 'cooking', 'chef_mario', 'recalled'),
               ($N, 'ready', 'chef_mario', null)";
    let example = "$N: its log says received → cooking → ready → completed → recalled → ready";
    let served = Served::new().await;
    let first = format!("(select id from orders where number = '{}')", served.numbers[0]);
    served.database.execute(&sql.replace("$N", &first)).await;
    let said = audit(&served.stage, &[]).await;
    assert_eq!(said.findings(), ["status_log fail", "status_once fail"], "{}", said.document);
    let found = said.check("status_log");
    let example = example.replace("$N", &served.numbers[0]);
    assert_eq!(found["examples"], serde_json::json!([example]));
}
