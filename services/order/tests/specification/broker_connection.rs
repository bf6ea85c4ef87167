//! A connection that is being made is waited for, for a moment; only a broker that is away refuses
//! orders.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::orders::{dine_in, takeout};
use testkit::{Launch, Service, Stage, eventually, http};

/// Places orders, one after the other, until enough of all clients' were accepted; returns the
/// statuses.
async fn client(port: u16, accepted: &AtomicUsize, enough: impl Fn(usize) -> bool) -> Vec<u16> {
    let body = takeout().to_string();
    let json = [("Content-Type", "application/json")];
    let mut statuses = Vec::new();
    while !enough(accepted.load(Ordering::Relaxed)) {
        let status = http::send(port, "POST", "/orders", &json, body.as_bytes()).await.status;
        if status == 200 {
            accepted.fetch_add(1, Ordering::Relaxed);
        }
        statuses.push(status);
    }
    statuses
}

#[tokio::test]
async fn no_order_is_refused_while_the_broker_closes_all_connections() {
    let stage = Stage::new().await;
    let service = stage.order_service().arg("--max-concurrent=64").start().await;
    service.declared_all().await;
    let (closed, accepted) = (AtomicBool::new(false), AtomicUsize::new(0));
    let enough = |_| closed.load(Ordering::Relaxed);
    let clients = join_all((0..64).map(|_| client(service.port(), &accepted, enough)));
    let closing = async {
        for _ in 0..3 {
            // Two of the service, and this one.
            stage.broker().await.close_all_connections(3).await;
        }
        closed.store(true, Ordering::Relaxed);
    };
    let (statuses, ()) = tokio::join!(clients, closing);
    let refused: Vec<u16> = statuses.concat().into_iter().filter(|status| *status != 200).collect();
    assert!(refused.is_empty(), "{refused:?}\n{:?}", service.logged("rabbitmq_publish_failed"));
    assert!(service.logged("rabbitmq_connection_failed").len() >= 3, "nothing was closed");
    let database = stage.database().await;
    assert_eq!(database.value("select count(*) from orders where status = 'cancelled'").await, 0);
}

#[tokio::test]
async fn a_start_under_load_answers_503_and_then_200_only() {
    let stage = Stage::new().await;
    let rabbitmq = stage.rabbitmq_proxy().await;
    // A broker that takes its time: there is something to wait for.
    rabbitmq.delay(Duration::from_millis(50));
    let launch = stage.order_service().env("RABBITMQ_PORT", rabbitmq.port().to_string());
    let service = launch.ready_when_logged("service_started").start().await;
    let served = AtomicUsize::new(0);
    // Beyond the start: whatever was under way then has been answered.
    let clients = join_all((0..16).map(|_| client(service.port(), &served, |served| served >= 200)));
    let ready = service.until_status("/readyz", 200);
    let (statuses, _) = tokio::join!(clients, ready);
    for statuses in &statuses {
        let early = statuses.iter().take_while(|status| **status == 503).count();
        assert!(statuses[early..].iter().all(|status| *status == 200), "{statuses:?}");
    }
    assert!(statuses.concat().contains(&503), "it was ready at once: nothing was shown");
}

#[tokio::test]
async fn the_line_of_the_log_comes_when_orders_can_be_sent() {
    let stage = Stage::new().await;
    let launch = stage.order_service().ready_when_logged("rabbitmq_connected");
    let service = launch.start().await;
    // The database may come later: that is another line.
    service.log("db_connected").await;
    let line = service.log("rabbitmq_connected").await;
    assert!(line["message"].as_str().unwrap().contains("orders_topic"), "{line}");
    eventually("the tables", async || (service.get("/readyz").await.status == 200).then_some(())).await;
    service.place(&takeout()).await;
}

