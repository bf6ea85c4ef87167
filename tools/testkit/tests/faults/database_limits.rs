//! PostgreSQL runs, and refuses: its disk is full, it accepts no more connections, or its settings
//! are stricter.

use testkit::Stage;
use testkit::database::Database;

use crate::machine::Machine;
use crate::restaurant::Restaurant;
use crate::verdict::{holds_to_the_end, recovers};

const TERMINATE: &str = "select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()";

#[tokio::test]
async fn the_disk_is_full() {
    let machine = Machine::build();
    let restaurant = Restaurant::open_with_own_servers_under(&machine.environment()).await;
    let database = restaurant.stage.database().await;
    let load = restaurant.load();
    load.accepts(20).await;
    machine.disk_is_full(true);
    // Orders that fit into existing pages are still stored.
    load.is_refused().await;
    load.gets_responses(20).await;
    machine.disk_is_full(false);
    let recovery = recovers(&load).await;
    drop(database);
    let lines = restaurant.order_services.iter().flat_map(testkit::Service::raw_lines);
    assert!(
        lines.filter(|line| line.contains("No space left on device")).count() > 0,
        "the disk was not full"
    );
    holds_to_the_end("PostgreSQL: disk full", restaurant, load, recovery).await;
}

#[tokio::test]
async fn no_connection_is_left() {
    let restaurant = Restaurant::open_on(async || {
        let stage = Stage::new().await;
        let (database, name) = (stage.database().await, &stage.name);
        database
            .execute(&format!(
                "create role {name} login password '{name}'; alter database {name} owner to {name}"
            ))
            .await;
        let services = vec![("DB_USER", name.clone()), ("DB_PASSWORD", name.clone())];
        (stage, services)
    })
    .await;
    let (servers, name) = (restaurant.stage.servers.clone(), restaurant.stage.name.clone());
    let database = restaurant.stage.database().await;
    let load = restaurant.load();
    load.accepts(20).await;
    for limit in [3, 0] {
        database.execute(&format!("alter role {name} connection limit {limit}")).await;
        database.rows(TERMINATE).await;
        load.gets_responses(40).await;
    }
    load.is_refused().await;
    database.execute(&format!("alter role {name} connection limit -1")).await;
    drop(database);
    let recovery = recovers(&load).await;
    holds_to_the_end("PostgreSQL: connection limit reached", restaurant, load, recovery).await;
    let administrator = Database::admin(&servers.postgres).await;
    administrator.execute(&format!("drop role {name}")).await;
}

#[tokio::test]
async fn the_operator_wants_everything_serializable() {
    let restaurant = Restaurant::open().await;
    let database = restaurant.stage.database().await;
    let name = &restaurant.stage.name;
    let strict = format!("alter database {name} set default_transaction_isolation = 'serializable'");
    database.execute(&strict).await;
    database.rows(TERMINATE).await;
    let load = restaurant.load();
    load.accepts(50).await;
    let recovery = recovers(&load).await;
    holds_to_the_end("serializable forced by the operator", restaurant, load, recovery).await;
}
