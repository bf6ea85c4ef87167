//! The connection that is reserved for heartbeats and relays.

use std::time::{Duration, Instant};

use config::LEAST_CONNECTIONS;
use db::claims::LockMode;
use db::outbox::{Published, relay_orders};
use db::workers;
use domain::OrderType;
use testkit::{Stage, eventually};
use tokio::sync::Notify;

use crate::scene::{LOOK, claim, cook, migrated, open, place, register};

#[tokio::test]
async fn a_relay_that_waits_for_the_broker_leaves_connections_for_orders() {
    let stage = Stage::new().await;
    migrated(&stage).await;
    let mut settings = stage.database_settings();
    settings.max_connections = LEAST_CONNECTIONS;
    let db = open(&settings);
    place(&db).await.unwrap();
    stage.database().await.execute("update order_outbox set due_at = now()").await;
    let (sending, confirmed) = (Notify::new(), Notify::new());
    let relaying = relay_orders(&db, OrderType::Takeout, LOOK, async |rows| {
        sending.notify_one();
        confirmed.notified().await;
        let confirmed = rows.iter().map(|row| row.order_id).collect();
        Published { confirmed, ..Published::default() }
    });
    let ordering = async {
        sending.notified().await;
        for _ in 0..5 {
            let (one, other) = tokio::join!(place(&db), place(&db));
            one.and(other).unwrap();
        }
        confirmed.notify_one();
    };
    let (relayed, ()) = tokio::join!(relaying, ordering);
    assert_eq!(relayed.unwrap().confirmed, 1);
}

#[tokio::test]
async fn heartbeats_do_not_wait_for_statements_that_hang() {
    let stage = Stage::new().await;
    migrated(&stage).await;
    let mut settings = stage.database_settings();
    settings.max_connections = LEAST_CONNECTIONS;
    let db = open(&settings);
    register(&db).await;
    let number = place(&db).await.unwrap();
    let database = stage.database().await;
    database.execute("begin; select from orders for update").await;
    // More than there are connections.
    let claims: Vec<_> = (0..LEAST_CONNECTIONS + 2)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { claim(&db, number, LockMode::Wait).await })
        })
        .collect();
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let observer = stage.database().await;
    let all = i64::try_from(LEAST_CONNECTIONS).unwrap() - 1;
    eventually("claims that hang", async || (observer.value(waiting).await == all).then_some(())).await;
    let began = Instant::now();
    let held = workers::heartbeat(&db, &cook(), &[], Duration::from_mins(1)).await.unwrap();
    assert_eq!(held, Some(Vec::new()));
    // A hanging statement ends after ten seconds. The order did not wait for it.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    database.execute("commit").await;
    for claim in claims {
        // A claim that waited too long for a connection has an error. None hangs.
        drop(claim.await.unwrap());
    }
}
