//! What it refuses, and what it says.

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
    // To count, its rights do.
    let ended = as_order(scene.prune(&["--dry-run"])).run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for role in ["order", "kitchen", "tracking", "tracking_staff", "exporter"] {
        let role = format!("{}_{role}", scene.stage.name);
        scene.database.execute(&format!("drop owned by {role}; drop role {role}")).await;
    }
}
