//! "Heartbeat Mechanism".

use std::time::Duration;

use testkit::{Stage, eventually};

use crate::observe::worker;

#[tokio::test]
async fn a_heartbeat_moves_last_seen_and_is_logged() {
    let stage = Stage::new().await;
    let database = stage.database().await;
    let service = stage.kitchen_worker("chef_anna").start().await;
    let registered = worker(&database, "chef_anna").await;
    for beat in 1..=2 {
        let line = service.logs("heartbeat_sent", beat).await.remove(beat - 1);
        assert_eq!((&line["level"], &line["details"]["worker_name"]), (&"DEBUG".into(), &"chef_anna".into()));
    }
    let sql = format!(
        "select extract(epoch from last_seen - timestamptz '{}')::float8 from workers",
        registered["last_seen"].as_str().unwrap()
    );
    let moved = Duration::from_secs_f64(database.value(&sql).await.as_f64().unwrap());
    // Two intervals of one second each.
    assert!(moved > Duration::from_millis(1_900), "{moved:?}");
}

#[tokio::test]
async fn a_heartbeat_sets_the_status_to_online() {
    let stage = Stage::new().await;
    let database = stage.database().await;
    let _service = stage.kitchen_worker("chef_anna").start().await;
    database.execute("update workers set status = 'offline'").await;
    eventually("the worker to be online again", async || {
        (worker(&database, "chef_anna").await["status"] == "online").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_interval_is_the_one_that_was_asked_for() {
    let stage = Stage::new().await;
    let service = stage.kitchen_worker("chef_slow").arg("--heartbeat-interval=3600").start().await;
    let brisk = stage.kitchen_worker("chef_brisk").start().await;
    brisk.logs("heartbeat_sent", 2).await;
    assert!(service.logged("heartbeat_sent").is_empty());
}
