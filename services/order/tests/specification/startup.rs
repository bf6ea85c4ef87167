//! "Usage: Launch the service", and patience: servers may be away, late or closed
//! to it when it starts.

use serde_json::{Value, json};
use testkit::Stage;
use testkit::orders::takeout;

/// A line without what differs from machine to machine and from moment to moment.
fn without_origin(raw: &str) -> String {
    let line: Value = serde_json::from_str(raw).unwrap();
    let timestamp = line["timestamp"].as_str().unwrap();
    let raw = raw.replacen(timestamp, "NOW", 1).replacen(line["hostname"].as_str().unwrap(), "HOST", 1);
    match line["duration_ms"].as_u64() {
        Some(duration) => raw.replace(&format!("\"duration_ms\":{duration}"), "\"duration_ms\":MS"),
        None => raw,
    }
}

#[tokio::test]
async fn the_startup_lines_are_the_specifications() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let port = service.port();
    service.log("db_connected").await;
    service.logs("rabbitmq_connected", 2).await;
    let lines: Vec<_> = service.raw_lines().iter().map(|line| without_origin(line)).collect();
    let head = r#"{"timestamp":"NOW","level":"INFO","service":"order-service","hostname":"HOST","request_id":"startup-001","action":"#;
    for expected in [
        format!(
            r#"{head}"service_started","message":"Order Service started on port {port}","details":{{"port":{port},"max_concurrent":50}}}}"#
        ),
        format!(r#"{head}"db_connected","message":"Connected to PostgreSQL database","duration_ms":MS}}"#),
        format!(
            r#"{head}"rabbitmq_connected","message":"Connected to RabbitMQ exchange 'orders_topic'","duration_ms":MS}}"#
        ),
    ] {
        assert!(lines.contains(&expected), "{expected}\nis none of\n{}", lines.join("\n"));
    }
    assert!(lines[0].contains("service_started"), "{lines:?}");
}

#[tokio::test]
async fn with_both_servers_away_it_listens_and_becomes_ready_by_itself() {
    let stage = Stage::new().await;
    let (postgres, rabbitmq) = (stage.postgres_proxy().await, stage.rabbitmq_proxy().await);
    postgres.cut();
    rabbitmq.cut();
    let launch = stage.order_service().env("DB_PORT", postgres.port().to_string());
    let launch = launch.env("RABBITMQ_PORT", rabbitmq.port().to_string());
    let service = launch.ready_when_logged("service_started").start().await;
    let answer = service.get("/readyz").await;
    assert_eq!(answer.status, 503);
    let away = json!({"database": "unhealthy", "rabbitmq": "unhealthy"});
    assert_eq!(answer.json()["checks"], away);
    assert_eq!(service.get("/livez").await.status, 200);
    // Too early is not wrong.
    let early = service.post("/orders", &takeout().to_string()).await;
    assert_eq!((early.status, early.header("retry-after")), (503, "1"));
    service.logs("db_connection_failed", 2).await;
    service.logs("rabbitmq_connection_failed", 2).await;

    rabbitmq.mend();
    service.log("rabbitmq_connected").await;
    assert_eq!(service.get("/readyz").await.status, 503);
    postgres.mend();
    service.until_status("/readyz", 200).await;
    assert!(service.place(&takeout()).await.ends_with("_001"));
}

#[tokio::test]
async fn a_wrong_password_is_said_clearly_and_tried_again() {
    let stage = Stage::new().await;
    let launch =
        stage.order_service().env("DB_PASSWORD", "wrong-secret-1").env("RABBITMQ_PASSWORD", "wrong-secret-2");
    let service = launch.ready_when_logged("service_started").start().await;
    let (user, broker_user) = (&stage.servers.postgres.user, &stage.servers.rabbitmq.user);

    let line = service.log("db_connection_failed").await;
    let at = format!("PostgreSQL at 127.0.0.1:{} refuses the connection", stage.servers.postgres.port);
    let expected = format!("{at}: password authentication failed for user \"{user}\"");
    assert_eq!(line["error"]["msg"], expected);
    let line = service.log("rabbitmq_connection_failed").await;
    let msg = line["error"]["msg"].as_str().unwrap();
    let expected = format!(
        "closed the connection during the login: the user '{broker_user}' or the password is probably wrong"
    );
    assert!(msg.ends_with(&expected), "{line}");
    service.logs("db_connection_failed", 2).await;
    assert_eq!(service.get("/readyz").await.status, 503);
    let output = service.everything();
    assert!(!output.contains("wrong-secret"), "{output}");
}

#[tokio::test]
async fn an_unknown_database_or_vhost_is_said_clearly_and_awaited() {
    let stage = Stage::new().await;
    let launch =
        stage.order_service().env("DB_NAME", format!("{}_late", stage.name)).env("RABBITMQ_VHOST", "nowhere");
    let service = launch.ready_when_logged("service_started").start().await;
    let line = service.log("db_connection_failed").await;
    let at = format!("PostgreSQL at 127.0.0.1:{} refuses the connection", stage.servers.postgres.port);
    let expected = format!("{at}: database \"{}_late\" does not exist", stage.name);
    assert_eq!(line["error"]["msg"], expected);
    let line = service.log("rabbitmq_connection_failed").await;
    assert!(line["error"]["msg"].as_str().unwrap().contains("the vhost 'nowhere'"), "{line}");

    let database = stage.database().await;
    database.execute(&format!("create database {}_late", stage.name)).await;
    service.log("db_connected").await;
    drop(service);
    database.execute(&format!("drop database {}_late with (force)", stage.name)).await;
}

#[tokio::test]
async fn a_broker_user_without_rights_is_told_which() {
    let stage = Stage::new().await;
    let admin = stage.servers.rabbitmq_admin();
    let user = format!("{}_waiter", stage.name);
    let created = r#"{"password": "let-me-in", "tags": ""}"#;
    admin.request("PUT", &format!("/api/users/{user}"), Some(created)).await.unwrap();
    let nothing = r#"{"configure": "^$", "write": ".*", "read": ".*"}"#;
    admin.request("PUT", &format!("/api/permissions/{}/{user}", stage.name), Some(nothing)).await.unwrap();
    let launch = stage.order_service().env("RABBITMQ_USER", &user).env("RABBITMQ_PASSWORD", "let-me-in");
    let service = launch.ready_when_logged("service_started").start().await;
    let line = service.log("rabbitmq_connection_failed").await;
    let msg = line["error"]["msg"].as_str().unwrap();
    assert!(msg.contains("ACCESS_REFUSED") && msg.contains("rabbitmqctl set_permissions"), "{line}");

    let all = r#"{"configure": ".*", "write": ".*", "read": ".*"}"#;
    admin.request("PUT", &format!("/api/permissions/{}/{user}", stage.name), Some(all)).await.unwrap();
    service.until_status("/readyz", 200).await;
    admin.request("DELETE", &format!("/api/users/{user}"), None).await.unwrap();
}
