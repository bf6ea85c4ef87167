//! Plans are made once for each connection. One that was made for empty tables must not read full
//! ones.

use std::time::Duration;

use db::order_views::Filter;
use db::{board, estimates, kitchen_tickets, order_views, status_events};
use testkit::eventually;

use crate::scene::Scene;

/// Orders that are stored after the plans were made.
const ROWS: i64 = 50_000;

#[tokio::test]
async fn what_the_tracking_service_reads_of_full_tables_are_few_rows() {
    let scene = Scene::new().await;
    let db = scene.single_connection();
    let number = "ORD_20261130_7000".parse().unwrap();
    let recent = Filter {
        since: Some("2026-11-30T00:00:00Z")
            .and_then(domain::timestamp::Timestamp::parse)
            .map(|since| since.0),
        limit: 10,
        ..Filter::default()
    };
    let all = async |newest: i64| {
        status_events::read(&db, &[(5, 5), (newest - 10, i64::MAX)], 100).await.unwrap();
        status_events::newest_ids(&db, 10).await.unwrap();
        status_events::of_orders(&db, &[number]).await.unwrap();
        board::read(&db, Duration::from_mins(15)).await.unwrap();
        estimates::bases(&db, &[number]).await.unwrap();
        kitchen_tickets::read(&db).await.unwrap();
        order_views::list(&db, &recent).await.unwrap();
        order_views::one(&db, &number).await.unwrap();
    };
    all(0).await;
    scene
        .execute(&format!(
            "insert into orders (number, customer_name, type, total_amount, status, created_at)
             select 'ORD_20261130_' || lpad(n::text, greatest(3, length(n::text)), '0'), 'Jane', 'takeout', 1, 'completed', '2020-01-01'
             from generate_series(1, {ROWS}) as n;
             insert into order_items (order_id, name, quantity, price) select id, 'Soup', 1, 1 from orders;
             insert into order_status_log (order_id, status, changed_by, changed_at)
             select id, 'completed', 'staff', '2020-01-01' from orders"
        ))
        .await;
    let read = async || {
        let read = "select sum(idx_tup_read)::bigint from pg_stat_user_indexes
                    where relname in ('orders', 'order_items', 'order_status_log')";
        scene.value(read).await.as_i64().unwrap()
    };
    let scans = async || {
        let scans = "select sum(idx_scan)::bigint from pg_stat_user_tables where relname = 'order_items'";
        scene.value(scans).await.as_i64().unwrap()
    };
    // The statistics of what was inserted come first.
    eventually("statistics of the rows", async || {
        scene.execute("select pg_stat_force_next_flush()").await;
        let inserted = "pg_stat_user_tables where relname = 'order_status_log' and n_tup_ins >= 50000";
        (scene.count(inserted).await == 1).then_some(())
    })
    .await;
    let (read_before, scans_before) = (read().await, scans().await);
    let mut times = 0;
    // A session reports what it did from time to time.
    eventually("statistics of the statements", async || {
        all(ROWS).await;
        times += 1;
        (scans().await - scans_before >= 20).then_some(())
    })
    .await;
    let rows = (read().await - read_before) / times;
    // Five of them look at the newest thousand rows in any case.
    assert!(rows < 10_000, "{rows} rows were read each time");
}
