//! A worker goes offline while its heartbeat is still in flight on another connection.

use std::time::Duration;

use db::workers;
use testkit::{Stage, eventually};

use crate::scene::{cook, migrated, open, register};

#[tokio::test]
async fn a_heartbeat_that_comes_late_does_not_undo_the_farewell() {
    let stage = Stage::new().await;
    migrated(&stage).await;
    let db = open(&stage.database_settings());
    register(&db).await;
    let (lock, observer) = (stage.database().await, stage.database().await);
    lock.execute("begin; select from workers for update").await;
    let late = {
        let db = db.clone();
        tokio::spawn(async move { workers::heartbeat(&db, &cook(), &[], Duration::from_mins(1)).await })
    };
    let waiting = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    eventually("the heartbeat waits", async || (observer.value(waiting).await == 1).then_some(())).await;
    // The effect of going offline, as if it had got the lock first.
    lock.execute("update workers set status = 'offline'; delete from worker_sessions; commit").await;
    assert_eq!(late.await.unwrap().unwrap(), None);
    let online = observer.value("select count(*) from workers where status = 'online'").await;
    assert_eq!(online, 0);
}
