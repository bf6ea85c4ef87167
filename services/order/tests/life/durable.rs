//! What is answered survives, whatever the operator's default.

use testkit::database::Database;
use testkit::orders::takeout;
use testkit::{Stage, eventually};

use crate::placing;

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
async fn an_order_is_written_before_its_client_is_answered() {
    let mut stage = Stage::with_own_servers().await.at_noon().await;
    let database = stage.database().await;
    // Who does not ask for more is answered while his commit is in memory, and
    // there it stays for long.
    set(&database, "synchronous_commit", "off").await;
    set(&database, "wal_writer_delay", "10s").await;

    // The service ends when the broker has confirmed the second order and the client would be
    // answered: nothing that it does afterwards can write. What the database has in its
    // memory ends with it.
    let launch = stage.order_service().env("FAILPOINT", "order.before_answer=kill@2");
    let mut service = launch.start().await;
    service.place(&takeout()).await;
    let client = placing(&service, &[]);
    service.wait().await;
    stage.own_servers().postgres.kill();
    let _ = client.await;

    stage.own_servers().postgres.restart().await.unwrap();
    let stored = "select count(*) from orders where right(number, 3) = '002'";
    assert_eq!(stage.database().await.value(stored).await, 1);
}
