//! PostgreSQL freezes, hangs, dies, or moves.

use testkit::Signal;
use testkit::database::Database;

use crate::restaurant::Restaurant;
use crate::scale::either;
use crate::signals;
use crate::verdict::{closes, holds, holds_to_the_end, recovers};

const OTHERS: &str = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";

/// Process ids of the services' sessions.
async fn backends(database: &Database, which: &str) -> Vec<u32> {
    let rows = database.rows(&format!("select pid {OTHERS} {which}")).await;
    rows.iter().map(|row| row["pid"].as_u64().unwrap().try_into().unwrap()).collect()
}

/// Backends are frozen, and a lock holds up every order.
async fn freezes_and_hangs(restaurant: &mut Restaurant) {
    let database = restaurant.stage.database().await;
    let freezes = [
        ("one backend of the order service frozen", "and application_name = 'order-service' limit 1", 40),
        ("all backends frozen", "", 8),
    ];
    for (scenario, which, answers) in freezes {
        let load = restaurant.load();
        load.accepts(20).await;
        let frozen = backends(&database, which).await;
        assert!(!frozen.is_empty(), "nothing to freeze");
        for pid in &frozen {
            signals::send(*pid, Signal::STOP);
        }
        load.gets_responses(answers).await;
        for pid in &frozen {
            signals::send(*pid, Signal::CONT);
        }
        let recovery = recovers(&load).await;
        holds(&format!("PostgreSQL: {scenario}"), restaurant, load, recovery).await;
    }

    let load = restaurant.load();
    load.accepts(20).await;
    // No order gets a number any more: statements hang until their deadline.
    database.execute("begin; lock table order_counters in access exclusive mode").await;
    load.is_refused().await;
    database.execute("commit").await;
    let recovery = recovers(&load).await;
    holds("PostgreSQL: statements hang on a lock", restaurant, load, recovery).await;
}

#[tokio::test]
async fn postgres_freezes_and_hangs_while_stock_is_sold() {
    let mut restaurant = Restaurant::open_with_own_servers().await.with_menu().await;
    freezes_and_hangs(&mut restaurant).await;
    closes(restaurant).await;
}

#[tokio::test]
async fn postgres_freezes_hangs_dies_and_moves() {
    let mut restaurant = Restaurant::open_with_own_servers().await;
    freezes_and_hangs(&mut restaurant).await;

    let load = restaurant.load();
    let mut recovery = None;
    for signal in [Signal::QUIT, Signal::KILL].repeat(either(1, 3)) {
        load.accepts(20).await;
        // QUIT is the immediate shutdown.
        signals::send(restaurant.stage.own_servers().postgres.pid(), signal);
        load.gets_responses(20).await;
        restaurant.stage.own_servers().postgres.restart().await.unwrap();
        recovery = Some(recovers(&load).await);
    }
    holds("PostgreSQL stopped at once and started again", &mut restaurant, load, recovery.unwrap()).await;

    let load = restaurant.load();
    load.accepts(20).await;
    restaurant.stage.own_servers().postgres.kill();
    restaurant.stage.own_servers().postgres.restart_elsewhere().await.unwrap();
    restaurant.stage.refresh();
    let port = restaurant.stage.servers.postgres.port;
    restaurant.links.orders_to_postgres.lead_to(port);
    restaurant.links.kitchen_to_postgres.lead_to(port);
    let recovery = recovers(&load).await;
    holds("PostgreSQL: failover to another address", &mut restaurant, load, recovery).await;

    let load = restaurant.load();
    load.accepts(20).await;
    restaurant.stage.own_servers().postgres.kill();
    restaurant.stage.own_servers().postgres.restart_as_standby().await.unwrap();
    load.is_refused().await;
    load.gets_responses(20).await;
    let database = restaurant.stage.database().await;
    assert_eq!(database.value("select pg_promote()").await, true);
    let recovery = recovers(&load).await;
    drop(database);
    holds("PostgreSQL: a standby that is promoted", &mut restaurant, load, recovery).await;
    closes(restaurant).await;
}

#[tokio::test]
async fn all_backends_are_terminated_again_and_again() {
    let restaurant = Restaurant::open().await;
    let load = restaurant.load();
    let database = restaurant.stage.database().await;
    for _ in 0..either(5, 25) {
        load.accepts(10).await;
        database.rows(&format!("select pg_terminate_backend(pid) {OTHERS}")).await;
    }
    let recovery = recovers(&load).await;
    holds_to_the_end("all backends terminated, again and again", restaurant, load, recovery).await;
}
