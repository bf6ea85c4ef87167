//! All services are stopped at a bad moment: a terminal is closed, or a server is away.

use testkit::{Signal, Stage};

use crate::restaurant::{COOKS, Restaurant};
use crate::scale::either;
use crate::verdict::{closes, holds, holds_to_the_end, recovers};

/// Short, so that most waits of a shutdown exceed it.
const GRACE: &str = "12";

#[tokio::test]
async fn cooks_whose_terminal_is_closed_under_load() {
    let mut restaurant = Restaurant::open().await;
    let load = restaurant.load();
    for _ in 0..either(2, 10) {
        for (place, name) in COOKS.into_iter().enumerate() {
            load.accepts(10).await;
            // The shell sends it, and the system sends it again when the shell has ended.
            restaurant.cooks[place].signal(Signal::HUP);
            restaurant.cooks[place].log("graceful_shutdown").await;
            restaurant.cooks[place].signal(Signal::HUP);
            let status = restaurant.cooks[place].wait().await;
            assert_eq!(status.code(), Some(0), "cook {place}");
            restaurant.cooks[place].log("worker_offline").await;
            restaurant.cooks[place] = restaurant.cook(name).start().await;
        }
    }
    let recovery = recovers(&load).await;
    holds_to_the_end("cooks whose terminal is closed", restaurant, load, recovery).await;
}

/// Every service is stopped while a server does not answer. Each must end within its grace period
/// (otherwise its exit code would be 1), and nothing is lost.
async fn stopped_while_silent(scenario: &str, is_silent: fn(&str) -> bool) {
    let with_grace = async || (Stage::new().await, vec![("SHUTDOWN_GRACE_SECONDS", GRACE.to_owned())]);
    let mut restaurant = Restaurant::open_on(with_grace).await;
    let load = restaurant.load();
    load.accepts(10).await;
    for (name, link) in restaurant.links.all() {
        if is_silent(name) {
            link.silence();
        }
    }
    for (_, service) in restaurant.services() {
        service.signal(Signal::TERM);
    }
    for (name, service) in restaurant.services() {
        let status = service.wait().await;
        assert_eq!(status.code(), Some(0), "{name}: {}", service.everything());
    }
    for (_, link) in restaurant.links.all() {
        link.mend();
    }
    for place in 0..restaurant.order_services.len() {
        restaurant.replace_order_service(place).await;
    }
    for place in 0..COOKS.len() {
        restaurant.replace_cook(place).await;
    }
    // Reading from the beginning of the stream shows everything.
    restaurant.subscriber = restaurant.subscriber().arg("--from=first").start().await;
    let recovery = recovers(&load).await;
    holds(scenario, &mut restaurant, load, recovery).await;
    closes(restaurant).await;
}

#[tokio::test]
async fn every_service_is_stopped_while_postgresql_is_silent() {
    stopped_while_silent("stopped while PostgreSQL is silent", |link| link.ends_with("PostgreSQL")).await;
}

#[tokio::test]
async fn every_service_is_stopped_while_rabbitmq_is_silent() {
    stopped_while_silent("stopped while RabbitMQ is silent", |link| link.ends_with("RabbitMQ")).await;
}
