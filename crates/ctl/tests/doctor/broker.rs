//! RabbitMQ.

use amqprs::FieldTable;
use serde_json::Value;
use testkit::{Launch, Stage};

use crate::visit::{doctor, visit};

/// All exchanges, queues and bindings of the vhost, by name.
async fn everything(stage: &Stage) -> Vec<String> {
    let mut names = Vec::new();
    for kind in ["exchanges", "queues", "bindings"] {
        let path = format!("/api/{kind}/{}", stage.name);
        let answer = stage.servers.rabbitmq_admin().request("GET", &path, None).await.unwrap();
        let all: Value = serde_json::from_str(&answer.body).unwrap();
        names.extend(all.as_array().unwrap().iter().map(|one| {
            format!("{kind} {} {} {} {}", one["name"], one["arguments"], one["source"], one["destination"])
        }));
    }
    names.sort_unstable();
    names
}

#[tokio::test]
async fn nothing_is_left_behind_where_nothing_was() {
    let stage = Stage::new().await;
    let before = everything(&stage).await;
    let found = visit(&doctor(&stage)).await;
    assert_eq!(found.findings(), Vec::<String>::new(), "{:?}", found.ended);
    assert_eq!(found.found("topology"), "0 exchanges and queues are as they should be, 11 will be declared");
    assert_eq!(everything(&stage).await, before);
}

#[tokio::test]
async fn a_running_system_is_left_as_it_is() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    service.declared_all().await;
    service.place(&testkit::orders::takeout()).await;
    let before = everything(&stage).await;
    let found = visit(&doctor(&stage)).await;
    assert_eq!(found.findings(), Vec::<String>::new(), "{:?}", found.ended);
    assert_eq!(found.found("topology"), "11 exchanges and queues are as they should be, 0 will be declared");
    assert_eq!(everything(&stage).await, before);
    let broker = stage.broker().await;
    for (queue, ready) in
        [("kitchen_takeout_queue", 1), ("kitchen_queue", 0), ("kitchen_dlq", 0), ("notifications_queue", 0)]
    {
        assert_eq!(broker.ready(queue).await, ready, "{queue}");
    }
    let message = broker.take("kitchen_takeout_queue").await;
    assert_eq!(message.exchange, "orders_topic");
    assert!(service.logged("rabbitmq_connection_failed").is_empty(), "{:?}", service.log_lines());
}

#[tokio::test]
async fn a_queue_with_other_settings() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    broker.declare("kitchen_takeout_queue", FieldTable::new()).await;
    let found = visit(&doctor(&stage)).await;
    found.assert_only(
        "topology fail",
        "0 exchanges and queues are as they should be, 10 will be declared, not as they should be: 1",
    );
    let [example] = found.examples("topology").try_into().unwrap();
    assert!(example.starts_with("queue kitchen_takeout_queue: 406 PRECONDITION_FAILED"), "{example}");
    assert!(example.contains("x-max-priority") || example.contains("x-dead-letter-exchange"), "{example}");
}

/// Dead letters are stored in it nevertheless.
#[tokio::test]
async fn a_dead_letter_queue_with_other_settings_prevents_nothing() {
    let stage = Stage::new().await;
    let mut quorum = FieldTable::new();
    quorum.insert("x-queue-type".try_into().unwrap(), amqprs::FieldValue::S("quorum".try_into().unwrap()));
    stage.broker().await.declare("kitchen_dlq", quorum).await;
    let found = visit(&doctor(&stage)).await;
    found.assert_only("topology warn", "not as they should be: 1");
}

