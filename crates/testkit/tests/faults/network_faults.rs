//! The network between a service and a server breaks.

use testkit::Proxy;

use crate::restaurant::{Links, Restaurant};
use crate::verdict::{holds, recovers};

async fn cut(what: &str, link: fn(&Links) -> &Proxy) {
    let restaurant = Restaurant::open().await;
    let load = restaurant.load();
    for _ in 0..5 {
        load.accepts(20).await;
        link(&restaurant.links).cut();
        link(&restaurant.links).mend();
    }
    let recovery = recovers(&load).await;
    holds(&format!("{what}: connections reset, five times"), restaurant, load, recovery).await;
}

async fn silence(what: &str, link: fn(&Links) -> &Proxy) {
    let restaurant = Restaurant::open().await;
    let load = restaurant.load();
    load.accepts(50).await;
    link(&restaurant.links).silence();
    // As many as there are clients: everybody has been answered, or has given up, once.
    load.hears(8).await;
    link(&restaurant.links).mend();
    let recovery = recovers(&load).await;
    holds(&format!("{what}: half open"), restaurant, load, recovery).await;
}

#[tokio::test]
async fn orders_to_postgres() {
    cut("order service to PostgreSQL", |links| &links.orders_to_postgres).await;
    silence("order service to PostgreSQL", |links| &links.orders_to_postgres).await;
}

#[tokio::test]
async fn orders_to_rabbitmq() {
    cut("order service to RabbitMQ", |links| &links.orders_to_rabbitmq).await;
    silence("order service to RabbitMQ", |links| &links.orders_to_rabbitmq).await;
}

#[tokio::test]
async fn kitchen_to_postgres() {
    cut("cooks to PostgreSQL", |links| &links.kitchen_to_postgres).await;
    silence("cooks to PostgreSQL", |links| &links.kitchen_to_postgres).await;
}

#[tokio::test]
async fn kitchen_to_rabbitmq() {
    cut("cooks to RabbitMQ", |links| &links.kitchen_to_rabbitmq).await;
    silence("cooks to RabbitMQ", |links| &links.kitchen_to_rabbitmq).await;
}
