//! The network between a service and a server fails.

use std::time::Duration;

use testkit::Proxy;

use crate::load::Load;
use crate::restaurant::{Links, Restaurant};
use crate::scale::either;
use crate::verdict::{holds_to_the_end, recovers};

/// The shortest duration of a fault.
fn duration() -> Duration {
    either(Duration::from_secs(3), Duration::from_secs(15))
}

/// Keeps a fault on a link for its duration, and until every client has been answered, or has given
/// up, once.
async fn lasts(load: &Load, link: &Proxy, what: &str) -> Duration {
    tokio::join!(tokio::time::sleep(duration()), load.gets_responses(8));
    link.mend();
    let took = recovers(load).await;
    println!("  {what}: accepted again after {took:?}");
    took
}

async fn breaks(link: fn(&Links) -> (&'static str, &Proxy)) {
    breaks_in(Restaurant::open().await, link).await;
}

async fn breaks_in(restaurant: Restaurant, link: fn(&Links) -> (&'static str, &Proxy)) {
    let load = restaurant.load();
    let (name, link) = link(&restaurant.links);
    for _ in 0..5 {
        load.accepts(8).await;
        link.cut();
        link.mend();
    }
    let mut recovery = recovers(&load).await;

    load.accepts(8).await;
    link.cut();
    recovery = recovery.max(lasts(&load, link, "away").await);

    load.accepts(8).await;
    link.silence();
    recovery = recovery.max(lasts(&load, link, "half open").await);

    load.accepts(8).await;
    link.delay(Duration::from_secs(2));
    recovery = recovery.max(lasts(&load, link, "2 s late").await);

    load.accepts(8).await;
    link.throttle(1_000);
    recovery = recovery.max(lasts(&load, link, "1 kB/s").await);
    let scenario = format!("{name}: reset, away, half open, 2 s late, 1 kB/s");
    holds_to_the_end(&scenario, restaurant, load, recovery).await;
}

#[tokio::test]
async fn orders_to_postgres() {
    breaks(|links| links.all()[0]).await;
}

#[tokio::test]
async fn orders_to_rabbitmq() {
    breaks(|links| links.all()[1]).await;
}

#[tokio::test]
async fn orders_from_the_menu_and_by_message_to_postgres() {
    breaks_in(Restaurant::open().await.with_menu().await.with_messages().await, |links| links.all()[0]).await;
}

/// What cannot be sent is taken back, and its stock with it.
#[tokio::test]
async fn orders_from_the_menu_and_by_message_to_rabbitmq() {
    breaks_in(Restaurant::open().await.with_menu().await.with_messages().await, |links| links.all()[1]).await;
}

#[tokio::test]
async fn kitchen_to_postgres() {
    breaks(|links| links.all()[2]).await;
}

#[tokio::test]
async fn kitchen_to_rabbitmq() {
    breaks(|links| links.all()[3]).await;
}

#[tokio::test]
async fn subscriber_to_rabbitmq() {
    breaks(|links| links.all()[4]).await;
}