#[tokio::test]
async fn an_exchange_of_another_type() {
    let stage = Stage::new().await;
    let admin = stage.servers.rabbitmq_admin();
    let path = format!("/api/exchanges/{}/orders_topic", stage.name);
    admin.request("PUT", &path, Some(r#"{"type":"direct","durable":true}"#)).await.unwrap();
    let found = visit(&doctor(&stage)).await;
    found.assert_only("topology fail", "not as they should be: 1");
    let [example] = found.examples("topology").try_into().unwrap();
    assert!(example.starts_with("exchange orders_topic: 406 PRECONDITION_FAILED"), "{example}");
}

#[tokio::test]
async fn without_the_queue_of_orders_by_message_they_are_lost() {
    let stage = Stage::new().await;
    let doctor = doctor(&stage).env("INTAKE_ENABLED", "true");
    let before = everything(&stage).await;
    let found = visit(&doctor).await;
    found.assert_only("intake warn", "the queue 'validated_orders' is not there");
    assert_eq!(found.found("topology"), "0 exchanges and queues are as they should be, 16 will be declared");
    assert_eq!(everything(&stage).await, before);
    // The kitchen has nothing to do with it.
    let kitchen = visit(&doctor.clone().arg("--service=kitchen")).await;
    assert_eq!(kitchen.findings(), Vec::<String>::new(), "{:?}", kitchen.ended);
    let mut arguments = FieldTable::new();
    for (name, value) in
        [("x-queue-type", "classic"), ("x-dead-letter-exchange", "orders_dlx"), ("x-overflow", "drop-head")]
    {
        let value = amqprs::FieldValue::S(value.try_into().unwrap());
        arguments.insert(name.try_into().unwrap(), value);
    }
    let broker = stage.broker().await;
    broker.declare("validated_orders", arguments).await;
    let found = visit(&doctor).await;
    assert_eq!(found.findings(), Vec::<String>::new(), "{:?}", found.ended);
    assert_eq!(found.found("topology"), "1 exchanges and queues are as they should be, 15 will be declared");
    broker.delete("validated_orders").await;
    broker.declare("validated_orders", FieldTable::new()).await;
    let found = visit(&doctor).await;
    found.assert_only("topology fail", "not as they should be: 1");
    let [example] = found.examples("topology").try_into().unwrap();
    assert!(example.starts_with("queue validated_orders: 406 PRECONDITION_FAILED"), "{example}");
}

#[tokio::test]
async fn a_broker_that_cannot_be_used() {
    let stage = Stage::new().await;
    for (name, value, part) in [
        ("RABBITMQ_PORT", "1", "cannot be reached"),
        ("RABBITMQ_PASSWORD", "wrong", "the password is probably wrong"),
        ("RABBITMQ_VHOST", "nowhere", "into the vhost 'nowhere'"),
    ] {
        visit(&doctor(&stage).env(name, value)).await.assert_only("rabbitmq fail", part);
    }
}

/// Creates a user with these rights. Returns a doctor that runs as this user.
async fn with_user(stage: &Stage, rights: &str) -> Launch {
    let admin = stage.servers.rabbitmq_admin();
    let name = format!("user_{}", stage.name);
    let user = format!("/api/users/{name}");
    admin.request("PUT", &user, Some(r#"{"password":"secret","tags":""}"#)).await.unwrap();
    let path = format!("/api/permissions/{}/{name}", stage.name);
    assert!(admin.request("PUT", &path, Some(rights)).await.unwrap().status < 300);
    doctor(stage).env("RABBITMQ_USER", name).env("RABBITMQ_PASSWORD", "secret")
}

async fn delete_user(stage: &Stage) {
    let path = format!("/api/users/user_{}", stage.name);
    stage.servers.rabbitmq_admin().request("DELETE", &path, None).await.unwrap();
}

#[tokio::test]
async fn rights_that_are_missing_before_the_first_start() {
    let stage = Stage::new().await;
    let rights =
        r#"{"configure":"^(?!kitchen_dlq$)","write":"^(?!orders_dlx$)","read":"^(?!kitchen_queue$)"}"#;
    let launch = with_user(&stage, rights).await;
    let found = visit(&launch).await;
    found.assert_only("broker_rights fail", "lacks: 3");
    assert_eq!(
        found.examples("broker_rights"),
        ["write on orders_dlx", "read on kitchen_queue", "configure on kitchen_dlq"]
    );
    delete_user(&stage).await;
}

#[tokio::test]
async fn rights_that_are_missing_in_a_running_system() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    service.declared_all().await;
    let rights =
        r#"{"configure":".*","write":"^(?!kitchen_queue$|orders_topic$)","read":"^(?!notifications_)"}"#;
    let launch = with_user(&stage, rights).await;
    let found = visit(&launch).await;
    found.assert_only("broker_rights fail", "lacks: 4");
    assert_eq!(
        found.examples("broker_rights"),
        [
            "write on orders_topic",
            "write on kitchen_queue",
            "read on notifications_fanout",
            "read on notifications_queue"
        ]
    );
    delete_user(&stage).await;
}

#[tokio::test]
async fn without_the_right_to_configure_nothing_can_be_compared() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    service.declared_all().await;
    let launch = with_user(&stage, r#"{"configure":"^(?!kitchen_dlq$)","write":".*","read":".*"}"#).await;
    let found = visit(&launch).await;
    assert_eq!(found.findings(), ["broker_rights fail", "topology warn"]);
    assert_eq!(found.examples("broker_rights"), ["configure on kitchen_dlq"]);
    assert!(found.examples("topology")[0].starts_with("queue kitchen_dlq: 403 ACCESS_REFUSED"));
    delete_user(&stage).await;
}

#[tokio::test]
async fn a_subscriber_needs_the_notifications_only() {
    let stage = Stage::new().await;
    let launch = with_user(
        &stage,
        r#"{"configure":"^notifications_","write":"^notifications_queue$","read":"^notifications_"}"#,
    )
    .await;
    let found = visit(&launch.clone().arg("--service=notifier")).await;
    // The user may not publish anywhere, so the doctor cannot test whether the broker accepts
    // messages.
    assert_eq!(found.findings(), ["publishing unknown"], "{:?}", found.ended);
    assert_eq!(visit(&launch.arg("--service=order")).await.findings()[1..], ["broker_rights fail"]);
    delete_user(&stage).await;
}

#[tokio::test]
async fn the_price_of_the_kind_of_queue_is_told() {
    let stage = Stage::new().await;
    let quorum = doctor(&stage).env("RABBITMQ_QUEUE_TYPE", "quorum");
    let found = visit(&quorum).await;
    // The version that the tests fetch is older than 4.0.
    found.assert_only("queue_type warn", "no priorities");
    let host = format!("127.0.0.1:{port},localhost:{port}", port = stage.servers.rabbitmq.port);
    let several = doctor(&stage).env("RABBITMQ_HOST", &host);
    visit(&several).await.assert_to_do("queue_type warn", "RABBITMQ_QUEUE_TYPE");
    let both = visit(&quorum.env("RABBITMQ_HOST", host)).await;
    both.assert_only("queue_type warn", "quorum");
}

#[tokio::test]
async fn queues_of_another_type_are_not_as_they_should_be() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    service.declared_all().await;
    let found = visit(&doctor(&stage).env("RABBITMQ_QUEUE_TYPE", "quorum")).await;
    assert_eq!(found.findings(), ["topology fail", "queue_type warn"], "{:?}", found.ended);
    // Dead letters are kept in whatever queue there is.
    assert_eq!(found.examples("topology").len(), 5, "{:?}", found.examples("topology"));
    let to_do = &found.check("topology")["to_do"];
    assert!(to_do.as_str().unwrap().contains("rabbitmq.queue_type"), "{to_do}");
}

#[tokio::test]
async fn a_user_that_no_consumer_believes() {
    let stage = Stage::new().await;
    let (name, publishers) = stage.publishers();
    let found = visit(&doctor(&stage).env(name, publishers)).await;
    assert_eq!(found.findings(), Vec::<String>::new(), "{:?}", found.ended);
    let user = &stage.servers.rabbitmq.user;
    assert_eq!(found.found("publishers"), format!("what '{user}' sends is taken"));
    let found = visit(&doctor(&stage).env(name, "orders=order,status=order,requests=")).await;
    assert_eq!(
        found.found("publishers"),
        format!("nobody takes from '{user}' what it sends: orders, status")
    );
}
