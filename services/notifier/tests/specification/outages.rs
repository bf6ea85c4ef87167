//! A broker that is away, or refuses the login: the subscriber logs it, retries, and recovers.

use serde_json::json;
use testkit::Stage;

use crate::updates::{publish_orders, sentences, shown_until};

#[tokio::test]
async fn a_broker_that_is_away_at_the_start_is_awaited() {
    let stage = Stage::new().await;
    let proxy = stage.rabbitmq_proxy().await;
    proxy.cut();
    let launch = stage.subscriber().env("RABBITMQ_PORT", proxy.port().to_string());
    let subscriber = launch.ready_at_once().start().await;
    subscriber.logs("rabbitmq_connection_failed", 2).await;
    assert_eq!(subscriber.logged("service_started").len(), 1);
    proxy.mend();
    subscriber.log("rabbitmq_connected").await;
    publish_orders(&stage.broker().await, 1..=1).await;
    assert_eq!(shown_until(&subscriber, 1).await, sentences(1..=1));
}

#[tokio::test]
async fn a_wrong_password_is_reported_and_not_printed() {
    let stage = Stage::new().await;
    let subscriber = stage.subscriber().env("RABBITMQ_PASSWORD", "hunter2").ready_at_once().start().await;
    let line = subscriber.log("rabbitmq_connection_failed").await;
    let why = line["error"]["msg"].as_str().unwrap();
    for part in [stage.servers.rabbitmq.user.as_str(), "password is probably wrong"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert!(!subscriber.everything().contains("hunter2"));
}

#[tokio::test]
async fn an_unknown_vhost_is_named() {
    let stage = Stage::new().await;
    let subscriber = stage.subscriber().env("RABBITMQ_VHOST", "nowhere").ready_at_once().start().await;
    let line = subscriber.log("rabbitmq_connection_failed").await;
    assert!(line["error"]["stack"].as_str().unwrap().contains("vhost nowhere not found"), "{line}");
}

#[tokio::test]
async fn missing_rights_are_named_and_the_subscriber_starts_once_they_are_granted() {
    let stage = Stage::new().await;
    let admin = stage.servers.rabbitmq_admin();
    let user = format!("limited-{}", stage.name);
    let put = async |path: String, body: serde_json::Value| {
        let answer = admin.request("PUT", &path, Some(&body.to_string())).await.unwrap();
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
    };
    put(format!("/api/users/{user}"), json!({"password": "limited", "tags": ""})).await;
    let launch = stage.subscriber().env("RABBITMQ_USER", &user).env("RABBITMQ_PASSWORD", "limited");
    let subscriber = launch.ready_at_once().start().await;
    let refused = subscriber.log("rabbitmq_connection_failed").await;
    assert!(refused["error"]["stack"].as_str().unwrap().contains("access to vhost"), "{refused}");

    let permissions = format!("/api/permissions/{}/{user}", stage.name);
    put(permissions.clone(), json!({"configure": "", "write": "", "read": ".*"})).await;
    let line =
        subscriber.log_where("ACCESS_REFUSED", |line| line.to_string().contains("ACCESS_REFUSED")).await;
    let why = line["error"]["msg"].as_str().unwrap();
    for part in ["notifications_fanout", "Grant the user configure, write and read permissions"] {
        assert!(why.contains(part), "{part}: {why}");
    }

    put(permissions, json!({"configure": ".*", "write": ".*", "read": ".*"})).await;
    subscriber.log("rabbitmq_connected").await;
    publish_orders(&stage.broker().await, 1..=1).await;
    assert_eq!(shown_until(&subscriber, 1).await, sentences(1..=1));
    admin.request("DELETE", &format!("/api/users/{user}"), None).await.unwrap();
}