/// `rabbitmqctl add_vhost --default-queue-type quorum`: priorities need classic queues, which are
/// asked for by name.
#[tokio::test]
async fn a_vhost_may_have_another_default_for_queues() {
    let stage = Stage::new().await;
    let admin = stage.servers.rabbitmq_admin();
    let vhost = format!("{}_quorum", stage.name);
    for (path, body) in [
        (
            format!("/api/vhosts/{vhost}"),
            json!({"defaultqueuetype": "quorum", "default_queue_type": "quorum"}),
        ),
        (
            format!("/api/permissions/{vhost}/{}", stage.servers.rabbitmq.user),
            json!({"configure": ".*", "write": ".*", "read": ".*"}),
        ),
    ] {
        let answer = admin.request("PUT", &path, Some(&body.to_string())).await.unwrap();
        assert!(answer.status < 300, "{path}: {}", answer.body);
    }
    let within = |launch: Launch| launch.env("RABBITMQ_VHOST", &vhost);
    let service = within(stage.order_service()).start().await;
    let cook = within(stage.kitchen_worker("chef_anna")).start().await;
    service.place(&takeout()).await;
    cook.log("order_completed").await;
    assert_eq!(service.logged("rabbitmq_declaration_failed"), [] as [Value; 0]);
    let doctor = within(Launch::new("restaurant-ctl", stage.environment())).arg("doctor").arg("--json");
    let said: Value = serde_json::from_str(&doctor.run_to_end().await.stdout).unwrap();
    let topology = said["checks"].as_array().unwrap().iter().find(|check| check["check"] == "topology");
    assert_eq!(topology.unwrap()["outcome"], "ok", "{said}");
    drop((service, cook));
    admin.delete_vhost(&vhost).await.unwrap();
}

/// The broker's own reason comes first, and the advice fits it; what has a queue goes on.
#[tokio::test]
async fn a_vhost_that_allows_too_few_queues_is_said_clearly() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    // One queue is there already: declarations that run at once on a slow machine may all pass the
    // broker's count before the first of them is in it.
    let mut first = stage.order_service().start().await;
    first.declared_all().await;
    assert_eq!(first.stop().await, Some(0));
    for queue in [
        "kitchen_takeout_queue",
        "kitchen_delivery_queue",
        "kitchen_queue",
        "kitchen_dlq",
        "notifications_queue",
    ] {
        broker.delete(queue).await;
    }
    broker.limit_queues(1).await;
    let service = stage.order_service().start().await;
    service.place(&dine_in()).await;
    let line = declaration_failed(&service, "kitchen_takeout_queue").await;
    let msg = line["error"]["msg"].as_str().unwrap();
    let (reason, advice) = (msg.find("queue limit in vhost"), msg.find("set_vhost_limits"));
    assert!(reason.is_some() && reason < advice && !msg.contains("delete"), "{msg}");
    assert_eq!(service.post("/orders", &takeout().to_string()).await.status, 500);

    broker.limit_queues(-1).await;
    let order = takeout().to_string();
    eventually("takeout orders", async || {
        (service.post("/orders", &order).await.status == 200).then_some(())
    })
    .await;
}

/// An attempt to declare what was refused may fail before the broker says anything of it.
#[tokio::test]
async fn why_what_was_refused_cannot_be_declared_again_is_said() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    broker.declare("kitchen_takeout_queue", amqprs::FieldTable::new()).await;
    let service = stage.order_service().start().await;
    declaration_failed(&service, "'kitchen_takeout_queue'").await;
    let path = format!("/api/vhost-limits/{}/max-connections", stage.name);
    let limit = Some("{\"value\": 1}");
    let admin = stage.servers.rabbitmq_admin();
    assert!(admin.request("PUT", &path, limit).await.unwrap().status < 300);
    let line = declaration_failed(&service, "could not be declared again").await;
    assert!(line["error"]["msg"].as_str().unwrap().contains("connection limit"), "{line}");
    assert!(admin.request("DELETE", &path, None).await.unwrap().status < 300);
    broker.delete("kitchen_takeout_queue").await;
    let order = takeout().to_string();
    eventually("takeout orders", async || {
        (service.post("/orders", &order).await.status == 200).then_some(())
    })
    .await;
}

async fn declaration_failed(service: &Service, queue: &str) -> Value {
    service
        .log_where(queue, |line| {
            line["action"] == "rabbitmq_declaration_failed" && line.to_string().contains(queue)
        })
        .await
}
