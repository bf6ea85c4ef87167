//! "Message Publishing" when it did not work at once: the outbox, and the relay that empties it.

use serde_json::Value;
use testkit::database::Database;
use testkit::orders::{delivery, takeout};
use testkit::{Signal, Stage, eventually, http};

use crate::impatient_client::ImpatientClient;
use crate::in_work::HeldCounter;

/// Older than the time after which the relay takes care of a message.
const AGE: &str = "update order_outbox set due_at = due_at - interval '1 minute'";

async fn outgoing(database: &Database) -> Value {
    database.value("select count(*) from order_outbox").await
}

async fn until_empty(database: &Database) {
    eventually("an empty outbox", async || (outgoing(database).await == 0).then_some(())).await;
}

#[tokio::test]
async fn what_a_killed_service_left_unconfirmed_another_one_publishes_again_to_the_byte() {
    let stage = Stage::new().await;
    let proxy = stage.rabbitmq_proxy().await;
    let mut killed = stage.order_service().env("RABBITMQ_PORT", proxy.port().to_string()).start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    proxy.silence();
    let client = tokio::spawn({
        let (port, body) = (killed.port(), delivery().to_string());
        // The answer never comes.
        async move {
            http::send(port, "POST", "/orders", &[("Content-Type", "application/json")], body.as_bytes())
                .await
        }
    });
    let direct = broker.take("kitchen_delivery_queue").await;
    killed.kill().await;
    assert!(client.await.is_err());
    assert_eq!(outgoing(&database).await, 1);

    database.execute(AGE).await;
    let relay = stage.order_service().start().await;
    let relayed = broker.take("kitchen_delivery_queue").await;
    assert_eq!(relayed.body, direct.body);
    assert_eq!((relayed.exchange, relayed.routing_key), (direct.exchange, direct.routing_key));
    assert_eq!(format!("{:?}", relayed.properties), format!("{:?}", direct.properties));
    let request_id = relay.log("order_published").await["request_id"].clone();
    assert_eq!(request_id, direct.properties.correlation_id().unwrap().as_str());
    until_empty(&database).await;
}

#[tokio::test]
async fn what_is_still_in_the_hands_of_its_service_is_left_alone() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let database = stage.database().await;
    for _ in 0..2 {
        service.place(&takeout()).await;
    }
    until_empty(&database).await;
    stage.broker().await.purge("kitchen_takeout_queue").await;
    database
        .execute(
            "insert into order_outbox (order_id, request_id, due_at)
             select id, 'relay-' || id, now() - case when id = 1 then interval '-1 minute' else interval '1 minute' end
             from orders",
        )
        .await;
    let relayed = stage.broker().await.take("kitchen_takeout_queue").await;
    assert_eq!(relayed.properties.correlation_id().unwrap(), "relay-2");
    eventually("the end of the relay", async || (outgoing(&database).await == 1).then_some(())).await;
    assert_eq!(stage.broker().await.ready("kitchen_takeout_queue").await, 0);
}

#[tokio::test]
async fn what_another_relay_has_in_hand_is_left_to_it() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    for _ in 0..3 {
        service.place(&takeout()).await;
    }
    until_empty(&database).await;
    broker.purge("kitchen_takeout_queue").await;
    // It looks when the other one has looked.
    service.signal(Signal::STOP);
    database
        .execute(
            "insert into order_outbox (order_id, request_id, due_at)
             select id, 'relay-' || id, now() - interval '1 minute' from orders",
        )
        .await;
    database.execute("begin; select 1 from order_outbox where order_id < 3 for update").await;
    service.signal(Signal::CONT);
    let relayed = broker.take("kitchen_takeout_queue").await;
    assert_eq!(relayed.properties.correlation_id().unwrap(), "relay-3");
    eventually("the end of the relay", async || (outgoing(&database).await == 2).then_some(())).await;
    assert_eq!(broker.ready("kitchen_takeout_queue").await, 0);
    // The other one dies: its messages are everybody's again.
    database.execute("rollback").await;
    until_empty(&database).await;
    assert_eq!(broker.ready("kitchen_takeout_queue").await, 2);
}

#[tokio::test]
async fn accept_while_broker_down_takes_orders_that_go_out_when_the_broker_is_back() {
    let stage = Stage::new().await;
    let proxy = stage.rabbitmq_proxy().await;
    let launch = stage.order_service().env("ORDER_ACCEPT_WHILE_BROKER_DOWN", "true");
    let service = launch.env("RABBITMQ_PORT", proxy.port().to_string()).start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    // It is ready before. But without them there are no queues to take messages from.
    service.logs("rabbitmq_connected", 2).await;
    proxy.cut();
    // It takes orders, so it is ready; that the broker is away is to be seen all the same.
    let degraded = serde_json::json!({"database": "healthy", "rabbitmq": "degraded"});
    for path in ["/health", "/readyz"] {
        let health = eventually("a degraded check", async || {
            let answer = service.get(path).await;
            (answer.json()["checks"] == degraded).then_some(answer)
        })
        .await;
        assert_eq!((health.status, &health.json()["status"]), (200, &serde_json::json!("degraded")));
    }
    let numbers = [service.place(&takeout()).await, service.place(&takeout()).await];
    assert_eq!(outgoing(&database).await, 2);
    service.logs("rabbitmq_publish_failed", 2).await;
    database.execute(AGE).await;

    proxy.mend();
    let mut published = [
        broker.take("kitchen_takeout_queue").await.json()["order_number"].as_str().unwrap().to_owned(),
        broker.take("kitchen_takeout_queue").await.json()["order_number"].as_str().unwrap().to_owned(),
    ];
    published.sort();
    assert_eq!(published, numbers);
    until_empty(&database).await;
    let statuses = "select array_agg(distinct status) as statuses from orders";
    assert_eq!(database.value(statuses).await, serde_json::json!(["received"]));
}

