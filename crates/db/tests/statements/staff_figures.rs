//! The figures of the staff: their plan must not read full tables.

use db::staff_figures;
use testkit::eventually;

use crate::scene::Scene;

/// Orders that are stored after the plan was made.
const ROWS: i64 = 50_000;

#[tokio::test]
async fn the_figures_of_an_hour_are_read_from_its_rows() {
    let scene = Scene::new().await;
    let db = scene.single_connection();
    let empty = staff_figures::read(&db).await.unwrap();
    assert_eq!((empty.minutes.len(), empty.types.len(), empty.stays.len()), (61, 3, 0));
    scene
        .execute(&format!(
            "insert into orders (number, customer_name, type, total_amount, status, created_at)
             select 'ORD_20261130_' || lpad(n::text, greatest(3, length(n::text)), '0'), 'Jane', 'takeout', 1, 'completed', '2020-01-01'
             from generate_series(1, {ROWS}) as n;
             insert into order_status_log (order_id, status, changed_by, changed_at)
             select id, 'completed', 'staff', '2020-01-01' from orders"
        ))
        .await;
    let sum = async |column: &str| {
        let sum = format!(
            "select sum({column})::bigint from pg_stat_user_tables where relname in ('orders', 'order_status_log')"
        );
        scene.value(&sum).await.as_i64().unwrap()
    };
    eventually("statistics of the rows", async || {
        scene.execute("select pg_stat_force_next_flush()").await;
        (sum("n_tup_ins").await >= 2 * ROWS).then_some(())
    })
    .await;
    let (fetched, scanned, scans) = (sum("idx_tup_fetch").await, sum("seq_tup_read").await, sum("idx_scan").await);
    let mut times = 0;
    eventually("statistics of the statements", async || {
        staff_figures::read(&db).await.unwrap();
        times += 1;
        (sum("idx_scan").await - scans >= 200).then_some(())
    })
    .await;
    assert_eq!(sum("seq_tup_read").await, scanned, "a whole table was read");
    let rows = (sum("idx_tup_fetch").await - fetched) / times;
    // Both statements look at the newest thousand rows in any case.
    assert!(rows < 4_000, "{rows} rows were read each time");
}
