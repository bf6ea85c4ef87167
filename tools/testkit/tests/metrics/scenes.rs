//! What happens in a restaurant, good and bad, so that every metric moves.

use amqprs::BasicProperties;
use serde_json::json;
use testkit::collector::Manner;
use testkit::http::send;
use testkit::{Authority, Collector, EventStream, PrimaryAndStandby, Service, Stage, eventually, orders};

use crate::scrape::{Measured, Moved};

pub const KEY: &str = "the-staff-knows-this-key";
const STAFF: (&str, &str) = ("Authorization", "Bearer the-staff-knows-this-key");
const JSON: (&str, &str) = ("Content-Type", "application/json");

/// What the staff does.
pub async fn staff(service: &Service, method: &str, path: &str, body: &str) {
    let headers = if body.is_empty() { vec![STAFF] } else { vec![STAFF, JSON] };
    let answer = send(service.port(), method, path, &headers, body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// An order from its guest to its table, and what the subscriber sees of it.
pub async fn a_day(moved: &mut Moved) {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let launch = stage.order_service().env("INTAKE_ENABLED", "true").env("ORDER_STAFF_KEY", KEY);
    let collector = Collector::with(Manner::Rejecting(1)).await;
    let order = Measured::start(collector.collecting_all(launch)).await;
    order.service.declared_all().await;

    // No queue takes it: neither that of its type nor the safety net.
    for queue in ["kitchen_delivery_queue", "kitchen_queue"] {
        broker.delete(queue).await;
    }
    let delivery = orders::delivery().to_string();
    assert_eq!(order.service.post("/orders", &delivery).await.status, 500);
    order.until_moved("restaurant_publish_unroutable_total", moved).await;
    eventually("orders by courier", async || {
        (order.service.post("/orders", &delivery).await.status == 200).then_some(())
    })
    .await;

    let kitchen = Measured::start(stage.kitchen_worker("chef_anna")).await;
    let notifier = Measured::start(stage.subscriber()).await;
    let tracking = Measured::start(stage.tracking_service().ready_when_probed()).await;
    let number = order.service.place(&orders::takeout()).await;
    notifier.service.notification(&format!("{number}: Status changed from 'cooking' to 'ready'")).await;
    assert_eq!(tracking.service.get(&format!("/orders/{number}/status")).await.status, 200);
    let path = format!("/orders/{number}/events");
    let stream = EventStream::open(tracking.service.port(), &path, &[]).await;
    tracking.until_moved("restaurant_sse_streams", moved).await;

    // The relay sends what is completed. The second copy of a status update is not shown.
    staff(&order.service, "POST", &format!("/orders/{number}/complete"), "").await;
    order.until_moved("restaurant_relayed_total", moved).await;
    tracking.until_moved("restaurant_sse_event_delay_seconds", moved).await;
    drop(stream);
    let update = json!({
        "order_number": number, "old_status": "ready", "new_status": "completed", "changed_by": "staff",
        "timestamp": "2026-11-20T12:00:00.000Z", "estimated_completion": null
    });
    for _ in 0..2 {
        let properties = BasicProperties::default().with_message_id("one-and-the-same").finish();
        broker.publish("notifications_fanout", "", properties, &update.to_string()).await;
    }
    notifier.until_moved("restaurant_notifications_repeated_total", moved).await;

    order.until_moved("restaurant_spans_dropped_total", moved).await;
    order.until_moved("restaurant_spans_exported_total", moved).await;

    // An order by message.
    let wanted =
        json!({"user_id": "user-001", "items": [{"item_id": "sushi-set", "quantity": 1, "price": 25.5}]});
    let properties = BasicProperties::default()
        .with_content_type("application/json")
        .with_message_id("019ab6ce-5d80-7c3e-8f12-3456789abcde")
        .finish();
    broker.publish("", "validated_orders", properties, &wanted.to_string()).await;
    order.until_moved("restaurant_intake_messages_total", moved).await;

    for measured in [&order, &kitchen, &notifier, &tracking] {
        measured.note(moved).await;
    }
}

/// More is wanted than there is.
pub async fn a_sold_out_item(moved: &mut Moved) {
    let stage = Stage::new().await;
    let launch = stage.order_service().env("MENU_MODE", "on").env("ORDER_STAFF_KEY", KEY);
    let order = Measured::start(launch).await;
    staff(&order.service, "PUT", "/menu/items/soup", r#"{"name": "Soup", "price": 9.5}"#).await;
    staff(&order.service, "PUT", "/inventory/soup", r#"{"left": 1}"#).await;
    let two = json!({"customer_name": "Jane", "order_type": "takeout",
                     "items": [{"item_id": "soup", "quantity": 2}]});
    assert_eq!(order.service.post("/orders", &two.to_string()).await.status, 409);
    order.until_moved("restaurant_stock_refusals_total", moved).await;
}

/// A worker is killed while it cooks, and another one takes over.
pub async fn a_lost_worker(moved: &mut Moved) {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let mut slow = Measured::start(stage.kitchen_worker("chef_anna").cooking_seconds(600.0)).await;
    orders.place(&orders::takeout()).await;
    slow.service.log("order_processing_started").await;
    slow.until_moved("restaurant_deliveries_held", moved).await;
    slow.service.kill().await;
    let next = Measured::start(stage.kitchen_worker("chef_mario")).await;
    next.until_moved("restaurant_lease_takeovers_total", moved).await;
}

/// An order lies in the queue of another type. A worker that does not cook it returns it.
pub async fn a_misrouted_order(moved: &mut Moved) {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let orders = stage.order_service().start().await;
    orders.declared_all().await;
    let tap = broker.tap("orders_topic", "kitchen.dine_in.*").await;
    orders.place(&orders::dine_in()).await;
    let sent = broker.take(&tap).await;
    let worker = Measured::start(stage.kitchen_worker("chef_anna").arg("--order-types=takeout")).await;
    broker.publish("", "kitchen_takeout_queue", sent.properties, &sent.body).await;
    worker.until_moved("restaurant_deliveries_returned_total", moved).await;
    worker.until_moved("restaurant_kitchen_deliveries_total", moved).await;
    let results = &worker.scrape().await.series;
    assert!(results[r#"restaurant_kitchen_deliveries_total{result="returned"}"#] >= 1.0, "{results:?}");
}

/// Statements wait for a lock, and others for their connections. Those that wait are lost, and a
/// worker tries again.
pub async fn locked_tables(moved: &mut Moved) {
    let stage = Stage::new().await;
    let (database, locking) = (stage.database().await, stage.database().await);
    let orders = stage.order_service().start().await;
    let few = stage.tracking_service().env("DB_MAX_CONNECTIONS", "3").ready_when_probed();
    let tracking = Measured::start(few).await;
    let number = orders.place(&orders::takeout()).await;
    locking.execute("begin; lock table orders in access exclusive mode").await;
    let mut asking = tokio::task::JoinSet::new();
    for path in ["status", "history", "estimate"] {
        let (port, path) = (tracking.service.port(), format!("/orders/{number}/{path}"));
        asking.spawn(async move { send(port, "GET", &path, &[], b"").await.status });
    }
    tracking.until_moved("restaurant_db_pool_waiting", moved).await;
    let worker = Measured::start(stage.kitchen_worker("chef_anna")).await;
    eventually("a lost claim to be tried again", async || {
        let lost = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock'";
        database.value(lost).await;
        (worker.scrape().await.sum("restaurant_retries_total") > 0.0).then_some(())
    })
    .await;
    worker.note(moved).await;
    locking.execute("rollback").await;
    asking.join_all().await;
}

/// The database goes away, and requests are refused until it is back.
pub async fn a_database_that_is_away(moved: &mut Moved) {
    let stage = Stage::new().await;
    stage.migrate().await;
    let proxy = stage.postgres_proxy().await;
    let launch = stage.tracking_service().env("DB_PORT", proxy.port().to_string());
    let tracking = Measured::start(launch.ready_when_probed()).await;
    proxy.cut();
    eventually("a refusal", async || {
        (tracking.service.get("/workers/status").await.status == 503).then_some(())
    })
    .await;
    tracking.until_moved("restaurant_http_overload_total", moved).await;
}

/// A stream is not read, and is cut.
pub async fn a_client_that_does_not_read(moved: &mut Moved) {
    let stage = Stage::new().await;
    stage.migrate().await;
    let (database, number) = (stage.database().await, "ORD_20241216_001");
    database
        .execute(&format!(
            "insert into orders (number, customer_name, type, total_amount) values ('{number}', 'Jane', 'takeout', 1);
             insert into order_status_log (order_id, status, changed_by) select id, 'received', 'x' from orders"
        ))
        .await;
    let tracking = Measured::start(stage.tracking_service().ready_when_probed()).await;
    let path = format!("/orders/{number}/events");
    let mut slow = EventStream::try_open(tracking.service.port(), &path, &[], Some(2_048)).await.unwrap();
    slow.ids(1).await;
    for _ in 0..60 {
        database
            .execute(
                "insert into order_status_log (order_id, status, changed_by)
                 select orders.id, 'cooking', repeat('x', 100) from orders, generate_series(1, 50)",
            )
            .await;
    }
    tracking.until_moved("restaurant_sse_clients_cut_total", moved).await;
    drop(slow);
}

/// A standby that replays nothing for a while.
pub async fn a_replica_that_stops(moved: &mut Moved) {
    let servers = PrimaryAndStandby::start().await;
    let stage = servers.stage().await;
    stage.migrate().await;
    let replica = format!("127.0.0.1:{}", servers.standby.port());
    let launch = stage.tracking_service().ready_when_probed().env("DB_READ_REPLICA", replica);
    let tracking = Measured::start(launch).await;
    tracking.service.log("replica_used").await;
    servers.pause_replay(true).await;
    stage.database().await.execute("create table written (at timestamptz)").await;
    tracking.until_moved("restaurant_replica_behind_seconds", moved).await;
    tracking.until_moved("restaurant_replica_left", moved).await;
    servers.pause_replay(false).await;
}

/// A certificate is replaced while the service runs.
pub async fn a_renewed_certificate(moved: &mut Moved) {
    let stage = Stage::new().await;
    stage.migrate().await;
    let authority = Authority::new();
    let certified = authority.server(&["localhost"]);
    let launch = stage
        .tracking_service()
        .env("HTTP_TLS_CERT", certified.certificate.display().to_string())
        .env("HTTP_TLS_KEY", certified.key.display().to_string());
    let tracking = Measured::start(launch).await;
    let series = r#"restaurant_certificate_expires_timestamp_seconds{of="http"}"#;
    let renewed = authority.server_in_years(&["localhost"], 2020..2040);
    assert!(tracking.first().series[series] > 2_208_988_800.0, "{:?}", tracking.first());
    certified.become_like(&renewed);
    tracking.until_moved("restaurant_certificate_expires_timestamp_seconds", moved).await;
    // 2040-01-01.
    assert_eq!(tracking.scrape().await.series.get(series), Some(&2_208_988_800.0));
}

/// A stranger sends a status update.
pub async fn an_untrusted_message(moved: &mut Moved) {
    let stage = Stage::new().await;
    let (name, publishers) = stage.publishers();
    let notifier = Measured::start(stage.subscriber().env(name, publishers)).await;
    let nobody = BasicProperties::default();
    stage.broker().await.publish("notifications_fanout", "", nobody, "anything").await;
    notifier.until_moved("restaurant_untrusted_messages_total", moved).await;
}

/// What the exporter shows of a system that stands still, and of one in trouble.
pub async fn the_whole_system(moved: &mut Moved) {
    let stage = Stage::new().await;
    let (database, broker) = (stage.database().await, stage.broker().await);
    let orders = stage.order_service().start().await;
    orders.declared_all().await;
    let quiet = Measured::exporter(&stage).await;
    let mut worker = stage.kitchen_worker("chef_anna").start().await;
    orders.place(&orders::dine_in()).await;
    worker.log("order_completed").await;
    assert_eq!(worker.stop().await, Some(0));
    orders.place(&orders::takeout()).await;
    // An order whose total is wrong, an update that nobody sends for now, a backup, and an order
    // that a restore holds.
    database
        .execute(
            "update orders set total_amount = total_amount + 1 where type = 'dine_in';
             insert into status_outbox (request_id, due_at, order_number, old_status, new_status, changed_by, changed_at)
             values ('x', now() + interval '1 hour', 'ORD_20261120_001', 'cooking', 'ready', 'chef_anna', now() - interval '9 s');
             insert into backups (made_by, finished_at) values ('restaurant-ctl', now());
             insert into held_orders (order_id, backup, status)
             select id, gen_random_uuid(), status from orders where type = 'takeout'",
        )
        .await;
    let letter = BasicProperties::default().with_message_id("dead").finish();
    broker.publish("", "kitchen_dlq", letter, "nobody can read this").await;
    let troubled = Measured::exporter(&stage).await;
    moved.compare(quiet.first(), troubled.first());
    let waiting = r#"restaurant_waiting_orders{type="takeout",priority="1"}"#;
    assert_eq!(troubled.first().series.get(waiting), Some(&1.0));
    let findings = r#"restaurant_audit_findings{invariant="total_amount"}"#;
    assert_eq!(troubled.first().series.get(findings), Some(&1.0));
    quiet.note(moved).await;

    // Away, RabbitMQ is left out. PostgreSQL is not.
    let mut environment = stage.environment();
    environment.retain(|(name, _)| *name != "RABBITMQ_PORT");
    environment.push(("RABBITMQ_PORT", "1".to_owned()));
    let half = Measured::exporter_in(environment).await;
    moved.compare(troubled.first(), half.first());
    let up = |server| half.first().series[&format!(r#"restaurant_exporter_up{{server="{server}"}}"#)];
    assert_eq!([up("postgresql"), up("rabbitmq")].map(f64::to_bits), [1.0, 0.0].map(f64::to_bits));
    assert!(!half.first().names.contains("restaurant_dead_letters"));
}
