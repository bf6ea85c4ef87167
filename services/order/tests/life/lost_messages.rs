//! Messages that vanish from the broker are sent again; orders that wait for too long
//! go before all others.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use amqprs::{FieldTable, FieldValue};
use serde_json::Value;
use testkit::orders::{delivery, dine_in, takeout, takeout_of};
use testkit::{Broker, Service, Stage, eventually};

use crate::{life, post};

#[tokio::test]
async fn an_order_whose_message_was_purged_is_cooked_all_the_same() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    let lost = service.place(&takeout()).await;
    broker.purge("kitchen_takeout_queue").await;
    let message = broker.take("kitchen_takeout_queue").await;
    assert_eq!(message.json()["order_number"], lost.as_str());
    let line = service.log("order_sent_again").await;
    assert_eq!(line["details"]["order_number"], lost.as_str());
    // And once more, after a longer pause, for as long as nobody takes it.
    assert_eq!(broker.take("kitchen_takeout_queue").await.json()["order_number"], lost.as_str());

    let _worker = stage.kitchen_worker("chef").start().await;
    let ready = "select count(*) from orders where status = 'ready'";
    eventually("it to be ready", async || (database.value(ready).await == 1).then_some(())).await;
    assert_eq!(database.value("select count(*) from order_status_log where status = 'cooking'").await, 1);
    eventually("the notes to be gone", async || {
        (database.value("select count(*) from rescue_attempts").await == 0).then_some(())
    })
    .await;
}

/// As after a power cut: a hundred at a look would take a minute.
#[tokio::test]
async fn a_broker_that_has_lost_thousands_is_filled_again_at_once() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "3").start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    service.place(&takeout()).await;
    broker.purge("kitchen_takeout_queue").await;
    database
        .execute(
            "insert into orders (created_at, number, customer_name, type, total_amount, priority)
             select now() - interval '1 minute', 'ORD_20200101_' || place, 'Ada Lovelace', 'takeout', 8.99, 1
             from generate_series(1001, 5000) as place",
        )
        .await;
    database
        .execute(
            "insert into order_items (order_id, name, quantity, price)
             select id, 'Caesar Salad', 1, 8.99 from orders where number like 'ORD_2020%'",
        )
        .await;
    eventually("a message of each", async || {
        (broker.ready("kitchen_takeout_queue").await == 4_001).then_some(())
    })
    .await;
}

/// Stops the stage's own RabbitMQ, does something to its disk, starts it again, and waits until the
/// service has it back.
async fn restart_broker(stage: &mut Stage, service: &Service, meanwhile: impl FnOnce(&Path)) {
    let servers = stage.own_servers();
    servers.rabbitmq.stop().await;
    meanwhile(&servers.rabbitmq_data());
    service.until_status("/readyz", 503).await;
    servers.rabbitmq.restart().await.unwrap();
    service.until_status("/readyz", 200).await;
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(status.success(), "{} was not copied to {}", from.display(), to.display());
}

/// As when a node is set up again from a backup, or from a snapshot of its machine.
#[tokio::test]
async fn a_broker_that_comes_back_with_an_older_disk_loses_no_order() {
    let mut stage = Stage::with_own_servers().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    service.declared_all().await;
    let database = stage.database().await;
    let cooked = async |count: i64| {
        let ready = "select count(*) from orders where status = 'ready'";
        eventually("them to be ready", async || (database.value(ready).await == count).then_some(())).await;
    };

    // On the older disk lies the message of an order that is cooked by the time it comes back.
    let known = service.place(&takeout()).await;
    let folder = tempfile::tempdir().unwrap();
    let older = folder.path().join("data");
    restart_broker(&mut stage, &service, |data| copy(data, &older)).await;
    let mut worker = stage.kitchen_worker("chef").start().await;
    cooked(1).await;
    assert_eq!(worker.stop().await, Some(0));

    let mut lost = BTreeSet::new();
    for order in [takeout, dine_in, delivery].repeat(3) {
        lost.insert(service.place(&order()).await);
    }
    restart_broker(&mut stage, &service, |data| {
        std::fs::remove_dir_all(data).unwrap();
        copy(&older, data);
    })
    .await;
    let worker = stage.kitchen_worker("chef").start().await;
    let dropped = worker.log("order_skipped").await;
    assert_eq!(dropped["details"]["order_number"], known.as_str(), "else the disk is not the older one");
    cooked(10).await;
    let lines = service.logged("order_sent_again");
    let number = |line: &Value| line["details"]["order_number"].as_str().unwrap().to_owned();
    let sent_again: BTreeSet<_> = lines.iter().map(number).collect();
    assert!(sent_again.is_superset(&lost), "{lost:?} were lost, and only {sent_again:?} sent again");
    let broker = stage.broker().await;
    let queues = ["kitchen_takeout_queue", "kitchen_dine_in_queue", "kitchen_delivery_queue"];
    eventually("no message to be left", async || (broker.messages(&queues).await == 0).then_some(())).await;
    for number in lost.iter().chain([&known]) {
        assert_eq!(life(&database, number).await, ["received", "cooking", "ready"], "{number}");
    }
}

