//! PostgreSQL breaks.

use crate::restaurant::Restaurant;
use crate::verdict::{holds, recovers};

#[tokio::test]
async fn postgres_is_killed_and_started_again() {
    let mut restaurant = Restaurant::open_with_own_servers().await;
    let load = restaurant.load();
    load.accepts(100).await;
    let servers = restaurant.stage.own_servers();
    servers.postgres.kill();
    load.hears(20).await;
    servers.postgres.restart().await.unwrap();
    let recovery = recovers(&load).await;
    holds("PostgreSQL killed and started again", restaurant, load, recovery).await;
}

#[tokio::test]
async fn all_backends_are_terminated_again_and_again() {
    let restaurant = Restaurant::open().await;
    let load = restaurant.load();
    let database = restaurant.stage.database().await;
    for _ in 0..5 {
        load.accepts(20).await;
        database
            .rows("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
            .await;
    }
    let recovery = recovers(&load).await;
    holds("all backends terminated, five times", restaurant, load, recovery).await;
}

#[tokio::test]
async fn the_operator_wants_everything_serializable() {
    let restaurant = Restaurant::open().await;
    let database = restaurant.stage.database().await;
    let name = &restaurant.stage.name;
    database
        .execute(&format!("alter database {name} set default_transaction_isolation = 'serializable'"))
        .await;
    database
        .rows("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
        .await;
    let load = restaurant.load();
    load.accepts(100).await;
    let recovery = recovers(&load).await;
    holds("serializable forced by the operator", restaurant, load, recovery).await;
}
