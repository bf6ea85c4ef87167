//! The probes: `/health` as the production notes show it, `/readyz`, `/livez`.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::orders::takeout;
use testkit::{Launch, Stage, http};
use tokio::task::JoinSet;

#[tokio::test]
async fn health_and_version_tell_the_same_build() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let health = service.until_status("/health", 200).await.json();
    let told = Launch::new("order-service", vec![]).arg("--version").run_to_end().await.stdout;
    let (version, revision) = (health["version"].as_str().unwrap(), health["revision"].as_str().unwrap());
    assert_eq!(told, format!("order-service {version} ({revision})"));
}

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
        // The build is for people: see below.
        let build = match path {
            "/health" => format!(r#","version":{},"revision":{}"#, health["version"], health["revision"]),
            _ => String::new(),
        };
        assert_eq!(
            answer.body,
            format!(
                r#"{{"status":"healthy","timestamp":"{timestamp}","service":"order-service","checks":{{"database":"healthy","rabbitmq":"healthy"}}{build}}}"#
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
async fn a_database_that_takes_no_writes_is_none_until_it_does() {
    let stage = Stage::new().await;
    let database = stage.database().await;
    let read_only =
        |value| format!("alter database {} set default_transaction_read_only = {value}", stage.name);
    database.execute(&read_only("on")).await;
    let service = stage.order_service().ready_when_logged("rabbitmq_connected").start().await;
    let line = service.log("db_connection_failed").await;
    assert!(line["error"]["msg"].as_str().unwrap().contains("takes no writes"), "{line}");
    assert!(line["details"]["advice"].as_str().unwrap().contains("database.host"), "{line}");
    assert_eq!(service.get("/readyz").await.status, 503);
    assert_eq!(service.post("/orders", &takeout().to_string()).await.status, 503);
    database.execute(&read_only("off")).await;
    service.until_status("/readyz", 200).await;
    service.place(&takeout()).await;

    // The same under a running service whose sessions end, as in a failover to a standby
    // that is promoted later.
    database.execute(&read_only("on")).await;
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()";
    assert_ne!(database.value(end).await, 0);
    let answer = service.until_status("/readyz", 503).await;
    assert_eq!(answer.json()["checks"]["database"], "unhealthy");
    assert_eq!(service.post("/orders", &takeout().to_string()).await.status, 500);
    database.execute(&read_only("off")).await;
    service.until_status("/readyz", 200).await;
    for _ in 0..30 {
        service.place(&takeout()).await;
    }
}

/// Whoever asks for readiness learns that the tables have vanished, and nobody has to be started
/// again when they are back.
#[tokio::test]
async fn tables_that_vanish_are_missed_until_they_are_back() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let tracking = stage.tracking_service().start().await;
    let worker = stage.kitchen_worker("chef").start().await;
    tracking.until_status("/readyz", 200).await;
    service.place(&takeout()).await;
    worker.log("order_completed").await;

    let database = stage.database().await;
    database.execute("drop schema public cascade; create schema public").await;
    for service in [&service, &tracking] {
        let answer = service.until_status("/readyz", 503).await;
        assert_eq!(answer.json()["checks"]["database"], "unhealthy");
        service.log("schema_awaited").await;
    }
    stage.migrate().await;
    service.until_status("/readyz", 200).await;
    tracking.until_status("/readyz", 200).await;

    // The new database has another key for tokens: one service's are the other's.
    let other = stage.order_service().start().await;
    let json = [("Content-Type", "application/json")];
    let placed = http::send(service.port(), "POST", "/orders", &json, takeout().to_string().as_bytes()).await;
    assert_eq!(placed.status, 200, "{placed:?}");
    let number = placed.json()["order_number"].as_str().unwrap().to_owned();
    let (path, token) = (format!("/orders/{number}/cancel"), placed.header("x-order-token"));
    let answer = http::send(other.port(), "POST", &path, &[("X-Order-Token", token)], b"").await;
    assert!([200, 409].contains(&answer.status), "{answer:?}");
    service.place(&takeout()).await;
    worker.logs("order_completed", 2).await;

    // One table is enough, whichever it is.
    database.execute("alter table order_sweeps rename to another").await;
    service.until_status("/readyz", 503).await;
    service
        .log_where("what is missing", |line| {
            line["message"].as_str().unwrap().contains("lacks tables: order_sweeps")
        })
        .await;
    database.execute("alter table another rename to order_sweeps").await;
    service.until_status("/readyz", 200).await;
}

#[tokio::test]
async fn before_it_is_ready_it_answers_503_at_once_to_everybody() {
    let stage = Stage::new().await;
    let proxy = stage.postgres_proxy().await;
    proxy.silence();
    let launch = stage.order_service().env("DB_PORT", proxy.port().to_string());
    let service = launch.ready_when_logged("rabbitmq_connected").start().await;
    let began = Instant::now();
    let mut answers = JoinSet::new();
    for _ in 0..50 {
        let (port, body) = (service.port(), takeout().to_string());
        answers.spawn(async move {
            http::send(port, "POST", "/orders", &[("Content-Type", "application/json")], body.as_bytes())
                .await
        });
    }
    for answer in answers.join_all().await {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.header("retry-after"), "1");
    }
    // Nobody waits for the database, which takes five seconds to be given up.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    proxy.mend();
    service.until_status("/readyz", 200).await;
    service.place(&takeout()).await;
}

#[tokio::test]
async fn livez_says_that_the_process_lives() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let answer = service.get("/livez").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    assert_eq!(answer.header("content-type"), "text/plain");
}
