//! "Context": read-only; it directly queries the database and does not interact with RabbitMQ.

use testkit::Stage;
use testkit::shared_servers::Address;

use crate::records::{NUMBER, claim, log, open, store};

#[tokio::test]
async fn a_role_that_may_only_read_is_enough() {
    let (stage, database, _service) = open().await;
    let reader = format!("reader_of_{}", stage.name);
    database
        .execute(&format!(
            "create role {reader} login password 'reads';
             grant select on all tables in schema public to {reader};
             alter role {reader} set default_transaction_read_only = on"
        ))
        .await;
    store(&database, NUMBER, "cooking", "'chef_mario'").await;
    claim(&database, NUMBER).await;
    log(&database, NUMBER, "cooking", "chef_mario", "2024-12-16 10:32:00Z").await;
    let mut service = stage
        .tracking_service()
        .env("DB_USER", &reader)
        .env("DB_PASSWORD", "reads")
        .ready_when_probed()
        .start()
        .await;
    for path in ["/orders/ORD_20241216_001/status", "/orders/ORD_20241216_001/history", "/workers/status"] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    assert_eq!(service.stop().await, Some(0));
    database.execute(&format!("drop owned by {reader}; drop role {reader}")).await;
}

#[tokio::test]
async fn it_needs_no_rabbitmq() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let unset = stage.tracking_service().without_env("RABBITMQ_");
    let unreachable = stage.tracking_service().env("RABBITMQ_HOST", "192.0.2.1").env("RABBITMQ_PORT", "1");
    for launch in [unset, unreachable] {
        let mut service = launch.ready_when_probed().start().await;
        assert_eq!(service.get("/workers/status").await.status, 200);
        service.until_status("/health", 200).await;
        assert_eq!(service.stop().await, Some(0));
        let words = service.raw_lines().join("\n").to_lowercase();
        assert!(!words.contains("rabbit"), "{words}");
    }
}

#[tokio::test]
async fn it_opens_no_connection_to_rabbitmq() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let address = Address { port: 0, ..stage.servers.rabbitmq.clone() };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", address.port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut service =
        stage.tracking_service().env("RABBITMQ_PORT", port.to_string()).ready_when_probed().start().await;
    service.get("/workers/status").await;
    service.stop().await;
    // A connection would wait in the accept queue.
    let nobody = tokio::select! {
        biased;
        _ = listener.accept() => false,
        () = std::future::ready(()) => true,
    };
    assert!(nobody);
}
