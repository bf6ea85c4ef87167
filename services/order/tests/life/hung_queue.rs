//! One queue of the broker hangs: orders of the other types do not wait for it.

use serde_json::json;
use testkit::orders::{delivery, dine_in, takeout};
use testkit::{Service, Stage, eventually};

use crate::{life, placing_this};

const WAITING: &str =
    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
/// By how many transactions the three orders behind the first two were stored.
const TRANSACTIONS: &str =
    "select count(distinct xmin::text) from orders where right(number, 3) between '003' and '005'";

/// The number of the order that the log tells of under this action.
async fn number_in(service: &Service, action: &str) -> String {
    service.log(action).await["details"]["order_number"].as_str().unwrap().to_owned()
}

/// Messages for the queue that hangs which no relay has in hand.
const NOT_IN_HAND: &str = "with free as (
        select from order_outbox join orders on id = order_id where type = 'dine_in'
        for update of order_outbox skip locked
    ) select count(*) from free";

#[tokio::test]
async fn the_relay_of_one_type_does_not_wait_for_a_queue_that_hangs() {
    // Of its own, for the queue would go on hanging if this failed.
    let stage = Stage::with_own_servers().await;
    let service = stage.order_service().start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    for order in [dine_in(), takeout()] {
        service.place(&order).await;
    }
    let left = |order_type: &str| {
        format!("select count(*) from order_outbox join orders on id = order_id where type = '{order_type}'")
    };
    let enter = |order_type: &str| {
        format!(
            "insert into order_outbox (order_id, request_id, due_at)
             select id, 'relay-' || id, now() from orders where type = '{order_type}'"
        )
    };
    eventually("an empty outbox", async || {
        (database.value("select count(*) from order_outbox").await == 0).then_some(())
    })
    .await;
    broker.suspend("kitchen_dine_in_queue").await;
    // Both at once: the lane of the queue that hangs is looked at first.
    database.execute(&format!("{}; {}", enter("dine_in"), enter("takeout"))).await;
    eventually("a relay that waits for the queue that hangs", async || {
        (database.value(NOT_IN_HAND).await == 0).then_some(())
    })
    .await;
    eventually("a message that does not wait", async || {
        (database.value(&left("takeout")).await == 0).then_some(())
    })
    .await;
    let in_hand = (database.value(NOT_IN_HAND).await, database.value(&left("dine_in")).await);
    assert_eq!(in_hand, (json!(0), json!(1)), "it was sent only when the queue's time was up");
    assert!(service.logged("rabbitmq_publish_failed").is_empty(), "{}", service.everything());
}

