//! RabbitMQ breaks.

use testkit::Signal;

use crate::restaurant::Restaurant;
use crate::verdict::{holds, recovers};

#[tokio::test]
async fn rabbitmq_is_killed_and_started_again() {
    let mut restaurant = Restaurant::open_with_own_servers().await;
    let load = restaurant.load();
    load.accepts(100).await;
    let servers = restaurant.stage.own_servers();
    servers.rabbitmq.kill();
    load.hears(20).await;
    servers.rabbitmq.restart().await.unwrap();
    let recovery = recovers(&load).await;
    holds("RabbitMQ killed and started again", restaurant, load, recovery).await;
}

#[tokio::test]
async fn rabbitmq_freezes_and_wakes() {
    let mut restaurant = Restaurant::open_with_own_servers().await;
    let load = restaurant.load();
    load.accepts(100).await;
    let pid = restaurant.stage.own_servers().rabbitmq.pid();
    signal_tree(pid, Signal::STOP);
    // Longer than anybody waits for a confirm.
    load.hears(8).await;
    signal_tree(pid, Signal::CONT);
    let recovery = recovers(&load).await;
    holds("RabbitMQ frozen", restaurant, load, recovery).await;
}

#[tokio::test]
async fn a_queue_is_deleted_under_load() {
    let restaurant = Restaurant::open().await;
    let load = restaurant.load();
    let broker = restaurant.stage.broker().await;
    load.accepts(50).await;
    for queue in ["kitchen_takeout_queue", "kitchen_delivery_queue", "kitchen_dine_in_queue", "kitchen_queue"]
    {
        broker.delete(queue).await;
        load.hears(20).await;
    }
    let recovery = recovers(&load).await;
    holds("all kitchen queues deleted", restaurant, load, recovery).await;
}

/// RabbitMQ is a script with children.
fn signal_tree(pid: u32, signal: Signal) {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    for child in children.split_whitespace() {
        signal_tree(child.parse().unwrap(), signal);
    }
    if let Some(pid) = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}
