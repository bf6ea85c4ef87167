//! What it refuses, and what it says.

use serde_json::Value;
use testkit::Launch;

use crate::scene::Scene;

#[tokio::test]
async fn it_refuses_what_could_be_a_mistake() {
    let scene = Scene::with_past(60, 11).await;
    let before = scene.rows_of_all().await;
    for (words, said) in [
        (&["prune", "--older-than=90d"][..], "without a terminal to ask on, say --yes, or --dry-run"),
        (&["prune", "--yes"], "older-than"),
        (&["prune", "--older-than=1h", "--yes"], "less than a day"),
        (&["prune", "--older-than=soon", "--yes"], "not a span of time"),
        (&["prune", "--older-than=0d", "--yes"], "at least 1d"),
        (&["prune", "--older-than=0d", "--yes"], "Run 'restaurant-ctl prune --help'"),
    ] {
        let ended = scene.command(words).run_to_end().await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(said), "{ended:?}");
    }
    assert_eq!(scene.rows_of_all().await, before);
}

#[tokio::test]
async fn people_read_figures() {
    let scene = Scene::with_past(400, 12).await;
    let planned = scene.prune(&["--dry-run"]).run_to_end().await;
    assert_eq!(planned.code, Some(0), "{planned:?}");
    for part in
        ["completed orders", "cancelled orders", "orders stay", "nothing was changed, because of --dry-run"]
    {
        assert!(planned.stdout.contains(part), "{part}: {planned:?}");
    }
    let done = scene.prune(&["--yes"]).run_to_end().await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("Removed ") && done.stdout.contains(" and 1 worker."), "{done:?}");
}

#[tokio::test]
async fn a_service_may_not_prune() {
    let scene = Scene::with_past(60, 13).await;
    let mut roles = scene.command(&["migrate", "--roles"]);
    for variable in
        ["ORDER_DB_PASSWORD", "KITCHEN_DB_PASSWORD", "TRACKING_DB_PASSWORD", "EXPORTER_DB_PASSWORD"]
    {
        roles = roles.env(variable, "a password");
    }
    let ended = roles.run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let before = scene.rows_of_all().await;
    let as_order = |launch: Launch| {
        launch.env("DB_USER", format!("{}_order", scene.stage.name)).env("DB_PASSWORD", "a password")
    };
    let ended = as_order(scene.prune(&["--yes"])).run_to_end().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("run it as the owner of the tables"), "{ended:?}");
    assert_eq!(scene.rows_of_all().await, before);
    assert!(ended.stderr.contains("_pruner, which 'migrate --roles' makes"), "{ended:?}");
    // To count, its rights do.
    let ended = as_order(scene.prune(&["--dry-run"])).run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    scene.drop_roles(&["order", "kitchen", "tracking", "tracking_staff", "exporter"]).await;
}

/// A user who may not even read is told of those who may prune, and of nobody else.
#[tokio::test]
async fn a_stranger_is_told_who_may_prune() {
    let scene = Scene::with_past(60, 16).await;
    let name = format!("{}_stranger", scene.stage.name);
    scene.database.execute(&format!("create role {name} login password 'a password'")).await;
    for words in [&["--yes"][..], &["--dry-run"]] {
        let launch = scene.prune(words).env("DB_USER", name.clone()).env("DB_PASSWORD", "a password");
        let ended = launch.run_to_end().await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("_pruner, which 'migrate --roles' makes"), "{ended:?}");
        assert!(!ended.stderr.contains("order service"), "{ended:?}");
    }
    scene.drop_roles(&["stranger"]).await;
}

/// It anonymises, removes and counts under its role, and the audit stays well.
#[tokio::test]
async fn it_needs_no_owner() {
    let scene = Scene::with_past(400, 14).await;
    let made = scene.command(&["migrate", "--roles"]).env("PRUNER_DB_PASSWORD", "a password");
    let ended = made.run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let name = format!("{}_pruner", scene.stage.name);
    assert!(ended.stdout.contains(&format!("# Role {name} has the rights of prune.")), "{ended:?}");
    let wanted = scene.pruned(&["--dry-run"]).await;
    assert!(wanted["completed"].as_u64() > Some(0), "{wanted}");
    for words in [&["--anonymise", "--yes"][..], &["--dry-run"], &["--yes"]] {
        let launch = scene.prune(&[&["--json"], words].concat());
        let ended = launch.env("DB_USER", name.clone()).env("DB_PASSWORD", "a password").run_to_end().await;
        assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
        let done: Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|why| panic!("{why}: {ended:?}"));
        assert_eq!(done["completed"], wanted["completed"], "{words:?}: {done}");
    }
    assert_eq!(scene.pruned(&["--dry-run"]).await["completed"], 0);
    scene.numbers_are_whole().await;
    scene.audit_is_well().await;
    scene.drop_roles(&["order", "kitchen", "tracking", "tracking_staff", "exporter", "pruner"]).await;
}

/// Without a password for it nobody may prune but the owner. Once made, it keeps its password.
#[tokio::test]
async fn its_role_is_made_on_demand() {
    let scene = Scene::with_past(60, 15).await;
    let name = format!("{}_pruner", scene.stage.name);
    let made = format!("pg_roles where rolname = '{name}'");
    for (password, expected) in [(None, 0), (Some("a password"), 1), (None, 1)] {
        let mut migrate = scene.command(&["migrate", "--roles"]);
        if let Some(password) = password {
            migrate = migrate.env("PRUNER_DB_PASSWORD", password);
        }
        let ended = migrate.run_to_end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.stdout.contains("PRUNER_DB_PASSWORD"), "no password is made up: {ended:?}");
        assert_eq!(scene.count(&made).await, expected, "{password:?}");
    }
    let counted = scene.prune(&["--dry-run"]).env("DB_USER", name).env("DB_PASSWORD", "a password");
    assert_eq!(counted.run_to_end().await.code, Some(0));
    scene.drop_roles(&["order", "kitchen", "tracking", "tracking_staff", "exporter", "pruner"]).await;
}
