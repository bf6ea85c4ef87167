//! The reason that goes with a cancellation.

use serde_json::json;
use testkit::orders::takeout;
use testkit::{Service, Stage};

use crate::post;

const STAFF: (&str, &str) = ("Authorization", "Bearer the-staff-knows-this-key");

async fn open() -> (Stage, Service) {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_STAFF_KEY", "the-staff-knows-this-key").start().await;
    (stage, service)
}

async fn placed(service: &Service) -> (String, String) {
    let answer = post(service, "/orders", &[], &takeout().to_string()).await;
    (answer.json()["order_number"].as_str().unwrap().to_owned(), answer.header("x-order-token").to_owned())
}

async fn note(stage: &Stage, number: &str) -> String {
    let sql = format!(
        "select log.notes from order_status_log log join orders on orders.id = order_id
         where number = '{number}' and log.status = 'cancelled'"
    );
    stage.database().await.value(&sql).await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_reason_is_kept_in_the_order_s_log() {
    let (stage, service) = open().await;
    let longest = "x".repeat(200);
    for (credentials, reason) in [
        (Some(STAFF), "The guest left; the table's free 🚪"),
        (None, "x'); drop table orders; --"),
        (Some(STAFF), longest.as_str()),
    ] {
        let (number, token) = placed(&service).await;
        let who = credentials.unwrap_or(("X-Order-Token", &token));
        let body = json!({ "reason": reason }).to_string();
        let answer = post(&service, &format!("/orders/{number}/cancel"), &[who], &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let note = note(&stage, &number).await;
        assert!(note.starts_with(&format!("{reason} (request ")), "{note}");
    }
}

#[tokio::test]
async fn without_a_reason_the_note_is_as_before() {
    let (stage, service) = open().await;
    for body in ["", "{}", r#"{"reason": null}"#] {
        let (number, _) = placed(&service).await;
        assert_eq!(post(&service, &format!("/orders/{number}/cancel"), &[STAFF], body).await.status, 200);
        assert!(note(&stage, &number).await.starts_with("request "), "{body}");
    }
}

#[tokio::test]
async fn a_reason_that_is_none_cancels_nothing_and_says_so() {
    let (stage, service) = open().await;
    let (number, _) = placed(&service).await;
    let path = format!("/orders/{number}/cancel");
    for (reason, pointer) in
        [(json!(""), "/reason"), (json!("x".repeat(201)), "/reason"), (json!(7), "/reason")]
    {
        let answer = post(&service, &path, &[STAFF], &json!({ "reason": reason }).to_string()).await;
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["pointer"]),
            (400, &json!(pointer)),
            "{answer:?}"
        );
    }
    assert_eq!(post(&service, &path, &[STAFF], "[]").await.status, 400);
    // Strangers learn nothing of it.
    assert_eq!(post(&service, &path, &[], "[]").await.status, 401);
    let database = stage.database().await;
    assert_eq!(database.value("select status from orders").await, "received");
}
