//! `/intake`: the staff takes no orders for a while.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::database::Database;
use testkit::http::{Answer, send};
use testkit::orders::takeout;
use testkit::{Launch, Service, Stage, eventually};

use crate::post;

const STAFF: (&str, &str) = ("Authorization", "Bearer the-staff-knows-this-key");
const MESSAGE: &str = "The oven is off. Back in five minutes.";

fn with_staff(stage: &Stage) -> Launch {
    stage.order_service().env("ORDER_STAFF_KEY", "the-staff-knows-this-key")
}

async fn pause(service: &Service, minutes: u32) -> Answer {
    let body = json!({"minutes": minutes, "message": MESSAGE}).to_string();
    post(service, "/intake/pause", &[STAFF], &body).await
}

async fn resume(service: &Service) -> Answer {
    send(service.port(), "DELETE", "/intake/pause", &[STAFF], b"").await
}

async fn order(service: &Service) -> Answer {
    post(service, "/orders", &[], &takeout().to_string()).await
}

async fn until_paused(service: &Service) {
    eventually("the pause to be known", async || {
        (service.get("/intake").await.json()["accepting"] == false).then_some(())
    })
    .await;
}

/// As if so much time had passed since the pause began.
async fn let_pass(database: &Database, interval: &str) {
    let sql = format!(
        "update intake_pauses set paused_at = paused_at - interval '{interval}', paused_until = paused_until - interval '{interval}'"
    );
    database.execute(&sql).await;
}

#[tokio::test]
async fn guests_are_told_by_every_order_service_within_a_second() {
    let stage = Stage::new().await;
    let (one, other) = (with_staff(&stage).start().await, with_staff(&stage).start().await);
    let open = one.get("/intake").await;
    let nothing = json!({"dine_in": 0, "takeout": 0, "delivery": 0});
    assert_eq!(
        open.json(),
        json!({"accepting": true, "until": null, "message": null, "waiting": nothing, "max_waiting": 0})
    );
    assert_eq!(order(&other).await.status, 200);

    let answer = pause(&one, 5).await;
    let paused_at = Instant::now();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((&answer.json()["accepting"], &answer.json()["message"]), (&json!(false), &json!(MESSAGE)));
    assert_eq!(order(&one).await.status, 503, "here at once");
    let refused = eventually("the other one to know", async || {
        Some(order(&other).await).filter(|answer| answer.status == 503)
    })
    .await;
    // A busy machine may be late; a service that never looks is found out all the same.
    assert!(paused_at.elapsed() < Duration::from_secs(5), "{:?}", paused_at.elapsed());
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let problem = refused.json();
    assert_eq!((&problem["detail"], &problem["code"]), (&json!(MESSAGE), &json!("intake_paused")));
    let retry_after: u64 = refused.header("retry-after").parse().unwrap();
    assert!((200..=300).contains(&retry_after), "{retry_after}");
    let shown = other.get("/intake").await.json();
    assert_eq!(shown["until"], answer.json()["until"]);

    let health = other.get("/health").await;
    assert_eq!((health.status, &health.json()["checks"]["intake"]), (200, &json!("degraded")));
    assert_eq!(other.get("/readyz").await.status, 200);

    assert_eq!(resume(&other).await.json()["accepting"], true);
    assert_eq!(order(&other).await.status, 200);
    eventually("orders at the first one", async || (order(&one).await.status == 200).then_some(())).await;
    for service in [&one, &other] {
        assert_eq!(service.log("intake_paused").await["details"]["message"], MESSAGE);
        service.log("intake_resumed").await;
    }
}

#[tokio::test]
async fn a_pause_ends_by_itself_and_outlives_restarts() {
    let stage = Stage::new().await;
    let mut service = with_staff(&stage).start().await;
    let database = stage.database().await;
    assert_eq!(pause(&service, 1).await.status, 200);
    let_pass(&database, "50 seconds").await;
    eventually("orders", async || (order(&service).await.status == 200).then_some(())).await;

    assert_eq!(pause(&service, 5).await.status, 200);
    service.kill().await;
    let mut service = with_staff(&stage).start().await;
    assert_eq!(order(&service).await.status, 503, "from its first answer on");
    // It ends while the service is down.
    service.stop().await;
    let_pass(&database, "6 minutes").await;
    let service = with_staff(&stage).start().await;
    assert_eq!(order(&service).await.status, 200);
    assert_eq!(service.get("/intake").await.json()["accepting"], true);
}

#[tokio::test]
async fn while_the_database_is_away_a_pause_holds_until_its_end() {
    let stage = Stage::new().await;
    let proxy = stage.postgres_proxy().await;
    let service = with_staff(&stage).env("DB_PORT", proxy.port().to_string()).start().await;
    let key = [("Idempotency-Key", "before-the-pause")];
    let placed = post(&service, "/orders", &key, &takeout().to_string()).await;
    assert_eq!(placed.status, 200);
    assert_eq!(pause(&service, 5).await.status, 200);
    // Who repeats a request learns what became of it. The key counts as in work until the order has
    // left the outbox, shortly after its answer.
    let again = eventually("the key to be decided", async || {
        let again = post(&service, "/orders", &key, &takeout().to_string()).await;
        (again.status != 409).then_some(again)
    });
    let again = again.await;
    assert_eq!((again.status, again.json()), (200, placed.json()));
    proxy.cut();
    service.log("db_query_failed").await;
    assert_eq!(order(&service).await.json()["detail"], MESSAGE);
    proxy.mend();
    until_paused(&service).await;
    eventually("it to be ended", async || (resume(&service).await.status == 200).then_some(())).await;
    assert_eq!(order(&service).await.status, 200);
}

#[tokio::test]
async fn only_the_staff_pauses_and_says_for_how_long_and_why() {
    let stage = Stage::new().await;
    let service = with_staff(&stage).start().await;
    let body = json!({"minutes": 5, "message": MESSAGE}).to_string();
    assert_eq!(post(&service, "/intake/pause", &[], &body).await.status, 401);
    assert_eq!(
        post(&service, "/intake/pause", &[("Authorization", "Bearer wrong")], &body).await.status,
        403
    );
    assert_eq!(send(service.port(), "DELETE", "/intake/pause", &[], b"").await.status, 401);
    for (body, pointers) in [
        (json!({"minutes": 0, "message": MESSAGE}), &["/minutes"][..]),
        (json!({"minutes": 1441, "message": MESSAGE}), &["/minutes"]),
        (json!({"minutes": 5, "message": ""}), &["/message"]),
        (json!({"minutes": 5, "message": "x".repeat(201)}), &["/message"]),
        (json!({"minutes": "5"}), &["/minutes", "/message"]),
    ] {
        let answer = post(&service, "/intake/pause", &[STAFF], &body.to_string()).await;
        assert_eq!(answer.status, 400, "{body}");
        let problem = answer.json();
        let errors = problem["errors"].as_array().unwrap();
        assert!(
            pointers.iter().all(|pointer| errors.iter().any(|error| error["pointer"] == *pointer)),
            "{problem}"
        );
    }
    assert_eq!(post(&service, "/intake/pause", &[STAFF], "").await.status, 400);
    assert_eq!(service.get("/intake").await.json()["accepting"], Value::Bool(true));
    assert_eq!(order(&service).await.status, 200);
    assert_eq!(resume(&service).await.status, 200, "there is none to end");
}
