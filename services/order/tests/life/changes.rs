//! `POST /orders/{number}/cancel` and `/complete`.

use std::time::Duration;

use serde_json::json;
use testkit::http::Answer;
use testkit::orders::takeout;
use testkit::{Service, Stage, eventually};
use tokio::time::sleep;

use crate::{life, post};

const STAFF: (&str, &str) = ("Authorization", "Bearer the-staff-knows-this-key");

async fn open() -> (Stage, Service) {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_STAFF_KEY", "the-staff-knows-this-key").start().await;
    (stage, service)
}

/// Places an order; returns its number and its token.
async fn placed(service: &Service) -> (String, String) {
    let answer = post(service, "/orders", &[], &takeout().to_string()).await;
    assert_eq!(answer.status, 200);
    (answer.json()["order_number"].as_str().unwrap().to_owned(), answer.header("x-order-token").to_owned())
}

async fn cancel(service: &Service, number: &str, credentials: (&str, &str)) -> Answer {
    post(service, &format!("/orders/{number}/cancel"), &[credentials], "").await
}

async fn complete(service: &Service, number: &str, credentials: (&str, &str)) -> Answer {
    post(service, &format!("/orders/{number}/complete"), &[credentials], "").await
}

#[tokio::test]
async fn a_guest_cancels_what_nobody_cooks_yet() {
    let (stage, service) = open().await;
    let subscriber = stage.subscriber().start().await;
    let (number, token) = placed(&service).await;
    let answer = cancel(&service, &number, ("X-Order-Token", &token)).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"order_number": number, "status": "cancelled"})));
    let database = stage.database().await;
    assert_eq!(life(&database, &number).await, ["received", "cancelled"]);
    let shown = subscriber.notification(&number).await;
    assert_eq!(
        shown,
        format!("Notification for order {number}: Status changed from 'received' to 'cancelled' by guest.")
    );
    // Its message is dropped, and nobody cooks it.
    let worker = stage.kitchen_worker("chef").start().await;
    worker.log("order_skipped").await;
    assert_eq!(life(&database, &number).await, ["received", "cancelled"]);
    let again = cancel(&service, &number, ("X-Order-Token", &token)).await;
    assert_eq!((again.status, &again.json()["current_status"]), (409, &json!("cancelled")));
}