#[tokio::test]
async fn orders_of_one_transaction_do_not_wait_for_each_others_confirms() {
    // Of its own, for the queues would go on hanging if this failed.
    let stage = Stage::with_own_servers().await.at_noon().await;
    let service = stage.order_service().start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    service.place(&takeout()).await;
    let hung = ["kitchen_dine_in_queue", "kitchen_delivery_queue"];
    for queue in hung {
        broker.suspend(queue).await;
    }

    // While one order waits for its number, those that come after it gather; they share
    // the next transaction.
    let holder = stage.database().await;
    holder.execute("begin; select 1 from order_counters for update").await;
    let first = placing_this(&service, &[], &takeout());
    eventually("a transaction that waits", async || (database.value(WAITING).await == 1).then_some(())).await;
    let mut clients = Vec::new();
    // The last ones, one for each thread, are there so that those before them have certainly come
    // as far as where they gather.
    let threads = std::thread::available_parallelism().unwrap().get();
    let last_ones = std::iter::repeat_n(takeout(), threads);
    for (before, order) in [dine_in(), takeout(), delivery()].into_iter().chain(last_ones).enumerate() {
        clients.push(placing_this(&service, &[], &order));
        service.logs("order_received", before + 3).await;
    }
    holder.execute("commit").await;
    let last_ones = clients.split_off(3);
    let [resumed, other, never] = clients.try_into().unwrap();

    assert_eq!(first.await.unwrap().status, 200);
    let other = other.await.unwrap();
    assert_eq!(other.status, 200, "{other:?}");
    assert_eq!(database.value(TRANSACTIONS).await, 1, "else this test means nothing");
    assert!(!resumed.is_finished() && !never.is_finished(), "nobody is answered before it is known");
    // One that is confirmed late is an order as any other: it would not be, had its time been up.
    broker.resume(hung[0]).await;
    let resumed = resumed.await.unwrap();
    assert_eq!(resumed.status, 200, "{resumed:?}");
    for last in last_ones {
        assert_eq!(last.await.unwrap().status, 200);
    }

    let never = never.await.unwrap();
    assert_eq!(never.status, 500, "{never:?}");
    broker.resume(hung[1]).await;
    eventually("an empty outbox", async || {
        (database.value("select count(*) from order_outbox").await == 0).then_some(())
    })
    .await;
    for answer in [&other, &resumed] {
        assert_eq!(life(&database, answer.json()["order_number"].as_str().unwrap()).await, ["received"]);
    }
    let never = number_in(&service, "rabbitmq_publish_failed").await;
    assert_eq!(life(&database, &never).await, ["received", "cancelled"]);
    // Its message came to the queue all the same: it is dropped.
    service.until_status("/readyz", 200).await;
    let worker = stage.kitchen_worker("chef").start().await;
    assert_eq!(number_in(&worker, "order_skipped").await, never);
    eventually("the others to be ready", async || {
        let others = "select count(*) from orders where status not in ('ready', 'cancelled')";
        (database.value(others).await == 0).then_some(())
    })
    .await;
    assert_eq!(life(&database, &never).await, ["received", "cancelled"]);
}

#[tokio::test]
async fn a_queue_that_goes_on_hanging_concerns_its_type_alone() {
    // Of its own, for the queues would go on hanging if this failed.
    let stage = Stage::with_own_servers().await;
    let service = stage.order_service().start().await;
    let broker = stage.broker().await;
    service.place(&takeout()).await;
    broker.suspend("kitchen_dine_in_queue").await;
    refused_while_others_are_taken(&service, &dine_in()).await;
    let refused = placing_this(&service, &[], &dine_in()).await.unwrap();
    assert_eq!(refused.status, 500, "{refused:?}");
    let names_it = |line: &serde_json::Value| {
        line["action"] == "rabbitmq_publish_failed"
            && line["error"]["stack"].as_str().is_some_and(|stack| {
                stack.contains("'kitchen_dine_in_queue'") && stack.contains("did not answer within 1 s")
            })
    };
    service.log_where("the queue that hangs", names_it).await;
    for _ in 0..10 {
        service.place(&takeout()).await;
    }

    // However many there are: they cost the next connection no more time than one does.
    for queue in ["kitchen_delivery_queue", "kitchen_queue", "kitchen_dlq"] {
        broker.suspend(queue).await;
    }
    refused_while_others_are_taken(&service, &delivery()).await;
    for _ in 0..10 {
        service.place(&takeout()).await;
    }

    for queue in ["kitchen_dine_in_queue", "kitchen_delivery_queue", "kitchen_queue", "kitchen_dlq"] {
        broker.resume(queue).await;
    }
    for order in [dine_in(), delivery()] {
        eventually("its type to be taken again", async || {
            (placing_this(&service, &[], &order).await.unwrap().status == 200).then_some(())
        })
        .await;
    }
}

/// Its confirm never comes: the connection is given up, and the next one meets the queue. Orders
/// for taking out are taken all the while.
async fn refused_while_others_are_taken(service: &Service, order: &serde_json::Value) {
    let mut refused = placing_this(service, &[], order);
    let refused = loop {
        let other = placing_this(service, &[], &takeout()).await.unwrap();
        assert_eq!(other.status, 200, "{other:?}");
        if refused.is_finished() {
            break (&mut refused).await.unwrap();
        }
    };
    assert_eq!(refused.status, 500, "{refused:?}");
}
