//! PostgreSQL changes while services run: its mode, its tables, its address, and a pooler in front
//! of it.

use testkit::{Proxy, Service, Stage};

use crate::restaurant::Restaurant;
use crate::scale::either;
use crate::verdict::{holds_to_the_end, recovers};

const TERMINATE: &str = "select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()";

#[tokio::test]
async fn it_takes_no_writes_for_a_while() {
    let restaurant = Restaurant::open().await;
    let database = restaurant.stage.database().await;
    let read_only = |value| {
        format!("alter database {} set default_transaction_read_only = {value}", restaurant.stage.name)
    };
    let load = restaurant.load();
    let mut recovery = None;
    for _ in 0..either(2, 10) {
        load.accepts(10).await;
        database.execute(&read_only("on")).await;
        database.rows(TERMINATE).await;
        load.is_refused().await;
        load.gets_responses(10).await;
        database.execute(&read_only("off")).await;
        recovery = recovery.max(Some(recovers(&load).await));
    }
    drop(database);
    holds_to_the_end("PostgreSQL: read-only for a while", restaurant, load, recovery.unwrap()).await;
}

#[tokio::test]
async fn its_tables_are_altered_again_and_again() {
    let restaurant = Restaurant::open().await;
    let database = restaurant.stage.database().await;
    let load = restaurant.load();
    for column_type in ["varchar(100)", "text"].repeat(either(3, 20)) {
        load.accepts(10).await;
        for column in [
            "orders alter column processed_by",
            "orders alter column status",
            "order_outbox alter column request_id",
            "status_outbox alter column changed_by",
            "workers alter column name",
        ] {
            database.execute(&format!("alter table {column} type {column_type}")).await;
        }
    }
    let recovery = recovers(&load).await;
    drop(database);
    let lines = restaurant.order_services.iter().chain(&restaurant.cooks).flat_map(Service::raw_lines);
    let stale: Vec<_> = lines.filter(|line| line.contains("cached plan")).collect();
    assert!(stale.is_empty(), "{stale:?}");
    holds_to_the_end("PostgreSQL: tables altered under load", restaurant, load, recovery).await;
}

#[tokio::test]
async fn the_first_address_of_both_servers_swallows_everything() {
    let mut ways = Vec::new();
    let restaurant = Restaurant::open_on(async || {
        let stage = Stage::new().await;
        let mut environment = Vec::new();
        for (name, port) in
            [("DB_HOST", stage.servers.postgres.port), ("RABBITMQ_HOST", stage.servers.rabbitmq.port)]
        {
            let (swallows, works) = (Proxy::to(port).await, Proxy::to(port).await);
            swallows.silence();
            environment.push((name, format!("127.0.0.1:{},127.0.0.1:{}", swallows.port(), works.port())));
            ways.push((swallows, works));
        }
        (stage, environment)
    })
    .await;
    let load = restaurant.load();
    load.accepts(20).await;
    for (_, works) in &ways {
        works.cut();
        works.mend();
    }
    let mut recovery = recovers(&load).await;
    load.accepts(20).await;
    // Now the other way round: the working address drops packets, and the other one works.
    for (swallows, works) in &ways {
        works.cut();
        works.silence();
        swallows.mend();
    }
    recovery = recovery.max(recovers(&load).await);
    load.accepts(20).await;
    holds_to_the_end("both servers: the first address swallows packets", restaurant, load, recovery).await;
}

#[tokio::test]
async fn pgbouncer_is_before_it() {
    let mut pgbouncer = None;
    let restaurant = Restaurant::open_on(async || {
        let stage = Stage::new().await;
        let before = stage.pgbouncer().await;
        let environment = vec![("DB_PORT", before.port().to_string())];
        pgbouncer = Some(before);
        (stage, environment)
    })
    .await;
    let database = restaurant.stage.database().await;
    let load = restaurant.load();
    for _ in 0..either(3, 15) {
        load.accepts(20).await;
        database.rows(TERMINATE).await;
    }
    let recovery = recovers(&load).await;
    drop(database);
    holds_to_the_end("PgBouncer in transaction mode, its sessions terminated", restaurant, load, recovery)
        .await;
    drop(pgbouncer);
}
