//! RabbitMQ freezes, dies, or loses its connections.

use testkit::Signal;

use crate::restaurant::Restaurant;
use crate::scale::either;
use crate::signals;
use crate::verdict::{holds, holds_to_the_end, recovers};

#[tokio::test]
async fn rabbitmq_freezes_and_is_killed() {
    let mut restaurant = Restaurant::open_with_own_servers().await;
    let load = restaurant.load();
    load.accepts(20).await;
    let pid = restaurant.stage.own_servers().rabbitmq.pid();
    signals::send_to_tree(pid, Signal::STOP);
    // Longer than any deadline for a confirm.
    load.is_refused().await;
    load.gets_responses(8).await;
    signals::send_to_tree(pid, Signal::CONT);
    let recovery = recovers(&load).await;
    holds("RabbitMQ frozen", &mut restaurant, load, recovery).await;

    let load = restaurant.load();
    let mut recovery = None;
    for _ in 0..either(1, 3) {
        load.accepts(20).await;
        restaurant.stage.own_servers().rabbitmq.kill();
        load.gets_responses(20).await;
        restaurant.stage.own_servers().rabbitmq.restart().await.unwrap();
        recovery = Some(recovers(&load).await);
    }
    holds_to_the_end("RabbitMQ killed and started again", restaurant, load, recovery.unwrap()).await;
}

#[tokio::test]
async fn the_operator_closes_all_connections() {
    let restaurant = Restaurant::open().await;
    let load = restaurant.load();
    for _ in 0..either(3, 10) {
        load.accepts(20).await;
        // Two of each order service, three of each worker, one of the subscriber, and this one.
        restaurant.stage.broker().await.close_all_connections(12).await;
    }
    let recovery = recovers(&load).await;
    holds_to_the_end("all connections to RabbitMQ closed", restaurant, load, recovery).await;
}