#[tokio::test]
async fn a_deleted_queue_is_declared_and_filled_again() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    let broker = stage.broker().await;
    let number = service.place(&takeout()).await;
    broker.delete("kitchen_takeout_queue").await;
    service.log("order_sent_again").await;
    assert_eq!(broker.take("kitchen_takeout_queue").await.json()["order_number"], number.as_str());
}

#[tokio::test]
async fn orders_that_only_wait_are_not_sent_again() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    for _ in 0..3 {
        service.place(&takeout()).await;
    }
    database.execute("update orders set created_at = now() - interval '5 minutes'").await;
    // The rescuer has looked when it has seen that this one, of another queue, is lost.
    service.place(&testkit::orders::delivery()).await;
    broker.purge("kitchen_delivery_queue").await;
    service.log("order_sent_again").await;
    assert_eq!(broker.ready("kitchen_takeout_queue").await, 3);
    assert_eq!(service.logged("order_sent_again").len(), 1);
}

#[tokio::test]
async fn an_order_with_a_dead_cook_and_no_message_is_sent_again() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    let number = service.place(&takeout()).await;
    let mut dead = stage.kitchen_worker("dead").cooking_seconds(60.0).start().await;
    dead.log("order_processing_started").await;
    dead.kill().await;
    // The rescuer may have sent another one by then.
    eventually("the message to be back", async || {
        (broker.ready("kitchen_takeout_queue").await >= 1).then_some(())
    })
    .await;
    broker.purge("kitchen_takeout_queue").await;
    let _worker = stage.kitchen_worker("alive").start().await;
    let ready = format!("select count(*) from orders where number = '{number}' and status = 'ready'");
    eventually("it to be ready", async || (database.value(&ready).await == 1).then_some(())).await;
}

#[tokio::test]
async fn an_order_that_waited_for_too_long_goes_before_more_expensive_ones() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("KITCHEN_MAX_WAIT", "3").start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    let cheap = service.place(&takeout_of("1.00")).await;
    assert_eq!(broker.take("kitchen_takeout_queue").await.properties.priority(), Some(1));
    let lifted = broker.take("kitchen_takeout_queue").await;
    assert_eq!(
        (lifted.json()["order_number"].as_str(), lifted.properties.priority()),
        (Some(cheap.as_str()), Some(10))
    );
    assert_eq!(lifted.routing_key, "kitchen.takeout.10");
    assert_eq!(lifted.json()["priority"], 10);
    assert_eq!(database.value("select priority from orders").await, 10);
    assert_eq!(service.logs("order_lifted", 1).await.len(), 1, "once is enough");
}

/// An order that is redelivered in vain is lifted in time all the same: each has a pace of its own.
#[tokio::test]
async fn an_order_whose_message_is_purged_again_and_again_is_lifted_in_time() {
    let stage = Stage::new().await;
    let launch = stage.order_service().env("ORDER_RESEND_AFTER", "1").env("KITCHEN_MAX_WAIT", "6");
    let service = launch.start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    let number = service.place(&takeout_of("1.00")).await;
    eventually("it to be lifted", async || {
        broker.purge("kitchen_takeout_queue").await;
        service.logged("order_lifted").pop()
    })
    .await;
    assert!(service.logged("order_sent_again").len() > 1, "else it was lifted by the first attempt");
    assert_eq!(database.value("select priority from orders").await, 10);
    let lifted = eventually("the message of a lifted order", async || {
        let message = broker.take_now("kitchen_takeout_queue").await?;
        (message.properties.priority() == Some(10)).then_some(message)
    })
    .await;
    assert_eq!(lifted.json()["order_number"], number.as_str());
}

/// What a worker holds without cooking it lies in no queue, and is not lost.
#[tokio::test]
async fn orders_in_a_busy_workers_hands_are_not_sent_again() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    let launch = stage.kitchen_worker("chef").arg("--order-types=takeout").arg("--prefetch=12");
    let _worker = launch.cooking_seconds(600.0).start().await;
    for _ in 0..6 {
        service.place(&takeout()).await;
    }
    let held = "select coalesce(cardinality(unclaimed), 0) from worker_sessions";
    eventually("five to be held", async || (database.value(held).await == 5).then_some(())).await;
    assert_eq!(broker.ready("kitchen_takeout_queue").await, 0);
    // Two looks later: at each the rescuer sees that one of another type is lost.
    for looks in 1..=2 {
        let lost = service.place(&delivery()).await;
        broker.purge("kitchen_delivery_queue").await;
        let line = service.logs("order_sent_again", looks).await.pop().unwrap();
        assert_eq!(line["details"]["order_number"], lost.as_str());
        broker.take("kitchen_delivery_queue").await;
        database.execute(&format!("update orders set status = 'ready' where number = '{lost}'")).await;
    }
    assert_eq!(service.logged("order_sent_again").len(), 2);
    assert_eq!(broker.ready("kitchen_takeout_queue").await, 0);
}

