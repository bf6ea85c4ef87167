//! Audits that cannot be made, and audits that disturb nothing.

use testkit::{Authority, Launch, Stage};

use crate::scene::{Served, audit};

#[tokio::test]
async fn without_the_database_nothing_can_be_checked() {
    let stage = Stage::new().await;
    let launch = Launch::new("restaurant-ctl", stage.environment()).arg("audit");
    let ended = launch.env("DB_PORT", "1").run_to_end().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("PostgreSQL at 127.0.0.1:1 cannot be reached"), "{ended:?}");
}

#[tokio::test]
async fn an_authority_that_did_not_sign_the_database_is_named_with_its_setting() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mut stage = Stage::with_own_servers().await;
    let certificate = authority.server(&["localhost"]).for_server(None);
    stage.own_servers().postgres.restart_with_tls(Some(certificate)).await.unwrap();
    let launch = Launch::new("restaurant-ctl", stage.environment()).arg("audit").env("DB_HOST", "localhost");
    let launch = launch.env("DB_TLS", "verify-full").env("DB_TLS_CA", stranger.file().to_str().unwrap());
    let ended = launch.run_to_end().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for part in ["not trusted", "database.tls_ca (DB_TLS_CA)"] {
        assert!(ended.stderr.contains(part), "no '{part}': {ended:?}");
    }
}

#[tokio::test]
async fn without_the_broker_the_rest_is_checked() {
    let served = Served::new().await;
    let launch =
        Launch::new("restaurant-ctl", served.stage.environment()).arg("audit").env("RABBITMQ_PORT", "1");
    let ended = launch.clone().run_to_end().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stdout.contains("unknown  queues"), "{ended:?}");
    assert!(ended.stdout.contains("ok       order_numbers"), "{ended:?}");
    served.database.execute("update orders set total_amount = 1").await;
    assert_eq!(launch.run_to_end().await.code, Some(1));
}

#[tokio::test]
async fn a_database_without_tables_cannot_be_audited() {
    let stage = Stage::new().await;
    let said = audit(&stage, &[]).await;
    assert_eq!(said.code, Some(3));
    assert!(said.complaint.contains("\"pruned_orders\" does not exist"), "{}", said.complaint);
}

#[tokio::test]
async fn a_wrong_scope_is_a_usage_error() {
    let stage = Stage::new().await;
    let said = audit(&stage, &["--since=yesterday"]).await;
    assert_eq!(said.code, Some(2));
    assert!(
        said.complaint.starts_with("restaurant-ctl: --since: 'yesterday' is neither a day"),
        "{}",
        said.complaint
    );
    let said = audit(&stage, &["--timeout=0"]).await;
    assert_eq!(said.code, Some(2));
    assert!(
        said.complaint.starts_with("restaurant-ctl: --timeout: 0 is not between 1 and 3600"),
        "{}",
        said.complaint
    );
}

#[tokio::test]
async fn it_does_not_wait_for_writers_and_not_long_for_a_migration() {
    let served = Served::new().await;
    let writer = served.stage.database().await;
    writer.execute("begin; update orders set status = 'cancelled'; delete from order_items").await;
    audit(&served.stage, &[]).await.assert_well();
    writer.execute("rollback; begin; lock table orders in access exclusive mode").await;
    let said = audit(&served.stage, &[]).await;
    assert_eq!(said.code, Some(3));
    assert!(said.complaint.contains("lock timeout"), "{}", said.complaint);
}

#[tokio::test]
async fn a_slow_statement_is_given_up() {
    let served = Served::new().await;
    let slow = "alter table order_items rename to stored_items;
        create view order_items as select *, pg_sleep(5)::text as pause from stored_items";
    served.database.execute(slow).await;
    let said = audit(&served.stage, &["--timeout=1"]).await;
    assert_eq!(said.code, Some(3));
    assert!(said.complaint.contains("; raise --timeout"), "{}", said.complaint);
}
