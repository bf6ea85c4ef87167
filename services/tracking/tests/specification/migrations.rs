//! "Migrations": it reads tables that others create, and waits for them.

use std::time::Duration;

use testkit::{Stage, eventually};

#[tokio::test]
async fn it_waits_for_the_tables_of_an_empty_database() {
    let stage = Stage::new().await;
    let service = stage.tracking_service().start().await;
    let line = service.log("schema_awaited").await;
    assert_eq!(line["level"], "INFO");
    assert!(line["message"].as_str().unwrap().contains("restaurant-ctl migrate"), "{line}");
    assert_eq!(service.get("/livez").await.status, 200);
    for path in ["/readyz", "/health"] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.json()["checks"]["database"], "unhealthy");
    }
    assert_eq!(service.get("/workers/status").await.status, 500);
    assert_eq!(stage.database().await.value("select count(*) from pg_stat_user_tables").await, 0);

    stage.migrate().await;
    eventually("it to be ready", async || (service.get("/readyz").await.status == 200).then_some(())).await;
    assert_eq!(service.get("/workers/status").await.body, "[]");
    service.log("db_connected").await;
    assert_eq!(service.logged("schema_awaited").len(), 1, "logged once, not at every poll");
}

#[tokio::test]
async fn a_service_that_writes_ends_the_wait_as_well() {
    let stage = Stage::new().await;
    let tracking = stage.tracking_service().start().await;
    tracking.log("schema_awaited").await;
    let _orders = stage.order_service().start().await;
    eventually("it to be ready", async || (tracking.get("/readyz").await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn tables_that_may_not_be_read_yet_are_awaited() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let database = stage.database().await;
    let reader = format!("reader_of_{}", stage.name);
    database.execute(&format!("create role {reader} login password 'reads'")).await;
    let launch = stage.tracking_service().env("DB_USER", &reader).env("DB_PASSWORD", "reads");
    let mut service = launch.start().await;
    let line = service.log("db_connection_failed").await;
    assert!(line["error"]["stack"].as_str().unwrap().contains("permission denied"), "{line}");
    database.execute(&format!("grant select on all tables in schema public to {reader}")).await;
    eventually("it to be ready", async || (service.get("/readyz").await.status == 200).then_some(())).await;
    service.stop().await;
    database.execute(&format!("drop owned by {reader}; drop role {reader}")).await;
}

#[tokio::test]
async fn a_newer_schema_is_a_clear_error() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let newer = "insert into refinery_schema_history (version, name, applied_on, checksum)
                 values (9999, 'future', '2030-01-01T00:00:00Z', '0')";
    stage.database().await.execute(newer).await;
    let mut service = stage.tracking_service().ready_at_once().start().await;
    let line = service.log("service_failed").await;
    assert_eq!(line["level"], "ERROR");
    let message = line["message"].as_str().unwrap();
    for part in ["version 9999", "knows versions up to", "run a newer version"] {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
    assert_eq!(service.wait().await.code(), Some(1));
}

#[tokio::test]
async fn the_wait_ends_with_a_signal() {
    let stage = Stage::new().await;
    let mut service = stage.tracking_service().start().await;
    service.log("schema_awaited").await;
    let started = tokio::time::Instant::now();
    assert_eq!(service.stop().await, Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