/// Lets orders of a type fall into the safety net, as they do between the deletion of their queue
/// and its next declaration.
async fn fall_into_the_safety_net(broker: &Broker, service: &Service, count: u32) -> Vec<String> {
    broker.delete("kitchen_takeout_queue").await;
    let mut numbers = Vec::new();
    for _ in 0..count {
        numbers.push(service.place(&takeout()).await);
    }
    numbers
}

/// Nobody reads the safety net where only specialised workers are.
#[tokio::test]
async fn what_lies_in_the_safety_net_goes_to_the_queue_of_its_type() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "4").start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    let numbers = fall_into_the_safety_net(&broker, &service, 3).await;
    assert_eq!(broker.ready("kitchen_queue").await, 3);
    let _worker = stage.kitchen_worker("chef").arg("--order-types=takeout").start().await;
    let ready = "select count(*) from orders where status = 'ready'";
    eventually("them to be ready", async || (database.value(ready).await == 3).then_some(())).await;
    let in_time = "select max(completed_at - created_at) < interval '15 seconds' from orders";
    assert_eq!(database.value(in_time).await, true, "long before they go before all others");
    assert_eq!(broker.ready("kitchen_queue").await, 0);
    let mut rerouted: Vec<_> = service
        .logged("order_sent_again")
        .iter()
        .map(|line| line["details"]["order_number"].as_str().unwrap().to_owned())
        .collect();
    rerouted.sort();
    assert_eq!(rerouted, numbers);
}

/// An old message that has the number of an order beside it is not taken for the order's: a general
/// worker says what it is.
#[tokio::test]
async fn a_message_of_another_order_of_the_same_number_stays_in_the_safety_net() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "2").start().await;
    let broker = stage.broker().await;
    let number = service.place(&takeout()).await;
    let own = broker.take("kitchen_takeout_queue").await;
    let another = "019acea0-4000-7fff-bfff-ffffffffffff";
    let mut headers = FieldTable::new();
    headers.insert("x-order-identity".try_into().unwrap(), FieldValue::S(another.try_into().unwrap()));
    let old = own.properties.clone().with_headers(headers).finish();
    for properties in [old, own.properties.clone()] {
        broker.publish("", "kitchen_queue", properties, &own.body).await;
    }
    let line = service.log("order_sent_again").await;
    assert_eq!(line["details"]["order_number"], number.as_str());
    eventually("one message to stay", async || (broker.ready("kitchen_queue").await == 1).then_some(()))
        .await;
    assert_eq!(broker.take("kitchen_queue").await.header("x-order-identity"), another);
}

/// Neither messages of other types in the safety net nor what is no order hides
/// that a message is lost.
#[tokio::test]
async fn the_safety_net_hides_no_loss() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    let broker = stage.broker().await;
    for body in ["no order", "{\"order_number\": 7}"] {
        broker.publish("orders_topic", "kitchen.soup.1", amqprs::BasicProperties::default(), body).await;
    }
    let lost = service.place(&delivery()).await;
    broker.purge("kitchen_delivery_queue").await;
    assert_eq!(broker.take("kitchen_delivery_queue").await.json()["order_number"], lost.as_str());
    eventually("what is no order to be left to a general worker", async || {
        (broker.ready("kitchen_queue").await == 2).then_some(())
    })
    .await;
}

/// A safety net that is not there, and cannot be declared anew, holds nothing: that is
/// no failure of a look.
#[tokio::test]
async fn without_a_safety_net_lost_messages_are_found_all_the_same() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    service.declared_all().await;
    let broker = stage.broker().await;
    broker.limit_queues(1).await;
    broker.delete("kitchen_queue").await;
    let lost = service.place(&takeout()).await;
    broker.purge("kitchen_takeout_queue").await;
    let line = service.log("order_sent_again").await;
    assert_eq!(line["details"]["order_number"], lost.as_str());
    assert_eq!(service.logged("sweep_failed"), [] as [Value; 0]);
}

/// One request id goes the whole way, however often the message is sent.
#[tokio::test]
async fn an_order_that_is_sent_again_belongs_to_the_request_that_placed_it() {
    let stage = Stage::new().await;
    let launch = stage.order_service().env("ORDER_RESEND_AFTER", "1").env("KITCHEN_MAX_WAIT", "4");
    let service = launch.start().await;
    let broker = stage.broker().await;
    let headers = [("X-Request-ID", "guest-7")];
    let answer = post(&service, "/orders", &headers, &takeout().to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for action in ["order_sent_again", "order_lifted"] {
        eventually("another message", async || {
            let line = service.logged(action).pop();
            let message = broker.take_now("kitchen_takeout_queue").await;
            if let Some(message) = message {
                assert_eq!(message.properties.correlation_id().unwrap(), "guest-7");
            }
            line
        })
        .await;
        assert_eq!(service.log(action).await["request_id"], "guest-7");
    }
}
