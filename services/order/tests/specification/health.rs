//! The probes: `/health` as the production notes show it, `/readyz`, `/livez`.

use serde_json::json;
use testkit::Stage;

#[tokio::test]
async fn health_says_what_works() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for path in ["/health", "/readyz"] {
        let answer = service.until_status(path, 200).await;
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        let health = answer.json();
        let timestamp = health["timestamp"].as_str().unwrap();
        assert_eq!(
            answer.body,
            format!(
                r#"{{"status":"healthy","timestamp":"{timestamp}","service":"order-service","checks":{{"database":"healthy","rabbitmq":"healthy"}}}}"#
            )
        );
        assert!(timestamp.ends_with('Z') && timestamp.len() == 24, "{timestamp}");
    }
}

#[tokio::test]
async fn health_says_what_does_not_work() {
    let stage = Stage::new().await;
    let (postgres, rabbitmq) = (stage.postgres_proxy().await, stage.rabbitmq_proxy().await);
    let launch = stage.order_service().env("DB_PORT", postgres.port().to_string());
    let service = launch.env("RABBITMQ_PORT", rabbitmq.port().to_string()).start().await;

    rabbitmq.cut();
    let answer = service.until_status("/health", 503).await;
    let expected = json!({"database": "healthy", "rabbitmq": "unhealthy"});
    assert_eq!((&answer.json()["status"], &answer.json()["checks"]), (&json!("unhealthy"), &expected));
    rabbitmq.mend();
    service.until_status("/health", 200).await;

    // A database that does not answer is as bad as none, and does not hold up the probe.
    postgres.silence();
    let answer = service.until_status("/readyz", 503).await;
    let expected = json!({"database": "unhealthy", "rabbitmq": "healthy"});
    assert_eq!(answer.json()["checks"], expected);
    assert_eq!(service.get("/livez").await.status, 200);
    postgres.mend();
    service.until_status("/readyz", 200).await;
}

#[tokio::test]
async fn it_is_ready_only_when_the_tables_are_there() {
    let stage = Stage::new().await;
    let database = stage.database().await;
    // The lock under which migrations run: the service waits for whoever holds it.
    database.execute("select pg_advisory_lock(x'6f7264657273'::bigint)").await;
    let service = stage.order_service().ready_when_logged("rabbitmq_connected").start().await;
    let expected = json!({"database": "unhealthy", "rabbitmq": "healthy"});
    service.until_status("/readyz", 503).await;
    testkit::eventually("RabbitMQ alone", async || {
        (service.get("/readyz").await.json()["checks"] == expected).then_some(())
    })
    .await;
    database.execute("select pg_advisory_unlock_all()").await;
    service.until_status("/readyz", 200).await;
}

#[tokio::test]
async fn livez_says_that_the_process_lives() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let answer = service.get("/livez").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    assert_eq!(answer.header("content-type"), "text/plain");
}
