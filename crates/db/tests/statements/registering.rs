//! `workers`: which process gets a name, and which process has it.

use std::time::Duration;

use db::claims::ClaimOutcome;
use db::workers::{self, Registration, WorkerView, go_offline, hold, register};
use domain::Specialisation;
use serde_json::json;
use tokio::task::JoinSet;

use crate::scene::{HEARTBEAT, Scene, anna, mario, process};

const WORKER: &str = "select name, type, status, orders_processed, token, heartbeat_seconds, unclaimed
                      from workers left join worker_sessions on worker_id = workers.id";

impl Scene {
    /// Sets the last heartbeat of every worker to this long ago.
    async fn seen_ago(&self, ago: &str) {
        self.execute(&format!("update workers set last_seen = now() - interval '{ago}'")).await;
    }

    /// The token of the process that has the only name.
    async fn token(&self) -> serde_json::Value {
        self.value("select token from worker_sessions").await
    }
}

#[tokio::test]
async fn a_new_name_is_written_down_with_its_process() {
    let scene = Scene::new().await;
    let types: Specialisation = "takeout,dine_in".parse().unwrap();
    let registered = register(&scene.db, &anna(), &types, HEARTBEAT, false).await.unwrap();
    assert_eq!(registered, Registration::Registered);
    let expected = json!({
        "name": "chef_anna", "type": "dine_in,takeout", "status": "online", "orders_processed": 0,
        "token": 7, "heartbeat_seconds": 30, "unclaimed": null,
    });
    assert_eq!(scene.rows(WORKER).await, [expected]);
    assert_eq!(scene.value("select last_seen > now() - interval '10 seconds' from workers").await, true);
}

#[tokio::test]
async fn a_name_whose_worker_was_seen_within_two_of_its_intervals_is_taken() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    scene.seen_ago("40 seconds").await;
    let before = scene.rows(WORKER).await;
    assert_eq!(scene.register(&process("chef_anna", 70)).await, Registration::NameTaken);
    assert_eq!(scene.rows(WORKER).await, before);
}

#[tokio::test]
async fn a_name_whose_worker_was_not_seen_for_two_of_its_intervals_is_free() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    scene.seen_ago("61 seconds").await;
    assert_eq!(scene.register(&process("chef_anna", 70)).await, Registration::Registered);
    assert_eq!(scene.token().await, 70);
}

#[tokio::test]
async fn the_intervals_that_count_are_those_of_whoever_has_the_name() {
    let scene = Scene::new().await;
    let register = async |token, heartbeat| {
        let cook = process("chef_anna", token);
        register(&scene.db, &cook, &Specialisation::General, Duration::from_secs(heartbeat), false).await
    };
    register(1, 60).await.unwrap();
    scene.seen_ago("90 seconds").await;
    assert_eq!(register(2, 5).await.unwrap(), Registration::NameTaken);
    scene.seen_ago("121 seconds").await;
    assert_eq!(register(2, 5).await.unwrap(), Registration::Registered);
    scene.seen_ago("11 seconds").await;
    assert_eq!(register(3, 600).await.unwrap(), Registration::Registered);
}

#[tokio::test]
async fn a_name_that_is_offline_is_taken_over_with_its_row() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    scene.execute("update workers set orders_processed = 12").await;
    go_offline(&scene.db, &anna()).await.unwrap();
    let row = scene.value("select id from workers").await;
    assert_eq!(scene.register(&process("chef_anna", 70)).await, Registration::Registered);
    assert_eq!(scene.value("select id from workers").await, row);
    assert_eq!(
        scene.rows("select orders_processed, status, token from workers, worker_sessions").await,
        [json!({"orders_processed": 12, "status": "online", "token": 70})]
    );
}

#[tokio::test]
async fn whoever_has_the_name_may_register_again() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    assert_eq!(scene.register(&anna()).await, Registration::Registered);
}

#[tokio::test]
async fn of_several_who_want_a_name_at_once_one_gets_it() {
    let scene = Scene::new().await;
    for kind in ["new", "offline"] {
        let mut wanting = JoinSet::new();
        for token in 1..=6 {
            let (db, cook) = (scene.db.clone(), process("chef_anna", token));
            wanting.spawn(async move {
                register(&db, &cook, &Specialisation::General, HEARTBEAT, false).await.unwrap()
            });
        }
        let outcomes = wanting.join_all().await;
        let registered = outcomes.iter().filter(|outcome| **outcome == Registration::Registered);
        assert_eq!(registered.count(), 1, "{kind}");
        scene.execute("update workers set status = 'offline'; update worker_sessions set token = 0").await;
    }
    assert_eq!(scene.count("workers").await, 1);
}

