//! `workers::heartbeat` and `go_offline`: how long a worker and its claims live.

use db::claims::{ClaimOutcome, Claimant};
use db::workers::{correct_last_seen, go_offline, heartbeat};
use serde_json::json;

use crate::scene::{LEASE, Scene, anna, mario, process};

impl Scene {
    async fn heartbeat(&self, cook: &Claimant, cooking: &[i32]) -> Option<Vec<i32>> {
        heartbeat(&self.db, cook, cooking, LEASE).await.unwrap()
    }

    /// The seconds that each lease has left, in the order of row ids.
    async fn leases(&self) -> Vec<i64> {
        let leases =
            "select extract(epoch from lease_until - now())::int as left from order_claims order by order_id";
        self.rows(leases).await.iter().map(|row| row["left"].as_i64().unwrap()).collect()
    }
}

#[tokio::test]
async fn a_sign_of_life_is_noted_and_renews_the_leases_of_what_is_cooked() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    scene.register(&anna()).await;
    let mut rows = Vec::new();
    for order in &orders {
        rows.push(scene.granted(&anna(), order).await.order_id);
    }
    scene
        .execute("update order_claims set lease_until = now() + interval '5 seconds', lease_seconds = 5")
        .await;
    scene.execute("update workers set last_seen = now() - interval '50 seconds', status = 'odd'").await;
    // This process may never have heard of the other order.
    assert_eq!(scene.heartbeat(&anna(), &rows[..1]).await, Some(rows[..1].to_vec()));
    let leases = scene.leases().await;
    assert!(leases[0] > 50 && leases[1] <= 5, "{leases:?}");
    let lengths = "select array_agg(lease_seconds order by order_id) as lengths from order_claims";
    assert_eq!(scene.value(lengths).await, json!([60, 5]));
    let worker = "select status, last_seen > now() - interval '10 seconds' as is_seen from workers";
    assert_eq!(scene.rows(worker).await, [json!({"status": "online", "is_seen": true})]);
}

#[tokio::test]
async fn who_cooks_nothing_lives_all_the_same() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    assert_eq!(scene.heartbeat(&anna(), &[]).await, Some(Vec::new()));
}

#[tokio::test]
async fn what_somebody_has_taken_over_is_not_renewed_and_not_told() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    scene.register(&anna()).await;
    let mut rows = Vec::new();
    for order in &orders {
        rows.push(scene.granted(&anna(), order).await.order_id);
    }
    scene.leases_ended("1 second").await;
    scene.granted(&mario(), &orders[1]).await;
    scene.execute("update order_claims set lease_until = now() + interval '5 seconds'").await;
    assert_eq!(scene.heartbeat(&anna(), &rows).await, Some(vec![rows[0]]));
    assert!(scene.leases().await[1] <= 5);
}

#[tokio::test]
async fn who_has_lost_the_name_hears_of_it_and_changes_nothing() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.register(&process("chef_anna", 70)).await;
    let row = scene.granted(&anna(), &order).await.order_id;
    let everything = "select workers.*, claim.lease_until from workers, order_claims as claim";
    let before = scene.rows(everything).await;
    assert_eq!(scene.heartbeat(&anna(), &[row]).await, None);
    assert_eq!(scene.rows(everything).await, before);
}

#[tokio::test]
async fn who_was_never_written_down_has_no_name() {
    let scene = Scene::new().await;
    assert_eq!(scene.heartbeat(&anna(), &[]).await, None);
    assert_eq!(scene.count("workers").await, 0);
}

#[tokio::test]
async fn a_sign_of_life_that_waits_for_a_successor_comes_too_late() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    let holder =
        scene.holding("update workers set last_seen = now(); update worker_sessions set token = 70").await;
    let succeeding = async {
        scene.until_waiting(1).await;
        holder.execute("commit").await;
    };
    let anna = anna();
    let (heard, ()) = tokio::join!(scene.heartbeat(&anna, &[]), succeeding);
    assert_eq!(heard, None);
}

#[tokio::test]
async fn who_goes_home_is_offline_at_once_and_his_claims_end() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    scene.register(&anna()).await;
    scene.granted(&anna(), &orders[0]).await;
    scene.granted(&mario(), &orders[1]).await;
    go_offline(&scene.db, &anna()).await.unwrap();
    assert_eq!(scene.value("select status from workers").await, "offline");
    assert_eq!(scene.count("worker_sessions").await, 0);
    assert_eq!(scene.granted(&mario(), &orders[0]).await.attempt, 2);
    assert!(matches!(scene.claim(&anna(), &orders[1]).await, ClaimOutcome::Held { .. }));
}

#[tokio::test]
async fn a_sign_of_life_that_comes_after_the_farewell_changes_nothing() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    go_offline(&scene.db, &anna()).await.unwrap();
    let before = scene.rows("select * from workers").await;
    assert_eq!(scene.heartbeat(&anna(), &[]).await, None);
    assert_eq!(scene.rows("select * from workers").await, before);
}

#[tokio::test]
async fn the_farewell_of_a_predecessor_is_not_its_successors() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let successor = process("chef_anna", 70);
    scene.register(&successor).await;
    scene.granted(&successor, &order).await;
    go_offline(&scene.db, &anna()).await.unwrap();
    assert_eq!(scene.value("select status from workers").await, "online");
    assert!(matches!(scene.claim(&mario(), &order).await, ClaimOutcome::Held { .. }));
}

#[tokio::test]
async fn whoever_lives_sees_to_those_who_were_seen_in_a_time_that_has_not_come() {
    let scene = Scene::new().await;
    for cook in [anna(), mario()] {
        scene.register(&cook).await;
    }
    scene.execute("update workers set last_seen = now() + interval '1 hour' where name = 'chef_mario'").await;
    scene.heartbeat(&anna(), &[]).await;
    assert_eq!(scene.count("workers where last_seen > now()").await, 0);
}

#[tokio::test]
async fn whose_row_is_in_somebodys_hands_is_seen_to_another_time() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    scene.execute("update workers set last_seen = now() + interval '1 hour'").await;
    let holder = scene.holding("select from workers for update").await;
    correct_last_seen(&scene.db).await.unwrap();
    holder.execute("commit").await;
    assert_eq!(scene.count("workers where last_seen > now()").await, 1);
    correct_last_seen(&scene.db).await.unwrap();
    assert_eq!(scene.count("workers where last_seen > now()").await, 0);
}
