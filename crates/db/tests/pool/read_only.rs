//! The server accepts no writes: a standby, or an operator's setting.

use db::connect_error::UnsuitableServer;
use db::{Access, Database, DbError};
use testkit::{Proxy, Stage};

use crate::scene::{migrated, open, place};

#[tokio::test]
async fn no_writer_keeps_a_connection_that_takes_no_writes() {
    let stage = Stage::new().await;
    migrated(&stage).await;
    let database = stage.database().await;
    let alter = |value| format!("alter database {} set default_transaction_read_only = {value}", stage.name);
    database.execute(&alter("on")).await;
    let writer = open(&stage.database_settings());
    let reader = Database::new(&stage.database_settings(), "test", Access::ReadOnly).unwrap();
    let why = place(&writer).await.unwrap_err();
    assert!(matches!(&why, DbError::UnsuitableServer { why: UnsuitableServer::ReadOnly, .. }), "{why:?}");
    assert!(!why.is_permanent() && !why.is_in_doubt(), "{why:?}");
    assert!(writer.takes_writes().await.is_err());
    reader.ping().await.unwrap();
    database.execute(&alter("off")).await;
    place(&writer).await.unwrap();
    // The reader connected while there were only such servers.
    assert!(reader.takes_writes().await.is_err());
    reader.takes_writes().await.unwrap();
}

#[tokio::test]
async fn of_several_servers_the_one_that_takes_writes_is_found() {
    let (primary, standby) = (Stage::new().await, Stage::new().await);
    migrated(&primary).await;
    // Two servers behind two ports: two databases that have the same name for the program.
    let ways = [Proxy::to(standby.servers.postgres.port).await, primary.postgres_proxy().await];
    let alter = format!("alter database {} set default_transaction_read_only = on", standby.name);
    let administrator = standby.database().await;
    administrator.execute(&alter).await;
    let mut settings = standby.database_settings();
    settings.host = ways.iter().map(|way| format!("127.0.0.1:{}", way.port())).collect::<Vec<_>>().join(",");
    let writer = open(&settings);
    let why = writer.ping().await.unwrap_err();
    assert!(matches!(&why, DbError::UnsuitableServer { why: UnsuitableServer::ReadOnly, .. }), "{why:?}");
    administrator.execute(&alter.replace("= on", "= off")).await;
    writer.ping().await.unwrap();
}

#[tokio::test]
async fn who_reads_all_that_was_committed_takes_no_standby() {
    let mut stage = Stage::with_own_servers().await;
    migrated(&stage).await;
    let reads = |stage: &Stage, access| Database::new(&stage.database_settings(), "test", access).unwrap();
    let alter = format!("alter database {} set default_transaction_read_only = on", stage.name);
    stage.database().await.execute(&alter).await;
    reads(&stage, Access::ReadPrimary).ping().await.expect("it writes nothing");
    stage.own_servers().postgres.kill();
    stage.own_servers().postgres.restart_as_standby().await.unwrap();
    let reader = reads(&stage, Access::ReadPrimary);
    let why = reader.ping().await.unwrap_err();
    assert!(matches!(&why, DbError::UnsuitableServer { why: UnsuitableServer::Standby, .. }), "{why:?}");
    assert!(!why.is_permanent() && why.advice().unwrap().contains("database.host"), "{why:?}");
    reads(&stage, Access::ReadOnly).ping().await.unwrap();
    assert_eq!(stage.database().await.value("select pg_promote()").await, true);
    reader.ping().await.unwrap();
}

#[tokio::test]
async fn a_restored_server_takes_no_writer_until_its_open_orders_are_held() {
    let stage = Stage::new().await;
    migrated(&stage).await;
    let (database, backup) = (stage.database().await, "0b0c8f1e-6d3a-4d0e-9a58-3f1f6f0c2f11");
    // A backup sets it in postgresql.auto.conf; here the database stands for the server.
    database.execute(&format!("alter database {} set restaurant.backup = '{backup}'", stage.name)).await;
    let writer = open(&stage.database_settings());
    let why = place(&writer).await.unwrap_err();
    assert!(matches!(&why, DbError::UnsuitableServer { why: UnsuitableServer::NotRestored, .. }), "{why:?}");
    assert!(!why.is_permanent(), "{why:?}");
    Database::new(&stage.database_settings(), "test", Access::ReadPrimary).unwrap().ping().await.unwrap();
    database.execute(&format!("insert into restores (backup, taken_by) values ('{backup}', 'test')")).await;
    place(&writer).await.unwrap();
}