#[tokio::test]
async fn a_guest_is_too_late_when_it_cooks_and_the_staff_is_not() {
    let (stage, service) = open().await;
    // The next sign of life is far away.
    let launch = stage.kitchen_worker("chef").cooking_seconds(600.0).arg("--heartbeat-interval=600");
    let worker = launch.start().await;
    let subscriber = stage.subscriber().start().await;
    let (number, token) = placed(&service).await;
    worker.log("order_processing_started").await;
    let late = cancel(&service, &number, ("X-Order-Token", &token)).await;
    assert_eq!((late.status, &late.json()["current_status"]), (409, &json!("cooking")));

    assert_eq!(cancel(&service, &number, STAFF).await.status, 200);
    // The cook notices long before the food would be ready, and is free for the next order.
    worker.log("order_skipped").await;
    let database = stage.database().await;
    assert_eq!(life(&database, &number).await, ["received", "cooking", "cancelled"]);
    assert_eq!(database.value("select count(*) from order_claims").await, 0);
    subscriber.notification("from 'cooking' to 'cancelled' by staff").await;
    let (next, _) = placed(&service).await;
    eventually("the next order to cook", async || {
        (life(&database, &next).await == ["received", "cooking"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn staff_completes_what_is_ready_and_nothing_else() {
    let (stage, service) = open().await;
    let (number, token) = placed(&service).await;
    let early = complete(&service, &number, STAFF).await;
    assert_eq!((early.status, &early.json()["current_status"]), (409, &json!("received")));
    let _worker = stage.kitchen_worker("chef").start().await;
    let database = stage.database().await;
    eventually("it to be ready", async || (life(&database, &number).await.len() == 3).then_some(())).await;
    assert_eq!(complete(&service, &number, ("X-Order-Token", &token)).await.status, 403, "guests do not");

    let answer = complete(&service, &number, STAFF).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"order_number": number, "status": "completed"})));
    assert_eq!(life(&database, &number).await, ["received", "cooking", "ready", "completed"]);
    for (answer, what) in [
        (complete(&service, &number, STAFF).await, "complete"),
        (cancel(&service, &number, STAFF).await, "cancel"),
    ] {
        assert_eq!((answer.status, &answer.json()["current_status"]), (409, &json!("completed")), "{what}");
    }
    eventually("no claim and no message to be left", async || {
        let left = "select (select count(*) from status_outbox) + (select count(*) from order_claims)";
        (database.value(left).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nobody_learns_which_orders_exist() {
    let (_stage, service) = open().await;
    let (number, token) = placed(&service).await;
    let absent = number.replace("_001", "_999");
    let nobody = |number: &str| {
        let path = format!("/orders/{number}/cancel");
        let service = &service;
        async move { post(service, &path, &[], "").await }
    };
    for number in [&number, &absent] {
        let answer = nobody(number).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"));
        for wrong in [
            ("Authorization", "Bearer wrong"),
            ("Authorization", "Bearer "),
            ("Authorization", "Basic dGhlLXN0YWZmLWtub3dz"),
            ("Authorization", "the-staff-knows-this-key"),
            ("X-Order-Token", "wrong"),
            ("X-Order-Token", ""),
        ] {
            let (cancelled, completed) =
                tokio::join!(cancel(&service, number, wrong), complete(&service, number, wrong));
            for answer in [cancelled, completed] {
                // Many wrong staff keys are answered otherwise.
                assert!([403, 429].contains(&answer.status), "{number} {wrong:?}: {answer:?}");
            }
        }
    }
    // Another order's token is as good as none.
    assert_eq!(cancel(&service, &absent, ("X-Order-Token", &token)).await.status, 403);
    assert_eq!(cancel(&service, &absent, STAFF).await.status, 404);
    for malformed in ["ORD_1", "%00", "ORD_20261121_001'--"] {
        assert_eq!(cancel(&service, malformed, STAFF).await.status, 404, "{malformed}");
    }
    assert_eq!(service.get(&format!("/orders/{number}/cancel")).await.status, 405);
}

#[tokio::test]
async fn wrong_staff_keys_are_slowed_down_and_the_right_one_is_not() {
    let (_stage, service) = open().await;
    let (number, _) = placed(&service).await;
    let path = format!("/orders/{number}/cancel");
    let wrong = [("Authorization", "Bearer the-staff-knows-this-kex")];
    let started = std::time::Instant::now();
    let answers = futures_util::future::join_all((0..200).map(|_| post(&service, &path, &wrong, ""))).await;
    let of = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    // Ten at once, then one a second for as long as it takes.
    let most = 11 + usize::try_from(started.elapsed().as_secs()).unwrap();
    assert!((10..=most).contains(&of(403)), "{} of 403 after {:?}", of(403), started.elapsed());
    assert_eq!(of(403) + of(429), 200);
    let turned_away = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(turned_away.header("retry-after"), "1");
    let lines = service.logged("staff_key_refused");
    assert_eq!(lines.len(), of(403));
    assert!(!service.everything().contains("this-kex"), "a key is no secret in a log");
    assert_eq!(service.logged("validation_failed").len(), 0);
    assert_eq!(cancel(&service, &number, STAFF).await.status, 200);
}

#[tokio::test]
async fn without_a_configured_key_there_is_no_staff() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let (number, token) = placed(&service).await;
    for credentials in [STAFF, ("Authorization", "Bearer ")] {
        let answer = cancel(&service, &number, credentials).await;
        assert_eq!(answer.status, 403);
        assert!(answer.json()["detail"].as_str().unwrap().contains("order.staff_key"), "{answer:?}");
    }
    assert_eq!(cancel(&service, &number, ("X-Order-Token", &token)).await.status, 200);
}

#[tokio::test]
async fn of_a_cancel_and_a_cook_that_meet_one_wins() {
    let (stage, service) = open().await;
    let database = stage.database().await;
    let _worker = stage.kitchen_worker("chef").start().await;
    let mut won = [0, 0];
    // The cook needs some milliseconds to take an order: each pause is tried until both have won.
    for pause in (0..12).cycle().take(600) {
        let (number, token) = placed(&service).await;
        sleep(Duration::from_millis(pause)).await;
        let answer = cancel(&service, &number, ("X-Order-Token", &token)).await;
        let life = eventually("an end", async || {
            let life = life(&database, &number).await;
            matches!(life.last().unwrap().as_str(), "ready" | "cancelled").then_some(life)
        })
        .await;
        match answer.status {
            200 => assert_eq!(life, ["received", "cancelled"]),
            409 => assert_eq!(life, ["received", "cooking", "ready"]),
            _ => panic!("{answer:?}"),
        }
        won[usize::from(answer.status == 409)] += 1;
        if won.iter().sum::<u32>() >= 30 && !won.contains(&0) {
            return;
        }
    }
    panic!("cancelled: {}, cooked: {}", won[0], won[1]);
}

#[tokio::test]
async fn whoever_is_refused_leaves_a_line_in_the_log() {
    let (_stage, service) = open().await;
    let (number, token) = placed(&service).await;
    let unknown = "ORD_20000101_001";
    for (asked, credentials, status) in [
        (&*number, ("X-Order-Token", "guessed"), 403),
        (&*number, ("Authorization", "Bearer guessed"), 403),
        (&*number, ("X-Nothing", "at all"), 401),
        (unknown, STAFF, 404),
        ("none", STAFF, 404),
    ] {
        let path = format!("/orders/{asked}/cancel");
        let refused = post(&service, &path, &[credentials, ("X-Request-ID", "refused")], "").await;
        assert_eq!(refused.status, status, "{asked} {credentials:?}");
    }
    assert_eq!(complete(&service, &number, STAFF).await.status, 409);
    assert_eq!(complete(&service, &number, ("X-Order-Token", &token)).await.status, 403);
    let staff = service.logs("staff_key_refused", 1).await;
    assert_eq!(staff[0]["details"]["order_number"], number);
    let lines = service.logs("validation_failed", 6).await;
    let orders: Vec<&str> =
        lines.iter().map(|line| line["details"]["order_number"].as_str().unwrap()).collect();
    assert_eq!(orders, [&*number, &number, unknown, "none", &number, &number]);
    assert!(lines[..4].iter().chain(&staff).all(|line| line["request_id"] == "refused"), "{lines:?}");
}

#[tokio::test]
async fn what_became_of_a_change_is_told_in_time_although_the_database_hangs() {
    let stage = Stage::new().await;
    let proxy = stage.postgres_proxy().await;
    let launch = stage.order_service().env("ORDER_STAFF_KEY", "the-staff-knows-this-key");
    let service = launch.env("DB_PORT", proxy.port().to_string()).start().await;
    let (number, token) = placed(&service).await;
    let database = stage.database().await;
    // The relay holds no connection by then.
    eventually("an empty outbox", async || {
        (database.value("select count(*) from order_outbox").await == 0).then_some(())
    })
    .await;
    proxy.silence();
    let answer = cancel(&service, &number, ("X-Order-Token", &token)).await;
    assert_eq!(answer.status, 504, "{answer:?}");
    proxy.mend();
}

/// As a restored backup of an older state forgets it: the order, and the step of the day's counter.
const FORGOTTEN: &str = "delete from order_items; delete from order_status_log; delete from order_outbox;
     delete from orders; delete from order_counters";

#[tokio::test]
async fn a_token_does_not_open_the_next_order_of_the_same_number() {
    let stage = Stage::new().await.at_noon().await;
    let service = stage.order_service().start().await;
    let database = stage.database().await;
    let (number, first_guests) = placed(&service).await;
    database.execute(FORGOTTEN).await;
    let answer = cancel(&service, &number, ("X-Order-Token", &first_guests)).await;
    assert_eq!(answer.status, 403, "the same as with another order there: {answer:?}");

    let (again, second_guests) = placed(&service).await;
    assert_eq!(again, number, "the test needs the same number once more");
    let answer = cancel(&service, &number, ("X-Order-Token", &first_guests)).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(life(&database, &number).await, ["received"]);
    assert_eq!(cancel(&service, &number, ("X-Order-Token", &second_guests)).await.status, 200);
    assert_eq!(life(&database, &number).await, ["received", "cancelled"]);
}

#[tokio::test]
async fn an_order_from_before_identities_gets_one_and_a_token_that_is_bound_to_it() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let database = stage.database().await;
    let body = takeout().to_string();
    let key = [("Idempotency-Key", "once")];
    let first = post(&service, "/orders", &key, &body).await;
    eventually("the answer to be decided", async || {
        (database.value("select count(*) from order_outbox").await == 0).then_some(())
    })
    .await;
    // As a service of the version before stores it.
    database.execute("delete from order_identities").await;
    let again = post(&service, "/orders", &key, &body).await;
    assert_eq!((again.status, again.json()), (200, first.json()));
    assert!(!again.headers.contains_key("x-order-token"), "{again:?}");

    let number = first.json()["order_number"].as_str().unwrap().to_owned();
    let old = cancel(&service, &number, ("X-Order-Token", first.header("x-order-token"))).await;
    assert_eq!(old.status, 403, "{old:?}");
    // As the audit advises.
    database
        .execute("insert into order_identities (identity, order_id) select gen_random_uuid(), id from orders")
        .await;
    let again = post(&service, "/orders", &key, &body).await;
    assert_eq!(cancel(&service, &number, ("X-Order-Token", again.header("x-order-token"))).await.status, 200);
}
