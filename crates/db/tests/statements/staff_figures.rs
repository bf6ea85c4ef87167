//! The figures of the staff: what they leave out, and how little they read.

use db::staff_figures;
use testkit::eventually;

use crate::scene::Scene;

/// Orders that are stored after the plans were made.
const ROWS: i64 = 50_000;
/// Two of the statements look at the newest thousand rows in any case, and halve their way there.
const MOST_READ: i64 = 2_400;

async fn rows_read(scene: &Scene) -> i64 {
    let read = "select (select sum(idx_tup_read) from pg_stat_user_indexes)::bigint
                     + (select sum(seq_tup_read) from pg_stat_user_tables)::bigint";
    scene.value(read).await.as_i64().unwrap()
}

#[tokio::test]
async fn few_rows_of_full_tables_are_read() {
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
    // What this session has read is not of the figures.
    scene.execute("select pg_stat_force_next_flush()").await;
    let single = "pg_stat_activity where datname = current_database() and application_name = 'single'";
    let (before, sessions) = (rows_read(&scene).await, scene.count(single).await);
    staff_figures::read(&db).await.unwrap();
    drop(db);
    // A session reports at its end what it has read.
    eventually("the end of the session", async || (scene.count(single).await < sessions).then_some(())).await;
    let read = rows_read(&scene).await - before;
    assert!((100..=MOST_READ).contains(&read), "{read} rows were read");
}

#[tokio::test]
async fn minutes_that_the_limit_cuts_off_are_left_out() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene
        .execute(&format!(
            "delete from order_status_log;
             insert into order_status_log (order_id, status, changed_by, changed_at)
             select id, 'received', 'order-service', now() - (60000 - n) * interval '50 milliseconds'
             from orders, generate_series(1, 60000) as n where number = '{}' order by n",
            order.number
        ))
        .await;
    let figures = staff_figures::read(&scene.db).await.unwrap();
    // 50,000 of 60,000 rows, twenty in a second: 41 minutes and 40 seconds. No part of a minute is
    // shown.
    assert!((41..=42).contains(&figures.minutes.len()), "{}", figures.minutes.len());
    let whole = &figures.minutes[..figures.minutes.len() - 1];
    assert!(whole.iter().all(|minute| minute.placed == 1200), "{whole:?}");
}
