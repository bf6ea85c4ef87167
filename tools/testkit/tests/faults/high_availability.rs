//! One of several servers goes, and the others take over: a node of RabbitMQ's cluster, or the
//! primary of PostgreSQL, whose standby is promoted.

use std::time::Duration;

use testkit::database::Database;
use testkit::{PrimaryAndStandby, ThreeNodes};
use tokio::time::Instant;

use crate::restaurant::Restaurant;
use crate::scale::either;
use crate::verdict::{closes, drill_holds, holds, recovers};

/// How soon the probes tell that the primary is gone.
const TOLD_OF_A_KILL: Duration = Duration::from_secs(5);
/// How soon they tell that it takes no writes.
const TOLD_OF_READ_ONLY: Duration = Duration::from_secs(12);

/// Each of three nodes of RabbitMQ is killed in turn; orders wait in quorum queues.
#[tokio::test]
async fn drill_nodes() {
    let mut nodes = None;
    let mut restaurant = Restaurant::open_alone_on(async || {
        let started = nodes.insert(ThreeNodes::start().await);
        let environment =
            vec![("RABBITMQ_HOST", started.hosts()), ("RABBITMQ_QUEUE_TYPE", "quorum".to_owned())];
        (started.stage().await, environment)
    })
    .await;
    let mut nodes = nodes.expect("started");
    let load = restaurant.load();
    for _ in 0..either(1, 2) {
        for place in 0..nodes.cluster.nodes.len() {
            load.accepts(20).await;
            nodes.cluster.nodes[place].kill();
            load.gets_responses(40).await;
            // With one node away, orders are accepted.
            load.accepts(20).await;
            nodes.cluster.nodes[place].restart().await.unwrap();
            nodes.cluster.until_complete().await.unwrap();
        }
    }
    let broken = "each of three RabbitMQ nodes killed in turn, quorum queues";
    drill_holds("nodes", broken, &mut restaurant, load).await;
    closes(restaurant).await;
    nodes.cluster.stop().await;
}

/// PostgreSQL's primary is killed, and its synchronous standby is promoted.
#[tokio::test]
async fn drill_promotion() {
    let mut servers = None;
    let mut restaurant = Restaurant::open_alone_on(async || {
        let started = servers.insert(PrimaryAndStandby::start().await);
        (started.stage().await, vec![("DB_HOST", started.hosts())])
    })
    .await;
    let mut servers = servers.expect("started");
    let load = restaurant.load();
    let portion = either(20, 200);
    load.accepts(portion).await;
    let killed = Instant::now();
    servers.primary.kill();
    become_unready(&restaurant, killed, TOLD_OF_A_KILL).await;
    load.is_refused().await;
    servers.promote().await;
    restaurant.stage.servers.postgres = servers.standby_address();
    load.accepts(portion).await;
    let broken = "PostgreSQL: the primary killed, its standby promoted";
    drill_holds("promotion", broken, &mut restaurant, load).await;
    for service in &restaurant.order_services {
        service.until_status("/readyz", 200).await;
    }

    // Sessions that are open notice it, not only new ones.
    let administrator = Database::admin(&servers.standby_address()).await;
    let load = restaurant.load();
    load.accepts(20).await;
    let closed = Instant::now();
    administrator.execute("alter system set default_transaction_read_only = on").await;
    administrator.execute("select pg_reload_conf()").await;
    become_unready(&restaurant, closed, TOLD_OF_READ_ONLY).await;
    load.is_refused().await;
    administrator.execute("set default_transaction_read_only = off").await;
    administrator.execute("alter system reset default_transaction_read_only").await;
    administrator.execute("select pg_reload_conf()").await;
    let recovery = recovers(&load).await;
    holds("PostgreSQL: read-only for a while", &mut restaurant, load, recovery).await;
    closes(restaurant).await;
}

/// Waits until no order service says that it is ready, and fails if one takes too long.
async fn become_unready(restaurant: &Restaurant, since: Instant, within: Duration) {
    for service in &restaurant.order_services {
        service.until_status("/readyz", 503).await;
    }
    assert!(since.elapsed() < within, "the probes told of it only after {:?}", since.elapsed());
}
