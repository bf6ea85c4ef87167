//! Orders that cannot be published, wait in an unread queue, or vanish repeatedly: each is cooked,
//! or escalated in time, and blocks no other.

use std::time::Duration;

use testkit::database::Database;
use testkit::{Broker, Stage, eventually};
use tokio::time::sleep;

use crate::refusing_queues::{accept_again, refuse};
use crate::restaurant::{COOKS, Restaurant};
use crate::verdict::{holds_to_the_end, recovers};

const QUEUES: [&str; 3] = ["kitchen_takeout_queue", "kitchen_delivery_queue", "kitchen_dine_in_queue"];

/// A restaurant whose services have these additional variables.
async fn open(environment: &[(&'static str, &str)]) -> Restaurant {
    let environment = environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Restaurant::open_on(async || (Stage::new().await, environment)).await
}

async fn until_none(what: &str, database: &Database, count: &str) {
    eventually(what, async || (database.value(count).await == 0).then_some(())).await;
}

/// Orders of one type wait in the outbox as long as their queue refuses them. All others are
/// published, including those that were accepted while the broker was away.
#[tokio::test]
async fn one_types_queue_refuses_and_the_other_types_flow() {
    let restaurant = open(&[("ORDER_ACCEPT_WHILE_BROKER_DOWN", "true")]).await;
    let (broker, database) = (restaurant.stage.broker().await, restaurant.stage.database().await);
    let load = restaurant.load();
    load.accepts(10).await;
    refuse(&broker, "^kitchen_takeout_queue$").await;
    load.accepts(20).await;
    restaurant.links.orders_to_rabbitmq.cut();
    load.accepts(40).await;
    restaurant.links.orders_to_rabbitmq.mend();
    database.execute("update order_outbox set due_at = now()").await;
    let waiting = "select max(id) from orders";
    let newest = database.value(waiting).await;
    let others = format!(
        "select count(*) from orders where type <> 'takeout' and status <> 'ready' and status <> 'cancelled' and id <= {newest}"
    );
    until_none("the other types to be cooked", &database, &others).await;
    let refused = "select count(*) from order_outbox join orders on id = order_id where type = 'takeout'";
    assert_ne!(database.value(refused).await, 0, "nothing was refused");
    accept_again(&broker, &restaurant).await;
    let recovery = recovers(&load).await;
    holds_to_the_end("one type's queue full: the others flow", restaurant, load, recovery).await;
}

/// The queue of a type is deleted while only specialised workers run: further orders land in a
/// queue without a consumer.
#[tokio::test]
async fn the_safety_net_without_a_cook_who_reads_it() {
    let mut restaurant = open(&[("ORDER_RESEND_AFTER", "8")]).await;
    let broker = restaurant.stage.broker().await;
    for (place, types) in ["--order-types=takeout", "--order-types=dine_in,delivery"].into_iter().enumerate()
    {
        assert_eq!(restaurant.cooks[place].stop().await, Some(0));
        if place == 1 {
            restaurant.cooks[place] = restaurant.cook(COOKS[place]).arg(types).start().await;
        }
    }
    let load = restaurant.load();
    load.accepts(10).await;
    // The services cannot declare the queue again at once: orders arrive in between.
    broker.limit_queues(1).await;
    broker.delete("kitchen_takeout_queue").await;
    eventually("orders in the safety net", async || (broker.ready("kitchen_queue").await > 0).then_some(()))
        .await;
    broker.limit_queues(-1).await;
    load.accepts(20).await;
    restaurant.cooks[0] = restaurant.cook(COOKS[0]).arg("--order-types=takeout").start().await;
    let recovery = recovers(&load).await;
    holds_to_the_end("safety net that no cook reads", restaurant, load, recovery).await;
}

/// Every published message vanishes. Each order is nevertheless escalated in time, and cooked once
/// its message is kept.
#[tokio::test]
async fn queues_are_purged_again_and_again() {
    let mut restaurant = open(&[("KITCHEN_MAX_WAIT", "5")]).await;
    let database = restaurant.stage.database().await;
    for cook in &mut restaurant.cooks {
        assert_eq!(cook.stop().await, Some(0));
    }
    let load = restaurant.load();
    load.accepts(20).await;
    let newest = database.value("select max(id) from orders").await;
    let broker = restaurant.stage.broker().await;
    let purging = tokio::spawn(purge_for_ever(broker));
    let low =
        format!("select count(*) from orders where priority < 10 and status = 'received' and id <= {newest}");
    until_none("all of them to be escalated", &database, &low).await;
    purging.abort();
    let redelivered = "select count(*) from rescue_attempts where action = 'redeliver'";
    assert_ne!(database.value(redelivered).await, 0, "nothing was redelivered");
    for (place, name) in COOKS.into_iter().enumerate() {
        restaurant.cooks[place] = restaurant.cook(name).start().await;
    }
    let recovery = recovers(&load).await;
    holds_to_the_end("queues purged again and again", restaurant, load, recovery).await;
}

async fn purge_for_ever(broker: Broker) {
    loop {
        for queue in QUEUES {
            broker.purge(queue).await;
        }
        sleep(Duration::from_millis(200)).await;
    }
}
