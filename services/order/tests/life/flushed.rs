//! What is answered is on the disk, whatever the operator's default.

use serde_json::Value;
use testkit::database::Database;
use testkit::orders::takeout;
use testkit::{Stage, eventually};

use crate::placing;

/// A position in the write-ahead log.
async fn position(database: &Database, of: &str) -> String {
    database.value(&format!("select {of}()::text")).await.as_str().unwrap().to_owned()
}

/// Sets what holds for the whole server.
async fn set(database: &Database, name: &str, value: &str) {
    database.execute(&format!("alter system set {name} = '{value}'")).await;
    database.execute("select pg_reload_conf()").await;
    let now = format!("select current_setting('{name}')");
    eventually(&format!("{name} to be {value}"), async || {
        (database.value(&now).await == value).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_order_is_flushed_before_its_client_is_answered() {
    let stage = Stage::with_own_servers().await;
    let database = stage.database().await;
    set(&database, "fsync", "on").await;
    // Who does not ask for more is answered before anything is written, and what nobody waits for is written late.
    set(&database, "synchronous_commit", "off").await;
    set(&database, "wal_writer_delay", "10s").await;
    // It comes with PostgreSQL 15 and later (where packages are small, in postgresql-contrib).
    let extensions = "select count(*) from pg_available_extensions where name = 'pg_walinspect'";
    assert_eq!(
        database.value(extensions).await,
        1,
        "install PostgreSQL's contrib package: pg_walinspect is missing"
    );
    database.execute("create extension pg_walinspect").await;

    // It ends when the broker has confirmed the second order and the client would be answered: nothing that it does
    // afterwards can flush.
    let launch = stage.order_service().env("FAILPOINT", "order.before_answer=kill@2");
    let mut service = launch.start().await;
    service.place(&takeout()).await;
    let before = position(&database, "pg_current_wal_insert_lsn").await;
    let client = placing(&service, &[]);
    service.wait().await;
    let flushed = position(&database, "pg_current_wal_flush_lsn").await;
    let _ = client.await;

    // The log is read as far as it is flushed.
    database.execute("checkpoint").await;
    let end = position(&database, "pg_current_wal_flush_lsn").await;
    let commits = database
        .rows(&format!(
            "select record.end_lsn::text as ends, record.end_lsn <= '{flushed}' as flushed
             from pg_get_wal_records_info('{before}', '{end}') as record, orders
             where record.xid = orders.xmin and record.resource_manager = 'Transaction' and record.record_type = 'COMMIT'
                 and right(number, 3) = '002'"
        ))
        .await;
    let flushed: Vec<&Value> = commits.iter().map(|commit| &commit["flushed"]).collect();
    assert_eq!(flushed, [true], "{commits:?}");
}
