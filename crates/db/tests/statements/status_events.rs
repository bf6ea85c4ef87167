//! `status_events`: the log as a log.

use db::status_events::{self, LogRow};

use crate::scene::{Scene, anna};

fn ids(rows: &[LogRow]) -> Vec<i64> {
    rows.iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn the_log_is_read_in_spans_of_ids_and_no_more_than_asked_for() {
    let scene = Scene::new().await;
    let nothing = status_events::read(&scene.db, &[(1, i64::MAX)], 10).await.unwrap();
    assert_eq!((nothing.newest, nothing.rows.len()), (None, 0));
    scene.place_many(6).await;
    let read = async |spans: &[(i64, i64)], limit| {
        let reading = status_events::read(&scene.db, spans, limit).await.unwrap();
        assert_eq!(reading.newest, Some(6));
        assert!(reading.as_of >= nothing.as_of);
        ids(&reading.rows)
    };
    assert_eq!(read(&[(1, i64::MAX)], 10).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(read(&[(2, 2), (4, i64::MAX)], 10).await, [2, 4, 5, 6]);
    assert_eq!(read(&[(2, 2), (4, i64::MAX)], 3).await, [2, 4, 5]);
    assert_eq!(read(&[], 10).await, [0_i64; 0]);
    assert_eq!(status_events::newest_ids(&scene.db, 4).await.unwrap(), [3, 4, 5, 6]);
}

#[tokio::test]
async fn a_row_says_what_happened_to_which_order() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.granted(&anna(), &order).await;
    let reading = status_events::read(&scene.db, &[(1, i64::MAX)], 10).await.unwrap();
    let events: Vec<_> = reading.rows.into_iter().map(|row| row.event.unwrap()).collect();
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.order_number, event.status.as_str(), event.changed_by.as_str()))
        .collect();
    assert_eq!(told, [(order.number, "received", "order-service"), (order.number, "cooking", "chef_anna")]);
    let unknown = "ORD_20010101_001".parse().unwrap();
    let logs = status_events::of_orders(&scene.db, &[unknown, order.number]).await.unwrap();
    assert_eq!(logs, [None, Some(events)]);
}

#[tokio::test]
async fn rows_that_tell_nothing_are_rows_all_the_same() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene
        .execute(
            "insert into order_status_log (order_id, status) values (null, 'ready');
             insert into order_status_log (order_id, changed_at) select id, 'infinity' from orders;
             insert into order_status_log (order_id, created_at, changed_at) select id, 'infinity', '-infinity' from orders",
        )
        .await;
    let rows = status_events::read(&scene.db, &[(1, i64::MAX)], 10).await.unwrap().rows;
    assert_eq!(ids(&rows), [1, 2, 3, 4]);
    let readable: Vec<_> = rows.iter().map(|row| row.event.is_some()).collect();
    assert_eq!(readable, [true, false, true, false]);
    assert_eq!(rows[2].event.as_ref().unwrap().status, "");
    // Alone it fails, and others do not.
    assert!(status_events::of_orders(&scene.db, &[order.number]).await.is_err());
}

#[tokio::test]
async fn a_log_with_larger_ids_is_read_too() {
    let scene = Scene::new().await;
    scene.execute("alter table order_status_log alter column id type bigint").await;
    scene.execute("alter sequence order_status_log_id_seq as bigint restart with 9000000000").await;
    scene.place().await;
    let rows = status_events::read(&scene.db, &[(1, i64::MAX)], 10).await.unwrap().rows;
    assert_eq!(ids(&rows), [9_000_000_000]);
}
