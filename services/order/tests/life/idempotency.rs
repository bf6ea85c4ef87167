//! `Idempotency-Key`: the same order twice is one order.

use testkit::orders::{delivery, takeout};
use testkit::{Stage, eventually};

use crate::{placing, post};

const KEY: (&str, &str) = ("Idempotency-Key", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"");

#[tokio::test]
async fn the_same_request_gets_the_same_answer_and_is_one_order() {
    let stage = Stage::new().await;
    let (service, other) = (stage.order_service().start().await, stage.order_service().start().await);
    let database = stage.database().await;
    let body = takeout().to_string();
    let first = post(&service, "/orders", &[KEY], &body).await;
    assert_eq!(first.status, 200);
    for service in [&service, &other] {
        // The bare form of the header means the same.
        for key in [KEY, ("idempotency-key", KEY.1.trim_matches('"'))] {
            let again = eventually("an answer that is decided", async || {
                let again = post(service, "/orders", &[key], &body).await;
                (again.status != 409).then_some(again)
            })
            .await;
            assert_eq!((again.status, &again.body), (200, &first.body));
            assert_eq!(again.header("x-order-token"), first.header("x-order-token"));
            assert_eq!(again.header("content-type"), first.header("content-type"));
        }
    }
    assert_eq!(database.value("select count(*) from orders").await, 1);
    // Whatever has become of the order since, the answer was this one.
    database.execute("update orders set status = 'cancelled'").await;
    assert_eq!(post(&service, "/orders", &[KEY], &body).await.body, first.body);
}

#[tokio::test]
async fn another_body_under_the_same_key_is_422() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    assert_eq!(post(&service, "/orders", &[KEY], &takeout().to_string()).await.status, 200);
    let other = post(&service, "/orders", &[KEY], &delivery().to_string()).await;
    assert_eq!((other.status, other.header("content-type")), (422, "application/problem+json"));
    assert!(other.json()["detail"].as_str().unwrap().contains("new key"), "{other:?}");
    assert_eq!(stage.database().await.value("select count(*) from orders").await, 1);
}

#[tokio::test]
async fn while_the_first_request_is_in_work_the_second_gets_409_here_and_elsewhere() {
    let stage = Stage::new().await;
    let proxy = stage.rabbitmq_proxy().await;
    let launch = stage.order_service().env("RABBITMQ_PORT", proxy.port().to_string());
    let (service, other) = (launch.start().await, stage.order_service().start().await);
    // Stored, but not confirmed: not decided.
    proxy.silence();
    let first = placing(&service, &[KEY]);
    let database = stage.database().await;
    eventually("a stored order", async || {
        (database.value("select count(*) from orders").await == 1).then_some(())
    })
    .await;
    for service in [&service, &other] {
        let second = post(service, "/orders", &[KEY], &takeout().to_string()).await;
        assert_eq!((second.status, second.header("retry-after")), (409, "1"), "{second:?}");
    }
    proxy.mend();
    let first = first.await.unwrap();
    assert_eq!(first.status, 200);
    let second = post(&service, "/orders", &[KEY], &takeout().to_string()).await;
    assert!(second.status == 409 || second.body == first.body, "{second:?}");
}

#[tokio::test]
async fn two_requests_at_once_at_two_services_are_one_order() {
    let stage = Stage::new().await;
    let (service, other) = (stage.order_service().start().await, stage.order_service().start().await);
    let mut accepted = Vec::new();
    let requests: Vec<_> = (0..20).map(|place| placing([&service, &other][place % 2], &[KEY])).collect();
    for request in requests {
        let answer = request.await.unwrap();
        match answer.status {
            200 => accepted.push(answer.body),
            409 => {}
            _ => panic!("{answer:?}"),
        }
    }
    accepted.dedup();
    assert_eq!(accepted.len(), 1, "{accepted:?}");
    let database = stage.database().await;
    assert_eq!(database.value("select count(*) from orders").await, 1);
    assert_eq!(database.value("select last_number from order_counters").await, 1, "no number is skipped");
}

#[tokio::test]
async fn an_order_that_was_taken_back_may_be_placed_again_under_its_key() {
    let stage = Stage::new().await.at_noon().await;
    let proxy = stage.rabbitmq_proxy().await;
    let service = stage.order_service().env("RABBITMQ_PORT", proxy.port().to_string()).start().await;
    proxy.silence();
    let refused = placing(&service, &[KEY]).await.unwrap();
    assert_eq!(refused.status, 500, "{refused:?}");
    proxy.mend();
    service.until_status("/readyz", 200).await;
    let accepted = post(&service, "/orders", &[KEY], &takeout().to_string()).await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
    assert!(accepted.json()["order_number"].as_str().unwrap().ends_with("_002"), "{accepted:?}");
}

#[tokio::test]
async fn a_malformed_key_is_400_and_says_what_a_key_is() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for headers in [
        &[("Idempotency-Key", "")][..],
        &[("Idempotency-Key", "a b")],
        &[("Idempotency-Key", "\"open")],
        &[("Idempotency-Key", "é")],
        &[("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
    ] {
        let answer = post(&service, "/orders", headers, &takeout().to_string()).await;
        assert_eq!(answer.status, 400, "{headers:?}: {answer:?}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("Idempotency-Key"), "{answer:?}");
    }
    assert_eq!(stage.database().await.value("select count(*) from orders").await, 0);
}

#[tokio::test]
async fn keys_are_forgotten_after_a_day() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    let database = stage.database().await;
    for key in ["old", "young"] {
        let answer = post(&service, "/orders", &[("Idempotency-Key", key)], &takeout().to_string()).await;
        assert_eq!(answer.status, 200);
    }
    let age = "update idempotency_keys set created_at = now() - case key when 'old' then interval '24 hours 1 second'
               else interval '23 hours 59 minutes' end";
    database.execute(age).await;
    eventually("the old key to be forgotten", async || {
        let keys = database.rows("select key from idempotency_keys order by key").await;
        (keys.len() == 1 && keys[0]["key"] == "young").then_some(())
    })
    .await;
}
