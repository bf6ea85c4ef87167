//! The configuration.

use testkit::{Launch, Stage};

use crate::visit::{doctor, visit};

#[tokio::test]
async fn every_value_has_its_origin_and_secrets_stay_secret() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(
        path("config.yaml"),
        "kitchen: { cooking_seconds: { takeout: 3 } }\nrabbitmq: { password: tooth }\n",
    )
    .unwrap();
    let (_, password) = stage.environment().into_iter().find(|(name, _)| *name == "DB_PASSWORD").unwrap();
    std::fs::write(path("secret"), &password).unwrap();
    let launch = doctor(&stage)
        .arg(format!("--config={}", path("config.yaml")))
        .env("DB_PASSWORD", "")
        .env("DB_PASSWORD_FILE", path("secret"));
    let found = visit(&launch).await;
    let lines = found.examples("config");
    for line in [
        "database.host = 127.0.0.1 (DB_HOST)",
        "database.password = •••• (DB_PASSWORD_FILE)",
        "rabbitmq.password = •••• (RABBITMQ_PASSWORD)",
        "kitchen.cooking_seconds.takeout = 3 (config file)",
        "kitchen.cooking_seconds.dine_in = 8 (default)",
    ] {
        assert!(lines.iter().any(|found| found == line), "no '{line}': {lines:?}");
    }
    let said = format!("{}{}", found.ended.stdout, found.ended.stderr);
    assert!(!said.contains("tooth") && !said.contains(&format!("= {password} (")), "{said}");
    assert_eq!(found.findings(), Vec::<String>::new(), "{:?}", found.ended);
}

/// No server is asked about them, and every misfit comes with the setting to change.
#[tokio::test]
async fn times_that_do_not_fit_each_other() {
    let stage = Stage::new().await;
    let cooking = doctor(&stage).env("KITCHEN_COOKING_SECONDS_DELIVERY", "40.5");
    let found = visit(&cooking).await;
    found.assert_to_do("time_to_cook warn", "shutdown.grace_seconds (SHUTDOWN_GRACE_SECONDS) to 51 or more");
    let words = "a worker that stops has 15 s for its orders, and delivery takes 40.5 s";
    assert_eq!(found.found("time_to_cook"), words);
    let cooking = cooking.env("SHUTDOWN_GRACE_SECONDS", "51");
    visit(&cooking).await.assert_to_do("time_to_stop warn", "--time-to-stop=56");
    let cooking = cooking.arg("--time-to-stop=56");
    visit(&cooking.clone().arg("--heartbeat-interval=5"))
        .await
        .assert_to_do("claim_lease warn", "--heartbeat-interval=21 or more");
    let found = visit(&cooking.arg("--heartbeat-interval=21")).await;
    assert_eq!(found.findings(), Vec::<String>::new(), "{:?}", found.ended);
}

#[tokio::test]
async fn an_interval_out_of_range_is_a_usage_error() {
    let doctor = Launch::new("restaurant-ctl", Vec::new()).arg("doctor").arg("--heartbeat-interval=0");
    let ended = doctor.run_to_end().await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--heartbeat-interval is 0 (allowed: 1 to 3600)"), "{ended:?}");
}

#[tokio::test]
async fn a_mistake_is_reported_with_its_position() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    std::fs::write(&path, "database:\n  prot: 1\n").unwrap();
    let launch = Launch::new("restaurant-ctl", Vec::new()).arg("doctor").arg("--json");
    let found = visit(&launch.clone().arg(format!("--config={}", path.display()))).await;
    found.assert_only("config fail", "line 2");
    let found = visit(&launch.arg("--config=/nowhere/config.yaml")).await;
    found.assert_only("config fail", "/nowhere/config.yaml");
}

#[tokio::test]
async fn an_unknown_service_is_a_usage_error() {
    let ended =
        Launch::new("restaurant-ctl", Vec::new()).arg("doctor").arg("--service=waiter").run_to_end().await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("--service is 'waiter' (allowed: order, kitchen, tracking, notifier)"),
        "{ended:?}"
    );
}
