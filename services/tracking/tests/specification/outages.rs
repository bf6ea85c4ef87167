//! A database that is away, restarts, is cut off, or refuses: the service waits, logs it, and
//! recovers.

use testkit::{Service, Stage, eventually, http};
use tokio::task::JoinSet;

async fn eventually_answers(service: &Service, status: u16) {
    eventually(&format!("a {status}"), async || {
        (service.get("/workers/status").await.status == status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_cut_connection_is_a_500_and_then_again_a_200() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let proxy = stage.postgres_proxy().await;
    let launch = stage.tracking_service().env("DB_PORT", proxy.port().to_string());
    let service = launch.ready_when_probed().start().await;
    assert_eq!(service.get("/workers/status").await.status, 200);

    proxy.cut();
    eventually_answers(&service, 500).await;
    let health = service.get("/health").await;
    assert_eq!((health.status, &health.json()["checks"]["database"]), (503, &"unhealthy".into()));
    assert_eq!(service.get("/livez").await.status, 200);

    proxy.mend();
    assert_eq!(service.get("/workers/status").await.status, 200, "the very next question is answered");
    service.until_status("/health", 200).await;
    assert_eq!(service.logged("service_started").len(), 1);
}

#[tokio::test]
async fn sessions_that_the_server_ended_are_replaced() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let service = stage.tracking_service().ready_when_probed().start().await;
    // As an administrator does, and as a restart does to every session.
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()";
    assert_ne!(stage.database().await.value(end).await, 0);
    eventually_answers(&service, 200).await;
    service.until_status("/readyz", 200).await;
}

#[tokio::test]
async fn a_database_that_is_away_at_the_start_is_awaited() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let proxy = stage.postgres_proxy().await;
    proxy.cut();
    let launch = stage.tracking_service().env("DB_PORT", proxy.port().to_string());
    let service = launch.start().await;
    let line = service.logs("db_connection_failed", 2).await.remove(0);
    assert_eq!(line["level"], "ERROR");
    assert!(line["details"]["retry_in_ms"].as_u64().is_some(), "{line}");
    assert_eq!(service.get("/livez").await.status, 200, "alive before the database is");
    assert_eq!(service.get("/readyz").await.status, 503);

    proxy.mend();
    service.log("db_connected").await;
    eventually_answers(&service, 200).await;
}

#[tokio::test]
async fn altered_tables_cause_no_errors() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let number = orders.place(&testkit::orders::takeout()).await;
    let service = stage.tracking_service().ready_when_probed().start().await;
    let paths = [
        format!("/orders/{number}/status"),
        format!("/orders/{number}/history"),
        "/workers/status".to_owned(),
    ];
    let all_answer = async |when: &str| {
        for path in &paths {
            // On each of its connections.
            for _ in 0..8 {
                let answer = service.get(path).await;
                assert_eq!(answer.status, 200, "{when}: {path}: {answer:?}\n{}", service.everything());
            }
        }
    };
    all_answer("before").await;
    let alter = "alter table orders alter column processed_by type varchar(100);
                 alter table order_status_log alter column changed_by type varchar(100);
                 alter table workers alter column name type varchar(100)";
    stage.database().await.execute(alter).await;
    all_answer("after").await;
    orders.place(&testkit::orders::takeout()).await;
    assert!(service.logged("db_query_failed").is_empty());
}

#[tokio::test]
async fn a_database_that_takes_no_writes_is_enough() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let read_only = format!("alter database {} set default_transaction_read_only = on", stage.name);
    stage.database().await.execute(&read_only).await;
    let service = stage.tracking_service().ready_when_probed().start().await;
    assert_eq!(service.get("/workers/status").await.status, 200);
}

#[tokio::test]
async fn a_wrong_password_is_one_clear_line_at_each_attempt() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let service = stage.tracking_service().env("DB_PASSWORD", "hunter2").start().await;
    let line = service.log("db_connection_failed").await;
    let stack = line["error"]["stack"].as_str().unwrap();
    assert!(stack.contains("password authentication failed for user"), "{stack}");
    assert!(line["details"]["advice"].as_str().unwrap().contains("DB_PASSWORD"), "{line}");
    assert_eq!(service.get("/readyz").await.status, 503);
    let everything = service.everything();
    assert!(!everything.contains("hunter2"), "{everything}");
    assert!(service.logged("service_failed").is_empty(), "it waits for somebody to mend it");
}

#[tokio::test]
async fn while_the_database_is_away_questions_are_refused_at_once() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let proxy = stage.postgres_proxy().await;
    let launch = stage.tracking_service().env("DB_PORT", proxy.port().to_string());
    let service = launch.ready_when_probed().start().await;
    proxy.cut();
    eventually_answers(&service, 503).await;
    let opened = service.log("db_breaker_opened").await;
    assert!(opened["error"]["msg"].as_str().unwrap().contains("PostgreSQL"), "{opened}");
    let refused = eventually("a refusal", async || {
        let answer = service.get("/workers/status").await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert_eq!(refused.json()["code"], "database_away");
    assert!((1..=8).contains(&refused.header("retry-after").parse::<u64>().unwrap()), "{refused:?}");
    assert_eq!(service.get("/livez").await.status, 200);
    assert_eq!(service.get("/nowhere").await.status, 404);

    // Without any probe: one request in a while tries it.
    proxy.mend();
    eventually_answers(&service, 200).await;
    service.log("db_breaker_half_open").await;
    service.log("db_breaker_closed").await;
}

#[tokio::test]
async fn while_the_database_is_away_the_board_is_refused_at_once_and_its_page_is_shown() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let proxy = stage.postgres_proxy().await;
    let launch = stage.tracking_service().env("DB_PORT", proxy.port().to_string());
    let service = launch.ready_when_probed().start().await;
    assert_eq!(service.get("/board").await.status, 200);
    proxy.cut();
    let refused = eventually("a refusal", async || {
        let answer = service.get("/board").await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert_eq!(refused.json()["code"], "database_away");
    assert!((1..=8).contains(&refused.header("retry-after").parse::<u64>().unwrap()), "{refused:?}");
    assert!(refused.header("vary").contains("Accept"), "{refused:?}");
    let page = http::send(service.port(), "GET", "/board", &[("Accept", "text/html")], b"").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));

    proxy.mend();
    service.until_status("/board", 200).await;
}

#[tokio::test]
async fn a_wait_for_a_connection_that_ends_without_one_opens_the_breaker() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let locking = stage.database().await;
    // One of them is reserved.
    let launch = stage.tracking_service().env("DB_MAX_CONNECTIONS", "3");
    let service = launch.ready_when_probed().start().await;
    locking.execute("begin; lock table workers in access exclusive mode").await;
    let port = service.port();
    let asking: JoinSet<u16> = (0..3)
        .map(|_| async move { http::send(port, "GET", "/workers/status", &[], b"").await.status })
        .collect();
    let opened = service.log("db_breaker_opened").await;
    assert!(opened["error"]["msg"].as_str().unwrap().contains("were in use"), "{opened}");
    assert_eq!(service.get("/workers/status").await.status, 503);
    locking.execute("rollback").await;
    let mut statuses = asking.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 500]);
    eventually_answers(&service, 200).await;
}
