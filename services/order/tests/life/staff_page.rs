//! `/staff` and `/staff/dead-letters`: what the staff's page needs of the order service.

use std::time::{Duration, Instant};

use amqprs::BasicProperties;
use serde_json::json;
use testkit::http::{Answer, send};
use testkit::{Service, Stage, eventually};

const KEY: &str = "the-staff-knows-this-key";
const STAFF: (&str, &str) = ("Authorization", "Bearer the-staff-knows-this-key");
const BROWSER: (&str, &str) = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");

async fn ask(service: &Service, path: &str, headers: &[(&str, &str)]) -> Answer {
    send(service.port(), "GET", path, headers, b"").await
}

#[tokio::test]
async fn a_browser_gets_the_page_and_a_program_needs_the_key() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_STAFF_KEY", KEY).start().await;
    let page = ask(&service, "/staff", &[BROWSER]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.body.contains("<staff-page"), "{}", page.body);
    assert_eq!(ask(&service, "/staff", &[]).await.status, 401);
    assert_eq!(ask(&service, "/staff", &[STAFF]).await.status, 200);
}

#[tokio::test]
async fn without_a_key_the_page_is_refused_and_says_how_to_set_one() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let page = ask(&service, "/staff", &[BROWSER]).await;
    assert_eq!((page.status, page.header("cache-control")), (403, "no-store"));
    assert!(page.body.contains("ORDER_STAFF_KEY"), "{}", page.body);
    let problem = ask(&service, "/staff", &[]).await;
    assert_eq!((problem.status, problem.header("content-type")), (401, "application/problem+json"));
    assert!(problem.json()["detail"].as_str().unwrap().contains("ORDER_STAFF_KEY"));
}

#[tokio::test]
async fn the_staff_sees_how_many_messages_wait_for_a_person_and_takes_none() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_STAFF_KEY", KEY).start().await;
    assert_eq!(ask(&service, "/staff/dead-letters", &[]).await.status, 401);
    let none = ask(&service, "/staff/dead-letters", &[STAFF]).await;
    assert_eq!((none.status, none.header("cache-control")), (200, "no-store"));
    assert_eq!(none.json(), json!({"messages": 0, "seen_for_seconds": 0}));
    let broker = stage.broker().await;
    for body in ["one", "two"] {
        broker.publish("orders_dlx", "", BasicProperties::default(), body).await;
    }
    // An answer is good for some seconds.
    eventually("both to be counted", async || {
        let counted = ask(&service, "/staff/dead-letters", &[STAFF]).await;
        (counted.json()["messages"] == 2).then_some(())
    })
    .await;
    assert_eq!(broker.ready("kitchen_dlq").await, 2);
    assert_eq!(broker.take("kitchen_dlq").await.body, "one", "they keep their place");
}

#[tokio::test]
async fn a_broker_that_is_gone_is_no_zero() {
    let stage = Stage::new().await;
    let proxy = stage.rabbitmq_proxy().await;
    let service = stage
        .order_service()
        .env("ORDER_STAFF_KEY", KEY)
        .env("RABBITMQ_PORT", proxy.port().to_string())
        .start()
        .await;
    proxy.silence();
    let started = Instant::now();
    let answer = ask(&service, "/staff/dead-letters", &[STAFF]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{answer:?}");
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
}
