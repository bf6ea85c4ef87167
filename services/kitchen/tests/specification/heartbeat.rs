//! "Heartbeat Mechanism".

use testkit::{Stage, eventually};

use crate::observe::worker;

#[tokio::test]
async fn a_heartbeat_moves_last_seen_and_is_logged() {
    let stage = Stage::new().await;
    let database = stage.database().await;
    let service = stage.kitchen_worker("chef_anna").start().await;
    let registered = worker(&database, "chef_anna").await["last_seen"].clone();
    let mut seen = registered.clone();
    for _ in 0..2 {
        seen = eventually("last_seen to move", async || {
            let now = worker(&database, "chef_anna").await["last_seen"].clone();
            (now != seen).then_some(now)
        })
        .await;
    }
    let seconds = format!("select extract(epoch from timestamptz {seen} - timestamptz {registered})::float8");
    let moved = database.value(&seconds.replace('"', "'")).await.as_f64().unwrap();
    // Two intervals of one second each; the first heartbeat may have been late.
    assert!(moved > 1.0, "{moved} s");
    for line in service.logs("heartbeat_sent", 2).await {
        assert_eq!((&line["level"], &line["details"]["worker_name"]), (&"DEBUG".into(), &"chef_anna".into()));
    }
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