#[tokio::test]
async fn the_claims_of_a_predecessor_end_and_nobody_elses() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    scene.register(&anna()).await;
    scene.granted(&anna(), &orders[0]).await;
    scene.granted(&mario(), &orders[1]).await;
    scene.seen_ago("61 seconds").await;
    let successor = process("chef_anna", 70);
    scene.register(&successor).await;
    assert_eq!(scene.granted(&successor, &orders[0]).await.attempt, 2);
    assert!(matches!(scene.claim(&successor, &orders[1]).await, ClaimOutcome::Held { .. }));
}

#[tokio::test]
async fn whoever_registers_again_keeps_his_own_claims() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.register(&anna()).await;
    scene.granted(&anna(), &order).await;
    scene.register(&anna()).await;
    assert!(matches!(scene.claim(&mario(), &order).await, ClaimOutcome::Held { .. }));
}

#[tokio::test]
async fn a_name_from_a_time_that_has_not_come_counts_as_seen_now() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    scene.seen_ago("-1 hour").await;
    assert_eq!(scene.register(&process("chef_anna", 70)).await, Registration::NameTaken);
    assert_eq!(scene.value("select last_seen <= now() from workers").await, true);
    scene.seen_ago("61 seconds").await;
    assert_eq!(scene.register(&process("chef_anna", 70)).await, Registration::Registered);
}

#[tokio::test]
async fn what_a_worker_holds_uncooked_is_written_down_by_its_process_only() {
    let scene = Scene::new().await;
    let numbers: Vec<_> = scene.place_many(2).await.iter().map(|order| order.number).collect();
    register(&scene.db, &anna(), &Specialisation::General, HEARTBEAT, true).await.unwrap();
    let written = "select unclaimed from worker_sessions";
    assert_eq!(scene.value(written).await, json!([]));
    hold(&scene.db, &anna(), &numbers).await.unwrap();
    let texts: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    assert_eq!(scene.value(written).await, json!(texts));
    hold(&scene.db, &process("chef_anna", 70), &[]).await.unwrap();
    assert_eq!(scene.value(written).await, json!(texts));
    scene.register(&anna()).await;
    assert_eq!(scene.value(written).await, json!(null), "it holds nothing unclaimed any more");
}

#[tokio::test]
async fn whether_anybody_may_hold_orders_depends_on_who_lives() {
    let scene = Scene::new().await;
    let may_hold = async || workers::any_may_hold(&scene.db).await.unwrap();
    scene.register(&mario()).await;
    assert!(!may_hold().await, "whoever holds nothing unclaimed");
    register(&scene.db, &anna(), &Specialisation::General, HEARTBEAT, true).await.unwrap();
    assert!(may_hold().await);
    scene.seen_ago("61 seconds").await;
    assert!(!may_hold().await, "whoever was not seen");
    scene.seen_ago("-2 minutes").await;
    assert!(!may_hold().await, "whoever was seen in a time that has not come");
    scene.seen_ago("1 second").await;
    assert!(may_hold().await);
    go_offline(&scene.db, &anna()).await.unwrap();
    assert!(!may_hold().await, "whoever went home");
}

#[tokio::test]
async fn all_who_ever_registered_are_told_by_name() {
    let scene = Scene::new().await;
    for cook in [mario(), anna(), process("chef_zoe", 9)] {
        scene.register(&cook).await;
    }
    go_offline(&scene.db, &mario()).await.unwrap();
    scene
        .execute("update workers set last_seen = now() - interval '61 seconds' where name = 'chef_zoe'")
        .await;
    let by_hand = "insert into workers (name, type, last_seen, orders_processed)
                   values ('chef_by_hand', 'general', null, null)";
    scene.execute(by_hand).await;
    let told = workers::all(&scene.db).await.unwrap();
    let brief =
        |view: &WorkerView| (view.name.clone(), view.online, view.last_seen.is_some(), view.orders_processed);
    let expected = [
        ("chef_anna", true, true),
        ("chef_by_hand", false, false),
        ("chef_mario", false, true),
        ("chef_zoe", false, true),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(name, online, seen)| ((*name).to_owned(), *online, *seen, 0)).collect();
    assert_eq!(told.iter().map(brief).collect::<Vec<_>>(), expected);
}
