//! `backup`, `restore` and `release`, as far as they need no server of their own: the fault suite
//! destroys one.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::path::Path;

use serde_json::{Value, json};
use testkit::orders::{delivery, dine_in, takeout};
use testkit::service::Ended;
use testkit::{Launch, Stage, eventually};

const PASSWORD: &str = "a-password-that-nobody-else-has";

async fn ctl(stage: &Stage, words: &[&str]) -> Ended {
    let launch = Launch::new("restaurant-ctl", stage.environment());
    words.iter().fold(launch, |launch, word| launch.arg(*word)).run_to_end().await
}

/// What the command says in JSON. It must succeed.
async fn said(stage: &Stage, words: &[&str]) -> Value {
    let ended = ctl(stage, &[words, &["--json"]].concat()).await;
    assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|why| panic!("{why}: {ended:?}"))
}

async fn check(stage: &Stage, name: &str) -> Value {
    let said = said(stage, &["audit"]).await;
    let checks = said["checks"].as_array().unwrap().clone();
    checks.into_iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("no check {name}"))
}

fn refused(ended: &Ended, code: i32, part: &str) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(ended.stderr.contains(part), "not '{part}': {ended:?}");
}

/// A manifest of another server.
fn strange_backup(folder: &Path) {
    let manifest = json!({
        "format": 1, "id": "0b0c8f1e-6d3a-4d0e-9a58-3f1f6f0c2f11", "program": "restaurant-ctl",
        "started_at": "2026-11-21T07:17:48.326Z", "finished_at": "2026-11-21T07:18:00.000Z",
        "postgresql": {"version": "15.8", "system_identifier": "1", "database": "shop", "schema_version": 21},
        "last_numbers": ["ORD_20261121_057"], "files": []
    });
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
}

#[tokio::test]
async fn wrong_words_are_explained() {
    let stage = Stage::new().await;
    for (words, part) in [
        (vec!["backup"], "name a folder"),
        (vec!["backup", "/tmp/x", "--taken-by", "barman"], "name a folder"),
        (vec!["backup", "--taken-by", " "], "1 to 100 characters"),
        (vec!["backup", "/tmp/x", "--timeout", "0"], "not between 1 and 604800"),
        (vec!["restore"], "name a folder"),
        (vec!["restore", "--taken-by", "barman", "--numbers-after", "57"], "'57' is not an order number"),
        (vec!["release", "57"], "'57' is not an order number"),
        (vec!["release", "--all", "ORD_20261121_057"], "not both"),
    ] {
        refused(&ctl(&stage, &words).await, 2, part);
    }
    let missing = ["restore", "--taken-by", "barman", "--acknowledged", "/nowhere/list"];
    refused(&ctl(&stage, &missing).await, 1, "'/nowhere/list' cannot be read");
}

#[tokio::test]
async fn a_backup_of_another_program_is_noted() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let noted = ctl(&stage, &["backup", "--taken-by", "pgbackrest"]).await;
    assert_eq!(noted.code, Some(0), "{noted:?}");
    let database = stage.database().await;
    let rows = database.rows("select made_by, finished_at is not null as is_good from backups").await;
    assert_eq!(rows, [json!({"made_by": "pgbackrest", "is_good": true})]);
    let doctor = Launch::new("restaurant-ctl", stage.environment()).arg("doctor").arg("--service=tracking");
    let ended = doctor.arg("--tracking-port=0").arg("--json").run_to_end().await;
    assert!(ended.stdout.contains("the last one is 0 h old; archive_mode is off"), "{ended:?}");
}

#[tokio::test]
async fn old_orders_without_a_backup_are_something_for_the_doctor() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let old = "insert into orders (number, customer_name, type, total_amount, created_at, status)
               values ('ORD_20261101_001', 'Jane', 'takeout', 1, now() - interval '2 days', 'cancelled')";
    stage.database().await.execute(old).await;
    let doctor = Launch::new("restaurant-ctl", stage.environment()).arg("doctor").arg("--service=tracking");
    let ended = doctor.arg("--tracking-port=0").arg("--json").run_to_end().await;
    let said: Value = serde_json::from_str(&ended.stdout).unwrap();
    let checks = said["checks"].as_array().unwrap();
    let backups = checks.iter().find(|check| check["check"] == "backups").unwrap();
    assert_eq!(backups["outcome"], "warn", "{backups}");
}

#[tokio::test]
async fn a_folder_with_something_in_it_is_left_alone() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine"), "").unwrap();
    let path = folder.path().display().to_string();
    refused(&ctl(&stage, &["backup", &path]).await, 1, &path);
    assert_eq!(stage.database().await.value("select count(*) from backups").await, 0);
}