#[tokio::test]
async fn accept_while_broker_down_takes_orders_under_an_alarm_too() {
    // Of its own: an alarm is the whole broker's.
    let mut stage = Stage::with_own_servers().await;
    let service = stage.order_service().env("ORDER_ACCEPT_WHILE_BROKER_DOWN", "true").start().await;
    let database = stage.database().await;
    let console = stage.own_servers().rabbitmq.console();
    let limit =
        |bytes: u64| format!("vm_memory_monitor:set_vm_memory_high_watermark({{absolute, {bytes}}}).");
    console.evaluate(&limit(1)).await.unwrap();
    service.log("rabbitmq_blocked").await;
    let number = service.place(&takeout()).await;
    assert_eq!(service.get("/readyz").await.status, 200);
    assert_eq!(outgoing(&database).await, 1);
    database.execute(AGE).await;

    console.evaluate(&limit(1_500_000_000)).await.unwrap();
    until_empty(&database).await;
    let message = stage.broker().await.take("kitchen_takeout_queue").await;
    assert_eq!(message.json()["order_number"], *number);
}

#[tokio::test]
async fn an_order_whose_client_hung_up_is_stored_and_published() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let held = HeldCounter::of(&stage).await;
    let client = ImpatientClient::of(&service).await;
    held.is_awaited().await;
    client.hang_up().await;
    held.release().await;
    let message = stage.broker().await.take("kitchen_takeout_queue").await;
    assert!(message.json()["order_number"].as_str().unwrap().ends_with("_001"));
    until_empty(&stage.database().await).await;
}

/// So many orders of a type that wait in the outbox, with the oldest rows.
async fn wait_in_the_outbox(database: &Database, order_type: &str, count: u32, first: u32) {
    database
        .execute(&format!(
            "with placed as (
                insert into orders (number, customer_name, type, total_amount, priority, table_number, delivery_address)
                select 'ORD_20200101_' || place, 'Ada Lovelace', '{order_type}', 8.99, 1,
                       case '{order_type}' when 'dine_in' then 1 end,
                       case '{order_type}' when 'delivery' then '12 Long Lane, Town' end
                from generate_series({first}, {first} + {count} - 1) as place returning id
            ), stored_items as (
                insert into order_items (order_id, name, quantity, price) select id, 'Caesar Salad', 1, 8.99 from placed
            )
            insert into order_outbox (order_id, request_id, due_at) select id, 'relay-' || id, now() from placed"
        ))
        .await;
}

/// A queue that is full holds up nobody else, and gets its orders when it has room again.
#[tokio::test]
async fn orders_that_are_refused_back_off_and_hold_up_no_other_type() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    let full = serde_json::json!({"max-length": 0, "overflow": "reject-publish"});
    broker.set_policy("full", "^kitchen_takeout_queue$", full).await;
    wait_in_the_outbox(&database, "takeout", 150, 1_001).await;
    wait_in_the_outbox(&database, "delivery", 5, 2_001).await;
    let service = stage.order_service().start().await;
    for _ in 0..5 {
        broker.take("kitchen_delivery_queue").await;
    }
    // All of them have their turn, not only the hundred oldest.
    eventually("each to be refused", async || {
        let waiting = "select count(*) from order_outbox where attempts = 0 and due_at <= now()";
        (database.value(waiting).await == 0).then_some(())
    })
    .await;
    assert_eq!(outgoing(&database).await, 150);
    let pauses = "select bool_and(due_at between now() - interval '10 s' and now() + interval '1 minute') from order_outbox";
    assert_eq!(database.value(pauses).await, true);
    let tries = service.logged("rabbitmq_publish_failed").len();
    let attempts = database.value("select sum(attempts) from order_outbox").await;
    assert!(attempts.as_u64().unwrap() <= tries as u64, "{attempts} attempts were noted of {tries}");
    broker.clear_policy("full").await;
    // Not a minute later.
    database.execute(AGE).await;
    until_empty(&database).await;
    assert_eq!(broker.ready("kitchen_takeout_queue").await, 150);
}

/// More than one look takes.
#[tokio::test]
async fn status_updates_that_cannot_be_sent_hold_up_no_others() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let database = stage.database().await;
    let updates = |numbers: &str, old: &str| {
        format!(
            "insert into status_outbox (request_id, due_at, order_number, old_status, new_status, changed_by, changed_at)
             select 'relay', now(), 'ORD_20200101_' || place, '{old}', 'cooking', 'chef', now()
             from generate_series({numbers}) as place"
        )
    };
    database.execute(&updates("1001, 1150", "raw")).await;
    database.execute(&updates("2001, 2005", "received")).await;
    // Of one order the oldest goes first.
    database.execute(&updates("1001, 1001", "received")).await;
    let _service = stage.order_service().start().await;
    eventually("the others to be told", async || {
        let left = "select count(*) from status_outbox where right(order_number, 4) like '2%'";
        (database.value(left).await == 0).then_some(())
    })
    .await;
    eventually("all to back off", async || {
        let left = "select count(*) from status_outbox where attempts = 0";
        (database.value(left).await == 1).then_some(())
    })
    .await;
    assert_eq!(database.value("select count(*) from status_outbox").await, 151);
}

/// The database's clock was an hour ahead when the row was written.
#[tokio::test]
async fn a_message_from_a_time_that_has_not_come_is_sent_now() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let database = stage.database().await;
    wait_in_the_outbox(&database, "takeout", 1, 1_001).await;
    database.execute("update order_outbox set due_at = now() + interval '1 hour'").await;
    let _service = stage.order_service().start().await;
    stage.broker().await.take("kitchen_takeout_queue").await;
    until_empty(&database).await;
}