#[tokio::test]
async fn who_may_do_nothing_is_told_who_may() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let (database, role) = (stage.database().await, format!("{}_weak", stage.name));
    database.execute(&format!("create role {role} login password '{PASSWORD}'")).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").display().to_string();
    for (words, part) in [
        (&["migrate"][..], "Run it as the owner of the tables"),
        (&["migrate", "--roles"], "Run it as a superuser (DB_USER), or as the owner of the database"),
        (&["release"], "Log in as the owner of the tables"),
        (&["release", "--all"], "Log in as the owner of the tables"),
        (&["restore", "--taken-by", "barman"], "Log in as the owner of the tables"),
        (&["backup", "--taken-by", "barman"], "Grant the role for backups"),
        (&["backup", path.as_str()], "it lacks: insert on backups, replication, select on backups"),
    ] {
        let launch = Launch::new("restaurant-ctl", stage.environment());
        let launch = launch.env("DB_USER", role.clone()).env("DB_PASSWORD", PASSWORD);
        let ended = words.iter().fold(launch, |launch, word| launch.arg(*word)).run_to_end().await;
        refused(&ended, 1, part);
    }
    database.execute(&format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test]
async fn a_database_with_orders_of_its_own_is_no_place_for_a_backup() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    refused(&ctl(&stage, &["restore", &path]).await, 1, "has no manifest.json");
    strange_backup(folder.path());
    refused(&ctl(&stage, &["restore", &path]).await, 1, "the database is empty");
    stage.migrate().await;
    refused(&ctl(&stage, &["restore", &path]).await, 1, "with orders of its own");
    assert_eq!(stage.database().await.value("select count(*) from restores").await, 0);
}

#[tokio::test]
async fn what_another_program_restored_is_held_and_released() {
    let stage = Stage::new().await.at_noon().await;
    let mut orders = stage.order_service().start().await;
    orders.declared_all().await;
    let mut placed = Vec::new();
    for order in [takeout(), dine_in(), delivery()] {
        placed.push(orders.place(&order).await);
    }
    let restore = ["restore", "--taken-by", "barman"];
    refused(&ctl(&stage, &restore).await, 1, "order-service is connected");
    assert_eq!(orders.stop().await, Some(0));
    let database = stage.database().await;
    let gone = "select count(*) from pg_stat_activity
                where datname = current_database() and application_name = 'order-service'";
    eventually("its connections to end", async || (database.value(gone).await == 0).then_some(())).await;

    let folder = tempfile::tempdir().unwrap();
    let (file, lost) = (folder.path().join("list"), placed[2].replace("_003", "_005"));
    std::fs::write(&file, format!("{}\n{lost}\n", placed[0])).unwrap();
    let words = [&restore[..], &["--acknowledged", file.to_str().unwrap()]].concat();
    let restored = said(&stage, &words).await;
    assert_eq!(restored["lost"], json!([lost]));
    assert_eq!(restored["gaps"], json!([{"first": placed[2].replace("_003", "_004"), "last": lost}]));
    assert_eq!(restored["held"].as_array().unwrap().len(), 3);

    let (held, named) = (check(&stage, "held_orders").await, check(&stage, "lost_orders").await);
    assert_eq!((&held["outcome"], &held["count"]), (&json!("warn"), &json!(3)), "{held}");
    assert_eq!((&named["outcome"], &named["examples"]), (&json!("warn"), &json!([lost])), "{named}");
    assert_eq!(check(&stage, "order_numbers").await["outcome"], "ok");

    // Their messages are still in the broker: a worker that gets them cooks nothing.
    let orders = stage.order_service().start().await;
    let worker = stage.kitchen_worker("chef_anna").start().await;
    worker.logs("order_skipped", 3).await;
    assert_eq!(orders.place(&takeout()).await, placed[2].replace("_003", "_006"));
    worker.logs("order_completed", 1).await;
    let listed = said(&stage, &["release"]).await;
    assert_eq!(listed["held"].as_array().unwrap().len(), 3);
    assert_eq!(said(&stage, &["release", &placed[0]]).await["released"], json!([placed[0]]));
    worker.logs("order_completed", 2).await;
    refused(&ctl(&stage, &["release", &placed[0]]).await, 1, "");
    assert_eq!(said(&stage, &["release", "--all"]).await["released"], json!(placed[1..]));
    worker.logs("order_completed", 4).await;
    assert_eq!(check(&stage, "held_orders").await["outcome"], "ok");
}
